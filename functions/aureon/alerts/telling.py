"""What webhooks are told of customers and credits, and in whose words: the API's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from msgspec import Struct

from aureon.alerts.alerts import Alert, ShownAlert
from aureon.core import times
from aureon.core.errors import NotFound
from aureon.core.exact import EXACT, plain
from aureon.customers import balances
from aureon.customers.balances import CustomerMeter
from aureon.domain.customers import Customer
from aureon.domain.meters import Meter
from aureon.domain.thresholds import Look, Told
from aureon.storage.store import ConditionFailed, OrganizationStore
from aureon.webhooks import dispatch, endpoints, event_types, outbox

Json = Mapping[str, Any]
Event = tuple[str, Any]


class Rendering(NamedTuple):
    """How the API shows what is told, given the organization's id."""

    customer: Callable[[str, Customer], Any]
    customer_state: Callable[[str, Customer, list[CustomerMeter]], Any]
    alert: Callable[[str, ShownAlert], Any]


class Telling(Struct, frozen=True):
    """What the endpoints of an organization want to be told of."""

    store: OrganizationStore
    rendering: Rendering
    wanted: frozenset[str]

    @classmethod
    def of(cls, store: OrganizationStore, rendering: Rendering) -> Self:
        """Read what is wanted now."""
        return cls(store, rendering, endpoints.wanted_types(store))

    def of_customer(self, type_: str, customer: Customer) -> list[Event]:
        if type_ not in self.wanted:
            return []
        return [(type_, self.rendering.customer(self.store.organization_id, customer))]

    def of_look(
        self,
        customer: Customer,
        meter: Meter,
        told: Sequence[tuple[Told, Alert | None]],
        now: Look,
        last: Look | None,
    ) -> list[Event]:
        """Crossings and recoveries, what was granted and what lapsed since, and the state."""
        about = {
            "customer_id": customer.id,
            "external_customer_id": customer.external_id,
            "meter_id": meter.id,
            "meter_name": meter.name,
            "available_credits": plain(max(Decimal(0), now.left)),
        }
        events: list[Event] = []
        for one, alert in told:
            if alert is not None:
                shown = ShownAlert(alert, customer, meter)
                rendered = self.rendering.alert(self.store.organization_id, shown)
                events.append((_type_of(one), {**about, "alert": rendered}))
        for type_, figure in _FIGURES:
            before = getattr(last, figure) if last is not None else Decimal(0)
            units = EXACT.subtract(getattr(now, figure), before)
            if units > 0:
                events.append((type_, {**about, "units": plain(units)}))
        chosen = [event for event in events if event[0] in self.wanted]
        if events and event_types.STATE_CHANGED in self.wanted:
            chosen += self._state(customer)
        return chosen

    def _state(self, customer: Customer) -> list[Event]:
        try:
            owner, meters = balances.of_customer(self.store, customer.id)
        except NotFound:
            return []
        state = self.rendering.customer_state(self.store.organization_id, owner, meters)
        return [(event_types.STATE_CHANGED, state)]


def tell_differences(store: OrganizationStore, ledgers: Mapping[str, int]) -> None:
    """Tell endpoints once a day of ledgers in which so many figures differ from the log."""
    if event_types.AUDIT_DIFFERENCE not in endpoints.wanted_types(store):
        return
    now = times.now()
    for ledger_id, differences in ledgers.items():
        id_ = dispatch.id_of("audit", store.organization_id, ledger_id, now.date().isoformat())
        data = {"ledger_id": ledger_id, "differences": differences}
        entry = outbox.entry(event_types.AUDIT_DIFFERENCE, data, now, id_=id_)
        with suppress(ConditionFailed):
            store.write(entry.write(store.keys))


_FIGURES: Final = (
    (event_types.CREDITS_GRANTED, "granted"),
    (event_types.CREDITS_EXPIRED, "expired"),
)


def _type_of(told: Told) -> str:
    if told.change == "recovered":
        return event_types.CREDITS_RECOVERED
    if told.threshold is not None and told.threshold.is_nothing_left:
        return event_types.CREDITS_DEPLETED
    return event_types.CREDITS_LOW
