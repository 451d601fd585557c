"""What the balances must be: counted again from the log, by other means than the ledger's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from aureon import keys
from aureon.domain.events import Event, Named
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import LoggedEvent, Page
from aureon.store import Item, Store, from_attributes
from aureon.times import from_text

Sums = dict[tuple[str, str], tuple[Decimal, Decimal, Decimal, int]]


def scan(store: Store) -> Iterator[Item]:
    """Every item of the table."""
    parameters: dict[str, Any] = {"TableName": store.table, "ConsistentRead": True}
    while True:
        answer = store.client.scan(**parameters)
        yield from map(from_attributes, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def stored(store: Store) -> Sums:
    """The balances as they stand, by ledger and meter, over all shards."""
    sums: Sums = {}
    for item in scan(store):
        _, kind, *rest = item[keys.PARTITION].split("#")
        if kind == "CUSTOMER" and item[keys.SORT].startswith(keys.BALANCE_PREFIX):
            about = rest[0], keys.parse_balance(item[keys.SORT]).meter_id
            before = sums.get(about, (Decimal(0), Decimal(0), Decimal(0), 0))
            sums[about] = (
                before[0] + item["sum"],
                before[1] + item["used"],
                before[2] + item["granted"],
                before[3] + int(item["count"]),
            )
    # A decision raises the `rev` of every ledger's balance, and may be the first to write one.
    return {about: figures for about, figures in sums.items() if any(figures)}


def counted(store: Store) -> Sums:
    """The balances as the pages of the log make them, each under its own version's meters."""
    items = list(scan(store))
    meters: defaultdict[str, list[Meter]] = defaultdict(list)
    for item in items:
        organization_id, kind, *_ = item[keys.PARTITION].split("#")
        if kind == "METERS" and item[keys.SORT] != keys.VERSION_SORT:
            meters[organization_id].append(Meter.from_item(item))
    values: defaultdict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for organization_id, ledger_id, page in pages(items):
        meter_set = MeterSet(page.meter_version, meters[organization_id])
        for logged in page.events:
            for match in meter_set.match(as_event(logged)):
                values[ledger_id, match.meter_id].append(match.units)
    return {
        about: (
            sum(units, Decimal(0)),
            sum((unit for unit in units if unit > 0), Decimal(0)),
            -sum((unit for unit in units if unit <= 0), Decimal(0)),
            len(units),
        )
        for about, units in values.items()
    }


def as_event(logged: LoggedEvent) -> Event:
    """A logged event as meters look at it: whose it is doesn't matter to them."""
    return Event(
        position=0,
        customer=Named(False, ""),
        name=logged.name,
        timestamp=from_text(logged.timestamp),
        metadata=logged.metadata,
        source=logged.source,
    )


def pages(items: list[Item]) -> Iterator[tuple[str, str, Page]]:
    """The pages among items, each with its organization and ledger."""
    for item in items:
        organization_id, kind, *rest = item[keys.PARTITION].split("#")
        # What does not begin with a year is no page.
        if kind == "LOG" and item[keys.SORT][0].isdigit():
            yield organization_id, rest[0], Page.from_item(item)


def logged_ids(store: Store) -> list[tuple[str, str]]:
    """The organizations and external ids of all events in the log: none may stand twice."""
    return [
        (organization_id, event.external_id)
        for organization_id, _, page in pages(list(scan(store)))
        for event in page.events
        if event.external_id is not None
    ]


def assert_conserved(store: Store) -> None:
    """Every balance equals what the log makes of it, and no id has counted twice."""
    assert stored(store) == counted(store)
    ids = logged_ids(store)
    assert len(ids) == len(set(ids))
