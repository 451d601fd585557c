"""The reference: one transaction for each event, the way it is written by hand today.

Each event is an item, put on the condition that there is none with its id, and is added to its
customer's balance in the same transaction. Checked by pydantic, with decimals, on the same engine,
through boto3's own client with the same settings.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import boto3
from boto3.dynamodb.types import TypeSerializer
from pydantic import BaseModel, Field

from aureon.storage.store import Store

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_serialize = TypeSerializer().serialize


class Event(BaseModel):
    """One event, as it is sent."""

    name: str = Field(min_length=1, max_length=128)
    external_customer_id: str = Field(min_length=1, max_length=256)
    timestamp: datetime
    metadata: dict[str, str | int | Decimal | bool] = Field(default_factory=dict)
    external_id: str | None = None


class Body(BaseModel):
    """The body of a request."""

    events: list[Event] = Field(max_length=1_000)


class Reference:
    """Counts events in a table of its own."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.client = client
        self._table = table

    def handler(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer an event of an HTTP API: count what its body has, one after the other."""
        body = Body.model_validate(json.loads(event["body"], parse_float=Decimal))
        for sent in body.events:
            self._count(sent)
        answer = {"inserted": len(body.events), "duplicates": 0}
        return {
            "statusCode": 200,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(answer),
        }

    def _count(self, event: Event) -> None:
        customer = f"CUSTOMER#{event.external_customer_id}"
        item: dict[str, Any] = {
            "pk": f"EVENT#{event.external_id or uuid.uuid4()}",
            "sk": "EVENT",
            "customer": customer,
            "name": event.name,
            "timestamp": event.timestamp.isoformat(),
            "metadata": event.metadata,
        }
        self.client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": self._table,
                        "Item": {name: _serialize(value) for name, value in item.items()},
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                },
                {
                    "Update": {
                        "TableName": self._table,
                        "Key": {"pk": _serialize(customer), "sk": _serialize("BALANCE")},
                        "UpdateExpression": "ADD #balance :units",
                        "ExpressionAttributeNames": {"#balance": "balance"},
                        "ExpressionAttributeValues": {
                            ":units": _serialize(event.metadata.get("units", 0))
                        },
                    }
                },
            ]
        )


@contextmanager
def reference(store: Store) -> Iterator[Reference]:
    """A reference with a table of its own, where that of a store is."""
    settings = store.client.meta
    client = boto3.client(
        "dynamodb", endpoint_url=settings.endpoint_url, config=cast("Any", settings.config)
    )
    table = f"reference-{uuid.uuid4()}"
    names = (("pk", "HASH"), ("sk", "RANGE"))
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in names],
        KeySchema=[{"AttributeName": name, "KeyType": cast("Any", kind)} for name, kind in names],
    )
    yield Reference(client, table)
    client.delete_table(TableName=table)
