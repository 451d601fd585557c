"""How long a handler takes that has just been started: its imports, and its first request.

Each figure is CPU time of fresh interpreters, which take turns with one that imports boto3 and
makes a client of DynamoDB: the ratio is within each turn. The requests are the samples in
``events``, against the embedded engine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from typing import Any, Final

from aureon import queue
from aureon_cli import engine
from bench.conditions import ROOT
from bench.scene import EVENT_NAME, Scene, engine_process, scene
from tests.integration import test_sample_events as samples
from tests.queue import Queues

HANDLERS: Final = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
# Which sample stands for a handler, where it is not its first.
CHOSEN: Final = {
    "balances": "balances.state",
    "credits": "credits.spend",
    "customers": "customers.list",
    "events": "events.list",
    "ingest": "ingest.usage",
    "meters": "meters.list",
    "tokens_api": "tokens_api.current",
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
moments = [time.process_time()]
handler = importlib.import_module(name).handler
moments.append(time.process_time())
answer = handler(event, Context())
moments.append(time.process_time())
print(json.dumps({"moments": moments, "status": answer.get("statusCode", 200)}), file=out)
"""


def measure(*, turns: int) -> dict[str, Any]:
    """Measure each handler in so many turns."""
    with engine_process() as store, scene(store) as the_scene:
        endpoint_url = store.client.meta.endpoint_url
        queues = Queues.create(queue.connect(endpoint_url, **engine.CREDENTIALS))
        environment = {
            **os.environ,
            "AUREON_TABLE": store.table,
            queue.INGESTION: queues.ingestion.url,
            queue.DEAD_LETTERS: queues.dead.url,
        }
        known = _known(the_scene)
        boto3: list[float] = []
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for _ in range(turns):
            boto3.append(float(_run([sys.executable, "-c", BOTO3], environment)))
            for handler in HANDLERS:
                found[handler].append(_first(handler, known, environment))
        return {
            "turns": turns,
            "boto3_cpu_ms": statistics.median(boto3) * 1_000,
            "handlers": [_summary(name, measured, boto3) for name, measured in found.items()],
            "imports": {
                name: _where(name, environment) for name in ("ingest", "balances", "meters")
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


def _first(handler: str, known: dict[str, str], environment: dict[str, str]) -> dict[str, Any]:
    sample = CHOSEN.get(handler) or min(
        name for name in samples.SAMPLES if name.partition(".")[0] == handler
    )
    event = json.dumps(samples.sample(sample, known))
    told = _run([sys.executable, "-c", HANDLER, handler], environment, event)
    measured = json.loads(told)
    started, imported, answered = measured["moments"]
    if measured["status"] >= 500:
        raise RuntimeError(f"{sample}: {measured['status']}")
    return {
        "sample": sample,
        "status": measured["status"],
        "imports": imported - started,
        "first": answered - imported,
    }


def _summary(name: str, measured: list[dict[str, Any]], boto3: list[float]) -> dict[str, Any]:
    def ratio(*parts: str) -> float:
        ratios: list[float] = [
            sum(one[part] for part in parts) / base
            for one, base in zip(measured, boto3, strict=True)
        ]
        return statistics.median(ratios)

    return {
        "name": name,
        "sample": measured[0]["sample"],
        "status": measured[0]["status"],
        "imports_cpu_ms": statistics.median(one["imports"] for one in measured) * 1_000,
        "first_request_cpu_ms": statistics.median(one["first"] for one in measured) * 1_000,
        "imports_ratio": ratio("imports"),
        "ratio": ratio("imports", "first"),
    }


def _where(handler: str, environment: dict[str, str]) -> dict[str, float]:
    """The share that each package's own modules have in a handler's imports."""
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-X", "importtime", "-c", f"import {handler}"],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    ).stderr
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


def _run(command: list[str], environment: dict[str, str], given: str = "") -> str:
    done = subprocess.run(  # noqa: S603
        command, env=environment, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout
