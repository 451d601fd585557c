"""Rankings: a meter's customers in the order of what they have left, for lists in bounded calls.

They are read models, and follow balances by a moment: each page that is projected has its customer
looked at again. A rank is coarse, so most looks are two reads and no write. It orders a list and no
more: what a list shows are the balances as they are when it is read.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, NamedTuple

from aureon.core.errors import AureonError, Invalid, NotFound, Unavailable
from aureon.core.exact import EXACT
from aureon.core.retry import Backoff
from aureon.customers import balances
from aureon.customers.balances import CustomerMeter
from aureon.domain import ranks
from aureon.domain.meters import Meter
from aureon.domain.ranks import STATUSES, Status
from aureon.storage import keys
from aureon.storage.expressions import absent, equals
from aureon.storage.keys import Keys
from aureon.storage.store import (
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    Write,
    delete,
    put,
    put_over,
    update,
)
from aureon.storage.table import is_inserted_page

MAX_ATTEMPTS: Final = 8
BACKOFF: Final = Backoff(first_seconds=0.02, longest_seconds=0.2)
# Of meters: a move is four writes at most, and where the customer stands is one more.
MAX_MOVES: Final = 20
# Rows that are skipped, since balances have moved on, are read beyond a page; no more than so many.
MAX_SKIPPED: Final = 100

_CURSOR: Final = re.compile(r"[012][0-9]{0,4}#[0-9a-f-]{36}")

# A meter and its generation, as the item of a customer names them.
_Place = tuple[str, int]


class Ranked(NamedTuple):
    """A part of a ranking: balances in order, and behind which entry the next part begins.

    `counts` say how many customers of each status there are in all, as the read model has it.
    """

    items: list[CustomerMeter]
    counts: dict[Status, int]
    following: str | None


def left_of(found: CustomerMeter) -> Decimal:
    """What a customer has left of what was granted; below 0 where more was used."""
    return EXACT.minus(found.balance.sum)


def follow(store: OrganizationStore, ledger_ids: Iterable[str]) -> None:
    """Look again at the customers of ledgers in which something was counted.

    A ledger whose external id nobody has yet is in no ranking. Raises `Unavailable`.
    """
    wanted = [store.keys.customer(ledger_id) for ledger_id in dict.fromkeys(ledger_ids)]
    items = store.batch_get(wanted).values()
    owners = dict.fromkeys(item.get("linked_to", item.get("id")) for item in items)
    for customer_id in owners:
        if customer_id is not None:
            refresh(store, customer_id)


def follow_pages(store: Store, records: Iterable[Mapping[str, Any]]) -> dict[str, AureonError]:
    """Look again at the customers of the pages that a delivery of the stream tells of.

    Returns the sequence numbers of records that failed, and why: they may all come again.
    """
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for record in filter(is_inserted_page, records):
        with suppress(ValueError, KeyError):
            partition = record["dynamodb"]["NewImage"][keys.PARTITION]["S"]
            organization_id, ledger_id = keys.parse_log(partition)
            found[organization_id][record["dynamodb"]["SequenceNumber"]] = ledger_id
    failed: dict[str, AureonError] = {}
    for organization_id, ledgers in found.items():
        try:
            follow(store.of(organization_id), ledgers.values())
        except Unavailable as error:
            failed |= dict.fromkeys(ledgers, error)
    return failed


def refresh(store: OrganizationStore, customer_id: str) -> None:
    """Rank a customer by the balances as they are now; one who is deleted has no rank.

    Raises `Unavailable`.
    """
    _rank(store, customer_id, lambda: _ranks(store, customer_id))


def forget(store: OrganizationStore, customer_id: str) -> None:
    """Take a customer who was deleted out of all rankings. Raises `Unavailable`."""
    _rank(store, customer_id, dict)


def _rank(
    store: OrganizationStore, customer_id: str, wanted: Callable[[], dict[_Place, str]]
) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        # Before the balances: who has ranked by later ones has raised it.
        item = store.get(store.keys.ranked(customer_id))
        before = {} if item is None else _places(item["ranks"])
        after = wanted()
        moved = [place for place in {**before, **after} if before.get(place) != after.get(place)]
        if not moved:
            return
        some = moved[:MAX_MOVES]
        kept = {place: rank for place, rank in before.items() if place not in some}
        kept |= {place: after[place] for place in some if place in after}
        rev = 0 if item is None else int(item["rev"])
        writes = [
            put(
                store.keys.ranked(customer_id),
                {"rev": rev + 1, "ranks": {_name(place): rank for place, rank in kept.items()}},
                absent("rev") if item is None else equals("rev", rev),
            )
        ]
        for place in some:
            writes += _move(store.keys, customer_id, place, before.get(place), after.get(place))
        try:
            store.transact(writes)
        except TransactionCancelled:
            BACKOFF.wait(attempt)
        else:
            if len(some) == len(moved):
                return
    raise Unavailable("A customer's ranks are being written too often.")


def _ranks(store: OrganizationStore, customer_id: str) -> dict[_Place, str]:
    with suppress(NotFound):
        _, found = balances.of_customer(store, customer_id, credits_only=True)
        return {
            (one.meter.id, one.meter.generation): ranks.rank(left_of(one))
            for one in found
            if one.balance.count
        }
    return {}


def _move(
    org_keys: Keys, customer_id: str, place: _Place, before: str | None, after: str | None
) -> Iterator[Write]:
    slice_ = keys.projection_slice(customer_id)
    partition = org_keys.ranking(*place, slice_)
    change: Counter[str] = Counter()
    if before is not None:
        yield delete(keys.Key(partition, _entry(before, customer_id)))
        change[_status(before)] -= 1
    if after is not None:
        yield put_over(keys.Key(partition, _entry(after, customer_id)), {})
        change[_status(after)] += 1
    if added := {status: more for status, more in change.items() if more}:
        yield update(org_keys.ranking_count(*place, slice_), added=added)


def read(
    store: OrganizationStore,
    meter: Meter,
    *,
    status: Status | None,
    at_most: Decimal | None,
    most_first: bool,
    after: str | None,
    limit: int,
) -> Ranked:
    """A part of a meter's customers, in the order of what they have left, the least first.

    With a `status` only those; with `at_most` those who have no more left than that. Balances that
    do not fit any more are left out, so a part may have fewer than `limit`; there are no more when
    nothing is `following`. Raises `Invalid` for a cursor that is none.
    """
    counts = _counts(store, meter)
    if meter.archived_at is not None:
        return Ranked([], dict.fromkeys(STATUSES, 0), None)
    items: list[CustomerMeter] = []
    skipped = 0
    following = None
    last: str | None = None
    entries = _entries(
        store,
        meter,
        status,
        at_most,
        most_first=most_first,
        after=after,
        at_a_time=limit + 1,
    )
    for entry in entries:
        if len(items) == limit or skipped == MAX_SKIPPED:
            following = last
            break
        last = entry
        found = _balance(store, entry.rpartition(keys.SEPARATOR)[2], meter)
        if found is None or not _fits(left_of(found), status, at_most):
            skipped += 1
            continue
        items.append(found)
    # Ranks are coarse: among those of one, and where balances have moved on, these decide.
    items.sort(key=lambda one: (left_of(one), one.customer.id), reverse=most_first)
    return Ranked(items, counts, following)


def _balance(store: OrganizationStore, customer_id: str, meter: Meter) -> CustomerMeter | None:
    with suppress(NotFound):
        _, found = balances.of_customer(store, customer_id, credits_only=True)
        return next((one for one in found if one.meter.id == meter.id), None)
    return None


def _fits(left: Decimal, status: Status | None, at_most: Decimal | None) -> bool:
    return (status is None or ranks.status_of(left) == status) and (
        at_most is None or left <= at_most
    )


def _entries(
    store: OrganizationStore,
    meter: Meter,
    status: Status | None,
    at_most: Decimal | None,
    *,
    most_first: bool,
    after: str | None,
    at_a_time: int,
) -> Iterator[str]:
    """The entries of a ranking, in order: their ranks and customers."""
    since, before = ("0", "3") if status is None else ranks.between(status)
    if at_most is not None:
        before = min(before, keys.beyond(ranks.rank(at_most)))
    if after is not None:
        if not _CURSOR.fullmatch(after):
            raise Invalid.at(("query", "after"), "This cursor belongs to no list.", after)
        since, before = (since, min(before, after)) if most_first else (max(since, after), before)
    if since > before:
        return
    slices = (
        store.query(
            store.keys.ranking(meter.id, meter.generation, slice_),
            since=since,
            before=before,
            newest_first=most_first,
            at_a_time=at_a_time,
        )
        for slice_ in range(keys.PROJECTION_SLICES)
    )
    sorts = (map(_sort, items) for items in slices)
    for entry in heapq.merge(*sorts, reverse=most_first):
        if entry != after:
            yield entry


def _sort(item: Item) -> str:
    return str(item[keys.SORT])


def _counts(store: OrganizationStore, meter: Meter) -> dict[Status, int]:
    items = store.batch_get(
        store.keys.ranking_count(meter.id, meter.generation, slice_)
        for slice_ in range(keys.PROJECTION_SLICES)
    ).values()
    return {status: sum(int(item.get(status, 0)) for item in items) for status in STATUSES}


def _entry(rank: str, customer_id: str) -> str:
    return f"{rank}{keys.SEPARATOR}{customer_id}"


def _status(rank: str) -> Status:
    return STATUSES[int(rank[0])]


def _name(place: _Place) -> str:
    meter_id, generation = place
    return f"{meter_id}{keys.SEPARATOR}{generation}"


def _places(item: Mapping[str, str]) -> dict[_Place, str]:
    found = {}
    for name, rank in item.items():
        meter_id, _, generation = name.rpartition(keys.SEPARATOR)
        found[meter_id, int(generation)] = rank
    return found
