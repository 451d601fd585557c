"""The ingestion queue: its messages, as SQS hands them to the real consumer, and itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aureon.core import exact, times
from aureon.storage.queue import Attributes, Queue, Record, text
from aureon_cli import event_source
from tests.support import permissions
from tests.support.handlers import HANDLERS, invoke

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Sent:
    """A message in the queue: its body, its attributes, when it was sent, how often received."""

    organization_id: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    sent_at: datetime = field(default_factory=times.now)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received: int = 1

    def again(self) -> Sent:
        """The same message, at its next delivery."""
        return replace(self, received=self.received + 1)

    def redriven(self) -> Sent:
        """A copy of the message, sent from the dead-letter queue as `aureon dlq` does."""
        attributes = {
            "first_message_id": self.id,
            "received_at": times.to_text(self.sent_at),
            **self.attributes,
        }
        return Sent(self.organization_id, self.body, attributes)

    def record(self) -> dict[str, Any]:
        return {
            "messageId": self.id,
            "receiptHandle": str(uuid.uuid4()),
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.received),
                "SentTimestamp": str(int(self.sent_at.timestamp() * 1000)),
                "SenderId": "000000000000",
                "ApproximateFirstReceiveTimestamp": str(int(self.sent_at.timestamp() * 1000)),
            },
            "messageAttributes": texts(self),
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:ingestion",
            "awsRegion": "us-east-1",
        }


def message(organization_id: str, *events: Mapping[str, Any], **attributes: str) -> Sent:
    """A message with events, in an organization."""
    return Sent(organization_id, exact.write({"events": events}).decode(), attributes)


def deliver(*messages: Sent) -> set[str]:
    """Hand messages to the consumer. Returns the ids of those that failed."""
    event = {"Records": [message.record() for message in messages]}
    answer = invoke("consumer", event)
    return {str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]}


@dataclass(frozen=True)
class Queues:
    """An ingestion queue and its dead-letter queue on the engine.

    A message is hidden from nobody, and dead once it was delivered `max_deliveries` times.
    """

    client: SQSClient
    ingestion: Queue
    dead: Queue

    @classmethod
    def create(cls, client: SQSClient, *, max_deliveries: int = 1) -> Queues:
        name = f"test-{uuid.uuid4()}"
        dead = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": max_deliveries,
        }
        ingestion = client.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": "0", "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        return cls(client, Queue(client, ingestion), Queue(client, dead))

    def delete(self) -> None:
        for queue in (self.ingestion, self.dead):
            self.client.delete_queue(QueueUrl=queue.url)

    def send(self, *messages: Sent) -> None:
        for message in messages:
            self.ingestion.send(message.body, texts(message))

    def deliver(self) -> list[Record]:
        """Deliver what is in the ingestion queue, until nothing is; those that fail die.

        Returns what was delivered.
        """
        delivered = []
        # Lambda does this, whatever function the test is in.
        with permissions.acting_as(None):
            while records := self.ingestion.receive(wait_seconds=0, hidden_seconds=60):
                delivered += records
                try:
                    done = event_source.deliver(records, "consumer", HANDLERS["consumer"])
                    self.ingestion.delete(done)
                finally:
                    self.ingestion.release(record["receiptHandle"] for record in records)
        return delivered

    def deaths(self) -> list[Record]:
        """The dead letters, which stay where they are."""
        return self.dead.receive(wait_seconds=0, hidden_seconds=0)


def texts(message: Sent) -> Attributes:
    """A message's attributes, as its record has them."""
    attributes = {"organization_id": message.organization_id, **message.attributes}
    return {name: text(value) for name, value in attributes.items()}
