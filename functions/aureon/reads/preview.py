"""A meter that is not there yet: what it would make of the latest events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from aureon.core import times
from aureon.core.exact import ZERO
from aureon.domain.filters import Filter, compile_filter
from aureon.domain.meters import Aggregation, Match, Meter, MeterSet
from aureon.reads import events
from aureon.reads.events import Shown
from aureon.reads.quantity_series import Quantities
from aureon.reads.selection import Found, Selection
from aureon.storage.store import OrganizationStore


class Previewed(NamedTuple):
    """An event: whether the filter chooses it, and what the aggregation takes of it.

    `match` is None where the event would not count: the filter passes it over, or it has no value
    that the aggregation makes something of.
    """

    shown: Shown
    chosen: bool
    match: Match | None


class Preview(NamedTuple):
    """Some of the latest events, newest first, and what the meter would make of them."""

    events: list[Previewed]
    total: Decimal


def read(
    store: OrganizationStore,
    filter_: Filter,
    aggregation: Aggregation,
    *,
    limit: int,
) -> Preview:
    """Try a meter on the latest events of everyone: so many, as far as they are projected."""
    latest = events.of_everyone(store, Selection(), oldest_first=False)
    found = list(islice(latest, limit))
    now = times.now()
    # It needs a name and a beginning only to be a meter.
    meter = Meter("", "", filter_, aggregation, now, since_version=0, since_at=now)
    meters = MeterSet.of(0, [meter])
    chooses = compile_filter(filter_)
    previewed = []
    for shown in events.with_customers(store, found):
        event = shown.found.event.to_event()
        matches = meters.match(event)
        previewed.append(Previewed(shown, chooses(event), matches[0] if matches else None))
    return Preview(previewed, _total(aggregation, previewed))


def _total(aggregation: Aggregation, previewed: Sequence[Previewed]) -> Decimal:
    matches = [(_time(one.shown.found), one.match) for one in previewed if one.match]
    if not matches:
        return ZERO
    # The newest come first.
    end = matches[0][0] + timedelta(microseconds=1)
    quantities = Quantities(aggregation.func, [matches[-1][0], end])
    if aggregation.func == "unique":
        quantities.add_values(
            (moment, match.value.hex())
            for moment, match in matches
            if isinstance(match.value, bytes)
        )
    else:
        for moment, match in matches:
            quantities.add_match(moment, match)
    return quantities.total()


def _time(found: Found) -> datetime:
    return times.from_text(found.event.timestamp)
