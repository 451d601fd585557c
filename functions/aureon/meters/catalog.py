"""The organization's meters: kept in versions, read once for each version.

Every change of what is counted raises the version, in the same transaction. A set of meters is
the meters as they were at one version, whatever has changed since.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import uuid_utils
from msgspec.structs import replace

from aureon.access import activity
from aureon.core import times
from aureon.core.errors import Conflict, Invalid, NotFound, Unavailable
from aureon.core.identifiers import is_id
from aureon.domain import thresholds
from aureon.domain.meters import DECISIVE, Meter, MeterSet
from aureon.meters import rollouts
from aureon.storage import keys
from aureon.storage.expressions import equals
from aureon.storage.keys import Keys
from aureon.storage.store import (
    Item,
    OrganizationStore,
    TransactionCancelled,
    Write,
    put,
    put_new,
    update,
)

if TYPE_CHECKING:
    from aureon.meters.bodies import MeterBody, MeterUpdateBody

MAX_ATTEMPTS: Final = 20
MAX_METERS: Final = 1_000
MAX_ORGANIZATIONS_REMEMBERED: Final = 256
# How long a reader may go on with the definitions that it has: they say which balances to show.
# What is counted never depends on it.
TRUST_SECONDS: Final = 5.0

_sets: dict[tuple[str, str], MeterSet] = {}
_definitions: dict[tuple[str, str], tuple[float, dict[str, Meter]]] = {}


def version_of(item: Item | None) -> int:
    """The version in an organization's version item; 0 where it never had a meter."""
    return 0 if item is None else int(item["version"])


def meters_at(store: OrganizationStore, version: int) -> MeterSet:
    """The meters at a version that was just read, compiled; kept until another is asked for."""
    about = (store.table, store.organization_id)
    known = _sets.get(about)
    if known is None or known.version != version:
        known = MeterSet(version, read_at(store, version))
        _remember(_sets, about, known)
    return known


def read_at(store: OrganizationStore, version: int) -> list[Meter]:
    """All meters, the archived ones too, with at least all changes up to a version.

    A transaction that is being applied may show the version before it shows the meter, and none
    before it can be in that state, since all of them write the version.
    """
    for _ in range(MAX_ATTEMPTS):
        meters = list(read_all(store)) if version else []
        if max((meter.last_change(version) for meter in meters), default=0) == version:
            return meters
    raise Unavailable("The meters are being changed.")


def read_all(store: OrganizationStore) -> Iterator[Meter]:
    """All meters, the archived ones too, as they are now."""
    for item in store.query(store.keys.meters(), prefix=keys.METER_PREFIX):
        yield Meter.from_item(item)


def definitions(store: OrganizationStore, *, needed: Collection[str] = ()) -> dict[str, Meter]:
    """The meters by id for a reader, at most `TRUST_SECONDS` old, and with all that are needed."""
    about = (store.table, store.organization_id)
    fresh_until, known = _definitions.get(about, (0.0, {}))
    if time.monotonic() >= fresh_until or not known.keys() >= set(needed):
        known = {meter.id: meter for meter in read_all(store)}
        _remember(_definitions, about, (time.monotonic() + TRUST_SECONDS, known))
    return known


def get(store: OrganizationStore, meter_id: str) -> Meter:
    """Read a meter. Raises `NotFound`."""
    item = store.get(store.keys.meter(meter_id)) if is_id(meter_id) else None
    if item is None:
        raise NotFound(f"There is no meter {meter_id}.")
    return Meter.from_item(item)


def get_external(store: OrganizationStore, external_id: str) -> Meter:
    """Read the meter with an external id. Raises `NotFound`."""
    for meter in read_all(store):
        if meter.external_id == external_id:
            return meter
    raise NotFound("There is no meter with this external id.")


def ids_of(store: OrganizationStore, external_ids: Collection[str]) -> list[str]:
    """The ids of the meters with these external ids, as far as there are any."""
    return [meter.id for meter in read_all(store) if meter.external_id in external_ids]


class MeterRequest(NamedTuple):
    """A request for a meter that has an ``Idempotency-Key``: hashes of the key and the body."""

    key_sha256: str
    body_sha256: str

    @classmethod
    def of(cls, key: str, raw_body: bytes) -> MeterRequest:
        # Apart from the keys of ingestion, whose receipts are of another shape.
        key_sha256 = hashlib.sha256(f"meter/{key}".encode()).hexdigest()
        return cls(key_sha256, hashlib.sha256(raw_body).hexdigest())


def create(store: OrganizationStore, body: MeterBody, request: MeterRequest | None = None) -> Meter:
    """Create a meter, which counts every event whose ingestion begins from now on.

    What came before is for the backfill to count. A request that was made before makes none again.
    Raises `Invalid`, and `Conflict` where the request's key came with another body.
    """
    made = None if request is None else _made_before(store, request)
    if made is not None:
        return made
    if len(list(read_all(store))) >= MAX_METERS:
        raise Invalid.at(("body", "name"), f"An organization has at most {MAX_METERS} meters.")
    now = times.now()
    meter = Meter(
        id=str(uuid_utils.uuid7()),
        name=body.name,
        external_id=body.external_id,
        filter=body.filter.to_filter(),
        aggregation=body.aggregation.to_aggregation(),
        created_at=now,
        since_version=0,
        since_at=now,
        unit=body.unit,
        limits_spending=body.limits_spending,
        custom_label=body.custom_label,
        custom_multiplier=body.custom_multiplier,
        metadata=body.metadata,
        thresholds=thresholds.changed(
            (), [one.to_wanted() for one in body.thresholds], now, notify_current=False
        ),
        was_watched=bool(body.thresholds),
    )
    _require_sense(meter)

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        made = None if request is None else _made_before(store, request)
        if made is not None:
            return made, []
        _require_free(store, meter)
        created = replace(meter, since_version=version + 1, versions=(version + 1,))
        created = _regrouped(created, tuple(body.group_by), version + 1)
        key = store.keys.meter(meter.id)
        note = activity.noted(store, "meter.created", meter.id, name=meter.name)
        writes = [put_new(key, created.to_item()), _raise(store.keys, version), note]
        if request is not None:
            receipt = {"meter_id": meter.id, "body_sha256": request.body_sha256}
            writes.append(put_new(store.keys.request(request.key_sha256), receipt))
        return created, writes

    return _change(store, attempt)


def _made_before(store: OrganizationStore, request: MeterRequest) -> Meter | None:
    receipt = store.get(store.keys.request(request.key_sha256))
    if receipt is None:
        return None
    if receipt["body_sha256"] != request.body_sha256:
        raise Conflict("This Idempotency-Key was used before, with another body.")
    return get(store, receipt["meter_id"])


def change(store: OrganizationStore, meter_id: str, body: MeterUpdateBody) -> Meter:
    """Change a meter. Raises `NotFound`, and `Invalid` where something has counted already.

    What a meter counts can change only while no event has counted. It then begins anew, and so
    does a meter that comes back from the archive: with balances of a new generation, and with a
    backfill for all that came before, what came while it was archived included. What it is grouped
    by can always change: breakdowns begin anew, and balances stay as they are.
    """

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        meter = get(store, meter_id)
        described = _described(meter, body)
        if described.external_id != meter.external_id:
            _require_free(store, described)
        anew = (described.filter, described.aggregation) != (meter.filter, meter.aggregation)
        if anew:
            _require_nothing_counted(store, meter, body)
        if body.is_archived is True and meter.archived_at is None:
            described = replace(described, archived_at=times.now(), archived_version=version + 1)
        elif body.is_archived is False and meter.archived_at is not None:
            described = replace(
                described, archived_at=None, archived_version=None, brought_back=True
            )
            anew = True
        if anew:
            described = replace(
                described,
                generation=meter.generation + 1,
                since_version=version + 1,
                since_at=times.now(),
                backfilled=False,
            )
        group_by = meter.group_by if body.group_by is None else tuple(body.group_by)
        if group_by != meter.group_by or (anew and group_by):
            described = _regrouped(described, group_by, version + 1)
        note = _noted(store, meter, described)
        if anew or _decides_otherwise(meter, described):
            after, writes = _versioned(store.keys, meter, described, version)
            return after, [*writes, note]
        return described, [_put(store.keys, meter, described), note]

    return _change(store, attempt)


def watch(store: OrganizationStore, meter_id: str) -> Meter:
    """Have a meter's balances looked at: a customer is to have its own thresholds.

    Raises `NotFound`, and `Invalid` where it does not sum.
    """

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        meter = get(store, meter_id)
        if meter.own_thresholds:
            return meter, []
        watched = replace(meter, own_thresholds=True, was_watched=True, rev=meter.rev + 1)
        _require_thresholds_of_sum(watched)
        return _versioned(store.keys, meter, watched, version)

    return _change(store, attempt)


def _noted(store: OrganizationStore, before: Meter, after: Meter) -> Write:
    """What the audit trail says of a change: what it is called by now, and what changed."""
    archived = before.archived_at is None, after.archived_at is None
    action: activity.Action = "meter.changed"
    if archived == (True, False):
        action = "meter.archived"
    elif archived == (False, True):
        action = "meter.brought_back"
    changed = [
        name
        for name in (
            "name",
            "filter",
            "aggregation",
            "unit",
            "limits_spending",
            "custom_label",
            "custom_multiplier",
            "group_by",
            "metadata",
            "external_id",
            "thresholds",
        )
        if getattr(before, name) != getattr(after, name)
    ]
    return activity.noted(store, action, after.id, name=after.name, changed=changed)


def finish_backfill(store: OrganizationStore, meter_id: str, generation: int) -> None:
    """Note that a meter's generation has counted the past of every ledger. Raises `NotFound`.

    It makes a version, since callers that know an older one do not know this.
    """

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        meter = get(store, meter_id)
        if meter.backfilled or meter.generation != generation:
            return meter, []
        finished = replace(meter, backfilled=True, rev=meter.rev + 1)
        return _versioned(store.keys, meter, finished, version)

    _change(store, attempt)


def finish_breakdowns(store: OrganizationStore, meter_id: str, grouping: int) -> None:
    """Note that a meter's breakdowns have the past of every ledger. Raises `NotFound`."""

    def attempt(version: int) -> tuple[Meter, list[Write]]:
        meter = get(store, meter_id)
        if meter.grouped or meter.grouping != grouping:
            return meter, []
        finished = replace(meter, grouped=True, rev=meter.rev + 1)
        return finished, [_put(store.keys, meter, finished)]

    _change(store, attempt)


def _regrouped(meter: Meter, group_by: tuple[str, ...], version: int) -> Meter:
    """The same with breakdowns that begin with a version; none begin where there were none."""
    if not group_by and not meter.grouping:
        return meter
    return replace(
        meter,
        group_by=group_by,
        grouping=meter.grouping + 1,
        grouped_since_version=version,
        grouped_since_at=times.now(),
        grouped=not group_by,
    )


def _decides_otherwise(before: Meter, after: Meter) -> bool:
    """Whether calls that count and decide must see a change: they know it by its version.

    An external id is given once, since the call that gives it has seen all meters of one version.
    """

    def about(meter: Meter) -> tuple[Any, ...]:
        return (
            meter.archived_at,
            meter.name,
            meter.limits_spending,
            meter.external_id,
            meter.grouping,
            meter.thresholds,
        )

    return about(before) != about(after)


def _versioned(
    org_keys: Keys, before: Meter, after: Meter, version: int
) -> tuple[Meter, list[Write]]:
    after = replace(after, versions=(*before.versions, version + 1))
    writes = [_put(org_keys, before, after), _raise(org_keys, version)]
    if after.was_watched:
        # Of what changes a meter, little leaves its balances' thresholds as they were.
        writes.append(rollouts.begin(org_keys, after))
    return after, writes


def _put(org_keys: Keys, before: Meter, after: Meter) -> Write:
    key = org_keys.meter(before.id)
    return put(key, after.to_item(), equals("rev", before.rev))


def _described(meter: Meter, body: MeterUpdateBody) -> Meter:
    given = body.model_fields_set
    described = replace(
        meter,
        name=body.name or meter.name,
        external_id=body.external_id if "external_id" in given else meter.external_id,
        filter=meter.filter if body.filter is None else body.filter.to_filter(),
        aggregation=(
            meter.aggregation if body.aggregation is None else body.aggregation.to_aggregation()
        ),
        unit=body.unit or meter.unit,
        limits_spending=body.limits_spending or meter.limits_spending,
        custom_label=body.custom_label if "custom_label" in given else meter.custom_label,
        custom_multiplier=(
            body.custom_multiplier if "custom_multiplier" in given else meter.custom_multiplier
        ),
        metadata=meter.metadata if body.metadata is None else body.metadata,
        modified_at=times.now(),
        rev=meter.rev + 1,
    )
    if body.thresholds is not None:
        wanted = [one.to_wanted() for one in body.thresholds]
        described = replace(
            described,
            thresholds=thresholds.changed(
                meter.thresholds, wanted, times.now(), notify_current=body.notify_current
            ),
            was_watched=meter.was_watched or bool(wanted),
        )
    _require_sense(described)
    return described


def _require_nothing_counted(store: OrganizationStore, meter: Meter, body: MeterUpdateBody) -> None:
    """Refuse to change what a meter counts once it has counted. Raises `Invalid`.

    The index that tells follows the table by a moment. An event that counts in this moment is not
    lost: what the meter has counted so far is counted anew, by what it counts from now on.
    """
    for slice_ in range(keys.DIRECTORY_SLICES):
        # Of any generation: a meter that is back from the archive has counted before.
        holders = store.keys.holder_directory(meter.id, slice_)
        if next(iter(store.query_index(holders)), None) is not None:
            field = "aggregation" if body.filter is None else "filter"
            message = "What a meter counts can't change once events have counted."
            raise Invalid.at(("body", field), message)


def _require_free(store: OrganizationStore, meter: Meter) -> None:
    """Refuse an external id that another meter has. Raises `Invalid`."""
    if meter.external_id is None:
        return
    for other in read_all(store):
        if other.external_id == meter.external_id and other.id != meter.id:
            message = f"Meter {other.id} has this external id."
            raise Invalid.at(("body", "external_id"), message, meter.external_id)


def forget() -> None:
    """Forget the meters that are kept in memory."""
    _sets.clear()
    _definitions.clear()


def _require_sense(meter: Meter) -> None:
    """Refuse what does not go together. Raises `Invalid`."""
    if meter.limits_spending == "always" and meter.aggregation.func not in DECISIVE:
        message = "Only a meter that sums or counts can limit spending."
        raise Invalid.at(("body", "limits_spending"), message, meter.limits_spending)
    _require_thresholds_of_sum(meter)
    if meter.unit == "custom" and not meter.custom_label:
        raise Invalid.at(("body", "custom_label"), "A custom unit needs a label.")


def _require_thresholds_of_sum(meter: Meter) -> None:
    if (meter.thresholds or meter.own_thresholds) and meter.aggregation.func != "sum":
        message = "Only a meter that sums has credits, and so thresholds of them."
        raise Invalid.at(("body", "thresholds"), message)


def _change(store: OrganizationStore, attempt: Callable[[int], tuple[Meter, list[Write]]]) -> Meter:
    """Make a change against the version as it is, anew when somebody else changed it."""
    for _ in range(MAX_ATTEMPTS):
        version = version_of(store.get(store.keys.meter_version()))
        meter, writes = attempt(version)
        try:
            if writes:
                store.commit(writes)
        except TransactionCancelled:
            continue
        _definitions.pop((store.table, store.organization_id), None)
        return meter
    raise Unavailable("Other calls are changing the meters.")


def _raise(org_keys: Keys, version: int) -> Write:
    """Raise the version, where it is still as it was read."""
    key = org_keys.meter_version()
    if version == 0:
        return put_new(key, {"version": 1})
    return update(key, {"version": version + 1}, condition=equals("version", version))


def _remember(cache: dict[tuple[str, str], Any], about: tuple[str, str], value: Any) -> None:
    if len(cache) >= MAX_ORGANIZATIONS_REMEMBERED:
        cache.clear()
    cache[about] = value
