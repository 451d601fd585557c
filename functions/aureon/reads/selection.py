"""Selections: which events of the log somebody wants to see."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field

from aureon.core import times
from aureon.core.listing import has_metadata
from aureon.core.texts import folded
from aureon.domain.events import Event, EventLocation
from aureon.domain.pages import Actor, LoggedEvent, Page
from aureon.storage import keys


class Found(NamedTuple):
    """An event of the log, and where it stands.

    `external_customer_id` is set where it named its customer so; `meter_version` is the version of
    the meters that it was counted with; `actor` whose token it was decided with, if it was, and
    `note` what they noted.
    """

    place: EventLocation
    event: LoggedEvent
    external_customer_id: str | None
    meter_version: int = 0
    actor: Actor | None = None
    note: str | None = None

    @property
    def order(self) -> tuple[str, str, str, int]:
        """What events are ordered by: their time, and where they are alike, their place."""
        return (
            self.event.timestamp,
            self.place.ledger_id,
            keys.page_sort(self.place.page),
            self.place.offset,
        )


class Selection(Struct, frozen=True):
    """What events must be to be shown; what is empty asks for nothing.

    They happened from `start` on and before `end`; have one of the `names`, of the `sources`, of
    the `parent_ids`, and for each key of metadata one of the values, as texts; contain `text`,
    whatever its case and accents, in their name or one of their external ids; and pass `predicate`.
    """

    start: datetime | None = None
    end: datetime | None = None
    names: Collection[str] = ()
    sources: Collection[str] = ()
    parent_ids: Collection[str] = ()
    metadata: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: str = ""
    predicate: Callable[[Event], bool] | None = None

    @property
    def by_name_alone(self) -> bool:
        """Whether names and sources decide, so that counts of names count the selected."""
        return not (self.start or self.end or self._looks_inside)

    @property
    def by_time_alone(self) -> bool:
        """Whether times decide, so that pages which lie within them need not be read to count."""
        return not (self.names or self.sources or self._looks_inside)

    @property
    def _looks_inside(self) -> bool:
        """Whether something decides that only the events themselves tell."""
        return bool(self.parent_ids or self.metadata or self.text or self.predicate is not None)

    @property
    def hours(self) -> tuple[str, str]:
        """Pages from the first of these sort keys on, and before the second, may have events."""
        return (
            "" if self.start is None else times.to_text(self.start)[:13],
            keys.PAGES_END if self.end is None else keys.beyond(times.to_text(self.end)[:13]),
        )

    def in_time(self, ledger_id: str, pages: Iterable[Page]) -> Iterator[Found]:
        """The events of pages that happened in time, in no order."""
        start = "" if self.start is None else times.to_text(self.start)
        end = keys.PAGES_END if self.end is None else times.to_text(self.end)
        for page in pages:
            for event in page.events:
                if start <= event.timestamp < end:
                    place = EventLocation(ledger_id, page.place, event.offset)
                    named, version = page.external_customer_id, page.meter_version
                    yield Found(place, event, named, version, page.actor, page.note)

    def has(self, found: Found) -> bool:
        """Whether an event that happened in time is selected."""
        event = found.event
        return (
            self.has_name(event.source, event.name)
            and (not self.parent_ids or event.parent_id in self.parent_ids)
            and (not self.metadata or has_metadata(event.metadata, self.metadata))
            and (not self.text or self._mentions(found))
            and (self.predicate is None or self.predicate(event.to_event()))
        )

    def has_name(self, source: str, name: str) -> bool:
        """Whether events of this name may be selected."""
        return (not self.names or name in self.names) and (
            not self.sources or source in self.sources
        )

    def _mentions(self, found: Found) -> bool:
        text = folded(self.text)
        event = found.event
        places = (event.name, event.external_id, found.external_customer_id)
        return any(text in folded(place) for place in places if place is not None)
