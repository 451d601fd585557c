"""Spends and holds whose calls to the database go wrong: made once, and never denied in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from aureon.storage.store import Store
from tests.integration.conftest import NewApi
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
from tests.support.faults import Call, Calls, Crash, Fault, Plan, faults, nth
from tests.support.handlers import Api, Reply
from tests.support.recount import assert_conserved
from tests.support.seams import restart_handlers, without_pauses

Action = Callable[[Api, str], Reply]


@pytest.fixture(autouse=True)
def seams() -> Iterator[None]:
    with without_pauses():
        yield


# Of a read, it doesn't matter whether it was executed.
OF_READS = (Fault.DIE_BEFORE, Fault.TIMEOUT_BEFORE, Fault.THROTTLE)

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


@dataclass
class Trial:
    """An action of a customer of its own, of which one call may go wrong."""

    api: Api
    customer_id: str
    hold_id: str
    # What the caller saw: None where the process died.
    status: int | None

    @property
    def state(self) -> tuple[Any, Any, Any]:
        return state(self.api, self.customer_id)


def prepared(api: Api, shape: Shape) -> tuple[str, str]:
    """A customer with 10 credits, and a hold of 4 of them."""
    api.meter()
    customer_id = shaped_customer(api, shape)
    return customer_id, hold(api, 4).body["id"]


def trials(new_api: NewApi, shape: Shape, act: Action) -> Iterator[Trial]:
    """Try an action by a new handler, without a fault, and with each fault of each of its calls."""

    def trial(plan: Plan) -> tuple[Trial, Calls]:
        api = new_api()
        tried = Trial(api, *prepared(api, shape), status=None)
        restart_handlers()
        with faults(api.store.client, plan) as calls, suppress(Crash):
            tried.status = act(api, tried.hold_id).status
        return tried, calls

    tried, calls = trial(lambda call: None)
    assert tried.status in (200, 402)
    yield tried
    for call in calls.made:
        for fault in OF_READS if call.write_number is None else Fault:
            tried, _ = trial(nth(call.number, fault))
            yield tried


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("action", DONE)
def test_whichever_call_fails_a_repeat_makes_it_once(
    new_api: NewApi, store: Store, action: str, shape: Shape
) -> None:
    act, expected = DONE[action]
    for tried in trials(new_api, shape, act):
        assert tried.status in (None, 200, 503)

        first = act(tried.api, tried.hold_id)
        again = act(tried.api, tried.hold_id)

        assert (first.status, again.status) == (200, 200)
        # What was drawn of which lot is known at that moment alone.
        assert {**first.body, "drawn": None} == {**again.body, "drawn": None}
        assert tried.state == expected
    assert_conserved(store)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_spend_without_an_id_counts_once_or_not_at_all_whichever_call_fails(
    new_api: NewApi, store: Store, shape: Shape
) -> None:
    for tried in trials(new_api, shape, lambda api, hold_id: spend(api, 6)):
        assert tried.status in (None, 200, 503)
        assert tried.state in {(-4, 4, 0)} | ({BEFORE} if tried.status != 200 else set())
    assert_conserved(store)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("action", REFUSED)
def test_what_is_refused_stores_nothing_whichever_call_fails(
    new_api: NewApi, store: Store, action: str, shape: Shape
) -> None:
    for tried in trials(new_api, shape, REFUSED[action]):
        assert tried.status in (None, 402, 503)
        assert tried.state == BEFORE
    assert_conserved(store)


@pytest.mark.parametrize(("charge", "stands"), [(spend, (6, 0, 0)), (hold, (0, 6, 0))])
def test_the_first_charge_of_an_external_id_gives_it_one_ledger_whichever_call_fails(
    new_api: NewApi, store: Store, charge: Callable[..., Reply], stands: tuple[int, int, int]
) -> None:
    def act(api: Api, hold_id: str) -> Reply:
        return charge(api, 6, external_id="first", external_customer_id="nobody", limit=6)

    for tried in trials(new_api, "own", act):
        assert tried.status in (None, 200, 503)
        first, again = act(tried.api, "").body, act(tried.api, "").body
        assert {**first, "drawn": None} == {**again, "drawn": None}
        customer_id = tried.api.customer("nobody@example.com", external_id="nobody")
        assert state(tried.api, customer_id) == stands
    assert_conserved(store)


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
