"""What DynamoDB takes, and the refusal, here and now, of whatever it would refuse.

What can't be too large, as its encoded form shows, is not measured: encoded as JSON, an item is
always longer than DynamoDB counts it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from aureon.core.errors import AureonError

MAX_TRANSACTION_ACTIONS: Final = 100
MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024
MAX_BATCH_GET_KEYS: Final = 100
MAX_BATCH_WRITES: Final = 25
MAX_ITEM_BYTES: Final = 400 * 1024
MAX_PARTITION_KEY_BYTES: Final = 2_048
MAX_SORT_KEY_BYTES: Final = 1_024
MAX_EXPRESSION_BYTES: Final = 4_096
MAX_OPERATORS: Final = 300
# Of all names and values behind an expression's placeholders.
MAX_SUBSTITUTION_BYTES: Final = 2 * 1024 * 1024

# No shorter expression has too many operators: each comes with an operand, and with spaces.
_SURELY_FEW_OPERATORS: Final = 1_000
# A character takes at most four bytes.
_SURELY_SHORT_KEY: Final = MAX_SORT_KEY_BYTES // 4
_OF_CONDITIONS: Final = re.compile(r"<>|[<>]=?|=|\w+\(|\b(?:AND|OR|NOT)\b")
_OF_UPDATES: Final = re.compile(r"\w+\(|[+-]")


class LimitExceeded(AureonError):
    """A request that DynamoDB never takes: a mistake of ours, which no second attempt mends."""


def check_key(partition: str, sort: str) -> None:
    """Raises `LimitExceeded` for what is no primary key."""
    if not partition or not sort:
        raise LimitExceeded("A part of a key is empty.")
    if len(partition) > _SURELY_SHORT_KEY or len(sort) > _SURELY_SHORT_KEY:
        _check_bytes("A partition key", len(partition.encode()), MAX_PARTITION_KEY_BYTES)
        _check_bytes("A sort key", len(sort.encode()), MAX_SORT_KEY_BYTES)


def check_expression(text: str, *, updates: bool = False) -> None:
    """Raises `LimitExceeded` for an expression that is too long, or has too many operators."""
    if len(text) > _SURELY_FEW_OPERATORS:
        _check_bytes("An expression", len(text.encode()), MAX_EXPRESSION_BYTES)
        count = len((_OF_UPDATES if updates else _OF_CONDITIONS).findall(text))
        if count > MAX_OPERATORS:
            raise LimitExceeded(f"An expression has {count} operators, of at most {MAX_OPERATORS}.")


def check_actions(keys: Sequence[object]) -> None:
    """Raises `LimitExceeded` for a transaction of too many actions, or of two on one item."""
    if not 0 < len(keys) <= MAX_TRANSACTION_ACTIONS:
        raise LimitExceeded(
            f"A transaction has {len(keys)} actions, of at most {MAX_TRANSACTION_ACTIONS}."
        )
    if len(set(keys)) < len(keys):
        raise LimitExceeded("A transaction has two actions on one item.")


def check_sizes(operation: str, parameters: Mapping[str, Any], encoded_bytes: int) -> None:
    """Raises `LimitExceeded` where an item, or what stands behind placeholders, is too large.

    `parameters` are those of a call, with attribute values; `encoded_bytes` is their length as
    JSON. What an update makes of an item is for DynamoDB to measure.
    """
    if encoded_bytes <= MAX_ITEM_BYTES:
        return
    total = 0
    for write in _writes(operation, parameters):
        size = item_bytes(write.get("Item", {}))
        _check_bytes("An item", size, MAX_ITEM_BYTES)
        names = write.get("ExpressionAttributeNames", {})
        substituted = item_bytes(write.get("ExpressionAttributeValues", {}))
        substituted += sum(
            len(placeholder) + len(name.encode()) for placeholder, name in names.items()
        )
        _check_bytes("What stands behind placeholders", substituted, MAX_SUBSTITUTION_BYTES)
        total += size + substituted
    if operation == "TransactWriteItems":
        _check_bytes("A transaction", total, MAX_TRANSACTION_BYTES)


def _writes(operation: str, parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if operation == "TransactWriteItems":
        for action in parameters["TransactItems"]:
            yield from action.values()
    elif operation == "BatchWriteItem":
        for requests in parameters["RequestItems"].values():
            for request in requests:
                yield from request.values()
    elif operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield parameters


def item_bytes(attributes: Mapping[str, Any]) -> int:
    """The size of an item, as DynamoDB counts it, from its attribute values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in attributes.items())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return (len(value.strip("-0.")) + 1) // 2 + 1
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + _value_bytes(element) for element in value)
        case "M":
            return 3 + item_bytes(value) + len(value)
        case _:
            return 1


def _check_bytes(what: str, size: int, most: int) -> None:
    if size > most:
        raise LimitExceeded(f"{what} has {size:,} bytes, of at most {most:,}.")
