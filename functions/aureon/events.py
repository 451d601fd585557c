"""Reading events: a ledger's own from its log, exact now; an organization's by the timeline.

A page holds events of one hour. So a ledger's newest events are in its newest hours, and what came
late is in its place. The timeline lists the pages of all ledgers by their latest events, a moment
after they were written.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Final, NamedTuple

from aureon import keys, projection, times
from aureon.domain.customers import Customer, Pointer
from aureon.domain.events import MAX_ID_CHARACTERS, parse_event_id
from aureon.domain.pages import Page
from aureon.domain.timeline import Entry
from aureon.errors import NotFound
from aureon.selection import Found, Selection
from aureon.store import MAX_BATCH_GET_KEYS, Item, Store

# A key's parts, and so an id, are no longer; longer texts are nobody's.
MAX_EVENT_ID_CHARACTERS: Final = 1_300
# Reading begins with so many pages, and goes on with twice as many each time.
FIRST_PAGES: Final = 2
MOST_PAGES: Final = MAX_BATCH_GET_KEYS
# How many events are looked at to count those that a selection has, beyond those that are shown.
MAX_COUNTED: Final = 10_000


class Shown(NamedTuple):
    """An event, and its customer, deleted or not; None where a ghost's event has none yet."""

    found: Found
    customer: Customer | None


class Listed(NamedTuple):
    """A part of a list, and how many there are in all: at least, where counting was given up."""

    items: list[Shown]
    total: int


class EventName(NamedTuple):
    """The events of one name: how many there are, and the times of the first and the last."""

    source: str
    name: str
    occurrences: int
    first_seen: str
    last_seen: str

    @classmethod
    def from_item(cls, item: Item) -> EventName:
        source, name = keys.parse_name(item[keys.SORT])
        return cls(source, name, int(item["count"]), item["first_seen"], item["last_seen"])

    def merge(self, other: EventName) -> EventName:
        return self._replace(
            occurrences=self.occurrences + other.occurrences,
            first_seen=min(self.first_seen, other.first_seen),
            last_seen=max(self.last_seen, other.last_seen),
        )


def get(store: Store, organization_id: str, event_id: str) -> Shown:
    """Read an event by its id, which is its place in the log. Raises `NotFound`."""
    if not 0 < len(event_id) <= MAX_EVENT_ID_CHARACTERS:
        raise NotFound("There is no such event.")
    try:
        place = parse_event_id(event_id)
    except ValueError as error:
        raise NotFound("There is no such event.") from error
    item = store.get(keys.page(organization_id, place.ledger_id, place.page))
    page = None if item is None else Page.from_item(item)
    for event in page.events if page else ():
        if page and event.offset == place.offset:
            found = Found(place, event, page.external_customer_id)
            return with_customers(store, organization_id, [found])[0]
    raise NotFound("There is no such event.")


def find(
    store: Store,
    organization_id: str,
    selection: Selection,
    *,
    ledger_ids: Collection[str] | None,
    oldest_first: bool,
    part: slice,
) -> Listed:
    """A part of the selected events of some ledgers; of all where `ledger_ids` is None.

    The newest come first, or the oldest. The total is exact where the list was read to its end.
    Else it follows by a moment where names and sources alone decide; where something else does,
    events are counted until `MAX_COUNTED` were looked at beyond the part, and the total is what was
    counted: at least one more than the part has.
    """
    if ledger_ids is None:
        events = of_everyone(store, organization_id, selection, oldest_first=oldest_first)
    else:
        events = of_ledgers(
            store, organization_id, selection, ledger_ids, oldest_first=oldest_first
        )
    shown: list[Found] = []
    selected = beyond = 0
    for found in events:
        beyond += selected >= part.stop
        if selection.has(found):
            selected += 1
            if part.start < selected <= part.stop:
                shown.append(found)
        if selected > part.stop and (selection.by_name_alone or beyond >= MAX_COUNTED):
            break
    else:
        return Listed(with_customers(store, organization_id, shown), selected)
    if selection.by_name_alone:
        counts = names(store, organization_id, ledger_ids)
        selected = max(
            selected,
            sum(name.occurrences for name in counts if selection.has_name(name.source, name.name)),
        )
    return Listed(with_customers(store, organization_id, shown), selected)


def of_ledgers(
    store: Store,
    organization_id: str,
    selection: Selection,
    ledger_ids: Collection[str],
    *,
    oldest_first: bool,
) -> Iterator[Found]:
    """The events of some ledgers that happened in time, in order: exact now."""
    return heapq.merge(
        *(
            _of_ledger(store, organization_id, selection, ledger_id, oldest_first=oldest_first)
            for ledger_id in ledger_ids
        ),
        key=_order,
        reverse=not oldest_first,
    )


def of_everyone(
    store: Store, organization_id: str, selection: Selection, *, oldest_first: bool
) -> Iterator[Found]:
    """The events of all ledgers that happened in time, in order, as far as they are projected.

    Pages are read a few at a time, and an event is given out once no page that is left can have one
    that comes before it.
    """
    entries = _entries(store, organization_id, selection, oldest_first=oldest_first)
    following = next(entries, None)
    waiting: list[Found] = []
    size = FIRST_PAGES
    while following is not None:
        some = [following, *islice(entries, size - 1)]
        following = next(entries, None)
        size = min(2 * size, MOST_PAGES)
        waiting += _of_entries(store, organization_id, selection, some)
        waiting.sort(key=_order, reverse=not oldest_first)
        ready = sum(_comes_before(found, following, oldest_first) for found in waiting)
        yield from waiting[:ready]
        del waiting[:ready]


def _of_ledger(
    store: Store,
    organization_id: str,
    selection: Selection,
    ledger_id: str,
    *,
    oldest_first: bool,
) -> Iterator[Found]:
    items = _read(store, keys.log(organization_id, ledger_id), selection.hours, oldest_first)
    for _, of_hour in groupby(items, key=lambda item: keys.parse_page(item[keys.SORT]).hour):
        found = selection.in_time(ledger_id, map(Page.from_item, of_hour))
        yield from sorted(found, key=_order, reverse=not oldest_first)


def _entries(
    store: Store, organization_id: str, selection: Selection, *, oldest_first: bool
) -> Iterator[Entry]:
    """The entries of the timeline that may have events in time, by their latest event."""
    epoch = projection.epochs(store, organization_id).current
    start = "" if selection.start is None else times.to_text(selection.start)
    end = keys.PAGES_END if selection.end is None else times.to_text(selection.end)
    # A page's latest event is in the hour of its earliest.
    between = (start, selection.hours[1])
    slices = (
        map(
            Entry.from_item,
            _read(store, keys.timeline(organization_id, epoch, slice_), between, oldest_first),
        )
        for slice_ in range(keys.PROJECTION_SLICES)
    )
    for entry in heapq.merge(*slices, reverse=not oldest_first):
        if entry.earliest < end:
            yield entry


def _of_entries(
    store: Store, organization_id: str, selection: Selection, entries: Sequence[Entry]
) -> Iterator[Found]:
    pages = {keys.page(organization_id, entry.ledger_id, entry.place): entry for entry in entries}
    for key, item in store.batch_get(pages).items():
        yield from selection.in_time(pages[key].ledger_id, [Page.from_item(item)])


def _comes_before(found: Found, entry: Entry | None, oldest_first: bool) -> bool:
    """Whether an event comes before all of a page, and of the pages that follow it."""
    if entry is None:
        return True
    if oldest_first:
        # Its earliest event, and theirs, are in the hour of its latest event, or later.
        return found.event.timestamp < entry.latest[: len("2026-11-24T01")]
    return found.event.timestamp > entry.latest


def _read(
    store: Store, partition: str, between: tuple[str, str], oldest_first: bool
) -> Iterator[Item]:
    """Read a part of a partition: little at first, since most want little, then more and more."""
    since, before = between
    size = FIRST_PAGES
    after: str | None = None
    while since <= before:
        query = store.query(
            partition,
            since=since,
            before=before,
            after=after,
            newest_first=not oldest_first,
            at_a_time=size,
        )
        items = list(islice(query, size))
        yield from items
        if len(items) < size:
            return
        after = items[-1][keys.SORT]
        size = min(2 * size, MOST_PAGES)


def _order(found: Found) -> tuple[str, str, str, int]:
    return found.order


def names(
    store: Store, organization_id: str, ledger_ids: Collection[str] | None
) -> list[EventName]:
    """The names of some ledgers' events; of all where `ledger_ids` is None."""
    epoch = projection.epochs(store, organization_id).current
    found: dict[tuple[str, str], EventName] = {}
    for scope in projection.scopes() if ledger_ids is None else ledger_ids:
        for item in store.query(keys.names(organization_id, epoch, scope)):
            name = EventName.from_item(item)
            about = (name.source, name.name)
            found[about] = found[about].merge(name) if about in found else name
    return list(found.values())


def ledgers(
    store: Store,
    organization_id: str,
    *,
    customer_ids: Collection[str] = (),
    external_ids: Collection[str] = (),
) -> Collection[str] | None:
    """The ledgers of customers that are named by every way that is used; None where none is.

    Deleted customers have theirs, and ghosts; who does not exist has none.
    """
    named: list[set[str]] = []
    if customer_ids:
        named.append(_ledgers_of(store, organization_id, customer_ids))
    if external_ids:
        pointers = store.batch_get(
            keys.external(organization_id, external_id)
            for external_id in external_ids
            if 0 < len(external_id) <= MAX_ID_CHARACTERS
        )
        led_to = [
            pointer
            for pointer in map(Pointer.from_item, pointers.values())
            if pointer.state != "released"
        ]
        owners = [pointer.customer_id for pointer in led_to]
        theirs = _ledgers_of(store, organization_id, owners) if owners else set()
        named.append(theirs | {pointer.ledger_id for pointer in led_to})
    return set.intersection(*named) if named else None


def with_customers(store: Store, organization_id: str, found: Sequence[Found]) -> list[Shown]:
    """Read whose events these are: a customer's ledger has its id, or was linked to it later."""
    wanted = {keys.customer(organization_id, one.place.ledger_id) for one in found}
    wanted |= {
        keys.external(organization_id, one.external_customer_id)
        for one in found
        if one.external_customer_id is not None
    }
    items = store.batch_get(wanted)
    owners = {one: _owner(organization_id, one, items) for one in set(map(_named, found))}
    linked = {keys.customer(organization_id, owner) for owner in owners.values() if owner}
    items |= store.batch_get(linked - items.keys())
    return [
        Shown(one, _customer(items.get(keys.customer(organization_id, owner))) if owner else None)
        for one in found
        for owner in [owners[_named(one)]]
    ]


def _named(found: Found) -> tuple[str, str | None]:
    return found.place.ledger_id, found.external_customer_id


def _owner(
    organization_id: str, named: tuple[str, str | None], items: Mapping[keys.Key, Item]
) -> str | None:
    """The id of the customer that a ledger belongs to, if there is one."""
    ledger_id, external_id = named
    if _customer(items.get(keys.customer(organization_id, ledger_id))) is not None:
        return ledger_id
    pointer = external_id and items.get(keys.external(organization_id, external_id))
    if pointer and pointer["state"] == "customer" and pointer["ledger_id"] == ledger_id:
        customer_id: str = pointer["customer_id"]
        return customer_id
    return None


def _customer(item: Item | None) -> Customer | None:
    """The customer of an item, deleted or not."""
    return None if item is None or "created_at" not in item else Customer.from_item(item)


def _ledgers_of(store: Store, organization_id: str, customer_ids: Iterable[str]) -> set[str]:
    items = store.batch_get(
        keys.customer(organization_id, customer_id)
        for customer_id in customer_ids
        if 0 < len(customer_id) <= MAX_ID_CHARACTERS
    )
    customers = [customer for item in items.values() if (customer := _customer(item)) is not None]
    return {ledger_id for customer in customers for ledger_id in customer.ledger_ids}
