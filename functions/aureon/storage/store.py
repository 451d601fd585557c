"""DynamoDB, and the only module that talks to it.

Items are plain mappings of strings, Decimals, booleans, bytes, lists and mappings; this module
turns them into DynamoDB's attribute values and back. Every call is made under a deadline, so
that no call outlives its handler, and every failure is one of three: a condition that did not
hold, a transaction that was cancelled, or `Unavailable`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core.errors import AureonError, Unavailable
from aureon.core.retry import Backoff
from aureon.storage import clients, expressions, limits
from aureon.storage.expressions import Condition, Update, absent
from aureon.storage.keys import (
    DIRECTORY,
    DIRECTORY_PARTITION,
    DIRECTORY_SORT,
    PARTITION,
    SORT,
    Key,
    Keys,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
Attributes = dict[str, Any]

UNREAD: Final = Backoff(first_seconds=0.05)
MAX_CONFLICTS: Final = 8
CONFLICTS: Final = Backoff(first_seconds=0.01)

CONDITION_FAILED: Final = "ConditionalCheckFailed"
TRANSACTION_CONFLICT: Final = "TransactionConflict"


class ConditionFailed(AureonError):
    """A single write's condition did not hold."""


class TransactionCancelled(AureonError):
    """A transaction was cancelled.

    `reasons` has a code for each of its actions in order, None for an action that did not fail:
    `CONDITION_FAILED` or `TRANSACTION_CONFLICT`.
    """

    def __init__(self, reasons: Sequence[str | None]) -> None:
        super().__init__(", ".join(reason or "None" for reason in reasons))
        self.reasons = tuple(reasons)


class Write(Struct, frozen=True):
    """One action of a transaction."""

    action: str
    key: Key
    item: Item | None = None
    update: Update | None = None
    condition: Condition | None = None

    def request(self, table: str) -> dict[str, Any]:
        """What DynamoDB is asked for, alone or in a transaction, without the action's name.

        Raises `LimitExceeded` where it would refuse a key or an expression.
        """
        found = {"TableName": table, **expressions.parameters(self.update, self.condition)}
        if values := found.get("ExpressionAttributeValues"):
            found["ExpressionAttributeValues"] = to_attributes(values)
        if self.item is not None:
            found["Item"] = _with_key(self.key, self.item)
        else:
            found["Key"] = _key(self.key)
        return found


def put(key: Key, item: Item, condition: Condition) -> Write:
    """Put an item over another, on a condition."""
    return Write("Put", key, item=item, condition=condition)


def put_over(key: Key, item: Item) -> Write:
    """Put an item over whatever stands there: what guards it is elsewhere in the transaction."""
    return Write("Put", key, item=item)


def put_new(key: Key, item: Item) -> Write:
    """Put an item that is not there yet."""
    return put(key, item, absent())


def update(
    key: Key,
    assigned: Mapping[str, Any] | None = None,
    *,
    initial: Mapping[str, Any] | None = None,
    added: Mapping[str, Any] | None = None,
    removed: Sequence[str] = (),
    condition: Condition | None = None,
) -> Write:
    """Change attributes of an item, as an `Update` does. A missing item is made."""
    changes = Update(assigned or {}, initial or {}, added or {}, removed)
    return Write("Update", key, update=changes, condition=condition)


def check(key: Key, condition: Condition) -> Write:
    """Require something of an item that the transaction leaves alone."""
    return Write("ConditionCheck", key, condition=condition)


def delete(key: Key, condition: Condition | None = None) -> Write:
    """Delete an item; a missing item is no mistake, unless a condition says so."""
    return Write("Delete", key, condition=condition)


class Store(Struct, frozen=True):
    """One table, reached through one client, under a deadline.

    `deadline` is a time of `time.monotonic`, in seconds: no call is sent that could outlast it.
    """

    client: DynamoDBClient
    table: str
    deadline: float = field(default=float("inf"))

    def until(self, deadline: float) -> Self:
        """The same table under another deadline."""
        return replace(self, deadline=deadline)

    def of(self, organization_id: str) -> OrganizationStore:
        """The same table, for the data of one organization."""
        return OrganizationStore(self.client, self.table, self.deadline, keys=Keys(organization_id))

    def has_time(self) -> bool:
        """Whether another call would end before the deadline, however long it takes."""
        return time.monotonic() + clients.LONGEST_CALL_SECONDS <= self.deadline

    def get(self, key: Key) -> Item | None:
        """Read one item, strongly consistent."""
        answer = self._call(
            self.client.get_item, TableName=self.table, Key=_key(key), ConsistentRead=True
        )
        found = answer.get("Item")
        return from_attributes(found) if found else None

    def batch_get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Read many items, strongly consistent, a hundred a call; those absent are left out."""
        pending = [_key(key) for key in dict.fromkeys(keys)]
        found: dict[Key, Item] = {}
        while pending:
            answer = self._call(
                self.client.batch_get_item,
                RequestItems={
                    self.table: {
                        "Keys": pending[: limits.MAX_BATCH_GET_KEYS],
                        "ConsistentRead": True,
                    }
                },
            )
            for attributes in answer["Responses"].get(self.table, ()):
                item = from_attributes(attributes)
                found[Key(item[PARTITION], item[SORT])] = item
            unread = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
            pending = [*unread, *pending[limits.MAX_BATCH_GET_KEYS :]]
            if unread:
                # Less than was asked for: too much at once, or for the moment.
                UNREAD.wait(1)
        return found

    def snapshot(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Read items as they are at one instant; those absent are left out.

        At most `limits.MAX_TRANSACTION_ACTIONS`. Raises `TransactionCancelled` where one of them
        is being written.
        """
        limits.check_actions(keys)
        answer = self._transact(
            self.client.transact_get_items,
            TransactItems=[{"Get": {"TableName": self.table, "Key": _key(key)}} for key in keys],
        )
        return {
            key: from_attributes(response["Item"])
            for key, response in zip(keys, answer["Responses"], strict=True)
            if response.get("Item")
        }

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        since: str = "",
        before: str = "",
        after: str | None = None,
        newest_first: bool = False,
        at_a_time: int | None = None,
    ) -> Iterator[Item]:
        """Read a partition in the order of its sort keys, strongly consistent, page by page.

        Only sort keys that begin with `prefix`, or only those from `since` on that sort before
        `before`, in a partition where none is `before` itself. A page is read when the one before
        is used up, and has at most `at_a_time` items.
        """
        values: dict[str, Any] = {":pk": partition}
        condition = "#pk = :pk"
        if prefix:
            values[":prefix"] = prefix
            condition += " AND begins_with(#sk, :prefix)"
        elif since and before:
            values |= {":since": since, ":before": before}
            condition += " AND #sk BETWEEN :since AND :before"
        elif since:
            values[":since"] = since
            condition += " AND #sk >= :since"
        elif before:
            values[":before"] = before
            condition += " AND #sk < :before"
        parameters: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {"#pk": PARTITION},
            "ExpressionAttributeValues": to_attributes(values),
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }
        if len(values) > 1:
            parameters["ExpressionAttributeNames"]["#sk"] = SORT
        if at_a_time is not None:
            parameters["Limit"] = at_a_time
        if after is not None:
            parameters["ExclusiveStartKey"] = _key(Key(partition, after))
        return self._pages(parameters)

    def scan(self, prefix: str) -> Iterator[Item]:
        """Read the whole table, strongly consistent, for the items whose partition begins so."""
        return self._pages(
            {
                "TableName": self.table,
                "FilterExpression": "begins_with(#pk, :prefix)",
                "ExpressionAttributeNames": {"#pk": PARTITION},
                "ExpressionAttributeValues": to_attributes({":prefix": prefix}),
                "ConsistentRead": True,
            },
            self.client.scan,
        )

    def query_index(
        self, partition: str, *, after: Item | None = None, prefix: str = "", before: str = ""
    ) -> Iterator[Item]:
        """Read a partition of the directory, keys only: eventually consistent, as indexes are.

        `after` is an entry of it, to go on from. Only entries that begin with `prefix`, or that
        sort before `before`, where either is given.
        """
        parameters = self._index(partition)
        if prefix or before:
            condition = "begins_with(#sk, :sk)" if prefix else "#sk < :sk"
            parameters["KeyConditionExpression"] += f" AND {condition}"
            parameters["ExpressionAttributeNames"]["#sk"] = DIRECTORY_SORT
            parameters["ExpressionAttributeValues"][":sk"] = {"S": prefix or before}
        if after is not None:
            parameters["ExclusiveStartKey"] = to_attributes(after)
        return self._pages(parameters)

    def count_index(self, partition: str) -> int:
        """How many entries a partition of the directory has."""
        answers = self._answers({**self._index(partition), "Select": "COUNT"}, self.client.query)
        return sum(answer["Count"] for answer in answers)

    def write(self, write: Write) -> None:
        """Make one conditional write by itself. Raises `ConditionFailed`."""
        operations: dict[str, Callable[..., Any]] = {
            "Put": self.client.put_item,
            "Update": self.client.update_item,
            "Delete": self.client.delete_item,
        }
        try:
            self._call(operations[write.action], **write.request(self.table))
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            raise ConditionFailed("The condition of a write did not hold.") from error

    def add(self, key: Key, name: str, number: int, assigned: Mapping[str, Any]) -> int:
        """Add to a whole number of an item, which is made if it is not there; what it is then."""
        made = update(key, assigned, added={name: number})
        answer = self._call(
            self.client.update_item, **made.request(self.table), ReturnValues="UPDATED_NEW"
        )
        return int(from_attributes(answer["Attributes"])[name])

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes or none. Raises `TransactionCancelled`, and `LimitExceeded`.

        botocore adds a fresh ``ClientRequestToken``, so that its own second attempt of a call
        whose answer was lost does not count twice.
        """
        limits.check_actions([write.key for write in writes])
        self._transact(
            self.client.transact_write_items,
            TransactItems=[{write.action: write.request(self.table)} for write in writes],
        )

    def commit(self, writes: Sequence[Write]) -> None:
        """Make all writes or none, waiting while another transaction holds one of the items.

        Raises `TransactionCancelled` only where a condition did not hold, and `Unavailable` where
        the items are never free.
        """
        for attempt in range(1, MAX_CONFLICTS + 1):
            try:
                return self.transact(writes)
            except TransactionCancelled as cancelled:
                if CONDITION_FAILED in cancelled.reasons:
                    raise
            CONFLICTS.wait(attempt)
        raise Unavailable("Too many other calls write to the same items.")

    def put_all(self, items: Mapping[Key, Item]) -> None:
        """Put items over whatever stands there, each by itself: some may be put and others not."""
        self._write_all(
            {"PutRequest": {"Item": _with_key(key, item)}} for key, item in items.items()
        )

    def delete_all(self, keys: Iterable[Key]) -> None:
        """Delete items, each by itself: some may be deleted and others not."""
        self._write_all({"DeleteRequest": {"Key": _key(key)}} for key in keys)

    def _write_all(self, requests: Iterable[dict[str, Any]]) -> None:
        pending = list(requests)
        while pending:
            answer = self._call(
                self.client.batch_write_item,
                RequestItems={self.table: pending[: limits.MAX_BATCH_WRITES]},
            )
            unwritten = answer.get("UnprocessedItems", {}).get(self.table, [])
            pending = [*unwritten, *pending[limits.MAX_BATCH_WRITES :]]
            if unwritten:
                UNREAD.wait(1)

    def _transact(self, send: Callable[..., Any], **parameters: Any) -> Any:
        try:
            return self._call(send, **parameters)
        except ClientError as error:
            if _code(error) != "TransactionCanceledException":
                raise
            reasons = [
                None if reason["Code"] == "None" else reason["Code"]
                for reason in error.response.get("CancellationReasons", ())
            ]
            found = set(reasons)
            if found <= {None, CONDITION_FAILED, TRANSACTION_CONFLICT}:
                raise TransactionCancelled(reasons) from error
            if found & _TOO_BUSY_FOR_ACTIONS:
                raise Unavailable("The database is busy.") from error
            raise

    def _index(self, partition: str) -> dict[str, Any]:
        return {
            "TableName": self.table,
            "IndexName": DIRECTORY,
            "KeyConditionExpression": "#pk = :pk",
            "ExpressionAttributeNames": {"#pk": DIRECTORY_PARTITION},
            "ExpressionAttributeValues": to_attributes({":pk": partition}),
        }

    def _pages(
        self, parameters: dict[str, Any], read: Callable[..., Any] | None = None
    ) -> Iterator[Item]:
        for answer in self._answers(parameters, read or self.client.query):
            yield from map(from_attributes, answer["Items"])

    def _answers(
        self, parameters: dict[str, Any], read: Callable[..., Any]
    ) -> Iterator[dict[str, Any]]:
        while True:
            answer = self._call(read, **parameters)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _call(self, send: Callable[..., Any], **parameters: Any) -> Any:
        if not self.has_time():
            raise Unavailable("There was not enough time left.")
        try:
            return send(**parameters)
        except ClientError as error:
            if _code(error) in _UNDERSTOOD:
                raise
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or _code(error) in _BUSY:
                raise Unavailable("The database is busy.") from error
            raise
        except BotoCoreError as error:
            raise Unavailable("The database did not answer.") from error


class OrganizationStore(Store, frozen=True, kw_only=True):
    """The table as one organization has it: with the keys of its own data.

    `actor` is the id and the name of the token for which it is used; None where no token is needed.
    """

    keys: Keys
    actor: tuple[str, str] | None = None

    def by(self, token_id: str, token_name: str) -> Self:
        """The same, used for a token."""
        return replace(self, actor=(token_id, token_name))

    @property
    def organization_id(self) -> str:
        return self.keys.organization_id


_UNDERSTOOD: Final = {"ConditionalCheckFailedException", "TransactionCanceledException"}
_TOO_BUSY_FOR_ACTIONS: Final = {"ProvisionedThroughputExceeded", "ThrottlingError"}
_BUSY: Final = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


def connect(endpoint_url: str | None = None, **options: Any) -> DynamoDBClient:
    """A client whose timeouts and attempts are bounded, for any number of threads."""
    with clients.session() as session:
        return session.client(
            "dynamodb", endpoint_url=endpoint_url, config=clients.CONFIG, **options
        )


def from_environment() -> Store:
    """The store that ``AUREON_TABLE`` and the AWS settings of the environment name."""
    return Store(connect(), os.environ["AUREON_TABLE"])


def to_attributes(item: Mapping[str, Any]) -> Attributes:
    """Turn a plain mapping into DynamoDB's attribute values."""
    return {name: _ENCODERS[type(value)](value) for name, value in item.items()}


def from_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> Item:
    """Turn DynamoDB's attribute values into a plain mapping; every number is a Decimal."""
    return {name: _decode(value) for name, value in attributes.items()}


def _decode(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    return _DECODERS[kind](value)


_ENCODERS: Final[dict[type, Callable[[Any], Attributes]]] = {
    str: lambda value: {"S": value},
    int: lambda value: {"N": str(value)},
    Decimal: lambda value: {"N": str(value)},
    bool: lambda value: {"BOOL": value},
    bytes: lambda value: {"B": value},
    type(None): lambda value: {"NULL": True},
    list: lambda value: {"L": [_ENCODERS[type(element)](element) for element in value]},
    dict: lambda value: {"M": to_attributes(value)},
}
_DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "S": lambda value: value,
    "N": Decimal,
    "BOOL": lambda value: value,
    "B": lambda value: value,
    "NULL": lambda value: None,
    "L": lambda value: [_decode(element) for element in value],
    "M": from_attributes,
}


def _with_key(key: Key, item: Item) -> Attributes:
    limits.check_key(*key)
    return to_attributes({**item, PARTITION: key.pk, SORT: key.sk})


def _key(key: Key) -> dict[str, Any]:
    limits.check_key(*key)
    return {PARTITION: {"S": key.pk}, SORT: {"S": key.sk}}


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
