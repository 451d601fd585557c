"""What metrics cost a function: by `aureon.metrics`, and by Powertools' Metrics.

CPU time of an import, beside all that a function has imported before, and of a line; the medians of
fresh interpreters. `EphemeralMetrics` is what Powertools has for metrics that threads don't share.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

RUNS = 7
LINES = 2_000
BEFORE = "import json, os, sys, time; import aureon.runtime"
OURS = "from aureon import metrics"
THEIRS = "from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit"
OUR_LINE = "metrics.emit(EventsIn=3, Duplicates=1, Conflicts=0)"
THEIR_LINE = """
m = EphemeralMetrics(namespace='Aureon')
m.add_dimension('Stack', 'Aureon')
m.add_metric('EventsIn', MetricUnit.Count, 3)
m.add_metric('Duplicates', MetricUnit.Count, 1)
m.add_metric('Conflicts', MetricUnit.Count, 0)
m.flush_metrics()
"""


def seconds(before: str, statement: str) -> float:
    """CPU seconds of a statement after others, in a fresh interpreter: the median of several."""
    program = (
        f"{before}\nimport time\nbegun = time.process_time()\n{statement}\n"
        "print(time.process_time() - begun, file=sys.stderr)"
    )
    found = [
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", program],
            env={**os.environ, "AUREON_STACK": "Aureon"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
            text=True,
        ).stderr
        for _ in range(RUNS)
    ]
    return statistics.median(float(text.splitlines()[-1]) for text in found)


def looped(statement: str) -> str:
    body = "\n".join(f"    {line}" for line in statement.strip().splitlines())
    return f"for _ in range({LINES}):\n{body}"


def main() -> None:
    print("| metrics | import, ms | a line of three, µs |")
    print("| --- | --: | --: |")
    for name, load, line in (
        ("`aureon.metrics`", OURS, OUR_LINE),
        ("Powertools", THEIRS, THEIR_LINE),
    ):
        loading = seconds(BEFORE, load) * 1_000
        writing = seconds(f"{BEFORE}\n{load}", looped(line)) / LINES * 1_000_000
        print(f"| {name} | {loading:.1f} | {writing:.0f} |")


if __name__ == "__main__":
    main()
