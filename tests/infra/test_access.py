"""What the roles allow and what they don't: against the calls that the handlers really make."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest

from aureon.access import activity, organizations, tokens
from aureon.alerts import sweeping
from aureon.api import runtime
from aureon.api.routes import CUSTOMER_SESSION, ROUTES
from aureon.audit import nightly
from aureon.core import times
from aureon.ledger import dead_letters
from aureon.meters import catalog
from aureon.meters.backfills import QUEUE, WAIT
from aureon.storage import keys
from aureon.storage.functions import FUNCTIONS
from aureon.storage.store import Store, update
from aureon.webhooks import event_types
from aureon_cli.gateway import Context
from infra import access
from tests.support import backfill_jobs, permissions
from tests.support.deliveries import deliver, message
from tests.support.handlers import HANDLERS, Api, invoke
from tests.support.permissions import Request, Role
from tests.support.projected import project_all
from tests.support.seams import restart_handlers
from tests.support.template import Properties, Synthesized
from tests.support.watched import watch_all
from tests.support.webhook_deliveries import deliveries, receiver, status

READERS = ("balances", "dashboard", "events", "export", "health", "portal", "quantities")
# Who serves files.
FILES = {"fallback", "openapi"}
# Who works for no caller, or for any.
TOKENLESS = {
    *FILES,
    "dashboard",
    "portal",
    "backfill",
    "consumer",
    "deliverer",
    "evaluator",
    "health",
    "nightly_audit",
    "projector",
    "sweep",
}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem", "BatchWriteItem"}
OF_STREAMS = {*access.READING_A_STREAM, "dynamodb:ListStreams"}
# Needed only where others write at the same time.
RARE = {
    # A customer that is newer than the version of the meters that was read with it.
    ("dead_letters", "GetItem", access.METERS),
    # A request under a known key whose timestamps have come to be out of range.
    ("ingest", "GetItem", access.REQUEST),
}


def asks(role: Role, action: str, key: str) -> bool:
    """Whether a role allows an action on the table's items with this leading key."""
    table = role.arn(permissions.TABLE)
    return role.allows(Request(f"dynamodb:{action}", table, (key,)))


def explained(store: Store, record: Any) -> None:
    """What the API does with a dead letter; it shows none where there is no queue."""
    restart_handlers()
    with permissions.acting_as("dead_letters"):
        dead_letters.explain(store, record)
        own = store.of("org")
        own.write(activity.noted(own, "dead_letters.redriven", "all"))


def actions(statement: Properties) -> list[str]:
    found: str | list[str] = statement["Action"]
    return [found] if isinstance(found, str) else found


def on_resource(allowed: list[Properties], service: str, resource: str) -> set[str]:
    """The actions of a service that are allowed on a resource, by its logical id."""
    return {
        action.removeprefix(f"{service}:")
        for statement in allowed
        for action in actions(statement)
        if action.startswith(f"{service}:") and f'"{resource}"' in json.dumps(statement["Resource"])
    }


Made = dict[str, set[Request]]


@pytest.fixture
def made(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """What handlers ask of their roles for DynamoDB while the test runs, by handler."""
    asked: Made = {}

    def listen(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if name := permissions.acting():
            held = permissions.role(name).requests("dynamodb", model.name, params)
            asked.setdefault(name, set()).update(held)

    def in_a_container_of_its_own(handler: Any) -> Any:
        def handle(event: Any, context: Any) -> Any:
            restart_handlers()
            return handler(event, context)

        return handle

    for name, handler in HANDLERS.items():
        monkeypatch.setitem(HANDLERS, name, in_a_container_of_its_own(handler))
    monkeypatch.setattr(runtime, "_store", lambda: store)
    store.client.meta.events.register("provide-client-params.dynamodb", listen)
    yield asked
    store.client.meta.events.unregister("provide-client-params.dynamodb", listen)


def work(*jobs: Mapping[str, Any]) -> None:
    """Let the backfill do some jobs, each as a message of its queue."""
    for job in jobs:
        assert not backfill_jobs.deliver(json.dumps(job))


def count_the_past(api: Api, func: str, customer_id: str) -> None:
    """Make a meter, change what it counts, and let it count what came before it."""
    late = {
        "name": "Late",
        "filter": {
            "conjunction": "and",
            "clauses": [{"property": "name", "operator": "eq", "value": "api_usage"}],
        },
        "aggregation": {"func": func, "property": "units"},
        "group_by": ["units", "customer"],
    }
    meter_id = api.post("/v1/meters/", late).body["id"]
    changed = api.patch(f"/v1/meters/{meter_id}", {"filter": {"conjunction": "and", "clauses": []}})
    assert changed.status == 200, changed.text
    meter = catalog.get(api.store, meter_id)
    job = {
        "organization_id": api.organization_id,
        "meter_id": meter_id,
        "generation": meter.generation,
    }
    work(job | {"ledger_id": customer_id}, job, job | {"grouping": meter.grouping})


def expire(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let credits expire, of customers with two ledgers, and let each handler be who finds out."""

    def usage(customer_id: str, units: int, **more: Any) -> dict[str, Any]:
        named = {"name": "api_usage", "customer_id": customer_id}
        return {**named, "metadata": {"units": units}, **more}

    def give(customer_id: str, **more: Any) -> dict[str, Any]:
        terms = {"expires_in_seconds": 1_800, **more}
        reply = api.post("/v1/credits/grants", usage(customer_id, 5, **terms))
        assert reply.status == 200, reply.text
        body: dict[str, Any] = reply.body
        return body

    customers = {}
    for name in ("ingest", "consumer", "credits", "sweep", "backfill", "balances"):
        by_name = {"name": "api_usage", "external_customer_id": name, "metadata": {"units": 1}}
        api.ingest(by_name)
        customers[name] = api.customer(f"{name}@example.com")
        give(customers[name], external_id=f"lot of {name}")
        linked = api.patch(f"/v1/customers/{customers[name]}", {"external_id": name})
        assert linked.status == 200, linked.text
    give(customers["sweep"], expires_in_seconds=7_200)
    alone = api.customer("alone@example.com")
    made = give(alone)
    api.store.write(update(api.store.keys.customer(alone), {"spread": True}))
    taken = give(customers["credits"], expires_in_seconds=7_200)
    assert give(customers["credits"], external_id="lot of credits")["id"] != taken["id"]
    listed = api.get("/v1/credits/grants", external_customer_id="credits")
    assert listed.body["pagination"]["total_count"] == 2
    assert api.post("/v1/credits/grants", usage(customers["credits"], 5)).status == 200
    assert api.post(f"/v1/credits/grants/{taken['id']}/void", {}).status == 200
    assert api.get(f"/v1/events/{taken['id']}").body["refunds"]
    used_up = give(customers["credits"], priority=1)
    spent = api.post("/v1/credits/spend", usage(customers["credits"], used_up["units"])).body
    give(customers["credits"])
    assert api.post("/v1/credits/refunds", {"event_id": spent["id"]}).status == 200
    later = times.now() + timedelta(hours=1)
    with monkeypatch.context() as clock:
        clock.setattr(times, "now", lambda: later)
        api.ingest(usage(customers["ingest"], 1))
        assert deliver(message(api.organization_id, usage(customers["consumer"], 1))) == set()
        assert api.post("/v1/credits/spend", usage(customers["credits"], 1)).status == 200
        assert api.get(f"/v1/customers/{customers['balances']}/state").status == 200
        project_all(api.store)
        for one in api.get("/v1/meters/").body["items"]:
            assert api.get(f"/v1/meters/{one['id']}/customers").status in (200, 422)
        assert api.patch(f"/v1/customers/{alone}", {"external_id": "alone"}).status == 200
        assert api.get(f"/v1/credits/grants/{made['id']}").body["status"] == "expired"
        count_the_past(api, "sum", customers["backfill"])
        clock.setattr(times, "now", lambda: later + timedelta(hours=2))
        swept = invoke("sweep", {"source": "aws.events"})
        assert swept == {"reckoned": 1, "failed": 0}


def watch(api: Api, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let thresholds be crossed, and webhooks be delivered, of all that they tell."""

    def usage(units: int, **more: Any) -> dict[str, Any]:
        return {"name": "watched", "external_customer_id": "w", "metadata": {"units": units}} | more

    with deliveries() as sent, receiver(status(500)) as received:
        hook = {"url": received.url, "events": list(event_types.ALL)}
        endpoint = api.post("/v1/webhooks/endpoints", hook).body
        path = f"/v1/webhooks/endpoints/{endpoint['id']}"
        meter_id = api.meter("watched")
        api.meter("watched", func="unique", property="units")
        late = api.young_meter("watched")
        assert api.patch(f"/v1/meters/{late}", {"thresholds": [{"percent": 1}]}).status == 200
        job = {"organization_id": api.organization_id, "meter_id": late, "generation": 1}
        work(job)
        ghost = usage(-1, external_customer_id="ghost of w")
        api.ingest(ghost)
        linked_id = api.customer("w@example.com")
        linked = api.patch(f"/v1/customers/{linked_id}", {"external_id": "ghost of w"})
        assert linked.status == 200
        customer_id = api.customer("watched@example.com", external_id="w")
        thresholds = {"thresholds": [{"available_credits": 100}, {"available_credits": 0}]}
        assert api.patch(f"/v1/meters/{meter_id}", thresholds).status == 200
        api.ingest(usage(-1_000))
        watch_all(store)
        own = f"/v1/customer-meters/{customer_id}.{meter_id}/thresholds"
        assert api.get(own).status == 200
        for wanted in ([{"available_credits": 1_000}, {"available_credits": 900}], None):
            told = {"thresholds": wanted, "notify_current": True}
            assert api.put(own, told).status == 200
        held = {"external_id": "wh", "expires_in_seconds": 60}
        assert api.post("/v1/credits/holds", usage(950, **held)).status == 200
        watch_all(store)
        with monkeypatch.context() as clock:
            later = times.now() + timedelta(minutes=4)
            clock.setattr(times, "now", lambda: later)
            invoke("sweep", {"source": "aws.events"})
            watch_all(store)
            for whose, external_id in ((customer_id, "w"), (linked_id, "ghost of w")):
                own = f"/v1/customer-meters/{whose}.{meter_id}/thresholds"
                told = {"thresholds": [{"available_credits": 2_000}], "notify_current": True}
                assert api.put(own, told).status == 200
                # A recovery that is found while thresholds are set.
                api.ingest(usage(-5_000, external_customer_id=external_id))
                told = {"thresholds": [{"available_credits": number} for number in (1, 2_000)]}
                assert api.put(own, told).status == 200
            api.ingest(usage(9_000, external_customer_id="ghost of w"), ghost)
            watch_all(store)
            with permissions.acting_as("sweep"):
                dead = message(api.organization_id, usage(1)).record()
                assert sweeping.tell_of_dead_letter(store, dead, {})
        invoke("sweep", {"source": "aws.events"})
        for _ in range(20):
            if sent.sent:
                sent.deliver()
        received.respond = status(410)
        listed = api.get("/v1/webhooks/deliveries").body["items"]
        event_id = listed[0]["webhook_event"]["id"]
        assert api.patch(path, {"enabled": True}).status == 200
        assert api.post(f"/v1/webhooks/events/{event_id}/redeliver", {}).status == 202
        sent.sent.rotate(1)
        sent.deliver()
        assert not api.get(path).body["enabled"]
        for query in ({}, {"customer_id": customer_id}, {"external_customer_id": "w"}):
            assert api.get("/v1/alerts/", **query).body["items"]
        assert api.get("/v1/webhooks/endpoints").body["items"]
        assert api.patch(path, {"enabled": True}).status == 200
        assert api.patch(f"{path}/secret", {}).status == 200
        assert api.delete(path).status == 204
        # For the audit to tell of.
        assert api.post("/v1/webhooks/endpoints", hook).status == 201
        wrong = api.store.keys.balance(customer_id, meter_id, 1, 0)
        api.store.write(update(wrong, added={"sum": 1}))


def visit(api: Api, token: str, customer_meter_id: str) -> None:
    """See all that a customer's session shows."""
    customer = replace(api, token=token)
    hours = {"start_timestamp": "2026-01-01T00:00:00Z", "end_timestamp": "2026-12-31T00:00:00Z"}
    project_all(api.store)
    for route in ROUTES:
        if route.scope == CUSTOMER_SESSION:
            query = {**hours, "interval": "month"} if route.path.endswith("quantities") else {}
            path = route.path.format(id=customer_meter_id)
            assert customer.get(path, **query).status == 200, path
            assert customer.get(path, **query, lots="true").status == 200, path


@pytest.fixture
def lived(made: Made, store: Store, monkeypatch: pytest.MonkeyPatch) -> Made:
    """The calls of a life in which every handler does most of what it can."""
    monkeypatch.setenv(WAIT, "0")
    organization_id = organizations.create(store, "Test")
    # With a limit: then every function that takes a token counts its requests.
    token, _ = tokens.create(store.of(organization_id), requests_per_second=10_000)
    api = Api(store.of(organization_id), token)
    meter_id = api.meter()
    api.meter("another")
    keyed = {"name": "Keyed", "filter": {"conjunction": "and", "clauses": []}}
    keyed_id = api.post(
        "/v1/meters/", keyed | {"aggregation": {"func": "count"}}, idempotency_key="k1"
    ).body["id"]
    assert api.patch(f"/v1/meters/{keyed_id}", {"is_archived": True}).status == 200
    api.patch(f"/v1/meters/{meter_id}", {"name": "Renamed"})
    for path in ("/v1/meters/", f"/v1/meters/{meter_id}", "/health", "/v1/dead-letters/"):
        assert api.get(path).status == 200
    for path in ("/", "/v1/tokens/current", "/v1/tokens/", "/v1/activity/"):
        assert api.get(path).status == 200
    assert api.patch("/v1/organizations/current", {"colour": "#3366ff"}).status == 200
    token_made = api.post("/v1/tokens/", {"scopes": ["meters:read"], "requests_per_second": 5})
    assert api.delete(f"/v1/tokens/{token_made.body['id']}").status == 204

    def usage(customer: str, units: int, /, **more: Any) -> dict[str, Any]:
        named = {"name": "api_usage", "external_customer_id": customer}
        return {**named, "metadata": {"units": units}, **more}

    # Events before their customer, by request and by message; each again.
    for _ in range(2):
        api.ingest(usage("early", -10, external_id="e1"), idempotency_key="k1")
        api.ingest(usage("early", -1, external_id="e1"), usage("early", 1))
    passing = {"headers": {"authorization": f"Bearer {token}"}, "requestContext": {"requestId": ""}}
    assert invoke("authorizer", passing)["isAuthorized"]
    batch = message(organization_id, usage("queued", -5, external_id="q1"), batch_id="b1")
    plain = message(organization_id, usage("queued", 1))
    copy = message(organization_id, usage("queued", -5, external_id="q1"))
    assert deliver(batch, plain) == set()
    assert deliver(batch.again(), plain.again(), copy) == set()
    for sent in (batch, plain, copy):
        explained(store, sent.again().record())

    customer_id = api.customer("early@example.com", external_id="early")
    other_id = api.customer("other@example.com")
    by_id = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": -1}}
    api.ingest(by_id)
    assert deliver(message(organization_id, by_id)) == set()
    explained(store, message(organization_id, by_id).record())
    for path in (f"/v1/customers/{customer_id}", "/v1/customers/external/early"):
        assert api.get(path).status == api.get(f"{path}/state").status == 200
    assert api.get("/v1/customers/").status == 200
    assert api.get("/v1/customers/", email="early@example.com").status == 200
    assert api.get("/v1/customer-meters/").status == 200
    assert api.get("/v1/customer-meters/", meter_id=meter_id).body["items"]
    for named in ({"customer_id": customer_id}, {"external_customer_id": "early"}):
        (found,) = api.get("/v1/customer-meters/", **named).body["items"]
        assert api.get(f"/v1/customer-meters/{found['id']}").status == 200

    assert api.post("/v1/credits/spend", usage("nobody", 1) | {"limit": 1}).status == 200
    for proof in ({"external_id": "s1"}, {}):
        spend = usage("early", 1, **proof)
        assert api.post("/v1/credits/spend", spend).status == 200
    for number, end in enumerate(("capture", "extend", "release")):
        hold = api.post(
            "/v1/credits/holds",
            usage("early", 1, external_id=f"h{number}", expires_in=60),
        )
        path = f"/v1/credits/holds/{hold.body['id']}"
        assert api.get(path).status == 200
        assert api.get("/v1/credits/holds", external_customer_id="early").body["items"]
        assert api.post(f"{path}/{end}", {"expires_in_seconds": 900}).status == 200

    (found,) = api.get(
        "/v1/customer-meters/", external_customer_id="early", meter_id=meter_id
    ).body["items"]
    assert api.get(f"/v1/customer-meters/{found['id']}/statement").body["lines"]
    given = api.post(
        "/v1/customer-meters/credits",
        {"external_customer_id": "early", "meter_id": meter_id, "units": 1},
    )
    assert given.status == 201
    back = f"/v1/customer-meters/credits/{given.body['id']}/reverse"
    assert api.post(back, {}).status in (200, 409)

    opened = api.post("/v1/customer-sessions/", {"external_customer_id": "early"}).body
    visit(api, opened["token"], found["id"])
    assert api.get("/portal", organization=organization_id).status == 200

    expire(api, monkeypatch)
    changed = {"email": "new@example.com", "external_id": "queued"}
    assert api.patch(f"/v1/customers/{other_id}", changed).status == 200
    assert api.patch("/v1/customers/external/early", {"name": "Early"}).status == 200
    assert api.delete("/v1/customers/external/early").status == 204
    api.ingest(usage("early", 1))
    for _ in range(2):
        project_all(store)
    for path in ("/v1/events/", "/v1/events/export", "/v1/events/names"):
        assert api.get(path).status == 200
        assert api.get(path, customer_id=other_id, external_customer_id="queued").status == 200
    (event, *_) = api.get("/v1/events/", meter_id=meter_id).body["items"]
    assert api.get(f"/v1/events/{event['id']}").status == 200
    assert api.get("/v1/events/export", after=event["id"], meter_id=meter_id).status == 200
    api.ingest(usage("queued", -1_000))
    # A page that is projected in several parts.
    api.ingest(*({**usage("queued", 1), "name": f"name {number}"} for number in range(60)))
    for number, func in enumerate(("sum", "max", "unique")):
        count_the_past(api, func, customer_id)
        api.ingest(usage("queued", 10 + number))
        api.ingest({**by_id, "customer_id": other_id})
        assert api.post("/v1/credits/spend", usage("queued", 1 + number)).status == 200
        assert api.get(f"/v1/customers/{other_id}/state").status == 200
        assert deliver(message(organization_id, usage("queued", 20 + number))) == set()
        project_all(store)
        # Who is over is not, and is ranked anew.
        api.ingest(usage("queued", -5_000 * (1 + number)))
    assert api.get("/v1/overview").body["events"]
    for one in api.get("/v1/meters/").body["items"]:
        assert api.get(f"/v1/meters/{one['id']}/customers").status in (200, 422)
    asked = {
        "start_timestamp": times.to_text(times.now() - timedelta(days=1)),
        "end_timestamp": times.to_text(times.now() + timedelta(days=1)),
        "interval": "hour",
    }
    settings = {"portal_metadata_keys": ["units"]}
    assert api.patch("/v1/organizations/current", settings).status == 200
    opened = api.post("/v1/customer-sessions/", {"customer_id": other_id}).body
    session = replace(api, token=opened["token"])
    for path in ("meters/", "events/"):
        assert session.get(f"/v1/customer-portal/{path}", limit=1).status == 200
    for late in api.get("/v1/meters/").body["items"]:
        for whose in ({}, {"customer_id": other_id}, {"external_customer_id": "queued"}):
            by_customer = {"group_by": "customer"} if late["group_by"] else {}
            for what in ({}, {"metadata[units]": "3"}, by_customer):
                parameters = {**asked, **whose, **what}
                shown = api.get(f"/v1/meters/{late['id']}/quantities", **parameters)
                assert shown.status == 200, shown.text
        shown = session.get(
            f"/v1/customer-portal/meters/{other_id}.{late['id']}/quantities",
            **asked,
            **({"group_by": "units"} if late["group_by"] else {}),
        )
        assert shown.status in (200, 404), shown.text
        credited = {name: asked[name] for name in ("start_timestamp", "end_timestamp")}
        assert api.get(f"/v1/meters/{late['id']}/credits", **credited).status in (200, 422)
    watch(api, store, monkeypatch)
    # Nobody projects this: the night ranks the customer anew.
    api.ingest(usage("queued", 100_000))
    context = Context("nightly_audit", deadline=time.monotonic() + 2 * nightly.RESERVE_SECONDS)
    assert invoke("nightly_audit", {"source": "aws.events"}, context) == {"organizations": 1}
    record = {"messageId": "job", "body": nightly.Job(organization_id).to_body()}
    owed = {"messageId": "owed", "body": nightly.Job(organization_id, owed={}).to_body()}
    assert not invoke("nightly_audit", {"Records": [record, owed]}, context)["batchItemFailures"]
    return made


def test_what_was_allowed_is_what_was_used(lived: Made, synthesized: Synthesized) -> None:
    """No action on no kind of item that its function never needs."""
    assert set(lived) | FILES == set(synthesized.functions())

    def used(handler: str, action: str, pattern: str, *, of_index: bool = False) -> bool:
        return any(
            request.action == f"dynamodb:{action}"
            and ("/index/" in request.resource) == of_index
            and any(fnmatchcase(key, pattern) for key in request.leading_keys)
            for request in lived[handler]
        )

    unused = {
        (handler, action, pattern)
        for handler, grants in access.ON_TABLE.items()
        for action, patterns in grants.items()
        for pattern in patterns
        if not used(handler, action, pattern)
    }
    unused |= {
        (handler, "Query", pattern)
        for handler, patterns in access.ON_DIRECTORY.items()
        for pattern in patterns
        if not used(handler, "Query", pattern, of_index=True)
    }

    assert unused == RARE


@pytest.mark.parametrize("handler", READERS)
def test_a_reader_cannot_write(synthesized: Synthesized, handler: str) -> None:
    granted = {
        action.removeprefix("dynamodb:")
        for statement in synthesized.statements(handler)
        for action in actions(statement)
        if action.startswith("dynamodb:")
    }

    assert granted
    assert granted - {"UpdateItem"} <= {"GetItem", "BatchGetItem", "Query"}
    # But for how many requests a token has made.
    for statement in synthesized.statements(handler):
        if "dynamodb:UpdateItem" in actions(statement):
            leading = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            assert leading == [access.RATE]
    assert handler != "portal" or granted <= {"GetItem", "BatchGetItem", "Query"}


def test_the_nightly_audit_writes_what_is_owed_webhooks_and_rankings_alone(
    synthesized: Synthesized,
) -> None:
    for statement in synthesized.statements("nightly_audit"):
        written = {action.removeprefix("dynamodb:") for action in actions(statement)} & WRITES
        if written:
            keys_of = set(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
            if written == {"PutItem"}:
                keys_of -= {access.LIABILITY, access.OUTBOX, access.RANKED}
            assert keys_of <= {access.RANKINGS}


@pytest.mark.parametrize("handler", sorted(FILES))
def test_what_serves_files_may_do_nothing_but_say_so(
    synthesized: Synthesized, handler: str
) -> None:
    allowed = {action for found in synthesized.statements(handler) for action in actions(found)}

    services = {action.partition(":")[0] for action in allowed}
    assert services == ({"logs", "lambda"} if handler == "fallback" else {"logs"})


def test_the_fallback_calls_what_the_gateway_calls_and_nothing_else(
    synthesized: Synthesized,
) -> None:
    template = synthesized.of_type("AWS::Lambda::Function")
    served = {route.handler for route in ROUTES}
    ids = {
        json.dumps({"Fn::GetAtt": [id_, "Arn"]})
        for id_, function in template.items()
        if function["Handler"].removesuffix(".handler") in served
    }
    (invoking,) = [
        statement
        for statement in synthesized.statements("fallback")
        if "lambda:InvokeFunction" in actions(statement)
    ]
    assert {json.dumps(resource) for resource in invoking["Resource"]} == ids
    assert len(ids) == len(served)
    known = json.dumps(synthesized.functions()["fallback"]["Environment"]["Variables"][FUNCTIONS])
    assert all(f'\\"{handler}\\":' in known for handler in served)
    for handler in synthesized.functions().keys() - {"fallback"}:
        allowed = {name for one in synthesized.statements(handler) for name in actions(one)}
        assert not any(name.startswith("lambda:") for name in allowed), handler


def test_nobody_scans_or_changes_the_table_itself(synthesized: Synthesized) -> None:
    known = WRITES | {"GetItem", "BatchGetItem", "Query"}
    for handler in synthesized.functions():
        for statement in synthesized.statements(handler):
            for action in actions(statement):
                assert "*" not in action
                if action.startswith("dynamodb:") and action not in OF_STREAMS:
                    assert action.removeprefix("dynamodb:") in known
                    assert "ForAllValues:StringLike" in statement["Condition"]


def test_the_audit_writes_what_it_tells_and_nothing_else(synthesized: Synthesized) -> None:
    role = Role.of(synthesized, "nightly_audit")
    own = keys.Keys("o")
    items = (own.customer("c"), own.page("l", keys.PageKey("h", "b", 0, 0)), own.claim("e"))

    assert asks(role, "PutItem", own.outbox("1").pk)
    assert not [key for key in items for action in WRITES if asks(role, action, key.pk)]


def test_the_projector_and_the_evaluator_alone_read_the_stream(synthesized: Synthesized) -> None:
    for handler in synthesized.functions():
        found = {
            action
            for statement in synthesized.statements(handler)
            for action in actions(statement)
            if action in OF_STREAMS
        }
        assert found == (OF_STREAMS if handler in ("evaluator", "projector") else set())


def test_one_function_writes_tokens_and_none_reads_any_that_it_need_not(
    synthesized: Synthesized,
) -> None:
    token = keys.token("0" * 64).pk
    for handler in synthesized.functions():
        role = Role.of(synthesized, handler)
        writes = {action for action in WRITES if asks(role, action, token)}
        assert writes == ({"PutItem", "DeleteItem"} if handler == "tokens" else set())
        assert asks(role, "GetItem", token) == (handler not in TOKENLESS), handler


def test_one_function_makes_sessions_and_one_reads_them(synthesized: Synthesized) -> None:
    session = keys.session("0" * 64).pk
    for handler in synthesized.functions():
        role = Role.of(synthesized, handler)
        writes = {action for action in WRITES if asks(role, action, session)}
        assert writes == ({"PutItem"} if handler == "customers" else set())
        assert asks(role, "GetItem", session) == (handler == "portal"), handler


def test_no_role_can_delete_a_balance_a_page_or_a_claim(synthesized: Synthesized) -> None:
    own = keys.Keys("o")
    kept = (own.customer("c").pk, own.log("c"), own.claim("e").pk)
    for handler in synthesized.functions():
        role = Role.of(synthesized, handler)
        assert not [key for key in kept if asks(role, "DeleteItem", key)], handler


def test_only_what_needs_a_queue_has_it(synthesized: Synthesized) -> None:
    ingestion = synthesized.queue_of("consumer")
    dead = synthesized.dead_letters_of("consumer")
    backfills = synthesized.queue_of("backfill")
    webhooks = synthesized.queue_of("deliverer")
    given_up = {
        reader: synthesized.mapping(reader)["DestinationConfig"]["OnFailure"]["Destination"]
        for reader in ("evaluator", "projector")
    }
    working = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
    needed = {
        ("consumer", ingestion): working,
        ("backfill", backfills): {*working, "SendMessage"},
        ("nightly_audit", synthesized.queue_of("nightly_audit")): {*working, "SendMessage"},
        ("balances", backfills): {"SendMessage"},
        ("credits", backfills): {"SendMessage"},
        ("meters", backfills): {"SendMessage"},
        ("portal", backfills): {"SendMessage"},
        ("dead_letters", ingestion): {"SendMessage"},
        **{
            (reader, destination["Fn::GetAtt"][0]): {"SendMessage"}
            for reader, destination in given_up.items()
        },
        ("evaluator", webhooks): {"SendMessage"},
        ("webhooks", webhooks): {"SendMessage"},
        ("deliverer", webhooks): {*working, "ChangeMessageVisibility"},
        ("sweep", dead): {"ReceiveMessage", "ChangeMessageVisibility"},
        ("dead_letters", dead): {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"},
    }

    for handler in synthesized.functions():
        allowed = synthesized.statements(handler)
        for name in synthesized.of_type("AWS::SQS::Queue"):
            assert on_resource(allowed, "sqs", name) == needed.get((handler, name), set())


def test_who_asks_for_backfills_knows_where(synthesized: Synthesized) -> None:
    backfills = synthesized.queue_of("backfill")
    for handler, function in synthesized.functions().items():
        asks = "SendMessage" in on_resource(synthesized.statements(handler), "sqs", backfills)
        url = function["Environment"]["Variables"].get(QUEUE)
        assert url == ({"Ref": backfills} if asks else None), handler


def test_everything_is_named_but_what_has_no_name(synthesized: Synthesized) -> None:
    for handler in synthesized.functions():
        for statement in synthesized.statements(handler):
            if statement["Resource"] == "*":
                assert actions(statement) == ["dynamodb:ListStreams"]
