"""``/v1/alerts/`` and the thresholds of single balances."""

from __future__ import annotations

from aureon.alerts import alerts, own
from aureon.alerts.telling import Telling
from aureon.api import serializers
from aureon.api.rendering import RENDERING
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core.errors import Invalid, NotFound
from aureon.customers import profiles

api = Resolver("alerts")
handler = api.handler


@api.operation("list_alerts")
def list_(request: Request) -> Answer:
    paging = request.paging()
    states = request.query_list("state")
    for state in states:
        if state not in alerts.STATES:
            message = f"Must be one of {', '.join(alerts.STATES)}."
            raise Invalid.at(("query", "state"), message, state, kind="enum")
    customer_ids = request.query_list("customer_id")
    external_ids = request.query_list("external_customer_id")
    named = bool(customer_ids or external_ids)
    if external_ids:
        found_ids = _ids_of(request, external_ids)
        customer_ids = [id_ for id_ in found_ids if not customer_ids or id_ in customer_ids]
    found, count = alerts.find(
        request.store,
        customer_ids=customer_ids,
        named=named,
        meter_ids=request.query_list("meter_id"),
        states=states,
        part=paging.slice(),
    )
    shown = [serializers.alert(request.organization_id, one) for one in found]
    return Answer(200, paging.answer(shown, count))


@api.operation("get_thresholds")
def get_thresholds(request: Request, customer_meter_id: str) -> Answer:
    found = own.read(request.store, customer_meter_id)
    return Answer(200, serializers.thresholds(found))


@api.operation("set_thresholds")
def set_thresholds(request: Request, customer_meter_id: str) -> Answer:
    from aureon.core.bodies import check
    from aureon.meters.bodies import OwnThresholdsBody

    body = check(OwnThresholdsBody, request.body())
    telling = Telling.of(request.store, RENDERING)
    found = own.change(telling, customer_meter_id, body)
    return Answer(200, serializers.thresholds(found))


def _ids_of(request: Request, external_ids: list[str]) -> list[str]:
    found = []
    for external_id in dict.fromkeys(external_ids):
        try:
            found.append(profiles.find_id(request.store, external_id))
        except NotFound:
            continue
    return found
