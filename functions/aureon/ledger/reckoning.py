"""Reckoning: what changes lots, as one decision on a snapshot, and passes what is due.

Between two changes of a customer's lots, usage and plain grants are counted without a look at them.
A change distributes what was used since the one before, and is committed on the first shard's
`rev` of every ledger, as a spend is. Where a lot expires next stands in the customer's item, and a
copy of it in the external id's pointer: every call that counts compares it with the clock before
each transaction, and passes the boundary first where one is due. ``docs/decisions`` says why.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.core.exact import EXACT, ZERO
from aureon.domain import batches
from aureon.domain.balances import Delta
from aureon.domain.credits import Holds
from aureon.domain.customers import Customer, Ledger, due, next_in, profile
from aureon.domain.events import CustomerRef, Event, Terms
from aureon.domain.lots import (
    MAX_PASSED,
    Change,
    Lots,
    Passed,
    boundary_page,
    grant_id,
    listing,
    pass_boundaries,
)
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import encode_event, encode_events, page_item
from aureon.ledger import counters
from aureon.ledger.blocks import blocks
from aureon.ledger.plan import SHARDS, BalanceId
from aureon.meters import catalog
from aureon.storage import keys
from aureon.storage.expressions import absent, all_of, equals, present
from aureon.storage.store import (
    Item,
    OrganizationStore,
    TransactionCancelled,
    Write,
    check,
    put_new,
    put_over,
    update,
)

MAX_ATTEMPTS: Final = 200
FIRST_PAUSE_SECONDS: Final = 0.002
LONGEST_PAUSE_SECONDS: Final = 0.1
# What the log calls the rest of a lot that has lapsed, and one that was taken back.
EXPIRED: Final = "credits.expired"
VOIDED: Final = "credits.voided"


class LotSnapshot(Struct, frozen=True, dict=True):
    """A customer's lots of a meter at one instant, with all that a change of them depends on.

    `ledgers` are those of the customer, each with whether it is spread.
    """

    store: OrganizationStore
    customer: Customer
    meter_id: str
    generation: int
    ledgers: Mapping[str, bool]
    items: Mapping[keys.Key, Item]

    @cached_property
    def stored(self) -> Lots:
        key = self.store.keys.lots(self.customer.id, self.meter_id, self.generation)
        return Lots.from_item(self.items.get(key))

    @cached_property
    def lots(self) -> Lots:
        """The lots as they are now: burned up to what has been used."""
        return self.stored.burned(self.used)

    @cached_property
    def holds(self) -> Holds:
        """The holds of the customer, and of ghosts that were linked to it."""
        entries: dict[str, tuple[Decimal, datetime]] = {}
        for owner in self.ledgers:
            item = self.items.get(self.store.keys.holds(owner, self.meter_id))
            entries |= Holds.from_item(item).entries
        return Holds(entries)

    @property
    def total(self) -> Decimal:
        """The balance, in units."""
        return self._total("sum")

    @property
    def used(self) -> Decimal:
        return self._total("used")

    @property
    def granted(self) -> Decimal:
        return self._total("granted")

    @property
    def expired(self) -> Decimal:
        return self._total("expired")

    @property
    def next(self) -> Mapping[str, str]:
        return next_in(self.items.get(self.store.keys.customer(self.customer.id)))

    @property
    def name(self) -> str:
        """What the customer's item calls these lots."""
        return keys.next_of(self.meter_id, self.generation)

    @cached_property
    def version(self) -> int:
        return catalog.version_of(self.items.get(self.store.keys.meter_version()))

    def meters(self) -> MeterSet:
        """The meters as they are at the snapshot."""
        return catalog.meters_at(self.store, self.version)

    def meter(self) -> Meter | None:
        """The meter, if it counts; one that was archived, or begun anew, has let go of its lots."""
        meter = self.meters().meters.get(self.meter_id)
        if meter is None or meter.generation != self.generation:
            return None
        return meter if meter.counts_at(self.version) else None

    def passed(self, now: datetime, *, at_most: int | None = None) -> Passed:
        """The lots once every boundary up to now is passed, or so many of them at most."""
        return pass_boundaries(self.lots, self.total, now, self.holds.entries, at_most=at_most)

    def is_incomplete(self, meter: Meter) -> list[str]:
        """The ledgers of which the meter is still counting the past."""
        return [
            ledger_id
            for ledger_id in self.ledgers
            if not meter.is_complete(
                self.customer.meter_version if ledger_id == self.customer.id else 0,
                self._shard(ledger_id, 0).get("counted_to"),
            )
        ]

    def change(self, **step: Any) -> Change:
        """The only step of the next change."""
        return Change(rev=self.stored.rev + 1, used=self.used, total=self.total, **step)

    def page(
        self, change: Change, place: keys.PageKey, events: Sequence[tuple[int, Event]], origin: str,
        *, named: CustomerRef | None = None, also: Mapping[str, Any] | None = None,
    ) -> Write:  # fmt: skip
        """Put a page of terms: a step of a change, and the events that it leaves, by offset."""
        item = page_item(
            encode_events(encode_event(offset, event) for offset, event in events),
            last=max((offset for offset, _ in events), default=0),
            meter_version=self.version,
            customer=named or CustomerRef(False, self.customer.id),
            block=blocks.of_next_page(self.store.organization_id),
            origin=origin,
            # What a boundary leaves is nobody's decision, though one call was the first to pass it.
            actor=None if place.batch.startswith(batches.BOUNDARY) else self.store.actor,
        )
        item |= {
            "change": change.to_item(),
            "lots_of": [self.meter_id, self.generation],
            keys.DIRECTORY_PARTITION: self.store.keys.grants_directory(self.customer.id),
            keys.DIRECTORY_SORT: f"{self.name}#{change.rev:09}#{change.step:03}",
            **(also or {}),
        }
        return put_new(self.store.keys.page(self.customer.id, place), item)

    def writes(self, lots: Lots, delta: Delta, *, at_boundary: bool = False) -> list[Write]:
        """Commit a change: the lots after it, what it adds to the balance, and what is next.

        Nothing may have decided since the snapshot; plain events may have counted, but at a
        boundary, where they wait.
        """
        now = times.to_text(times.now())
        own = self.customer.id
        meter = self.meter()
        watched = None if meter is None else meter.watched
        lots = lots.trimmed()
        writes = []
        for ledger_id, spread in self.ledgers.items():
            writes += counters.counted(
                self.store.keys,
                BalanceId(ledger_id, self.meter_id, self.generation),
                0,
                replace(delta if ledger_id == own else Delta(), watched=watched),
                now,
                known=self.items,
                rev=int(self._shard(ledger_id, 0).get("rev", 0)),
                lots_rev=lots.rev if ledger_id == own else None,
            )
            if at_boundary and spread:
                for shard in range(1, SHARDS + 1):
                    writes.append(self._unchanged(ledger_id, shard))
            if at_boundary and ledger_id != own:
                writes.append(check(self.store.keys.customer(ledger_id), _SPREAD[spread]))
        next_ = self.next_with(lots, self.next)
        return [*writes, *self.tell(next_, at_boundary=at_boundary), self.put(lots)]

    def put(self, lots: Lots) -> Write:
        """Store the lots, listed for the sweep by when some expire next."""
        key = self.store.keys.lots(self.customer.id, self.meter_id, self.generation)
        return put_over(key, lots.to_item() | listing(self.customer.id, lots.next))

    def next_with(self, lots: Lots, next_: Mapping[str, str]) -> dict[str, str]:
        """When lots of the customer expire next, by meter, once these are as they are."""
        others = {name: at for name, at in next_.items() if name != self.name}
        return others if lots.next is None else {**others, self.name: lots.next}

    def tell(self, next_: Mapping[str, str], *, at_boundary: bool = False) -> list[Write]:
        """Say in the customer's item, and its pointer, when lots expire next."""
        writes = [self._tell_customer(next_, at_boundary=at_boundary)]
        if self.customer.external_id is not None:
            writes.append(self._tell_pointer(self.customer.external_id, next_))
        return writes

    def _tell_customer(self, next_: Mapping[str, str], *, at_boundary: bool) -> Write:
        """Say in the customer's item what is next, if no link and no deletion came in between."""
        key = self.store.keys.customer(self.customer.id)
        before = self.items[key].get("next")
        conditions = [
            equals("ledger_ids", list(self.customer.ledger_ids)),
            equals("external_id", self.customer.external_id),
            equals("deleted_at", None),
            absent("next") if before is None else equals("next", before),
        ]
        if at_boundary:
            conditions.append(_SPREAD[self.ledgers[self.customer.id]])
        return update(key, {"next": next_}, condition=all_of(*conditions))

    def _tell_pointer(self, external_id: str, next_: Mapping[str, str]) -> Write:
        return update(
            self.store.keys.external(external_id),
            {"next": next_},
            added={"rev": 1},
            condition=all_of(equals("customer_id", self.customer.id), equals("state", "customer")),
        )

    def _unchanged(self, ledger_id: str, shard: int) -> Write:
        key = self.store.keys.balance(ledger_id, self.meter_id, self.generation, shard)
        item = self.items.get(key)
        if item is None:
            return check(key, absent("rev"))
        return check(key, equals("rev", item["rev"]))

    def _shard(self, ledger_id: str, shard: int) -> Item:
        key = self.store.keys.balance(ledger_id, self.meter_id, self.generation, shard)
        return self.items.get(key, {})

    def _total(self, figure: str) -> Decimal:
        total = ZERO
        for ledger_id, spread in self.ledgers.items():
            for shard in range(SHARDS + 1 if spread else 1):
                total = EXACT.add(total, self._shard(ledger_id, shard).get(figure, ZERO))
        return total


_SPREAD: Final = {True: present("spread"), False: absent("spread")}


def look(
    store: OrganizationStore, customer_id: str, meter_id: str, generation: int, *proofs: keys.Key
) -> LotSnapshot | None:
    """Read a living customer's lots of a meter as they are at one instant, and `proofs` with them.

    Raises `TransactionCancelled` where one of the items is being written.
    """
    ledgers = {customer_id: False}
    while True:
        owners = dict.fromkeys([customer_id, *ledgers])
        wanted = [
            *proofs,
            store.keys.meter_version(),
            *map(store.keys.customer, owners),
            store.keys.lots(customer_id, meter_id, generation),
            *(store.keys.holds(owner, meter_id) for owner in owners),
            *(
                store.keys.balance(ledger_id, meter_id, generation, shard)
                for ledger_id, spread in ledgers.items()
                for shard in range(SHARDS + 1 if spread else 1)
            ),
        ]
        items = store.snapshot(wanted)
        customer = profile(items.get(store.keys.customer(customer_id)))
        if customer is None:
            return None
        found = {
            ledger_id: bool(items.get(store.keys.customer(ledger_id), {}).get("spread"))
            for ledger_id in customer.ledger_ids
        }
        if found == ledgers:
            return LotSnapshot(store, customer, meter_id, generation, found, items)
        ledgers = found


def read(
    store: OrganizationStore, customer_id: str, meter_id: str, generation: int
) -> LotSnapshot | None:
    """Look, again where an item is being written. Raises `Unavailable`."""
    for failures in range(MAX_ATTEMPTS):
        try:
            return look(store, customer_id, meter_id, generation)
        except TransactionCancelled:
            pause(failures)
    raise Unavailable("Too many other calls use the same credits.")


def reckon(store: OrganizationStore, customer_id: str, name: str) -> bool:
    """Pass the boundaries that are due by this clock, of the lots that a customer's item calls so.

    Returns whether the customer is there, of which nothing is due any more then.
    What lapses leaves the balance, what comes back joins it. The lots of a customer that was
    deleted stay as they are. Nothing in them can make it fail, since others wait for it; raises
    `Unavailable` where time, or luck, ran out.
    """
    meter_id, generation = keys.parse_next(name)
    failures = 0
    while failures < MAX_ATTEMPTS:
        # Before the snapshot: what counts after it must not be older than the boundaries passed.
        now = times.now()
        try:
            found = look(store, customer_id, meter_id, generation)
            if found is None or name not in due(found.next, now):
                return found is not None
            store.transact(_reckoning(found, now))
            failures = 0
        except TransactionCancelled:
            failures += 1
            pause(failures)
        except Unavailable:
            # If it was applied after all, nothing is due any more.
            if not store.has_time():
                raise
            failures += 1
            pause(failures)
    raise Unavailable("Too many other calls use the same credits.")


def pause(failures: int) -> None:
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**failures)
    time.sleep(random.uniform(0, longest))


def pass_due(store: OrganizationStore, ledgers: Iterable[Ledger]) -> dict[str, Ledger]:
    """Reckon what is due for these ledgers; returns those of which something new is known, by id.

    To be asked before each transaction that counts events: afterwards nothing is due by this
    clock. Raises `Unavailable`.
    """
    found: dict[str, Ledger] = {}
    for ledger in {ledger.id: ledger for ledger in ledgers}.values():
        while ledger.next is None or due(ledger.next, times.now()):
            # Not the pointer: its copy may be older than what a reckoning found.
            owner_id, item = _owner(store, ledger.id)
            next_ = next_in(item)
            for name in due(next_, times.now()):
                reckon(store, owner_id, name)
            if due(next_, times.now()):
                next_ = next_in(store.get(store.keys.customer(owner_id)))
            ledger = found[ledger.id] = replace(ledger, next=next_)
    return found


def _owner(store: OrganizationStore, ledger_id: str) -> tuple[str, Item | None]:
    """Whose a ledger is, by its item or that of whom it is linked to."""
    item = store.get(store.keys.customer(ledger_id))
    if item is not None and "linked_to" in item:
        owner_id: str = item["linked_to"]
        return owner_id, store.get(store.keys.customer(owner_id))
    return ledger_id, item


def terms_event(
    found: LotSnapshot, at: datetime, name: str, units: Decimal, metadata: Mapping[str, Any]
) -> Event:
    """An event that counts for the lots' meter alone: units below 0 were granted."""
    customer = CustomerRef(False, found.customer.id)
    terms = Terms(found.meter_id, found.generation, units)
    return Event(0, customer, name, at, metadata, terms=terms)


def add_terms(found: LotSnapshot, delta: Delta, event: Event) -> None:
    """Add what an event of terms is to its meter."""
    meters = MeterSet.of(found.version, [found.meters().meters[found.meter_id]])
    for match in meters.match(event):
        delta.add(match)


def _reckoning(found: LotSnapshot, now: datetime) -> list[Write]:
    """What passes the boundaries that are due, or as many as one transaction takes."""
    if found.meter() is None:
        frozen = replace(found.lots, open=(), rev=found.stored.rev + 1)
        return found.writes(frozen, Delta(), at_boundary=True)
    passed = found.passed(now, at_most=MAX_PASSED)
    delta, pages = Delta(), []
    steps = passed.changes(found.lots, found.total)
    for passing, change in zip(passed.passings, steps, strict=True):
        id_ = grant_id(found.customer.id, passing.lot)
        events: list[tuple[int, Event]] = []
        if passing.lapsed:
            metadata = {"grant_id": id_, "units": passing.lapsed}
            events.append((0, terms_event(found, passing.at, EXPIRED, passing.lapsed, metadata)))
        if passing.next is not None:
            units = EXACT.minus(passing.next.units)
            metadata = {"grant_id": id_, "units": units}
            events.append((1, terms_event(found, passing.at, passing.lot.name, units, metadata)))
        for _, event in events:
            add_terms(found, delta, event)
        place = boundary_page(passing.lot.id, passing.at)
        pages.append(found.page(change, place, events, "boundary"))
    lots = replace(passed.lots, rev=found.stored.rev + 1)
    return [*pages, *found.writes(lots, delta, at_boundary=True)]
