"""Reading balances: strongly consistent, so that each includes every event that was answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from aureon.core import times
from aureon.core.errors import NotFound
from aureon.core.exact import EXACT
from aureon.core.identifiers import is_id
from aureon.customers import profiles
from aureon.domain.balances import Balance, add_up
from aureon.domain.credits import Holds
from aureon.domain.customers import Customer, profile
from aureon.domain.lots import NEVER, Lots
from aureon.domain.meters import DECISIVE, Meter
from aureon.ledger import reckoning
from aureon.meters import backfills, catalog
from aureon.storage import directory, keys
from aureon.storage.store import Item, OrganizationStore


class CustomerMeter(NamedTuple):
    """What one meter makes of one customer's events, and the units that open holds reserve.

    `lots` are the open lots as they are now, of which `next_expiry` says when some expire next, and
    how many units; they are None where nobody asked for them.
    """

    customer: Customer
    meter: Meter
    balance: Balance
    held: Decimal
    next_expiry: tuple[datetime, Decimal] | None = None
    lots: Lots | None = None

    @property
    def id(self) -> str:
        return f"{self.customer.id}.{self.meter.id}"

    @property
    def limits_spending(self) -> bool:
        """Whether the meter decides on whatever it counts that the customer would spend."""
        if self.meter.aggregation.func not in DECISIVE:
            return False
        setting = self.meter.limits_spending
        return setting == "always" or (setting == "auto" and self.balance.granted > 0)


def of_customer(
    store: OrganizationStore,
    customer_id: str,
    *,
    with_lots: bool = False,
    credits_only: bool = False,
) -> tuple[Customer, list[CustomerMeter]]:
    """A customer with all balances of meters that are not archived. Raises `NotFound`.

    With `credits_only` those of meters that sum or count, and nobody is asked to count the past.

    One query, and one more for each ledger that was linked to the customer later. Where lots have
    expired that nobody has reckoned, or are asked for, one snapshot for each meter. Meters that
    have counted nothing are left out, unless units of them are held, or they are still counting
    the past.
    """
    if not is_id(customer_id):
        raise NotFound("There is no such customer.")
    now = times.now()
    # Before the balances: that a meter has counted its past holds for what is read after it.
    before = catalog.definitions(store)
    items = list(store.query(store.keys.customer(customer_id).pk))
    customer = profile(
        next((item for item in items if item[keys.SORT] == keys.CUSTOMER_SORT), None)
    )
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    _add_held(held, items)
    ledgers = {customer.id: _by_meter(items)}
    for ledger_id in customer.ledger_ids:
        if ledger_id != customer.id:
            linked = list(store.query(store.keys.customer(ledger_id).pk))
            _add_held(held, linked)
            ledgers[ledger_id] = _by_meter(linked)
    needed = {meter_id for shards in ledgers.values() for meter_id in shards}
    meters = {
        meter.id: meter if meter == before.get(meter.id) else replace(meter, backfilled=False)
        for meter in catalog.definitions(store, needed=needed).values()
    }
    shown = [
        CustomerMeter(customer, meter, balance, held[meter.id])
        for meter in meters.values()
        if meter.archived_at is None
        and (not credits_only or meter.aggregation.func in DECISIVE)
        and (balance := _balance(store, customer, meter, ledgers, ask=not credits_only)) is not None
        and (balance.count or held[meter.id] or not balance.complete)
    ]
    stored = {item[keys.SORT]: item for item in items}
    return customer, [_with_lots(store, one, stored, now, shown=with_lots) for one in shown]


def _with_lots(
    store: OrganizationStore,
    found: CustomerMeter,
    stored: Mapping[str, Item],
    now: datetime,
    *,
    shown: bool,
) -> CustomerMeter:
    """The same with what is left of its lots now, given the items of the customer's partition.

    A query is not one instant: where lots have expired by now that nobody has reckoned, or where
    the lots that it shows are not those that its balance was changed with, a snapshot tells both.
    """
    customer_id, meter = found.customer.id, found.meter
    item = stored.get(store.keys.lots(customer_id, meter.id, meter.generation).sk)
    first = stored.get(store.keys.balance(customer_id, meter.id, meter.generation, 0).sk, {})
    lots = Lots.from_item(item)
    whole = lots.rev == first.get("lots_rev", 0)
    if whole and not lots.open:
        return found._replace(lots=lots if shown else None)
    if whole and not shown and (lots.next or NEVER) > times.to_text(now):
        return found._replace(next_expiry=lots.burned(found.balance.used).next_expiry)
    snapshot = reckoning.read(store, customer_id, meter.id, meter.generation)
    if snapshot is None:
        raise NotFound(f"There is no customer {customer_id}.")
    passed = snapshot.passed(now)
    balance = replace(
        found.balance,
        sum=passed.total,
        used=snapshot.used,
        granted=EXACT.add(snapshot.granted, passed.granted),
        expired=EXACT.add(snapshot.expired, passed.lapsed),
    )
    return found._replace(
        balance=balance,
        held=snapshot.holds.open_at(now).units(),
        next_expiry=passed.lots.next_expiry,
        lots=passed.lots if shown else None,
    )


def _balance(
    store: OrganizationStore,
    customer: Customer,
    meter: Meter,
    ledgers: Mapping[str, Mapping[str, Sequence[Item]]],
    *,
    ask: bool,
) -> Balance | None:
    """A customer's balance of a meter, where there is one; `ask` for its past where that lacks."""
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
    for ledger_id in incomplete if ask else ():
        backfills.request_ledger(store.organization_id, meter, ledger_id)
    complete = not incomplete
    items = [item for theirs in shards.values() for item in theirs]
    if not items:
        if complete:
            return None
        return Balance(customer.id, meter.id, meter.since_at, meter.since_at, complete=False)
    balance = replace(add_up(customer.id, meter.id, items), complete=complete)
    if meter.aggregation.func == "unique" and len(shards) > 1:
        balance = replace(balance, distinct=_distinct(store, meter, list(shards)))
    return balance


def counted_to(shards: Iterable[Item]) -> str | None:
    """How far a meter's backfill has come in a ledger's log, as the balance's items have it."""
    return next((item["counted_to"] for item in shards if "counted_to" in item), None)


def _distinct(store: OrganizationStore, meter: Meter, ledger_ids: Sequence[str]) -> int:
    """How many values have counted in several ledgers: some of them in more than one."""
    values = {
        item[keys.SORT]
        for ledger_id in ledger_ids
        for item in store.query(store.keys.unique_values(ledger_id, meter.id, meter.generation))
    }
    return len(values)


def _add_held(held: defaultdict[str, Decimal], items: Iterable[Item]) -> None:
    """Add the units of the open holds among a partition's items, by meter."""
    now = times.now()
    for item in items:
        if item[keys.SORT].startswith(keys.HOLDS_PREFIX):
            meter_id = item[keys.SORT].removeprefix(keys.HOLDS_PREFIX)
            units = Holds.from_item(item).open_at(now).units()
            held[meter_id] = EXACT.add(held[meter_id], units)


def _by_meter(items: Iterable[Item]) -> dict[str, list[Item]]:
    """The items among these that are balances, by meter."""
    by_meter: dict[str, list[Item]] = {}
    for item in items:
        if item[keys.SORT].startswith(keys.BALANCE_PREFIX):
            meter_id = keys.parse_balance(item[keys.SORT]).meter_id
            by_meter.setdefault(meter_id, []).append(item)
    return by_meter


def get(
    store: OrganizationStore, customer_meter_id: str, *, with_lots: bool = False
) -> CustomerMeter:
    """Read one customer's balance of one meter. Raises `NotFound`."""
    customer_id, _, meter_id = customer_meter_id.partition(".")
    _, found = of_customer(store, customer_id, with_lots=with_lots)
    for customer_meter in found:
        if customer_meter.meter.id == meter_id:
            return customer_meter
    raise NotFound("There is no such customer meter.")


def find(
    store: OrganizationStore,
    *,
    customer_ids: Collection[str] = (),
    external_ids: Collection[str] = (),
    meter_ids: Collection[str] | None = None,
    with_lots: bool = False,
) -> list[CustomerMeter]:
    """The balances of these customers and meters; of all customers where none are named, and of all
    meters where `meter_ids` is None.

    Where meters are named and no customers, only those are read who hold a balance of one, as an
    index tells that follows by a moment. Where no customers are named, those are left out of whom
    nothing was counted yet, incomplete as their balances may be: a list of all is no place to learn
    that a meter is still counting.
    """
    found: list[CustomerMeter] = []
    named = bool(customer_ids or external_ids)
    chosen: Iterable[str]
    if meter_ids is not None and not named:
        known = catalog.definitions(store, needed=meter_ids)
        wanted = [
            (meter_id, known[meter_id].generation)
            for meter_id in dict.fromkeys(meter_ids)
            if meter_id in known
        ]
        chosen = directory.holders(store, wanted)
    else:
        chosen = _customer_ids(store, customer_ids, external_ids)
    for customer_id in chosen:
        try:
            _, customer_meters = of_customer(store, customer_id, with_lots=with_lots)
        except NotFound:
            continue
        found += customer_meters
    return [
        one
        for one in found
        if (named or one.balance.count) and (meter_ids is None or one.meter.id in meter_ids)
    ]


def _customer_ids(
    store: OrganizationStore,
    customer_ids: Collection[str],
    external_ids: Collection[str],
) -> Iterator[str]:
    """The ids of customers that are named by every way that is used to name them."""
    if external_ids:
        for external_id in dict.fromkeys(external_ids):
            try:
                customer_id = profiles.find_id(store, external_id)
            except NotFound:
                continue
            if not customer_ids or customer_id in customer_ids:
                yield customer_id
    elif customer_ids:
        yield from dict.fromkeys(customer_ids)
    else:
        for customer in profiles.read_all(store):
            yield customer.id
