"""``/v1/credits/``: spends, holds, grants and refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aureon.api import serializers
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core.bodies import check
from aureon.core.errors import Invalid
from aureon.credits import grants, refunds, spending
from aureon.credits.bodies import CaptureBody, ExtendBody, HoldBody, RefundBody, SpendBody
from aureon.customers import profiles

if TYPE_CHECKING:
    from aureon.api import response_models as models

# What checks grants is imported by what gives them: a spend need not wait for it to be built.
api = Resolver("credits")
handler = api.handler


@api.operation("spend")
def spend(request: Request) -> Answer:
    body = check(SpendBody, request.body())
    spent = spending.spend(request.store, body)
    return Answer(200, serializers.spent(spent))


@api.operation("place_hold")
def place(request: Request) -> Answer:
    body = check(HoldBody, request.body())
    hold = spending.place_hold(request.store, body)
    return Answer(200, serializers.hold(hold))


@api.operation("list_holds")
def list_holds(request: Request) -> Answer:
    paging = request.paging()
    found = spending.open_holds(
        request.store, _named_customer(request), meter_ids=request.query_list("meter_id")
    )
    shown = [serializers.hold(one) for one in found[paging.slice()]]
    return Answer(200, paging.answer(shown, len(found)))


@api.operation("get_hold")
def get(request: Request, hold_id: str) -> Answer:
    hold = spending.get_hold(request.store, hold_id)
    return Answer(200, serializers.hold(hold))


@api.operation("capture_hold")
def capture(request: Request, hold_id: str) -> Answer:
    body = check(CaptureBody, request.body() if request.raw_body else {})
    hold = spending.capture(request.store, hold_id, body)
    return Answer(200, serializers.hold(hold))


@api.operation("extend_hold")
def extend(request: Request, hold_id: str) -> Answer:
    body = check(ExtendBody, request.body())
    hold = spending.extend(request.store, hold_id, body)
    return Answer(200, serializers.hold(hold))


@api.operation("release_hold")
def release(request: Request, hold_id: str) -> Answer:
    hold = spending.release(request.store, hold_id)
    return Answer(200, serializers.hold(hold))


@api.operation("grant")
def grant(request: Request) -> Answer:
    from aureon.credits.grant_bodies import GrantBody

    body = check(GrantBody, request.body())
    return Answer(200, serializers.grant(grants.grant(request.store, body)))


@api.operation("list_grants")
def list_grants(request: Request) -> Answer:
    paging = request.paging()
    statuses = request.query_list("status")
    for status in statuses:
        if status not in grants.STATUSES:
            message = f"Must be one of {', '.join(grants.STATUSES)}."
            raise Invalid.at(("query", "status"), message, status, kind="enum")
    found = grants.find(
        request.store,
        _named_customer(request),
        meter_ids=request.query_list("meter_id"),
        statuses=statuses,
    )
    shown = [serializers.grant(one) for one in found[paging.slice()]]
    return Answer(200, paging.answer(shown, len(found)))


def _named_customer(request: Request) -> str:
    """The id of the customer whose list is asked for. Raises `Invalid` and `NotFound`."""
    customer_id = request.query_str("customer_id")
    external_id = request.query_str("external_customer_id")
    if (customer_id is None) == (external_id is None):
        message = "One of customer_id and external_customer_id names the customer."
        raise Invalid.at(("query", "customer_id"), message, kind="missing")
    if external_id is not None:
        return profiles.find_id(request.store, external_id)
    return customer_id or ""


@api.operation("get_grant")
def get_grant(request: Request, grant_id: str) -> Answer:
    return Answer(200, serializers.grant(grants.get(request.store, grant_id)))


@api.operation("void_grant")
def void_grant(request: Request, grant_id: str) -> Answer:
    from aureon.credits.grant_bodies import VoidBody

    body = check(VoidBody, request.body() if request.raw_body else {})
    found = grants.void(request.store, grant_id, allow_debt=body.allow_debt, reason=body.reason)
    return Answer(200, serializers.grant(found))


@api.operation("create_customer_meter_credit")
def credit(request: Request) -> Answer:
    from aureon.credits.grant_bodies import CreditBody

    body = check(CreditBody, request.body())
    return Answer(201, _event(request, grants.credit(request.store, body)))


@api.operation("reverse_customer_meter_credit")
def reverse_credit(request: Request, event_id: str) -> Answer:
    return Answer(200, _event(request, grants.reverse(request.store, event_id)))


def _event(request: Request, event_id: str) -> models.Event:
    from aureon.reads import events

    found, refunded = events.get(request.store, event_id)
    return serializers.event_with_refunds(request.organization_id, found, refunded)


@api.operation("refund")
def refund(request: Request) -> Answer:
    body = check(RefundBody, request.body())
    return Answer(200, serializers.refund(refunds.refund(request.store, body)))


@api.operation("void_event")
def void_event(request: Request, event_id: str) -> Answer:
    from aureon.credits.grant_bodies import VoidBody

    body = check(VoidBody, request.body() if request.raw_body else {})
    found = refunds.void(request.store, event_id, allow_debt=body.allow_debt, reason=body.reason)
    if isinstance(found, grants.Grant):
        return Answer(200, serializers.voided(event_id, refunded=None, granted=found))
    return Answer(200, serializers.voided(event_id, refunded=found, granted=None))
