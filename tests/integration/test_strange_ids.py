"""Strange ids: separators, percents, slashes and lengths never fail, nor reach another item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from aureon.api.requests import UNSAFE_IN_PATHS
from aureon.api.routes import CUSTOMER_SESSION, GREEDY, ROUTES, Route
from aureon_cli.gateway import Context
from tests.support.handlers import HANDLERS, Api

# Each is near to another one, or to a key of the table, if a separator gets through.
STRANGE: Final = (
    *("a", "A", "a#", "#a", "a#b", "a%23b", "a%2523b", "a%", "%", "%00"),
    *("a?b=c", "a b", "a.b", ".", "<a>", "{a}", "'\"\\", "a\nb", "\x00"),
    *("\xe9", "e\u0301", "\U0001f600", "CUSTOMER", "METER#a#1#0", "x" * 256),
)
SLASHED: Final = ("a/b", "a%2Fb", "/a", "//a", "a//b", "../a", "external/a", "a/state/b")
# What a path could not tell from another id, or from a customer's state.
AMBIGUOUS: Final = ("/", "a/", "a//", "a/state", "/state")
TOO_LONG: Final = ("x" * 257, "#" * 5_000, "\U0001f600" * 5_000)


def shown(value: Any) -> str:
    return f"{value.method} {value.path}" if isinstance(value, Route) else ascii(value)[:20]


@pytest.fixture
def meter_id(api: Api) -> str:
    return api.meter()


@pytest.fixture
def customer_id(api: Api, meter_id: str) -> str:
    """A customer with a balance, whom no strange id may reach."""
    customer_id = api.customer("user@example.com", external_id="user_123")
    api.ingest({"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 1}})
    return customer_id


# What is asked for, where no empty body is taken.
BODIES = {
    "extend_hold": b'{"expires_in_seconds": 60}',
    "set_thresholds": b'{"thresholds": []}',
}


# An id that is not there is what it makes.
NAMING = [r for r in ROUTES if "{" in r.path and r.operation != "put_customer_external"]


@pytest.mark.parametrize("route", NAMING, ids=shown)
def test_a_strange_id_in_a_path_is_not_found(api: Api, customer_id: str, route: Route) -> None:
    # A slash in an id makes another path, but for an external id, which may hold any.
    slashed = SLASHED if "{external_id}" in route.path else ()
    body = BODIES.get(route.operation, b'{"name": "Changed"}' if route.method == "PATCH" else b"")
    if route.scope == CUSTOMER_SESSION:
        session = api.post("/v1/customer-sessions/", {"customer_id": customer_id})
        api = replace(api, token=session.body["token"])

    for id_ in (*STRANGE, *slashed, *TOO_LONG):
        quoted = quote(id_, safe="")
        path = route.path.replace("{id}", quoted).replace("{external_id}", quoted)
        # The gateway may cut a path there: then it would be another customer's.
        refused = 422 if GREEDY in route.path and set(id_) & UNSAFE_IN_PATHS else 404
        assert api.request(route.method, path, body).status == refused, ascii(id_)


@pytest.mark.parametrize("name", ["customer_id", "external_customer_id", "meter_id"])
def test_a_strange_id_in_a_query_finds_nothing(api: Api, customer_id: str, name: str) -> None:
    for id_ in (*STRANGE, *SLASHED, *TOO_LONG, ""):
        reply = api.get("/v1/customer-meters/", **{name: id_})
        assert (reply.status, reply.body["items"]) == (200, []), ascii(id_)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/customers/", "email"),
        ("/v1/customers/", "query"),
        ("/v1/customers/", "metadata[a]"),
        ("/v1/meters/", "query"),
        ("/v1/meters/", "metadata[a]"),
    ],
)
def test_a_strange_text_in_a_query_finds_nothing(
    api: Api, customer_id: str, path: str, name: str
) -> None:
    for text in ("a#", "%", "user@example.com#", *TOO_LONG):
        reply = api.get(path, **{name: text})
        assert (reply.status, reply.body["items"]) == (200, []), ascii(text)


def test_a_strange_half_of_a_customer_meters_id_is_not_found(
    api: Api, customer_id: str, meter_id: str
) -> None:
    def get(id_: str) -> int:
        return api.get(f"/v1/customer-meters/{quote(id_, safe='')}").status

    assert get(f"{customer_id}.{meter_id}") == 200
    for id_ in (*STRANGE, *TOO_LONG):
        assert get(f"{customer_id}.{id_}") == 404
        assert get(f"{id_}.{meter_id}") == 404
        assert get(f"{customer_id}.{meter_id}{id_}") == 404


def test_a_strange_customer_id_of_an_event_is_unknown(api: Api) -> None:
    events = [{"name": "a", "customer_id": id_} for id_ in (*STRANGE, *SLASHED) if len(id_) <= 64]

    assert api.ingest(*events).problems() == {
        ("body", "events", str(place), "customer_id") for place in range(len(events))
    }


def test_strange_external_ids_of_customers_have_balances_of_their_own(
    api: Api, meter_id: str
) -> None:
    units = {id_: number + 1 for number, id_ in enumerate((*STRANGE, *SLASHED))}
    ghosts = list(units)[::2]
    customers = {
        id_: api.customer(f"user{number}@example.com", external_id=id_)
        for id_, number in units.items()
        if id_ not in ghosts
    }

    events = [
        {"name": "api_usage", "external_customer_id": id_, "metadata": {"units": number}}
        for id_, number in units.items()
    ]
    assert api.ingest(*events).body == {"inserted": len(events), "duplicates": 0}

    for id_ in ghosts:
        customers[id_] = api.customer(f"ghost{units[id_]}@example.com", external_id=id_)
    for id_, customer_id in customers.items():
        assert api.balances(customer_id) == {meter_id: units[id_]}, ascii(id_)
        listed = api.get("/v1/customer-meters/", external_customer_id=id_).body["items"]
        assert [one["customer_id"] for one in listed] == [customer_id], ascii(id_)


def test_an_external_id_in_a_path_finds_its_own_customer_or_none(api: Api) -> None:
    ids = (*STRANGE, *SLASHED)
    for number, id_ in enumerate(ids):
        api.customer(f"user{number}@example.com", external_id=id_)

    in_path = [id_ for id_ in ids if not set(id_) & UNSAFE_IN_PATHS]
    for path in ("external/{}", "external/{}/", "external/{}/state", "external?", "state?"):
        address = f"/v1/customers/{path}"
        found = (
            {id_: api.get(address[:-1], external_id=id_) for id_ in ids}
            if path.endswith("?")
            else {id_: api.get(address.format(quote(id_, safe=""))) for id_ in in_path}
        )
        others = {
            id_: reply.body["external_id"]
            for id_, reply in found.items()
            if reply.status == 200 and reply.body["external_id"] != id_
        }
        assert others == {}
        assert {reply.status for reply in found.values()} == {200}


@pytest.mark.parametrize("id_", AMBIGUOUS)
def test_an_external_id_that_a_path_could_not_tell_from_another_is_refused(
    api: Api, id_: str
) -> None:
    customer_id = api.customer("user@example.com")

    created = api.post("/v1/customers/", {"email": "other@example.com", "external_id": id_})
    changed = api.patch(f"/v1/customers/{customer_id}", {"external_id": id_})
    ingested = api.ingest({"name": "a", "external_customer_id": id_})

    assert created.problems() == changed.problems() == {("body", "external_id")}
    assert ingested.problems() == {("body", "events", "0", "external_customer_id")}


def test_strange_external_ids_of_events_count_once_each(api: Api, customer_id: str) -> None:
    ids = (*STRANGE, *SLASHED, *AMBIGUOUS)
    events = [{"name": "a", "customer_id": customer_id, "external_id": id_} for id_ in ids]

    assert api.ingest(*events).body == {"inserted": len(ids), "duplicates": 0}
    assert api.ingest(*events).body == {"inserted": 0, "duplicates": len(ids)}


def test_strange_idempotency_keys_are_requests_of_their_own(api: Api, customer_id: str) -> None:
    event = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 1}}
    keys = [key for key in (*STRANGE, *SLASHED) if key.isascii() and key.isprintable()][:20]

    for _ in range(2):
        for key in keys:
            assert api.ingest(event, idempotency_key=key[:255]).status == 200

    assert list(api.balances(customer_id).values()) == [1 + len(keys)]


def test_strange_addresses_are_customers_of_their_own(api: Api) -> None:
    addresses = ["a#b@example.com", "a%23b@example.com", "a%2523b@example.com", "a/b@example.com"]

    ids = [api.customer(address) for address in addresses]

    for address, customer_id in zip(addresses, ids, strict=True):
        (found,) = api.get("/v1/customers/", email=address).body["items"]
        assert (found["id"], found["email"]) == (customer_id, address)


# What an HTTP API may make of ``/v1/customers/external/acme%3Fold``: a path that is decoded, or
# cut, or cut in one place and whole in another, or with the rest of it in the query.
CUT: Final = (
    {"rawPath": "/v1/customers/external/acme?old"},
    {"pathParameters": {"external_id": "acme?old"}},
    {"http": "/v1/customers/external/acme?old"},
    {"http": "/v1/customers/external/acme%3Fold"},
    {"rawQueryString": "old"},
    {"rawQueryString": "old="},
)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
@pytest.mark.parametrize("told", CUT, ids=str)
def test_an_id_that_the_gateway_has_cut_reaches_no_other_customer(
    api: Api, told: dict[str, Any], method: str
) -> None:
    customer_id = api.customer("user@example.com", external_id="acme")
    path = "/v1/customers/external/acme"
    content = b'{"name": "Changed"}' if method == "PATCH" else b""
    name, event = api.event(method, path, content)
    event |= {key: value for key, value in told.items() if key != "http"}
    event["requestContext"]["http"]["path"] = told.get("http", path)

    answer = HANDLERS[name](event, Context(name))

    assert answer["statusCode"] == 422, answer
    assert api.get(f"/v1/customers/{customer_id}").body["name"] is None


def test_any_external_id_is_changed_and_deleted_by_a_query_parameter(api: Api) -> None:
    kept = api.customer("kept@example.com", external_id="acme")
    api.customer("gone@example.com", external_id="acme?old")
    path = "/v1/customers/external"
    query = urlencode({"external_id": "acme?old"})

    changed = api.request("PATCH", path, b'{"name": "Old"}', query=query)
    deleted = api.request("DELETE", path, query=query)

    assert (changed.status, changed.body["external_id"]) == (200, "acme?old")
    assert deleted.status == 204
    assert api.get(path, external_id="acme?old").status == 404
    assert api.get(path, external_id="acme").body["id"] == kept
    assert api.get(path).problems() == {("query", "external_id")}
