"""``/v1/dead-letters/``: show an organization's messages that failed for good, and resend them."""

from __future__ import annotations

from typing import Any

from aureon import dead_letters, queue, times
from aureon.dead_letters import DeadLetter, Found, Which
from aureon.errors import Conflict
from aureon.http import Answer, Request, Resolver

api = Resolver()
handler = api.handler


@api.route("GET", "/v1/dead-letters/", scope="events:read")
def list_(request: Request) -> Answer:
    paging = request.paging()
    dead = queue.from_environment(queue.DEAD_LETTERS)
    found = Found([], complete=True)
    if dead:
        found = dead_letters.find(request.store, dead, Which(request.organization_id))
    shown = [
        _answer(dead_letters.explain(request.store, record))
        for record in found.records[paging.slice()]
    ]
    answer = paging.answer(shown, len(found.records))
    return Answer(200, {**answer, "complete": found.complete, "queue": dead is not None})


@api.route("POST", "/v1/dead-letters/redrive", scope="events:write")
def redrive(request: Request) -> Answer:
    from aureon.bodies import check
    from aureon.bodies.dead_letters import RedriveBody

    body = check(RedriveBody, request.body())
    dead = queue.from_environment(queue.DEAD_LETTERS)
    ingestion = queue.from_environment(queue.INGESTION)
    if not dead or not ingestion:
        raise Conflict("There is no ingestion queue here.")
    which = Which(request.organization_id, body.ids)
    result = dead_letters.redrive(request.store, dead, ingestion, which)
    return Answer(
        200,
        {
            "redriven": result.redriven,
            "left": [
                {"id": message_id, "reason": reason} for message_id, reason in result.left.items()
            ],
            "complete": result.complete,
        },
    )


def _answer(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "first_received_at": times.to_text(letter.first_received_at),
        "receive_count": letter.receive_count,
        "events": letter.events,
        "counted": letter.counted,
        "succeeds_now": letter.succeeds_now,
        "reason": letter.reason,
    }
