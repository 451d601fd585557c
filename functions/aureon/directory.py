"""The directory: every ledger of an organization, for whoever has to visit them all.

Ghosts come before customers: one that becomes a customer, or is linked to one, while somebody
walks is met twice rather than never. Whoever is created meanwhile may be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from aureon import keys
from aureon.domain.meters import Meter
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


def holders(store: Store, organization_id: str, meters: Iterable[Meter]) -> list[str]:
    """The ids of the customers for whom a meter has counted anything, each once.

    As the index has it, which follows the table by a moment. Deleted customers may be among them;
    ghosts are not.
    """
    ledger_ids = {
        entry[keys.DIRECTORY_SORT]
        for meter in meters
        for slice_ in range(keys.DIRECTORY_SLICES)
        for entry in store.query_index(keys.holder_directory(organization_id, meter.id, slice_))
        if keys.parse_balance(entry[keys.SORT]).generation == meter.generation
    }
    wanted = [keys.customer(organization_id, ledger_id) for ledger_id in sorted(ledger_ids)]
    items = store.batch_get(wanted).values()
    # A ghost's item is at most a mark, until it becomes a customer or is linked to one.
    owners = dict.fromkeys(item.get("linked_to", item.get("id")) for item in items)
    return [customer_id for customer_id in owners if customer_id is not None]
