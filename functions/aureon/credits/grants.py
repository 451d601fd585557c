"""Grants: credits given, with terms or without, looked at, and taken back.

A grant without terms is a negative event. One with terms makes a lot of one sum meter's credits,
which may expire, be burned before others, come back and roll over.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

import uuid_utils
from msgspec import Struct
from msgspec.structs import replace

from aureon.access import activity
from aureon.core import exact, times
from aureon.core.errors import Conflict, Incomplete, Invalid, NotFound, Unavailable
from aureon.core.exact import EXACT, ZERO
from aureon.credits.account import (
    Account,
    Decision,
    Snapshot,
    commit_decision,
    unknown,
)
from aureon.credits.spending import charge, require_its_ledger, with_its_ledger
from aureon.domain import batches
from aureon.domain.balances import LIMIT, Delta
from aureon.domain.credits import CreditPosition
from aureon.domain.customers import due
from aureon.domain.events import (
    FINGERPRINT_BYTES,
    SYSTEM,
    Event,
    EventLocation,
    Terms,
    event_id,
    parse_event_id,
)
from aureon.domain.lots import (
    CREDITED,
    DEFAULT_PRIORITY,
    MAX_OPEN_LOTS,
    ROLLED_OVER,
    SHORTEST_LIFE,
    SHORTEST_LIFE_SECONDS,
    Change,
    History,
    Life,
    Lot,
    Rollover,
    grant_id,
    place_of,
)
from aureon.domain.meters import Match, MeterSet
from aureon.domain.pages import Page
from aureon.domain.recurrences import Recurrence
from aureon.ledger import reckoning
from aureon.ledger.plan import Claim
from aureon.ledger.reckoning import VOIDED, LotSnapshot
from aureon.meters import backfills, catalog
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore, Write, put_new

if TYPE_CHECKING:
    from aureon.credits.grant_bodies import CreditBody, GrantBody

# The index that lists grants follows the table by a moment, and is asked again for so long.
MAX_LOOKS: Final = 10
LOOK_PAUSE_SECONDS: Final = 0.05
MAX_GRANT_ID_CHARACTERS: Final = 1_300
FOR_GOOD: Final = "for_good"

Status = Literal["active", "used_up", "expired", "voided", "for_good"]
STATUSES: Final[tuple[Status, ...]] = ("active", "used_up", "expired", "voided")


class Grant(Struct, frozen=True):
    """A grant, and what has become of it, in units.

    One without terms is there `for_good`: what was used of it, nobody can tell. `standings` say
    where the customer stands after it was made, or taken back.
    """

    id: str
    customer_id: str
    meter_id: str
    status: Status
    units: Decimal
    name: str
    created_at: datetime
    life: Life | None = None
    metadata: Mapping[str, Any] | None = None
    external_id: str | None = None
    note: str | None = None
    before: str | None = None
    standings: Sequence[CreditPosition] = ()


class ExternalIdTaken(Conflict):
    """Something else has counted under the grant's external id."""


def grant(store: OrganizationStore, body: GrantBody) -> Grant:
    """Give credits, once under an external id.

    Raises `Invalid` where no sum meter counts them, `Conflict` where the external id was used for
    something else, or the meter takes no terms, and `Incomplete` where it is counting the past.
    """
    return with_its_ledger(_grant, store, body)


def _grant(store: OrganizationStore, body: GrantBody) -> Grant:
    account, sent = charge(store, body)
    event = replace(sent, external_id=body.external_id)
    if body.meter_id is not None:
        _require_taking_terms(account.meters, body.meter_id)
    # What comes back may begin with nothing, as where this period's was used before.
    later = body.recurrence is not None and body.recurrence.units is not None
    event, matches = _negated(account.meters, event, or_nothing=later)
    if not body.has_terms:
        return _grant_for_good(account, event, matches, body)
    if body.meter_id is not None:
        matches = [match for match in matches if match.meter_id == body.meter_id]
    if not matches:
        raise Invalid.at(("body", "name"), "No sum meter counts this event.", kind="no_meter")
    if len(matches) > 1:
        message = "Several sum meters count this event; name one."
        raise Invalid.at(("body", "meter_id"), message, kind="several_meters")
    _require_taking_terms(account.meters, matches[0].meter_id)
    return _grant_lot(account, event, matches[0], body)


def credit(store: OrganizationStore, body: CreditBody) -> str:
    """Give a meter's units, which never expire, as Polar's clients do; returns the event's id.

    The event counts for this meter alone. Raises `Invalid`, `Incomplete`, and `Conflict` where the
    external id was used for something else.
    """
    meter_id = body.meter_id
    if body.external_meter_id is not None:
        found = catalog.ids_of(store, [body.external_meter_id])
        if not found:
            raise Invalid.at(
                ("body", "external_meter_id"),
                "There is no such meter.",
                body.external_meter_id,
                kind="no_meter",
            )
        (meter_id,) = found
    try:
        return with_its_ledger(_credit, store, body.to_grant(meter_id or "")).id
    except ExternalIdTaken as taken:
        raise Conflict(str(taken), error="CustomerMeterCreditExternalIDConflict") from taken
    except Conflict as refused:
        # Their clients know no other conflict here.
        raise Invalid.at(("body", "meter_id"), str(refused), meter_id) from refused


def _credit(store: OrganizationStore, body: GrantBody) -> Grant:
    account, sent = charge(store, body)
    meter_id = body.meter_id or ""
    _require_taking_terms(account.meters, meter_id)
    units = Decimal(body.metadata["units"])
    generation = account.meters.meters[meter_id].generation
    event = replace(sent, external_id=body.external_id, source=SYSTEM)
    return _grant_lot(account, event, Match(meter_id, generation, "sum", -units), body)


def _grant_for_good(
    account: Account, event: Event, matches: Sequence[Match], body: GrantBody
) -> Grant:
    """Count a plain negative event."""
    account.match(event)
    account.candidates = {match.meter_id: match.generation for match in matches}
    place = _place(account.ledger_id, event, str(uuid_utils.uuid7()))
    page_key = account.store.keys.page(account.ledger_id, place.page)
    proof = account.store.keys.claim(event.external_id) if event.external_id else page_key
    first = matches[0]

    def decide(now: Snapshot) -> Decision[Grant]:
        at = _counted_before(now.items, proof, event, event.fingerprint())
        if at is not None:
            require_its_ledger(account.ledgers, at.ledger_id)
        made = Grant(
            id=event_id(at or place),
            customer_id=account.customer_id,
            meter_id=first.meter_id,
            status=FOR_GOOD,
            units=EXACT.minus(first.units),
            name=event.name,
            created_at=event.timestamp,
            metadata=body.metadata,
            external_id=event.external_id,
            note=body.note,
            standings=now.standings(
                used={} if at else {match.meter_id: match.units for match in matches}
            ),
        )
        if proof in now.items:
            return Decision(made)
        page = account.page(event, "grant")
        if body.note is not None:
            page["note"] = body.note
        writes = [put_new(page_key, page)]
        if event.external_id:
            writes.append(put_new(proof, Claim(place, event.fingerprint()).to_item()))
        return Decision(made, [*writes, *now.writes(counting=True)])

    note = activity.noted(
        account.store,
        "grant.created",
        event_id(place),
        customer_id=account.customer_id,
        meter_id=first.meter_id,
        units=EXACT.minus(first.units),
        note=body.note,
    )
    return account.decide_and_commit(decide, proof, note=note)


def _grant_lot(account: Account, event: Event, match: Match, body: GrantBody) -> Grant:
    """Give credits with terms: a change of the customer's lots."""
    store = account.store
    fingerprint = _fingerprint(event, body)
    lot_id = str(uuid_utils.uuid7())
    place = _place(account.customer_id, event, lot_id)
    page_key = store.keys.page(account.customer_id, place.page)
    proof = store.keys.claim(event.external_id) if event.external_id else page_key
    units = EXACT.minus(match.units)

    def decide() -> Decision[Grant | EventLocation]:
        try:
            found = _look(store, account.customer_id, match.meter_id, match.generation, proof)
        except NotFound:
            raise unknown(account.customer) from None
        at = _counted_before(found.items, proof, event, fingerprint)
        if at is not None:
            require_its_ledger(found.ledgers, at.ledger_id)
        if proof in found.items:
            return Decision(at or place)
        _require_room(found, units)
        lot = _lot(lot_id, event, units, body, times.now())
        change = found.change(granted=lot)
        terms = Terms(match.meter_id, match.generation, match.units)
        delta = Delta()
        reckoning.add_terms(found, delta, replace(event, terms=terms))
        page = found.page(
            change,
            place.page,
            [(0, replace(event, terms=terms))],
            "grant",
            named=account.customer,
            also={"note": body.note, "sent": exact.to_stored(body.metadata)},
        )
        writes = [page]
        if event.external_id:
            writes.append(put_new(proof, Claim(place, fingerprint).to_item()))
        lots = change.apply(change.burn(found.stored))
        new = lots.get(lot_id) or lot
        made = Grant(
            id=event_id(place),
            customer_id=account.customer_id,
            meter_id=match.meter_id,
            status="active" if new.remaining else "used_up",
            units=units,
            name=event.name,
            created_at=event.timestamp,
            life=Life(new, repaid=EXACT.subtract(units, new.remaining)),
            metadata=body.metadata,
            external_id=event.external_id,
            note=body.note,
            standings=[
                CreditPosition(
                    match.meter_id,
                    EXACT.add(found.total, match.units),
                    found.holds.open_at(times.now()).units(),
                )
            ],
        )
        return Decision(made, [*writes, *found.writes(lots, delta)])

    note = activity.noted(
        store,
        "grant.created",
        event_id(place),
        customer_id=account.customer_id,
        meter_id=match.meter_id,
        units=units,
        note=body.note,
    )
    made = commit_decision(store, decide, note)
    return made if isinstance(made, Grant) else get(store, event_id(made))


def _look(
    store: OrganizationStore,
    customer_id: str,
    meter_id: str,
    generation: int,
    *proofs: keys.Key,
) -> LotSnapshot:
    """A customer's lots, of which none is due. Raises `NotFound`."""
    while True:
        found = reckoning.look(store, customer_id, meter_id, generation, *proofs)
        if found is None:
            raise NotFound(f"There is no customer {customer_id}.")
        if found.name not in due(found.next, times.now()):
            return found
        reckoning.reckon(store, customer_id, found.name)


def _require_room(found: LotSnapshot, units: Decimal) -> None:
    """Refuse a lot that would not do. Raises `Conflict`, `Incomplete` and `Invalid`."""
    meter = found.meter()
    if meter is None:
        raise Conflict("The meter was archived, or changed, a moment ago.")
    for ledger_id in found.is_incomplete(meter):
        backfills.request_ledger(found.store.organization_id, meter, ledger_id)
        raise Incomplete(meter.id)
    # What recurs and rolls over is two lots for a period.
    count = sum(2 if lot.recurrence and lot.rollover else 1 for lot in found.lots.trimmed().open)
    if count >= MAX_OPEN_LOTS:
        raise Conflict(f"A customer has at most {MAX_OPEN_LOTS} open grants with terms of a meter.")
    if EXACT.subtract(found.total, units) <= -LIMIT:
        raise Invalid.at(
            ("body", "metadata"), "The balance would leave its range.", kind="value_error"
        )


def _lot(lot_id: str, event: Event, units: Decimal, body: GrantBody, now: datetime) -> Lot:
    """The lot that a grant makes now. Raises `Invalid` where it would live too short a time."""
    expires_at = body.expires_at
    if body.expires_in_seconds is not None:
        expires_at = now + timedelta(seconds=body.expires_in_seconds)
    recurrence = None
    if body.recurrence is not None:
        recurrence = Recurrence(
            every=body.recurrence.every,
            timezone=body.recurrence.timezone,
            anchor=body.recurrence.local_anchor(event.timestamp),
            left=None if body.recurrence.count is None else body.recurrence.count - 1,
            units=body.recurrence.units,
        )
        expires_at = recurrence.after(now + SHORTEST_LIFE)
    if expires_at is not None and expires_at < now + SHORTEST_LIFE:
        message = f"Credits live at least {SHORTEST_LIFE_SECONDS // 60} minutes."
        raise Invalid.at(
            ("body", "expires_at"), message, times.to_text(expires_at), kind="too_soon"
        )
    rollover = None
    if body.rollover is not None:
        seconds = body.rollover.expires_in_seconds
        lasting = None if seconds is None else timedelta(seconds=seconds)
        rollover = Rollover(body.rollover.max_units, lasting)
    return Lot(
        id=lot_id,
        units=units,
        remaining=units,
        priority=DEFAULT_PRIORITY if body.priority is None else body.priority,
        granted_at=event.timestamp,
        expires_at=expires_at,
        recurrence=recurrence,
        rollover=rollover,
        name=event.name,
    )


# Looking at grants.


class _Logged(Struct, frozen=True):
    """A page of terms, and the change that it tells."""

    change: Change
    item: Item


class Lots(Struct, frozen=True):
    """A customer's grants with terms of one meter, as they are at one instant."""

    snapshot: LotSnapshot
    history: History
    logged: Mapping[str, _Logged]

    def grants(self) -> Iterator[Grant]:
        for life in self.history.lives.values():
            yield self.grant(life)

    def grant(self, life: Life, standings: Sequence[CreditPosition] = ()) -> Grant:
        customer_id = self.snapshot.customer.id
        lot = life.lot
        made = self.logged.get(lot.root)
        before = self.history.lives.get(life.before or "")
        events = () if made is None else Page.from_item(made.item).events
        return Grant(
            id=grant_id(customer_id, lot),
            customer_id=customer_id,
            meter_id=self.snapshot.meter_id,
            status=_status(life),
            units=lot.units,
            name=lot.name,
            created_at=lot.granted_at,
            life=life,
            metadata=None if made is None else exact.from_stored(made.item["sent"]),
            external_id=events[0].external_id if events and lot.id == lot.root else None,
            note=None if made is None else made.item.get("note"),
            before=None if before is None else grant_id(customer_id, before.lot),
            standings=standings,
        )

    def standing(self) -> CreditPosition:
        """Where the customer stands, with what is due passed."""
        now = times.now()
        passed = self.snapshot.passed(now)
        held = self.snapshot.holds.open_at(now).units()
        return CreditPosition(self.snapshot.meter_id, passed.total, held)


def get(store: OrganizationStore, id_: str) -> Grant:
    """Read a grant with terms, and where its customer stands. Raises `NotFound`."""
    customer_id, meter_id, generation, lot_id = _find(store, id_)
    lots = read(store, customer_id, meter_id, generation)
    if lot_id not in lots.history.lives:
        raise _no_grant()
    return lots.grant(lots.history.lives[lot_id], [lots.standing()])


def find(
    store: OrganizationStore,
    customer_id: str,
    *,
    meter_ids: Sequence[str] = (),
    statuses: Sequence[str] = (),
) -> list[Grant]:
    """A customer's grants with terms, of these meters and with one of these states, newest first.

    Raises `NotFound`.
    """
    pages = _pages(store, customer_id)
    about = {(meter_id, int(generation)) for meter_id, generation in map(_about, pages)}
    about |= {keys.parse_next(name) for name in _open(store, customer_id)}
    found = [
        grant
        for meter_id, generation in sorted(about)
        if not meter_ids or meter_id in meter_ids
        for grant in read(store, customer_id, meter_id, generation).grants()
        if not statuses or grant.status in statuses
    ]
    return sorted(found, key=lambda grant: (grant.created_at, grant.id), reverse=True)


def read(store: OrganizationStore, customer_id: str, meter_id: str, generation: int) -> Lots:
    """Read a customer's grants of a meter, from the log and one snapshot. Raises `NotFound`."""
    snapshot = look(store, customer_id, meter_id, generation)
    return _of_snapshot(snapshot, times.now())


def look(store: OrganizationStore, customer_id: str, meter_id: str, generation: int) -> LotSnapshot:
    """A customer's lots of a meter at one instant. Raises `NotFound`."""
    found = reckoning.read(store, customer_id, meter_id, generation)
    if found is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return found


def _of_snapshot(snapshot: LotSnapshot, now: datetime) -> Lots:
    """What the log tells of the lots, and what has been used and has lapsed since its last word."""
    for attempt in range(MAX_LOOKS):
        if attempt:
            time.sleep(LOOK_PAUSE_SECONDS)
        pages = _pages(
            snapshot.store,
            snapshot.customer.id,
            keys.next_of(snapshot.meter_id, snapshot.generation),
        )
        logged = [_Logged(Change.from_item(item["change"]), item) for item in pages]
        known = [one for one in logged if one.change.rev <= snapshot.stored.rev]
        history = History(one.change for one in known)
        if history.knows(snapshot.stored.rev) or snapshot.meter() is None:
            break
    else:
        raise Unavailable("The list of grants is being written.")
    history.use(snapshot.used)
    if snapshot.meter() is not None:
        passed = snapshot.passed(now)
        history.extend(passed.changes(snapshot.lots, snapshot.total))
    made = {one.change.granted.id: one for one in known if one.change.granted}
    return Lots(snapshot, history, made)


def _pages(store: OrganizationStore, customer_id: str, name: str = "") -> list[Item]:
    """The pages of a customer's grants, as the index lists them: of all lots, or of these."""
    listed = [
        keys.Key(entry[keys.PARTITION], entry[keys.SORT])
        for entry in store.query_index(
            store.keys.grants_directory(customer_id), prefix=f"{name}#" if name else ""
        )
    ]
    found = store.batch_get(listed)
    return [found[key] for key in listed if key in found]


def _open(store: OrganizationStore, customer_id: str) -> Mapping[str, str]:
    item = store.get(store.keys.customer(customer_id))
    if item is None or item.get("deleted_at") is not None or "created_at" not in item:
        raise NotFound(f"There is no customer {customer_id}.")
    found: Mapping[str, str] = item.get("next", {})
    return found


def _about(item: Item) -> tuple[str, int]:
    meter_id, generation = item["lots_of"]
    return meter_id, int(generation)


def _find(store: OrganizationStore, id_: str) -> tuple[str, str, int, str]:
    """The customer, meter, generation and lot of a grant with terms. Raises `NotFound`."""
    try:
        if len(id_) > MAX_GRANT_ID_CHARACTERS:
            raise ValueError("too long")
        place = parse_event_id(id_)
    except ValueError:
        raise _no_grant() from None
    item = store.get(store.keys.page(place.ledger_id, place.page))
    if item is None or "change" not in item:
        raise _no_grant()
    change = Change.from_item(item["change"])
    lot = change.granted
    if place.offset == 2:
        lot = next((kept for kept in change.kept if kept.id.endswith(ROLLED_OVER)), None)
    if lot is None or place_of(place.ledger_id, lot) != place:
        raise _no_grant()
    return place.ledger_id, *_about(item), lot.id


def _no_grant() -> NotFound:
    return NotFound("There is no such grant.")


def _status(life: Life) -> Status:
    if life.is_voided:
        return "voided"
    if life.open:
        return "active" if life.remaining else "used_up"
    return "expired" if life.lapsed or life.rolled else "used_up"


# Taking grants back.


def reverse(store: OrganizationStore, id_: str) -> str:
    """Take back what is left of credits that `credit` gave, once; returns the event's id.

    Raises `NotFound`, and `Conflict` where they were taken back before, or nothing is left.
    """
    customer_id, meter_id, generation, lot_id = _find(store, id_)
    at = times.now()
    item = store.get(store.keys.page(customer_id, parse_event_id(id_).page))
    given = Page.from_item(item or {}).events[0]
    if (given.source, given.name) != (SYSTEM, CREDITED):
        raise _no_grant()
    reversal = _Reversal(id_, given.metadata, str(uuid_utils.uuid7()))
    proof = store.keys.void(customer_id, lot_id)

    def attempt() -> Decision[None]:
        found = _look(store, customer_id, meter_id, generation, proof)
        return _void(found, lot_id, proof, at, allow_debt=False, reversal=reversal)

    commit_decision(store, attempt, _voided(store, id_, customer_id, meter_id, allow_debt=False))
    return event_id(EventLocation(customer_id, _void_place(lot_id, at), 0))


class _Reversal(Struct, frozen=True):
    """One attempt to take back what is left of credits, by the id of their event."""

    credit_id: str
    metadata: Mapping[str, Any]
    attempt_id: str

    def event(self, found: LotSnapshot, at: datetime, taken: Decimal) -> Event:
        metadata = {**self.metadata, "units": exact.canonical(EXACT.minus(taken))}
        event = reckoning.terms_event(found, at, CREDITED, taken, metadata)
        return replace(event, source=SYSTEM, parent_id=self.credit_id)


def _not_reversible(detail: str) -> Conflict:
    return Conflict(detail, error="CustomerMeterCreditNotReversible")


def void(
    store: OrganizationStore, id_: str, *, allow_debt: bool, reason: str | None = None
) -> Grant:
    """Take back what is left of a grant, of what rolled over and recurs too; it comes no more.

    With `allow_debt` what was used of it as well, as after a charge-back. Again, it changes
    nothing. Raises `NotFound`, and `Conflict` where it was voided in the other way.
    """
    customer_id, meter_id, generation, lot_id = _find(store, id_)
    at = times.now()
    proof = store.keys.void(customer_id, lot_id)

    def attempt() -> Decision[None]:
        found = _look(store, customer_id, meter_id, generation, proof)
        return _void(found, lot_id, proof, at, allow_debt=allow_debt, reason=reason)

    note = _voided(store, id_, customer_id, meter_id, allow_debt=allow_debt, reason=reason)
    commit_decision(store, attempt, note)
    return get(store, id_)


def _voided(
    store: OrganizationStore,
    id_: str,
    customer_id: str,
    meter_id: str,
    *,
    allow_debt: bool,
    reason: str | None = None,
) -> Write:
    return activity.noted(
        store,
        "grant.voided",
        id_,
        customer_id=customer_id,
        meter_id=meter_id,
        allow_debt=allow_debt,
        reason=reason,
    )


def _void_place(lot_id: str, at: datetime) -> keys.PageKey:
    return keys.PageKey(at.isoformat()[:13], f"{batches.VOID}{lot_id}", 0, 0)


def _void(
    found: LotSnapshot,
    lot_id: str,
    proof: keys.Key,
    at: datetime,
    *,
    allow_debt: bool,
    reason: str | None = None,
    reversal: _Reversal | None = None,
) -> Decision[None]:
    if reversal is not None and proof in found.items:
        if found.items[proof].get("by") != reversal.attempt_id:
            raise _not_reversible("The credits were already taken back.")
        return Decision(None)
    if proof in found.items:
        if found.items[proof]["allow_debt"] != allow_debt:
            raise Conflict("The grant was already voided, with another allow_debt.")
        return Decision(None)
    if found.meter() is None:
        detail = "The meter was archived, or began anew: its grants are there for good."
        raise Conflict(detail) if reversal is None else _not_reversible(detail)
    lots = _of_snapshot(found, at)
    life = lots.history.lives.get(lot_id)
    if life is None:
        raise _no_grant()
    root = life.lot.root
    family = [
        lot for lot in found.lots.open if lot.id == lot_id or lot.id == f"{lot_id}{ROLLED_OVER}"
    ]
    if lot_id == root:
        family = [lot for lot in found.lots.open if lot.root == root]
    rest = reclaimed = ZERO
    for lot in family:
        rest = EXACT.add(rest, lot.remaining)
    if allow_debt:
        own = [life, lots.history.lives.get(f"{lot_id}{ROLLED_OVER}")]
        for one in own:
            if one is not None:
                reclaimed = EXACT.add(reclaimed, EXACT.add(one.used, one.repaid))
    if not rest and reversal is not None:
        raise _not_reversible("Nothing is left of these credits.")
    if not rest and not reclaimed and not any(lot.recurrence for lot in family):
        return Decision(None)
    change = found.change(
        removed=tuple(lot.id for lot in family), lapsed=rest, reclaimed=reclaimed, voided=lot_id
    )
    taken = EXACT.add(rest, reclaimed)
    if EXACT.add(found.total, taken) >= LIMIT:
        raise Invalid.at(
            ("body", "allow_debt"), "The balance would leave its range.", kind="value_error"
        )
    delta = Delta()
    events = []
    if taken:
        metadata = {"grant_id": grant_id(found.customer.id, life.lot), "units": taken}
        if reason is not None:
            metadata["reason"] = reason
        event = (
            reckoning.terms_event(found, at, VOIDED, taken, metadata)
            if reversal is None
            else reversal.event(found, at, taken)
        )
        reckoning.add_terms(found, delta, event)
        events.append((0, event))
    place = _void_place(lot_id, at)
    outcome: Item = {"allow_debt": allow_debt, "at": times.to_text(at)}
    if reason is not None:
        outcome["reason"] = reason
    if found.store.actor is not None:
        outcome["actor"] = list(found.store.actor)
    if reversal is not None:
        outcome["by"] = reversal.attempt_id
    if events:
        outcome["event_id"] = event_id(EventLocation(found.customer.id, place, 0))
    after = change.apply(change.burn(found.stored))
    return Decision(
        None,
        [
            put_new(proof, outcome),
            found.page(change, _void_place(lot_id, at), events, "void"),
            *found.writes(after, delta),
        ],
    )


# Events.


def _require_taking_terms(meters: MeterSet, meter_id: str) -> None:
    """Refuse terms where they are not kept. Raises `Invalid` and `Conflict`."""
    meter = meters.meters.get(meter_id)
    if meter is None:
        raise Invalid.at(("body", "meter_id"), "There is no such meter.", meter_id, kind="no_meter")
    if meter.archived_at is not None or meter.brought_back:
        raise Conflict("An archived meter takes no grants with terms.")
    if meter.aggregation.func != "sum":
        raise Invalid.at(
            ("body", "meter_id"), "Only a sum meter takes grants.", meter_id, kind="no_meter"
        )


def _negated(
    meters: MeterSet, event: Event, *, or_nothing: bool = False
) -> tuple[Event, list[Match]]:
    """The event that gives what this one would take, and the sum meters that count it.

    Raises `Invalid` where there is none, and where it would take nothing, unless it may.
    """
    counted = [match for match in meters.match(event) if match.function == "sum"]
    for match in counted:
        if match.units < 0 or not (match.units or or_nothing):
            message = "A grant gives a positive number of units."
            raise Invalid.at(("body", "metadata"), message, match.units, kind="greater_than")
    metadata = dict(event.metadata)
    for property_ in {
        meters.meters[match.meter_id].aggregation.property or "" for match in counted
    }:
        _negate(metadata, property_.removeprefix("metadata."))
    negative = replace(event, metadata=metadata)
    matches = [
        match
        for match in meters.match(negative)
        if match.function == "sum" and (match.units < 0 or (or_nothing and not match.units))
    ]
    if not matches:
        raise Invalid.at(("body", "name"), "No sum meter counts this event.", kind="no_meter")
    return negative, matches


def _negate(metadata: dict[str, Any], name: str) -> None:
    outer, _, inner = name.partition(".")
    if name in metadata:
        metadata[name] = _minus(metadata[name])
    elif inner and isinstance(metadata.get(outer), Mapping):
        metadata[outer] = {**metadata[outer], inner: _minus(metadata[outer][inner])}


def _minus(number: Decimal | int) -> Decimal | int:
    """The number with the other sign, and all its digits."""
    return number.copy_negate() if number and isinstance(number, Decimal) else -number


def _fingerprint(event: Event, body: GrantBody) -> bytes:
    content = (event.fingerprint().hex(), body.terms())
    return hashlib.sha256(exact.write_canonical(content)).digest()[:FINGERPRINT_BYTES]


def _place(ledger_id: str, event: Event, id_: str) -> EventLocation:
    return EventLocation(ledger_id, keys.PageKey(event.hour, f"{batches.GRANT}{id_}", 0, 0), 0)


def _counted_before(
    items: Mapping[keys.Key, Item], proof: keys.Key, event: Event, fingerprint: bytes
) -> EventLocation | None:
    """Where the grant was counted under its external id, if it was. Raises `Conflict`."""
    if proof not in items or event.external_id is None:
        return None
    claim = Claim.from_item(items[proof])
    if not claim.place.page.batch.startswith(batches.GRANT):
        raise ExternalIdTaken("An ingested event or a spend has counted under this external id.")
    if claim.fingerprint != fingerprint:
        raise ExternalIdTaken("Another grant was made under this external id.")
    return claim.place
