"""Selections: which events of the log somebody wants to see."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from aureon import keys, times
from aureon.domain.events import Event, Place
from aureon.domain.pages import LoggedEvent, Page
from aureon.listing import has_metadata


class Found(NamedTuple):
    """An event of the log, and where it stands.

    `external_customer_id` is set where it named its customer so; `meter_version` is the version of
    the meters that it was counted with.
    """

    place: Place
    event: LoggedEvent
    external_customer_id: str | None
    meter_version: int = 0

    @property
    def order(self) -> tuple[str, str, str, int]:
        """What events are ordered by: their time, and where they are alike, their place."""
        return (
            self.event.timestamp,
            self.place.ledger_id,
            keys.page_sort(self.place.page),
            self.place.offset,
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """What events must be to be shown; what is empty asks for nothing.

    They happened from `start` on and before `end`; have one of the `names`, of the `sources`, and
    for each key of metadata one of the values, as texts; contain `text`, whatever its case, in
    their name or one of their external ids; and pass `predicate`.
    """

    start: datetime | None = None
    end: datetime | None = None
    names: Collection[str] = ()
    sources: Collection[str] = ()
    metadata: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: str = ""
    predicate: Callable[[Event], bool] | None = None

    @property
    def by_name_alone(self) -> bool:
        """Whether names and sources decide, so that counts of names count the selected."""
        return not (
            self.start or self.end or self.metadata or self.text or self.predicate is not None
        )

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
                    place = Place(ledger_id, page.place, event.offset)
                    yield Found(place, event, page.external_customer_id, page.meter_version)

    def has(self, found: Found) -> bool:
        """Whether an event that happened in time is selected."""
        event = found.event
        return (
            self.has_name(event.source, event.name)
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
        text = self.text.casefold()
        event = found.event
        places = (event.name, event.external_id, found.external_customer_id)
        return any(text in place.casefold() for place in places if place is not None)
