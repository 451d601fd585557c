"""Random histories keep every promise, and can be played again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from typing import Final
from unittest.mock import patch

import pytest

from aureon.credits.account import Snapshot
from tests.simulation.history import History, play
from tests.simulation.seeds import Played, parse, play_all
from tests.simulation.world import World
from tests.support import inline_engine, memory_engine
from tests.support.faults import Fault

SEEDS: Final = range(3000)
REPLAYED: Final = range(12)
SAME: Final = range(30)
# What a fact is worth if it is this rare is for luck to say.
SELDOM: Final = 5


@pytest.fixture(scope="module")
def played() -> list[Played]:
    return list(play_all(SEEDS))


def test_thousands_of_random_histories_keep_every_promise(played: list[Played]) -> None:
    failures = [f"SEEDS={one.seed}..{one.seed}: {one.failure}" for one in played if one.failure]

    assert not failures, "\n".join(failures)


def test_the_histories_come_by_everything_that_they_are_for(played: list[Played]) -> None:
    facts: Counter[str] = Counter()
    for one in played:
        facts.update(one.facts)

    assert {fault.value for fault in Fault} <= facts.keys()
    assert [fact for fact, count in facts.items() if count < SELDOM] == []


@pytest.mark.parametrize("seed", SAME)
def test_a_table_in_memory_does_what_the_engine_does(seed: int) -> None:
    """Call by call, and item by item."""
    stories = []
    for engine in (inline_engine, memory_engine):
        history = History(World(seed, engine))
        history.play()
        stories.append((history.world.trace, engine.plain_contents(history.world.store)))

    assert stories[0] == stories[1]


def test_histories_without_an_order_are_found() -> None:
    """Nobody would notice that another had decided since: more is admitted than there is."""
    with patch.object(Snapshot, "_rev", lambda snapshot, about, delta: None):
        assert any(_overspends(seed) for seed in SEEDS)


def _overspends(seed: int) -> bool:
    history = History(World(seed, memory_engine))
    if not history.has_spends:
        return False
    try:
        history.play()
    except AssertionError as error:
        return "no order" in str(error)
    return False


def test_a_history_is_played_again_from_its_seed_in_another_process(
    pytestconfig: pytest.Config,
) -> None:
    """Call by call and to the same table, whatever order that process has for sets."""
    told = [
        subprocess.run(
            [sys.executable, "-c", f"from {__name__} import tell; tell()"],
            cwd=pytestconfig.rootpath,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]

    assert told[0] == told[1]
    assert len(told[0].splitlines()) == len(set(told[0].splitlines())) == len(REPLAYED)


def tell() -> None:
    """Write a digest of some histories: of their calls, and of the tables that they leave."""
    for seed in REPLAYED:
        history = play(seed)
        left = history.world.engine.plain_contents(history.world.store)
        story = repr((history.world.trace, sorted(left.items())))
        sys.stdout.write(f"{hashlib.sha256(story.encode()).hexdigest()}\n")


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", range(3)), ("7..9", range(7, 10)), ("4711..4711", range(4711, 4712))]
)
def test_seeds_are_a_number_of_them_or_a_span(text: str, seeds: range) -> None:
    assert parse(text) == seeds
