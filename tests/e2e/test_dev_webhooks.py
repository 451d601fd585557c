"""``make dev`` looks at thresholds, and delivers webhooks, by its own stream and queue."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import httpx
from standardwebhooks.webhooks import Webhook

from tests.support.local_service import Service
from tests.support.webhook_deliveries import receiver

ENOUGH_SECONDS: Final = 30.0


def test_a_crossing_arrives_at_a_receiver_that_verifies_it(service: Service) -> None:
    tag = uuid.uuid4().hex
    with receiver() as received, client_of(service) as api:
        types = ["credits.low", "customer.created", "customer.state_changed"]
        endpoint = post(api, "/v1/webhooks/endpoints", {"url": received.url, "events": types})
        post(
            api,
            "/v1/meters/",
            {
                "name": f"Meter {tag}",
                "filter": {
                    "conjunction": "and",
                    "clauses": [{"property": "name", "operator": "eq", "value": tag}],
                },
                "aggregation": {"func": "sum", "property": "units"},
                "thresholds": [{"available_credits": "100"}],
            },
        )
        customer = post(api, "/v1/customers/", {"email": f"{tag}@example.com", "external_id": tag})
        for units in (-1_000, 950):
            event = {"name": tag, "external_customer_id": tag, "metadata": {"units": units}}
            post(api, "/v1/events/ingest", {"events": [event]})

        def low() -> list[dict[str, Any]]:
            found = [json.loads(one.body) for one in received.received]
            return [one for one in found if one["type"] == "credits.low"]

        wait_for(low)
        (told,) = low()
        assert told["data"]["customer_id"] == customer["id"]
        assert told["data"]["alert"]["threshold_units"] == 100
        wait_for(
            lambda: (
                {"customer.created", "customer.state_changed"}
                <= {json.loads(one.body)["type"] for one in received.received}
            )
        )
        for one in received.received:
            Webhook(endpoint["secret"].encode()).verify(one.body, dict(one.headers))
        (alert,) = api.get("/v1/alerts/", params={"customer_id": customer["id"]}).json()["items"]
        assert alert["state"] == "reached"

        def delivered() -> Any:
            query = {"endpoint_id": endpoint["id"], "event_type": "credits.low"}
            return api.get("/v1/webhooks/deliveries", params=query).json()["items"]

        wait_for(delivered)
        (delivery,) = delivered()
        assert (delivery["http_code"], delivery["response"]) == (200, "thanks")
        api.delete(f"/v1/webhooks/endpoints/{endpoint['id']}").raise_for_status()


def client_of(service: Service) -> httpx.Client:
    headers = {"Authorization": f"Bearer {service.token}"}
    return httpx.Client(base_url=service.url, headers=headers, trust_env=False, timeout=30)


def post(api: httpx.Client, path: str, body: Any) -> Any:
    answer = api.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def wait_for(reached: Callable[[], Any]) -> None:
    deadline = time.monotonic() + ENOUGH_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
