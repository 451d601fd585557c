"""Each rule of the protocol for lots is held by a test: without the rule, it fails.

Those that random histories find by themselves are in ``tests/simulation/test_lots.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest

from tests.integration.conftest import NewApi
from tests.integration.credits import test_lots as scripted
from tests.simulation.lot_rules import FOUND, RULES
from tests.support.clock import Clock
from tests.support.handlers import Api
from tests.support.makers import EXTERNAL_ID
from tests.unit import test_lots as pure

store = scripted.store


@pytest.fixture
def api(new_api: NewApi, clock: Clock) -> Iterator[Api]:
    """One that nobody holds to anything in the end."""
    api = new_api()
    api.meter()
    yield api


def _with_customer(test: Callable[..., None], **more: Any) -> Callable[[Api, Clock], None]:
    def run(api: Api, clock: Clock) -> None:
        customer = api.customer("user@example.com", external_id=EXTERNAL_ID)
        test(api=api, clock=clock, customer=customer, **more)

    return run


def _of_values(test: Callable[[], None]) -> Callable[[Api, Clock], None]:
    return lambda api, clock: test()


HELD: Final[dict[str, Callable[[Api, Clock], None]]] = {
    "a new lot repays debt": _with_customer(
        scripted.test_debt_is_repaid_by_several_new_lots_one_after_the_other
    ),
    "a repair burns nothing": _of_values(
        pure.test_an_audit_that_lowers_what_was_used_burns_nothing
    ),
    "a change is none over a link": (
        scripted.test_a_link_that_comes_between_a_grants_look_and_its_commit_is_seen
    ),
    "a boundary looks at marks of spreading": _with_customer(
        scripted.test_who_spreads_while_somebody_reckons_is_not_overlooked
    ),
    "a grant looks at first shards alone": _with_customer(
        scripted.test_usage_in_other_shards_never_makes_a_grant_look_again
    ),
    "a lot may lapse in two parts": _with_customer(scripted.test_a_lot_may_lapse_in_two_parts),
    "so many boundaries a transaction": (
        scripted.test_a_hundred_overdue_boundaries_of_two_spread_ledgers_are_passed_by_whoever_survives
    ),
    "a recurrence ends where a balance would": _of_values(
        pure.test_a_recurrence_that_would_leave_a_balances_range_ends
    ),
    "who looks folds a snapshot": _with_customer(
        scripted.test_a_read_that_is_torn_by_a_reckoning_shows_what_was_so
    ),
    "writers look before each transaction": _with_customer(
        scripted.test_a_batch_that_takes_longer_than_until_the_boundary_passes_it
    ),
    "a repeat reads the ledger's item": partial(
        scripted.test_what_is_sent_again_after_a_boundary_passes_it_first,
        way="request",
        whose="linked",
    ),
    "a backfill looks when lots expire": (
        scripted.test_the_past_that_is_counted_after_a_boundary_finds_the_lot_gone
    ),
    "a link waits for who counts": (
        scripted.test_a_link_waits_where_credits_expire_before_who_counts_for_the_ghost_has_ended
    ),
    "holds keep a lot": _with_customer(
        scripted.test_a_hold_keeps_its_units_across_a_boundary_until_it_ends,
        ends="captured",
        expected=(0, 4, 10, 6),
    ),
    "a linked ghost's holds keep a lot": (
        scripted.test_a_hold_of_a_ghost_that_was_linked_keeps_its_units_too
    ),
    "holds keep a lot once": _with_customer(
        scripted.test_a_chain_of_overlapping_holds_does_not_keep_a_lot_alive
    ),
}


def test_every_rule_is_held_by_histories_or_by_a_test() -> None:
    assert set(RULES) == {*FOUND, *HELD}


@pytest.mark.parametrize("rule", HELD)
def test_a_test_fails_without_its_rule(api: Api, clock: Clock, rule: str) -> None:
    with RULES[rule](), pytest.raises(Exception):  # noqa: B017
        HELD[rule](api, clock)
