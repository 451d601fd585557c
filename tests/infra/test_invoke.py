"""The sample events through the real client of Lambda, on the bundle, one start a handler."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from aureon import queue, tokens
from aureon.store import Store
from aureon.table import SCHEMA
from aureon_cli import engine as embedded
from aureon_cli.engine import Engine
from infra import invoke
from infra.bundle import Assets
from tests.infra.conftest import Synthesized
from tests.integration import test_sample_events as samples
from tests.queue import Queues

HANDLERS = {
    handler: list(names)
    for handler, names in groupby(samples.SAMPLES, key=lambda name: name.partition(".")[0])
}
ROOT = Path(invoke.__file__).parents[1]

if not invoke.ENVIRONMENT.is_dir():
    pytest.skip("make .venv-sam/synced brings what this runs on", allow_module_level=True)


@pytest.fixture(scope="module")
def variables(engine: Engine, dynamodb: Any) -> Iterator[dict[str, str]]:
    """The environment of functions on a table of this module's own, with two queues."""
    store = Store(dynamodb, "invoked")
    dynamodb.create_table(TableName=store.table, **SCHEMA)
    queues = Queues.create(queue.connect(engine.endpoint_url, **embedded.CREDENTIALS))
    organization_id = tokens.create_organization(store, "Test", samples.ORGANIZATION_ID)
    token, _ = tokens.create(store, organization_id)
    yield {
        **engine.environment,
        "AUREON_TABLE": store.table,
        "AUREON_QUEUE_URL": queues.ingestion.url,
        "AUREON_DEAD_LETTER_QUEUE_URL": queues.dead.url,
        "TOKEN": token,
    }
    queues.delete()
    dynamodb.delete_table(TableName=store.table)


@pytest.mark.parametrize("handler", HANDLERS)
def test_every_sample_is_answered_under_lambdas_own_client(
    handler: str, assets: Assets, variables: dict[str, str], tmp_path: Path
) -> None:
    with (
        (tmp_path / "log").open("wb") as log,
        invoke.emulated(handler, assets, variables, log=log.fileno()) as client,
    ):
        for name in HANDLERS[handler]:
            event = samples.sample(name, {samples.TOKEN: variables["TOKEN"]})
            answer = invoke.invoke(client, event)
            # A function that fails answers with `errorType`.
            shown = (name, answer, (tmp_path / "log").read_text())
            if "requestContext" in event and handler != "authorizer":
                assert 200 <= answer["statusCode"] < 500, shown
                assert answer["statusCode"] not in (401, 403), shown
            elif handler == "authorizer":
                assert answer.get("isAuthorized"), shown
            else:
                assert {"batchItemFailures", "organizations"} & set(answer), shown


def test_sam_finds_nothing_wrong_with_the_template(
    synthesized: Synthesized, tmp_path: Path
) -> None:
    template = tmp_path / "template.json"
    template.write_text(synthesized.text)

    ran = subprocess.run(
        [invoke.ENVIRONMENT / "bin" / "sam", "validate", "--lint", "--template", template],
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_whoever_invokes_without_a_service_is_told_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AUREON_TABLE", raising=False)
    monkeypatch.setenv("AUREON_DATA", str(tmp_path))

    assert invoke.main(["health", str(ROOT / "events" / "health.json")]) == 1
    assert "make dev" in capsys.readouterr().err


def test_the_command_answers_as_the_function_does(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(invoke, "has_docker", lambda: False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    assert invoke.main(["health", str(ROOT / "events" / "health.json")]) == 0
    shown = capfd.readouterr()
    assert '"statusCode": 200' in shown.out
    assert "no Docker" in shown.err
    assert invoke.main(["unknown", str(ROOT / "events" / "health.json")]) == 1
