"""Alerts: one for each time that a balance crosses a threshold, until it has recovered."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Self, cast

from msgspec import Struct

from aureon.core import times
from aureon.domain.customers import Customer, profile
from aureon.domain.meters import Meter
from aureon.domain.thresholds import Kind, Told
from aureon.meters import catalog
from aureon.storage import keys
from aureon.storage.keys import Key, Keys
from aureon.storage.store import Item, OrganizationStore, Write, put_new, update
from aureon.storage.table import DELETE_AFTER

State = Literal["reached", "recovered", "closed"]
STATES: Final[tuple[State, ...]] = ("reached", "recovered", "closed")
# So long after it has ended, nobody needs an alert any more.
KEPT: Final = timedelta(days=90)


class Alert(Struct, frozen=True):
    """That a balance came down to a threshold, and whether it still is there.

    The threshold lay at `units`; `available_credits` were left when it was noticed. It is `closed`
    where the threshold, the meter or the customer went away. `ordinal` counts the crossings.
    """

    id: str
    customer_id: str
    meter_id: str
    kind: Kind
    value: Decimal
    units: Decimal
    ordinal: int
    available_credits: Decimal
    reached_at: datetime
    state: State = "reached"
    ended_at: datetime | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            id=item["id"],
            customer_id=item["customer_id"],
            meter_id=item["meter_id"],
            kind=item["kind"],
            value=item["value"],
            units=item["units"],
            ordinal=int(item["ordinal"]),
            available_credits=item["available_credits"],
            reached_at=times.from_text(item["reached_at"]),
            state=item["state"],
            ended_at=times.from_optional_text(item["ended_at"]),
        )

    def to_item(self) -> Item:
        return {
            "id": self.id,
            "customer_id": self.customer_id,
            "meter_id": self.meter_id,
            "kind": self.kind,
            "value": self.value,
            "units": self.units,
            "ordinal": self.ordinal,
            "available_credits": self.available_credits,
            "reached_at": times.to_text(self.reached_at),
            "state": self.state,
            "ended_at": times.to_optional_text(self.ended_at),
        }


def of(told: Told, customer_id: str, meter_id: str, left: Decimal, now: datetime) -> Alert:
    """The alert that a crossing makes."""
    kind, _, value = told.name.partition(":")
    return Alert(
        id=told.alert_id,
        customer_id=customer_id,
        meter_id=meter_id,
        kind=cast("Kind", kind),
        value=Decimal(value),
        units=told.units,
        ordinal=told.ordinal,
        available_credits=max(Decimal(0), left),
        reached_at=now,
    )


def write(org_keys: Keys, alert: Alert) -> Write:
    """Put a new alert."""
    key = org_keys.alert(alert.customer_id, alert.id)
    return put_new(key, alert.to_item() | _listed(org_keys, alert.state, alert.id, alert.meter_id))


def end(
    org_keys: Keys,
    customer_id: str,
    meter_id: str,
    alert_id: str,
    state: Literal["recovered", "closed"],
    now: datetime,
) -> Write:
    """Say of an alert that it is over."""
    return update(
        org_keys.alert(customer_id, alert_id),
        {
            "state": state,
            "ended_at": times.to_text(now),
            DELETE_AFTER: int((now + KEPT).timestamp()),
            **_listed(org_keys, state, alert_id, meter_id),
        },
    )


def _listed(org_keys: Keys, state: str, alert_id: str, meter_id: str) -> dict[str, str]:
    return {
        keys.DIRECTORY_PARTITION: org_keys.alert_directory(state),
        keys.DIRECTORY_SORT: keys.alert_entry(alert_id, meter_id),
    }


class ShownAlert(NamedTuple):
    """An alert with whom and what it is about."""

    alert: Alert
    customer: Customer
    meter: Meter | None


def find(
    store: OrganizationStore,
    *,
    customer_ids: Collection[str],
    named: bool,
    meter_ids: Collection[str],
    states: Collection[str],
    part: slice,
) -> tuple[list[ShownAlert], int]:
    """The alerts in a part of those that a query chooses, newest first, and how many there are.

    Of `named` customers from the table itself; of all from an index, which follows it by a moment.
    """
    chosen = list(
        _of_customers(store, customer_ids, meter_ids, states)
        if named
        else _of_all(store, meter_ids, states)
    )
    chosen.sort(key=lambda key: key.sk, reverse=True)
    wanted = chosen[part]
    found = store.batch_get(wanted)
    alerts = [Alert.from_item(found[key]) for key in wanted if key in found]
    return list(_shown(store, alerts)), len(chosen)


def _of_customers(
    store: OrganizationStore,
    customer_ids: Collection[str],
    meter_ids: Collection[str],
    states: Collection[str],
) -> Iterator[Key]:
    for customer_id in dict.fromkeys(customer_ids):
        for item in store.query(store.keys.alerts(customer_id)):
            if (not states or item["state"] in states) and (
                not meter_ids or item["meter_id"] in meter_ids
            ):
                yield Key(item[keys.PARTITION], item[keys.SORT])


def _of_all(
    store: OrganizationStore, meter_ids: Collection[str], states: Collection[str]
) -> Iterator[Key]:
    for state in STATES:
        if states and state not in states:
            continue
        for entry in store.query_index(store.keys.alert_directory(state)):
            if not meter_ids or keys.parse_alert_entry(entry[keys.DIRECTORY_SORT]) in meter_ids:
                yield Key(entry[keys.PARTITION], entry[keys.SORT])


def _shown(store: OrganizationStore, found: Sequence[Alert]) -> Iterator[ShownAlert]:
    wanted = {alert.customer_id: store.keys.customer(alert.customer_id) for alert in found}
    items = store.batch_get(wanted.values())
    meters = catalog.definitions(store, needed=[alert.meter_id for alert in found])
    for alert in found:
        item = items.get(wanted[alert.customer_id])
        owner = profile(item) or (Customer.from_item(item) if item else None)
        if owner is not None:
            yield ShownAlert(alert, owner, meters.get(alert.meter_id))
