"""Reading balances: strongly consistent, so that each includes every event that was answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from aureon import backfill, catalog, customers, directory, keys, times
from aureon.domain.balances import Balance, add_up
from aureon.domain.credits import Holds
from aureon.domain.customers import Customer, profile
from aureon.domain.events import MAX_ID_CHARACTERS
from aureon.domain.meters import Meter
from aureon.errors import NotFound
from aureon.exact import ZERO
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

    One query, and one more for each ledger that was linked to the customer later. Meters that
    have counted nothing are left out, unless units of them are held, or they are still counting
    the past.
    """
    if not 0 < len(customer_id) <= MAX_ID_CHARACTERS:
        raise NotFound("There is no such customer.")
    # Before the balances: that a meter has counted its past holds for what is read after it.
    before = catalog.definitions(store, organization_id)
    items = list(store.query(keys.customer(organization_id, customer_id).pk))
    customer = profile(
        next((item for item in items if item[keys.SORT] == keys.CUSTOMER_SORT), None)
    )
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    now = times.now()
    held = {
        item[keys.SORT].removeprefix(keys.HOLDS_PREFIX): Holds.from_item(item).open_at(now).units()
        for item in items
        if item[keys.SORT].startswith(keys.HOLDS_PREFIX)
    }
    ledgers = {customer.id: _by_meter(items)}
    for ledger_id in customer.ledger_ids:
        if ledger_id != customer.id:
            partition = keys.customer(organization_id, ledger_id).pk
            ledgers[ledger_id] = _by_meter(store.query(partition, prefix=keys.BALANCE_PREFIX))
    needed = {meter_id for shards in ledgers.values() for meter_id in shards}
    meters = {
        meter.id: meter if meter == before.get(meter.id) else replace(meter, backfilled=False)
        for meter in catalog.definitions(store, organization_id, needed=needed).values()
    }
    return customer, [
        CustomerMeter(customer, meter, balance, held.get(meter.id, ZERO))
        for meter in meters.values()
        if meter.archived_at is None
        and (balance := _balance(store, organization_id, customer, meter, ledgers)) is not None
        and (balance.count or held.get(meter.id) or not balance.complete)
    ]


def _balance(
    store: Store,
    organization_id: str,
    customer: Customer,
    meter: Meter,
    ledgers: Mapping[str, Mapping[str, Sequence[Item]]],
) -> Balance | None:
    """A customer's balance of a meter, where there is one."""
    shards = {
        ledger_id: [
            item
            for item in by_meter.get(meter.id, ())
            if keys.parse_balance(item[keys.SORT]).generation == meter.generation
        ]
        for ledger_id, by_meter in ledgers.items()
    }
    incomplete = [
        ledger_id
        for ledger_id, items in shards.items()
        if not meter.is_complete(
            # With which version a ledger began that was linked later, the customer doesn't know.
            customer.meter_version if ledger_id == customer.id else 0,
            counted_to(items),
        )
    ]
    for ledger_id in incomplete:
        backfill.ask(organization_id, meter, ledger_id)
    complete = not incomplete
    items = [item for theirs in shards.values() for item in theirs]
    if not items:
        if complete:
            return None
        return Balance(customer.id, meter.id, meter.since_at, meter.since_at, complete=False)
    balance = replace(add_up(customer.id, meter.id, items), complete=complete)
    if meter.aggregation.func == "unique" and len(shards) > 1:
        balance = replace(balance, distinct=_distinct(store, organization_id, meter, list(shards)))
    return balance


def counted_to(shards: Iterable[Item]) -> str | None:
    """How far a meter's backfill has come in a ledger's log, as the balance's items have it."""
    return next((item["counted_to"] for item in shards if "counted_to" in item), None)


def _distinct(store: Store, organization_id: str, meter: Meter, ledger_ids: Sequence[str]) -> int:
    """How many values have counted in several ledgers: some of them in more than one."""
    values = {
        item[keys.SORT]
        for ledger_id in ledger_ids
        for item in store.query(
            keys.unique_values(organization_id, ledger_id, meter.id, meter.generation)
        )
    }
    return len(values)


def _by_meter(items: Iterable[Item]) -> dict[str, list[Item]]:
    """The items among these that are balances, by meter."""
    by_meter: dict[str, list[Item]] = {}
    for item in items:
        if item[keys.SORT].startswith(keys.BALANCE_PREFIX):
            meter_id = keys.parse_balance(item[keys.SORT]).meter_id
            by_meter.setdefault(meter_id, []).append(item)
    return by_meter


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
    """The balances of these customers and meters; of all of them where none are named.

    Where meters are named and no customers, only those are read who hold a balance of one, as an
    index tells that follows by a moment. Where no customers are named, those are left out of whom
    nothing was counted yet, incomplete as their balances may be: a list of all is no place to learn
    that a meter is still counting.
    """
    found: list[CustomerMeter] = []
    named = bool(customer_ids or external_ids)
    chosen: Iterable[str]
    if meter_ids and not named:
        known = catalog.definitions(store, organization_id, needed=meter_ids)
        wanted = [known[meter_id] for meter_id in dict.fromkeys(meter_ids) if meter_id in known]
        chosen = directory.holders(store, organization_id, wanted)
    else:
        chosen = _customer_ids(store, organization_id, customer_ids, external_ids)
    for customer_id in chosen:
        try:
            _, customer_meters = of_customer(store, organization_id, customer_id)
        except NotFound:
            continue
        found += customer_meters
    return [
        one
        for one in found
        if (named or one.balance.count) and (not meter_ids or one.meter.id in meter_ids)
    ]


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
