"""The table's stream: looks at balances that have thresholds, and sends off what webhooks tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon.alerts import stream
from aureon.api import runtime
from aureon.api.rendering import RENDERING
from aureon.api.runtime import logger
from aureon.core import metrics
from aureon.projection.stream import lag_seconds

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Look at what a delivery tells of; it is delivered again from the first record that failed."""
    metrics.emit(EvaluatorLag=lag_seconds(event["Records"]))
    failed = stream.watch(runtime.store(context), event["Records"], RENDERING)
    for number, reason in failed.items():
        logger.warning("record failed", sequence_number=number, reason=str(reason))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
