"""The ingestion queue, and the one where its messages end that never succeed."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

MAX_DELIVERIES: Final = 5
BATCH_MESSAGES: Final = 50
BATCHING_SECONDS: Final = 2
MAX_CONSUMERS: Final = 10
# Hidden for as long as AWS advises, in timeouts of the consumer: a delivery that Lambda throttles
# is tried again within it.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
TIMEOUTS_HIDDEN: Final = 6


class Queues(Construct):
    """Both queues, encrypted, reached over TLS only; their messages stay for two weeks."""

    def __init__(self, scope: Construct, id_: str, *, consumer_timeout: Duration) -> None:
        super().__init__(scope, id_)
        self.dead = sqs.Queue(
            self,
            "DeadLetters",
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        hidden_seconds = consumer_timeout.to_seconds() * TIMEOUTS_HIDDEN + BATCHING_SECONDS
        self.ingestion = sqs.Queue(
            self,
            "Ingestion",
            visibility_timeout=Duration.seconds(hidden_seconds),
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead, max_receive_count=MAX_DELIVERIES
            ),
        )

    def deliver_to(self, consumer: lambda_.Function) -> None:
        """Let Lambda poll the ingestion queue, and delete what the consumer has not failed."""
        consumer.add_event_source_mapping(
            "Ingestion",
            event_source_arn=self.ingestion.queue_arn,
            batch_size=BATCH_MESSAGES,
            max_batching_window=Duration.seconds(BATCHING_SECONDS),
            max_concurrency=MAX_CONSUMERS,
            report_batch_item_failures=True,
        )
