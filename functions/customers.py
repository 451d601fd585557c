"""``/v1/customers/``: create, list, read, change and delete customers, and open their sessions."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from aureon.api import serializers
from aureon.api.external_ids import find_external
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer, Content, file_answer
from aureon.core.errors import Invalid, NotFound, Unavailable
from aureon.customers import profiles, rankings
from aureon.customers.summaries import Search
from aureon.domain.customers import Customer

api = Resolver("customers")
handler = api.handler


@api.operation("create_customer")
def create(request: Request) -> Answer:
    from aureon.core.bodies import check
    from aureon.customers.bodies import CustomerBody

    body = check(CustomerBody, request.body())
    return _answer(request, profiles.create(request.store, body), 201)


@api.operation("list_customers")
def list_(request: Request) -> Answer:
    paging = request.paging()
    search = Search(
        email=request.query_str("email"),
        text=request.query_str("query") or "",
        metadata=request.metadata(),
        sorting=request.query_list("sorting"),
    )
    found, total = profiles.find(request.store, search, paging.slice())
    shown = [serializers.customer(request.organization_id, customer) for customer in found]
    return Answer(200, paging.answer(shown, total))


@api.operation("export_customers")
def export(request: Request) -> Answer:
    from aureon.customers import table

    content = Content(table.MEDIA_TYPE, table.write(request.store))
    return file_answer(content, request.headers.get("accept-encoding", ""))


@api.operation("get_customer")
def get(request: Request, customer_id: str) -> Answer:
    return _answer(request, profiles.get(request.store, customer_id))


@api.operation("update_customer")
def update(request: Request, customer_id: str) -> Answer:
    from aureon.core.bodies import check
    from aureon.customers.bodies import CustomerUpdateBody

    body = check(CustomerUpdateBody, request.body())
    changed = profiles.change(request.store, customer_id, body)
    return _answer(request, changed)


@api.operation("delete_customer")
def delete(request: Request, customer_id: str) -> Answer:
    anonymize = request.query_bool("anonymize") or False
    profiles.remove(request.store, customer_id, anonymize=anonymize)
    # The customer is gone, whether or not lists know it yet: the nightly count tells them again.
    with suppress(Unavailable):
        rankings.forget(request.store, customer_id)
    return Answer(204, None)


@api.operation("update_customer_external")
@api.operation("update_customer_by_external_id")
def update_external(request: Request, external_id: str | None = None) -> Answer:
    from aureon.core.bodies import check
    from aureon.customers.bodies import CustomerUpdateBody

    body = check(CustomerUpdateBody, request.body())
    customer_id = find_external(request, external_id)
    unlinked = body.model_copy(update={"external_id": None})
    changed = profiles.change(request.store, customer_id, unlinked)
    return _answer(request, changed)


@api.operation("put_customer_external")
@api.operation("put_customer_by_external_id")
def put(request: Request, external_id: str | None = None) -> Answer:
    from aureon.core.bodies import check
    from aureon.customers.bodies import CustomerPutBody

    if external_id is None:
        external_id = request.query_str("external_id")
    else:
        request.require_query_of()
    if not external_id:
        raise Invalid.at(("query", "external_id"), "Field required", kind="missing")
    body = check(CustomerPutBody, request.body())
    if body.external_id not in (None, external_id):
        message = "The path names another external id."
        raise Invalid.at(("body", "external_id"), message, body.external_id)
    check(CustomerPutBody, {"external_id": external_id})
    unlinked = body.model_copy(update={"external_id": None})
    found, created = profiles.put(request.store, external_id, unlinked)
    return _answer(request, found, 201 if created else 200)


@api.operation("delete_customer_external")
@api.operation("delete_customer_by_external_id")
def delete_external(request: Request, external_id: str | None = None) -> Answer:
    return delete(request, find_external(request, external_id, "anonymize"))


@api.operation("create_customer_session")
def create_session(request: Request) -> Answer:
    from aureon.access import sessions
    from aureon.access.bodies import CustomerSessionBody
    from aureon.core.bodies import check

    body = check(CustomerSessionBody, request.body())
    try:
        customer_id = body.customer_id or profiles.find_id(
            request.store, body.external_customer_id or ""
        )
        found = profiles.get(request.store, customer_id)
    except NotFound as error:
        name = "external_customer_id" if body.customer_id is None else "customer_id"
        where = ("body", name)
        raise Invalid.at(where, "Customer does not exist.", getattr(body, name)) from error
    lasting = timedelta(seconds=body.expires_in_seconds)
    token, session = sessions.create(
        request.store, found.id, lasting=lasting, return_url=body.return_url
    )
    address = f"{request.base_url}/portal?organization={request.organization_id}#{token}"
    shown = serializers.customer_session(session, token, address, found)
    # It is shown this once, so nobody on the way may keep the answer.
    return Answer(201, shown, {"Cache-Control": "no-store"})


def _answer(request: Request, customer: Customer, status: int = 200) -> Answer:
    return Answer(status, serializers.customer(request.organization_id, customer))
