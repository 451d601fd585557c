"""The published clients, unmodified, each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.local_service import Service, clean_environment

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
RUN_SECONDS: Final = 120.0
TSC_OPTIONS: Final = (
    *("--noEmit", "--strict", "--noUncheckedIndexedAccess", "--skipLibCheck"),
    *("--target", "es2022", "--module", "nodenext"),
)
MYPY_OPTIONS: Final = ("--strict", "--config-file=", f"--cache-dir={os.devnull}")


@dataclass(frozen=True)
class Client:
    """A client, what runs a script that uses it, and what checks the script's types."""

    name: str
    driver: Path  # the script that calls every endpoint
    environment: Path
    interpreter: Path
    type_checker: tuple[str | Path, ...]

    @property
    def missing(self) -> str | None:
        """Why nothing can be run, for the reader of a skipped test."""
        if self.interpreter.exists():
            return None
        return f"{self.environment.relative_to(ROOT)} is not there: make test installs it"

    def run(
        self, script: Path, service: Service, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script that takes the service's address and token from its environment."""
        given = {"AUREON_URL": service.url, "AUREON_ACCESS_TOKEN": service.token}
        return _run(self.interpreter, script, env=clean_environment() | given | environment)

    def check(self, script: Path) -> subprocess.CompletedProcess[str]:
        """Check a script's types against the client's."""
        return _run(*self.type_checker, script.name, cwd=script.parent)


def _run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, **options
    )


def run_typescript(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a folder's driver with the packages that are installed beside it."""
    interpreter = folder / "node_modules/.bin/tsx"
    return _run(interpreter, folder / "driver.mts", env=clean_environment() | environment)


def _typescript(name: str) -> Client:
    environment = HERE / name / "node_modules"
    return Client(
        name,
        HERE / name / "driver.mts",
        environment,
        environment / ".bin/tsx",
        (environment / ".bin/tsc", *TSC_OPTIONS),
    )


def _python(name: str, environment: Path) -> Client:
    interpreter = environment / "bin/python"
    return Client(
        name,
        HERE / name / "driver.py",
        environment,
        interpreter,
        (sys.executable, "-m", "mypy", *MYPY_OPTIONS, "--python-executable", interpreter),
    )


CLIENTS: Final = (
    _typescript("typescript-0"),
    _typescript("typescript-1"),
    _python("python-0", ROOT / ".venv-sdk-0"),
    _python("python-1", ROOT / ".venv-sdk-1"),
)
# What is not released yet: it has what the client before it has, and more.
NEXT: Final = _python("python-2", ROOT / ".venv-sdk-2")
