"""Events: what was used, or granted, by whom and when."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from aureon import exact, keys

MAX_EVENTS_PER_REQUEST: Final = 1_000
MAX_NAME_CHARACTERS: Final = 128
MAX_ID_CHARACTERS: Final = 256
MAX_METADATA_KEYS: Final = 50
MAX_METADATA_KEY_CHARACTERS: Final = 40
MAX_METADATA_VALUE_CHARACTERS: Final = 500
MAX_LLM_TEXT_CHARACTERS: Final = 10_000
MAX_INTEGER_DIGITS: Final = 15
INTEGER_LIMIT: Final = 10**MAX_INTEGER_DIGITS
MAX_FRACTION_DIGITS: Final = 9
MAX_AHEAD: Final = timedelta(minutes=5)

# Metadata that may be an object: what the event cost, and the call to a language model behind it.
COST: Final = "_cost"
LLM: Final = "_llm"

# No external id of a customer ends so: a path could not tell it from another.
UNREACHABLE: Final = ("/", "/state")

FINGERPRINT_BYTES: Final = 16


class Named(NamedTuple):
    """A customer as an event names it: by our id, or by the caller's external id."""

    by_external_id: bool
    id: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event, valid, at its time.

    `position` is its place in the request, from 0. `sent_at` is the timestamp as it was sent,
    None where there was none and the time of receipt stands in for it.
    """

    position: int
    customer: Named
    name: str
    timestamp: datetime
    metadata: Mapping[str, Any]
    external_id: str | None = None
    sent_at: datetime | None = None
    source: str = "user"

    @property
    def hour(self) -> str:
        """The hour of its time, in UTC, as keys have it: ``2026-11-24T01``."""
        return self.timestamp.isoformat()[:13]

    def fingerprint(self) -> bytes:
        """A hash of the event as it was sent: equal for a faithful repeat, 16 bytes."""
        content = (
            self.customer,
            self.name,
            self.sent_at,
            {name: _plain(value) for name, value in self.metadata.items()},
        )
        return hashlib.sha256(exact.write_canonical(content)).digest()[:FINGERPRINT_BYTES]


class Place(NamedTuple):
    """Where an event stands in the log: its ledger, its page, its offset in the page's group."""

    ledger_id: str
    page: keys.PageKey
    offset: int

    def same_event(self, other: Place) -> bool:
        """Whether both name one event of one batch, however the batch was cut into pages."""
        return (
            self.offset == other.offset
            and self.ledger_id == other.ledger_id
            and self.page._replace(first=0) == other.page._replace(first=0)
        )


def event_id(place: Place) -> str:
    """The id that the API shows for an event: its place, opaque to callers, stored nowhere."""
    text = f"{place.ledger_id}/{place.offset}/{keys.page_sort(place.page)}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_event_id(text: str) -> Place:
    """Read an event's id. Raises ValueError for anything that `event_id` did not write."""
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    ledger_id, offset, page = urlsafe_b64decode(padded).decode().split("/", 2)
    place = Place(ledger_id, keys.parse_page(page), int(offset))
    if event_id(place) != text:
        raise ValueError("not an event's id")
    return place


def number_problem(value: Decimal | int) -> str | None:
    """Say what is wrong with a number as a metadata value, or None where nothing is."""
    if isinstance(value, int):
        if -INTEGER_LIMIT < value < INTEGER_LIMIT:
            return None
        return f"A number has at most {MAX_INTEGER_DIGITS} digits before the point."
    if not value.is_finite():
        return "A number must be finite."
    if value.adjusted() >= MAX_INTEGER_DIGITS:
        return f"A number has at most {MAX_INTEGER_DIGITS} digits before the point."
    if -int(value.as_tuple().exponent) > MAX_FRACTION_DIGITS:
        return f"A number has at most {MAX_FRACTION_DIGITS} digits after the point."
    return None


def _plain(value: Any) -> Any:
    """A number in one form, so that 1, 1.0 and 1e0 have one fingerprint."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize(exact.EXACT)
    if isinstance(value, Mapping):
        return {name: _plain(element) for name, element in value.items()}
    return value
