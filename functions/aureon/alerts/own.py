"""A customer's own thresholds of a meter, in place of the meter's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from aureon.access import activity
from aureon.alerts.evaluation import Watch, evaluate
from aureon.alerts.telling import Telling
from aureon.core import times
from aureon.core.errors import NotFound, Unavailable
from aureon.customers import profiles
from aureon.domain import thresholds
from aureon.domain.meters import Meter
from aureon.domain.thresholds import Level, Threshold
from aureon.meters import catalog
from aureon.storage.store import OrganizationStore, TransactionCancelled

if TYPE_CHECKING:
    from aureon.meters.bodies import OwnThresholdsBody

MAX_ATTEMPTS: Final = 20


class ShownThresholds(NamedTuple):
    """The thresholds of a balance, each with its state: None where nobody has looked yet."""

    customer_id: str
    meter_id: str
    own: bool
    thresholds: list[tuple[Threshold, Level | None]]


def read(store: OrganizationStore, customer_meter_id: str) -> ShownThresholds:
    """The thresholds of a balance, and where they stand. Raises `NotFound`."""
    customer_id, meter = _find(store, customer_meter_id)
    key = store.keys.thresholds(customer_id, meter.id, meter.generation)
    return _shown(customer_id, meter, Watch.from_item(store.get(key)))


def change(telling: Telling, customer_meter_id: str, body: OwnThresholdsBody) -> ShownThresholds:
    """Give a customer its own thresholds, or take them away. Raises `NotFound` and `Invalid`.

    The balance is looked at at once. Where that fails, `Unavailable`: sent again, it is done.
    """
    store = telling.store
    customer_id, meter = _find(store, customer_meter_id)
    if body.thresholds is not None:
        meter = catalog.watch(store, meter.id)
    key = store.keys.thresholds(customer_id, meter.id, meter.generation)
    for _ in range(MAX_ATTEMPTS):
        before = Watch.from_item(store.get(key))
        own = None
        if body.thresholds is not None:
            wanted = [one.to_wanted() for one in body.thresholds]
            own = thresholds.changed(
                before.own or (), wanted, times.now(), notify_current=body.notify_current
            )
        try:
            if own != before.own:
                note = activity.noted(
                    store,
                    "thresholds.changed",
                    customer_meter_id,
                    customer_id=customer_id,
                    meter_id=meter.id,
                    own=own is not None,
                    thresholds=[one.name for one in own or ()] or None,
                )
                store.commit([replace(before, own=own, rev=before.rev + 1).write(key), note])
        except TransactionCancelled:
            continue
        evaluate(telling, customer_id, meter.id, meter.generation)
        return read(store, customer_meter_id)
    raise Unavailable("Other calls are changing the thresholds.")


def _find(store: OrganizationStore, customer_meter_id: str) -> tuple[str, Meter]:
    customer_id, _, meter_id = customer_meter_id.partition(".")
    customer = profiles.get(store, customer_id)
    meter = catalog.get(store, meter_id)
    if meter.archived_at is not None:
        raise NotFound(f"The meter {meter_id} is archived.")
    return customer.id, meter


def _shown(customer_id: str, meter: Meter, watch: Watch) -> ShownThresholds:
    held = [(one, watch.levels.get(one.name)) for one in watch.thresholds(meter)]
    return ShownThresholds(customer_id, meter.id, watch.own is not None, held)
