"""Random histories around boundaries of lots keep every promise, and broken rules are found."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from tests.simulation import world
from tests.simulation.lot_rules import FOUND, RULES
from tests.simulation.lots import Violation, play
from tests.simulation.seeds import Played, play_all
from tests.support import inline_engine, memory_engine

BRIEF: Final = range(10_000)
WHOLE: Final = range(40)
# As many are played until one finds what is broken.
BROKEN: Final = range(400)
# Of each profile some, with reads that are answered in parts.
SAME: Final = range(8)


@pytest.fixture(scope="module")
def brief() -> list[Played]:
    return list(play_all(BRIEF, "brief"))


@pytest.fixture(scope="module")
def whole() -> list[Played]:
    return list(play_all(WHOLE, "lots"))


def failures(played: list[Played], kind: str) -> str:
    return "\n".join(
        f"SEEDS={kind}:{one.seed}..{one.seed}: {one.failure}" for one in played if one.failure
    )


def test_ten_thousand_brief_histories_of_lots_keep_every_promise(brief: list[Played]) -> None:
    assert not failures(brief, "brief")


def test_histories_of_lots_on_the_engine_keep_every_promise(whole: list[Played]) -> None:
    assert not failures(whole, "lots")


def test_the_histories_come_by_everything_that_they_are_for(
    brief: list[Played], whole: list[Played]
) -> None:
    wanted = {"grant", "void", "boundary", "lots passed", "slipped in", "reads checked"}
    for played in (brief, whole):
        facts: Counter[str] = Counter()
        for one in played:
            facts.update(one.facts)
        assert wanted <= facts.keys()
        assert facts["reads checked"] > len(played)


@pytest.mark.parametrize("seed", SAME)
def test_a_table_in_memory_does_what_the_engine_does(seed: int) -> None:
    """Call by call, and item by item."""
    stories = []
    for engine in (inline_engine, memory_engine):
        history = play(seed, engine)
        stories.append((history.world.trace, engine.plain_contents(history.world.store)))

    assert stories[0] == stories[1]


@pytest.mark.parametrize("rule", FOUND)
def test_a_broken_rule_is_found(rule: str) -> None:
    with world.prepared(), RULES[rule]():
        assert any(_fails(seed) for seed in BROKEN)


def _fails(seed: int) -> bool:
    try:
        play(seed, memory_engine)
    except (Violation, Exception):
        return True
    return False
