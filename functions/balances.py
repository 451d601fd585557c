"""Balance lookup: ``/v1/customer-meters/``, a customer's state, a customer by its external id."""

from __future__ import annotations

from aureon import answers, balances, customers, listing
from aureon.http import Answer, Request, Resolver, unescape

api = Resolver()
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


@api.route("GET", "/v1/customer-meters/", scope="customer_meters:read")
def list_(request: Request) -> Answer:
    paging = request.paging()
    found = balances.find(
        request.store,
        request.organization_id,
        customer_ids=request.texts("customer_id"),
        external_ids=request.texts("external_customer_id"),
        meter_ids=request.texts("meter_id"),
    )
    ordered = listing.sort(found, request.texts("sorting"), _SORT_BY, default="-modified_at")
    shown = [
        answers.customer_meter(request.organization_id, one) for one in ordered[paging.slice()]
    ]
    return Answer(200, paging.answer(shown, len(ordered)))


@api.route("GET", "/v1/customer-meters/<customer_meter_id>", scope="customer_meters:read")
def get(request: Request, customer_meter_id: str) -> Answer:
    found = balances.get(request.store, request.organization_id, customer_meter_id)
    return Answer(200, answers.customer_meter(request.organization_id, found))


# Before what takes any id: a customer's external id may be ``state``.
@api.route("GET", "/v1/customers/external/<external_id>", scope="customers:read")
def customer(request: Request, external_id: str) -> Answer:
    customer_id = _find(request, external_id)
    found = customers.get(request.store, request.organization_id, customer_id)
    return Answer(200, answers.customer(request.organization_id, found))


@api.route("GET", "/v1/customers/external/<external_id>/state", scope="customers:read")
def external_state(request: Request, external_id: str) -> Answer:
    return state(request, _find(request, external_id))


@api.route("GET", "/v1/customers/<customer_id>/state", scope="customers:read")
def state(request: Request, customer_id: str) -> Answer:
    customer, meters = balances.of_customer(request.store, request.organization_id, customer_id)
    return Answer(200, answers.customer_state(request.organization_id, customer, meters))


def _find(request: Request, external_id: str) -> str:
    return customers.find_id(request.store, request.organization_id, unescape(external_id))
