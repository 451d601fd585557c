"""A clock that a test advances, for threads whose machines may be off."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 11, 24, tzinfo=UTC)


class Clock:
    """The time in seconds since `START`; each thread's own reading may be off by its skew."""

    def __init__(self) -> None:
        self.seconds = 0
        self._of_thread = threading.local()

    @property
    def skew_seconds(self) -> int:
        return getattr(self._of_thread, "skew_seconds", 0)

    @skew_seconds.setter
    def skew_seconds(self, seconds: int) -> None:
        self._of_thread.skew_seconds = seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.skew_seconds)
