"""What a deployed stack costs a month: at rest, and for 1, 10 and 1,000 million events.

``make monthly-costs`` prints the tables of `docs/costs.md`. The units of events are those that
`make bench` measured (`bench/results/units.json`), the prices those of `bench/prices.json`, the
alarms those of the synthesized template; the bytes that an event keeps are measured here, on the
embedded engine. Free tiers are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aureon import keys, metrics
from aureon.store import to_attributes
from bench import tables
from bench.scene import engine_process, scene
from bench.units import PRICES
from tests.costs import item_bytes
from tests.projection import project_all
from tests.recount import scan

TEMPLATE: Final = PRICES.parents[1] / "build" / "cdk.out" / "Aureon.template.json"
MILLIONS: Final = (1, 10, 1_000)
GIGABYTE: Final = 10**9
MINUTES_A_MONTH: Final = 30 * 24 * 60
# The nightly audit tells its metrics in one hour of a night; they are paid at rest.
AUDIT_METRICS: Final = sum(name.startswith("Audit") for name in metrics.UNITS)
METRICS_IN_USE: Final = len(metrics.UNITS) - AUDIT_METRICS
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
    alarms = kinds.count("AWS::CloudWatch::Alarm")
    polled = sum("ScalingConfig" in resource.get("Properties", ()) for resource in resources)
    polls = polled * told["assumptions"]["polls_of_an_idle_queue_a_minute"] * MINUTES_A_MONTH
    return [
        ("functions, API and table, idle", 0.0),
        (f"{alarms} alarms", alarms * usd["alarm"]),
        ("the dashboard", kinds.count("AWS::CloudWatch::Dashboard") * usd["dashboard"]),
        (f"Lambda's polling of {polled} idle queues", polls * usd["sqs_request"]),
        ("metrics of the nightly audit", AUDIT_METRICS / 24 * usd["metric"]),
    ]


def dollars(told: Mapping[str, Any]) -> dict[str, float]:
    return {name: price["usd"] for name, price in told["prices"].items()}


def kept_bytes(told: Mapping[str, Any]) -> dict[str, float]:
    """How many bytes of the table an event takes for ever, with all that is projected of it."""
    beside = told["assumptions"]["item_bytes_beside_its_attributes"]
    found: dict[str, float] = {}
    with engine_process() as store:
        before = 0.0
        for name, events, ids in CASES:
            with scene(store) as the_scene:
                the_scene.api.meter("api_usage")
                customers = the_scene.customers(1)
                for _ in range(EVENTS // events):
                    body = the_scene.body(customers, events, ids=ids)
                    reply = the_scene.api.request("POST", "/v1/events/ingest", body)
                    if reply.status != 200:
                        raise RuntimeError(reply.text)
                project_all(store)
            total = sum(
                item_bytes(to_attributes(item))
                + beside
                + (beside + len(item["pk"]) * 2 if keys.DIRECTORY_PARTITION in item else 0)
                for item in scan(store)
            )
            found[name] = (total - before) / EVENTS
            before = total
    return found


def for_events(
    name: str, events: int, kept: float, told: Mapping[str, Any], units: Mapping[str, Any]
) -> list[float]:
    """Dollars of a month with so many million events: one for each of `MILLIONS`.

    The events themselves, the logs of their requests, Aureon's metrics, and a month's storage of
    what the month has brought.
    """
    usd = dollars(told)
    (case,) = [case for case in units["cases"] if case["name"] == name]
    requests = 1_000_000 / events
    logged = requests * told["assumptions"]["log_bytes_a_request"] / GIGABYTE * usd["log_gigabyte"]
    stored = usd["dynamodb_stored_gigabyte"] + usd["dynamodb_recoverable_gigabyte"]
    a_million = case["usd_a_million"]["all"] + logged + kept * 1_000_000 / GIGABYTE * stored
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
    print(rest_table(json.loads(TEMPLATE.read_text()), told), end="\n\n")
    kept = kept_bytes(told)
    head = ("$ a month", *(f"{million:,} million events" for million in MILLIONS), "bytes kept")
    rows = [
        (
            name,
            *(
                f"{usd:,.2f}"
                for usd in for_events(name, events, kept[name], told, stored["result"])
            ),
            f"{kept[name]:,.0f}",
        )
        for name, events, _ in CASES
    ]
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
