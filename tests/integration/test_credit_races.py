"""Races for credits: as many are admitted as there are credits for, whoever comes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aureon.store import Store
from tests import inline_engine
from tests.api import Api, Reply
from tests.credits import (
    SHAPES,
    Shape,
    assert_sound,
    customer,
    grant,
    hold,
    spend,
    state,
    usage,
)
from tests.faults import Call, faults


@pytest.fixture
def store() -> Iterator[Store]:
    """A table of the engine in this process."""
    with inline_engine.table() as store:
        yield store


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
    customer_id = customer(api, shape)

    def happens() -> None:
        grant(api, -1)
        assert send(api, 10, external_id="one").status == 402

    assert between(api, lambda: send(api, 10, external_id="one"), happens).status == 402
    assert state(api, customer_id) == (-9, 0, 9)
    assert_sound(api)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_capture_gives_nothing_back_that_was_refused_after_it_came_to_be_too_much(
    api: Api, shape: Shape
) -> None:
    """It takes less of one meter than it holds, and more of another."""
    api.meter(func="sum", property="a")
    api.meter(func="sum", property="b")
    customer_id = customer(api, shape)
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
