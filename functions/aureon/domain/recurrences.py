"""Recurrences: when credits come back, as the clocks of a time zone show it.

An occurrence is the anchor moved on by whole days, weeks, months or years on the calendar of the
zone. A month without the anchor's day has its last one instead, and the next month has the day
itself again. Where the clocks skip the hour of an occurrence, it comes as they go on; where they
show the hour twice, it comes the first time.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from msgspec import Struct

from aureon.domain.intervals import first_instant

Every = Literal["day", "week", "month", "year"]

# So long is no period: looking so far back finds the occurrence before.
_ABOUT: Final[Mapping[Every, timedelta]] = {
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
    "year": timedelta(days=366),
}
# A time zone may move an occurrence by a day and more, from one side of the date line to the other.
_MARGIN: Final = 3


class Recurrence(Struct, frozen=True):
    """How often credits come, and `left` times more, or for ever where it is None.

    `anchor` is a time as the clocks of `timezone` show it, without an offset. So many `units` come
    then, or as many as the first time where it is None.
    """

    every: Every
    timezone: str
    anchor: datetime
    left: int | None = None
    units: Decimal | None = None

    def after(self, moment: datetime) -> datetime | None:
        """The first occurrence after a moment, in UTC; None beyond the calendar's end."""
        zone = _zone(self.timezone)
        try:
            local = moment.astimezone(zone).replace(tzinfo=None)
            number = max(0, (local - self.anchor) // _ABOUT[self.every] - _MARGIN)
            while (occurrence := first_instant(self._clock(number), zone)) <= moment:
                number += 1
        except (OverflowError, ValueError):
            return None
        return occurrence

    def _clock(self, number: int) -> datetime:
        """What the clocks show at an occurrence, from 0. Raises ValueError and OverflowError."""
        match self.every:
            case "day":
                return self.anchor + timedelta(days=number)
            case "week":
                return self.anchor + timedelta(weeks=number)
            case "month":
                months = self.anchor.month - 1 + number
            case "year":
                months = self.anchor.month - 1 + 12 * number
        year, month = self.anchor.year + months // 12, months % 12 + 1
        last = calendar.monthrange(year, month)[1]
        return self.anchor.replace(year=year, month=month, day=min(self.anchor.day, last))

    def to_item(self) -> dict[str, Any]:
        return {
            "every": self.every,
            "timezone": self.timezone,
            "anchor": self.anchor.isoformat(),
            "left": self.left,
            "units": self.units,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        left = item["left"]
        return cls(
            every=item["every"],
            timezone=item["timezone"],
            anchor=datetime.fromisoformat(item["anchor"]),
            left=None if left is None else int(left),
            units=item.get("units"),
        )


def _zone(name: str) -> ZoneInfo:
    """The zone, or UTC where the system has lost it: others wait for what this decides."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
