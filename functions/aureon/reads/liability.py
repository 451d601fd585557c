"""Liability: the credits that customers have left, and what they used beyond them, each night.

Both are sums over balances, of which only the positive or the negative ones count: no sum over
events tells them. So a walk through the directory reads each balance once, and carries what it has
added up in its job: a job that dies, or runs twice, writes the same day again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct, field

from aureon.core import times
from aureon.core.exact import EXACT, ZERO
from aureon.customers import rankings
from aureon.domain.balances import add_up
from aureon.domain.meters import DECISIVE, Meter
from aureon.meters import catalog
from aureon.storage import directory, keys
from aureon.storage.directory import BEGINNING, DirectoryPosition
from aureon.storage.store import Item, OrganizationStore, put_over


class Owed(NamedTuple):
    """What a meter's customers have left, and what they used beyond it, in units.

    `holders` are those who have some left, and `over` those who went beyond: a customer, or an
    external id that nobody has yet.
    """

    outstanding: Decimal = ZERO
    overage: Decimal = ZERO
    holders: int = 0
    over: int = 0

    def plus(self, balance: Decimal) -> Owed:
        """With one more customer, who has this balance of a meter that has granted something."""
        if balance < 0:
            left = EXACT.subtract(self.outstanding, balance)
            return self._replace(outstanding=left, holders=self.holders + 1)
        if balance > 0:
            beyond = EXACT.add(self.overage, balance)
            return self._replace(overage=beyond, over=self.over + 1)
        return self

    def to_item(self) -> Item:
        return self._asdict()

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Owed:
        return cls(
            Decimal(item["outstanding"]),
            Decimal(item["overage"]),
            int(item["holders"]),
            int(item["over"]),
        )


class Liability(Struct):
    """Adds up what is owed, by meter, from a place in the directory on."""

    store: OrganizationStore
    place: DirectoryPosition = BEGINNING
    totals: dict[str, Owed] = field(default_factory=dict)

    def sums(self) -> dict[str, dict[str, str]]:
        """What is added up so far, as a job carries it."""
        return {
            meter_id: {name: str(figure) for name, figure in owed._asdict().items()}
            for meter_id, owed in self.totals.items()
        }

    def run(self) -> bool:
        """Go on while there is time; say whether all is added up, and then keep it as today's.

        Raises `Unavailable`.
        """
        meters = {
            meter.id: meter
            for meter in catalog.read_all(self.store)
            if meter.archived_at is None and meter.aggregation.func in DECISIVE
        }
        for step in directory.walk(self.store, self.place):
            if step.listed is not None:
                if step.listed.customer_id is not None:
                    # What nothing has counted for is told here too: who was made, or deleted.
                    rankings.refresh(self.store, step.listed.customer_id)
                for meter_id, balance in _balances(self.store, step.listed, meters):
                    self.totals[meter_id] = self.totals.get(meter_id, Owed()).plus(balance)
            self.place = step.place
            if not self.store.has_time():
                return False
        now = times.now()
        owed = {meter_id: owed.to_item() for meter_id, owed in self.totals.items()}
        key = self.store.keys.liability(now.date().isoformat())
        self.store.write(put_over(key, {"counted_at": times.to_text(now), "meters": owed}))
        return True


def _balances(
    store: OrganizationStore, listed: directory.Listed, meters: Mapping[str, Meter]
) -> Iterator[tuple[str, Decimal]]:
    """The balances, of a customer or of a ghost, of meters on which something was granted."""
    items = [
        item
        for ledger_id in listed.ledger_ids
        for item in store.query(store.keys.customer(ledger_id).pk)
    ]
    profile = next((item for item in items if item[keys.SORT] == keys.CUSTOMER_SORT), {})
    if profile.get("deleted_at"):
        return
    if listed.customer_id is None and ("created_at" in profile or "linked_to" in profile):
        # It is listed as a customer too.
        return
    shards: dict[str, list[Item]] = {}
    for item in items:
        if item[keys.SORT].startswith(keys.BALANCE_PREFIX):
            about = keys.parse_balance(item[keys.SORT])
            meter = meters.get(about.meter_id)
            if meter is not None and meter.generation == about.generation:
                shards.setdefault(meter.id, []).append(item)
    for meter_id, theirs in shards.items():
        balance = add_up("", meter_id, theirs)
        if balance.granted > 0:
            yield meter_id, balance.sum


class Day(NamedTuple):
    """What was owed of a meter at the end of a night's count."""

    counted_at: str
    owed: Owed


def read(store: OrganizationStore, meter_id: str, first: str, last: str) -> dict[str, Day]:
    """What was owed of a meter, by day in UTC, ``2026-11-24``: of the days that were counted."""
    found = store.query(store.keys.liabilities(), since=first, before=keys.beyond(last))
    return {
        item[keys.SORT]: Day(
            item["counted_at"], Owed.from_item(item["meters"].get(meter_id, Owed().to_item()))
        )
        for item in found
    }


def resumed(
    store: OrganizationStore, place: DirectoryPosition, totals: Mapping[str, Mapping[str, Any]]
) -> Liability:
    """The count that a job says to go on with."""
    return Liability(
        store, place, {meter_id: Owed.from_item(item) for meter_id, item in totals.items()}
    )
