"""``/v1/meters/{id}/quantities``: what a meter makes of the events of each hour, day or year."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import get_args
from zoneinfo import ZoneInfo

from aureon import answers, catalog, events, quantities
from aureon.domain.intervals import LONGEST, Interval, boundaries
from aureon.domain.quantities import TooManyValues
from aureon.errors import Invalid, Problem
from aureon.http import Answer, Request, Resolver

api = Resolver()
handler = api.handler

# Years that have another one before and after them, in every zone.
_YEARS = range(2, 9_999)


@api.route("GET", "/v1/meters/<meter_id>/quantities", scope="meters:read")
def read(request: Request, meter_id: str) -> Answer:
    meter = catalog.get(request.store, request.organization_id, meter_id)
    interval = _interval(request)
    start, end = _time(request, "start_timestamp"), _time(request, "end_timestamp")
    zone = _zone(request)
    if end < start:
        raise _invalid("end_timestamp", "The end is not before the start.")
    if _between(start, end, zone) > LONGEST[interval]:
        days = LONGEST[interval].days
        raise _invalid("end_timestamp", f"By {interval} at most {days} days are shown at once.")
    ledger_ids = events.ledgers(
        request.store,
        request.organization_id,
        customer_ids=request.texts("customer_id"),
        external_ids=request.texts("external_customer_id"),
    )
    try:
        found = quantities.read(
            request.store,
            request.organization_id,
            meter,
            boundaries(start, end, interval, zone),
            ledger_ids=ledger_ids,
            metadata=request.metadata(),
        )
    except TooManyValues as error:
        message = "There are too many different values: ask for less time."
        raise _invalid("end_timestamp", message) from error
    return Answer(200, answers.quantities(meter, found))


def _interval(request: Request) -> Interval:
    text = _required(request, "interval")
    for interval in get_args(Interval):
        if text == interval:
            return interval  # type: ignore[no-any-return]
    raise _invalid("interval", f"This is one of {', '.join(get_args(Interval))}.", text)


def _time(request: Request, name: str) -> datetime:
    text = _required(request, name)
    moment = request.time(name)
    if moment is None or moment.year not in _YEARS:
        raise _invalid(name, "This is a time, of a year from 2 to 9998.", text)
    return moment


def _required(request: Request, name: str) -> str:
    text = request.text(name)
    if text is None:
        raise Invalid([Problem("missing", ("query", name), "Field required")])
    return text


def _zone(request: Request) -> tzinfo:
    name = request.text("timezone") or "UTC"
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise _invalid("timezone", "This is no time zone, as in Europe/Berlin.", name) from error


def _between(start: datetime, end: datetime, zone: tzinfo) -> timedelta:
    """How much time is asked for: as it goes by, or as clocks show it, whichever is less.

    A week in which the clocks are set back has an hour more, and is a week all the same.
    """
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end))
    return min(end - start, last - first)


def _invalid(name: str, message: str, given: str | None = None) -> Invalid:
    return Invalid([Problem("value_error", ("query", name), message, given)])
