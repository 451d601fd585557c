"""The ingestion queue: counts the events of messages that SQS delivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon.api import runtime
from aureon.api.runtime import logger
from aureon.core.errors import AureonError, Unavailable
from aureon.ledger import messages

# Every call needs its rules: they are imported while the function starts.
from aureon.ledger.event_bodies import IngestBody as IngestBody

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Count a delivery; the messages that failed are delivered again, and die in the end.

    Where the database is busy and nothing could be counted, the whole delivery fails: that slows
    the queue's polling down.
    """
    received: list[messages.Message] = []
    failed: dict[str, AureonError] = {}
    for record in event["Records"]:
        try:
            received.append(messages.Message.from_record(record))
        except messages.Refused as error:
            failed[record["messageId"]] = error
    failed |= messages.count(runtime.store(context), received)
    for message_id, reason in failed.items():
        logger.warning("message failed", message_id=message_id, reason=str(reason))
    if len(failed) == len(event["Records"]):
        for reason in failed.values():
            if isinstance(reason, Unavailable):
                raise reason
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
