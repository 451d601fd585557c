"""The way from the table's stream to a function, and what becomes of what never succeeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aureon.storage.table import STREAM_FILTER, WATCH_FILTERS
from infra.queues import DeadLetters

# A record that cannot be worked off holds up the records of its shard until it has had its tries.
# Where the database is busy for longer, what was left out of the projection is rebuilt from the
# log, and a balance is looked at again when it moves.
MAX_RETRIES: Final = 30


class StreamReader(Construct):
    """The mapping of the stream: only what the function is for, and what fails is split.

    Records gather for `batching_seconds`, up to `batch_records`. `failed` gets a note of each
    record that was given up: where in the stream it was.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stream_arn: str,
        mapping: str,
        patterns: Sequence[Mapping[str, Any]],
        batch_records: int,
        batching_seconds: int,
    ) -> None:
        super().__init__(scope, id_)
        self.stream_arn = stream_arn
        self._mapping = mapping
        self._patterns = patterns
        self._batch_records = batch_records
        self._batching_seconds = batching_seconds
        failed = DeadLetters(self, "Failed")
        Validations.of(failed).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SQS3",
                reason="This is where what failed ends: the stream's mapping sends to it.",
            )
        )
        self.failed = failed.queue

    def deliver_to(self, function: lambda_.IFunction) -> None:
        lambda_.CfnEventSourceMapping(
            self,
            self._mapping,
            function_name=function.function_arn,
            event_source_arn=self.stream_arn,
            starting_position="TRIM_HORIZON",
            filter_criteria={
                "filters": [{"pattern": json.dumps(pattern)} for pattern in self._patterns]
            },
            batch_size=self._batch_records,
            maximum_batching_window_in_seconds=self._batching_seconds,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=MAX_RETRIES,
            function_response_types=["ReportBatchItemFailures"],
            destination_config={"onFailure": {"destination": self.failed.queue_arn}},
        )


class Projection(StreamReader):
    """Inserted pages, for the projector: what is shown is behind by as long as they gather.

    Many go at once, and few wait: what is written for a delivery hardly grows with its pages.
    """

    def __init__(self, scope: Construct, id_: str, *, stream_arn: str, seconds: int) -> None:
        super().__init__(
            scope,
            id_,
            stream_arn=stream_arn,
            mapping="Pages",
            patterns=(STREAM_FILTER,),
            batch_records=100,
            batching_seconds=seconds,
        )


class Watching(StreamReader):
    """What moves balances that have thresholds, for the evaluator: it is told of at once.

    What comes while it works gathers by itself. A stream has two readers at most: this is the
    second.
    """

    def __init__(self, scope: Construct, id_: str, *, stream_arn: str) -> None:
        super().__init__(
            scope,
            id_,
            stream_arn=stream_arn,
            mapping="Changes",
            patterns=WATCH_FILTERS,
            batch_records=100,
            batching_seconds=0,
        )
