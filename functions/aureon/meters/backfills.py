"""Backfills: asking for a meter's past to be counted, and how far that has come.

A new meter's past is counted by a function of its own, which a queue feeds. Who makes a meter asks
for all of it, and who meets an incomplete balance for that ledger; `aureon.projection.backfill`
does the work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Self

from msgspec import Struct

from aureon.core import exact, times
from aureon.core.errors import Unavailable
from aureon.domain.meters import Meter
from aureon.storage.keys import Key
from aureon.storage.store import Item, OrganizationStore

# The variables of the environment that hold the queue's URL, and how long the past may still grow.
QUEUE: Final = "AUREON_BACKFILL_QUEUE_URL"
WAIT: Final = "AUREON_BACKFILL_WAIT_SECONDS"
# SQS's own limit of a message's delay.
MAX_DELAY_SECONDS: Final = 900
# An incomplete balance is asked for this often at most.
ASKING_SECONDS: Final = 60.0
MAX_ASKED: Final = 10_000

_asked: dict[tuple[str, ...], float] = {}


class Progress(Struct, frozen=True):
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


def progress_of(store: OrganizationStore, meters: Sequence[Meter]) -> dict[str, Progress | None]:
    """How far the backfills of unfinished meters have come, by meter; None before they begin."""
    return _read_progress(
        store,
        {
            store.keys.backfill(meter.id, meter.generation): meter.id
            for meter in meters
            if not meter.backfilled and meter.archived_at is None
        },
    )


def breakdowns_progress_of(
    store: OrganizationStore, meters: Sequence[Meter]
) -> dict[str, Progress | None]:
    """The same of the backfills of their breakdowns."""
    return _read_progress(
        store,
        {
            store.keys.breakdown_backfill(meter.id, meter.grouping): meter.id
            for meter in meters
            if meter.group_by and not meter.grouped and meter.archived_at is None
        },
    )


def _read_progress(
    store: OrganizationStore, by_key: Mapping[Key, str]
) -> dict[str, Progress | None]:
    found = store.batch_get(by_key) if by_key else {}
    return {
        meter_id: Progress.from_item(found[key]) if key in found else None
        for key, meter_id in by_key.items()
    }


class Job(Struct, frozen=True):
    """A message of the backfill's queue: one ledger, or all of them.

    With a `grouping`, it is for a meter's breakdowns, in all ledgers.
    """

    organization_id: str
    meter_id: str
    generation: int
    ledger_id: str | None = None
    grouping: int | None = None

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Raises ValueError and TypeError where the body is not a job's."""
        return cls(**exact.parse(body))

    def to_body(self) -> str:
        return exact.write(self).decode()


def request_backfill(organization_id: str, meter: Meter) -> None:
    """Let a meter's past be counted, once it is complete. Without a queue nothing happens.

    A message that can't be sent is made up for by a reader who meets an incomplete balance.
    """
    with suppress(Unavailable):
        send(Job(organization_id, meter.id, meter.generation), waiting(meter))


def request_breakdowns(organization_id: str, meter: Meter) -> None:
    """Let the past of a meter's breakdowns be counted, as `request_backfill` does the meter's."""
    job = Job(organization_id, meter.id, meter.generation, grouping=meter.grouping)
    with suppress(Unavailable):
        send(job, waiting_for_breakdowns(meter))


def request_ledger(organization_id: str, meter: Meter, ledger_id: str) -> None:
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
        send(job)


def waiting(meter: Meter) -> timedelta:
    """How long a meter's past may still grow: until the calls have ended that don't know it."""
    return _waiting(meter.since_at)


def waiting_for_breakdowns(meter: Meter) -> timedelta:
    """How long the past of a meter's breakdowns may still grow."""
    return _waiting(meter.grouped_since_at or meter.since_at)


def _waiting(since: datetime) -> timedelta:
    return max(since + grace_period() - times.now(), timedelta())


def grace_period() -> timedelta:
    """How long a call may still go by the meters before a change; `WAIT` has it in seconds."""
    seconds = os.environ.get(WAIT)
    return times.LONGEST_HANDLER if seconds is None else timedelta(seconds=float(seconds))


def send(job: Job, delay: timedelta = timedelta()) -> None:
    """Put a job into the queue; without a queue nothing happens. Raises `Unavailable`."""
    # A reader of balances seldom has something to send, and starts sooner without this.
    from aureon.storage import queue

    jobs = queue.from_environment(QUEUE)
    if jobs is not None:
        seconds = min(MAX_DELAY_SECONDS, -(-delay // timedelta(seconds=1)))
        jobs.send(job.to_body(), {}, delay_seconds=seconds)
