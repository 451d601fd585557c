"""Functions that work in the background, each in a process of its own, which gives way to requests.

On AWS they run elsewhere. In one process they would take turns with the gateway and all handlers,
and one that counts the past of a meter would take most of them.

An event goes to the process as a line of JSON on its standard input, its answer comes as a line on
its standard output. The input is a pipe that nobody else has: where the parent dies, in whatever
way, the process ends.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final

import msgspec

from aureon.core.errors import Unavailable
from aureon.storage import clients
from aureon_cli import loopback
from aureon_cli.gateway import Context

Handler = Callable[[dict[str, Any], Any], Any]

# How much less of the processors it gets than what answers requests.
NICENESS: Final = 10


class WorkerFailed(RuntimeError):
    """The function raised, or its process ended; what it printed says why."""


class Worker:
    """The handler of a function, which runs in a process of its own, one call at a time.

    The process starts with the first call; if it ends, the next call starts another one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        """Raises `WorkerFailed`, and `Unavailable` once the worker was stopped."""
        with self._lock:
            if self._stopped:
                raise Unavailable(f"{self._name} was stopped.")
            process = self._process = self._process or _start(self._name)
            line = _ask(process, msgspec.json.encode(event))
            if not line:
                process.wait()
                self._process = None
        if not line and self._stopped:
            raise Unavailable(f"{self._name} was stopped.")
        if not line:
            raise WorkerFailed(f"The process of {self._name} ended.")
        answer = msgspec.json.decode(line)
        if "error" in answer:
            raise WorkerFailed(answer["error"])
        return answer["answer"]

    def stop(self) -> None:
        """Kill the process, whatever it does: what it did is begun again another day."""
        self._stopped = True
        if process := self._process:
            process.kill()
            process.wait()


def _ask(process: subprocess.Popen[bytes], question: bytes) -> bytes:
    """The process's next line; nothing where it ended."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("A worker has pipes.")
    try:
        process.stdin.write(question + b"\n")
        process.stdin.flush()
        return process.stdout.readline()
    except BrokenPipeError:
        return b""


def _start(name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", "aureon_cli.worker", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the service, which ends it.
        start_new_session=True,
    )


def main(name: str) -> None:
    """Serve a function until the input ends."""
    os.nice(NICENESS)
    with clients.session() as session:
        loopback.install(session.events)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        # What functions print is not an answer.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        handler: Handler = importlib.import_module(name).handler
        for line in sys.stdin.buffer:
            try:
                answer = {"answer": handler(msgspec.json.decode(line), Context(name))}
            except Exception as error:
                traceback.print_exc()
                answer = {"error": f"{name}: {error}"}
            answers.write(msgspec.json.encode(answer) + b"\n")
            answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
