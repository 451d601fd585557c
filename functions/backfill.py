"""The backfill's queue: counts the past of meters that came later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon import backfill, runtime
from aureon.errors import Unavailable
from aureon.runtime import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on each job for as long as there is time; what is left goes back to the queue."""
    store = runtime.store(context)
    failed = []
    for record in event["Records"]:
        try:
            job = backfill.Job.from_body(record["body"])
            if not backfill.work(store, job):
                backfill.go_on(job)
        except (Unavailable, ValueError, TypeError) as error:
            logger.warning("job failed", message_id=record["messageId"], reason=str(error))
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
