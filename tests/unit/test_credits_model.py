"""The search for an order finds one where there is one, and none where credits were overspent.

Each history begins with 5 credits of the first of two meters, and 5 of the second.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from tests.support.credits_model import HOLD_SECONDS, UNKNOWN, Done, Kind, State, step
from tests.support.serializability import find_order

INITIAL = State((-5, -5), granted=frozenset({0, 1}))


def did(kind: Kind, begun: float, ended: float, status: int = 200, **what: Any) -> Done:
    """Something that was done; by default with 3 units of the first meter."""
    about: dict[str, Any] = {"units": (3, None), "held": (3, None)}
    if kind in ("hold", "capture", "release", "extend"):
        about["id"] = "hold"
    return Done(kind, begun, ended, status, **about | what)


def explained(*done: Done, initial: State = INITIAL) -> bool:
    return find_order(done, initial, step) is not None


def test_one_after_the_other_spends_until_the_credits_are_used_up() -> None:
    assert explained(did("spend", 0, 1), did("spend", 2, 3, 402))
    assert not explained(did("spend", 0, 1), did("spend", 2, 3))
    assert not explained(did("spend", 0, 1, 402))


def test_of_two_at_once_either_may_come_first_but_not_both() -> None:
    for statuses, possible in (((200, 402), True), ((402, 200), True), ((200, 200), False)):
        first, second = statuses
        assert explained(did("spend", 0, 3, first), did("spend", 1, 2, second)) is possible
    assert not explained(did("spend", 0, 3, 402), did("spend", 1, 2, 402))


def test_what_ended_before_something_else_began_comes_before_it() -> None:
    grant = did("ingest", 2, 3, units=(-5, None))

    assert explained(did("spend", 0, 1), grant, did("spend", 4, 5))
    assert not explained(did("spend", 0, 1), did("spend", 0, 1), grant)
    assert not explained(did("spend", 0, 1), grant, did("spend", 4, 5, 402))
    assert explained(did("spend", 0, 1), did("spend", 0, 2.5), grant)


def test_no_order_explains_a_circle() -> None:
    """What is refused precedes the capture that gives back, which precedes the usage before it."""
    held = did("hold", 0, 1, held=(5, 1))
    captured = did("capture", 2, 9, units=(1, 5), held=(5, 1))
    used = did("ingest", 3, 4, units=(None, 1))
    refused = did("spend", 5, 6, 402, units=(4, None))

    assert not explained(held, captured, used, refused)
    assert explained(held, captured, replace(used, ended=7), refused)
    assert explained(held, captured, used, replace(refused, units=(5, None)))


def test_what_nobody_knows_the_end_of_may_have_been_done_or_not_and_later() -> None:
    unknown = did("spend", 0, inf, UNKNOWN)

    assert explained(unknown, did("spend", 1, 2))
    assert explained(unknown, did("spend", 1, 2, 402))
    assert explained(unknown, did("spend", 1, 2, units=(2, None)), did("spend", 3, 4, 402))
    assert not explained(unknown, did("spend", 1, 2, 402), did("spend", 3, 4))
    assert not explained(did("spend", 1, 2, 402), replace(unknown, begun=3))


def test_all_meters_must_agree() -> None:
    assert explained(did("spend", 0, 1, units=(1, 6), status=402))
    assert not explained(did("spend", 0, 1, units=(1, 6)))
    assert explained(did("spend", 0, 1, units=(1, 6), limit=1))


def test_a_repeat_of_what_was_admitted_is_answered_but_spends_nothing() -> None:
    first, again = did("spend", 0, 1, id="s"), did("spend", 2, 3, id="s")

    assert explained(first, again, did("spend", 4, 5, units=(2, None)))
    assert not explained(first, replace(again, id="t"))
    assert not explained(first, replace(again, status=402))


def test_a_balance_that_was_shown_must_have_been() -> None:
    assert explained(did("spend", 0, 1, balances=(-2, None)))
    assert not explained(did("spend", 0, 1, balances=(-1, None)))
    assert not explained(did("hold", 0, 1, balances=(-2, None)))
    for balance in (-5, -2):
        refused = did("spend", 0, 1, 402, units=(6, None), balances=(balance, None))
        assert explained(refused) is (balance == -5)


def test_what_was_shown_to_be_held_must_have_been() -> None:
    held = did("hold", 0, 1, open_units=(3, None))

    assert explained(held, did("spend", 2, 3, units=(1, None), open_units=(3, None)))
    assert not explained(held, did("spend", 2, 3, units=(1, None), open_units=(0, None)))
    assert explained(held, did("release", 2, 3, open_units=(0, None)))
    assert not explained(did("hold", 0, 1, open_units=(0, None)))


def test_captures_of_equal_units_may_be_of_different_events() -> None:
    held, first = did("hold", 0, 1), did("capture", 2, 3, content="first")

    assert explained(held, first, replace(first, begun=4, ended=5))
    assert not explained(held, first, replace(first, content="second"))


def test_held_units_are_nobody_elses() -> None:
    held = did("hold", 0, 1)

    assert explained(held, did("spend", 2, 3, 402), did("capture", 4, 5))
    assert not explained(held, did("spend", 2, 3))
    assert not explained(held, did("hold", 2, 3, id="another"))
    assert explained(held, did("release", 2, 3), did("spend", 4, 5))
    assert explained(held, did("hold", 2, 3), did("spend", 4, 5, units=(2, None)))


@pytest.mark.parametrize(
    ("units", "status", "possible"),
    [(2, 200, True), (5, 200, True), (6, 402, True), (6, 200, False), (3, 402, False)],
)
def test_a_capture_takes_what_is_held_and_more_where_the_credits_suffice(
    units: int, status: int, possible: bool
) -> None:
    captured = did("capture", 2, 3, status, units=(units, None))

    assert explained(did("hold", 0, 1), captured) is possible


def test_a_hold_ends_in_one_way() -> None:
    held, captured, released = did("hold", 0, 1), did("capture", 2, 9), did("release", 2, 9)

    assert not explained(held, captured, released)
    assert explained(held, captured, replace(released, status=409))
    assert explained(held, replace(captured, status=409), released)
    assert explained(held, captured, captured)
    assert not explained(held, captured, replace(captured, units=(2, None)))


def test_an_expired_hold_competes_once_somebody_has_relied_on_that() -> None:
    held = did("hold", 0, 1)
    after = (HOLD_SECONDS,)

    assert explained(held, did("spend", 2, 3, clocks=after), did("capture", 4, 5, 402))
    assert not explained(held, did("spend", 2, 3, clocks=after), did("capture", 4, 5))
    assert explained(held, did("spend", 2, 3, 402), did("capture", 4, 5))
    assert explained(held, did("capture", 2, 3, clocks=after), did("spend", 4, 5, 402))


def test_an_extended_hold_lasts_from_when_it_was_placed_and_never_shorter() -> None:
    held = did("hold", 0, 1)
    at_first, longer = (HOLD_SECONDS,), (2 * HOLD_SECONDS - 1,)
    extended = did("extend", 2, 3, lasts_seconds=2 * HOLD_SECONDS)
    shorter = did("extend", 4, 5, lasts_seconds=HOLD_SECONDS / 2)

    for clocks, possible in ((at_first, True), (longer, True), ((2 * HOLD_SECONDS,), False)):
        assert explained(held, extended, did("spend", 6, 7, 402, clocks=clocks)) is possible
        assert (
            explained(held, extended, shorter, did("spend", 6, 7, 402, clocks=clocks)) is possible
        )
    assert not explained(held, did("spend", 6, 7, 402, clocks=at_first))
    assert explained(held, replace(extended, expires=2 * HOLD_SECONDS))
    assert not explained(held, replace(extended, expires=3 * HOLD_SECONDS))
    assert explained(held, extended, replace(shorter, expires=2 * HOLD_SECONDS))
    assert not explained(held, extended, replace(shorter, expires=HOLD_SECONDS / 2))


def test_a_hold_that_has_expired_is_extended_where_the_credits_suffice() -> None:
    held = did("hold", 0, 1)
    spent = did("spend", 2, 3, clocks=(HOLD_SECONDS,))
    extended = did("extend", 4, 5, lasts_seconds=2 * HOLD_SECONDS, clocks=(HOLD_SECONDS + 1,))
    refused = replace(extended, status=402)

    assert explained(held, spent, refused)
    assert not explained(held, spent, extended)
    assert explained(held, replace(spent, units=(2, None)), extended, did("capture", 6, 7))
    assert not explained(held, refused)


@pytest.mark.parametrize("end", ["capture", "release"])
def test_a_hold_that_has_ended_is_not_extended(end: Kind) -> None:
    held, ended = did("hold", 0, 1), did(end, 2, 9)
    extended = did("extend", 3, 8, lasts_seconds=2 * HOLD_SECONDS)

    assert explained(held, extended, ended)
    assert explained(held, replace(extended, status=409), ended)
    assert not explained(held, replace(extended, begun=10, ended=11), ended)
    assert not explained(held, replace(extended, status=409), replace(ended, begun=9, ended=10))


def test_an_external_id_spends_what_it_was_granted_and_after_a_link_all_of_it() -> None:
    initial = INITIAL._replace(ghost=(-2, 0), ghost_granted=frozenset({0}))
    link = did("link", 2, 3, units=())
    refused = did("spend", 0, 1, 402, by_external_id=True)
    admitted = did("spend", 4, 5, units=(7, None), by_external_id=True)

    assert explained(refused, link, admitted, initial=initial)
    assert not explained(refused, link, replace(admitted, units=(8, None)), initial=initial)
    assert not explained(refused, replace(refused, begun=4, ended=5), link, initial=INITIAL)
    taken = replace(refused, status=200, units=(2, None))
    assert explained(taken, link, replace(admitted, units=(5, None)), initial=initial)
    assert not explained(taken, link, admitted, initial=initial)


def test_a_hold_of_an_external_id_binds_whoever_it_is_linked_to() -> None:
    initial = INITIAL._replace(ghost=(-2, 0), ghost_granted=frozenset({0}))
    held = did("hold", 0, 1, held=(2, None), by_external_id=True)
    link = did("link", 2, 3, units=())

    assert explained(held, link, did("spend", 4, 5, units=(5, None)), initial=initial)
    assert not explained(held, link, did("spend", 4, 5, units=(6, None)), initial=initial)


def test_the_meters_with_grants_decide_or_else_all() -> None:
    both = did("spend", 0, 1, units=(1, 6))

    assert explained(both, initial=INITIAL._replace(granted=frozenset({0})))
    assert not explained(both, initial=INITIAL._replace(granted=frozenset({1})))
    assert not explained(both, initial=INITIAL._replace(granted=frozenset()))
    grant = did("ingest", 0, 1, units=(None, -1))
    later = replace(both, begun=2, ended=3, units=(1, 7), status=402)
    assert explained(grant, later, initial=INITIAL._replace(granted=frozenset({0})))
    assert explained(
        replace(both, decides=(True, False)), initial=State((-9, 0), granted=frozenset({0}))
    )
    assert not explained(
        replace(both, decides=(True, True)), initial=State((-9, 0), granted=frozenset({0}))
    )
