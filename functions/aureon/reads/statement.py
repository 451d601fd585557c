"""Statements: why a customer's balance is what it is, line by line, from the log.

The balance at the beginning follows from the one of today, less all that the log has from then on:
so what came before is never read. Both are of one moment: the balance is read before and after the
log, and where something was counted in between, all of it is read again.
"""

from __future__ import annotations

import heapq
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core import exact, times
from aureon.core.errors import Incomplete, Invalid, NotFound, Unavailable
from aureon.core.exact import EXACT, ZERO
from aureon.core.identifiers import is_id
from aureon.core.retry import Backoff
from aureon.domain import batches
from aureon.domain.events import EventLocation, event_id
from aureon.domain.lots import (
    boundary_page,
    grant_id,
)
from aureon.domain.meters import DECISIVE, Match, Meter, MeterSet
from aureon.domain.pages import Actor, LoggedEvent
from aureon.ledger import reckoning
from aureon.ledger.reckoning import EXPIRED, LotSnapshot
from aureon.meters import catalog
from aureon.reads import events
from aureon.reads.selection import Found, Selection
from aureon.storage import keys
from aureon.storage.store import OrganizationStore

Kind = Literal["grant", "usage", "refund", "lapse", "void"]
By = Literal["event", "day"]
KINDS: Final[tuple[Kind, ...]] = ("grant", "usage", "refund", "lapse", "void")
BY: Final[tuple[By, ...]] = ("event", "day")
MAX_LINES: Final = 1_000
# How often the log is read until nothing was counted meanwhile.
MAX_TRIES: Final = 5
BACKOFF: Final = Backoff(first_seconds=0.05, longest_seconds=0.4)
MAX_CURSOR_CHARACTERS: Final = 4_000

# What counted, by what its batch begins with; whatever else is a request to count events.
_CALLS: Final = {
    batches.SPEND: "spend",
    batches.HOLD: "capture",
    batches.GRANT: "grant",
    batches.BOUNDARY: "boundary",
    batches.VOID: "void",
    batches.REFUND: "refund",
    batches.MESSAGE: "queue",
    batches.SENDERS: "queue",
    batches.REQUESTS: "queue",
}


class Call(NamedTuple):
    """What made a line: the kind of the call, and the ids that its caller knows it by.

    A capture has its hold's external id; a refund and a void name the event that they are of. The
    `actor` is the token that decided: none is known of what was ingested, and of boundaries.
    """

    kind: str
    external_id: str | None = None
    hold_id: str | None = None
    event_id: str | None = None
    grant_id: str | None = None
    reason: str | None = None
    actor: Actor | None = None


class Line(NamedTuple):
    """Something that changed the balance by so many units, and the balance after it."""

    kind: Kind
    found: Found
    units: Decimal
    balance: Decimal

    @property
    def event_id(self) -> str:
        return event_id(self.found.place)


class Day(NamedTuple):
    """What changed the balance on a day, by kind."""

    date: date
    opening_balance: Decimal
    units: dict[Kind, Decimal]
    closing_balance: Decimal


Order = tuple[str, str, str, int]


class Cursor(Struct, frozen=True):
    """Where a page of a statement begins, and what the whole of it comes to."""

    start: str
    end: str
    opening: Decimal
    closing: Decimal
    totals: dict[Kind, Decimal]
    balance: Decimal
    after: Order | None = None

    def to_text(self) -> str:
        content = [
            self.start,
            self.end,
            str(self.opening),
            str(self.closing),
            [str(self.totals.get(kind, ZERO)) for kind in KINDS],
            str(self.balance),
            self.after,
        ]
        return urlsafe_b64encode(exact.write(content)).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """Raises `Invalid` for what `to_text` did not write."""
        try:
            if len(text) > MAX_CURSOR_CHARACTERS:
                raise ValueError("too long")
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            start, end, opening, closing, totals, balance, after = json.loads(
                urlsafe_b64decode(padded)
            )
            times.from_text(start)
            times.from_text(end)
            timestamp, ledger_id, page, offset = after
            return cls(
                start,
                end,
                _number(opening),
                _number(closing),
                dict(zip(KINDS, map(_number, totals), strict=True)),
                _number(balance),
                (str(timestamp), str(ledger_id), str(page), int(offset)),
            )
        except (ValueError, TypeError, ArithmeticError) as error:
            message = "This cursor belongs to no statement."
            raise Invalid.at(("query", "after"), message, text) from error


class Statement(Struct, frozen=True):
    """A page of a statement: its lines, or its days, and where the next page begins, if one does.

    `whole` says what all pages together come to, and `calls` what made each line, by event.
    """

    customer_id: str
    meter: Meter
    whole: Cursor
    lines: Sequence[Line] = ()
    days: Sequence[Day] = ()
    calls: dict[str, Call] = field(default_factory=dict)
    following: Cursor | None = None


def read(
    store: OrganizationStore,
    customer_meter_id: str,
    *,
    start: datetime | None,
    end: datetime | None,
    zone: ZoneInfo,
    by: By,
    after: str | None,
    limit: int,
) -> Statement:
    """A page of a statement, of so many lines or days at most.

    Raises `NotFound`, `Invalid` where the meter has no sum, `Incomplete` where it is counting the
    past, and `Unavailable` where the customer's balance does not hold still.
    """
    customer_id, _, meter_id = customer_meter_id.partition(".")
    reader = _Reader.of(store, customer_id, meter_id)
    if after is not None:
        whole = Cursor.from_text(after)
        snapshot = reader.look()
    else:
        snapshot, whole = reader.sum_up(start, end)
    entries = reader.entries(snapshot, whole)
    if by == "event":
        lines = list(islice(_lines(entries, whole.balance), limit + 1))
        some = lines[:limit]
        calls = reader.calls([line.found for line in some])
        following = None
        if len(lines) > limit:
            following = _behind(whole, some[-1].found.order, some[-1].balance)
        return Statement(
            customer_id, reader.meter, whole, lines=some, calls=calls, following=following
        )
    days: list[Day] = []
    last: Found | None = None
    for day, found in _days(entries, whole.balance, zone):
        if len(days) == limit and last is not None:
            following = _behind(whole, last.order, days[-1].closing_balance)
            return Statement(customer_id, reader.meter, whole, days=days, following=following)
        days.append(day)
        last = found
    return Statement(customer_id, reader.meter, whole, days=days)


class _Entry(NamedTuple):
    """An event of the log, and what it is to the meter."""

    found: Found
    match: Match


class _Reader(Struct):
    """Reads a customer's log as one meter counts it."""

    store: OrganizationStore
    customer_id: str
    meter: Meter
    now: datetime
    _sets: dict[int, tuple[MeterSet, MeterSet]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: OrganizationStore, customer_id: str, meter_id: str) -> _Reader:
        if not is_id(customer_id):
            raise NotFound("There is no such customer meter.")
        meter = catalog.get(store, meter_id)
        if meter.archived_at is not None:
            raise NotFound("The meter is archived.")
        if meter.aggregation.func not in DECISIVE:
            message = f"A meter with the aggregation {meter.aggregation.func} has no statement."
            raise Invalid.at(("path", "id"), message, meter_id, kind="no_statement")
        return cls(store, customer_id, meter, times.now())

    def look(self) -> LotSnapshot:
        """The balance and its lots at one instant. Raises `NotFound` and `Incomplete`."""
        found = reckoning.read(self.store, self.customer_id, self.meter.id, self.meter.generation)
        if found is None:
            raise NotFound(f"There is no customer {self.customer_id}.")
        if found.is_incomplete(self.meter):
            raise Incomplete(self.meter.id)
        return found

    def sum_up(self, start: datetime | None, end: datetime | None) -> tuple[LotSnapshot, Cursor]:
        """What the balance was at the beginning and the end, and what changed it in between."""
        now = self.now
        begin = times.to_text(start or now - timedelta(days=30))
        stop = times.to_text(min(end or now, now + timedelta(days=1)))
        if begin >= stop:
            message = "The end must be after the start, and the start before now."
            raise Invalid.at(("query", "end"), message, stop)
        snapshot = self.look()
        for attempt in range(1, MAX_TRIES + 1):
            totals = dict.fromkeys(KINDS, ZERO)
            since = ZERO
            for found, match in self._entries(snapshot, begin, None):
                since = EXACT.add(since, match.units)
                if found.event.timestamp < stop:
                    kind = _kind(found.event, match)
                    totals[kind] = EXACT.add(totals[kind], match.units)
            again = self.look()
            if _revs(again) == _revs(snapshot):
                passed = snapshot.passed(now).total
                opening = EXACT.subtract(passed, since)
                closing = opening
                for units in totals.values():
                    closing = EXACT.add(closing, units)
                return snapshot, Cursor(begin, stop, opening, closing, totals, opening)
            snapshot = again
            BACKOFF.wait(attempt)
        raise Unavailable("The balance is being written too often to be explained just now.")

    def entries(self, snapshot: LotSnapshot, whole: Cursor) -> Iterator[_Entry]:
        """What changed the balance, from where a page begins to the statement's end, in order."""
        after = whole.after
        start = whole.start if after is None else max(whole.start, after[0])
        for entry in self._entries(snapshot, start, whole.end):
            if after is None or entry.found.order > after:
                yield entry

    def _entries(self, snapshot: LotSnapshot, start: str, end: str | None) -> Iterator[_Entry]:
        until = None if end is None else times.from_text(end)
        selection = Selection(start=times.from_text(start), end=until)
        logged = events.of_ledgers(self.store, selection, list(snapshot.ledgers), oldest_first=True)
        due = (
            found
            for found in self._due(snapshot)
            if start <= found.event.timestamp and (end is None or found.event.timestamp < end)
        )
        for found in heapq.merge(logged, due, key=lambda found: found.order):
            for match in self._match(found):
                if match.units:
                    yield _Entry(found, match)

    def _due(self, snapshot: LotSnapshot) -> list[Found]:
        """What a boundary of lots leaves in the log that nobody has passed yet."""
        generation = self.meter.generation
        made = []
        for passing in snapshot.passed(self.now).passings:
            place = boundary_page(passing.lot.id, passing.at)
            at = times.to_text(passing.at)
            following = ZERO if passing.next is None else EXACT.minus(passing.next.units)
            for offset, name, units in (
                (0, EXPIRED, passing.lapsed),
                (1, passing.lot.name, following),
            ):
                if units:
                    id_ = grant_id(self.customer_id, passing.lot)
                    event = LoggedEvent(
                        offset,
                        at,
                        name,
                        {"grant_id": id_, "units": units},
                        None,
                        terms=(self.meter.id, generation, units),
                    )
                    location = EventLocation(self.customer_id, place, offset)
                    made.append(Found(location, event, None, snapshot.version))
        return sorted(made, key=lambda found: found.order)

    def _match(self, found: Found) -> list[Match]:
        """What an event is to the meter, counted as it came or as its past."""
        version = found.meter_version
        if version not in self._sets:
            alone = [self.meter]
            self._sets[version] = MeterSet(version, alone), MeterSet.after(version, alone)
        event = found.event.to_event()
        return [match for meters in self._sets[version] for match in meters.match(event)]

    def calls(self, some: Sequence[Found]) -> dict[str, Call]:
        """What made each of some events, by the event's id."""
        hold_keys = {
            found.place.page.batch: self.store.keys.hold(
                found.place.page.batch.removeprefix(batches.HOLD)
            )
            for found in some
            if found.place.page.batch.startswith(batches.HOLD)
        }
        holds = self.store.batch_get(hold_keys.values()) if hold_keys else {}
        calls = {}
        for found in some:
            batch, logged = found.place.page.batch, found.event
            kind = _CALLS.get(batch[:2], "ingest")
            call = Call(kind, logged.external_id)
            if kind == "capture":
                item = holds.get(hold_keys[batch], {})
                hold_id = batch.removeprefix(batches.HOLD)
                call = Call(kind, item.get("external_id"), hold_id=hold_id)
            elif logged.terms is not None:
                told = logged.metadata
                call = call._replace(
                    event_id=_text(told, "event_id"),
                    grant_id=_text(told, "grant_id"),
                    reason=_text(told, "reason"),
                )
                if kind == "grant":
                    call = Call(kind, logged.external_id, grant_id=event_id(found.place))
            calls[event_id(found.place)] = call._replace(actor=found.actor)
        return calls


def _text(metadata: Any, name: str) -> str | None:
    value = metadata.get(name)
    return value if isinstance(value, str) else None


def _lines(entries: Iterable[_Entry], balance: Decimal) -> Iterator[Line]:
    for found, match in entries:
        balance = EXACT.add(balance, match.units)
        yield Line(_kind(found.event, match), found, match.units, balance)


def _days(
    entries: Iterable[_Entry], balance: Decimal, zone: ZoneInfo
) -> Iterator[tuple[Day, Found]]:
    """Each day on which something happened, and the last event of it."""

    def day_of(entry: _Entry) -> date:
        return times.from_text(entry.found.event.timestamp).astimezone(zone).date()

    for day, of_day in groupby(entries, key=day_of):
        opening = balance
        units = dict.fromkeys(KINDS, ZERO)
        for found, match in of_day:
            kind = _kind(found.event, match)
            units[kind] = EXACT.add(units[kind], match.units)
            balance = EXACT.add(balance, match.units)
            last = found
        yield Day(day, opening, units, balance), last


def _kind(event: LoggedEvent, match: Match) -> Kind:
    if match.refunded:
        return "refund"
    if match.expired:
        return "lapse" if event.name == EXPIRED else "void"
    return "usage" if match.units > 0 else "grant"


def _behind(whole: Cursor, after: Order, balance: Decimal) -> Cursor:
    return replace(whole, after=after, balance=balance)


def _revs(snapshot: LotSnapshot) -> list[tuple[keys.Key, Any]]:
    """What tells whether anything was counted since."""
    return sorted(
        (key, item.get("rev"))
        for key, item in snapshot.items.items()
        if key.sk.startswith((keys.BALANCE_PREFIX, keys.LOTS_PREFIX))
    )


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number
