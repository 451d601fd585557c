"""Lists: pages, order, filters, and paths with slashes too many or too few."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest

from aureon.customers import summaries
from aureon.domain.customers import CustomerSummary
from tests.support.faults import faults
from tests.support.handlers import Api

CUSTOMERS = "/v1/customers/"
METERS = "/v1/meters/"
BALANCES = "/v1/customer-meters/"
# The partitions of customers, and those that list them, in a call to DynamoDB.
OF_CUSTOMERS = '"([^"]*#(?:CUSTOMERS?|CARDS)#[^"]*)"'


@pytest.fixture
def customers(api: Api) -> list[str]:
    """Twelve customers, by turns in two plans, the last the first in the alphabet."""
    return [
        api.customer(
            f"{letter}@example.com",
            name=f"Name {letter.upper()}" if letter < "j" else None,
            external_id=f"user_{letter}",
            metadata={"plan": ("free", "pro")[number % 2], "seats": number, "even": not number % 2},
        )
        for number, letter in enumerate("lkjihgfedcba")
    ]


@pytest.fixture
def meter_ids(api: Api, customers: list[str]) -> list[str]:
    """Two meters, and balances of both for three customers."""
    ids = [api.meter("api_usage"), api.meter("storage")]
    for number, customer_id in enumerate(customers[:3]):
        for units, name in ((number, "api_usage"), (-number, "storage")):
            event = {"name": name, "customer_id": customer_id, "metadata": {"units": units}}
            assert api.ingest(event).status == 200
    return ids


def shown(api: Api, path: str, **parameters: Any) -> list[Any]:
    reply = api.get(path, **parameters)
    assert reply.status == 200, reply.body
    items: list[Any] = reply.body["items"]
    return items


def letters(api: Api, **parameters: Any) -> str:
    """The listed customers, each as the letter of its address."""
    return "".join(one["email"][0] for one in shown(api, CUSTOMERS, **parameters))


@pytest.mark.parametrize("path", [CUSTOMERS, METERS, BALANCES])
def test_an_empty_list_has_no_pages(api: Api, path: str) -> None:
    assert api.get(path).body == {"items": [], "pagination": {"total_count": 0, "max_page": 0}}


# Pages.


def test_a_page_has_ten_items_unless_a_limit_is_given(api: Api, customers: list[str]) -> None:
    reply = api.get(CUSTOMERS)

    assert len(reply.body["items"]) == 10
    assert reply.body["pagination"] == {"total_count": 12, "max_page": 2}


@pytest.mark.parametrize(("limit", "max_page"), [(1, 12), (5, 3), (6, 2), (12, 1), (13, 1)])
def test_pages_together_show_everything_once(
    api: Api, customers: list[str], limit: int, max_page: int
) -> None:
    pages = [api.get(CUSTOMERS, page=page + 1, limit=limit).body for page in range(max_page)]

    ids = [item["id"] for page in pages for item in page["items"]]
    assert ids == customers[::-1]
    for page in pages:
        assert page["pagination"] == {"total_count": 12, "max_page": max_page}


def test_a_page_past_the_last_is_empty(api: Api, customers: list[str]) -> None:
    reply = api.get(CUSTOMERS, page=3)

    assert reply.body == {"items": [], "pagination": {"total_count": 12, "max_page": 2}}


def test_a_limit_above_a_hundred_is_a_hundred(api: Api) -> None:
    for number in range(101):
        api.customer(f"user{number}@example.com")

    for limit in (101, 1_000_000):
        reply = api.get(CUSTOMERS, limit=limit)
        assert len(reply.body["items"]) == 100
        assert reply.body["pagination"] == {"total_count": 101, "max_page": 2}


@pytest.mark.parametrize(
    ("path", "sorting"),
    [
        (CUSTOMERS, "name"),
        (CUSTOMERS, "-name"),
        (BALANCES, "meter_name"),
        (BALANCES, "-balance"),
        (BALANCES, "credited_units"),
    ],
)
def test_pages_together_show_everything_once_where_many_are_alike(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str, sorting: str
) -> None:
    api.meter()
    ids = [api.customer(f"user{number}@example.com", name="John Doe") for number in range(9)]
    event = {"name": "api_usage", "metadata": {"units": 1}}
    api.ingest(*({**event, "customer_id": customer_id} for customer_id in ids))
    in_some_order, random = summaries.read_all, Random(1)

    def read_all(*about: Any) -> list[CustomerSummary]:
        found = list(in_some_order(*about))
        random.shuffle(found)
        return found

    monkeypatch.setattr(summaries, "read_all", read_all)

    pages = [shown(api, path, sorting=sorting, page=page + 1, limit=2) for page in range(5)]

    found = [item.get("customer_id", item["id"]) for page in pages for item in page]
    assert sorted(found) == sorted(ids)


# Order.


@pytest.mark.parametrize(
    ("sorting", "expected"),
    [
        ([], "abcdefghijkl"),
        (["-created_at"], "abcdefghijkl"),
        (["created_at"], "lkjihgfedcba"),
        (["email"], "abcdefghijkl"),
        (["-email"], "lkjihgfedcba"),
        (["name", "email"], "jklabcdefghi"),
        (["-name", "email"], "ihgfedcbajkl"),
        (["name", "-email"], "lkjabcdefghi"),
        (["email", "name"], "abcdefghijkl"),
    ],
    ids=str,
)
def test_customers_are_sorted_by_several_criteria(
    api: Api, customers: list[str], sorting: list[str], expected: str
) -> None:
    assert letters(api, sorting=sorting, limit=100) == expected


def test_meters_are_sorted_by_name_unless_asked_otherwise(api: Api) -> None:
    for name in ("banana", "apple", "Cherry"):
        api.meter(name)

    def names(**parameters: Any) -> list[str]:
        return [one["name"].split()[-1] for one in shown(api, METERS, **parameters)]

    assert names() == names(sorting="name") == ["apple", "banana", "Cherry"]
    assert names(sorting="-name") == ["Cherry", "banana", "apple"]
    assert names(sorting="created_at") == ["banana", "apple", "Cherry"]
    assert names(sorting="-created_at") == ["Cherry", "apple", "banana"]


def test_balances_are_sorted_by_their_last_change_unless_asked_otherwise(
    api: Api, customers: list[str], meter_ids: list[str]
) -> None:
    latest = {"name": "storage", "customer_id": customers[0], "metadata": {"units": 5}}
    assert api.ingest(latest).status == 200

    def values(**parameters: Any) -> list[Any]:
        return [one["balance"] for one in shown(api, BALANCES, **parameters)]

    assert values() == values(sorting="-modified_at") == [5, -2, 2, -1, 1, 0]
    assert values(sorting="modified_at") == [0, 1, -1, 2, -2, 5]
    assert values(sorting="balance") == [-2, -1, 0, 1, 2, 5]
    assert values(sorting=["meter_name", "-balance"]) == [2, 1, 0, 5, -1, -2]
    assert values(sorting=["customer_id", "balance"]) == [0, 5, -1, 1, -2, 2]


# Filters.


@pytest.mark.parametrize("email", ["c@example.com", "C@EXAMPLE.com"])
def test_an_address_is_found_in_any_case(api: Api, customers: list[str], email: str) -> None:
    assert letters(api, email=email) == "c"


@pytest.mark.parametrize("email", ["", "c", "c@example.co", "z@example.com"])
def test_an_address_is_found_only_as_a_whole(api: Api, customers: list[str], email: str) -> None:
    assert letters(api, email=email) == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abcdefghij"),
        ("c@", "c"),
        ("NAME C", "c"),
        ("r_l", "l"),
        ("name", "abcdefghi"),
        ("nobody", ""),
    ],
)
def test_a_query_finds_a_part_of_address_name_or_external_id(
    api: Api, customers: list[str], query: str, expected: str
) -> None:
    assert letters(api, query=query) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"metadata[plan]": "pro"}, "acegik"),
        ({"metadata[plan]": ["pro", "free"]}, "abcdefghij"),
        ({"metadata[seats]": "3"}, "i"),
        ({"metadata[seats]": ["3", "11"]}, "ai"),
        ({"metadata[even]": "true", "metadata[plan]": "pro"}, ""),
        ({"metadata[even]": "false", "metadata[seats]": "3"}, "i"),
        ({"metadata[seats]": "3.0"}, ""),
        ({"metadata[absent]": ""}, ""),
        ({"metadata[plan]": "pro", "query": "name", "sorting": "email"}, "acegi"),
        ({"metadata[plan]": "pro", "email": "b@example.com"}, ""),
    ],
    ids=str,
)
def test_customers_are_found_by_metadata(
    api: Api, customers: list[str], filters: dict[str, Any], expected: str
) -> None:
    assert letters(api, **filters) == expected


def test_a_filtered_list_counts_what_it_found(api: Api, customers: list[str]) -> None:
    reply = api.get(CUSTOMERS, limit=4, **{"metadata[plan]": "pro"})

    assert reply.body["pagination"] == {"total_count": 6, "max_page": 2}


def test_meters_are_found_by_a_part_of_their_name_and_by_metadata(api: Api) -> None:
    one = api.meter("api_usage")
    other = api.meter("storage")
    api.patch(METERS + other, {"metadata": {"team": "a"}})

    def found(**parameters: Any) -> list[str]:
        return [meter["id"] for meter in shown(api, METERS, **parameters)]

    assert found(query="API") == [one]
    assert found(query="meter of") == [one, other]
    assert found(**{"metadata[team]": "a"}) == [other]
    assert found(**{"metadata[team]": "b"}) == []


def test_balances_are_found_by_customer_and_meter(
    api: Api, customers: list[str], meter_ids: list[str]
) -> None:
    first, second, third, *_ = customers
    usage, storage = meter_ids

    def found(**parameters: Any) -> set[tuple[str, str]]:
        return {(one["customer_id"], one["meter_id"]) for one in shown(api, BALANCES, **parameters)}

    both = {(first, usage), (first, storage)}
    assert found(customer_id=first) == found(external_customer_id="user_l") == both
    assert found(customer_id=[first, second], meter_id=usage) == {(first, usage), (second, usage)}
    assert found(meter_id=storage) == {(one, storage) for one in (first, second, third)}
    assert found(meter_id=[usage, storage], customer_id=third) == {(third, usage), (third, storage)}
    assert found(customer_id=first, external_customer_id="user_k") == set()
    assert found(external_customer_id=["user_l", "nobody"]) == both
    assert found(customer_id=customers[5]) == set()


def test_a_list_of_all_has_no_balances_of_those_of_whom_nothing_was_counted(
    api: Api, customers: list[str], meter_ids: list[str]
) -> None:
    """However incomplete they are: a new meter has one of every customer."""
    meter = api.get(METERS + meter_ids[0]).body
    body = {name: meter[name] for name in ("name", "filter", "aggregation")}
    new = api.post(METERS, body).body["id"]

    assert shown(api, BALANCES, meter_id=new) == []
    (balance,) = shown(api, BALANCES, customer_id=customers[0], meter_id=new)
    assert (balance["balance"], balance["complete"]) == (0, False)


def test_a_meters_customers_are_read_and_nobody_else(
    api: Api, customers: list[str], meter_ids: list[str]
) -> None:
    holders = {f"{api.organization_id}#CUSTOMER#{customer_id}" for customer_id in customers[:3]}
    with faults(api.store.client) as calls:
        balances = shown(api, BALANCES, meter_id=meter_ids[0])

    assert [one["customer_id"] for one in balances] == customers[2::-1]
    read = {
        partition
        for call in calls.made
        if call.operation == "Query"
        for partition in re.findall(OF_CUSTOMERS, str(call.parameters["body"]))
    }
    assert read == holders


def test_a_meters_customers_have_all_their_ledgers_and_ghosts_are_none_of_them(
    api: Api, customers: list[str]
) -> None:
    meter_id = api.meter()

    def use(units: int, **whose: str) -> None:
        event = {"name": "api_usage", "metadata": {"units": units}, **whose}
        assert api.ingest(event).status == 200

    def listed() -> list[tuple[str, int]]:
        return sorted(
            (one["customer_id"], one["balance"]) for one in shown(api, BALANCES, meter_id=meter_id)
        )

    linked, both = (api.customer(f"{name}@example.com") for name in ("linked", "both"))
    use(1, external_customer_id="early")
    use(2, external_customer_id="late")
    use(4, external_customer_id="never")
    use(8, customer_id=both)
    assert listed() == [(both, 8)]

    for customer_id, external_id in ((linked, "early"), (both, "late")):
        changed = {"external_id": external_id}
        assert api.patch(CUSTOMERS + customer_id, changed).status == 200
    assert listed() == sorted([(linked, 1), (both, 10)])

    assert api.delete(CUSTOMERS + linked).status == 204
    assert listed() == [(both, 10)]


def test_a_meter_that_is_none_has_no_customers(api: Api, meter_ids: list[str]) -> None:
    for strange in ("nothing", "#", f"{meter_ids[0]}#0", ""):
        assert shown(api, BALANCES, meter_id=strange) == []
    assert len(shown(api, BALANCES, meter_id=["nothing", meter_ids[0], meter_ids[0]])) == 3


def test_a_balance_shows_its_customer_and_its_meter(
    api: Api, customers: list[str], meter_ids: list[str]
) -> None:
    (balance,) = shown(api, BALANCES, customer_id=customers[2], meter_id=meter_ids[1])

    assert balance["customer"] == api.get(CUSTOMERS + customers[2]).body
    meter = api.get(METERS + meter_ids[1]).body
    for progress in ("backfill", "breakdowns"):
        del meter[progress]
    assert balance["meter"] == meter
    assert api.get(BALANCES + balance["id"]).body == balance


# Slashes.


@pytest.mark.parametrize(
    "path",
    ["/v1/customers", "/v1/customers/", "//v1/customers/", "/v1//customers", "/v1/customers//"],
)
def test_slashes_too_many_or_too_few_make_no_difference_to_a_list(
    api: Api, customers: list[str], path: str
) -> None:
    assert api.get(path).body == api.get(CUSTOMERS).body


@pytest.mark.parametrize("path", ["//v1/customers", "/v1/customers/", "/v1//customers//"])
def test_slashes_too_many_or_too_few_make_no_difference_to_creation(api: Api, path: str) -> None:
    assert api.post(path, {"email": "user@example.com"}).status == 201


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers/{id}/",
        "//v1/customers/{id}",
        "/v1/customers//{id}//",
        "//v1/customers/external/user_l",
        "/v1//customers//external/user_l",
        "/v1/customers/{id}/state/",
        "//v1/customers/{id}//state",
        "/v1/customers/external/user_l/state/",
    ],
)
def test_slashes_too_many_make_no_difference_to_one_customer(
    api: Api, customers: list[str], path: str
) -> None:
    assert api.get(path.format(id=customers[0])).body["id"] == customers[0]


def test_a_trailing_slash_makes_no_difference_to_ingestion_and_meters(api: Api) -> None:
    meter_id = api.meter()
    event = {"name": "api_usage", "external_customer_id": "user_123"}

    assert api.get(f"{METERS}{meter_id}/").body["id"] == meter_id
    for path in ("/v1/events/ingest/", "//v1/events/ingest", "/v1/events//ingest//"):
        assert api.post(path, {"events": [event]}).body == {"inserted": 1, "duplicates": 0}
