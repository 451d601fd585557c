"""Few calls: what a request costs is counted in calls to DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.faults import faults
from tests.support.handlers import Api


def usage(number: int, **more: Any) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "timestamp": "2026-11-24T01:00:00Z",
        "metadata": {"units": 1, "model": "small", "path": f"/v1/things/{number}"},
        **more,
    }


def calls_of(api: Api, events: Sequence[dict[str, Any]], **headers: str) -> list[str]:
    """The calls of an ingestion by a container that has its token and its meters."""
    api.ingest({"name": "warm", "external_customer_id": "warm"})
    with faults(api.store.client) as calls:
        reply = api.ingest(*events, **headers)
    assert reply.body == {"inserted": len(events), "duplicates": 0}
    return calls.operations()


@pytest.fixture
def customer_id(api: Api) -> str:
    api.meter()
    return api.customer("user@example.com", external_id="user_123")


def test_a_thousand_events_of_a_customer_take_two_calls(api: Api, customer_id: str) -> None:
    events = [usage(number, customer_id=customer_id) for number in range(1000)]

    assert calls_of(api, events) == ["BatchGetItem", "TransactWriteItems"]


def test_a_thousand_events_with_ids_take_twelve_calls(api: Api, customer_id: str) -> None:
    events = [
        usage(number, external_customer_id="user_123", external_id=f"e{number}")
        for number in range(1000)
    ]

    assert calls_of(api, events) == ["BatchGetItem"] + ["TransactWriteItems"] * 11


def test_a_key_adds_one_call_to_a_request_of_several_transactions(
    api: Api, customer_id: str
) -> None:
    events = [
        usage(number, customer_id=customer_id, external_id=f"e{number}") for number in range(1000)
    ]

    assert len(calls_of(api, events, idempotency_key="k1")) == 13


@pytest.mark.parametrize("known", [True, False])
def test_a_hundred_events_of_twenty_customers_take_two_calls(api: Api, known: bool) -> None:
    api.meter()
    if known:
        for number in range(20):
            api.customer(f"user_{number}@example.com", external_id=f"user_{number}")
    events = [usage(number, external_customer_id=f"user_{number % 20}") for number in range(100)]

    assert calls_of(api, events) == ["BatchGetItem", "TransactWriteItems"]


def test_a_cold_container_reads_its_token_and_its_meters_once(api: Api, customer_id: str) -> None:
    with faults(api.store.client) as calls:
        api.ingest(usage(0, customer_id=customer_id))

    assert calls.operations() == ["GetItem", "BatchGetItem", "Query", "TransactWriteItems"]


def test_a_balance_by_customer_id_is_one_query(api: Api, customer_id: str) -> None:
    api.ingest(usage(0, customer_id=customer_id))
    api.balances(customer_id)
    api.get("/v1/customer-meters/", customer_id=customer_id)

    with faults(api.store.client) as calls:
        assert list(api.balances(customer_id).values()) == [1]
        api.get("/v1/customer-meters/", customer_id=customer_id)
    assert calls.operations() == ["Query", "Query"]

    with faults(api.store.client) as calls:
        api.get("/v1/customers/external/user_123/state")
    assert calls.operations() == ["GetItem", "Query"]
