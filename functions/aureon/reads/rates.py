"""Rates: how much of a meter a customer used a day, and how long what is left lasts at that."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final, NamedTuple

from aureon.core import times
from aureon.core.exact import EXACT, ZERO
from aureon.domain.meters import Meter
from aureon.projection.contributions import QUARTER
from aureon.reads import quantities
from aureon.storage.store import OrganizationStore

# So many days back, the longest last.
DAYS: Final = (7, 30)


class Rate(NamedTuple):
    """What was used in the last `days`, each of 24 hours, up to now.

    `lasts_days` is how many whole days what is available lasts if it goes on like that; None where
    nothing was used.
    """

    days: int
    used: Decimal
    lasts_days: int | None


def read(
    store: OrganizationStore,
    meter: Meter,
    ledger_ids: Collection[str],
    *,
    available: Decimal,
) -> list[Rate]:
    """The rates of a customer by each of `DAYS`: they follow ingestion by a moment.

    The days end with the quarter of an hour that it is. What was refunded was not used.
    """
    now = times.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight + ((now - midnight) // QUARTER + 1) * QUARTER
    starts = [end - timedelta(days=days) for days in reversed(DAYS)]
    found = quantities.read(store, meter, [*starts, end], ledger_ids=ledger_ids, metadata={})
    rates = []
    used = ZERO
    latest_first = reversed(found.of_intervals())
    for days, quantity in zip(DAYS, latest_first, strict=True):
        if quantity.moved is not None:
            used = EXACT.add(used, quantity.moved.used)
        lasts = None
        if used > 0:
            lasts = int((available * days / used).to_integral_value(ROUND_FLOOR))
        rates.append(Rate(days, used, lasts))
    return rates
