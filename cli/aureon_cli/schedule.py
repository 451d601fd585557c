"""Schedules: functions that are called by the clock, as a rule of EventBridge does it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aureon_cli.gateway import Context, Handler

SWEEP_SECONDS: Final = 60.0


@contextmanager
def calling(
    name: str, handler: Handler, seconds: float, stopping: threading.Event
) -> Iterator[None]:
    """Call a function every so many seconds for the length of a ``with`` block."""

    def run() -> None:
        while not stopping.wait(seconds):
            try:
                handler({"source": "aws.events"}, Context(name))
            except Exception as error:
                print(f"The function {name} failed: {error}", file=sys.stderr)

    caller = threading.Thread(target=run, daemon=True, name=f"schedule of {name}")
    caller.start()
    try:
        yield
    finally:
        stopping.set()
        caller.join()
