"""Exporting events: whatever is selected, in parts that one answer carries.

The export reads the pages of the log one after the other, in the order of their hours, and the
events of a page in the order in which they were sent. Pages never change and never move, so the id
of an event is a place in that order for ever, and a part goes on behind it. Nothing is kept of what
was exported before, and one part takes as little memory as another.
"""

from __future__ import annotations

import csv
import heapq
import io
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from msgspec import Struct

from aureon.core import exact, times
from aureon.core.errors import Invalid
from aureon.domain.events import EventLocation, event_id, parse_event_id
from aureon.domain.pages import Page
from aureon.projection import projector
from aureon.projection.timeline import MINUTE, Entry, in_order
from aureon.reads import events
from aureon.reads.selection import Found, Selection
from aureon.storage import keys
from aureon.storage.limits import MAX_BATCH_GET_KEYS
from aureon.storage.store import OrganizationStore

MAX_EVENTS: Final = 10_000
# Lambda answers with 6 MB at most, and base64 makes a third more of it.
MAX_BYTES: Final = 4_000_000
# The gateway waits 30 s, and no call to the database begins that could outlast the function.
SECONDS: Final = 8.0
# How many events are decoded, and their customers read, at once.
CHUNK_EVENTS: Final = 1_000
# How many pages of a log are read at once, and how many blocks of the timeline: they are small.
CHUNK_PAGES: Final = MAX_BATCH_GET_KEYS
CHUNK_BLOCKS: Final = 500

COLUMNS: Final = (
    "id",
    "timestamp",
    "name",
    "source",
    "customer_id",
    "external_customer_id",
    "external_id",
    "metadata",
    "customer",
    "organization_id",
    "label",
    "member_id",
    "external_member_id",
    "parent_id",
    "child_count",
)


def _row(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


class Format:
    """JSON Lines: each event in a line of its own, as the API shows it."""

    media_type = "application/x-ndjson"
    head = b""

    def line(self, event: Mapping[str, Any]) -> bytes:
        return exact.write(event) + b"\n"


class Csv(Format):
    """CSV as RFC 4180 has it, in UTF-8: objects are JSON, and what is null is empty."""

    media_type = "text/csv; charset=utf-8"

    def __init__(self) -> None:
        self.head = _row(COLUMNS)

    def line(self, event: Mapping[str, Any]) -> bytes:
        return _row([_cell(event[column]) for column in COLUMNS])


FORMATS: Final[Mapping[str, Format]] = {"jsonl": Format(), "csv": Csv()}


class Part(NamedTuple):
    """A part of an export: so many events, written down, and after which event the next begins.

    `after` is None where this part is the last.
    """

    content: bytes
    events: int
    after: str | None


class Export(Struct, frozen=True):
    """The selected events of some ledgers, exact now; where there is None, of all of them, as far
    as they are projected. A part has at most `max_events`, each as `serialize` shows it."""

    store: OrganizationStore
    selection: Selection
    ledger_ids: Collection[str] | None
    format: Format
    serialize: Callable[[str, events.Shown], Mapping[str, Any]]
    max_events: int = MAX_EVENTS

    def part(self, after: str | None) -> Part:
        """The part that begins behind an event, or at the beginning.

        It ends where the answer is full, or some time has gone by: then it may even be empty, and
        is not the last. Raises `Invalid` for what is no event's id.
        """
        until = time.monotonic() + SECONDS
        content = bytearray(self.format.head if after is None else b"")
        written = 0
        begin = None if after is None else self._begin(after)
        for place, line in self._lines(begin):
            if line is not None:
                if written and len(content) + len(line) > MAX_BYTES:
                    break
                content += line
                written += 1
            if begin is not None and place == begin.place:
                # A part that ended where it began would lead to itself.
                continue
            after = event_id(place)
            if written == self.max_events or time.monotonic() >= until:
                break
        else:
            after = None
        return Part(bytes(content), written, after)

    def _begin(self, after: str) -> _Begin:
        try:
            place = parse_event_id(after)
        except ValueError as error:
            raise _no_event(after) from error
        item = self.store.get(self.store.keys.page(place.ledger_id, place.page))
        if item is None:
            raise _no_event(after)
        return _Begin(place, Page.from_item(item))

    def _lines(self, begin: _Begin | None) -> Iterator[tuple[EventLocation, bytes | None]]:
        """Every event's line behind a place; a place without a line is as far as was looked."""
        for chunk in self._chunks(begin):
            looked_at: list[Found] = [
                found
                for ledger_id, page in chunk
                for found in self.selection.in_time(ledger_id, [page])
                if begin is None or not begin.has_seen(found.place)
            ]
            selected = [found for found in looked_at if self.selection.has(found)]
            shown = events.with_customers(self.store, selected)
            for one in shown:
                event = self.serialize(self.store.organization_id, one)
                yield one.found.place, self.format.line(event)
            ledger_id, last = chunk[-1]
            yield EventLocation(ledger_id, last.place, last.events[-1].offset), None

    def _chunks(self, begin: _Begin | None) -> Iterator[Sequence[tuple[str, Page]]]:
        """The pages from a place on, with their ledgers, a few at a time."""
        since, before = self.selection.hours
        if self.ledger_ids is None:
            start = self.selection.start
            since = "" if start is None else times.to_text(start)
            yield from self._of_everyone(since, before, begin)
        else:
            since = max(since, begin.page_sort if begin else "")
            yield from self._of_ledgers(since, before, begin)

    def _of_everyone(
        self, since: str, before: str, begin: _Begin | None
    ) -> Iterator[Sequence[tuple[str, Page]]]:
        epoch = projector.epochs(self.store).current
        first = max(since, begin.entry.latest if begin else "")
        slices = (
            in_order(
                self._query(
                    self.store.keys.timeline(epoch, slice_),
                    (first[:MINUTE], before),
                    min(self.max_events, CHUNK_BLOCKS),
                )
            )
            for slice_ in range(keys.PROJECTION_SLICES)
        )
        some: list[Entry] = []
        waiting_events = 0
        for entry in heapq.merge(*slices):
            if entry.latest < since or (begin is not None and entry < begin.entry):
                continue
            some.append(entry)
            waiting_events += entry.events
            if waiting_events >= CHUNK_EVENTS or len(some) == CHUNK_PAGES:
                yield self._read(some)
                some, waiting_events = [], 0
        if some:
            yield self._read(some)

    def _read(self, entries: Sequence[Entry]) -> Sequence[tuple[str, Page]]:
        wanted = [self.store.keys.page(entry.ledger_id, entry.place) for entry in entries]
        items = self.store.batch_get(wanted)
        return [
            (entry.ledger_id, Page.from_item(items[key]))
            for key, entry in zip(wanted, entries, strict=True)
        ]

    def _of_ledgers(
        self, since: str, before: str, begin: _Begin | None
    ) -> Iterator[Sequence[tuple[str, Page]]]:
        logs = (self._log(ledger_id, since, before) for ledger_id in self.ledger_ids or ())
        some: list[tuple[str, Page]] = []
        waiting_events = 0
        for sort, ledger_id, item in heapq.merge(*logs, key=itemgetter(0, 1)):
            if begin is not None and (sort, ledger_id) < (begin.page_sort, begin.place.ledger_id):
                continue
            page = Page.from_item(item)
            some.append((ledger_id, page))
            waiting_events += len(page.events)
            if waiting_events >= CHUNK_EVENTS:
                yield some
                some, waiting_events = [], 0
        if some:
            yield some

    def _log(
        self, ledger_id: str, since: str, before: str
    ) -> Iterator[tuple[str, str, dict[str, Any]]]:
        partition = self.store.keys.log(ledger_id)
        # All logs together take as little memory as one.
        at_a_time = max(1, CHUNK_PAGES // len(self.ledger_ids or ()))
        for item in self._query(partition, (since, before), at_a_time):
            yield item[keys.SORT], ledger_id, item

    def _query(
        self, partition: str, between: tuple[str, str], at_a_time: int
    ) -> Iterator[dict[str, Any]]:
        since, before = between
        if since > before:
            return iter(())
        return self.store.query(partition, since=since, before=before, at_a_time=at_a_time)


class _Begin:
    """Where a part begins: behind a place in a page."""

    def __init__(self, place: EventLocation, page: Page) -> None:
        self.place = place
        self.page_sort = keys.page_sort(place.page)
        # Entries of one page are equal so far, whatever else they say.
        self.entry = Entry.of_page(place.ledger_id, page)._replace(earliest="")

    def has_seen(self, place: EventLocation) -> bool:
        """Whether an event of the page that it is in came before."""
        return (
            place.ledger_id == self.place.ledger_id
            and place.page == self.place.page
            and place.offset <= self.place.offset
        )


def _no_event(given: str) -> Invalid:
    return Invalid.at(("query", "after"), "There is no such event.", given)


def _cell(value: Any) -> Any:
    return exact.write(value).decode() if isinstance(value, Mapping) else value
