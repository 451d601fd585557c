"""The table's stream: what moves balances that have thresholds, customers, and the outbox.

Each balance of a delivery is looked at once, however many of its records are in it. A record is
only a hint that there is something to look at; so repeated, reordered and split deliveries change
nothing.
"""

from __future__ import annotations

from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct, field

from aureon.alerts import evaluation, rollout
from aureon.alerts.telling import Rendering, Telling
from aureon.core import times
from aureon.core.errors import AureonError, Unavailable
from aureon.domain.customers import Customer
from aureon.meters import catalog
from aureon.meters.rollouts import Rollout
from aureon.storage import keys
from aureon.storage.store import (
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    from_attributes,
)
from aureon.storage.table import OUTBOX_MARK, ROLLOUT_MARK, WATCH_MARK, is_watched
from aureon.webhooks import dispatch, event_types, outbox
from aureon.webhooks.outbox import Entry

Failed = dict[str, AureonError]
# A change of a profile is written within this time. What is written of the customer later, when
# lots expire next or that its ledger is spread, says nothing of the profile: it was told of before,
# or nobody wanted to know.
LONGEST_CHANGE: Final = timedelta(minutes=5)


class Unreadable(AureonError):
    """A record that can't be read: only what wrote it may know why."""


class _Delivery(Struct):
    """What a delivery tells of one organization, each with the numbers of its records."""

    balances: defaultdict[tuple[str, str, int], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    customers: dict[tuple[str, int], tuple[Customer, list[str]]] = field(default_factory=dict)
    entries: dict[str, tuple[Entry, list[str]]] = field(default_factory=dict)
    rollouts: dict[str, tuple[Rollout, list[str]]] = field(default_factory=dict)

    def add(self, number: str, item: Item, written_at: float) -> None:
        """Raises ValueError and KeyError where an item is none that is watched."""
        if OUTBOX_MARK in item:
            entry = Entry.from_item(item)
            self.entries.setdefault(entry.id, (entry, []))[1].append(number)
        elif ROLLOUT_MARK in item:
            record = Rollout.from_item(item)
            self.rollouts.setdefault(record.step, (record, []))[1].append(number)
        elif item.get(WATCH_MARK):
            _, ledger_id = keys.parse_customer(item[keys.PARTITION])
            meter_id, generation, _ = keys.parse_balance(item[keys.SORT])
            self.balances[ledger_id, meter_id, generation].append(number)
        else:
            customer = Customer.from_item(item)
            changed_at = customer.modified_at or customer.created_at
            if written_at > (changed_at + LONGEST_CHANGE).timestamp():
                return
            about = (customer.id, customer.rev)
            self.customers.setdefault(about, (customer, []))[1].append(number)


def watch(store: Store, records: Iterable[Mapping[str, Any]], rendering: Rendering) -> Failed:
    """Look at everything that a delivery tells of.

    Returns the sequence numbers of records that failed, and why. Lambda delivers anew from the
    first of them on; nothing is told twice.
    """
    failed: Failed = {}
    found: defaultdict[str, _Delivery] = defaultdict(_Delivery)
    for record in records:
        if is_watched(record):
            told = record["dynamodb"]
            number = told["SequenceNumber"]
            try:
                item = _item(told["NewImage"])
                delivery = found[keys.organization_of(item[keys.PARTITION])]
                delivery.add(number, item, float(told["ApproximateCreationDateTime"]))
            except (ValueError, TypeError, KeyError) as error:
                failed[number] = Unreadable(f"A record can't be read: {error}")
    for organization_id, delivery in found.items():
        _watch(store.of(organization_id), delivery, rendering, failed)
    return failed


def _watch(
    store: OrganizationStore, delivery: _Delivery, rendering: Rendering, failed: Failed
) -> None:
    def attempt(numbers: Iterable[str], work: Callable[[], None]) -> None:
        try:
            work()
        except Unavailable as error:
            failed.update(dict.fromkeys(numbers, error))

    # What was there before comes first: a webhook that is ready waits for no look.
    for entry, numbers in delivery.entries.values():
        attempt(numbers, lambda entry=entry: dispatch.dispatch(store, entry))  # type: ignore[misc]
    moved = [(entry, numbers) for entry, numbers in delivery.entries.values() if entry.moved]
    if not (delivery.balances or delivery.customers or delivery.rollouts or moved):
        return
    everything = [number for numbers in _numbers(delivery) for number in numbers]
    try:
        telling = Telling.of(store, rendering)
        owned = rollout.owners(store, sorted({ledger for ledger, _, _ in delivery.balances}))
        looks: defaultdict[tuple[str, str, int], list[str]] = defaultdict(list)
        for (ledger_id, meter_id, generation), numbers in delivery.balances.items():
            if ledger_id in owned:
                looks[owned[ledger_id], meter_id, generation] += numbers
        for entry, numbers in moved:
            for meter_id in entry.moved:
                held = catalog.definitions(store, needed=entry.moved).get(meter_id)
                if held is not None and entry.customer_id is not None:
                    looks[entry.customer_id, meter_id, held.generation] += numbers
        for customer, numbers in delivery.customers.values():
            if customer.deleted_at is None and _brings_balances(customer):
                for meter in catalog.definitions(store).values():
                    if meter.watched and meter.archived_at is None:
                        looks[customer.id, meter.id, meter.generation] += numbers
    except Unavailable as error:
        failed.update(dict.fromkeys(everything, error))
        return
    for customer, numbers in delivery.customers.values():
        attempt(numbers, lambda customer=customer: _tell(telling, customer))  # type: ignore[misc]
    for about, numbers in looks.items():
        attempt(numbers, lambda about=about: evaluation.evaluate(telling, *about))  # type: ignore[misc]
    for record, numbers in delivery.rollouts.values():
        attempt(numbers, lambda record=record: rollout.go_on(telling, record))  # type: ignore[misc]


def _numbers(delivery: _Delivery) -> Iterator[list[str]]:
    yield from delivery.balances.values()
    for _, numbers in (*delivery.customers.values(), *delivery.rollouts.values()):
        yield numbers
    yield from (numbers for entry, numbers in delivery.entries.values() if entry.moved)


def _brings_balances(customer: Customer) -> bool:
    """Whether balances may have become the customer's by what was just written: a ghost's."""
    return customer.rev == 1 or len(customer.ledger_ids) > 1


def _tell(telling: Telling, customer: Customer) -> None:
    """Tell of a customer as it was written, once: each change of the profile has its `rev`."""
    store = telling.store
    if customer.deleted_at is not None:
        evaluation.close(store, customer.id)
    told = telling.of_customer(_type_of(customer), customer)
    if not told:
        return
    id_ = dispatch.id_of("customer", store.organization_id, customer.id, str(customer.rev))
    key = store.keys.sequence(customer.id)
    known = store.batch_get([key, store.keys.outbox(id_)])
    if store.keys.outbox(id_) in known:
        return
    writes = outbox.about_customer(store.keys, customer.id, told, times.now(), known, ids=[id_])
    try:
        store.commit(writes)
    except TransactionCancelled as cancelled:
        # Told by somebody else meanwhile, or the sequence has moved: the next delivery finds out.
        raise Unavailable("Another call is telling of the same customer.") from cancelled


def _type_of(customer: Customer) -> str:
    if customer.deleted_at is not None:
        return event_types.CUSTOMER_DELETED
    return event_types.CUSTOMER_CREATED if customer.rev == 1 else event_types.CUSTOMER_UPDATED


def _item(image: Mapping[str, Any]) -> Item:
    """An item of a record: what is binary there is written in base64."""
    return from_attributes(
        {
            name: {"B": b64decode(attribute["B"])} if "B" in attribute else attribute
            for name, attribute in image.items()
        }
    )
