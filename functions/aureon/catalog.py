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
    """Create a meter, which counts every event whose ingestion begins from now on.

    What came before is for the backfill to count.
    """
    if len(list(read_all(store, organization_id))) >= MAX_METERS:
        raise _invalid("name", f"An organization has at most {MAX_METERS} meters.")
    now = times.now()
    meter = Meter(
        id=str(uuid_utils.uuid7()),
        name=body.name,
        filter=body.filter.to_filter(),
        aggregation=body.aggregation.to_aggregation(),
        created_at=now,
        since_version=0,
        since_at=now,
        unit=body.unit,
        custom_label=body.custom_label,
        custom_multiplier=body.custom_multiplier,
        metadata=body.metadata,
    )
    _require_label(meter)

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        created = replace(meter, since_version=version + 1, versions=(version + 1,))
        key = keys.meter(organization_id, meter.id)
        return created, [put_new(key, created.to_item()), _raise(organization_id, version)]

    return _change(store, organization_id, attempt)


def change(store: Store, organization_id: str, meter_id: str, body: MeterUpdateBody) -> Meter:
    """Change a meter. Raises `NotFound`, and `Invalid` where something has counted already.

    What a meter counts can change only while no event has counted. It then begins anew, and so
    does a meter that comes back from the archive: with balances of a new generation, and with a
    backfill for all that came before, what came while it was archived included.
    """

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        meter = get(store, organization_id, meter_id)
        described = _described(meter, body)
        anew = (described.filter, described.aggregation) != (meter.filter, meter.aggregation)
        if anew:
            _require_nothing_counted(store, organization_id, meter, body)
        if body.is_archived is True and meter.archived_at is None:
            described = replace(described, archived_at=times.now(), archived_version=version + 1)
        elif body.is_archived is False and meter.archived_at is not None:
            described = replace(described, archived_at=None, archived_version=None)
            anew = True
        if anew:
            described = replace(
                described,
                generation=meter.generation + 1,
                since_version=version + 1,
                since_at=times.now(),
                backfilled=False,
            )
        if anew or described.archived_at != meter.archived_at:
            return _versioned(organization_id, meter, described, version)
        return described, [_put(organization_id, meter, described)]

    return _change(store, organization_id, attempt)


def finish_backfill(store: Store, organization_id: str, meter_id: str, generation: int) -> None:
    """Note that a meter's generation has counted the past of every ledger. Raises `NotFound`.

    It makes a version, since whoever knows an older one does not know this.
    """

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        meter = get(store, organization_id, meter_id)
        if meter.backfilled or meter.generation != generation:
            return meter, []
        finished = replace(meter, backfilled=True, rev=meter.rev + 1)
        return _versioned(organization_id, meter, finished, version)

    _change(store, organization_id, attempt)


def _versioned(
    organization_id: str, before: Meter, after: Meter, version: int
) -> tuple[Meter, list[Write]]:
    after = replace(after, versions=(*before.versions, version + 1))
    return after, [_put(organization_id, before, after), _raise(organization_id, version)]


def _put(organization_id: str, before: Meter, after: Meter) -> Write:
    key = keys.meter(organization_id, before.id)
    return put(key, after.to_item(), condition="rev = :rev", values={":rev": before.rev})


def _described(meter: Meter, body: MeterUpdateBody) -> Meter:
    given = body.model_fields_set
    described = replace(
        meter,
        name=body.name or meter.name,
        filter=meter.filter if body.filter is None else body.filter.to_filter(),
        aggregation=(
            meter.aggregation if body.aggregation is None else body.aggregation.to_aggregation()
        ),
        unit=body.unit or meter.unit,
        custom_label=body.custom_label if "custom_label" in given else meter.custom_label,
        custom_multiplier=(
            body.custom_multiplier if "custom_multiplier" in given else meter.custom_multiplier
        ),
        metadata=meter.metadata if body.metadata is None else body.metadata,
        modified_at=times.now(),
        rev=meter.rev + 1,
    )
    _require_label(described)
    return described


def _require_nothing_counted(
    store: Store, organization_id: str, meter: Meter, body: MeterUpdateBody
) -> None:
    """Refuse to change what a meter counts once it has counted. Raises `Invalid`.

    The index that tells follows the table by a moment. An event that counts in this moment is not
    lost: what the meter has counted so far is counted anew, by what it counts from now on.
    """
    for slice_ in range(keys.DIRECTORY_SLICES):
        # Of any generation: a meter that is back from the archive has counted before.
        holders = keys.holder_directory(organization_id, meter.id, slice_)
        if next(iter(store.query_index(holders)), None) is not None:
            field = "aggregation" if body.filter is None else "filter"
            message = "What a meter counts can't change any more: events have counted."
            raise _invalid(field, message)


def forget() -> None:
    """Forget the meters that are kept in memory."""
    _sets.clear()
    _definitions.clear()


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
            if writes:
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
