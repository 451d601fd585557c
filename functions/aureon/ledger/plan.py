"""Plans: from the events of a batch to the next transaction that counts some of them.

A batch's events form groups, one for each customer as named and hour, in the order sent. A group
is committed in runs from its first event to its last; each run is one page, the claims of its
events and its part of the balances. A plan packs the next runs of as many groups as fit into one
transaction. Nothing is decided by a plan itself: what it holds is decided once its transaction is
committed, and the next plan starts from what was decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct, field

from aureon.domain.balances import Delta
from aureon.domain.customers import Ledger, Pointer
from aureon.domain.events import CustomerRef, Event, EventLocation
from aureon.domain.meters import Match
from aureon.domain.pages import MAX_TEXT_BYTES, Page, encode_event
from aureon.storage import keys

# A ledger that is spread has so many further shards of each balance.
SHARDS: Final = 16
# DynamoDB takes 4 MB in a transaction; the rest is left for keys, claims and balances.
MAX_PLAN_TEXT_BYTES: Final = 3_000_000


class Claim(NamedTuple):
    """What keeps an external id from counting twice: the event that counted under it."""

    place: EventLocation
    fingerprint: bytes

    def to_item(self) -> dict[str, Any]:
        return {
            "ledger_id": self.place.ledger_id,
            "page": keys.page_sort(self.place.page),
            "offset": self.place.offset,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Claim:
        page = keys.parse_page(item["page"])
        place = EventLocation(item["ledger_id"], page, int(item["offset"]))
        return cls(place, bytes(item["fingerprint"]))


class Entry:
    """An event on its way into the log, and what became of it.

    `inserted` is None until it is known whether the event counted or was a duplicate; `conflict`
    says that the event it repeats differs. `first` is the earlier entry of the batch that has the
    same external id, if there is one: of the two, it is the one to count.
    """

    __slots__ = (
        "conflict",
        "event",
        "fingerprint",
        "first",
        "inserted",
        "matches",
        "offset",
        "text",
    )

    def __init__(
        self, offset: int, event: Event, matches: list[Match], first: Entry | None = None
    ) -> None:
        self.offset = offset
        self.event = event
        self.matches = matches
        self.first = first
        self.text = encode_event(offset, event)
        self.fingerprint = event.fingerprint() if event.external_id is not None else b""
        self.inserted: bool | None = None
        self.conflict = False

    def duplicates(self, fingerprint: bytes) -> None:
        self.inserted = False
        self.conflict = self.fingerprint != fingerprint


class Group(Struct, eq=False):
    """The events of one batch for one customer as named and one hour.

    `decided` is how many of its first entries are known to have counted, or to be duplicates:
    the index of the first event of its next page.
    """

    batch: str
    number: int
    customer: CustomerRef
    hour: str
    ledger: Ledger
    entries: list[Entry] = field(default_factory=list)
    decided: int = 0

    @property
    def next_page(self) -> keys.PageKey:
        return keys.PageKey(self.hour, self.batch, self.number, self.decided)

    @property
    def pending(self) -> bool:
        return self.decided < len(self.entries)

    def place(self, entry: Entry) -> EventLocation:
        return EventLocation(self.ledger.id, self.next_page, entry.offset)

    def resume_from_page(self, page: Page) -> None:
        """Settle the run that a page proves: it was committed before, by an earlier attempt."""
        counted = {event.offset for event in page.events}
        for entry in self.entries[page.place.first : page.last + 1]:
            entry.inserted = entry.offset in counted
        self.decided = page.last + 1


def group_events(
    batch: str, events: Iterable[tuple[Event, list[Match]]], ledgers: Mapping[CustomerRef, Ledger]
) -> list[Group]:
    """Group a batch's events by customer as named and by hour, in the order sent.

    The order makes the groups' numbers, so that every attempt at a batch finds the same places.
    """
    groups: dict[tuple[CustomerRef, str], Group] = {}
    firsts: dict[str, Entry] = {}
    for event, matches in events:
        about = (event.customer, event.hour)
        group = groups.get(about)
        if group is None:
            group = Group(batch, len(groups), *about, ledgers[event.customer])
            groups[about] = group
        first = firsts.get(event.external_id) if event.external_id is not None else None
        entry = Entry(len(group.entries), event, matches, first)
        group.entries.append(entry)
        if event.external_id is not None:
            firsts.setdefault(event.external_id, entry)
    return list(groups.values())


def by_ledger(groups: Iterable[Group]) -> list[Group]:
    """The groups of each ledger together, otherwise in their order.

    What is packed together then shares the ledger's balances: of a delivery in which fifty
    customers are in each message, a transaction has all pages of a few of them.
    """
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(group.ledger.id, []).append(group)
    return [group for together in found.values() for group in together]


class Run(NamedTuple):
    """The part of a group that a plan counts: up to `last`, of which `entries` are new."""

    group: Group
    last: int
    entries: list[Entry]


class BalanceId(NamedTuple):
    """The balance that a delta is for, whichever shard it will go to."""

    ledger_id: str
    meter_id: str
    generation: int


class TransactionPlan:
    """The runs, claims, balances and pointers of one transaction.

    An event that repeats another's id is dropped against a claim, or against that event in the
    same transaction. Groups are taken one after the other, so the other may come later;
    `defer_repeats` says not to count on it, and to leave the repeat for a later plan.
    """

    def __init__(self, max_actions: int, *, defer_repeats: bool) -> None:
        self._actions_left = max_actions
        self._bytes_left = MAX_PLAN_TEXT_BYTES
        self._defer_repeats = defer_repeats
        self.runs: list[Run] = []
        self.claims: dict[str, tuple[Group, Entry]] = {}
        self.deltas: dict[BalanceId, Delta] = {}
        self.pointers: dict[CustomerRef, Pointer] = {}
        self._repeats: list[tuple[Entry, str]] = []
        self.complete = True

    @property
    def dropped_repeat_is_orphaned(self) -> bool:
        """Whether an event was dropped against one that then was not taken after all."""
        return any(external_id not in self.claims for _, external_id in self._repeats)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write: every event that it looked at counted before."""
        return not any(run.entries for run in self.runs)

    def take(self, group: Group, claims: Mapping[str, Claim]) -> None:
        """Add as much of the group's next run as fits."""
        run = Run(group, 0, [])
        text_bytes = 0
        last = len(group.entries) - 1
        for entry in group.entries[group.decided :]:
            external_id = entry.event.external_id
            if external_id is not None and self._counted(group, entry, external_id, claims):
                continue
            actions, deltas = self._needs(group, entry, first=not run.entries)
            size = len(entry.text)
            if (
                _is_awaited(entry.first)
                or actions > self._actions_left
                or size > self._bytes_left
                or text_bytes + size > MAX_TEXT_BYTES
            ):
                last = entry.offset - 1
                self.complete = False
                break
            self._actions_left -= actions
            self._bytes_left -= size
            text_bytes += size
            if external_id is not None:
                self.claims[external_id] = (group, entry)
            if group.ledger.pointer is not None:
                self.pointers[group.customer] = group.ledger.pointer
            for match, (about, delta) in zip(entry.matches, deltas, strict=True):
                # Of two matches with one new balance, the second finds that of the first.
                (delta or self.deltas.setdefault(about, Delta())).add(match)
            run.entries.append(entry)
        # A run that ends short and has no events proves nothing, so it decides nothing: only
        # pages may move the start of the next one.
        if run.entries or last == len(group.entries) - 1:
            self.runs.append(run._replace(last=last))

    def mark_committed(self) -> None:
        """The transaction was committed: what the plan took has counted, once."""
        for run in self.runs:
            for entry in run.entries:
                entry.inserted = True
            run.group.decided = run.last + 1
        for entry, external_id in self._repeats:
            entry.duplicates(self.claims[external_id][1].fingerprint)

    def _counted(
        self, group: Group, entry: Entry, external_id: str, claims: Mapping[str, Claim]
    ) -> bool:
        """Whether the id has counted: by an earlier attempt, another batch, or this plan."""
        claim = claims.get(external_id)
        if claim is not None:
            if claim.place.same_event(group.place(entry)):
                entry.inserted = True
            else:
                entry.duplicates(claim.fingerprint)
            return True
        if external_id in self.claims or (_is_awaited(entry.first) and not self._defer_repeats):
            self._repeats.append((entry, external_id))
            return True
        return False

    def _needs(
        self, group: Group, entry: Entry, *, first: bool
    ) -> tuple[int, list[tuple[BalanceId, Delta | None]]]:
        """How many actions the entry adds to the transaction, and the balances that it is for.

        A match takes one for a balance that has none yet, and one for a value, which may be new.
        """
        actions = 0
        deltas: list[tuple[BalanceId, Delta | None]] = []
        for match in entry.matches:
            about = BalanceId(group.ledger.id, match.meter_id, match.generation)
            delta = self.deltas.get(about)
            deltas.append((about, delta))
            if delta is None:
                actions += match.actions
            elif isinstance(match.value, bytes) and match.value not in delta.values:
                actions += 1
        if entry.event.external_id is not None:
            actions += 1
        if first:
            actions += 1
            if group.ledger.pointer is not None and group.customer not in self.pointers:
                actions += 1
        return actions, deltas


def _is_awaited(first: Entry | None) -> bool:
    return first is not None and first.inserted is None


def pack_transaction(
    groups: Sequence[Group], claims: Mapping[str, Claim], *, max_actions: int
) -> TransactionPlan:
    """Pack the next runs of all groups into one transaction of at most so many actions."""
    for defer_repeats in (False, True):
        plan = TransactionPlan(max_actions, defer_repeats=defer_repeats)
        for group in groups:
            if group.pending:
                plan.take(group, claims)
        if not plan.dropped_repeat_is_orphaned:
            break
    return plan
