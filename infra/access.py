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

from aureon.storage import keys
from infra.queues import WorkQueue
from infra.streams import StreamReader

ANY: Final = "*"
EVERY: Final = keys.Keys(ANY)

ORGANIZATION: Final = EVERY.organization().pk
TOKEN: Final = keys.token(ANY).pk
RATE: Final = EVERY.rate(ANY, 0).pk
SESSION: Final = keys.session(ANY).pk
CUSTOMER: Final = EVERY.customer(ANY).pk
EMAIL: Final = EVERY.email(ANY).pk
EXTERNAL: Final = EVERY.external(ANY).pk
TOKENS: Final = EVERY.token_record(ANY).pk
METERS: Final = EVERY.meters()
LOG: Final = EVERY.log(ANY)
CLAIM: Final = EVERY.claim(ANY).pk
REQUEST: Final = EVERY.request(ANY).pk
BATCH: Final = EVERY.batch(ANY).pk
ACTIVITY: Final = EVERY.activities()
LIABILITY: Final = EVERY.liabilities()
HOLD: Final = EVERY.hold(ANY).pk
VOID: Final = EVERY.void(ANY, ANY).pk
REFUNDS: Final = re.sub("[0-9a-f]{64}", ANY, EVERY.refunds(ANY).pk)
BACKFILL: Final = EVERY.backfill(ANY, 0).pk
ALERTS: Final = EVERY.alerts(ANY)
ROLLOUT: Final = EVERY.rollout(ANY).pk
OUTBOX: Final = EVERY.outbox(ANY).pk
ENDPOINTS: Final = EVERY.endpoints()
ENDPOINT_HEALTH: Final = EVERY.endpoint_health(ANY).pk


def _all(partition: str) -> str:
    """A partition of every slice, epoch and generation: each is a number, and here 0."""
    return re.sub("#0(?=#|$)", f"#{ANY}", partition)


ORGANIZATIONS: Final = keys.organizations()
CUSTOMERS: Final = _all(EVERY.customer_directory(0))
GHOSTS: Final = _all(EVERY.ghost_directory(0))
EXPIRIES: Final = _all(keys.expiries(0))
HOLD_EXPIRIES: Final = _all(keys.hold_expiries(0))
ROLLOUTS: Final = keys.rollouts()
ALERTS_BY_STATE: Final = EVERY.alert_directory(ANY)
DELIVERIES: Final = EVERY.delivery_directory(ANY)
GRANTS: Final = EVERY.grants_directory(ANY)
HOLDERS: Final = _all(EVERY.holder_directory(ANY, 0))
SUMMARIES: Final = _all(EVERY.customer_summaries(0))
UNIQUE: Final = _all(EVERY.unique_values(ANY, ANY, 0))
PROJECTION: Final = EVERY.projection().pk
TIMELINE: Final = _all(EVERY.timeline(0, 0))
NAMES: Final = _all(EVERY.names(0, ANY))
RANKED: Final = EVERY.ranked(ANY).pk
RANKINGS: Final = _all(EVERY.ranking(ANY, 0, 0))
BREAKDOWNS: Final = _all(EVERY.breakdown(0, ANY, ANY, 0))
QUANTITIES: Final = _all(EVERY.quantities(0, ANY, ANY, 0))
VALUES: Final = _all(EVERY.distinct_values(0, ANY, ANY, 0))
PARTS: Final = _all(EVERY.projected_parts(0, ANY))
PASTS: Final = _all(EVERY.projected_pasts(0, ANY))

Grants = Mapping[str, tuple[str, ...]]

# Of the table: which actions, on which leading keys. The parts of a transaction are granted one
# by one, under the names of single calls.
_COUNTING: Final[Grants] = {
    "GetItem": (METERS, CUSTOMER),
    "BatchGetItem": (METERS, CUSTOMER, EXTERNAL, LOG, CLAIM, UNIQUE),
    "Query": (METERS,),
    "PutItem": (LOG, CLAIM, EXTERNAL, UNIQUE, CUSTOMER),
    "UpdateItem": (CUSTOMER, EXTERNAL),
    "ConditionCheckItem": (CUSTOMER,),
}
# A call that counts passes boundaries of lots first, where they are due.
_RECKONING: Final[Grants] = {
    "GetItem": (METERS, CUSTOMER),
    "Query": (METERS,),
    "PutItem": (LOG, CUSTOMER),
    "UpdateItem": (CUSTOMER, EXTERNAL),
    "ConditionCheckItem": (CUSTOMER,),
}
_ON_TABLE: Final[Mapping[str, Grants]] = {
    "dashboard": {"GetItem": (ORGANIZATION,)},
    # It reads what a customer may see, and writes nothing.
    "portal": {
        "GetItem": (SESSION, METERS, CUSTOMER, PROJECTION),
        "BatchGetItem": (CUSTOMER, ORGANIZATION, EXTERNAL, LOG, HOLD),
        "Query": (CUSTOMER, METERS, UNIQUE, LOG, NAMES, QUANTITIES, VALUES, BREAKDOWNS),
    },
    "fallback": {},
    "health": {"GetItem": (ORGANIZATION,)},
    "openapi": {},
    "tokens": {
        "GetItem": (TOKEN, ORGANIZATION, TOKENS),
        "Query": (TOKENS, ACTIVITY),
        "ConditionCheckItem": (ORGANIZATION,),
        "PutItem": (TOKEN, TOKENS, ACTIVITY),
        "UpdateItem": (ORGANIZATION, TOKENS),
        "DeleteItem": (TOKEN,),
    },
    "ingest": {
        **_COUNTING,
        "GetItem": (*_COUNTING["GetItem"], TOKEN, REQUEST),
        "BatchGetItem": (*_COUNTING["BatchGetItem"], REQUEST),
        "PutItem": (*_COUNTING["PutItem"], REQUEST),
    },
    "authorizer": {"GetItem": (TOKEN,)},
    "backfill": {
        "GetItem": (METERS, CUSTOMER, BACKFILL, PROJECTION, PASTS, RANKED),
        "BatchGetItem": (CUSTOMER, EXTERNAL, UNIQUE, QUANTITIES, BREAKDOWNS),
        "BatchWriteItem": (VALUES, BREAKDOWNS),
        "Query": (LOG, METERS, CUSTOMER),
        "PutItem": (
            BACKFILL,
            METERS,
            UNIQUE,
            PASTS,
            LOG,
            CUSTOMER,
            BREAKDOWNS,
            ROLLOUT,
            RANKED,
            RANKINGS,
        ),
        "UpdateItem": (CUSTOMER, EXTERNAL, METERS, QUANTITIES, BREAKDOWNS, RANKINGS),
        "DeleteItem": (RANKINGS,),
        "ConditionCheckItem": (CUSTOMER,),
    },
    "sweep": {
        **_RECKONING,
        "GetItem": (*_RECKONING["GetItem"], ROLLOUT),
        "BatchGetItem": (CUSTOMER, HOLD, OUTBOX),
        "Query": (*_RECKONING["Query"], ENDPOINTS),
        "PutItem": (*_RECKONING["PutItem"], ROLLOUT, OUTBOX),
        "UpdateItem": (*_RECKONING["UpdateItem"], HOLD),
    },
    "evaluator": {
        "GetItem": (METERS, CUSTOMER, ALERTS, ROLLOUT),
        "BatchGetItem": (CUSTOMER, OUTBOX),
        "Query": (CUSTOMER, METERS, ENDPOINTS, UNIQUE),
        "PutItem": (CUSTOMER, ALERTS, OUTBOX, ROLLOUT),
        "UpdateItem": (CUSTOMER, ALERTS),
        "DeleteItem": (ROLLOUT,),
    },
    "alerts": {
        "GetItem": (TOKEN, METERS, CUSTOMER, EXTERNAL, ALERTS),
        "BatchGetItem": (CUSTOMER, ALERTS),
        "Query": (ALERTS, CUSTOMER, METERS, ENDPOINTS, UNIQUE),
        "PutItem": (CUSTOMER, METERS, ALERTS, OUTBOX, ROLLOUT, ACTIVITY),
        "UpdateItem": (CUSTOMER, METERS, ALERTS),
    },
    "webhooks": {
        "GetItem": (TOKEN, ENDPOINTS, OUTBOX),
        "BatchGetItem": (OUTBOX,),
        "Query": (ENDPOINTS,),
        "PutItem": (ENDPOINTS, ENDPOINT_HEALTH, ACTIVITY),
        "DeleteItem": (ENDPOINTS,),
    },
    "deliverer": {
        "GetItem": (ENDPOINTS,),
        "BatchGetItem": (OUTBOX, ENDPOINTS, ENDPOINT_HEALTH),
        "PutItem": (OUTBOX, ENDPOINTS, ENDPOINT_HEALTH),
    },
    "events": {
        "GetItem": (TOKEN, METERS, PROJECTION, VOID),
        "BatchGetItem": (CUSTOMER, EXTERNAL, LOG, REFUNDS, SUMMARIES),
        "Query": (LOG, TIMELINE, NAMES, METERS),
    },
    "quantities": {
        "GetItem": (TOKEN, METERS, PROJECTION, CUSTOMER),
        "BatchGetItem": (CUSTOMER, EXTERNAL, LOG, RANKINGS),
        "Query": (
            LOG,
            TIMELINE,
            QUANTITIES,
            VALUES,
            BREAKDOWNS,
            LIABILITY,
            RANKINGS,
            CUSTOMER,
            METERS,
        ),
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
        "PutItem": (ACTIVITY,),
    },
    "credits": {
        "GetItem": (TOKEN, METERS, CUSTOMER, EXTERNAL, LOG, CLAIM, HOLD, VOID, REFUNDS, UNIQUE),
        "BatchGetItem": (METERS, CUSTOMER, EXTERNAL, LOG, HOLD, VOID, REFUNDS),
        "Query": (METERS, CUSTOMER),
        "PutItem": (CUSTOMER, EXTERNAL, LOG, CLAIM, HOLD, VOID, REFUNDS, UNIQUE, ACTIVITY),
        "UpdateItem": (CUSTOMER, EXTERNAL),
        "ConditionCheckItem": (CUSTOMER,),
    },
    "customers": {
        "GetItem": (TOKEN, METERS, CUSTOMER, EMAIL, EXTERNAL, RANKED),
        "BatchGetItem": (METERS, CUSTOMER, EMAIL, EXTERNAL),
        "Query": (SUMMARIES, METERS),
        "PutItem": (EMAIL, EXTERNAL, SUMMARIES, LOG, CUSTOMER, ACTIVITY, SESSION, RANKED),
        "UpdateItem": (CUSTOMER, SUMMARIES, RANKINGS),
        "ConditionCheckItem": (CUSTOMER,),
        "DeleteItem": (EMAIL, SUMMARIES, RANKINGS),
    },
    "meters": {
        "GetItem": (TOKEN, METERS, REQUEST),
        "BatchGetItem": (BACKFILL,),
        "Query": (METERS,),
        "PutItem": (METERS, REQUEST, ROLLOUT, ACTIVITY),
        "UpdateItem": (METERS,),
    },
    "export": {
        "GetItem": (TOKEN, METERS, LOG, PROJECTION, CUSTOMER),
        "BatchGetItem": (CUSTOMER, EXTERNAL, LOG, HOLD),
        "Query": (LOG, TIMELINE),
    },
    "nightly_audit": {
        "GetItem": (METERS, ORGANIZATION, PROJECTION, CUSTOMER, EXTERNAL, RANKED),
        "BatchGetItem": (CUSTOMER, EXTERNAL, TIMELINE, PARTS, REFUNDS, LOG),
        "Query": (
            CUSTOMER,
            LOG,
            METERS,
            UNIQUE,
            NAMES,
            QUANTITIES,
            VALUES,
            PASTS,
            BREAKDOWNS,
            ENDPOINTS,
        ),
        "PutItem": (OUTBOX, LIABILITY, RANKED, RANKINGS),
        "UpdateItem": (RANKINGS,),
        "DeleteItem": (RANKINGS,),
    },
    "projector": {
        "GetItem": (METERS, PROJECTION, CUSTOMER, RANKED),
        "BatchGetItem": (TIMELINE, PARTS, NAMES, QUANTITIES, BREAKDOWNS, CUSTOMER),
        "BatchWriteItem": (VALUES, BREAKDOWNS),
        "Query": (METERS, CUSTOMER),
        "PutItem": (BREAKDOWNS, RANKED, RANKINGS),
        "UpdateItem": (TIMELINE, PARTS, NAMES, QUANTITIES, BREAKDOWNS, RANKINGS),
        "DeleteItem": (RANKINGS,),
    },
    "balances": {
        "GetItem": (TOKEN, METERS, EXTERNAL, CUSTOMER),
        "BatchGetItem": (CUSTOMER,),
        "Query": (CUSTOMER, METERS, SUMMARIES, UNIQUE),
    },
}
# Who checks a token counts the requests of one that has a limit.
ON_TABLE: Final[Mapping[str, Grants]] = {
    handler: {**grants, "UpdateItem": (*grants.get("UpdateItem", ()), RATE)}
    if TOKEN in grants.get("GetItem", ())
    else grants
    for handler, grants in _ON_TABLE.items()
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
ASKS_FOR_BACKFILLS: Final = ("backfill", "balances", "credits", "meters", "portal")
# Of the index: who visits all ledgers, and who asks whether and for whom a meter has counted.
ON_DIRECTORY: Final[Mapping[str, tuple[str, ...]]] = {
    "backfill": (GHOSTS, CUSTOMERS),
    "balances": (HOLDERS,),
    "credits": (GRANTS,),
    "portal": (GRANTS,),
    "meters": (HOLDERS,),
    "nightly_audit": (ORGANIZATIONS, GHOSTS, CUSTOMERS),
    "sweep": (EXPIRIES, HOLD_EXPIRIES, ROLLOUTS),
    "evaluator": (HOLDERS,),
    "alerts": (ALERTS_BY_STATE,),
    "webhooks": (DELIVERIES,),
}


def statements(
    *,
    table_arn: str,
    ingestion: WorkQueue,
    backfill: WorkQueue,
    audits: WorkQueue,
    webhooks: WorkQueue,
    projection: StreamReader,
    watching: StreamReader,
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
        "sweep": [
            _allow(dead, "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"),
        ],
        "projector": _reading(projection),
        "evaluator": [*_reading(watching), _allow(webhooks.queue.queue_arn, "sqs:SendMessage")],
        "webhooks": [_allow(webhooks.queue.queue_arn, "sqs:SendMessage")],
        "deliverer": [
            _allow(webhooks.queue.queue_arn, *WORKING, "sqs:ChangeMessageVisibility"),
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


def _reading(reader: StreamReader) -> list[iam.PolicyStatement]:
    return [
        _allow(reader.stream_arn, *READING_A_STREAM),
        # There is no stream to name: Lambda asks for this one of all streams.
        _allow(ANY, "dynamodb:ListStreams"),
        _allow(reader.failed.queue_arn, "sqs:SendMessage"),
    ]


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
