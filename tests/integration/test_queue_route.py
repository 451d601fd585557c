"""``POST /v1/events/queue``: who may send, what the gateway writes on a message, how it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from aureon.access import tokens
from aureon.api.routes import QUEUE_ROUTE
from aureon.core import exact, times
from aureon.core.errors import Unavailable
from aureon_cli import queue_route
from aureon_cli.gateway import Gateway
from tests.support.deliveries import Queues, Sent, deliver
from tests.support.faults import Fault, faults
from tests.support.handlers import HANDLERS, Api, invoke
from tests.support.makers import usage

Post = Callable[..., httpx.Response]


def verdict(api: Api, **headers: str) -> Any:
    """What the authorizer answers the gateway."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if api.token is not None and "authorization" not in named:
        named["Authorization"] = f"Bearer {api.token}"
    event = {"headers": named, "requestContext": {"requestId": "request-1"}}
    return invoke("authorizer", event)


def passed_on(api: Api, *events: dict[str, Any], **headers: str) -> Sent:
    """A request as the gateway passes it on: the template says so, and the engine cannot do it."""
    attributes = verdict(api, **headers)["context"]
    assert all(attributes.values()), "SQS takes no empty attribute"
    body = exact.write({"events": events}).decode()
    return Sent(attributes["organization_id"], body, attributes)


@pytest.fixture
def customer_id(api: Api) -> str:
    api.meter()
    return api.customer("user@example.com", external_id="user_123")


def test_a_request_is_its_organizations_and_counts(api: Api, customer_id: str) -> None:
    assert deliver(passed_on(api, usage(3))) == set()

    assert api.balance(customer_id) == 3


def test_a_request_that_is_sent_again_under_its_key_counts_once(api: Api, customer_id: str) -> None:
    first = passed_on(api, usage(3), Idempotency_Key="k1")
    again = replace(
        passed_on(api, usage(3), idempotency_key="k1"), sent_at=times.now() + timedelta(hours=2)
    )
    other = passed_on(api, usage(3), Idempotency_Key="k2")

    assert deliver(first) == deliver(again) == deliver(other) == set()
    assert deliver(first.again(), again.redriven()) == set()

    assert api.balance(customer_id) == 6


def test_the_same_key_with_another_body_is_refused(api: Api, customer_id: str) -> None:
    first = passed_on(api, usage(3), idempotency_key="k1")
    other = passed_on(api, usage(4), idempotency_key="k1")

    assert deliver(first) == set()
    assert deliver(other) == {other.id}

    assert api.balance(customer_id) == 3


def test_requests_without_a_key_are_each_their_own(api: Api, customer_id: str) -> None:
    first, second = passed_on(api, usage(1)), passed_on(api, usage(1))

    with faults(api.store.client) as calls:
        assert deliver(first, second) == set()
    assert deliver(first.again(), second.redriven()) == set()

    assert api.balance(customer_id) == 2
    # Nothing but the events themselves is remembered.
    assert calls.operations().count("TransactWriteItems") == 1


def test_a_producers_batch_and_a_requests_key_of_the_same_name_are_two(
    api: Api, customer_id: str
) -> None:
    request = passed_on(api, usage(1), idempotency_key="k1")
    producer = Sent(
        api.organization_id, request.body, {"batch_id": request.attributes["request_key"]}
    )

    assert deliver(request, producer) == set()

    assert api.balance(customer_id) == 2


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic abc", "Bearer aureon_oat_unknown"])
def test_nobody_passes_without_a_good_token(api: Api, authorization: str) -> None:
    assert verdict(api, authorization=authorization) == {"isAuthorized": False}
    assert verdict(replace(api, token=None)) == {"isAuthorized": False}


def test_a_token_needs_the_scope_to_write_events_and_no_other(api: Api) -> None:
    for scopes, passes in (
        ({"events:write"}, True),
        (set(tokens.SCOPES) - {"events:write"}, False),
    ):
        token, _ = tokens.create(api.store, scopes=scopes)
        assert verdict(replace(api, token=token))["isAuthorized"] == passes


def test_an_expired_token_does_not_pass(api: Api) -> None:
    token, _ = tokens.create(api.store, expires_at=times.now())

    assert verdict(replace(api, token=token)) == {"isAuthorized": False}


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_does_not_pass_as_if_there_were_none(api: Api, key: str) -> None:
    assert verdict(api, idempotency_key=key) == {"isAuthorized": False}


@pytest.mark.parametrize("key", ['a"}, "organization_id": {"StringValue": "theirs"}, "b": "', "é"])
def test_what_the_gateway_puts_into_json_is_never_the_callers_own(api: Api, key: str) -> None:
    attributes = verdict(api, idempotency_key=key)["context"]

    assert attributes["organization_id"] == api.organization_id
    assert all(value.replace("-", "").isalnum() for value in attributes.values())


def test_nobody_passes_while_tokens_cannot_be_read(api: Api) -> None:
    token, _ = tokens.create(api.store)
    with faults(api.store.client, lambda call: Fault.THROTTLE), pytest.raises(Unavailable):
        verdict(replace(api, token=token))


# The developer's gateway.


@pytest.fixture
def post(api: Api, queues: Queues) -> Post:
    """Send a request to the route as `aureon dev` serves it."""

    async def exchange(request: httpx.Request) -> httpx.Response:
        with ThreadPoolExecutor(1) as pool:
            serve = queue_route.sending_to(queues.ingestion, HANDLERS["authorizer"])
            gateway = Gateway([QUEUE_ROUTE], {QUEUE_ROUTE.handler: serve}, pool)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway)) as client:
                return await client.send(request)

    def send(content: bytes, token: str | None = api.token, **headers: str) -> httpx.Response:
        named = {"content-type": "application/json", **headers}
        if token is not None:
            named["authorization"] = f"Bearer {token}"
        url = f"http://local{QUEUE_ROUTE.path}"
        return asyncio.run(exchange(httpx.Request("POST", url, content=content, headers=named)))

    return send


def test_the_local_gateway_queues_what_the_consumer_counts(
    api: Api, queues: Queues, post: Post, customer_id: str
) -> None:
    body = exact.write({"events": [usage(5)]})

    for _ in range(2):
        assert post(body, **{"idempotency-key": "k1"}).status_code == 202
    assert api.balance(customer_id) == 0
    assert len(queues.deliver()) == 2

    assert api.balance(customer_id) == 5


def test_accepted_is_not_valid_and_a_bad_body_becomes_a_dead_letter(
    queues: Queues, post: Post
) -> None:
    assert post(b"this is no JSON").status_code == 202

    queues.deliver()
    (dead,) = queues.deaths()
    assert dead["body"] == "this is no JSON"


def test_the_local_gateway_refuses_as_the_gateway_does(queues: Queues, post: Post) -> None:
    assert post(b"{}", token=None).status_code == 401
    assert post(b"{}", token="aureon_oat_unknown").status_code == 403
    assert post(b"").status_code == 400
    assert post(b"\xff\xfe", **{"content-type": "application/octet-stream"}).status_code == 400

    assert queues.deliver() == []
