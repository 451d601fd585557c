"""Counters: what a transaction writes to count events in one balance.

A balance is kept in shards, each an item that is only ever added to. A greatest or least value
is set where it beats what is there, and a value that is new to a ``unique`` meter leaves an item
of its own beside the addition; counting for such a meter reads first, and again where the
transaction is cancelled because somebody else was faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aureon.core.exact import EXACT
from aureon.domain.balances import LIMIT, Delta
from aureon.ledger.plan import BalanceId
from aureon.storage import keys
from aureon.storage.expressions import Condition, above, absent, all_of, any_of, below, equals
from aureon.storage.keys import Keys
from aureon.storage.store import Item, Write, put_new, update
from aureon.storage.table import WATCH_MARK

# What is added to besides the sum, where there is anything to add; `distinct` where there are
# values to count.
_PARTS: Final = ("used", "granted", "expired", "count")


def needed(org_keys: Keys, balance: BalanceId, shard: int, delta: Delta) -> list[keys.Key]:
    """The items that `counted` must know: those that decide what to write."""
    if delta.max is not None or delta.min is not None:
        return [org_keys.balance(*balance, shard)]
    return [org_keys.unique(*balance, value) for value in sorted(delta.values)]


def counted(
    org_keys: Keys,
    balance: BalanceId,
    shard: int,
    delta: Delta,
    now: str,
    *,
    known: Mapping[keys.Key, Item],
    rev: int | None = None,
    counted_to: tuple[str | None, str] | None = None,
    lots_rev: int | None = None,
) -> list[Write]:
    """Count in one shard of a balance: its update first, then what the values leave.

    With a `rev`, only where that is still the shard's, 0 where there is no such shard; without,
    only where the sum stays in its range. `counted_to` moves the backfill's position in the log
    from the one to the other. `lots_rev` notes the change of lots that it is a part of. The balance
    of a meter that has thresholds, or had some, is marked for the evaluator.
    """
    key = org_keys.balance(*balance, shard)
    added: dict[str, Any] = {"sum": delta.sum, "rev": 1}
    added |= {name: number for name in _PARTS if (number := getattr(delta, name))}
    assigned: dict[str, Any] = {"modified_at": now}
    conditions: list[Condition] = []
    unseen = [
        value_key
        for value_key in needed(org_keys, balance, shard, delta)
        if delta.values and value_key not in known
    ]
    if lots_rev is not None:
        assigned["lots_rev"] = lots_rev
    if delta.watched is not None:
        assigned[WATCH_MARK] = delta.watched
    if delta.values:
        added["distinct"] = len(unseen)
    if delta.count:
        slice_ = keys.directory_slice(balance.ledger_id)
        assigned[keys.DIRECTORY_PARTITION] = org_keys.holder_directory(balance.meter_id, slice_)
        assigned[keys.DIRECTORY_SORT] = balance.ledger_id
    if delta.beats(known.get(key, {})):
        extreme, beaten = ("max", below) if delta.max is not None else ("min", above)
        assigned[extreme] = getattr(delta, extreme)
        conditions.append(any_of(absent(extreme), beaten(extreme, assigned[extreme])))
    if rev is not None:
        conditions.append(equals("rev", rev) if rev else absent("rev"))
    elif delta.sum:
        # Only on the side that it moves to, so that a balance beyond its range can come back.
        bound = (
            below("sum", EXACT.subtract(LIMIT, delta.sum))
            if delta.sum > 0
            else above("sum", EXACT.subtract(-LIMIT, delta.sum))
        )
        conditions.append(any_of(absent("sum"), bound))
    if counted_to is not None:
        before, assigned["counted_to"] = counted_to
        conditions.append(absent("counted_to") if before is None else equals("counted_to", before))
    return [
        update(
            key,
            assigned,
            initial={"created_at": now},
            added=added,
            condition=all_of(*conditions) if conditions else None,
        ),
        *(put_new(value_key, {"counted_at": now}) for value_key in unseen),
    ]
