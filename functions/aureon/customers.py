"""Customers: created, found, changed and deleted, with the pointers that keep them unique."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import uuid_utils

from aureon import cards, catalog, keys, times
from aureon.cards import Search
from aureon.domain.customers import Card, Customer, Pointer, directory_entry, profile
from aureon.domain.events import MAX_ID_CHARACTERS
from aureon.errors import Invalid, NotFound, Problem, Unavailable
from aureon.ledger import put_pointer
from aureon.store import (
    Item,
    Store,
    TransactionCancelled,
    Write,
    assign,
    delete,
    put_new,
    update,
)

if TYPE_CHECKING:
    from aureon.bodies.customers import CustomerBody, CustomerUpdateBody

MAX_ATTEMPTS: Final = 20
# RFC 5321, 4.5.3.1.3
MAX_EMAIL_CHARACTERS: Final = 254


def get(store: Store, organization_id: str, customer_id: str) -> Customer:
    """Read a living customer. Raises `NotFound`."""
    found = None
    if 0 < len(customer_id) <= MAX_ID_CHARACTERS:
        found = profile(store.get(keys.customer(organization_id, customer_id)))
    if found is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return found


def find_id(store: Store, organization_id: str, external_id: str) -> str:
    """The id of the living customer with an external id. Raises `NotFound`; ghosts are none."""
    if 0 < len(external_id) <= MAX_ID_CHARACTERS:
        item = store.get(keys.external(organization_id, external_id))
        if item is not None and item["state"] == "customer":
            customer_id: str = item["customer_id"]
            return customer_id
    raise NotFound("There is no customer with this external id.")


def find_by_email(store: Store, organization_id: str, email: str) -> Customer | None:
    """The living customer with an e-mail address, in whatever case it is written."""
    if len(email) > MAX_EMAIL_CHARACTERS:
        return None
    pointer = store.get(keys.email(organization_id, email))
    if pointer is None:
        return None
    return profile(store.get(keys.customer(organization_id, pointer["customer_id"])))


def find(
    store: Store, organization_id: str, search: Search, part: slice
) -> tuple[list[Customer], int]:
    """The customers in a part of what a search finds, and the number of all that it finds.

    Raises `Invalid` for an order that is none.
    """
    if search.email is not None:
        one = find_by_email(store, organization_id, search.email)
        alone = [] if one is None or not search.among([Card.of(one)]) else [one]
        return alone[part], len(alone)
    ids, found = cards.find(store, organization_id, search, part)
    return read(store, organization_id, ids), found


def read_all(store: Store, organization_id: str) -> Iterator[Card]:
    """What lists know of all living customers, in no order."""
    return cards.read_all(store, organization_id)


def read(store: Store, organization_id: str, customer_ids: Sequence[str]) -> list[Customer]:
    """The living ones of some customers, in the same order."""
    wanted = [keys.customer(organization_id, customer_id) for customer_id in customer_ids]
    items = store.batch_get(wanted)
    found = (profile(items.get(key)) for key in wanted)
    return [customer for customer in found if customer is not None]


def create(store: Store, organization_id: str, body: CustomerBody) -> Customer:
    """Create a customer; events that came before it under its external id are its own.

    Raises `Invalid` where the e-mail address or the external id is taken.
    """
    email_key = keys.email(organization_id, body.email)
    version_key = keys.meter_version(organization_id)
    external_key = body.external_id and keys.external(organization_id, body.external_id)

    def attempt() -> tuple[Customer, list[Write]]:
        wanted = [email_key, version_key, *([external_key] if external_key else [])]
        found = store.batch_get(wanted)
        _refuse_taken_email(found.get(email_key), body.email)
        pointer = _pointer(found.get(external_key)) if external_key else None
        _refuse_taken_external_id(pointer, body.external_id)
        version = catalog.version_of(found.get(version_key))
        ghost = pointer if pointer is not None and pointer.state == "ghost" else None
        customer_id = ghost.customer_id if ghost else str(uuid_utils.uuid7())
        customer = Customer(
            id=customer_id,
            email=body.email,
            created_at=times.now(),
            meter_version=ghost.meter_version if ghost else version,
            ledger_ids=(customer_id,),
            name=body.name,
            external_id=body.external_id,
            metadata=body.metadata,
            type=body.type or "individual",
            billing_address=None
            if body.billing_address is None
            else body.billing_address.model_dump(),
            tax_id=body.tax_id,
            locale=body.locale,
        )
        writes = [
            # Not a put: a ghost's ledger may have left its mark there.
            assign(
                keys.customer(organization_id, customer_id),
                customer.to_item() | _listing(organization_id, customer),
                condition="attribute_not_exists(created_at)",
            ),
            put_new(email_key, {"customer_id": customer_id}),
            *cards.added(organization_id, customer),
        ]
        if body.external_id:
            writes.append(_lead(organization_id, body.external_id, pointer, customer))
        return customer, writes

    return _commit(store, attempt)


def change(
    store: Store, organization_id: str, customer_id: str, body: CustomerUpdateBody
) -> Customer:
    """Change a customer. Raises `NotFound`, and `Invalid` where something is taken."""

    def attempt() -> tuple[Customer, list[Write]]:
        before = get(store, organization_id, customer_id)
        after = _changed(before, body)
        writes: list[Write] = []
        if after.email.casefold() != before.email.casefold():
            email_key = keys.email(organization_id, after.email)
            _refuse_taken_email(store.get(email_key), after.email)
            writes.append(put_new(email_key, {"customer_id": customer_id}))
            writes.append(delete(keys.email(organization_id, before.email)))
        if after.external_id is not None and before.external_id is None:
            pointer = _pointer(store.get(keys.external(organization_id, after.external_id)))
            _refuse_taken_external_id(pointer, after.external_id)
            writes.append(_lead(organization_id, after.external_id, pointer, after))
            if pointer is not None and pointer.state == "ghost":
                after = replace(after, ledger_ids=(*after.ledger_ids, pointer.ledger_id))
                ledger = keys.customer(organization_id, pointer.ledger_id)
                # Whoever meets the ledger among a meter's holders is led to its customer.
                writes.append(update(ledger, "SET linked_to = :id", values={":id": customer_id}))
        writes.append(_replace(organization_id, before, after))
        writes += cards.changed(organization_id, before, after)
        return after, writes

    return _commit(store, attempt)


def remove(store: Store, organization_id: str, customer_id: str, *, anonymize: bool) -> None:
    """Delete a customer softly: address and external id become free, the ledgers stay."""

    def attempt() -> tuple[Customer, list[Write]]:
        before = get(store, organization_id, customer_id)
        now = times.now()
        after = replace(before.deleted(now, anonymize=anonymize), rev=before.rev + 1)
        writes = [
            _replace(organization_id, before, after),
            delete(keys.email(organization_id, before.email)),
            *cards.removed(organization_id, before),
        ]
        if before.external_id is not None:
            pointer = _pointer(store.get(keys.external(organization_id, before.external_id)))
            if pointer is None:
                raise Unavailable("The customer is being changed.")
            writes.append(put_pointer(organization_id, before.external_id, pointer.released(now)))
        return after, writes

    _commit(store, attempt)


def _changed(customer: Customer, body: CustomerUpdateBody) -> Customer:
    given = body.model_fields_set
    if (
        body.external_id is not None
        and customer.external_id is not None
        and body.external_id != customer.external_id
    ):
        raise _invalid(
            "external_id", "The external id of a customer is set once.", body.external_id
        )
    changes: dict[str, Any] = {
        name: getattr(body, name) for name in ("name", "tax_id", "locale") if name in given
    }
    if body.email is not None:
        changes["email"] = body.email
    if body.metadata is not None:
        changes["metadata"] = body.metadata
    if body.external_id is not None:
        changes["external_id"] = body.external_id
    if "billing_address" in given:
        address = body.billing_address
        changes["billing_address"] = None if address is None else address.model_dump()
    return replace(customer, **changes, modified_at=times.now(), rev=customer.rev + 1)


def _replace(organization_id: str, before: Customer, after: Customer) -> Write:
    return assign(
        keys.customer(organization_id, before.id),
        after.to_item(),
        condition="rev = :rev",
        values={":rev": before.rev},
    )


def _lead(
    organization_id: str, external_id: str, pointer: Pointer | None, customer: Customer
) -> Write:
    """Let an external id lead to a customer: to a ghost's ledger if it has one, else its own."""
    if pointer is not None and pointer.state == "ghost":
        return put_pointer(organization_id, external_id, pointer.linked(customer.id))
    return put_pointer(
        organization_id,
        external_id,
        Pointer(
            state="customer",
            customer_id=customer.id,
            ledger_id=customer.id,
            meter_version=customer.meter_version,
            earlier=() if pointer is None else pointer.earlier,
            created_at=customer.created_at,
            rev=1 if pointer is None else pointer.rev + 1,
        ),
    )


def _listing(organization_id: str, customer: Customer) -> dict[str, str]:
    slice_ = keys.directory_slice(customer.id)
    return directory_entry(
        keys.customer_directory(organization_id, slice_), customer.created_at, customer.id
    )


def _commit(store: Store, attempt: Callable[[], tuple[Customer, list[Write]]]) -> Customer:
    """Read, decide and write; again where somebody else wrote in between."""
    for _ in range(MAX_ATTEMPTS):
        customer, writes = attempt()
        try:
            store.commit(writes)
        except TransactionCancelled:
            continue
        return customer
    raise Unavailable("The customer is being changed by others.")


def _pointer(item: Item | None) -> Pointer | None:
    return None if item is None else Pointer.from_item(item)


def _refuse_taken_email(item: Item | None, email: str) -> None:
    if item is not None:
        raise _invalid(
            "email",
            f"A customer with this email address already exists: its id is {item['customer_id']}.",
            email,
        )


def _refuse_taken_external_id(pointer: Pointer | None, external_id: str | None) -> None:
    if pointer is not None and pointer.state == "customer":
        raise _invalid(
            "external_id",
            f"A customer with this external ID already exists: its id is {pointer.customer_id}.",
            external_id,
        )


def _invalid(field: str, message: str, value: str | None) -> Invalid:
    return Invalid([Problem("value_error", ("body", field), message, value)])
