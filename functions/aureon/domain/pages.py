"""Pages: a run of one batch's events for one customer and hour, as the log keeps them.

A page proves its run and nothing more: its key holds batch, group and the index of the run's
first event, its body the index of the last. Events within the run that are not in the page were
duplicates of events that had counted before.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from msgspec import Struct

from aureon.core import exact, times
from aureon.domain.events import CustomerRef, Event, Terms
from aureon.storage import keys

SCHEMA: Final = 1
# The text of a page before it is compressed. An item takes 400 KB with its keys and attributes;
# text that does not compress at all must fit too.
MAX_TEXT_BYTES: Final = 390_000
# Nobody writes more, and what unpacks to more would fill the memory.
MAX_DECODED_BYTES: Final = 4_000_000
NOBODY: Final = CustomerRef(False, "")

# A token, by its id and its name.
Actor = tuple[str, str]


class LoggedEvent(NamedTuple):
    """An event in a page: all that was sent, and its offset in the page's group.

    `terms` are a meter's id, its generation and units, where a change of lots left the event, and
    whether they were refunded, where a refund did.
    """

    offset: int
    timestamp: str
    name: str
    metadata: Mapping[str, Any]
    external_id: str | None
    source: str = "user"
    parent_id: str | None = None
    may_grant: bool = True
    terms: Sequence[Any] | None = None

    def to_event(self) -> Event:
        """The event as meters look at it: whose it is doesn't matter to them."""
        return Event(
            position=0,
            customer=NOBODY,
            name=self.name,
            timestamp=times.from_text(self.timestamp),
            metadata=self.metadata,
            external_id=self.external_id,
            source=self.source,
            may_grant=self.may_grant,
            parent_id=self.parent_id,
            terms=None if self.terms is None else _terms(*self.terms),
        )


class Page(Struct, frozen=True):
    """A run of events, decoded.

    `meter_version` is the version of the organization's meters that the run was counted with.
    `external_customer_id` is set where the events named their customer so; `origin` where the
    events were not ingested: ``spend`` or ``hold``. `block` is that of the timeline in which the
    page is marked as projected. `actor` is whose token a decision was made with, and `note` what
    they noted.
    """

    place: keys.PageKey
    last: int
    meter_version: int
    external_customer_id: str | None
    events: tuple[LoggedEvent, ...]
    origin: str | None = None
    actor: Actor | None = None
    note: str | None = None
    block: str = ""

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Page:
        """Read an item. Raises ValueError where newer code has written it."""
        if item["schema"] != SCHEMA:
            raise ValueError(f"a page of schema {item['schema']}, of which this code knows nothing")
        events = decode_events(item["body"])
        if not item.get("may_grant", True):
            events = tuple(event._replace(may_grant=False) for event in events)
        return cls(
            place=keys.parse_page(item[keys.SORT]),
            last=int(item["last"]),
            meter_version=int(item["meter_version"]),
            external_customer_id=item.get("external_customer_id"),
            events=events,
            origin=item.get("origin"),
            actor=actor_of(item),
            note=item.get("note"),
            block=item.get("block") or _own_block(item[keys.SORT]),
        )


def actor_of(item: Mapping[str, Any]) -> Actor | None:
    """Who has written an item, where it says so."""
    found = item.get("actor")
    return None if found is None else (found[0], found[1])


def page_item(
    body: bytes,
    *,
    last: int,
    meter_version: int,
    customer: CustomerRef,
    block: str | None = None,
    origin: str | None = None,
    actor: Actor | None = None,
    may_grant: bool = True,
) -> dict[str, Any]:
    """The item of a page, but for its key. `origin` is set where the events were not ingested, and
    `actor` where somebody has decided on them.

    Without a `block`, it is in one of its own.
    """
    item: dict[str, Any] = {
        "schema": SCHEMA,
        "body": body,
        "last": last,
        "meter_version": meter_version,
    }
    if block is not None:
        item["block"] = block
    if origin is not None:
        item["origin"] = origin
    if actor is not None:
        item["actor"] = list(actor)
    if not may_grant:
        item["may_grant"] = False
    if customer.by_external_id:
        item["external_customer_id"] = customer.id
    return item


def encode_event(offset: int, event: Event) -> bytes:
    """Write one event as a page's text has it, with its offset in the page's group."""
    fields: tuple[Any, ...] = (
        offset,
        times.to_text(event.timestamp),
        event.name,
        event.metadata,
        event.external_id,
        event.source,
    )
    if event.terms is not None:
        terms = event.terms if event.terms.refunded else event.terms[:3]
        return exact.write((*fields, event.parent_id, True, terms))
    if event.parent_id is not None:
        fields = (*fields, event.parent_id)
    return exact.write(fields)


def encode_events(texts: Iterable[bytes]) -> bytes:
    """Join and compress the texts of events into a page's body."""
    return zlib.compress(b"[" + b",".join(texts) + b"]")


def decode_events(body: bytes) -> tuple[LoggedEvent, ...]:
    """Read a page's body. Raises ValueError, TypeError or zlib.error where it is none."""
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(body, MAX_DECODED_BYTES)
    if not unpacking.eof:
        raise ValueError("a page that is too long, or cut off")
    return tuple(LoggedEvent(*fields) for fields in exact.parse(text))


def _own_block(sort_key: str) -> str:
    return hashlib.sha256(sort_key.encode()).hexdigest()[:16]


def _terms(meter_id: str, generation: int, units: Decimal | int, refunded: bool = False) -> Terms:
    return Terms(meter_id, generation, Decimal(units), refunded)
