"""Alerts under concurrency, and with a stream that repeats, reorders, splits, and dies."""

from __future__ import annotations

from collections.abc import Iterator
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
from tests.support.faults import Call, Crash, Fault, faults, nth
from tests.support.handlers import Api
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.seams import without_pauses
from tests.support.watched import alerts, deliver, records, watch_all

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
    assert history.outbox() == history.model.told
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
