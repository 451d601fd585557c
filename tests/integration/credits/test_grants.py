"""Grants with terms: given once, burned in order, gone at their time, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from aureon.audit.ledger_audit import Audit
from aureon.ledger.sweep import sweep
from aureon.storage.expressions import present
from aureon.storage.store import delete, update
from tests.integration.conftest import NewApi
from tests.support.clock import Clock
from tests.support.credit_makers import assert_sound, capture, hold, spend
from tests.support.grant_makers import (
    DAY,
    HOUR,
    balance,
    figures,
    give,
    given,
    grants,
    in_,
    use,
    void,
)
from tests.support.handlers import Api
from tests.support.makers import EXTERNAL_ID, usage


def test_credits_are_gone_at_their_time_and_there_until_then(
    api: Api, clock: Clock, customer: str
) -> None:
    made = given(api, 100, expires_at=in_(DAY), note="Welcome")
    use(api, 30)

    clock.seconds = DAY - 1
    assert figures(balance(api, customer)) == (-70, 30, 100, 0)
    clock.seconds = DAY
    # Nobody has reckoned: who looks is told all the same.
    assert figures(balance(api, customer)) == (0, 30, 100, 70)
    assert spend(api, 1).status == 402
    assert figures(balance(api, customer)) == (0, 30, 100, 70)
    (found,) = grants(api, customer)
    assert (found["id"], found["status"], found["note"]) == (made["id"], "expired", "Welcome")
    assert (found["used_units"], found["expired_units"], found["remaining_units"]) == (30, 70, 0)


def test_a_balance_says_what_expires_next_and_lists_open_lots_where_asked(
    api: Api, clock: Clock, customer: str
) -> None:
    soon = given(api, 10, expires_at=in_(DAY))
    late = given(api, 20, expires_at=in_(2 * DAY), priority=10)
    also = given(api, 5, expires_in_seconds=DAY)
    use(api, 3)

    found = balance(api, customer)
    assert found["next_expiry"] == {"at": in_(DAY), "units": 15}
    assert found["lots"] is None
    lots = balance(api, customer, lots="true")["lots"]
    assert [(lot["grant_id"], lot["remaining_units"]) for lot in lots] == [
        (late["id"], 17),
        (soon["id"], 10),
        (also["id"], 5),
    ]
    clock.seconds = DAY
    assert balance(api, customer)["next_expiry"] == {"at": in_(2 * DAY), "units": 17}
    clock.seconds = 2 * DAY
    assert balance(api, customer, lots="true")["lots"] == []


def test_a_spend_draws_lots_in_order_and_says_which(api: Api, customer: str) -> None:
    paid = given(api, 10, priority=90)
    free = given(api, 5, expires_in_seconds=DAY)
    given(api, 7)

    first = spend(api, 3, external_id="s1")
    assert first.body["drawn"] == [
        {"meter_id": first.body["meters"][0]["meter_id"], "grant_id": free["id"], "units": 3}
    ]
    drawn = spend(api, 14).body["drawn"]
    assert [(one["grant_id"], one["units"]) for one in drawn] == [
        (free["id"], 2),
        (paid["id"], 10),
    ]
    assert spend(api, 3, external_id="s1").body["drawn"] is None
    placed = hold(api, 5, external_id="h1").body
    assert placed["drawn"] is None
    assert capture(api, placed["id"], 5).body["drawn"] == []
    assert spend(api, 1).status == 402
    assert [one["status"] for one in grants(api, customer)] == ["used_up", "used_up"]


def test_a_capture_draws_lots_in_order_and_says_which(api: Api, customer: str) -> None:
    paid = given(api, 10, priority=90)
    free = given(api, 5, expires_in_seconds=DAY)
    placed = hold(api, 9, external_id="h1").body

    drawn = capture(api, placed["id"], 7).body["drawn"]

    assert [(one["grant_id"], one["units"]) for one in drawn] == [(free["id"], 5), (paid["id"], 2)]
    # Again, it draws nothing, and what it drew is not known any more.
    assert capture(api, placed["id"], 7).body["drawn"] is None


def test_a_grant_counts_once_under_its_external_id(api: Api, customer: str) -> None:
    made = given(api, 10, external_id="g1", expires_in_seconds=DAY)

    again = given(api, 10, external_id="g1", expires_in_seconds=DAY)
    assert again == made
    assert made["external_id"] == "g1"
    for other in (
        {"expires_in_seconds": DAY + 1},
        {"expires_in_seconds": DAY, "priority": 1},
        {},
        {"expires_in_seconds": DAY, "note": "another"},
    ):
        assert give(api, 10, external_id="g1", **other).status == 409, other
    assert give(api, 11, external_id="g1", expires_in_seconds=DAY).status == 409
    spend(api, 1, external_id="s1")
    assert give(api, 1, external_id="s1", priority=1).status == 409
    assert figures(balance(api, customer)) == (-9, 1, 10, 0)


def test_a_repeat_after_the_expiry_that_it_names_finds_the_grant(
    api: Api, clock: Clock, customer: str
) -> None:
    made = given(api, 10, external_id="g1", expires_at=in_(HOUR))
    clock.seconds = 2 * HOUR

    again = given(api, 10, external_id="g1", expires_at=in_(HOUR))
    assert (again["id"], again["status"]) == (made["id"], "expired")
    assert give(api, 10, external_id="g2", expires_at=in_(HOUR)).problems() == {
        ("body", "expires_at")
    }


def test_a_grant_without_terms_is_a_plain_negative_event(api: Api, customer: str) -> None:
    made = given(api, 10, external_id="g1")

    assert (made["status"], made["units"], made["remaining_units"]) == ("for_good", 10, None)
    assert given(api, 10, external_id="g1")["id"] == made["id"]
    event = api.get(f"/v1/events/{made['id']}").body
    assert (event["name"], event["metadata"]) == ("api_usage", {"units": -10})
    assert grants(api, customer) == []
    assert figures(balance(api, customer)) == (-10, 0, 10, 0)
    repeat = api.ingest(usage(-10, external_id="g1"))
    assert (repeat.body["inserted"], repeat.body["duplicates"]) == (0, 1)
    assert give(api, 11, external_id="g1").status == 409


@pytest.mark.parametrize("terms", [{}, {"expires_in_seconds": DAY}])
@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"name": "api_usgae"}, "name"),
        ({"metadata": {"tokens": 5}}, "name"),
        ({"metadata": {"units": -5}}, "metadata"),
        ({"metadata": {"units": 0}}, "metadata"),
        ({"priority": 101}, "priority"),
        ({"expires_in_seconds": 599}, "expires_in_seconds"),
        ({"expires_at": in_(599), "expires_in_seconds": None}, "expires_at"),
        ({"expires_at": "2026-12-01", "expires_in_seconds": None}, "expires_at"),
        ({"expires_in_seconds": None, "recurrence": {"every": "hour"}}, "recurrence"),
        (
            {"expires_in_seconds": None, "recurrence": {"every": "day", "timezone": "Berlin"}},
            "recurrence",
        ),
        ({"meter_id": "none", "expires_in_seconds": DAY}, "meter_id"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused_and_burns_no_id(
    api: Api, customer: str, wrong: dict[str, Any], place: str, terms: dict[str, Any]
) -> None:
    refused = give(api, 5, external_id="g1", **{**terms, **wrong})
    assert {where[:2] for where in refused.problems()} == {("body", place)}
    assert give(api, 5, external_id="g1").status == 200


def test_terms_need_a_customer_and_plain_credits_do_not(api: Api, customer: str) -> None:
    """As with events: what is given to an external id waits for the customer who gets it."""
    refused = give(api, 5, external_customer_id="nobody", expires_in_seconds=DAY)
    assert refused.problems() == {("body", "external_customer_id")}
    assert give(api, 5, external_customer_id="nobody").status == 200
    assert balance(api, api.customer("n@example.com", external_id="nobody"))["balance"] == -5


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_at": in_(DAY), "expires_in_seconds": DAY},
        {"expires_at": in_(DAY), "recurrence": {"every": "day"}},
        {"rollover": {"max_units": 5}},
        {"expires_in_seconds": DAY, "rollover": {"max_units": 5}},
        {"recurrence": {"every": "day"}, "rollover": {"max_units": 0}},
    ],
)
def test_terms_that_do_not_go_together_are_refused(
    api: Api, customer: str, wrong: dict[str, Any]
) -> None:
    assert give(api, 5, **wrong).status == 422


def test_an_allowance_comes_back_every_month_and_rolls_over_so_much(
    api: Api, clock: Clock, customer: str
) -> None:
    """1,000 free every month, at most 500 carried over, before what is paid."""
    given(api, 50, external_id="paid")
    first = given(
        api,
        1_000,
        recurrence={"every": "month", "timezone": "Europe/Berlin", "anchor": in_(0)},
        rollover={"max_units": 500},
        priority=10,
    )
    assert first["expires_at"] == in_(30 * DAY)
    use(api, 300)
    clock.seconds = 30 * DAY

    assert figures(balance(api, customer)) == (-1_550, 300, 2_050, 200)
    drawn = spend(api, 600).body["drawn"]
    rolled, second = grants(api, customer)[:2]
    if rolled["units"] == 1_000:
        rolled, second = second, rolled
    assert (rolled["units"], rolled["previous_id"]) == (500, first["id"])
    assert (second["units"], second["previous_id"]) == (1_000, first["id"])
    assert [(one["grant_id"], one["units"]) for one in drawn] == [
        (rolled["id"], 500),
        (second["id"], 100),
    ]
    assert api.get(f"/v1/credits/grants/{rolled['id']}").body["previous_id"] == first["id"]
    clock.seconds = 61 * DAY
    assert balance(api, customer)["balance"] == -1_550
    assert [one["status"] for one in grants(api, customer, status="active")] == ["active"] * 2


def test_a_void_takes_back_what_is_left_and_ends_what_recurs(
    api: Api, clock: Clock, customer: str
) -> None:
    made = given(api, 100, recurrence={"every": "day"}, rollover={"max_units": 30})
    use(api, 20)
    clock.seconds = DAY
    assert balance(api, customer)["balance"] == -130

    taken = void(api, made["id"]).body
    assert (taken["status"], taken["expired_units"], taken["rolled_over_units"]) == (
        "voided",
        50,
        30,
    )
    assert figures(balance(api, customer)) == (0, 20, 200, 180)
    assert void(api, made["id"]).body == taken
    assert void(api, made["id"], allow_debt=True).status == 409
    clock.seconds = 9 * DAY
    assert figures(balance(api, customer)) == (0, 20, 200, 180)
    assert {one["status"] for one in grants(api, customer)} == {"voided"}


def test_a_void_that_allows_debt_takes_back_what_was_used_too(api: Api, customer: str) -> None:
    disputed = given(api, 100, priority=0)
    other = given(api, 30, priority=90)
    use(api, 60)

    taken = void(api, disputed["id"], allow_debt=True).body
    assert (taken["status"], taken["voided_units"], taken["used_units"]) == ("voided", 100, 60)
    # The 60 that were used are paid for by what else there is, and the rest is debt.
    assert figures(balance(api, customer)) == (30, 60, 130, 100)
    assert api.get(f"/v1/credits/grants/{other['id']}").body["status"] == "used_up"
    assert given(api, 50, priority=1)["repaid_units"] == 30
    assert void(api, disputed["id"], allow_debt=True).body["voided_units"] == 100
    assert void(api, disputed["id"]).status == 409


def test_a_grant_that_is_used_up_leaves_nothing_to_take_back(api: Api, customer: str) -> None:
    made = given(api, 10, priority=1)
    use(api, 10)

    assert void(api, made["id"]).body["status"] == "used_up"
    assert void(api, made["id"], allow_debt=True).body["status"] == "voided"
    assert figures(balance(api, customer)) == (10, 10, 10, 10)


def test_grants_are_listed_by_meter_and_state(
    api: Api, clock: Clock, customer: str, new_api: NewApi
) -> None:
    other_meter = api.new_meter("storage") if hasattr(api, "new_meter") else None
    gone = given(api, 5, expires_in_seconds=HOUR)
    clock.seconds = HOUR
    there = given(api, 7, expires_in_seconds=HOUR)

    assert [one["id"] for one in grants(api, customer)] == [there["id"], gone["id"]]
    assert [one["id"] for one in grants(api, customer, status="expired")] == [gone["id"]]
    assert [one["id"] for one in grants(api, customer, meter_id=there["meter_id"])] == [
        there["id"],
        gone["id"],
    ]
    assert grants(api, customer, meter_id=other_meter or "none") == []
    assert api.get("/v1/credits/grants").status == 422
    assert api.get("/v1/credits/grants", customer_id=customer, status="new").status == 422
    assert api.get("/v1/credits/grants", customer_id="nobody").status == 404
    assert api.get("/v1/credits/grants", external_customer_id="nobody").status == 404
    by_name = api.get("/v1/credits/grants", external_customer_id=EXTERNAL_ID).body
    assert by_name["pagination"] == {"total_count": 2, "max_page": 1}
    assert new_api().get(f"/v1/credits/grants/{there['id']}").status == 404
    assert new_api().post(f"/v1/credits/grants/{there['id']}/void", {}).status == 404
    assert api.get("/v1/credits/grants/nothing").status == 404


def test_a_meter_that_was_archived_takes_no_terms(api: Api, customer: str) -> None:
    made = given(api, 5, expires_in_seconds=DAY)
    meter = f"/v1/meters/{made['meter_id']}"
    api.patch(meter, {"is_archived": True})

    refused = give(api, 5, expires_in_seconds=DAY, meter_id=made["meter_id"])
    assert refused.status == 409
    api.patch(meter, {"is_archived": False})
    api.backfill(made["meter_id"])
    assert give(api, 5, expires_in_seconds=DAY).status == 409
    assert figures(balance(api, customer)) == (-5, 0, 5, 0)


def test_the_lots_of_an_archived_meter_are_let_go(api: Api, clock: Clock, customer: str) -> None:
    """Nobody waits for them, and what they were stays when the meter comes back."""
    meter_id = given(api, 5, expires_in_seconds=DAY)["meter_id"]
    api.patch(f"/v1/meters/{meter_id}", {"is_archived": True})
    clock.seconds = DAY
    use(api, 1)
    api.patch(f"/v1/meters/{meter_id}", {"is_archived": False})
    use(api, 1)
    api.backfill(meter_id)

    assert figures(balance(api, customer)) == (-3, 2, 5, 0)


def test_a_customer_has_so_many_open_lots_of_a_meter(api: Api, customer: str) -> None:
    for number in range(50):
        assert give(api, 1, expires_in_seconds=DAY, external_id=f"g{number}").status == 200

    assert give(api, 1, expires_in_seconds=DAY).status == 409
    use(api, 1)
    assert give(api, 1, expires_in_seconds=DAY).status == 200


def test_a_profile_and_an_external_id_change_beside_lots(api: Api, clock: Clock) -> None:
    customer_id = api.customer("second@example.com")
    given(api, 10, external_customer_id=None, customer_id=customer_id, expires_in_seconds=DAY)
    assert api.patch(f"/v1/customers/{customer_id}", {"name": "Ann"}).status == 200
    assert api.patch(f"/v1/customers/{customer_id}", {"external_id": "ann"}).status == 200
    clock.seconds = DAY

    use(api, 1, external_customer_id="ann")
    assert figures(balance(api, customer_id)) == (1, 1, 10, 10)


def test_the_sweep_reckons_where_nobody_writes(api: Api, clock: Clock, customer: str) -> None:
    given(api, 10, recurrence={"every": "day"})
    other = api.customer("other@example.com")
    given(api, 5, external_customer_id=None, customer_id=other, expires_in_seconds=HOUR)
    assert sweep(api.store) == (0, 0)
    clock.seconds = 3 * DAY

    assert sweep(api.store) == (2, 0)
    assert sweep(api.store) == (0, 0)
    names = [event["name"] for event in api.get("/v1/events/", customer_id=other).body["items"]]
    assert names == ["credits.expired", "api_usage"]
    assert figures(balance(api, customer)) == (-10, 0, 40, 30)


def test_a_deleted_customers_lots_stay_as_they_are(api: Api, clock: Clock, customer: str) -> None:
    given(api, 10, expires_in_seconds=DAY)
    api.delete(f"/v1/customers/{customer}")
    clock.seconds = DAY

    assert sweep(api.store) == (1, 0)
    assert sweep(api.store) == (0, 0)
    # Its external id is free, and nobody inherits what it had.
    use(api, 1)


def test_a_customer_that_grants_and_lapses_a_thousand_times_keeps_one_small_item(
    api: Api, clock: Clock, customer: str
) -> None:
    for number in range(1_000):
        clock.seconds = number * HOUR
        given_ = give(api, 5, expires_in_seconds=HOUR, external_id=f"g{number}")
        assert given_.status == 200
    clock.seconds = 1_000 * HOUR
    sweep(api.store)

    items = list(api.store.query(api.store.keys.customer(customer).pk))
    assert len(items) == 3
    assert sum(len(repr(item)) for item in items) < 4_000
    assert figures(balance(api, customer)) == (0, 0, 5_000, 5_000)


@pytest.mark.parametrize(
    ("damage", "figure"),
    [
        ("remaining", "left of grants"),
        ("lost", "open grants"),
        ("next", "next expiry"),
        ("pointer", "next expiry"),
        ("reckoned", "used when grants changed"),
    ],
)
def test_the_audit_counts_lots_again_and_repairs_them(
    api: Api, clock: Clock, customer: str, damage: str, figure: str
) -> None:
    given(api, 10, expires_in_seconds=DAY, rollover={"max_units": 3, "expires_in_seconds": DAY})
    given(api, 5, recurrence={"every": "day"})
    use(api, 4)
    clock.seconds = DAY
    sweep(api.store)
    use(api, 2)
    meter_id = given(api, 1, priority=3)["meter_id"]
    assert_sound(api)
    before = balance(api, customer, lots="true")
    keys_ = api.store.keys
    lots_key, customer_key = keys_.lots(customer, meter_id, 1), keys_.customer(customer)
    match damage:
        case "remaining":
            lots = (api.store.get(lots_key) or {})["lots"]
            lots[0]["remaining"] = 99
            api.store.write(update(lots_key, {"lots": lots}))
        case "lost":
            api.store.write(delete(lots_key))
        case "reckoned":
            api.store.write(update(lots_key, {"reckoned_used": 1}))
        case "next":
            wrong = {f"{meter_id}#1": in_(9 * DAY)}
            api.store.write(update(customer_key, {"next": wrong}, condition=present()))
        case "pointer":
            wrong = {f"{meter_id}#1": in_(9 * DAY)}
            key = keys_.external(EXTERNAL_ID)
            api.store.write(update(key, {"next": wrong}, condition=present()))

    found = list(Audit(api.store).of_customer(customer))
    assert figure in {one.figure for outcome in found for one in outcome.differences}
    repaired = list(Audit(api.store, repair=True).of_customer(customer))
    assert [outcome.status for outcome in repaired] == ["repaired"]
    assert balance(api, customer, lots="true")["lots"] == before["lots"]
    assert balance(api, customer)["next_expiry"] == before["next_expiry"]


def test_a_meter_made_later_counts_none_of_it(api: Api, clock: Clock, customer: str) -> None:
    """Of a log with lots, lapses, recurrences and rollovers it counts what its filter chooses."""
    given(api, 10, expires_in_seconds=DAY, rollover={"max_units": 3, "expires_in_seconds": DAY})
    given(api, 5, recurrence={"every": "day"})
    first = given(api, 7)["meter_id"]
    use(api, 4)
    clock.seconds = 4 * DAY
    sweep(api.store)
    use(api, 2)
    meter_id = api.meter()

    found = {
        one["meter_id"]: figures(one)
        for one in api.get(f"/v1/customers/{customer}/state").body["active_meters"]
    }
    assert found[first] == (-10, 6, 42, 26)
    assert found[meter_id] == (-1, 6, 7, 0)


def test_a_later_period_may_bring_more_than_the_first(
    api: Api, clock: Clock, customer: str
) -> None:
    """As where an allowance begins in the middle of a month, or moves in when some is used."""
    first = given(api, 40, recurrence={"every": "day", "units": 100}, external_id="allowance")
    assert (first["units"], first["recurrence"]["units"]) == (40, 100)
    clock.seconds = DAY
    assert figures(balance(api, customer)) == (-100, 0, 140, 40)
    assert sweep(api.store).reckoned == 1
    assert figures(balance(api, customer)) == (-100, 0, 140, 40)
    clock.seconds = 2 * DAY
    assert balance(api, customer)["balance"] == -100


def test_what_comes_back_may_begin_with_nothing(api: Api, clock: Clock, customer: str) -> None:
    made = given(api, 0, recurrence={"every": "day", "units": 100, "count": 2})
    assert (made["status"], made["units"]) == ("used_up", 0)
    assert give(api, 0, recurrence={"every": "day"}).status == 422
    clock.seconds = DAY
    assert balance(api, customer)["balance"] == -100
