"""The shape of the table, for whoever creates it: the local service, the tests, the stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aureon import keys

# The attribute that pages have, and nothing else does.
PAGE_MARK: Final = "last"
# Which records of the stream the projector is for: pages that were inserted, so that what it
# writes itself does not wake it.
# https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
STREAM_FILTER: Final[Mapping[str, Any]] = {
    "eventName": ["INSERT"],
    "dynamodb": {"NewImage": {PAGE_MARK: {"N": [{"exists": True}]}}},
}
# The attribute by which DynamoDB deletes what nobody needs any more, in seconds of the epoch. Only
# tokens that have expired carry it: whatever events and credits rest on is kept for ever.
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


def is_inserted_page(record: Mapping[str, Any]) -> bool:
    """Whether `STREAM_FILTER` lets a record of the stream pass."""
    return record["eventName"] == "INSERT" and PAGE_MARK in record["dynamodb"]["NewImage"]
