"""Another implementation of DynamoDB agrees: on the guide, on races for credits, on histories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aureon.storage.store import Store
from tests.integration import test_credit_races as races
from tests.integration.test_credit_races import clock, rounds
from tests.integration.test_guide import (
    test_a_grant_shows_in_every_way_to_read_a_balance,
    test_ten_credits_granted_and_eleven_units_used_leave_a_balance_of_one,
)
from tests.simulation.history import History
from tests.simulation.world import World
from tests.support import second_engine
from tests.support.seams import without_pauses

# What is told once on the other engine is told here again.
__all__ = [
    "clock",
    "rounds",
    "test_a_grant_shows_in_every_way_to_read_a_balance",
    "test_ten_credits_granted_and_eleven_units_used_leave_a_balance_of_one",
]
SEEDS = range(24)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(races, "ROUNDS", 1)
    with second_engine.table() as store, without_pauses():
        yield store


globals().update({name: test for name, test in vars(races).items() if name.startswith("test_")})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_history_keeps_every_promise(seed: int) -> None:
    History(World(seed, second_engine)).play()
