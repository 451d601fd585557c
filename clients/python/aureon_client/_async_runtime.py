"""What the client with async waits with, and runs beside what calls it: asyncio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Work: TypeAlias = Coroutine[Any, Any, T]
Worker: TypeAlias = "asyncio.Task[None]"

sleep = asyncio.sleep
TURNS = 3
logger = logging.getLogger("aureon_client")


class Condition(asyncio.Condition):
    """A condition that is waited for so many seconds at most, where any are given."""

    async def wait_seconds(self, seconds: float | None) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.wait(), seconds)


def start(work: Callable[[], Work[None]]) -> Worker:
    """Run something beside the caller, who keeps what is returned."""
    return asyncio.get_running_loop().create_task(work())


async def ended(worker: Worker) -> None:
    """Wait until it has ended, however it has."""
    await asyncio.wait({worker})


async def finished(left: set[asyncio.Future[Any]], work: Callable[[], Work[T]]) -> T:
    """Do something to its end, though the caller is cancelled.

    Who is cancelled once waits all the same. Who is cancelled again and again, as in a cancelled
    scope of anyio, leaves it behind, among those that are `left`.
    """
    task = asyncio.ensure_future(work())
    left.add(task)
    task.add_done_callback(left.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task})
        finally:
            task.add_done_callback(_tell)
        raise


def _tell(task: asyncio.Future[Any]) -> None:
    """Log what went wrong where nobody is left to be told."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        logger.error("What was left to finish has failed: %s", failure)


async def all_finished(left: set[asyncio.Future[Any]]) -> None:
    """Wait for what was left behind."""
    for _ in range(TURNS):
        # A generator that nobody wants any more is closed by the loop, some turns later.
        await asyncio.sleep(0)
    while left:
        await asyncio.wait(set(left))


def at_exit(work: Callable[[], Work[None]]) -> None:
    """There is no loop any more in which anything could be done."""
