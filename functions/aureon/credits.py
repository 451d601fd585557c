"""Spends and holds: taking credits only where there are enough.

Every decision is made from one snapshot of all that it depends on, and committed on the condition
that nothing of it has changed: each balance item's `rev`, on the first shard of every ledger of the
customer. Whoever loses a race takes a new snapshot. Decisions are strictly serializable: a spend
takes effect at its snapshot, and no other decision can lie between that and its commit.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

import uuid_utils

from aureon import catalog, exact, keys, times
from aureon.domain.balances import LIMIT, ZERO, Delta
from aureon.domain.credits import DECISIVE, MAX_OPEN_HOLDS, Holds, Standing
from aureon.domain.customers import Pointer, profile
from aureon.domain.events import (
    FINGERPRINT_BYTES,
    MAX_METADATA_KEYS,
    Event,
    Named,
    Place,
    event_id,
)
from aureon.domain.fold import BalanceOf, Claim
from aureon.domain.meters import Match, MeterSet
from aureon.domain.pages import encode_event, encode_events, page_item
from aureon.errors import (
    Conflict,
    InsufficientCredits,
    Invalid,
    NotFound,
    Problem,
    TooManyHolds,
    Unavailable,
)
from aureon.exact import EXACT
from aureon.ledger import SHARDS, add_to_balance
from aureon.store import (
    MAX_TRANSACTION_ACTIONS,
    Item,
    Store,
    TransactionCancelled,
    Write,
    put_new,
    put_over,
)

if TYPE_CHECKING:
    from aureon.bodies.credits import CaptureBody, HoldBody, SpendBody

MAX_ATTEMPTS: Final = 200
FIRST_PAUSE_SECONDS: Final = 0.002
LONGEST_PAUSE_SECONDS: Final = 0.1
MAX_HOLD_ID_CHARACTERS: Final = 64
LEAST_UNITS: Final = Decimal("1e-9")
# The batches that single events of these origins are.
SPEND_BATCH: Final = "s-"
HOLD_BATCH: Final = "h-"

State = Literal["open", "captured", "released", "expired"]
Units = Mapping[str, Decimal]


@dataclass(frozen=True)
class Spent:
    """A spend that was admitted: its event, and where the customer stands."""

    event_id: str
    standings: Sequence[Standing]


@dataclass(frozen=True)
class Hold:
    """A hold: what it reserves of each meter, in units, until when, and what became of it.

    The events of its customer go to `ledger_id`. `event_id` is the event that captured it;
    `standings` say where the customer stands after what was just done.
    """

    id: str
    external_id: str
    customer: Named
    customer_id: str
    ledger_id: str
    name: str
    metadata: Mapping[str, Any]
    units: Units
    limit: Decimal
    placed_at: datetime
    expires_at: datetime
    fingerprint: bytes
    state: State = "open"
    event_id: str | None = None
    standings: Sequence[Standing] = ()

    def to_item(self) -> dict[str, Any]:
        """What is stored when it is placed, and never changes."""
        return {
            "id": self.id,
            "external_id": self.external_id,
            "customer": list(self.customer),
            "customer_id": self.customer_id,
            "ledger_id": self.ledger_id,
            "name": self.name,
            "metadata": dict(self.metadata),
            "units": dict(self.units),
            "limit": self.limit,
            "placed_at": times.to_text(self.placed_at),
            "expires_at": times.to_text(self.expires_at),
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_item(cls, item: Item) -> Hold:
        expires_at = times.from_text(item["expires_at"])
        return cls(
            id=item["id"],
            external_id=item["external_id"],
            customer=Named(*item["customer"]),
            customer_id=item["customer_id"],
            ledger_id=item["ledger_id"],
            name=item["name"],
            metadata=item["metadata"],
            units=item["units"],
            limit=item["limit"],
            placed_at=times.from_text(item["placed_at"]),
            expires_at=expires_at,
            fingerprint=bytes(item["fingerprint"]),
            state="open" if expires_at > times.now() else "expired",
        )

    def ended(self, outcome: Item | None) -> Hold:
        """The hold with what became of it, if anything has."""
        if outcome is None:
            return self
        return replace(self, state=outcome["state"], event_id=outcome.get("event_id"))


def spend(store: Store, organization_id: str, body: SpendBody) -> Spent:
    """Count one event where the credits suffice, in one step.

    Raises `InsufficientCredits`, with nothing stored, `Invalid`, and `Conflict` where the external
    id has counted otherwise. `Unavailable` says that the outcome is not known: the request may be
    sent again with the same external id.
    """
    account, event, matches = _charge(
        store, organization_id, _named(body), body.name, body.metadata
    )
    event = replace(event, external_id=body.external_id)
    place = _place(account.ledger_id, f"{SPEND_BATCH}{uuid_utils.uuid7()}", event)
    page_key = keys.page(organization_id, account.ledger_id, place.page)
    # Either tells a repeat that it is one: of the caller's request, or of an attempt of our own.
    proof = keys.claim(organization_id, event.external_id) if event.external_id else page_key
    units = _decisive(account, matches)

    def decide(now: _Snapshot) -> _Decision[Spent]:
        if proof in now.items:
            counted = Claim.from_item(now.items[proof]) if event.external_id else None
            if counted is not None:
                _require_same_spend(counted, event)
            admitted = counted.place if counted is not None else place
            return _Decision(Spent(event_id(admitted), now.standings()))
        _require_units(units, least=LEAST_UNITS)
        now.require(units, body.limit)
        writes = [put_new(page_key, account.page(event, "spend"))]
        if event.external_id:
            writes.append(put_new(proof, Claim(place, event.fingerprint()).to_item()))
        return _Decision(
            Spent(event_id(place), now.standings(units)),
            [*writes, *now.writes(matches=matches)],
        )

    return account.settle(decide, proof)


def place_hold(store: Store, organization_id: str, body: HoldBody) -> Hold:
    """Reserve units under an external id; a repeat finds the hold that there is.

    Raises `InsufficientCredits`, `TooManyHolds`, `Invalid`, and `Conflict` where the external id
    was used for another hold.
    """
    named = _named(body)
    hold_id = _hold_id(organization_id, body.external_id)
    hold_key = keys.hold(organization_id, hold_id)
    outcome_key = keys.hold_outcome(organization_id, hold_id)
    account, event, matches = _charge(store, organization_id, named, body.name, body.metadata)
    units = _decisive(account, matches)
    limit = body.limit.normalize(EXACT)
    content = (event.fingerprint().hex(), limit, body.expires_in_seconds)
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
        expires_at=event.timestamp + timedelta(seconds=body.expires_in_seconds),
        fingerprint=hashlib.sha256(exact.write_canonical(content)).digest()[:FINGERPRINT_BYTES],
    )

    def decide(now: _Snapshot) -> _Decision[Hold]:
        if hold_key in now.items:
            placed = Hold.from_item(now.items[hold_key])
            if placed.fingerprint != hold.fingerprint:
                raise Conflict("This external id was used for another hold.")
            placed = placed.ended(now.items.get(outcome_key))
            return _Decision(replace(placed, standings=now.standings()))
        _require_units(units, least=LEAST_UNITS)
        now.require(units, body.limit)
        holds = {
            meter_id: now.holds[meter_id].with_hold(hold_id, held, hold.expires_at)
            for meter_id, held in units.items()
        }
        if any(len(held.entries) > MAX_OPEN_HOLDS for held in holds.values()):
            raise TooManyHolds(f"A customer has at most {MAX_OPEN_HOLDS} open holds of a meter.")
        return _Decision(
            replace(hold, standings=now.standings(holds=holds)),
            [put_new(hold_key, hold.to_item()), *now.writes(holds=holds)],
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


def capture(store: Store, organization_id: str, hold_id: str, body: CaptureBody) -> Hold:
    """Count what was used in the end, and give back the rest.

    What was reserved is admitted in any case while the hold is open; what goes beyond it, or comes
    after it has expired, only where the credits suffice. Raises `NotFound`, `InsufficientCredits`,
    and `Conflict` where the hold was released, or captured with other units.
    """
    hold = get_hold(store, organization_id, hold_id)
    account = _account_of(store, organization_id, hold)
    event = _event(hold.customer, hold.name, _merged(hold.metadata, body.metadata))
    matches = account.meters.match(event)
    units = _decisive(account, matches)
    fingerprint = event.fingerprint()
    place = _place(account.ledger_id, f"{HOLD_BATCH}{hold_id}", event)
    outcome_key = keys.hold_outcome(organization_id, hold_id)

    def decide(now: _Snapshot) -> _Decision[Hold]:
        if outcome_key in now.items:
            outcome = now.items[outcome_key]
            if outcome["state"] != "captured":
                raise Conflict("The hold was released.")
            if bytes(outcome["fingerprint"]) != fingerprint:
                raise Conflict("The hold was captured with other metadata.")
            return _Decision(replace(hold.ended(outcome), standings=now.standings()))
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
        return _Decision(
            replace(hold.ended(outcome), standings=now.standings(units, holds)),
            [
                put_new(outcome_key, outcome),
                put_new(page_key, account.page(event, "hold")),
                *now.writes(matches=matches, holds=holds),
            ],
        )

    return account.settle(decide, outcome_key)


def release(store: Store, organization_id: str, hold_id: str) -> Hold:
    """Give back what a hold reserves. Raises `NotFound`, and `Conflict` where it was captured."""
    hold = get_hold(store, organization_id, hold_id)
    account = _account_of(store, organization_id, hold)
    outcome_key = keys.hold_outcome(organization_id, hold_id)

    def decide(now: _Snapshot) -> _Decision[Hold]:
        if outcome_key in now.items:
            outcome = now.items[outcome_key]
            if outcome["state"] != "released":
                raise Conflict("The hold was captured.")
            return _Decision(replace(hold.ended(outcome), standings=now.standings()))
        outcome = {"state": "released", "at": times.to_text(now.taken_at)}
        holds = {meter_id: held.without(hold_id) for meter_id, held in now.holds.items()}
        return _Decision(
            replace(hold.ended(outcome), standings=now.standings(holds=holds)),
            [put_new(outcome_key, outcome), *now.writes(holds=holds)],
        )

    return account.settle(decide, outcome_key)


T = TypeVar("T")


@dataclass(frozen=True)
class _Decision(Generic[T]):
    """What to answer, and what to write for it: nothing, where it was written before."""

    result: T
    writes: Sequence[Write] = ()


@dataclass
class _Account:
    """A customer, the meters that decide, and the ledger that its event goes to.

    `ledgers` are all ledgers of the customer, each with whether it is spread, as far as is known:
    a snapshot that shows otherwise corrects them.
    """

    store: Store
    organization_id: str
    customer: Named
    customer_id: str
    ledger_id: str
    meters: MeterSet
    deciding: dict[str, int] = field(default_factory=dict)
    ledgers: dict[str, bool] = field(default_factory=dict)

    def page(self, event: Event, origin: str) -> dict[str, Any]:
        """The page of a single event."""
        return page_item(
            encode_events([encode_event(0, event)]),
            last=0,
            meter_version=self.meters.version,
            customer=self.customer,
            origin=origin,
        )

    def settle(self, decide: Callable[[_Snapshot], _Decision[T]], *proofs: keys.Key) -> T:
        """Decide on a snapshot and commit, anew as long as others come in between.

        `proofs` are the items that show what was done before. Once the outcome of a commit is not
        known, what a later snapshot would refuse may still come about: `Unavailable`.
        """
        uncertain = False
        for attempt in range(MAX_ATTEMPTS):
            committing = False
            try:
                decision = decide(self._snapshot(proofs))
                if len(decision.writes) > MAX_TRANSACTION_ACTIONS:
                    raise _too_many_meters()
                if decision.writes:
                    committing = True
                    self.store.transact(decision.writes)
                return decision.result
            except TransactionCancelled:
                pass
            except Unavailable:
                uncertain = uncertain or committing
                if not self.store.has_time():
                    raise
            except (InsufficientCredits, Invalid, TooManyHolds) as refused:
                if uncertain:
                    raise Unavailable("Whether it was admitted is not known.") from refused
                raise
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
            time.sleep(random.uniform(0, pause))
        raise Unavailable("Too many others spend the same credits.")

    def _snapshot(self, proofs: Iterable[keys.Key]) -> _Snapshot:
        """Read everything that a decision depends on, as it is at one instant."""
        while True:
            spread = dict(self.ledgers)
            wanted = [*proofs, *self._keys(spread)]
            if len(wanted) > MAX_TRANSACTION_ACTIONS:
                raise _too_many_meters()
            items = self.store.snapshot(wanted)
            customer = profile(items.get(keys.customer(self.organization_id, self.customer_id)))
            if customer is None:
                raise _unknown(self.customer)
            self.ledgers = {
                ledger_id: bool(
                    items.get(keys.customer(self.organization_id, ledger_id), {}).get("spread")
                )
                for ledger_id in customer.ledger_ids
            }
            if self.ledgers == spread:
                return _Snapshot(self, items)

    def _keys(self, spread: Mapping[str, bool]) -> list[keys.Key]:
        owners = dict.fromkeys([self.customer_id, *spread])
        wanted = [keys.customer(self.organization_id, owner) for owner in owners]
        for meter_id, generation in self.deciding.items():
            wanted.append(keys.holds(self.organization_id, self.customer_id, meter_id))
            for ledger_id, is_spread in spread.items():
                shards = range(SHARDS + 1 if is_spread else 1)
                wanted += [
                    keys.balance(self.organization_id, ledger_id, meter_id, generation, shard)
                    for shard in shards
                ]
        return wanted


class _Snapshot:
    """An account at one instant: balances, open holds, and the items they were read from."""

    def __init__(self, account: _Account, items: Mapping[keys.Key, Item]) -> None:
        self.taken_at = times.now()
        self.items = items
        self._account = account
        self._stored = {
            meter_id: Holds.from_item(items.get(self._holds_key(meter_id)))
            for meter_id in account.deciding
        }
        self.holds = {
            meter_id: holds.open_at(self.taken_at) for meter_id, holds in self._stored.items()
        }
        self._balances = dict.fromkeys(account.deciding, ZERO)
        for key, item in items.items():
            if key.sk.startswith(keys.BALANCE_PREFIX):
                meter_id = keys.parse_balance(key.sk).meter_id
                self._balances[meter_id] = EXACT.add(self._balances[meter_id], item["sum"])

    def standings(
        self, used: Units | None = None, holds: Mapping[str, Holds] | None = None
    ) -> list[Standing]:
        """Where the customer stands, or will once this is used and that is held."""
        held = {**self.holds, **(holds or {})}
        return [
            Standing(
                meter_id,
                EXACT.add(balance, (used or {}).get(meter_id, ZERO)),
                held[meter_id].units(),
            )
            for meter_id, balance in self._balances.items()
        ]

    def require(self, units: Units, limit: Decimal, *, hold_id: str = "") -> None:
        """Refuse what the credits do not suffice for; what a hold reserves is there in any case."""
        for standing in self.standings():
            required = units.get(standing.meter_id)
            if required is None:
                continue
            reserved = self.holds[standing.meter_id].units_of(hold_id)
            beyond = EXACT.subtract(required, reserved)
            if beyond <= 0:
                continue
            if not standing.admits(beyond, limit):
                others = replace(standing, held=EXACT.subtract(standing.held, reserved))
                raise InsufficientCredits(
                    standing.meter_id,
                    balance=standing.balance,
                    required=required,
                    available_credits=others.available_credits,
                )

    def writes(
        self, *, matches: Sequence[Match] = (), holds: Mapping[str, Holds] | None = None
    ) -> list[Write]:
        """Count the matches, change the holds, and hold every `rev` to what was read.

        The first shard of every ledger is written for every meter that decides, so that of two
        decisions with anything in common one fails. Holds that have expired are taken out: whoever
        would still capture one finds that it has to compete.
        """
        account = self._account
        now = times.to_text(self.taken_at)
        deltas: dict[BalanceOf, Delta] = {
            BalanceOf(ledger_id, meter_id, generation): Delta()
            for ledger_id in account.ledgers
            for meter_id, generation in account.deciding.items()
        }
        deciding = set(deltas)
        for match in matches:
            about = BalanceOf(account.ledger_id, match.meter_id, match.generation)
            deltas.setdefault(about, Delta()).add(match.units)
        writes = [
            add_to_balance(
                account.organization_id,
                about,
                0,
                delta,
                now,
                rev=self._rev(about, delta) if about in deciding else None,
            )
            for about, delta in deltas.items()
        ]
        for meter_id, held in {**self.holds, **(holds or {})}.items():
            if held != self._stored[meter_id]:
                writes.append(put_over(self._holds_key(meter_id), held.to_item()))
        return writes

    def _rev(self, about: BalanceOf, delta: Delta) -> int:
        """The `rev` of a first shard as it was read, 0 where there is none."""
        item = self.items.get(keys.balance(self._account.organization_id, *about, 0))
        if item is None:
            return 0
        if abs(EXACT.add(item["sum"], delta.sum)) >= LIMIT:
            raise _invalid("value_error", "metadata", "The balance would reach 10^18.")
        return int(item["rev"])

    def _holds_key(self, meter_id: str) -> keys.Key:
        account = self._account
        return keys.holds(account.organization_id, account.customer_id, meter_id)


def _charge(
    store: Store, organization_id: str, named: Named, name: str, metadata: Mapping[str, Any]
) -> tuple[_Account, Event, list[Match]]:
    """Find the customer, make the event, and match it with the meters as they are now."""
    version_key = keys.meter_version(organization_id)
    pointer_key = keys.external(organization_id, named.id) if named.by_external_id else None
    found = store.batch_get([version_key, *([pointer_key] if pointer_key else [])])
    version = catalog.version_of(found.get(version_key))
    customer_id = ledger_id = named.id
    if pointer_key:
        item = found.get(pointer_key)
        pointer = None if item is None else Pointer.from_item(item)
        if pointer is None or pointer.state != "customer":
            raise _unknown(named)
        customer_id, ledger_id = pointer.customer_id, pointer.ledger_id
        if pointer.meter_version > version:
            # The pointer was read after the version, and its ledger began in between.
            version = catalog.version_of(store.get(version_key))
    meters = catalog.meters_at(store, organization_id, version)
    account = _Account(
        store,
        organization_id,
        named,
        customer_id,
        ledger_id,
        meters,
        ledgers=dict.fromkeys([customer_id, ledger_id], False),
    )
    event = _event(named, name, metadata)
    return account, event, meters.match(event)


def _account_of(store: Store, organization_id: str, hold: Hold) -> _Account:
    """The account that a hold was placed on, with the meters that it reserves units of."""
    version = catalog.version_of(store.get(keys.meter_version(organization_id)))
    meters = catalog.meters_at(store, organization_id, version)
    return _Account(
        store,
        organization_id,
        hold.customer,
        hold.customer_id,
        hold.ledger_id,
        meters,
        deciding={
            meter_id: meters.generations[meter_id]
            for meter_id in hold.units
            if meter_id in meters.generations
        },
        ledgers=dict.fromkeys([hold.customer_id, hold.ledger_id], False),
    )


def _decisive(account: _Account, matches: Iterable[Match]) -> Units:
    """The units that the deciding meters count; the meters join the account's."""
    units = {}
    for match in matches:
        if account.meters.functions[match.meter_id] in DECISIVE:
            account.deciding[match.meter_id] = match.generation
            units[match.meter_id] = match.units
    return units


def _require_units(units: Units, *, least: Decimal) -> None:
    """Refuse what no meter counts, and what would give instead of take. Raises `Invalid`."""
    if not units:
        raise _invalid("no_meter", "name", "No sum or count meter counts this event.")
    for counted in units.values():
        if counted < least:
            message = "A spend takes a positive number of units; a grant is an event."
            raise _invalid("greater_than", "metadata", message, counted)


def _too_many_meters() -> Invalid:
    message = "More balances decide on this than one transaction can read and write."
    return _invalid("too_many_meters", "name", message)


def _invalid(kind: str, field: str, message: str, given: Any = None) -> Invalid:
    return Invalid([Problem(kind, ("body", field), message, given)])


def _merged(held: Mapping[str, Any], used: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of a hold with what its capture puts in its place. Raises `Invalid`."""
    merged = {**held, **used}
    if len(merged) > MAX_METADATA_KEYS:
        message = f"Metadata has at most {MAX_METADATA_KEYS} keys, the hold's among them."
        raise _invalid("too_long", "metadata", message)
    return merged


def _event(named: Named, name: str, metadata: Mapping[str, Any]) -> Event:
    return Event(0, named, name, times.now(), metadata)


def _place(ledger_id: str, batch: str, event: Event) -> Place:
    return Place(ledger_id, keys.PageKey(event.hour, batch, 0, 0), 0)


def _named(body: SpendBody | HoldBody) -> Named:
    if body.external_customer_id is not None:
        return Named(True, body.external_customer_id)
    return Named(False, body.customer_id or "")


def _hold_id(organization_id: str, external_id: str) -> str:
    """The id of the hold with an external id: the same for each repeat, and no other's."""
    return hashlib.sha256(f"{organization_id}/{external_id}".encode()).hexdigest()[:32]


def _unknown(named: Named) -> Invalid:
    place = "external_customer_id" if named.by_external_id else "customer_id"
    return _invalid("value_error", place, "Customer does not exist.", named.id)


def _require_same_spend(counted: Claim, event: Event) -> None:
    if not counted.place.page.batch.startswith(SPEND_BATCH):
        raise Conflict("An ingested event has counted under this external id.")
    if counted.fingerprint != event.fingerprint():
        raise Conflict("Another spend was admitted under this external id.")
