"""``/v1/customers/``: create, list, read, change and delete customers."""

from __future__ import annotations

from aureon import answers, customers
from aureon.cards import Search
from aureon.domain.customers import Customer
from aureon.http import Answer, Request, Resolver, unescape

api = Resolver()
handler = api.handler

READ = "customers:read"
WRITE = "customers:write"


@api.route("POST", "/v1/customers/", scope=WRITE)
def create(request: Request) -> Answer:
    from aureon.bodies import check
    from aureon.bodies.customers import CustomerBody

    body = check(CustomerBody, request.body())
    return _answer(request, customers.create(request.store, request.organization_id, body), 201)


@api.route("GET", "/v1/customers/", scope=READ)
def list_(request: Request) -> Answer:
    paging = request.paging()
    search = Search(
        email=request.text("email"),
        text=request.text("query") or "",
        metadata=request.metadata(),
        sorting=request.texts("sorting"),
    )
    found, total = customers.find(request.store, request.organization_id, search, paging.slice())
    shown = [answers.customer(request.organization_id, customer) for customer in found]
    return Answer(200, paging.answer(shown, total))


@api.route("GET", "/v1/customers/<customer_id>", scope=READ)
def get(request: Request, customer_id: str) -> Answer:
    return _answer(request, customers.get(request.store, request.organization_id, customer_id))


@api.route("PATCH", "/v1/customers/<customer_id>", scope=WRITE)
def update(request: Request, customer_id: str) -> Answer:
    from aureon.bodies import check
    from aureon.bodies.customers import CustomerUpdateBody

    body = check(CustomerUpdateBody, request.body())
    changed = customers.change(request.store, request.organization_id, customer_id, body)
    return _answer(request, changed)


@api.route("DELETE", "/v1/customers/<customer_id>", scope=WRITE)
def delete(request: Request, customer_id: str) -> Answer:
    anonymize = request.truth("anonymize") or False
    customers.remove(request.store, request.organization_id, customer_id, anonymize=anonymize)
    return Answer(204, None)


@api.route("PATCH", "/v1/customers/external/<external_id>", scope=WRITE)
def update_external(request: Request, external_id: str) -> Answer:
    from aureon.bodies import check
    from aureon.bodies.customers import CustomerUpdateBody

    body = check(CustomerUpdateBody, request.body())
    customer_id = _find(request, external_id)
    unlinked = body.model_copy(update={"external_id": None})
    changed = customers.change(request.store, request.organization_id, customer_id, unlinked)
    return _answer(request, changed)


@api.route("DELETE", "/v1/customers/external/<external_id>", scope=WRITE)
def delete_external(request: Request, external_id: str) -> Answer:
    return delete(request, _find(request, external_id))


def _find(request: Request, external_id: str) -> str:
    return customers.find_id(request.store, request.organization_id, unescape(external_id))


def _answer(request: Request, customer: Customer, status: int = 200) -> Answer:
    return Answer(status, answers.customer(request.organization_id, customer))
