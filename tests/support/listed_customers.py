"""Summaries: what they must be, one for each living customer, and many of them at once."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from random import Random

from aureon.core import times
from aureon.customers import summaries
from aureon.domain.customers import Customer, CustomerSummary, profile
from aureon.storage import keys
from aureon.storage.store import OrganizationStore, Store, put_over
from tests.support.recount import scan


def assert_cards(store: Store) -> None:
    """The summaries are those of the living customers, and each slice has their number."""
    found: dict[tuple[str, str], CustomerSummary] = {}
    living: dict[tuple[str, str], CustomerSummary] = {}
    counted: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for item in scan(store):
        partition, sort_key = item[keys.PARTITION], item[keys.SORT]
        organization_id, kind, *_ = partition.split("#")
        if kind == "CARDS" and sort_key == keys.CUSTOMER_SUMMARY_COUNT:
            counts[partition] = int(item["living"])
        elif kind == "CARDS":
            summary = CustomerSummary.from_item(item)
            assert partition == keys.Keys(organization_id).customer_summaries(
                keys.directory_slice(summary.id)
            )
            found[organization_id, summary.id] = summary
            counted[partition] += 1
        elif kind == "CUSTOMER" and sort_key == keys.CUSTOMER_SORT:
            customer = profile(item)
            if customer is not None:
                living[organization_id, customer.id] = CustomerSummary.of(customer)
    assert found == living
    assert +counts == counted


def fill(store: OrganizationStore, customers: int) -> None:
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
        key = store.keys.customer(customer_id)
        pointer = put_over(store.keys.email(customer.email), {"customer_id": customer_id})
        added = summaries.added(store.keys, customer)
        store.transact([put_over(key, customer.to_item()), pointer, *added])
