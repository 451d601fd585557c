"""The audit: counts every balance again from the log, and corrects it where that is wanted.

A ledger is compared while events arrive: its balances are read, its log is walked, its balances
are read again. Every event that counts raises the `rev` of a balance in its own transaction, so
equal reads mean that nothing counted in between. A ledger that does not hold still is tried
again, a stated number of times, and then reported as not compared.

Memory does not grow with customers or events: the directory and the log are read in parts, and
only sums are kept, one for each meter of the ledger at hand.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Final, Literal, NamedTuple, TypeVar

import uuid_utils
from msgspec import Struct, field

from aureon.audit import lots_audit
from aureon.audit.lots_audit import LotsCompared
from aureon.audit.refunds_audit import REFUNDED, RefundsCompared, Wrong
from aureon.core import times
from aureon.core.errors import AureonError, NotFound, Unavailable
from aureon.core.exact import EXACT, ZERO
from aureon.core.identifiers import is_id
from aureon.core.retry import Backoff
from aureon.domain.balances import Delta
from aureon.domain.customers import Customer
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import Page
from aureon.ledger.plan import SHARDS, BalanceId
from aureon.meters import catalog
from aureon.storage import directory, keys
from aureon.storage.directory import BEGINNING, DirectoryPosition, Listed
from aureon.storage.expressions import Condition, absent, equals
from aureon.storage.store import (
    Item,
    OrganizationStore,
    TransactionCancelled,
    Write,
    check,
    delete,
    put_new,
    update,
)

# How often a ledger is compared until it holds still, how often it is corrected until that comes
# through, and how often a call is made to a busy database, before the audit gives up.
MAX_TRIES: Final = 5
MAX_REPAIRS: Final = 3
MAX_CALLS: Final = 10
# Before the second try; doubled before each further one.
BACKOFF: Final = Backoff(first_seconds=0.1, longest_seconds=2.0, random_share=0.0)
# A difference is looked at again after the pause that so many more tries would have come to.
DOUBTED_ATTEMPTS: Final = 4
# Ledgers of ghosts that are not compared again where the ghost became a customer meanwhile.
MAX_GHOSTS_REMEMBERED: Final = 100_000
MAX_SETS_REMEMBERED: Final = 64

SUMS: Final = ("sum", "used", "granted", "expired", "count", "distinct")
EXTREMES: Final = ("max", "min")
# How many values of a ``unique`` meter are wrong: there is none that is right and differs.
WRONG_VALUES: Final = "wrong values"
# What a correction writes at most besides the shards and its trace; more takes several.
MAX_VALUES_CORRECTED: Final = 60
REASON: Final = "The audit found that the balance differed from the sum over the log."
# What was given back stands in two places, and nobody knows which of them is right.
NOT_CORRECTED: Final = "Records of refunds are compared and not corrected."
MOVING: Final = "It did not hold still."

T = TypeVar("T")
Status = Literal["clean", "different", "repaired", "not compared"]
# None where there is no greatest or least value.
Figures = Mapping[str, Decimal | None]
NOTHING: Final[Figures] = dict.fromkeys(SUMS, ZERO) | dict.fromkeys(EXTREMES)


class NotCompared(AureonError):
    """A ledger could not be compared; the message says why."""


class Difference(NamedTuple):
    """A figure of a balance, over all shards, that is not what the log makes of it."""

    balance: BalanceId
    figure: str
    stored: Decimal | None
    counted: Decimal | None


_Differences = tuple[Difference, ...]


class Outcome(Struct, frozen=True):
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
    counted_to: str | None = None


_NO_SHARD: Final = _Shard(None, NOTHING)
_Shards = dict[BalanceId, dict[int, _Shard]]
_Values = dict[BalanceId, set[bytes]]


class _Comparison(Struct, frozen=True):
    """The balances of a ledger that held still, and what its log makes of them.

    `values` are the hashes that ``unique`` meters have counted, and those of the log.
    """

    shards: _Shards
    counted: dict[BalanceId, Figures]
    values: _Values
    logged_values: _Values
    lots: dict[BalanceId, LotsCompared] = field(default_factory=dict)
    refunds: tuple[Wrong, ...] = ()

    @property
    def differences(self) -> _Differences:
        found = [
            Difference(balance, figure, stored[figure], counted[figure])
            for balance in self.shards.keys() | self.counted.keys()
            for stored, counted in [(self.stored(balance), self.of_log(balance))]
            for figure in NOTHING
            if stored[figure] != counted[figure]
        ]
        found += [
            Difference(balance, WRONG_VALUES, Decimal(len(wrong)), ZERO)
            for balance in self.values.keys() | self.logged_values.keys()
            if (wrong := self.wrong_values(balance))
        ]
        for balance, lots in self.lots.items():
            found += [Difference(balance, *figures) for figures in lots.differences()]
        found += [
            Difference(one.balance, REFUNDED, one.stored, one.counted) for one in self.refunds
        ]
        return tuple(sorted(found, key=itemgetter(0, 1)))

    def stored(self, balance: BalanceId) -> Figures:
        return _total(self.shards.get(balance, {}))

    def of_log(self, balance: BalanceId) -> Figures:
        return self.counted.get(balance, NOTHING)

    def wrong_values(self, balance: BalanceId) -> set[bytes]:
        """The values that have counted and are not in the log, or the other way round."""
        return self.values.get(balance, set()) ^ self.logged_values.get(balance, set())


class Audit(Struct):
    """Audits one organization's ledgers, each as it stands when its turn comes.

    Another audit may go on from its `place`, which may be too early by a customer's ledgers.
    `ledgers`, `compared` and `pages` tell how far it has come: ledgers known of, ledgers done
    with, and pages read.
    """

    store: OrganizationStore
    repair: bool = False
    place: DirectoryPosition = BEGINNING
    ledgers: int = 0
    compared: int = 0
    pages: int = 0
    _version: int = 0
    _meters: dict[str, Meter] = field(default_factory=dict)
    _sets: dict[int, tuple[MeterSet, MeterSet]] = field(default_factory=dict)
    _ghosts: set[str] = field(default_factory=set)

    def of_organization(self, start: DirectoryPosition = BEGINNING) -> Iterator[Outcome]:
        """Audit every ledger from a place on: those of ghosts, and of customers, deleted or not.

        Ghosts come first: one that becomes a customer while the audit runs is met twice rather
        than never. A customer created meanwhile may be left out. Raises `NotFound`, and
        `Unavailable` where the directory can't be read.
        """
        self.place = start
        if self._get(self.store.keys.organization()) is None:
            raise NotFound(f"There is no organization {self.store.organization_id}.")
        for partition in directory.partitions(self.store.keys):
            self.ledgers += _patiently(partial(self.store.count_index, partition))
        steps = _resumed(
            lambda last: directory.walk(
                self.store, start if last is None else last.place, read=_patiently
            )
        )
        for step in steps:
            if step.listed is not None:
                yield from self._listed(step.listed)
            self.place = step.place

    def _listed(self, listed: Listed) -> Iterator[Outcome]:
        """Audit a customer's ledgers, or a ghost's, but for those that a ghost had before."""
        self.ledgers += len(listed.ledger_ids) - 1
        for ledger_id in listed.ledger_ids:
            if listed.customer_id is None and len(self._ghosts) < MAX_GHOSTS_REMEMBERED:
                self._ghosts.add(ledger_id)
            elif ledger_id in self._ghosts:
                self.compared += 1
                continue
            yield self._audit(listed.customer_id, ledger_id)

    def of_customer(self, customer_id: str) -> Iterator[Outcome]:
        """Audit the ledgers of one customer, be it deleted. Raises `NotFound`."""
        item = None
        if is_id(customer_id):
            item = self._get(self.store.keys.customer(customer_id))
        if item is None or "created_at" not in item:
            raise NotFound(f"There is no customer {customer_id}.")
        ledger_ids = Customer.from_item(item).ledger_ids
        self.ledgers = len(ledger_ids)
        for ledger_id in ledger_ids:
            yield self._audit(customer_id, ledger_id)

    def _get(self, key: keys.Key) -> Item | None:
        return _patiently(partial(self.store.get, key))

    def _get_all(self, wanted: list[keys.Key]) -> Mapping[keys.Key, Item]:
        return _patiently(partial(self.store.batch_get, wanted))

    # What a ledger is compared with.

    def _audit(self, customer_id: str | None, ledger_id: str) -> Outcome:
        outcome = partial(Outcome, customer_id, ledger_id)
        try:
            compared = self._compare(ledger_id)
            if not compared.differences:
                return outcome("clean")
            if not self.repair:
                return outcome("different", compared.differences)
            if all(found.figure == REFUNDED for found in compared.differences):
                return outcome("different", compared.differences, NOT_CORRECTED)
        except NotCompared as error:
            return outcome("not compared", reason=str(error))
        finally:
            self.compared += 1
        return outcome(*self._repair(ledger_id, compared))

    def _repair(self, ledger_id: str, found: _Comparison) -> tuple[Status, _Differences, str]:
        """Correct what differs until it does no more, a few times at most."""
        compared = found
        wrong_values = sum(len(found.wrong_values(balance)) for balance in found.logged_values)
        for _ in range(MAX_REPAIRS + wrong_values // MAX_VALUES_CORRECTED):
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
        changes: lots_audit.Changes = {}
        refunds = RefundsCompared(self.store.keys, self._get_all, ledger_id)
        counted = self._count(ledger_id, shards, changes, refunds)
        refunds.finish()
        lots = self._compare_lots(ledger_id, changes)
        values = {
            balance: {
                bytes.fromhex(item[keys.SORT])
                for item in self._read(self.store.keys.unique_values(*balance))
            }
            for balance in shards.keys() | counted.keys()
            if self._meters[balance.meter_id].aggregation.func == "unique"
        }
        if self._read_shards(ledger_id) != shards:
            return None
        return _Comparison(
            shards,
            {balance: _figures(delta) for balance, delta in counted.items()},
            values,
            {
                balance: counted[balance].values if balance in counted else set()
                for balance in values
            },
            lots,
            tuple(refunds.wrong),
        )

    def _compare_lots(
        self, ledger_id: str, changes: lots_audit.Changes
    ) -> dict[BalanceId, LotsCompared]:
        """Count the lots of the ledger's customer again; what an archived meter had is let go."""
        stored = {
            keys.parse_lots(item[keys.SORT]): item
            for item in self._read(self.store.keys.customer(ledger_id).pk, prefix=keys.LOTS_PREFIX)
        }
        if not stored and not changes:
            return {}
        customer = self._get(self.store.keys.customer(ledger_id)) or {}
        external_id = customer.get("external_id")
        pointer = None
        if external_id is not None and customer["deleted_at"] is None:
            pointer = self._get(self.store.keys.external(external_id))
        return {
            BalanceId(ledger_id, *about): LotsCompared.of(
                keys.next_of(*about), changes.get(about, ()), stored.get(about), customer, pointer
            )
            for about in stored.keys() | changes.keys()
            if (meter := self._meters.get(about[0])) is not None
            and meter.generation == about[1]
            and meter.archived_at is None
        }

    def _read_shards(self, ledger_id: str) -> _Shards:
        """The balances of a ledger; what a generation that is past has counted is left out."""
        partition = self.store.keys.customer(ledger_id).pk
        shards: _Shards = {}
        for item in self._read(partition, prefix=keys.BALANCE_PREFIX):
            about = _parse_balance(item[keys.SORT])
            if self._generation(about) > about.generation:
                continue
            balance = BalanceId(ledger_id, about.meter_id, about.generation)
            figures = {figure: item.get(figure, nothing) for figure, nothing in NOTHING.items()}
            shard = _Shard(item.get("rev"), figures, item.get("counted_to"))
            shards.setdefault(balance, {})[about.shard] = shard
        return shards

    def _generation(self, about: keys.BalanceKey) -> int:
        """The generation of a balance's meter; the meters are read again if they are older."""
        if getattr(self._meters.get(about.meter_id), "generation", 0) < about.generation:
            self._read_meters()
        meter = self._meters.get(about.meter_id)
        if meter is None:
            raise NotCompared(f"Its balance {about.meter_id} has no meter.")
        return meter.generation

    def _count(
        self,
        ledger_id: str,
        shards: _Shards,
        changes: lots_audit.Changes,
        refunds: RefundsCompared,
    ) -> dict[BalanceId, Delta]:
        """Count a ledger's log as it was counted: as it came, or by a backfill so far.

        The changes of lots that it tells of are added to `changes`, and refunds are compared.
        """
        counted: defaultdict[BalanceId, Delta] = defaultdict(Delta)
        log = self.store.keys.log(ledger_id)
        for item in self._read(log, before=keys.PAGES_END):
            page = _read_page(item)
            lots_audit.collect(item, changes)
            refunds.add(page)
            now, past = self._meters_at(page.meter_version)
            for place, logged in enumerate(page.events):
                event = logged.to_event()
                for match in now.match(event):
                    counted[BalanceId(ledger_id, match.meter_id, match.generation)].add(match)
                for match in past.match(event):
                    balance = BalanceId(ledger_id, match.meter_id, match.generation)
                    counted_to = shards.get(balance, {}).get(0, _NO_SHARD).counted_to
                    if counted_to and keys.position(item[keys.SORT], place) <= counted_to:
                        counted[balance].add(match)
            self.pages += 1
        return counted

    def _read(self, partition: str, *, prefix: str = "", before: str = "") -> Iterator[Item]:
        def query(last: Item | None) -> Iterator[Item]:
            after = None if last is None else last[keys.SORT]
            return self.store.query(partition, prefix=prefix, before=before, after=after)

        return _resumed(query)

    def _meters_at(self, version: int) -> tuple[MeterSet, MeterSet]:
        """The meters that counted a page of a version as it came, and those of its future."""
        if version > self._version:
            self._read_meters(version)
        if version not in self._sets:
            if len(self._sets) >= MAX_SETS_REMEMBERED:
                self._sets.clear()
            meters = self._meters.values()
            self._sets[version] = MeterSet(version, meters), MeterSet.after(version, meters)
        return self._sets[version]

    def _read_meters(self, version: int = 0) -> None:
        """Read the meters as they are by now, or will be for others at least by a version."""
        item = self._get(self.store.keys.meter_version())
        self._version = max(version, catalog.version_of(item))
        found = _patiently(partial(catalog.read_at, self.store, self._version))
        self._meters = {meter.id: meter for meter in found}
        self._sets.clear()

    # What a repair writes.

    def _correct(self, compared: _Comparison) -> None:
        """Correct each balance that differs; whether that went well, the next comparison says.

        A correction that is sent again, because its answer was lost, can't be made twice.
        """
        for balance in dict.fromkeys(difference.balance for difference in compared.differences):
            with suppress(TransactionCancelled, Unavailable):
                _patiently(partial(self.store.transact, self._correction(compared, balance)))

    def _correction(self, compared: _Comparison, balance: BalanceId) -> list[Write]:
        """Make a balance what the log says, if no shard of it was written since it was read.

        The shards that are absent are checked too: a transaction that is being applied, and
        would create one, then conflicts.
        """
        shards = compared.shards.get(balance, {})
        stored, counted = compared.stored(balance), compared.of_log(balance)
        now = times.to_text(times.now())
        trace = {
            "meter_id": balance.meter_id,
            "generation": balance.generation,
            "before": dict(stored),
            "after": dict(counted),
            "repaired_at": now,
            "reason": REASON,
        }
        repair_id = str(uuid_utils.uuid7())
        lots = compared.lots.get(balance)
        lots_rev = None if lots is None else lots.counted.rev
        return [
            put_new(self.store.keys.repair(balance.ledger_id, now, repair_id), trace),
            *(
                self._correct_shard(balance, number, shards, stored, counted, now, lots_rev)
                for number in range(SHARDS + 1)
            ),
            *self._correct_values(compared, balance, now),
            *self._correct_lots(compared, balance),
        ]

    def _correct_shard(
        self,
        balance: BalanceId,
        number: int,
        shards: Mapping[int, _Shard],
        stored: Figures,
        counted: Figures,
        now: str,
        lots_rev: int | None,
    ) -> Write:
        """Let the first shard make up for what is wrong, and no other have a wrong extreme."""
        key, shard = self._key(balance, number), shards.get(number, _NO_SHARD)
        corrected: Item = {}
        if number == 0:
            for figure in SUMS:
                difference = EXACT.subtract(counted[figure] or ZERO, stored[figure] or ZERO)
                corrected[figure] = EXACT.add(shard.figures[figure] or ZERO, difference)
        for extreme in EXTREMES:
            if stored[extreme] != counted[extreme] and (number == 0 or shard.figures[extreme]):
                corrected[extreme] = counted[extreme]
        if number == 0 and lots_rev is not None:
            corrected["lots_rev"] = lots_rev
        if not corrected:
            return check(key, _unchanged(shard))
        corrected |= {"modified_at": now, "rev": (shard.rev or ZERO) + 1}
        if shard.rev is None:
            corrected["created_at"] = now
        gone = [figure for figure, value in corrected.items() if value is None]
        there = {figure: value for figure, value in corrected.items() if value is not None}
        return update(key, there, removed=gone, condition=_unchanged(shard))

    def _correct_lots(self, compared: _Comparison, balance: BalanceId) -> list[Write]:
        lots = compared.lots.get(balance)
        if lots is None or not lots.differences():
            return []
        return lots.corrections(self.store.keys, balance)

    def _correct_values(
        self, compared: _Comparison, balance: BalanceId, now: str
    ) -> Iterator[Write]:
        wrong = sorted(compared.wrong_values(balance))
        for value in wrong[:MAX_VALUES_CORRECTED]:
            key = self.store.keys.unique(*balance, value)
            if value in compared.values[balance]:
                yield delete(key)
            else:
                yield put_new(key, {"counted_at": now})

    def _key(self, balance: BalanceId, shard: int) -> keys.Key:
        return self.store.keys.balance(*balance, shard)


def _unchanged(shard: _Shard) -> Condition:
    return absent("rev") if shard.rev is None else equals("rev", shard.rev)


def _figures(delta: Delta) -> Figures:
    sums = {figure: Decimal(getattr(delta, figure)) for figure in SUMS if figure != "distinct"}
    return sums | {"distinct": Decimal(len(delta.values)), "max": delta.max, "min": delta.min}


def _total(shards: Mapping[int, _Shard]) -> Figures:
    total = dict(NOTHING)
    for shard in shards.values():
        for figure in SUMS:
            total[figure] = EXACT.add(total[figure] or ZERO, shard.figures[figure] or ZERO)
    for extreme, of in (("max", max), ("min", min)):
        found = [shard.figures[extreme] for shard in shards.values()]
        total[extreme] = of((value for value in found if value is not None), default=None)
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


def _patiently(call: Callable[[], T]) -> T:
    """Call, and again where the database is busy. Raises `Unavailable` in the end."""
    for attempt in range(1, MAX_CALLS):
        try:
            return call()
        except Unavailable:
            _pause(attempt)
    return call()


def _resumed(read: Callable[[T | None], Iterator[T]]) -> Iterator[T]:
    """Read to the end, from the last thing that was read on where the database was busy.

    Raises `Unavailable` in the end.
    """
    last: T | None = None
    failures = 0
    while True:
        try:
            for item in read(last):
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
        BACKOFF.wait(attempt)
