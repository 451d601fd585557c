"""The way from the table's stream to the projector, and what becomes of what never succeeds."""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aureon.table import STREAM_FILTER
from infra.queues import DeadLetters

# Pages that come together are projected together; what is shown is behind by as much.
BATCH_RECORDS: Final = 500
BATCHING_SECONDS: Final = 10
# A page that cannot be projected holds up the pages of its shard until it has had its tries.
# Where the database is busy for longer, what was left out is rebuilt from the log.
MAX_RETRIES: Final = 30


class Projection(Construct):
    """The mapping of the stream: only inserted pages, and a delivery that fails is split.

    `failed` gets a note of each record that was given up: where in the stream it was.
    """

    def __init__(self, scope: Construct, id_: str, *, stream_arn: str) -> None:
        super().__init__(scope, id_)
        self.stream_arn = stream_arn
        failed = DeadLetters(self, "Failed")
        Validations.of(failed).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SQS3",
                reason="This is where what failed ends: the stream's mapping sends to it.",
            )
        )
        self.failed = failed.queue

    def deliver_to(self, projector: lambda_.IFunction) -> None:
        lambda_.CfnEventSourceMapping(
            self,
            "Pages",
            function_name=projector.function_arn,
            event_source_arn=self.stream_arn,
            starting_position="TRIM_HORIZON",
            filter_criteria={"filters": [{"pattern": json.dumps(STREAM_FILTER)}]},
            batch_size=BATCH_RECORDS,
            maximum_batching_window_in_seconds=BATCHING_SECONDS,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=MAX_RETRIES,
            function_response_types=["ReportBatchItemFailures"],
            destination_config={"onFailure": {"destination": self.failed.queue_arn}},
        )
