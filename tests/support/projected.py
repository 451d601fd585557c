"""What is projected: by the real handler, from records of the shape that the stream's have."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from typing import Any, Final

from aureon.core import times
from aureon.domain.meters import Match, Meter, MeterSet
from aureon.projection.timeline import entries_of
from aureon.storage import keys, table
from aureon.storage.store import Item, Store, to_attributes
from aureon_cli.stream_source import Record, inserted
from tests.support.handlers import invoke
from tests.support.recount import pages, scan

_numbers: Final = count(1)


def record(item: Item) -> Record:
    """The record of the stream that tells of an item's insertion, as Lambda hands it over."""
    return inserted(to_attributes(item), next(_numbers))


def records(store: Store) -> list[Record]:
    """The records of all pages that are in the table, in no order that matters."""
    return [record(item) for item in scan(store) if table.PAGE_MARK in item]


def deliver(delivery: Iterable[Record]) -> list[str]:
    """Hand records to the projector; return the sequence numbers of those that failed."""
    answer = invoke("projector", {"Records": list(delivery)})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def project_all(store: Store) -> None:
    """Project every page that is in the table."""
    assert deliver(records(store)) == []


# What stands for the organization's own scope, over all its slices.
EVERYONE: Final = "everyone"
Figures = dict[tuple[Any, ...], Any]


def stored(store: Store, *, epoch: int = 1) -> Figures:
    """Everything that one epoch holds, slices put together; one figure, or mark, each."""
    figures: Figures = {}
    for item in scan(store):
        organization_id, kind, *rest = item[keys.PARTITION].split(keys.SEPARATOR)
        if kind not in ("TIMELINE", "NAMES", "QUANTITY", "VALUES") or rest[0] != str(epoch):
            continue
        about = [organization_id, kind, EVERYONE if len(rest[1]) == 1 else rest[1], *rest[2:]]
        if kind == "TIMELINE":
            for entry in entries_of(item):
                page = (organization_id, kind, entry.ledger_id, keys.page_sort(entry.place))
                assert page not in figures
                figures[page] = (entry.latest, entry.earliest, entry.events)
            continue
        for name, value in item.items():
            if name not in (keys.PARTITION, keys.SORT):
                _count(figures, (*about, item[keys.SORT], name), value)
        if kind == "VALUES":
            figures[*about, item[keys.SORT]] = True
    return figures


def recounted(store: Store) -> Figures:
    """The same, counted from the log by plain means, each page with its own version's meters."""
    figures: Figures = {}
    items = list(scan(store))
    for organization_id, ledger_id, page in pages(items):
        mine = f"{organization_id}{keys.SEPARATOR}METERS"
        meters = MeterSet(
            page.meter_version,
            [
                Meter.from_item(item)
                for item in items
                if item[keys.PARTITION] == mine and item[keys.SORT] != keys.VERSION_SORT
            ],
        )
        moments = sorted(event.timestamp for event in page.events)
        entry = (organization_id, "TIMELINE", ledger_id, keys.page_sort(page.place))
        figures[entry] = (moments[-1], moments[0], len(moments))
        for event in page.events:
            for scope in (ledger_id, EVERYONE):
                name = (organization_id, "NAMES", scope, f"{event.source}#{event.name}")
                _count(figures, (*name, "count"), Decimal(1))
                _count(figures, (*name, "first_seen"), event.timestamp)
                _count(figures, (*name, "last_seen"), event.timestamp)
                for match in meters.match(event.to_event()):
                    _count_match(figures, organization_id, scope, event.timestamp, match)
    return figures


def _count_match(
    figures: Figures, organization_id: str, scope: str, timestamp: str, match: Match
) -> None:
    moment = times.from_text(timestamp)
    about = (scope, match.meter_id, str(match.generation))
    if isinstance(match.value, bytes):
        quarter = moment.replace(minute=moment.minute // 15 * 15).isoformat()[:16]
        figures[organization_id, "VALUES", *about, f"{quarter}#{match.value.hex()}"] = True
        return
    number = f"{moment.hour * 4 + moment.minute // 15:02}"
    held = {
        "sum": match.value,
        "used": match.value,
        "expired": match.value,
        "count": match.value if match.refunded else Decimal(1),
        "max": match.value,
        "min": match.value,
        "refunded": -match.value,
    }
    positive = ["expired" if match.expired else "used"] if match.value > 0 else []
    back = ["refunded"] if match.refunded else []
    if match.refunded:
        positive = ["used"]
    several = {
        "avg": ["sum", "count"],
        "sum": ["sum", *positive, *back],
        "count": ["count", *back],
    }
    for name in several.get(match.function, [match.function]):
        cell = (organization_id, "QUANTITY", *about, moment.date().isoformat(), name + number)
        _count(figures, cell, held[name])


def _count(figures: Figures, about: tuple[Any, ...], value: Any) -> None:
    """Add a value to a figure, or keep the greater or the lesser, as its name says."""
    if about not in figures:
        figures[about] = value
    elif about[-1].startswith(("max", "last")):
        figures[about] = max(figures[about], value)
    elif about[-1].startswith(("min", "first")):
        figures[about] = min(figures[about], value)
    else:
        figures[about] += value
