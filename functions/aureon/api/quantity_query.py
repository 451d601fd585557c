"""Quantities in requests: which intervals, whose events, and by which property's values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, get_args

from aureon.core.errors import Invalid
from aureon.domain.intervals import LONGEST, Interval, boundaries
from aureon.domain.meters import Meter
from aureon.reads import breakdowns, quantities
from aureon.reads.breakdowns import DEFAULT_GROUPS, MAX_GROUPS, Broken, TooManyItems
from aureon.reads.quantity_series import Quantities, TooManyValues

if TYPE_CHECKING:
    from aureon.api.requests import Request


def read(
    request: Request,
    meter: Meter,
    ledger_ids: Collection[str] | None,
    group_by: Sequence[str],
) -> tuple[Quantities, list[Broken] | None]:
    """A meter's quantities as the query asks for them, and by values where it names a property.

    The property has to be one of `group_by`. Raises `Invalid`.
    """
    interval = _interval(request)
    start, end = period(request)
    zone = request.query_zone("timezone")
    if _between(start, end, zone) > LONGEST[interval]:
        days = LONGEST[interval].days
        raise Invalid.at(
            ("query", "end_timestamp"), f"At most {days} days are shown at once by {interval}."
        )
    times = boundaries(start, end, interval, zone)
    try:
        broken = _broken(request, meter, times, ledger_ids, group_by)
        found = quantities.read(
            request.store,
            meter,
            times,
            ledger_ids=ledger_ids,
            metadata=request.metadata(),
        )
    except (TooManyValues, TooManyItems) as error:
        message = "Too many different values: ask for a shorter time."
        raise Invalid.at(("query", "end_timestamp"), message) from error
    return found, broken


def period(request: Request) -> tuple[datetime, datetime]:
    """The start and the end that a query asks for. Raises `Invalid`."""
    start, end = _time(request, "start_timestamp"), _time(request, "end_timestamp")
    if end < start:
        raise Invalid.at(("query", "end_timestamp"), "The end must not be before the start.")
    return start, end


def _broken(
    request: Request,
    meter: Meter,
    times: Sequence[datetime],
    ledger_ids: Collection[str] | None,
    group_by: Sequence[str],
) -> list[Broken] | None:
    """The quantities by a property's values, where the request names one. Raises `Invalid`,
    `TooManyItems` and `TooManyValues`.
    """
    name = request.query_str("group_by")
    limit = request.query_int("limit", DEFAULT_GROUPS)
    if name is None:
        return None
    if name not in group_by:
        known = ", ".join(group_by) or "nothing"
        raise Invalid.at(("query", "group_by"), f"This meter is grouped by {known}.", name)
    if request.metadata():
        message = "Groups can't be filtered by metadata."
        raise Invalid.at(("query", "group_by"), message, name)
    if Quantities(meter.aggregation.func, times).divided:
        message = "Groups are not known where clocks were set by less than a quarter of an hour."
        raise Invalid.at(("query", "timezone"), message)
    return breakdowns.read(
        request.store,
        meter,
        meter.group_by.index(name),
        times,
        ledger_ids=ledger_ids,
        limit=min(limit, MAX_GROUPS),
    )


def _interval(request: Request) -> Interval:
    text = _required(request, "interval")
    for interval in get_args(Interval):
        if text == interval:
            return interval  # type: ignore[no-any-return]
    raise Invalid.at(
        ("query", "interval"), f"Must be one of {', '.join(get_args(Interval))}.", text
    )


def _time(request: Request, name: str) -> datetime:
    moment = request.query_time(name)
    if moment is None:
        raise Invalid.at(("query", name), "Field required", kind="missing")
    return moment


def _required(request: Request, name: str) -> str:
    text = request.query_str(name)
    if text is None:
        raise Invalid.at(("query", name), "Field required", kind="missing")
    return text


def _between(start: datetime, end: datetime, zone: tzinfo) -> timedelta:
    """How much time is asked for: as it goes by, or as clocks show it, whichever is less.

    A week in which the clocks are set back has an hour more, and is a week all the same.
    """
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end))
    return min(end - start, last - first)
