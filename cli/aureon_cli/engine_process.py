"""The embedded engine's own process: ministack, on a socket that it is given, saved as it runs.

Started by `aureon_cli.engine` alone. It ends, its data saved, when its standard input does, or
on SIGTERM. ministack itself saves on a clean end only. Here each write to the tables is also in a
journal before it is answered, so that a crash costs nothing and a power cut a second at most; what
that costs is the same however much the tables hold. The next start plays the journal again. The
queues, which hold little, are saved as a whole.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn
import uvloop
from ministack.app import app as ministack  # type: ignore[import-untyped]
from ministack.core import persistence  # type: ignore[import-untyped]
from ministack.services import dynamodb, sqs  # type: ignore[import-untyped]

from aureon_cli import engine_shortcuts, engine_state
from aureon_cli.engine_state import Entry, Journal

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Idle connections of boto3's pool stay open for a while.
KEEP_ALIVE_SECONDS: Final = 75
# A call that waits for messages at the end waits no longer.
GRACEFUL_SECONDS: Final = 3
SAVE_SECONDS: Final = 1.0
TABLES: Final = b"DynamoDB_"
# What tells the engine which account, region and operation a body is for.
REPLAYED_HEADERS: Final = ("authorization", "content-type", "x-amz-target")
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
    ending = asyncio.Event()
    kept = _Kept(Path(persistence.STATE_DIR)) if persistence.PERSIST_STATE else None

    def end() -> None:
        loop.remove_reader(sys.stdin)
        ending.set()

    loop.add_reader(sys.stdin, end)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)

    server = _Server(
        uvicorn.Config(
            kept or ministack,
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
        if kept is not None:
            await kept.stop()
        server.should_exit = True

    stopping = asyncio.create_task(stop())
    await server.serve(sockets=[socket.socket(fileno=listener)])
    stopping.cancel()
    if kept is not None:
        kept.finish()


class _Kept:
    """The engine with a state on disk: journals what it applies, and replays it at the start."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._journal = Journal(state / engine_state.JOURNAL)
        self._draft: Path | None = None
        # Which of the two is to be put on the disk.
        self._tables, self._queues = False, False
        self._changed, self._saving = asyncio.Event(), asyncio.Lock()
        self._saves = asyncio.create_task(self._save())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await ministack(scope, receive, self._after_replay(send))
        elif not _writes(target := _target(scope)):
            await ministack(scope, receive, send)
        elif target.startswith(TABLES):
            await self._write(scope, receive, send)
        else:
            await ministack(scope, receive, send)
            self._queues = True
            self._changed.set()

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Journal a write once it is applied, and before it is answered.

        The engine applies a request in one go and then begins its answer, without letting others
        in between: so the journal has the order in which requests were applied.
        """
        parts: list[bytes] = []

        async def received() -> dict[str, Any]:
            message = await receive()
            parts.append(message.get("body", b""))
            return message

        async def noted(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                self._journal.append(Entry(_replayed_headers(scope), b"".join(parts)))
                self._tables = True
                self._changed.set()
            await send(message)

        await ministack(scope, received, noted)

    def _after_replay(self, send: Send) -> Send:
        """Tell that the engine has started once it has what the journal has."""

        async def told(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                played = 0
                for entry in self._journal.read():
                    await _apply(entry)
                    played += 1
                if played:
                    # The next crash shall not cost the same again.
                    self._begin_draft()
                    persistence.save_all({"dynamodb": dynamodb.get_state, "sqs": sqs.get_state})
                    self._finish_draft()
            await send(message)

        return told

    async def _save(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            async with self._saving:
                try:
                    await self._save_changes()
                except Exception:
                    logger.exception("The data were not saved; the last save stands.")
            await asyncio.sleep(SAVE_SECONDS)

    async def _save_changes(self) -> None:
        """Save the queues as they are now, once the tables are on the disk.

        So a message that is no longer in its queue has counted there, and one that is there still
        counts once.
        """
        queues = sqs.get_state() if self._queues else None
        self._tables = self._queues = False
        await asyncio.to_thread(self._journal.sync)
        if queues is not None:
            await asyncio.to_thread(persistence.save_state, "sqs", queues)
            await asyncio.to_thread(engine_state.sync, self._state / "sqs.json")

    async def stop(self) -> None:
        """End what is being saved, and let the engine's own last save write a new state."""
        async with self._saving:
            self._saves.cancel()
        self._begin_draft()

    def finish(self) -> None:
        """Let what the engine saved at its end count."""
        self._finish_draft()

    def _begin_draft(self) -> None:
        """From here on, what is saved goes to the state that is to follow."""
        self._draft = engine_state.draft(self._state)
        persistence.STATE_DIR = str(self._draft)

    def _finish_draft(self) -> None:
        """Let the draft count if the tables were saved; else the journal still has everything."""
        self._journal.sync()
        if self._draft is not None and (self._draft / "dynamodb.json").exists():
            self._state = engine_state.replace(self._state, self._draft)
            self._journal = Journal(self._state / engine_state.JOURNAL)
        persistence.STATE_DIR = str(self._state)
        self._draft = None


def _target(scope: Scope) -> bytes:
    found: bytes = dict(scope.get("headers", ())).get(b"x-amz-target", b"")
    return found


def _writes(target: bytes) -> bool:
    return bool(target) and not target.rpartition(b".")[2].startswith(READS)


def _replayed_headers(scope: Scope) -> dict[str, str]:
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    return {name: headers[name] for name in REPLAYED_HEADERS if name in headers}


async def _apply(entry: Entry) -> None:
    """Send a request from the journal to the engine, as it came the first time."""
    statuses: list[int] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [
            (name.encode(), value.encode("latin-1"))
            for name, value in {
                "host": "127.0.0.1",
                "content-length": str(len(entry.body)),
                **entry.headers,
            }.items()
        ],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": entry.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await ministack(scope, receive, send)
    if statuses != [200]:
        logger.error("A write from the journal was answered %s: %s", statuses, entry.headers)


if __name__ == "__main__":
    engine_shortcuts.install()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
    # The service waits for the end, and needs nothing put in order.
    gc.freeze()
