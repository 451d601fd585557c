"""The shape of the table, for whoever creates it: the local service, the tests, the stack."""

from __future__ import annotations

from typing import Any, Final

from aureon import keys

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
}
