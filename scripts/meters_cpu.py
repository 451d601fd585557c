"""Measure what meters that match nothing cost: 100 meters of which 3 match, against those 3 alone.

CPU seconds of handling one request of 1,000 events, on the engine in this process, several times
in turn; what is told is the ratio of the medians, which does not depend on the machine's speed.
"""

from __future__ import annotations

import statistics
import time
from typing import Any, Final

from aureon import catalog, runtime, times, tokens
from aureon.domain.events import MAX_EVENTS_PER_REQUEST
from aureon.ingestion import parse_events
from aureon.store import Store
from tests import inline_engine
from tests.api import Api

MATCHING: Final = 3
ALL: Final = 100
ROUNDS: Final = 9


def main() -> None:
    runtime.logger.setLevel("WARNING")
    with inline_engine.table() as store:
        runtime._store = lambda: store  # type: ignore[assignment]
        few, many = organization(store, MATCHING), organization(store, ALL)
        request: list[tuple[float, float]] = []
        match: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            request.append((cpu(lambda: send(few)), cpu(lambda: send(many))))
            match.append((matching(few), matching(many)))
    for name, figures in (("the whole request", request), ("matching alone", match)):
        alone, all_ = (statistics.median(column) for column in zip(*figures, strict=True))
        print(
            f"{name}: {MATCHING} meters {alone * 1000:.1f} ms of CPU, {ALL} meters "
            f"{all_ * 1000:.1f} ms: {all_ / alone:.2f} times"
        )


def organization(store: Store, meters: int) -> Api:
    """An organization with so many meters, of which three count the events of the request."""
    organization_id = tokens.create_organization(store, "Test")
    token, _ = tokens.create(store, organization_id)
    api = Api(store, organization_id, token)
    for number in range(meters):
        name = "api_usage" if number < MATCHING else f"other_{number}"
        clauses: list[dict[str, Any]] = [{"property": "name", "operator": "eq", "value": name}]
        clauses.append({"property": "region", "operator": "ne", "value": "moon"})
        body = {
            "name": f"Meter {number}",
            "filter": {"conjunction": "and", "clauses": clauses},
            "aggregation": {"func": "sum", "property": "units"},
        }
        api.post("/v1/meters/", body)
    send(api)
    return api


def events() -> list[dict[str, Any]]:
    return [
        {
            "name": "api_usage",
            "external_customer_id": f"user_{number % 20}",
            "metadata": {"units": number, "region": "eu"},
        }
        for number in range(MAX_EVENTS_PER_REQUEST)
    ]


def send(api: Api) -> None:
    if api.ingest(*events()).status != 200:
        raise RuntimeError("The request was refused.")


def matching(api: Api) -> float:
    """CPU seconds of matching the events of a request."""
    version = max(
        version
        for meter in catalog.read_all(api.store, api.organization_id)
        for version in meter.versions
    )
    meters = catalog.meters_at(api.store, api.organization_id, version)
    parsed = parse_events({"events": events()}, times.now())
    return cpu(lambda: [meters.match(event) for event in parsed])


def cpu(act: Any) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


if __name__ == "__main__":
    main()
