"""What the balances must be: counted again from the log, by other means than the ledger's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from aureon.domain.meters import Match, Meter, MeterSet
from aureon.domain.pages import Page
from aureon.ledger.plan import BalanceId
from aureon.storage import keys
from aureon.storage.store import Item, Store, from_attributes
from tests.support import inline_engine
from tests.support.memory_engine import InMemory


class Figures(NamedTuple):
    """What a balance has: its sums, its extremes, and its values' hashes."""

    sum: Decimal = Decimal(0)
    used: Decimal = Decimal(0)
    granted: Decimal = Decimal(0)
    expired: Decimal = Decimal(0)
    events: int = 0
    max: Decimal | None = None
    min: Decimal | None = None
    distinct: int = 0
    values: frozenset[str] = frozenset()


Balances = dict[BalanceId, Figures]


def scan(store: Store) -> Iterator[Item]:
    """Every item of the table."""
    if isinstance(store, InMemory):
        yield from store.everything()
        return
    if inline_engine.holds(store):
        yield from inline_engine.plain_contents(store).values()
        return
    parameters: dict[str, Any] = {"TableName": store.table, "ConsistentRead": True}
    while True:
        answer = store.client.scan(**parameters)
        yield from map(from_attributes, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def stored(store: Store) -> Balances:
    """The balances as they stand, by ledger, meter and generation, over all shards."""
    shards: defaultdict[BalanceId, list[Item]] = defaultdict(list)
    values: defaultdict[BalanceId, set[str]] = defaultdict(set)
    for item in scan(store):
        _, kind, *rest = item[keys.PARTITION].split("#")
        if kind == "CUSTOMER" and item[keys.SORT].startswith(keys.BALANCE_PREFIX):
            about = keys.parse_balance(item[keys.SORT])
            shards[BalanceId(rest[0], about.meter_id, about.generation)].append(item)
        elif kind == "UNIQUE":
            ledger_id, meter_id, generation = rest
            values[BalanceId(ledger_id, meter_id, int(generation))].add(item[keys.SORT])

    def total(items: list[Item], name: str) -> Decimal:
        return sum((item.get(name, Decimal(0)) for item in items), Decimal(0))

    found = {
        about: Figures(
            total(items, "sum"),
            total(items, "used"),
            total(items, "granted"),
            total(items, "expired"),
            int(total(items, "count")),
            max((item["max"] for item in items if "max" in item), default=None),
            min((item["min"] for item in items if "min" in item), default=None),
            int(total(items, "distinct")),
            frozenset(values.pop(about, ())),
        )
        for about, items in shards.items()
    }
    assert not values, "values without a balance"
    # A decision raises the `rev` of every ledger's balance, and may be the first to write one.
    return {about: figures for about, figures in found.items() if figures != Figures()}


def counted(store: Store) -> Balances:
    """The balances as the log makes them: each page under its own version's meters, and under
    those that came later as far as their backfill says that it has come."""
    items = list(scan(store))
    meters: defaultdict[str, list[Meter]] = defaultdict(list)
    counted_to: dict[BalanceId, str] = {}
    for item in items:
        organization_id, kind, *rest = item[keys.PARTITION].split("#")
        if kind == "METERS" and item[keys.SORT] != keys.VERSION_SORT:
            meters[organization_id].append(Meter.from_item(item))
        elif kind == "CUSTOMER" and "counted_to" in item:
            _, meter_id, generation, shard = item[keys.SORT].split("#")
            assert shard == "0"
            counted_to[BalanceId(rest[0], meter_id, int(generation))] = item["counted_to"]
    matches: defaultdict[BalanceId, list[Match]] = defaultdict(list)
    for organization_id, ledger_id, page in pages(items):
        for meter in meters[organization_id]:
            about = BalanceId(ledger_id, meter.id, meter.generation)
            alone = MeterSet.of(page.meter_version, [meter])
            for place, logged in enumerate(page.events):
                if page.meter_version >= meter.since_version:
                    counts = meter.archived_version is None or (
                        page.meter_version < meter.archived_version
                    )
                else:
                    position = keys.position(keys.page_sort(page.place), place)
                    counts = about in counted_to and position <= counted_to[about]
                if counts:
                    matches[about] += alone.match(logged.to_event())
    return {about: _figures(found) for about, found in matches.items() if found}


def _figures(matches: list[Match]) -> Figures:
    units = [match.units for match in matches]
    values = [match.value for match in matches if isinstance(match.value, Decimal)]
    hashes = frozenset(match.value.hex() for match in matches if isinstance(match.value, bytes))
    return Figures(
        sum(units, Decimal(0)),
        sum(
            (
                match.units
                for match in matches
                if (match.units > 0 and not match.expired) or match.refunded
            ),
            Decimal(0),
        ),
        -sum(
            (match.units for match in matches if match.units < 0 and not match.refunded), Decimal(0)
        ),
        sum((match.units for match in matches if match.expired), Decimal(0)),
        len(matches),
        max(values) if matches[0].function == "max" else None,
        min(values) if matches[0].function == "min" else None,
        len(hashes),
        hashes,
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
    """Every balance equals what the log makes of it, and no id has counted twice.

    Balances of a meter's past generations are left aside: nobody reads them any more.
    """
    log = counted(store)
    newest: dict[str, int] = {}
    for item in scan(store):
        if item[keys.PARTITION].split("#")[1] == "METERS" and item[keys.SORT] != keys.VERSION_SORT:
            newest[item["id"]] = int(item["generation"])
    current = {
        balance: figures
        for balance, figures in stored(store).items()
        if balance.generation == newest[balance.meter_id]
    }
    assert current == log
    ids = logged_ids(store)
    assert len(ids) == len(set(ids))
