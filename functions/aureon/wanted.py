"""Which events a request wants: the query's parameters that lists and exports of events share."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from aureon import catalog, events
from aureon.domain.filters import compile_filter
from aureon.errors import Invalid, NotFound, Problem
from aureon.selection import Selection

if TYPE_CHECKING:
    from aureon.http import Request


def selection(request: Request) -> Selection:
    """What the events have to be. Raises `Invalid`."""
    meter_id = request.text("meter_id")
    predicate = None
    try:
        if meter_id is not None:
            meter = catalog.get(request.store, request.organization_id, meter_id)
            predicate = compile_filter(meter.filter)
    except NotFound as error:
        problem = Problem("value_error", ("query", "meter_id"), "Meter does not exist.", meter_id)
        raise Invalid([problem]) from error
    return Selection(
        start=request.time("start_timestamp"),
        end=request.time("end_timestamp"),
        names=request.texts("name"),
        sources=request.texts("source"),
        metadata=request.metadata(),
        text=request.text("query") or "",
        predicate=predicate,
    )


def ledgers(request: Request) -> Collection[str] | None:
    """The ledgers of the customers that are named; None where none is, which means everyone."""
    return events.ledgers(
        request.store,
        request.organization_id,
        customer_ids=request.texts("customer_id"),
        external_ids=request.texts("external_customer_id"),
    )
