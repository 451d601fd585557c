"""An account: all that a decision about a customer's credits depends on, read at one instant.

Every decision is made from one snapshot, and committed on the condition that nothing of it has
changed: each balance item's `rev`, on the first shard of every ledger of the customer. A call
that loses a race takes a new snapshot. Decisions are strictly serializable: one takes effect at its
snapshot, and no other can lie between that and its commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from decimal import Decimal
from functools import reduce
from itertools import product, starmap
from typing import Any, Final, Generic, NamedTuple, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core import times
from aureon.core.errors import (
    Incomplete,
    InsufficientCredits,
    Invalid,
    TooManyHolds,
    Unavailable,
)
from aureon.core.exact import EXACT, ZERO
from aureon.core.retry import Backoff
from aureon.core.turns import Turns
from aureon.domain.balances import LIMIT, Delta
from aureon.domain.credits import Candidate, CreditPosition, Drawn, Holds, Units, deciding
from aureon.domain.customers import Pointer, due, next_in, profile
from aureon.domain.events import CustomerRef, Event
from aureon.domain.lots import Lots, grant_id
from aureon.domain.meters import Match, MeterSet, Uncounted
from aureon.domain.pages import encode_event, encode_events, page_item
from aureon.ledger import counters, reckoning
from aureon.ledger.blocks import blocks
from aureon.ledger.committer import PointersTaken, put_pointer
from aureon.ledger.plan import SHARDS, BalanceId
from aureon.meters import backfills
from aureon.storage import keys
from aureon.storage.limits import MAX_TRANSACTION_ACTIONS
from aureon.storage.store import (
    Item,
    OrganizationStore,
    TransactionCancelled,
    Write,
    put_over,
)

MAX_ATTEMPTS: Final = 200
BACKOFF: Final = Backoff(first_seconds=0.002, longest_seconds=0.1)
# How long a decision waits for others on the same customer: less than its request may take.
TURN_SECONDS: Final = 5.0
# Given by a process that serves several requests at once; on Lambda, none does.
turns: Turns | None = None

T = TypeVar("T")


class Decision(Struct, Generic[T], frozen=True):
    """What to answer, and what to write for it: nothing, where it was written before."""

    result: T
    writes: Sequence[Write] = ()


def commit_decision(
    store: OrganizationStore, decide: Callable[[], Decision[T]], note: Write | None = None
) -> T:
    """Decide and commit, anew as long as others come in between, with a note in the audit trail.

    Once the outcome of a commit is not known, what a later decision would refuse may still come
    about: `Unavailable`.
    """
    uncertain = False
    for attempt in range(1, MAX_ATTEMPTS + 1):
        committing = False
        try:
            decision = decide()
            writes = [*decision.writes, *([note] if note else [])] if decision.writes else []
            if len(writes) > MAX_TRANSACTION_ACTIONS:
                raise _too_many_meters()
            if writes:
                committing = True
                store.transact(writes)
            return decision.result
        except TransactionCancelled:
            pass
        except Incomplete:
            raise
        except Unavailable:
            uncertain = uncertain or committing
            if not store.has_time():
                raise
        except (InsufficientCredits, Invalid, TooManyHolds) as refused:
            if uncertain:
                raise Unavailable("Whether it was admitted is not known.") from refused
            raise
        BACKOFF.wait(attempt)
    raise Unavailable("Too many other calls spend the same credits.")


class Account(Struct):
    """A customer, the meters that may decide, and the ledger that its event goes to.

    Who has no profile yet is a ghost, whose ledger began with `meter_version`; `pointer` is to be
    put with its first event, and `of_ghost` says whether a snapshot found that it is one.
    `candidates` are the generations of the meters that may decide, by their ids: which of them do
    is for a snapshot to say. `ledgers` are all ledgers of the customer, each with whether it is
    spread, as far as is known: a snapshot that shows otherwise corrects them, and whose they are.
    `matches` are what the event, once admitted, is to the meters that count it, be they candidates
    or not, and `uncounted` is what they would have counted, were it another value.
    """

    store: OrganizationStore
    customer: CustomerRef
    customer_id: str
    ledger_id: str
    meters: MeterSet
    meter_version: int = 0
    pointer: Pointer | None = None
    of_ghost: bool = False
    candidates: dict[str, int] = field(default_factory=dict)
    ledgers: dict[str, bool] = field(default_factory=dict)
    matches: Sequence[Match] = ()
    uncounted: Sequence[Uncounted] = ()

    def match(self, event: Event) -> None:
        """Find out what the event is to the meters."""
        uncounted: list[Uncounted] = []
        self.uncounted = uncounted
        self.matches = self.meters.match(event, uncounted)

    def page(self, event: Event, origin: str, drawn: Sequence[Drawn] = ()) -> dict[str, Any]:
        """The page of a single event, with what it took of which lots, for a refund to find."""
        item = page_item(
            encode_events([encode_event(0, event)]),
            last=0,
            meter_version=self.meters.version,
            customer=self.customer,
            block=blocks.of_next_page(self.store.organization_id),
            origin=origin,
            actor=self.store.actor,
        )
        if drawn:
            taken: dict[str, list[Any]] = {}
            for one in drawn:
                granted_at = times.to_text(one.granted_at)
                taken.setdefault(one.meter_id, []).append([one.lot_id, granted_at, one.units])
            item["drawn"] = taken
        return item

    def decide_and_commit(
        self,
        decide: Callable[[Snapshot], Decision[T]],
        *proofs: keys.Key,
        note: Write | None = None,
    ) -> T:
        """Decide on a snapshot and commit, anew as long as others come in between.

        `proofs` are the items that show what was done before. Once the outcome of a commit is not
        known, what a later snapshot would refuse may still come about: `Unavailable`.
        """
        about = (self.store.table, self.store.organization_id, self.customer_id)
        with turns.take(about, TURN_SECONDS) if turns else nullcontext():
            return commit_decision(
                self.store, lambda: self._decide(decide, self._snapshot(proofs)), note
            )

    def _decide(self, decide: Callable[[Snapshot], Decision[T]], now: Snapshot) -> Decision[T]:
        """Decide; a refusal lets calls that looked before it look again."""
        try:
            return decide(now)
        except (InsufficientCredits, TooManyHolds):
            if raised := self.raised(now):
                self.store.transact(raised)
            raise

    def raised(self, now: Snapshot) -> list[Write]:
        """Every `rev`, raised for an answer that changes nothing, and is not a repeat.

        Usage in other shards raises no `rev`, nor does a link, which brings a ledger. A decision
        that took its snapshot before either may be committed after it; what is answered in between
        has seen the usage and not the decision, though it comes after both. It would matter where
        the two are one spend that was sent twice, or a capture gives something back, or ends a hold
        that was said to be open. None is raised where no usage can slip in: for a customer whose
        only ledger has one shard.
        """
        return now.writes() if len(self.ledgers) > 1 or any(self.ledgers.values()) else []

    def _snapshot(self, proofs: Iterable[keys.Key]) -> Snapshot:
        """Read everything that a decision depends on, as it is at one instant."""
        while True:
            assumed = (self.customer_id, self.ledgers)
            wanted = [*proofs, *self._keys()]
            if len(wanted) > MAX_TRANSACTION_ACTIONS:
                raise _too_many_meters()
            items = self.store.snapshot(wanted)
            self._correct(items)
            if (self.customer_id, self.ledgers) != assumed:
                continue
            now = Snapshot(self, items)
            expired = self._due(items, now.taken_at)
            if not expired:
                return now
            for name in expired:
                reckoning.reckon(self.store, self.customer_id, name)

    def _due(self, items: Mapping[keys.Key, Item], now: datetime) -> list[str]:
        """The lots that have expired by now of meters that may decide, or count the event."""
        meters = {**self.candidates, **{match.meter_id: match.generation for match in self.matches}}
        names = set(starmap(keys.next_of, meters.items()))
        next_ = next_in(items.get(self.store.keys.customer(self.customer_id)))
        return [name for name in due(next_, now) if name in names]

    def _correct(self, items: Mapping[keys.Key, Item]) -> None:
        """Take from a snapshot who the customer is, and which ledgers it has.

        Raises `PointersTaken` where somebody else has given the external id a ledger meanwhile.
        """
        if self.pointer is not None:
            found = items.get(self.store.keys.external(self.customer.id))
            if found is not None and int(found["rev"]) >= self.pointer.rev:
                if found["ledger_id"] != self.ledger_id:
                    raise PointersTaken([self.customer])
                self.pointer = None
        item = items.get(self.store.keys.customer(self.customer_id), {})
        owner = profile(item)
        if "linked_to" in item:
            # It was a ghost when its ledger was found.
            self.customer_id = item["linked_to"]
            return
        if owner is None and ("created_at" in item or not self.customer.by_external_id):
            raise unknown(self.customer)
        self.of_ghost = owner is None
        ledger_ids = (self.customer_id,) if owner is None else owner.ledger_ids
        self.ledgers = {
            ledger_id: bool(items.get(self.store.keys.customer(ledger_id), {}).get("spread"))
            for ledger_id in ledger_ids
        }

    @property
    def owners(self) -> list[str]:
        """The partitions of the customer, and of the ledgers that it was linked to later."""
        return list(dict.fromkeys([self.customer_id, *self.ledgers]))

    def _keys(self) -> list[keys.Key]:
        wanted = [self.store.keys.customer(owner) for owner in self.owners]
        if self.pointer is not None:
            wanted.append(self.store.keys.external(self.customer.id))
        for meter_id, generation in self.candidates.items():
            wanted += [self.store.keys.holds(owner, meter_id) for owner in self.owners]
            wanted.append(self.store.keys.lots(self.customer_id, meter_id, generation))
            for ledger_id, is_spread in self.ledgers.items():
                shards = range(SHARDS + 1 if is_spread else 1)
                wanted += [
                    self.store.keys.balance(ledger_id, meter_id, generation, shard)
                    for shard in shards
                ]
        for match in self.matches:
            delta = Delta()
            delta.add(match)
            about = BalanceId(self.ledger_id, match.meter_id, match.generation)
            wanted += counters.needed(self.store.keys, about, 0, delta)
        return wanted


class HoldsOf(NamedTuple):
    """Whose open holds, and of which meter: a customer's, or a ghost's that was linked to it."""

    owner_id: str
    meter_id: str


class Snapshot:
    """An account at one instant: balances, open holds, and the items they were read from."""

    def __init__(self, account: Account, items: Mapping[keys.Key, Item]) -> None:
        self.taken_at = times.now()
        self.items = items
        self._account = account
        self._stored = {
            about: Holds.from_item(items.get(self._holds_key(about)))
            for about in starmap(HoldsOf, product(account.owners, account.candidates))
        }
        self.holds = {about: holds.open_at(self.taken_at) for about, holds in self._stored.items()}
        self._balances = dict.fromkeys(account.candidates, ZERO)
        self._used = dict.fromkeys(account.candidates, ZERO)
        self._granted = set()
        for key, item in items.items():
            meter_id = _meter_of(key)
            if meter_id in self._balances:
                self._balances[meter_id] = EXACT.add(self._balances[meter_id], item["sum"])
                self._used[meter_id] = EXACT.add(self._used[meter_id], item.get("used", ZERO))
                if item.get("granted"):
                    self._granted.add(meter_id)

    def balance(self, meter_id: str) -> Decimal:
        """The balance of a meter that may decide."""
        return self._balances[meter_id]

    def deciding(self, meter_ids: Iterable[str]) -> set[str]:
        """Which of these meters decide."""
        meters = self._account.meters.meters
        return deciding(
            [
                Candidate(
                    meter_id,
                    meters[meter_id].limits_spending,
                    granted=meter_id in self._granted,
                    complete=not self._incomplete(meter_id),
                )
                for meter_id in meter_ids
            ]
        )

    def standings(
        self,
        decided: Collection[str] = (),
        used: Units | None = None,
        holds: Mapping[HoldsOf, Holds] | None = None,
    ) -> list[CreditPosition]:
        """Where the customer stands, or will once this is used and that is held."""
        held = {**self.holds, **(holds or {})}
        return [
            CreditPosition(
                meter_id,
                EXACT.add(balance, (used or {}).get(meter_id, ZERO)),
                _sum(holds.units() for about, holds in held.items() if about.meter_id == meter_id),
                decides=meter_id in decided,
            )
            for meter_id, balance in self._balances.items()
        ]

    def drawn(self, units: Units) -> list[Drawn]:
        """What using these units takes of which lots, in the order in which they are burned."""
        account = self._account
        found = []
        for meter_id, generation in account.candidates.items():
            key = account.store.keys.lots(account.customer_id, meter_id, generation)
            if key not in self.items or meter_id not in units:
                continue
            used = self._used[meter_id]
            before = Lots.from_item(self.items[key]).burned(used)
            after = before.burned(EXACT.add(used, units[meter_id]))
            for lot_id, taken in before.drawn(after).items():
                lot = before.get(lot_id)
                if lot is not None:
                    id_ = grant_id(account.customer_id, lot)
                    found.append(Drawn(meter_id, id_, taken, lot_id, lot.granted_at))
        return found

    def require(self, units: Units, limit: Decimal, *, hold_id: str = "") -> None:
        """Refuse what the credits do not suffice for; what a hold reserves is there in any case."""
        for standing in self.standings():
            meter_id = standing.meter_id
            required = units.get(meter_id)
            if required is None:
                continue
            reserved = _sum(
                holds.units_of(hold_id)
                for about, holds in self.holds.items()
                if about.meter_id == meter_id
            )
            beyond = EXACT.subtract(required, reserved)
            if beyond <= 0:
                continue
            self.require_complete(meter_id)
            if not standing.admits(beyond, limit):
                others = replace(standing, held=EXACT.subtract(standing.held, reserved))
                raise InsufficientCredits(
                    meter_id,
                    self._account.meters.meters[meter_id].name,
                    balance=standing.balance,
                    required=required,
                    available_credits=others.available_credits,
                )

    def with_hold(self, hold_id: str, units: Units, expires_at: datetime) -> dict[HoldsOf, Holds]:
        """The open holds with one more, or with one that lasts until another time."""
        holds = self.without_hold(hold_id)
        for meter_id, held in units.items():
            about = HoldsOf(self._account.customer_id, meter_id)
            holds[about] = holds[about].with_hold(hold_id, held, expires_at)
        return holds

    def without_hold(self, hold_id: str) -> dict[HoldsOf, Holds]:
        """The open holds without one."""
        return {about: holds.without(hold_id) for about, holds in self.holds.items()}

    def writes(
        self,
        *,
        counting: bool = False,
        holds: Mapping[HoldsOf, Holds] | None = None,
        lots_revs: Mapping[str, int] | None = None,
    ) -> list[Write]:
        """Count the account's matches, change the holds, and hold every `rev` to what was read.

        The first shard of every ledger is written for every meter that may decide, so that of two
        decisions with anything in common one fails. Holds that have expired are taken out: a
        late capture finds that it has to compete. `lots_revs` are the numbers of the
        changes of lots that it is a part of, by meter.
        """
        account = self._account
        now = times.to_text(self.taken_at)
        deltas: dict[BalanceId, Delta] = {
            BalanceId(ledger_id, meter_id, generation): Delta(
                watched=account.meters.meters[meter_id].watched
            )
            for ledger_id in account.ledgers
            for meter_id, generation in account.candidates.items()
        }
        conditional = set(deltas)
        for match in account.matches if counting else ():
            about = BalanceId(account.ledger_id, match.meter_id, match.generation)
            deltas.setdefault(about, Delta()).add(match)
        writes = [
            write
            for about, delta in deltas.items()
            for write in counters.counted(
                account.store.keys,
                about,
                0,
                delta,
                now,
                known=self.items,
                rev=self._rev(about, delta) if about in conditional else None,
                lots_rev=(lots_revs or {}).get(about.meter_id)
                if about.ledger_id == account.customer_id
                else None,
            )
        ]
        for owned, held in {**self.holds, **(holds or {})}.items():
            if held != self._stored[owned]:
                writes.append(put_over(self._holds_key(owned), held.to_item()))
        if account.pointer is not None:
            writes.append(put_pointer(account.store.keys, account.customer.id, account.pointer))
        return writes

    def require_complete(self, meter_id: str) -> None:
        """Refuse to decide on a balance that is still counting the past."""
        account = self._account
        for ledger_id in self._incomplete(meter_id):
            meter = account.meters.meters[meter_id]
            backfills.request_ledger(account.store.organization_id, meter, ledger_id)
            raise Incomplete(meter_id)

    def _incomplete(self, meter_id: str) -> list[str]:
        """The ledgers whose past the meter is still counting."""
        store = self._account.store
        meter = self._account.meters.meters[meter_id]
        found = []
        for ledger_id in self._account.ledgers:
            first = store.keys.balance(ledger_id, meter_id, meter.generation, 0)
            counted_to = self.items.get(first, {}).get("counted_to")
            if not meter.is_complete(self._began_with(ledger_id), counted_to):
                found.append(ledger_id)
        return found

    def _began_with(self, ledger_id: str) -> int:
        """The version of the meters that a ledger began with; 0 where it was linked later."""
        account = self._account
        if ledger_id != account.customer_id:
            return 0
        item = self.items.get(account.store.keys.customer(ledger_id), {})
        return int(item.get("meter_version", account.meter_version))

    def _rev(self, about: BalanceId, delta: Delta) -> int:
        """The `rev` of a first shard as it was read, 0 where it has none."""
        item = self.items.get(self._account.store.keys.balance(*about, 0))
        if item is None:
            return 0
        after = abs(EXACT.add(item["sum"], delta.sum))
        if after >= LIMIT and after > abs(item["sum"]):
            raise Invalid.at(("body", "metadata"), "The balance would reach 10^15.")
        return int(item["rev"])

    def _holds_key(self, about: HoldsOf) -> keys.Key:
        return self._account.store.keys.holds(*about)


def _meter_of(key: keys.Key) -> str | None:
    """The meter whose balance is kept under a key, if one is."""
    if not key.sk.startswith(keys.BALANCE_PREFIX):
        return None
    return keys.parse_balance(key.sk).meter_id


def _sum(units: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, units, ZERO)


def _too_many_meters() -> Invalid:
    message = (
        "More meters may decide on this than one transaction can read and write: let those that "
        "are only looked at never limit spending, or name the meter that decides."
    )
    return Invalid.at(("body", "name"), message, kind="too_many_meters")


def unknown(named: CustomerRef) -> Invalid:
    """What to answer where the customer does not exist."""
    place = "external_customer_id" if named.by_external_id else "customer_id"
    return Invalid.at(("body", place), "Customer does not exist.", named.id)
