"""Counters: what a transaction writes to count events in one balance.

A balance is kept in shards, each an item that is only ever added to. A greatest or least value
is set where it beats what is there, and a value that is new to a ``unique`` meter leaves an item
of its own beside the addition; whoever counts for such a meter reads first, and again where the
transaction is cancelled because somebody else was faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aureon import keys
from aureon.domain.balances import LIMIT, Delta
from aureon.domain.fold import BalanceOf
from aureon.exact import EXACT
from aureon.store import Item, Write, beats, put_new, update

# What is added to besides the sum, where there is anything to add; `distinct` where there are
# values to count.
_PARTS: Final = ("used", "granted", "count")


def needed(organization_id: str, balance: BalanceOf, shard: int, delta: Delta) -> list[keys.Key]:
    """The items that `counted` must know: those that decide what there is to write."""
    if delta.max is not None or delta.min is not None:
        return [keys.balance(organization_id, *balance, shard)]
    return [keys.unique(organization_id, *balance, value) for value in sorted(delta.values)]


def counted(
    organization_id: str,
    balance: BalanceOf,
    shard: int,
    delta: Delta,
    now: str,
    *,
    known: Mapping[keys.Key, Item],
    rev: int | None = None,
    counted_to: tuple[str | None, str] | None = None,
) -> list[Write]:
    """Count in one shard of a balance: its update first, then what the values leave.

    With a `rev`, only where that is still the shard's, 0 where there is no such shard; without,
    only where the sum stays in its range. `counted_to` moves the backfill's position in the log
    from the one to the other.
    """
    key = keys.balance(organization_id, *balance, shard)
    added: dict[str, Any] = {"sum": delta.sum, "rev": 1}
    added |= {name: number for name in _PARTS if (number := getattr(delta, name))}
    set_: dict[str, Any] = {"modified_at": now}
    values: dict[str, Any] = {}
    conditions = []
    unseen = [
        value_key
        for value_key in needed(organization_id, balance, shard, delta)
        if delta.values and value_key not in known
    ]
    if delta.values:
        added["distinct"] = len(unseen)
    if delta.count:
        slice_ = keys.directory_slice(balance.ledger_id)
        set_[keys.DIRECTORY_PARTITION] = keys.holder_directory(
            organization_id, balance.meter_id, slice_
        )
        set_[keys.DIRECTORY_SORT] = balance.ledger_id
    if delta.beats(known.get(key, {})):
        extreme, comparison = ("max", "<") if delta.max is not None else ("min", ">")
        set_[extreme] = getattr(delta, extreme)
        conditions.append(beats(extreme, comparison))
    if rev is not None:
        conditions.append("#rev = :at_rev" if rev else "attribute_not_exists(#rev)")
        if rev:
            values[":at_rev"] = rev
    elif delta.sum:
        conditions.append("(attribute_not_exists(#sum) OR #sum < :above AND #sum > :below)")
        values[":above"] = EXACT.subtract(LIMIT, delta.sum)
        values[":below"] = EXACT.subtract(-LIMIT, delta.sum)
    if counted_to is not None:
        before, set_["counted_to"] = counted_to
        if before is None:
            conditions.append("attribute_not_exists(#counted_to)")
        else:
            conditions.append("#counted_to = :before")
            values[":before"] = before
    expression = ", ".join(f"#{name} = :{name}" for name in set_)
    expression = f"SET {expression}, #created_at = if_not_exists(#created_at, :modified_at) ADD "
    expression += ", ".join(f"#{name} :{name}" for name in added)
    return [
        update(
            key,
            expression,
            condition=" AND ".join(conditions) or None,
            names={f"#{name}": name for name in ("created_at", *set_, *added)},
            values={f":{name}": value for name, value in (set_ | added).items()} | values,
        ),
        *(put_new(value_key, {"counted_at": now}) for value_key in unseen),
    ]
