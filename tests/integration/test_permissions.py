"""The check of every handler's calls against its role: it finds what a role lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aureon.storage.expressions import present
from aureon.storage.store import Store, check, put_new
from tests.support import permissions, template
from tests.support.backfill_jobs import jobs
from tests.support.deliveries import Queues, deliver, message
from tests.support.handlers import Api
from tests.support.permissions import NotAllowed, Request, Role, requests_of
from tests.support.template import Synthesized

EVENT = {"name": "api_usage", "external_customer_id": "user_123", "metadata": {"units": 1}}


def make_a_meter(api: Api) -> object:
    with jobs():
        return api.young_meter()


def show_a_meters_customers(api: Api) -> object:
    return api.get("/v1/customer-meters/", meter_id=api.young_meter())


@pytest.mark.parametrize(
    ("granted", "act"),
    [
        ("*#METERS", lambda api: api.get("/v1/meters/")),
        ("*#EVENT#*", lambda api: api.ingest({**EVENT, "external_id": "1"})),
        ("*#LOG#*", lambda api: api.ingest(EVENT)),
        ("*#LOG#*", lambda api: deliver(message(api.organization_id, EVENT))),
        ("dynamodb:PutItem", make_a_meter),
        ("sqs:SendMessage", make_a_meter),
        ("sqs:ReceiveMessage", lambda api: api.get("/v1/dead-letters/")),
        ("AUREON_DEAD_LETTER_QUEUE_URL", lambda api: api.get("/v1/dead-letters/")),
        ("/index/directory", show_a_meters_customers),
    ],
)
def test_a_call_that_the_role_does_not_allow_is_no_answer_but_the_end(
    api: Api,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    granted: str,
    act: Callable[[Api], object],
) -> None:
    act(api)
    whole = template.without_assets().text
    assert f'"{granted}"' in whole
    broken = Synthesized(whole.replace(f'"{granted}"', '"nothing"'))
    monkeypatch.setattr(permissions, "role", lambda function: Role.of(broken, function))

    with pytest.raises(NotAllowed):
        act(api)


def statement(action: str, *patterns: str, resource: str = "t") -> dict[str, Any]:
    condition = {"ForAllValues:StringLike": {permissions.LEADING_KEYS: list(patterns)}}
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def test_a_statement_allows_only_all_keys_of_a_batch() -> None:
    apart = Role("f", {}, [statement("a", "x#*"), statement("a", "y#*")])
    together = Role("f", {}, [statement("a", "x#*", "y#*")])

    assert together.allows(Request("a", "t", ("x#1", "y#1")))
    assert apart.allows(Request("a", "t", ("x#1", "x#2")))
    assert not apart.allows(Request("a", "t", ("x#1", "y#1")))
    assert not together.allows(Request("a", "t/index/i", ("x#1",)))
    assert not together.allows(Request("b", "t", ("x#1",)))


def test_attributes_are_held_against_a_role_that_names_them() -> None:
    condition = {"ForAllValues:StringLike": {permissions.ATTRIBUTES: ["pk", "sk", "name"]}}
    role = Role("f", {}, [{**statement("a"), "Condition": condition}])

    assert role.allows(Request("a", "t", attributes=frozenset({"pk", "name"})))
    assert not role.allows(Request("a", "t", attributes=frozenset({"pk", "secret"})))


def test_each_action_of_a_transaction_is_asked_for_by_itself(store: Store) -> None:
    own = store.of("o").keys
    writes = [put_new(own.claim("1"), {"name": "n"}), check(own.organization(), present())]
    actions = [{write.action: write.request("t")} for write in writes]

    asked = list(requests_of("TransactWriteItems", {"TransactItems": actions}, "t"))

    assert [request[:3] for request in asked] == [
        ("dynamodb:PutItem", "t", (own.claim("1").pk,)),
        ("dynamodb:ConditionCheckItem", "t", (own.organization().pk,)),
    ]
    assert asked[0].attributes == {"pk", "sk", "name"}
