"""``POST /v1/events/ingest``: count events."""

from __future__ import annotations

from typing import Any

from aureon import ingestion, metrics
from aureon.errors import Invalid, Problem
from aureon.http import Answer, Request, Resolver

api = Resolver()
handler = api.handler

MAX_KEY_CHARACTERS = 255


@api.route("POST", "/v1/events/ingest", scope="events:write")
def ingest(request: Request) -> Answer:
    result = ingestion.ingest(
        request.store,
        request.organization_id,
        request.body(),
        idempotency=_idempotency(request),
    )
    metrics.emit(
        EventsIn=result.inserted + result.duplicates,
        Duplicates=result.duplicates,
        Conflicts=len(result.conflicts),
    )
    answer: dict[str, Any] = {"inserted": result.inserted, "duplicates": result.duplicates}
    if result.conflicts:
        answer["conflicts"] = result.conflicts
    return Answer(200, answer)


def _idempotency(request: Request) -> ingestion.Idempotency | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise Invalid(
            [
                Problem(
                    "string_length",
                    ("header", "idempotency-key"),
                    f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} characters.",
                )
            ]
        )
    return ingestion.Idempotency.of(key, request.raw_body)
