"""A short soak keeps every promise; and where the books are cooked, it tells."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from aureon.storage.store import Store, update
from tests.soak.books import Meter
from tests.soak.soak import Soak
from tests.support.recount import stored

SECONDS = 6.0


def test_a_short_soak_breaks_no_promise(tmp_path: Path) -> None:
    soak = Soak(SECONDS, random.SystemRandom().randrange(2**32), tmp_path)

    assert soak.run() == []

    figures = soak.books.figures
    assert figures["events"] > 0
    assert figures["messages"] > 0
    assert figures["spends"] > 0
    assert figures["grants with terms"] > 0
    assert figures["balances compared"] > 0


def test_a_unit_too_many_or_too_few_is_found(tmp_path: Path) -> None:
    """By the audit, which counts the log again, and by the books of what was acknowledged."""

    def meddle(ledger: Store, organization_id: str, meters: Sequence[Meter]) -> None:
        balances = (one for one in stored(ledger) if one.meter_id == meters[0].id)
        for balance, units in zip(balances, (1, -1), strict=False):
            key = ledger.of(organization_id).keys.balance(*balance, 0)
            ledger.write(update(key, added={"sum": units}))

    broken = Soak(1.0, 1, tmp_path, meddle=meddle).run()

    for promise in ("Every balance is the sum of its log", "Nothing is lost, nothing counts twice"):
        assert sum(one.startswith(promise) for one in broken) == 2
