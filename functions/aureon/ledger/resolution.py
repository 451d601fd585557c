"""Resolution: which ledger counts the events of a customer, as an event names it."""

from __future__ import annotations

import uuid_utils

from aureon.core import times
from aureon.core.errors import Problem
from aureon.domain.customers import Ledger, Pointer, next_in, profile
from aureon.domain.events import CustomerRef, Event
from aureon.storage import keys
from aureon.storage.keys import Keys
from aureon.storage.store import Item


def key(org_keys: Keys, name: CustomerRef) -> keys.Key:
    """The item that tells: an external id's pointer, or the customer itself."""
    if name.by_external_id:
        return org_keys.external(name.id)
    return org_keys.customer(name.id)


def ledger(
    name: CustomerRef, item: Item | None, version: int, *, deleted_too: bool = False
) -> Ledger | None:
    """The ledger of a name, given the item that tells; None where there is no such customer.

    An external id always has one: a new one, for the ghost that it becomes, where it leads
    nowhere. `version` is the version of the meters, which a new ledger begins with.
    """
    if name.by_external_id:
        return of_external_id(item, version)
    if item is None or "created_at" not in item or not (deleted_too or profile(item)):
        return None
    return Ledger(
        item["id"], int(item["meter_version"]), item.get("spread", False), next=next_in(item)
    )


def unknown(event: Event) -> Problem:
    """What to answer where an event's customer does not exist."""
    return Problem(
        "value_error",
        ("body", "events", event.position, "customer_id"),
        "Customer does not exist.",
        event.customer.id,
    )


def of_external_id(item: Item | None, version: int) -> Ledger:
    """The ledger that an external id's pointer leads to; a new one where it leads nowhere."""
    pointer = None if item is None else Pointer.from_item(item)
    if pointer is not None and pointer.state != "released":
        return Ledger(
            pointer.ledger_id,
            pointer.meter_version,
            pointer.spread,
            earlier=pointer.earlier,
            next=pointer.next,
        )
    ghost_id = str(uuid_utils.uuid7())
    ghost = Pointer(
        state="ghost",
        customer_id=ghost_id,
        ledger_id=ghost_id,
        meter_version=version,
        earlier=() if pointer is None else pointer.earlier,
        created_at=times.now(),
        rev=1 if pointer is None else pointer.rev + 1,
    )
    return Ledger(ghost_id, version, pointer=ghost, earlier=ghost.earlier, next={})
