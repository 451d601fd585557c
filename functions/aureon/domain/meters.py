"""Meters: a filter that chooses events, and an aggregation that makes a number of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Self

from msgspec import Struct

from aureon.core import times
from aureon.core.exact import ZERO, canonical, counted, from_stored, to_stored
from aureon.domain.breakdowns import compile_group
from aureon.domain.events import Event, Terms
from aureon.domain.filters import (
    Clause,
    Filter,
    Value,
    compile_filter,
    compile_property,
    kind_of,
)
from aureon.domain.thresholds import Threshold
from aureon.storage import keys

Function = Literal["sum", "count", "avg", "max", "min", "unique"]
Unit = Literal["scalar", "token", "custom"]
# Whether a meter decides on spends: where the customer was granted something on it, always, never.
LimitsSpending = Literal["auto", "always", "never"]
MIN_NAME_CHARACTERS: Final = 3
MAX_NAME_CHARACTERS: Final = 256
# One event, its page, claim, pointer and request item, and a balance for each meter that it
# matches, must fit in one transaction of a hundred actions. A unique value takes one more.
MAX_ACTIONS_OF_MATCHES: Final = 90
# Two values of one meter have the same hash with a probability of 2^-128.
VALUE_BYTES: Final = 16

# The aggregations whose balance a spend can be sure of.
DECISIVE: Final = ("sum", "count")
# The aggregations that are made of a sum.
ADDITIVE: Final = ("sum", "count", "avg")
ONE: Final = Decimal(1)
Contribution = Callable[[Event], Decimal | bytes | None]


class Aggregation(Struct, frozen=True):
    """How the events that match become a number. ``count`` alone needs no property."""

    func: Function
    property: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the API and the table show it."""
        if self.property is None:
            return {"func": self.func}
        return {"func": self.func, "property": self.property}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Aggregation:
        return cls(value["func"], value.get("property"))


class Meter(Struct, frozen=True):
    """A meter's definition and its life, told in versions of the organization's meters.

    It counts from `since_version` on, and up to, but not including, `archived_version`. What was
    counted with older versions is the past: since `since_at` there is a backfill for it, which is
    `backfilled` once it is complete for every ledger. A meter whose past has to be counted anew
    begins another `generation`, with balances of its own. `versions` are all versions that changed
    it; `rev` rises with every change of the item. One that was `brought_back` was archived once. No
    other meter of the organization has its `external_id`, archived or not.
    `own_thresholds` says that a customer has thresholds of its own in place of the meter's, and
    `was_watched` that there were any, ever.

    Breakdowns by the properties of `group_by` are read models alone: changing them begins another
    `grouping`, whose past is all that was counted with versions older than `grouped_since_version`,
    and leaves balances as they are. It is `grouped` once that past is complete.
    """

    id: str
    name: str
    filter: Filter
    aggregation: Aggregation
    created_at: datetime
    since_version: int
    since_at: datetime
    unit: Unit = "scalar"
    limits_spending: LimitsSpending = "auto"
    custom_label: str | None = None
    custom_multiplier: int | None = None
    metadata: Mapping[str, Any] | None = None
    modified_at: datetime | None = None
    archived_at: datetime | None = None
    archived_version: int | None = None
    generation: int = 1
    backfilled: bool = False
    versions: tuple[int, ...] = ()
    brought_back: bool = False
    thresholds: tuple[Threshold, ...] = ()
    own_thresholds: bool = False
    was_watched: bool = False
    rev: int = 1
    external_id: str | None = None
    group_by: tuple[str, ...] = ()
    grouping: int = 0
    grouped_since_version: int = 0
    grouped_since_at: datetime | None = None
    grouped: bool = False

    @property
    def watched(self) -> bool | None:
        """Whether somebody is to look at what moves a balance; None where nobody ever was."""
        if not self.was_watched:
            return None
        return bool(self.thresholds) or self.own_thresholds

    def last_change(self, version: int) -> int:
        """The last version, up to the given one, that changed this meter; or 0."""
        return max((change for change in self.versions if change <= version), default=0)

    def counts_at(self, version: int) -> bool:
        if self.archived_version is not None and self.archived_version <= version:
            return False
        return self.since_version <= version

    def is_complete(self, ledger_version: int, counted_to: str | None) -> bool:
        """Whether all of a ledger's past has been counted.

        `ledger_version` is the version with which the ledger began: one that began with this meter
        has no past. `counted_to` is how far the backfill has come in its log.
        """
        return (
            self.backfilled or ledger_version >= self.since_version or counted_to == keys.PAGES_END
        )

    def to_item(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "external_id": self.external_id,
            "filter": self.filter.to_dict(),
            "aggregation": self.aggregation.to_dict(),
            "created_at": times.to_text(self.created_at),
            "since_version": self.since_version,
            "since_at": times.to_text(self.since_at),
            "unit": self.unit,
            "limits_spending": self.limits_spending,
            "custom_label": self.custom_label,
            "custom_multiplier": self.custom_multiplier,
            "metadata": to_stored(self.metadata or {}),
            "modified_at": times.to_optional_text(self.modified_at),
            "archived_at": times.to_optional_text(self.archived_at),
            "archived_version": self.archived_version,
            "generation": self.generation,
            "backfilled": self.backfilled,
            "versions": list(self.versions),
            "brought_back": self.brought_back,
            "thresholds": [threshold.to_item() for threshold in self.thresholds],
            "own_thresholds": self.own_thresholds,
            "was_watched": self.was_watched,
            "rev": self.rev,
            **self._grouping(),
        }

    def _grouping(self) -> dict[str, Any]:
        if not self.grouping:
            return {}
        return {
            "group_by": list(self.group_by),
            "grouping": self.grouping,
            "grouped_since_version": self.grouped_since_version,
            "grouped_since_at": times.to_optional_text(self.grouped_since_at),
            "grouped": self.grouped,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Meter:
        archived_version = item["archived_version"]
        multiplier = item["custom_multiplier"]
        return cls(
            id=item["id"],
            name=item["name"],
            filter=Filter.from_dict(item["filter"]),
            aggregation=Aggregation.from_dict(item["aggregation"]),
            created_at=times.from_text(item["created_at"]),
            since_version=int(item["since_version"]),
            since_at=times.from_text(item["since_at"]),
            unit=item["unit"],
            limits_spending=item.get("limits_spending", "auto"),
            custom_label=item["custom_label"],
            custom_multiplier=None if multiplier is None else int(multiplier),
            metadata=from_stored(item["metadata"]),
            modified_at=times.from_optional_text(item["modified_at"]),
            archived_at=times.from_optional_text(item["archived_at"]),
            archived_version=None if archived_version is None else int(archived_version),
            generation=int(item["generation"]),
            backfilled=item["backfilled"],
            versions=tuple(map(int, item["versions"])),
            brought_back=item.get("brought_back", False),
            thresholds=tuple(map(Threshold.from_item, item.get("thresholds", ()))),
            own_thresholds=item.get("own_thresholds", False),
            was_watched=item.get("was_watched", False),
            rev=int(item["rev"]),
            external_id=item.get("external_id"),
            group_by=tuple(item.get("group_by", ())),
            grouping=int(item.get("grouping", 0)),
            grouped_since_version=int(item.get("grouped_since_version", 0)),
            grouped_since_at=times.from_optional_text(item.get("grouped_since_at")),
            grouped=item.get("grouped", False),
        )


class Group(NamedTuple):
    """The value that a property of an event has to a meter's breakdown.

    `place` is the property's in the meter's `group_by`, from 0, and `value` as
    `aureon.domain.breakdowns` writes it.
    """

    grouping: int
    place: int
    value: str


class Match(NamedTuple):
    """A meter that counts an event, and what the event is to it.

    `value` is what the aggregation makes something of: units for ``sum``, ``avg``, ``max`` and
    ``min``, 1 for ``count``, and for ``unique`` a hash of the value, 16 bytes. What has `expired`
    was granted, and lapsed or was taken back: nobody used it. What was `refunded` is below 0, and
    was used before: it is no grant. `watched` is the meter's.
    """

    meter_id: str
    generation: int
    function: Function
    value: Decimal | bytes
    expired: bool = False
    refunded: bool = False
    watched: bool | None = None

    @property
    def units(self) -> Decimal:
        """What is added to the meter's sum: nothing where it has none."""
        if self.function in ADDITIVE and isinstance(self.value, Decimal):
            return self.value
        return ZERO

    @property
    def grants(self) -> bool:
        """Whether it gives credits."""
        return self.function == "sum" and isinstance(self.value, Decimal) and self.value < 0

    @property
    def actions(self) -> int:
        """How many actions of a transaction it may take."""
        return 2 if self.function == "unique" else 1


class Uncounted(NamedTuple):
    """A property that a meter should have counted, and why it did not.

    It was a string where a number is meant, or a number out of range, or gave credits that its
    sender may not give.
    """

    event: Event
    meter_id: str
    property: str
    reason: Literal["string", "range", "grant"]


class MeterSet:
    """The meters of an organization at one version, compiled for matching.

    Most filters want a property to have one value, an event's name above all: their meters are
    found by that value, and cost nothing for an event that has another.
    """

    def __init__(self, version: int, meters: Iterable[Meter]) -> None:
        self.version = version
        self.meters = {meter.id: meter for meter in meters}
        self._by_value: dict[str, dict[_Value, list[_Compiled]]] = {}
        self._others: list[_Compiled] = []
        self._compile(meter for meter in self.meters.values() if meter.counts_at(version))

    @classmethod
    def after(cls, version: int, meters: Iterable[Meter]) -> Self:
        """The meters that came later: what was counted at the version is their past."""
        return cls.of(version, [meter for meter in meters if meter.since_version > version])

    @classmethod
    def of(cls, version: int, meters: Iterable[Meter]) -> Self:
        """These meters, whether or not they count at the version."""
        chosen = cls(version, ())
        chosen.meters = {meter.id: meter for meter in meters}
        chosen._compile(chosen.meters.values())
        return chosen

    def groups(self, match: Match, event: Event, ledger_id: str) -> list[Group]:
        """The values that an event which counts has to a meter's breakdowns; none of most meters.

        A version that is older than the breakdowns has none: it is their past.
        """
        found = self._grouped.get(match.meter_id)
        if found is None:
            return []
        grouping, getters = found
        return [Group(grouping, place, get(event, ledger_id)) for place, get in enumerate(getters)]

    def _compile(self, meters: Iterable[Meter]) -> None:
        self._grouped: dict[str, tuple[int, list[Callable[[Event, str], str]]]] = {}
        self._counting: dict[str, Meter] = {}
        for rank, meter in enumerate(meters):
            self._counting[meter.id] = meter
            if meter.group_by and meter.grouped_since_version <= self.version:
                getters = [compile_group(name) for name in meter.group_by]
                self._grouped[meter.id] = (meter.grouping, getters)
            self._wanting(meter.filter.required()).append(_Compiled.of(rank, meter))
        self._getters = [
            (compile_property(name), by_value) for name, by_value in self._by_value.items()
        ]

    def match(self, event: Event, uncounted: list[Uncounted] | None = None) -> list[Match]:
        """The meters that count the event, and what it is to each, in the order of the meters.

        What a meter would have counted, were it another value, is added to `uncounted`.
        """
        if event.terms is not None:
            return self._of_terms(event.terms)
        candidates = self._others
        for get, by_value in self._getters:
            own = get(event)
            if own is not None:
                found = by_value.get((kind_of(own), own))
                if found:
                    candidates = sorted([*candidates, *found]) if candidates else found
        matches = []
        for compiled in candidates:
            if compiled.matches(event):
                value = compiled.contribution(event)
                if value is not None:
                    matches.append(
                        Match(
                            compiled.meter_id,
                            compiled.generation,
                            compiled.function,
                            value,
                            watched=compiled.watched,
                        )
                    )
                elif uncounted is not None and (reason := compiled.explain(event)) is not None:
                    uncounted.append(reason)
        return matches

    def _of_terms(self, terms: Terms) -> list[Match]:
        """The meter that terms name; if it began anew since, what was before is its past."""
        meter = self._counting.get(terms.meter_id)
        if meter is None:
            return []
        if terms.generation != meter.generation and meter.counts_at(self.version):
            return []
        function = meter.aggregation.func if terms.refunded else "sum"
        return [
            Match(
                meter.id,
                meter.generation,
                function,
                terms.units,
                expired=terms.units > 0 and not terms.refunded,
                refunded=terms.refunded,
                watched=meter.watched,
            )
        ]

    def _wanting(self, clause: Clause | None) -> list[_Compiled]:
        """The meters whose filter requires this."""
        if clause is None:
            return self._others
        by_value = self._by_value.setdefault(clause.property, {})
        return by_value.setdefault((kind_of(clause.value), clause.value), [])


_Value = tuple[type, Value]


class _Compiled(NamedTuple):
    rank: int
    meter_id: str
    generation: int
    function: Function
    property: str | None
    matches: Callable[[Event], bool]
    contribution: Contribution
    watched: bool | None

    @classmethod
    def of(cls, rank: int, meter: Meter) -> _Compiled:
        return cls(
            rank,
            meter.id,
            meter.generation,
            meter.aggregation.func,
            meter.aggregation.property,
            compile_filter(meter.filter),
            _contribution(meter.aggregation),
            meter.watched,
        )

    def explain(self, event: Event) -> Uncounted | None:
        """Why an event that matches does not count; None where it just has no such value."""
        if self.property is None:
            return None
        value = compile_property(self.property)(event)
        if isinstance(value, str):
            return Uncounted(event, self.meter_id, self.property, "string")
        if isinstance(value, bool) or value is None:
            return None
        reason: Literal["range", "grant"] = "range" if counted(value) is None else "grant"
        return Uncounted(event, self.meter_id, self.property, reason)


def _contribution(aggregation: Aggregation) -> Contribution:
    """What an event is to a meter; None where it has no value for it and is left out."""
    if aggregation.property is None:
        return lambda event: ONE
    get = compile_property(aggregation.property)
    if aggregation.func == "unique":
        return lambda event: None if (value := get(event)) is None else hash_of(value)
    gives = aggregation.func == "sum"

    def contribution(event: Event) -> Decimal | None:
        value = get(event)
        if type(value) is not int and type(value) is not Decimal:
            return None
        number = counted(value)
        if gives and not event.may_grant and number is not None and number < 0:
            return None
        return number

    return contribution


def hash_of(value: Value) -> bytes:
    """A hash of a property's value: equal for equal values of one kind, however written."""
    if isinstance(value, str | bool):
        text = str(value)
    else:
        number = canonical(value)
        text = (
            f"{number:f}"
            if isinstance(number, Decimal) and -100 < number.adjusted() < 100
            else str(number)
        )
    return hashlib.sha256(f"{kind_of(value).__name__}:{text}".encode()).digest()[:VALUE_BYTES]
