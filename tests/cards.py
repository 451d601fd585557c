"""Cards: what they must be, one for each living customer, and many of them at once."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from random import Random

from aureon import cards, keys, times
from aureon.domain.customers import Card, Customer, profile
from aureon.store import Store, put_over
from tests.recount import scan


def assert_cards(store: Store) -> None:
    """The cards are those of the living customers, and each slice has their number."""
    found: dict[tuple[str, str], Card] = {}
    living: dict[tuple[str, str], Card] = {}
    counted: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for item in scan(store):
        partition, sort_key = item[keys.PARTITION], item[keys.SORT]
        organization_id, kind, *_ = partition.split("#")
        if kind == "CARDS" and sort_key == keys.CARDS_COUNT:
            counts[partition] = int(item["living"])
        elif kind == "CARDS":
            card = Card.from_item(item)
            assert partition == keys.cards(organization_id, keys.directory_slice(card.id))
            found[organization_id, card.id] = card
            counted[partition] += 1
        elif kind == "CUSTOMER" and sort_key == keys.CUSTOMER_SORT:
            customer = profile(item)
            if customer is not None:
                living[organization_id, customer.id] = Card.of(customer)
    assert found == living
    assert +counts == counted


def fill(store: Store, organization_id: str, customers: int) -> None:
    """Create so many customers, as far as lists know them, one a second until now."""
    random = Random(customers)
    now = times.now()
    for number in range(customers):
        customer_id = str(uuid.UUID(int=random.getrandbits(128)))
        customer = Customer(
            id=customer_id,
            email=f"user_{number}@example.com",
            created_at=now - timedelta(seconds=customers - number),
            meter_version=0,
            ledger_ids=(customer_id,),
            name=f"Customer {number}",
            external_id=f"user_{number}",
            metadata={"plan": "pro"},
        )
        key = keys.customer(organization_id, customer_id)
        pointer = put_over(
            keys.email(organization_id, customer.email), {"customer_id": customer_id}
        )
        added = cards.added(organization_id, customer)
        store.transact([put_over(key, customer.to_item()), pointer, *added])
