"""``/v1/tokens/``: what the token that a request came with allows."""

from __future__ import annotations

from aureon import answers, tokens
from aureon.http import Answer, Request, Resolver

api = Resolver()
handler = api.handler


@api.route("GET", "/v1/tokens/current", scope=None)
def current(request: Request) -> Answer:
    """Any good token may ask what it is good for: a client shows what its user may do."""
    name = tokens.organization_name(request.store, request.organization_id)
    return Answer(200, answers.access(request.access, name))
