"""The queue of deliveries: sends webhooks to their endpoints, and again after a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon.api import runtime
from aureon.api.runtime import logger
from aureon.core.errors import Unavailable
from aureon.storage import queue
from aureon.webhooks import deliveries, dispatch
from aureon.webhooks.dispatch import Job

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Make an attempt for each job; what is to be tried again comes back after its pause."""
    store = runtime.store(context)
    jobs = queue.from_environment(dispatch.QUEUE)
    failed: list[str] = []
    for record in event["Records"]:
        try:
            pause = deliveries.deliver(store, Job.from_body(record["body"]))
        except (Unavailable, ValueError, TypeError) as error:
            logger.warning("job failed", message_id=record["messageId"], reason=str(error))
            failed.append(record["messageId"])
            continue
        if pause is None:
            continue
        failed.append(record["messageId"])
        if jobs is not None:
            try:
                jobs.postpone(record["receiptHandle"], pause)
            except Unavailable:
                logger.warning("job comes back early", message_id=record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
