"""The backfill: counts the past of a meter, a ledger at a time, while ingestion goes on.

The past of a meter is what was counted with an older version of the organization's meters. It is
complete once the longest handler that may still have such a version has ended; from then on it
only shrinks. A ledger's log is walked from its oldest hour to its newest. What a part of it adds
to the balance, and how far the log was read, are one transaction, conditional on the position in
the log being as it was found: whoever dies, or is run twice, takes nothing away and adds nothing
twice.

An organization's ledgers are visited in the order of its directory. The place there is kept, so
that the next invocation goes on where this one ends; it may be too early, never too late. What is
projected for looking gets the same past, after the balance and with a position of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Self

from aureon import catalog, counters, directory, exact, keys, metrics, times
from aureon.domain.balances import LIMIT, Delta
from aureon.domain.fold import BalanceOf
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import Page
from aureon.errors import AureonError, NotFound, Unavailable
from aureon.exact import EXACT, ZERO
from aureon.store import MAX_TRANSACTION_ACTIONS, Item, Store, TransactionCancelled, put_over

# The variables of the environment that hold the queue's URL, and how long the past may still grow.
QUEUE: Final = "AUREON_BACKFILL_QUEUE_URL"
WAIT: Final = "AUREON_BACKFILL_WAIT_SECONDS"
# What a transaction moves on at most: over so many pages, and by values that each take an action.
MAX_PAGES: Final = 1_000
MAX_VALUES: Final = MAX_TRANSACTION_ACTIONS - 1
MAX_ATTEMPTS: Final = 20
# SQS's own limit of a message's delay.
MAX_DELAY_SECONDS: Final = 900
# Whoever completes a single balance starts the whole again where it has stood still for so long.
STALLED: Final = timedelta(minutes=30)
# Whoever meets an incomplete balance asks for it, this often at most.
ASKING_SECONDS: Final = 60.0
MAX_ASKED: Final = 10_000

_asked: dict[tuple[str, ...], float] = {}


class OutOfRange(AureonError):
    """A ledger's past would make a balance that is not below its limit."""


@dataclass(frozen=True)
class Progress:
    """How far the backfill of a meter's generation has come.

    `partition` and `after` are its place in the directory. It has visited so many `ledgers` of
    about so many in `total`, and counted so many events; what was visited when an invocation died
    may be told twice, or not at all. `left_out` are ledgers that can't be counted.
    """

    started_at: datetime
    moved_at: datetime
    total: int
    partition: int = 0
    after: Item | None = None
    ledgers: int = 0
    events: int = 0
    left_out: int = 0

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            started_at=times.from_text(item["started_at"]),
            moved_at=times.from_text(item["moved_at"]),
            total=int(item["total"]),
            partition=int(item["partition"]),
            after=item["after"],
            ledgers=int(item["ledgers"]),
            events=int(item["events"]),
            left_out=int(item["left_out"]),
        )

    def to_item(self) -> Item:
        return {
            "started_at": times.to_text(self.started_at),
            "moved_at": times.to_text(self.moved_at),
            "total": self.total,
            "partition": self.partition,
            "after": self.after,
            "ledgers": self.ledgers,
            "events": self.events,
            "left_out": self.left_out,
        }


@dataclass(frozen=True)
class Backfill:
    """The backfill of one meter's generation."""

    store: Store
    organization_id: str
    meter: Meter

    def of_organization(self) -> Iterator[Progress]:
        """Visit every ledger from where the last invocation stopped; tells how far it has come.

        Raises `Unavailable` where time, or luck, ran out: the next goes on.
        """
        progress = self._taken_up()
        partitions = directory.partitions(self.organization_id)
        while progress.partition < len(partitions):
            entries = self.store.query_index(partitions[progress.partition], after=progress.after)
            while some := list(islice(entries, directory.CHUNK)):
                for listed in directory.look_up(self.store, some):
                    progress = self._visit(listed, progress)
                    yield progress
                progress = self._keep(replace(progress, after=some[-1]))
            progress = self._keep(replace(progress, partition=progress.partition + 1, after=None))
        if not progress.left_out:
            catalog.finish_backfill(
                self.store, self.organization_id, self.meter.id, self.meter.generation
            )

    def _visit(self, listed: directory.Listed, progress: Progress) -> Progress:
        """Count the past of a customer's or a ghost's ledgers, for balances and for looking."""
        # Those who only ask start sooner without this.
        from aureon import projection

        events = left_out = 0
        for place, ledger_id in enumerate(listed.ledger_ids):
            if place or listed.meter_version < self.meter.since_version:
                try:
                    events += self.of_ledger(ledger_id)
                except OutOfRange:
                    left_out += 1
                if not projection.backfill(self.store, self.organization_id, ledger_id, self.meter):
                    raise Unavailable("There was not enough time left.")
        return replace(
            progress,
            ledgers=progress.ledgers + 1,
            events=progress.events + events,
            left_out=progress.left_out + left_out,
        )

    def of_ledger(self, ledger_id: str, *, note: bool = False) -> int:
        """Count the past of one ledger, and say of how many events.

        A ledger without a past is left alone, unless its completeness is to be noted. Raises
        `OutOfRange`, and `Unavailable` where time, or luck, ran out.
        """
        balance = BalanceOf(ledger_id, self.meter.id, self.meter.generation)
        key = keys.balance(self.organization_id, *balance, 0)
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

    def _count(self, balance: BalanceOf, delta: Delta, before: str | None, after: str) -> None:
        """Count a part of the past, which moves the position from before it to after it.

        Raises `TransactionCancelled` where the position was not there any more.
        """
        if abs(delta.sum) >= LIMIT:
            raise OutOfRange(f"The past of ledger {balance.ledger_id} does not fit.")
        known = self.store.batch_get(counters.needed(self.organization_id, balance, 0, delta))
        now = times.to_text(times.now())
        self.store.commit(
            counters.counted(
                self.organization_id,
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
        delta = Delta()
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
                        delta = Delta()
            if read % MAX_PAGES == 0:
                yield delta, keys.position(item[keys.SORT])
                delta = Delta()
        yield delta, keys.PAGES_END

    def _pages(self, ledger_id: str, counted_to: str | None) -> Iterator[Item]:
        log = keys.log(self.organization_id, ledger_id)
        if counted_to is None:
            return self.store.query(log, before=keys.PAGES_END, at_a_time=MAX_PAGES)
        page, event = keys.parse_position(counted_to)
        if event is None:
            return self.store.query(log, before=keys.PAGES_END, after=page, at_a_time=MAX_PAGES)
        return self.store.query(log, since=page, before=keys.PAGES_END, at_a_time=MAX_PAGES)

    def _taken_up(self) -> Progress:
        item = self.store.get(self._key())
        if item is not None:
            return Progress.from_item(item)
        partitions = directory.partitions(self.organization_id)
        total = sum(self.store.count_index(partition) for partition in partitions)
        now = times.now()
        return self._keep(Progress(now, now, total))

    def _keep(self, progress: Progress) -> Progress:
        kept = replace(progress, moved_at=times.now())
        self.store.write(put_over(self._key(), kept.to_item()))
        return kept

    def _key(self) -> keys.Key:
        return keys.backfill(self.organization_id, self.meter.id, self.meter.generation)

    def stands_still(self) -> bool:
        """Whether nobody seems to be visiting the ledgers: its message is lost, or dead."""
        item = self.store.get(self._key())
        return item is None or Progress.from_item(item).moved_at < times.now() - STALLED


def progress_of(
    store: Store, organization_id: str, meters: Sequence[Meter]
) -> dict[str, Progress | None]:
    """How far the backfills of unfinished meters have come, by meter; None before they begin."""
    by_key = {
        keys.backfill(organization_id, meter.id, meter.generation): meter.id
        for meter in meters
        if not meter.backfilled and meter.archived_at is None
    }
    found = store.batch_get(by_key) if by_key else {}
    return {
        meter_id: Progress.from_item(found[key]) if key in found else None
        for key, meter_id in by_key.items()
    }


# What is asked of the function that works on backfills, by those that make meters and read
# balances.


@dataclass(frozen=True)
class Job:
    """A message of the backfill's queue: one ledger, or all of them."""

    organization_id: str
    meter_id: str
    generation: int
    ledger_id: str | None = None

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Raises ValueError and TypeError where the body is not a job's."""
        return cls(**exact.parse(body))

    def to_body(self) -> str:
        return json.dumps(self.__dict__)


def start(organization_id: str, meter: Meter) -> None:
    """Let a meter's past be counted, once it is complete. Without a queue nothing happens.

    A message that can't be sent is made up for by whoever meets an incomplete balance.
    """
    with suppress(Unavailable):
        _send(Job(organization_id, meter.id, meter.generation), waiting(meter))


def ask(organization_id: str, meter: Meter, ledger_id: str) -> None:
    """Let a balance that somebody has met incomplete be completed before others."""
    now = time.monotonic()
    job = Job(organization_id, meter.id, meter.generation, ledger_id)
    about = (organization_id, meter.id, str(meter.generation), ledger_id)
    if waiting(meter) or _asked.get(about, now) > now:
        return
    if len(_asked) >= MAX_ASKED:
        _asked.clear()
    _asked[about] = now + ASKING_SECONDS
    with suppress(Unavailable):
        _send(job)


def waiting(meter: Meter) -> timedelta:
    """How long a meter's past may still grow: until the calls have ended that don't know it."""
    end = meter.since_at + wait()
    return max(end - times.now(), timedelta())


def wait() -> timedelta:
    """How long a call may still go by the meters before a change; `WAIT` has it in seconds."""
    seconds = os.environ.get(WAIT)
    return times.LONGEST_HANDLER if seconds is None else timedelta(seconds=float(seconds))


def work(store: Store, job: Job) -> bool:
    """Do a job, as far as there is time; say whether it is done. Raises `Unavailable`.

    A meter that was archived or begun anew since has nothing left to do.
    """
    try:
        meter = catalog.get(store, job.organization_id, job.meter_id)
    except NotFound:
        return True
    if meter.backfilled or meter.archived_at is not None or meter.generation != job.generation:
        return True
    if waiting(meter):
        _send(job, waiting(meter))
        return True
    metrics.emit(BackfillLag=(times.now() - meter.since_at - wait()).total_seconds())
    backfill = Backfill(store, job.organization_id, meter)
    if job.ledger_id is not None:
        with suppress(OutOfRange):
            backfill.of_ledger(job.ledger_id, note=True)
        if backfill.stands_still():
            _send(replace(job, ledger_id=None))
        return True
    try:
        for _ in backfill.of_organization():
            pass
    except Unavailable:
        if store.has_time():
            raise
        return False
    return True


def go_on(job: Job) -> None:
    """Let another invocation go on with a job. Raises `Unavailable`."""
    _send(job)


def _send(job: Job, delay: timedelta = timedelta()) -> None:
    # Whoever reads balances seldom has something to send, and starts sooner without this.
    from aureon import queue

    jobs = queue.from_environment(QUEUE)
    if jobs is not None:
        seconds = min(MAX_DELAY_SECONDS, -(-delay // timedelta(seconds=1)))
        jobs.send(job.to_body(), {}, delay_seconds=seconds)
