"""Events: what was used, or granted, by whom and when."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from msgspec import Struct

from aureon.core import exact
from aureon.storage import keys

MAX_EVENTS_PER_REQUEST: Final = 1_000
MAX_NAME_CHARACTERS: Final = 128
MAX_LLM_TEXT_CHARACTERS: Final = 10_000
MAX_EVENT_ID_CHARACTERS: Final = 1_300
MAX_AHEAD: Final = timedelta(minutes=5)

# Metadata that may be an object: what the event cost, and the call to a language model behind it.
COST: Final = "_cost"
LLM: Final = "_llm"

FINGERPRINT_BYTES: Final = 16
# Where an event comes from: its sender, or Aureon itself, as Polar's clients know it.
USER: Final = "user"
SYSTEM: Final = "system"


class CustomerRef(NamedTuple):
    """A customer as an event names it: by our id, or by the caller's external id."""

    by_external_id: bool
    id: str


class Terms(NamedTuple):
    """What a change of lots adds to one meter's balance, and to no other, whatever filters say.

    In units: below 0 where a grant with terms gave them, above 0 where the rest of one lapsed, or
    was taken back. What was `refunded` is below 0 too: it was used, and has been given back.
    """

    meter_id: str
    generation: int
    units: Decimal
    refunded: bool = False


class Event(Struct, frozen=True):
    """One event, valid, at its time.

    `position` is its place in the request, from 0. `sent_at` is the timestamp as it was sent,
    None where there was none and the time of receipt stands in for it. Where its sender was not
    one who `may_grant`, it gives nobody credits, whatever meters are made later. `parent_id` names
    the event that it is a part of, by its id or its external id, as the sender has it.
    With `terms`, it counts for the meter that they name.
    """

    position: int
    customer: CustomerRef
    name: str
    timestamp: datetime
    metadata: Mapping[str, Any]
    external_id: str | None = None
    sent_at: datetime | None = None
    source: str = USER
    may_grant: bool = True
    parent_id: str | None = None
    terms: Terms | None = None

    @property
    def hour(self) -> str:
        """The hour of its time, in UTC, as keys have it: ``2026-11-24T01``."""
        return self.timestamp.isoformat()[:13]

    def fingerprint(self) -> bytes:
        """A hash of the event as it was sent: equal for a faithful repeat, 16 bytes."""
        content: tuple[Any, ...] = (
            self.customer,
            self.name,
            self.sent_at,
            {name: _plain(value) for name, value in self.metadata.items()},
        )
        if self.parent_id is not None:
            content = (*content, self.parent_id)
        return hashlib.sha256(exact.write_canonical(content)).digest()[:FINGERPRINT_BYTES]


class EventLocation(NamedTuple):
    """Where an event stands in the log: its ledger, its page, its offset in the page's group."""

    ledger_id: str
    page: keys.PageKey
    offset: int

    def same_event(self, other: EventLocation) -> bool:
        """Whether both name one event of one batch, however the batch was cut into pages."""
        return (
            self.offset == other.offset
            and self.ledger_id == other.ledger_id
            and self.page._replace(first=0) == other.page._replace(first=0)
        )


def event_id(place: EventLocation) -> str:
    """The id that the API shows for an event: its place, opaque to callers, stored nowhere."""
    text = f"{place.ledger_id}/{place.offset}/{keys.page_sort(place.page)}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_event_id(text: str) -> EventLocation:
    """Read an event's id. Raises ValueError for anything that `event_id` did not write."""
    if len(text) > MAX_EVENT_ID_CHARACTERS:
        raise ValueError("longer than an event's id")
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    ledger_id, offset, page = urlsafe_b64decode(padded).decode().split("/", 2)
    place = EventLocation(ledger_id, keys.parse_page(page), int(offset))
    if event_id(place) != text:
        raise ValueError("not an event's id")
    return place


def _plain(value: Any) -> Any:
    """A number in one form, so that 1, 1.0 and 1e0 have one fingerprint."""
    if isinstance(value, Decimal):
        return exact.canonical(value)
    if isinstance(value, Mapping):
        return {name: _plain(element) for name, element in value.items()}
    return value
