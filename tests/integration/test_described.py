"""Every operation answers what the OpenAPI document has, and no field that it does not tell of.

`Api` holds each answer of the other tests against the document as well.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from aureon.routes import QUEUE_ROUTE
from tests.api import Api
from tests.described import OPERATIONS, assert_described
from tests.integration.test_dead_letters import bury
from tests.projection import project_all
from tests.queue import Queues, message

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
            reply = {"POST": api.post, "PATCH": api.patch}[method](made, body)
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
    }
    meter_id = call("POST", "/v1/meters/", meter)["id"]
    api.backfill(meter_id)
    customer_id = call("POST", "/v1/customers/", CUSTOMER)["id"]
    call("POST", "/v1/events/ingest", {"events": [EVENT, {**EVENT, "name": "other"}, USE]})
    project_all(api.store)

    listed("/v1/meters/")
    call("GET", "/v1/meters/{id}", id=meter_id)
    call("GET", "/v1/meters/{id}/quantities", id=meter_id, interval="day", **DAYS)
    call("POST", "/v1/meters/preview", {name: meter[name] for name in ("filter", "aggregation")})

    listed("/v1/customers/")
    call("GET", "/v1/customers/{id}", id=customer_id)
    call("GET", "/v1/customers/external/{external_id}", external_id="user%2F1")
    listed("/v1/customer-meters/")
    balance_id = listed("/v1/customer-meters/", customer_id=customer_id)["id"]
    call("GET", "/v1/customer-meters/{id}", id=balance_id)
    for path in ("/v1/customers/{id}/state", "/v1/customers/external/{external_id}/state"):
        state = call("GET", path, id=customer_id, external_id="user%2F1")
        assert state["active_meters"]

    event_id = listed("/v1/events/", **{"metadata[units]": "-10"})["id"]
    call("GET", "/v1/events/{id}", id=event_id)
    listed("/v1/events/names")
    for line in call("GET", "/v1/events/export").splitlines():
        assert_described("GET /v1/events/{id}", 200, {"Content-Type": "application/json"}, line)

    call("POST", "/v1/credits/spend", USE)
    for end, body in (("capture", {"metadata": {"units": 1}}), ("release", {})):
        hold = call("POST", "/v1/credits/holds", {**USE, "external_id": end})
        call("POST", f"/v1/credits/holds/{{id}}/{end}", body, id=hold["id"])
        call("GET", "/v1/credits/holds/{id}", id=hold["id"])

    bury(queues, message(api.organization_id, {"name": ""}), message(api.organization_id, USE))
    listed("/v1/dead-letters/")
    call("POST", "/v1/dead-letters/redrive", {"ids": ["nobody's"]})
    call("POST", "/v1/dead-letters/redrive", {})

    token = call("POST", "/v1/tokens/", {"scopes": ["events:read"]})
    listed("/v1/tokens/")
    call("GET", "/v1/tokens/current")
    call("DELETE", "/v1/tokens/{id}", id=token["id"])

    call("PATCH", "/v1/meters/{id}", {"is_archived": True}, id=meter_id)
    call("PATCH", "/v1/customers/{id}", {"name": "New"}, id=customer_id)
    by_external_id = "/v1/customers/external/{external_id}"
    call("PATCH", by_external_id, {"metadata": {}}, external_id="user%2F1")
    call("DELETE", by_external_id, external_id="user%2F1")
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
