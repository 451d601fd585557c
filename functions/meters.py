"""``/v1/meters/``: create, list, read, change and archive meters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aureon.api import serializers
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core import listing
from aureon.core.texts import folded
from aureon.domain.meters import Meter
from aureon.meters import backfills, catalog
from aureon.meters.catalog import MeterRequest

if TYPE_CHECKING:
    from aureon.api import response_models as models

api = Resolver("meters")
handler = api.handler


_SORT_BY = {
    "created_at": lambda meter: meter.created_at,
    "name": lambda meter: meter.name.casefold(),
}


@api.operation("create_meter")
def create(request: Request) -> Answer:
    from aureon.core.bodies import check
    from aureon.meters.bodies import MeterBody

    body = check(MeterBody, request.body())
    key = request.idempotency_key()
    again = None if key is None else MeterRequest.of(key, request.raw_body)
    created = catalog.create(request.store, body, again)
    backfills.request_backfill(request.organization_id, created)
    if created.group_by:
        backfills.request_breakdowns(request.organization_id, created)
    return _answer(request, created, 201)


@api.operation("list_meters")
def list_(request: Request) -> Answer:
    paging = request.paging()
    query = folded(request.query_str("query") or "")
    archived = request.query_bool("is_archived") or False
    metadata = request.metadata()
    external_ids = request.query_list("external_id")
    ordered = listing.sort(
        (
            meter
            for meter in catalog.read_all(request.store)
            if (meter.archived_at is not None) == archived
            and query in folded(meter.name)
            and (not external_ids or meter.external_id in external_ids)
            and listing.has_metadata(meter.metadata, metadata)
        ),
        request.query_list("sorting"),
        _SORT_BY,
        default="name",
    )
    return Answer(200, paging.answer(_shown(request, ordered[paging.slice()]), len(ordered)))


@api.operation("get_meter")
def get(request: Request, meter_id: str) -> Answer:
    return _answer(request, catalog.get(request.store, meter_id))


@api.operation("get_meter_external")
def get_external(request: Request, external_id: str) -> Answer:
    return _answer(request, catalog.get_external(request.store, external_id))


@api.operation("update_meter")
def update(request: Request, meter_id: str) -> Answer:
    from aureon.core.bodies import check
    from aureon.meters.bodies import MeterUpdateBody

    body = check(MeterUpdateBody, request.body())
    before = catalog.get(request.store, meter_id)
    changed = catalog.change(request.store, meter_id, body)
    if changed.generation != before.generation:
        backfills.request_backfill(request.organization_id, changed)
    if changed.group_by and changed.grouping != before.grouping:
        backfills.request_breakdowns(request.organization_id, changed)
    return _answer(request, changed)


def _answer(request: Request, meter: Meter, status: int = 200) -> Answer:
    return Answer(status, _shown(request, [meter])[0])


def _shown(request: Request, meters: Sequence[Meter]) -> list[models.MeterWithBackfill]:
    progress = backfills.progress_of(request.store, meters)
    of_breakdowns = backfills.breakdowns_progress_of(request.store, meters)
    return [
        serializers.meter_with_backfill(
            request.organization_id, meter, progress.get(meter.id), of_breakdowns.get(meter.id)
        )
        for meter in meters
    ]
