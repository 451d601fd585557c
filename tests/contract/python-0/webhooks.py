"""Manages webhooks through the published client, and verifies what arrives with it.

A line of JSON a step, the same steps with the same values from each of the four drivers.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx
from polar_sdk import Polar, models
from polar_sdk.webhooks import WebhookVerificationError, validate_event

URL = os.environ["AUREON_URL"]
TOKEN = os.environ["AUREON_ACCESS_TOKEN"]
TAG = os.environ["TAG"]  # makes this run's names its own
NAME = f"told-{TAG}"

polar = Polar(access_token=TOKEN, server_url=URL)


class Received(NamedTuple):
    headers: dict[str, str]
    body: bytes


received: list[Received] = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.append(Received({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, *_: Any) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()


def show(step: str, value: Any) -> None:
    print(json.dumps({"step": step, "value": value}), flush=True)  # noqa: T201


def awaited(read: Callable[[], Any], reached: Callable[[Any], bool]) -> Any:
    """What follows by a moment, once it is as it must be; or as it was in the end."""
    for _ in range(400):
        if reached(read()):
            break
        time.sleep(0.05)
    return read()


def about(endpoint: models.WebhookEndpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url.startswith("http://127.0.0.1:"),
        "name": endpoint.name,
        "events": endpoint.events,
        "format": endpoint.format_,
        "enabled": endpoint.enabled,
        "secret": endpoint.secret.startswith("whsec_"),
    }


def raised(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except models.ResourceNotFound as error:
        return error.status_code
    except models.HTTPValidationError as error:
        return [error.status_code, [each.loc for each in error.data.detail or []]]


# Endpoints

hook = f"http://127.0.0.1:{server.server_port}/"
made = polar.webhooks.create_webhook_endpoint(
    request=models.WebhookEndpointCreate(
        url=hook,
        name="Told",
        format_=models.WebhookFormat.RAW,
        events=[models.WebhookEventType.CUSTOMER_CREATED],
    )
)
show("webhooks.create_webhook_endpoint", about(made))
show("webhooks.get_webhook_endpoint", about(polar.webhooks.get_webhook_endpoint(id=made.id)))
listed = polar.webhooks.list_webhook_endpoints(limit=100)
assert listed is not None
show("webhooks.list_webhook_endpoints", made.id in [each.id for each in listed.result.items])
changed = polar.webhooks.update_webhook_endpoint(
    id=made.id,
    webhook_endpoint_update=models.WebhookEndpointUpdate(
        name="Changed",
        events=[
            models.WebhookEventType.CUSTOMER_CREATED,
            models.WebhookEventType.CUSTOMER_UPDATED,
            models.WebhookEventType.CUSTOMER_DELETED,
            models.WebhookEventType.CUSTOMER_STATE_CHANGED,
        ],
    ),
)
show("webhooks.update_webhook_endpoint", about(changed))
endpoint = polar.webhooks.reset_webhook_endpoint_secret(id=made.id)
show("webhooks.reset_webhook_endpoint_secret", endpoint.secret != made.secret)
show(
    "errors: a URL that is not public",
    raised(
        lambda: polar.webhooks.create_webhook_endpoint(
            request=models.WebhookEndpointCreate(
                url="https://169.254.169.254/",
                format_=models.WebhookFormat.RAW,
                events=[models.WebhookEventType.CUSTOMER_CREATED],
            )
        )
    ),
)

# What arrives

meter = polar.meters.create(
    request=models.MeterCreate(
        name=f"Told {TAG}",
        filter_=models.Filter(
            conjunction=models.FilterConjunction.AND,
            clauses=[
                models.FilterClause(property="name", operator=models.FilterOperator.EQ, value=NAME)
            ],
        ),
        aggregation=models.PropertyAggregation(func=models.Func.SUM, property="units"),
    )
)
# The client has no word for thresholds.
httpx.patch(
    f"{URL}/v1/meters/{meter.id}",
    headers={"Authorization": f"Bearer {TOKEN}"},
    json={"thresholds": [{"available_credits": 100}]},
).raise_for_status()
customer = polar.customers.create(
    request=models.CustomerIndividualCreate(email=f"{TAG}@example.com")
)
granted: Any = {"customer_id": customer.id, "name": NAME, "metadata": {"units": -1000}}
polar.events.ingest(request={"events": [granted]})


def told(type_: str) -> list[Received]:
    return [
        each
        for each in received
        if json.loads(each.body)["type"] == type_ and customer.id in each.body.decode()
    ]


def validated(one: Received) -> Any:
    return validate_event(one.body, one.headers, endpoint.secret)


awaited(lambda: told("customer.state_changed"), bool)
polar.customers.update(id=customer.id, customer_update={"name": "Jane Doe"})
awaited(lambda: told("customer.updated"), bool)
polar.customers.delete(id=customer.id)
awaited(lambda: told("customer.deleted"), bool)
awaited(lambda: told("customer.created"), bool)

(created,) = [validated(each) for each in told("customer.created")]
show("validate_event: customer.created", [created.TYPE, created.data.email])
(updated,) = [validated(each) for each in told("customer.updated")]
show("validate_event: customer.updated", [updated.TYPE, updated.data.name])
(deleted,) = [validated(each) for each in told("customer.deleted")]
show("validate_event: customer.deleted", [deleted.TYPE, deleted.data.deleted_at is not None])
state = validated(told("customer.state_changed")[0])
show(
    "validate_event: customer.state_changed",
    [state.TYPE, [each.balance for each in state.data.active_meters]],
)
one = told("customer.created")[0]


def refused(body: bytes, secret: str) -> bool:
    try:
        validate_event(body, one.headers, secret)
    except WebhookVerificationError:
        return True
    return False


show(
    "validate_event: forged",
    [refused(one.body + b" ", endpoint.secret), refused(one.body, made.secret)],
)

# Deliveries


def deliveries() -> list[models.WebhookDelivery]:
    found = polar.webhooks.list_webhook_deliveries(
        endpoint_id=endpoint.id,
        event_type=models.WebhookEventType.CUSTOMER_CREATED,
        http_code_class=models.HTTPCodeClass.TWOXX,
        succeeded=True,
        query=customer.id,
    )
    assert found is not None
    return found.result.items


(delivery,) = awaited(deliveries, bool)
show(
    "webhooks.list_webhook_deliveries",
    [
        delivery.succeeded,
        delivery.http_code,
        delivery.response,
        delivery.webhook_event.id == one.headers["webhook-id"],
        delivery.webhook_event.type,
    ],
)
nothing = polar.webhooks.list_webhook_deliveries(endpoint_id=endpoint.id, query=str(uuid.uuid4()))
assert nothing is not None
show("webhooks.list_webhook_deliveries: of nobody", len(nothing.result.items))
polar.webhooks.redeliver_webhook_event(id=delivery.webhook_event.id)
awaited(lambda: told("customer.created"), lambda found: len(found) == 2)
again = told("customer.created")
show(
    "webhooks.redeliver_webhook_event",
    [len(again), len({each.headers["webhook-id"] for each in again}), validated(again[-1]).TYPE],
)

polar.webhooks.delete_webhook_endpoint(id=endpoint.id)
nobody = str(uuid.uuid4())
show(
    "errors: not found",
    [
        raised(lambda: polar.webhooks.get_webhook_endpoint(id=endpoint.id)),
        raised(
            lambda: polar.webhooks.update_webhook_endpoint(
                id=endpoint.id, webhook_endpoint_update={"name": "None"}
            )
        ),
        raised(lambda: polar.webhooks.reset_webhook_endpoint_secret(id=endpoint.id)),
        raised(lambda: polar.webhooks.delete_webhook_endpoint(id=endpoint.id)),
        raised(lambda: polar.webhooks.redeliver_webhook_event(id=nobody)),
    ],
)
polar.meters.update(id=meter.id, meter_update={"is_archived": True})
