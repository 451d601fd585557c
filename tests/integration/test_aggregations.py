"""Aggregations: exact under many writers, and what a plain model makes of the same events."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.meters import catalog
from tests.integration.test_backfill import aggregation
from tests.support import inline_engine
from tests.support.conflicts import conflicts
from tests.support.handlers import Api, Reply
from tests.support.recount import assert_conserved
from tests.support.seams import restart_handlers, without_pauses

FUNCTIONS: Final = ("sum", "count", "avg", "max", "min", "unique")
WRITERS: Final = 16
REQUESTS: Final = 4
METERS: Final = "/v1/meters/"
START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)


def create(api: Api, function: str, filter_: Any = None) -> str:
    body = {
        "name": f"The {function}",
        "filter": filter_ or {"conjunction": "and", "clauses": []},
        "aggregation": aggregation(function),
    }
    reply = api.post(METERS, body)
    assert reply.status == 201, reply.body
    meter_id: str = reply.body["id"]
    return meter_id


def plain(function: str, values: list[Any]) -> Decimal:
    """What an aggregation makes of the values of all events that match; 0 of none."""
    numbers = [Decimal(value) for value in values if type(value) in (int, Decimal)]
    if function == "count":
        return Decimal(len(values))
    if function == "unique":
        return Decimal(len({(kind(value), value) for value in values if value is not None}))
    if not numbers:
        return Decimal(0)
    total = sum(numbers, Decimal(0))
    mean = (total / len(numbers)).quantize(Decimal("1e-12"))
    return {"sum": total, "avg": mean, "max": max(numbers), "min": min(numbers)}[function]


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


@pytest.mark.parametrize("weather", ["calm", "conflicts"])
def test_every_aggregation_is_exact_under_sixteen_writers(api: Api, weather: str) -> None:
    """Real threads, all at one customer, with DynamoDB's conflicts, so that balances spread."""
    meters = {function: create(api, function) for function in FUNCTIONS}
    customer_id = api.customer("user@example.com")
    drawn = random.Random(weather)
    batches = [
        [drawn.choice([-7, 0, 3, 12, Decimal("2.5"), drawn.randint(-99, 99)]) for _ in range(5)]
        for _ in range(WRITERS * REQUESTS)
    ]

    def write(number: int) -> None:
        for batch in batches[number::WRITERS]:
            while send(api, customer_id, batch).status == 503:
                pass

    def write_all() -> None:
        with without_pauses(), ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))

    if weather == "conflicts":
        with conflicts(api.store.client) as found:
            found.hold_seconds = 0.001
            write_all()
    else:
        write_all()

    values = [value for batch in batches for value in batch]
    expected = {meter_id: plain(function, values) for function, meter_id in meters.items()}
    assert api.balances(customer_id) == expected
    assert_conserved(api.store)


def send(api: Api, customer_id: str, batch: list[Any]) -> Reply:
    key = str(random.getrandbits(64))
    events = [
        {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": value}}
        for value in batch
    ]
    reply = api.ingest(*events, idempotency_key=key)
    while reply.status == 503:
        reply = api.ingest(*events, idempotency_key=key)
    assert reply.status == 200, reply.body
    return reply


# Filters and aggregations, against a plain model.

NAMES: Final = ("api_usage", "api", "other")
TEXTS: Final = ("eu", "us", "e", "10", "")
VALUES: Final = st.one_of(
    st.sampled_from([text for text in TEXTS if text]),
    st.integers(-3, 12),
    st.sampled_from([Decimal("0.5"), Decimal("10.0")]),
    st.booleans(),
)
CLAUSES: Final = st.fixed_dictionaries(
    {
        "property": st.sampled_from(
            ["name", "source", "timestamp", "units", "metadata.units", "region", "_cost.amount"]
        ),
        "operator": st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"]),
        "value": st.one_of(
            st.sampled_from([*NAMES, *TEXTS, "user"]),
            st.integers(-3, 12),
            st.booleans(),
            st.sampled_from([int(START.timestamp()) + minutes * 60 for minutes in (0, 1, 2)]),
        ),
    }
)
FILTERS: Final = st.recursive(
    CLAUSES,
    lambda inner: st.fixed_dictionaries(
        {"conjunction": st.sampled_from(["and", "or"]), "clauses": st.lists(inner, max_size=3)}
    ),
    max_leaves=6,
).map(lambda node: node if "clauses" in node else {"conjunction": "and", "clauses": [node]})
EVENTS: Final = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(NAMES), "minutes": st.integers(0, 2)},
        optional={"units": VALUES, "region": VALUES, "cost": st.integers(-3, 12)},
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(filters=st.lists(FILTERS, min_size=1, max_size=3), events=EVENTS)
def test_meters_make_of_events_what_a_plain_model_makes(
    filters: list[Any], events: list[Any]
) -> None:
    with inline_engine.table() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        restart_handlers()
        organization_id = organizations.create(store, "Test")
        token, _ = tokens.create(store.of(organization_id))
        api = Api(store.of(organization_id), token)
        meters = {
            create(api, function, filter_): (function, filter_)
            for filter_ in filters
            for function in FUNCTIONS
        }
        customer_id = api.customer("user@example.com")
        sent = [as_sent(event, customer_id) for event in events]
        if sent:
            assert api.ingest(*sent).status == 200

        found = api.balances(customer_id)

        for meter_id, (function, filter_) in meters.items():
            matching = [event for event in sent if matches(filter_, event)]
            values = [event["metadata"].get("units") for event in matching]
            assert found.get(meter_id, 0) == plain(function, values), (function, filter_)
        catalog.forget()


def as_sent(event: dict[str, Any], customer_id: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {name: event[name] for name in ("units", "region") if name in event}
    if "cost" in event:
        metadata["_cost"] = {"amount": event["cost"], "currency": "usd"}
    return {
        "name": event["name"],
        "customer_id": customer_id,
        "timestamp": (START + timedelta(minutes=event["minutes"])).isoformat(),
        "metadata": metadata,
    }


def matches(node: dict[str, Any], event: dict[str, Any]) -> bool:
    """The contract's rules, read once more."""
    if "clauses" in node:
        answers = [matches(clause, event) for clause in node["clauses"]]
        if not answers:
            return True
        return all(answers) if node["conjunction"] == "and" else any(answers)
    metadata = event["metadata"]
    own = {
        "name": event["name"],
        "source": "user",
        "timestamp": int(datetime.fromisoformat(event["timestamp"]).timestamp()),
        "units": metadata.get("units"),
        "metadata.units": metadata.get("units"),
        "region": metadata.get("region"),
        "_cost.amount": metadata.get("_cost", {}).get("amount"),
    }[node["property"]]
    value, operator = node["value"], node["operator"]
    if own is None:
        return False
    same = kind(own) == kind(value)
    if operator in ("like", "not_like"):
        contains = isinstance(own, str) and isinstance(value, str) and value in own
        return bool(contains) is (operator == "like")
    if operator in ("eq", "ne"):
        return bool(same and own == value) is (operator == "eq")
    if not same or kind(own) == "truth":
        return False
    comparisons = {
        "gt": own > value,
        "gte": own >= value,
        "lt": own < value,
        "lte": own <= value,
    }
    return bool(comparisons[operator])
