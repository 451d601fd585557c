"""The samples in ``events/``: each handler has one, each is what the gateway sends, and works."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import aureon
from aureon.core import exact
from aureon_cli.gateway import Context, to_event
from tests.support.deliveries import Queues
from tests.support.handlers import TABLE, Api, invoke

SAMPLES = {
    path.stem: path for path in sorted((Path(__file__).parents[2] / "events").glob("*.json"))
}
HANDLERS = {path.stem for path in Path(str(aureon.__file__)).parents[1].glob("*.py")}

# What stands in the samples for what only a test knows.
TOKEN = "aureon_oat_sample"
SESSION = "aureon_cst_sample"
ORGANIZATION_ID = "01a20759-8f40-7a12-b6c5-4d9e17f2a083"
CUSTOMER_ID = "01a2075b-4c8e-7d31-9a6f-2e8b51c07d94"
METER_ID = "01a2075a-f1b3-7c20-8e4d-6b9f03a5d217"
HOLD_EXTERNAL_ID = "completion-0001"
TOKEN_ID = "01a2075c-9e2d-7f14-a3b8-5c0d71e6f249"
HOLD_ID = "83f8ffc56251a91cec625114a1a96701"
EVENT_ID = "01a2075d-0000-7000-8000-3d5b7f9a1c20"

# What calls these is an authorizer's gateway, a queue, or a stream.
NOT_OF_THE_GATEWAY = {
    "authorizer",
    "backfill",
    "consumer",
    "deliverer",
    "evaluator",
    "nightly_audit",
    "projector",
    "sweep",
}

# Of the timeouts of functions, none is tested here.
ENOUGH_SECONDS = 300.0


def sample(name: str, known: dict[str, str] | None = None) -> dict[str, Any]:
    text = SAMPLES[name].read_text()
    for stand_in, value in (known or {}).items():
        text = text.replace(stand_in, value)
    event: dict[str, Any] = json.loads(text)
    return event


def test_every_handler_has_a_sample() -> None:
    assert {name.partition(".")[0] for name in SAMPLES} == HANDLERS


def shape(value: Any) -> Any:
    """A value with only its keys and the kinds of what they hold."""
    if isinstance(value, dict):
        return {name: shape(element) for name, element in value.items()}
    return type(value)


@pytest.mark.parametrize(
    "name", [name for name in SAMPLES if name.partition(".")[0] not in NOT_OF_THE_GATEWAY]
)
def test_a_sample_has_the_shape_of_what_the_gateway_sends(name: str) -> None:
    event = sample(name)
    http = event["requestContext"]["http"]
    target = None if event["routeKey"] == "$default" else TABLE.find(http["path"])
    body = event.get("body", "")
    scope = {
        "method": http["method"],
        "path": http["path"],
        "query_string": event["rawQueryString"].encode(),
        "headers": [(name.encode(), value.encode()) for name, value in event["headers"].items()],
        "http_version": "1.1",
        "client": (http["sourceIp"], 1),
    }

    sent = to_event(
        scope,
        b64decode(body) if event["isBase64Encoded"] else body.encode(),
        target,
        event["requestContext"]["requestId"],
    )

    assert shape(event) == shape(sent)
    for part in (
        "routeKey",
        "rawPath",
        "headers",
        "body",
        "pathParameters",
        "queryStringParameters",
    ):
        assert event.get(part) == sent.get(part)
    served = target.routes[http["method"]].handler if target else "fallback"
    assert served == name.partition(".")[0]


@dataclass
class Replay:
    """Calls handlers with samples in which all stand-ins are replaced by what is known."""

    known: dict[str, str]
    replayed: set[str] = field(default_factory=set)

    def __call__(self, name: str, status: int = 200) -> Any:
        answer = self.raw(name)
        assert answer["statusCode"] == status, answer
        return exact.parse(answer["body"]) if answer["body"] else None

    def raw(self, name: str) -> Any:
        self.replayed.add(name)
        handler = name.partition(".")[0]
        context = Context(handler, deadline=time.monotonic() + ENOUGH_SECONDS)
        return invoke(handler, sample(name, self.known), context)


def test_the_samples_tell_the_guide_from_the_first_meter_to_the_last_customer(
    api: Api, queues: Queues
) -> None:
    replay = Replay({TOKEN: str(api.token), ORGANIZATION_ID: api.organization_id})

    assert replay("health") == {"status": "ok"}
    assert replay.raw("fallback.unknown_path")["statusCode"] == 404
    assert replay.raw("dashboard.page")["statusCode"] == 200
    assert replay.raw("openapi.document")["statusCode"] == 200
    assert replay("tokens.current")["organization_id"] == api.organization_id
    assert replay("tokens.update_current_organization")["colour"] == "#3366ff"
    replay.known[TOKEN_ID] = replay("tokens.create", 201)["id"]
    assert len(replay("tokens.list")["items"]) == 2
    assert replay("tokens.revoke", 204) is None
    told = [one["action"] for one in replay("tokens.activity")["items"]]
    assert told == ["token.created"] * 2
    meter = replay("meters.create", 201)
    customer = replay("customers.create", 201)
    replay.known |= {METER_ID: meter["id"], CUSTOMER_ID: customer["id"]}
    assert replay("balances.customer") == customer
    assert replay("customers.list")["items"] == [customer]
    assert replay("meters.list")["items"] == [meter]
    assert replay.raw("backfill.jobs") == {"batchItemFailures": []}

    assert replay("ingest.grant") == {"inserted": 1, "duplicates": 0}
    assert replay("ingest.usage") == {"inserted": 2, "duplicates": 0}
    assert replay("events.preview")["examined"] == 0  # until they are projected
    (balance,) = replay("balances.list")["items"]
    assert (balance["balance"], balance["available_credits"]) == (-7, 7)
    newest, *_ = replay("events.list")["items"]
    replay.known[EVENT_ID] = newest["id"]
    assert replay("events.get") == {**newest, "refunds": [], "actor": None, "note": None}
    assert replay.raw("projector.pages") == {"batchItemFailures": []}
    assert replay.raw("nightly_audit.schedule")["organizations"] == 1
    assert replay.raw("nightly_audit.jobs") == {"batchItemFailures": []}
    assert replay.raw("sweep.schedule") == {"reckoned": 0, "failed": 0}
    (name,) = replay("events.names")["items"]
    assert (name["name"], name["occurrences"]) == ("page_view", 2)
    assert len(replay("quantities.days")["quantities"]) == 31
    assert len(replay("quantities.credits")["items"]) == 30

    assert replay.raw("export.csv")["headers"]["X-Event-Count"] == "3"

    assert replay.raw("authorizer.queue")["context"]["organization_id"] == api.organization_id
    assert replay.raw("consumer.messages") == {"batchItemFailures": []}
    (balance,) = replay("balances.state")["active_meters"]
    assert (balance["balance"], balance["available_credits"]) == (Decimal("-3.5"), Decimal("3.5"))

    spent = replay("credits.spend")
    assert spent["meters"][0]["available_credits"] == Decimal("2.5")
    replay.known[HOLD_ID] = replay("credits.place_hold")["id"]
    assert replay("credits.get_hold")["status"] == "open"
    assert replay("credits.capture_hold")["meters"][0]["balance"] == Decimal("-1.75")
    assert replay("credits.refund")["meters"][0]["balance"] == Decimal("-2")
    replay.known[EVENT_ID] = spent["id"]
    (voided,) = replay("credits.void_event")["refund"]["units"]
    assert voided["refunded_units"] == Decimal("0.75")
    (day,) = replay("export.statement")["days"]
    assert day["closing_balance"] == replay("balances.state")["active_meters"][0]["balance"]
    replay.known[HOLD_EXTERNAL_ID] = "completion-0002"
    placed = replay("credits.place_hold")
    replay.known[HOLD_ID] = placed["id"]
    assert replay("credits.extend_hold")["expires_at"] > placed["expires_at"]
    assert replay("credits.release_hold")["status"] == "released"

    assert replay("credits.create_customer_meter_credit", 201)["metadata"]["units"] == 10

    assert replay("dead_letters.list")["items"] == []
    assert replay("dead_letters.redrive")["redriven"] == 0
    assert replay("dead_letters.discard", 404)["error"] == "ResourceNotFound"

    (state, _) = replay("alerts.set_thresholds")["thresholds"]
    assert (state["available_credits"], state["state"]) == (100, "reached")
    assert replay("alerts.list")["items"] == []
    assert replay.raw("evaluator.changes") == {"batchItemFailures": []}
    assert replay("webhooks.create", 201)["enabled"]
    assert replay("webhooks.deliveries")["items"] == []
    assert replay.raw("deliverer.jobs") == {"batchItemFailures": []}

    assert replay("customers.put")["name"] == "Jane"
    assert replay("customers.update")["name"] == "Jane Doe"
    replay.known[SESSION] = replay("customers.create_session", 201)["token"]
    assert replay("portal.meters")["items"]
    assert replay("meters.archive")["archived_at"] is not None
    assert replay("customers.delete", 204) is None
    assert replay("customers.list")["items"] == []
    assert replay.replayed == set(SAMPLES)
