"""Every operation answers what the OpenAPI document has, and no field that it does not tell of.

`Api` holds each answer of the other tests against the document as well.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from aureon.api.routes import CUSTOMER_SESSION, QUEUE_ROUTE, ROUTES
from aureon.core import exact, times
from aureon.reads.liability import Liability
from tests.integration.test_dead_letters import bury
from tests.support.deliveries import Queues, message
from tests.support.described import OPERATIONS, assert_described
from tests.support.handlers import Api
from tests.support.projected import project_all
from tests.support.watched import watch_all
from tests.support.webhook_deliveries import deliveries

EVENT = {
    "name": "api_usage",
    "external_customer_id": "user/1",
    "external_id": "e1",
    "metadata": {
        "units": -10,
        "_cost": {"amount": 1, "currency": "usd"},
        "_llm": {
            "vendor": "acme",
            "model": "small",
            "input_tokens": 1,
            "output_tokens": 2,
            "total_tokens": 3,
        },
    },
}
CUSTOMER = {
    "email": "user@example.com",
    "name": "User",
    "external_id": "user/1",
    "metadata": {"seats": 3},
    "billing_address": {"country": "DE"},
    "tax_id": "DE1",
    "locale": "de",
}
USE = {"name": "api_usage", "external_customer_id": "user/1", "metadata": {"units": 1}}
DAYS = {"start_timestamp": "2025-11-01T00:00:00Z", "end_timestamp": "2025-12-01T00:00:00Z"}


def test_every_operation_answers_what_is_described(api: Api, queues: Queues) -> None:
    done = set()

    def call(method: str, path: str, body: Any = None, /, **parts: Any) -> Any:
        """Call an operation, and take what it answers: `Api` looks whether it is described."""
        done.add(f"{method} {path}")
        made = path.format(**parts)
        query = {name: value for name, value in parts.items() if f"{{{name}}}" not in path}
        if body is None:
            reply = {"GET": api.get, "DELETE": api.delete}[method](made, **query)
        else:
            content = exact.write(body)
            reply = api.request(method, made, content, query=urlencode(query))
        assert reply.status < 300, reply.text
        return reply.text if path.endswith("/export") else reply.body

    def listed(path: str, **query: Any) -> Any:
        """Call an operation that lists, where there is something to be listed."""
        items = call("GET", path, **query)["items"]
        assert items, path
        return items[0]

    meter = {
        "name": "API usage",
        "filter": {
            "conjunction": "or",
            "clauses": [
                {"property": "name", "operator": "eq", "value": "api_usage"},
                {"conjunction": "and", "clauses": []},
            ],
        },
        "aggregation": {"func": "sum", "property": "units"},
        "unit": "custom",
        "custom_label": "calls",
        "custom_multiplier": 1000,
        "external_id": "calls",
        "group_by": ["units", "customer"],
    }
    meter_id = call("POST", "/v1/meters/", meter)["id"]
    api.backfill(meter_id)
    customer_id = call("POST", "/v1/customers/", CUSTOMER)["id"]
    call("POST", "/v1/events/ingest", {"events": [EVENT, {**EVENT, "name": "other"}, USE]})
    project_all(api.store)

    listed("/v1/meters/")
    call("GET", "/v1/meters/{id}", id=meter_id)
    call("GET", "/v1/meters/external/{external_id}", external_id="calls")
    for more in ({}, {"group_by": "units"}, {"group_by": "customer"}):
        call("GET", "/v1/meters/{id}/quantities", id=meter_id, interval="day", **DAYS, **more)
    Liability(api.store).run()
    today = times.to_text(times.now())
    for days in (DAYS, {"start_timestamp": today, "end_timestamp": today}):
        call("GET", "/v1/meters/{id}/credits", id=meter_id, **days)
    for more in ({}, {"status": "over"}, {"left_at_most": "5", "sorting": "-left"}):
        call("GET", "/v1/meters/{id}/customers", id=meter_id, **more)
    call("POST", "/v1/meters/preview", {name: meter[name] for name in ("filter", "aggregation")})

    call("PUT", "/v1/customers/external/{external_id}", {}, external_id="user%2F1")
    call("PUT", "/v1/customers/external", {"name": "Jane"}, external_id="user/1")
    listed("/v1/customers/")
    call("GET", "/v1/customers/export")
    call("GET", "/v1/customers/{id}", id=customer_id)
    call("GET", "/v1/customers/external/{external_id}", external_id="user%2F1")
    listed("/v1/customer-meters/")
    balance_id = listed("/v1/customer-meters/", customer_id=customer_id)["id"]
    call("GET", "/v1/customer-meters/{id}", id=balance_id)
    for path in ("/v1/customers/{id}/state", "/v1/customers/external/{external_id}/state"):
        state = call("GET", path, id=customer_id, external_id="user%2F1")
        assert state["active_meters"]

    for path in ("/v1/customers/external", "/v1/customers/state"):
        assert call("GET", path, external_id="user/1")["id"] == customer_id

    event_id = listed("/v1/events/", **{"metadata[units]": "-10"})["id"]
    call("GET", "/v1/events/{id}", id=event_id)
    listed("/v1/events/names")
    listed("/v1/event-types/")
    for line in call("GET", "/v1/events/export").splitlines():
        assert_described("GET /v1/events/{id}", 200, {"Content-Type": "application/json"}, line)

    lot = {"expires_in_seconds": 86_400, "priority": 1, "note": "welcome"}
    call("POST", "/v1/credits/grants", {**USE, **lot})
    grant_id = listed("/v1/credits/grants", customer_id=customer_id)["id"]
    call("GET", "/v1/credits/grants/{id}", id=grant_id)
    call("POST", "/v1/credits/grants/{id}/void", {}, id=grant_id)

    credit = {"customer_id": customer_id, "meter_id": meter_id, "units": 5}
    given = call("POST", "/v1/customer-meters/credits", credit)
    call("POST", "/v1/customer-meters/credits/{id}/reverse", {}, id=given["id"])

    call("POST", "/v1/credits/grants", USE)
    spent_id = call("POST", "/v1/credits/spend", USE)["id"]
    assert call("GET", "/v1/customer-meters/{id}/statement", id=balance_id)["lines"]
    call("POST", "/v1/credits/refunds", {"event_id": spent_id, "units": 1, "reason": "broken"})
    call("POST", "/v1/events/{id}/void", {}, id=spent_id)
    assert call("GET", "/v1/events/{id}", id=spent_id)["refunds"]
    for end, body in (
        ("capture", {"metadata": {"units": 1}}),
        ("extend", {"expires_in_seconds": 900}),
        ("release", {}),
    ):
        hold = call("POST", "/v1/credits/holds", {**USE, "external_id": end})
        assert listed("/v1/credits/holds", customer_id=customer_id)["id"] == hold["id"]
        call("POST", f"/v1/credits/holds/{{id}}/{end}", body, id=hold["id"])
        call("GET", "/v1/credits/holds/{id}", id=hold["id"])

    thresholds = [{"available_credits": 5}, {"percent": 50}]
    path = "/v1/customer-meters/{id}/thresholds"
    call("PUT", path, {"thresholds": thresholds, "notify_current": True}, id=balance_id)
    call("GET", path, id=balance_id)
    api.ingest({**USE, "metadata": {"units": 10_000}})
    watch_all(api.store)
    listed("/v1/alerts/")

    endpoint = {"url": "https://example.invalid/hook", "events": ["customer.created"]}
    endpoint_id = call("POST", "/v1/webhooks/endpoints", endpoint)["id"]
    listed("/v1/webhooks/endpoints")
    call("GET", "/v1/webhooks/endpoints/{id}", id=endpoint_id)
    call("PATCH", "/v1/webhooks/endpoints/{id}/secret", {}, id=endpoint_id)
    call("PATCH", "/v1/webhooks/endpoints/{id}", {"name": "Hook"}, id=endpoint_id)
    with deliveries() as sent:
        api.customer("hooked@example.com")
        watch_all(api.store)
        sent.deliver()
        event_id = listed("/v1/webhooks/deliveries")["webhook_event"]["id"]
        call("POST", "/v1/webhooks/events/{id}/redeliver", {}, id=event_id)
    call("DELETE", "/v1/webhooks/endpoints/{id}", id=endpoint_id)

    bury(queues, message(api.organization_id, {"name": ""}), message(api.organization_id, USE))
    listed("/v1/dead-letters/")
    bury(queues, message(api.organization_id, {"name": ""}))
    call("DELETE", "/v1/dead-letters/{id}", id=listed("/v1/dead-letters/")["id"])
    call("POST", "/v1/dead-letters/redrive", {"ids": ["nobody's"]})
    call("POST", "/v1/dead-letters/redrive", {})

    token = call("POST", "/v1/tokens/", {"scopes": ["events:read"]})
    listed("/v1/tokens/")
    listed("/v1/activity/")
    call("GET", "/v1/activity/export")
    call("GET", "/v1/tokens/current")
    call("GET", "/v1/overview")
    call("PATCH", "/v1/organizations/current", {"colour": "#3366ff"})
    call("GET", "/v1/organizations/current")
    call("DELETE", "/v1/tokens/{id}", id=token["id"])

    opened = call("POST", "/v1/customer-sessions/", {"customer_id": customer_id})
    customer = replace(api, token=opened["token"])
    for route in ROUTES:
        if route.scope == CUSTOMER_SESSION:
            query = urlencode(DAYS | {"interval": "day"}) if route.path.endswith("ties") else ""
            seen = customer.request(
                "GET", route.path.format(id=f"{customer_id}.{meter_id}"), query=query
            )
            assert seen.status == 200, seen.text
            done.add(f"GET {route.path}")

    call("PATCH", "/v1/meters/{id}", {"is_archived": True}, id=meter_id)
    call("PATCH", "/v1/customers/{id}", {"name": "New"}, id=customer_id)
    by_external_id = "/v1/customers/external/{external_id}"
    call("PATCH", by_external_id, {"metadata": {}}, external_id="user%2F1")
    named = "/v1/customers/external"
    changed = api.request("PATCH", named, b'{"name": "Newer"}', query="external_id=user%2F1")
    assert changed.status == 200, changed.text
    done.add(f"PATCH {named}")
    call("DELETE", by_external_id, external_id="user%2F1")
    api.customer("third@example.com", external_id="user/3")
    call("DELETE", named, external_id="user/3")
    call("DELETE", "/v1/customers/{id}", id=api.customer("second@example.com"))
    call("GET", "/health")
    call("GET", "/openapi.json")

    queued = f"{QUEUE_ROUTE.method} {QUEUE_ROUTE.path}"
    assert done == OPERATIONS.keys() - {queued}


@pytest.mark.parametrize(
    ("status", "answer", "wrong"),
    [
        (200, {"status": "ok", "more": 1}, "more"),
        (200, {}, "status"),
        (200, {"status": "bad"}, "expected"),
        (418, {"status": "ok"}, "418"),
        (503, {"error": "ServiceUnavailable", "detail": "Busy."}, "Retry-After"),
    ],
    ids=str,
)
def test_what_is_not_described_is_seen(status: int, answer: Any, wrong: str) -> None:
    headers = {"Content-Type": "application/json"}
    with pytest.raises(AssertionError, match=wrong):
        assert_described("GET /health", status, headers, json.dumps(answer))
