"""Conflicts between transactions, which DynamoDB has and the local engine lacks.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aureon.storage import keys
from tests.support.faults import Answer, cancellation, refusal

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

HOLD_SECONDS: Final = 0.010
SINGLE_WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem")


class Touched(NamedTuple):
    """An item that a call is about: its table and its key."""

    table: str
    key: keys.Key


class _Hold(NamedTuple):
    until: float
    by_transaction: bool


@dataclass
class Conflicts:
    """Which items are held, and until when.

    A write holds what it touches for `hold_seconds` from its beginning. A transaction that comes
    meanwhile, and touches an item that another holds, is cancelled and says which; a single
    write is refused. What is refused holds nothing. A single write is in the way of
    transactional reads only.
    """

    now: Callable[[], float] = time.monotonic
    hold_seconds: float = HOLD_SECONDS
    _held: dict[Touched, _Hold] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def meet(self, operation: str, parameters: Mapping[str, Any]) -> Answer | None:
        """Let a call begin: it holds its items now, or this is the answer that it gets."""
        with self._lock:
            now = self.now()
            touched = touches(operation, parameters)
            holds = [self._held.get(item, _Hold(now, False)) for item in touched]
            reading = operation == "TransactGetItems"
            conflicts = [hold.until > now and (hold.by_transaction or reading) for hold in holds]
            if any(conflicts):
                if operation in SINGLE_WRITES:
                    return refusal("TransactionConflictException")
                return cancellation(conflicts)
            if not reading:
                hold = _Hold(now + self.hold_seconds, operation == "TransactWriteItems")
                self._held |= dict.fromkeys(touched, hold)
            return None


def touches(operation: str, parameters: Mapping[str, Any]) -> list[Touched]:
    """The items that a transaction or a single write is about, in its order; else none."""
    if "touched" in parameters:
        alone = operation in (*SINGLE_WRITES, "TransactWriteItems", "TransactGetItems")
        return parameters["touched"] if alone else []
    request = json.loads(parameters["body"])
    if operation in SINGLE_WRITES:
        return [_touched(request)]
    if operation not in ("TransactWriteItems", "TransactGetItems"):
        return []
    return [_touched(part) for action in request["TransactItems"] for part in action.values()]


@contextmanager
def conflicts(client: DynamoDBClient) -> Iterator[Conflicts]:
    """Let the calls of a client, from any number of threads, conflict as DynamoDB's do."""
    found = Conflicts()

    def before(model: Any, params: dict[str, Any], **_: Any) -> Any:
        return found.meet(model.name, params)

    client.meta.events.register_first("before-call.dynamodb", before)
    try:
        yield found
    finally:
        client.meta.events.unregister("before-call.dynamodb", before)


def _touched(part: Mapping[str, Any]) -> Touched:
    key = part.get("Key") or part["Item"]
    return Touched(part["TableName"], keys.Key(key[keys.PARTITION]["S"], key[keys.SORT]["S"]))
