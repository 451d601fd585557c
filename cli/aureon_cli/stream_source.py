"""Lambda's event source mapping on the developer's machine: the table's stream for a function.

A thread reads the stream's shards, hands the records that the mapping would let pass to the real
handler, and delivers again from the first that failed on.

The engine forgets its stream when it ends. So at the end what is left of it is delivered, and a
`Note` says that all was. Where there is none, because there was no time for it, or the table comes
from a service that had no stream, what is in the table is delivered at the next start as if it had
just been inserted: what was worked off already changes nothing.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from aureon.core import times
from aureon.storage import keys, wire
from aureon.storage.clients import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from aureon.storage.store import Attributes, Store
from aureon.storage.table import STREAM_VIEW, is_inserted_page
from aureon_cli import loopback
from aureon_cli.gateway import Context

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

Handler = Callable[[dict[str, Any], Any], Any]
Record = dict[str, Any]

# So long after a look at a stream that had nothing new, the next.
POLL_SECONDS: Final = 0.25
# After work, it rests for so many times as long, but no longer than this: it is one of many that
# share a processor here, and Lambda's own mapping lets pages gather for longer.
RESTS: Final = 3
LONGEST_REST_SECONDS: Final = 3.0
# New shards are looked for as often: the embedded engine has one, for ever.
SHARDS_SECONDS: Final = 30.0
BATCH_RECORDS: Final = 500
# After a failure, before the next try; after so many, a record is left out, and told of.
PAUSE_SECONDS: Final = 0.5
MAX_ATTEMPTS: Final = 20
# At the end, what is left of the stream is delivered for as long.
DRAIN_SECONDS: Final = 5.0


class Note:
    """A file that is there while no service runs, if all was delivered when the last one ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found = False
        self.all_delivered = False

    def __enter__(self) -> Self:
        self.found = self._path.exists()
        self._path.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.all_delivered:
            self._path.touch()


class _DirectReads(wire.DirectCalls):
    """Reads records as the engine writes them, and Lambda too: bytes and times as JSON has them."""

    direct = frozenset({"GetRecords"})
    target = "DynamoDBStreams_20120810."

    def _read(self, body: bytes) -> wire.Parsed:
        answer: wire.Parsed = msgspec.json.decode(body)
        return answer


def _shorten(*, base_classes: list[type], **_: Any) -> None:
    """botocore looks up each attribute of each record in its model; few of them are pages."""
    base_classes.insert(0, _DirectReads)


@dataclass
class Stream:
    """A stream, read from its beginning on."""

    client: DynamoDBStreamsClient
    arn: str
    passes: Callable[[Record], bool] = is_inserted_page
    _iterators: dict[str, str] = field(default_factory=dict)
    _opened: set[str] = field(default_factory=set)
    _looked_at: float = float("-inf")

    @classmethod
    def of(cls, store: Store, passes: Callable[[Record], bool] = is_inserted_page) -> Self:
        """The stream of a table that has one, and of it the records that are let pass."""
        session = botocore.session.get_session()
        session.register("creating-client-class.dynamodbstreams", cast("Any", _shorten))
        client = session.create_client(
            "dynamodbstreams",
            endpoint_url=store.client.meta.endpoint_url,
            # The reader tries again anyway, and must not hold up the end.
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                retries={"total_max_attempts": 1},
            ),
        )
        loopback.install(client.meta.events)
        table = store.client.describe_table(TableName=store.table)["Table"]
        return cls(cast("DynamoDBStreamsClient", client), table["LatestStreamArn"], passes)

    def read(self) -> list[Record] | None:
        """The next records that pass, as Lambda has them; None where nothing is new."""
        if self._looked_at + SHARDS_SECONDS < time.monotonic():
            self._look_for_shards()
        found = 0
        pages: list[Record] = []
        for shard, iterator in list(self._iterators.items()):
            answer = self.client.get_records(ShardIterator=iterator)
            if following := answer.get("NextShardIterator"):
                self._iterators[shard] = following
            else:
                del self._iterators[shard]
            found += len(answer["Records"])
            pages += filter(self.passes, cast("list[Record]", answer["Records"]))
        return pages if found else None

    def reopen(self) -> None:
        """Begin anew: after a while in which nobody reads, as of a laptop asleep, places expire."""
        self._iterators.clear()
        self._opened.clear()
        self._looked_at = float("-inf")

    def _look_for_shards(self) -> None:
        description = self.client.describe_stream(StreamArn=self.arn)["StreamDescription"]
        for shard in description["Shards"]:
            if shard["ShardId"] not in self._opened:
                answer = self.client.get_shard_iterator(
                    StreamArn=self.arn,
                    ShardId=shard["ShardId"],
                    ShardIteratorType="TRIM_HORIZON",
                )
                self._iterators[shard["ShardId"]] = answer["ShardIterator"]
                self._opened.add(shard["ShardId"])
        self._looked_at = time.monotonic()


@contextmanager
def polling(
    store: Store,
    name: str,
    handler: Handler,
    note: Note,
    passes: Callable[[Record], bool] = is_inserted_page,
    longest_rest_seconds: float = LONGEST_REST_SECONDS,
) -> Iterator[None]:
    """Hand records that pass to the function of this name for the length of a ``with`` block."""
    source = _Source(store, Stream.of(store, passes), name, handler, longest_rest_seconds)
    poller = threading.Thread(
        target=source.run, args=[note], name=f"event source of {name}", daemon=True
    )
    poller.start()
    try:
        yield
    finally:
        source.stopping.set()
        poller.join()


@dataclass
class _Source:
    store: Store
    stream: Stream
    name: str
    handler: Handler
    longest_rest_seconds: float = LONGEST_REST_SECONDS
    stopping: threading.Event = field(default_factory=threading.Event)
    left_out: bool = False
    unread: int = 0

    def run(self, note: Note) -> None:
        if not note.found:
            try:
                self._deliver_stored()
            except (BotoCoreError, ClientError) as error:
                print(f"What is stored can't be read: {error}", file=sys.stderr)
                self.left_out = True
        while not self.stopping.is_set():
            started = time.monotonic()
            gathered: list[Record] = []
            while len(gathered) < BATCH_RECORDS and not self.stopping.is_set():
                records = self._read()
                if records is None:
                    break
                gathered += records
            if gathered:
                self._deliver(gathered)
            # Requests come first; and pages that gather meanwhile are projected together.
            busy_seconds = time.monotonic() - started
            longest = self.longest_rest_seconds
            self.stopping.wait(max(POLL_SECONDS, min(RESTS * busy_seconds, longest)))
        note.all_delivered = self._drain() and not self.left_out

    def _deliver_stored(self) -> None:
        pages = stored(self.store, self.stream.passes)
        while batch := list(islice(pages, BATCH_RECORDS)):
            if self.stopping.is_set():
                self.left_out = True
                return
            self._deliver(batch)

    def _read(self) -> Sequence[Record] | None:
        try:
            records = self.stream.read()
        except (BotoCoreError, ClientError) as error:
            self.unread += 1
            if self.unread == MAX_ATTEMPTS:
                print(f"The table's stream can't be read: {error}", file=sys.stderr)
            self.stopping.wait(PAUSE_SECONDS)
            self.stream.reopen()
            return None
        self.unread = 0
        return records

    def _drain(self) -> bool:
        """Deliver what is left; say whether all of it was."""
        deadline = time.monotonic() + DRAIN_SECONDS
        with suppress(BotoCoreError, ClientError):
            while time.monotonic() < deadline and not self.left_out:
                records = self.stream.read()
                if records is None:
                    return True
                self._deliver(records)
        return False

    def _deliver(self, records: Sequence[Record]) -> None:
        """Deliver in order, again from the first that fails, but not for ever."""
        place = failures = 0
        while place < len(records):
            delivered = deliver(records[place : place + BATCH_RECORDS], self.name, self.handler)
            place += delivered
            failures = 0 if delivered else failures + 1
            if failures and self.stopping.wait(PAUSE_SECONDS):
                self.left_out = True
                return
            if failures == MAX_ATTEMPTS:
                number = records[place]["dynamodb"]["SequenceNumber"]
                print(f"{self.name} goes on failing with record {number}.", file=sys.stderr)
                self.left_out = True
                place, failures = place + 1, 0


def deliver(records: Sequence[Record], name: str, handler: Handler) -> int:
    """Hand records to a function. Returns how many it was done with before the first failed."""
    try:
        answer = handler({"Records": records}, Context(name))
    except Exception:
        print(f"A delivery to {name} failed:", file=sys.stderr)
        traceback.print_exc()
        return 0
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    if not failed <= set(numbers):
        raise ValueError("the answer names a record that was not delivered")
    return next((place for place, number in enumerate(numbers) if number in failed), len(numbers))


def stored(store: Store, passes: Callable[[Record], bool] = is_inserted_page) -> Iterator[Record]:
    """The items in the table that pass, as if they had been inserted just now."""
    numbers = count(1)
    parameters: dict[str, Any] = {"TableName": store.table, "ConsistentRead": True}
    while True:
        answer = store.client.scan(**parameters)
        for item in answer["Items"]:
            if passes(record := inserted(item, next(numbers))):
                yield record
        if "LastEvaluatedKey" not in answer:
            return
        parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def inserted(item: Attributes, number: int) -> Record:
    """The record that tells of an item's insertion, as Lambda has it."""
    image = {
        name: {"B": b64encode(attribute["B"]).decode()} if "B" in attribute else attribute
        for name, attribute in item.items()
    }
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": times.now().timestamp(),
            "Keys": {name: item[name] for name in (keys.PARTITION, keys.SORT)},
            "NewImage": image,
            "SequenceNumber": f"{number:021}",
            "SizeBytes": 0,
            "StreamViewType": STREAM_VIEW,
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/aureon/stream/1",
    }
