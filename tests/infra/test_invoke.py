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
from urllib.parse import urlsplit

import pytest

from aureon.access import organizations, tokens
from aureon.api.routes import ROUTES
from aureon.storage import queue
from aureon.storage.store import Store
from aureon.storage.table import SCHEMA
from aureon_cli import engine as embedded
from aureon_cli.engine import Engine
from infra import invoke, sam
from infra.api import served
from infra.bundle import Assets
from tests.integration import test_sample_events as samples
from tests.support.deliveries import Queues
from tests.support.template import Synthesized

HANDLERS = {
    handler: list(names)
    for handler, names in groupby(samples.SAMPLES, key=lambda name: name.partition(".")[0])
}
ROOT = Path(invoke.__file__).parents[1]
AT_ONCE = 4
# What SAM makes of a template: its functions, with the variables and the code that it would give
# them, and the routes of its local API.
SAM = """
import json, os, sys
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

folder = os.path.dirname(sys.argv[1])
stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1])
runner = LocalLambdaRunner(None, SamFunctionProvider(stacks), cwd=folder, real_path=folder)
functions = {}
for function in runner.provider.get_all():
    config = runner.get_invoke_config(function)
    functions[function.function_id] = {
        "handler": function.handler,
        "code": os.path.exists(config.code_abs_path),
        "variables": config.env_vars.resolve(),
    }
routes = [
    [
        route.path if route.path == "$default" else f"{method} {route.path}",
        runner.provider.get(route.function_name).function_id,
        route.payload_format_version,
    ]
    for route in ApiProvider(stacks, cwd=folder).api.routes for method in route.methods
    # That of the queue has no function.
    if route.function_name
]
print(json.dumps({"functions": functions, "routes": routes}))
"""

if not invoke.ENVIRONMENT.is_dir():
    pytest.skip("make .venv-sam/synced brings what this runs on", allow_module_level=True)


@pytest.fixture(scope="module")
def variables(engine: Engine, dynamodb: Any) -> Iterator[dict[str, str]]:
    """The environment of functions on a table of this module's own, with two queues."""
    store = Store(dynamodb, "invoked")
    dynamodb.create_table(TableName=store.table, **SCHEMA)
    queues = Queues.create(queue.connect(engine.endpoint_url, **embedded.CREDENTIALS))
    organization_id = organizations.create(store, "Test", samples.ORGANIZATION_ID)
    token, _ = tokens.create(store.of(organization_id))
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
            # The sample's session is nobody's.
            assert (answer["statusCode"] in (401, 403)) == (handler == "portal"), shown
        else:
            assert {"batchItemFailures", "organizations", "reckoned"} & set(answer), shown


RESTORED = """
import random
import uuid_utils
from snapshot_restore_py import get_after_restore

seeded = []
uuid_utils.reseed_rng = lambda: seeded.append(True)
from aureon.api import runtime

def first():
    random.seed(1)
    for hook, arguments, named in get_after_restore():
        hook(*arguments, **named)
    return random.random()

print(first() != first(), bool(seeded))
"""


@pytest.mark.parametrize("kind", ["snap-start", "on-demand"])
def test_functions_that_start_from_one_snapshot_differ(assets: Assets, kind: str) -> None:
    """What is random would be the same in each: their pauses, their shards, and the ids of what
    they make in the same millisecond."""
    layers = [str(layer / "python") for layer in (assets.dependencies, assets.package)]

    ran = subprocess.run(
        [invoke.ENVIRONMENT / "bin" / "python", "-c", RESTORED],
        env={"PYTHONPATH": os.pathsep.join(layers), "AWS_LAMBDA_INITIALIZATION_TYPE": kind},
        capture_output=True,
        text=True,
    )

    assert ran.stdout.split() == [str(kind == "snap-start")] * 2, ran.stderr


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
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    assert invoke.main(["health", str(ROOT / "events" / "health.json")]) == 0
    shown = capfd.readouterr()
    assert '"statusCode": 200' in shown.out
    assert invoke.main(["unknown", str(ROOT / "events" / "health.json")]) == 1


def test_sam_runs_the_whole_api_on_what_make_dev_runs(
    deployable: Synthesized, variables: dict[str, str], tmp_path: Path
) -> None:
    """Up to where it would start a container."""
    template = tmp_path / "Aureon.template.json"
    template.write_text(deployable.text)
    for key, folder in deployable.archives.items():
        (tmp_path / f"asset.{key}").symlink_to(folder)

    written = sam.write(variables, synthesized=template)
    ran = subprocess.run(
        [invoke.ENVIRONMENT / "bin" / "python", "-c", SAM, written],
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr

    found = json.loads(ran.stdout)
    assert set(found["functions"]) == set(deployable.functions())
    for name, function in found["functions"].items():
        assert (function["handler"], function["code"]) == (f"{name}.handler", True)
        assert variables.items() <= function["variables"].items()
    # It takes ANY apart.
    routes = {key: name for key, name, _ in found["routes"] if name != "portal"}
    assert routes == {key: name for key, name in served(ROUTES).items() if name != "portal"}
    assert {key for key, name, _ in found["routes"] if name == "portal"} >= {
        "GET /v1/customer-portal/{path+}",
        "OPTIONS /v1/customer-portal/{path+}",
    }
    assert {version for *_, version in found["routes"]} == {"2.0"}


@pytest.mark.parametrize(
    ("system", "host", "options"),
    [("Linux", "127.0.0.1", ["--docker-network", "host"]), ("Darwin", "host.docker.internal", [])],
)
def test_a_container_reaches_what_listens_on_this_machine(
    system: str, host: str, options: list[str]
) -> None:
    given = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AUREON_QUEUE_URL": "http://localhost:4566/000000000000/queue",
        "AUREON_TABLE": "aureon",
    }

    seen, chosen = sam.in_reach(given, system=system)

    assert urlsplit(seen["AWS_ENDPOINT_URL"]).hostname == host
    assert seen["AUREON_TABLE"] == "aureon"
    assert ("localhost" in seen["AUREON_QUEUE_URL"]) == (system == "Linux")
    assert chosen == options
