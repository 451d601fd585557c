"""The evaluation of a balance: from one look at it to the states of its thresholds.

A look is a snapshot of the balance's items, whichever ledgers and shards it has, with the lots and
the holds, and with the states as the look before left them. What has changed is written in one
transaction, conditional on the states' `rev`: of two looks at once one is made again. So looks are
committed in the order of their snapshots, and each crossing is told once, whatever is delivered
repeatedly, in another order, or dies.

After a change everything is looked at again, since what recovered in between may have been looked
at by somebody who did not know of the change yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self

import uuid_utils
from msgspec import Struct, field
from msgspec.structs import replace

from aureon.alerts import alerts
from aureon.alerts.alerts import Alert
from aureon.alerts.telling import Telling
from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.core.exact import EXACT
from aureon.domain import thresholds
from aureon.domain.meters import Meter
from aureon.domain.thresholds import Level, Look, Threshold, Told
from aureon.ledger import reckoning
from aureon.ledger.reckoning import LotSnapshot
from aureon.storage import keys
from aureon.storage.expressions import absent, equals
from aureon.storage.keys import Key
from aureon.storage.store import Item, OrganizationStore, TransactionCancelled, Write, put
from aureon.webhooks import outbox

MAX_ATTEMPTS: Final = 200


class Watch(Struct, frozen=True):
    """What is kept of a balance that has thresholds: their states, as of the `last` look.

    `own` are the customer's own thresholds, None where those of the meter are meant. `at` is the
    clock of the look: no later one goes by an earlier time.
    """

    rev: int = 0
    at: datetime | None = None
    last: Look | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)
    own: tuple[Threshold, ...] | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> Self:
        if item is None:
            return cls()
        last, own = item["look"], item["own"]
        return cls(
            rev=int(item["rev"]),
            at=times.from_optional_text(item["at"]),
            last=None if last is None else Look.from_item(last),
            levels={name: Level.from_item(level) for name, level in item["levels"].items()},
            own=None if own is None else tuple(map(Threshold.from_item, own)),
        )

    def to_item(self) -> Item:
        return {
            "rev": self.rev,
            "at": times.to_optional_text(self.at),
            "look": None if self.last is None else self.last.to_item(),
            "levels": {name: level.to_item() for name, level in self.levels.items()},
            "own": None if self.own is None else [threshold.to_item() for threshold in self.own],
        }

    def thresholds(self, meter: Meter | None) -> Sequence[Threshold]:
        """Those that hold for the balance; none where the meter counts no more."""
        if meter is None:
            return ()
        return meter.thresholds if self.own is None else self.own

    def write(self, key: Key) -> Write:
        """Replace what was kept, if nobody has since."""
        before = self.rev - 1
        return put(key, self.to_item(), equals("rev", before) if before else absent())


def evaluate(telling: Telling, customer_id: str, meter_id: str, generation: int) -> None:
    """Bring the thresholds of a balance to where it stands, and tell what has come of it.

    A ghost has nobody to be told of, and a balance that still counts the past is not known yet:
    both are looked at once they are. Raises `Unavailable` where time, or luck, ran out.
    """
    store = telling.store
    key = store.keys.thresholds(customer_id, meter_id, generation)
    sequence = store.keys.sequence(customer_id)
    failures = 0
    while failures < MAX_ATTEMPTS:
        now = times.now()
        try:
            found = reckoning.look(store, customer_id, meter_id, generation, key, sequence)
            if found is None:
                close(store, customer_id)
                return
            step = _step(telling, found, now)
            if step is None:
                return
            store.transact(step.writes)
        except TransactionCancelled:
            failures += 1
            reckoning.pause(failures)
        except Unavailable:
            # If it was applied after all, the next look finds nothing to do.
            if not store.has_time():
                raise
            failures += 1
            reckoning.pause(failures)
        else:
            if not step.moved:
                return
            failures = 0
    raise Unavailable("Too many other calls use the same credits.")


class _Step(Struct, frozen=True):
    """What a look leads to. Where it `moved` a threshold, another has to follow."""

    writes: Sequence[Write]
    moved: bool


def _step(telling: Telling, found: LotSnapshot, clock: datetime) -> _Step | None:
    """What a snapshot leads to; None where that is nothing."""
    meter = found.meter()
    if meter is not None and found.is_incomplete(meter):
        return None
    customer = found.customer
    key = found.store.keys.thresholds(customer.id, found.meter_id, found.generation)
    watch = Watch.from_item(found.items.get(key))
    held = watch.thresholds(meter)
    shards = _shards(found)
    if not shards or not (held or watch.levels):
        return None
    now = clock if watch.at is None else max(clock, watch.at)
    look = _look(found, meter, shards, now)
    new_ids = [str(uuid_utils.uuid7()) for _ in held]
    levels, told = thresholds.advance(held, watch.levels, look, watch.last, new_ids)
    moved = levels != watch.levels
    if not moved and not _is_news(look, watch):
        return None
    kept = replace(watch, rev=watch.rev + 1, at=now, last=look, levels=levels)
    writes = [kept.write(key)]
    shown: list[tuple[Told, Alert | None]] = []
    for one in told:
        alert, write = _alert(found, one, look, now)
        writes.append(write)
        shown.append((one, alert))
    if meter is not None:
        last = watch.last if watch.last is not None else _unseen(held, look)
        events = telling.of_look(customer, meter, shown, look, last)
        writes += outbox.about_customer(found.store.keys, customer.id, events, now, found.items)
    return _Step(writes, moved)


def _is_news(look: Look, watch: Watch) -> bool:
    """Whether a look must be kept though no threshold moved.

    Credits that came or went are told of; and while a threshold is reached, what comes next is
    compared with what was left at the look before.
    """
    if watch.last is None:
        return True
    if (look.granted, look.expired) != (watch.last.granted, watch.last.expired):
        return True
    reached = any(level.state == "reached" for level in watch.levels.values())
    return reached and look.left != watch.last.left


def _unseen(held: Sequence[Threshold], look: Look) -> Look | None:
    """What to compare the first look at a balance with: nothing, if it began after all was set."""
    if any(look.created_at > threshold.since for threshold in held):
        return None
    return look


def _look(found: LotSnapshot, meter: Meter | None, shards: Sequence[Item], now: datetime) -> Look:
    """The balance at a snapshot, once all that is due by this clock has passed."""
    passed = found.passed(now)
    held = found.holds.open_at(now).units()
    created_at = min(times.from_text(shard["created_at"]) for shard in shards)
    if meter is not None and any("counted_to" in shard for shard in shards):
        # What it counted of the past, it had before there was a meter.
        created_at = min(created_at, meter.since_at)
    return Look(
        left=EXACT.minus(EXACT.add(passed.total, held)),
        granted=EXACT.add(found.granted, passed.granted),
        expired=EXACT.add(found.expired, passed.lapsed),
        created_at=created_at,
    )


def _shards(found: LotSnapshot) -> list[Item]:
    return [item for key, item in found.items.items() if key.sk.startswith(keys.BALANCE_PREFIX)]


def _alert(found: LotSnapshot, told: Told, look: Look, now: datetime) -> tuple[Alert | None, Write]:
    """The alert that something is told of, and how it is written; of one that is closed, none."""
    org_keys, customer_id = found.store.keys, found.customer.id
    if told.change == "reached":
        alert = alerts.of(told, customer_id, found.meter_id, look.left, now)
        return alert, alerts.write(org_keys, alert)
    ending = alerts.end(org_keys, customer_id, found.meter_id, told.alert_id, told.change, now)
    if told.change == "closed":
        return None, ending
    item = found.store.get(org_keys.alert(customer_id, told.alert_id))
    if item is None:
        return None, ending
    return replace(Alert.from_item(item), state="recovered", ended_at=now), ending


def close(store: OrganizationStore, customer_id: str) -> None:
    """Close the alerts of a customer that was deleted, and is no more to be told of."""
    prefix = keys.THRESHOLDS_PREFIX
    for item in store.query(store.keys.customer(customer_id).pk, prefix=prefix):
        watch = Watch.from_item(item)
        open_ = [level.alert_id for level in watch.levels.values() if level.alert_id is not None]
        if not open_:
            continue
        now = times.now()
        meter_id, _ = keys.parse_lots(item[keys.SORT])
        closed = replace(watch, rev=watch.rev + 1, levels={})
        writes = [closed.write(Key(item[keys.PARTITION], item[keys.SORT]))]
        writes += [
            alerts.end(store.keys, customer_id, meter_id, alert_id, "closed", now)
            for alert_id in open_
        ]
        try:
            store.commit(writes)
        except TransactionCancelled as cancelled:
            raise Unavailable("Another call is looking at the same thresholds.") from cancelled
