"""The portal: a session opens one customer, to read, and nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from aureon.access import sessions, tokens
from aureon.api.routes import CUSTOMER_SESSION, ROUTES, Route
from aureon.core import times
from aureon.meters import catalog
from aureon.storage.table import DELETE_AFTER
from tests.integration.conftest import NewApi
from tests.support.faults import Crash, Fault, faults, nth
from tests.support.handlers import Api, Reply, invoke
from tests.support.projected import project_all
from tests.support.recount import scan
from tests.support.seams import restart_handlers, without_pauses
from tests.support.sessions import session_of

PORTAL = "/v1/customer-portal"
OPENED = [route for route in ROUTES if route.scope == CUSTOMER_SESSION]
HOURS = {"start_timestamp": "2020-01-01T00:00:00Z", "end_timestamp": "2029-01-01T00:00:00Z"}
BY_YEAR = {**HOURS, "interval": "year"}


class Shop(NamedTuple):
    """An organization with a meter by model, and two customers who used it."""

    api: Api
    meter_id: str
    ada: str
    bob: str

    @property
    def balance_id(self) -> str:
        return f"{self.ada}.{self.meter_id}"


def stored(api: Api) -> list[Any]:
    return list(scan(api.store))


def usage(customer_id: str, units: int, **metadata: Any) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "customer_id": customer_id,
        "metadata": {"units": units, **metadata},
    }


@pytest.fixture
def shop(api: Api) -> Shop:
    ada = api.customer("ada@example.com", name="Ada", metadata={"margin": "high"})
    bob = api.customer("bob@example.com", name="Bob")
    meter_id = api.meter()
    grouped = api.patch(f"/v1/meters/{meter_id}", {"group_by": ["model", "margin", "customer"]})
    assert grouped.status == 200, grouped.body
    catalog.forget()
    grant = usage(ada, 100) | {"expires_in_seconds": 86_400, "note": "churn risk"}
    assert api.post("/v1/credits/grants", grant).status == 200
    api.ingest(
        usage(ada, 3, model="small", margin="9"),
        usage(ada, 4, model="large", margin="1"),
        usage(bob, 500, model="secret-of-bob"),
    )
    project_all(api.store)
    return Shop(api, meter_id, ada, bob)


def opened(shop: Shop, path: str, **query: Any) -> Any:
    reply = session_of(shop.api, shop.ada).get(f"{PORTAL}/{path}", **query)
    assert reply.status == 200, reply.body
    return reply.body


def everything(shop: Shop, caller: Api) -> list[Reply]:
    """What each route of the portal answers."""
    return [
        caller.request(
            "GET",
            route.path.format(id=shop.balance_id),
            query="&".join(f"{name}={value}" for name, value in BY_YEAR.items())
            if route.path.endswith("quantities")
            else "",
        )
        for route in OPENED
    ]


# Sessions


def test_a_session_is_opened_by_either_id_and_answers_what_polar_does(api: Api) -> None:
    customer_id = api.customer("ada@example.com", external_id="user/1")
    by_id = api.post("/v1/customer-sessions/", {"customer_id": customer_id})
    by_external_id = api.post("/v1/customer-sessions/", {"externalCustomerId": "user/1"})

    for made in (by_id, by_external_id):
        assert made.status == 201, made.body
        assert made.headers["Cache-Control"] == "no-store"
        found = made.body
        assert found["token"].startswith("aureon_cst_")
        assert found["customer"] == api.get(f"/v1/customers/{customer_id}").body
        lasting = times.from_text(found["expires_at"]) - times.from_text(found["created_at"])
        assert lasting == timedelta(hours=1)
        page, _, fragment = found["customer_portal_url"].partition("#")
        assert page == f"http://localhost/portal?organization={api.organization_id}"
        assert fragment == found["token"]
        assert found["token"] not in page
    assert by_id.body["token"] != by_external_id.body["token"]


def test_the_address_of_the_page_is_the_callers_with_its_stage(api: Api) -> None:
    customer_id = api.customer("ada@example.com")
    body = f'{{"customer_id": "{customer_id}"}}'.encode()
    name, event = api.event("POST", "/v1/customer-sessions/", body, {"x-forwarded-proto": "https"})
    event["requestContext"] |= {"domainName": "api.example.com", "stage": "prod"}
    event["rawPath"] = f"/prod{event['rawPath']}"
    assert "https://api.example.com/prod/portal?organization=" in invoke(name, event)["body"]


def test_a_session_is_kept_as_a_hash_that_goes_by_itself(api: Api) -> None:
    customer_id = api.customer("ada@example.com")
    made = api.post("/v1/customer-sessions/", {"customer_id": customer_id}).body
    (item,) = [item for item in stored(api) if item["pk"].startswith("SESSION#")]
    assert made["token"] not in str(stored(api))
    assert made["token"].removeprefix(sessions.PREFIX) not in str(stored(api))
    assert item[DELETE_AFTER] >= int(times.from_text(made["expires_at"]).timestamp())


@pytest.mark.parametrize("seconds", [60, 3_600, 86_400])
def test_a_session_lasts_as_long_as_it_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    ada = session_of(shop.api, shop.ada, expires_in_seconds=seconds)
    made_at = times.now()
    for after, status in ((seconds - 5, 200), (seconds + 5, 401)):
        later = made_at + timedelta(seconds=after)
        monkeypatch.setattr(times, "now", lambda later=later: later)
        assert ada.get(f"{PORTAL}/customers/me").status == status


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ("body",)),
        ({"customer_id": "x", "external_customer_id": "y"}, ("body",)),
        ({"customer_id": "x"}, ("body", "customer_id")),
        ({"external_customer_id": "x"}, ("body", "external_customer_id")),
        ({"customer_id": None}, ("body",)),
        ({"customer_id": "ADA", "expires_in_seconds": 59}, ("body", "expires_in_seconds")),
        ({"customer_id": "ADA", "expires_in_seconds": 86_401}, ("body", "expires_in_seconds")),
        ({"customer_id": "ADA", "return_url": "javascript:alert(1)"}, ("body", "return_url")),
        ({"customer_id": "ADA", "return_url": "/home"}, ("body", "return_url")),
        ({"customer_id": "ADA", "return_url": "https://a.dev/ x"}, ("body", "return_url")),
        ({"customer_id": "ADA", "return_url": "https://" + "a" * 2_000}, ("body", "return_url")),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(
    api: Api, body: dict[str, Any], place: tuple[str, ...]
) -> None:
    ada = api.customer("ada@example.com")
    named = {name: ada if value == "ADA" else value for name, value in body.items()}
    assert api.post("/v1/customer-sessions/", named).problems() == {place}
    assert not [item for item in stored(api) if item["pk"].startswith("SESSION#")]


def test_a_session_needs_its_scope_and_a_customer_of_ones_own(new_api: NewApi) -> None:
    mine, theirs = new_api(), new_api()
    customer_id = theirs.customer("ada@example.com", external_id="ada")
    for named in ({"customer_id": customer_id}, {"external_customer_id": "ada"}):
        assert mine.post("/v1/customer-sessions/", named).status == 422
    scopes = set(tokens.SCOPES) - {"customer_sessions:write"}
    token, _ = tokens.create(theirs.store, scopes=scopes)
    without = replace(theirs, token=token)
    assert without.post("/v1/customer-sessions/", {"customer_id": customer_id}).status == 403


@pytest.mark.parametrize(
    "fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_AFTER, Fault.THROTTLE]
)
def test_whichever_call_fails_a_session_is_opened_by_the_next_try(api: Api, fault: Fault) -> None:
    body = {"external_customer_id": "ada"}
    customer_id = api.customer("ada@example.com", external_id="ada")
    restart_handlers()
    with faults(api.store.client) as calls:
        assert api.post("/v1/customer-sessions/", body).status == 201
    for number in range(len(calls)):
        restart_handlers()
        with (
            without_pauses(),
            faults(api.store.client, nth(number, fault)),
            suppress(Crash),
        ):
            assert api.post("/v1/customer-sessions/", body).status in (201, 503)
        restart_handlers()
        assert session_of(api, customer_id).get(f"{PORTAL}/customers/me").status == 200


@pytest.mark.parametrize("anonymize", ["true", "false"])
def test_a_deleted_customers_session_stops_at_once_and_their_successors_has_nothing_of_theirs(
    api: Api, anonymize: str
) -> None:
    api.meter()
    gone = api.customer("ada@example.com", external_id="ada")
    api.ingest(usage(gone, 5))
    session = session_of(api, gone)
    assert session.get(f"{PORTAL}/meters/").body["items"]

    assert api.delete(f"/v1/customers/{gone}", anonymize=anonymize).status == 204

    for route in OPENED:
        reply = session.request("GET", route.path.format(id=f"{gone}.x"))
        assert (reply.status, reply.body["error"]) == (401, "invalid_token"), route
    heir = api.customer("ada@example.com", external_id="ada")
    assert session.get(f"{PORTAL}/customers/me").status == 401
    assert session_of(api, heir).get(f"{PORTAL}/meters/").body["items"] == []
    assert session_of(api, heir).get(f"{PORTAL}/events/").body["items"] == []


# What a session opens, and what it does not


def test_each_route_of_the_portal_shows_the_customers_own(shop: Shop) -> None:
    for reply in everything(shop, session_of(shop.api, shop.ada)):
        assert reply.status == 200, reply.body
        assert reply.headers["Cache-Control"] == "no-store"
        for secret in (shop.bob, "bob@example.com", "secret-of-bob", "churn risk", "margin"):
            assert secret not in reply.text


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.scope is not None and route.scope != CUSTOMER_SESSION],
    ids=str,
)
def test_a_session_opens_nothing_else(api: Api, route: Route) -> None:
    session = session_of(api, api.customer("ada@example.com"))
    path = route.path.format(id="any", external_id="any")
    reply = session.request(route.method, path, b"{}" if route.method != "GET" else b"")
    assert (reply.status, reply.body["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("route", OPENED, ids=str)
def test_the_portal_takes_no_token_of_an_organization(shop: Shop, route: Route) -> None:
    path = route.path.format(id=shop.balance_id)
    assert shop.api.request("GET", path).status == 401
    local, _ = tokens.create(shop.api.store, token="aureon_cst_local")
    assert replace(shop.api, token=local).request("GET", path).status == 401


def test_nothing_of_another_customer_or_organization_is_found(shop: Shop, new_api: NewApi) -> None:
    other = new_api()
    other_meter, other_customer = other.meter(), other.customer("eve@example.com")
    other.ingest(usage(other_customer, 7))
    ada = session_of(shop.api, shop.ada)
    strangers = [
        f"{shop.bob}.{shop.meter_id}",
        f"{shop.ada}.{other_meter}",
        f"{other_customer}.{other_meter}",
        f"{other_customer}.{shop.meter_id}",
        f"{shop.ada}.x",
        f"{shop.ada}",
        "x",
    ]
    for id_ in strangers:
        for path in ("", "/quantities", "/statement"):
            query = BY_YEAR if path == "/quantities" else {}
            assert ada.get(f"{PORTAL}/meters/{id_}{path}", **query).status == 404, (id_, path)
    assert ada.get(f"{PORTAL}/events/", meter_id=other_meter).status == 404
    for query in ({"customer_id": shop.bob}, {"external_customer_id": "bob"}):
        items = ada.get(f"{PORTAL}/events/", **query).body["items"]
        assert {one["metadata"].get("units") for one in items} == {None}
        assert len(items) == 3
        listed = ada.get(f"{PORTAL}/meters/", **query).body["items"]
        assert [one["id"] for one in listed] == [shop.balance_id]
        assert len(ada.get(f"{PORTAL}/grants/", **query).body["items"]) == 1
        quantity = ada.get(f"{PORTAL}/meters/{shop.balance_id}/quantities", **BY_YEAR, **query)
        assert quantity.body["used_units"] == 7


def test_a_cursor_of_another_customers_statement_leads_nowhere_else(shop: Shop) -> None:
    shop.api.ingest(usage(shop.bob, 1))
    theirs = session_of(shop.api, shop.bob)
    first = theirs.get(f"{PORTAL}/meters/{shop.bob}.{shop.meter_id}/statement", limit=1).body
    mine = session_of(shop.api, shop.ada)
    lines: list[Any] = []
    reply = mine.get(f"{PORTAL}/meters/{shop.balance_id}/statement", after=first["next"])
    if reply.status == 200:
        lines = reply.body["lines"]
    logged = {one["id"] for one in shop.api.get("/v1/events/", customer_id=shop.bob).body["items"]}
    assert not logged & {line["event_id"] for line in lines}


def test_balances_say_what_is_left_until_when_and_nothing_of_how_it_is_counted(shop: Shop) -> None:
    (listed,) = opened(shop, "meters/", lots="true")["items"]
    assert listed == opened(shop, f"meters/{shop.balance_id}", lots="true")
    assert listed["balance"] == -93
    assert listed["available_credits"] == 93
    assert listed["next_expiry"]["units"] == 93
    assert [lot["remaining_units"] for lot in listed["lots"]] == [93]
    assert listed["meter"].keys() == {
        "created_at",
        "modified_at",
        "id",
        "name",
        "unit",
        "custom_label",
        "custom_multiplier",
        "aggregation",
        "group_by",
    }
    assert opened(shop, "meters/", meter_id="x")["items"] == []
    assert opened(shop, "meters/", query="METER OF")["items"]


def keys_of(shop: Shop, *names: str) -> None:
    changed = shop.api.patch("/v1/organizations/current", {"portal_metadata_keys": [*names]})
    assert changed.status == 200


def test_events_show_the_listed_metadata_and_are_filtered_by_no_other(shop: Shop) -> None:
    assert [one["metadata"] for one in opened(shop, "events/")["items"]] == [{}] * 3
    keys_of(shop, "model")
    shown = opened(shop, "events/", name="api_usage")["items"]
    assert {one["metadata"].get("model") for one in shown} == {"small", "large", None}
    assert not any("margin" in one["metadata"] for one in shown)
    assert len(opened(shop, "events/", **{"metadata[model]": "small"})["items"]) == 1
    ada = session_of(shop.api, shop.ada)
    for guess in ("1", "9", "nothing"):
        refused = ada.get(f"{PORTAL}/events/", **{"metadata[margin]": guess})
        assert refused.problems() == {("query", "metadata", "margin")}
    oldest = opened(shop, "events/", sorting="timestamp", limit=1)["items"][0]
    newest = opened(shop, "events/", limit=1)["items"][0]
    assert oldest["timestamp"] <= newest["timestamp"]
    assert ada.get(f"{PORTAL}/events/", sorting="name").status == 422
    assert shop.api.ingest(usage(shop.ada, 1) | {"name": "unmetered"}).status == 200
    assert len(opened(shop, "events/")["items"]) == 4
    assert len(opened(shop, "events/", meter_id=shop.meter_id)["items"]) == 3


def test_quantities_are_broken_down_by_what_is_listed_alone(shop: Shop) -> None:
    path = f"meters/{shop.balance_id}/quantities"
    ada = session_of(shop.api, shop.ada)
    for name in ("model", "margin", "customer"):
        assert ada.get(f"{PORTAL}/{path}", **BY_YEAR, group_by=name).status == 422
    keys_of(shop, "model")
    (listed,) = opened(shop, "meters/")["items"]
    assert listed["meter"]["group_by"] == ["model"]
    broken = opened(shop, path, **BY_YEAR, group_by="model")
    assert {one["value"]: one["used_units"] for one in broken["groups"] if one["value"]} == {
        "large": 4,
        "small": 3,
    }
    for name in ("margin", "customer", "x"):
        refused = ada.get(f"{PORTAL}/{path}", **BY_YEAR, group_by=name)
        assert refused.problems() == {("query", "group_by")}
    refused = ada.get(f"{PORTAL}/{path}", **BY_YEAR, **{"metadata[margin]": "9"})
    assert refused.problems() == {("query", "metadata")}


def test_a_statement_explains_the_balance_without_reasons_as_json_and_csv(shop: Shop) -> None:
    spent = shop.api.post("/v1/credits/spend", usage(shop.ada, 5)).body["id"]
    refund = {"event_id": spent, "reason": "suspected fraud"}
    assert shop.api.post("/v1/credits/refunds", refund).status == 200
    path = f"meters/{shop.balance_id}/statement"
    seen = shop.api.get(f"/v1/customer-meters/{shop.balance_id}/statement").body
    assert "suspected fraud" in str(seen)
    shown = opened(shop, path)
    assert shown["closing_balance"] == -93
    assert [line["kind"] for line in shown["lines"]].count("refund") == 1
    assert {line["call"]["reason"] for line in shown["lines"]} == {None}
    # Nor are a seller's tokens and notes the customer's business.
    assert {line["call"]["actor"] for line in shown["lines"]} == {None}
    assert {line["note"] for line in shown["lines"]} == {None}
    reply = session_of(shop.api, shop.ada).get(f"{PORTAL}/{path}", format="csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert len(rows) == len(shown["lines"])
    assert {row["call_reason"] for row in rows} == {""}
    assert {(row["actor"], row["note"]) for row in rows} == {("", "")}


def test_grants_are_shown_without_what_their_seller_keeps_of_them(shop: Shop) -> None:
    (grant,) = opened(shop, "grants/")["items"]
    assert (grant["units"], grant["remaining_units"], grant["note"]) == (100, 93, None)
    assert grant["metadata"] == {}
    assert opened(shop, "grants/", meter_id="x")["items"] == []
    keys_of(shop, "units")
    assert opened(shop, "grants/")["items"][0]["metadata"] == {"units": 100}


def test_who_it_is_and_whose_customer(shop: Shop) -> None:
    shop.api.patch("/v1/organizations/current", {"name": "Acme", "colour": "#3366ff"})
    ada = session_of(shop.api, shop.ada, return_url="https://acme.dev/home")
    session = ada.get(f"{PORTAL}/customer-session/introspect").body
    assert session["return_url"] == "https://acme.dev/home"
    assert session["organization"] == {
        "id": shop.api.organization_id,
        "name": "Acme",
        "colour": "#3366ff",
        "time_zone": None,
    }
    user = ada.get(f"{PORTAL}/customer-session/user").body
    assert (user["type"], user["customer_id"], user["name"]) == ("customer", shop.ada, "Ada")
    me = ada.get(f"{PORTAL}/customers/me").body
    assert (me["id"], me["email"]) == (shop.ada, "ada@example.com")
    assert "metadata" not in me


@pytest.mark.parametrize("name", ["orders", "subscriptions", "benefit-grants"])
def test_what_polar_has_and_aureon_does_not_is_an_empty_list(shop: Shop, name: str) -> None:
    empty = {"items": [], "pagination": {"total_count": 0, "max_page": 0}}
    assert opened(shop, f"{name}/", page=2, limit=5) == empty


def test_the_portal_reads_and_never_writes(shop: Shop) -> None:
    ada = session_of(shop.api, shop.ada)
    before = stored(shop.api)
    everything(shop, ada)
    assert stored(shop.api) == before
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        name, event = ada.event("GET", f"{PORTAL}/customers/me")
        event["requestContext"]["http"]["method"] = method
        answer = invoke(name, event)
        assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET, HEAD, OPTIONS")
    name, event = ada.event("GET", f"{PORTAL}/customers/me")
    event["rawPath"] = f"{PORTAL}/customers/you"
    assert invoke(name, event)["statusCode"] == 404


@pytest.mark.parametrize("route", OPENED, ids=str)
def test_a_portal_whose_database_does_not_answer_says_when_to_try_again(
    shop: Shop, route: Route
) -> None:
    ada = session_of(shop.api, shop.ada)
    query = "&".join(f"{name}={value}" for name, value in BY_YEAR.items())
    path = route.path.format(id=shop.balance_id)
    query = query if path.endswith("quantities") else ""
    restart_handlers()
    with faults(shop.api.store.client) as calls:
        assert ada.request("GET", path, query=query).status == 200
    for number in range(len(calls)):
        restart_handlers()
        with without_pauses(), faults(shop.api.store.client, nth(number, Fault.THROTTLE)):
            reply = ada.request("GET", path, query=query)
        assert reply.status in (200, 503), reply.body
        restart_handlers()
        again = ada.request("GET", path, query=query)
        assert again.status == 200


# Pages of other origins

PAGE = {"origin": "https://app.acme.dev"}


def preflight(api: Api, path: str, headers: Mapping[str, str]) -> Any:
    name, event = api.event("GET", path, headers=headers)
    event["requestContext"]["http"]["method"] = "OPTIONS"
    event["headers"].pop("authorization", None)
    return invoke(name, event)


def test_a_listed_origin_reads_the_portal_and_no_other_does(shop: Shop) -> None:
    listed = {"origins": ["https://app.acme.dev", "http://localhost:3000"]}
    assert shop.api.patch("/v1/organizations/current", listed).status == 200
    ada = session_of(shop.api, shop.ada)
    path = f"{PORTAL}/customers/me"
    for origin in listed["origins"]:
        reply = ada.request("GET", path, headers={"origin": origin})
        assert reply.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in reply.headers["Vary"]
    strangers = ("https://app.acme.dev.evil.dev", "http://app.acme.dev", "null", "", "*")
    for origin in strangers:
        reply = ada.request("GET", path, headers={"origin": origin})
        assert reply.status == 200
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "Origin" in reply.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in ada.get(path).headers
    for reply in (shop.api.request("GET", "/v1/meters/", headers=PAGE),):
        assert not [name for name in reply.headers if name.startswith("Access-Control")]


def test_a_listed_origin_learns_that_a_session_has_ended_and_others_do_not(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.api.patch("/v1/organizations/current", {"origins": [PAGE["origin"]]})
    ada = session_of(shop.api, shop.ada)
    assert ada.request("GET", f"{PORTAL}/meters/x", headers=PAGE).status == 404
    later = times.now() + timedelta(hours=2)
    monkeypatch.setattr(times, "now", lambda: later)
    reply = ada.request("GET", f"{PORTAL}/customers/me", headers=PAGE)
    assert reply.status == 401
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE["origin"]
    unknown = replace(ada, token="aureon_cst_unknown")
    reply = unknown.request("GET", f"{PORTAL}/customers/me", headers=PAGE)
    assert reply.status == 401
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_a_browser_may_always_ask_and_is_never_let_in_by_that(api: Api) -> None:
    asked = {**PAGE, "access-control-request-method": "GET"}
    for route in OPENED:
        wanted = {**asked, "access-control-request-headers": "authorization,polar-version"}
        answer = preflight(api, route.path.format(id="x"), wanted)
        assert answer["statusCode"] == 204
        assert answer["headers"]["Access-Control-Allow-Origin"] == PAGE["origin"]
        assert answer["headers"]["Access-Control-Allow-Methods"] == "GET, HEAD"
        assert answer["headers"]["Access-Control-Allow-Headers"] == "authorization,polar-version"
        assert "Access-Control-Allow-Credentials" not in answer["headers"]
        assert answer["body"] == ""
    path = f"{PORTAL}/customers/me"
    for headers in (
        {"origin": "null"},
        {"origin": "https://a.dev\r\nX-Smuggled: 1"},
        {**PAGE, "access-control-request-headers": "a\r\nX-Smuggled: 1"},
        {},
    ):
        answer = preflight(api, path, headers)
        assert not [name for name in answer["headers"] if name.startswith("Access-Control")]


def test_the_page_may_be_embedded_by_listed_origins_alone(api: Api) -> None:
    def ancestors(organization_id: str) -> str:
        restart_handlers()
        reply = api.request("GET", "/portal", query=f"organization={organization_id}")
        assert reply.status == 200
        (found,) = [
            directive
            for directive in reply.headers["Content-Security-Policy"].split("; ")
            if directive.startswith("frame-ancestors ")
        ]
        return found.removeprefix("frame-ancestors ")

    assert ancestors(api.organization_id) == "'none'"
    listed = {"origins": ["https://app.acme.dev", "http://localhost:3000"]}
    assert api.patch("/v1/organizations/current", listed).status == 200
    assert ancestors(api.organization_id) == "https://app.acme.dev http://localhost:3000"
    for nobody in ("", "x", "x" * 500, "x; script-src *"):
        assert ancestors(nobody) == "'none'"
    restart_handlers()
    with without_pauses(), faults(api.store.client, lambda _: Fault.THROTTLE):
        reply = api.request("GET", "/portal", query=f"organization={api.organization_id}")
    assert reply.status == 200
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    dashboard = api.request("GET", "/", query=f"organization={api.organization_id}")
    assert "frame-ancestors 'none'" in dashboard.headers["Content-Security-Policy"]
