"""Reading breakdowns: a meter's quantities by the values that a property of events has.

They come from the read models alone, a day and a value an item, and are exact as quantities are.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import Struct

from aureon.domain import breakdowns
from aureon.domain.breakdowns import OTHER, Value
from aureon.domain.customers import Customer
from aureon.domain.meters import Meter
from aureon.projection import contributions, projector
from aureon.reads.quantity_series import Quantities
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore

# Of values and days: each is an item, of 4 KB at most.
MAX_ITEMS: Final = 20_000
# How many values an answer tells apart: each with all its intervals.
DEFAULT_GROUPS: Final = 10
MAX_GROUPS: Final = 100

# When a `unique` meter met a value, to the quarter of an hour, and its hash.
_Met = tuple[datetime, str]


class TooManyItems(Exception):
    """There are more values and days than are read at once."""


class Broken(NamedTuple):
    """The quantities of the events in which a property has one value.

    Of a `customer`, who it is; None where nobody has the external id yet.
    """

    value: Value
    quantities: Quantities
    customer: Customer | None = None


def read(
    store: OrganizationStore,
    meter: Meter,
    place: int,
    boundaries: Sequence[datetime],
    *,
    ledger_ids: Collection[str] | None,
    limit: int,
) -> list[Broken]:
    """The quantities of the greatest values of a property, by its place in `group_by`.

    The greatest come first, at most so many; all others follow as one. Of credits, those are the
    greatest that used the most: what was granted must not put them last. Raises `TooManyItems` and
    `TooManyValues`.
    """
    found = _Reader(store, meter, place, boundaries, ledger_ids).read()
    customers: dict[str, Customer] = {}
    if meter.group_by[place] == breakdowns.CUSTOMER:
        found, customers = _by_customer(store, found)
    whole = found.pop(OTHER, None)
    ordered = sorted(found, key=lambda value: (-found[value].size(), value))
    rest = [found[value] for value in ordered[limit:]]
    shown = [
        Broken(breakdowns.read(value), found[value].quantities(), customers.get(value))
        for value in ordered[:limit]
    ]
    if whole is not None or rest:
        others = _Gathered(meter, boundaries)
        for each in (*rest, *([] if whole is None else [whole])):
            others.merge(each)
        shown.append(Broken(breakdowns.read(OTHER), others.quantities()))
    return shown


class _Gathered:
    """What is read of one value; of a `unique` meter, the values that it met, by their slice."""

    def __init__(self, meter: Meter, boundaries: Sequence[datetime]) -> None:
        self._meter = meter
        self._boundaries = boundaries
        self.figures = Quantities(meter.aggregation.func, boundaries)
        self.met: defaultdict[str, list[list[_Met]]] = defaultdict(list)

    def quantities(self) -> Quantities:
        """Raises `TooManyValues`."""
        if self._meter.aggregation.func != "unique":
            return self.figures
        found = Quantities("unique", self._boundaries)
        for lists in self.met.values():
            found.add_values(heapq.merge(*lists))
        return found

    def size(self) -> Decimal:
        """What was used, or the total where the meter counts no credits. Raises `TooManyValues`."""
        quantities = self.quantities()
        moved = quantities.moved()
        return quantities.total() if moved is None else moved.used

    def merge(self, other: _Gathered) -> None:
        self.figures.merge(other.figures)
        for slice_, lists in other.met.items():
            self.met[slice_] += lists


class _Reader(Struct, frozen=True):
    store: OrganizationStore
    meter: Meter
    place: int
    boundaries: Sequence[datetime]
    ledger_ids: Collection[str] | None

    def read(self) -> dict[str, _Gathered]:
        """What is projected, by value."""
        found: dict[str, _Gathered] = {}
        everyone = self.ledger_ids is None
        for scope in projector.scopes() if self.ledger_ids is None else self.ledger_ids:
            # Values of different slices are different; those of different ledgers need not be.
            for value, moment, figures, met in self._projected(scope):
                gathered = found.get(value)
                if gathered is None:
                    gathered = found[value] = _Gathered(self.meter, self.boundaries)
                if met is None:
                    gathered.figures.add(moment, figures)
                    continue
                lists = gathered.met[scope if everyone else ""]
                if not lists or lists[-1][-1] > (moment, met):
                    lists.append([])
                lists[-1].append((moment, met))
        return found

    def _projected(
        self, scope: str
    ) -> Iterator[tuple[str, datetime, Mapping[str, object], str | None]]:
        """Values with the figures of a quarter of an hour, or with what was met in it."""
        times = Quantities(self.meter.aggregation.func, self.boundaries)
        for number, item in enumerate(self._items(scope, *times.days)):
            if number == MAX_ITEMS:
                raise TooManyItems
            sort = item[keys.SORT]
            if self.meter.aggregation.func == "unique":
                _, quarter, value, met = keys.parse_breakdown_value(sort)
                moment = datetime.fromisoformat(quarter).replace(tzinfo=UTC)
                if times.has(moment):
                    yield value, moment, {}, met
            else:
                _, day, value = keys.parse_breakdown_day(sort)
                midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
                for moment, figures in contributions.quarters(item, midnight):
                    if times.has(moment):
                        yield value, moment, figures, None

    def _items(self, scope: str, first: str, last: str) -> Iterator[Item]:
        epoch = projector.epochs(self.store).current
        partition = self.store.keys.breakdown(epoch, scope, self.meter.id, self.meter.grouping)
        return self.store.query(
            partition,
            since=keys.breakdown_day(self.place, first),
            before=keys.beyond(keys.breakdown_day(self.place, last)),
        )


def _by_customer(
    store: OrganizationStore, found: Mapping[str, _Gathered]
) -> tuple[dict[str, _Gathered], dict[str, Customer]]:
    """The same by customers in the place of ledgers, of which one may have several; and who each
    is. A ledger whose external id nobody has yet stays as it is.
    """
    ledgers = {
        value: store.keys.customer(str(breakdowns.read(value).value))
        for value in found
        if value != OTHER
    }
    items = store.batch_get(ledgers.values())
    linked = {
        value: store.keys.customer(items[key]["linked_to"])
        for value, key in ledgers.items()
        if "linked_to" in items.get(key, {})
    }
    items |= store.batch_get(set(linked.values()) - items.keys())
    merged: dict[str, _Gathered] = {}
    customers: dict[str, Customer] = {}
    for value, gathered in found.items():
        item = items.get(linked.get(value, ledgers.get(value, keys.Key("", ""))), {})
        if "created_at" in item:
            customer = Customer.from_item(item)
            value = breakdowns.written_ledger(customer.id)
            customers[value] = customer
        if value in merged:
            merged[value].merge(gathered)
        else:
            merged[value] = gathered
    return merged, customers
