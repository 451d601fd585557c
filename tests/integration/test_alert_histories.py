"""Alerts under concurrency, and with a stream that repeats, reorders, splits, and dies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.meters import backfills
from tests.support import inline_engine, permissions
from tests.support.alert_histories import AlertHistory
from tests.support.credit_makers import SHAPES, Shape, hold, release, spend
from tests.support.faults import Call, Crash, Fault, Plan, faults, nth
from tests.support.handlers import Api
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.seams import without_pauses
from tests.support.watched import Stream, alerts, deliver, records, watch_all

LEVELS = (100, 30, 0)


@pytest.fixture(autouse=True)
def no_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backfills.WAIT, "0")


def watched(api: Api, *levels: int) -> None:
    meter_id = api.meter()
    wanted = [{"available_credits": level} for level in levels]
    assert api.patch(f"/v1/meters/{meter_id}", {"thresholds": wanted}).status == 200
    api.customer("user@example.com", external_id=EXTERNAL_ID)
    watch_all(api.store)


def test_500_concurrent_spends_across_two_thresholds_make_two_alerts(api: Api) -> None:
    watched(api, 100, 0)
    api.ingest(usage(-500))
    watch_all(api.store)
    done: list[bool] = []

    def look() -> None:
        while not done:
            deliver(records(api.store))

    with ThreadPoolExecutor(20) as pool:
        looking = [pool.submit(look) for _ in range(2)]
        spent = [pool.submit(spend, api, 1) for _ in range(500)]
        statuses = [one.result().status for one in spent]
        done.append(True)
        for one in looking:
            one.result()
    watch_all(api.store)

    assert statuses.count(200) == 500
    found = sorted((one["threshold_units"], one["state"], one["ordinal"]) for one in alerts(api))
    assert found == [(0, "reached", 1), (100, "reached", 1)]


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with inline_engine.table() as store:
        monkeypatch.setattr(runtime, "_store", lambda: store)
        organization_id = organizations.create(store, "Test")
        token, _ = tokens.create(store.of(organization_id))
        yield Api(store.of(organization_id), token)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", SHAPES)
def test_random_histories_tell_exactly_what_a_sequential_model_tells(
    inline: Api, shape: Shape, seed: int
) -> None:
    """With lots, holds, ledgers and shards; deliveries are repeated, reordered, split, and die."""
    history = AlertHistory.begin(inline, shape, f"{shape} {seed}")
    history.play(30)

    assert history.model.told
    assert history.alerts() == history.model.alerts()
    assert history.outbox() == history.wanted_of_model()
    assert history.sequences() == list(range(1, len(history.sequences()) + 1))


def test_a_recovery_that_another_looked_at_before_the_crossing_was_written_is_told(
    inline: Api,
) -> None:
    """The other one finds nothing: it does not know of the crossing, and nobody looks after it."""
    watched(inline, 100)
    inline.ingest(usage(-1_000))
    watch_all(inline.store)
    held = hold(inline, 950).body["id"]
    crossed = records(inline.store)
    released = False

    def release_meanwhile(call: Call) -> None:
        nonlocal released
        if call.operation == "TransactWriteItems" and not released:
            released = True
            with permissions.acting_as(None):
                assert release(inline, held).status == 200
                assert deliver(records(inline.store)) == []

    with faults(inline.store.client, release_meanwhile):
        assert deliver(crossed) == []

    assert [one["state"] for one in alerts(inline)] == ["recovered"]


def look_at_all(stream: Stream) -> None:
    """Let the evaluator look at all that was written since."""
    while delivery := stream.take():
        assert deliver(delivery) == []


def meanwhile(number: int, act: Callable[[], object]) -> Plan:
    """Let others act before the call with this number, by calls of their own."""
    done = False

    def plan(call: Call) -> None:
        nonlocal done
        if call.number == number and not done:
            done = True
            with permissions.acting_as(None):
                act()

    return plan


@pytest.mark.parametrize("moves", [False, True], ids=["looks", "moves and looks"])
def test_a_second_evaluator_at_any_call_of_the_first_leaves_one_alert_for_each_crossing(
    inline: Api, moves: bool
) -> None:
    """Nobody is told of anything, so that nothing but the states keeps the two apart."""
    watched(inline, *LEVELS)
    stream = Stream(inline.store)
    look_at_all(stream)

    def step(number: int, before: int, after: int, *, looked: bool = True) -> bool:
        """Move a customer's credits, with another evaluator before the call with this number."""
        name, left = f"{before}.{looked}.{number}", 0

        def move(to: int) -> None:
            nonlocal left
            inline.ingest(usage(left - to, name))
            left = to

        def beside() -> None:
            if moves:
                move(before)
            assert deliver([*stream.take(), *delivery]) == []

        inline.customer(f"{name}@example.com", external_id=name)
        for to in (1_000, before):
            move(to)
            if looked:
                look_at_all(stream)
        move(after)
        delivery = stream.take()
        with faults(inline.store.client, meanwhile(number, beside)) as calls:
            assert deliver(delivery) == []
        look_at_all(stream)
        for level in LEVELS:
            of_customer = alerts(inline, external_customer_id=name)
            found = [one for one in of_customer if one["threshold_units"] == level]
            found.sort(key=lambda one: int(one["ordinal"]))
            assert [one["ordinal"] for one in found] == list(range(1, len(found) + 1))
            states = ["recovered"] * len(found)
            if left <= level:
                states[-1] = "reached"
            assert [one["state"] for one in found] == states
        return len(calls) > number

    number = 0
    while step(number, 1_000, 0) | step(number, 0, 1_000) | step(number, 1_000, 0, looked=False):
        number += 1
    assert number > 3


def test_a_customer_that_is_deleted_at_any_call_of_an_evaluator_leaves_no_open_alert(
    inline: Api,
) -> None:
    watched(inline, *LEVELS)
    stream = Stream(inline.store)
    look_at_all(stream)

    def step(number: int) -> bool:
        name = f"user {number}"
        customer_id = inline.customer(f"user{number}@example.com", external_id=name)
        inline.ingest(usage(-1_000, name))
        look_at_all(stream)
        inline.ingest(usage(1_000, name))
        delivery = stream.take()

        def delete() -> None:
            assert inline.delete(f"/v1/customers/{customer_id}").status == 204
            assert deliver([*stream.take(), *delivery]) == []

        with faults(inline.store.client, meanwhile(number, delete)) as calls:
            assert deliver(delivery) == []
        return len(calls) > number

    number = 0
    while step(number):
        number += 1
        assert alerts(inline, state="reached") == []
    assert number > 3


def test_a_write_that_arrives_while_a_deleted_customers_alerts_are_closed_leaves_none_open(
    inline: Api,
) -> None:
    """Its evaluator has died: what it was given comes again, and finds all that is left."""
    watched(inline, *LEVELS)
    inline.ingest(usage(-1_000))
    watch_all(inline.store)
    inline.ingest(usage(950))
    watch_all(inline.store)
    inline.ingest(usage(100))
    late: list[dict[str, Any]] = []

    def die(call: Call) -> Fault | None:
        if call.operation != "TransactWriteItems":
            return None
        late.append(json.loads(call.parameters["body"]))
        return Fault.DIE_BEFORE

    def arrive(call: Call) -> None:
        if call.operation == "TransactWriteItems" and late:
            inline.store.client.transact_write_items(**late.pop())

    with faults(inline.store.client, die), suppress(Crash):
        deliver(records(inline.store))
    (customer,) = inline.get("/v1/customers/").body["items"]
    assert inline.delete(f"/v1/customers/{customer['id']}").status == 204
    with permissions.acting_as(None), faults(inline.store.client, arrive):
        assert deliver(records(inline.store)) != []
    watch_all(inline.store)

    assert not late
    assert {one["state"] for one in alerts(inline)} == {"closed"}
    assert len(alerts(inline)) == len(LEVELS)


@pytest.mark.parametrize("fault", list(Fault))
def test_an_evaluator_that_fails_at_any_call_tells_once(inline: Api, fault: Fault) -> None:
    watched(inline, *LEVELS)
    inline.ingest(usage(-1_000))
    watch_all(inline.store)
    rounds = 0
    with without_pauses():
        for number in range(40):
            inline.ingest(usage(1_000))
            delivery = records(inline.store)
            with faults(inline.store.client, nth(number, fault)) as calls, suppress(Crash):
                deliver(delivery)
            assert deliver(records(inline.store)) == []
            rounds += 1
            reached = alerts(inline, state="reached")
            assert sorted(one["threshold_units"] for one in reached) == sorted(LEVELS)
            assert {one["ordinal"] for one in reached} == {rounds}
            inline.ingest(usage(-1_000))
            assert deliver(records(inline.store)) == []
            if len(calls) <= number:
                break
    assert rounds > 3


def test_plain_ingestion_pays_nothing_for_thresholds(inline: Api) -> None:
    """No call and no unit, whether its meter has thresholds or not."""
    from tests.support.costs import consumption

    def cost() -> list[Any]:
        inline.ingest(usage(1))
        with consumption(inline.store.client) as consumed:
            inline.ingest(usage(1))
        return list(consumed)

    meter_id = inline.meter()
    inline.customer("user@example.com", external_id=EXTERNAL_ID)
    inline.ingest(usage(-1_000))
    without = cost()
    wanted = {"thresholds": [{"available_credits": level} for level in range(10)]}
    assert inline.patch(f"/v1/meters/{meter_id}", wanted).status == 200

    assert cost() == without
