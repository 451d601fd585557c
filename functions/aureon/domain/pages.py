"""Pages: a run of one batch's events for one customer and hour, as the log keeps them.

A page proves its run and nothing more: its key holds batch, group and the index of the run's
first event, its body the index of the last. Events within the run that are not in the page were
duplicates of events that had counted before.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aureon import exact, keys, times
from aureon.domain.events import Event, Named

SCHEMA: Final = 1
# The text of a page before it is compressed. An item takes 400 KB with its keys and attributes;
# text that does not compress at all must fit too.
MAX_TEXT_BYTES: Final = 390_000
# Nobody writes more, and what unpacks to more would fill the memory.
MAX_DECODED_BYTES: Final = 4_000_000
NOBODY: Final = Named(False, "")


class LoggedEvent(NamedTuple):
    """An event in a page: all that was sent, and its offset in the page's group."""

    offset: int
    timestamp: str
    name: str
    metadata: Mapping[str, Any]
    external_id: str | None
    source: str = "user"

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
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A run of events, decoded.

    `meter_version` is the version of the organization's meters that the run was counted with.
    `external_customer_id` is set where the events named their customer so; `origin` where the
    events were not ingested: ``spend`` or ``hold``.
    """

    place: keys.PageKey
    last: int
    meter_version: int
    external_customer_id: str | None
    events: tuple[LoggedEvent, ...]
    origin: str | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Page:
        """Read an item. Raises ValueError where newer code has written it."""
        if item["schema"] != SCHEMA:
            raise ValueError(f"a page of schema {item['schema']}, of which this code knows nothing")
        return cls(
            place=keys.parse_page(item[keys.SORT]),
            last=int(item["last"]),
            meter_version=int(item["meter_version"]),
            external_customer_id=item.get("external_customer_id"),
            events=decode_events(item["body"]),
            origin=item.get("origin"),
        )


def page_item(
    body: bytes, *, last: int, meter_version: int, customer: Named, origin: str | None = None
) -> dict[str, Any]:
    """The item of a page, but for its key. `origin` is set where the events were not ingested."""
    item: dict[str, Any] = {
        "schema": SCHEMA,
        "body": body,
        "last": last,
        "meter_version": meter_version,
    }
    if origin is not None:
        item["origin"] = origin
    if customer.by_external_id:
        item["external_customer_id"] = customer.id
    return item


def encode_event(offset: int, event: Event) -> bytes:
    """Write one event as a page's text has it, with its offset in the page's group."""
    return exact.write(
        (
            offset,
            times.to_text(event.timestamp),
            event.name,
            event.metadata,
            event.external_id,
            event.source,
        )
    )


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
