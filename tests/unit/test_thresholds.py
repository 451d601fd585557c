"""The rules of thresholds alone: what looks at a balance tell, and what they cannot know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.domain import thresholds
from aureon.domain.thresholds import Level, Look, Threshold, Told

SET_AT = datetime(2026, 1, 1, tzinfo=UTC)
BEGAN_AT = datetime(2026, 1, 2, tzinfo=UTC)

Kind = Literal["available_credits", "percent"]
# What happens between two looks: units that came, and below 0 those that were used.
Gap = list[int]
gaps = st.lists(st.lists(st.integers(-400, 400), min_size=1, max_size=6), min_size=1, max_size=20)
chosen = st.one_of(
    st.tuples(st.just("available_credits"), st.integers(0, 300)),
    st.tuples(st.just("percent"), st.integers(1, 90)),
)


def told(looks: Iterable[Look], kind: Kind, value: int) -> list[Told]:
    """All that looks tell of one threshold, one after another."""
    one = Threshold(kind, Decimal(value), SET_AT)
    levels: dict[str, Level] = {}
    last: Look | None = None
    found: list[Told] = []
    for number, look in enumerate(looks):
        # As the evaluation does: it looks again until nothing moves.
        moved = True
        while moved:
            before = levels
            levels, more = thresholds.advance([one], levels, look, last, [f"{number}"])
            found += more
            last, moved = look, levels != before
    return found


def path(parts: Iterable[Gap]) -> list[Look]:
    """A balance after each part of what happens."""
    left = granted = 0
    looks = []
    for part in parts:
        left += sum(part)
        granted += sum(units for units in part if units > 0)
        looks.append(Look(Decimal(left), Decimal(granted), Decimal(0), BEGAN_AT))
    return looks


def changes(found: Sequence[Told]) -> list[tuple[str, int]]:
    return [(one.change, one.ordinal) for one in found]


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=40), st.integers(0, 300))
@settings(max_examples=100)
def test_with_a_look_after_each_event_each_crossing_and_each_recovery_is_told_once(
    steps: list[int], value: int
) -> None:
    expected: list[tuple[str, int]] = []
    ordinal, above = 0, False
    for look in path([step] for step in steps):
        if above and look.left <= value:
            ordinal += 1
            expected.append(("reached", ordinal))
        elif not above and look.left > value and ordinal:
            expected.append(("recovered", ordinal))
        above = look.left > value

    assert changes(told(path([step] for step in steps), "available_credits", value)) == expected


@given(gaps, chosen)
@settings(max_examples=100)
def test_between_two_looks_credits_count_as_if_they_had_come_first(
    history: list[Gap], threshold: tuple[Kind, int]
) -> None:
    """All at once, and then use by use: looks after each tell exactly what one look tells.

    So a crossing that lasts is missed in no order, and what is told is what some order would tell.
    """
    in_this_order = [
        step
        for gap in history
        for step in (
            [units for units in gap if units > 0],
            *([units] for units in gap if units < 0),
        )
        if step
    ]

    assert changes(told(path(history), *threshold)) == changes(
        told(path(in_this_order), *threshold)
    )


@given(gaps, st.integers(0, 300))
@settings(max_examples=100)
def test_a_crossing_that_lasts_is_told_and_none_without_credits_that_came_before_it(
    history: list[Gap], value: int
) -> None:
    found = told(path(history), "available_credits", value)
    steps = path([unit] for gap in history for unit in gap)
    ends = path(history)

    reached = [one for one in found if one.change == "reached"]
    # Of who was ever above, the last word is where the balance is.
    if any(step.left > value for step in steps):
        assert (found[-1].change == "reached" if found else False) == (ends[-1].left <= value)
    # Two crossings that looks see lie apart by a recovery, or by credits enough for one.
    seen = sum(a.left > value >= b.left for a, b in pairwise(ends))
    enough = sum(
        left.left <= value and left.left + came > value and now.left <= value
        for left, now in zip(path([[0], *history]), ends, strict=False)
        for came in [now.granted - left.granted]
    )
    assert len(reached) == seen + enough
