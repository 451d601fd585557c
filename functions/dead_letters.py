"""``/v1/dead-letters/``: show an organization's messages that failed for good, and resend them."""

from __future__ import annotations

from aureon.access import activity
from aureon.api import serializers
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core.errors import Conflict, NotFound
from aureon.ledger import dead_letters
from aureon.ledger.dead_letters import Found, Which
from aureon.storage import queue

api = Resolver("dead_letters")
handler = api.handler


@api.operation("list_dead_letters")
def list_(request: Request) -> Answer:
    paging = request.paging()
    dead = queue.from_environment(queue.DEAD_LETTERS)
    found = Found([], complete=True)
    if dead:
        found = dead_letters.find(request.store, dead, Which(request.organization_id))
    shown = [
        serializers.dead_letter(dead_letters.explain(request.store, record))
        for record in found.records[paging.slice()]
    ]
    answer = paging.answer(shown, len(found.records))
    return Answer(200, {**answer, "complete": found.complete, "queue": dead is not None})


@api.operation("discard_dead_letter")
def discard(request: Request, message_id: str) -> Answer:
    dead = queue.from_environment(queue.DEAD_LETTERS)
    if not dead:
        raise NotFound("There is no ingestion queue here.")
    dead_letters.discard(request.store, dead, message_id)
    return Answer(204, None)


@api.operation("redrive_dead_letters")
def redrive(request: Request) -> Answer:
    from aureon.core.bodies import check
    from aureon.ledger.dead_letter_bodies import RedriveBody

    body = check(RedriveBody, request.body())
    dead = queue.from_environment(queue.DEAD_LETTERS)
    ingestion = queue.from_environment(queue.INGESTION)
    if not dead or not ingestion:
        raise Conflict("There is no ingestion queue here.")
    which = Which(request.organization_id, body.ids)
    meant = "all" if body.ids is None else str(len(body.ids))
    request.store.write(
        activity.noted(request.store, "dead_letters.redriven", request.organization_id, meant=meant)
    )
    result = dead_letters.redrive(request.store, dead, ingestion, which)
    return Answer(200, serializers.redriven(result))
