"""Metrics: a line of the log each, in CloudWatch's embedded format, which costs no call.

A metric has one dimension, the stack's name: every further value of a dimension is a metric that
is paid for. Outside of a stack nothing is printed.

Powertools' `EphemeralMetrics` writes it: its `Metrics` keep what they gather for all threads.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics

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
    # Strings where a meter counts numbers: they counted as nothing.
    "Warnings": "Count",
    # Spends and holds that there were too few credits for.
    "RefusedSpends": "Count",
    # How old the oldest page of a delivery is, and for how long a meter's past waits by now.
    "ProjectorLag": "Seconds",
    "BackfillLag": "Seconds",
    # Of the nightly audit: ledgers that it was done with, those of them that it could not
    # compare, figures of balances that differ from the log, and of read models.
    "AuditedLedgers": "Count",
    "AuditSkippedLedgers": "Count",
    "AuditDifferences": "Count",
    "AuditProjectionDifferences": "Count",
    # How old the oldest record is that the evaluator was given, and endpoints of webhooks that
    # failed for so long that they get nothing any more.
    "EvaluatorLag": "Seconds",
    "WebhookEndpointsDisabled": "Count",
}


def emit(**figures: float) -> None:
    """Print figures, by the metric's name."""
    stack = os.environ.get(STACK)
    if not stack:
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension(name=DIMENSION, value=stack)
    for name, figure in figures.items():
        metrics.add_metric(name=name, unit=UNITS[name], value=figure)
    metrics.flush_metrics()
