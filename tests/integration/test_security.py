"""What a stranger, a thief or a curious caller tries, and does not get: ``docs/security.md``.

That no organization sees another's data is in ``test_apart.py``, and what ids and bodies may be
made of in ``test_strange_ids.py`` and ``test_bad_input.py``.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from aureon.access import tokens
from aureon.api import runtime
from aureon.api.responses import MAX_BODY_BYTES
from aureon.api.routes import CUSTOMER_SESSION, ROUTES, Route
from aureon.core import times
from aureon.meters import catalog
from tests.integration.conftest import NewApi
from tests.support.deliveries import deliver, message
from tests.support.faults import Fault, faults
from tests.support.handlers import Api, Reply
from tests.support.seams import restart_handlers, without_pauses

SECRET: Final = "very-private"
V1: Final = [route for route in ROUTES if route.path.startswith("/v1/")]
# A line of a header that a caller would like to be in an answer.
SMUGGLED: Final = "a\r\nX-Smuggled: yes"


def call(api: Api, route: Route, *, id_: str = "unknown", query: str = "") -> Reply:
    path = route.path.replace("{id}", id_).replace("{external_id}", id_)
    body = b"" if route.method in ("GET", "DELETE") else b"{}"
    return api.request(route.method, path, body, query=query)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, at the level of a deployment."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(runtime.logger.registered_formatter)
    level = runtime.logger.log_level
    runtime.logger.addHandler(handler)
    runtime.logger.setLevel("INFO")
    yield text
    runtime.logger.setLevel(level)
    logging.getLogger(runtime.logger.service).removeHandler(handler)


# Tokens.


def test_every_bad_token_is_answered_alike_and_with_the_same_work(api: Api) -> None:
    """So that nobody learns whether one ever worked, or how close a guess is.

    A token is found by its hash, never compared: there is no prefix that takes longer.
    """
    good = str(api.token)
    expired, _ = tokens.create(api.store, expires_at=times.now())
    revoked, record = tokens.create(api.store)
    tokens.revoke(api.store, record.id)
    bad = [revoked, expired, good[:-1], f"{good[:-1]}~", good.lower(), "x", "x" * 5_000, "é\0"]

    answers = []
    for token in bad:
        restart_handlers()
        with faults(api.store.client) as calls:
            answers.append((replace(api, token=token).get("/v1/meters/"), calls.operations()))

    assert all(answer == answers[0] for answer in answers)
    ((reply, operations), *_) = answers
    assert reply.status == 401
    assert operations == ["GetItem"]


def test_guesses_are_not_remembered(api: Api) -> None:
    from meters import handler

    trusted = handler.__self__._authenticator._trusted  # type: ignore[attr-defined]
    restart_handlers()

    for number in range(50):
        assert replace(api, token=f"guess-{number}").get("/v1/meters/").status == 401

    assert trusted == {}


@pytest.mark.parametrize(
    "route",
    [route for route in V1 if "{id}" in route.path and route.scope != CUSTOMER_SESSION],
    ids=str,
)
def test_another_organizations_id_is_answered_as_one_that_never_was(
    new_api: NewApi, route: Route
) -> None:
    """With the same work, too: what takes as long says nothing."""
    mine, theirs = new_api(), new_api()
    ids = {
        "customers": theirs.customer("user@example.com"),
        "meters": theirs.meter(),
        "tokens": next(tokens.list_records(theirs.store)).id,
    }
    id_ = ids.get(route.path.split("/")[2], ids["customers"])
    last = "0" if id_[-1] != "0" else "1"

    call(mine, route, id_=id_)  # From now on the token is known.

    seen = []
    for one in (id_, id_[:-1] + last):
        with faults(mine.store.client) as calls:
            seen.append((call(mine, route, id_=one), calls.operations()))

    assert seen[0] == seen[1]
    assert seen[0][0].status in (404, 422)


# What leaks.


def everything_personal(api: Api) -> list[Reply]:
    """Requests that carry private words wherever they can, good ones and bad ones."""
    named = {"external_customer_id": SECRET}
    event = {**named, "name": SECRET, "external_id": SECRET, "metadata": {SECRET: SECRET}}
    customer = {"email": f"{SECRET}@example.com", "name": SECRET, "external_id": SECRET}
    return [
        api.post("/v1/customers/", {**customer, "metadata": {SECRET: SECRET}}),
        api.post("/v1/customers/", {**customer, "tax_id": SECRET}),
        api.post("/v1/customers/", {"email": SECRET, "type": SECRET}),
        api.ingest(event, idempotency_key=SECRET),
        api.ingest({**event, "metadata": {SECRET: {SECRET: SECRET}}}, idempotency_key=SECRET),
        api.post("/v1/credits/spend", event),
        *(call(api, route, id_=SECRET, query=f"query={SECRET}&{SECRET}=1") for route in V1),
    ]


def test_logs_hold_no_tokens_and_nothing_personal(api: Api, log: io.StringIO) -> None:
    """Of requests that succeed, are refused, meet a busy database, or something unforeseen."""
    everything_personal(api)
    with without_pauses():
        for fault in (Fault.THROTTLE, Fault.TIMEOUT_BEFORE, Fault.CONFLICT):
            with faults(api.store.client, lambda call, fault=fault: fault):  # type: ignore[misc]
                everything_personal(api)
    wrong = {"external_customer_id": SECRET, "name": "", "metadata": {"units": SECRET}}
    assert deliver(message(api.organization_id, wrong, batch_id=SECRET))

    said = log.getvalue()

    assert said.count('"message":"request"') > len(V1)
    assert "message failed" in said
    assert SECRET not in said
    assert str(api.token) not in said


def test_the_log_has_the_request_id_that_the_caller_got(
    api: Api, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("something unforeseen")

    monkeypatch.setattr(catalog, "read_all", fail)

    reply = api.get("/v1/meters/")

    assert reply.status == 500
    assert "unforeseen" not in reply.text
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (request,) = [line for line in lines if line["message"] == "request"]
    assert request["request_id"] == reply.headers["x-request-id"]
    assert request["status"] == 500
    assert [line for line in lines if "something unforeseen" in line.get("exception", "")]


@pytest.mark.parametrize("route", V1, ids=str)
def test_nothing_that_a_caller_sends_becomes_a_header(api: Api, route: Route) -> None:
    escaped = SMUGGLED.replace("\r\n", "%0d%0a").replace(" ", "%20")
    headers = {"idempotency-key": SMUGGLED, "polar-version": SMUGGLED}
    path = route.path.replace("{id}", escaped).replace("{external_id}", escaped)
    body = b"" if route.method in ("GET", "DELETE") else b'{"external_id": "a\\r\\nX-Smuggled: 1"}'

    reply = api.request(
        route.method, path, body, headers, query=f"after={escaped}&format={escaped}&{escaped}=1"
    )

    for name, value in reply.headers.items():
        assert not {"\r", "\n"} & {*name, *value}
        assert "smuggled" not in name.lower()


# Look-alikes.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (unicodedata.normalize("NFC", "Zoë"), unicodedata.normalize("NFD", "Zoë")),
        ("admin", "аdmin"),  # noqa: RUF001
        ("user", "user\u200b"),
        ("user", "\u202euser"),
        ("user", "User"),
        ("user", "user "),
        ("1", "１"),  # noqa: RUF001
    ],
    ids=ascii,
)
def test_ids_that_look_alike_are_different_ids(api: Api, one: str, other: str) -> None:
    """Ids are compared as they are written, character by character: none stands for another."""
    meter_id = api.meter()
    customers = [
        api.customer(f"user-{number}@example.com", external_id=external_id)
        for number, external_id in enumerate((one, other))
    ]
    events = [
        {"name": "api_usage", "external_customer_id": id_, "external_id": id_}
        for id_ in (one, other)
    ]

    reply = api.ingest(*({**event, "metadata": {"units": 1}} for event in events))

    assert reply.body == {"inserted": 2, "duplicates": 0}
    assert [api.balances(customer) for customer in customers] == [{meter_id: 1}] * 2


@pytest.mark.parametrize(
    "other",
    ["ZOË@EXAMPLE.COM", unicodedata.normalize("NFD", "zoë@example.com"), "zoë@EXAMPLE.com"],
    ids=ascii,
)
def test_an_address_is_the_same_however_it_is_written(api: Api, other: str) -> None:
    api.customer(unicodedata.normalize("NFC", "zoë@example.com"))

    assert api.post("/v1/customers/", {"email": other}).problems() == {("body", "email")}


# Bombs.


def test_a_compressed_body_is_unpacked_within_the_limits_of_any_body(api: Api) -> None:
    packed = gzip.compress(json.dumps({"email": "user@example.com"}).encode())
    bomb = gzip.compress(b" " * (MAX_BODY_BYTES + 1))
    sent = {"content-encoding": "gzip"}

    assert api.request("POST", "/v1/customers/", packed, sent).status == 201
    assert api.request("POST", "/v1/customers/", bomb, sent).status == 413
    assert api.request("POST", "/v1/customers/", packed[:-9], sent).problems() == {("body",)}
    assert api.request("POST", "/v1/customers/", b"{}", sent).problems() == {("body",)}
    other = api.request("POST", "/v1/customers/", packed, {"content-encoding": "br"})
    assert (other.status, other.body["error"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("depth", [10, 100, 500, 900])
@pytest.mark.parametrize("path", ["/v1/meters/", "/v1/meters/preview"])
def test_a_filter_that_nests_deeply_is_refused(api: Api, path: str, depth: int) -> None:
    clause = '{"property": "name", "operator": "eq", "value": "a"}'
    nested = '{"conjunction": "and", "clauses": [' * depth + clause + "]}" * depth
    body = f'{{"name": "Deep", "filter": {nested}, "aggregation": {{"func": "count"}}}}'

    reply = api.request("POST", path, body.encode())

    assert reply.status in (200, 201, 422)
    assert reply.status == 422 or depth <= 10


def test_an_object_of_very_many_members_is_refused_as_one_of_a_few_too_many(api: Api) -> None:
    members = ",".join(f'"k{number}":1' for number in range(200_000))
    event = f'{{"name":"a","external_customer_id":"b","metadata":{{{members}}}}}'

    reply = api.request("POST", "/v1/events/ingest", f'{{"events":[{event}]}}'.encode())

    assert reply.problems() == {("body", "events", "0", "metadata")}
    assert len(reply.text) < 1_000


# The queue.


@pytest.mark.parametrize(
    "organization_id", ["", "a#CUSTOMER", "a%23b", "é", "a" * 65, "a b", "../a", "a\n"]
)
def test_a_message_names_an_organization_and_no_key(api: Api, organization_id: str) -> None:
    event = {"name": "api_usage", "external_customer_id": "user_123"}

    assert deliver(message(organization_id, event))


def test_a_message_says_whose_it_is_in_its_attributes_only(new_api: NewApi) -> None:
    """What a body says of an organization is passed over: the gateway writes the attributes."""
    mine, theirs = new_api(), new_api()
    customer_id, _ = (one.customer("a@example.com", external_id="a") for one in (mine, theirs))
    other = theirs.organization_id
    event = {"name": "n", "external_customer_id": "a", "organization_id": other}

    assert deliver(message(mine.organization_id, event)) == set()

    assert mine.get("/v1/events/", customer_id=customer_id).body["pagination"]["total_count"] == 1
    assert theirs.get("/v1/events/", external_customer_id="a").body["items"] == []
