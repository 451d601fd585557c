"""Spends and holds whose calls to the database go wrong: made once, and never denied in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

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
from tests.support.faults import Call, Fault, faults
from tests.support.handlers import Api, Reply
from tests.support.recount import assert_conserved
from tests.support.seams import without_pauses
from tests.support.trials import replies

Action = Callable[[Api, str], Reply]


@pytest.fixture(autouse=True)
def seams() -> Iterator[None]:
    with without_pauses():
        yield


# What is done to a customer with 10 credits, 4 of them held; and where it stands then.
BEFORE = (-10, 4, 6)
DONE: dict[str, tuple[Action, tuple[int, int, int]]] = {
    "spend": (lambda api, hold_id: spend(api, 6, external_id="spend-1"), (-4, 4, 0)),
    "hold": (lambda api, hold_id: hold(api, 6, "hold-2"), (-10, 10, 0)),
    "capture less": (lambda api, hold_id: capture(api, hold_id, 3), (-7, 0, 7)),
    "capture more": (lambda api, hold_id: capture(api, hold_id, 10), (0, 0, 0)),
    "extend": (lambda api, hold_id: extend(api, hold_id, 900), (-10, 4, 6)),
    "release": (lambda api, hold_id: release(api, hold_id), (-10, 0, 10)),
}
REFUSED: dict[str, Action] = {
    "spend": lambda api, hold_id: spend(api, 7),
    "spend with an id": lambda api, hold_id: spend(api, 7, external_id="spend-1"),
    "hold": lambda api, hold_id: hold(api, 7, "hold-2"),
    "capture more": lambda api, hold_id: capture(api, hold_id, 11),
}


def prepared(api: Api, shape: Shape) -> tuple[str, str]:
    """A customer with 10 credits, and a hold of 4 of them."""
    api.meter()
    customer_id = shaped_customer(api, shape)
    return customer_id, hold(api, 4).body["id"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("action", DONE)
def test_whichever_call_fails_a_repeat_makes_it_once(api: Api, action: str, shape: Shape) -> None:
    act, expected = DONE[action]
    customer_id, hold_id = prepared(api, shape)
    for _ in replies(api.store, lambda: act(api, hold_id)):
        first = act(api, hold_id)
        again = act(api, hold_id)

        assert (first.status, again.status) == (200, 200)
        # What was drawn of which lot is known at that moment alone.
        assert {**first.body, "drawn": None} == {**again.body, "drawn": None}
        assert state(api, customer_id) == expected
        assert_conserved(api.store)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_spend_without_an_id_counts_once_or_not_at_all_whichever_call_fails(
    api: Api, shape: Shape
) -> None:
    customer_id, _ = prepared(api, shape)
    for reply in replies(api.store, lambda: spend(api, 6)):
        known = reply is not None and reply.status == 200
        assert state(api, customer_id) in {(-4, 4, 0)} | (set() if known else {BEFORE})
        assert_conserved(api.store)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("action", REFUSED)
def test_what_is_refused_stores_nothing_whichever_call_fails(
    api: Api, action: str, shape: Shape
) -> None:
    customer_id, hold_id = prepared(api, shape)
    for _ in replies(api.store, lambda: REFUSED[action](api, hold_id), fine=402):
        assert state(api, customer_id) == BEFORE
        assert_conserved(api.store)


@pytest.mark.parametrize(("charge", "stands"), [(spend, (6, 0, 0)), (hold, (0, 6, 0))])
def test_the_first_charge_of_an_external_id_gives_it_one_ledger_whichever_call_fails(
    api: Api, charge: Callable[..., Reply], stands: tuple[int, int, int]
) -> None:
    def act() -> Reply:
        return charge(api, 6, external_id="first", external_customer_id="nobody", limit=6)

    prepared(api, "own")
    for _ in replies(api.store, act):
        first, again = act().body, act().body
        assert {**first, "drawn": None} == {**again, "drawn": None}
        customer_id = api.customer("nobody@example.com", external_id="nobody")
        assert state(api, customer_id) == stands
        assert_conserved(api.store)


class Interlude:
    """Lets the first write of a credits call go wrong, and something happen right after it."""

    def __init__(self, fault: Fault, happens: Callable[[], Any]) -> None:
        self.fault = fault
        self.happens = happens
        self.written = self.happened = False

    def __call__(self, call: Call) -> Fault | None:
        if self.written and not self.happened:
            self.happened = True
            self.happens()
        elif call.operation == "TransactWriteItems" and not self.written:
            self.written = True
            return self.fault
        return None


TAKING: dict[str, Action] = {
    "spend": lambda api, hold_id: spend(api, 6),
    "spend with an id": lambda api, hold_id: spend(api, 6, external_id="spend-1"),
    "hold": lambda api, hold_id: hold(api, 6, "hold-2"),
    "capture more": lambda api, hold_id: capture(api, hold_id, 5),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("action", TAKING)
def test_what_may_yet_come_about_is_not_denied(api: Api, action: str, shape: Shape) -> None:
    """The write may still be on its way when others have used the credits that it wants."""
    customer_id, hold_id = prepared(api, shape)

    with faults(api.store.client, Interlude(Fault.TIMEOUT_BEFORE, lambda: grant(api, -6))):
        reply = TAKING[action](api, hold_id)

    assert reply.status == 503
    assert reply.headers["Retry-After"] == "1"
    assert state(api, customer_id) == (-4, 4, 0)
    assert TAKING[action](api, hold_id).status == 402
    assert_sound(api)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("action", TAKING)
def test_what_has_come_about_is_found_though_its_answer_was_lost(
    api: Api, action: str, shape: Shape
) -> None:
    _, hold_id = prepared(api, shape)

    with faults(api.store.client, Interlude(Fault.TIMEOUT_AFTER, lambda: grant(api, -6))):
        reply = TAKING[action](api, hold_id)

    assert reply.status == 200
    assert reply.body["meters"][0]["available_credits"] == 0
    assert_sound(api)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER])
@pytest.mark.parametrize("action", TAKING)
def test_what_is_in_doubt_is_not_denied_where_the_customer_is_deleted_meanwhile(
    api: Api, action: str, fault: Fault
) -> None:
    customer_id, hold_id = prepared(api, "own")

    def delete() -> None:
        assert api.delete(f"/v1/customers/{customer_id}").status == 204

    with faults(api.store.client, Interlude(fault, delete)):
        assert TAKING[action](api, hold_id).status == 503
    assert_sound(api)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.THROTTLE])
@pytest.mark.parametrize("action", TAKING)
def test_a_read_that_fails_leaves_no_doubt(api: Api, action: str, fault: Fault) -> None:
    _, hold_id = prepared(api, "own")
    grant(api, -6)
    failed: list[Call] = []

    def plan(call: Call) -> Fault | None:
        if call.operation != "TransactGetItems" or failed:
            return None
        failed.append(call)
        return fault

    with faults(api.store.client, plan):
        assert TAKING[action](api, hold_id).status == 402
    assert failed
