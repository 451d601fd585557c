"""Histories find what is wrong with a backfill: each of these is broken in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import pytest

from aureon.projection import backfill
from aureon.storage import directory
from tests.simulation import history
from tests.simulation.history import PAST, REQUESTS, play
from tests.support.faults import Crash

SEEDS: Final = range(300)
THEME: Final = (*PAST, "count_past", "count_past", *REQUESTS, "read", "ingest")


@contextmanager
def from_the_beginning() -> Iterator[None]:
    """It forgets how far it has come, but for where that is."""
    parts = backfill.Backfill._parts

    def broken(self: Any, ledger_id: str, before: str | None) -> Any:
        return parts(self, ledger_id, None)

    with patch.object(backfill.Backfill, "_parts", broken):
        yield


@contextmanager
def customers_only() -> Iterator[None]:
    """It does not visit ghosts."""
    partitions = directory.partitions
    with patch.object(directory, "partitions", lambda id_: partitions(id_)[1:]):
        yield


@pytest.mark.parametrize("broken", [from_the_beginning, customers_only])
def test_a_broken_backfill_is_found(
    broken: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "THEMES", (THEME,))
    with broken():
        assert any(fails(seed) for seed in SEEDS)


def fails(seed: int) -> bool:
    try:
        play(seed)
    except (AssertionError, Crash):
        return True
    return False
