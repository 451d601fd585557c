"""What a soak expects: the events that were acknowledged, and what went otherwise than promised."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any, Final, NamedTuple

SAMPLES: Final = 10_000
MAX_BROKEN: Final = 50


class Count(NamedTuple):
    """Events of one name and customer: their units, and how many they are."""

    units: Decimal = Decimal(0)
    events: int = 0

    def add(self, units: Decimal) -> Count:
        return Count(self.units + units, self.events + 1)


class Meter(NamedTuple):
    """A meter that the soak has made: of which events, and whether it adds or counts them."""

    id: str
    event_name: str
    function: str

    def expects(self, count: Count) -> Decimal:
        return count.units if self.function == "sum" else Decimal(count.events)


class Sample:
    """So many of the seconds that something took, each as likely as any other."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._seen = 0
        self._draw = random.Random(0)

    def add(self, seconds: float) -> None:
        self._seen += 1
        if len(self._seconds) < SAMPLES:
            self._seconds.append(seconds)
        elif (place := self._draw.randrange(self._seen)) < SAMPLES:
            self._seconds[place] = seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self._seconds) or [0.0]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Books:
    """Kept by all threads: acknowledged events, figures, and promises that were broken."""

    def __init__(self) -> None:
        self.counts: defaultdict[tuple[str, str], Count] = defaultdict(Count)
        self.figures: Counter[str] = Counter()
        self.ingestions = Sample()
        self.broken: list[str] = []
        self._lock = threading.Lock()

    def acknowledged(self, customer: str, name: str, units: Decimal) -> None:
        with self._lock:
            self.counts[customer, name] = self.counts[customer, name].add(units)

    def note(self, figure: str, number: int = 1) -> None:
        with self._lock:
            self.figures[figure] += number

    def took(self, seconds: float) -> None:
        with self._lock:
            self.ingestions.add(seconds)

    def demand(self, kept: bool, promise: str, *about: Any) -> None:
        """Note a promise that was not kept."""
        if not kept:
            with self._lock:
                if len(self.broken) < MAX_BROKEN:
                    self.broken.append(": ".join(map(str, (promise, *about))))
