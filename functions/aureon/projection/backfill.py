"""The backfill: counts the past of a meter, a ledger at a time, while ingestion goes on.

The past of a meter is what was counted with an older version of the organization's meters. It is
complete once the longest handler that may still have such a version has ended; from then on it
only shrinks. A ledger's log is walked from its oldest hour to its newest. What a part of it adds
to the balance, and how far the log was read, are one transaction, conditional on the position in
the log being as it was found: a run that dies, or runs twice, takes nothing away and adds nothing
twice.

An organization's ledgers are visited in the order of its directory. The place there is kept, so
that the next invocation goes on where this one ends; it may be too early, never too late. The
read models get the same past, after the balance and with a position of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from aureon.core import metrics, times
from aureon.core.errors import AureonError, NotFound, Unavailable
from aureon.core.exact import EXACT, ZERO
from aureon.domain.balances import LIMIT, Delta
from aureon.domain.customers import Ledger
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import Page
from aureon.ledger import counters, reckoning
from aureon.ledger.plan import BalanceId
from aureon.meters import backfills, catalog
from aureon.meters.backfills import Job, Progress
from aureon.projection import projector
from aureon.storage import directory, keys
from aureon.storage.limits import MAX_TRANSACTION_ACTIONS
from aureon.storage.store import (
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    put_over,
)

# What a transaction moves on at most: over so many pages, and by values that each take an action.
MAX_PAGES: Final = 1_000
MAX_VALUES: Final = MAX_TRANSACTION_ACTIONS - 1
# Read at a time: a call that takes long would hold up others where one process serves them all.
PAGES_A_CALL: Final = 100
MAX_ATTEMPTS: Final = 20
# Completing a single balance starts the whole again where it has stood still for so long.
STALLED: Final = timedelta(minutes=30)

Counted = Callable[[OrganizationStore, Iterable[str]], None]


class OutOfRange(AureonError):
    """A ledger's past would make a balance that is not below its limit."""


class Backfill(Struct, frozen=True):
    """The backfill of one meter's generation."""

    store: OrganizationStore
    meter: Meter
    # What is to be done once the past of some ledgers counts in balances.
    counted: Counted = lambda store, ledger_ids: None

    def of_organization(self) -> Iterator[Progress]:
        """Visit every ledger from where the last invocation stopped; tells how far it has come.

        Raises `Unavailable` where time, or luck, ran out: the next goes on.
        """
        key = self._key()
        progress = self._resumed(key)
        start = directory.DirectoryPosition(progress.partition, progress.after)
        for step in directory.walk(self.store, start):
            if step.listed is not None:
                progress = self._visit(step.listed, progress)
                yield progress
            if step.landmark:
                progress = self._keep(replace(progress, **step.place._asdict()), key)
        if not progress.left_out:
            catalog.finish_backfill(self.store, self.meter.id, self.meter.generation)

    def _visit(self, listed: directory.Listed, progress: Progress) -> Progress:
        """Count the past of a customer's or a ghost's ledgers, for balances and read models."""
        events = left_out = 0
        visited = []
        for place, ledger_id in enumerate(listed.ledger_ids):
            if place or listed.meter_version < self.meter.since_version:
                try:
                    events += self.of_ledger(ledger_id)
                except OutOfRange:
                    left_out += 1
                if not projector.backfill(self.store, ledger_id, self.meter):
                    raise Unavailable("There was not enough time left.")
                visited.append(ledger_id)
        self.counted(self.store, visited)
        return replace(
            progress,
            ledgers=progress.ledgers + 1,
            events=progress.events + events,
            left_out=progress.left_out + left_out,
        )

    def of_breakdowns(self) -> Iterator[Progress]:
        """Visit every ledger for the past of the meter's breakdowns, as `of_organization` does."""
        key = self.store.keys.breakdown_backfill(self.meter.id, self.meter.grouping)
        progress = self._resumed(key)
        start = directory.DirectoryPosition(progress.partition, progress.after)
        for step in directory.walk(self.store, start):
            if step.listed is not None:
                self._visit_breakdowns(step.listed)
                progress = replace(progress, ledgers=progress.ledgers + 1)
                yield progress
            if step.landmark:
                progress = self._keep(replace(progress, **step.place._asdict()), key)
        catalog.finish_breakdowns(self.store, self.meter.id, self.meter.grouping)

    def _visit_breakdowns(self, listed: directory.Listed) -> None:
        for place, ledger_id in enumerate(listed.ledger_ids):
            old = listed.meter_version < self.meter.grouped_since_version
            if (place or old) and not projector.backfill_breakdowns(
                self.store, ledger_id, self.meter
            ):
                raise Unavailable("There was not enough time left.")

    def of_ledger(self, ledger_id: str, *, note: bool = False) -> int:
        """Count the past of one ledger, and say of how many events.

        A ledger without a past is left alone, unless its completeness is to be noted. Raises
        `OutOfRange`, and `Unavailable` where time, or luck, ran out.
        """
        balance = BalanceId(ledger_id, self.meter.id, self.meter.generation)
        key = self.store.keys.balance(*balance, 0)
        events = failures = 0
        while failures < MAX_ATTEMPTS:
            item = self.store.get(key) or {}
            before = item.get("counted_to")
            try:
                for delta, after in self._parts(ledger_id, before):
                    if before is None and after == keys.PAGES_END and not (delta.count or note):
                        return events
                    self._count(balance, delta, before, after)
                    events += delta.count
                    before, failures = after, 0
            except TransactionCancelled:
                # Another invocation was faster, or the balance would leave its range.
                failures += 1
            else:
                return events
        sum_ = EXACT.add(item.get("sum", ZERO), delta.sum)
        if abs(sum_) >= LIMIT:
            raise OutOfRange(f"The past of ledger {ledger_id} does not fit into a balance.")
        raise Unavailable("A meter can't count a ledger's past.")

    def _count(self, balance: BalanceId, delta: Delta, before: str | None, after: str) -> None:
        """Count a part of the past, which moves the position from before it to after it.

        Raises `TransactionCancelled` where the position was not there any more.
        """
        if abs(delta.sum) >= LIMIT:
            raise OutOfRange(f"The past of ledger {balance.ledger_id} does not fit.")
        # A boundary of lots that the customer may have: usage of the past burns them too.
        reckoning.pass_due(self.store, [Ledger(balance.ledger_id, 0)])
        known = self.store.batch_get(counters.needed(self.store.keys, balance, 0, delta))
        now = times.to_text(times.now())
        self.store.commit(
            counters.counted(
                self.store.keys,
                balance,
                0,
                delta,
                now,
                known=known,
                counted_to=(before, after),
            )
        )

    def _parts(self, ledger_id: str, before: str | None) -> Iterator[tuple[Delta, str]]:
        """What the parts of the past after a position add, each with the position at its end.

        The last ends at the log's end; there is none where that is where it began.
        """
        if before == keys.PAGES_END:
            return
        alone = MeterSet.of(0, [self.meter])
        delta = self._delta()
        for read, item in enumerate(self._pages(ledger_id, before), 1):
            if item["meter_version"] < self.meter.since_version:
                for place, logged in enumerate(Page.from_item(item).events):
                    position = keys.position(item[keys.SORT], place)
                    if before is not None and position <= before:
                        continue
                    for match in alone.match(logged.to_event()):
                        delta.add(match)
                    if len(delta.values) == MAX_VALUES:
                        yield delta, position
                        delta = self._delta()
            if read % MAX_PAGES == 0:
                yield delta, keys.position(item[keys.SORT])
                delta = self._delta()
        yield delta, keys.PAGES_END

    def _delta(self) -> Delta:
        """Nothing: but who watches the balance is told once its past is counted."""
        return Delta(watched=self.meter.watched)

    def _pages(self, ledger_id: str, counted_to: str | None) -> Iterator[Item]:
        log = self.store.keys.log(ledger_id)
        if counted_to is None:
            return self.store.query(log, before=keys.PAGES_END, at_a_time=PAGES_A_CALL)
        page, event = keys.parse_position(counted_to)
        if event is None:
            return self.store.query(log, before=keys.PAGES_END, after=page, at_a_time=PAGES_A_CALL)
        return self.store.query(log, since=page, before=keys.PAGES_END, at_a_time=PAGES_A_CALL)

    def _resumed(self, key: keys.Key) -> Progress:
        item = self.store.get(key)
        if item is not None:
            return Progress.from_item(item)
        now = times.now()
        return self._keep(Progress(now, now, directory.count(self.store)), key)

    def _keep(self, progress: Progress, key: keys.Key) -> Progress:
        kept = replace(progress, moved_at=times.now())
        self.store.write(put_over(key, kept.to_item()))
        return kept

    def _key(self) -> keys.Key:
        return self.store.keys.backfill(self.meter.id, self.meter.generation)

    def stands_still(self) -> bool:
        """Whether nobody seems to be visiting the ledgers: its message is lost, or dead."""
        item = self.store.get(self._key())
        return item is None or Progress.from_item(item).moved_at < times.now() - STALLED


def work(store: Store, job: Job, counted: Counted) -> bool:
    """Do a job, as far as there is time; say whether it is done. Raises `Unavailable`.

    The past of ledgers that is `counted` is told, some ledgers at a time.

    A meter that was archived or begun anew since has nothing left to do.
    """
    own = store.of(job.organization_id)
    try:
        meter = catalog.get(own, job.meter_id)
    except NotFound:
        return True
    if job.grouping is not None:
        return _work_on_breakdowns(own, meter, job)
    if meter.backfilled or meter.archived_at is not None or meter.generation != job.generation:
        return True
    if delay := backfills.waiting(meter):
        backfills.send(job, delay)
        return True
    metrics.emit(
        BackfillLag=(times.now() - meter.since_at - backfills.grace_period()).total_seconds()
    )
    backfill = Backfill(own, meter, counted)
    if job.ledger_id is not None:
        with suppress(OutOfRange):
            backfill.of_ledger(job.ledger_id, note=True)
        counted(own, [job.ledger_id])
        if backfill.stands_still():
            backfills.send(replace(job, ledger_id=None))
        return True
    return _walk(own, backfill.of_organization())


def _work_on_breakdowns(store: OrganizationStore, meter: Meter, job: Job) -> bool:
    if meter.grouped or meter.archived_at is not None or meter.grouping != job.grouping:
        return True
    if delay := backfills.waiting_for_breakdowns(meter):
        backfills.send(job, delay)
        return True
    return _walk(store, Backfill(store, meter).of_breakdowns())


def _walk(store: Store, visits: Iterator[Progress]) -> bool:
    """Visit ledgers; say whether all are done, or time ran out. Raises `Unavailable`."""
    try:
        for _ in visits:
            pass
    except Unavailable:
        if store.has_time():
            raise
        return False
    return True
