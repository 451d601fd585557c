"""``POST /v1/events/ingest``: count events."""

from __future__ import annotations

from aureon.access.tokens import GRANT
from aureon.api import serializers
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core import metrics
from aureon.ledger import ingestion

# Every call needs its rules: they are imported while the function starts.
from aureon.ledger.event_bodies import IngestBody as IngestBody

api = Resolver("ingest")
handler = api.handler


@api.operation("ingest_events")
def ingest(request: Request) -> Answer:
    key = request.idempotency_key()
    result = ingestion.ingest(
        request.store,
        request.body(),
        idempotency=None if key is None else ingestion.Idempotency.of(key, request.raw_body),
        may_grant=GRANT in request.access.scopes,
        restrict_to=request.access.restrict_to,
    )
    metrics.emit(
        EventsIn=result.inserted + result.duplicates,
        Duplicates=result.duplicates,
        Conflicts=len(result.conflicts),
    )
    if result.warnings:
        metrics.emit(Warnings=len(result.warnings))
    return Answer(200, serializers.ingested(result))
