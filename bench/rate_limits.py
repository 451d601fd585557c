"""How exact the limit of a token is, and how many writes it costs: ``python -m bench.rate_limits``.

The limiter that functions use, with containers, a clock and a table of its own: requests come at
random (a Poisson process), each to the container that Lambda would choose, the one that was free
most recently. A container is busy for as long as a request takes.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from aureon.access import rates
from aureon.access.rates import RateLimiter
from aureon.access.tokens import Access
from aureon.core.errors import TooManyRequests
from aureon.storage.keys import Key, Keys

SEED: Final = 1
SECONDS: Final = 300
MOST_REQUESTS: Final = 100_000
REQUEST_SECONDS: Final = 0.04
LIMITS: Final = (1, 5, 20, 100, 1_000)
LOADS: Final = (0.5, 1.0, 2.0, 10.0)


@dataclass
class Counts:
    """The table, as far as a limiter needs it."""

    keys: Keys = field(default_factory=lambda: Keys("o"))
    taken: Counter[Key] = field(default_factory=Counter)
    writes: int = 0

    def add(self, key: Key, _name: str, number: int, _assigned: Any) -> int:
        self.writes += 1
        self.taken[key] += number
        return self.taken[key]


@dataclass
class Run:
    """What came of a load: how many requests, and the most that one window let pass."""

    offered: int = 0
    admitted: int = 0
    writes: int = 0
    containers: int = 0
    most: int = 0


def simulate(limit: int, load: float, *, seconds: int = SECONDS, seed: int = SEED) -> Run:
    """Offer `load` times the limit for so many seconds."""
    dice = random.Random(seed)
    store, found = Counts(), Run()
    access = Access("o", frozenset(), None, "t", requests_per_second=limit)
    containers: list[RateLimiter] = []
    busy_until: list[float] = []
    windows: Counter[int] = Counter()
    now = 0.0
    with patch("time.time", lambda: now):
        while (now := now + dice.expovariate(limit * load)) < seconds:
            found.offered += 1
            free = [place for place, until in enumerate(busy_until) if until <= now]
            place = max(free, key=busy_until.__getitem__) if free else len(containers)
            if not free:
                containers.append(RateLimiter())
                busy_until.append(0.0)
            busy_until[place] = now + REQUEST_SECONDS * dice.uniform(0.5, 1.5)
            try:
                containers[place].admit(store, access)  # type: ignore[arg-type]
            except TooManyRequests:
                continue
            found.admitted += 1
            windows[int(now // rates.window_seconds(limit))] += 1
    found.writes, found.containers = store.writes, len(containers)
    found.most = max(windows.values())
    return found


def main() -> None:
    table = Table(
        "limit",
        "offered",
        "containers",
        "let pass",
        "of what may",
        "most in a window",
        "writes a request",
        box=None,
    )
    for limit in LIMITS:
        for load in LOADS:
            seconds = min(SECONDS, int(MOST_REQUESTS / (limit * load)))
            run = simulate(limit, load, seconds=seconds)
            window = rates.window_seconds(limit)
            may = min(run.offered, limit * seconds)
            table.add_row(
                f"{limit}/s",
                f"{limit * load:g}/s",
                str(run.containers),
                f"{run.admitted / seconds:.1f}/s",
                f"{run.admitted / may:.1%}",
                f"{run.most} of {limit * window} in {window} s",
                f"{run.writes / run.offered:.3f}",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
