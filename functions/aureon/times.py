"""Times: aware, UTC, to the microsecond; written as RFC 3339 with a ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

# No handler runs longer: what began before a change, and may still go by what was there before,
# has ended by then. Clocks may differ by less.
LONGEST_HANDLER: Final = timedelta(minutes=3)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """Write a time with all six digits of its microseconds, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Read a time that carries its offset. Raises ValueError for any other text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time outside the years 1 to 9999") from error


def to_optional_text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def from_optional_text(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
