"""The list of an organization's customers: summaries, kept in each customer's own transactions.

A summary has what the list sorts and searches by. Each slice of the summaries has their number, so
the list, a search and its count are as exact at once as the customers are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from aureon.core import listing, times
from aureon.core.texts import folded
from aureon.domain.customers import Customer, CustomerSummary
from aureon.storage import keys
from aureon.storage.keys import Keys
from aureon.storage.store import OrganizationStore, Write, delete, put_over, update

NEWEST_FIRST: Final = "-created_at"
# Slices are not equally full: so many more are read of each than its share, its count among them.
SPARE: Final = 9
MAX_AT_A_TIME: Final = 1_000

_SORT_BY: Final = {
    "created_at": lambda summary: summary.created_at,
    "email": lambda summary: summary.email.casefold(),
    "name": lambda summary: summary.name and summary.name.casefold(),
}


class Search(Struct, frozen=True):
    """Which customers a list has, and in which order.

    `email` is a whole address, `text` a part of an address, a name or an external id, both in any
    case, and the text with or without accents; `metadata` has the values that are wanted for each
    key; `sorting` the criteria, such as ``-created_at``.
    """

    email: str | None = None
    text: str = ""
    metadata: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sorting: Sequence[str] = ()

    @property
    def narrows(self) -> bool:
        """Whether it may leave any customer out."""
        return bool(self.text or self.metadata)

    def among(self, summaries: Iterable[CustomerSummary]) -> list[CustomerSummary]:
        """The summaries that it finds, in its order. Raises `Invalid` for an order that is none."""
        text = folded(self.text)
        return listing.sort(
            (
                summary
                for summary in summaries
                if summary.has_text(text) and listing.has_metadata(summary.metadata, self.metadata)
            ),
            self.sorting,
            _SORT_BY,
            default=NEWEST_FIRST,
        )


def find(store: OrganizationStore, search: Search, part: slice) -> tuple[list[str], int]:
    """The ids of a part of what a search by anything but an address finds, and how many it finds.

    Where nothing is sought, newest first, it reads the summaries up to the end of the part; else it
    reads all. Raises `Invalid` for an order that is none.
    """
    if not search.narrows and tuple(search.sorting) in ((), (NEWEST_FIRST,)):
        return _newest(store, part)
    found = search.among(read_all(store))
    return [summary.id for summary in found[part]], len(found)


def _newest(store: OrganizationStore, part: slice) -> tuple[list[str], int]:
    slices = range(keys.DIRECTORY_SLICES)
    at_a_time = min(part.stop // len(slices) + SPARE, MAX_AT_A_TIME)
    newest_first = heapq.merge(
        *(
            store.query(
                store.keys.customer_summaries(slice_), newest_first=True, at_a_time=at_a_time
            )
            for slice_ in slices
        ),
        key=lambda item: str(item[keys.SORT]),
        reverse=True,
    )
    ids: list[str] = []
    living = 0
    for item in newest_first:
        if item[keys.SORT] == keys.CUSTOMER_SUMMARY_COUNT:
            # The counts of all slices sort before their summaries.
            living += int(item["living"])
            continue
        ids.append(keys.parse_card(item[keys.SORT])[1])
        if len(ids) >= min(part.stop, living):
            break
    return ids[part], living


def read_all(store: OrganizationStore) -> Iterator[CustomerSummary]:
    """The summaries of all customers, in no order."""
    for slice_ in range(keys.DIRECTORY_SLICES):
        summaries = store.query(
            store.keys.customer_summaries(slice_), before=keys.CUSTOMER_SUMMARY_COUNT
        )
        yield from map(CustomerSummary.from_item, summaries)


def added(org_keys: Keys, customer: Customer) -> list[Write]:
    """What else is written in the transaction that creates a customer."""
    return [_put(org_keys, customer), _count(org_keys, customer, 1)]


def changed(org_keys: Keys, before: Customer, after: Customer) -> list[Write]:
    """What else is written in the transaction that changes a customer."""
    return (
        [] if CustomerSummary.of(after) == CustomerSummary.of(before) else [_put(org_keys, after)]
    )


def removed(org_keys: Keys, customer: Customer) -> list[Write]:
    """What else is written in the transaction that deletes a customer."""
    return [delete(_key(org_keys, customer)), _count(org_keys, customer, -1)]


def _put(org_keys: Keys, customer: Customer) -> Write:
    return put_over(_key(org_keys, customer), CustomerSummary.of(customer).to_item())


def _count(org_keys: Keys, customer: Customer, more: int) -> Write:
    key = org_keys.cards_count(customer.id)
    return update(key, added={"living": more})


def _key(org_keys: Keys, customer: Customer) -> keys.Key:
    return org_keys.customer_summary(times.to_text(customer.created_at), customer.id)
