"""Counts of an organization's things, from read models: as cheap for many events as for few."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aureon.meters import catalog
from aureon.reads import events
from aureon.storage import keys
from aureon.storage.store import OrganizationStore


class Counts(NamedTuple):
    """How much there is of what; None of what may not be read."""

    events: int | None = None
    last_event_at: str | None = None
    customers: int | None = None
    meters: int | None = None


def read(store: OrganizationStore, allows: Callable[[str], bool]) -> Counts:
    """Count what scopes allow to be read.

    Events are counted by name, so what that costs grows with the number of different names. They
    follow ingestion by a moment; customers and meters are exact.
    """
    found = Counts()
    if allows("events:read"):
        names = events.names(store, None)
        found = found._replace(
            events=sum(name.occurrences for name in names),
            last_event_at=max((name.last_seen for name in names), default=None),
        )
    if allows("customers:read"):
        slices = store.batch_get(
            keys.Key(store.keys.customer_summaries(slice_), keys.CUSTOMER_SUMMARY_COUNT)
            for slice_ in range(keys.DIRECTORY_SLICES)
        )
        found = found._replace(customers=sum(int(item["living"]) for item in slices.values()))
    if allows("meters:read"):
        meters = catalog.definitions(store).values()
        found = found._replace(meters=sum(meter.archived_at is None for meter in meters))
    return found
