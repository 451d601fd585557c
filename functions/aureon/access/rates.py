"""How many requests a second a token may make, whatever number of containers it meets.

Time is cut into windows that are the same everywhere. A window has a budget, counted in one item.
A container takes a part of what is left of it with one unconditional write, and lets so many
requests pass by itself. So no window ever lets more pass than its budget; what idle containers took
and did not use is lost for the window, and parts get smaller as the budget runs out.
See docs/decisions/0020-tokens-have-a-budget-by-window.md.
"""

from __future__ import annotations

import time
from math import ceil
from threading import Lock
from typing import Final

from msgspec import Struct, field

from aureon.access.tokens import Access
from aureon.core.errors import TooManyRequests
from aureon.storage.store import OrganizationStore
from aureon.storage.table import DELETE_AFTER

MAX_REQUESTS_PER_SECOND: Final = 10_000
# Windows are as short as they can be while so many requests fit: else each would cost a write.
LEAST_BUDGET: Final = 20
LONGEST_WINDOW_SECONDS: Final = 10
KEPT_SECONDS: Final = 3_600
# A container that has met so many tokens forgets them: each then takes a part anew.
MAX_TOKENS: Final = 1_000


def window_seconds(requests_per_second: int) -> int:
    """How long a window of this limit is."""
    return min(LONGEST_WINDOW_SECONDS, ceil(LEAST_BUDGET / requests_per_second))


class _Part(Struct):
    """What a container has of a window's budget, and what it used in this one and the last."""

    window: int
    left: int = 0
    used: int = 0
    used_before: int = 0
    taken: int = 0
    lock: Lock = field(default_factory=Lock)

    def begin(self, window: int) -> None:
        if window != self.window:
            self.used_before = self.used if window == self.window + 1 else 0
            self.window, self.left, self.used, self.taken = window, 0, 0, 0

    def wanted(self, budget: int, share_left: float) -> int:
        """How much to take: about what this container needs in the time that is left of the window,
        as it needed before, and never more than half of the rest.
        """
        need = ceil(max(self.used_before, self.used) * share_left)
        return max(1, min(need, ceil((budget - self.taken) / 2)))


class RateLimiter:
    """The limits of the tokens that a container meets. Threads of one process share it."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}

    def admit(self, store: OrganizationStore, access: Access) -> None:
        """Let a request pass. Raises `TooManyRequests` where its token has used up the window."""
        limit = access.requests_per_second
        if limit is None:
            return
        seconds = window_seconds(limit)
        budget = limit * seconds
        part = self._parts.get(access.token_id)
        if part is None:
            if len(self._parts) >= MAX_TOKENS:
                self._parts.clear()
            part = self._parts.setdefault(access.token_id, _Part(0))
        with part.lock:
            now = time.time()
            window = int(now // seconds)
            part.begin(window)
            if part.left == 0 and part.taken < budget:
                wanted = part.wanted(budget, window + 1 - now / seconds)
                key = store.keys.rate(access.token_id, window * seconds)
                delete_after = (window + 1) * seconds + KEPT_SECONDS
                part.taken = store.add(key, "taken", wanted, {DELETE_AFTER: delete_after})
                part.left = min(wanted, max(0, budget - (part.taken - wanted)))
            if part.left == 0:
                remaining = ceil((window + 1) * seconds - now)
                raise TooManyRequests(limit, retry_after_seconds=max(1, remaining))
            part.left -= 1
            part.used += 1

    def forget(self) -> None:
        """As a new container."""
        self._parts.clear()
