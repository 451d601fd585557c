"""The sweep: reckons what has expired where nobody writes, so that what follows balances follows.

Calls that count, spend or look pass boundaries themselves; correctness never waits for this.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.ledger import reckoning
from aureon.storage import keys
from aureon.storage.expressions import equals
from aureon.storage.store import ConditionFailed, Item, Store, update


class Swept(NamedTuple):
    """How many customers' lots were reckoned, and how many could not be."""

    reckoned: int
    failed: int


def sweep(store: Store) -> Swept:
    """Reckon all lots of all organizations that have expired by now, as far as there is time."""
    reckoned = failed = 0
    now = times.to_text(times.now())
    for slice_ in range(keys.DIRECTORY_SLICES):
        for entry in store.query_index(keys.expiries(slice_), before=keys.beyond(now)):
            if not store.has_time():
                return Swept(reckoned, failed + 1)
            try:
                _reckon(store, entry)
                reckoned += 1
            except Unavailable:
                failed += 1
    return Swept(reckoned, failed)


def _reckon(store: Store, entry: Item) -> None:
    organization_id, customer_id = keys.parse_customer(entry[keys.PARTITION])
    own = store.of(organization_id)
    name = keys.next_of(*keys.parse_lots(entry[keys.SORT]))
    if reckoning.reckon(own, customer_id, name):
        return
    # The lots of a customer that was deleted stay as they are, and nobody looks for them again.
    with contextlib.suppress(ConditionFailed):
        own.write(
            update(
                keys.Key(entry[keys.PARTITION], entry[keys.SORT]),
                removed=(keys.DIRECTORY_PARTITION, keys.DIRECTORY_SORT),
                condition=equals(keys.DIRECTORY_SORT, entry[keys.DIRECTORY_SORT]),
            )
        )
