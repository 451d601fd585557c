"""``/v1/credits/``: spends and holds."""

from __future__ import annotations

from aureon import answers, credits
from aureon.http import Answer, Request, Resolver
from aureon.plain_credits import parse_capture, parse_hold, parse_spend

api = Resolver()
handler = api.handler

READ = "credits:read"
WRITE = "credits:write"


@api.route("POST", "/v1/credits/spend", scope=WRITE)
def spend(request: Request) -> Answer:
    body = parse_spend(request.body())
    spent = credits.spend(request.store, request.organization_id, body)
    return Answer(200, answers.spent(spent))


@api.route("POST", "/v1/credits/holds", scope=WRITE)
def place(request: Request) -> Answer:
    body = parse_hold(request.body())
    hold = credits.place_hold(request.store, request.organization_id, body)
    return Answer(200, answers.hold(hold))


@api.route("GET", "/v1/credits/holds/<hold_id>", scope=READ)
def get(request: Request, hold_id: str) -> Answer:
    hold = credits.get_hold(request.store, request.organization_id, hold_id)
    return Answer(200, answers.hold(hold))


@api.route("POST", "/v1/credits/holds/<hold_id>/capture", scope=WRITE)
def capture(request: Request, hold_id: str) -> Answer:
    body = parse_capture(request.body() if request.raw_body else {})
    hold = credits.capture(request.store, request.organization_id, hold_id, body)
    return Answer(200, answers.hold(hold))


@api.route("POST", "/v1/credits/holds/<hold_id>/release", scope=WRITE)
def release(request: Request, hold_id: str) -> Answer:
    hold = credits.release(request.store, request.organization_id, hold_id)
    return Answer(200, answers.hold(hold))
