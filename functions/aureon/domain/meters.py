"""Meters: a filter that chooses events, and an aggregation that makes a number of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Self

from aureon import keys, times
from aureon.domain.events import Event
from aureon.domain.filters import (
    Clause,
    Filter,
    Value,
    compile_filter,
    compile_property,
    kind_of,
)
from aureon.exact import EXACT, ZERO

Function = Literal["sum", "count", "avg", "max", "min", "unique"]
Unit = Literal["scalar", "token", "custom"]
MIN_NAME_CHARACTERS: Final = 3
MAX_NAME_CHARACTERS: Final = 256
# One event, its page, claim, pointer and request item, and a balance for each meter that it
# matches, must fit in one transaction of a hundred actions. A unique value takes one more.
MAX_ACTIONS_OF_MATCHES: Final = 90
# Two values of one meter have the same hash with a probability of 2^-128.
VALUE_BYTES: Final = 16

# The aggregations that are made of a sum.
ADDITIVE: Final = ("sum", "count", "avg")
ONE: Final = Decimal(1)
Contribution = Callable[[Event], Decimal | bytes | None]


@dataclass(frozen=True, slots=True)
class Aggregation:
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


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter's definition and its life, told in versions of the organization's meters.

    It counts from `since_version` on, and up to, but not including, `archived_version`. What was
    counted with older versions is the past: since `since_at` there is a backfill for it, which is
    `backfilled` once it is complete for every ledger. A meter whose past has to be counted anew
    begins another `generation`, with balances of its own. `versions` are all versions that changed
    it; `rev` rises with every change of the item.
    """

    id: str
    name: str
    filter: Filter
    aggregation: Aggregation
    created_at: datetime
    since_version: int
    since_at: datetime
    unit: Unit = "scalar"
    custom_label: str | None = None
    custom_multiplier: int | None = None
    metadata: Mapping[str, Any] | None = None
    modified_at: datetime | None = None
    archived_at: datetime | None = None
    archived_version: int | None = None
    generation: int = 1
    backfilled: bool = False
    versions: tuple[int, ...] = ()
    rev: int = 1

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
            "filter": self.filter.to_dict(),
            "aggregation": self.aggregation.to_dict(),
            "created_at": times.to_text(self.created_at),
            "since_version": self.since_version,
            "since_at": times.to_text(self.since_at),
            "unit": self.unit,
            "custom_label": self.custom_label,
            "custom_multiplier": self.custom_multiplier,
            "metadata": dict(self.metadata or {}),
            "modified_at": times.to_optional_text(self.modified_at),
            "archived_at": times.to_optional_text(self.archived_at),
            "archived_version": self.archived_version,
            "generation": self.generation,
            "backfilled": self.backfilled,
            "versions": list(self.versions),
            "rev": self.rev,
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
            custom_label=item["custom_label"],
            custom_multiplier=None if multiplier is None else int(multiplier),
            metadata=item["metadata"],
            modified_at=times.from_optional_text(item["modified_at"]),
            archived_at=times.from_optional_text(item["archived_at"]),
            archived_version=None if archived_version is None else int(archived_version),
            generation=int(item["generation"]),
            backfilled=item["backfilled"],
            versions=tuple(map(int, item["versions"])),
            rev=int(item["rev"]),
        )


class Match(NamedTuple):
    """A meter that counts an event, and what the event is to it.

    `value` is what the aggregation makes something of: units for ``sum``, ``avg``, ``max`` and
    ``min``, 1 for ``count``, and for ``unique`` a hash of the value, 16 bytes.
    """

    meter_id: str
    generation: int
    function: Function
    value: Decimal | bytes

    @property
    def units(self) -> Decimal:
        """What is added to the meter's sum: nothing where it has none."""
        if self.function in ADDITIVE and isinstance(self.value, Decimal):
            return self.value
        return ZERO

    @property
    def actions(self) -> int:
        """How many actions of a transaction it may take."""
        return 2 if self.function == "unique" else 1


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

    def _compile(self, meters: Iterable[Meter]) -> None:
        for rank, meter in enumerate(meters):
            self._wanting(meter.filter.required()).append(_Compiled.of(rank, meter))
        self._getters = [
            (compile_property(name), by_value) for name, by_value in self._by_value.items()
        ]

    def match(self, event: Event) -> list[Match]:
        """The meters that count the event, and what it is to each, in the order of the meters."""
        candidates = self._others
        for get, by_value in self._getters:
            own = get(event)
            if own is not None:
                found = by_value.get((kind_of(own), own))
                if found:
                    candidates = sorted([*candidates, *found]) if candidates else found
        return [
            Match(compiled.meter_id, compiled.generation, compiled.function, value)
            for compiled in candidates
            if compiled.matches(event) and (value := compiled.contribution(event)) is not None
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
    matches: Callable[[Event], bool]
    contribution: Contribution

    @classmethod
    def of(cls, rank: int, meter: Meter) -> _Compiled:
        return cls(
            rank,
            meter.id,
            meter.generation,
            meter.aggregation.func,
            compile_filter(meter.filter),
            _contribution(meter.aggregation),
        )


def _contribution(aggregation: Aggregation) -> Contribution:
    """What an event is to a meter; None where it has no value for it and is left out."""
    if aggregation.property is None:
        return lambda event: ONE
    get = compile_property(aggregation.property)
    if aggregation.func == "unique":
        return lambda event: None if (value := get(event)) is None else hash_of(value)

    def contribution(event: Event) -> Decimal | None:
        value = get(event)
        if type(value) is int:
            return Decimal(value)
        return value if type(value) is Decimal else None

    return contribution


def hash_of(value: Value) -> bytes:
    """A hash of a property's value: equal for equal values of one kind, however written."""
    kind = kind_of(value)
    text = format(Decimal(value).normalize(EXACT), "f") if kind is Decimal else str(value)
    return hashlib.sha256(f"{kind.__name__}:{text}".encode()).digest()[:VALUE_BYTES]
