"""The embedded engine's own process: ministack, on a socket that it is given, saved as it runs.

Started by `aureon_cli.engine` alone. It ends, its data saved, when its standard input does, or
on SIGTERM. ministack itself saves on a clean end only; here the tables and queues are also saved
while it runs, so that a power cut costs the last moments and not the day.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn
import uvloop
from ministack.app import app as ministack  # type: ignore[import-untyped]
from ministack.core import persistence  # type: ignore[import-untyped]
from ministack.services import dynamodb, sqs  # type: ignore[import-untyped]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Idle connections of boto3's pool stay open for a while.
KEEP_ALIVE_SECONDS: Final = 75
# Whoever waits for messages at the end waits no longer.
GRACEFUL_SECONDS: Final = 3
# What is saved, copied at one moment. The tables are on the disk before the queues are: a message
# that is no longer in its queue has counted there, and one that is there still counts once.
SAVED: Final = (("dynamodb", dynamodb), ("sqs", sqs))
# A save copies everything: it may take a fiftieth of the time, and never more often than this.
SAVE_SECONDS: Final = 1.0
SAVE_SHARE: Final = 1 / 50
# A message that was received is still there; that it is hidden may be forgotten.
READS: Final = (
    b"BatchGet",
    b"Describe",
    b"Get",
    b"List",
    b"Query",
    b"Receive",
    b"Scan",
    b"TransactGet",
)

logger = logging.getLogger("aureon.engine")


class _Server(uvicorn.Server):
    """A server that leaves signals to who runs it: what is under way has to be saved first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def main(listener: int) -> None:
    """Serve on a listening socket, named by its file descriptor, until told to end."""
    loop = asyncio.get_running_loop()
    ending, changed, saving = asyncio.Event(), asyncio.Event(), asyncio.Lock()

    def end() -> None:
        loop.remove_reader(sys.stdin)
        ending.set()

    loop.add_reader(sys.stdin, end)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await ministack(scope, receive, send)
        if scope["type"] == "http" and _writes(scope):
            changed.set()

    saves = asyncio.create_task(_save_changes(changed, saving))
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )

    async def stop() -> None:
        await ending.wait()
        # A save under way must end before ministack's own, the last one.
        async with saving:
            saves.cancel()
        server.should_exit = True

    stopping = asyncio.create_task(stop())
    await server.serve(sockets=[socket.socket(fileno=listener)])
    stopping.cancel()
    _flush()


async def _save_changes(changed: asyncio.Event, saving: asyncio.Lock) -> None:
    while persistence.PERSIST_STATE:
        await changed.wait()
        changed.clear()
        started = time.monotonic()
        async with saving:
            try:
                # Copied in the loop that serves the requests, so between two of them.
                states = [(name, service.get_state()) for name, service in SAVED]
                await asyncio.to_thread(_save, states)
            except Exception:
                logger.exception("The data were not saved; the last save stands.")
        await asyncio.sleep(max(SAVE_SECONDS, (time.monotonic() - started) / SAVE_SHARE))


def _writes(scope: Scope) -> bool:
    target = dict(scope["headers"]).get(b"x-amz-target", b"")
    return bool(target) and not target.rpartition(b".")[2].startswith(READS)


def _save(states: list[tuple[str, dict[str, Any]]]) -> None:
    for name, state in states:
        persistence.save_state(name, state)
        _flush()


def _flush() -> None:
    """Put what was saved on the disk itself: a power cut must not leave an empty file."""
    folder = Path(persistence.STATE_DIR)
    for path in [*folder.glob("*.json"), folder] if folder.is_dir() else []:
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.close(file)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
