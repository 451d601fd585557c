"""What the client without async waits with, and runs beside what calls it: threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Work: TypeAlias = T
Worker: TypeAlias = threading.Thread

sleep = time.sleep


class Condition(threading.Condition):
    """A condition that is waited for so many seconds at most, where any are given."""

    def wait_seconds(self, seconds: float | None) -> None:
        self.wait(seconds)


def start(work: Callable[[], None]) -> Worker:
    """Run something beside the caller, for as long as the process lives."""
    thread = threading.Thread(target=work, name="aureon-client", daemon=True)
    thread.start()
    return thread


def ended(worker: Worker) -> None:
    """Wait until it has ended."""
    worker.join()


def finished(left: set[Any], work: Callable[[], T]) -> T:
    """Do something to its end: nothing cancels a thread."""
    return work()


def all_finished(left: set[Any]) -> None:
    """Nothing was left behind."""


def at_exit(work: Callable[[], None]) -> None:
    """Do something while the process exits."""
    work()
