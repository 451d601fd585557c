"""Measure how fast a new meter counts the past, and that memory stays flat.

``python -m scripts.backfill_rate [EVENTS] [CUSTOMERS]``: a log of so many events (a million, unless
said), in pages of a thousand, spread over so many customers (100), on the local engine, which is a
process of its own: the memory told is the backfill's. CPU seconds are this process's; the engine's
own speed is in the elapsed ones.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from aureon import catalog, keys, runtime, tokens
from aureon import store as store_module
from aureon.backfill import Backfill
from aureon.domain.events import Event, Named
from aureon.domain.pages import encode_event, encode_events, page_item
from aureon.store import Store
from aureon.table import SCHEMA
from aureon_cli import engine as embedded
from tests.api import Api

EVENTS: Final = 1_000_000
CUSTOMERS: Final = 100
EVENTS_A_PAGE: Final = 1_000
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
TOLD: Final = 10


def main(events: int = EVENTS, customers: int = CUSTOMERS) -> None:
    embedded.bypass_proxies()
    runtime.logger.setLevel("WARNING")
    folder = Path(tempfile.mkdtemp())
    with embedded.running(folder, persistent=False) as engine:
        client = store_module.connect(engine.endpoint_url, **embedded.CREDENTIALS)
        client.create_table(TableName="rate", **SCHEMA)
        store = Store(client, "rate")
        runtime._store = lambda: store  # type: ignore[assignment]
        organization_id = tokens.create_organization(store, "Rate")
        token, _ = tokens.create(store, organization_id)
        api = Api(store, organization_id, token)
        total = fill(api, events, customers)
        for function in ("sum", "unique"):
            measure(api, function, total)


def fill(api: Api, events: int, customers: int) -> int:
    """Write the log as ingestion writes it, without what is not read of it."""
    ids = [api.customer(f"user_{number}@example.com") for number in range(customers)]
    pages = max(customers, events // EVENTS_A_PAGE)
    for number in range(pages):
        customer_id = ids[number % customers]
        hour = START + timedelta(hours=number // customers)
        texts = [encode_event(place, event(customer_id, hour, place)) for place in range(1000)]
        item = page_item(
            encode_events(texts),
            last=EVENTS_A_PAGE - 1,
            meter_version=0,
            customer=Named(False, customer_id),
        )
        place = keys.PageKey(hour.isoformat()[:13], f"r-{uuid.uuid4()}", 0, 0)
        api.store.put_all({keys.page(api.organization_id, customer_id, place): item})
    print(f"{pages * EVENTS_A_PAGE:,} events in {pages:,} pages of {customers:,} customers")
    return pages * EVENTS_A_PAGE


def event(customer_id: str, hour: datetime, place: int) -> Event:
    metadata = {"units": place % 7 + 1, "model": f"model-{place % 5}", "region": "eu-central"}
    moment = hour + timedelta(seconds=3 * place)
    return Event(place, Named(False, customer_id), "api_usage", moment, metadata)


def measure(api: Api, function: str, total: int) -> None:
    clause = {"property": "name", "operator": "eq", "value": "api_usage"}
    body = {
        "name": f"The {function}",
        "filter": {"conjunction": "and", "clauses": [clause]},
        "aggregation": {"func": function, "property": "units"},
    }
    meter_id = api.post("/v1/meters/", body).body["id"]
    meter = catalog.get(api.store, api.organization_id, meter_id)
    print(f"\n{function}\n| events | seconds | CPU seconds | events a CPU second | memory | peak |")
    print("|---|---|---|---|---|---|")
    started, used = time.perf_counter(), time.process_time()
    told = 0
    for progress in Backfill(api.store, api.organization_id, meter).of_organization():
        if progress.events * TOLD >= total * (told + 1):
            told = progress.events * TOLD // total
            elapsed, cpu = time.perf_counter() - started, time.process_time() - used
            print(
                f"| {progress.events:,} | {elapsed:.1f} | {cpu:.1f} | {progress.events / cpu:,.0f} "
                f"| {memory_megabytes():.0f} MB | {peak_megabytes():.0f} MB |",
                flush=True,
            )


def memory_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
