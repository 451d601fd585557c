"""Ghosts: events for an external id before there is a customer, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved


@pytest.fixture(autouse=True)
def meter(api: Api) -> Iterator[None]:
    api.meter()
    yield
    assert_conserved(api.store)


def test_credits_granted_to_an_unknown_external_id_are_the_later_customers(api: Api) -> None:
    api.ingest(usage(-10), usage(3))

    customer_id = api.customer("user@example.com", external_id="user_123")

    assert api.balance(customer_id) == -7
    api.ingest(usage(2))
    api.ingest({**usage(2), "external_customer_id": None, "customer_id": customer_id})
    assert api.balance(customer_id) == -3


def test_a_ghost_is_no_customer(api: Api) -> None:
    api.ingest(usage(-10))

    assert api.get("/v1/customers/external/user_123").status == 404
    assert api.get("/v1/customers/external/user_123/state").status == 404
    assert api.get("/v1/customers/").body["items"] == []
    assert api.get("/v1/customer-meters/").body["items"] == []


def test_setting_an_external_id_links_its_ghost_to_a_customer_with_a_ledger(api: Api) -> None:
    customer_id = api.customer("user@example.com")
    api.ingest({**usage(5), "external_customer_id": None, "customer_id": customer_id})
    api.ingest(usage(-10))

    reply = api.patch(f"/v1/customers/{customer_id}", {"external_id": "user_123"})

    assert reply.status == 200
    assert api.balance(customer_id) == -5
    api.ingest(usage(1))
    api.ingest({**usage(1), "external_customer_id": None, "customer_id": customer_id})
    assert api.balance(customer_id) == -3
    (found,) = api.get("/v1/customer-meters/", external_customer_id="user_123").body["items"]
    assert (found["balance"], found["used_units"], found["granted_units"]) == (-3, 7, 10)


def test_nobody_inherits_the_credits_of_a_deleted_customer(api: Api) -> None:
    first = api.customer("user@example.com", external_id="user_123")
    api.ingest(usage(-10))
    api.delete(f"/v1/customers/{first}")

    second = api.customer("user@example.com", external_id="user_123")

    assert api.balances(second) == {}
    api.ingest(usage(1))
    assert api.balance(second) == 1


def test_events_after_a_deletion_go_to_a_new_ghost(api: Api) -> None:
    first = api.customer("user@example.com", external_id="user_123")
    api.ingest(usage(-10))
    api.delete(f"/v1/customers/{first}")
    api.ingest(usage(-2))

    second = api.customer("user@example.com", external_id="user_123")

    assert second != first
    assert api.balance(second) == -2


def test_a_linked_customer_that_is_deleted_leaves_neither_ledger_behind(api: Api) -> None:
    first = api.customer("user@example.com")
    api.ingest(usage(-10))
    api.patch(f"/v1/customers/{first}", {"external_id": "user_123"})
    api.delete(f"/v1/customers/{first}")

    second = api.customer("other@example.com", external_id="user_123")

    assert api.balances(second) == {}
    assert (
        api.ingest({**usage(1), "external_customer_id": None, "customer_id": first}).status == 422
    )


def test_the_first_events_of_many_threads_make_one_ghost(api: Api) -> None:
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: api.ingest(*[usage(1)] * 3), range(32)))

    assert {reply.status for reply in replies} == {200}
    customer_id = api.customer("user@example.com", external_id="user_123")
    assert api.balance(customer_id) == 96


def test_customers_that_appear_while_events_arrive_lose_none_of_them(api: Api) -> None:
    def play(step: int) -> None:
        if step % 8 == 3:
            email = f"user_{step}@example.com"
            api.post("/v1/customers/", {"email": email, "external_id": f"user_{step % 3}"})
        else:
            assert api.ingest(usage(1, f"user_{step % 3}")).status == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(play, range(64)))

    total = sum(api.balance(customer["id"]) for customer in api.get("/v1/customers/").body["items"])
    assert total == sum(step % 8 != 3 for step in range(64))
