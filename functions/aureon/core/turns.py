"""Turns: what would conflict in one process waits in place of conflicting."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Turns:
    """A line for each subject, in the order of arrival.

    A turn is a kindness, and nothing relies on it: a caller that has waited for too long goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # What the last in the line of a subject sets when its turn is over.
        self._last: dict[Hashable, threading.Event] = {}

    @contextmanager
    def take(self, subject: Hashable, longest_seconds: float) -> Iterator[None]:
        """Wait for all who came before, at most so long; let the next go on afterwards."""
        over = threading.Event()
        with self._lock:
            before = self._last.get(subject)
            self._last[subject] = over
        try:
            if before is not None:
                before.wait(longest_seconds)
            yield
        finally:
            over.set()
            with self._lock:
                if self._last.get(subject) is over:
                    del self._last[subject]
