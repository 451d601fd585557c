"""``/v1/tokens/``: what the token of a request allows, and the organization's other tokens."""

from __future__ import annotations

from aureon import answers, tokens
from aureon.http import Answer, Request, Resolver

api = Resolver()
handler = api.handler

READ = "tokens:read"
WRITE = "tokens:write"


@api.route("GET", "/v1/tokens/current", scope=None)
def current(request: Request) -> Answer:
    """Any good token may ask what it is good for: a client shows what its user may do."""
    name = tokens.organization_name(request.store, request.organization_id)
    return Answer(200, answers.access(request.access, name))


@api.route("GET", "/v1/tokens/", scope=READ)
def list_(request: Request) -> Answer:
    """Those that work, or with ``is_revoked`` the others; never the tokens themselves."""
    paging = request.paging()
    revoked = request.truth("is_revoked") or False
    found, total = tokens.find(
        request.store, request.organization_id, paging.slice(), revoked=revoked
    )
    return Answer(200, paging.answer([answers.token(record) for record in found], total))


@api.route("POST", "/v1/tokens/", scope=WRITE)
def create(request: Request) -> Answer:
    from aureon.bodies import check
    from aureon.bodies.tokens import TokenBody

    body = check(TokenBody, request.body())
    token, record = tokens.delegate(
        request.store,
        request.access,
        name=body.name,
        scopes=body.scopes,
        expires_at=body.expires_at,
    )
    # It is shown this once, so nobody on the way may keep the answer.
    return Answer(201, answers.token(record) | {"token": token}, {"Cache-Control": "no-store"})


@api.route("DELETE", "/v1/tokens/<token_id>", scope=WRITE)
def revoke(request: Request, token_id: str) -> Answer:
    tokens.revoke(request.store, request.organization_id, token_id)
    return Answer(204, None)
