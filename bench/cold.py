"""How long a handler takes that has just been started: its imports, and its first request.

What is measured is what is shipped: the bundle, with its bytecode, where nothing may be written.
It runs under Lambda's Python where this machine has it, else under this one, built the same way.

Each figure is CPU time of fresh interpreters. Right before each of them another one imports boto3,
of the same bundle, and makes a client of DynamoDB: the ratio is that of the two. The requests are
the samples in ``events``, against the embedded engine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

from aureon.storage import queue
from aureon_cli import engine
from bench.conditions import ROOT
from bench.scene import EVENT_NAME, Scene, engine_process, scene
from bench.units import PRICES
from infra import bundle
from infra.bundle import Assets, Target
from tests.integration import test_sample_events as samples
from tests.support.deliveries import Queues

HANDLERS: Final = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
# Which sample stands for a handler, where it is not its first.
CHOSEN: Final = {
    "balances": "balances.state",
    "credits": "credits.spend",
    "customers": "customers.list",
    "events": "events.list",
    "ingest": "ingest.usage",
    "meters": "meters.list",
    "tokens": "tokens.current",
}
# Whose share of the imports is told; all that is left is the standard library's.
PACKAGES: Final = (
    "aureon",
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "email_validator",
    "msgspec",
    "pydantic",
    "urllib3",
)

# What Lambda bills for a start, by memory: CPU as slow as the function's share of a core, and waits
# for the database.
MEMORIES: Final = (512, 1_024, 1_769)

BOTO3: Final = """
import time
started = time.process_time()
import boto3
boto3.client("dynamodb")
print(time.process_time() - started)
"""
HANDLER: Final = """
import importlib, json, sys, time
name = sys.argv[1]
event = json.load(sys.stdin)

class Context:
    function_name = name
    aws_request_id = "1"
    memory_limit_in_mb = 1024
    invoked_function_arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"

    def get_remaining_time_in_millis(self):
        return 60_000

out, sys.stdout = sys.stdout, sys.stderr
calls = []
if sys.argv[2:] == ["calls"]:
    from aureon.storage import queue, store
    for module in (queue, store):
        def connect(*given, connect=module.connect, **named):
            client = connect(*given, **named)
            client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
            return client
        module.connect = connect
moments = [time.process_time()]
handler = importlib.import_module(name).handler
moments.append(time.process_time())
answer = handler(event, Context())
moments.append(time.process_time())
status = answer.get("statusCode", 200)
print(json.dumps({"moments": moments, "status": status, "calls": calls}), file=out)
"""


@dataclass(frozen=True)
class Shipped:
    """A bundle, and how it is started."""

    assets: Assets
    interpreter: Path

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a fresh interpreter on nothing but the bundle and the standard library."""
        folders = [*self.assets.handlers.values(), *self._layers]
        done = subprocess.run(  # noqa: S603
            [self.interpreter, "-S", *arguments],
            env={**environment, "PYTHONPATH": os.pathsep.join(map(str, folders))},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done

    @property
    def _layers(self) -> list[Path]:
        return [layer / "python" for layer in (self.assets.dependencies, self.assets.package)]

    def files(self) -> list[Path]:
        """All its files. A start that writes any compiles what Lambda would compile each time."""
        folders = [*self.assets.handlers.values(), *self._layers]
        return [path for folder in folders for path in bundle.files(folder)]


@contextmanager
def shipped() -> Iterator[Shipped]:
    """The bundle for this machine, under Lambda's Python where there is one."""
    target = Target(bundle.LAMBDA.python, None)
    if bundle.interpreter(target.python) is None:
        target = bundle.HOST
    interpreter = bundle.interpreter(target.python)
    if interpreter is None:
        raise RuntimeError(f"This is no Python {target.python}.")
    with tempfile.TemporaryDirectory(prefix="aureon-bundle-") as folder:
        found = Shipped(bundle.build(target, folder=Path(folder)), interpreter)
        before = found.files()
        yield found
        if found.files() != before:
            raise RuntimeError("Starts have compiled modules: their bytecode is not bundled.")


def measure(*, turns: int) -> dict[str, Any]:
    """Measure each handler in so many turns."""
    with shipped() as bundled, engine_process() as store, scene(store) as the_scene:
        endpoint_url = store.client.meta.endpoint_url
        queues = Queues.create(queue.connect(endpoint_url, **engine.CREDENTIALS))
        environment = {
            **os.environ,
            **bundle.ENVIRONMENT,
            "AUREON_TABLE": store.table,
            queue.INGESTION: queues.ingestion.url,
            queue.DEAD_LETTERS: queues.dead.url,
        }
        known = _known(the_scene)
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for _ in range(turns):
            for handler in HANDLERS:
                boto3 = float(bundled.run(["-c", BOTO3], environment).stdout)
                found[handler].append(
                    {**_first(bundled, handler, known, environment), "boto3": boto3}
                )
        calls = {
            handler: _first(bundled, handler, known, environment, "calls")["calls"]
            for handler in HANDLERS
        }
        version = bundled.run(["-c", "import platform; print(platform.python_version())"], {})
        return {
            "turns": turns,
            "python": version.stdout.strip(),
            "boto3_cpu_ms": 1_000
            * statistics.median(one["boto3"] for measured in found.values() for one in measured),
            "handlers": [_summary(name, measured, calls[name]) for name, measured in found.items()],
            "imports": {
                name: _where(bundled, name, environment)
                for name in ("ingest", "balances", "meters")
            },
        }


def _known(the_scene: Scene) -> dict[str, str]:
    """What stands in for the samples' stand-ins: a customer with a meter and a few events."""
    api = the_scene.api
    meter_id = api.meter(EVENT_NAME)
    customer_id = api.customer("user@example.com", external_id="user_123")
    api.request("POST", "/v1/events/ingest", the_scene.body(["user_123"], 10, ids=False))
    grant = {"name": EVENT_NAME, "customer_id": customer_id, "metadata": {"units": -100_000}}
    api.ingest(grant)
    return {
        samples.TOKEN: str(api.token),
        samples.ORGANIZATION_ID: api.organization_id,
        samples.CUSTOMER_ID: customer_id,
        samples.METER_ID: meter_id,
    }


def _first(
    bundled: Shipped,
    handler: str,
    known: dict[str, str],
    environment: dict[str, str],
    *arguments: str,
) -> dict[str, Any]:
    sample = CHOSEN.get(handler) or min(
        name for name in samples.SAMPLES if name.partition(".")[0] == handler
    )
    event = json.dumps(samples.sample(sample, known))
    told = bundled.run(["-c", HANDLER, handler, *arguments], environment, event)
    measured = json.loads(told.stdout)
    started, imported, answered = measured["moments"]
    if measured["status"] >= 500:
        raise RuntimeError(f"{sample}: {measured['status']}")
    return {
        "sample": sample,
        "status": measured["status"],
        "imports": imported - started,
        "first": answered - imported,
        # The interpreter's own start is in it.
        "all": answered,
        "calls": measured["calls"],
    }


def _summary(name: str, measured: list[dict[str, Any]], calls: Sequence[str]) -> dict[str, Any]:
    assumed = json.loads(PRICES.read_text())["assumptions"]
    seconds = assumed["dynamodb_call_seconds"]
    waits = sum(seconds["transaction" if "Transact" in call else "read"] for call in calls)

    def billed_ms(megabytes: int) -> int:
        slower = max(1.0, assumed["lambda_megabytes_of_one_core"] / megabytes)
        cpu: float = statistics.median(one["all"] for one in measured)
        milliseconds: float = (cpu * slower + waits) * 1_000
        return ceil(milliseconds)

    def ratio(*parts: str) -> float:
        ratios = (sum(one[part] for part in parts) / one["boto3"] for one in measured)
        found: float = statistics.median(ratios)
        return found

    return {
        "name": name,
        "sample": measured[0]["sample"],
        "status": measured[0]["status"],
        "imports_cpu_ms": statistics.median(one["imports"] for one in measured) * 1_000,
        "first_request_cpu_ms": statistics.median(one["first"] for one in measured) * 1_000,
        "imports_ratio": ratio("imports"),
        "ratio": ratio("imports", "first"),
        "calls": len(calls),
        "billed_ms": {str(megabytes): billed_ms(megabytes) for megabytes in MEMORIES},
    }


def _where(bundled: Shipped, handler: str, environment: dict[str, str]) -> dict[str, float]:
    """The share that each package's own modules have in a handler's imports."""
    told = bundled.run(["-X", "importtime", "-c", f"import {handler}"], environment).stderr
    shares: defaultdict[str, float] = defaultdict(float)
    for line in told.splitlines():
        own, _, module = line.removeprefix("import time:").split("|")
        if own.strip().isdigit():
            package = module.strip().partition(".")[0]
            package = package.removesuffix("_core") if package == "pydantic_core" else package
            package = "aureon" if package == handler else package
            shares[package if package in PACKAGES else "standard library"] += int(own)
    total = sum(shares.values())
    return {name: own / total for name, own in sorted(shares.items(), key=lambda item: -item[1])}
