"""The ledger: commits a batch's events, so that each counts exactly once.

A batch is committed by as few transactions as fit, each all or nothing. An attempt that died, or
whose answer was lost, is simply made again: its pages say how far it came, its claims which ids
have counted, and both are judged anew whenever a condition fails. What a retry must not change
(time of receipt, order, customers as named, ledgers) is fixed by the batch; everything else may.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core import times
from aureon.core.errors import AureonError, Invalid, Unavailable
from aureon.core.exact import EXACT
from aureon.core.retry import Backoff
from aureon.domain.balances import LIMIT, Delta
from aureon.domain.customers import Ledger, Pointer
from aureon.domain.events import CustomerRef
from aureon.domain.pages import Page, encode_events, page_item
from aureon.ledger import counters, reckoning
from aureon.ledger.blocks import blocks
from aureon.ledger.plan import (
    SHARDS,
    BalanceId,
    Claim,
    Group,
    Run,
    TransactionPlan,
    by_ledger,
    pack_transaction,
)
from aureon.storage import keys
from aureon.storage.expressions import equals
from aureon.storage.keys import Keys
from aureon.storage.limits import MAX_TRANSACTION_ACTIONS
from aureon.storage.store import (
    CONDITION_FAILED,
    TRANSACTION_CONFLICT,
    ConditionFailed,
    OrganizationStore,
    TransactionCancelled,
    Write,
    put,
    put_new,
    update,
)

# After so many conflicts over one balance, plain ingestion leaves its first shard for another.
CONFLICTS_BEFORE_SPREADING: Final = 2
MAX_ATTEMPTS: Final = 64
BACKOFF: Final = Backoff(first_seconds=0.005, longest_seconds=0.2)


class RequestSeen(AureonError):
    """The request's key was used meanwhile: the request must be resumed as a repeat."""


class PointersTaken(AureonError):
    """These external ids were given a ledger meanwhile, by somebody else: read them again."""

    def __init__(self, names: Collection[CustomerRef]) -> None:
        super().__init__(f"{len(names)} external ids were taken")
        self.names = names


class Receipt(NamedTuple):
    """What is remembered of a request with an ``Idempotency-Key``, besides its ledgers."""

    key: keys.Key
    received_at: str
    body_sha256: str


class _Action(NamedTuple):
    """A write of a transaction and what it is about, to understand why it failed."""

    kind: Literal["receipt", "pointer", "page", "claim", "balance", "value"]
    subject: Any
    write: Write


class _Transaction(NamedTuple):
    """The next transaction. One that only prepares for the others has no plan to commit."""

    actions: list[_Action]
    plan: TransactionPlan | None


class Committer(Struct):
    """Commits a batch's groups to one organization's ledgers.

    `meter_version` is the version of the meters that the events were matched with. `ledgers` is
    kept up to date: a name's pointer is taken out of it once it is put. `receipt` is what is left
    to remember of the request: it goes into the only transaction, or before the first of several.
    """

    store: OrganizationStore
    meter_version: int
    groups: Sequence[Group]
    ledgers: dict[CustomerRef, Ledger]
    receipt: Receipt | None = None
    _claims: dict[str, Claim] = field(default_factory=dict)
    _conflicts: Counter[BalanceId] = field(default_factory=Counter)

    def commit(self, *, repeated: bool) -> None:
        """Commit everything. `repeated` says that an earlier attempt may have come some way.

        Raises `RequestSeen` and `PointersTaken` where the caller has to read again, `Invalid`
        where a balance would leave its range, and `Unavailable` where time, or luck, ran out.
        """
        self.groups = by_ledger(self.groups)
        try:
            if repeated:
                self._resume_from_pages()
            self._commit()
        except Unavailable as unavailable:
            raise self._interrupted() from unavailable

    def dry_run(self) -> int:
        """How many events are left to count; raises `Invalid` where they cannot. Writes nothing."""
        self._resume_from_pages()
        left = 0
        sums: defaultdict[BalanceId, Decimal] = defaultdict(Decimal)
        while any(group.pending for group in self.groups):
            plan = pack_transaction(self.groups, self._claims, max_actions=sys.maxsize)
            left += sum(len(run.entries) for run in plan.runs)
            for balance, delta in plan.deltas.items():
                sums[balance] = EXACT.add(sums[balance], delta.sum)
            self._apply_commit(_Transaction([], plan))
        first_shards = {self.store.keys.balance(*balance, 0): balance for balance in sums}
        for key, item in self.store.batch_get(first_shards).items():
            sums[first_shards[key]] = EXACT.add(sums[first_shards[key]], item["sum"])
        for balance, total in sums.items():
            if abs(total) >= LIMIT:
                raise _out_of_range(balance)
        return left

    def _commit(self) -> None:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            transaction = self._next()
            try:
                self._pass_boundaries()
                if transaction.actions:
                    self.store.transact([action.write for action in transaction.actions])
            except TransactionCancelled as cancelled:
                self._handle_cancellation(transaction, cancelled)
            except Unavailable:
                # Whether it was applied is not known, nor needed: if it was, its pages are there.
                if not self.store.has_time():
                    raise
            else:
                self._apply_commit(transaction)
                if self.receipt is None and not any(group.pending for group in self.groups):
                    return
                continue
            BACKOFF.wait(attempt)
        raise Unavailable("Too many other calls write to the same balances.")

    def _pass_boundaries(self) -> None:
        """Let lots expire first that are due by this clock, of all ledgers that are written to."""
        pending = [group for group in self.groups if group.pending]
        passed = reckoning.pass_due(self.store, [group.ledger for group in pending])
        for name, ledger in self.ledgers.items():
            if ledger.id in passed:
                self.ledgers[name] = replace(ledger, next=passed[ledger.id].next)
        for group in pending:
            if group.ledger.id in passed:
                group.ledger = replace(group.ledger, next=passed[group.ledger.id].next)

    def _next(self) -> _Transaction:
        """Pack what is pending; remember the request first if that takes several transactions."""
        reserved = 0 if self.receipt is None else 1
        plan = pack_transaction(
            self.groups, self._claims, max_actions=MAX_TRANSACTION_ACTIONS - reserved
        )
        actions: list[_Action] = []
        if self.receipt is not None:
            if not plan.complete:
                return self._receipt_first(self.receipt)
            actions.append(self._receipt_action(self.receipt))
        for name, pointer in plan.pointers.items():
            actions.append(self._pointer_action(name, pointer))
        for run in plan.runs:
            if run.entries:
                actions.append(self._page_action(run))
        for external_id, (group, entry) in plan.claims.items():
            actions.append(
                self._claim_action(external_id, Claim(group.place(entry), entry.fingerprint))
            )
        return _Transaction([*actions, *self._balance_actions(plan.deltas)], plan)

    def _receipt_first(self, receipt: Receipt) -> _Transaction:
        """Fix what the request's several transactions must agree on: time, and ledgers.

        A ledger that is remembered must be one that its external id leads to, so pointers are put
        with the receipt; what does not fit beside it is put before.
        """
        pointers = [
            self._pointer_action(name, ledger.pointer)
            for name, ledger in self.ledgers.items()
            if ledger.pointer is not None
        ]
        if len(pointers) >= MAX_TRANSACTION_ACTIONS:
            return _Transaction(pointers[:MAX_TRANSACTION_ACTIONS], None)
        return _Transaction([self._receipt_action(receipt), *pointers], None)

    def _receipt_action(self, receipt: Receipt) -> _Action:
        item = {
            "received_at": receipt.received_at,
            "body_sha256": receipt.body_sha256,
            "ledger_ids": [ledger.id for ledger in self.ledgers.values()],
        }
        return _Action("receipt", None, put_new(receipt.key, item))

    def _pointer_action(self, name: CustomerRef, pointer: Pointer) -> _Action:
        return _Action("pointer", name, put_pointer(self.store.keys, name.id, pointer))

    def _page_action(self, run: Run) -> _Action:
        group = run.group
        item = page_item(
            encode_events(entry.text for entry in run.entries),
            last=run.last,
            meter_version=self.meter_version,
            customer=group.customer,
            block=blocks.of_next_page(self.store.organization_id),
            may_grant=all(entry.event.may_grant for entry in run.entries),
        )
        key = self.store.keys.page(group.ledger.id, group.next_page)
        return _Action("page", group, put_new(key, item))

    def _claim_action(self, external_id: str, claim: Claim) -> _Action:
        key = self.store.keys.claim(external_id)
        return _Action("claim", external_id, put_new(key, claim.to_item()))

    def _balance_actions(self, deltas: Mapping[BalanceId, Delta]) -> Iterator[_Action]:
        shards = {balance: self._shard(balance) for balance in deltas}
        needed = [
            key
            for balance, delta in deltas.items()
            for key in counters.needed(self.store.keys, balance, shards[balance], delta)
        ]
        known = self.store.batch_get(needed) if needed else {}
        now = times.to_text(times.now())
        for balance, delta in deltas.items():
            if abs(delta.sum) >= LIMIT:
                raise _out_of_range(balance)
            update, *values = counters.counted(
                self.store.keys, balance, shards[balance], delta, now, known=known
            )
            yield _Action("balance", balance, update)
            for value in values:
                yield _Action("value", balance, value)

    def _shard(self, balance: BalanceId) -> int:
        return random.randint(1, SHARDS) if self._is_spread(balance.ledger_id) else 0

    def _apply_commit(self, transaction: _Transaction) -> None:
        """Take note of what a transaction has done."""
        for action in transaction.actions:
            if action.kind == "receipt":
                self.receipt = None
            elif action.kind == "pointer":
                self._replace_ledger(
                    action.subject, replace(self.ledgers[action.subject], pointer=None)
                )
        if transaction.plan is not None:
            for external_id, (group, entry) in transaction.plan.claims.items():
                self._claims[external_id] = Claim(group.place(entry), entry.fingerprint)
            transaction.plan.mark_committed()

    def _handle_cancellation(
        self, transaction: _Transaction, cancelled: TransactionCancelled
    ) -> None:
        """Find out why a transaction was cancelled, so that the next plan fits what is there."""
        actions, plan = transaction
        failed = [
            action
            for action, reason in zip(actions, cancelled.reasons, strict=True)
            if reason == CONDITION_FAILED
        ]
        if any(action.kind == "receipt" for action in failed):
            raise RequestSeen("The request's key is in use.")
        taken = [action.subject for action in failed if action.kind == "pointer"]
        if taken:
            raise PointersTaken(taken)
        if failed and not self._resume_from_pages():
            for action in failed:
                # Where there is no sum, somebody else has set a greater value, or a lesser.
                if action.kind == "balance" and plan and plan.deltas[action.subject].sum:
                    raise _out_of_range(action.subject)
        for action, reason in zip(actions, cancelled.reasons, strict=True):
            if reason == TRANSACTION_CONFLICT and action.kind == "balance":
                self._conflicts[action.subject] += 1
                crowded = self._conflicts[action.subject] >= CONFLICTS_BEFORE_SPREADING
                if crowded and not self._is_spread(action.subject.ledger_id):
                    self._spread(action.subject.ledger_id)

    def _resume_from_pages(self) -> bool:
        """Read what earlier attempts and other batches have counted; say whether that is news.

        Pages come before claims: a page decides its run whatever its events' claims say. All
        claims are read at once, since a cancelled transaction need not name each that failed.
        """
        pages = 0
        waiting = [group for group in self.groups if group.pending]
        while waiting:
            found = self.store.batch_get(map(self._page_key, waiting))
            waiting = [group for group in waiting if self._page_key(group) in found]
            for group in waiting:
                group.resume_from_page(Page.from_item(found[self._page_key(group)]))
            pages += len(waiting)
            waiting = [group for group in waiting if group.pending]
        claims = self._read_claims()
        news = pages > 0 or claims.keys() - self._claims.keys()
        self._claims |= claims
        return bool(news)

    def _read_claims(self) -> dict[str, Claim]:
        """Read the claims of all events that are not known to have counted."""
        undecided = [
            entry
            for group in self.groups
            for entry in group.entries
            if entry.event.external_id is not None and not entry.inserted
        ]
        found = self.store.batch_get(
            self.store.keys.claim(entry.event.external_id or "") for entry in undecided
        )
        claims = {}
        for entry in undecided:
            external_id = entry.event.external_id or ""
            item = found.get(self.store.keys.claim(external_id))
            if item is not None:
                claims[external_id] = Claim.from_item(item)
                if entry.inserted is False:
                    entry.duplicates(claims[external_id].fingerprint)
        return claims

    def _page_key(self, group: Group) -> keys.Key:
        return self.store.keys.page(group.ledger.id, group.next_page)

    def _is_spread(self, ledger_id: str) -> bool:
        return any(ledger.spread for ledger in self.ledgers.values() if ledger.id == ledger_id)

    def _spread(self, ledger_id: str) -> None:
        """Mark a ledger as spread, before anything is written to another shard than its first.

        The mark is in the item of the ledger's own partition, where a spend reads it; a pointer
        has a copy, for events that name their customer by an external id.
        """
        marks = [self.store.keys.customer(ledger_id)]
        named = [name for name, ledger in self.ledgers.items() if ledger.id == ledger_id]
        for name in named:
            if name.by_external_id and self.ledgers[name].pointer is None:
                marks.append(self.store.keys.external(name.id))
        try:
            self.store.write(update(marks[0], {"spread": True}))
            for mark in marks[1:]:
                of_the_ledger = equals("ledger_id", ledger_id)
                self.store.write(update(mark, {"spread": True}, condition=of_the_ledger))
        except (ConditionFailed, Unavailable):
            return
        for name in named:
            self._replace_ledger(name, replace(self.ledgers[name], spread=True))

    def _replace_ledger(self, name: CustomerRef, ledger: Ledger) -> None:
        self.ledgers[name] = ledger
        for group in self.groups:
            # A group that goes on in an earlier ledger of its name stays there.
            if group.customer == name and group.ledger.id == ledger.id:
                group.ledger = ledger

    def _interrupted(self) -> Unavailable:
        entries = [entry for group in self.groups for entry in group.entries]
        counted = sum(entry.inserted is True for entry in entries)
        return Unavailable(
            f"At least {counted} of {len(entries)} events have counted. Sent again with the same "
            "Idempotency-Key, or the same external ids, each counts once."
        )


def put_pointer(org_keys: Keys, external_id: str, pointer: Pointer) -> Write:
    """Put a pointer, conditional on nobody having changed it since it was read."""
    key = org_keys.external(external_id)
    item = pointer.to_item(org_keys)
    if pointer.rev == 1:
        return put_new(key, item)
    return put(key, item, equals("rev", pointer.rev - 1))


def _out_of_range(balance: BalanceId) -> Invalid:
    message = f"The balance of meter {balance.meter_id} would reach 10^15, and must stay below."
    return Invalid.at(("body", "events"), message)
