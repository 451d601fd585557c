"""Times: aware, UTC, to the microsecond; written as RFC 3339 with a ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

# The years that callers may write and ask about: each has another one before and after it, in
# every zone.
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998

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


def from_caller(text: str) -> datetime:
    """Read a time that a caller wrote. Raises ValueError, which says what is wrong."""
    try:
        # RFC 3339, 5.6: "T" and "Z" may alternatively be lower case.
        moment = from_text(text.upper())
    except ValueError:
        raise ValueError(
            "A time is in ISO 8601 format, with its offset: 2026-11-24T01:00:00Z."
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"A time is of a year from {FIRST_YEAR} to {LAST_YEAR}.")
    return moment


def to_optional_text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def from_optional_text(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
