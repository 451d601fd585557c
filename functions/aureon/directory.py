"""The directory: every ledger of an organization, for whoever has to visit them all.

Ghosts come before customers: one that becomes a customer, or is linked to one, while somebody
walks is met twice rather than never. Whoever is created meanwhile may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from aureon import keys
from aureon.store import MAX_BATCH_GET_KEYS, Item, Store

# How many entries are looked up in one call.
CHUNK: Final = MAX_BATCH_GET_KEYS


class Listed(NamedTuple):
    """The ledgers of a customer, or of a ghost, whose `customer_id` is None.

    `meter_version` is the version of the meters that the first ledger began with; 0 where that is
    not known, as it is not for ledgers that were linked later.
    """

    customer_id: str | None
    ledger_ids: Sequence[str]
    meter_version: int


def partitions(organization_id: str) -> list[str]:
    """The parts of the directory, in the order in which they are to be walked."""
    slices = range(keys.DIRECTORY_SLICES)
    return [
        *(keys.ghost_directory(organization_id, slice_) for slice_ in slices),
        *(keys.customer_directory(organization_id, slice_) for slice_ in slices),
    ]


def look_up(store: Store, entries: Sequence[Item]) -> Iterator[Listed]:
    """Read whose ledgers some entries list, at most `CHUNK`."""
    listed = [keys.Key(entry[keys.PARTITION], entry[keys.SORT]) for entry in entries]
    found = store.batch_get(listed)
    for key, entry in zip(listed, entries, strict=True):
        id_ = keys.listed_id(entry[keys.DIRECTORY_SORT])
        item = found.get(key, {})
        version = int(item.get("meter_version", 0))
        if keys.lists_ghosts(entry[keys.DIRECTORY_PARTITION]):
            # The pointer may lead elsewhere by now; the ghost's ledger is still there.
            yield Listed(None, [id_], version if item.get("ledger_id") == id_ else 0)
        else:
            # Where the profile is lost, its own ledger need not be.
            yield Listed(id_, item.get("ledger_ids", [id_]), version)
