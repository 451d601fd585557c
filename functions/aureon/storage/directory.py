"""The directory: every ledger of an organization, for callers that visit them all.

Ghosts come before customers: one that becomes a customer, or is linked to one, while somebody
walks is met twice rather than never. A ledger created meanwhile may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from aureon.storage import keys
from aureon.storage.keys import Keys
from aureon.storage.limits import MAX_BATCH_GET_KEYS
from aureon.storage.store import Item, OrganizationStore, Store

# How many entries are looked up in one call.
CHUNK: Final = MAX_BATCH_GET_KEYS


class DirectoryPosition(NamedTuple):
    """How far a walk has come: a part of the directory, and the last entry there."""

    partition: int = 0
    after: Item | None = None


BEGINNING: Final = DirectoryPosition()


class Listed(NamedTuple):
    """The ledgers of a customer, or of a ghost, whose `customer_id` is None.

    `meter_version` is the version of the meters that the first ledger began with; 0 where that is
    not known, as it is not for ledgers that were linked later.
    """

    customer_id: str | None
    ledger_ids: Sequence[str]
    meter_version: int


def partitions(org_keys: Keys) -> list[str]:
    """The parts of the directory, in the order in which they are to be walked."""
    slices = range(keys.DIRECTORY_SLICES)
    return [
        *(org_keys.ghost_directory(slice_) for slice_ in slices),
        *(org_keys.customer_directory(slice_) for slice_ in slices),
    ]


class Step(NamedTuple):
    """Whose ledgers an entry lists, None at the end of a part, and the place behind the entry.

    At a `landmark`, which comes once in many steps, the place is worth keeping.
    """

    listed: Listed | None
    place: DirectoryPosition
    landmark: bool


def count(store: OrganizationStore) -> int:
    """About how many entries there are."""
    return sum(store.count_index(partition) for partition in partitions(store.keys))


def walk(
    store: OrganizationStore,
    start: DirectoryPosition = BEGINNING,
    *,
    read: Callable[[Callable[[], list[Listed]]], list[Listed]] | None = None,
) -> Iterator[Step]:
    """Visit all ledgers from a place on. A caller that asks for a step is done with the one before.

    `read` calls what reads a part of the ledgers, and may call it again where the database is busy.
    """
    for number, partition in enumerate(partitions(store.keys)):
        if number < start.partition:
            continue
        after = start.after if number == start.partition else None
        entries = store.query_index(partition, after=after)
        while some := list(islice(entries, CHUNK)):
            looked_up = partial(_look_up, store, some)
            found = looked_up() if read is None else read(looked_up)
            for entry, listed in zip(some, found, strict=True):
                yield Step(listed, DirectoryPosition(number, entry), entry is some[-1])
        yield Step(None, DirectoryPosition(number + 1), True)


def _look_up(store: Store, entries: Sequence[Item]) -> list[Listed]:
    return list(look_up(store, entries))


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


def holders(store: OrganizationStore, generations: Iterable[tuple[str, int]]) -> list[str]:
    """The ids of the customers for whom a meter has counted anything, each once.

    `generations` are the ids of the meters, each with the generation that it is in.

    As the index has it, which follows the table by a moment. Deleted customers may be among them;
    ghosts are not.
    """
    ledger_ids = {
        entry[keys.DIRECTORY_SORT]
        for meter_id, generation in generations
        for slice_ in range(keys.DIRECTORY_SLICES)
        for entry in store.query_index(store.keys.holder_directory(meter_id, slice_))
        if keys.parse_balance(entry[keys.SORT]).generation == generation
    }
    wanted = [store.keys.customer(ledger_id) for ledger_id in sorted(ledger_ids)]
    items = store.batch_get(wanted).values()
    # A ghost's item is at most a mark, until it becomes a customer or is linked to one.
    owners = dict.fromkeys(item.get("linked_to", item.get("id")) for item in items)
    return [customer_id for customer_id in owners if customer_id is not None]
