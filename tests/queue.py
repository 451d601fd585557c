"""Messages of the ingestion queue, as SQS hands them to the real consumer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import consumer
from aureon import exact, times
from aureon_cli.gateway import Context


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
        attributes = {"organization_id": self.organization_id, **self.attributes}
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
            "messageAttributes": {
                name: {"stringValue": value, "dataType": "String"}
                for name, value in attributes.items()
            },
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
    answer = consumer.handler(event, Context("consumer"))  # type: ignore[arg-type]
    return {str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]}
