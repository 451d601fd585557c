"""Balances: what a meter makes of a customer's events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct, field

from aureon.core import exact, times
from aureon.core.exact import EXACT, ZERO
from aureon.domain.meters import Function, Match

# A balance stays below this: with its decimals it has 27 digits, which every engine keeps.
LIMIT: Final = Decimal(exact.INTEGER_LIMIT)
# Averages have as many digits after the point as the values that they are made of.
AVERAGE_STEP: Final = exact.STEP


class Delta(Struct):
    """What a transaction makes of one balance; all in units, but for the count of events.

    `values` are hashes of what a ``unique`` meter has to have counted afterwards; a meter has a
    `max`, a `min`, values or a sum, never two of them. `watched` is the meter's.
    """

    sum: Decimal = ZERO
    used: Decimal = ZERO
    granted: Decimal = ZERO
    expired: Decimal = ZERO
    count: int = 0
    max: Decimal | None = None
    min: Decimal | None = None
    values: set[bytes] = field(default_factory=set)
    watched: bool | None = None

    def add(self, match: Match) -> None:
        self.count += 1
        self.watched = match.watched
        value = match.value
        if isinstance(value, bytes):
            self.values.add(value)
        elif match.function == "max":
            self.max = value if self.max is None else max(self.max, value)
        elif match.function == "min":
            self.min = value if self.min is None else min(self.min, value)
        else:
            self.sum = EXACT.add(self.sum, value)
            if match.expired:
                self.expired = EXACT.add(self.expired, value)
            elif value > 0 or match.refunded:
                self.used = EXACT.add(self.used, value)
            else:
                self.granted = EXACT.subtract(self.granted, value)

    def beats(self, item: Mapping[str, Any]) -> bool:
        """Whether it would raise the greatest value of a balance's item, or lower the least."""
        if self.max is not None:
            return "max" not in item or self.max > item["max"]
        return self.min is not None and ("min" not in item or self.min < item["min"])


class Balance(Struct, frozen=True):
    """A meter's value for a customer, over all its ledgers and shards.

    `used` and `granted` are the sums of the positive and of the negative values, each as a
    positive number, in units, less what was refunded of what was used, and `expired` is what was
    granted and lapsed, or was taken back: the sum is what was used, less what was granted, and what
    has expired. `count` is the number of events counted, `distinct` that of different values. Where
    it is not `complete`, events of the past are still being counted.
    """

    customer_id: str
    meter_id: str
    created_at: datetime
    modified_at: datetime
    sum: Decimal = ZERO
    used: Decimal = ZERO
    granted: Decimal = ZERO
    expired: Decimal = ZERO
    count: int = 0
    max: Decimal | None = None
    min: Decimal | None = None
    distinct: int = 0
    complete: bool = True

    def value(self, function: Function) -> Decimal:
        """The balance: what the aggregation makes of the values, 0 where there are none.

        A mean is rounded to twelve digits after the point, halves to the even neighbour.
        """
        match function:
            case "max":
                return ZERO if self.max is None else self.max
            case "min":
                return ZERO if self.min is None else self.min
            case "unique":
                return Decimal(self.distinct)
            case "avg" if self.count:
                return (self.sum / self.count).quantize(AVERAGE_STEP).normalize()
        return self.sum


def add_up(customer_id: str, meter_id: str, shards: Collection[Mapping[str, Any]]) -> Balance:
    """Add up the items of a customer's balance, one or more, of all its ledgers and shards."""
    return Balance(
        customer_id=customer_id,
        meter_id=meter_id,
        created_at=times.from_text(min(shard["created_at"] for shard in shards)),
        modified_at=times.from_text(max(shard["modified_at"] for shard in shards)),
        sum=_total(shards, "sum"),
        used=_total(shards, "used"),
        granted=_total(shards, "granted"),
        expired=_total(shards, "expired"),
        count=int(_total(shards, "count")),
        max=max((shard["max"] for shard in shards if "max" in shard), default=None),
        min=min((shard["min"] for shard in shards if "min" in shard), default=None),
        distinct=int(_total(shards, "distinct")),
    )


def _total(shards: Iterable[Mapping[str, Any]], name: str) -> Decimal:
    total = ZERO
    for shard in shards:
        total = EXACT.add(total, shard.get(name, ZERO))
    return total
