"""The audit: counts every balance again from the log, and corrects it where that is wanted.

A ledger is compared while events arrive: its balances are read, its log is walked, its balances
are read again. Every event that counts raises the `rev` of a balance in its own transaction, so
equal reads mean that nothing counted in between. A ledger that does not hold still is tried
again, a stated number of times, and then reported as not compared.

Memory does not grow with customers or events: the directory and the log are read in parts, and
only sums are kept, one for each meter of the ledger at hand.
"""

from __future__ import annotations

import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, TypeVar

import uuid_utils

from aureon import catalog, keys, times
from aureon.domain.balances import ZERO, Delta
from aureon.domain.customers import Customer
from aureon.domain.events import MAX_ID_CHARACTERS, Event, Named
from aureon.domain.fold import BalanceOf
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import LoggedEvent, Page
from aureon.errors import AureonError, NotFound, Unavailable
from aureon.exact import EXACT
from aureon.ledger import SHARDS
from aureon.store import (
    MAX_BATCH_GET_KEYS,
    Item,
    Store,
    TransactionCancelled,
    Write,
    assign,
    check,
    put_new,
)

# How often a ledger is compared until it holds still, how often it is corrected until that comes
# through, and how often a call is made to a busy database, before the audit gives up.
MAX_TRIES: Final = 5
MAX_REPAIRS: Final = 3
MAX_CALLS: Final = 10
# Before the second try; doubled before each further one.
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
# A difference is looked at again after the pause that so many more tries would have come to.
DOUBTED_ATTEMPTS: Final = 4
# Ledgers of ghosts that are not compared again where the ghost became a customer meanwhile.
MAX_GHOSTS_REMEMBERED: Final = 100_000
MAX_SETS_REMEMBERED: Final = 64

FIGURES: Final = ("sum", "used", "granted", "count")
REASON: Final = "The audit found that the balance differed from the sum over the log."
MOVING: Final = "It did not hold still."

T = TypeVar("T")
Status = Literal["clean", "different", "repaired", "not compared"]
Figures = Mapping[str, Decimal]
NOTHING: Final[Figures] = dict.fromkeys(FIGURES, ZERO)


class NotCompared(AureonError):
    """A ledger could not be compared; the message says why."""


class Difference(NamedTuple):
    """A figure of a balance, over all shards, that is not what the log makes of it."""

    balance: BalanceOf
    figure: str
    stored: Decimal
    counted: Decimal


_Differences = tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one ledger.

    `customer_id` is None for a ghost's ledger. One that is `repaired` had the differences, was
    corrected, and was compared again without any. `reason` says why a ledger was not compared,
    or not again after it was corrected.
    """

    customer_id: str | None
    ledger_id: str
    status: Status
    differences: _Differences = ()
    reason: str = ""


class _Shard(NamedTuple):
    rev: Decimal | None
    figures: Figures


_NO_SHARD: Final = _Shard(None, NOTHING)
_Shards = dict[BalanceOf, dict[int, _Shard]]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The balances of a ledger that held still, and what its log makes of them."""

    shards: _Shards
    counted: dict[BalanceOf, Figures]

    @property
    def differences(self) -> _Differences:
        return tuple(
            Difference(balance, figure, stored[figure], counted[figure])
            for balance in sorted(self.shards.keys() | self.counted.keys())
            for stored, counted in [(self.stored(balance), self.of_log(balance))]
            for figure in FIGURES
            if stored[figure] != counted[figure]
        )

    def stored(self, balance: BalanceOf) -> Figures:
        return _total(self.shards.get(balance, {}))

    def of_log(self, balance: BalanceOf) -> Figures:
        return self.counted.get(balance, NOTHING)


@dataclass
class Audit:
    """Audits one organization's ledgers, each as it stands when its turn comes.

    `ledgers`, `compared` and `pages` tell how far it has come: ledgers known of, ledgers done
    with, and pages read.
    """

    store: Store
    organization_id: str
    repair: bool = False
    ledgers: int = 0
    compared: int = 0
    pages: int = 0
    _version: int = 0
    _meters: list[Meter] = field(default_factory=list)
    _sets: dict[int, MeterSet] = field(default_factory=dict)
    _ghosts: set[str] = field(default_factory=set)

    def of_organization(self) -> Iterator[Outcome]:
        """Audit every ledger: those of ghosts, and of customers, the deleted ones too.

        Whoever is created while it runs may be left out. Raises `NotFound`, and `Unavailable`
        where the directory can't be read.
        """
        if self._get(keys.organization(self.organization_id)) is None:
            raise NotFound(f"There is no organization {self.organization_id}.")
        for partition in self._directory():
            self.ledgers += _patiently(partial(self.store.count_index, partition))
        yield from self._ghost_ledgers()
        yield from self._customer_ledgers()

    def of_customer(self, customer_id: str) -> Iterator[Outcome]:
        """Audit the ledgers of one customer, be it deleted. Raises `NotFound`."""
        item = None
        if 0 < len(customer_id) <= MAX_ID_CHARACTERS:
            item = self._get(keys.customer(self.organization_id, customer_id))
        if item is None or "created_at" not in item:
            raise NotFound(f"There is no customer {customer_id}.")
        ledger_ids = Customer.from_item(item).ledger_ids
        self.ledgers = len(ledger_ids)
        for ledger_id in ledger_ids:
            yield self._audit(customer_id, ledger_id)

    def _get(self, key: keys.Key) -> Item | None:
        return _patiently(partial(self.store.get, key))

    # Which ledgers there are. Ghosts come first: one that becomes a customer while the audit
    # runs is met twice rather than never.

    def _directory(self) -> Iterator[str]:
        for slice_ in range(keys.DIRECTORY_SLICES):
            yield keys.ghost_directory(self.organization_id, slice_)
            yield keys.customer_directory(self.organization_id, slice_)

    def _ghost_ledgers(self) -> Iterator[Outcome]:
        for slice_ in range(keys.DIRECTORY_SLICES):
            for entry in self._listed(keys.ghost_directory(self.organization_id, slice_)):
                ledger_id = keys.listed_id(entry[keys.DIRECTORY_SORT])
                if len(self._ghosts) < MAX_GHOSTS_REMEMBERED:
                    self._ghosts.add(ledger_id)
                yield self._audit(None, ledger_id)

    def _customer_ledgers(self) -> Iterator[Outcome]:
        for slice_ in range(keys.DIRECTORY_SLICES):
            entries = self._listed(keys.customer_directory(self.organization_id, slice_))
            while some := list(islice(entries, MAX_BATCH_GET_KEYS)):
                for customer_id, ledger_ids in self._ledgers_of(some):
                    self.ledgers += len(ledger_ids) - 1
                    for ledger_id in ledger_ids:
                        if ledger_id in self._ghosts:
                            self.compared += 1
                        else:
                            yield self._audit(customer_id, ledger_id)

    def _listed(self, partition: str) -> Iterator[Item]:
        return _resumed(lambda last: self.store.query_index(partition, after=last))

    def _ledgers_of(self, entries: Sequence[Item]) -> Iterator[tuple[str, Sequence[str]]]:
        """Read which ledgers the customers of some entries have."""
        listed = [keys.Key(entry[keys.PARTITION], entry[keys.SORT]) for entry in entries]
        found = _patiently(partial(self.store.batch_get, listed))
        for key, entry in zip(listed, entries, strict=True):
            customer_id = keys.listed_id(entry[keys.DIRECTORY_SORT])
            # Where the profile is lost, its own ledger need not be.
            yield customer_id, found[key]["ledger_ids"] if key in found else [customer_id]

    # What a ledger is compared with.

    def _audit(self, customer_id: str | None, ledger_id: str) -> Outcome:
        outcome = partial(Outcome, customer_id, ledger_id)
        try:
            compared = self._compare(ledger_id)
            if not compared.differences:
                return outcome("clean")
            if not self.repair:
                return outcome("different", compared.differences)
        except NotCompared as error:
            return outcome("not compared", reason=str(error))
        finally:
            self.compared += 1
        return outcome(*self._repair(ledger_id, compared))

    def _repair(self, ledger_id: str, found: _Comparison) -> tuple[Status, _Differences, str]:
        """Correct what differs until it does no more, a few times at most."""
        compared = found
        for _ in range(MAX_REPAIRS):
            self._correct(compared)
            try:
                compared = self._compare(ledger_id)
            except NotCompared as error:
                return "different", compared.differences, str(error)
            if not compared.differences:
                return "repaired", found.differences, ""
        return "different", compared.differences, "Others write to it."

    def _compare(self, ledger_id: str) -> _Comparison:
        """Compare a ledger, and believe in differences only when they are found twice.

        A query is not isolated from a transaction that is being applied: for a moment it may
        see a page and not yet the balance, or the other way round; and one that was held up may
        take a while. Raises `NotCompared`.
        """
        doubted: _Comparison | None = None
        for attempt in range(MAX_TRIES):
            _pause(attempt if doubted is None else attempt + DOUBTED_ATTEMPTS)
            try:
                found = self._compare_once(ledger_id)
            except Unavailable as unavailable:
                raise NotCompared(unavailable.detail) from unavailable
            if found is not None and (not found.differences or found == doubted):
                return found
            doubted = found
        raise NotCompared(MOVING)

    def _compare_once(self, ledger_id: str) -> _Comparison | None:
        """Compare a ledger; None where something counted meanwhile."""
        shards = self._read_shards(ledger_id)
        counted = self._count(ledger_id)
        if self._read_shards(ledger_id) != shards:
            return None
        return _Comparison(shards, counted)

    def _read_shards(self, ledger_id: str) -> _Shards:
        partition = keys.customer(self.organization_id, ledger_id).pk
        shards: _Shards = {}
        for item in self._read(partition, prefix=keys.BALANCE_PREFIX):
            about = _parse_balance(item[keys.SORT])
            balance = BalanceOf(ledger_id, about.meter_id, about.generation)
            figures = {figure: item.get(figure, ZERO) for figure in FIGURES}
            shards.setdefault(balance, {})[about.shard] = _Shard(item.get("rev"), figures)
        return shards

    def _count(self, ledger_id: str) -> dict[BalanceOf, Figures]:
        """Count a ledger's log, each page with the meters that it was counted with."""
        counted: defaultdict[BalanceOf, Delta] = defaultdict(Delta)
        log = keys.log(self.organization_id, ledger_id)
        for item in self._read(log, before=keys.PAGES_END):
            page = _read_page(item)
            meters = self._meters_at(page.meter_version)
            for logged in page.events:
                for match in meters.match(_event(logged)):
                    balance = BalanceOf(ledger_id, match.meter_id, match.generation)
                    counted[balance].add(match.units)
            self.pages += 1
        return {
            balance: {figure: Decimal(getattr(delta, figure)) for figure in FIGURES}
            for balance, delta in counted.items()
        }

    def _read(self, partition: str, *, prefix: str = "", before: str = "") -> Iterator[Item]:
        def query(last: Item | None) -> Iterator[Item]:
            after = None if last is None else last[keys.SORT]
            return self.store.query(partition, prefix=prefix, before=before, after=after)

        return _resumed(query)

    def _meters_at(self, version: int) -> MeterSet:
        """The meters as they were at a version, read again where it is newer than those read."""
        if version > self._version:
            item = self._get(keys.meter_version(self.organization_id))
            newest = max(version, catalog.version_of(item))
            self._meters = _patiently(
                partial(catalog.read_at, self.store, self.organization_id, newest)
            )
            self._version = newest
        if version not in self._sets:
            if len(self._sets) >= MAX_SETS_REMEMBERED:
                self._sets.clear()
            self._sets[version] = MeterSet(version, self._meters)
        return self._sets[version]

    # What a repair writes.

    def _correct(self, compared: _Comparison) -> None:
        """Correct each balance that differs; whether that went well, the next comparison says.

        A correction that is sent again, because its answer was lost, can't be made twice.
        """
        for balance in dict.fromkeys(difference.balance for difference in compared.differences):
            with suppress(TransactionCancelled, Unavailable):
                _patiently(partial(self.store.transact, self._correction(compared, balance)))

    def _correction(self, compared: _Comparison, balance: BalanceOf) -> list[Write]:
        """Make a balance what the log says, if no shard of it was written since it was read.

        The shards that are absent are checked too: a transaction that is being applied, and
        would create one, then conflicts.
        """
        shards = compared.shards.get(balance, {})
        first = shards.get(0, _NO_SHARD)
        stored, counted = compared.stored(balance), compared.of_log(balance)
        now = times.to_text(times.now())
        corrected: Item = {
            figure: EXACT.add(
                first.figures[figure], EXACT.subtract(counted[figure], stored[figure])
            )
            for figure in FIGURES
        }
        corrected |= {"modified_at": now, "rev": (first.rev or ZERO) + 1}
        if first.rev is None:
            corrected["created_at"] = now
        trace = {
            "meter_id": balance.meter_id,
            "generation": balance.generation,
            "before": dict(stored),
            "after": dict(counted),
            "repaired_at": now,
            "reason": REASON,
        }
        repair_id = str(uuid_utils.uuid7())
        return [
            put_new(keys.repair(self.organization_id, balance.ledger_id, now, repair_id), trace),
            assign(self._key(balance, 0), corrected, **_unchanged(first)),
            *(
                check(self._key(balance, shard), **_unchanged(shards.get(shard, _NO_SHARD)))
                for shard in range(1, SHARDS + 1)
            ),
        ]

    def _key(self, balance: BalanceOf, shard: int) -> keys.Key:
        return keys.balance(self.organization_id, *balance, shard)


def _unchanged(shard: _Shard) -> dict[str, Any]:
    if shard.rev is None:
        return {"condition": "attribute_not_exists(rev)"}
    return {"condition": "rev = :rev", "values": {":rev": shard.rev}}


def _total(shards: Mapping[int, _Shard]) -> Figures:
    total = dict(NOTHING)
    for shard in shards.values():
        for figure in FIGURES:
            total[figure] = EXACT.add(total[figure], shard.figures[figure])
    return total


def _parse_balance(sort_key: str) -> keys.BalanceKey:
    try:
        return keys.parse_balance(sort_key)
    except ValueError as error:
        raise NotCompared(f"Its balance {sort_key} can't be read.") from error


def _read_page(item: Item) -> Page:
    try:
        return Page.from_item(item)
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise NotCompared(f"Its page {item[keys.SORT]} can't be read.") from error


def _event(logged: LoggedEvent) -> Event:
    """A logged event as meters look at it: whose it is doesn't matter to them."""
    return Event(
        position=0,
        customer=Named(False, ""),
        name=logged.name,
        timestamp=times.from_text(logged.timestamp),
        metadata=logged.metadata,
        source=logged.source,
    )


def _patiently(call: Callable[[], T]) -> T:
    """Call, and again where the database is busy. Raises `Unavailable` in the end."""
    for attempt in range(1, MAX_CALLS):
        try:
            return call()
        except Unavailable:
            _pause(attempt)
    return call()


def _resumed(query: Callable[[Item | None], Iterator[Item]]) -> Iterator[Item]:
    """Read a query to its end, going on after the last item where the database was busy.

    Raises `Unavailable` in the end.
    """
    last: Item | None = None
    failures = 0
    while True:
        try:
            for item in query(last):
                yield item
                last, failures = item, 0
        except Unavailable:
            failures += 1
            if failures == MAX_CALLS:
                raise
            _pause(failures)
        else:
            return


def _pause(attempt: int) -> None:
    """Pause before the attempt with this number, from 0: not before the first."""
    if attempt:
        time.sleep(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)))
