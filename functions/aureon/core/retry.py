"""Pauses between tries: each may be twice as long as the one before, and is random in length.

So callers who met once do not meet again.
https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

from __future__ import annotations

import math
import random
import time

from msgspec import Struct


class Backoff(Struct, frozen=True):
    """Pauses of at most `first_seconds` after the first try, and never over `longest_seconds`.

    `random_share` of each is random: all of it, unless a pause should be long enough in any case.
    """

    first_seconds: float
    longest_seconds: float = math.inf
    random_share: float = 1.0

    def seconds(self, tries: int) -> float:
        """How long to wait after so many tries, from 1."""
        longest = min(self.longest_seconds, self.first_seconds * 2 ** (tries - 1))
        return random.uniform((1 - self.random_share) * longest, longest)

    def wait(self, tries: int) -> None:
        """Wait as long."""
        time.sleep(self.seconds(tries))
