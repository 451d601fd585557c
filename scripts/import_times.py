"""Measure what each handler's imports cost: CPU milliseconds, and as a ratio to boto3's.

Each figure is the median of fresh interpreters; the ratio is to importing boto3 and making a
DynamoDB client, measured in the same run.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

HANDLERS = Path(__file__).parent.parent / "functions"
RUNS = 9
BASELINE = "import boto3; boto3.client('dynamodb', region_name='us-east-1')"
CLIENT = "from aureon import store; store.connect(region_name='us-east-1')"
TIMED = "import time; started = time.process_time(); {}; print(time.process_time() - started)"


def milliseconds(statement: str) -> float:
    """CPU milliseconds of a statement in a fresh interpreter: the median of several."""
    times = [
        float(
            subprocess.run(  # noqa: S603
                [sys.executable, "-c", TIMED.format(statement)],
                capture_output=True,
                check=True,
                text=True,
            ).stdout
        )
        for _ in range(RUNS)
    ]
    return statistics.median(times) * 1000


def main() -> None:
    baseline = milliseconds(BASELINE)
    print("| imported, and a DynamoDB client made | CPU ms | ratio to boto3 |")
    print("|---|---|---|")
    print(f"| boto3 | {baseline:.0f} | 1.0 |")
    for path in sorted(HANDLERS.glob("*.py")):
        taken = milliseconds(f"import {path.stem}; {CLIENT}")
        print(f"| `{path.stem}` | {taken:.0f} | {taken / baseline:.1f} |")


if __name__ == "__main__":
    main()
