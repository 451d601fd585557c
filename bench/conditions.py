"""The conditions of a measurement: without them a figure says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from aureon.core import times

ROOT = Path(__file__).parent.parent
# What measuring writes itself.
FIGURES = ("bench/results", "docs/bench.md", "docs/costs.md", "README.md")


def conditions() -> dict[str, Any]:
    """What machine this is and how busy, what runs on it, and which state of the code."""
    return {
        "measured_at": times.to_text(times.now())[:16] + "Z",
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed_since_commit": bool(changes()),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gigabytes": round(psutil.virtual_memory().total / 2**30),
        "load_before": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "engine": f"ministack {version('ministack')}",
        "botocore": version("botocore"),
    }


def changes() -> str:
    """What differs from the commit, figures left out, as `git status` tells it."""
    figures = [f":!{path}" for path in FIGURES]
    return _git("status", "--porcelain", "--untracked-files=no", "--", ".", *figures)


def briefly(conditions: dict[str, Any]) -> str:
    """The same in a few words, for where another document has all of it."""
    return (
        f"{conditions['cores']} cores of {conditions['processor']}, load before "
        f"{conditions['load_before']}, {conditions['measured_at'][:10]}"
    )


def described(conditions: dict[str, Any]) -> str:
    """A line of it, for under a table."""
    changed = " with changes" if conditions["changed_since_commit"] else ""
    return (
        f"{conditions['processor']}, {conditions['cores']} cores, load before "
        f"{conditions['load_before']}; Python {conditions['python']}, {conditions['engine']}, "
        f"botocore {conditions['botocore']}; commit {conditions['commit']}{changed}, "
        f"{conditions['measured_at']}; `{conditions['command']}` took "
        f"{conditions['seconds']:.0f} s for this part."
    )


def _git(*arguments: str) -> str:
    """What git says; nothing where it is not there."""
    found = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
