"""The table's stream: projects the pages that were inserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon import metrics, runtime, stream
from aureon.runtime import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Project a delivery; it is delivered again from the first record that failed."""
    metrics.emit(ProjectorLag=stream.lag_seconds(event["Records"]))
    failed = stream.project(runtime.store(context), event["Records"])
    for number, reason in failed.items():
        logger.warning("record failed", sequence_number=number, reason=str(reason))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
