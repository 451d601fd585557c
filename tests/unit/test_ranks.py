"""Ranks sort as amounts do, and change as seldom as they may."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aureon.domain import ranks

amounts = st.decimals(
    min_value=-(10**15), max_value=10**15, allow_nan=False, allow_infinity=False, places=12
)


@given(amounts, amounts)
def test_who_has_less_has_a_rank_that_does_not_sort_behind(one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))
    assert ranks.rank(less) <= ranks.rank(more)


@given(amounts)
def test_a_rank_is_among_those_of_its_status(left: Decimal) -> None:
    since, before = ranks.between(ranks.status_of(left))
    assert since <= ranks.rank(left) < before


@given(amounts.filter(bool))
def test_two_digits_decide(left: Decimal) -> None:
    same = {ranks.rank(left), ranks.rank(left * Decimal("1.0000000001"))}
    assert len(same) == 1 or ranks.rank(left * 10) not in same


def test_amounts_that_differ_in_two_digits_have_different_ranks() -> None:
    amounts = "-1000 -99 -11 -10 -1 -0.5 0 0.000001 0.5 1 10 11 99 100 110 999"
    ordered = amounts.split(" ")
    found = [ranks.rank(Decimal(amount)) for amount in ordered]
    assert found == sorted(set(found))
    assert ranks.rank(Decimal(110)) == ranks.rank(Decimal("119.9"))
