"""Races for credits: as many are admitted as there are credits for, whoever comes in between."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import pytest

from aureon.core import times
from aureon.storage.store import Store
from tests.integration.conftest import NewApi
from tests.support import inline_engine
from tests.support.clock import Clock
from tests.support.credit_makers import (
    SHAPES,
    Shape,
    assert_sound,
    capture,
    grant,
    hold,
    release,
    shaped_customer,
    spend,
    state,
)
from tests.support.faults import Call, faults
from tests.support.handlers import Api, Reply
from tests.support.makers import EXTERNAL_ID, usage

T = TypeVar("T")

ROUNDS: Final = 12


@pytest.fixture
def store() -> Iterator[Store]:
    with inline_engine.raced_table() as store:
        yield store


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(times, "now", clock.now)
    return clock


def at_once(*acts: Callable[[], T]) -> list[T]:
    """Do everything at once, each in a thread of its own."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def statuses(replies: Iterable[Reply]) -> Counter[int]:
    return Counter(reply.status for reply in replies)


@pytest.fixture(params=SHAPES)
def rounds(new_api: NewApi, request: pytest.FixtureRequest) -> Iterator[tuple[Api, str]]:
    """Rounds, each with a customer of its own who has 10 credits; in the end all is sound."""

    def played() -> Iterator[tuple[Api, str]]:
        for _ in range(ROUNDS):
            api = new_api()
            api.meter()
            yield api, shaped_customer(api, request.param)
            assert_sound(api)

    return played()


def between(api: Api, act: Callable[[], Reply], happens: Callable[[], Any]) -> Reply:
    """Let something happen between the snapshot of an action and its commit."""
    happened = False

    def plan(call: Call) -> None:
        nonlocal happened
        if call.operation == "TransactWriteItems" and not happened:
            happened = True
            happens()

    with faults(api.store.client, plan):
        return act()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("send", [spend, hold], ids=["spend", "hold"])
def test_of_two_that_are_one_none_is_admitted_once_the_other_was_refused(
    api: Api, send: Callable[..., Reply], shape: Shape
) -> None:
    """Both look; then usage comes in; the one looks again and is refused; the other commits."""
    api.meter()
    customer_id = shaped_customer(api, shape)

    def happens() -> None:
        grant(api, -1)
        assert send(api, 10, external_id="one").status == 402

    assert between(api, lambda: send(api, 10, external_id="one"), happens).status == 402
    assert state(api, customer_id) == (-9, 0, 9)
    assert_sound(api)


@pytest.mark.parametrize("send", [spend, hold], ids=["spend", "hold"])
def test_nor_is_either_where_it_was_refused_for_usage_that_a_link_brought(
    api: Api, send: Callable[..., Reply]
) -> None:
    """Usage that an external id has gathered counts for its customer as soon as it is linked."""
    api.meter()
    customer_id = api.customer("user@example.com")
    grant(api, 10, external_customer_id=None, customer_id=customer_id)
    grant(api, -1)
    one = {"external_customer_id": None, "customer_id": customer_id, "external_id": "one"}

    def happens() -> None:
        path = f"/v1/customers/{customer_id}"
        assert api.patch(path, {"external_id": EXTERNAL_ID}).status == 200
        assert send(api, 10, **one).status == 402

    assert between(api, lambda: send(api, 10, **one), happens).status == 402
    assert state(api, customer_id) == (-9, 0, 9)
    assert_sound(api)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_capture_gives_nothing_back_that_was_refused_after_it_came_to_be_too_much(
    api: Api, shape: Shape
) -> None:
    """It takes less of one meter than it holds, and more of another."""
    api.meter(func="sum", property="a")
    api.meter(func="sum", property="b")
    customer_id = shaped_customer(api, shape)
    for metadata in ({"a": -10}, {"b": -10}):
        api.ingest(usage(0, metadata=metadata))
    hold_id = hold(api, 0, metadata={"a": 9, "b": 1}).body["id"]

    def happens() -> None:
        api.ingest(usage(0, metadata={"b": 1}))
        assert spend(api, 0, metadata={"a": 2}).status == 402

    def act() -> Reply:
        path = f"/v1/credits/holds/{hold_id}/capture"
        return api.post(path, {"metadata": {"a": 1, "b": 10}})

    assert between(api, act, happens).status == 402
    assert sorted(api.balances(customer_id).values()) == [-10, -9]
    assert_sound(api)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hold_that_was_said_to_be_open_ends_after_all_that_was_seen_with_it(
    api: Api, shape: Shape
) -> None:
    """An extension that changes nothing comes between the look and the commit of a release."""
    api.meter()
    customer_id = shaped_customer(api, shape)
    hold_id = hold(api, 4).body["id"]

    def happens() -> None:
        grant(api, -1)
        extended = api.post(f"/v1/credits/holds/{hold_id}/extend", {"expires_in_seconds": 1})
        assert (extended.status, extended.body["status"]) == (200, "open")

    released = between(api, lambda: api.post(f"/v1/credits/holds/{hold_id}/release", {}), happens)
    assert released.status == 200
    assert [meter["balance"] for meter in released.body["meters"]] == [-9]
    assert state(api, customer_id) == (-9, 0, 9)
    assert_sound(api)


def test_a_hold_that_is_placed_many_times_at_once_reserves_once(
    rounds: Iterator[tuple[Api, str]],
) -> None:
    for api, customer_id in rounds:
        replies = at_once(*[partial(hold, api, 4)] * 6)

        assert statuses(replies) == {200: 6}
        assert len({reply.body["id"] for reply in replies}) == 1
        assert state(api, customer_id) == (-10, 4, 6)


def test_of_captures_at_once_one_counts(rounds: Iterator[tuple[Api, str]]) -> None:
    """All of one amount are the same; those of other amounts come too late."""
    for api, customer_id in rounds:
        hold_id = hold(api, 4).body["id"]
        amounts = [3, 4, 5] * 3

        replies = at_once(*(partial(capture, api, hold_id, amount) for amount in amounts))

        assert statuses(replies) == {200: 3, 409: 6}
        admitted = {
            (amount, reply.body["event_id"])
            for amount, reply in zip(amounts, replies, strict=True)
            if reply.status == 200
        }
        ((amount, _),) = admitted
        assert state(api, customer_id) == (amount - 10, 0, 10 - amount)


def test_a_hold_is_captured_or_released_and_its_units_go_to_one(
    rounds: Iterator[tuple[Api, str]],
) -> None:
    for api, customer_id in rounds:
        hold_id = hold(api, 10).body["id"]

        replies = at_once(
            *[partial(capture, api, hold_id)] * 3,
            *[partial(release, api, hold_id)] * 3,
            *[partial(spend, api, 10)] * 3,
        )

        captured, released, spent = map(statuses, (replies[:3], replies[3:6], replies[6:]))
        if captured[200]:
            assert (captured, released, spent) == ({200: 3}, {409: 3}, {402: 3})
        else:
            assert (captured, released) == ({409: 3}, {200: 3})
            assert spent in ({402: 3}, {200: 1, 402: 2})
        used = 10 if captured[200] or spent[200] else 0
        assert state(api, customer_id) == (used - 10, 0, 10 - used)


def test_where_a_hold_expires_its_units_go_to_its_capture_or_to_who_relied_on_that(
    rounds: Iterator[tuple[Api, str]], clock: Clock
) -> None:
    """Some clocks are ahead, and see it expire before others do."""

    def by_a_clock_off_by(seconds: int, act: Callable[[], Reply]) -> Reply:
        clock.skew_seconds = seconds
        return act()

    def advance() -> None:
        clock.seconds += 40

    for api, customer_id in rounds:
        hold_id = hold(api, 10, expires_in_seconds=60).body["id"]
        capturing = partial(capture, api, hold_id)
        spending = partial(spend, api, 10)
        holding = partial(hold, api, 10, "hold-2")

        *replies, _, _ = at_once(
            *(partial(by_a_clock_off_by, seconds, capturing) for seconds in (-20, 0, 20)),
            *(partial(by_a_clock_off_by, seconds, spending) for seconds in (-20, 0, 20)),
            *(partial(by_a_clock_off_by, seconds, holding) for seconds in (-20, 20)),
            advance,
            advance,
        )

        captured, spent, held = (
            statuses(filter(None, some)) for some in (replies[:3], replies[3:6], replies[6:])
        )
        assert (captured, spent, held) in (
            ({200: 3}, {402: 3}, {402: 2}),
            ({402: 3}, {200: 1, 402: 2}, {402: 2}),
            ({402: 3}, {402: 3}, {200: 2}),
            # The clock that is behind still saw the units held, and was refused.
            ({402: 3}, {402: 3}, {200: 1, 402: 1}),
        )
        assert state(api, customer_id) == ((-10, 10, 0) if held[200] else (0, 0, 0))
