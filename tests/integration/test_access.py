"""Access: every route wants a token that is good, and has the scope for it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Final

import pytest

import health
from aureon.access import organizations, tokens
from aureon.api.routes import CUSTOMER_SESSION, ROUTES, Route
from aureon.core import times
from aureon.storage import keys
from aureon.storage.store import Store
from aureon.storage.table import DELETE_AFTER
from health import LOOK_AGAIN_SECONDS
from tests.support.costs import consumption
from tests.support.faults import Fault, faults
from tests.support.handlers import Api, Reply
from tests.support.seams import without_pauses

INVALID_TOKEN: Final = {
    "error": "invalid_token",
    "error_description": "The access token provided is expired, revoked, malformed, or invalid "
    "for other reasons.",
}
OPEN: Final = (
    "/",
    "/portal",
    "/assets/{name}",
    "/docs",
    "/docs/{name}",
    "/health",
    "/openapi.json",
)
GUARDED: Final = [route for route in ROUTES if route.path not in OPEN]
# Any good token may ask what it allows, and how much there is of what it may read.
SCOPED: Final = [
    route
    for route in GUARDED
    if route.path not in ("/v1/tokens/current", "/v1/overview") and route.scope != CUSTOMER_SESSION
]


def shown(route: Route) -> str:
    return f"{route.method} {route.path}"


every_route = pytest.mark.parametrize("route", GUARDED, ids=shown)
every_scoped_route = pytest.mark.parametrize("route", SCOPED, ids=shown)


def call(api: Api, route: Route, **headers: str) -> Reply:
    """Call a route, with a body that is no JSON where it takes one."""
    path = route.path.format(id="any", external_id="any")
    return api.request(
        route.method, path, b"{" if route.method in ("POST", "PATCH", "PUT") else b"", headers
    )


# Routes whose scope is not the resource of their path: giving credits is a scope of its own.
GIVING: Final = ("/v1/credits/grants", "/v1/credits/refunds", "/v1/customer-meters/credits")
SCOPES: Final = {
    "/v1/meters/preview": "events:read",
    "/v1/meters/{id}/credits": "credits:read",
    "/v1/meters/{id}/customers": "customer_meters:read",
    "/v1/event-types/": "events:read",
    "/v1/events/{id}/void": tokens.GRANT,
}


def needed(route: Route) -> str:
    """The scope that a route needs: reading is GET; dead letters are events, and shown by one."""
    if route.path.startswith(GIVING) and route.method == "POST":
        return tokens.GRANT
    if route.path in SCOPES:
        return SCOPES[route.path]
    resource = route.path.split("/")[2].replace("dead-letters", "events").replace("-", "_")
    return f"{resource}:{'read' if route.method == 'GET' else 'write'}"


def with_token(api: Api, *, scopes: set[str], expires_at: datetime | None = None) -> Api:
    token, _ = tokens.create(api.store, scopes=scopes, expires_at=expires_at)
    return replace(api, token=token)


@every_route
def test_a_request_without_a_token_is_unauthorized(api: Api, route: Route) -> None:
    reply = call(replace(api, token=None), route)

    assert reply.status == 401
    assert reply.body["error"] == "Unauthorized"
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@every_route
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNzd29yZA==", "aureon_oat_token"]
)
def test_what_is_no_bearer_token_is_unauthorized(
    api: Api, route: Route, authorization: str
) -> None:
    reply = call(replace(api, token=None), route, authorization=authorization)

    assert reply.status == 401
    assert reply.body["error"] == "Unauthorized"
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@every_route
@pytest.mark.parametrize(
    "token", ["aureon_oat_unknown", "#", "TOKEN#", "two words", "x" * 5_000, "\xe9\xff"], ids=repr
)
def test_an_unknown_token_is_invalid(api: Api, route: Route, token: str) -> None:
    reply = call(replace(api, token=token), route)

    assert reply.status == 401
    assert reply.body == INVALID_TOKEN
    assert "invalid_token" in reply.headers["WWW-Authenticate"]


@every_scoped_route
def test_a_token_without_the_scope_may_not(api: Api, route: Route) -> None:
    limited = with_token(api, scopes=set(tokens.SCOPES) - {needed(route)})

    reply = call(limited, route)

    assert reply.status == 403
    assert reply.body["error"] == "insufficient_scope"
    assert f'scope="{needed(route)}"' in reply.headers["WWW-Authenticate"]


@every_scoped_route
def test_a_token_with_the_scope_alone_may(api: Api, route: Route) -> None:
    limited = with_token(api, scopes={needed(route)})

    assert call(limited, route).status in (200, 404, 422)


@every_scoped_route
def test_an_expired_token_is_invalid(api: Api, route: Route) -> None:
    expired = with_token(api, scopes={needed(route)}, expires_at=times.now())

    reply = call(expired, route)

    assert (reply.status, reply.body) == (401, INVALID_TOKEN)


def test_a_token_expires_while_it_is_in_use(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    end = times.now() + timedelta(hours=1)
    expiring = with_token(api, scopes={"meters:read"}, expires_at=end)

    assert expiring.get("/v1/meters/").status == 200
    monkeypatch.setattr(times, "now", lambda: end)
    assert expiring.get("/v1/meters/").body == INVALID_TOKEN


def test_a_revoked_token_is_invalid_within_a_minute(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr(tokens, "time", SimpleNamespace(monotonic=lambda: seconds))
    (record,) = tokens.list_records(api.store)
    assert api.get("/v1/meters/").status == 200

    tokens.revoke(api.store, record.id)

    seconds = 60.0
    assert api.get("/v1/meters/").body == INVALID_TOKEN


def test_a_token_is_read_once_in_a_while(api: Api) -> None:
    """A container trusts a token that it has seen, so that most requests save the read."""
    assert api.get("/v1/meters/").status == 200
    (record,) = tokens.list_records(api.store)
    tokens.revoke(api.store, record.id)

    assert api.get("/v1/meters/").status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(api: Api, scheme: str) -> None:
    authorization = f"{scheme} {api.token}"

    reply = replace(api, token=None).request(
        "GET", "/v1/meters/", headers={"authorization": authorization}
    )

    assert reply.status == 200


def test_a_token_says_what_it_allows(api: Api) -> None:
    end = times.from_text("2099-01-01T00:00:00Z")
    limited = with_token(api, scopes={"meters:read", "events:write"}, expires_at=end)

    assert limited.get("/v1/tokens/current").body == {
        "organization_id": api.organization_id,
        "organization_name": "Test",
        "organization_time_zone": None,
        "scopes": ["events:write", "meters:read"],
        "expires_at": "2099-01-01T00:00:00.000000Z",
        "token_id": next(
            record.id for record in tokens.list_records(api.store) if record.expires_at == end
        ),
        "restrict_to": None,
        "requests_per_second": None,
    }


def test_the_health_of_the_service_needs_no_token(api: Api) -> None:
    reply = replace(api, token=None).get("/health")

    assert (reply.status, reply.body) == (200, {"status": "ok"})


def test_the_health_of_the_service_is_looked_at_every_few_seconds_whoever_asks(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + LOOK_AGAIN_SECONDS)

    with consumption(api.store.client) as consumed:
        assert {api.get("/health").status for _ in range(3)} == {200}
        assert len(consumed) == 1
        monkeypatch.setattr(health, "time", later)
        assert api.get("/health").status == 200
    assert len(consumed) == 2


def test_the_health_of_a_service_without_a_database_is_bad_and_gets_better(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + LOOK_AGAIN_SECONDS)

    with without_pauses(), faults(api.store.client, lambda call: Fault.THROTTLE):
        assert api.get("/health").status == 503
    monkeypatch.setattr(health, "time", later)
    assert api.get("/health").status == 200


def test_a_token_is_stored_as_its_hash_only(api: Api) -> None:
    table = api.store.client.scan(TableName=api.store.table)

    assert api.token is not None
    assert api.token.startswith("aureon_oat_")
    assert api.token not in str(table["Items"])
    assert api.token.removeprefix("aureon_oat_") not in str(table["Items"])


def test_a_token_that_has_expired_goes_by_itself_and_its_record_stays(store: Store) -> None:
    organization_id = organizations.create(store, "Test")
    end = times.now() + timedelta(days=7)
    ending, record = tokens.create(store.of(organization_id), expires_at=end)
    lasting, _ = tokens.create(store.of(organization_id))

    found = {
        token: store.get(keys.token(tokens.sha256_of(token))) or {} for token in (ending, lasting)
    }

    # Not before it is of no use any more: until then it allows what it says.
    assert found[ending][DELETE_AFTER] > end.timestamp()
    assert DELETE_AFTER not in found[lasting]
    kept = store.get(keys.Keys(organization_id).token_record(record.id)) or {}
    assert kept["id"] == record.id
    assert DELETE_AFTER not in kept
