"""Spends and holds: never more than there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from aureon.core import times
from aureon.credits import account
from aureon.domain.credits import MAX_OPEN_HOLDS
from aureon.storage import keys
from tests.support.credit_makers import (
    SHAPES,
    Shape,
    assert_sound,
    capture,
    extend,
    grant,
    hold,
    release,
    shaped_customer,
    spend,
    state,
)
from tests.support.handlers import Api, Reply
from tests.support.recount import pages, scan


@pytest.fixture(autouse=True)
def meter_id(api: Api) -> Iterator[str]:
    yield api.meter()
    assert_sound(api)


@pytest.fixture(params=SHAPES)
def customer_id(api: Api, request: pytest.FixtureRequest) -> str:
    return shaped_customer(api, request.param)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the clock."""

    def move(by: timedelta) -> None:
        moment = times.now() + by
        monkeypatch.setattr(times, "now", lambda: moment)

    return move


def test_a_spend_takes_what_there_is_and_no_more(api: Api, customer_id: str, meter_id: str) -> None:
    spent = spend(api, 3)
    assert spent.status == 200
    assert spent.body["meters"] == [
        {
            "meter_id": meter_id,
            "decides": True,
            "balance": -7,
            "held_units": 0,
            "available_credits": 7,
        }
    ]

    refused = spend(api, 8)
    assert refused.status == 402
    assert refused.body == {
        "error": "InsufficientCredits",
        "meter_id": meter_id,
        "meter_name": api.get(f"/v1/meters/{meter_id}").body["name"],
        "balance": -7,
        "required": 8,
        "available_credits": 7,
    }

    assert spend(api, 7).status == 200
    assert spend(api, Decimal("0.000000001")).status == 402
    assert state(api, customer_id) == (0, 0, 0)


def test_a_refusal_writes_its_numbers_plainly(api: Api, customer_id: str) -> None:
    assert spend(api, Decimal("9.999999999")).status == 200
    assert spend(api, Decimal("1E-9")).status == 200

    refused = spend(api, Decimal("1E+3"))

    assert '"balance":0,"required":1000,"available_credits":0}' in refused.text


def test_a_limit_lets_a_balance_rise_so_far(api: Api, customer_id: str) -> None:
    assert spend(api, 13, limit=2).status == 402
    assert spend(api, 12, limit=2).status == 200
    assert spend(api, 1, limit=-5).status == 402
    assert state(api, customer_id)[0] == 2


def test_a_spend_by_customer_id_is_the_same(api: Api, customer_id: str) -> None:
    named = {"external_customer_id": None, "customer_id": customer_id}

    assert spend(api, 4, **named).status == 200
    assert spend(api, 7, **named).status == 402
    assert state(api, customer_id) == (-6, 0, 6)


def test_an_admitted_spend_is_found_again_by_its_external_id(api: Api, customer_id: str) -> None:
    first = spend(api, 3, external_id="s1")
    grant(api, 5)

    again = spend(api, 3, external_id="s1")

    assert again.status == 200
    assert again.body["id"] == first.body["id"]
    assert again.body["meters"][0]["balance"] == -12
    assert spend(api, 4, external_id="s1").status == 409


def test_a_refused_spend_is_tried_again(api: Api, customer_id: str) -> None:
    assert spend(api, 11, external_id="s1").status == 402
    grant(api, 1)
    assert spend(api, 11, external_id="s1").status == 200


def test_an_external_id_that_was_ingested_cannot_be_spent(api: Api, customer_id: str) -> None:
    api.ingest(
        {
            "name": "api_usage",
            "external_customer_id": "user_123",
            "metadata": {"units": 1},
            "external_id": "e1",
        }
    )

    assert spend(api, 1, external_id="e1").status == 409


def test_an_external_id_that_was_spent_is_a_duplicate_of_ingestion(
    api: Api, customer_id: str
) -> None:
    spend(api, 1, external_id="e1")

    reply = api.ingest(
        {
            "name": "api_usage",
            "external_customer_id": "user_123",
            "metadata": {"units": 1},
            "external_id": "e1",
        }
    )

    assert reply.body == {"inserted": 0, "duplicates": 1}


def test_nothing_is_spent_and_held_whatever_there_is(api: Api, customer_id: str) -> None:
    assert spend(api, 10).status == 200

    spent = spend(api, 0, external_id="free")
    assert spent.status == 200
    # What it drew is known at that moment alone.
    assert spend(api, 0, external_id="free").body == {**spent.body, "drawn": None}
    assert api.get(f"/v1/events/{spent.body['id']}").body["metadata"] == {"units": 0}
    assert capture(api, hold(api, 0).body["id"]).status == 200
    assert state(api, customer_id) == (0, 0, 0)
    assert spend(api, 0, external_customer_id="nobody-yet").status == 200


@pytest.mark.parametrize("units", [-1, "3", True, None])
def test_a_spend_takes_a_number_and_gives_nothing(api: Api, customer_id: str, units: Any) -> None:
    assert spend(api, units).status == 422
    assert hold(api, units).status == 422
    assert state(api, customer_id) == (-10, 0, 10)


def test_an_event_that_no_meter_counts_cannot_be_spent(api: Api, customer_id: str) -> None:
    assert spend(api, 1, name="unknown").status == 422


def test_an_id_of_nobody_spends_nothing(api: Api) -> None:
    reply = spend(api, 1, external_customer_id=None, customer_id="ghost")
    assert reply.problems() == {("body", "customer_id")}


def test_an_external_id_spends_what_it_was_granted_before_there_is_a_customer(
    api: Api, meter_id: str
) -> None:
    grant(api, 10, external_customer_id="ghost")

    assert spend(api, 3, external_customer_id="ghost").status == 200
    held = hold(api, 4, external_customer_id="ghost")
    assert held.status == 200
    assert held.body["customer_id"] is None
    assert held.body["external_customer_id"] == "ghost"
    refused = spend(api, 4, external_customer_id="ghost")
    assert (refused.status, refused.body["available_credits"]) == (402, 3)

    customer_id = api.customer("ghost@example.com", external_id="ghost")
    assert state(api, customer_id) == (-7, 4, 3)
    assert capture(api, held.body["id"], 5).status == 200
    assert state(api, customer_id) == (-2, 0, 2)
    assert_sound(api)


@pytest.mark.parametrize("charge", [spend, hold])
def test_an_external_id_that_was_granted_nothing_spends_nothing(
    api: Api, meter_id: str, charge: Callable[..., Reply]
) -> None:
    refused = charge(api, 1, external_customer_id="nobody")
    assert (refused.status, refused.body["meter_id"]) == (402, meter_id)
    assert api.store.get(api.store.keys.external("nobody")) is None

    assert charge(api, 1, external_customer_id="nobody", limit=1).status == 200
    customer_id = api.customer("nobody@example.com", external_id="nobody")
    assert sum(state(api, customer_id)[:2]) == 1
    assert_sound(api)


def test_a_hold_from_before_a_link_binds_and_is_captured_after_it(api: Api, meter_id: str) -> None:
    grant(api, 4, external_customer_id="ghost")
    held, other = (
        hold(api, 2, f"hold-{number}", external_customer_id="ghost").body["id"]
        for number in range(2)
    )
    customer_id = api.customer("user@example.com")
    linked = api.patch(f"/v1/customers/{customer_id}", {"external_id": "ghost"})
    assert linked.status == 200

    assert state(api, customer_id) == (-4, 4, 0)
    assert spend(api, 1, external_customer_id=None, customer_id=customer_id).status == 402
    assert capture(api, held).status == 200
    assert release(api, other).status == 200
    assert state(api, customer_id) == (-2, 0, 2)
    assert_sound(api)


def test_meters_without_grants_stop_no_spend_and_count_it(
    api: Api, customer_id: str, meter_id: str
) -> None:
    calls = api.young_meter(func="count")
    average = api.meter(func="avg", property="units")
    before = api.balances(customer_id)

    spent = spend(api, 10)
    assert spent.status == 200
    assert {one["meter_id"]: one["decides"] for one in spent.body["meters"]} == {
        meter_id: True,
        calls: False,
    }
    refused = spend(api, 1)
    assert (refused.status, refused.body["meter_id"]) == (402, meter_id)

    balances = api.balances(customer_id)
    assert balances[calls] == before[calls] + 1, "what it has counted so far"
    assert balances[average] == 0, "ten granted, ten used"
    shown = api.get(f"/v1/customers/{customer_id}/state").body["active_meters"]
    assert {one["meter_id"] for one in shown if one["limits_spending"]} == {meter_id}


def test_a_meter_decides_from_its_first_grant_on(api: Api, customer_id: str) -> None:
    meter_id = api.meter("second", func="sum", property="seconds")
    api.meter("second", func="count")
    used = {"name": "second", "metadata": {"seconds": 2}}

    assert spend(api, 1, **used).status == 402, "nothing was granted on either"
    grant(api, 0, name="second", metadata={"seconds": -2})
    assert spend(api, 1, **used).status == 200
    refused = spend(api, 1, **used)
    assert (refused.status, refused.body["meter_id"]) == (402, meter_id)


def test_a_meter_limits_spending_always_or_never_from_the_answer_on(
    api: Api, customer_id: str, meter_id: str
) -> None:
    calls = api.meter(func="count")

    def limits(meter_id: str, setting: str) -> None:
        changed = api.patch(f"/v1/meters/{meter_id}", {"limits_spending": setting})
        assert (changed.status, changed.body["limits_spending"]) == (200, setting)

    assert spend(api, 1).status == 200
    limits(calls, "always")
    refused = spend(api, 1)
    assert (refused.status, refused.body["meter_id"]) == (402, calls)
    limits(meter_id, "never")
    assert spend(api, 100, limit=1_000).status == 200
    limits(calls, "never")
    assert spend(api, 1).problems() == {("body", "name")}, "nothing may decide"
    limits(meter_id, "auto")
    assert spend(api, 1).status == 402
    wrong = api.patch(
        f"/v1/meters/{api.meter(func='avg', property='units')}", {"limits_spending": "always"}
    )
    assert wrong.problems() == {("body", "limits_spending")}


def test_a_spend_and_a_hold_may_name_the_meter_that_decides(
    api: Api, customer_id: str, meter_id: str
) -> None:
    calls = api.meter(func="count")
    api.patch(f"/v1/meters/{calls}", {"limits_spending": "never"})
    used = api.balances(customer_id)[calls]

    assert spend(api, 100, meter_id=calls, limit=used + 1).status == 200
    refused = spend(api, 0, meter_id=calls)
    assert (refused.status, refused.body["meter_id"]) == (402, calls)
    held = hold(api, 5, meter_id=calls, limit=used + 2)
    assert [one["meter_id"] for one in held.body["units"]] == [calls]
    assert hold(api, 5, limit=used + 2).status == 409, "the meter is part of what was asked"
    assert capture(api, held.body["id"], 7).status == 200
    assert api.balances(customer_id) == {meter_id: 97, calls: used + 2}
    assert spend(api, 1, meter_id="nothing").problems() == {("body", "meter_id")}


def test_a_capture_beyond_its_hold_is_booked_up_to_its_own_limit(
    api: Api, customer_id: str
) -> None:
    hold_id = hold(api, 10).body["id"]
    path = f"/v1/credits/holds/{hold_id}/capture"

    assert capture(api, hold_id, 12).status == 402
    assert api.post(path, {"metadata": {"units": 12}, "limit": 1}).status == 402
    assert api.post(path, {"metadata": {"units": 12}, "limit": 2}).status == 200
    assert capture(api, hold_id, 12).status == 200, "a repeat"
    assert state(api, customer_id) == (2, 0, 0)


def test_a_spend_stands_in_the_log_with_its_origin(api: Api, customer_id: str) -> None:
    spend(api, 3)
    capture(api, hold(api, 2).body["id"])

    origins = [page.origin for _, _, page in pages(list(scan(api.store)))]
    assert sorted(filter(None, origins)) == ["hold", "spend"]


def test_a_hold_reserves_until_it_is_captured(api: Api, customer_id: str) -> None:
    held = hold(api, 6)
    assert held.status == 200
    assert held.body["status"] == "open"
    assert state(api, customer_id) == (-10, 6, 4)
    assert spend(api, 5).status == 402
    assert hold(api, 5, "hold-2").status == 402
    assert spend(api, 4).status == 200

    captured = capture(api, held.body["id"], 5)

    assert captured.body["status"] == "captured"
    assert state(api, customer_id) == (-1, 0, 1)
    assert api.get(f"/v1/credits/holds/{held.body['id']}").body["status"] == "captured"


def test_a_hold_is_shown_though_nothing_has_been_counted_yet(api: Api) -> None:
    """What a limit allows may be held by a customer who never had anything."""
    customer_id = api.customer("user@example.com", external_id="user_123")

    held = hold(api, 2, limit=5)

    assert state(api, customer_id) == (0, 2, 0)
    release(api, held.body["id"])
    assert api.get(f"/v1/customers/{customer_id}/state").body["active_meters"] == []


def test_a_capture_may_be_less_equal_or_more_where_the_credits_allow_it(
    api: Api, customer_id: str
) -> None:
    ids = [hold(api, 2, f"hold-{number}").body["id"] for number in range(4)]

    assert capture(api, ids[0], 0).status == 200
    assert capture(api, ids[1]).status == 200
    assert state(api, customer_id) == (-8, 4, 4)
    assert capture(api, ids[2], 7).status == 402
    assert capture(api, ids[2], 6).status == 200
    assert capture(api, ids[3], 2).status == 200
    assert state(api, customer_id) == (0, 0, 0)


def test_a_released_hold_gives_its_units_back(api: Api, customer_id: str) -> None:
    hold_id = hold(api, 6).body["id"]

    assert release(api, hold_id).body["status"] == "released"
    assert release(api, hold_id).status == 200
    assert state(api, customer_id) == (-10, 0, 10)
    assert capture(api, hold_id).status == 409


def test_a_captured_hold_is_captured_once(api: Api, customer_id: str) -> None:
    hold_id = hold(api, 6).body["id"]
    first = capture(api, hold_id, 5)

    again = capture(api, hold_id, 5)

    assert again.body["event_id"] == first.body["event_id"]
    assert capture(api, hold_id, 4).status == 409
    assert release(api, hold_id).status == 409
    assert state(api, customer_id) == (-5, 0, 5)


def test_placing_a_hold_again_finds_the_one_there_is(api: Api, customer_id: str) -> None:
    first = hold(api, 6)

    assert hold(api, 6).body["id"] == first.body["id"]
    assert hold(api, 7).status == 409
    assert state(api, customer_id) == (-10, 6, 4)
    release(api, first.body["id"])
    assert hold(api, 6).body["status"] == "released"


def test_the_open_holds_of_a_customer_are_listed_newest_first(
    api: Api, customer_id: str, meter_id: str, later: Any
) -> None:
    calls = api.young_meter(func="count", limits_spending="always")
    grant(api, 1, name="nothing counts this")
    ids = [
        hold(api, 1, f"hold-{number}", meter_id=meter_id, expires_in_seconds=seconds).body["id"]
        for number, seconds in enumerate((60, 600, 600, 600))
    ]
    assert capture(api, ids[1]).status == 200
    assert release(api, ids[2]).status == 200

    def listed(**query: Any) -> list[str]:
        reply = api.get("/v1/credits/holds", customer_id=customer_id, **query)
        assert reply.status == 200
        return [one["id"] for one in reply.body["items"]]

    assert listed() == [ids[3], ids[0]]
    assert listed(limit=1, page=2) == [ids[0]]
    assert listed(meter_id=meter_id) == listed()
    assert listed(meter_id=calls) == []
    (first, _) = api.get("/v1/credits/holds", external_customer_id="user_123").body["items"]
    assert first == api.get(f"/v1/credits/holds/{ids[3]}").body
    later(timedelta(seconds=61))
    assert listed() == [ids[3]]


def test_the_holds_of_a_ledger_that_was_linked_are_the_customers(api: Api) -> None:
    grant(api, 4, external_customer_id="ghost")
    held = hold(api, 2, external_customer_id="ghost").body["id"]
    customer_id = api.customer("user@example.com")
    assert api.get("/v1/credits/holds", customer_id=customer_id).body["items"] == []

    assert api.patch(f"/v1/customers/{customer_id}", {"external_id": "ghost"}).status == 200

    (found,) = api.get("/v1/credits/holds", customer_id=customer_id).body["items"]
    assert found["id"] == held


def test_a_list_of_holds_names_one_customer_who_is_there(api: Api, new_api: Any) -> None:
    customer_id = api.customer("user@example.com", external_id="user_123")
    hold(api, 1, limit=5)
    assert api.get("/v1/credits/holds").status == 422
    both = {"customer_id": customer_id, "external_customer_id": "user_123"}
    assert api.get("/v1/credits/holds", **both).status == 422
    assert api.get("/v1/credits/holds", customer_id="nobody").status == 404
    assert api.get("/v1/credits/holds", external_customer_id="nobody").status == 404
    assert new_api().get("/v1/credits/holds", customer_id=customer_id).status == 404


def test_an_expired_hold_binds_nobody_and_its_capture_competes(
    api: Api, customer_id: str, later: Any
) -> None:
    hold_id = hold(api, 6, expires_in_seconds=60).body["id"]

    later(timedelta(seconds=61))

    assert state(api, customer_id) == (-10, 0, 10)
    assert api.get(f"/v1/credits/holds/{hold_id}").body["status"] == "expired"
    assert spend(api, 5).status == 200
    assert capture(api, hold_id).status == 402
    assert capture(api, hold_id, 5).status == 200
    assert state(api, customer_id) == (0, 0, 0)


def test_a_capture_by_a_slower_clock_finds_out_that_its_hold_has_lapsed(
    api: Api, customer_id: str, later: Any
) -> None:
    """A spend relied on the expiry; whoever still believes in the hold has to compete."""
    hold_id = hold(api, 6, expires_in_seconds=60).body["id"]
    later(timedelta(seconds=61))
    assert spend(api, 10).status == 200

    later(timedelta(seconds=-31))

    assert capture(api, hold_id).status == 402
    assert state(api, customer_id) == (0, 0, 0)


def test_a_hold_is_extended_from_when_it_was_placed_and_never_made_shorter(
    api: Api, customer_id: str, later: Any
) -> None:
    placed = hold(api, 6, expires_in_seconds=60).body
    later(timedelta(seconds=59))

    for seconds in (90, 90, 30):
        extended = extend(api, placed["id"], seconds)
        assert extended.status == 200
        lasts = times.from_text(extended.body["expires_at"]) - times.from_text(placed["created_at"])
        assert lasts == timedelta(seconds=90)
    found = api.get(f"/v1/credits/holds/{placed['id']}").body
    assert found["expires_at"] == extended.body["expires_at"]

    later(timedelta(seconds=30))
    assert state(api, customer_id) == (-10, 6, 4)
    later(timedelta(seconds=2))
    assert state(api, customer_id) == (-10, 0, 10)


def test_a_hold_that_has_expired_is_extended_where_the_credits_suffice(
    api: Api, customer_id: str, later: Any
) -> None:
    hold_id = hold(api, 6, expires_in_seconds=60).body["id"]
    later(timedelta(seconds=61))
    assert extend(api, hold_id, 30).body["status"] == "expired"
    assert spend(api, 5).status == 200

    assert extend(api, hold_id, 900).status == 402
    release(api, hold(api, 5, "hold-2").body["id"])
    grant(api, 1)

    assert extend(api, hold_id, 900).body["status"] == "open"
    assert state(api, customer_id) == (-6, 6, 0)
    assert capture(api, hold_id).status == 200
    assert state(api, customer_id) == (0, 0, 0)


@pytest.mark.parametrize("end", [capture, release])
def test_a_hold_that_has_ended_is_not_extended(api: Api, customer_id: str, end: Any) -> None:
    hold_id = hold(api, 6).body["id"]
    ended = end(api, hold_id).body["status"]

    refused = extend(api, hold_id, 900)

    assert refused.status == 409
    assert ended in refused.body["detail"]
    assert state(api, customer_id)[1] == 0


def test_an_extension_finds_the_holds_bounded_in_number(api: Api, later: Any) -> None:
    customer_id = api.customer("user@example.com", external_id="user_123")
    first = hold(api, 1, "first", limit=1_000, expires_in_seconds=1).body["id"]
    later(timedelta(seconds=2))
    for number in range(MAX_OPEN_HOLDS):
        assert hold(api, 1, f"hold-{number}", limit=1_000).status == 200

    assert extend(api, first, 900).status == 429
    assert state(api, customer_id)[1] == MAX_OPEN_HOLDS


def test_captures_and_extensions_race_safely(api: Api, customer_id: str) -> None:
    hold_id = hold(api, 6).body["id"]

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(extend, api, hold_id, 600 + number) for number in range(7)]
        calls.insert(3, pool.submit(capture, api, hold_id, 5))
        statuses = [call.result().status for call in calls]

    assert statuses.pop(3) == 200
    assert set(statuses) <= {200, 409}
    assert state(api, customer_id) == (-5, 0, 5)


@pytest.mark.parametrize("seconds", [0, -1, 86_401, 1.5, "60", None])
def test_an_extension_is_of_a_second_at_least_and_a_day_at_most(
    api: Api, customer_id: str, seconds: Any
) -> None:
    assert extend(api, hold(api, 1).body["id"], seconds).status == 422


@pytest.mark.parametrize("seconds", [0, -1, 86_401, 1.5, "60"])
def test_a_hold_lasts_a_second_at_least_and_a_day_at_most(
    api: Api, customer_id: str, seconds: Any
) -> None:
    assert hold(api, 1, expires_in_seconds=seconds).status == 422


def test_a_hold_lasts_ten_minutes_where_nothing_else_is_said(api: Api, customer_id: str) -> None:
    """The longest may last a day; each stops binding by itself, though nobody sweeps."""

    def lasts(held: Reply) -> timedelta:
        assert held.status == 200
        body = held.body
        return times.from_text(body["expires_at"]) - times.from_text(body["created_at"])

    assert lasts(hold(api, 1)) == timedelta(minutes=10)
    assert lasts(hold(api, 2, "hold-2", expires_in_seconds=1)) == timedelta(seconds=1)
    assert lasts(hold(api, 3, "hold-3", expires_in_seconds=86_400)) == timedelta(hours=24)


def test_a_hold_lasts_from_when_it_was_placed(
    api: Api, customer_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it took to look: a short one would be over before it was answered."""
    look = account.Account._snapshot

    def slowly(self: account.Account, proofs: Any) -> Any:
        later(timedelta(seconds=5))
        return look(self, proofs)

    monkeypatch.setattr(account.Account, "_snapshot", slowly)

    assert hold(api, 4, expires_in_seconds=3).status == 200
    assert state(api, customer_id)[1] == 4


def test_holds_stop_binding_one_by_one(api: Api, customer_id: str, later: Any) -> None:
    for units, seconds in ((1, 60), (2, 600), (3, 86_400)):
        assert hold(api, units, f"hold-{units}", expires_in_seconds=seconds).status == 200

    seen = [state(api, customer_id)]
    for passing in (60, 540, 85_800):
        later(timedelta(seconds=passing + 0.001))
        seen.append(state(api, customer_id))

    assert seen == [(-10, 6, 4), (-10, 5, 5), (-10, 3, 7), (-10, 0, 10)]


def test_open_holds_are_bounded_in_number(api: Api) -> None:
    customer_id = api.customer("user@example.com", external_id="user_123")
    grant(api, 1000)
    for number in range(100):
        assert hold(api, 1, f"hold-{number}").status == 200

    refused = hold(api, 1, "one too many")

    assert refused.status == 429
    assert refused.headers["Retry-After"] == "1"
    assert state(api, customer_id) == (-1000, 100, 900)


def test_an_unknown_hold_is_not_found(api: Api) -> None:
    for hold_id in ("unknown", "x" * 300):
        assert api.get(f"/v1/credits/holds/{hold_id}").status == 404
        assert capture(api, hold_id).status == 404
        assert extend(api, hold_id, 900).status == 404
        assert release(api, hold_id).status == 404


def test_racers_for_credits_get_exactly_as_many_as_there_are(api: Api, customer_id: str) -> None:
    """Sixteen threads spend single units, by both names, while grants and usage arrive."""
    outcomes: list[int] = []

    def race(step: int) -> None:
        if step % 8 == 0:
            grant(api, 1)
        elif step % 2:
            outcomes.append(spend(api, 1).status)
        else:
            named = {"external_customer_id": None, "customer_id": customer_id}
            outcomes.append(spend(api, 1, **named).status)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(race, range(64)))
    while spend(api, 1).status == 200:
        outcomes.append(200)

    assert set(outcomes) == {200, 402}
    assert outcomes.count(200) == 10 + 8
    assert state(api, customer_id) == (0, 0, 0)


def test_captures_releases_and_spends_race_safely(api: Api, customer_id: str) -> None:
    hold_id = hold(api, 10).body["id"]

    def race(step: int) -> tuple[str, int]:
        action = ("capture", "release", "spend")[step % 3]
        reply = {
            "capture": lambda: capture(api, hold_id),
            "release": lambda: release(api, hold_id),
            "spend": lambda: spend(api, 10),
        }[action]()
        return action, reply.status

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(race, range(24)))

    won = {action for action, status in outcomes if status == 200}
    assert won in ({"capture"}, {"release"}, {"release", "spend"})
    spends = [status for action, status in outcomes if action == "spend"]
    assert spends.count(200) <= 1
    assert {status for _, status in outcomes} <= {200, 402, 409}
    assert state(api, customer_id)[0] == (-10 if won == {"release"} else 0)


def test_a_repeat_finds_what_was_done_though_its_meter_is_archived_since(
    api: Api, customer_id: str, meter_id: str
) -> None:
    hold_id = hold(api, 2).body["id"]
    spent, captured = spend(api, 3, external_id="s1"), capture(api, hold_id, 1)
    assert api.patch(f"/v1/meters/{meter_id}", {"is_archived": True}).status == 200

    assert spend(api, 3, external_id="s1").body == {
        "id": spent.body["id"],
        "meters": [],
        "drawn": None,
    }
    assert hold(api, 2).body["status"] == "captured"
    assert capture(api, hold_id, 1).body["event_id"] == captured.body["event_id"]
    assert spend(api, 3).status == 422
    assert hold(api, 2, "hold-2").status == 422


def test_a_hold_can_be_released_though_its_meter_is_archived_since(
    api: Api, customer_id: str, meter_id: str
) -> None:
    hold_id = hold(api, 2).body["id"]
    api.patch(f"/v1/meters/{meter_id}", {"is_archived": True})

    assert capture(api, hold_id).status == 422
    assert extend(api, hold_id, 900).body["status"] == "open"
    assert release(api, hold_id).body["status"] == "released"


def test_a_hold_ends_with_its_customer(api: Api, customer_id: str) -> None:
    hold_id = hold(api, 2).body["id"]
    api.delete(f"/v1/customers/{customer_id}")

    assert capture(api, hold_id).problems() == {("body", "external_customer_id")}
    assert release(api, hold_id).problems() == {("body", "external_customer_id")}


def test_placing_a_hold_again_at_the_same_instant_finds_out_what_became_of_it(
    api: Api, customer_id: str, later: Any
) -> None:
    later(timedelta(0))
    hold_id = hold(api, 2).body["id"]
    release(api, hold_id)

    assert hold(api, 2).body["status"] == "released"


def test_a_hold_is_the_same_however_its_numbers_are_written(api: Api, customer_id: str) -> None:
    first = hold(api, 2, limit=1)

    assert hold(api, Decimal("2.0"), limit=Decimal("1.00")).body["id"] == first.body["id"]
    assert hold(api, 2, limit=0).status == 409


def test_the_metadata_of_a_capture_and_its_hold_are_bounded_together(
    api: Api, customer_id: str
) -> None:
    fifty = {"units": 2} | {f"key_{number}": number for number in range(49)}
    hold_id = hold(api, 2, metadata=fifty).body["id"]
    path = f"/v1/credits/holds/{hold_id}/capture"

    assert api.post(path, {"metadata": {"one": "more"}}).problems() == {("body", "metadata")}
    assert api.post(path, {"metadata": {"key_0": "another"}}).status == 200


def test_a_capture_of_nothing_is_never_refused(api: Api, customer_id: str, later: Any) -> None:
    hold_id = hold(api, 6).body["id"]
    grant(api, -12)
    later(timedelta(minutes=11))

    assert capture(api, hold_id, 1).status == 402
    assert capture(api, hold_id, 0).status == 200
    assert state(api, customer_id) == (2, 0, 0)


def test_nothing_is_decided_on_a_balance_that_is_still_counting_the_past(
    api: Api, customer_id: str
) -> None:
    """What is reserved is there in any case, and giving back takes nothing."""
    held, other = (hold(api, 2, f"hold-{number}").body["id"] for number in range(2))
    meter_id = api.young_meter(func="count")
    api.patch(f"/v1/meters/{meter_id}", {"limits_spending": "always"})

    for refused in (spend(api, 1, limit=100), hold(api, 1, "hold-3", limit=100)):
        assert refused.status == 503
        assert refused.headers["Retry-After"] == "5"
        assert meter_id in refused.body["detail"]
    assert capture(api, held).status == 200, "the meter decided nothing when it was placed"
    assert release(api, other).status == 200
    shown = api.get(f"/v1/customers/{customer_id}/state").body["active_meters"]
    assert {one["meter_id"]: one["complete"] for one in shown}[meter_id] is False

    api.backfill(meter_id)

    assert spend(api, 1, limit=100).status == 200
    assert hold(api, 1, "hold-3", limit=100).status == 200


def test_a_customer_who_is_newer_than_a_meter_spends_at_once(api: Api) -> None:
    """Nothing of its past is left to count, and it waits for nobody's."""
    api.young_meter()
    shaped_customer(api, "own")

    assert spend(api, 10).status == 200
    assert spend(api, 1).status == 402


def test_a_spend_that_does_not_fit_in_a_transaction_is_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaped_customer(api, "own")
    for _ in range(3):
        api.meter(func="avg", property="units")
    monkeypatch.setattr(account, "MAX_TRANSACTION_ACTIONS", 5)

    assert spend(api, 1).status == 200, "a page and four balances"
    assert spend(api, 1, external_id="s1").problems() == {("body", "name")}


@pytest.mark.parametrize("shape", ["spread", "linked and spread"])
def test_a_spend_that_more_balances_decide_on_than_one_snapshot_shows_is_refused(
    api: Api, shape: Shape
) -> None:
    shaped_customer(api, shape)
    for _ in range(1 if shape == "linked and spread" else 4):
        api.meter()
    assert spend(api, 1, limit=100).status == 200

    one_more = api.meter()

    refused = spend(api, 1, limit=100)
    assert refused.problems() == {("body", "name")}
    # It says what to do, and either helps.
    assert "never limit spending, or name the meter that decides" in refused.text
    assert spend(api, 1, limit=100, meter_id=one_more).status == 200
    never = {"limits_spending": "never"}
    assert api.patch(f"/v1/meters/{one_more}", never).status == 200
    assert spend(api, 1, limit=100).status == 200


def test_a_spend_counts_with_all_meters_that_are_older_than_its_customer(api: Api) -> None:
    """The version of the meters may be read a moment before the pointer that is read with it."""
    api.meter()
    shaped_customer(api, "own")

    def earlier(parsed: dict[str, Any], **_: Any) -> None:
        for item in parsed["Responses"][api.store.table]:
            if item["sk"]["S"] == keys.VERSION_SORT:
                item["version"]["N"] = "1"

    events = api.store.client.meta.events
    events.register("after-call.dynamodb.BatchGetItem", earlier)
    try:
        spent = spend(api, 1)
    finally:
        events.unregister("after-call.dynamodb.BatchGetItem", earlier)

    assert spent.status == 200
    assert [meter["balance"] for meter in spent.body["meters"]] == [-9, -9]
