"""``/v1/customers/``: create, list, read, change and delete customers."""

from __future__ import annotations

from aureon import answers, customers, listing
from aureon.bodies import check
from aureon.bodies.customers import CustomerBody, CustomerUpdateBody
from aureon.domain.customers import Customer
from aureon.http import Answer, Request, Resolver, unescape

api = Resolver()
handler = api.handler

READ = "customers:read"
WRITE = "customers:write"

_SORT_BY = {
    "created_at": lambda customer: customer.created_at,
    "email": lambda customer: customer.email.casefold(),
    "name": lambda customer: customer.name and customer.name.casefold(),
}


@api.route("POST", "/v1/customers/", scope=WRITE)
def create(request: Request) -> Answer:
    body = check(CustomerBody, request.body())
    return _answer(request, customers.create(request.store, request.organization_id, body), 201)


@api.route("GET", "/v1/customers/", scope=READ)
def list_(request: Request) -> Answer:
    paging = request.paging()
    email = request.text("email")
    query = (request.text("query") or "").casefold()
    metadata = request.metadata()
    if email is not None:
        one = customers.find_by_email(request.store, request.organization_id, email)
        found = [] if one is None else [one]
    else:
        found = list(customers.read_all(request.store, request.organization_id))
    ordered = listing.sort(
        (
            customer
            for customer in found
            if _has_text(customer, query) and listing.has_metadata(customer.metadata, metadata)
        ),
        request.texts("sorting"),
        _SORT_BY,
        default="-created_at",
    )
    shown = [answers.customer(request.organization_id, one) for one in ordered[paging.slice()]]
    return Answer(200, paging.answer(shown, len(ordered)))


@api.route("GET", "/v1/customers/<customer_id>", scope=READ)
def get(request: Request, customer_id: str) -> Answer:
    return _answer(request, customers.get(request.store, request.organization_id, customer_id))


@api.route("PATCH", "/v1/customers/<customer_id>", scope=WRITE)
def update(request: Request, customer_id: str) -> Answer:
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


def _has_text(customer: Customer, query: str) -> bool:
    """Whether a search finds the customer: by a part of its address, name or external id."""
    texts = (customer.email, customer.name, customer.external_id)
    return any(query in text.casefold() for text in texts if text is not None)


def _answer(request: Request, customer: Customer, status: int = 200) -> Answer:
    return Answer(status, answers.customer(request.organization_id, customer))
