"""The TypeScript client, built: for its own tests, and for the documents' code that uses it."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from tests.contract.clients import ROOT, TSC_OPTIONS, Client

FOLDER: Final = ROOT / "clients" / "typescript"
MODULES: Final = FOLDER / "node_modules"
BUILD_SECONDS: Final = 120.0
CLIENT: Final = Client(
    "client-typescript",
    FOLDER / "client.mts",
    MODULES,
    MODULES / ".bin/tsx",
    (MODULES / ".bin/tsc", *TSC_OPTIONS),
)


@contextmanager
def built() -> Iterator[None]:
    """Build what is older than its sources, and let nobody build it anew meanwhile."""
    sources = [*FOLDER.glob("src/*"), *FOLDER.glob("*.json")]
    with alone() as lock:
        index = FOLDER / "dist" / "index.js"
        newest = max(each.stat().st_mtime for each in sources)
        if not index.exists() or index.stat().st_mtime <= newest:
            subprocess.run(
                ["npm", "run", "--silent", "build"], cwd=FOLDER, timeout=BUILD_SECONDS, check=True
            )
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def alone() -> Iterator[TextIO]:
    """Wait until no process uses what is built, and keep all others from it."""
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def node(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the client's folder."""
    return subprocess.run(
        command,
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
