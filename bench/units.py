"""What an event costs: calls, units of capacity, and dollars for a million of them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aureon.storage.store import Store, from_attributes
from aureon.storage.table import PAGE_MARK
from bench.reference import reference
from bench.scene import EVENT_NAME, INGEST, Act, Scene, engine_process, scene
from tests.support import projected
from tests.support.costs import Consumed, consumption
from tests.support.deliveries import Sent, deliver

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

PRICES: Final = Path(__file__).with_name("prices.json")
# The first requests of a container read its token and its meters; they are left out.
WARM: Final = 2
# Of the reference, whose figures hardly differ: each event is a transaction, and takes its time.
REFERENCE_EVENTS: Final = 200
# Single events are measured so many times as often.
SINGLE: Final = 3
# A rank has two digits: this keeps its own for a million units and more.
CREDITS: Final = 105 * 10**7
# So many pages that the projector gets together.
TOGETHER: Final = (1, 3, 10, 30, 100)


@dataclass(frozen=True)
class Case:
    """Requests, or messages of a queue, of so many events each, for so many customers each."""

    name: str
    events: int
    customers: int = 1
    ids: bool = False
    messages: int = 0

    def times(self, times: int) -> int:
        """How often it is measured, if the others are so often: single events fill deliveries."""
        return times if self.events_a_time > 1 else SINGLE * times

    @property
    def events_a_time(self) -> int:
        return self.events * (self.messages or 1)


CASES: Final = (
    Case("one event a request", 1),
    Case("one event a request, with an id", 1, ids=True),
    Case("one event a request, each of another customer", 1, 30),
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
            "cases": [_case(the_scene, case, case.times(times), prices) for case in CASES],
            "together": [
                _together(the_scene, pages, customers, prices)
                for customers in (1, TOGETHER[-1])
                for pages in TOGETHER
            ],
            "additions": _additions(store),
        }


def _case(the_scene: Scene, case: Case, times: int, prices: dict[str, Any]) -> dict[str, Any]:
    store, api = the_scene.store, the_scene.api
    customers = _with_credits(the_scene, case.customers, prefix=f"case-{CASES.index(case)}")

    turns = itertools.count()

    def body() -> bytes:
        turn = next(turns) % case.customers
        return the_scene.body([*customers[turn:], *customers[:turn]], case.events, ids=case.ids)

    sizes: list[int] = []

    def request() -> Act:
        content = body()
        sizes.append(len(content))
        return the_scene.call("POST", INGEST, content)

    def delivery() -> Act:
        contents = [body().decode() for _ in range(case.messages)]
        sizes.extend(map(len, contents))
        sent = [Sent(api.organization_id, content) for content in contents]
        return lambda: deliver(*sent)

    prepare = delivery if case.messages else request
    for _ in range(WARM * case.customers):
        prepare()()
    with projecting(store, prices) as projector:
        ours = spent(store.client, prepare, times, warm=0)
    events = times * case.events_a_time
    measured = {
        "name": case.name,
        "events": case.events,
        "customers": case.customers,
        "ids": case.ids,
        "messages": case.messages,
        "bytes_an_event": sum(sizes) / len(sizes) / case.events,
        "ours": ours.as_dict(events),
        "projector": projector[0].as_dict(events),
        "reference": _reference(the_scene, case, customers, ceil(REFERENCE_EVENTS / case.events)),
    }
    measured["usd_a_million"] = _price(case, measured, ours, projector[0], sizes, events, prices)
    return measured


def _together(
    the_scene: Scene, pages: int, customers: int, prices: dict[str, Any]
) -> dict[str, Any]:
    """What the projector takes for single events of so many customers, so many pages at once."""
    names = _with_credits(the_scene, min(pages, customers), f"together-{pages}-{customers}")
    with projecting(the_scene.store, prices, at_once=pages) as projector:
        for name in itertools.islice(itertools.cycle(names), 2 * pages):
            the_scene.ingestion([name], 1)()
    return {
        "pages": pages,
        "customers": customers,
        **projector[0].as_dict(2 * pages),
        "usd_a_million": sum(own_usd(projector[0], 2 * pages, prices).values()),
    }


def _with_credits(the_scene: Scene, number: int, prefix: str) -> list[str]:
    """Customers with many credits, whom the projector has seen, as most are.

    What is measured changes where none of them ranks.
    """
    names = the_scene.customers(number, prefix=prefix)
    for name in names:
        granted = {
            "name": EVENT_NAME,
            "external_customer_id": name,
            "metadata": {"units": -CREDITS},
        }
        the_scene.api.ingest(granted)
    _succeeds(projected.deliver(_pages(the_scene.store)))
    return names


def spent(
    client: DynamoDBClient,
    prepare: Callable[[], Act],
    times: int,
    *,
    warm: int = WARM,
) -> Spent:
    """What so many calls take, each prepared before it is measured."""
    for _ in range(warm):
        prepare()()
    consumed: list[Consumed] = []
    cpu_seconds = 0.0
    for _ in range(times):
        act = prepare()
        with consumption(client) as more:
            before = time.process_time()
            act()
            cpu_seconds += time.process_time() - before
        consumed += more
    return Spent(times, consumed, cpu_seconds)


@contextmanager
def projecting(
    store: Store, prices: dict[str, Any], at_once: int | None = None
) -> Iterator[list[Spent]]:
    """What the projector takes for pages that are written within: a `Spent`, once it is over.

    It gets so many at once, else as many as the assumptions say.
    """
    found: list[Spent] = []
    _pages(store)
    yield found
    pages = _pages(store)
    at_once = at_once or prices["assumptions"]["pages_a_delivery"]
    deliveries = [pages[first : first + at_once] for first in range(0, len(pages), at_once)]
    waiting = iter(deliveries)

    def project() -> Act:
        records = next(waiting)
        return lambda: _succeeds(projected.deliver(records))

    found.append(spent(store.client, project, len(deliveries), warm=0))


def _reference(the_scene: Scene, case: Case, customers: list[str], times: int) -> dict[str, Any]:
    """What the same requests take where each event is a transaction."""
    with reference(the_scene.store) as plain:

        def request() -> Act:
            content = the_scene.body(customers, case.events, ids=case.ids)
            _, event = the_scene.api.event("POST", INGEST, content)
            return lambda: plain.handler(event)

        return spent(plain.client, request, times, warm=0).as_dict(times * case.events)


_seen: set[tuple[str, str]] = set()


def _pages(store: Store) -> list[dict[str, Any]]:
    """The records of the stream about pages that came since this was asked last."""
    found = []
    scanned = store.client.get_paginator("scan").paginate(
        TableName=store.table,
        FilterExpression="attribute_exists(#mark)",
        ExpressionAttributeNames={"#mark": PAGE_MARK},
    )
    for item in (from_attributes(one) for answer in scanned for one in answer["Items"]):
        if (item["pk"], item["sk"]) not in _seen:
            _seen.add((item["pk"], item["sk"]))
            found.append(item)
    return [projected.record(item) for item in sorted(found, key=lambda item: item["sk"])]


def _succeeds(failed: list[str]) -> None:
    if failed:
        raise RuntimeError(f"{len(failed)} pages were not projected")


# Dollars.


def _price(
    case: Case,
    measured: dict[str, Any],
    ours: Spent,
    projector: Spent,
    sizes: Sequence[int],
    events: int,
    prices: dict[str, Any],
) -> dict[str, float]:
    """What a million events cost, by service; the projector's whole share by itself."""
    usd = {name: price["usd"] for name, price in prices["prices"].items()}
    million = 1_000_000 / events
    dollars = own_usd(ours, events, prices)
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
    dollars["projector"] = sum(own_usd(projector, events, prices).values())
    dollars["all"] = sum(dollars.values())
    return dollars


def own_usd(spent: Spent, times: int, prices: dict[str, Any]) -> dict[str, float]:
    """Dollars for a million of what was done so many times, DynamoDB's and Lambda's."""
    usd = {name: price["usd"] for name, price in prices["prices"].items()}
    capacity = spent.write * usd["dynamodb_write_unit"] + spent.read * usd["dynamodb_read_unit"]
    million = 1_000_000 / times
    return {"dynamodb": million * capacity, "lambda": million * _compute_usd(spent, prices, usd)}


def _compute_usd(spent: Spent, prices: dict[str, Any], usd: dict[str, float]) -> float:
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


# What comes on top.


def _ingest(the_scene: Scene, customer: str) -> float:
    """Write units of a request of one event."""
    act = the_scene.ingestion([customer], 1)
    with consumption(the_scene.store.client) as consumed:
        act()
    return sum(one.write for one in consumed)


def _additions(store: Store) -> dict[str, float]:
    """What each of these adds to the write units of a request."""
    with scene(store) as the_scene:
        first, second = the_scene.customers(2)
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
    return {
        "each further meter that counts the event": another_meter,
        "a value that is new to a unique meter": value,
        "the first balance of a customer, once": new_balance,
        "the first event for an external id that nobody has, once": ghost,
    }
