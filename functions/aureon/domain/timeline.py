"""The timeline: an organization's pages by the time of their latest event.

An entry stands for a page, and says when its events begin and end: whoever wants the newest events
reads no page that can have none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aureon import keys
from aureon.domain.pages import Page


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

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Entry:
        latest, ledger_id, place = keys.parse_timeline_entry(item[keys.SORT])
        return cls(
            latest,
            ledger_id,
            place,
            item["earliest"],
            int(item["events"]),
            int(item.get("parts", 1)),
        )

    def to_item(self) -> dict[str, Any]:
        item: dict[str, Any] = {"earliest": self.earliest, "events": self.events}
        if self.parts > 1:
            item["parts"] = self.parts
        return item
