"""Many spends on one customer, simulated: ``python -m bench.hot_customers``.

Callers spend one after the other, each as soon as its last spend was answered. Functions serve one
request at a time, as on Lambda. A decision reads a snapshot, which takes as long as a read, and
commits, which takes as long as a transaction; those are the assumptions of `prices.json`. A
transaction holds its items for 10 ms in the middle, and what wants them meanwhile is refused; what
read a snapshot before another commit is refused when it would commit. Pauses are the code's own.

- *retries*: what is built. Every spend decides for itself.
- *queue*: spends wait in a queue for each customer, and one function decides up to ten on one
  snapshot and commits them together. The caller looks every 20 ms for its outcome.
- *lease*: a function takes a part of what is left by a decision of its own, and spends of it by
  transactions on an item that no other has; what it did not use it gives back in the end.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import statistics
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from aureon.credits.account import BACKOFF
from bench.units import PRICES

WAITS: Final = json.loads(PRICES.read_text())["assumptions"]["dynamodb_call_seconds"]
HELD_SECONDS: Final = 0.010
QUEUE_CALL_SECONDS: Final = 0.010
POLL_SECONDS: Final = 0.02
MOST_AT_ONCE: Final = 10
LEASED_SPENDS: Final = 20
SECONDS: Final = 60.0
CALLERS: Final = (1, 5, 20, 100)

# What takes time, in seconds, and ends.
Steps = Generator[float, None, None]


@dataclass
class Spend:
    """One that waits for its outcome."""

    decided: bool = False


@dataclass
class World:
    """A customer's items, the callers' spends, and the clock."""

    now: float = 0.0
    rev: int = 0
    held_until: float = 0.0
    calls: int = 0
    latencies: list[float] = field(default_factory=list)
    waiting: list[Spend] = field(default_factory=list)
    _events: list[tuple[float, int, Steps]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, steps: Steps, after: float = 0.0) -> None:
        heapq.heappush(self._events, (self.now + after, next(self._numbers), steps))

    def run(self) -> None:
        while self._events and self.now < SECONDS:
            self.now, _, steps = heapq.heappop(self._events)
            pause = next(steps, None)
            if pause is not None:
                self.start(steps, pause)

    def call(self, seconds: float) -> Steps:
        """A call of about so long."""
        self.calls += 1
        yield seconds * random.uniform(0.7, 1.3)

    def decide(self) -> Steps:
        """Read a snapshot and commit, until nothing came in between."""
        for tries in itertools.count(1):
            if self.held_until <= self.now:
                rev = self.rev
                yield from self.call(WAITS["read"])
                if self.held_until <= self.now and self.rev == rev:
                    self.held_until = self.now + HELD_SECONDS
                    self.rev += 1
                    yield from self.call(WAITS["transaction"])
                    return
                yield from self.call(WAITS["transaction"])
            else:
                yield from self.call(WAITS["read"])
            yield BACKOFF.seconds(tries)


def retries(world: World) -> Steps:
    while True:
        began = world.now
        yield from world.decide()
        world.latencies.append(world.now - began)


def queue(world: World) -> Steps:
    """A caller: it sends, and reads its outcome once the one function has put it."""
    while True:
        began, spend = world.now, Spend()
        yield from world.call(QUEUE_CALL_SECONDS)
        world.waiting.append(spend)
        while not spend.decided:
            yield POLL_SECONDS
            yield from world.call(WAITS["read"])
        world.latencies.append(world.now - began)


def worker(world: World) -> Steps:
    """The function behind the queue."""
    while True:
        yield QUEUE_CALL_SECONDS
        some, world.waiting = world.waiting[:MOST_AT_ONCE], world.waiting[MOST_AT_ONCE:]
        if some:
            yield from world.decide()
            for spend in some:
                spend.decided = True


def lease(world: World) -> Steps:
    """A function that has a part of the credits: every so many spends it needs another."""
    for number in itertools.count():
        began = world.now
        if number % LEASED_SPENDS == 0:
            yield from world.decide()
        yield from world.call(WAITS["read"])
        yield from world.call(WAITS["transaction"])
        world.latencies.append(world.now - began)


def simulate(kind: Callable[[World], Steps], callers: int) -> dict[str, float]:
    """Spends a second, milliseconds, and calls for a spend."""
    random.seed(8)
    world = World()
    for _ in range(callers):
        world.start(kind(world))
    if kind is queue:
        world.start(worker(world))
    world.run()
    cuts = statistics.quantiles(world.latencies, n=100, method="inclusive")
    spends = len(world.latencies)
    return {
        "a_second": spends / SECONDS,
        "p50_ms": cuts[49] * 1_000,
        "p99_ms": cuts[98] * 1_000,
        "calls": world.calls / spends,
    }


def main() -> None:
    print("| callers | kind | spends a second | p50 ms | p99 ms | calls a spend |")
    print("| --: | --- | --: | --: | --: | --: |")
    for callers in CALLERS:
        for kind in (retries, queue, lease):
            found = simulate(kind, callers)
            print(
                f"| {callers} | {kind.__name__} | {found['a_second']:.0f} | "
                f"{found['p50_ms']:.0f} | {found['p99_ms']:.0f} | {found['calls']:.1f} |"
            )


if __name__ == "__main__":
    main()
