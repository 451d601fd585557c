"""Metrics: a line of the log each, in CloudWatch's embedded format, which costs no call.

A metric has one dimension, the stack's name: every further value of a dimension is a metric that
is paid for. Outside of a stack nothing is printed.

These lines are written here rather than by Powertools' Metrics, which keeps what it gathers for
all threads together. `make metrics-cost` compares what both cost.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Final

NAMESPACE: Final = "Aureon"
DIMENSION: Final = "Stack"
# The variable of the environment that holds the stack's name.
STACK: Final = "AUREON_STACK"
# What is measured, and in which of CloudWatch's units.
UNITS: Final[Mapping[str, str]] = {
    # Of ingestion, over HTTP and from the queue: `Conflicts` are duplicates whose content differs
    # from that of the event that counted.
    "EventsIn": "Count",
    "Duplicates": "Count",
    "Conflicts": "Count",
    # Spends and holds that there were too few credits for.
    "RefusedSpends": "Count",
    # How old the oldest page of a delivery is, and for how long a meter's past waits by now.
    "ProjectorLag": "Seconds",
    "BackfillLag": "Seconds",
    # Of the nightly audit: ledgers that it was done with, those of them that it could not
    # compare, figures of balances that differ from the log, and what is projected for looking
    # and differs.
    "AuditedLedgers": "Count",
    "AuditSkippedLedgers": "Count",
    "AuditDifferences": "Count",
    "AuditProjectionDifferences": "Count",
}


def emit(**figures: float) -> None:
    """Print figures, by the metric's name."""
    stack = os.environ.get(STACK)
    if not stack:
        return
    described = [{"Name": name, "Unit": UNITS[name]} for name in figures]
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": described}
            ],
        },
        DIMENSION: stack,
        **figures,
    }
    # One call, so that lines of several threads don't get mixed up.
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
