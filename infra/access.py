"""What each function may do: the calls that it makes, on the kinds of items that it makes them on.

A table is granted by the leading key, so a function that reads balances can't read the log, and
one that counts events can't touch a token. `tests/infra` compares this with the calls that the
handlers make.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from aws_cdk import aws_iam as iam

from aureon import keys
from infra.projection import Projection
from infra.queues import WorkQueue

ANY: Final = "*"

ORGANIZATION: Final = keys.organization(ANY).pk
TOKEN: Final = keys.token(ANY).pk
CUSTOMER: Final = keys.customer(ANY, ANY).pk
EMAIL: Final = keys.email(ANY, ANY).pk
EXTERNAL: Final = keys.external(ANY, ANY).pk
TOKENS: Final = keys.token_record(ANY, ANY).pk
METERS: Final = keys.meters(ANY)
LOG: Final = keys.log(ANY, ANY)
CLAIM: Final = keys.claim(ANY, ANY).pk
REQUEST: Final = keys.request(ANY, ANY).pk
BATCH: Final = keys.batch(ANY, ANY).pk
HOLD: Final = keys.hold(ANY, ANY).pk
BACKFILL: Final = keys.backfill(ANY, ANY, 0).pk


def _all(partition: str) -> str:
    """A partition of every slice, epoch and generation: each is a number, and here 0."""
    return re.sub("#0(?=#|$)", f"#{ANY}", partition)


ORGANIZATIONS: Final = keys.organizations()
CUSTOMERS: Final = _all(keys.customer_directory(ANY, 0))
GHOSTS: Final = _all(keys.ghost_directory(ANY, 0))
HOLDERS: Final = _all(keys.holder_directory(ANY, ANY, 0))
CARDS: Final = _all(keys.cards(ANY, 0))
UNIQUE: Final = _all(keys.unique_values(ANY, ANY, ANY, 0))
PROJECTION: Final = keys.projection(ANY).pk
TIMELINE: Final = _all(keys.timeline(ANY, 0, 0))
NAMES: Final = _all(keys.names(ANY, 0, ANY))
QUANTITIES: Final = _all(keys.quantities(ANY, 0, ANY, ANY, 0))
VALUES: Final = _all(keys.distinct_values(ANY, 0, ANY, ANY, 0))
PARTS: Final = _all(keys.projected_parts(ANY, 0, ANY))
PASTS: Final = _all(keys.projected_pasts(ANY, 0, ANY))

Grants = Mapping[str, tuple[str, ...]]

# Of the table: which actions, on which leading keys. The parts of a transaction are granted one
# by one, under the names of single calls.
_COUNTING: Final[Grants] = {
    "GetItem": (METERS,),
    "BatchGetItem": (METERS, CUSTOMER, EXTERNAL, LOG, CLAIM, UNIQUE),
    "Query": (METERS,),
    "PutItem": (LOG, CLAIM, EXTERNAL, UNIQUE),
    "UpdateItem": (CUSTOMER, EXTERNAL),
}
ON_TABLE: Final[Mapping[str, Grants]] = {
    "dashboard": {},
    "health": {"GetItem": (ORGANIZATION,)},
    "openapi": {},
    "tokens_api": {
        "GetItem": (TOKEN, ORGANIZATION, TOKENS),
        "Query": (TOKENS,),
        "ConditionCheckItem": (ORGANIZATION,),
        "PutItem": (TOKEN, TOKENS),
        "UpdateItem": (TOKENS,),
        "DeleteItem": (TOKEN,),
    },
    "ingest": {
        **_COUNTING,
        "GetItem": (TOKEN, METERS, REQUEST),
        "BatchGetItem": (*_COUNTING["BatchGetItem"], REQUEST),
        "PutItem": (*_COUNTING["PutItem"], REQUEST),
    },
    "authorizer": {"GetItem": (TOKEN,)},
    "backfill": {
        "GetItem": (METERS, CUSTOMER, BACKFILL, PROJECTION, PASTS),
        "BatchGetItem": (CUSTOMER, EXTERNAL, UNIQUE, QUANTITIES),
        "BatchWriteItem": (VALUES,),
        "Query": (LOG,),
        "PutItem": (BACKFILL, METERS, UNIQUE, PASTS),
        "UpdateItem": (CUSTOMER, METERS, QUANTITIES),
    },
    "events": {
        "GetItem": (TOKEN, METERS, LOG, PROJECTION),
        "BatchGetItem": (CUSTOMER, EXTERNAL, LOG),
        "Query": (LOG, TIMELINE, NAMES),
    },
    "quantities": {
        "GetItem": (TOKEN, METERS, PROJECTION),
        "BatchGetItem": (CUSTOMER, EXTERNAL, LOG),
        "Query": (LOG, TIMELINE, QUANTITIES, VALUES),
    },
    "consumer": {
        **_COUNTING,
        "BatchGetItem": (*_COUNTING["BatchGetItem"], BATCH),
        "PutItem": (*_COUNTING["PutItem"], BATCH),
    },
    "dead_letters": {
        "GetItem": (TOKEN, METERS),
        "BatchGetItem": (METERS, CUSTOMER, EXTERNAL, LOG, CLAIM, BATCH),
        "Query": (METERS,),
    },
    "credits": {
        "GetItem": (TOKEN, METERS, CUSTOMER, LOG, CLAIM, HOLD),
        "BatchGetItem": (METERS, EXTERNAL, HOLD),
        "Query": (METERS,),
        "PutItem": (CUSTOMER, LOG, CLAIM, HOLD),
        "UpdateItem": (CUSTOMER,),
    },
    "customers": {
        "GetItem": (TOKEN, CUSTOMER, EMAIL, EXTERNAL),
        "BatchGetItem": (METERS, CUSTOMER, EMAIL, EXTERNAL),
        "Query": (CARDS,),
        "PutItem": (EMAIL, EXTERNAL, CARDS),
        "UpdateItem": (CUSTOMER, CARDS),
        "DeleteItem": (EMAIL, CARDS),
    },
    "meters": {
        "GetItem": (TOKEN, METERS),
        "BatchGetItem": (BACKFILL,),
        "Query": (METERS,),
        "PutItem": (METERS,),
        "UpdateItem": (METERS,),
    },
    "export": {
        "GetItem": (TOKEN, METERS, LOG, PROJECTION),
        "BatchGetItem": (CUSTOMER, EXTERNAL, LOG),
        "Query": (LOG, TIMELINE),
    },
    "nightly_audit": {
        "GetItem": (METERS, ORGANIZATION, PROJECTION),
        "BatchGetItem": (CUSTOMER, EXTERNAL, TIMELINE),
        "Query": (CUSTOMER, LOG, METERS, UNIQUE, NAMES, QUANTITIES, VALUES, PASTS),
    },
    "projector": {
        "GetItem": (METERS, PROJECTION),
        "BatchGetItem": (TIMELINE, NAMES, QUANTITIES),
        "BatchWriteItem": (VALUES,),
        "Query": (METERS,),
        "PutItem": (TIMELINE,),
        "UpdateItem": (NAMES, QUANTITIES),
    },
    "balances": {
        "GetItem": (TOKEN, EXTERNAL, CUSTOMER),
        "BatchGetItem": (CUSTOMER,),
        "Query": (CUSTOMER, METERS, CARDS),
    },
}
# What Lambda does with a queue, and with a stream, as the function that works it off.
WORKING: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
READING_A_STREAM: Final = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
)
# Who sends to the backfill's queue: what makes meters, what meets an incomplete balance, and the
# backfill itself, which goes on in another invocation.
ASKS_FOR_BACKFILLS: Final = ("backfill", "balances", "credits", "meters")
# Of the index: who visits all ledgers, and who asks whether and for whom a meter has counted.
ON_DIRECTORY: Final[Mapping[str, tuple[str, ...]]] = {
    "backfill": (GHOSTS, CUSTOMERS),
    "balances": (HOLDERS,),
    "meters": (HOLDERS,),
    "nightly_audit": (ORGANIZATIONS, GHOSTS, CUSTOMERS),
}


def statements(
    *,
    table_arn: str,
    ingestion: WorkQueue,
    backfill: WorkQueue,
    audits: WorkQueue,
    projection: Projection,
) -> Mapping[str, Sequence[iam.PolicyStatement]]:
    """What each function may do with the table, its stream and the queues, by handler."""
    dead = ingestion.dead.queue_arn
    asking = _allow(backfill.queue.queue_arn, "sqs:SendMessage")
    beside_the_table = {
        **{handler: [asking] for handler in ASKS_FOR_BACKFILLS},
        "backfill": [_allow(backfill.queue.queue_arn, "sqs:SendMessage", *WORKING)],
        "consumer": [_allow(ingestion.queue.queue_arn, *WORKING)],
        "dead_letters": [
            _allow(dead, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
            _allow(ingestion.queue.queue_arn, "sqs:SendMessage"),
        ],
        "nightly_audit": [_allow(audits.queue.queue_arn, "sqs:SendMessage", *WORKING)],
        "projector": [
            _allow(projection.stream_arn, *READING_A_STREAM),
            # There is no stream to name: Lambda asks for this one of all streams.
            _allow(ANY, "dynamodb:ListStreams"),
            _allow(projection.failed.queue_arn, "sqs:SendMessage"),
        ],
    }
    return {
        handler: [
            *_on_table(table_arn, grants),
            *(
                _on_keys(f"{table_arn}/index/{keys.DIRECTORY}", ["Query"], (partition,))
                for partition in ON_DIRECTORY.get(handler, ())
            ),
            *beside_the_table.get(handler, ()),
        ]
        for handler, grants in ON_TABLE.items()
    }


def _on_table(table_arn: str, grants: Grants) -> Iterator[iam.PolicyStatement]:
    """One statement for all actions on the same keys."""
    actions: dict[tuple[str, ...], list[str]] = {}
    for action, partitions in grants.items():
        actions.setdefault(tuple(sorted(partitions)), []).append(action)
    for partitions, theirs in actions.items():
        yield _on_keys(table_arn, theirs, partitions)


def _on_keys(
    resource: str, actions: Iterable[str], partitions: Sequence[str]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=[f"dynamodb:{action}" for action in actions],
        resources=[resource],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(partitions)}},
    )


def _allow(resource: str, *actions: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=[resource])
