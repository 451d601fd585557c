"""Quantities: what a meter makes of the events of each of some intervals, and of all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Any, Final, NamedTuple

from aureon.core.exact import EXACT, ZERO
from aureon.domain.balances import AVERAGE_STEP
from aureon.domain.meters import DECISIVE, Function, Match
from aureon.projection.contributions import Addition, figures_of

# Their hashes are counted in memory, each about 100 bytes of it.
MAX_DISTINCT: Final = 1_000_000


class TooManyValues(Exception):
    """There are more different values than are counted at once."""


class UsageBreakdown(NamedTuple):
    """What was used, what was granted, and what of that has expired, each as a positive number.

    What was `refunded` in the same time is left out of what was used.
    """

    used: Decimal
    granted: Decimal
    expired: Decimal
    refunded: Decimal


class Quantity(NamedTuple):
    """What a meter makes of the events of an interval, which begins at `start`.

    `moved` is for meters whose balance can be spent.
    """

    start: datetime
    value: Decimal
    moved: UsageBreakdown | None


class Quantities:
    """Takes figures and values of moments, and tells the quantities; empty intervals have 0.

    `boundaries` are where the intervals begin, and where the last one ends.
    """

    def __init__(self, function: Function, boundaries: Sequence[datetime]) -> None:
        self._function = function
        self._boundaries = boundaries
        self._intervals: dict[int, Addition] = {}
        self._all = Addition()

    @cached_property
    def divided(self) -> set[datetime]:
        """The quarters of an hour that some interval has a part of only, by their beginning."""
        quarters = {(boundary, _quarter(boundary)) for boundary in self._boundaries}
        return {quarter for boundary, quarter in quarters if quarter != boundary}

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day, in UTC, that has some of the time."""
        return self._boundaries[0].isoformat()[:10], self._boundaries[-1].isoformat()[:10]

    def has(self, moment: datetime) -> bool:
        return self._boundaries[0] <= moment < self._boundaries[-1]

    def add(self, moment: datetime, figures: Mapping[str, Any]) -> None:
        """Take figures of a time that is in one interval."""
        addition = Addition()
        for name, value in figures.items():
            match name:
                case "max":
                    addition.raise_to(name, value)
                case "min":
                    addition.lower_to(name, value)
                case _:
                    addition.add(name, value)
        self._of(self._place(moment)).merge(addition)
        self._all.merge(addition)

    def merge(self, other: Quantities) -> None:
        """Take all that others have of the same intervals: of a ``unique`` meter, other values."""
        for place, addition in other._intervals.items():
            self._of(place).merge(addition)
        self._all.merge(other._all)

    def add_match(self, moment: datetime, match: Match) -> None:
        """Take an event of a meter that is not ``unique``."""
        value = match.value
        if isinstance(value, Decimal):
            self.add(moment, {**figures_of(match), "max": value, "min": value})

    def add_values(self, values: Iterable[tuple[datetime, str]]) -> None:
        """Take values that a ``unique`` meter met, in the order of time: whatever is taken later
        must be other values.

        Raises `TooManyValues`.
        """
        everywhere: set[str] = set()
        for place, met in groupby(values, key=lambda value: self._place(value[0])):
            here: set[str] = set()
            for _, value in met:
                here.add(value)
                if len(here) > MAX_DISTINCT:
                    raise TooManyValues
            everywhere |= here
            if len(everywhere) > MAX_DISTINCT:
                raise TooManyValues
            self._of(place).add("distinct", Decimal(len(here)))
        self._all.add("distinct", Decimal(len(everywhere)))

    def of_intervals(self) -> list[Quantity]:
        """The meter's value of each interval, in order, 0 where nothing happened."""
        nothing = Addition()
        return [
            Quantity(start, self._value(addition), self._moved(addition))
            for place, start in enumerate(self._boundaries[:-1])
            for addition in [self._intervals.get(place, nothing)]
        ]

    def total(self) -> Decimal:
        """The meter's value of all the time, which is not always a sum."""
        return self._value(self._all)

    def moved(self) -> UsageBreakdown | None:
        """What was used and granted in all the time; None where the meter counts no credits."""
        return self._moved(self._all)

    def _moved(self, addition: Addition) -> UsageBreakdown | None:
        if self._function not in DECISIVE:
            return None
        total = self._value(addition)
        used = addition.added.get("used", ZERO) if self._function == "sum" else total
        expired = addition.added.get("expired", ZERO)
        granted = EXACT.subtract(EXACT.add(used, expired), total)
        return UsageBreakdown(used, granted, expired, addition.added.get("refunded", ZERO))

    def _of(self, place: int) -> Addition:
        return self._intervals.setdefault(place, Addition())

    def _place(self, moment: datetime) -> int:
        return bisect_right(self._boundaries, moment) - 1

    def _value(self, addition: Addition) -> Decimal:
        added = addition.added
        match self._function:
            case "max":
                return addition.greatest.get("max", ZERO)  # type: ignore[no-any-return]
            case "min":
                return addition.least.get("min", ZERO)  # type: ignore[no-any-return]
            case "unique":
                return added.get("distinct", ZERO)
            case "avg":
                if not added.get("count"):
                    return ZERO
                return (added["sum"] / added["count"]).quantize(AVERAGE_STEP).normalize()
            case function:
                return added.get(function, ZERO)


def _quarter(moment: datetime) -> datetime:
    minute = moment.minute // 15 * 15
    return moment.replace(minute=minute, second=0, microsecond=0)
