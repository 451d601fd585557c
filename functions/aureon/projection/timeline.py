"""The timeline: an organization's pages by the time of their latest event, in blocks.

An entry stands for a page, and says when its events begin and end: a reader of the newest events
reads no page that can have none of them. A block is one item: it has the entries of up to some ten
pages whose latest events are in one minute. An entry is also the mark of its page, that it was
projected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

from aureon.core import times
from aureon.domain.pages import Page
from aureon.storage import keys

MINUTE: Final = len("2026-11-24T01:15")
HOUR: Final = len("2026-11-24T01")
_MICROSECOND: Final = timedelta(microseconds=1)


class Entry(NamedTuple):
    """A page: its latest and earliest event's time, as texts, where it is, how many events.

    Entries sort by their latest event. `parts` is how many transactions it took to project it.
    """

    latest: str
    ledger_id: str
    place: keys.PageKey
    earliest: str
    events: int
    parts: int = 1

    @classmethod
    def of_page(cls, ledger_id: str, page: Page) -> Entry:
        timestamps = [event.timestamp for event in page.events]
        return cls(max(timestamps), ledger_id, page.place, min(timestamps), len(timestamps))

    @property
    def minute(self) -> str:
        return self.latest[:MINUTE]

    @property
    def attribute(self) -> str:
        """What the entry is called in its block."""
        return keys.block_entry(self.ledger_id, self.place)

    def to_attribute(self) -> str:
        """The entry in its block: its latest event's microsecond of the minute, and what differs
        from a page of one event: microseconds since the earliest, events and parts.
        """
        latest = times.from_text(self.latest)
        begun = latest.replace(second=0, microsecond=0)
        span = latest - times.from_text(self.earliest)
        numbers = [(latest - begun) // _MICROSECOND, span // _MICROSECOND, self.events, self.parts]
        while len(numbers) > 1 and numbers[-1] == _OF_ONE_EVENT[len(numbers) - 1]:
            numbers.pop()
        return " ".join(map(str, numbers))

    @classmethod
    def from_attribute(cls, minute: str, attribute: str, value: str) -> Entry:
        numbers = list(map(int, value.split()))
        after, span, events, parts = (*numbers, *_OF_ONE_EVENT[len(numbers) :])
        latest = times.from_text(f"{minute}:00Z") + after * _MICROSECOND
        ledger_id, place = keys.parse_block_entry(minute[:HOUR], attribute)
        earliest = latest - span * _MICROSECOND
        texts = (times.to_text(latest), times.to_text(earliest))
        return cls(texts[0], ledger_id, place, texts[1], events, parts)


_OF_ONE_EVENT: Final = (0, 0, 1, 1)


def parts_of(value: str) -> int:
    """How many transactions it took to project the page of an entry, as its block has it."""
    numbers = value.split()
    return int(numbers[3]) if len(numbers) == len(_OF_ONE_EVENT) else 1


def entries_of(block: Mapping[str, Any]) -> list[Entry]:
    """The entries of a block's item: the attributes whose names have parts."""
    minute = keys.parse_block(block[keys.SORT])
    return [
        Entry.from_attribute(minute, name, value)
        for name, value in block.items()
        if keys.SEPARATOR in name
    ]


def in_order(blocks: Iterable[Mapping[str, Any]], *, newest_first: bool = False) -> Iterator[Entry]:
    """The entries of a slice's blocks, which come by minute: each minute is read whole."""

    def minute(block: Mapping[str, Any]) -> str:
        return keys.parse_block(block[keys.SORT])

    for _, of_minute in groupby(blocks, key=minute):
        entries = [entry for block in of_minute for entry in entries_of(block)]
        yield from sorted(entries, reverse=newest_first)
