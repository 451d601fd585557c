"""The shape of the table, for its creators: the local service, the tests, the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aureon.storage import keys

# The attribute that pages have, and nothing else does.
PAGE_MARK: Final = "last"
# Which records of the stream the projector is for: pages that were inserted, so that what it
# writes itself does not wake it.
# https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
STREAM_FILTER: Final[Mapping[str, Any]] = {
    "eventName": ["INSERT"],
    "dynamodb": {"NewImage": {PAGE_MARK: {"N": [{"exists": True}]}}},
}
# What the evaluator reads of the stream: balances of meters that have thresholds, which are marked
# as they are written, customers' profiles, and items that are there to be read from the stream: of
# the outbox of webhooks, and of thresholds that were changed.
WATCH_MARK: Final = "watched"
OUTBOX_MARK: Final = "outbox"
ROLLOUT_MARK: Final = "rollout"
WATCH_FILTERS: Final[Sequence[Mapping[str, Any]]] = (
    {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {WATCH_MARK: {"BOOL": [True]}}},
    },
    {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {
            "Keys": {keys.SORT: {"S": [keys.CUSTOMER_SORT]}},
            "NewImage": {"created_at": {"S": [{"exists": True}]}},
        },
    },
    {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {OUTBOX_MARK: {"BOOL": [{"exists": True}]}}},
    },
    {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {ROLLOUT_MARK: {"S": [{"exists": True}]}}},
    },
)
# The attribute by which DynamoDB deletes what nobody needs any more, in seconds of the epoch:
# expired tokens and sessions, ended alerts, and webhooks. What events and credits rest on is kept
# for ever.
DELETE_AFTER: Final = "delete_after"
STREAM_VIEW: Final = "NEW_IMAGE"

# Keyword arguments of DynamoDB's CreateTable, but for the name.
SCHEMA: Final[dict[str, Any]] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"}
        for name in (
            keys.PARTITION,
            keys.SORT,
            keys.DIRECTORY_PARTITION,
            keys.DIRECTORY_SORT,
        )
    ],
    "KeySchema": [
        {"AttributeName": keys.PARTITION, "KeyType": "HASH"},
        {"AttributeName": keys.SORT, "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": keys.DIRECTORY,
            "KeySchema": [
                {"AttributeName": keys.DIRECTORY_PARTITION, "KeyType": "HASH"},
                {"AttributeName": keys.DIRECTORY_SORT, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": STREAM_VIEW},
}


def is_watched(record: Mapping[str, Any]) -> bool:
    """Whether one of `WATCH_FILTERS` lets a record of the stream pass."""
    image = record["dynamodb"].get("NewImage", {})
    return (
        image.get(WATCH_MARK) == {"BOOL": True}
        or (image.get(keys.SORT) == {"S": keys.CUSTOMER_SORT} and "created_at" in image)
        or (record["eventName"] == "INSERT" and OUTBOX_MARK in image)
        or ROLLOUT_MARK in image
    )


def is_inserted_page(record: Mapping[str, Any]) -> bool:
    """Whether `STREAM_FILTER` lets a record of the stream pass."""
    return record["eventName"] == "INSERT" and PAGE_MARK in record["dynamodb"]["NewImage"]
