"""What an event costs: calls, units of capacity, and dollars for a million of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aureon.store import Store
from aureon.table import PAGE_MARK
from aureon_cli.gateway import Context
from bench.reference import reference
from bench.scene import EVENT_NAME, Scene, engine_process, scene
from tests import projection, queue
from tests.api import HANDLERS
from tests.costs import Consumed, consumption
from tests.recount import scan

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

PRICES: Final = Path(__file__).with_name("prices.json")
# The first requests of a container read its token and its meters; they are left out.
WARM: Final = 2


@dataclass(frozen=True)
class Case:
    """Requests, or messages of a queue, of so many events each, for so many customers each."""

    name: str
    events: int
    customers: int = 1
    ids: bool = False
    messages: int = 0
    index: bool = False

    @property
    def events_a_time(self) -> int:
        return self.events * (self.messages or 1)


CASES: Final = (
    Case("one event a request", 1),
    Case("one event a request, with an id", 1, ids=True, index=True),
    Case("100 events a request, one customer", 100),
    Case("100 events a request, one customer, with ids", 100, ids=True),
    Case("100 events a request, 20 customers", 100, 20),
    Case("100 events a request, 20 customers, with ids", 100, 20, ids=True),
    Case("1,000 events a request, one customer", 1_000),
    Case("queue: 10 messages of one event, one customer", 1, messages=10),
    Case("queue: 10 messages of 100 events, 50 customers", 100, 50, messages=10),
)


class Spent(NamedTuple):
    """What calls of a handler took: capacity by call, and CPU seconds of its process."""

    times: int
    consumed: list[Consumed]
    cpu_seconds: float

    @property
    def read(self) -> float:
        return sum(one.read for one in self.consumed)

    @property
    def write(self) -> float:
        return sum(one.write for one in self.consumed)

    def as_dict(self, events: int) -> dict[str, Any]:
        """By event, given how many events there were in all."""
        return {
            "write_units": self.write / events,
            "read_units": self.read / events,
            "calls": len(self.consumed) / self.times,
            "cpu_ms": self.cpu_seconds * 1_000 / events,
        }


def measure(*, times: int) -> dict[str, Any]:
    """Measure every case, each on customers of its own, so many requests or deliveries each."""
    prices = json.loads(PRICES.read_text())
    with engine_process() as store, scene(store) as the_scene:
        the_scene.api.meter(EVENT_NAME)
        return {
            "requests_a_case": times,
            "prices": prices,
            "cases": [_case(the_scene, case, times, prices) for case in CASES],
            "additions": _additions(store),
            "reads": _reads(store),
        }


def _case(the_scene: Scene, case: Case, times: int, prices: dict[str, Any]) -> dict[str, Any]:
    store, api = the_scene.store, the_scene.api
    customers = the_scene.customers(case.customers, prefix=f"case-{CASES.index(case)}")

    def body() -> bytes:
        return the_scene.body(customers, case.events, ids=case.ids)

    sizes: list[int] = []

    def request() -> Callable[[], Any]:
        content = body()
        sizes.append(len(content))
        name, event = api.event("POST", "/v1/events/ingest", content)
        return lambda: HANDLERS[name](event, Context(name))

    def delivery() -> Callable[[], Any]:
        contents = [body().decode() for _ in range(case.messages)]
        sizes.extend(map(len, contents))
        sent = [queue.Sent(api.organization_id, content) for content in contents]
        return lambda: queue.deliver(*sent)

    _pages(store)
    ours = spent(store.client, delivery if case.messages else request, times)
    events = times * case.events_a_time
    pages = _pages(store)
    at_once = prices["assumptions"]["pages_a_delivery"]
    deliveries = [pages[first : first + at_once] for first in range(0, len(pages), at_once)]
    waiting = iter(deliveries)

    def project() -> Callable[[], Any]:
        records = next(waiting)
        return lambda: _succeeds(projection.deliver(records))

    projecting = spent(store.client, project, len(deliveries), warm=0)
    with reference(store) as plain:
        theirs = spent(
            plain.client, lambda: _plain(the_scene, case, customers, plain.handler), times
        )
    measured = {
        "name": case.name,
        "events": case.events,
        "customers": case.customers,
        "ids": case.ids,
        "messages": case.messages,
        "bytes_an_event": sum(sizes) / len(sizes) / case.events,
        "ours": ours.as_dict(events),
        "projector": {**projecting.as_dict(events), "deliveries": len(deliveries) / events},
        "reference": theirs.as_dict(times * case.events),
        "operations": _operations(ours, times),
    }
    if case.index:
        with reference(store, indexed=True) as plain:
            theirs = spent(
                plain.client, lambda: _plain(the_scene, case, customers, plain.handler), times
            )
        measured["indexed_reference"] = theirs.as_dict(times * case.events)
    measured["usd_a_million"] = _price(case, measured, ours, projecting, sizes, events, prices)
    return measured


def spent(
    client: DynamoDBClient,
    prepare: Callable[[], Callable[[], Any]],
    times: int,
    *,
    warm: int = WARM,
) -> Spent:
    """What so many calls take, each prepared before it is measured."""
    for _ in range(warm):
        prepare()()
    with consumption(client) as consumed:
        cpu_seconds = 0.0
        for _ in range(times):
            act = prepare()
            before = time.process_time()
            act()
            cpu_seconds += time.process_time() - before
    return Spent(times, consumed, cpu_seconds)


def _plain(
    the_scene: Scene, case: Case, customers: Sequence[str], handler: Callable[..., Any]
) -> Callable[[], Any]:
    content = the_scene.body(list(customers), case.events, ids=case.ids)
    _, event = the_scene.api.event("POST", "/v1/events/ingest", content)
    return lambda: handler(event)


_seen: set[tuple[str, str]] = set()


def _pages(store: Store) -> list[dict[str, Any]]:
    """The records of the stream about pages that came since this was asked last."""
    found = []
    for item in scan(store):
        if PAGE_MARK in item and (item["pk"], item["sk"]) not in _seen:
            _seen.add((item["pk"], item["sk"]))
            found.append(item)
    return [projection.record(item) for item in sorted(found, key=lambda item: item["sk"])]


def _succeeds(failed: list[str]) -> None:
    if failed:
        raise RuntimeError(f"{len(failed)} pages were not projected")


def _operations(ours: Spent, times: int) -> dict[str, float]:
    operations: dict[str, float] = {}
    for one in ours.consumed:
        operations[one.operation] = operations.get(one.operation, 0) + 1
    return {name: number / times for name, number in sorted(operations.items())}


# Dollars.


def _price(
    case: Case,
    measured: dict[str, Any],
    ours: Spent,
    projecting: Spent,
    sizes: Sequence[int],
    events: int,
    prices: dict[str, Any],
) -> dict[str, float]:
    """What a million events cost, by service; the projector's whole share by itself."""
    usd = {name: price["usd"] for name, price in prices["prices"].items()}
    million = 1_000_000 / events
    dollars = {
        "dynamodb": million * _capacity(ours, usd),
        "lambda": million * _compute(ours, prices, usd),
    }
    if case.messages:
        chunks = sum(ceil(size / prices["chunks"]["sqs_bytes"]) for size in sizes)
        sent = chunks / len(sizes) * case.messages * ours.times
        # Each delivery is received and deleted in one call each, a receipt of 64 KB in a chunk.
        received = ours.times * (ceil(sent / ours.times / case.messages) + 1)
        dollars["sqs"] = million * (sent + received) * usd["sqs_request"]
        dollars["gateway"] = 0.0
    else:
        chunks = sum(ceil(size / prices["chunks"]["http_api_bytes"]) for size in sizes)
        dollars["gateway"] = million * ours.times * chunks / len(sizes) * usd["http_api_request"]
        dollars["sqs"] = 0.0
    dollars["projector"] = million * (
        _capacity(projecting, usd) + _compute(projecting, prices, usd)
    )
    dollars["all"] = sum(dollars.values())
    return dollars


def _capacity(spent: Spent, usd: dict[str, float]) -> float:
    return spent.write * usd["dynamodb_write_unit"] + spent.read * usd["dynamodb_read_unit"]


def _compute(spent: Spent, prices: dict[str, Any], usd: dict[str, float]) -> float:
    """Lambda bills how long a handler takes: its CPU, by its share of a core, and its waits."""
    assumed = prices["assumptions"]
    core = assumed["lambda_megabytes"] / assumed["lambda_megabytes_of_one_core"]
    seconds: float = spent.cpu_seconds / min(1, core) + sum(
        assumed["dynamodb_call_seconds"]["transaction" if one.write else "read"]
        for one in spent.consumed
    )
    gigabytes = assumed["lambda_megabytes"] / 1_024
    gigabyte_seconds: float = seconds * gigabytes
    return spent.times * usd["lambda_request"] + gigabyte_seconds * usd["lambda_gigabyte_second"]


# What comes on top, and reads.


@contextmanager
def _one(store: Store) -> Iterator[tuple[Scene, list[str]]]:
    with scene(store) as the_scene:
        yield the_scene, the_scene.customers(3)


def _ingest(the_scene: Scene, customer: str) -> float:
    """Write units of a request of one event."""
    content = the_scene.body([customer], 1, ids=False)
    with consumption(the_scene.store.client) as consumed:
        reply = the_scene.api.request("POST", "/v1/events/ingest", content)
    if reply.status != 200:
        raise RuntimeError(reply.text)
    return sum(one.write for one in consumed)


def _additions(store: Store) -> dict[str, float]:
    """What each of these adds to the write units of a request."""
    with _one(store) as (the_scene, (first, second, third)):
        api = the_scene.api
        api.meter(EVENT_NAME)
        _ingest(the_scene, first)
        known = _ingest(the_scene, first)
        new_balance = _ingest(the_scene, second) - known
        ghost = _ingest(the_scene, "nobody yet") - known - new_balance
        api.meter(EVENT_NAME)
        _ingest(the_scene, first)
        another_meter = _ingest(the_scene, first) - known
        api.meter(EVENT_NAME, func="unique", property="path")
        _ingest(the_scene, first)
        value = _ingest(the_scene, first) - known - 2 * another_meter
        del third
    return {
        "each further meter that counts the event": another_meter,
        "a value that is new to a unique meter": value,
        "the first balance of a customer, once": new_balance,
        "the first event for an external id that nobody has, once": ghost,
    }


def _reads(store: Store) -> list[dict[str, Any]]:
    """What reads take, of a customer with a balance of each of ten meters."""
    with _one(store) as (the_scene, (customer, *_)):
        api = the_scene.api
        for _ in range(10):
            api.meter(EVENT_NAME)
        _ingest(the_scene, customer)
        customer_id = api.get(f"/v1/customers/external/{customer}").body["id"]
        paths = {
            "balances of a customer, by id": f"/v1/customers/{customer_id}/state",
            "balances of a customer, by external id": f"/v1/customers/external/{customer}/state",
        }
        found = []
        for name, path in paths.items():
            api.get(path)
            with consumption(store.client) as consumed:
                reply = api.get(path)
            found.append(
                {
                    "name": name,
                    "meters": len(reply.body["active_meters"]),
                    "calls": len(consumed),
                    "read_units": sum(one.read for one in consumed),
                }
            )
        return found
