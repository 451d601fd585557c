"""Customers: created, found in two ways, changed, deleted, and unique among the living."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from aureon.core import exact
from aureon_cli.transfer.kinds import customers
from tests.support.handlers import Api, Reply
from tests.support.makers import usage
from tests.support.recount import scan

CUSTOMERS = "/v1/customers/"
UNKNOWN = "01a20b57-943c-7681-8c66-41fbc3e9bda1"
THREADS = 8


@pytest.fixture
def customer_id(api: Api) -> str:
    return api.customer("user@example.com", name="John Doe", external_id="user_123")


@pytest.fixture(params=["{id}", "external/user_123"])
def path(request: pytest.FixtureRequest, customer_id: str) -> str:
    """Each of the two ways to a customer."""
    return CUSTOMERS + str(request.param).format(id=customer_id)


def test_a_customer_is_created_with_all_that_the_clients_parse(api: Api) -> None:
    reply = api.post(CUSTOMERS, {"email": "User@Example.com"})

    assert reply.status == 201
    created = reply.body
    assert created["id"]
    assert created["created_at"].endswith("Z")
    assert created["avatar_url"].startswith("https://")
    assert created == {
        "id": created["id"],
        "created_at": created["created_at"],
        "modified_at": None,
        "metadata": {},
        "external_id": None,
        "email": "User@example.com",
        "email_verified": False,
        "type": "individual",
        "name": None,
        "billing_name": None,
        "billing_address": None,
        "tax_id": None,
        "locale": None,
        "organization_id": api.organization_id,
        "default_payment_method_id": None,
        "deleted_at": None,
        "first_user_event_at": None,
        "avatar_url": created["avatar_url"],
    }


def test_a_customer_keeps_what_it_was_created_with(api: Api) -> None:
    given = {
        "name": "John Doe",
        "external_id": "user_123",
        "metadata": {"plan": "pro", "seats": 3, "trial": True},
        "type": "team",
        "locale": "de",
    }
    address = {"country": "DE", "city": "Berlin", "postal_code": "10115", "line1": "Torstr. 1"}

    created = api.post(
        CUSTOMERS,
        {
            "email": "user@example.com",
            **given,
            "billing_address": address,
            "tax_id": "DE123456789",
            "owner": {"email": "ignored@example.com"},
            "organization_id": UNKNOWN,
        },
    ).body

    assert {name: created[name] for name in given} == given
    assert created["billing_address"] == address | {"line2": None, "state": None}
    assert created["tax_id"][0] == "DE123456789"
    assert created["organization_id"] == api.organization_id
    assert api.get(CUSTOMERS + created["id"]).body == created


def test_camel_case_is_taken_as_well(api: Api) -> None:
    created = api.post(
        CUSTOMERS,
        {
            "email": "user@example.com",
            "externalId": "user_123",
            "billingAddress": {"country": "DE", "postalCode": "10115"},
            "taxId": "DE123456789",
        },
    ).body

    assert created["external_id"] == "user_123"
    assert created["billing_address"]["postal_code"] == "10115"
    assert created["tax_id"][0] == "DE123456789"


def test_a_customer_is_read_by_both_ids(api: Api, path: str, customer_id: str) -> None:
    reply = api.get(path)

    assert reply.status == 200
    assert reply.body["id"] == customer_id
    assert reply.body["external_id"] == "user_123"


@pytest.mark.parametrize("path", [UNKNOWN, "external/unknown", "external/USER_123"])
def test_an_unknown_customer_is_not_found(api: Api, customer_id: str, path: str) -> None:
    assert api.get(CUSTOMERS + path).status == 404
    assert api.patch(CUSTOMERS + path, {"name": "Changed"}).status == 404
    assert api.delete(CUSTOMERS + path).status == 404
    assert api.get(f"{CUSTOMERS}{path}/state").status == 404


def test_a_change_changes_what_it_names_and_nothing_else(api: Api, path: str) -> None:
    before = api.get(path).body

    reply = api.patch(path, {"name": "Jane Doe", "metadata": {"plan": "pro"}})

    assert reply.status == 200
    assert reply.body["modified_at"] > before["created_at"]
    assert reply.body == before | {
        "name": "Jane Doe",
        "metadata": {"plan": "pro"},
        "modified_at": reply.body["modified_at"],
    }
    assert api.get(path).body == reply.body


def test_what_may_be_absent_is_taken_away_by_null(api: Api, path: str) -> None:
    given = {"tax_id": "DE1", "locale": "de", "billing_address": {"country": "DE"}}
    api.patch(path, given)

    changed = api.patch(path, dict.fromkeys([*given, "name"])).body

    assert {changed[name] for name in ("tax_id", "locale", "billing_address", "name")} == {None}


def test_null_leaves_what_must_be_there(api: Api, path: str) -> None:
    changed = api.patch(path, {"email": None, "metadata": None, "external_id": None}).body

    assert changed["email"] == "user@example.com"
    assert changed["metadata"] == {}
    assert changed["external_id"] == "user_123"


# E-mail addresses.


def test_an_address_is_taken_in_any_case_and_the_error_says_by_whom(
    api: Api, customer_id: str
) -> None:
    reply = api.post(CUSTOMERS, {"email": "USER@Example.com"})

    assert reply.problems() == {("body", "email")}
    assert customer_id in reply.text


def test_an_address_cannot_be_changed_to_one_that_is_taken(api: Api, path: str) -> None:
    other = api.customer("other@example.com")

    reply = api.patch(path, {"email": "Other@example.com"})

    assert reply.problems() == {("body", "email")}
    assert other in reply.text
    assert api.get(path).body["email"] == "user@example.com"


def test_a_changed_address_frees_the_one_before(api: Api, path: str) -> None:
    assert api.patch(path, {"email": "new@example.com"}).body["email"] == "new@example.com"

    assert api.post(CUSTOMERS, {"email": "user@example.com"}).status == 201
    assert api.post(CUSTOMERS, {"email": "new@example.com"}).status == 422


def test_a_change_of_case_is_no_clash_with_oneself(api: Api, path: str) -> None:
    assert api.patch(path, {"email": "USER@example.com"}).body["email"] == "USER@example.com"
    assert api.patch(path, {"email": "USER@example.com"}).status == 200

    assert api.post(CUSTOMERS, {"email": "user@example.com"}).status == 422


# External ids.


def test_an_external_id_is_taken_and_the_error_says_by_whom(api: Api, customer_id: str) -> None:
    reply = api.post(CUSTOMERS, {"email": "other@example.com", "external_id": "user_123"})

    assert reply.problems() == {("body", "external_id")}
    assert customer_id in reply.text
    assert api.post(CUSTOMERS, {"email": "other@example.com"}).status == 201


def test_external_ids_that_differ_in_case_are_two(api: Api, customer_id: str) -> None:
    other = api.customer("other@example.com", external_id="USER_123")

    assert api.get(f"{CUSTOMERS}external/USER_123").body["id"] == other
    assert api.get(f"{CUSTOMERS}external/user_123").body["id"] == customer_id


def test_an_external_id_is_set_once(api: Api, customer_id: str) -> None:
    first = api.customer("other@example.com")

    assert api.patch(CUSTOMERS + first, {"external_id": "user_456"}).status == 200
    assert api.patch(CUSTOMERS + first, {"externalId": "user_456"}).status == 200
    again = api.patch(CUSTOMERS + first, {"external_id": "user_789"})

    assert again.problems() == {("body", "external_id")}
    assert api.get(f"{CUSTOMERS}external/user_456").body["id"] == first
    assert api.get(f"{CUSTOMERS}external/user_789").status == 404


def test_an_external_id_that_is_taken_cannot_be_set(api: Api, customer_id: str) -> None:
    other = api.customer("other@example.com")

    reply = api.patch(CUSTOMERS + other, {"external_id": "user_123"})

    assert reply.problems() == {("body", "external_id")}
    assert customer_id in reply.text


def test_an_external_id_is_not_changed_on_its_own_route(api: Api, customer_id: str) -> None:
    reply = api.patch(f"{CUSTOMERS}external/user_123", {"external_id": "other", "name": "Jane"})

    assert reply.status == 200
    assert (reply.body["external_id"], reply.body["name"]) == ("user_123", "Jane")


@pytest.mark.parametrize("none", ["", None])
def test_an_empty_external_id_is_none(api: Api, none: str | None) -> None:
    one, other = (
        api.customer(f"user{number}@example.com", external_id=none) for number in range(2)
    )

    assert api.get(CUSTOMERS + one).body["external_id"] is None
    assert api.patch(CUSTOMERS + other, {"external_id": none}).body["external_id"] is None


def test_setting_an_external_id_brings_the_events_that_were_sent_under_it(api: Api) -> None:
    meter_id = api.meter()
    customer_id = api.customer("user@example.com")
    api.ingest(usage(3, customer_id=customer_id), usage(-10, external_customer_id="user_123"))

    api.patch(CUSTOMERS + customer_id, {"external_id": "user_123"})
    api.ingest(usage(1, external_customer_id="user_123"))

    assert api.balances(customer_id) == {meter_id: -6}


@pytest.mark.parametrize(
    "external_id",
    ["a/b", "a%2Fb", "100%", "a b", "\xfc\U0001f600", "a/state/b", "state"],
)
def test_an_external_id_may_hold_anything_in_a_path(api: Api, external_id: str) -> None:
    customer_id = api.customer("user@example.com", external_id=external_id)
    path = f"{CUSTOMERS}external/{quote(external_id, safe='')}"

    assert api.get(path).body["id"] == customer_id
    assert api.get(f"{path}/state").body["id"] == customer_id
    assert api.patch(path, {"name": "Jane"}).body["name"] == "Jane"
    assert api.delete(path).status == 204
    assert api.get(path).status == 404


# Deletion.


def test_a_deleted_customer_is_not_found(api: Api, path: str, customer_id: str) -> None:
    reply = api.delete(path)

    assert (reply.status, reply.text) == (204, "")
    for gone in (CUSTOMERS + customer_id, f"{CUSTOMERS}external/user_123"):
        assert api.get(gone).status == 404
        assert api.get(f"{gone}/state").status == 404
        assert api.patch(gone, {"name": "Jane"}).status == 404
        assert api.delete(gone).status == 404
    assert api.get(CUSTOMERS).body["items"] == []
    assert api.get(CUSTOMERS, email="user@example.com").body["items"] == []


def test_the_balances_of_a_deleted_customer_are_gone_from_lists(api: Api, path: str) -> None:
    meter_id = api.meter()
    api.ingest(usage(external_customer_id="user_123"))
    assert api.get("/v1/customer-meters/", meter_id=meter_id).body["items"]

    api.delete(path)

    assert api.get("/v1/customer-meters/", meter_id=meter_id).body["items"] == []


def test_deletion_frees_address_and_external_id_and_nobody_inherits_credits(
    api: Api, path: str, customer_id: str
) -> None:
    meter_id = api.meter()
    api.ingest(usage(-10, external_customer_id="user_123"))
    api.delete(path)

    heir = api.customer("user@example.com", external_id="user_123")
    api.ingest(usage(3, external_customer_id="user_123"))

    assert heir != customer_id
    assert api.balances(heir) == {meter_id: 3}


def test_events_sent_after_a_deletion_are_the_next_customers(api: Api, path: str) -> None:
    meter_id = api.meter()
    api.ingest(usage(-10, external_customer_id="user_123"))
    api.delete(path)

    api.ingest(usage(3, external_customer_id="user_123"))
    heir = api.customer("user@example.com", external_id="user_123")

    assert api.balances(heir) == {meter_id: 3}


def profile_of(api: Api, customer_id: str) -> dict[str, Any]:
    (item,) = (item for item in scan(api.store) if item.get("id") == customer_id)
    return item


def test_deletion_keeps_the_profile_and_the_ledger(api: Api, path: str, customer_id: str) -> None:
    api.meter()
    api.ingest(usage(external_customer_id="user_123"))
    before = len(list(scan(api.store)))

    api.delete(path)

    profile = profile_of(api, customer_id)
    assert (profile["email"], profile["name"]) == ("user@example.com", "John Doe")
    assert profile["deleted_at"] is not None
    gone = "of all items only the address's and the card are gone, and one says so"
    assert len(list(scan(api.store))) == before - 2 + 1, gone


def test_anonymized_deletion_leaves_no_address_and_no_name(
    api: Api, path: str, customer_id: str
) -> None:
    api.patch(path, {"billing_address": {"country": "DE", "city": "Berlin"}, "tax_id": "DE1"})

    assert api.delete(path, anonymize="true").status == 204

    table = str(list(scan(api.store)))
    profile = profile_of(api, customer_id)
    for text in ("user@example.com", "John Doe", "Berlin", "DE1"):
        assert text not in table
    assert profile["email"]
    assert profile["name"]


# As a table.


def test_all_customers_are_a_table_that_the_import_reads(api: Api) -> None:
    assert api.get(f"{CUSTOMERS}export").text.splitlines() == [
        "id,external_id,email,name,created_at,metadata"
    ]
    made = [
        api.post(CUSTOMERS, {"email": "a@example.com", "name": '=1+1, "quoted"\nname'}).body,
        api.post(
            CUSTOMERS,
            {"email": "b@example.com", "external_id": "user/1", "metadata": {"seats": 3}},
        ).body,
    ]
    gone = api.customer("gone@example.com")
    assert api.delete(CUSTOMERS + gone).status == 204

    packed = replace(api, headers={"accept-encoding": "gzip"}).get(f"{CUSTOMERS}export")
    reply = api.get(f"{CUSTOMERS}export")

    assert packed.text == reply.text
    assert packed.headers["Content-Encoding"] == "gzip"
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    for row, customer in zip(rows, made, strict=True):
        assert json.loads(row.pop("metadata")) == customer["metadata"]
        assert row == {name: customer[name] or "" for name in row}
    kind = customers(old_ids=False)
    taken = [kind.convert({name: cell for name, cell in row.items() if cell}) for row in rows]
    assert taken == [
        {"email": "a@example.com", "name": '=1+1, "quoted"\nname'},
        {"email": "b@example.com", "external_id": "user/1"},
    ]


# Races.


def at_once(number: int, call: Callable[[int], Reply]) -> list[Reply]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(call, range(number)))


@pytest.mark.parametrize("shared", ["email", "external_id"])
def test_of_many_who_create_one_customer_at_once_exactly_one_does(api: Api, shared: str) -> None:
    def create(number: int) -> Reply:
        body = {"email": f"user{number}@example.com", "external_id": f"user_{number}"}
        return api.post(CUSTOMERS, body | {shared: "USER_1@example.com"})

    replies = at_once(THREADS, create)

    (winner,) = (reply.body["id"] for reply in replies if reply.status == 201)
    losers = [reply for reply in replies if reply.status != 201]
    assert [reply.problems() for reply in losers] == [{("body", shared)}] * (THREADS - 1)
    assert all(winner in reply.text for reply in losers)
    assert api.get(CUSTOMERS).body["pagination"]["total_count"] == 1


def test_of_many_who_take_one_address_by_a_change_exactly_one_gets_it(api: Api) -> None:
    ids = [api.customer(f"user{number}@example.com") for number in range(THREADS)]

    replies = at_once(
        THREADS, lambda number: api.patch(CUSTOMERS + ids[number], {"email": "one@example.com"})
    )

    assert sorted(reply.status for reply in replies) == [200] + [422] * (THREADS - 1)
    addresses = {one["email"] for one in api.get(CUSTOMERS).body["items"]}
    assert len(addresses) == THREADS


def test_changes_made_at_once_are_all_kept(api: Api, customer_id: str) -> None:
    changes = [
        {"name": "Jane"},
        {"locale": "de"},
        {"tax_id": "DE1"},
        {"metadata": {"plan": "pro"}},
    ]

    replies = at_once(
        len(changes), lambda number: api.patch(CUSTOMERS + customer_id, changes[number])
    )

    assert {reply.status for reply in replies} == {200}
    after = api.get(CUSTOMERS + customer_id).body
    assert (after["name"], after["locale"], after["tax_id"][0]) == ("Jane", "de", "DE1")
    assert after["metadata"] == {"plan": "pro"}


def test_of_many_who_delete_one_customer_at_once_exactly_one_does(
    api: Api, customer_id: str
) -> None:
    replies = at_once(THREADS, lambda number: api.delete(CUSTOMERS + customer_id))

    assert sorted(reply.status for reply in replies) == [204] + [404] * (THREADS - 1)
    assert api.post(CUSTOMERS, {"email": "user@example.com"}).status == 201


def put(api: Api, named: str, /, **body: Any) -> Reply:
    return api.request("PUT", f"/v1/customers/external/{named}", exact.write(body))


def test_a_put_creates_a_customer_and_then_changes_what_it_names(api: Api) -> None:
    made = put(api, "u/1", name="One", metadata={"plan": "free"})
    assert (made.status, made.body["external_id"], made.body["name"]) == (201, "u/1", "One")
    assert made.body["email"] == f"{made.body['id']}@no-email.invalid"

    again = put(api, "u/1", name="One", metadata={"plan": "free"})
    assert (again.status, again.body) == (200, made.body)
    changed = put(api, "u/1", email="one@example.com", external_id="u/1").body
    assert (changed["id"], changed["email"], changed["name"]) == (
        made.body["id"],
        "one@example.com",
        "One",
    )
    by_query = api.request(
        "PUT", "/v1/customers/external", exact.write({"name": "Two"}), query="external_id=u%3F2"
    )
    assert (by_query.status, by_query.body["external_id"]) == (201, "u?2")


def test_a_put_makes_a_customer_of_a_ghost(api: Api) -> None:
    api.meter()
    api.ingest({"name": "api_usage", "external_customer_id": "ghost", "metadata": {"units": 3}})

    made = put(api, "ghost")
    assert made.status == 201
    assert list(api.balances(made.body["id"]).values()) == [3]


def test_a_put_that_makes_no_sense_is_refused(api: Api) -> None:
    api.customer("taken@example.com")

    assert put(api, "u1", email="taken@example.com").problems() == {("body", "email")}
    assert put(api, "u1", email="none").problems() == {("body", "email")}
    assert put(api, "u1", external_id="u2").problems() == {("body", "external_id")}
    assert put(api, "x" * 300).status == 422
    empty = api.request("PUT", "/v1/customers/external", b"{}")
    assert empty.problems() == {("query", "external_id")}
    assert api.get("/v1/customers/").body["pagination"]["total_count"] == 1


@pytest.mark.parametrize("body", [{}, {"email": "one@example.com", "name": "One"}])
def test_of_sixteen_that_put_a_customer_at_once_one_makes_it(
    api: Api, body: dict[str, Any]
) -> None:
    start = threading.Barrier(16)

    def race(_: int) -> Reply:
        start.wait()
        return put(api, "racer", **body)

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(race, range(16)))

    assert sorted(reply.status for reply in replies) == [200] * 15 + [201]
    assert len({reply.body["id"] for reply in replies}) == 1
    assert api.get("/v1/customers/").body["pagination"]["total_count"] == 1


def test_a_customer_needs_no_email_address(api: Api) -> None:
    made = api.post("/v1/customers/", {"external_id": "u1"}).body
    other = api.post("/v1/customers/", {}).body

    assert made["email"] == f"{made['id']}@no-email.invalid"
    assert made["email"] != other["email"]
    shown = api.patch(f"/v1/customers/{made['id']}", {"email": "one@example.com"}).body
    assert shown["email"] == "one@example.com"
    assert api.get("/v1/customers/", email="one@example.com").body["items"] == [shown]
    assert api.delete(f"/v1/customers/{other['id']}").status == 204
