"""Who may give credits: a token with the scope for it, whatever way its events come."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

import authorizer
from aureon.access import tokens
from aureon.core import exact
from aureon.storage import keys
from aureon_cli.gateway import Context
from tests.support.credit_makers import assert_sound, spend
from tests.support.deliveries import Sent, deliver
from tests.support.handlers import Api
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.recount import scan


@pytest.fixture
def sender(api: Api) -> Api:
    """A caller who may send events, and may not give credits."""
    token, _ = tokens.create(api.store, scopes=["events:write"])
    return replace(api, token=token)


@pytest.fixture
def customer_id(api: Api) -> str:
    api.meter()
    return api.customer("user@example.com", external_id=EXTERNAL_ID)


def passed_on(api: Api, *events: dict[str, Any]) -> Sent:
    """A request as the gateway passes it on to the queue."""
    event = {
        "headers": {"authorization": f"Bearer {api.token}"},
        "requestContext": {"requestId": "request-1"},
    }
    answer = authorizer.handler(event, Context("authorizer"))  # type: ignore[arg-type]
    attributes = answer["context"]
    return Sent(attributes["organization_id"], exact.write({"events": events}).decode(), attributes)


def from_before(api: Api, token: str) -> None:
    """Make a token what it was before there was a scope for granting."""
    found = keys.token(hashlib.sha256(token.encode()).hexdigest())
    item = api.store.get(found)
    assert item is not None
    for key in (found, api.store.keys.token_record(item["id"])):
        api.store.client.update_item(
            TableName=api.store.table,
            Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}},
            UpdateExpression="REMOVE #schema",
            ExpressionAttributeNames={"#schema": "schema"},
        )


def test_events_that_give_credits_take_a_scope_of_their_own(
    api: Api, sender: Api, customer_id: str
) -> None:
    before = sorted(map(str, scan(api.store)))

    refused = sender.ingest(usage(1), usage(-1_000_000))

    assert refused.status == 403
    assert 'scope="credits:grant"' in refused.headers["WWW-Authenticate"]
    assert sorted(map(str, scan(api.store))) == before
    assert sender.ingest(usage(1), usage(0)).status == 200
    assert api.ingest(usage(-5)).status == 200
    assert list(api.balances(customer_id).values()) == [-4]


def test_no_meter_that_is_made_later_takes_for_credits_what_its_sender_could_not_give(
    api: Api, sender: Api, customer_id: str
) -> None:
    hidden = usage(1) | {"metadata": {"units": 1, "seconds": -1_000_000}}
    api.meter(func="min", property="seconds")
    assert sender.ingest(hidden).status == 200, "a least value gives nothing"
    assert deliver(passed_on(sender, hidden)) == set()

    seconds = api.meter(func="sum", property="seconds")

    assert api.balances(customer_id).get(seconds, 0) == 0
    assert spend(api, 1, metadata={"seconds": 1}, meter_id=seconds).status == 402
    assert sender.ingest(hidden).status == 403, "now it would give"
    assert api.ingest(hidden).status == 200
    assert api.balances(customer_id)[seconds] == -1_000_000
    assert_sound(api)


def test_the_queue_knows_what_the_sender_may(api: Api, sender: Api, customer_id: str) -> None:
    refused = passed_on(sender, usage(-5))

    assert deliver(refused) == deliver(refused.again()) == {refused.id}
    assert deliver(refused.redriven()) != set(), "sent again, it gives no more"
    assert deliver(passed_on(sender, usage(2))) == set()
    assert deliver(passed_on(api, usage(-5))) == set()
    trusted = Sent(api.organization_id, exact.write({"events": [usage(-5)]}).decode())
    assert deliver(trusted) == set(), "who may write to the queue itself is trusted"

    assert list(api.balances(customer_id).values()) == [-8]


def test_a_token_from_before_keeps_what_it_could(api: Api, sender: Api, customer_id: str) -> None:
    reader, _ = tokens.create(api.store, scopes=["events:read", "tokens:write"])
    for token in (sender.token, reader):
        assert token is not None
        from_before(api, token)

    assert sender.ingest(usage(-5)).status == 200
    listed = {tuple(token["scopes"]) for token in api.get("/v1/tokens/").body["items"]}
    assert ("credits:grant", "events:write") in listed
    assert ("events:read", "tokens:write") in listed
    more = replace(api, token=reader).post("/v1/tokens/", {"scopes": ["credits:grant"]})
    assert more.problems() == {("body", "scopes")}
