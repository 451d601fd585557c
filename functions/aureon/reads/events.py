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

from aureon.core import times
from aureon.core.errors import NotFound
from aureon.core.identifiers import is_external_id, is_id
from aureon.domain.customers import Customer, Pointer
from aureon.domain.events import EventLocation, parse_event_id
from aureon.domain.lots import Change, place_of
from aureon.domain.pages import Page, actor_of
from aureon.domain.refunds import Refund, Refunds
from aureon.projection import projector
from aureon.projection.timeline import MINUTE, Entry, entries_of, in_order
from aureon.reads.selection import Found, Selection
from aureon.storage import keys
from aureon.storage.keys import Keys
from aureon.storage.limits import MAX_BATCH_GET_KEYS
from aureon.storage.store import Item, OrganizationStore, Store

# A key's parts, and so an id, are no longer; longer texts are nobody's.
# Reading begins with so many pages, and goes on with twice as many each time.
FIRST_PAGES: Final = 2
MOST_PAGES: Final = MAX_BATCH_GET_KEYS
# To count those that a selection has, so many events are looked at beyond those that are shown, in
# so many pages at most; where times alone decide, so many blocks of each slice of the timeline.
MAX_COUNTED: Final = 10_000
MAX_PAGES_COUNTED: Final = MOST_PAGES
MAX_BLOCKS_COUNTED: Final = 500


class Shown(NamedTuple):
    """An event, and its customer, deleted or not; None where a ghost's event has none yet."""

    found: Found
    customer: Customer | None


class Listed(NamedTuple):
    """A part of a list, and how many there are in all: at least, where that is not `counted`."""

    items: list[Shown]
    total: int
    counted: bool = True


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


def get(store: OrganizationStore, event_id: str) -> tuple[Shown, Refunds]:
    """Read an event by its id, which is its place in the log, and what was given back of it.

    Raises `NotFound`.
    """
    try:
        place = parse_event_id(event_id)
    except ValueError as error:
        raise NotFound("There is no such event.") from error
    page_key = store.keys.page(place.ledger_id, place.page)
    refunds_key = store.keys.refunds(event_id)
    items = store.batch_get([page_key, refunds_key])
    item = items.get(page_key)
    page = None if item is None else Page.from_item(item)
    for event in page.events if page else ():
        if item and page and event.offset == place.offset:
            named = page.external_customer_id
            found = Found(place, event, named, actor=page.actor, note=page.note)
            refunds = Refunds.from_item(items.get(refunds_key))
            if "change" in item:
                refunds = _void_of_lot(store, place, Change.from_item(item["change"]))
            return with_customers(store, [found])[0], refunds
    raise NotFound("There is no such event.")


def _void_of_lot(store: OrganizationStore, place: EventLocation, change: Change) -> Refunds:
    """That a grant with terms was taken back, if it was."""
    lot = change.granted
    if lot is None or place_of(place.ledger_id, lot) != place:
        return Refunds()
    item = store.get(store.keys.void(place.ledger_id, lot.id))
    if item is None:
        return Refunds()
    at = times.from_text(item["at"])
    actor = actor_of(item)
    return Refunds(
        (
            Refund(
                item.get("event_id"), at, "", b"", void=True, reason=item.get("reason"), actor=actor
            ),
        )
    )


def find(
    store: OrganizationStore,
    selection: Selection,
    *,
    ledger_ids: Collection[str] | None,
    oldest_first: bool,
    part: slice,
) -> Listed:
    """A part of the selected events of some ledgers; of all where `ledger_ids` is None.

    The newest come first, or the oldest. The total is exact where the list was read to its end.
    Else it follows by a moment where names and sources alone decide, or, of everyone's events,
    times alone. Where something else does, events are counted in a bounded number of pages, and the
    total is what was counted: at least one more than the part has.
    """
    if ledger_ids is None:
        events = of_everyone(store, selection, oldest_first=oldest_first)
    else:
        events = of_ledgers(store, selection, ledger_ids, oldest_first=oldest_first)
    by_name = selection.by_name_alone
    by_entries = ledger_ids is None and selection.by_time_alone and not by_name
    shown: list[Found] = []
    selected = beyond = 0
    pages: set[tuple[str, keys.PageKey]] = set()
    for found in events:
        if selected >= part.stop:
            beyond += 1
            pages.add((found.place.ledger_id, found.place.page))
        if selection.has(found):
            selected += 1
            if part.start < selected <= part.stop:
                shown.append(found)
        if selected > part.stop and (
            by_name or by_entries or beyond >= MAX_COUNTED or len(pages) >= MAX_PAGES_COUNTED
        ):
            break
    else:
        return Listed(with_customers(store, shown), selected)
    if by_entries:
        total, counted = _count(store, selection)
        return Listed(with_customers(store, shown), max(selected, total), counted)
    if by_name:
        counts = names(store, ledger_ids)
        selected = max(
            selected,
            sum(name.occurrences for name in counts if selection.has_name(name.source, name.name)),
        )
    return Listed(with_customers(store, shown), selected, by_name)


def _count(store: OrganizationStore, selection: Selection) -> tuple[int, bool]:
    """How many events happened in time, and whether that is all of them.

    The entries of the timeline say how many events are in a page: only pages across the beginning
    or the end are read.
    """
    start = "" if selection.start is None else times.to_text(selection.start)
    end = keys.PAGES_END if selection.end is None else times.to_text(selection.end)
    epoch = projector.epochs(store).current
    total, counted = 0, True
    across: list[Entry] = []
    for slice_ in range(keys.PROJECTION_SLICES):
        partition = store.keys.timeline(epoch, slice_)
        items = list(
            islice(
                store.query(
                    partition,
                    since=start[:MINUTE],
                    before=selection.hours[1],
                    newest_first=True,
                    at_a_time=MAX_BLOCKS_COUNTED + 1,
                ),
                MAX_BLOCKS_COUNTED + 1,
            )
        )
        counted = counted and len(items) <= MAX_BLOCKS_COUNTED
        for block in items[:MAX_BLOCKS_COUNTED]:
            for entry in entries_of(block):
                if start <= entry.earliest and entry.latest < end:
                    total += entry.events
                elif start <= entry.latest and entry.earliest < end:
                    across.append(entry)
    read = across[:MAX_PAGES_COUNTED]
    total += sum(1 for _ in _of_entries(store, selection, read))
    return total, counted and len(read) == len(across)


def of_ledgers(
    store: OrganizationStore,
    selection: Selection,
    ledger_ids: Collection[str],
    *,
    oldest_first: bool,
) -> Iterator[Found]:
    """The events of some ledgers that happened in time, in order: exact now."""
    return heapq.merge(
        *(
            _of_ledger(store, selection, ledger_id, oldest_first=oldest_first)
            for ledger_id in ledger_ids
        ),
        key=_order,
        reverse=not oldest_first,
    )


def of_everyone(
    store: OrganizationStore, selection: Selection, *, oldest_first: bool
) -> Iterator[Found]:
    """The events of all ledgers that happened in time, in order, as far as they are projected.

    Pages are read a few at a time, and an event is given out once no page that is left can have one
    that comes before it.
    """
    entries = _entries(store, selection, oldest_first=oldest_first)
    following = next(entries, None)
    waiting: list[Found] = []
    size = FIRST_PAGES
    while following is not None:
        some = [following, *islice(entries, size - 1)]
        following = next(entries, None)
        size = min(2 * size, MOST_PAGES)
        waiting += _of_entries(store, selection, some)
        waiting.sort(key=_order, reverse=not oldest_first)
        ready = sum(_comes_before(found, following, oldest_first) for found in waiting)
        yield from waiting[:ready]
        del waiting[:ready]


def _of_ledger(
    store: OrganizationStore,
    selection: Selection,
    ledger_id: str,
    *,
    oldest_first: bool,
) -> Iterator[Found]:
    items = _read(store, store.keys.log(ledger_id), selection.hours, oldest_first)
    for _, of_hour in groupby(items, key=lambda item: keys.parse_page(item[keys.SORT]).hour):
        found = selection.in_time(ledger_id, map(Page.from_item, of_hour))
        yield from sorted(found, key=_order, reverse=not oldest_first)


def _entries(
    store: OrganizationStore, selection: Selection, *, oldest_first: bool
) -> Iterator[Entry]:
    """The entries of the timeline that may have events in time, by their latest event."""
    epoch = projector.epochs(store).current
    start = "" if selection.start is None else times.to_text(selection.start)
    end = keys.PAGES_END if selection.end is None else times.to_text(selection.end)
    # A page's latest event is in the hour of its earliest.
    between = (start[:MINUTE], selection.hours[1])
    slices = (
        in_order(
            _read(store, store.keys.timeline(epoch, slice_), between, oldest_first),
            newest_first=not oldest_first,
        )
        for slice_ in range(keys.PROJECTION_SLICES)
    )
    for entry in heapq.merge(*slices, reverse=not oldest_first):
        if start <= entry.latest and entry.earliest < end:
            yield entry


def _of_entries(
    store: OrganizationStore, selection: Selection, entries: Sequence[Entry]
) -> Iterator[Found]:
    pages = {store.keys.page(entry.ledger_id, entry.place): entry for entry in entries}
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


def names(store: OrganizationStore, ledger_ids: Collection[str] | None) -> list[EventName]:
    """The names of some ledgers' events; of all where `ledger_ids` is None."""
    epoch = projector.epochs(store).current
    found: dict[tuple[str, str], EventName] = {}
    for scope in projector.scopes() if ledger_ids is None else ledger_ids:
        for item in store.query(store.keys.names(epoch, scope)):
            name = EventName.from_item(item)
            about = (name.source, name.name)
            found[about] = found[about].merge(name) if about in found else name
    return list(found.values())


def ledgers(
    store: OrganizationStore,
    *,
    customer_ids: Collection[str] = (),
    external_ids: Collection[str] = (),
) -> Collection[str] | None:
    """The ledgers of customers that are named by every way that is used; None where none is.

    Deleted customers have theirs, and ghosts; who does not exist has none.
    """
    named: list[set[str]] = []
    if customer_ids:
        named.append(_ledgers_of(store, customer_ids))
    if external_ids:
        pointers = store.batch_get(
            store.keys.external(external_id)
            for external_id in external_ids
            if is_external_id(external_id)
        )
        led_to = [
            pointer
            for pointer in map(Pointer.from_item, pointers.values())
            if pointer.state != "released"
        ]
        owners = [pointer.customer_id for pointer in led_to]
        theirs = _ledgers_of(store, owners) if owners else set()
        named.append(theirs | {pointer.ledger_id for pointer in led_to})
    return set.intersection(*named) if named else None


def with_customers(store: OrganizationStore, found: Sequence[Found]) -> list[Shown]:
    """Read whose events these are: a customer's ledger has its id, or was linked to it later."""
    wanted = {store.keys.customer(one.place.ledger_id) for one in found}
    wanted |= {
        store.keys.external(one.external_customer_id)
        for one in found
        if one.external_customer_id is not None
    }
    items = store.batch_get(wanted)
    owners = {one: _owner(store.keys, one, items) for one in set(map(_named, found))}
    linked = {store.keys.customer(owner) for owner in owners.values() if owner}
    items |= store.batch_get(linked - items.keys())
    return [
        Shown(one, _customer(items.get(store.keys.customer(owner))) if owner else None)
        for one in found
        for owner in [owners[_named(one)]]
    ]


def _named(found: Found) -> tuple[str, str | None]:
    return found.place.ledger_id, found.external_customer_id


def _owner(
    org_keys: Keys, named: tuple[str, str | None], items: Mapping[keys.Key, Item]
) -> str | None:
    """The id of the customer that a ledger belongs to, if there is one."""
    ledger_id, external_id = named
    if _customer(items.get(org_keys.customer(ledger_id))) is not None:
        return ledger_id
    pointer = external_id and items.get(org_keys.external(external_id))
    if pointer and pointer["state"] == "customer" and pointer["ledger_id"] == ledger_id:
        customer_id: str = pointer["customer_id"]
        return customer_id
    return None


def _customer(item: Item | None) -> Customer | None:
    """The customer of an item, deleted or not."""
    return None if item is None or "created_at" not in item else Customer.from_item(item)


def _ledgers_of(store: OrganizationStore, customer_ids: Iterable[str]) -> set[str]:
    items = store.batch_get(
        store.keys.customer(customer_id) for customer_id in customer_ids if is_id(customer_id)
    )
    customers = [customer for item in items.values() if (customer := _customer(item)) is not None]
    return {ledger_id for customer in customers for ledger_id in customer.ledger_ids}
