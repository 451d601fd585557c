"""What a deployed stack costs a month: at rest, and for 1, 10 and 1,000 million events.

``make monthly-costs`` prints the tables of `docs/costs.md`. The units of events are those that
`make bench` measured (`bench/results/units.json`), the prices those of `bench/prices.json`, the
alarms and the access log those of the synthesized template. What an event keeps in the table, what
it logs and answers, and what the nightly audit reads of it is measured here, on the embedded
engine. Free tiers are left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from logging import StreamHandler
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from aureon.api import runtime
from aureon.audit import nightly
from aureon.audit.nightly import Job
from aureon.core import metrics
from aureon.storage import keys
from aureon.storage.limits import item_bytes
from aureon.storage.store import to_attributes
from bench import tables
from bench.conditions import ROOT
from bench.scene import engine_process, scene
from bench.units import PRICES
from tests.support.costs import consumption
from tests.support.projected import project_all
from tests.support.recount import scan

TEMPLATE: Final = ROOT / "build" / "cdk.out" / "Aureon.template.json"
MILLIONS: Final = (1, 10, 1_000)
MILLION: Final = 10**6
GIGABYTE: Final = 10**9
MINUTES_A_MONTH: Final = 30 * 24 * 60
# The nightly audit tells its metrics in one hour of a night; they are paid at rest.
AUDIT_METRICS: Final = sum(name.startswith("Audit") for name in metrics.UNITS)
# `Warnings` is measured only where a sender gets its numbers wrong.
METRICS_IN_USE: Final = len(metrics.UNITS) - AUDIT_METRICS - 1
# Enough for what every customer has to be little beside it.
EVENTS: Final = 2_000
# Cases of `make bench`: what a case is called there, how many events a request, and with ids.
CASES: Final = (
    ("one event a request", 1, False),
    ("one event a request, with an id", 1, True),
    ("100 events a request, one customer", 100, False),
    ("100 events a request, one customer, with ids", 100, True),
)

Row = tuple[str, float]


def at_rest(template: Mapping[str, Any], told: Mapping[str, Any]) -> list[Row]:
    """What is to be paid without a single request, in dollars a month."""
    resources = template["Resources"].values()
    kinds = [resource["Type"] for resource in resources]
    usd = dollars(told)
    alarms = [
        resource["Properties"]
        for resource in resources
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    # One that computes is paid for each metric that it computes with.
    alarmed = sum(
        sum("MetricStat" in metric for metric in alarm.get("Metrics", ())) or 1 for alarm in alarms
    )
    polled = sum("ScalingConfig" in resource.get("Properties", ()) for resource in resources)
    polls = polled * told["assumptions"]["polls_of_an_idle_queue_a_minute"] * MINUTES_A_MONTH
    return [
        ("functions, API and table, idle", 0.0),
        (f"{len(alarms)} alarms on {alarmed} metrics", alarmed * usd["alarm"]),
        ("the dashboard", kinds.count("AWS::CloudWatch::Dashboard") * usd["dashboard"]),
        (f"Lambda's polling of {polled} idle queues", polls * usd["sqs_request"]),
        ("metrics of the nightly audit", AUDIT_METRICS / 24 * usd["metric"]),
    ]


def dollars(told: Mapping[str, Any]) -> dict[str, float]:
    return {name: price["usd"] for name, price in told["prices"].items()}


class Left(NamedTuple):
    """What comes of an event, by event, beside what its request took."""

    kept_bytes: float
    logged_bytes: float
    answered_bytes: float
    audit_read_units: float


def left(told: Mapping[str, Any], access_log_bytes: int) -> dict[str, Left]:
    """What comes of the events of each case, with all that is projected of them."""
    beside = told["assumptions"]["item_bytes_beside_its_attributes"]
    found: dict[str, Left] = {}
    with engine_process() as store:
        before = 0.0
        for name, events, ids in CASES:
            requests = EVENTS // events
            with scene(store) as the_scene, logged() as lines:
                the_scene.api.meter("api_usage")
                customers = the_scene.customers(1)
                lines.seek(0)
                lines.truncate()
                answered = 0
                for _ in range(requests):
                    body = the_scene.body(customers, events, ids=ids)
                    reply = the_scene.api.request("POST", "/v1/events/ingest", body)
                    if reply.status != 200:
                        raise RuntimeError(reply.text)
                    answered += len(reply.text)
                written = lines.getvalue().splitlines()
                project_all(store)
                with consumption(store.client) as consumed:
                    job = Job(the_scene.api.organization_id)
                    nightly.work(store, job, lambda outcome: None, lambda outcome: None)
            total = sum(
                item_bytes(to_attributes(item))
                + beside
                + (beside + len(item["pk"]) * 2 if keys.DIRECTORY_PARTITION in item else 0)
                for item in scan(store)
            )
            line_bytes = told["assumptions"]["log_bytes_beside_each_line"]
            logs = sum(len(line) + line_bytes for line in written if line)
            logs += requests * (access_log_bytes + line_bytes)
            answers = told["assumptions"]["answer_bytes_beside_its_body"]
            found[name] = Left(
                (total - before) / EVENTS,
                logs / EVENTS,
                (answered + requests * answers) / EVENTS,
                sum(one.read for one in consumed) / EVENTS,
            )
            before = total
    return found


@contextmanager
def logged() -> Iterator[StringIO]:
    """What functions log, metrics included, as they do in a stack."""
    lines = StringIO()
    handler = runtime.logger.registered_handler
    if not isinstance(handler, StreamHandler):
        raise TypeError("What functions log goes to a stream.")
    kept, level = handler.setStream(lines), runtime.logger.log_level
    runtime.logger.setLevel("INFO")
    try:
        with redirect_stdout(lines), patch.dict(os.environ, {metrics.STACK: "Aureon"}):
            yield lines
    finally:
        handler.setStream(kept)
        runtime.logger.setLevel(level)


def access_log_bytes(template: Mapping[str, Any]) -> int:
    """How long a line of the gateway's log is, with what stands in a sample event."""
    (stage,) = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ApiGatewayV2::Stage"
    ]
    request = json.loads((ROOT / "events" / "ingest.usage.json").read_text())["requestContext"]
    values = {
        "requestId": request["requestId"],
        "requestTime": request["time"],
        "routeKey": request["routeKey"],
        "status": "200",
        "responseLatency": "23",
        "integrationLatency": "22",
        "integrationErrorMessage": "-",
    }
    line: str = stage["AccessLogSettings"]["Format"]
    return len(re.sub(r"\$context\.(\w+)", lambda found: values[found[1]], line))


def for_events(
    name: str, events: Left, told: Mapping[str, Any], units: Mapping[str, Any]
) -> list[float]:
    """Dollars of a month with so many million events: one for each of `MILLIONS`.

    The events themselves, the logs and answers of their requests, Aureon's metrics, a month's
    storage of what the month has brought, and its nightly audits of that.
    """
    usd = dollars(told)
    (case,) = [case for case in units["cases"] if case["name"] == name]
    stored = usd["dynamodb_stored_gigabyte"] + usd["dynamodb_recoverable_gigabyte"]
    nights = told["assumptions"]["nights_that_the_month's_events_are_audited"]
    a_million = (
        case["usd_a_million"]["all"]
        + events.kept_bytes * MILLION / GIGABYTE * stored
        + events.logged_bytes
        * (MILLION / GIGABYTE)
        * (usd["log_gigabyte"] + usd["log_stored_gigabyte"])
        + events.answered_bytes * MILLION / GIGABYTE * usd["data_out_gigabyte"]
        + events.audit_read_units * MILLION * nights * usd["dynamodb_read_unit"]
    )
    told_hourly = METRICS_IN_USE * usd["metric"]
    return [told_hourly + million * a_million for million in MILLIONS]


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    first, *others = head
    lines = [f"| {' | '.join([first, *others])} |", f"| --- |{' --: |' * len(others)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def rest_table(template: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    rows = at_rest(template, told)
    shown = [(what, f"{usd:.2f}") for what, usd in rows]
    total = ("together", f"{sum(round(usd, 2) for _, usd in rows):.2f}")
    return markdown(("at rest", "$ a month"), [*shown, total])


def main() -> None:
    told = json.loads(PRICES.read_text())
    stored = tables.load("units")
    if stored is None:
        raise SystemExit("Run make bench ARGS=units first: it measures what an event takes.")
    template = json.loads(TEMPLATE.read_text())
    print(rest_table(template, told), end="\n\n")
    found = left(told, access_log_bytes(template))
    head = (
        "$ a month",
        *(f"{million:,} million events" for million in MILLIONS),
        *("bytes kept", "logged", "answered", "units audited a night"),
    )
    rows = [
        (
            name,
            *(f"{usd:,.2f}" for usd in for_events(name, of, told, stored["result"])),
            *(f"{size:,.0f}" for size in of[:3]),
            f"{of.audit_read_units:.2g}",
        )
        for name, of in found.items()
    ]
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
