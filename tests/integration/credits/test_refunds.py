"""Refunds: what an event took goes back, once, where it came from, and never more than that."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from aureon.audit import refunds_audit
from aureon.audit.ledger_audit import Audit
from aureon.domain import events
from aureon.storage import keys
from tests.integration.conftest import NewApi
from tests.integration.test_credit_races import at_once, statuses
from tests.support import projected
from tests.support.clock import Clock
from tests.support.credit_makers import (
    SHAPES,
    Shape,
    assert_sound,
    capture,
    hold,
    shaped_customer,
    spend,
    spread,
    state,
)
from tests.support.grant_makers import DAY, balance, figures, give, given, grants, in_, void
from tests.support.handlers import Api, Reply
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.projected import project_all
from tests.support.trials import replies


def refund(api: Api, **body: Any) -> Reply:
    return api.post("/v1/credits/refunds", body)


def refunded(api: Api, **body: Any) -> dict[str, Any]:
    reply = refund(api, **body)
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.body
    return found


def take_back(api: Api, event_id: str, **body: Any) -> Reply:
    return api.post(f"/v1/events/{event_id}/void", body)


def lots(api: Api, customer_id: str) -> list[tuple[str, int]]:
    """What is left of the customer's open lots."""
    listed = balance(api, customer_id, lots="true")["lots"]
    return [(lot["grant_id"], int(lot["remaining_units"])) for lot in listed]


def ingested(api: Api, units: Any, **more: Any) -> str:
    def ids() -> set[str]:
        listed = api.get("/v1/events/", external_customer_id=EXTERNAL_ID, limit=100).body["items"]
        # A boundary that has passed meanwhile is told by events of its own.
        return {event["id"] for event in listed if not event["name"].startswith("credits.")}

    before = ids()
    assert api.ingest(usage(units, **more)).status == 200
    (made,) = ids() - before
    return made


# How much, and of what.


@pytest.mark.parametrize("shape", SHAPES)
def test_a_spend_is_given_back_in_parts_and_never_more_than_it_took(api: Api, shape: Shape) -> None:
    customer_id = shaped_customer(api, shape)
    spent = spend(api, 7, external_id="order-1").body

    part = refunded(api, spend_external_id="order-1", units=2, external_id="r1", reason="Broken")
    assert part["event_id"] == spent["id"]
    assert [(one["event_units"], one["refunded_units"]) for one in part["units"]] == [(7, 2)]
    assert part["meters"][0]["available_credits"] == 5
    assert state(api, customer_id) == (-5, 0, 5)
    assert figures(balance(api, customer_id)) == (-5, 5, 10, 0)

    too_much = refund(api, event_id=spent["id"], units=6)
    assert too_much.problems() == {("body", "units")}
    rest = refunded(api, event_id=spent["id"])
    assert [one["total_refunded_units"] for one in rest["units"]] == [7]
    assert figures(balance(api, customer_id)) == (-10, 0, 10, 0)
    assert refunded(api, event_id=spent["id"])["id"] == rest["id"]
    assert refund(api, event_id=spent["id"], units=1).problems() == {("body", "units")}
    assert refund(api, event_id=spent["id"], reason="again").status == 409


def test_a_capture_and_an_ingested_event_are_given_back_too(api: Api, customer: str) -> None:
    given(api, 20)
    hold_id = hold(api, 5).body["id"]
    assert refund(api, hold_id=hold_id).status == 409
    capture(api, hold_id, 4)
    event_id = ingested(api, 3, external_id="u1")

    assert refunded(api, hold_id=hold_id)["units"][0]["refunded_units"] == 4
    assert refunded(api, event_id=event_id, units=2)["units"][0]["refunded_units"] == 2
    assert figures(balance(api, customer)) == (-19, 1, 20, 0)


def test_a_refund_under_an_id_is_made_once_and_is_no_other(api: Api, customer: str) -> None:
    given(api, 20)
    one, other = (spend(api, units, external_id=f"s{units}").body["id"] for units in (5, 6))

    first = refunded(api, event_id=one, units=2, external_id="r1")
    again = refunded(api, event_id=one, units=2, external_id="r1")
    assert {**again, "returned": first["returned"]} == first
    for different in (
        {"event_id": one, "units": 3},
        {"event_id": one},
        {"event_id": one, "units": 2, "reason": "another"},
        {"event_id": other, "units": 2},
    ):
        assert refund(api, external_id="r1", **different).status == 409
    assert refund(api, event_id=one, units=1, external_id="s6").status == 409
    assert spend(api, 2, external_id="r1").status == 409
    assert api.ingest(usage(2, external_id="r1")).body["duplicates"] == 1
    assert figures(balance(api, customer)) == (-11, 9, 20, 0)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ("body",)),
        ({"event_id": "none", "hold_id": "none"}, ("body",)),
        ({"event_id": "none"}, ("body", "event_id")),
        ({"hold_id": "none"}, ("body", "hold_id")),
        ({"spend_external_id": "none"}, ("body", "spend_external_id")),
        ({"spend_external_id": "plain"}, ("body", "spend_external_id")),
        ({"spend_external_id": "s1", "units": 0}, ("body", "units")),
        ({"spend_external_id": "s1", "units": -1}, ("body", "units")),
        ({"spend_external_id": "s1", "units": "1"}, ("body", "units")),
        ({"spend_external_id": "s1", "meter_id": "none"}, ("body", "meter_id")),
        ({"spend_external_id": "s1", "reason": "x" * 501}, ("body", "reason")),
    ],
)
def test_what_makes_no_sense_is_refused_and_says_where(
    api: Api, customer: str, body: dict[str, Any], place: tuple[str, ...]
) -> None:
    given(api, 10)
    spend(api, 1, external_id="s1")
    ingested(api, 1, external_id="plain")

    assert refund(api, **body).problems() == {place}
    assert figures(balance(api, customer)) == (-8, 2, 10, 0)


def test_what_gave_credits_or_was_no_usage_is_no_refund(api: Api, customer: str) -> None:
    grant_id = given(api, 5)["id"]
    lot_id = given(api, 5, priority=1)["id"]
    spent = spend(api, 1).body["id"]
    made = refunded(api, event_id=spent)["id"]

    for event_id in (grant_id, lot_id, made):
        (problem,) = refund(api, event_id=event_id).body["detail"]
        assert problem["type"] == "no_refund"
    (problem,) = take_back(api, made).body["detail"]
    assert problem["type"] == "no_refund"
    assert take_back(api, "none").status == 404


def test_meters_other_than_sum_and_count_keep_the_event_and_say_why(
    api: Api, customer: str
) -> None:
    greatest = api.meter(func="max", property="units")
    count = api.meter(func="count")
    event_id = ingested(api, 3)

    whole = refunded(api, event_id=event_id)
    assert [one["meter_id"] for one in whole["refused"]] == [greatest]
    assert sorted(one["refunded_units"] for one in whole["units"]) == [1, 3]
    balances = api.balances(customer)
    assert (balances[greatest], balances[count]) == (3, 0)

    other = ingested(api, 2)
    assert refund(api, event_id=other, meter_id=greatest).problems() == {("body", "meter_id")}
    assert refund(api, event_id=other, units=1).problems() == {("body", "meter_id")}
    assert refund(api, event_id=other, units=Decimal("0.5"), meter_id=count).status == 422
    assert refunded(api, event_id=other, meter_id=count)["units"][0]["refunded_units"] == 1
    alone = api.post(
        "/v1/events/ingest",
        {"events": [{"name": "alone", "external_customer_id": EXTERNAL_ID, "metadata": {"v": 1}}]},
    )
    assert alone.status == 200
    api.meter("alone", func="max", property="v")
    (newest, *_) = api.get("/v1/events/", external_customer_id=EXTERNAL_ID, name="alone").body[
        "items"
    ]
    assert refund(api, event_id=newest["id"]).body["detail"][0]["type"] == "no_refund"
    assert take_back(api, newest["id"]).body["detail"][0]["type"] == "no_refund"


def test_a_ghosts_spend_is_given_back_and_the_customer_inherits_that(api: Api) -> None:
    spent = spend(api, 5, limit=10).body["id"]

    assert refunded(api, event_id=spent, units=2)["customer_id"] is None
    customer_id = api.customer("user@example.com", external_id=EXTERNAL_ID)
    assert figures(balance(api, customer_id)) == (3, 3, 0, 0)
    assert refunded(api, event_id=spent)["customer_id"] == customer_id
    assert figures(balance(api, customer_id)) == (0, 0, 0, 0)


def test_what_a_deleted_customer_spent_is_not_given_to_who_comes_after(
    api: Api, customer: str
) -> None:
    given(api, 9, external_id="g1")
    given(api, 9, external_id="g2", priority=1)
    spent = spend(api, 5, external_id="s1").body["id"]
    hold(api, 1, external_id="h1")
    api.delete(f"/v1/customers/{customer}")
    api.customer("new@example.com", external_id=EXTERNAL_ID)
    given(api, 100)

    assert refund(api, event_id=spent).status == 409
    assert spend(api, 5, external_id="s1").status == 409
    assert hold(api, 1, external_id="h1").status == 409
    for terms in ({"external_id": "g1"}, {"external_id": "g2", "priority": 1}):
        assert api.post("/v1/credits/grants", usage(9, **terms)).status == 409


# Where it goes.


def test_units_go_back_to_the_lots_that_they_came_from_the_last_burned_first(
    api: Api, customer: str
) -> None:
    late = given(api, 10, priority=60)["id"]
    first = given(api, 4, expires_in_seconds=DAY)["id"]
    given(api, 10)
    spent = spend(api, 16).body["id"]
    assert lots(api, customer) == []

    part = refunded(api, event_id=spent, units=3)
    assert [(one["grant_id"], one["units"]) for one in part["returned"]] == [(late, 1)]
    part = refunded(api, event_id=spent, units=11)
    assert [(one["grant_id"], one["units"]) for one in part["returned"]] == [(late, 9), (first, 2)]
    assert lots(api, customer) == [(first, 2), (late, 10)]
    refunded(api, event_id=spent)
    assert lots(api, customer) == [(first, 4), (late, 10)]
    assert figures(balance(api, customer)) == (-24, 0, 24, 0)
    assert [one["used_units"] for one in grants(api, customer)] == [0, 0]
    spend(api, 15)
    assert lots(api, customer) == []


def test_units_of_what_has_lapsed_come_back_for_good(api: Api, customer: str, clock: Clock) -> None:
    given(api, 10, expires_at=in_(DAY))
    spent = spend(api, 6).body["id"]
    clock.seconds = DAY

    assert refunded(api, event_id=spent)["returned"] == []
    assert figures(balance(api, customer)) == (-6, 0, 10, 4)
    assert lots(api, customer) == []
    clock.seconds = 400 * DAY
    assert figures(balance(api, customer)) == (-6, 0, 10, 4)


def test_units_of_a_grant_that_was_voided_or_is_about_to_lapse_come_back_for_good(
    api: Api, customer: str, clock: Clock
) -> None:
    voided = given(api, 5, priority=60)["id"]
    given(api, 5, expires_at=in_(DAY))
    spent = spend(api, 9).body["id"]
    void(api, voided)
    clock.seconds = DAY - 300

    assert refunded(api, event_id=spent)["returned"] == []
    assert figures(balance(api, customer)) == (-9, 0, 10, 1)
    clock.seconds = DAY
    assert figures(balance(api, customer)) == (-9, 0, 10, 1)


def test_a_refund_repays_debt_before_lots_get_anything(api: Api, customer: str) -> None:
    lot = given(api, 10, priority=1)["id"]
    spent = spend(api, 8).body["id"]
    ingested(api, 7)
    assert figures(balance(api, customer)) == (5, 15, 10, 0)

    part = refunded(api, event_id=spent, units=7)
    assert [(one["grant_id"], one["units"]) for one in part["returned"]] == [(lot, 2)]
    assert lots(api, customer) == [(lot, 2)]
    assert figures(balance(api, customer)) == (-2, 8, 10, 0)


def test_what_was_used_since_the_lots_changed_stays_used(
    api: Api, customer: str, clock: Clock
) -> None:
    given(api, 5, expires_at=in_(DAY))
    spent = spend(api, 5).body["id"]
    clock.seconds = DAY
    lot = given(api, 10, priority=1)["id"]
    ingested(api, 4)

    refunded(api, event_id=spent)
    assert lots(api, customer) == [(lot, 6)]
    spend(api, 6)
    assert lots(api, customer) == []
    assert figures(balance(api, customer)) == (-5, 10, 15, 0)


def test_an_ingested_events_units_return_to_lots_that_were_there_at_its_time(
    api: Api, customer: str, clock: Clock
) -> None:
    lot = given(api, 10, priority=1)["id"]
    clock.seconds = 60
    event_id = ingested(api, 6)
    clock.seconds = 120
    later = given(api, 10, priority=0)["id"]
    spend(api, 3)

    part = refunded(api, event_id=event_id)
    assert [(one["grant_id"], one["units"]) for one in part["returned"]] == [(lot, 6)]
    assert lots(api, customer) == [(later, 7), (lot, 10)]


def test_several_meters_with_lots_get_back_theirs_in_one_step(api: Api, customer: str) -> None:
    (first,) = api.get("/v1/meters/").body["items"]
    second = api.meter(func="sum", property="tokens")
    both = {"metadata": {"units": 3, "tokens": 30}}
    api.post("/v1/credits/grants", usage(10, meter_id=first["id"], priority=1))
    api.post("/v1/credits/grants", usage(0, meter_id=second, priority=1, metadata={"tokens": 100}))
    spent = spend(api, 0, **both).body["id"]
    assert sorted(api.balances(customer).values()) == [-70, -7]

    part = refunded(api, event_id=spent)
    assert sorted(one["units"] for one in part["returned"]) == [3, 30]
    assert sorted(api.balances(customer).values()) == [-100, -10]


# Taking back as a whole.


@pytest.mark.parametrize("shape", SHAPES)
def test_a_voided_event_gives_back_what_is_left_and_takes_no_more_refunds(
    api: Api, shape: Shape
) -> None:
    customer_id = shaped_customer(api, shape)
    spent = spend(api, 7).body["id"]
    refunded(api, event_id=spent, units=2)

    first = take_back(api, spent).body["refund"]
    assert [one["refunded_units"] for one in first["units"]] == [5]
    assert take_back(api, spent).body["refund"]["id"] == first["id"]
    assert take_back(api, spent, allow_debt=True).status == 409
    assert refund(api, event_id=spent, units=1).status == 409
    assert figures(balance(api, customer_id)) == (-10, 0, 10, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_voided_grant_takes_what_is_left_or_all_of_it(api: Api, shape: Shape) -> None:
    customer_id = shaped_customer(api, shape)
    kept, charged_back = (given(api, 10)["id"] for _ in range(2))
    spend(api, 25)

    taken = take_back(api, kept).body["refund"]
    assert [one["voided_units"] for one in taken["units"]] == [5]
    assert figures(balance(api, customer_id)) == (0, 25, 30, 5)
    taken = take_back(api, charged_back, allow_debt=True).body["refund"]
    assert [one["voided_units"] for one in taken["units"]] == [10]
    assert figures(balance(api, customer_id)) == (10, 25, 30, 15)
    assert take_back(api, charged_back, allow_debt=True).body["refund"]["id"] == taken["id"]


def test_a_charge_back_is_paid_by_lots_before_it_is_debt(api: Api, customer: str) -> None:
    paid = given(api, 10)["id"]
    lot = given(api, 10, priority=1)["id"]
    spend(api, 13)
    given(api, 4, priority=2)

    take_back(api, paid, allow_debt=True)
    assert figures(balance(api, customer)) == (-1, 13, 24, 10)
    assert [units for _, units in lots(api, customer)] == [1]
    assert lot not in dict(lots(api, customer))


def test_a_voided_grant_with_terms_is_taken_back_as_a_grant(api: Api, customer: str) -> None:
    lot = given(api, 10, priority=1)["id"]

    assert take_back(api, lot).body["grant"]["voided_units"] == 10
    assert take_back(api, lot).body["grant"]["status"] == "voided"
    (trace,) = api.get(f"/v1/events/{lot}").body["refunds"]
    assert trace["void"]
    assert api.get(f"/v1/events/{trace['id']}").body["metadata"]["grant_id"] == lot


def test_a_trace_points_both_ways(api: Api, customer: str) -> None:
    spent = spend(api, 7, limit=10).body["id"]
    part = refunded(api, event_id=spent, units=2, external_id="r1", reason="Broken")
    whole = take_back(api, spent).body["refund"]

    shown = api.get(f"/v1/events/{spent}").body["refunds"]
    assert [(one["id"], one["reason"], one["void"]) for one in shown] == [
        (part["id"], "Broken", False),
        (whole["id"], None, True),
    ]
    event = api.get(f"/v1/events/{part['id']}").body
    assert (event["name"], event["external_id"]) == ("credits.refunded", "r1")
    assert event["metadata"] == {"event_id": spent, "units": 2, "reason": "Broken"}
    assert event["refunds"] == []


def test_quantities_follow_refunds(api: Api, customer: str) -> None:
    count = api.meter(func="count")
    spent = spend(api, 7, limit=10).body["id"]
    refunded(api, event_id=spent)
    given(api, 5)
    take_back(api, spend(api, 2).body["id"])
    project_all(api.store)
    assert projected.stored(api.store) == projected.recounted(api.store)

    (sum_,) = [one for one in api.get("/v1/meters/").body["items"] if one["id"] != count]
    day = {"start_timestamp": in_(-DAY), "end_timestamp": in_(DAY), "interval": "day"}
    for meter_id, expected in ((sum_["id"], (-5, 0, 5)), (count, (1, None, None))):
        found = api.get(f"/v1/meters/{meter_id}/quantities", **day).body
        assert found["total"] == expected[0]
        if expected[1] is not None:
            assert (found["used_units"], found["granted_units"]) == expected[1:]


def test_a_user_without_the_scope_gives_nothing_back(api: Api, customer: str) -> None:
    spent = spend(api, 7, limit=10).body["id"]
    token = api.post("/v1/tokens/", {"name": "service", "scopes": ["credits:write"]}).body["token"]
    service = Api(api.store, token)

    assert refund(service, event_id=spent).status == 403
    assert take_back(service, spent).status == 403


# Races and faults.


@pytest.mark.parametrize("shape", SHAPES)
def test_refunds_at_once_give_back_what_was_taken_and_no_more(
    new_api: NewApi, shape: Shape
) -> None:
    for _ in range(2):
        api = new_api()
        api.meter()
        customer_id = shaped_customer(api, shape)
        spent = spend(api, 10).body["id"]

        replies = at_once(
            *(partial(refund, api, event_id=spent, units=3, external_id=f"r{n}") for n in range(6)),
            *[partial(refund, api, event_id=spent, units=2, external_id="same")] * 3,
            partial(api.ingest, usage(1)),
            partial(spend, api, 1, limit=100),
        )

        made = statuses(replies[:6])[200]
        same = statuses(replies[6:9])
        assert same in ({200: 3}, {422: 3})
        back = 3 * made + 2 * (same[200] > 0)
        assert back in (9, 8)
        assert state(api, customer_id)[0] == 10 - 10 - back + 2
        assert_sound(api)


def test_a_void_and_refunds_at_once_come_to_the_whole(new_api: NewApi, clock: Clock) -> None:
    for number in range(6):
        api = new_api()
        api.meter()
        customer_id = api.customer("user@example.com", external_id=EXTERNAL_ID)
        given(api, 6, expires_in_seconds=DAY)
        given(api, 6)
        if number % 2:
            spread(api, customer_id)
        spent = spend(api, 10).body["id"]

        replies = at_once(
            *[partial(take_back, api, spent)] * 3,
            *(partial(refund, api, event_id=spent, units=2, external_id=f"r{n}") for n in range(3)),
            partial(give, api, 1, priority=1),
            partial(api.ingest, usage(1)),
        )

        assert statuses(replies[:3]) == {200: 3}
        assert figures(balance(api, customer_id)) == (-12, 1, 13, 0)
        assert_sound(api)


ACTS = {
    "part": lambda api, spent: refund(api, event_id=spent, units=2, external_id="r1"),
    "whole": lambda api, spent: refund(api, event_id=spent),
    "void": lambda api, spent: take_back(api, spent),
}


@pytest.mark.parametrize(
    ("act", "lot", "shape"),
    [
        ("part", False, "linked and spread"),
        ("part", True, "own"),
        ("whole", True, "linked and spread"),
        ("void", True, "own"),
    ],
)
def test_whichever_call_fails_a_repeat_refunds_once(
    api: Api, act: str, lot: bool, shape: Shape
) -> None:
    customer_id = shaped_customer(api, shape)
    if lot:
        given(api, 4, priority=1)
    spent = spend(api, 6).body["id"]
    back = 2 if act == "part" else 6
    granted = 14 if lot else 10
    for _ in replies(api.store, lambda: ACTS[act](api, spent)):
        assert {ACTS[act](api, spent).status for _ in range(2)} == {200}
        expected = (6 - back - granted, 6 - back, granted, 0)
        assert figures(balance(api, customer_id)) == expected
        assert_sound(api)


def test_random_histories_of_lots_and_refunds_stay_sound(new_api: NewApi, clock: Clock) -> None:
    """Whatever was given back, no lot has more than it was granted, and debt has no lots beside."""
    for seed in range(6):
        random_ = random.Random(seed)
        clock.seconds = 0
        api = new_api()
        api.meter()
        customer_id = api.customer("user@example.com", external_id=EXTERNAL_ID)
        if seed % 3 == 0:
            spread(api, customer_id)
        given(api, 1)
        events: list[str] = []
        for step in range(25):
            clock.seconds += random_.randrange(4 * 3_600)
            match random_.randrange(7):
                case 0:
                    given(api, random_.randint(1, 9), priority=random_.randint(1, 3))
                case 1:
                    given(
                        api,
                        random_.randint(1, 9),
                        expires_in_seconds=random_.choice([900, 9_000, 90_000]),
                    )
                case 2:
                    given(api, random_.randint(1, 9))
                case 3:
                    events.append(ingested(api, random_.randint(1, 5), external_id=f"e{step}"))
                case 4:
                    spent = spend(api, random_.randint(1, 9), limit=random_.choice([0, 20]))
                    if spent.status == 200:
                        events.append(spent.body["id"])
                case _ if events:
                    chosen = random_.choice(events)
                    units = random_.choice([{}, {"units": random_.randint(1, 3)}])
                    assert refund(api, event_id=chosen, **units).status in (200, 409, 422)
            total = figures(balance(api, customer_id))[0]
            listed = balance(api, customer_id, lots="true")["lots"]
            remaining = sum(lot["remaining_units"] for lot in listed)
            assert all(lot["remaining_units"] <= lot["units"] for lot in listed)
            assert not (remaining and total + remaining > 0), "debt and lots side by side"
            assert all(one["used_units"] >= 0 for one in grants(api, customer_id))
        assert_sound(api)


# The audit.


def made(api: Api) -> keys.Key:
    """Two refunds of a spend and a void of another; the key of the first spend's record."""
    given(api, 20)
    first, second = spend(api, 7).body["id"], spend(api, 5).body["id"]
    refunded(api, event_id=first, units=2)
    refunded(api, event_id=first, units=1)
    assert take_back(api, second).status == 200
    return api.store.keys.refunds(first)


@contextmanager
def changed(api: Api, key: keys.Key) -> Iterator[dict[str, Any]]:
    """A record, to be changed and stored as it never should be; in the end it is as it was."""
    before, item = api.store.get(key), api.store.get(key)
    assert before is not None
    assert item is not None
    yield item
    api.store.put_all({key: before})


def audited(api: Api, customer: str, *, repair: bool = False) -> list[tuple[str, list[Any]]]:
    return [
        (found.status, [(one.figure, one.stored, one.counted) for one in found.differences])
        for found in Audit(api.store, repair).of_customer(customer)
        if found.ledger_id == customer
    ]


def test_the_audit_finds_refunds_that_agree_with_the_log_clean(api: Api, customer: str) -> None:
    made(api)
    assert audited(api, customer) == [("clean", [])]


def test_the_audit_finds_a_record_that_says_other_units_than_the_log(
    api: Api, customer: str
) -> None:
    key = made(api)
    with changed(api, key) as item:
        meter_id = next(iter(item["made"][0]["back"]))
        item["made"][0]["back"][meter_id] = Decimal(1)
        api.store.put_all({key: item})
        assert audited(api, customer) == [("different", [("refunded", -1, -2)])]
        # Nobody knows which of them is right, so nothing is corrected.
        assert audited(api, customer, repair=True) == [("different", [("refunded", -1, -2)])]
        assert api.store.get(key) == item | dict(zip(("pk", "sk"), key, strict=True))


def test_the_audit_finds_a_record_that_is_gone_or_lacks_a_refund(api: Api, customer: str) -> None:
    key = made(api)
    with changed(api, key) as item:
        del item["made"][1]
        api.store.put_all({key: item})
        assert audited(api, customer) == [("different", [("refunded", 0, -1)])]
        api.store.delete_all([key])
        ((status, differences),) = audited(api, customer)
        assert status == "different"
        assert sorted(differences) == [("refunded", 0, -2), ("refunded", 0, -1)]


def test_the_audit_finds_a_refund_that_the_log_does_not_have(api: Api, customer: str) -> None:
    key = made(api)
    with changed(api, key) as item:
        place = events.parse_event_id(item["made"][0]["id"])
        ghost = place._replace(page=place.page._replace(batch=f"{place.page.batch}x"))
        item["made"].append({**item["made"][0], "id": events.event_id(ghost)})
        api.store.put_all({key: item})
        assert audited(api, customer) == [("different", [("refunded", 2, 0)])]


def test_the_audit_of_many_refunds_looks_them_up_some_at_a_time(
    api: Api, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refunds_audit, "AT_ONCE", 2)
    given(api, 100)
    spends = [spend(api, 3).body["id"] for _ in range(5)]
    for one in spends:
        refunded(api, event_id=one, units=1)
    assert audited(api, customer) == [("clean", [])]
    records = [api.store.keys.refunds(one) for one in spends]
    before = api.store.batch_get(records)
    api.store.delete_all(records)
    assert audited(api, customer) == [("different", [("refunded", 0, -1)] * 5)]
    api.store.put_all(before)
