"""Refunds: what an event took is given back, in part or as a whole, and never more than that.

A refund is a decision, as a spend is: made on one snapshot, and committed in one transaction with
the record of all refunds of its event, which every other refund of it conflicts with. It counts as
an event of its own, for the meters that it names and no others: what was used falls, and what was
granted does not rise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import uuid_utils
from msgspec import Struct, field
from msgspec.structs import replace

from aureon.access import activity
from aureon.core import exact, times
from aureon.core.errors import AureonError, Conflict, Invalid, NotFound, Unavailable
from aureon.core.exact import EXACT, ZERO
from aureon.core.identifiers import is_id
from aureon.credits import grants
from aureon.credits.account import Account, Decision, Snapshot
from aureon.credits.grants import Grant
from aureon.credits.spending import get_hold
from aureon.domain import batches
from aureon.domain.credits import CreditPosition
from aureon.domain.customers import Customer, profile
from aureon.domain.events import (
    FINGERPRINT_BYTES,
    CustomerRef,
    Event,
    EventLocation,
    Terms,
    event_id,
    parse_event_id,
)
from aureon.domain.lots import ROLLED_OVER, Change, Lot, grant_id, place_of
from aureon.domain.meters import DECISIVE, Match
from aureon.domain.pages import Page, encode_event, encode_events, page_item
from aureon.domain.refunds import (
    MAX_REFUNDS,
    REFUNDED,
    Refund,
    Refunds,
    Return,
    Taken,
    burned_shares,
    give_back,
    shares,
)
from aureon.ledger.blocks import blocks
from aureon.ledger.plan import Claim
from aureon.ledger.reckoning import VOIDED, LotSnapshot
from aureon.meters import catalog
from aureon.storage import keys
from aureon.storage.expressions import equals
from aureon.storage.store import Item, OrganizationStore, Write, put, put_new

if TYPE_CHECKING:
    from aureon.credits.bodies import RefundBody

MAX_ATTEMPTS: Final = 20


class _MetersChanged(AureonError):
    """The meters were changed since they were read."""


class RefundRequest(NamedTuple):
    """What a caller asks for: a refund of which event, under which id of its own."""

    place: EventLocation
    external_id: str | None = None
    reason: str | None = None
    meter_id: str | None = None
    units: Decimal | None = None
    void: bool = False
    allow_debt: bool = False

    @property
    def fingerprint(self) -> bytes:
        content = [
            event_id(self.place),
            # Why something is taken back as a whole makes it nothing else.
            None if self.void else self.reason,
            self.meter_id,
            None if self.units is None else self.units.normalize(EXACT),
            self.void,
            self.allow_debt,
        ]
        return hashlib.sha256(exact.write_canonical(content)).digest()[:FINGERPRINT_BYTES]


class Refunded(Struct, frozen=True):
    """A refund that was made, and where its event stands with it.

    `took` is what the event took by meter, or gave, and `refunds` are all that was done to it by
    then. `refused` are meters that counted it and that nothing can be given back of. What was
    `returned` to lots of credits is no longer known where the refund was made before.
    """

    event_id: str
    customer_id: str | None
    refund: Refund
    refunds: Refunds
    took: Mapping[str, Decimal]
    refused: Mapping[str, str] = field(default_factory=dict)
    returned: Sequence[tuple[str, str, Decimal]] | None = None
    standings: Sequence[CreditPosition] = ()


class _Logged(NamedTuple):
    """An event as the log has it, and what was noted of it when it counted."""

    event: Event
    named: str | None
    item: Item


def refund(store: OrganizationStore, body: RefundBody) -> Refunded:
    """Give back what an event took, or a part of it, once under an external id.

    Raises `Invalid` where it took nothing of what is asked for, or less, and `Conflict` where the
    external id was used for something else, or nothing is left of it.
    """
    return _refund(
        store,
        RefundRequest(
            _place_of(store, body),
            external_id=body.external_id,
            reason=body.reason,
            meter_id=body.meter_id,
            units=body.units,
        ),
    )


def void(
    store: OrganizationStore, id_: str, *, allow_debt: bool, reason: str | None = None
) -> Refunded | Grant:
    """Take an event back as a whole: what it took is given back, what is left of what it gave is
    taken. With `allow_debt`, all of what it gave.

    Again, it changes nothing. Raises `NotFound`, `Invalid` where nothing of it can be taken back,
    and `Conflict` where it was voided in the other way.
    """
    place = _parse(id_)
    item = None if place is None else store.get(store.keys.page(place.ledger_id, place.page))
    if place is None or item is None:
        raise NotFound("There is no such event.")
    if "change" in item and not place.page.batch.startswith(batches.REFUND):
        return grants.void(store, id_, allow_debt=allow_debt, reason=reason)
    return _refund(store, RefundRequest(place, reason=reason, void=True, allow_debt=allow_debt))


def refunds_of(store: OrganizationStore, id_: str) -> Refunds:
    """All that was given back of an event, or taken back."""
    return Refunds.from_item(store.get(store.keys.refunds(id_)))


def _refund(store: OrganizationStore, named: RefundRequest) -> Refunded:
    found = _read(store, named.place, in_path=named.void)
    attempt = _Attempt(store, named, found, str(uuid_utils.uuid7()), times.now())
    for _ in range(MAX_ATTEMPTS):
        try:
            return attempt.make()
        except _MetersChanged:
            continue
    raise Unavailable("The meters are being changed.")


class _Part(NamedTuple):
    """What is done of one meter: units that go back, or credits that are taken."""

    match: Match
    back: Decimal = ZERO
    taken: Decimal = ZERO

    @property
    def units(self) -> Decimal:
        """What it adds to the balance."""
        return EXACT.subtract(self.taken, self.back)


class _Attempt(Struct):
    """A refund on its way, under an id of its own, so that it finds what it may have written."""

    store: OrganizationStore
    named: RefundRequest
    logged: _Logged
    id: str
    at: datetime

    def make(self) -> Refunded:
        store, named = self.store, self.named
        account = self._account()
        uncounted = account.meters.match(self.logged.event)
        matches = [match for match in uncounted if match.function in DECISIVE]
        refused = {
            match.meter_id: f"What {match.function} makes of events can't be taken apart again."
            for match in uncounted
            if match.function not in DECISIVE
        }
        wanted = _wanted(named, matches, refused)
        account.candidates = {match.meter_id: match.generation for match in wanted}
        took = {match.meter_id: match.units for match in wanted}
        record_key = store.keys.refunds(event_id(named.place))
        claim_key = store.keys.claim(named.external_id) if named.external_id else None
        version_key = store.keys.meter_version()
        proofs = [record_key, version_key, *([claim_key] if claim_key else [])]

        def decide(now: Snapshot) -> Decision[Refunded]:
            record = Refunds.from_item(now.items.get(record_key))
            made = self._made_before(record, now.items.get(claim_key) if claim_key else None)
            owner = None if account.of_ghost else account.customer_id
            if made is not None:
                return Decision(
                    Refunded(
                        event_id(named.place),
                        owner,
                        made,
                        record,
                        took,
                        refused,
                        standings=now.standings(),
                    )
                )
            if catalog.version_of(now.items.get(version_key)) != account.meters.version:
                raise _MetersChanged
            account.ledger_id = account.customer_id
            parts = self._parts(now, account, record, wanted)
            return self._decision(now, account, record, parts, took, refused, owner)

        note = activity.noted(
            store,
            "event.voided" if named.void else "event.refunded",
            event_id(named.place),
            customer_id=account.customer_id,
            meter_id=named.meter_id,
            units=named.units,
            reason=named.reason,
        )
        return account.decide_and_commit(decide, *proofs, note=note)

    def _account(self) -> Account:
        """Whose the event is, by its ledger, with the meters as they are now."""
        store, ledger_id = self.store, self.named.place.ledger_id
        version = catalog.version_of(store.get(store.keys.meter_version()))
        meters = catalog.meters_at(store, version)
        item = store.get(store.keys.customer(ledger_id))
        if item is not None and "linked_to" in item:
            item = store.get(store.keys.customer(item["linked_to"]))
        owner = profile(item)
        if owner is None and item is not None and "created_at" in item:
            raise Conflict("The event's customer was deleted.")
        customer_id = ledger_id if owner is None else owner.id
        named = self.logged.named
        customer = CustomerRef(False, customer_id) if named is None else CustomerRef(True, named)
        return Account(
            store,
            customer,
            customer_id,
            ledger_id,
            meters,
            ledgers=dict.fromkeys([customer_id, ledger_id], False),
        )

    def _made_before(self, record: Refunds, claim: Item | None) -> Refund | None:
        """The refund that this one repeats, if it does. Raises `Conflict`."""
        named = self.named
        for refund in record.made:
            same = refund.fingerprint == named.fingerprint
            if refund.attempt == self.id:
                return refund
            if named.external_id is not None and refund.external_id == named.external_id:
                if not same:
                    raise Conflict("Another refund was made under this external id.")
                return refund
            if named.void and refund.void:
                if not same:
                    raise Conflict("The event was already voided, with another allow_debt.")
                return refund
            if same and refund.whole and named.external_id is None:
                return refund
        if claim is not None:
            raise Conflict("Something else has counted under this external id.")
        if record.void() is not None:
            raise Conflict("The event was voided.")
        if record.rev >= MAX_REFUNDS:
            raise Conflict(f"An event has at most {MAX_REFUNDS} refunds.")
        return None

    def _parts(
        self, now: Snapshot, account: Account, record: Refunds, wanted: Sequence[Match]
    ) -> list[_Part]:
        """What is to be done of each meter. Raises `Invalid`, `Conflict` and `Incomplete`."""
        named = self.named
        parts = []
        for match in wanted:
            now.require_complete(match.meter_id)
            if match.units > 0:
                left = EXACT.subtract(match.units, record.back(match.meter_id))
                back = left if named.units is None else named.units
                if back > left:
                    message = (
                        f"Only {exact.plain(left)} units of this event can still be given back."
                    )
                    where = ("body", "units")
                    raise Invalid.at(where, message, back, kind="less_than_equal")
                if match.function == "count" and back not in (ZERO, match.units):
                    message = "A meter that counts takes an event back as a whole."
                    raise Invalid.at(("body", "units"), message, back, kind="value_error")
                parts.append(_Part(match, back=back))
            else:
                gave = EXACT.minus(match.units)
                if not named.allow_debt:
                    gave = min(gave, max(ZERO, EXACT.minus(self._debt(now, account, match))))
                parts.append(_Part(match, taken=gave))
        parts = [part for part in parts if part.back or part.taken]
        if not parts and not named.void:
            raise Conflict("All that the event took has been given back.")
        return parts

    def _debt(self, now: Snapshot, account: Account, match: Match) -> Decimal:
        """What was used beyond all credits; below 0, what is left of those that do not lapse."""
        total = now.balance(match.meter_id)
        found = _lots(now, account, match)
        return total if found is None else found.lots.debt(total)

    def _decision(
        self,
        now: Snapshot,
        account: Account,
        record: Refunds,
        parts: Sequence[_Part],
        took: Mapping[str, Decimal],
        refused: Mapping[str, str],
        owner: str | None,
    ) -> Decision[Refunded]:
        named, store = self.named, self.store
        refund = Refund(
            id=event_id(self._place(account, 0)) if parts else None,
            at=self.at,
            attempt=self.id,
            fingerprint=named.fingerprint,
            back={part.match.meter_id: part.back for part in parts if part.back},
            taken={part.match.meter_id: part.taken for part in parts if part.taken},
            external_id=named.external_id,
            reason=named.reason,
            whole=named.units is None,
            void=named.void,
            actor=store.actor,
        )
        record_key = store.keys.refunds(event_id(named.place))
        after = record.with_(refund)
        item = after.to_item()
        writes = [put(record_key, item, equals("rev", record.rev))] if record.rev else []
        if not record.rev:
            writes.append(put_new(record_key, item))
        if named.external_id is not None:
            claim = Claim(self._place(account, 0), named.fingerprint)
            writes.append(put_new(store.keys.claim(named.external_id), claim.to_item()))
        account.matches = []
        returned: list[tuple[str, str, Decimal]] = []
        revs: dict[str, int] = {}
        next_: Mapping[str, str] | None = None
        snapshot: LotSnapshot | None = None
        for number, part in enumerate(parts):
            event = self._event(account, part, first=number == 0)
            account.matches = [*account.matches, *account.meters.match(event)]
            found = _lots(now, account, part.match)
            change = None if found is None else self._change(found, part)
            if found is None or change is None:
                writes.append(self._page(account, number, event))
                continue
            snapshot = found
            place = self._place(account, number).page
            writes.append(found.page(change, place, [(0, event)], "refund", named=account.customer))
            lots = change.apply(change.burn(found.stored)).trimmed()
            writes.append(found.put(lots))
            next_ = found.next_with(lots, found.next if next_ is None else next_)
            revs[part.match.meter_id] = change.rev
            known = {lot.id: lot for lot in (*found.lots.open, *change.revived)}
            returned += [
                (part.match.meter_id, grant_id(account.customer_id, known[lot_id]), units)
                for lot_id, units in change.returned.items()
            ]
        if snapshot is not None and next_ is not None:
            writes += snapshot.tell(next_)
        used = {part.match.meter_id: part.units for part in parts}
        return Decision(
            Refunded(
                event_id(named.place),
                owner,
                refund,
                after,
                took,
                refused,
                returned,
                now.standings(used=used),
            ),
            [*writes, *now.writes(counting=True, lots_revs=revs)],
        )

    # What lots get back.

    def _change(self, found: LotSnapshot, part: _Part) -> Change | None:
        """What it changes of lots; None where it leaves them as they are."""
        if part.taken:
            free = max(ZERO, EXACT.minus(found.lots.debt(found.total)))
            beyond = EXACT.subtract(part.taken, min(part.taken, free))
            return found.change(reclaimed=beyond) if beyond else None
        given = self._returned(found, part)
        return found.change(refunded=part.back, returned=given.units, revived=tuple(given.revived))

    def _returned(self, found: LotSnapshot, part: _Part) -> Return:
        now = times.now()
        meter_id = part.match.meter_id
        taken = self._drawn(meter_id)
        if self.logged.item.get("origin") in ("spend", "hold"):
            record = Refunds.from_item(
                found.items.get(self.store.keys.refunds(event_id(self.named.place)))
            )
            wanted = shares(
                taken, took=part.match.units, before=record.back(meter_id), units=part.back
            )
        else:
            wanted = burned_shares(found.lots, self.logged.event.timestamp, part.back)
        gone = self._gone(found, taken)
        return give_back(found.lots, found.total, part.back, wanted, gone, now)

    def _drawn(self, meter_id: str) -> list[Taken]:
        listed = self.logged.item.get("drawn", {}).get(meter_id, ())
        return [Taken(id_, times.from_text(at), units) for id_, at, units in listed]

    def _gone(self, found: LotSnapshot, taken: Sequence[Taken]) -> dict[str, Lot]:
        """Those of the lots that were used up, and not taken back, as if they had come just now."""
        customer_id = found.customer.id
        absent = [one for one in taken if found.lots.get(one.lot_id) is None]
        if not absent:
            return {}
        voids = {
            one.lot_id: [
                self.store.keys.void(customer_id, id_)
                for id_ in {
                    one.lot_id,
                    one.lot_id.removesuffix(ROLLED_OVER),
                    one.lot_id.removesuffix(ROLLED_OVER).partition(".")[0],
                }
            ]
            for one in absent
        }
        pages = {
            one.lot_id: self.store.keys.page(
                customer_id, place_of(customer_id, _known_by(one)).page
            )
            for one in absent
        }
        items = self.store.batch_get(
            [*pages.values(), *(key for of in voids.values() for key in of)]
        )
        lots = {}
        for one in absent:
            item = items.get(pages[one.lot_id])
            if item is not None and not any(key in items for key in voids[one.lot_id]):
                lot = _used_up(Change.from_item(item["change"]), one.lot_id)
                if lot is not None:
                    lots[one.lot_id] = lot
        return lots

    # Events.

    def _event(self, account: Account, part: _Part, *, first: bool) -> Event:
        """The event that counts a part, and says which event it is about."""
        named, match, units = self.named, part.match, part.units
        metadata: dict[str, Any] = {"event_id": event_id(named.place), "units": abs(units)}
        if named.reason is not None:
            metadata["reason"] = named.reason
        return Event(
            0,
            account.customer,
            REFUNDED if units < 0 else VOIDED,
            self.at,
            metadata,
            external_id=named.external_id if first else None,
            terms=Terms(match.meter_id, match.generation, units, refunded=units < 0),
        )

    def _page(self, account: Account, number: int, event: Event) -> Write:
        item = page_item(
            encode_events([encode_event(0, event)]),
            last=0,
            meter_version=account.meters.version,
            customer=account.customer,
            block=blocks.of_next_page(account.store.organization_id),
            origin="refund",
            actor=self.store.actor,
        )
        place = self._place(account, number).page
        return put_new(self.store.keys.page(account.customer_id, place), item)

    def _place(self, account: Account, number: int) -> EventLocation:
        hour = self.at.isoformat()[:13]
        page = keys.PageKey(hour, f"{batches.REFUND}{self.id}", number, 0)
        return EventLocation(account.customer_id, page, 0)


def _lots(now: Snapshot, account: Account, match: Match) -> LotSnapshot | None:
    """The customer's lots of a meter at the snapshot; None where there never were any."""
    owner_key = account.store.keys.customer(account.customer_id)
    lots_key = account.store.keys.lots(account.customer_id, match.meter_id, match.generation)
    if account.of_ghost or lots_key not in now.items:
        return None
    owner: Customer | None = profile(now.items.get(owner_key))
    if owner is None:
        return None
    return LotSnapshot(
        account.store, owner, match.meter_id, match.generation, account.ledgers, now.items
    )


def _wanted(
    named: RefundRequest, matches: Sequence[Match], refused: Mapping[str, str]
) -> list[Match]:
    """The meters that something is given back of. Raises `Invalid` where no meter does."""
    where = ("path", "id") if named.void else ("body", "event_id")
    if named.meter_id is not None:
        if named.meter_id in refused:
            raise Invalid.at(
                ("body", "meter_id"), refused[named.meter_id], named.meter_id, kind="no_refund"
            )
        matches = [match for match in matches if match.meter_id == named.meter_id]
        where = ("body", "meter_id")
    counted = [match for match in matches if match.units]
    if named.void and counted:
        return counted
    taking = [match for match in counted if match.units > 0]
    if counted and not taking:
        message = "The event took nothing: it gave credits. Void it to take them back."
        raise Invalid.at(where, message, kind="no_refund")
    if not taking and refused:
        raise Invalid.at(where, next(iter(refused.values())), kind="no_refund")
    if not taking:
        message = "No sum or count meter that is in use counts this event."
        raise Invalid.at(where, message, kind="no_meter")
    if named.units is not None and len(taking) > 1:
        message = "Several meters count this event: say which one gives a part back."
        raise Invalid.at(("body", "meter_id"), message, kind="several_meters")
    return taking


def _known_by(taken: Taken) -> Lot:
    """As much of a lot as tells where the log has it."""
    return Lot(taken.lot_id, ZERO, ZERO, 0, taken.granted_at, None)


def _used_up(change: Change, lot_id: str) -> Lot | None:
    """A lot as it was once all of it was used, by the change that it came with."""
    granted = change.granted
    if granted is not None and granted.id == lot_id:
        debt = max(ZERO, EXACT.add(change.total, change.lapsed))
        return replace(granted, remaining=ZERO, repaid=min(granted.units, debt))
    kept = next((lot for lot in change.kept if lot.id == lot_id), None)
    return None if kept is None else replace(kept, remaining=ZERO)


# Which event.


def _place_of(store: OrganizationStore, body: RefundBody) -> EventLocation:
    """Where the event stands that a request names. Raises `Invalid` and `Conflict`."""
    if body.spend_external_id is not None:
        where = ("body", "spend_external_id")
        item = store.get(store.keys.claim(body.spend_external_id))
        place = None if item is None else Claim.from_item(item).place
        if place is None or not place.page.batch.startswith(batches.SPEND):
            message = "No spend was admitted under this external id."
            raise Invalid.at(where, message, body.spend_external_id, kind="no_event")
        return place
    if body.hold_id is not None:
        where = ("body", "hold_id")
        try:
            hold = get_hold(store, body.hold_id)
        except NotFound as error:
            message = "There is no such hold."
            raise Invalid.at(where, message, body.hold_id, kind="no_event") from error
        if hold.event_id is None:
            raise Conflict("The hold was not captured: there is nothing to give back.")
        return parse_event_id(hold.event_id)
    place = _parse(body.event_id or "")
    if place is None:
        raise _no_event(body.event_id)
    return place


def _parse(id_: str) -> EventLocation | None:
    try:
        place = parse_event_id(id_)
    except ValueError:
        return None
    return place if is_id(place.ledger_id) else None


def _read(store: OrganizationStore, place: EventLocation, *, in_path: bool) -> _Logged:
    """The event at a place. Raises `Invalid`, or `NotFound` where the path named it."""
    item = store.get(store.keys.page(place.ledger_id, place.page))
    page = None if item is None else Page.from_item(item)
    for logged in page.events if page else ():
        if item is not None and page is not None and logged.offset == place.offset:
            event = logged.to_event()
            if event.terms is not None:
                message = "This is no usage: a grant is taken back by voiding it, and what lapsed "
                where = ("path", "id") if in_path else ("body", "event_id")
                raise Invalid.at(where, f"{message}or was given back stays so.", kind="no_refund")
            return _Logged(event, page.external_customer_id, item)
    if in_path:
        raise NotFound("There is no such event.")
    raise _no_event(event_id(place))


def _no_event(id_: str | None) -> Invalid:
    return Invalid.at(("body", "event_id"), "There is no such event.", id_, kind="no_event")
