"""Reading balances: strongly consistent, so that each includes every event that was answered."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import NamedTuple

from aureon import catalog, customers, keys, times
from aureon.domain.balances import ZERO, Balance, add_up
from aureon.domain.credits import Holds
from aureon.domain.customers import Customer, profile
from aureon.domain.events import MAX_ID_CHARACTERS
from aureon.domain.meters import Meter
from aureon.errors import NotFound
from aureon.store import Item, Store


class CustomerMeter(NamedTuple):
    """What one meter makes of one customer's events, and the units that open holds reserve."""

    customer: Customer
    meter: Meter
    balance: Balance
    held: Decimal

    @property
    def id(self) -> str:
        return f"{self.customer.id}.{self.meter.id}"


def of_customer(
    store: Store, organization_id: str, customer_id: str
) -> tuple[Customer, list[CustomerMeter]]:
    """A customer with all balances of meters that are not archived. Raises `NotFound`.

    One query, and one more for each ledger that was linked to the customer later.
    """
    if not 0 < len(customer_id) <= MAX_ID_CHARACTERS:
        raise NotFound("There is no such customer.")
    items = list(store.query(keys.customer(organization_id, customer_id).pk))
    customer = profile(
        next((item for item in items if item[keys.SORT] == keys.CUSTOMER_SORT), None)
    )
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    shards = [item for item in items if _is_balance(item)]
    now = times.now()
    held = {
        item[keys.SORT].removeprefix(keys.HOLDS_PREFIX): Holds.from_item(item).open_at(now).units()
        for item in items
        if item[keys.SORT].startswith(keys.HOLDS_PREFIX)
    }
    for ledger_id in customer.ledger_ids:
        if ledger_id != customer.id:
            ledger = keys.customer(organization_id, ledger_id).pk
            shards += store.query(ledger, prefix=keys.BALANCE_PREFIX)
    balances = add_up(customer.id, shards)
    meters = catalog.definitions(
        store, organization_id, needed=[balance.meter_id for balance in balances]
    )
    return customer, [
        CustomerMeter(customer, meter, balance, held.get(meter.id, ZERO))
        for balance in balances
        if (meter := meters.get(balance.meter_id)) is not None and meter.archived_at is None
    ]


def get(store: Store, organization_id: str, customer_meter_id: str) -> CustomerMeter:
    """Read one customer's balance of one meter. Raises `NotFound`."""
    customer_id, _, meter_id = customer_meter_id.partition(".")
    _, found = of_customer(store, organization_id, customer_id)
    for customer_meter in found:
        if customer_meter.meter.id == meter_id:
            return customer_meter
    raise NotFound("There is no such customer meter.")


def find(
    store: Store,
    organization_id: str,
    *,
    customer_ids: Collection[str] = (),
    external_ids: Collection[str] = (),
    meter_ids: Collection[str] = (),
) -> list[CustomerMeter]:
    """The balances of these customers and meters; of all of them where none are named."""
    found: list[CustomerMeter] = []
    for customer_id in _customer_ids(store, organization_id, customer_ids, external_ids):
        try:
            _, customer_meters = of_customer(store, organization_id, customer_id)
        except NotFound:
            continue
        found += customer_meters
    return [one for one in found if not meter_ids or one.meter.id in meter_ids]


def _customer_ids(
    store: Store,
    organization_id: str,
    customer_ids: Collection[str],
    external_ids: Collection[str],
) -> Iterator[str]:
    """The ids of customers that are named by every way that is used to name them."""
    if external_ids:
        for external_id in dict.fromkeys(external_ids):
            try:
                customer_id = customers.find_id(store, organization_id, external_id)
            except NotFound:
                continue
            if not customer_ids or customer_id in customer_ids:
                yield customer_id
    elif customer_ids:
        yield from dict.fromkeys(customer_ids)
    else:
        for customer in customers.read_all(store, organization_id):
            yield customer.id


def _is_balance(item: Item) -> bool:
    sort_key: str = item[keys.SORT]
    return sort_key.startswith(keys.BALANCE_PREFIX)
