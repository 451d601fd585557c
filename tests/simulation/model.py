"""What callers remember of a history, and what must be so after it, whatever went wrong."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

from aureon.domain.credits import Hold
from aureon.domain.customers import Customer, Pointer
from aureon.domain.events import CustomerRef, EventLocation, event_id
from aureon.domain.meters import Match, Meter, MeterSet
from aureon.domain.pages import LoggedEvent, Page
from aureon.storage import keys
from aureon.storage.store import Item, Store
from tests.simulation.giving import Given
from tests.simulation.spending import Attempt, Charge
from tests.support.deliveries import Sent
from tests.support.recount import assert_conserved, pages, scan


@dataclass(frozen=True)
class Event:
    """An event as a caller sends it. The log shows its tag, which no other event has."""

    tag: int
    name: str
    customer: CustomerRef
    units: int
    external_id: str | None
    timestamp: str | None

    @property
    def body(self) -> dict[str, Any]:
        by = "external_customer_id" if self.customer.by_external_id else "customer_id"
        return {
            "name": self.name,
            by: self.customer.id,
            "metadata": {"units": self.units, "tag": self.tag},
            "external_id": self.external_id,
            "timestamp": self.timestamp,
        }


@dataclass
class Batch:
    """The events of a request or of a message, and what its sender knows about it.

    `begun` is the turn of the world at which it was first sent, `counted` the one at which it
    was known to have counted whole. `unsure` says that an attempt had no answer, or half of one.
    """

    events: list[Event]
    begun: int
    key: str | None = None
    message: Sent | None = None
    batch_id: str | None = None
    attempts: int = 0
    unsure: bool = False
    refused: bool = False
    counted: int | None = None
    answers: list[Any] = field(default_factory=list)

    @property
    def protected(self) -> bool:
        """Whether it may be sent again."""
        ids = all(event.external_id is not None for event in self.events)
        return ids or self.key is not None or self.message is not None

    @property
    def id(self) -> str | None:
        """What its pages are named by, where its sender can know it."""
        if self.key is not None:
            return f"k-{_sha256(self.key)}"
        if self.batch_id is not None:
            return f"b-{_sha256(self.batch_id)}"
        return None if self.message is None else f"m-{self.message.id}"


@dataclass
class Known:
    """A customer that a caller knows of, and the turns at which it knew more of it."""

    id: str
    external_id: str | None = None
    linked: int | None = None
    deletion_begun: int | None = None
    deleted: int | None = None
    gone: bool = False


class MeterChange(NamedTuple):
    """A meter that was created or archived, and the turn at which its caller knew."""

    meter_id: str
    known: int


Sums = dict[str, Counter[str]]


class Reading(NamedTuple):
    """The balances of a customer as they were read, by meter: units of each kind, and held.

    The kinds are used, granted and expired.
    `complete` are the meters that said to have counted all of the past.
    """

    customer_id: str
    begun: float
    ended: int
    units: Sums
    held: Mapping[str, int]
    complete: Collection[str]


@dataclass
class Memory:
    """All that the callers of a history remember."""

    batches: list[Batch] = field(default_factory=list)
    customers: dict[str, Known] = field(default_factory=dict)
    created_meters: list[MeterChange] = field(default_factory=list)
    archived_meters: list[MeterChange] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    grants: list[Given] = field(default_factory=list)
    # The meters' version when callers began.
    first_version: int = 0
    _tags: Iterator[int] = field(default_factory=itertools.count)

    def new_tag(self) -> int:
        return next(self._tags)


class Logged(NamedTuple):
    """An event in the log: where it stands there."""

    ledger_id: str
    page: Page
    event: LoggedEvent

    @property
    def is_sent(self) -> bool:
        """Whether a caller has sent it: what lapsed, came back or was taken back, nobody has."""
        return "tag" in self.event.metadata

    @property
    def tag(self) -> int:
        return int(self.event.metadata["tag"])

    @property
    def id(self) -> str:
        """The id that its event has for callers."""
        return event_id(EventLocation(self.ledger_id, self.page.place, self.event.offset))


class Outcome:
    """The table after a history, held against what the callers remember."""

    def __init__(self, store: Store, memory: Memory) -> None:
        self.store = store
        self.memory = memory
        items = list(scan(store))
        self.pages = [(ledger_id, page) for _, ledger_id, page in pages(items)]
        everything = [
            Logged(ledger_id, page, event)
            for ledger_id, page in self.pages
            for event in page.events
        ]
        self.log = [one for one in everything if one.is_sent]
        # What lots left in the log by themselves.
        self.lapses = [one for one in everything if not one.is_sent]
        self.with_lots = {one.ledger_id for one in everything if one.event.terms is not None}
        self.by_tag = {logged.tag: logged for logged in self.log}
        self.by_id = {
            logged.event.external_id: logged
            for logged in self.log
            if logged.event.external_id is not None
        }
        self.meters: dict[str, Meter] = {}
        self.profiles: dict[str, Customer] = {}
        self.pointers: dict[str, Pointer] = {}
        self.emails: dict[str, str] = {}
        self.holds: dict[str, Hold] = {}
        self.endings: dict[str, Item] = {}
        self.spread: set[str] = set()
        self.counted_to: dict[tuple[str, str, int], str] = {}
        self.version = 0
        self.shards = 0
        for item in items:
            self._sort(item)
        # The turns at which each event was first sent, and was first known to have counted.
        self.begun: dict[int, float] = defaultdict(lambda: inf)
        self.counted: dict[int, float] = defaultdict(lambda: inf)
        for batch in memory.batches:
            for event in batch.events:
                self.begun[event.tag] = min(batch.begun, self.begun[event.tag])
                logged = self.find(event)
                if batch.counted is not None and logged is not None:
                    self.counted[logged.tag] = min(batch.counted, self.counted[logged.tag])
        for attempt in memory.attempts:
            if attempt.tag is not None:
                self.begun[attempt.tag] = min(attempt.begun, self.begun[attempt.tag])
                if attempt.status == 200:
                    self.counted[attempt.tag] = min(attempt.ended, self.counted[attempt.tag])
        for given in memory.grants:
            self.begun[given.tag] = given.begun
            if given.counted is not None:
                self.counted[given.tag] = given.counted

    def _sort(self, item: Item) -> None:
        _, kind, *rest = item[keys.PARTITION].split(keys.SEPARATOR)
        if kind == "METERS" and item[keys.SORT] == keys.VERSION_SORT:
            self.version = int(item["version"])
        elif kind == "METERS":
            self.meters[item["id"]] = Meter.from_item(item)
        elif kind == "CUSTOMER" and item[keys.SORT] == keys.CUSTOMER_SORT and "id" in item:
            self.profiles[rest[0]] = Customer.from_item(item)
        elif kind == "EXTERNAL":
            self.pointers[rest[0]] = Pointer.from_item(item)
        elif kind == "EMAIL":
            self.emails[rest[0]] = item["customer_id"]
        elif kind == "CUSTOMER" and item[keys.SORT].startswith(keys.BALANCE_PREFIX):
            about = keys.parse_balance(item[keys.SORT])
            if about.shard:
                self.shards += 1
                self.spread.add(rest[0])
            if "counted_to" in item:
                self.counted_to[rest[0], about.meter_id, about.generation] = item["counted_to"]
        elif kind == "HOLD" and "state" in item:
            self.endings[rest[0]] = item
        elif kind == "HOLD":
            self.holds[item["external_id"]] = Hold.from_item(item)

    def find(self, event: Event) -> Logged | None:
        """What counted for an event: itself, or another with its id."""
        if event.external_id is None:
            return self.by_tag.get(event.tag)
        return self.by_id.get(event.external_id)

    @cached_property
    def matches(self) -> list[tuple[Logged, Match]]:
        """What each event adds to the meters, as they were when it was counted."""
        return self._matches(MeterSet)

    @cached_property
    def past_matches(self) -> list[tuple[Logged, Match]]:
        """What each event adds to the meters that came after it."""
        return self._matches(MeterSet.after)

    def _matches(
        self, compile_: Callable[[int, Iterable[Meter]], MeterSet]
    ) -> list[tuple[Logged, Match]]:
        sets = {page.meter_version for _, page in self.pages}
        compiled = {version: compile_(version, self.meters.values()) for version in sets}
        return [
            (logged, match)
            for logged in (*self.log, *self.lapses)
            for match in compiled[logged.page.meter_version].match(logged.event.to_event())
        ]

    def check(self, *, roomy: bool) -> None:
        """Hold the table against the memory. `roomy`: each request fits into one transaction."""
        assert_conserved(self.store)
        self.check_log()
        self.check_batches()
        self.check_ledgers()
        self.check_customers()
        self.check_meters()
        self.check_readings()
        if roomy:
            self.check_halves()

    def facts(self) -> Counter[str]:
        """How often the history came by what histories are for."""
        left = {ledger for pointer in self.pointers.values() for ledger, _ in pointer.earlier}
        runs = Counter((page.place.batch, page.place.group) for _, page in self.pages)
        batches = Counter(batch for batch, _ in runs)
        return Counter(
            {
                "events that counted": len(self.log),
                "groups that were cut": sum(pages > 1 for pages in runs.values()),
                "batches of several groups": sum(groups > 1 for groups in batches.values()),
                "requests that were sent again": sum(
                    batch.attempts > 1 for batch in self.memory.batches
                ),
                "requests that were refused": sum(batch.refused for batch in self.memory.batches),
                "events in ledgers that were left": sum(one.ledger_id in left for one in self.log),
                "ghosts that were linked": sum(
                    len(customer.ledger_ids) > 1 for customer in self.profiles.values()
                ),
                "customers that were deleted": sum(
                    customer.deleted_at is not None for customer in self.profiles.values()
                ),
                "meters that were archived": len(self.memory.archived_meters),
                "meters that began anew": sum(
                    meter.generation > 1 for meter in self.meters.values()
                ),
                "events of the past that counted": len(self.past_matches),
                "balances read incomplete": sum(
                    len(reading.units.keys() - set(reading.complete))
                    for reading in self.memory.readings
                ),
                "versions of meters in a ledger": len(
                    {(ledger_id, page.meter_version) for ledger_id, page in self.pages}
                ),
                "balances in other shards": self.shards,
            }
        )

    def check_log(self) -> None:
        """No event stands twice in the log, and no run overlaps another."""
        assert_distinct(logged.tag for logged in self.log)
        assert_distinct(
            logged.event.external_id for logged in self.log if logged.event.external_id is not None
        )
        assert_distinct(
            (page.place.batch, page.place.group, index)
            for _, page in self.pages
            for index in range(page.place.first, page.last + 1)
        )

    def check_batches(self) -> None:
        """What was answered has counted; what was refused has not; answers say what happened."""
        for batch in self.memory.batches:
            if batch.counted is not None:
                for event in batch.events:
                    assert self.find(event) is not None, ("lost", event, batch)
            if batch.refused and not batch.unsure and batch.counted is None:
                for event in batch.events:
                    assert event.external_id or event.tag not in self.by_tag, ("refused", batch)
            self.check_answers(batch)
            if batch.id is not None:
                tags = {event.tag for event in batch.events}
                under = {one.tag for one in self.log if one.page.place.batch == batch.id}
                assert under <= tags or under.isdisjoint(tags), ("two bodies", batch)
                self.check_twins(batch)

    def check_halves(self) -> None:
        """Of the events of a request that no other can have counted, all have, or none."""
        for batch in self.memory.batches:
            if batch.message is None:
                without_id = [event for event in batch.events if event.external_id is None]
                counted = {event.tag in self.by_tag for event in without_id}
                assert len(counted) < 2, ("half a request", batch)

    def check_answers(self, batch: Batch) -> None:
        conflicts = [
            position
            for position, event in enumerate(batch.events)
            if event.external_id is not None
            and event.external_id in self.by_id
            and self.by_id[event.external_id].tag != event.tag
        ]
        for answer in batch.answers:
            assert answer["inserted"] + answer["duplicates"] == len(batch.events), batch
            assert answer.get("conflicts", []) == conflicts, (batch, conflicts)
        if batch.key is not None:
            inserted = sum(logged.page.place.batch == batch.id for logged in self.log)
            for answer in batch.answers:
                assert answer["inserted"] == inserted, (batch, inserted)
        else:
            inserted = sum(answer["inserted"] for answer in batch.answers)
            assert inserted <= sum(event.tag in self.by_tag for event in batch.events), batch

    def check_twins(self, batch: Batch) -> None:
        """Of several events with one id in a batch, the first sent is the one that counts."""
        first: dict[str, Event] = {}
        for event in batch.events:
            if event.external_id is not None:
                first.setdefault(event.external_id, event)
        for external_id, event in first.items():
            logged = self.by_id.get(external_id)
            if logged is not None and logged.page.place.batch == batch.id:
                assert logged.tag == event.tag, (batch, logged)

    def check_ledgers(self) -> None:
        """Each event stands in a ledger of its customer, as its name led there when it was sent."""
        named = {
            event.tag: event.customer for batch in self.memory.batches for event in batch.events
        } | {
            attempt.tag: attempt.charge.customer
            for attempt in self.memory.attempts
            if attempt.tag is not None
        }
        named |= {given.tag: given.customer for given in self.memory.grants}
        owners = {
            ledger_id: customer
            for customer in self.profiles.values()
            for ledger_id in customer.ledger_ids
        }
        for logged in self.log:
            name = named[logged.tag]
            if logged.event.terms is not None:
                theirs = self.profiles[logged.ledger_id]
                assert name.id == (theirs.external_id if name.by_external_id else theirs.id), logged
                continue
            if not name.by_external_id:
                assert logged.ledger_id == name.id, logged
                continue
            pointer = self.pointers[name.id]
            assert logged.ledger_id in self.led_to(pointer), (logged, pointer)
            owner = owners.get(logged.ledger_id)
            known = self.memory.customers.get(owner.id) if owner is not None else None
            if known is not None and known.deleted is not None:
                assert self.begun[logged.tag] < known.deleted, ("in a ledger that was left", logged)

    def led_to(self, pointer: Pointer) -> list[str]:
        return [pointer.ledger_id, *(ledger_id for ledger_id, _ in pointer.earlier)]

    def check_customers(self) -> None:
        """Profiles and the pointers to them tell the same."""
        living = {id_ for id_, one in self.profiles.items() if one.deleted_at is None}
        assert set(self.emails.values()) == living
        assert len(self.emails) == len(living)
        for id_ in living:
            customer = self.profiles[id_]
            assert self.emails[customer.email] == id_
            if customer.external_id is not None:
                pointer = self.pointers[customer.external_id]
                assert (pointer.state, pointer.customer_id) == ("customer", id_)
                assert pointer.ledger_id in customer.ledger_ids
        for external_id, pointer in self.pointers.items():
            if pointer.state == "customer":
                assert self.profiles[pointer.customer_id].external_id == external_id
                assert pointer.customer_id in living
            ledger_ids = [ledger_id for ledger_id, _ in pointer.earlier]
            if pointer.state != "released":
                ledger_ids.append(pointer.ledger_id)
            assert_distinct(ledger_ids)
        for known in self.memory.customers.values():
            if known.deletion_begun is None:
                assert known.id in living
            if known.external_id is not None:
                assert self.profiles[known.id].external_id == known.external_id
            assert not (known.gone and known.id in living)

    def check_meters(self) -> None:
        """Every change has a version of its own, and pages know of all that came before them."""
        versions = [version for meter in self.meters.values() for version in meter.versions]
        assert sorted(versions) == list(range(1, self.version + 1))
        changes = [
            (change.known, self.meters[change.meter_id].versions[0])
            for change in self.memory.created_meters
        ] + [
            (change.known, self.meters[change.meter_id].archived_version or 0)
            for change in self.memory.archived_meters
            if self.meters[change.meter_id].generation == 1
        ]
        for logged, match in self.past_matches:
            if self.meters[match.meter_id].archived_at is None:
                counted_to = self.counted_to.get((logged.ledger_id, *match[:2]))
                assert counted_to == keys.PAGES_END, ("a past that was left out", logged, match)
        for meter in self.meters.values():
            assert meter.backfilled or meter.archived_at is not None, ("half a past", meter)
        for logged in self.log:
            oldest = max(
                (version for known, version in changes if known <= self.begun[logged.tag]),
                default=0,
            )
            assert logged.page.meter_version >= oldest, ("an old meter version", logged)
        ledger_versions = {
            pointer.ledger_id: pointer.meter_version for pointer in self.pointers.values()
        } | {customer.id: customer.meter_version for customer in self.profiles.values()}
        for ledger_id, page in self.pages:
            if ledger_id in ledger_versions:
                assert page.meter_version >= ledger_versions[ledger_id], (ledger_id, page)

    def check_readings(self) -> None:
        """A balance that was read has all that was answered before, and nothing sent later.

        Of the past it has all where it said so. What a meter had counted before it began anew can
        only be told in the end; and so can what lapsed or came back, which a balance shows before
        it is in the log.
        """
        for reading in self.memory.readings:
            known = self.memory.customers[reading.customer_id]
            if known.deletion_begun is not None and known.deletion_begun <= reading.ended:
                continue
            own = {known.id}
            ledger_ids = set(self.profiles[known.id].ledger_ids)
            certain = ledger_ids if known.linked and known.linked <= reading.begun else own
            answered: Sums = defaultdict(Counter)
            sent: Sums = defaultdict(Counter)
            for past, matches in ((False, self.matches), (True, self.past_matches)):
                for logged, match in matches:
                    kind = "used" if match.units > 0 else "granted"
                    kind = "expired" if match.expired else kind
                    units = int(abs(match.units))
                    if not logged.is_sent:
                        if reading.begun == inf and logged.ledger_id in ledger_ids:
                            answered[match.meter_id][kind] += units
                            sent[match.meter_id][kind] += units
                        continue
                    counted = not past or match.meter_id in reading.complete
                    before = counted and self.counted[logged.tag] <= reading.begun
                    if logged.ledger_id in certain and before:
                        answered[match.meter_id][kind] += units
                    if logged.ledger_id in ledger_ids and self.begun[logged.tag] <= reading.ended:
                        sent[match.meter_id][kind] += units
            for meter_id, meter in self.meters.items():
                if meter.generation > 1 and reading.begun < inf:
                    continue
                if meter.archived_at is None or meter_id in reading.units:
                    read = reading.units.get(meter_id, Counter())
                    if reading.begun == inf:
                        held = self.held(known.id, meter_id)
                        assert reading.held.get(meter_id, 0) == held, (reading, held)
                        assert meter_id in reading.complete or meter_id not in reading.units
                    elif known.id in self.with_lots:
                        sent[meter_id] |= Counter(granted=read["granted"], expired=read["expired"])
                    assert answered[meter_id] <= read <= sent[meter_id], (
                        answered[meter_id],
                        read,
                        sent[meter_id],
                    )

    def held(self, customer_id: str, meter_id: str) -> int:
        """The units of a meter that a customer's open holds reserve, now that all clocks agree."""
        return sum(
            int(hold.units.get(meter_id, 0))
            for hold in self.holds.values()
            if hold.customer_id == customer_id
            and hold.state == "open"
            and hold.id not in self.endings
        )


def assert_distinct(values: Iterable[Any]) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    assert not twice, ("twice", twice)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
