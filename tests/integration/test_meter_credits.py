"""Credits that are given to a customer's meter, as Polar's next client does, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from aureon.access import tokens
from aureon.storage.store import Store
from tests.integration.conftest import NewApi
from tests.support.credit_makers import assert_sound, spend
from tests.support.faults import Crash, Fault, faults, nth
from tests.support.grant_makers import balance, figures, given, grants, void
from tests.support.handlers import Api, Reply
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.projected import project_all
from tests.support.recount import assert_conserved
from tests.support.seams import restart_handlers

OF_READS = (Fault.DIE_BEFORE, Fault.TIMEOUT_BEFORE, Fault.THROTTLE)


@pytest.fixture
def api(new_api: NewApi) -> Iterator[Api]:
    api = new_api()
    yield api
    assert_sound(api)


@pytest.fixture
def meter(api: Api) -> str:
    return api.meter()


@pytest.fixture
def customer(api: Api, meter: str) -> str:
    return api.customer("user@example.com", external_id=EXTERNAL_ID)


def credit(api: Api, units_: Any, meter: str, **more: Any) -> Reply:
    body = {"external_customer_id": EXTERNAL_ID, "meter_id": meter, "units": units_}
    return api.post("/v1/customer-meters/credits", body | more)


def reverse(api: Api, event_id: str) -> Reply:
    return api.post(f"/v1/customer-meters/credits/{event_id}/reverse", {})


def test_credits_count_for_their_meter_alone_and_only_once(
    api: Api, meter: str, customer: str
) -> None:
    """The event has units above 0, which no other meter takes for usage."""
    everything = {"conjunction": "and", "clauses": []}
    also = {"name": "Everything", "filter": everything}
    other = api.post("/v1/meters/", also | {"aggregation": {"func": "sum", "property": "units"}})
    api.backfill(other.body["id"])

    first = credit(api, 10, meter, external_id="order-1", rollover=True)
    again = credit(api, 10, meter, external_id="order-1", rollover=True)

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body == api.get(f"/v1/events/{first.body['id']}").body
    about = {"meter_id": meter, "units": 10, "rollover": True, "reason": "manual"}
    assert (first.body["name"], first.body["source"]) == ("meter.credited", "system")
    assert first.body["metadata"] == about
    assert figures(balance(api, customer)) == (-10, 0, 10, 0)
    assert spend(api, 4, meter_id=meter).status == 200
    found = {one["meter_id"]: one["balance"] for one in state(api, customer)}
    assert found == {meter: -6, other.body["id"]: 4}
    (grant,) = grants(api, customer)
    assert (grant["id"], grant["expires_at"]) == (first.body["id"], None)


def state(api: Api, customer_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/customers/{customer_id}/state").body[
        "active_meters"
    ]
    return found


def test_an_external_id_of_something_else_is_a_conflict_by_polars_name(
    api: Api, meter: str, customer: str
) -> None:
    assert api.ingest(usage(1, external_id="e1")).status == 200
    given(api, 5, external_id="g1", meter_id=meter)
    credit(api, 5, meter, external_id="c1")

    for more in ({"external_id": "e1"}, {"external_id": "g1"}, {"external_id": "c1", "units": 6}):
        reply = credit(api, 5, meter, **more)
        assert (reply.status, reply.body["error"]) == (409, "CustomerMeterCreditExternalIDConflict")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"units": 0}, "units"),
        ({"units": -1}, "units"),
        ({"units": 1.5}, "units"),
        ({"units": "5"}, "units"),
        ({"units": 10**15}, "units"),
        ({"rollover": "yes"}, "rollover"),
        ({"meter_id": None}, None),
        ({"external_meter_id": "m1"}, None),
        ({"meter_id": None, "external_meter_id": "nobody's"}, "external_meter_id"),
        ({"meter_id": "nobody's"}, "meter_id"),
        ({"external_customer_id": "nobody"}, "external_customer_id"),
        ({"customer_id": "both"}, "customer_id"),
    ],
    ids=str,
)
def test_credits_that_make_no_sense_are_refused(
    api: Api, meter: str, customer: str, more: dict[str, Any], field: str | None
) -> None:
    reply = credit(api, 5, meter, **more)

    assert reply.problems() == {("body",) if field is None else ("body", field)}
    assert state(api, customer) == []


def test_only_a_sum_meter_that_counts_takes_credits(api: Api, meter: str, customer: str) -> None:
    count = api.meter("other", func="count")
    assert credit(api, 5, count).problems() == {("body", "meter_id")}
    api.patch(f"/v1/meters/{meter}", {"is_archived": True})
    assert credit(api, 5, meter).problems() == {("body", "meter_id")}


def test_giving_and_taking_back_needs_the_scope_of_grants(
    api: Api, meter: str, customer: str
) -> None:
    event_id = credit(api, 5, meter).body["id"]
    scopes = ["credits:write", "customers:write", "events:write", "events:read"]
    token, _ = tokens.create(api.store, scopes=scopes)
    poor = replace(api, token=token)
    assert credit(poor, 5, meter).status == 403
    assert reverse(poor, event_id).status == 403
    assert figures(balance(api, customer)) == (-5, 0, 5, 0)


def test_what_is_left_is_taken_back_once(api: Api, meter: str, customer: str) -> None:
    made = credit(api, 10, meter).body
    assert api.ingest(usage(Decimal("2.5"))).status == 200

    back = reverse(api, made["id"])

    assert back.status == 200
    assert (back.body["name"], back.body["source"]) == ("meter.credited", "system")
    assert back.body["parent_id"] == made["id"]
    assert back.body["metadata"] == made["metadata"] | {"units": Decimal("-7.5")}
    assert api.get(f"/v1/events/{back.body['id']}").body == back.body
    again = reverse(api, made["id"])
    assert (again.status, again.body["error"]) == (409, "CustomerMeterCreditNotReversible")
    assert balance(api, customer)["balance"] == 0
    project_all(api.store)
    names = api.get("/v1/event-types/", customer_id=customer).body["items"]
    assert {(one["name"], one["source"], one["occurrences"]) for one in names} == {
        ("meter.credited", "system", 2),
        ("api_usage", "user", 1),
    }


def test_what_is_used_up_or_voided_or_no_credit_of_this_kind_is_not_reversed(
    api: Api, meter: str, customer: str
) -> None:
    used = credit(api, 3, meter).body["id"]
    assert api.ingest(usage(3)).status == 200
    assert reverse(api, used).body["error"] == "CustomerMeterCreditNotReversible"
    voided = credit(api, 3, meter).body["id"]
    assert void(api, voided).status == 200
    assert reverse(api, voided).body["error"] == "CustomerMeterCreditNotReversible"
    # A grant may be called so by its sender.
    named = api.post("/v1/meters/", body_of("meter.credited")).body["id"]
    api.backfill(named)
    grant = given(api, 5, name="meter.credited", meter_id=named)
    listed = api.get("/v1/events/", customer_id=customer, source="user", name="api_usage")
    for event_id in (grant["id"], "nothing", listed.body["items"][0]["id"]):
        assert reverse(api, event_id).status == 404


def test_another_organization_takes_nothing_back(
    new_api: NewApi, api: Api, meter: str, customer: str
) -> None:
    made = credit(api, 3, meter).body["id"]
    assert reverse(new_api(), made).status == 404
    assert figures(balance(api, customer)) == (-3, 0, 3, 0)


def body_of(name: str) -> dict[str, Any]:
    clause = {"property": "name", "operator": "eq", "value": name}
    return {
        "name": f"Meter of {name}",
        "filter": {"conjunction": "and", "clauses": [clause]},
        "aggregation": {"func": "sum", "property": "units"},
    }


ACTIONS: dict[str, Callable[[Api, str, str], Reply]] = {
    "give": lambda api, meter, made: credit(api, 10, meter, external_id="order-2"),
    "take back": lambda api, meter, made: reverse(api, made),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_whichever_call_fails_a_repeat_makes_it_once(
    new_api: NewApi, store: Store, action: str
) -> None:
    act = ACTIONS[action]
    number = 0
    writes = False
    tried: set[tuple[int, Fault]] = set()
    plan: list[tuple[int, Fault] | None] = [None]
    while plan:
        fault = plan.pop()
        api = new_api()
        meter = api.meter()
        customer = api.customer("user@example.com", external_id=EXTERNAL_ID)
        made = credit(api, 10, meter, external_id="order-1").body["id"]
        restart_handlers()
        status = None
        going_wrong = nth(*fault) if fault else lambda call: None
        with faults(api.store.client, going_wrong) as calls, suppress(Crash):
            status = act(api, meter, made).status
        if fault is None:
            for call in calls.made:
                kinds = OF_READS if call.write_number is None else tuple(Fault)
                plan += [(call.number, kind) for kind in kinds]
                writes = writes or call.write_number is not None
        assert status in (None, 200, 201, 503)
        again = act(api, meter, made).status
        assert again in ((201,) if action == "give" else (200, 409))
        expected = (-20, 0, 20, 0) if action == "give" else (0, 0, 10, 10)
        assert figures(balance(api, customer)) == expected
        number += 1
        if fault:
            tried.add(fault)
    assert writes
    assert len(tried) == number - 1 > 10
    assert_conserved(store)
