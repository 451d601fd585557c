"""Balance lookup: ``/v1/customer-meters/``, a customer's state, a customer by its external id."""

from __future__ import annotations

from aureon.api import serializers
from aureon.api.external_ids import find_external
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core import listing
from aureon.customers import balances, profiles
from aureon.meters import catalog

api = Resolver("balances")
handler = api.handler

_SORT_BY = {
    "modified_at": lambda found: found.balance.modified_at,
    "created_at": lambda found: found.balance.created_at,
    "customer_id": lambda found: found.customer.id,
    "customer_name": lambda found: found.customer.name and found.customer.name.casefold(),
    "meter_id": lambda found: found.meter.id,
    "meter_name": lambda found: found.meter.name.casefold(),
    "balance": lambda found: found.balance.value(found.meter.aggregation.func),
    "consumed_units": lambda found: found.balance.value(found.meter.aggregation.func),
    "credited_units": lambda found: 0,
}


@api.operation("list_customer_meters")
def list_(request: Request) -> Answer:
    paging = request.paging()
    found = balances.find(
        request.store,
        customer_ids=request.query_list("customer_id"),
        external_ids=request.query_list("external_customer_id"),
        meter_ids=_meter_ids(request),
        with_lots=request.query_bool("lots") or False,
    )
    ordered = listing.sort(found, request.query_list("sorting"), _SORT_BY, default="-modified_at")
    shown = [
        serializers.customer_meter(request.organization_id, one) for one in ordered[paging.slice()]
    ]
    return Answer(200, paging.answer(shown, len(ordered)))


def _meter_ids(request: Request) -> list[str] | None:
    """The meters that are named by every way that is used; None where none is."""
    ids, external_ids = request.query_list("meter_id"), request.query_list("external_meter_id")
    if not external_ids:
        return list(ids) or None
    found = catalog.ids_of(request.store, external_ids)
    return [meter_id for meter_id in found if not ids or meter_id in ids]


@api.operation("get_customer_meter")
def get(request: Request, customer_meter_id: str) -> Answer:
    found = balances.get(
        request.store, customer_meter_id, with_lots=request.query_bool("lots") or False
    )
    return Answer(200, serializers.customer_meter(request.organization_id, found))


@api.operation("get_customer_external")
@api.operation("get_customer_by_external_id")
def customer(request: Request, external_id: str | None = None) -> Answer:
    found = profiles.get(request.store, find_external(request, external_id))
    return Answer(200, serializers.customer(request.organization_id, found))


@api.operation("get_customer_state_external")
@api.operation("get_customer_state_by_external_id")
def external_state(request: Request, external_id: str | None = None) -> Answer:
    return state(request, find_external(request, external_id))


@api.operation("get_customer_state")
def state(request: Request, customer_id: str) -> Answer:
    customer, meters = balances.of_customer(
        request.store, customer_id, with_lots=request.query_bool("lots") or False
    )
    return Answer(200, serializers.customer_state(request.organization_id, customer, meters))
