"""``/v1/customer-portal/``: what a customer sees of themselves, by a session; it writes nothing."""

from __future__ import annotations

from aureon.api import quantity_query, serializers, statements
from aureon.api.portal import PortalRequest, PortalResolver
from aureon.api.responses import Answer
from aureon.core import listing
from aureon.core.errors import Invalid
from aureon.credits import grants
from aureon.customers import balances
from aureon.domain.filters import compile_filter
from aureon.reads import events
from aureon.reads.selection import Selection

api = PortalResolver("portal")
handler = api.handler

_SORT_BY = {
    "created_at": lambda found: found.balance.created_at,
    "modified_at": lambda found: found.balance.modified_at,
    "meter_id": lambda found: found.meter.id,
    "meter_name": lambda found: found.meter.name.casefold(),
    "balance": lambda found: found.balance.value(found.meter.aggregation.func),
    "consumed_units": lambda found: found.balance.value(found.meter.aggregation.func),
    "credited_units": lambda found: 0,
}
_ORDERS = ("-timestamp", "timestamp")


@api.operation("portal_get_session")
def introspect(request: PortalRequest) -> Answer:
    return Answer(200, serializers.portal_session(request.session, request.organization))


@api.operation("portal_get_user")
def user(request: PortalRequest) -> Answer:
    return Answer(200, serializers.portal_user(request.customer))


@api.operation("portal_get_customer")
def me(request: PortalRequest) -> Answer:
    return Answer(200, serializers.portal_customer(request.customer))


@api.operation("portal_list_meters")
def list_meters(request: PortalRequest) -> Answer:
    paging = request.paging()
    meter_ids = request.query_list("meter_id")
    text = (request.query_str("query") or "").casefold()
    _, found = balances.of_customer(request.store, request.customer.id, with_lots=_lots(request))
    ordered = listing.sort(
        (
            one
            for one in found
            if (not meter_ids or one.meter.id in meter_ids) and text in one.meter.name.casefold()
        ),
        request.query_list("sorting"),
        _SORT_BY,
        default="meter_name",
    )
    shown = [serializers.portal_meter(one, request.shows) for one in ordered[paging.slice()]]
    return Answer(200, paging.answer(shown, len(ordered)))


@api.operation("portal_get_meter")
def get_meter(request: PortalRequest, customer_meter_id: str) -> Answer:
    found = balances.get(request.store, request.own(customer_meter_id), with_lots=_lots(request))
    return Answer(200, serializers.portal_meter(found, request.shows))


def _lots(request: PortalRequest) -> bool:
    return request.query_bool("lots") or False


@api.operation("portal_get_quantities")
def get_quantities(request: PortalRequest, customer_meter_id: str) -> Answer:
    meter = balances.get(request.store, request.own(customer_meter_id)).meter
    if request.metadata():
        # What is not shown could be guessed by it.
        message = "A customer's quantities can't be filtered by metadata."
        raise Invalid.at(("query", "metadata"), message, kind="extra_forbidden")
    properties = [name for name in meter.group_by if request.shows(name)]
    found, broken = quantity_query.read(request, meter, request.customer.ledger_ids, properties)
    return Answer(200, serializers.quantities(request.organization_id, meter, found, broken))


@api.operation("portal_get_statement")
def get_statement(request: PortalRequest, customer_meter_id: str) -> Answer:
    own = request.own(customer_meter_id)
    return statements.serve(request, own, serializers.portal_statement)


@api.operation("portal_list_events")
def list_events(request: PortalRequest) -> Answer:
    paging = request.paging()
    order = request.query_str("sorting") or _ORDERS[0]
    if order not in _ORDERS:
        message = f"Sort by one of {', '.join(_ORDERS)}."
        raise Invalid.at(("query", "sorting"), message, order, kind="enum")
    metadata = request.metadata()
    for name in metadata:
        if name not in request.metadata_keys:
            known = ", ".join(sorted(request.metadata_keys)) or "nothing"
            message = f"Events are filtered by {known}."
            raise Invalid.at(("query", "metadata", name), message, kind="extra_forbidden")
    predicate = None
    meter_id = request.query_str("meter_id")
    if meter_id is not None:
        meter = balances.get(request.store, f"{request.customer.id}.{meter_id}").meter
        predicate = compile_filter(meter.filter)
    selection = Selection(
        start=request.query_time("start_timestamp"),
        end=request.query_time("end_timestamp"),
        names=request.query_list("name"),
        metadata=metadata,
        predicate=predicate,
    )
    found = events.find(
        request.store,
        selection,
        ledger_ids=request.customer.ledger_ids,
        oldest_first=order == _ORDERS[1],
        part=paging.slice(),
    )
    shown = [serializers.portal_event(one, request.metadata_keys) for one in found.items]
    return Answer(200, paging.answer(shown, found.total))


@api.operation("portal_list_grants")
def list_grants(request: PortalRequest) -> Answer:
    paging = request.paging()
    found = grants.find(
        request.store, request.customer.id, meter_ids=request.query_list("meter_id")
    )
    shown = [serializers.portal_grant(one, request.metadata_keys) for one in found[paging.slice()]]
    return Answer(200, paging.answer(shown, len(found)))


@api.operation("portal_list_orders")
@api.operation("portal_list_subscriptions")
@api.operation("portal_list_benefit_grants")
def nothing(request: PortalRequest) -> Answer:
    """What Polar has and Aureon does not: its clients get the list that they ask for, empty."""
    return Answer(200, request.paging().answer([], 0))
