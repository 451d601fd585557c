"""The organization's meters: kept in versions, read once for each version.

Every change of what is counted raises the version, in the same transaction. A set of meters is
the meters as they were at one version, whatever has changed since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import uuid_utils

from aureon import keys, times
from aureon.domain.meters import Meter, MeterSet
from aureon.errors import Invalid, NotFound, Problem, Unavailable
from aureon.store import Item, Store, TransactionCancelled, Write, put, put_new, update

if TYPE_CHECKING:
    from aureon.bodies.meters import MeterBody, MeterUpdateBody

MAX_ATTEMPTS: Final = 20
MAX_METERS: Final = 1_000
MAX_ID_CHARACTERS: Final = 64
MAX_ORGANIZATIONS_REMEMBERED: Final = 256
# How long a reader may go on with the definitions that it has: they say which balances to show.
# What is counted never depends on it.
TRUST_SECONDS: Final = 5.0

_sets: dict[tuple[str, str], MeterSet] = {}
_definitions: dict[tuple[str, str], tuple[float, dict[str, Meter]]] = {}


def version_of(item: Item | None) -> int:
    """The version in an organization's version item; 0 where it never had a meter."""
    return 0 if item is None else int(item["version"])


def meters_at(store: Store, organization_id: str, version: int) -> MeterSet:
    """The meters at a version that was just read, compiled; kept until another is asked for."""
    about = (store.table, organization_id)
    known = _sets.get(about)
    if known is None or known.version != version:
        known = MeterSet(version, read_at(store, organization_id, version))
        _remember(_sets, about, known)
    return known


def read_at(store: Store, organization_id: str, version: int) -> list[Meter]:
    """All meters, the archived ones too, with at least all changes up to a version.

    A transaction that is being applied may show the version before it shows the meter, and none
    before it can be in that state, since all of them write the version.
    """
    for _ in range(MAX_ATTEMPTS):
        meters = list(read_all(store, organization_id)) if version else []
        if max((meter.last_change(version) for meter in meters), default=0) == version:
            return meters
    raise Unavailable("The meters are being changed.")


def read_all(store: Store, organization_id: str) -> Iterator[Meter]:
    """All meters, the archived ones too, as they are now."""
    for item in store.query(keys.meters(organization_id), prefix=keys.METER_PREFIX):
        yield Meter.from_item(item)


def definitions(
    store: Store, organization_id: str, *, needed: Collection[str] = ()
) -> dict[str, Meter]:
    """The meters by id for a reader, at most `TRUST_SECONDS` old, and with all that are needed."""
    about = (store.table, organization_id)
    fresh_until, known = _definitions.get(about, (0.0, {}))
    if time.monotonic() >= fresh_until or not known.keys() >= set(needed):
        known = {meter.id: meter for meter in read_all(store, organization_id)}
        _remember(_definitions, about, (time.monotonic() + TRUST_SECONDS, known))
    return known


def get(store: Store, organization_id: str, meter_id: str) -> Meter:
    """Read a meter. Raises `NotFound`."""
    item = store.get(keys.meter(organization_id, meter_id)) if _is_id(meter_id) else None
    if item is None:
        raise NotFound(f"There is no meter {meter_id}.")
    return Meter.from_item(item)


def create(store: Store, organization_id: str, body: MeterBody) -> Meter:
    """Create a meter, which counts every event whose ingestion begins from now on."""
    if len(list(read_all(store, organization_id))) >= MAX_METERS:
        raise _invalid("name", f"An organization has at most {MAX_METERS} meters.")
    meter = Meter(
        id=str(uuid_utils.uuid7()),
        name=body.name,
        filter=body.filter.to_filter(),
        aggregation=body.aggregation.to_aggregation(),
        created_at=times.now(),
        since_version=0,
        unit=body.unit,
        custom_label=body.custom_label,
        custom_multiplier=body.custom_multiplier,
        metadata=body.metadata,
    )
    _require_label(meter)

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        created = replace(meter, since_version=version + 1)
        key = keys.meter(organization_id, meter.id)
        return created, [put_new(key, created.to_item()), _raise(organization_id, version)]

    return _change(store, organization_id, attempt)


def change(store: Store, organization_id: str, meter_id: str, body: MeterUpdateBody) -> Meter:
    """Change a meter's description, or archive it. Raises `NotFound` and `Invalid`."""

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        meter = get(store, organization_id, meter_id)
        changed = _changed(meter, body)
        writes = []
        if body.is_archived and meter.archived_at is None:
            changed = replace(changed, archived_at=times.now(), archived_version=version + 1)
            writes.append(_raise(organization_id, version))
        key = keys.meter(organization_id, meter_id)
        writes.append(
            put(key, changed.to_item(), condition="rev = :rev", values={":rev": meter.rev})
        )
        return changed, writes

    return _change(store, organization_id, attempt)


def _changed(meter: Meter, body: MeterUpdateBody) -> Meter:
    if body.filter is not None and body.filter.to_filter() != meter.filter:
        raise _invalid("filter", "This version can't change what a meter counts.")
    if body.aggregation is not None and body.aggregation.to_aggregation() != meter.aggregation:
        raise _invalid("aggregation", "This version can't change how a meter counts.")
    if body.is_archived is False and meter.archived_at is not None:
        raise _invalid("is_archived", "This version can't bring a meter back from the archive.")
    given = body.model_fields_set
    changed = replace(
        meter,
        name=body.name or meter.name,
        unit=body.unit or meter.unit,
        custom_label=body.custom_label if "custom_label" in given else meter.custom_label,
        custom_multiplier=(
            body.custom_multiplier if "custom_multiplier" in given else meter.custom_multiplier
        ),
        metadata=meter.metadata if body.metadata is None else body.metadata,
        modified_at=times.now(),
        rev=meter.rev + 1,
    )
    _require_label(changed)
    return changed


def _require_label(meter: Meter) -> None:
    if meter.unit == "custom" and not meter.custom_label:
        raise _invalid("custom_label", "A custom unit needs a label.")


def _change(
    store: Store, organization_id: str, attempt: Callable[[int], tuple[Meter, list[Write]]]
) -> Meter:
    """Make a change against the version as it is, anew when somebody else changed it."""
    for _ in range(MAX_ATTEMPTS):
        version = version_of(store.get(keys.meter_version(organization_id)))
        meter, writes = attempt(version)
        try:
            store.commit(writes)
        except TransactionCancelled:
            continue
        _definitions.pop((store.table, organization_id), None)
        return meter
    raise Unavailable("The meters are being changed by others.")


def _raise(organization_id: str, version: int) -> Write:
    """Raise the version, where it is still as it was read."""
    key = keys.meter_version(organization_id)
    if version == 0:
        return put_new(key, {"version": 1})
    return update(
        key,
        "SET #version = :next",
        condition="#version = :version",
        names={"#version": "version"},
        values={":next": version + 1, ":version": version},
    )


def _remember(cache: dict[tuple[str, str], Any], about: tuple[str, str], value: Any) -> None:
    if len(cache) >= MAX_ORGANIZATIONS_REMEMBERED:
        cache.clear()
    cache[about] = value


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID_CHARACTERS


def _invalid(field: str, message: str) -> Invalid:
    return Invalid([Problem("value_error", ("body", field), message)])
