"""The TypeScript client, built: for its own tests, and for the documents' code that uses it."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path
from typing import Final

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


def build() -> None:
    """Build what is older than its sources, once, however many processes want it."""
    sources = [*FOLDER.glob("src/*"), *FOLDER.glob("*.json")]
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = FOLDER / "dist" / "index.js"
        newest = max(each.stat().st_mtime for each in sources)
        if built.exists() and built.stat().st_mtime > newest:
            return
        subprocess.run(
            ["npm", "run", "--silent", "build"], cwd=FOLDER, timeout=BUILD_SECONDS, check=True
        )


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
