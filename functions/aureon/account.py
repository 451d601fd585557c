"""An account: all that a decision about a customer's credits depends on, read at one instant.

Every decision is made from one snapshot, and committed on the condition that nothing of it has
changed: each balance item's `rev`, on the first shard of every ledger of the customer. Whoever
loses a race takes a new snapshot. Decisions are strictly serializable: one takes effect at its
snapshot, and no other can lie between that and its commit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from aureon import backfill, counters, keys, times
from aureon.domain.balances import LIMIT, Delta
from aureon.domain.credits import Holds, Standing, Units
from aureon.domain.customers import profile
from aureon.domain.events import Event, Named
from aureon.domain.fold import BalanceOf
from aureon.domain.meters import Match, MeterSet
from aureon.domain.pages import encode_event, encode_events, page_item
from aureon.errors import (
    Incomplete,
    InsufficientCredits,
    Invalid,
    Problem,
    TooManyHolds,
    Unavailable,
)
from aureon.exact import EXACT, ZERO
from aureon.ledger import SHARDS
from aureon.store import (
    MAX_TRANSACTION_ACTIONS,
    Item,
    Store,
    TransactionCancelled,
    Write,
    put_over,
)

MAX_ATTEMPTS: Final = 200
FIRST_PAUSE_SECONDS: Final = 0.002
LONGEST_PAUSE_SECONDS: Final = 0.1
INCOMPLETE_RETRY_SECONDS: Final = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Decision(Generic[T]):
    """What to answer, and what to write for it: nothing, where it was written before."""

    result: T
    writes: Sequence[Write] = ()


@dataclass
class Account:
    """A customer, the meters that decide, and the ledger that its event goes to.

    `ledgers` are all ledgers of the customer, each with whether it is spread, as far as is known:
    a snapshot that shows otherwise corrects them. `matches` are what the event, once admitted, is
    to the meters that count it, be they decisive or not.
    """

    store: Store
    organization_id: str
    customer: Named
    customer_id: str
    ledger_id: str
    meters: MeterSet
    deciding: dict[str, int] = field(default_factory=dict)
    ledgers: dict[str, bool] = field(default_factory=dict)
    matches: Sequence[Match] = ()

    def page(self, event: Event, origin: str) -> dict[str, Any]:
        """The page of a single event."""
        return page_item(
            encode_events([encode_event(0, event)]),
            last=0,
            meter_version=self.meters.version,
            customer=self.customer,
            origin=origin,
        )

    def settle(self, decide: Callable[[Snapshot], Decision[T]], *proofs: keys.Key) -> T:
        """Decide on a snapshot and commit, anew as long as others come in between.

        `proofs` are the items that show what was done before. Once the outcome of a commit is not
        known, what a later snapshot would refuse may still come about: `Unavailable`.
        """
        uncertain = False
        for attempt in range(MAX_ATTEMPTS):
            committing = False
            try:
                decision = self._decide(decide, self._snapshot(proofs))
                if len(decision.writes) > MAX_TRANSACTION_ACTIONS:
                    raise _too_many_meters()
                if decision.writes:
                    committing = True
                    self.store.transact(decision.writes)
                return decision.result
            except TransactionCancelled:
                pass
            except Incomplete:
                raise
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

    def _decide(self, decide: Callable[[Snapshot], Decision[T]], now: Snapshot) -> Decision[T]:
        """Decide; where usage may slip in, let whoever looked before a refusal look again.

        Usage in other shards raises no `rev`, nor does a link, which brings a ledger. A decision
        that took its snapshot before either may be committed after it; what is refused in between
        has seen the usage and not the decision, though it comes after both. It would matter where
        the two are one spend that was sent twice, or a capture gives something back. So a refusal
        raises every `rev`, but for a customer whose only ledger has one shard.
        """
        try:
            return decide(now)
        except (InsufficientCredits, TooManyHolds):
            if len(self.ledgers) > 1 or any(self.ledgers.values()):
                self.store.transact(now.writes())
            raise

    def _snapshot(self, proofs: Iterable[keys.Key]) -> Snapshot:
        """Read everything that a decision depends on, as it is at one instant."""
        while True:
            spread = dict(self.ledgers)
            wanted = [*proofs, *self._keys(spread)]
            if len(wanted) > MAX_TRANSACTION_ACTIONS:
                raise _too_many_meters()
            items = self.store.snapshot(wanted)
            customer = profile(items.get(keys.customer(self.organization_id, self.customer_id)))
            if customer is None:
                raise unknown(self.customer)
            self.ledgers = {
                ledger_id: bool(
                    items.get(keys.customer(self.organization_id, ledger_id), {}).get("spread")
                )
                for ledger_id in customer.ledger_ids
            }
            if self.ledgers == spread:
                return Snapshot(self, items)

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
        for match in self.matches:
            delta = Delta()
            delta.add(match)
            about = BalanceOf(self.ledger_id, match.meter_id, match.generation)
            wanted += counters.needed(self.organization_id, about, 0, delta)
        return wanted


class Snapshot:
    """An account at one instant: balances, open holds, and the items they were read from."""

    def __init__(self, account: Account, items: Mapping[keys.Key, Item]) -> None:
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
            meter_id = _meter_of(key)
            if meter_id in self._balances:
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
            self._require_complete(standing.meter_id)
            if not standing.admits(beyond, limit):
                others = replace(standing, held=EXACT.subtract(standing.held, reserved))
                raise InsufficientCredits(
                    standing.meter_id,
                    balance=standing.balance,
                    required=required,
                    available_credits=others.available_credits,
                )

    def writes(
        self, *, counting: bool = False, holds: Mapping[str, Holds] | None = None
    ) -> list[Write]:
        """Count the account's matches, change the holds, and hold every `rev` to what was read.

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
        for match in account.matches if counting else ():
            about = BalanceOf(account.ledger_id, match.meter_id, match.generation)
            deltas.setdefault(about, Delta()).add(match)
        writes = [
            write
            for about, delta in deltas.items()
            for write in counters.counted(
                account.organization_id,
                about,
                0,
                delta,
                now,
                known=self.items,
                rev=self._rev(about, delta) if about in deciding else None,
            )
        ]
        for meter_id, held in {**self.holds, **(holds or {})}.items():
            if held != self._stored[meter_id]:
                writes.append(put_over(self._holds_key(meter_id), held.to_item()))
        return writes

    def _require_complete(self, meter_id: str) -> None:
        """Refuse to decide on a balance that is still counting the past."""
        account = self._account
        meter = account.meters.meters[meter_id]
        organization_id = account.organization_id
        profile = self.items[keys.customer(organization_id, account.customer_id)]
        for ledger_id in account.ledgers:
            own = ledger_id == account.customer_id
            first = keys.balance(organization_id, ledger_id, meter_id, meter.generation, 0)
            counted_to = self.items.get(first, {}).get("counted_to")
            if not meter.is_complete(int(profile["meter_version"]) if own else 0, counted_to):
                backfill.ask(organization_id, meter, ledger_id)
                raise Incomplete(
                    f"Meter {meter_id} is still counting this customer's past events.",
                    retry_after_seconds=INCOMPLETE_RETRY_SECONDS,
                )

    def _rev(self, about: BalanceOf, delta: Delta) -> int:
        """The `rev` of a first shard as it was read, 0 where there is none."""
        item = self.items.get(keys.balance(self._account.organization_id, *about, 0))
        if item is None:
            return 0
        if abs(EXACT.add(item["sum"], delta.sum)) >= LIMIT:
            raise invalid("value_error", "metadata", "The balance would reach 10^18.")
        return int(item["rev"])

    def _holds_key(self, meter_id: str) -> keys.Key:
        account = self._account
        return keys.holds(account.organization_id, account.customer_id, meter_id)


def _meter_of(key: keys.Key) -> str | None:
    """The meter whose balance is kept under a key, if one is."""
    if not key.sk.startswith(keys.BALANCE_PREFIX):
        return None
    return keys.parse_balance(key.sk).meter_id


def _too_many_meters() -> Invalid:
    message = "More balances decide on this than one transaction can read and write."
    return invalid("too_many_meters", "name", message)


def unknown(named: Named) -> Invalid:
    """What to answer where the customer does not exist."""
    place = "external_customer_id" if named.by_external_id else "customer_id"
    return invalid("value_error", place, "Customer does not exist.", named.id)


def invalid(kind: str, field: str, message: str, given: Any = None) -> Invalid:
    """One broken rule of a body's field."""
    return Invalid([Problem(kind, ("body", field), message, given)])
