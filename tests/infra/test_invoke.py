"""The sample events through the real client of Lambda, on the bundle, one start a handler."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
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
AT_ONCE = 4
# Docker, as far as it is asked: whether it is there, and for its network's gateway.
DOCKER = """#!/bin/sh
case "$1" in network) echo {gateway} ;; esac
"""
# SAM up to where it would start a container: what it was called with, the variables that it gives
# the function by its own rules, and where it finds the code.
SAM = """#!{python}
import json, os, pathlib, sys
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

given = dict(zip(sys.argv[4::2], sys.argv[5::2]))
stacks, _ = SamLocalStackProvider.get_stacks(given["--template"])
values = json.loads(pathlib.Path(given["--env-vars"]).read_text())
runner = LocalLambdaRunner(
    None, SamFunctionProvider(stacks), cwd=os.path.dirname(given["--template"]),
    real_path=os.path.dirname(given["--template"]), env_vars_values=values,
)
function = runner.provider.get(sys.argv[3])
config = runner.get_invoke_config(function)
endpoint = config.env_vars.resolve()["AWS_ENDPOINT_URL"]
try:
    import boto3
    tables = boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    ).list_tables()["TableNames"] if {connects} else []
finally:
    pathlib.Path({told!r}).write_text(json.dumps({{
        "command": sys.argv[1:4], "handler": function.handler,
        "code": os.path.exists(config.code_abs_path),
        "event": json.loads(pathlib.Path(given["--event"]).read_text()),
        "variables": config.env_vars.resolve(), "tables": tables,
    }}))
"""

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


@dataclass(frozen=True)
class Answers:
    """What a function said to each of its samples, and what it logged."""

    by_sample: Mapping[str, Any]
    log: str


@pytest.fixture(scope="module")
def answers(
    assets: Assets, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Answers]]]:
    """The answers of every function. Some start at once: a start is mostly waiting."""
    folder = tmp_path_factory.mktemp("logs")

    def asked(handler: str) -> Answers:
        with (
            (folder / handler).open("wb") as log,
            invoke.emulated(handler, assets, variables, log=log.fileno()) as client,
        ):
            replies = {
                name: invoke.invoke(client, sample_event(name, variables))
                for name in HANDLERS[handler]
            }
        return Answers(replies, (folder / handler).read_text())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {handler: pool.submit(asked, handler) for handler in HANDLERS}


def sample_event(name: str, variables: Mapping[str, str]) -> Any:
    return samples.sample(name, {samples.TOKEN: variables["TOKEN"]})


@pytest.mark.parametrize("handler", HANDLERS)
def test_every_sample_is_answered_under_lambdas_own_client(
    handler: str, answers: Mapping[str, Future[Answers]], variables: dict[str, str]
) -> None:
    said = answers[handler].result()
    for name, answer in said.by_sample.items():
        # A function that fails answers with `errorType`.
        shown = (name, answer, said.log)
        if handler == "authorizer":
            assert answer.get("isAuthorized"), shown
        elif "requestContext" in sample_event(name, variables):
            assert 200 <= answer["statusCode"] < 500, shown
            assert answer["statusCode"] not in (401, 403), shown
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


@pytest.fixture
def told_to_sam(
    synthesized: Synthesized,
    variables: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Mapping[str, Any]:
    """Invoke `health` where Docker has this gateway; what SAM makes of it."""
    gateway, connects = request.param
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    template = tmp_path / "cdk.out" / "Aureon.template.json"
    template.parent.mkdir()
    template.write_text(synthesized.text)
    for key, folder in synthesized.archives.items():
        (template.parent / f"asset.{key}").symlink_to(folder)
    monkeypatch.setattr(invoke, "TEMPLATE", template)
    python = invoke.ENVIRONMENT / "bin" / "python"
    monkeypatch.setattr(invoke, "ENVIRONMENT", tmp_path)
    told = tmp_path / "told.json"
    stand_in(tmp_path, "docker", DOCKER.format(gateway=gateway))
    stand_in(tmp_path, "sam", SAM.format(python=python, connects=connects, told=str(told)))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    assert invoke.main(["health", str(ROOT / "events" / "health.json")]) == 0
    # Nothing is left beside the template.
    assert list(template.parent.glob("*.template.json")) == [template]
    found: Mapping[str, Any] = json.loads(told.read_text())
    return found


def stand_in(folder: Path, name: str, script: str) -> None:
    program = folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(script)
    program.chmod(0o755)


# An address of this machine, as the gateway of Docker's network is on Linux.
@pytest.mark.parametrize("told_to_sam", [("127.0.0.1", True)], indirect=True)
def test_with_docker_a_function_in_a_container_reaches_the_engine_of_this_machine(
    told_to_sam: Mapping[str, Any], variables: dict[str, str], synthesized: Synthesized
) -> None:
    local, invoked, name = told_to_sam["command"]
    assert (local, invoked) == ("local", "invoke")
    assert synthesized.resources[name]["Properties"]["Handler"] == "health.handler"
    assert told_to_sam["handler"] == "health.handler"
    assert told_to_sam["code"]
    assert told_to_sam["event"] == json.loads((ROOT / "events" / "health.json").read_text())
    given = told_to_sam["variables"]
    assert given["AUREON_TABLE"] == variables["AUREON_TABLE"]
    assert given["AWS_ACCESS_KEY_ID"] == variables["AWS_ACCESS_KEY_ID"]
    # Not the engine's own port, which a container does not see, and yet the engine answers.
    assert given["AWS_ENDPOINT_URL"] != variables["AWS_ENDPOINT_URL"]
    assert given["AUREON_QUEUE_URL"].startswith(given["AWS_ENDPOINT_URL"])
    assert variables["AUREON_TABLE"] in told_to_sam["tables"]


# An address that nobody has, as the gateway is where Docker has a machine of its own.
@pytest.mark.parametrize("told_to_sam", [("192.0.2.1", False)], indirect=True)
def test_with_docker_desktop_the_engine_is_reached_by_the_name_of_the_host(
    told_to_sam: Mapping[str, Any], variables: dict[str, str]
) -> None:
    port = variables["AWS_ENDPOINT_URL"].rpartition(":")[2]
    given = told_to_sam["variables"]["AWS_ENDPOINT_URL"]
    assert given == f"http://host.docker.internal:{port}"
