"""Jobs from a queue, one a message: those that failed are delivered again, alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from aureon.api.runtime import logger
from aureon.core.errors import Unavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch import ExceptionInfo, FailureResponse
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A busy database, and a body that is not a job's. Anything else is a mistake of the program: it
# fails the delivery, so that Lambda counts an error.
EXPECTED: Final = (Unavailable, ValueError, TypeError)


class _Jobs(BatchProcessor):
    def failure_handler(self, record: SQSRecord, exception: ExceptionInfo) -> FailureResponse:
        reason = exception[1]
        if not isinstance(reason, EXPECTED):
            raise
        logger.warning("job failed", message_id=record.message_id, reason=str(reason))
        return super().failure_handler(record, exception)


def process(
    event: dict[str, Any], context: LambdaContext, work: Callable[[str], None]
) -> PartialItemFailureResponse:
    """Do the job in the body of each message of a delivery from SQS."""

    def work_on(record: SQSRecord) -> None:
        work(record.body)

    jobs = _Jobs(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, work_on, jobs, context)
