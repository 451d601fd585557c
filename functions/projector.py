"""The table's stream: projects the pages that were inserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon.api import runtime
from aureon.api.runtime import logger
from aureon.core import metrics
from aureon.customers import rankings
from aureon.projection import stream

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Project a delivery; it is delivered again from the first record that failed."""
    metrics.emit(ProjectorLag=stream.lag_seconds(event["Records"]))
    store, records = runtime.store(context), event["Records"]
    failed = rankings.follow_pages(store, records) | stream.project(store, records)
    for number, reason in failed.items():
        logger.warning("record failed", sequence_number=number, reason=str(reason))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
