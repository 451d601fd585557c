"""The meters of an organization, as the API lists them: what an event would be to each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from aureon.core import times
from aureon.core.exact import EXACT, ZERO
from aureon.domain.events import CustomerRef, Event
from aureon.domain.filters import Filter, compile_filter, compile_property
from aureon.domain.meters import Aggregation, Meter, MeterSet

NUMERIC: Final = ("sum", "avg", "max", "min")
NOBODY: Final = CustomerRef(True, "")


class Meters:
    """Counts events as the ledger would, with a dry run's own figures."""

    def __init__(self, listed: Iterable[Mapping[str, Any]]) -> None:
        meters = list(map(_meter, listed))
        self._set = MeterSet.of(0, meters)
        self._numeric = [
            (meter, compile_filter(meter.filter), compile_property(meter.aggregation.property))
            for meter in meters
            if meter.aggregation.func in NUMERIC and meter.aggregation.property
        ]
        self._events: Counter[str] = Counter()
        self._totals: dict[str, Decimal] = {}
        self._values: dict[str, set[bytes]] = {}

    def count(self, event: Event) -> bool:
        """Count an event, and say whether any meter does."""
        matches = self._set.match(event)
        for match in matches:
            self._events[match.meter_id] += 1
            if isinstance(match.value, bytes):
                self._values.setdefault(match.meter_id, set()).add(match.value)
            else:
                total = self._totals.get(match.meter_id, ZERO)
                self._totals[match.meter_id] = EXACT.add(total, match.units)
        return bool(matches)

    def report(self) -> Iterable[str]:
        """What each has counted."""
        for id_, meter in self._set.meters.items():
            said = f"meter {meter.name}: {self._events[id_]:,} events"
            if meter.aggregation.func == "unique":
                said += f", {len(self._values.get(id_, ())):,} values"
            elif meter.aggregation.func in ("sum", "avg"):
                said += f", {self._totals.get(id_, ZERO):,f} in all"
            yield said

    def strings_for_numbers(self, events: Iterable[Any]) -> dict[int, str]:
        """Which events have a string where a meter counts numbers, by place, with the reason."""
        found = {}
        for place, sent in enumerate(events):
            event = _loosely(place, sent)
            if event is None:
                continue
            for meter, matches, value_of in self._numeric:
                if isinstance(value_of(event), str) and matches(event):
                    key = str(meter.aggregation.property).removeprefix("metadata.")
                    found[place] = (
                        f"metadata.{key} is a string, and the meter {meter.name} counts numbers. "
                        f"Write a number (aureon import reads it as one with --number {key}), or "
                        "give --text-is-text to send it as it is."
                    )
                    break
        return found


def _meter(listed: Mapping[str, Any]) -> Meter:
    """A meter, of what the API answers."""
    created_at = times.from_text(listed["created_at"])
    return Meter(
        id=listed["id"],
        name=listed["name"],
        filter=Filter.from_dict(listed["filter"]),
        aggregation=Aggregation.from_dict(listed["aggregation"]),
        created_at=created_at,
        since_version=0,
        since_at=created_at,
    )


def _loosely(position: int, sent: Any) -> Event | None:
    """An event as far as filters look at it; None where it will be refused anyway."""
    if not isinstance(sent, Mapping) or not isinstance(sent.get("name"), str):
        return None
    metadata = sent.get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    try:
        moment = times.from_text(sent["timestamp"])
    except (LookupError, TypeError, ValueError):
        moment = times.now()
    return Event(position, NOBODY, sent["name"], moment, metadata)
