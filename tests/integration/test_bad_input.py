"""Bad input: each rule has its refusal, which names the place, and stores nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from aureon.access import organizations, tokens
from aureon.api import responses, runtime
from aureon.core import exact, times
from aureon.domain.events import MAX_EVENTS_PER_REQUEST
from aureon.meters import catalog
from aureon.storage.store import Store
from aureon.storage.table import SCHEMA
from tests.integration.conftest import NewApi
from tests.support.faults import Fault, faults
from tests.support.handlers import Api
from tests.support.recount import scan

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ABSENT: Final = "(absent)"
INGEST: Final = "/v1/events/ingest"
CUSTOMERS: Final = "/v1/customers/"
METERS: Final = "/v1/meters/"
LISTS: Final = (CUSTOMERS, METERS, "/v1/customer-meters/")
PAGED: Final = (*LISTS, "/v1/dead-letters/")

Body = dict[str, Any]
Place = tuple[str | int, ...]


def put(body: Body, place: Place, value: Any) -> Body:
    """A copy of a body with a value at a place; ABSENT takes out what is there."""
    copied = deepcopy(body)
    *outer, last = place
    parent: Any = copied
    for step in outer:
        parent = parent[step]
    if value == ABSENT:
        del parent[last]
    else:
        parent[last] = value
    return copied


def cases(values: Mapping[Place, Sequence[Any]]) -> list[tuple[Place, Any]]:
    return [(place, value) for place, bad in values.items() for value in bad]


def shown(value: Any) -> str:
    """A short id for a test's case."""
    text = ".".join(map(str, value)) if isinstance(value, tuple) else repr(value)
    return text[:40]


def at(*place: str | int) -> set[tuple[str, ...]]:
    """The problems of a request with one: at this place."""
    return {tuple(map(str, place))}


@pytest.fixture(scope="module")
def shared(dynamodb: DynamoDBClient) -> Iterator[Api]:
    """One caller for all requests that are refused, since none of them stores anything."""
    store = Store(dynamodb, f"test-{uuid.uuid4()}")
    dynamodb.create_table(TableName=store.table, **SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        organization_id = organizations.create(store, "Test")
        token, _ = tokens.create(store.of(organization_id))
        yield Api(store.of(organization_id), token)
    dynamodb.delete_table(TableName=store.table)


@pytest.fixture
def api(shared: Api, customer_id: str, meter_id: str) -> Iterator[Api]:
    """A caller whose requests are refused: whatever the test does, it stores nothing."""
    before = stored(shared)
    yield shared
    assert stored(shared) == before


def stored(api: Api) -> list[str]:
    return sorted(map(str, scan(api.store)))


@pytest.fixture(scope="module")
def customer_id(shared: Api) -> str:
    return shared.customer("user@example.com", external_id="user_123")


@pytest.fixture(scope="module")
def meter_id(shared: Api) -> str:
    return str(shared.post(METERS, METER).body["id"])


@pytest.fixture
def event(customer_id: str) -> Body:
    return {**EVENT, "customer_id": customer_id}


# Events.

# All that an event may have, but an external id and a time.
EVENT: Final[Body] = {
    "name": "api_usage",
    "metadata": {
        "units": 1,
        "_cost": {"amount": Decimal("0.02"), "currency": "usd"},
        "_llm": {
            "vendor": "acme",
            "model": "m-1",
            "prompt": "Why?",
            "response": None,
            "input_tokens": 10,
            "cached_input_tokens": None,
            "output_tokens": 5,
            "total_tokens": 15,
        },
    },
}
TOO_LARGE_NUMBERS: Final = (
    10**15,
    10**40,
    Decimal("1e15"),
    Decimal("1e999999"),
    Decimal("1000000000000000.5"),
)
TOO_LONG_NUMBERS: Final = (10**40, -(10**39), Decimal("0." + "1" * 39))
NO_METADATA: Final[Sequence[Any]] = (None, [], [1], {}, {"a": 1}, "", "x" * 501)
NO_TOKENS: Final[Sequence[Any]] = (-1, "10", True, Decimal("1.5"), Decimal("1.0"), 10**15)
BAD_EVENTS: Final[dict[Place, Sequence[Any]]] = {
    ("name",): [ABSENT, None, 7, True, [], {}, "", "x" * 129],
    ("customer_id",): [ABSENT, None, 7, True, [], "", "x" * 65],
    ("external_customer_id",): [7, True, [], "", "x" * 257],
    ("external_id",): [7, True, {}, "x" * 257],
    ("parent_id",): [7, True, {}, "x" * 1_301],
    ("timestamp",): [
        1795482000,
        True,
        "",
        "now",
        "2026-11-24",
        "2026-11-24T01:00:00",
        "2026-02-30T01:00:00Z",
        "2026-11-24T25:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
    ("metadata",): [
        [],
        "text",
        7,
        True,
        {f"k{number}": 1 for number in range(51)},
        {f"k{number}": 1 for number in range(50)} | {"_cost": {"amount": 1, "currency": "usd"}},
    ],
    ("metadata", ""): [1],
    ("metadata", "k" * 41): [1],
    ("metadata", "units"): [*NO_METADATA, *TOO_LARGE_NUMBERS, *TOO_LONG_NUMBERS],
    ("metadata", "other"): [*NO_METADATA, *TOO_LONG_NUMBERS],
    ("metadata", "_cost"): [None, 7, True, "1", []],
    ("metadata", "_cost", "amount"): [
        *(ABSENT, None, "", "one", "1,5", " 1", "$1", "1e15", "0x1", True, []),
        *(*TOO_LARGE_NUMBERS, *TOO_LONG_NUMBERS),
    ],
    ("metadata", "_cost", "currency"): [ABSENT, None, 7, "", "us", "usdt"],
    ("metadata", "_llm"): [None, 7, True, "text", []],
    ("metadata", "_llm", "vendor"): [ABSENT, None, 7, "", "x" * 501],
    ("metadata", "_llm", "model"): [ABSENT, None, 7, "", "x" * 501],
    ("metadata", "_llm", "prompt"): [7, [], "x" * 10_001],
    ("metadata", "_llm", "response"): [7, [], "x" * 10_001],
    ("metadata", "_llm", "input_tokens"): [ABSENT, None, *NO_TOKENS],
    ("metadata", "_llm", "cached_input_tokens"): NO_TOKENS,
    ("metadata", "_llm", "output_tokens"): [ABSENT, None, *NO_TOKENS],
    ("metadata", "_llm", "total_tokens"): [ABSENT, None, *NO_TOKENS],
}


@pytest.mark.parametrize(("place", "value"), cases(BAD_EVENTS), ids=shown)
def test_an_event_that_breaks_a_rule_is_refused_at_its_place(
    api: Api, event: Body, place: Place, value: Any
) -> None:
    reply = api.ingest(event, put(event, place, value), event)

    assert reply.problems() == at("body", "events", 1, *place)


def test_an_event_names_its_customer_in_one_way(api: Api, event: Body) -> None:
    reply = api.ingest(event, {**event, "external_customer_id": "user_123"})

    assert reply.problems() == at("body", "events", 1, "customer_id")


@pytest.mark.parametrize("value", [7, None, "text", [], True])
def test_an_event_is_an_object(api: Api, event: Body, value: Any) -> None:
    reply = api.post(INGEST, {"events": [event, value]})

    assert reply.problems() == at("body", "events", "1")


@pytest.mark.parametrize(
    "body", [{}, {"events": None}, {"events": 7}, {"events": "text"}, {"events": {}}]
)
def test_events_are_a_list(api: Api, body: Body) -> None:
    assert api.post(INGEST, body).problems() == at("body", "events")


def test_a_timestamp_is_at_most_five_minutes_ahead(
    new_api: NewApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = new_api()
    now = times.now()
    monkeypatch.setattr(times, "now", lambda: now)
    latest = now + timedelta(minutes=5)
    later = latest + timedelta(microseconds=1)
    event = {"name": "api_usage", "external_customer_id": "user_123"}

    refused = api.ingest({**event, "timestamp": times.to_text(later)})

    assert refused.problems() == at("body", "events", 0, "timestamp")
    assert api.ingest({**event, "timestamp": times.to_text(latest)}).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 128},
        {"external_id": "x" * 256},
        {"external_id": ""},
        {"external_id": None},
        {"customer_id": None, "external_customer_id": "x" * 256},
        {"timestamp": None},
        {"timestamp": "1970-01-01t00:00:00z"},
        {"timestamp": "2020-02-29T23:59:59.999999+05:30"},
        {"metadata": {}},
        {"metadata": {f"{number:02}".ljust(40, "k"): "x" * 500 for number in range(50)}},
        {"metadata": {"units": 10**15 - 1}},
        {"metadata": {"units": Decimal("-999999999999999.999999999999")}},
        {"metadata": {"_cost": {"amount": Decimal("0.000000000001"), "currency": "usd"}}},
        {"an_unknown_key": {"of": ["any", "kind"]}},
    ],
    ids=shown,
)
def test_the_limits_of_an_event_are_good(new_api: NewApi, change: Body) -> None:
    event = {**EVENT, "external_customer_id": "user_123"}

    assert new_api().ingest({**event, **change}).body == {"inserted": 1, "duplicates": 0}


def test_a_boolean_is_good_metadata_and_no_number(new_api: NewApi) -> None:
    api = new_api()
    meter_id = api.meter()
    event = {"name": "api_usage", "customer_id": api.customer("user@example.com")}

    reply = api.ingest(*({**event, "metadata": {"units": units}} for units in (1, True)))

    assert reply.body == {"inserted": 2, "duplicates": 0}
    assert api.balances(event["customer_id"]) == {meter_id: 1}


def test_an_unknown_customer_is_refused_at_its_id(api: Api, event: Body) -> None:
    unknown = {**event, "customer_id": "01a20b57-943c-7681-8c66-41fbc3e9bda1"}

    reply = api.ingest(event, unknown, event, unknown)

    assert reply.problems() == {("body", "events", place, "customer_id") for place in "13"}


def test_a_deleted_customer_is_unknown(new_api: NewApi) -> None:
    api = new_api()
    customer_id = api.customer("user@example.com")
    assert api.delete(CUSTOMERS + customer_id).status == 204

    reply = api.ingest({"name": "api_usage", "customer_id": customer_id})

    assert reply.problems() == at("body", "events", 0, "customer_id")


def test_one_bad_event_of_a_thousand_stores_nothing(api: Api, event: Body) -> None:
    events = [{**event, "external_id": f"e{number}"} for number in range(1_000)]
    events[617] = {**event, "metadata": {"units": None}}

    assert api.ingest(*events).problems() == at("body", "events", "617", "metadata", "units")


def test_one_unknown_customer_of_a_thousand_events_stores_nothing(api: Api, event: Body) -> None:
    events = [event] * 1_000
    events[999] = {**event, "customer_id": "unknown"}

    assert api.ingest(*events).problems() == at("body", "events", "999", "customer_id")


def test_every_bad_event_is_named(api: Api, event: Body) -> None:
    events = [event] * 1_000
    bad = {0: "name", 1: "timestamp", 500: "external_id", 999: "customer_id"}
    for place, member in bad.items():
        events[place] = {**event, member: 7}

    assert api.ingest(*events).problems() == {
        ("body", "events", str(place), member) for place, member in bad.items()
    }


def test_every_bad_event_is_named_whatever_is_wrong_with_it(api: Api, event: Body) -> None:
    reply = api.ingest({**event, "name": ""}, event, {**event, "customer_id": "unknown"})

    assert reply.problems() == {
        ("body", "events", "0", "name"),
        ("body", "events", "2", "customer_id"),
    }


# Sizes.


def test_a_thousand_and_one_events_are_too_many(api: Api, event: Body) -> None:
    reply = api.ingest(*[event] * (MAX_EVENTS_PER_REQUEST + 1))

    assert reply.status == 413
    assert reply.body["error"] == "RequestTooLarge"
    assert "1,000 events" in reply.body["detail"]


def test_a_thousand_events_are_not_too_many(new_api: NewApi) -> None:
    event = {"name": "api_usage", "external_customer_id": "user_123"}

    reply = new_api().ingest(*[event] * MAX_EVENTS_PER_REQUEST)

    assert reply.body == {"inserted": 1_000, "duplicates": 0}


@pytest.mark.parametrize("path", [INGEST, CUSTOMERS, METERS])
def test_a_body_that_is_too_big_is_refused_with_its_size(api: Api, path: str) -> None:
    size = responses.MAX_BODY_BYTES + 1

    reply = api.request("POST", path, b" " * size)

    assert reply.status == 413
    assert reply.body["error"] == "RequestTooLarge"
    assert f"{size:,}" in reply.body["detail"]


@pytest.mark.parametrize("path", [CUSTOMERS, METERS])
def test_an_answer_that_is_too_big_is_refused_as_lambda_would_measure_it(
    api: Api, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = api.get(path)
    size = len(exact.write(answer.text))

    monkeypatch.setattr(responses, "MAX_BODY_BYTES", size)
    assert api.get(path).text == answer.text
    monkeypatch.setattr(responses, "MAX_BODY_BYTES", size - 1)
    refused = api.get(path)

    assert (refused.status, refused.body["error"]) == (413, "RequestTooLarge")
    assert "limit" in refused.body["detail"]


@pytest.mark.parametrize(
    "number",
    [
        "9" * 5_000,
        "1." + "0" * 400_000,
        "0." + "3" * 400_000,
        "1e9999999999999999999",
    ],
    ids=shown,
)
def test_a_number_of_absurd_length_is_refused(api: Api, customer_id: str, number: str) -> None:
    event = f'{{"name":"a","customer_id":"{customer_id}","metadata":{{"units":{number}}}}}'
    content = f'{{"events":[{event}]}}'

    reply = api.request("POST", INGEST, content.encode())

    assert reply.status == 422
    assert len(reply.text) < 1_000


# Bodies that are not JSON, or not of the right kind.

NOT_JSON: Final = [
    b"",
    b"{",
    b"nothing",
    b"{} {}",
    b"{'email': 1}",
    b'{"units": NaN}',
    b'{"units": Infinity}',
    b'{"units": -Infinity}',
    b'{"units": 1e99999999999999999999}',
    b'{"units": 01}',
    b'{"email": "\xff"}',
    rb'{"name": "\ud800"}',
    rb'{"\udfff": 1}',
    rb'{"metadata": {"key": "\ud800\ud800"}}',
    rb'{"metadata": {"\udc00": 1}}',
    rb'{"external_id": "a\udbff"}',
    rb'{"events": [{"name": "\udc00", "customer_id": "\ud800"}]}',
    rb'{"filter": {"conjunction": "and", "clauses": [{"value": "\ud800"}]}}',
    b"[" * 100_000,
    b'{"events": ' * 100_000,
    b'{"filter": {"conjunction": "and", "clauses": [' * 100_000,
]
WRITES: Final = [
    ("POST", INGEST),
    ("POST", CUSTOMERS),
    ("POST", METERS),
    ("PATCH", "/v1/customers/external/user_123"),
    ("PATCH", "/v1/meters/{meter_id}"),
]


@pytest.mark.parametrize("content", NOT_JSON, ids=shown)
@pytest.mark.parametrize(("method", "path"), WRITES, ids=shown)
def test_a_body_that_is_not_json_is_refused_as_a_whole(
    api: Api, meter_id: str, method: str, path: str, content: bytes
) -> None:
    reply = api.request(method, path.format(meter_id=meter_id), content)

    assert reply.problems() == at("body")


@pytest.mark.parametrize(("method", "path"), WRITES, ids=shown)
def test_a_body_that_is_missing_is_said_to_be(
    api: Api, meter_id: str, method: str, path: str
) -> None:
    reply = api.request(method, path.format(meter_id=meter_id))

    assert reply.problems() == at("body")
    assert reply.body["detail"][0]["type"] == "missing"


@pytest.mark.parametrize("content", [b"null", b"7", b"true", b'"text"', b"[]", b"[{}]"])
@pytest.mark.parametrize(("method", "path"), WRITES, ids=shown)
def test_a_body_is_an_object(
    api: Api, meter_id: str, method: str, path: str, content: bytes
) -> None:
    reply = api.request(method, path.format(meter_id=meter_id), content)

    assert reply.problems() == at("body")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
    ],
)
@pytest.mark.parametrize(("method", "path"), WRITES, ids=shown)
def test_a_body_of_another_content_type_is_refused(
    api: Api, meter_id: str, method: str, path: str, content_type: str
) -> None:
    content = b'{"name": "A name", "email": "other@example.com"}'
    headers = {"content-type": content_type}

    reply = api.request(method, path.format(meter_id=meter_id), content, headers)

    assert reply.problems() == at("header", "content-type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"],
)
def test_json_is_taken_under_all_of_its_names(new_api: NewApi, content_type: str) -> None:
    content, headers = b'{"email": "a@example.com"}', {"content-type": content_type}

    assert new_api().request("POST", CUSTOMERS, content, headers).status == 201


@pytest.mark.parametrize("levels", [10, 300])
def test_metadata_that_is_nested_is_refused_however_deep(
    api: Api, event: Body, levels: int
) -> None:
    value: Any = 1
    for _ in range(levels):
        value = {"deeper": [value]}

    reply = api.ingest({**event, "metadata": {"units": value}})

    assert reply.problems() == at("body", "events", "0", "metadata", "units")


@pytest.mark.parametrize("length", [0, 256])
def test_an_idempotency_key_has_bounds(api: Api, event: Body, length: int) -> None:
    reply = api.ingest(event, idempotency_key="k" * length)

    assert reply.problems() == at("header", "idempotency-key")


# Customers.

CUSTOMER: Final[Body] = {
    "email": "new@example.com",
    "name": "New",
    "metadata": {"key": "value"},
    "billing_address": {"country": "DE", "city": "Berlin"},
}
BAD_CUSTOMERS: Final[dict[Place, Sequence[Any]]] = {
    ("email",): [
        *(7, True, [], "", "user", "user@", "@example.com", "user@host", "us er@example.com"),
        "user@@example.com",
        "user@exam ple.com",
        "user@example..com",
        "user\x00@example.com",
        "John Doe <user@example.com>",
        f"user@{'x' * 300}.com",
    ],
    ("name",): [7, True, [], {}, "x" * 257],
    ("external_id",): [7, True, [], "x" * 257],
    ("metadata",): [[], "text", 7, {f"k{number}": 1 for number in range(51)}],
    ("metadata", ""): [1],
    ("metadata", "k" * 41): [1],
    ("metadata", "key"): [*NO_METADATA, *TOO_LONG_NUMBERS],
    ("metadata", "_cost"): [{"amount": 1, "currency": "usd"}],
    ("billing_address",): [7, "text", []],
    ("billing_address", "country"): [ABSENT, None, 7, "", "usa", "us", "XX", "US\n"],
    ("billing_address", "city"): [7, "", "x" * 501],
    ("tax_id",): [7, [], "", "x" * 501],
    ("locale",): [7, [], "", "x" * 501],
}
BAD_NEW_CUSTOMERS: Final[dict[Place, Sequence[Any]]] = {("type",): [7, "", "robot"]}


@pytest.mark.parametrize(("place", "value"), cases(BAD_CUSTOMERS | BAD_NEW_CUSTOMERS), ids=shown)
def test_a_customer_that_breaks_a_rule_is_not_created(api: Api, place: Place, value: Any) -> None:
    reply = api.post(CUSTOMERS, put(CUSTOMER, place, value))

    assert reply.problems() == at("body", *place)


@pytest.mark.parametrize("route", ["{id}", "external/user_123"])
@pytest.mark.parametrize(("place", "value"), cases(BAD_CUSTOMERS), ids=shown)
def test_a_customer_is_not_changed_against_a_rule(
    api: Api, customer_id: str, route: str, place: Place, value: Any
) -> None:
    reply = api.patch(CUSTOMERS + route.format(id=customer_id), put(CUSTOMER, place, value))

    assert reply.problems() == at("body", *place)


@pytest.mark.parametrize("value", ["maybe", "", "2"])
def test_anonymize_is_true_or_false(api: Api, customer_id: str, value: str) -> None:
    reply = api.delete(CUSTOMERS + customer_id, anonymize=value)

    assert reply.problems() == at("query", "anonymize")


def test_every_broken_rule_of_a_customer_is_named(api: Api) -> None:
    reply = api.post(CUSTOMERS, {"email": "user", "name": 7, "metadata": {"key": None}})

    assert reply.problems() == {("body", "email"), ("body", "name"), ("body", "metadata", "key")}


# Meters.

METER: Final[Body] = {
    "name": "API calls",
    "filter": {
        "conjunction": "and",
        "clauses": [
            {"property": "name", "operator": "eq", "value": "api_usage"},
            {
                "conjunction": "or",
                "clauses": [{"property": "units", "operator": "gt", "value": 0}],
            },
        ],
    },
    "aggregation": {"func": "sum", "property": "units"},
    "metadata": {"key": "value"},
}
CLAUSE: Final[Body] = METER["filter"]["clauses"][0]


def nested(levels: int) -> Body:
    """A filter with filters in it, so many levels deep."""
    innermost: Body = {"conjunction": "and", "clauses": []}
    for _ in range(levels - 1):
        innermost = {"conjunction": "or", "clauses": [innermost]}
    return innermost


FIRST: Final = ("filter", "clauses", 0)
INNER: Final = ("filter", "clauses", 1, "clauses", 0)
BAD_METERS: Final[dict[Place, Sequence[Any]]] = {
    ("name",): [7, True, [], "", "ab", "x" * 257],
    ("filter",): [
        *(7, "text", []),
        {"conjunction": "and", "clauses": [CLAUSE] * 101},
        *(nested(11), nested(300)),
    ],
    ("filter", "conjunction"): [ABSENT, None, 7, "", "xor", "AND"],
    ("filter", "clauses"): [ABSENT, None, 7, "text", {}],
    FIRST: [None, 7, "text", []],
    (*FIRST, "property"): [ABSENT, None, 7, "", "x" * 129],
    (*FIRST, "operator"): [ABSENT, None, 7, "", "==", "EQ"],
    (*FIRST, "value"): [
        # The clients can read no fraction back.
        *(ABSENT, None, [], {}, "x" * 501, Decimal("0.5")),
        *(Decimal("1e15"), 10**38, -(10**38), *TOO_LONG_NUMBERS),
    ],
    ("filter", "clauses", 1, "conjunction"): [ABSENT, "xor"],
    (*INNER, "property"): [ABSENT, ""],
    (*INNER, "operator"): [ABSENT, "~"],
    (*INNER, "value"): [ABSENT, None],
    ("aggregation",): [7, "sum", [], {"func": "sum"}, {"func": "avg", "property": None}],
    ("aggregation", "func"): [ABSENT, None, 7, "", "median", "SUM"],
    ("aggregation", "property"): [7, "", "x" * 129],
    ("unit",): [7, "", "parsec"],
    ("custom_label",): [7, "", "x" * 501],
    ("custom_multiplier",): [0, -1, "1", True, Decimal("1.5"), 10**15],
    ("metadata",): [[], "text", 7],
    ("metadata", "key"): [*NO_METADATA, 10**40],
}
BAD_NEW_METERS: Final[dict[Place, Sequence[Any]]] = {
    (name,): [*BAD_METERS[name,], ABSENT, None] for name in ("name", "filter", "aggregation")
}
BAD_METER_CHANGES: Final[dict[Place, Sequence[Any]]] = {("is_archived",): ["true", 1, 0]}


@pytest.mark.parametrize(("place", "value"), cases(BAD_METERS | BAD_NEW_METERS), ids=shown)
def test_a_meter_that_breaks_a_rule_is_not_created(api: Api, place: Place, value: Any) -> None:
    assert api.post(METERS, put(METER, place, value)).problems() == at("body", *place)


@pytest.mark.parametrize(("place", "value"), cases(BAD_METERS | BAD_METER_CHANGES), ids=shown)
def test_a_meter_is_not_changed_against_a_rule(
    api: Api, meter_id: str, place: Place, value: Any
) -> None:
    reply = api.patch(METERS + meter_id, put(METER, place, value))

    assert reply.problems() == at("body", *place)


def test_a_custom_unit_needs_a_label(api: Api) -> None:
    reply = api.post(METERS, {**METER, "unit": "custom"})

    assert reply.problems() == at("body", "custom_label")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "abc"},
        {"name": "x" * 256},
        {"filter": {"conjunction": "and", "clauses": [CLAUSE] * 100}},
        {"filter": {"conjunction": "or", "clauses": [CLAUSE | {"property": "x" * 128}]}},
        {"filter": {"conjunction": "or", "clauses": [CLAUSE | {"value": "x" * 500}]}},
        {"filter": {"conjunction": "or", "clauses": [CLAUSE | {"value": True}]}},
        {"filter": nested(10)},
        {"aggregation": {"func": "count"}},
        {"unit": "custom", "custom_label": "pages", "custom_multiplier": 1},
    ],
    ids=shown,
)
def test_the_limits_of_a_meter_are_good(new_api: NewApi, change: Body) -> None:
    assert new_api().post(METERS, METER | change).status == 201


# Lists.


@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize("name", ["page", "limit"])
@pytest.mark.parametrize(
    "value", ["0", "-1", "", "x", "1.5", "1e3", " 1", "+1", "0x1", "\u0661", "9" * 40]
)
def test_a_page_and_a_limit_are_whole_numbers_from_one(
    api: Api, path: str, name: str, value: str
) -> None:
    refused = api.get(path, **{name: value})

    assert refused.problems() == at("query", name)
    assert "from 1 to" in refused.body["detail"][0]["msg"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("value", ["", "-", "unknown", "--created_at", "created_at,name"])
def test_a_list_is_sorted_by_what_it_knows(api: Api, path: str, value: str) -> None:
    assert api.get(path, sorting=["created_at", value]).problems() == at("query", "sorting")


@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize("query", ["page=1&page=2", "limit=1&limit=1"])
def test_what_may_stand_once_stands_once(api: Api, path: str, query: str) -> None:
    name = query.partition("=")[0]

    assert api.request("GET", path, query=query).problems() == at("query", name)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["sorting=%ff", "metadata[a]=%ed%a0%80", "%c0%af=1"])
def test_a_query_is_unicode(api: Api, path: str, query: str) -> None:
    assert api.request("GET", path, query=query).problems() == at("query")


@pytest.mark.parametrize("value", ["", "maybe", "2"])
def test_is_archived_is_true_or_false(api: Api, value: str) -> None:
    assert api.get(METERS, is_archived=value).problems() == at("query", "is_archived")


# What nobody foresaw.


def test_an_unexpected_error_says_nothing_of_what_is_behind_it(
    new_api: NewApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = new_api()

    def fail(*_: Any) -> None:
        raise RuntimeError(f"table {api.store.table}, key {api.organization_id}#METERS")

    monkeypatch.setattr(catalog, "read_all", fail)

    reply = api.get(METERS)

    assert reply.status == 500
    assert reply.body == {"error": "InternalServerError", "detail": "Internal server error"}


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.TIMEOUT_BEFORE])
def test_a_database_that_does_not_answer_says_when_to_try_again(
    new_api: NewApi, fault: Fault
) -> None:
    api = new_api()

    with faults(api.store.client, lambda call: fault):
        reply = api.get(METERS)

    assert reply.status == 503
    assert reply.body["error"] == "ServiceUnavailable"
    assert reply.headers["Retry-After"].isdigit()
