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

from aureon.store import Store
from aureon_cli.gateway import Context
from bench.scene import EVENT_NAME, Scene, scene
from tests import inline_engine, projection
from tests.api import HANDLERS, Api
from tests.cards import fill
from tests.costs import consumption

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
            _growth("events of history of a customer", HISTORIES, largest, times, _history),
            _growth("customers", CUSTOMERS, largest, times, _customers),
            _growth("meters, of which one counts the events", METERS, largest, times, _meters),
            _growth("meters that count each event", COUNTING_METERS, largest, times, _counting),
        ],
    }


Prepare = Callable[[Scene, int], None]


def _growth(
    name: str, sizes: Sequence[int], largest: int, times: int, prepare: Prepare
) -> dict[str, Any]:
    found = []
    for size in sizes:
        if size > largest:
            continue
        clock = _Clock([0.0])
        with inline_engine.table(clock.execute) as store, scene(store) as the_scene:
            the_scene.api.customer("user@example.com", external_id="user")
            prepare(the_scene, size)
            found.append({"size": size, **_figures(store, the_scene, clock, times)})
    return {"name": name, "sizes": found}


def _history(the_scene: Scene, size: int) -> None:
    the_scene.api.meter(EVENT_NAME)
    newest = the_scene.hour
    for first in range(0, size, HISTORY_REQUEST_EVENTS):
        events = min(HISTORY_REQUEST_EVENTS, size - first)
        # A thousand an hour: a list reads a customer's newest hours whole.
        the_scene.hour -= timedelta(hours=1)
        _request(the_scene, the_scene.body(["user"], events, ids=False))
    the_scene.hour = newest


def _customers(the_scene: Scene, size: int) -> None:
    the_scene.api.meter(EVENT_NAME)
    fill(the_scene.store, the_scene.api.organization_id, size - 1)


def _meters(the_scene: Scene, size: int) -> None:
    for number in range(size):
        the_scene.api.meter(EVENT_NAME if number == 0 else f"other_{number}")


def _counting(the_scene: Scene, size: int) -> None:
    for _ in range(size):
        the_scene.api.meter(EVENT_NAME)


def _figures(store: Store, the_scene: Scene, clock: _Clock, times: int) -> dict[str, Any]:
    """What an event, a hundred, and each kind of read take now."""
    api = the_scene.api
    projection.project_all(store)
    customer_id = api.get("/v1/customers/external/user").body["id"]
    reads = {
        "balances": ("/v1/customers/" + customer_id + "/state", {}),
        "balance, one meter": ("/v1/customer-meters/", {"customer_id": customer_id}),
        "customers, first page": ("/v1/customers/", {}),
        "customer's events, first page": ("/v1/events/", {"customer_id": customer_id}),
        "all events, first page": ("/v1/events/", {}),
        "names of events": ("/v1/events/names", {}),
    }
    figures = {
        f"ingest {events}": _taken(
            store, clock, times, events, partial(_ingesting, the_scene, events)
        )
        for events in (1, 100)
    }
    for name, (path, parameters) in reads.items():
        figures[name] = _taken(
            store,
            clock,
            times,
            1,
            partial(_reading, api, path, parameters),
        )
    return {"figures": figures}


Act = Callable[[], Any]


def _ingesting(the_scene: Scene, events: int) -> Act:
    body = the_scene.body(["user"], events, ids=False)
    return _handling(the_scene.api, "POST", "/v1/events/ingest", body)


def _reading(api: Api, path: str, parameters: dict[str, Any]) -> Act:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return _handling(api, "GET", path, query=query)


def _handling(api: Api, method: str, path: str, body: bytes = b"", *, query: str = "") -> Act:
    name, event = api.event(method, path, body, query=query)

    def act() -> None:
        answer = HANDLERS[name](event, Context(name))
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])

    return act


def _taken(
    store: Store, clock: _Clock, times: int, events: int, prepare: Callable[[], Act]
) -> dict[str, float]:
    """Calls, units and CPU milliseconds, by event; the first time is warming up."""
    prepare()()
    seconds = []
    with consumption(store.client) as consumed:
        for _ in range(times):
            act = prepare()
            before = clock.handler_seconds()
            act()
            seconds.append(clock.handler_seconds() - before)
    return {
        "calls": len(consumed) / times / events,
        "units": sum(one.read + one.write for one in consumed) / times / events,
        "cpu_ms": statistics.median(seconds) * 1_000 / events,
    }


def _request(the_scene: Scene, body: bytes) -> None:
    _handling(the_scene.api, "POST", "/v1/events/ingest", body)()
