"""Balances: what a meter makes of a customer's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from aureon import keys, times
from aureon.domain.meters import Function
from aureon.exact import EXACT

ZERO: Final = Decimal(0)
# A balance stays below this, so that it and its nine decimals fit the database's numbers.
LIMIT: Final = Decimal(10) ** 18
# Averages have as many digits after the point as the values that they are made of.
AVERAGE_STEP: Final = Decimal("1e-9")


@dataclass(slots=True)
class Delta:
    """What a transaction adds to one balance; all in units, but for the count of events."""

    sum: Decimal = ZERO
    used: Decimal = ZERO
    granted: Decimal = ZERO
    count: int = 0

    def add(self, units: Decimal) -> None:
        self.sum = EXACT.add(self.sum, units)
        if units > 0:
            self.used = EXACT.add(self.used, units)
        else:
            self.granted = EXACT.subtract(self.granted, units)
        self.count += 1


@dataclass(frozen=True, slots=True)
class Balance:
    """A meter's value for a customer, over all its ledgers and shards.

    `used` and `granted` are the sums of the positive and of the negative values, each as a
    positive number, in units; `count` is the number of events counted.
    """

    customer_id: str
    meter_id: str
    sum: Decimal
    used: Decimal
    granted: Decimal
    count: int
    created_at: datetime
    modified_at: datetime

    def value(self, function: Function) -> Decimal:
        """The balance: the sum of the values, their number for ``count``, their mean for ``avg``.

        A mean is rounded to nine digits after the point, halves to the even neighbour.
        """
        if function != "avg" or not self.count:
            return self.sum
        return (self.sum / self.count).quantize(AVERAGE_STEP).normalize()


def add_up(customer_id: str, items: Iterable[Mapping[str, Any]]) -> list[Balance]:
    """Add up balance items of a customer's ledgers: one balance for each meter, in their order."""
    by_meter: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        meter_id = keys.parse_balance(item[keys.SORT]).meter_id
        by_meter.setdefault(meter_id, []).append(item)
    return [
        Balance(
            customer_id=customer_id,
            meter_id=meter_id,
            sum=_total(shards, "sum"),
            used=_total(shards, "used"),
            granted=_total(shards, "granted"),
            count=int(_total(shards, "count")),
            created_at=times.from_text(min(shard["created_at"] for shard in shards)),
            modified_at=times.from_text(max(shard["modified_at"] for shard in shards)),
        )
        for meter_id, shards in by_meter.items()
    ]


def _total(shards: Iterable[Mapping[str, Any]], name: str) -> Decimal:
    total = ZERO
    for shard in shards:
        total = EXACT.add(total, shard[name])
    return total
