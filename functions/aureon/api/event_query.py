"""Which events a request wants: the query's parameters that lists and exports of events share."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from aureon.core.errors import Invalid, NotFound
from aureon.domain.filters import compile_filter
from aureon.meters import catalog
from aureon.reads import events
from aureon.reads.selection import Selection

if TYPE_CHECKING:
    from aureon.api.requests import Request


def selection(request: Request) -> Selection:
    """What the events have to be. Raises `Invalid`."""
    meter_id = request.query_str("meter_id")
    predicate = None
    try:
        if meter_id is not None:
            meter = catalog.get(request.store, meter_id)
            predicate = compile_filter(meter.filter)
    except NotFound as error:
        raise Invalid.at(("query", "meter_id"), "Meter does not exist.", meter_id) from error
    return Selection(
        start=request.query_time("start_timestamp"),
        end=request.query_time("end_timestamp"),
        names=request.query_list("name"),
        sources=request.query_list("source"),
        parent_ids=request.query_list("parent_id"),
        metadata=request.metadata(),
        text=request.query_str("query") or "",
        predicate=predicate,
    )


def ledgers(request: Request) -> Collection[str] | None:
    """The ledgers of the customers that are named; None where none is, which means everyone."""
    return events.ledgers(
        request.store,
        customer_ids=request.query_list("customer_id"),
        external_ids=request.query_list("external_customer_id"),
    )
