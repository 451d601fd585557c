"""Meters: a filter that chooses events, and an aggregation that makes a number of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from aureon import times
from aureon.domain.events import Event
from aureon.domain.filters import Filter, compile_filter, compile_property

Function = Literal["sum", "count", "avg", "max", "min", "unique"]
Unit = Literal["scalar", "token", "custom"]
# Those whose value is kept by additions alone.
ADDITIVE: Final = ("sum", "count", "avg")
MIN_NAME_CHARACTERS: Final = 3
MAX_NAME_CHARACTERS: Final = 256
# One event, its page, claim, pointer and request item, and a balance for each meter that it
# matches, must fit in one transaction of a hundred actions.
MAX_MATCHES_PER_EVENT: Final = 90

ONE: Final = Decimal(1)
Contribution = Callable[[Event], Decimal | None]


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

    It counts from `since_version` on, and up to, but not including, `archived_version`.
    `rev` rises with every change of the item.
    """

    id: str
    name: str
    filter: Filter
    aggregation: Aggregation
    created_at: datetime
    since_version: int
    unit: Unit = "scalar"
    custom_label: str | None = None
    custom_multiplier: int | None = None
    metadata: Mapping[str, Any] | None = None
    modified_at: datetime | None = None
    archived_at: datetime | None = None
    archived_version: int | None = None
    generation: int = 1
    rev: int = 1

    def last_change(self, version: int) -> int:
        """The last version, up to the given one, that changed what this meter counts; or 0."""
        changes = (self.since_version, self.archived_version or 0)
        return max((change for change in changes if change <= version), default=0)

    def counts_at(self, version: int) -> bool:
        if self.archived_version is not None and self.archived_version <= version:
            return False
        return self.since_version <= version

    def to_item(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "filter": self.filter.to_dict(),
            "aggregation": self.aggregation.to_dict(),
            "created_at": times.to_text(self.created_at),
            "since_version": self.since_version,
            "unit": self.unit,
            "custom_label": self.custom_label,
            "custom_multiplier": self.custom_multiplier,
            "metadata": dict(self.metadata or {}),
            "modified_at": times.to_optional_text(self.modified_at),
            "archived_at": times.to_optional_text(self.archived_at),
            "archived_version": self.archived_version,
            "generation": self.generation,
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
            unit=item["unit"],
            custom_label=item["custom_label"],
            custom_multiplier=None if multiplier is None else int(multiplier),
            metadata=item["metadata"],
            modified_at=times.from_optional_text(item["modified_at"]),
            archived_at=times.from_optional_text(item["archived_at"]),
            archived_version=None if archived_version is None else int(archived_version),
            generation=int(item["generation"]),
            rev=int(item["rev"]),
        )


class Match(NamedTuple):
    """A meter that counts an event, and the units that the event adds to it."""

    meter_id: str
    generation: int
    units: Decimal


class MeterSet:
    """The meters of an organization at one version, compiled for matching.

    An event is asked about the meters that want its name and those that want none in
    particular; meters for other names cost it nothing.
    """

    def __init__(self, version: int, meters: Iterable[Meter]) -> None:
        self.version = version
        meters = list(meters)
        self.generations = {meter.id: meter.generation for meter in meters}
        self.functions = {meter.id: meter.aggregation.func for meter in meters}
        self._for_name: defaultdict[str, list[_Compiled]] = defaultdict(list)
        self._for_any: list[_Compiled] = []
        for meter in meters:
            if meter.counts_at(version):
                name = meter.filter.required_name()
                compiled = (self._for_any if name is None else self._for_name[name]).append
                compiled(_Compiled.of(meter))

    def match(self, event: Event) -> list[Match]:
        """The meters that count the event. Where there are many names, most cost nothing."""
        candidates = self._for_name.get(event.name, ())
        return [
            Match(compiled.meter_id, compiled.generation, units)
            for compiled in (*candidates, *self._for_any)
            if compiled.matches(event) and (units := compiled.contribution(event)) is not None
        ]


class _Compiled(NamedTuple):
    meter_id: str
    generation: int
    matches: Callable[[Event], bool]
    contribution: Contribution

    @classmethod
    def of(cls, meter: Meter) -> _Compiled:
        return cls(meter.id, meter.generation, compile_filter(meter.filter), _contribution(meter))


def _contribution(meter: Meter) -> Contribution:
    """What an event adds to a meter; None where it has no number for it and is left out."""
    aggregation = meter.aggregation
    if aggregation.property is None:
        return lambda event: ONE
    get = compile_property(aggregation.property)

    def contribution(event: Event) -> Decimal | None:
        value = get(event)
        if type(value) is int:
            return Decimal(value)
        return value if type(value) is Decimal else None

    return contribution
