"""Tokens over HTTP: made once shown once, never mightier than their makers, revoked for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from aureon.access import admission, tokens
from aureon.access.rates import RateLimiter
from aureon.access.tokens import TokenAuthenticator
from aureon.api.routes import CUSTOMER_SESSION, ROUTES
from aureon.core import times
from aureon.core.errors import InsufficientScope
from tests.support.handlers import Api

PAST: Final = "2020-01-01T00:00:00Z"


def limited(api: Api, *scopes: str, **more: Any) -> Api:
    token, _ = tokens.create(api.store, scopes=scopes, **more)
    return replace(api, token=token)


def listed(api: Api, **parameters: Any) -> list[str]:
    return [token["name"] for token in api.get("/v1/tokens/", **parameters).body["items"]]


def test_a_token_that_is_made_works_and_is_shown_this_once(api: Api) -> None:
    made = api.post("/v1/tokens/", {"name": "reader", "scopes": ["meters:read"] * 2})

    assert made.status == 201
    assert made.headers["Cache-Control"] == "no-store"
    assert made.body["token"].startswith(tokens.PREFIX)
    reader = replace(api, token=made.body["token"])
    assert reader.get("/v1/meters/").status == 200
    assert reader.get("/v1/customers/").status == 403
    shown = api.get("/v1/tokens/")
    assert made.body["token"] not in shown.text
    assert shown.body["items"][0] == {
        "id": made.body["id"],
        "name": "reader",
        "scopes": ["meters:read"],
        "created_at": made.body["created_at"],
        "expires_at": None,
        "revoked_at": None,
        "restrict_to": None,
        "requests_per_second": None,
    }


def test_tokens_are_listed_newest_first_in_pages(api: Api) -> None:
    for name in ("one", "two", "three"):
        assert api.post("/v1/tokens/", {"name": name, "scopes": ["meters:read"]}).status == 201

    assert listed(api) == ["three", "two", "one", ""]
    assert listed(api, limit=2, page=2) == ["one", ""]
    assert api.get("/v1/tokens/", limit=3).body["pagination"] == {"total_count": 4, "max_page": 2}


def test_a_revoked_token_moves_to_those_that_are_revoked(api: Api) -> None:
    made = api.post("/v1/tokens/", {"name": "gone", "scopes": ["meters:read"]}).body

    for _ in range(2):
        assert api.delete(f"/v1/tokens/{made['id']}").status == 204

    assert replace(api, token=made["token"]).get("/v1/meters/").status == 401
    assert "gone" not in listed(api)
    (revoked,) = api.get("/v1/tokens/", is_revoked="true").body["items"]
    assert (revoked["id"], revoked["revoked_at"] is not None) == (made["id"], True)


def test_a_token_gives_no_scope_that_it_lacks(api: Api) -> None:
    maker = limited(api, "tokens:write", "meters:read")

    refused = maker.post("/v1/tokens/", {"scopes": ["meters:read", "events:write"]})

    assert refused.problems() == {("body", "scopes")}
    assert "events:write" in refused.text
    assert maker.post("/v1/tokens/", {"scopes": ["meters:read"]}).status == 201
    assert len(listed(api)) == 3


def test_a_token_makes_none_that_outlives_it(api: Api) -> None:
    end = times.now() + timedelta(hours=1)
    maker = limited(api, "tokens:write", expires_at=end)
    body = {"scopes": ["tokens:write"]}

    assert maker.post("/v1/tokens/", body).problems() == {("body", "expires_at")}
    later = times.to_text(end + timedelta(seconds=1))
    assert maker.post("/v1/tokens/", body | {"expires_at": later}).problems() == {
        ("body", "expires_at")
    }
    made = maker.post("/v1/tokens/", body | {"expires_at": times.to_text(end)})
    assert (made.status, made.body["expires_at"]) == (201, times.to_text(end))


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ("body", "scopes")),
        ({"scopes": []}, ("body", "scopes")),
        ({"scopes": "meters:read"}, ("body", "scopes")),
        ({"scopes": ["everything"]}, ("body", "scopes", "0")),
        ({"scopes": [{}]}, ("body", "scopes", "0")),
        ({"scopes": ["meters:read"], "name": "n" * 257}, ("body", "name")),
        ({"scopes": ["meters:read"], "name": 7}, ("body", "name")),
        ({"scopes": ["meters:read"], "expires_at": PAST}, ("body", "expires_at")),
        ({"scopes": ["meters:read"], "expires_at": "2099-01-01"}, ("body", "expires_at")),
        ({"scopes": ["meters:read"], "expires_at": 4_102_444_800}, ("body", "expires_at")),
    ],
    ids=str,
)
def test_a_bad_token_is_refused_at_its_field(
    api: Api, body: dict[str, Any], place: tuple[str, ...]
) -> None:
    assert api.post("/v1/tokens/", body).problems() == {place}
    assert len(listed(api)) == 1


@pytest.mark.parametrize("token_id", ["unknown", "x" * 2_000, "TOKEN%23"])
def test_a_token_that_is_not_there_is_not_found(api: Api, token_id: str) -> None:
    assert api.delete(f"/v1/tokens/{token_id}").status == 404


def restricted(api: Api, **restrict_to: Any) -> Api:
    body = {"scopes": ["events:write"], "restrict_to": restrict_to}
    made = api.post("/v1/tokens/", body)
    assert made.status == 201, made
    return Api(api.store, made.body["token"])


def test_a_restricted_token_sends_the_events_that_it_names_and_no_others(api: Api) -> None:
    meter_id = api.meter()
    api.meter("scan")
    by_name = restricted(api, event_names=["scan"])
    by_meter = restricted(api, meter_ids=[meter_id])
    event = {"external_customer_id": "u1", "metadata": {"units": 1}}

    assert by_name.ingest({**event, "name": "scan"}).status == 200
    assert by_meter.ingest({**event, "name": "api_usage"}).status == 200
    refused = by_name.ingest({**event, "name": "scan"}, {**event, "name": "api_usage"})
    assert refused.problems() == {("body", "events", "1", "name")}
    for name in ("scan", "nothing"):
        assert by_meter.ingest({**event, "name": name}).problems()
    # A second meter that counts the event would be counted in too.
    api.meter(func="count")
    assert by_meter.ingest({**event, "name": "api_usage"}).status == 422
    listed = api.get("/v1/events/", external_customer_id="u1").body
    assert listed["pagination"]["total_count"] == 2


def test_a_restricted_token_does_nothing_else(api: Api) -> None:
    service = restricted(api, event_names=["scan"])

    restriction = {"event_names": ["scan"], "meter_ids": []}
    assert service.get("/v1/tokens/current").body["restrict_to"] == restriction
    for route in ROUTES:
        if route.scope and route.operation != "ingest_events":
            path = route.path.format(id="x", external_id="x", name="x")
            refused = 401 if route.scope == CUSTOMER_SESSION else 403
            assert service.request(route.method, path, b"{}").status == refused, route
    with pytest.raises(InsufficientScope):
        admission.authorize(
            TokenAuthenticator(),
            RateLimiter(),
            api.store,
            {"authorization": f"Bearer {service.token}"},
        )
    listed = api.get("/v1/tokens/").body["items"]
    assert [one["restrict_to"] for one in listed if one["restrict_to"]] == [restriction]


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["events:write", "events:read"], "restrict_to": {"event_names": ["a"]}},
        {"scopes": ["events:write"], "restrict_to": {}},
        {"scopes": ["events:write"], "restrict_to": {"event_names": [""]}},
        {"scopes": ["events:write"], "restrict_to": {"event_names": ["a"] * 101}},
        {"scopes": ["events:write"], "restrict_to": ["a"]},
    ],
)
def test_a_restriction_that_makes_no_sense_is_refused(api: Api, body: Any) -> None:
    assert api.post("/v1/tokens/", body).status == 422
