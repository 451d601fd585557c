"""Customers: created, found, changed and deleted, with the pointers that keep them unique."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import uuid_utils
from msgspec.structs import replace

from aureon.access import activity
from aureon.core import times
from aureon.core.errors import Invalid, NotFound, Unavailable
from aureon.core.identifiers import is_external_id, is_id
from aureon.customers import summaries
from aureon.customers.summaries import Search
from aureon.domain.customers import (
    Customer,
    CustomerSummary,
    Pointer,
    directory_entry,
    due,
    next_in,
    placeholder,
    profile,
)
from aureon.domain.lots import SHORTEST_LIFE, SHORTEST_LIFE_SECONDS
from aureon.ledger import reckoning
from aureon.ledger.committer import put_pointer
from aureon.meters import catalog
from aureon.storage import keys
from aureon.storage.expressions import absent, all_of, any_of, equals
from aureon.storage.keys import Keys
from aureon.storage.store import (
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    Write,
    delete,
    put_new,
    update,
)

if TYPE_CHECKING:
    from aureon.customers.bodies import CustomerBody, CustomerPutBody, CustomerUpdateBody

MAX_ATTEMPTS: Final = 20
# RFC 5321, 4.5.3.1.3
MAX_EMAIL_CHARACTERS: Final = 254


def get(store: OrganizationStore, customer_id: str) -> Customer:
    """Read a living customer. Raises `NotFound`."""
    found = None
    if is_id(customer_id):
        found = profile(store.get(store.keys.customer(customer_id)))
    if found is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return found


def find_id(store: OrganizationStore, external_id: str) -> str:
    """The id of the living customer with an external id. Raises `NotFound`; ghosts are none."""
    if is_external_id(external_id):
        item = store.get(store.keys.external(external_id))
        if item is not None and item["state"] == "customer":
            customer_id: str = item["customer_id"]
            return customer_id
    raise NotFound("There is no customer with this external id.")


def find_by_email(store: OrganizationStore, email: str) -> Customer | None:
    """The living customer with an e-mail address, in whatever case it is written."""
    if len(email) > MAX_EMAIL_CHARACTERS:
        return None
    pointer = store.get(store.keys.email(email))
    if pointer is None:
        return None
    return profile(store.get(store.keys.customer(pointer["customer_id"])))


def find(store: OrganizationStore, search: Search, part: slice) -> tuple[list[Customer], int]:
    """The customers in a part of what a search finds, and the number of all that it finds.

    Raises `Invalid` for an order that is none.
    """
    if search.email is not None:
        one = find_by_email(store, search.email)
        alone = [] if one is None or not search.among([CustomerSummary.of(one)]) else [one]
        return alone[part], len(alone)
    ids, found = summaries.find(store, search, part)
    return read(store, ids), found


def read_all(store: OrganizationStore) -> Iterator[CustomerSummary]:
    """What lists know of all living customers, in no order."""
    return summaries.read_all(store)


def read(store: OrganizationStore, customer_ids: Sequence[str]) -> list[Customer]:
    """The living ones of some customers, in the same order."""
    wanted = [store.keys.customer(customer_id) for customer_id in customer_ids]
    items = store.batch_get(wanted)
    found = (profile(items.get(key)) for key in wanted)
    return [customer for customer in found if customer is not None]


def create(store: OrganizationStore, body: CustomerBody) -> Customer:
    """Create a customer; events that came before it under its external id are its own.

    Raises `Invalid` where the e-mail address or the external id is taken.
    """
    version_key = store.keys.meter_version()
    external_key = body.external_id and store.keys.external(body.external_id)

    def attempt() -> tuple[Customer, list[Write]]:
        named = body.email and store.keys.email(body.email)
        wanted = [version_key, *(key for key in (named, external_key) if key)]
        found = store.batch_get(wanted)
        if named and body.email:
            _refuse_taken_email(found.get(named), body.email)
        pointer = _pointer(found.get(external_key)) if external_key else None
        _refuse_taken_external_id(pointer, body.external_id)
        version = catalog.version_of(found.get(version_key))
        ghost = pointer if pointer is not None and pointer.state == "ghost" else None
        customer_id = ghost.customer_id if ghost else str(uuid_utils.uuid7())
        email = body.email or placeholder(customer_id)
        customer = Customer(
            id=customer_id,
            email=email,
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
            update(
                store.keys.customer(customer_id),
                customer.to_item() | _listing(store.keys, customer),
                condition=absent("created_at"),
            ),
            put_new(store.keys.email(email), {"customer_id": customer_id}),
            *summaries.added(store.keys, customer),
        ]
        if body.external_id:
            writes.append(_lead(store.keys, body.external_id, pointer, customer, {}))
        return customer, [*writes, activity.noted(store, "customer.created", customer_id)]

    return _commit(store, attempt)


def change(store: OrganizationStore, customer_id: str, body: CustomerUpdateBody) -> Customer:
    """Change a customer. Raises `NotFound`, and `Invalid` where something is taken."""

    def attempt() -> tuple[Customer, list[Write]]:
        item = store.get(store.keys.customer(customer_id)) if is_id(customer_id) else None
        before = profile(item)
        if before is None:
            raise NotFound(f"There is no customer {customer_id}.")
        after = _changed(before, body)
        writes: list[Write] = []
        linking: Mapping[str, str] | None = None
        if after.email.casefold() != before.email.casefold():
            email_key = store.keys.email(after.email)
            _refuse_taken_email(store.get(email_key), after.email)
            writes.append(put_new(email_key, {"customer_id": customer_id}))
            writes.append(delete(store.keys.email(before.email)))
        if after.external_id is not None and before.external_id is None:
            pointer = _pointer(store.get(store.keys.external(after.external_id)))
            _refuse_taken_external_id(pointer, after.external_id)
            ghost = pointer is not None and pointer.state == "ghost"
            linking = _next_to_copy(store, before, next_in(item), ghost=ghost)
            writes.append(_lead(store.keys, after.external_id, pointer, after, linking))
            if pointer is not None and ghost:
                after = replace(after, ledger_ids=(*after.ledger_ids, pointer.ledger_id))
                ledger = store.keys.customer(pointer.ledger_id)
                # A reader who meets the ledger among a meter's holders is led to its customer.
                writes.append(update(ledger, {"linked_to": customer_id}))
        writes.append(_replace(store.keys, before, after, next_=linking))
        writes += summaries.changed(store.keys, before, after)
        changed = sorted(body.model_fields_set)
        note = activity.noted(store, "customer.changed", customer_id, changed=changed)
        return after, [*writes, note]

    return _commit(store, attempt)


def put(store: OrganizationStore, external_id: str, body: CustomerPutBody) -> tuple[Customer, bool]:
    """Make the customer with an external id what it is to be; says whether it was created.

    Of many at once, one creates it, and the others find it. Raises `Invalid` where an e-mail
    address is another's.
    """
    for _ in range(MAX_ATTEMPTS):
        with suppress(NotFound):
            customer_id = find_id(store, external_id)
            before = get(store, customer_id)
            after = _changed(before, body)
            if replace(after, modified_at=before.modified_at, rev=before.rev) == before:
                return before, False
            return change(store, customer_id, body), False
        try:
            return create(store, body.to_customer(external_id)), True
        except Invalid:
            with suppress(NotFound):
                find_id(store, external_id)
                continue
            raise
    raise Unavailable("Other calls are changing the customer.")


def remove(store: OrganizationStore, customer_id: str, *, anonymize: bool) -> None:
    """Delete a customer softly: address and external id become free, the ledgers stay."""

    def attempt() -> tuple[Customer, list[Write]]:
        before = get(store, customer_id)
        now = times.now()
        after = replace(before.deleted(now, anonymize=anonymize), rev=before.rev + 1)
        writes = [
            _replace(store.keys, before, after, remove=["next"]),
            delete(store.keys.email(before.email)),
            *summaries.removed(store.keys, before),
        ]
        if before.external_id is not None:
            pointer = _pointer(store.get(store.keys.external(before.external_id)))
            if pointer is None:
                raise Unavailable("The customer is being changed.")
            writes.append(put_pointer(store.keys, before.external_id, pointer.released(now)))
        note = activity.noted(store, "customer.deleted", customer_id, anonymized=anonymize)
        return after, [*writes, note]

    _commit(store, attempt)


def _changed(customer: Customer, body: CustomerUpdateBody) -> Customer:
    given = body.model_fields_set
    if (
        body.external_id is not None
        and customer.external_id is not None
        and body.external_id != customer.external_id
    ):
        raise Invalid.at(
            ("body", "external_id"),
            "A customer's external id can be set only once.",
            body.external_id,
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


def _next_to_copy(
    store: OrganizationStore, customer: Customer, next_: Mapping[str, str], *, ghost: bool
) -> Mapping[str, str]:
    """When lots of a customer that gets an external id expire next, for the pointer to say.

    A call that counts for the ghost by now has not read it, so no boundary may be near: those that
    are due are passed first. Raises `Unavailable` where one comes before such a caller has ended.
    """
    now = times.now()
    passed = due(next_, now)
    for name in passed:
        reckoning.reckon(store, customer.id, name)
    if passed:
        next_ = next_in(store.get(store.keys.customer(customer.id)))
    soon = times.to_text(now + SHORTEST_LIFE)
    if ghost and any(at < soon for at in next_.values()):
        raise Unavailable(
            "Credits of this customer expire within minutes. Link the external id after that.",
            retry_after_seconds=SHORTEST_LIFE_SECONDS,
        )
    return next_


def _replace(
    org_keys: Keys,
    before: Customer,
    after: Customer,
    *,
    next_: Mapping[str, str] | None = None,
    remove: Sequence[str] = (),
) -> Write:
    """Replace a customer's profile; with `next_`, only where lots expire next when it says."""
    conditions = [equals("rev", before.rev)]
    if next_:
        conditions.append(equals("next", next_))
    elif next_ is not None:
        conditions.append(any_of(absent("next"), equals("next", next_)))
    return update(
        org_keys.customer(before.id),
        after.to_item(),
        removed=remove,
        condition=all_of(*conditions),
    )


def _lead(
    org_keys: Keys,
    external_id: str,
    pointer: Pointer | None,
    customer: Customer,
    next_: Mapping[str, str],
) -> Write:
    """Let an external id lead to a customer: to a ghost's ledger if it has one, else its own."""
    if pointer is not None and pointer.state == "ghost":
        return put_pointer(org_keys, external_id, pointer.linked(customer.id, next_))
    return put_pointer(
        org_keys,
        external_id,
        Pointer(
            state="customer",
            customer_id=customer.id,
            ledger_id=customer.id,
            meter_version=customer.meter_version,
            earlier=() if pointer is None else pointer.earlier,
            created_at=customer.created_at,
            next=next_,
            rev=1 if pointer is None else pointer.rev + 1,
        ),
    )


def _listing(org_keys: Keys, customer: Customer) -> dict[str, str]:
    slice_ = keys.directory_slice(customer.id)
    return directory_entry(org_keys.customer_directory(slice_), customer.created_at, customer.id)


def _commit(store: Store, attempt: Callable[[], tuple[Customer, list[Write]]]) -> Customer:
    """Read, decide and write; again where somebody else wrote in between."""
    for _ in range(MAX_ATTEMPTS):
        customer, writes = attempt()
        try:
            store.commit(writes)
        except TransactionCancelled:
            continue
        return customer
    raise Unavailable("Other calls are changing the customer.")


def _pointer(item: Item | None) -> Pointer | None:
    return None if item is None else Pointer.from_item(item)


def _refuse_taken_email(item: Item | None, email: str) -> None:
    if item is not None:
        raise Invalid.at(
            ("body", "email"),
            f"A customer with this email address already exists: its id is {item['customer_id']}.",
            email,
        )


def _refuse_taken_external_id(pointer: Pointer | None, external_id: str | None) -> None:
    if pointer is not None and pointer.state == "customer":
        raise Invalid.at(
            ("body", "external_id"),
            f"A customer with this external ID already exists: its id is {pointer.customer_id}.",
            external_id,
        )
