"""Measure what reading events costs, in calls and read units, by how many there are.

``python -m scripts.first_page 100 10000`` measures other sizes than those below.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from aureon import runtime, tokens
from aureon.store import Store
from aureon_cli import gateway
from aureon_cli.stream_source import BATCH_RECORDS, stored_pages
from tests import inline_engine
from tests.api import Api, Reply
from tests.costs import cost
from tests.projection import deliver

SIZES: Final = (100, 10_000, 1_000_000)
START: Final = datetime(2024, 11, 1, tzinfo=UTC)
EVENTS_A_REQUEST: Final = 1_000
EXTERNAL_ID: Final = "user_1"


def main(sizes: tuple[int, ...]) -> None:
    runtime.logger.setLevel("WARNING")
    # The engine's own time for a query grows with its partition, unlike DynamoDB's.
    gateway.FUNCTION_SECONDS = 3_600  # type: ignore[misc]
    measured: dict[str, list[str]] = {}
    with inline_engine.table() as store:
        api = caller(store)
        there = 0
        for size in sizes:
            fill(api, there, size)
            there = size
            for name, read in reads(api).items():
                taken, _ = cost(store, read)
                shown = f"{len(taken.calls)} calls, {taken.units:g} units"
                measured.setdefault(name, []).append(shown)
    print("| read | " + " | ".join(f"{size:,} events" for size in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name, costs in measured.items():
        print(f"| {name} | " + " | ".join(costs) + " |")


def caller(store: Store) -> Api:
    runtime._store = lambda: store  # type: ignore[assignment]
    organization_id = tokens.create_organization(store, "Test")
    token, _ = tokens.create(store, organization_id)
    api = Api(store, organization_id, token)
    api.customer("user@example.com", external_id=EXTERNAL_ID)
    return api


def fill(api: Api, first: int, last: int) -> None:
    """Ingest events from one number to another, one a minute, a thousand a request."""
    for some in range(first, last, EVENTS_A_REQUEST):
        numbers = range(some, min(last, some + EVENTS_A_REQUEST))
        api.ingest(*map(event, numbers))
    pages = stored_pages(api.store)
    while records := list(islice(pages, BATCH_RECORDS)):
        deliver(records)


def event(number: int) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "external_customer_id": EXTERNAL_ID,
        "timestamp": (START + timedelta(minutes=number)).isoformat(),
        "metadata": {"units": number % 7},
    }


def reads(api: Api) -> dict[str, Callable[[], Reply]]:
    """What is measured, once the token is known."""
    mine = {"external_customer_id": EXTERNAL_ID}
    (newest,) = api.get("/v1/events/", limit=1, **mine).body["items"]
    return {
        "a customer's first page of 10": lambda: api.get("/v1/events/", **mine),
        "a customer's first page of 100": lambda: api.get("/v1/events/", limit=100, **mine),
        "everyone's first page of 10": lambda: api.get("/v1/events/"),
        "everyone's first page of 100": lambda: api.get("/v1/events/", limit=100),
        "an event by its id": lambda: api.get(f"/v1/events/{newest['id']}"),
        "a customer's names": lambda: api.get("/v1/events/names", **mine),
    }


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
