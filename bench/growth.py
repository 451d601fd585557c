"""How costs grow: with a customer's history, with the number of customers, with that of meters.

Calls and units are the measure, and CPU of the handler. The engine is in this process, since its
time is of no interest; what it takes is left out of the CPU by asking the clock around it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from aureon.core import times as core_times
from aureon.meters import catalog
from aureon.projection.backfill import Backfill
from aureon.storage.store import Store
from aureon_cli.gateway import Context
from bench.scene import EVENT_NAME, Act, Scene, scene
from tests.support import inline_engine
from tests.support import projected as projection
from tests.support.costs import consumption
from tests.support.handlers import HANDLERS
from tests.support.listed_customers import fill

HISTORIES: Final = (1, 100, 10_000, 100_000)
CUSTOMERS: Final = (1, 100, 10_000)
METERS: Final = (1, 10, 100)
# One event is counted by at most ninety.
COUNTING_METERS: Final = (1, 10, 80)
HISTORY_REQUEST_EVENTS: Final = 1_000


class _Clock(NamedTuple):
    """CPU seconds of this thread, and those of them that were the engine's."""

    engine: list[float]

    def execute(self, model: Any, params: Any, **_: Any) -> Any:
        before = time.thread_time()
        try:
            return inline_engine.execute(model, params)
        finally:
            self.engine[0] += time.thread_time() - before

    def handler_seconds(self) -> float:
        return time.thread_time() - self.engine[0]


def measure(*, largest: int, times: int) -> dict[str, Any]:
    """Measure each size that is no larger, each figure the median of so many."""
    return {
        "times": times,
        "growths": [
            growth("events of history of a customer", HISTORIES, largest, times, _history),
            growth("customers", CUSTOMERS, largest, times, _customers),
            growth("meters, of which one counts the events", METERS, largest, times, _meters),
            growth("meters that count each event", COUNTING_METERS, largest, times, _counting),
        ],
    }


Prepare = Callable[[Scene, int], None]
Figures = Callable[[Store, Scene, _Clock, int], dict[str, Any]]


def growth(
    name: str,
    sizes: Sequence[int],
    largest: int,
    times: int,
    prepare: Prepare,
    figures: Figures | None = None,
) -> dict[str, Any]:
    """What figures are at each size, for an organization that is prepared for it."""
    found = []
    for size in sizes:
        if size > largest:
            continue
        clock = _Clock([0.0])
        with inline_engine.table(clock.execute) as store, scene(store) as the_scene:
            the_scene.api.customer("user@example.com", external_id="user")
            prepare(the_scene, size)
            found.append({"size": size, **(figures or _figures)(store, the_scene, clock, times)})
    return {"name": name, "sizes": found}


def _meter(the_scene: Scene) -> None:
    """A meter that counts the events, with breakdowns."""
    meter_id = the_scene.api.meter(EVENT_NAME)
    the_scene.api.patch(f"/v1/meters/{meter_id}", {"group_by": ["model"]})
    own = the_scene.api.store
    for _ in Backfill(own, catalog.get(own, meter_id)).of_breakdowns():
        pass
    catalog.forget()


def _history(the_scene: Scene, size: int) -> None:
    _meter(the_scene)
    newest = the_scene.hour
    for first in range(0, size, HISTORY_REQUEST_EVENTS):
        events = min(HISTORY_REQUEST_EVENTS, size - first)
        # A thousand an hour: a list reads a customer's newest hours whole.
        the_scene.hour -= timedelta(hours=1)
        the_scene.ingestion(["user"], events)()
    the_scene.hour = newest


def _customers(the_scene: Scene, size: int) -> None:
    _meter(the_scene)
    fill(the_scene.api.store, size - 1)


def _meters(the_scene: Scene, size: int) -> None:
    _meter(the_scene)
    for number in range(1, size):
        the_scene.api.meter(f"other_{number}")


def _counting(the_scene: Scene, size: int) -> None:
    for _ in range(size):
        _meter(the_scene)


def _figures(store: Store, the_scene: Scene, clock: _Clock, times: int) -> dict[str, Any]:
    """What an event, a hundred, and each kind of read take now."""
    projection.project_all(store)
    customer_id = the_scene.api.get("/v1/customers/external/user").body["id"]
    figures = {
        f"ingest {events}": _taken(
            store, clock, times, events, partial(the_scene.ingestion, ["user"], events)
        )
        for events in (1, 100)
    }
    counted = the_scene.api.get("/v1/customer-meters/", customer_id=customer_id).body["items"][0]
    until = core_times.to_text(the_scene.hour)
    since = core_times.to_text(the_scene.hour - timedelta(hours=1))
    an_hour = urlencode({"start_timestamp": since, "end_timestamp": until, "interval": "hour"})
    reads = {
        "balances": (f"/v1/customers/{customer_id}/state", ""),
        "balance, one meter": ("/v1/customer-meters/", f"customer_id={customer_id}"),
        "customers, first page": ("/v1/customers/", ""),
        "customer's events, first page": ("/v1/events/", f"customer_id={customer_id}"),
        "all events, first page": ("/v1/events/", ""),
        "names of events": ("/v1/events/names", ""),
        "quantities of an hour": (f"/v1/meters/{counted['meter_id']}/quantities", an_hour),
        "breakdown of an hour": (
            f"/v1/meters/{counted['meter_id']}/quantities",
            f"{an_hour}&group_by=model",
        ),
        "statement of an hour, first page": (
            f"/v1/customer-meters/{counted['id']}/statement",
            urlencode({"start": since, "end": until}),
        ),
    }
    for name, (path, query) in reads.items():
        prepare = partial(the_scene.call, "GET", path, query=query)
        figures[name] = _taken(store, clock, times, 1, prepare)
    figures["sweep, nothing due"] = _taken(store, clock, times, 1, lambda: _sweep)
    return {"figures": figures}


def _sweep() -> None:
    HANDLERS["sweep"]({}, Context("sweep"))


def _taken(
    store: Store, clock: _Clock, times: int, events: int, prepare: Callable[[], Act]
) -> dict[str, float]:
    """Calls, units and CPU milliseconds, by event; the first time is warming up."""
    prepare()()
    seconds, consumed = [], []
    for _ in range(times):
        act = prepare()
        with consumption(store.client) as more:
            before = clock.handler_seconds()
            act()
            seconds.append(clock.handler_seconds() - before)
        consumed += more
    return {
        "calls": len(consumed) / times / events,
        "units": sum(one.read + one.write for one in consumed) / times / events,
        "cpu_ms": statistics.median(seconds) * 1_000 / events,
    }
