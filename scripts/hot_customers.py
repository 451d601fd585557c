"""Simulate hot customers under DynamoDB's limits: how many commits get through, and why not.

A commit is one transaction: a page in the customer's log, and a change of its balance. Two
transactions on one item at a time conflict, and both partitions take 1,000 write units a second.
Two rules are compared: one item for each balance, tried again after a conflict; and Aureon's, by
which a commit goes to one of 16 further shards after its second conflict, and all of them do once
the customer is marked as spread.

The clock, the conflicts and the buckets are simulated; the constants are the code's, and those that
are DynamoDB's are written below. Nothing here waits: a run takes seconds.
"""

from __future__ import annotations

import heapq
import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aureon.ledger import (
    CONFLICTS_BEFORE_SPREADING,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MAX_ATTEMPTS,
    SHARDS,
)

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_UNITS_PER_SECOND: Final = 1_000.0
# A small item in a transaction. The page and the balance are in partitions of their own.
UNITS: Final = 2.0
# How long a transaction holds its items: about what one takes within a region.
HELD_SECONDS: Final = 0.010
# No call is begun later: the caller waits for 29 s, and one call may take 11 s.
PATIENCE_SECONDS: Final = 18.0
SECONDS: Final = 30.0
RATES: Final = (10, 25, 50, 100, 200, 400, 600, 1_000)
SEED: Final = 1


@dataclass
class Bucket:
    """What a partition takes: a second's units saved up, no more."""

    units: float = PARTITION_UNITS_PER_SECOND
    filled_at: float = 0.0

    def take(self, now: float) -> bool:
        self.units += (now - self.filled_at) * PARTITION_UNITS_PER_SECOND
        self.units = min(self.units, PARTITION_UNITS_PER_SECOND)
        self.filled_at = now
        if self.units < UNITS:
            return False
        self.units -= UNITS
        return True


@dataclass
class Customer:
    """A customer whose events come one by one, as a Poisson process."""

    spreads: bool
    random: random.Random
    log: Bucket = field(default_factory=Bucket)
    balances: Bucket = field(default_factory=Bucket)
    held_until: dict[int, float] = field(default_factory=dict)
    spread: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    ended: float = 0.0

    def shard(self, conflicts: int) -> int:
        if self.spreads and (self.spread or conflicts >= CONFLICTS_BEFORE_SPREADING):
            self.spread = True
            return self.random.randint(1, SHARDS)
        return 0

    def attempt(self, now: float, conflicts: int) -> str:
        """What becomes of a transaction that arrives now: it is paid for in any case."""
        if not self.log.take(now) or not self.balances.take(now):
            return "throttled"
        shard = self.shard(conflicts)
        if self.held_until.get(shard, 0.0) > now:
            return "conflict"
        self.held_until[shard] = now + HELD_SECONDS
        return "counted"


def simulate(rate: float, *, spreads: bool, seed: int = SEED) -> Customer:
    """So many commits a second for `SECONDS`; what was not counted after its tries is refused."""
    customer = Customer(spreads, random.Random(seed))
    arrivals: list[tuple[float, float, int]] = []
    arrived = 0.0
    while (arrived := arrived + customer.random.expovariate(rate)) < SECONDS:
        arrivals.append((arrived, arrived, 0))
    heapq.heapify(arrivals)
    while arrivals:
        now, begun, failures = heapq.heappop(arrivals)
        outcome = customer.attempt(now, failures)
        customer.outcomes[outcome] += 1
        if outcome == "counted":
            customer.seconds.append(now + HELD_SECONDS - begun)
            customer.ended = max(customer.ended, now)
        elif failures + 1 == MAX_ATTEMPTS or now - begun > PATIENCE_SECONDS:
            customer.outcomes["refused"] += 1
        else:
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**failures)
            pause = HELD_SECONDS + customer.random.uniform(0, longest)
            heapq.heappush(arrivals, (now + pause, begun, failures + 1))
    return customer


def row(rate: float, customer: Customer) -> str:
    found = customer.outcomes
    attempts = found["counted"] + found["conflict"] + found["throttled"]
    whole = found["counted"] + found["refused"]
    elapsed = max(customer.ended, SECONDS)
    p50, p99 = (_percentile(customer.seconds, share) * 1000 for share in (0.50, 0.99))
    return (
        f"| {rate:,} | {found['counted'] / elapsed:,.0f} | {found['refused'] / whole:.1%} "
        f"| {found['conflict'] / attempts:.0%} | {found['throttled'] / attempts:.0%} "
        f"| {p50:.0f} | {p99:.0f} |"
    )


def _percentile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=1000)[int(share * 1000) - 1]


def main(show: Callable[[str], None] = print) -> None:
    for spreads, title in ((False, "One item for a balance"), (True, "Aureon's shards")):
        show(f"\n{title}\n")
        show("| asked | counted | refused | conflicts | throttled | p50 ms | p99 ms |")
        show("| --: | --: | --: | --: | --: | --: | --: |")
        for rate in RATES:
            show(row(rate, simulate(rate, spreads=spreads)))


if __name__ == "__main__":
    main()
