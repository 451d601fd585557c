"""Cards: the list of an organization's customers, kept in each customer's own transactions.

A card has what the list sorts and searches by, and each slice of the cards has their number, so
that the list, a search and its count are as exact at once as the customers are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aureon import keys, listing, times
from aureon.domain.customers import Card, Customer
from aureon.store import Store, Write, delete, put_over, update

NEWEST_FIRST: Final = "-created_at"
# Slices are not equally full: so many more are read of each than its share, its count among them.
SPARE: Final = 9
MAX_AT_A_TIME: Final = 1_000

_SORT_BY: Final = {
    "created_at": lambda card: card.created_at,
    "email": lambda card: card.email.casefold(),
    "name": lambda card: card.name and card.name.casefold(),
}


@dataclass(frozen=True, slots=True)
class Search:
    """Which customers a list has, and in which order.

    `email` is a whole address, `text` a part of an address, a name or an external id, both in any
    case; `metadata` has the values that are wanted for each key; `sorting` the criteria, such as
    ``-created_at``.
    """

    email: str | None = None
    text: str = ""
    metadata: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sorting: Sequence[str] = ()

    @property
    def narrows(self) -> bool:
        """Whether it may leave any customer out."""
        return bool(self.text or self.metadata)

    def among(self, cards: Iterable[Card]) -> list[Card]:
        """The cards that it finds, in its order. Raises `Invalid` for an order that is none."""
        text = self.text.casefold()
        return listing.sort(
            (
                card
                for card in cards
                if card.has_text(text) and listing.has_metadata(card.metadata, self.metadata)
            ),
            self.sorting,
            _SORT_BY,
            default=NEWEST_FIRST,
        )


def find(store: Store, organization_id: str, search: Search, part: slice) -> tuple[list[str], int]:
    """The ids of a part of what a search by anything but an address finds, and how many it finds.

    Where nothing is sought, newest first, it reads the cards up to the end of the part; else all.
    Raises `Invalid` for an order that is none.
    """
    if not search.narrows and tuple(search.sorting) in ((), (NEWEST_FIRST,)):
        return _newest(store, organization_id, part)
    found = search.among(read_all(store, organization_id))
    return [card.id for card in found[part]], len(found)


def _newest(store: Store, organization_id: str, part: slice) -> tuple[list[str], int]:
    slices = range(keys.DIRECTORY_SLICES)
    at_a_time = min(part.stop // len(slices) + SPARE, MAX_AT_A_TIME)
    newest_first = heapq.merge(
        *(
            store.query(keys.cards(organization_id, slice_), newest_first=True, at_a_time=at_a_time)
            for slice_ in slices
        ),
        key=lambda item: str(item[keys.SORT]),
        reverse=True,
    )
    ids: list[str] = []
    living = 0
    for item in newest_first:
        if item[keys.SORT] == keys.CARDS_COUNT:
            # The counts of all slices sort before their cards.
            living += int(item["living"])
            continue
        ids.append(keys.parse_card(item[keys.SORT])[1])
        if len(ids) >= min(part.stop, living):
            break
    return ids[part], living


def read_all(store: Store, organization_id: str) -> Iterator[Card]:
    """The cards of all customers, in no order."""
    for slice_ in range(keys.DIRECTORY_SLICES):
        cards = store.query(keys.cards(organization_id, slice_), before=keys.CARDS_COUNT)
        yield from map(Card.from_item, cards)


def added(organization_id: str, customer: Customer) -> list[Write]:
    """What else is written in the transaction that creates a customer."""
    return [_put(organization_id, customer), _count(organization_id, customer, 1)]


def changed(organization_id: str, before: Customer, after: Customer) -> list[Write]:
    """What else is written in the transaction that changes a customer."""
    return [] if Card.of(after) == Card.of(before) else [_put(organization_id, after)]


def removed(organization_id: str, customer: Customer) -> list[Write]:
    """What else is written in the transaction that deletes a customer."""
    return [delete(_key(organization_id, customer)), _count(organization_id, customer, -1)]


def _put(organization_id: str, customer: Customer) -> Write:
    return put_over(_key(organization_id, customer), Card.of(customer).to_item())


def _count(organization_id: str, customer: Customer, more: int) -> Write:
    key = keys.cards_count(organization_id, customer.id)
    return update(key, "ADD living :more", values={":more": more})


def _key(organization_id: str, customer: Customer) -> keys.Key:
    return keys.card(organization_id, times.to_text(customer.created_at), customer.id)
