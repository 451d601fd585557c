"""What an organization is: its settings, its tokens, and the audit trail of what was done."""

from __future__ import annotations

from typing import get_args

from aureon.access import activity, organizations, tokens
from aureon.api import serializers
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer, Content, file_answer
from aureon.core.errors import Invalid

api = Resolver("tokens")
handler = api.handler


@api.operation("get_current_organization")
def organization(request: Request) -> Answer:
    return Answer(200, serializers.organization(organizations.read(request.store)))


@api.operation("update_current_organization")
def update_organization(request: Request) -> Answer:
    from aureon.access.bodies import OrganizationUpdateBody
    from aureon.core.bodies import check

    body = check(OrganizationUpdateBody, request.body())
    changed = organizations.change(request.store, **body.changes())
    return Answer(200, serializers.organization(changed))


@api.operation("get_current_token")
def current(request: Request) -> Answer:
    """Any good token may ask what it is good for: a client shows what its user may do."""
    organization = organizations.read(request.store)
    return Answer(200, serializers.access(request.access, organization))


@api.operation("list_tokens")
def list_(request: Request) -> Answer:
    """Those that work, or with ``is_revoked`` the others; never the tokens themselves."""
    paging = request.paging()
    revoked = request.query_bool("is_revoked") or False
    found, total = tokens.find(request.store, paging.slice(), revoked=revoked)
    return Answer(200, paging.answer([serializers.token(record) for record in found], total))


@api.operation("create_token")
def create(request: Request) -> Answer:
    from aureon.access.bodies import TokenBody
    from aureon.core.bodies import check

    body = check(TokenBody, request.body())
    token, record = tokens.delegate(
        request.store,
        request.access,
        name=body.name,
        scopes=body.scopes,
        expires_at=body.expires_at,
        restrict_to=None if body.restrict_to is None else body.restrict_to.to_restriction(),
        requests_per_second=body.requests_per_second,
    )
    # It is shown this once, so nobody on the way may keep the answer.
    return Answer(201, serializers.new_token(record, token), {"Cache-Control": "no-store"})


@api.operation("revoke_token")
def revoke(request: Request, token_id: str) -> Answer:
    tokens.revoke(request.store, token_id)
    return Answer(204, None)


@api.operation("list_activity")
def list_activity(request: Request) -> Answer:
    paging = request.paging()
    found, total = activity.find(request.store, _chosen(request), paging.slice())
    return Answer(200, paging.answer([serializers.activity(one) for one in found], total))


@api.operation("export_activity")
def export_activity(request: Request) -> Answer:
    content = Content(activity.MEDIA_TYPE, activity.write(request.store, _chosen(request)))
    return file_answer(content, request.headers.get("accept-encoding", ""))


def _chosen(request: Request) -> activity.Chosen:
    """Which activities a query asks for. Raises `Invalid`."""
    actions = request.query_list("action")
    for action in actions:
        if action not in get_args(activity.Action):
            known = ", ".join(get_args(activity.Action))
            raise Invalid.at(("query", "action"), f"Must be one of {known}.", action)
    return activity.Chosen(
        actions,
        request.query_list("token_id"),
        request.query_list("subject_id"),
        request.query_time("start_timestamp"),
        request.query_time("end_timestamp"),
    )
