"""Intervals: hours, days, weeks, months and years, as the clocks of a time zone show them.

A day has 23 or 25 hours where the clocks are set, an hour less than 60 minutes where they are set
by less than an hour. Each interval ends where the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal

Interval = Literal["hour", "day", "week", "month", "year"]

HOUR: Final = timedelta(hours=1)
SECOND: Final = timedelta(seconds=1)
# How much time may be asked for at once: 53 weeks, 4 years and 10 years are whole ones.
LONGEST: Final[Mapping[Interval, timedelta]] = {
    "hour": timedelta(days=7),
    "day": timedelta(days=366),
    "week": timedelta(days=371),
    "month": timedelta(days=4 * 366),
    "year": timedelta(days=10 * 366),
}


def boundaries(start: datetime, end: datetime, interval: Interval, zone: tzinfo) -> list[datetime]:
    """Where the intervals begin that have time from `start` to before `end`, and the last ends.

    In UTC; there is one at least, the one that `start` is in.
    """
    following = _hours(start, zone) if interval == "hour" else _periods(start, interval, zone)
    found = [next(following)]
    for boundary in following:
        found.append(boundary)
        if boundary >= end:
            break
    return found


def _periods(start: datetime, interval: Interval, zone: tzinfo) -> Iterator[datetime]:
    """The beginnings of periods of whole days, from the one that a moment is in."""
    day = start.astimezone(zone).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0
    )
    first = _FIRST_DAY[interval](day)
    before: datetime | None = None
    while True:
        boundary = first_instant(first, zone)
        # A day that a zone left out, when it changed sides of the date line, has no time in it.
        if boundary != before:
            yield boundary
        before = boundary
        first = _NEXT_FIRST_DAY[interval](first)


_FIRST_DAY: Final[Mapping[Interval, Callable[[datetime], datetime]]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
_NEXT_FIRST_DAY: Final[Mapping[Interval, Callable[[datetime], datetime]]] = {
    "day": lambda day: day + timedelta(days=1),
    "week": lambda day: day + timedelta(days=7),
    # The 28th of a month and 4 days are in the next one.
    "month": lambda day: (day.replace(day=28) + timedelta(days=4)).replace(day=1),
    "year": lambda day: day.replace(year=day.year + 1),
}


def first_instant(clock: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the clocks show a time; where they skip it, a later one."""
    instant = clock.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == clock:
        return instant
    earlier = clock.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _first(
        earlier, instant, lambda moment: moment.astimezone(zone).replace(tzinfo=None) >= clock
    )


def _hours(start: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The beginnings of hours, from the one that a moment is in."""
    boundary = _next_hour(start - 2 * HOUR, zone)
    while True:
        following = _next_hour(boundary, zone)
        if following > start:
            yield boundary
        boundary = following


def _next_hour(moment: datetime, zone: tzinfo) -> datetime:
    """When the next hour begins: the clocks show a full hour, or are set by a part of one."""
    local = moment.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    following = moment + HOUR - past
    part = _part_of_hour(moment, zone)
    if _part_of_hour(following - SECOND, zone) == part:
        return following
    return _first(moment, following, lambda later: _part_of_hour(later, zone) != part)


def _part_of_hour(moment: datetime, zone: tzinfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return offset % HOUR


def _first(earlier: datetime, later: datetime, has: Callable[[datetime], bool]) -> datetime:
    """The first second for which something holds, as it does for the later moment."""
    while later - earlier > SECOND:
        middle = earlier + (later - earlier) // SECOND // 2 * SECOND
        if has(middle):
            later = middle
        else:
            earlier = middle
    return later
