"""``/v1/meters/``: create, list, read, change and archive meters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aureon import answers, backfill, catalog, listing
from aureon.domain.meters import Meter
from aureon.http import Answer, Request, Resolver

api = Resolver()
handler = api.handler

READ = "meters:read"
WRITE = "meters:write"

_SORT_BY = {
    "created_at": lambda meter: meter.created_at,
    "name": lambda meter: meter.name.casefold(),
}


@api.route("POST", "/v1/meters/", scope=WRITE)
def create(request: Request) -> Answer:
    from aureon.bodies import check
    from aureon.bodies.meters import MeterBody

    body = check(MeterBody, request.body())
    created = catalog.create(request.store, request.organization_id, body)
    backfill.start(request.organization_id, created)
    return _answer(request, created, 201)


@api.route("GET", "/v1/meters/", scope=READ)
def list_(request: Request) -> Answer:
    paging = request.paging()
    query = (request.text("query") or "").casefold()
    archived = request.truth("is_archived") or False
    metadata = request.metadata()
    ordered = listing.sort(
        (
            meter
            for meter in catalog.read_all(request.store, request.organization_id)
            if (meter.archived_at is not None) == archived
            and query in meter.name.casefold()
            and listing.has_metadata(meter.metadata, metadata)
        ),
        request.texts("sorting"),
        _SORT_BY,
        default="name",
    )
    return Answer(200, paging.answer(_shown(request, ordered[paging.slice()]), len(ordered)))


@api.route("GET", "/v1/meters/<meter_id>", scope=READ)
def get(request: Request, meter_id: str) -> Answer:
    return _answer(request, catalog.get(request.store, request.organization_id, meter_id))


@api.route("PATCH", "/v1/meters/<meter_id>", scope=WRITE)
def update(request: Request, meter_id: str) -> Answer:
    from aureon.bodies import check
    from aureon.bodies.meters import MeterUpdateBody

    body = check(MeterUpdateBody, request.body())
    before = catalog.get(request.store, request.organization_id, meter_id)
    changed = catalog.change(request.store, request.organization_id, meter_id, body)
    if changed.generation != before.generation:
        backfill.start(request.organization_id, changed)
    return _answer(request, changed)


def _answer(request: Request, meter: Meter, status: int = 200) -> Answer:
    return Answer(status, _shown(request, [meter])[0])


def _shown(request: Request, meters: Sequence[Meter]) -> list[dict[str, Any]]:
    progress = backfill.progress_of(request.store, request.organization_id, meters)
    return [
        answers.meter(request.organization_id, meter)
        | {"backfill": answers.backfill(meter, progress.get(meter.id))}
        for meter in meters
    ]
