"""Queues that functions work off, each with one where messages end that never succeed."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# As long as SQS keeps anything.
RETENTION: Final = Duration.days(14)
# Hidden for as long as AWS advises, in timeouts of the worker: a delivery that Lambda throttles
# is tried again within it.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
TIMEOUTS_HIDDEN: Final = 6


class DeadLetters(Construct):
    """A queue for what failed: encrypted, reached over TLS only; it outlives the stack, unless the
    stack could not be created."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        self.queue = sqs.Queue(
            self,
            "Queue",
            retention_period=RETENTION,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )


class WorkQueue(Construct):
    """A queue whose messages die after so many deliveries, and stay for two weeks either way.

    Up to `batch_messages` are gathered for up to `batching_seconds`; at most `max_workers` run at
    once. `worker_timeout` is that of the function that `deliver_to` names.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        worker_timeout: Duration,
        max_deliveries: int,
        batch_messages: int,
        batching_seconds: int,
        max_workers: int,
    ) -> None:
        super().__init__(scope, id_)
        self.dead: sqs.IQueue = DeadLetters(self, "DeadLetters").queue
        hidden_seconds = worker_timeout.to_seconds() * TIMEOUTS_HIDDEN + batching_seconds
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=Duration.seconds(hidden_seconds),
            retention_period=RETENTION,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead, max_receive_count=max_deliveries
            ),
        )
        self._batch_messages = batch_messages
        self._batching = Duration.seconds(batching_seconds)
        self._max_workers = max_workers

    def deliver_to(self, worker: lambda_.IFunction) -> None:
        """Let Lambda poll the queue, and delete what the worker has not failed."""
        worker.add_event_source_mapping(
            "Messages",
            event_source_arn=self.queue.queue_arn,
            batch_size=self._batch_messages,
            # Without a window Lambda hands a message on as soon as there is one.
            max_batching_window=self._batching if self._batching.to_seconds() else None,
            max_concurrency=self._max_workers,
            report_batch_item_failures=True,
        )
