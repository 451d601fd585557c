"""Alerts: each crossing of a threshold makes one, and each recovery ends it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from aureon.core import times
from aureon.meters import backfills, rollouts
from aureon.storage import keys
from aureon.storage.store import Item
from tests.support import permissions
from tests.support.credit_makers import (
    SHAPES,
    Shape,
    capture,
    grant,
    hold,
    release,
    shaped_customer,
    spend,
)
from tests.support.faults import Call, faults
from tests.support.handlers import Api, invoke
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.watched import Stream, alerts, deliver, outbox, records, watch_all

LOW = {"available_credits": 100}
NOTHING = {"available_credits": 0}


@pytest.fixture(autouse=True)
def no_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backfills.WAIT, "0")


def set_thresholds(api: Api, meter_id: str, *thresholds: Any, **more: Any) -> None:
    reply = api.patch(f"/v1/meters/{meter_id}", {"thresholds": thresholds, **more})
    assert reply.status == 200, reply.text


def told(api: Api, **query: Any) -> list[tuple[Any, str, int]]:
    """The alerts: where the threshold lies, the state, and the ordinal."""
    return [(one["threshold_units"], one["state"], one["ordinal"]) for one in alerts(api, **query)]


@pytest.fixture
def meter_id(api: Api) -> str:
    """A meter with two thresholds, and a customer of it without credits."""
    found = api.meter()
    set_thresholds(api, found, LOW, NOTHING)
    watch_all(api.store)
    return found


@pytest.fixture
def customer_id(api: Api, meter_id: str) -> str:
    return api.customer("user@example.com", external_id=EXTERNAL_ID)


def move(api: Api, *units: int) -> None:
    """Use units, or grant them where they are negative, and let each be looked at."""
    for one in units:
        assert api.ingest(usage(one)).status == 200
        watch_all(api.store)


def test_a_crossing_makes_one_alert_and_a_recovery_ends_it(api: Api, customer_id: str) -> None:
    move(api, -1_000, 850)
    assert told(api) == []
    move(api, 50)
    assert told(api) == [(100, "reached", 1)]
    move(api, 10, 10)
    assert told(api) == [(100, "reached", 1)]
    move(api, -500)
    assert told(api) == [(100, "recovered", 1)]
    move(api, 500)
    assert told(api) == [(100, "recovered", 1), (100, "reached", 2)]


def test_one_step_may_cross_several_thresholds(api: Api, customer_id: str) -> None:
    move(api, -1_000, 1_001)

    assert sorted(told(api)) == [(0, "reached", 1), (100, "reached", 1)]


def test_an_alert_says_whom_and_what_it_is_about(api: Api, customer_id: str, meter_id: str) -> None:
    move(api, -1_000, 920)

    (alert,) = alerts(api)
    assert alert["customer_id"] == customer_id
    assert alert["external_customer_id"] == EXTERNAL_ID
    assert (alert["meter_id"], alert["meter_name"]) == (meter_id, "Meter of api_usage")
    assert alert["threshold"] == {"available_credits": 100, "percent": None}
    assert (alert["available_credits"], alert["ended_at"]) == (80, None)


def test_what_was_never_above_a_threshold_crosses_nothing(api: Api, customer_id: str) -> None:
    move(api, 5)
    assert told(api) == []
    move(api, -50, 10)
    assert told(api) == []
    move(api, 40)
    assert told(api) == [(0, "reached", 1)]


def test_a_crossing_that_came_before_the_first_look_is_not_missed(
    api: Api, customer_id: str
) -> None:
    grant(api, 1_000)
    api.ingest(usage(950))
    watch_all(api.store)

    assert told(api) == [(100, "reached", 1)]


def test_credits_that_came_and_were_used_between_two_looks_were_a_recovery(
    api: Api, customer_id: str
) -> None:
    move(api, -1_000, 950)
    grant(api, 500)
    api.ingest(usage(520))
    watch_all(api.store)

    assert told(api) == [(100, "recovered", 1), (100, "reached", 2)]


def test_a_grant_that_lifts_nothing_is_no_recovery(api: Api, customer_id: str) -> None:
    move(api, -1_000, 980, -30)
    assert told(api) == [(100, "reached", 1)]
    grant(api, 40)
    api.ingest(usage(10))
    watch_all(api.store)
    assert told(api) == [(100, "reached", 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_customers_ledgers_and_shards_are_one_balance(api: Api, shape: Shape) -> None:
    set_thresholds(api, api.meter(), {"available_credits": 3}, NOTHING)
    watch_all(api.store)
    shaped_customer(api, shape)
    watch_all(api.store)

    assert spend(api, 6).status == 200
    watch_all(api.store)
    assert told(api) == []
    assert spend(api, 1).status == 200
    watch_all(api.store)
    assert told(api) == [(3, "reached", 1)]
    grant(api, 1)
    watch_all(api.store)
    assert told(api) == [(3, "recovered", 1)]
    # Plain usage writes in one ledger alone, and nothing else wakes the evaluator.
    stream = Stream(api.store)
    stream.take()
    api.ingest(usage(1))
    assert deliver(stream.take()) == []
    assert told(api) == [(3, "recovered", 1), (3, "reached", 2)]


def test_held_units_are_not_left(api: Api, customer_id: str) -> None:
    move(api, -1_000)
    hold_id = hold(api, 950).body["id"]
    watch_all(api.store)
    assert told(api) == [(100, "reached", 1)]
    assert release(api, hold_id).status == 200
    watch_all(api.store)
    assert told(api) == [(100, "recovered", 1)]
    captured = hold(api, 950, external_id="hold-2").body["id"]
    watch_all(api.store)
    assert capture(api, captured, 10).status == 200
    watch_all(api.store)
    assert told(api) == [(100, "recovered", 1), (100, "recovered", 2)]


def test_a_hold_that_expires_is_a_recovery_that_nobody_writes(
    api: Api, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(api, -1_000)
    assert hold(api, 950, expires_in_seconds=60).status == 200
    watch_all(api.store)
    later = times.now() + timedelta(seconds=61)
    monkeypatch.setattr(times, "now", lambda: later)

    invoke("sweep", {"source": "aws.events"})
    watch_all(api.store)

    assert told(api) == [(100, "recovered", 1)]


def test_credits_that_expire_while_nobody_writes_are_a_crossing(
    api: Api, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {**usage(1_000), "expires_in_seconds": 3_600}
    assert api.post("/v1/credits/grants", given).status == 200
    watch_all(api.store)
    assert told(api) == []
    later = times.now() + timedelta(seconds=3_601)
    monkeypatch.setattr(times, "now", lambda: later)

    invoke("sweep", {"source": "aws.events"})
    watch_all(api.store)

    assert sorted(told(api)) == [(0, "reached", 1), (100, "reached", 1)]


def test_a_look_by_an_earlier_clock_brings_no_credits_back(
    api: Api, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {**usage(1_000), "expires_in_seconds": 3_600}
    assert api.post("/v1/credits/grants", given).status == 200
    move(api, -50)
    later = times.now() + timedelta(seconds=3_601)
    with monkeypatch.context() as ahead:
        ahead.setattr(times, "now", lambda: later)
        assert deliver(records(api.store)) == []
    assert told(api) == [(100, "reached", 1)]
    move(api, 1)

    assert told(api) == [(100, "reached", 1)]


def test_a_look_at_who_is_above_and_was_given_nothing_writes_nothing(
    api: Api, customer_id: str, meter_id: str
) -> None:
    move(api, -1_000)
    key = api.store.keys.thresholds(customer_id, meter_id, 1)
    before = api.store.get(key)
    assert before is not None
    move(api, 10)

    assert api.store.get(key) == before


def test_a_percentage_is_of_what_was_granted_since_the_last_recovery(api: Api) -> None:
    set_thresholds(api, api.meter(), {"percent": "20"})
    watch_all(api.store)
    api.customer("user@example.com", external_id=EXTERNAL_ID)
    move(api, -1_000, 799)
    assert told(api) == []
    move(api, 1)
    assert told(api) == [(200, "reached", 1)]
    move(api, -100)
    assert told(api) == [(200, "recovered", 1)]
    move(api, 200)
    assert told(api) == [(200, "recovered", 1)]
    move(api, 80)
    assert told(api) == [(200, "recovered", 1), (20, "reached", 2)]


def test_changed_thresholds_make_no_alert_for_who_is_below_already(
    api: Api, customer_id: str, meter_id: str
) -> None:
    move(api, -1_000, 500)

    set_thresholds(api, meter_id, {"available_credits": 600}, NOTHING)
    watch_all(api.store)
    assert told(api) == []
    move(api, 100)
    assert told(api) == []
    move(api, -300, 200)
    assert told(api) == [(600, "reached", 1)]


def test_unless_current_ones_are_to_be_told(api: Api, customer_id: str, meter_id: str) -> None:
    move(api, -1_000, 500)

    set_thresholds(api, meter_id, {"available_credits": 600}, notify_current=True)
    watch_all(api.store)
    assert told(api) == [(600, "reached", 1)]
    set_thresholds(api, meter_id, {"available_credits": 600}, notify_current=True)
    watch_all(api.store)
    assert told(api) == [(600, "reached", 1)]


@pytest.fixture
def rolling(
    api: Api, customer_id: str, meter_id: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stream]:
    """The stream after a customer of whom 500 credits are left was looked at."""
    move(api, -1_000, 500)
    monkeypatch.setenv(backfills.WAIT, "60")
    stream = Stream(api.store)
    stream.take()
    yield stream


def roll(stream: Stream) -> None:
    """Let rollouts go on as far as they can, and lose what else was written."""
    while delivery := [one for one in stream.take() if "rollout" in one["dynamodb"]["NewImage"]]:
        assert deliver(delivery) == []


def waiting(api: Api, meter_id: str) -> Item:
    """A rollout that waits for its last round."""
    item = api.store.get(api.store.keys.rollout(meter_id))
    assert item is not None
    assert keys.DIRECTORY_SORT in item
    return item


def sweep_later(monkeypatch: pytest.MonkeyPatch) -> None:
    later = times.now() + timedelta(seconds=62)
    monkeypatch.setattr(times, "now", lambda: later)
    invoke("sweep", {"source": "aws.events"})


def test_a_record_that_comes_again_begins_no_last_round_before_its_time(
    api: Api, meter_id: str, rolling: Stream
) -> None:
    set_thresholds(api, meter_id, {"available_credits": 600})
    roll(rolling)
    before = waiting(api, meter_id)

    assert deliver(rolling.old) == []
    invoke("sweep", {"source": "aws.events"})
    assert waiting(api, meter_id) == before


def test_who_wrote_by_the_thresholds_before_is_looked_at_in_the_last_round(
    api: Api, meter_id: str, rolling: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_thresholds(api, meter_id, {"available_credits": 400})
    roll(rolling)
    # It marks nothing, so that nobody is woken.
    api.ingest(usage(200))
    roll(rolling)
    assert told(api) == []
    sweep_later(monkeypatch)
    roll(rolling)

    assert told(api) == [(400, "reached", 1)]
    assert api.store.get(api.store.keys.rollout(meter_id)) is None


def test_all_customers_of_a_slice_are_looked_at(
    api: Api, meter_id: str, rolling: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollouts, "CHUNK", 1)
    for number in range(keys.DIRECTORY_SLICES + 1):
        api.customer(f"user{number}@example.com", external_id=f"user {number}")
        api.ingest(usage(-500, f"user {number}"))
    rolling.take()
    set_thresholds(api, meter_id, {"available_credits": 600}, notify_current=True)
    roll(rolling)

    assert told(api) == [(600, "reached", 1)] * (keys.DIRECTORY_SLICES + 2)


# What moves a rollout: each slice, and at the end it waits; that it goes on; each slice again.
MOVES = 2 * keys.DIRECTORY_SLICES + 1


@pytest.mark.parametrize(
    "number", [0, keys.DIRECTORY_SLICES - 1, keys.DIRECTORY_SLICES, MOVES - 2, MOVES - 1]
)
def test_thresholds_that_are_changed_while_a_rollout_moves_have_a_rollout_of_their_own(
    api: Api, meter_id: str, rolling: Stream, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    moves = 0

    def change_meanwhile(call: Call) -> None:
        nonlocal moves
        body = str(call.parameters["body"])
        if call.operation in ("PutItem", "DeleteItem") and "#ROLLOUT" in body:
            moves += 1
            if moves == number + 1:
                with permissions.acting_as(None):
                    set_thresholds(api, meter_id, {"available_credits": 700}, notify_current=True)

    set_thresholds(api, meter_id, {"available_credits": 600})
    with faults(api.store.client, change_meanwhile):
        roll(rolling)
        if number >= keys.DIRECTORY_SLICES:
            sweep_later(monkeypatch)
            roll(rolling)

    assert told(api) == [(700, "reached", 1)]
    assert waiting(api, meter_id)


def test_a_threshold_that_goes_away_closes_its_alert(
    api: Api, customer_id: str, meter_id: str
) -> None:
    move(api, -1_000, 950)
    set_thresholds(api, meter_id, NOTHING)
    watch_all(api.store)
    assert told(api) == [(100, "closed", 1)]
    move(api, 50)
    assert told(api, state="reached") == [(0, "reached", 1)]
    assert api.patch(f"/v1/meters/{meter_id}", {"is_archived": True}).status == 200
    watch_all(api.store)
    assert told(api, state="reached") == []


def test_a_deleted_customers_alerts_are_closed(api: Api, customer_id: str) -> None:
    move(api, -1_000, 950)
    assert api.delete(f"/v1/customers/{customer_id}").status == 204
    watch_all(api.store)

    assert told(api) == [(100, "closed", 1)]
    closed = alerts(api)
    watch_all(api.store)
    assert alerts(api) == closed


def test_a_customer_may_have_thresholds_of_its_own(
    api: Api, customer_id: str, meter_id: str
) -> None:
    path = f"/v1/customer-meters/{customer_id}.{meter_id}/thresholds"
    move(api, -1_000)
    assert [one["state"] for one in api.get(path).body["thresholds"]] == ["ok", "ok"]

    own = api.request("PUT", path, b'{"thresholds": [{"available_credits": "700"}]}')
    assert own.status == 200, own.text
    assert own.body["own"] is True
    assert [one["available_credits"] for one in own.body["thresholds"]] == [700]
    move(api, 400)
    assert told(api) == [(700, "reached", 1)]
    assert api.request("PUT", path, b'{"thresholds": null}').status == 200
    assert told(api) == [(700, "closed", 1)]
    move(api, 550)
    assert told(api, state="reached") == [(100, "reached", 1)]


def test_own_thresholds_need_none_of_the_meter(api: Api) -> None:
    meter_id = api.meter()
    first = api.customer("user@example.com", external_id=EXTERNAL_ID)
    move(api, -1_000)
    path = f"/v1/customer-meters/{first}.{meter_id}/thresholds"
    own = b'{"thresholds": [{"available_credits": 1200}], "notify_current": true}'
    assert api.request("PUT", path, own).status == 200
    assert told(api) == [(1_200, "reached", 1)]
    move(api, -500, 400)

    assert told(api) == [(1_200, "recovered", 1), (1_200, "reached", 2)]


def test_a_ghost_is_told_of_once_it_is_a_customer(api: Api, meter_id: str) -> None:
    move(api, -1_000, 950)
    assert told(api) == []
    api.customer("user@example.com", external_id=EXTERNAL_ID)
    watch_all(api.store)

    assert told(api) == [(100, "reached", 1)]


def test_a_meter_that_counts_its_past_tells_nothing_of_it(api: Api) -> None:
    api.customer("user@example.com", external_id=EXTERNAL_ID)
    api.ingest(usage(-1_000), usage(950))
    meter_id = api.young_meter()
    set_thresholds(api, meter_id, LOW)
    watch_all(api.store)
    api.ingest(usage(10))
    watch_all(api.store)
    api.backfill(meter_id)
    watch_all(api.store)
    assert told(api) == []
    move(api, -500, 450)

    assert told(api) == [(100, "reached", 1)]


def test_alerts_are_listed_by_customer_meter_and_state(
    api: Api, customer_id: str, meter_id: str
) -> None:
    move(api, -1_000, 950, -500)
    other = api.customer("other@example.com", external_id="other")
    api.ingest(usage(-1_000, "other"))
    watch_all(api.store)
    api.ingest(usage(950, "other"))
    watch_all(api.store)

    assert len(told(api)) == 2
    for query in (
        {"customer_id": other},
        {"external_customer_id": "other"},
        {"state": "reached"},
        {"state": "reached", "meter_id": meter_id, "customer_id": other},
    ):
        (found,) = alerts(api, **query)
        assert found["customer_id"] == other
    assert told(api, meter_id=other) == told(api, external_customer_id="nobody") == []
    assert api.get("/v1/alerts/", state="low").problems() == {("query", "state")}


def test_thresholds_are_refused_with_their_place(api: Api) -> None:
    meter_id = api.meter()
    path = f"/v1/meters/{meter_id}"
    for thresholds, place in (
        ([{}], ("0",)),
        ([{"available_credits": 1, "percent": 2}], ("0",)),
        ([{"available_credits": -1}], ("0", "available_credits")),
        ([{"available_credits": "much"}], ("0", "available_credits")),
        ([{"percent": 0}], ("0", "percent")),
        ([{"percent": 101}], ("0", "percent")),
        ([{"percent": 5}, {"percent": "5.0"}], ()),
        ([{"available_credits": number} for number in range(11)], ()),
    ):
        reply = api.patch(path, {"thresholds": thresholds})
        assert reply.problems() == {("body", "thresholds", *place)}, thresholds
    counts = api.meter("calls", func="count")
    refused = api.patch(f"/v1/meters/{counts}", {"thresholds": [LOW]})
    assert refused.problems() == {("body", "thresholds")}


def test_a_delivery_that_comes_again_changes_nothing(api: Api, customer_id: str) -> None:
    move(api, -1_000)
    api.ingest(usage(950))
    delivery = records(api.store)
    for _ in range(3):
        assert deliver(delivery) == []
    api.ingest(usage(-500))
    assert deliver(delivery) == []

    assert told(api) == [(100, "recovered", 1)]
    assert outbox(api.store) == []


def test_balances_of_other_meters_wake_nobody(api: Api, customer_id: str) -> None:
    api.meter("other")
    api.ingest({**usage(5), "name": "other"})

    balances = [
        one["dynamodb"]["NewImage"][keys.SORT]["S"]
        for one in records(api.store)
        if "watched" in one["dynamodb"]["NewImage"]
    ]
    assert balances == []
