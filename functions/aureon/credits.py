"""Spends and holds: taking credits only where there are enough.

What is decided, and what is written for it; `aureon.account` sees that it is decided once, from one
snapshot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import uuid_utils

from aureon import catalog, exact, keys, times
from aureon.account import Account, Decision, Snapshot, invalid, unknown
from aureon.domain.credits import DECISIVE, MAX_OPEN_HOLDS, Hold, Standing, Units
from aureon.domain.customers import Pointer
from aureon.domain.events import (
    FINGERPRINT_BYTES,
    MAX_METADATA_KEYS,
    Event,
    Named,
    Place,
    event_id,
)
from aureon.domain.fold import Claim
from aureon.errors import Conflict, NotFound, TooManyHolds
from aureon.exact import EXACT, ZERO
from aureon.store import Store, put_new

if TYPE_CHECKING:
    from aureon.bodies.credits import CaptureBody, HoldBody, SpendBody
    from aureon.plain_credits import PlainCapture, PlainHold, PlainSpend

MAX_HOLD_ID_CHARACTERS: Final = 64
LEAST_UNITS: Final = Decimal("1e-9")
# The batches that single events of these origins are.
SPEND_BATCH: Final = "s-"
HOLD_BATCH: Final = "h-"


@dataclass(frozen=True)
class Spent:
    """A spend that was admitted: its event, and where the customer stands."""

    event_id: str
    standings: Sequence[Standing]


def spend(store: Store, organization_id: str, body: PlainSpend | SpendBody) -> Spent:
    """Count one event where the credits suffice, in one step.

    Raises `InsufficientCredits`, with nothing stored, `Invalid`, and `Conflict` where the external
    id has counted otherwise. `Unavailable` says that the outcome is not known: the request may be
    sent again with the same external id.
    """
    account, event = _charge(store, organization_id, _named(body), body.name, body.metadata)
    event = replace(event, external_id=body.external_id)
    place = _place(account.ledger_id, f"{SPEND_BATCH}{uuid_utils.uuid7()}", event)
    page_key = keys.page(organization_id, account.ledger_id, place.page)
    # Either tells a repeat that it is one: of the caller's request, or of an attempt of our own.
    proof = keys.claim(organization_id, event.external_id) if event.external_id else page_key
    units = _decisive(account)

    def decide(now: Snapshot) -> Decision[Spent]:
        if proof in now.items:
            counted = Claim.from_item(now.items[proof]) if event.external_id else None
            if counted is not None:
                _require_same_spend(counted, event)
            admitted = counted.place if counted is not None else place
            return Decision(Spent(event_id(admitted), now.standings()))
        _require_units(units, least=LEAST_UNITS)
        now.require(units, body.limit)
        writes = [put_new(page_key, account.page(event, "spend"))]
        if event.external_id:
            writes.append(put_new(proof, Claim(place, event.fingerprint()).to_item()))
        return Decision(
            Spent(event_id(place), now.standings(units)),
            [*writes, *now.writes(counting=True)],
        )

    return account.settle(decide, proof)


def place_hold(store: Store, organization_id: str, body: PlainHold | HoldBody) -> Hold:
    """Reserve units under an external id; a repeat finds the hold that there is.

    Raises `InsufficientCredits`, `TooManyHolds`, `Invalid`, and `Conflict` where the external id
    was used for another hold.
    """
    named = _named(body)
    hold_id = _hold_id(organization_id, body.external_id)
    hold_key = keys.hold(organization_id, hold_id)
    outcome_key = keys.hold_outcome(organization_id, hold_id)
    account, event = _charge(store, organization_id, named, body.name, body.metadata)
    units = _decisive(account)
    limit = body.limit.normalize(EXACT)
    content = (event.fingerprint().hex(), limit, body.expires_in_seconds)
    lasting = timedelta(seconds=body.expires_in_seconds)
    hold = Hold(
        id=hold_id,
        external_id=body.external_id,
        customer=named,
        customer_id=account.customer_id,
        ledger_id=account.ledger_id,
        name=body.name,
        metadata=body.metadata,
        units=units,
        limit=body.limit,
        placed_at=event.timestamp,
        expires_at=event.timestamp + lasting,
        fingerprint=hashlib.sha256(exact.write_canonical(content)).digest()[:FINGERPRINT_BYTES],
    )

    def decide(now: Snapshot) -> Decision[Hold]:
        if hold_key in now.items:
            placed = Hold.from_item(now.items[hold_key])
            if placed.fingerprint != hold.fingerprint:
                raise Conflict("This external id was used for another hold.")
            placed = placed.ended(now.items.get(outcome_key))
            return Decision(replace(placed, standings=now.standings()))
        _require_units(units, least=LEAST_UNITS)
        now.require(units, body.limit)
        # Counted from now: looking may have taken longer than a short hold lasts.
        expires_at = now.taken_at + lasting
        holds = {
            meter_id: now.holds[meter_id].with_hold(hold_id, held, expires_at)
            for meter_id, held in units.items()
        }
        if any(len(held.entries) > MAX_OPEN_HOLDS for held in holds.values()):
            raise TooManyHolds(f"A customer has at most {MAX_OPEN_HOLDS} open holds of a meter.")
        placed = replace(hold, placed_at=now.taken_at, expires_at=expires_at)
        return Decision(
            replace(placed, standings=now.standings(holds=holds)),
            [put_new(hold_key, placed.to_item()), *now.writes(holds=holds)],
        )

    return account.settle(decide, hold_key, outcome_key)


def get_hold(store: Store, organization_id: str, hold_id: str) -> Hold:
    """Read a hold and what became of it. Raises `NotFound`."""
    hold_key = keys.hold(organization_id, hold_id)
    outcome_key = keys.hold_outcome(organization_id, hold_id)
    short = len(hold_id) <= MAX_HOLD_ID_CHARACTERS
    found = store.batch_get([hold_key, outcome_key]) if short else {}
    if hold_key not in found:
        raise NotFound("There is no such hold.")
    return Hold.from_item(found[hold_key]).ended(found.get(outcome_key))


def capture(
    store: Store, organization_id: str, hold_id: str, body: PlainCapture | CaptureBody
) -> Hold:
    """Count what was used in the end, and give back the rest.

    What was reserved is admitted in any case while the hold is open; what goes beyond it, or comes
    after it has expired, only where the credits suffice. Raises `NotFound`, `InsufficientCredits`,
    and `Conflict` where the hold was released, or captured with other units.
    """
    hold = get_hold(store, organization_id, hold_id)
    account = _account_of(store, organization_id, hold)
    event = _event(hold.customer, hold.name, _merged(hold.metadata, body.metadata))
    account.matches = account.meters.match(event)
    units = _decisive(account)
    fingerprint = event.fingerprint()
    place = _place(account.ledger_id, f"{HOLD_BATCH}{hold_id}", event)
    outcome_key = keys.hold_outcome(organization_id, hold_id)

    def decide(now: Snapshot) -> Decision[Hold]:
        if outcome_key in now.items:
            outcome = now.items[outcome_key]
            if outcome["state"] != "captured":
                raise Conflict("The hold was released.")
            if bytes(outcome["fingerprint"]) != fingerprint:
                raise Conflict("The hold was captured with other metadata.")
            return Decision(replace(hold.ended(outcome), standings=now.standings()))
        _require_units(units, least=ZERO)
        now.require(units, hold.limit, hold_id=hold_id)
        outcome = {
            "state": "captured",
            "event_id": event_id(place),
            "fingerprint": fingerprint,
            "at": times.to_text(now.taken_at),
        }
        holds = {meter_id: held.without(hold_id) for meter_id, held in now.holds.items()}
        page_key = keys.page(organization_id, account.ledger_id, place.page)
        return Decision(
            replace(hold.ended(outcome), standings=now.standings(units, holds)),
            [
                put_new(outcome_key, outcome),
                put_new(page_key, account.page(event, "hold")),
                *now.writes(counting=True, holds=holds),
            ],
        )

    return account.settle(decide, outcome_key)


def release(store: Store, organization_id: str, hold_id: str) -> Hold:
    """Give back what a hold reserves. Raises `NotFound`, and `Conflict` where it was captured."""
    hold = get_hold(store, organization_id, hold_id)
    account = _account_of(store, organization_id, hold)
    outcome_key = keys.hold_outcome(organization_id, hold_id)

    def decide(now: Snapshot) -> Decision[Hold]:
        if outcome_key in now.items:
            outcome = now.items[outcome_key]
            if outcome["state"] != "released":
                raise Conflict("The hold was captured.")
            return Decision(replace(hold.ended(outcome), standings=now.standings()))
        outcome = {"state": "released", "at": times.to_text(now.taken_at)}
        holds = {meter_id: held.without(hold_id) for meter_id, held in now.holds.items()}
        return Decision(
            replace(hold.ended(outcome), standings=now.standings(holds=holds)),
            [put_new(outcome_key, outcome), *now.writes(holds=holds)],
        )

    return account.settle(decide, outcome_key)


def _charge(
    store: Store, organization_id: str, named: Named, name: str, metadata: Mapping[str, Any]
) -> tuple[Account, Event]:
    """Find the customer, make the event, and match it with the meters as they are now."""
    version_key = keys.meter_version(organization_id)
    pointer_key = keys.external(organization_id, named.id) if named.by_external_id else None
    found = store.batch_get([version_key, *([pointer_key] if pointer_key else [])])
    version = catalog.version_of(found.get(version_key))
    customer_id = ledger_id = named.id
    spread = False
    if pointer_key:
        item = found.get(pointer_key)
        pointer = None if item is None else Pointer.from_item(item)
        if pointer is None or pointer.state != "customer":
            raise unknown(named)
        customer_id, ledger_id, spread = pointer.customer_id, pointer.ledger_id, pointer.spread
        if pointer.meter_version > version:
            # The pointer was read after the version, and its ledger began in between.
            version = catalog.version_of(store.get(version_key))
    meters = catalog.meters_at(store, organization_id, version)
    event = _event(named, name, metadata)
    account = Account(
        store,
        organization_id,
        named,
        customer_id,
        ledger_id,
        meters,
        ledgers=dict.fromkeys([customer_id, ledger_id], spread),
        matches=meters.match(event),
    )
    return account, event


def _account_of(store: Store, organization_id: str, hold: Hold) -> Account:
    """The account that a hold was placed on, with the meters that it reserves units of."""
    version = catalog.version_of(store.get(keys.meter_version(organization_id)))
    meters = catalog.meters_at(store, organization_id, version)
    return Account(
        store,
        organization_id,
        hold.customer,
        hold.customer_id,
        hold.ledger_id,
        meters,
        deciding={
            meter_id: meters.meters[meter_id].generation
            for meter_id in hold.units
            if meter_id in meters.meters
        },
        ledgers=dict.fromkeys([hold.customer_id, hold.ledger_id], False),
    )


def _decisive(account: Account) -> Units:
    """The units that the deciding meters count; the meters join the account's."""
    units = {}
    for match in account.matches:
        if match.function in DECISIVE:
            account.deciding[match.meter_id] = match.generation
            units[match.meter_id] = match.units
    return units


def _require_units(units: Units, *, least: Decimal) -> None:
    """Refuse what no meter counts, and what would give instead of take. Raises `Invalid`."""
    if not units:
        raise invalid("no_meter", "name", "No sum or count meter counts this event.")
    for counted in units.values():
        if counted < least:
            message = "A spend takes a positive number of units; a grant is an event."
            raise invalid("greater_than", "metadata", message, counted)


def _merged(held: Mapping[str, Any], used: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of a hold with what its capture puts in its place. Raises `Invalid`."""
    merged = {**held, **used}
    if len(merged) > MAX_METADATA_KEYS:
        message = f"Metadata has at most {MAX_METADATA_KEYS} keys, the hold's among them."
        raise invalid("too_long", "metadata", message)
    return merged


def _event(named: Named, name: str, metadata: Mapping[str, Any]) -> Event:
    return Event(0, named, name, times.now(), metadata)


def _place(ledger_id: str, batch: str, event: Event) -> Place:
    return Place(ledger_id, keys.PageKey(event.hour, batch, 0, 0), 0)


def _named(body: PlainSpend | SpendBody | PlainHold | HoldBody) -> Named:
    if body.external_customer_id is not None:
        return Named(True, body.external_customer_id)
    return Named(False, body.customer_id or "")


def _hold_id(organization_id: str, external_id: str) -> str:
    """The id of the hold with an external id: the same for each repeat, and no other's."""
    return hashlib.sha256(f"{organization_id}/{external_id}".encode()).hexdigest()[:32]


def _require_same_spend(counted: Claim, event: Event) -> None:
    if not counted.place.page.batch.startswith(SPEND_BATCH):
        raise Conflict("An ingested event has counted under this external id.")
    if counted.fingerprint != event.fingerprint():
        raise Conflict("Another spend was admitted under this external id.")
