"""The local service as a process of its own, the way a developer runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

AUREON = Path(sys.executable).with_name("aureon")
READY_SECONDS = 120.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Service:
    """What a client needs to know of a running service."""

    url: str
    token: str
    organization_id: str


@dataclass(frozen=True)
class Run:
    """One run of ``aureon dev``: its process, its data folder, and the file it prints to."""

    process: subprocess.Popen[bytes]
    data: Path
    output: Path

    def ready(self) -> Service:
        """Wait until ``/health`` answers 200."""
        self.wait_for(lambda: self._notice().get("process") == self.process.pid)
        found = self._notice()
        httpx.get(f"{found['url']}/health", timeout=READY_SECONDS).raise_for_status()
        kept = self.data / "token"
        token = kept.read_text().strip() if kept.exists() else ""
        return Service(found["url"], token, found["organization_id"])

    def welcomed(self) -> str:
        """Wait until the service has said where it is; return all that it said."""
        self.wait_for(lambda: "Try it" in self.output.read_text())
        self.wait_for(lambda: self.output.read_text().endswith("\n\n"))
        return self.output.read_text()

    def ended(self) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        self.process.terminate()
        return self.ended()

    def _notice(self) -> dict[str, Any]:
        try:
            return json.loads((self.data / "engine.json").read_text())  # type: ignore[no-any-return]
        except FileNotFoundError:
            return {}

    def wait_for(self, reached: Callable[[], bool]) -> None:
        """Wait, within bounds, until something is so; fails at once if the service ends."""
        deadline = time.monotonic() + READY_SECONDS
        while not reached():
            try:
                code = self.process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, f"not in time:\n{self.output.read_text()}"
            else:
                raise AssertionError(f"ended with {code}:\n{self.output.read_text()}")


@contextmanager
def started(data: Path, **environment: str) -> Iterator[Run]:
    """Run ``aureon dev`` with this data folder, on a free port unless ``PORT`` names one."""
    with tempfile.NamedTemporaryFile(dir=data.parent, prefix="output-", delete=False) as file:
        process = subprocess.Popen(
            [AUREON, "dev"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=clean_environment() | {"AUREON_DATA": str(data), "PORT": "0"} | environment,
            start_new_session=True,
        )
    run = Run(process, data, Path(file.name))
    try:
        yield run
    finally:
        if process.poll() is None:
            run.stop()


def clean_environment() -> dict[str, str]:
    """The environment without what would lead Aureon or an AWS SDK anywhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "AUREON_")) and name != "PORT"
    }
