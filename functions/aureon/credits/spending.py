"""Spends and holds: taking credits only where there are enough.

What is decided, and what is written for it; `aureon.credits.account` sees that it is decided once,
from one snapshot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import uuid_utils
from msgspec import Struct
from msgspec.structs import replace

from aureon.core import exact, times
from aureon.core.errors import Conflict, Invalid, NotFound, TooManyHolds, Unavailable
from aureon.core.exact import EXACT, MAX_INTEGER_DIGITS
from aureon.core.identifiers import is_id
from aureon.core.metadata import MAX_METADATA_KEYS
from aureon.credits.account import Account, Decision, HoldsOf, Snapshot
from aureon.customers import profiles
from aureon.domain import batches
from aureon.domain.credits import MAX_OPEN_HOLDS, CreditPosition, Drawn, Hold, Holds, Units
from aureon.domain.events import FINGERPRINT_BYTES, CustomerRef, Event, EventLocation, event_id
from aureon.domain.meters import DECISIVE
from aureon.ledger import resolution
from aureon.ledger.committer import PointersTaken
from aureon.ledger.plan import Claim
from aureon.meters import catalog
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore, put_new, put_over

if TYPE_CHECKING:
    from aureon.credits.bodies import CaptureBody, ExtendBody, HoldBody, SpendBody
    from aureon.credits.grant_bodies import GrantBody

MAX_ATTEMPTS: Final = 20

T = TypeVar("T")
Body = TypeVar("Body", "SpendBody", "HoldBody", "GrantBody")


class Spent(Struct, frozen=True):
    """A spend that was admitted: its event, where the customer stands, and which lots it took of.

    What was `drawn` is no longer known where it was admitted before.
    """

    event_id: str
    standings: Sequence[CreditPosition]
    drawn: Sequence[Drawn] | None


def spend(store: OrganizationStore, body: SpendBody) -> Spent:
    """Count one event where the credits suffice, in one step.

    Raises `InsufficientCredits`, with nothing stored, `Invalid`, and `Conflict` where the external
    id has counted otherwise. `Unavailable` says that the outcome is not known: the request may be
    sent again with the same external id.
    """
    return with_its_ledger(_spend, store, body)


def _spend(store: OrganizationStore, body: SpendBody) -> Spent:
    account, event = charge(store, body)
    event = replace(event, external_id=body.external_id)
    place = _place(account.ledger_id, f"{batches.SPEND}{uuid_utils.uuid7()}", event)
    page_key = store.keys.page(account.ledger_id, place.page)
    # Either tells a repeat that it is one: of the caller's request, or of an attempt of our own.
    proof = store.keys.claim(event.external_id) if event.external_id else page_key
    units = _units(account, body.meter_id)

    def decide(now: Snapshot) -> Decision[Spent]:
        decided = _decided(now, account, units, body.meter_id)
        if proof in now.items:
            counted = Claim.from_item(now.items[proof]) if event.external_id else None
            if counted is not None:
                _require_same_spend(counted, event)
                require_its_ledger(account.ledgers, counted.place.ledger_id)
            admitted = counted.place if counted is not None else place
            return Decision(Spent(event_id(admitted), now.standings(decided), None))
        _require_units(account, decided, body.meter_id)
        now.require(_only(units, decided), body.limit)
        drawn = now.drawn(units)
        writes = [put_new(page_key, account.page(event, "spend", drawn))]
        if event.external_id:
            writes.append(put_new(proof, Claim(place, event.fingerprint()).to_item()))
        return Decision(
            Spent(event_id(place), now.standings(decided, units), drawn),
            [*writes, *now.writes(counting=True)],
        )

    return account.decide_and_commit(decide, proof)


def place_hold(store: OrganizationStore, body: HoldBody) -> Hold:
    """Reserve units under an external id; a repeat finds the hold that there is.

    Raises `InsufficientCredits`, `TooManyHolds`, `Invalid`, and `Conflict` where the external id
    was used for another hold.
    """
    return with_its_ledger(_place_hold, store, body)


def _place_hold(store: OrganizationStore, body: HoldBody) -> Hold:
    hold_id = _hold_id(store.organization_id, body.external_id)
    hold_key = store.keys.hold(hold_id)
    outcome_key = store.keys.hold_outcome(hold_id)
    account, event = charge(store, body)
    units = _units(account, body.meter_id)
    limit = body.limit.normalize(EXACT)
    content = [event.fingerprint().hex(), limit, body.expires_in_seconds]
    if body.meter_id is not None:
        content.append(body.meter_id)
    fingerprint = hashlib.sha256(exact.write_canonical(content)).digest()[:FINGERPRINT_BYTES]
    lasting = timedelta(seconds=body.expires_in_seconds)

    def decide(now: Snapshot) -> Decision[Hold]:
        decided = _decided(now, account, units, body.meter_id)
        if hold_key in now.items:
            placed = Hold.from_item(now.items[hold_key])
            if placed.fingerprint != fingerprint:
                raise Conflict("This external id was used for another hold.")
            require_its_ledger(account.ledgers, placed.ledger_id)
            placed = placed.ended(now.items.get(outcome_key))
            return Decision(replace(placed, standings=now.standings(decided)))
        _require_units(account, decided, body.meter_id)
        reserved = _only(units, decided)
        now.require(reserved, body.limit)
        # Counted from now: looking may have taken longer than a short hold lasts.
        expires_at = now.taken_at + lasting
        holds = now.with_hold(hold_id, reserved, expires_at)
        _require_few(holds)
        placed = Hold(
            id=hold_id,
            external_id=body.external_id,
            customer=body.customer,
            customer_id=account.customer_id,
            ledger_id=account.ledger_id,
            name=body.name,
            metadata=body.metadata,
            units=reserved,
            limit=body.limit,
            placed_at=now.taken_at,
            expires_at=expires_at,
            fingerprint=fingerprint,
            meter_id=body.meter_id,
            of_ghost=account.of_ghost,
            standings=now.standings(decided, holds=holds),
        )
        item = placed.to_item() | _listing(account, placed)
        return Decision(placed, [put_new(hold_key, item), *now.writes(holds=holds)])

    return account.decide_and_commit(decide, hold_key, outcome_key)


def get_hold(store: OrganizationStore, hold_id: str) -> Hold:
    """Read a hold and what became of it. Raises `NotFound`."""
    return _read_hold(store, hold_id)[0]


def open_holds(
    store: OrganizationStore, customer_id: str, *, meter_ids: Collection[str] = ()
) -> list[Hold]:
    """A customer's open holds, of these meters, newest first. Raises `NotFound`.

    Strongly consistent, ledgers that were linked to the customer included.
    """
    customer = profiles.get(store, customer_id)
    listed: set[str] = set()
    now = times.now()
    for owner in dict.fromkeys([customer.id, *customer.ledger_ids]):
        for item in store.query(store.keys.customer(owner).pk, prefix=keys.HOLDS_PREFIX):
            if not meter_ids or item[keys.SORT].removeprefix(keys.HOLDS_PREFIX) in meter_ids:
                listed |= Holds.from_item(item).open_at(now).entries.keys()
    found = store.batch_get(
        [key(hold_id) for hold_id in listed for key in (store.keys.hold, store.keys.hold_outcome)]
    )
    holds = [
        Hold.from_item(found[store.keys.hold(hold_id)]).ended(
            found.get(store.keys.hold_outcome(hold_id))
        )
        for hold_id in listed
        if store.keys.hold(hold_id) in found
    ]
    still = [hold for hold in holds if hold.state == "open"]
    return sorted(still, key=lambda hold: (hold.placed_at, hold.id), reverse=True)


def capture(store: OrganizationStore, hold_id: str, body: CaptureBody) -> Hold:
    """Count what was used in the end, and give back the rest.

    What was reserved is admitted in any case while the hold is open; what goes beyond it, or comes
    after it has expired, only where the credits suffice, up to the limit of the capture or else of
    the hold. Raises `NotFound`, `InsufficientCredits`, and `Conflict` where the hold was released,
    or captured with other units.
    """
    hold, account = _hold_and_account(store, hold_id)
    placed = account.meters.match(_event(hold.customer, hold.name, hold.metadata))
    event = _event(hold.customer, hold.name, _merged(hold.metadata, body.metadata))
    account.match(event)
    units = _units(account, hold.meter_id)
    known = {match.meter_id for match in placed}
    fingerprint = event.fingerprint()
    place = _place(account.ledger_id, f"{batches.HOLD}{hold_id}", event)
    outcome_key = store.keys.hold_outcome(hold_id)
    limit = hold.limit if body.limit is None else body.limit

    def decide(now: Snapshot) -> Decision[Hold]:
        decided = _decided(now, account, units, hold.meter_id, hold=hold, known=known)
        if outcome_key in now.items:
            outcome = now.items[outcome_key]
            if outcome["state"] != "captured":
                raise Conflict("The hold was released.")
            if bytes(outcome["fingerprint"]) != fingerprint:
                raise Conflict("The hold was captured with other metadata.")
            return Decision(replace(hold.ended(outcome), standings=now.standings(decided)))
        _require_units(account, decided, hold.meter_id)
        now.require(_only(units, decided), limit, hold_id=hold_id)
        outcome = {
            "state": "captured",
            "event_id": event_id(place),
            "fingerprint": fingerprint,
            "at": times.to_text(now.taken_at),
        }
        holds = now.without_hold(hold_id)
        page_key = store.keys.page(account.ledger_id, place.page)
        drawn = now.drawn(units)
        return Decision(
            replace(
                hold.ended(outcome),
                standings=now.standings(decided, units, holds),
                drawn=drawn,
            ),
            [
                put_new(outcome_key, outcome),
                put_new(page_key, account.page(event, "hold", drawn)),
                *now.writes(counting=True, holds=holds),
            ],
        )

    return account.decide_and_commit(decide, outcome_key)


def extend(store: OrganizationStore, hold_id: str, body: ExtendBody) -> Hold:
    """Let a hold last longer, counted from when it was placed; it is never made shorter.

    A hold that has expired is placed anew where the credits suffice, as its capture would be
    admitted. Raises `NotFound`, `InsufficientCredits`, `TooManyHolds`, and `Conflict` where the
    hold was captured or released.
    """
    hold, account = _hold_and_account(store, hold_id)
    hold_key = store.keys.hold(hold_id)
    outcome_key = store.keys.hold_outcome(hold_id)
    expires_at = hold.placed_at + timedelta(seconds=body.expires_in_seconds)

    def decide(now: Snapshot) -> Decision[Hold]:
        if outcome_key in now.items:
            raise Conflict(f"The hold was {now.items[outcome_key]['state']}.")
        found = Hold.from_item(now.items[hold_key])
        if expires_at <= max(found.expires_at, now.taken_at):
            return Decision(
                replace(found, standings=now.standings(hold.units)), account.raised(now)
            )
        now.require(hold.units, hold.limit, hold_id=hold_id)
        holds = now.with_hold(hold_id, hold.units, expires_at)
        _require_few(holds)
        extended = replace(found, expires_at=expires_at, state="open")
        return Decision(
            replace(extended, standings=now.standings(hold.units, holds=holds)),
            [
                put_over(hold_key, extended.to_item() | _listing(account, extended)),
                *now.writes(holds=holds),
            ],
        )

    return account.decide_and_commit(decide, hold_key, outcome_key)


def release(store: OrganizationStore, hold_id: str) -> Hold:
    """Give back what a hold reserves. Raises `NotFound`, and `Conflict` where it was captured."""
    hold, account = _hold_and_account(store, hold_id)
    outcome_key = store.keys.hold_outcome(hold_id)

    def decide(now: Snapshot) -> Decision[Hold]:
        if outcome_key in now.items:
            outcome = now.items[outcome_key]
            if outcome["state"] != "released":
                raise Conflict("The hold was captured.")
            return Decision(replace(hold.ended(outcome), standings=now.standings(hold.units)))
        outcome = {"state": "released", "at": times.to_text(now.taken_at)}
        holds = now.without_hold(hold_id)
        return Decision(
            replace(hold.ended(outcome), standings=now.standings(hold.units, holds=holds)),
            [put_new(outcome_key, outcome), *now.writes(holds=holds)],
        )

    return account.decide_and_commit(decide, outcome_key)


def with_its_ledger(
    act: Callable[[OrganizationStore, Body], T], store: OrganizationStore, body: Body
) -> T:
    """Charge; anew where an external id that led nowhere was given a ledger meanwhile."""
    for _ in range(MAX_ATTEMPTS):
        with suppress(PointersTaken):
            return act(store, body)
    raise Unavailable("Too many other calls write to the same customer.")


def charge(
    store: OrganizationStore, body: SpendBody | HoldBody | GrantBody
) -> tuple[Account, Event]:
    """Find the customer, make the event, and match it with the meters as they are now.

    An external id that leads nowhere gets a new ledger, where what is charged is admitted.
    """
    named = body.customer
    version_key = store.keys.meter_version()
    pointer_key = store.keys.external(named.id) if named.by_external_id else None
    found = store.batch_get([version_key, *([pointer_key] if pointer_key else [])])
    version = catalog.version_of(found.get(version_key))
    customer_id = ledger_id = named.id
    began_with = 0
    spread = False
    pointer = None
    if pointer_key:
        ledger = resolution.of_external_id(found.get(pointer_key), version)
        ledger_id, spread, pointer = ledger.id, ledger.spread, ledger.pointer
        customer_id = pointer.customer_id if pointer else found[pointer_key]["customer_id"]
        began_with = ledger.meter_version
        if began_with > version:
            # The pointer was read after the version, and its ledger began in between.
            version = catalog.version_of(store.get(version_key))
    meters = catalog.meters_at(store, version)
    event = _event(named, body.name, body.metadata)
    account = Account(
        store,
        named,
        customer_id,
        ledger_id,
        meters,
        meter_version=began_with,
        pointer=pointer,
        ledgers=dict.fromkeys([customer_id, ledger_id], spread),
    )
    account.match(event)
    return account, event


def _read_hold(
    store: OrganizationStore, hold_id: str, *also: keys.Key
) -> tuple[Hold, Mapping[keys.Key, Item]]:
    """A hold and what became of it, with other items. Raises `NotFound`."""
    hold_key = store.keys.hold(hold_id)
    outcome_key = store.keys.hold_outcome(hold_id)
    found = store.batch_get([hold_key, outcome_key, *also]) if is_id(hold_id) else {}
    if hold_key not in found:
        raise NotFound("There is no such hold.")
    return Hold.from_item(found[hold_key]).ended(found.get(outcome_key)), found


def _hold_and_account(store: OrganizationStore, hold_id: str) -> tuple[Hold, Account]:
    """A hold, and the account that it was placed on, with the meters that it reserves units of."""
    version_key = store.keys.meter_version()
    hold, found = _read_hold(store, hold_id, version_key)
    meters = catalog.meters_at(store, catalog.version_of(found.get(version_key)))
    if not hold.units.keys() <= meters.meters.keys():
        # The hold was read after the version, and a meter of it is younger.
        meters = catalog.meters_at(store, catalog.version_of(store.get(version_key)))
    return hold, Account(
        store,
        hold.customer,
        hold.customer_id,
        hold.ledger_id,
        meters,
        candidates={
            meter_id: meters.meters[meter_id].generation
            for meter_id in hold.units
            if meter_id in meters.meters
        },
        ledgers=dict.fromkeys([hold.customer_id, hold.ledger_id], False),
    )


def _units(account: Account, named: str | None) -> Units:
    """The units that the event has for the meters that may decide, which join the account's.

    These are the sum and count meters that count it, but for those that are never to limit a
    spend; where one is named, that one alone. A meter that would count it, were a property a
    number, may decide too: then what is asked for can't be known.
    """
    units = {
        match.meter_id: match.units
        for match in account.matches
        if _may_decide(account, match.meter_id, named)
    }
    for meter_id in (*units, *(one.meter_id for one in account.uncounted)):
        if _may_decide(account, meter_id, named):
            account.candidates[meter_id] = account.meters.meters[meter_id].generation
    return units


def _may_decide(account: Account, meter_id: str, named: str | None) -> bool:
    meter = account.meters.meters[meter_id]
    if meter.aggregation.func not in DECISIVE:
        return False
    return meter.limits_spending != "never" if named is None else meter_id == named


def _decided(
    now: Snapshot,
    account: Account,
    units: Units,
    named: str | None,
    *,
    hold: Hold | None = None,
    known: Collection[str] = (),
) -> set[str]:
    """The meters that decide: one that was named, or those on which credits were given.

    A capture is decided by the meters that its hold reserves units of, and by those besides that
    its own metadata bring in; `known` are those that counted what was held.
    """
    asked = units.keys() | {
        one.meter_id for one in account.uncounted if one.meter_id in account.candidates
    }
    if named is not None:
        return {named} & asked
    reserved = set() if hold is None else hold.units.keys() & asked
    limiting = now.deciding(asked)
    return reserved | (limiting - set(known)) if reserved else limiting


def _listing(account: Account, hold: Hold) -> dict[str, str]:
    """Lists a hold by its expiry, where a meter has thresholds: a balance recovers by it."""
    known = account.meters.meters
    watched = any(known[meter_id].watched for meter_id in hold.units if meter_id in known)
    return hold.listing() if watched else {}


def _require_few(holds: Mapping[HoldsOf, Holds]) -> None:
    """Refuse more open holds of a meter than there may be. Raises `TooManyHolds`."""
    if any(len(held.entries) > MAX_OPEN_HOLDS for held in holds.values()):
        raise TooManyHolds(f"A customer has at most {MAX_OPEN_HOLDS} open holds of a meter.")


def require_its_ledger(ledgers: Collection[str], ledger_id: str) -> None:
    """Refuse what was done, under the same id, to a customer who is another one by now.

    An external id may lead to a new customer once its customer is deleted. Raises `Conflict`.
    """
    if ledger_id not in ledgers:
        raise Conflict("This external id was used for a customer who was deleted since.")


def _only(units: Units, decided: Collection[str]) -> Units:
    return {meter_id: counted for meter_id, counted in units.items() if meter_id in decided}


def _require_units(account: Account, decided: Collection[str], named: str | None) -> None:
    """Refuse what no meter counts, and what would give instead of take. Raises `Invalid`."""
    for one in account.uncounted:
        if one.reason == "range" or one.meter_id in decided:
            where = ("body", "metadata", one.property.removeprefix("metadata."))
            message = f"Meter {one.meter_id} counts a number of at most {MAX_INTEGER_DIGITS} digits"
            raise Invalid.at(where, f"{message} before the point.", kind="number_type")
    if not decided and named is not None:
        message = "No sum or count meter with this id counts this event."
        raise Invalid.at(("body", "meter_id"), message, named, kind="no_meter")
    if not decided:
        message = "No sum or count meter that may limit spending counts this event."
        raise Invalid.at(("body", "name"), message, kind="no_meter")
    for match in account.matches:
        if match.grants:
            message = "A spend takes units, or none; a grant is an event."
            raise Invalid.at(("body", "metadata"), message, match.units, kind="greater_than_equal")


def _merged(held: Mapping[str, Any], used: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of a hold with what its capture puts in its place. Raises `Invalid`."""
    merged = {**held, **used}
    if len(merged) > MAX_METADATA_KEYS:
        message = f"Metadata has at most {MAX_METADATA_KEYS} keys, the hold's among them."
        raise Invalid.at(("body", "metadata"), message, kind="too_long")
    return merged


def _event(named: CustomerRef, name: str, metadata: Mapping[str, Any]) -> Event:
    return Event(0, named, name, times.now(), metadata)


def _place(ledger_id: str, batch: str, event: Event) -> EventLocation:
    return EventLocation(ledger_id, keys.PageKey(event.hour, batch, 0, 0), 0)


def _hold_id(organization_id: str, external_id: str) -> str:
    """The id of the hold with an external id: the same for each repeat, and no other's."""
    return hashlib.sha256(f"{organization_id}/{external_id}".encode()).hexdigest()[:32]


def _require_same_spend(counted: Claim, event: Event) -> None:
    if not counted.place.page.batch.startswith(batches.SPEND):
        raise Conflict("An ingested event has counted under this external id.")
    if counted.fingerprint != event.fingerprint():
        raise Conflict("Another spend was admitted under this external id.")
