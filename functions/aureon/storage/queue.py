"""SQS, and the only module that talks to it.

A message is read as the record in which Lambda hands it to a function, so that a call that reads a
queue reads one form. A call that fails is `Unavailable`; a message that the queue never takes is
`Unsendable`.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from aureon.core.errors import AureonError, Unavailable
from aureon.storage import clients

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

Record = dict[str, Any]
# As a record has them: ``{"stringValue": …, "dataType": "String"}`` by name.
Attributes = Mapping[str, Mapping[str, Any]]

# The variables of the environment that hold the queues' URLs.
INGESTION: Final = "AUREON_QUEUE_URL"
DEAD_LETTERS: Final = "AUREON_DEAD_LETTER_QUEUE_URL"

# SQS's own limits.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_BATCH: Final = 10
MAX_ATTRIBUTES: Final = 10

# Counted from when the message was received.
MAX_HIDDEN_SECONDS: Final = 43_200 - 600

# As long as a call may wait for messages to come, within the time for its answer.
MAX_WAIT_SECONDS: Final = 2

T = TypeVar("T")


class Unsendable(AureonError):
    """A message that the queue does not take, and why."""


class Queue(Struct, frozen=True):
    """One queue, reached through one client, for any number of threads."""

    client: SQSClient
    url: str

    def receive(
        self, *, wait_seconds: int, hidden_seconds: int | None = None, at_most: int = MAX_BATCH
    ) -> list[Record]:
        """Receive up to ten messages; where none is there, wait: `MAX_WAIT_SECONDS` at most.

        They are hidden from others for `hidden_seconds`, or as long as the queue says.
        """
        hiding = {} if hidden_seconds is None else {"VisibilityTimeout": hidden_seconds}
        answer = self._call(
            self.client.receive_message,
            MaxNumberOfMessages=at_most,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **hiding,
        )
        return [_record(message) for message in answer.get("Messages", ())]

    def send(
        self,
        body: str,
        attributes: Attributes,
        *,
        delay_seconds: int = 0,
        group: str | None = None,
    ) -> None:
        """Send a message. It may be there twice where an answer is lost. Raises `Unsendable`.

        Messages of different groups are delivered fairly: many of one hold up no other's.
        """
        grouped = {} if group is None else {"MessageGroupId": group}
        try:
            self._call(
                self.client.send_message,
                MessageBody=body,
                DelaySeconds=delay_seconds,
                MessageAttributes={
                    name: {key[0].upper() + key[1:]: value for key, value in attribute.items()}
                    for name, attribute in attributes.items()
                },
                **grouped,
            )
        except ClientError as error:
            if _code(error) not in _UNSENDABLE:
                raise
            raise Unsendable(error.response["Error"]["Message"]) from error

    def delete(self, receipt_handles: Iterable[str]) -> None:
        """Delete messages that were received. One that is not deleted is delivered again."""
        for some in _tens(receipt_handles):
            self._call(
                self.client.delete_message_batch,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(some)
                ],
            )

    def release(self, receipt_handles: Iterable[str]) -> None:
        """Let others see messages that were received, now rather than after a while."""
        for some in _tens(receipt_handles):
            self._call(
                self.client.change_message_visibility_batch,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for place, handle in enumerate(some)
                ],
            )

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        """Hide a message that was received for so many seconds from now, twelve hours at most."""
        self._call(
            self.client.change_message_visibility,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=min(MAX_HIDDEN_SECONDS, max(0, round(seconds))),
        )

    def _call(self, send: Callable[..., T], **parameters: Any) -> T:
        try:
            return send(QueueUrl=self.url, **parameters)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or _code(error) in _BUSY:
                raise Unavailable("The queue is busy.") from error
            raise
        except BotoCoreError as error:
            raise Unavailable("The queue did not answer.") from error


_UNSENDABLE: Final = {"InvalidMessageContents", "InvalidParameterValue", "MissingParameter"}
_BUSY: Final = {"OverLimit", "RequestThrottled", "ThrottlingException"}


def text(value: str) -> Mapping[str, str]:
    """An attribute's value that is a text."""
    return {"stringValue": value, "dataType": "String"}


def connect(endpoint_url: str | None = None, **options: Any) -> SQSClient:
    """A client whose timeouts and attempts are bounded, for any number of threads."""
    with clients.session() as session:
        return session.client("sqs", endpoint_url=endpoint_url, config=clients.CONFIG, **options)


def from_environment(variable: str) -> Queue | None:
    """The queue whose URL a variable of the environment holds; None where it holds none."""
    url = os.environ.get(variable)
    return Queue(_client(), url) if url else None


@cache
def _client() -> SQSClient:
    """Made when a queue is first wanted, and kept."""
    return connect()


def _record(message: Mapping[str, Any]) -> Record:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {key[0].lower() + key[1:]: value for key, value in attribute.items()}
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
    }


def _tens(items: Iterable[str]) -> Iterator[Sequence[str]]:
    iterator = iter(items)
    while some := tuple(islice(iterator, MAX_BATCH)):
        yield some


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
