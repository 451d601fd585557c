"""Contributions: what a page of the log adds to everything that is projected from the log.

A page never changes, so neither does its contribution: how often each name occurs in it, and what
each meter makes of it by quarter of an hour. Quarters, because every time zone of today is a whole
number of them away from UTC: hours, days and years of any zone are made of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core.exact import EXACT, ZERO
from aureon.domain.meters import Function, Group, Match, Meter, MeterSet
from aureon.domain.pages import LoggedEvent, Page

QUARTER: Final = timedelta(minutes=15)
# What a quarter holds: the figures that its meter's function is made of. What is used of a sum are
# its positive values that have not expired, less what was refunded: the others were granted. The
# values of ``unique`` have items of their own.
FIGURES: Final[Mapping[Function, tuple[str, ...]]] = {
    "sum": ("sum", "used", "expired", "refunded"),
    "count": ("count", "refunded"),
    "avg": ("sum", "count"),
    "max": ("max",),
    "min": ("min",),
    "unique": (),
}

_ADDED: Final = frozenset(name for names in FIGURES.values() for name in names)


class EventNameKey(NamedTuple):
    """The events of one name."""

    source: str
    name: str


class MeterDayKey(NamedTuple):
    """What a meter makes of a day, in UTC: ``2026-11-24``."""

    meter_id: str
    generation: int
    day: str


class DistinctValueKey(NamedTuple):
    """A value that a ``unique`` meter met in a quarter of an hour, ``2026-11-24T01:15``."""

    meter_id: str
    generation: int
    quarter: str
    value: bytes


class BreakdownDayKey(NamedTuple):
    """What a meter makes of the events of a day, in UTC, in which a property has one value."""

    meter_id: str
    group: Group
    day: str


class BreakdownValueKey(NamedTuple):
    """A value that a ``unique`` meter met in a quarter of an hour where a property had another."""

    meter_id: str
    group: Group
    quarter: str
    value: bytes


Subject = EventNameKey | MeterDayKey | BreakdownDayKey
Distinct = DistinctValueKey | BreakdownValueKey


class Addition(Struct):
    """What is added to the attributes of an item; and what they are at least, and at most."""

    added: dict[str, Decimal] = field(default_factory=dict)
    greatest: dict[str, Any] = field(default_factory=dict)
    least: dict[str, Any] = field(default_factory=dict)

    @property
    def extremes(self) -> bool:
        """Whether the item's figures decide which to set."""
        return bool(self.greatest or self.least)

    def add(self, attribute: str, number: Decimal) -> None:
        self.added[attribute] = EXACT.add(self.added.get(attribute, ZERO), number)

    def raise_to(self, attribute: str, value: Any) -> None:
        self.greatest[attribute] = max(self.greatest.get(attribute, value), value)

    def lower_to(self, attribute: str, value: Any) -> None:
        self.least[attribute] = min(self.least.get(attribute, value), value)

    def merge(self, other: Addition) -> None:
        for attribute, number in other.added.items():
            self.add(attribute, number)
        for attribute, value in other.greatest.items():
            self.raise_to(attribute, value)
        for attribute, value in other.least.items():
            self.lower_to(attribute, value)

    def apply(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of an item once it is added to."""
        after = Addition(
            {name: item[name] for name in self.added if name in item},
            {name: item[name] for name in self.greatest if name in item},
            {name: item[name] for name in self.least if name in item},
        )
        after.merge(self)
        return {**item, **after.added, **after.greatest, **after.least}


class Contribution(Struct):
    """All that a page adds, or several: by subject, and the values of ``unique`` meters."""

    additions: dict[Subject, Addition] = field(default_factory=dict)
    values: set[Distinct] = field(default_factory=set)

    def merge(self, other: Contribution) -> None:
        for subject, addition in other.additions.items():
            self.additions.setdefault(subject, Addition()).merge(addition)
        self.values |= other.values

    def count_name(self, event: LoggedEvent) -> None:
        addition = self._of(EventNameKey(event.source, event.name))
        addition.add("count", Decimal(1))
        addition.lower_to("first_seen", event.timestamp)
        addition.raise_to("last_seen", event.timestamp)

    def count_matches(self, event: LoggedEvent, matches: Iterable[Match]) -> None:
        day, quarter = event.timestamp[:10], quarter_text(event.timestamp)
        for match in matches:
            about = (match.meter_id, match.generation)
            if isinstance(match.value, bytes):
                self.values.add(DistinctValueKey(*about, quarter, match.value))
            else:
                self._count(MeterDayKey(*about, day), event, match, match.value)

    def count_groups(self, event: LoggedEvent, match: Match, groups: Iterable[Group]) -> None:
        day, quarter = event.timestamp[:10], quarter_text(event.timestamp)
        for group in groups:
            if isinstance(match.value, bytes):
                self.values.add(BreakdownValueKey(match.meter_id, group, quarter, match.value))
            else:
                subject = BreakdownDayKey(match.meter_id, group, day)
                self._count(subject, event, match, match.value)

    def _count(self, subject: Subject, event: LoggedEvent, match: Match, value: Decimal) -> None:
        addition, quarter = self._of(subject), quarter_of(event.timestamp)
        match match.function:
            case "max":
                addition.raise_to(figure("max", quarter), value)
            case "min":
                addition.lower_to(figure("min", quarter), value)
            case function:
                numbers = figures_of(match)
                for name in FIGURES[function]:
                    if name in numbers:
                        addition.add(figure(name, quarter), numbers[name])

    def _of(self, subject: Subject) -> Addition:
        return self.additions.setdefault(subject, Addition())


def figures_of(match: Match) -> dict[str, Decimal]:
    """What is added up of a match that is a number. A refund takes back what it counted as well."""
    value = match.value if isinstance(match.value, Decimal) else ZERO
    if match.refunded:
        return {"sum": value, "used": value, "count": value, "refunded": EXACT.minus(value)}
    figures = {"sum": value, "count": Decimal(1)}
    return figures | {"expired" if match.expired else "used": value} if value > 0 else figures


def of_page(page: Page, meters: MeterSet, ledger_id: str) -> Contribution:
    """What a page of a ledger adds: with the meters of the version that it was counted with."""
    found = Contribution()
    for logged in page.events:
        event = logged.to_event()
        matches = meters.match(event)
        found.count_name(logged)
        found.count_matches(logged, matches)
        for match in matches:
            found.count_groups(logged, match, meters.groups(match, event, ledger_id))
    return found


def of_past(page: Page, meters: MeterSet) -> Contribution:
    """What a page adds to meters that are younger than it, but for their breakdowns."""
    found = Contribution()
    for event in page.events:
        found.count_matches(event, meters.match(event.to_event()))
    return found


class BreakdownPast:
    """What pages add to the breakdowns of a meter that are younger than they are."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        alone = replace(meter, grouped_since_version=0)
        self._before = MeterSet.of(0, [alone])
        self._since = MeterSet.of(meter.since_version, [alone])

    def has(self, meter_version: int) -> bool:
        """Whether a page of a version is of their past."""
        if self.meter.archived_version is not None and meter_version >= self.meter.archived_version:
            return False
        return bool(self.meter.group_by) and meter_version < self.meter.grouped_since_version

    def of_page(self, page: Page, ledger_id: str) -> Contribution:
        # Its own past is of any generation of the terms of grants; what came since is of its own.
        young = page.meter_version < self.meter.since_version
        meters = self._before if young else self._since
        found = Contribution()
        for logged in page.events:
            event = logged.to_event()
            for match in meters.match(event):
                found.count_groups(logged, match, meters.groups(match, event, ledger_id))
        return found


def parts(additions: Mapping[Subject, Addition], count: int, part: int) -> dict[Subject, Addition]:
    """One of so many parts of additions, from 0: the same subjects in every attempt."""
    return {
        subject: addition
        for subject, addition in additions.items()
        if _digest(subject) % count == part
    }


def parts_needed(additions: Mapping[Subject, Addition], most: int) -> int:
    """Into how many parts additions must be split so that none has more than so many."""
    digests = list(map(_digest, additions))
    count = max(1, -(-len(digests) // most))
    while max(Counter(digest % count for digest in digests).values(), default=0) > most:
        count += 1
    return count


def _digest(subject: Subject) -> int:
    text = "#".join(map(str, subject if isinstance(subject, BreakdownDayKey) else subject[:2]))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


# Quarters of an hour.


def figure(name: str, quarter: int) -> str:
    """The attribute that holds a figure of a quarter of the day, from 0 to 95."""
    return f"{name}{quarter:02}"


def quarter_of(timestamp: str) -> int:
    """The quarter of its day, from 0 to 95, of a time that is written in UTC."""
    return int(timestamp[11:13]) * 4 + int(timestamp[14:16]) // 15


def quarter_text(timestamp: str) -> str:
    """The quarter of an hour of a time in UTC, as keys have it: ``2026-11-24T01:15``."""
    return f"{timestamp[:14]}{int(timestamp[14:16]) // 15 * 15:02}"


def quarters(item: Mapping[str, Any], day: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The quarters of a day's item that hold something, and the figures of each, in order."""
    found: dict[int, dict[str, Any]] = {}
    for attribute, value in item.items():
        name, number = attribute[:-2], attribute[-2:]
        if name in _ADDED and number.isdigit():
            found.setdefault(int(number), {})[name] = value
    for quarter in sorted(found):
        yield day + quarter * QUARTER, found[quarter]
