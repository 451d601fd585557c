"""Cards: the list of customers is exact at once, and costs what it shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, Final

import pytest

from aureon.storage import keys
from aureon.storage.store import Store
from tests.support.costs import cost
from tests.support.faults import Call, Crash, Fault, faults
from tests.support.handlers import Api
from tests.support.listed_customers import assert_cards, fill
from tests.support.recount import scan
from tests.support.seams import without_pauses

CUSTOMERS: Final = "/v1/customers/"
THREADS: Final = 8
ACTS: Final = 40
FAULTS: Final = (Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_AFTER, Fault.CONFLICT)


def act(api: Api, random: Random) -> None:
    """Do something to one of few customers, or create one, whatever comes of it."""
    external_id = f"user_{random.randrange(4)}"
    path = f"{CUSTOMERS}external/{external_id}"
    email = f"{random.choice('abcdef')}@example.com"
    match random.randrange(5):
        case 0 | 1:
            api.post(CUSTOMERS, {"email": email, "external_id": external_id})
        case 2:
            api.patch(path, {"email": email, "metadata": {"seats": random.randrange(3)}})
        case 3:
            api.patch(path, {"name": random.choice(["Ann", "Ben", None])})
        case 4:
            api.delete(path, anonymize=random.choice(["true", "false"]))


@pytest.mark.parametrize("seed", range(6))
def test_summaries_are_the_living_customers_whatever_happens_at_once(
    api: Api, store: Store, seed: int
) -> None:
    weather = Random(seed)

    def plan(call: Call) -> Fault | None:
        return weather.choice(FAULTS) if weather.random() < 0.1 else None

    def live(number: int) -> None:
        random = Random(f"{seed} {number}")
        for _ in range(ACTS):
            try:
                act(api, random)
            except Crash:
                continue

    with (
        without_pauses(),
        faults(store.client, plan),
        ThreadPoolExecutor(THREADS) as pool,
    ):
        list(pool.map(live, range(THREADS)))

    assert_cards(store)
    living = [item for item in scan(store) if item.get("email") and "#CARDS#" in item["pk"]]
    assert api.get(CUSTOMERS).body["pagination"]["total_count"] == len(living)


def test_a_list_is_right_the_moment_that_a_customer_is_created_changed_or_deleted(
    api: Api,
) -> None:
    def found(**parameters: Any) -> tuple[int, list[str]]:
        body = api.get(CUSTOMERS, **parameters).body
        return body["pagination"]["total_count"], [one["email"] for one in body["items"]]

    customer_id = api.customer("old@example.com", name="Ann", metadata={"plan": "free"})
    assert found() == found(query="ann") == (1, ["old@example.com"])

    api.patch(CUSTOMERS + customer_id, {"email": "new@example.com", "metadata": {"plan": "pro"}})
    assert found() == found(query="NEW@") == (1, ["new@example.com"])
    assert found(**{"metadata[plan]": "pro"}) == (1, ["new@example.com"])
    assert found(query="old@") == found(**{"metadata[plan]": "free"}) == (0, [])

    api.delete(CUSTOMERS + customer_id)
    assert found() == found(query="new@") == (0, [])
    assert found(email="new@example.com") == (0, [])


def test_a_ghost_is_listed_once_it_is_a_customer(api: Api) -> None:
    api.ingest({"name": "api_usage", "external_customer_id": "early"})
    assert api.get(CUSTOMERS).body["pagination"]["total_count"] == 0

    customer_id = api.customer("early@example.com", external_id="early")

    assert [one["id"] for one in api.get(CUSTOMERS).body["items"]] == [customer_id]


def test_a_change_that_no_list_shows_writes_no_card(api: Api, store: Store) -> None:
    customer_id = api.customer("user@example.com", name="Ann")

    kept, _ = cost(store, lambda: api.patch(CUSTOMERS + customer_id, {"locale": "de"}))
    listed, _ = cost(store, lambda: api.patch(CUSTOMERS + customer_id, {"name": "Ben"}))

    assert (kept.calls, listed.calls) == (("GetItem", "TransactWriteItems"),) * 2
    assert listed.units - kept.units == 2
    assert_cards(store)


@pytest.mark.parametrize("limit", [10, 100])
def test_the_first_page_costs_the_same_however_many_customers_there_are(
    api: Api, store: Store, limit: int
) -> None:
    fill(api.store, 300)
    api.get(CUSTOMERS)
    few, shown = cost(store, lambda: api.get(CUSTOMERS, limit=limit))
    assert shown.body["pagination"]["total_count"] == 300
    fill(api.store, 1_000)

    many, _ = cost(store, lambda: api.get(CUSTOMERS, limit=limit))

    assert many == few
    assert many.calls == ("Query",) * keys.DIRECTORY_SLICES + ("BatchGetItem",)
    # One unit for each slice, whose ten or hundred newest are read, and one for each profile shown.
    assert many.units == keys.DIRECTORY_SLICES + limit


@pytest.mark.parametrize("page", [1, 2, 7, 30])
def test_any_page_of_the_newest_is_what_reading_all_would_show(api: Api, page: int) -> None:
    ids = [api.customer(f"user_{number}@example.com") for number in range(90)]

    newest = api.get(CUSTOMERS, page=page, limit=7).body
    sorted_ = api.get(CUSTOMERS, page=page, limit=7, sorting=["-created_at", "name"]).body

    assert newest == sorted_
    assert [one["id"] for one in newest["items"]] == ids[::-1][(page - 1) * 7 : page * 7]
