"""``/v1/meters/{id}/quantities``: what a meter makes of the events of each hour, day or year."""

from __future__ import annotations

import re
from datetime import UTC
from decimal import Decimal

from aureon.api import quantity_query, serializers
from aureon.api.requests import DEFAULT_LIMIT, MAX_LIMIT, Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core.errors import Invalid
from aureon.customers import rankings
from aureon.domain.credits import CreditPosition
from aureon.domain.intervals import LONGEST, boundaries
from aureon.domain.meters import DECISIVE
from aureon.domain.ranks import STATUSES, Status
from aureon.meters import catalog
from aureon.reads import events, liability, quantities, rates

ORDERS = ("left", "-left")
UNITS = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")

api = Resolver("quantities")
handler = api.handler


@api.operation("get_meter_quantities")
def read(request: Request, meter_id: str) -> Answer:
    meter = catalog.get(request.store, meter_id)
    ledger_ids = events.ledgers(
        request.store,
        customer_ids=request.query_list("customer_id"),
        external_ids=request.query_list("external_customer_id"),
    )
    found, broken = quantity_query.read(request, meter, ledger_ids, meter.group_by)
    return Answer(200, serializers.quantities(request.organization_id, meter, found, broken))


@api.operation("list_meter_customers")
def customers(request: Request, meter_id: str) -> Answer:
    meter = catalog.get(request.store, meter_id)
    if meter.aggregation.func not in DECISIVE:
        raise Invalid.at(("path", "id"), "Only a meter that sums or counts has credits.", meter_id)
    found = rankings.read(
        request.store,
        meter,
        status=_status(request),
        at_most=_left_at_most(request),
        most_first=_most_first(request),
        after=request.query_str("after"),
        limit=min(request.query_int("limit", DEFAULT_LIMIT), MAX_LIMIT),
    )
    shown = [
        rates.read(
            request.store,
            meter,
            one.customer.ledger_ids,
            available=CreditPosition(meter.id, one.balance.sum, one.held).available_credits,
        )
        for one in found.items
    ]
    return Answer(200, serializers.meter_customers(request.organization_id, found, shown))


@api.operation("get_meter_credits")
def credits(request: Request, meter_id: str) -> Answer:
    meter = catalog.get(request.store, meter_id)
    if meter.aggregation.func not in DECISIVE:
        raise Invalid.at(("path", "id"), "Only a meter that sums or counts has credits.", meter_id)
    start, end = quantity_query.period(request)
    if end - start > LONGEST["day"]:
        days = LONGEST["day"].days
        raise Invalid.at(("query", "end_timestamp"), f"At most {days} days are shown at once.")
    found = quantities.read(
        request.store, meter, boundaries(start, end, "day", UTC), ledger_ids=None, metadata={}
    )
    owed = liability.read(request.store, meter.id, *found.days)
    return Answer(200, serializers.meter_credits(meter, found, owed))


def _status(request: Request) -> Status | None:
    text = request.query_str("status")
    for status in STATUSES:
        if text == status:
            return status
    if text is not None:
        raise Invalid.at(("query", "status"), f"Must be one of {', '.join(STATUSES)}.", text)
    return None


def _left_at_most(request: Request) -> Decimal | None:
    text = request.query_str("left_at_most")
    if text is None:
        return None
    if not UNITS.fullmatch(text):
        message = "Must be a number with at most 15 digits before the point and 12 after it."
        raise Invalid.at(("query", "left_at_most"), message, text, kind="decimal_parsing")
    return Decimal(text)


def _most_first(request: Request) -> bool:
    order = request.query_str("sorting") or ORDERS[0]
    if order not in ORDERS:
        message = f"Sort by one of {', '.join(ORDERS)}."
        raise Invalid.at(("query", "sorting"), message, order, kind="enum")
    return order != ORDERS[0]
