"""What the roles allow and what they don't: against the calls that the handlers really make."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

import authorizer
import backfill
import consumer
import nightly_audit
import projector
from aureon import catalog, dead_letters, keys, nightly, runtime, times, tokens
from aureon.backfill import QUEUE, WAIT
from aureon.store import Store
from aureon_cli.gateway import Context
from infra import access
from tests import api as callers
from tests.api import Api
from tests.infra.conftest import Properties, Synthesized
from tests.projection import project_all
from tests.queue import deliver, message

READERS = ("balances", "dead_letters", "events", "export", "health", "nightly_audit", "quantities")
# Who serves files.
FILES = {"dashboard", "openapi"}
# Who works for no caller, or for any.
TOKENLESS = {*FILES, "backfill", "consumer", "health", "nightly_audit", "projector"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem", "BatchWriteItem"}
OF_STREAMS = {*access.READING_A_STREAM, "dynamodb:ListStreams"}
PARTS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}

# Needed only where others write at the same time.
RARE = {
    # A customer that is newer than the version of the meters that was read with it.
    ("consumer", "GetItem", access.METERS),
    ("dead_letters", "GetItem", access.METERS),
    # The mark of a ledger that many write to, for those who name its customer by an external id.
    ("consumer", "UpdateItem", access.EXTERNAL),
    ("ingest", "UpdateItem", access.EXTERNAL),
    # A request under a known key whose timestamps have come to be out of range.
    ("ingest", "GetItem", access.REQUEST),
}


class Call(NamedTuple):
    """What DynamoDB asks a role for: an action, on a leading key, of the table or of its index."""

    action: str
    leading_key: str
    by_index: str | None = None

    @property
    def kind(self) -> str:
        """What kind of item it is, as its key says: of an organization, or a token."""
        first, second, *_ = self.leading_key.split(keys.SEPARATOR)
        return first if first == "TOKEN" else second


def statements(synthesized: Synthesized, handler: str) -> list[Properties]:
    """Everything that a function's role allows, in its own policies and in those attached."""
    role = synthesized.functions()[handler]["Role"]["Fn::GetAtt"][0]
    properties = synthesized.of_type("AWS::IAM::Role")[role]
    assert not properties.get("ManagedPolicyArns")
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for policy in synthesized.of_type("AWS::IAM::Policy").values():
        if {"Ref": role} in policy["Roles"]:
            documents.append(policy["PolicyDocument"])
    return [statement for document in documents for statement in document["Statement"]]


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


def allows(allowed: list[Properties], call: Call) -> bool:
    """Whether a role allows a call to the table, as IAM decides it."""
    for statement in allowed:
        is_index = "/index/" in json.dumps(statement["Resource"])
        if f"dynamodb:{call.action}" not in actions(statement) or is_index != bool(call.by_index):
            continue
        if call.by_index and f"/index/{call.by_index}" not in json.dumps(statement["Resource"]):
            continue
        (patterns,) = statement["Condition"]["ForAllValues:StringLike"].values()
        patterns = [patterns] if isinstance(patterns, str) else patterns
        if any(fnmatchcase(call.leading_key, pattern) for pattern in patterns):
            return True
    return False


def calls_of(operation: str, body: Mapping[str, Any]) -> Iterator[Call]:
    """The calls that a request is made of, to IAM."""
    if operation == "Query":
        partition = body["ExpressionAttributeValues"][":pk"]["S"]
        yield Call(operation, partition, body.get("IndexName"))
    elif operation == "BatchGetItem":
        for wanted in body["RequestItems"].values():
            for key in wanted["Keys"]:
                yield Call(operation, key[keys.PARTITION]["S"])
    elif operation == "BatchWriteItem":
        for requests in body["RequestItems"].values():
            for request in requests:
                (parameters,) = request.values()
                key = parameters.get("Key") or parameters["Item"]
                yield Call(operation, key[keys.PARTITION]["S"])
    elif operation in ("TransactWriteItems", "TransactGetItems"):
        for item in body["TransactItems"]:
            ((part, parameters),) = item.items()
            yield from calls_of(PARTS[part], parameters)
    else:
        key = body.get("Key") or body["Item"]
        yield Call(operation, key[keys.PARTITION]["S"])


@pytest.fixture
def made(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, set[Call]]]:
    """The calls that handlers make while the test runs, by handler."""
    calls: dict[str, set[Call]] = {}
    running: list[str] = []

    def listen(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if running:
            found = calls_of(model.name, json.loads(params["body"]))
            calls.setdefault(running[-1], set()).update(found)

    def watched(name: str, handler: Any) -> Any:
        def handle(event: Any, context: Any) -> Any:
            # A container of its own remembers nothing that another has read.
            catalog._sets.clear()
            catalog._definitions.clear()
            running.append(name)
            try:
                return handler(event, context)
            finally:
                running.pop()

        return handle

    for name, handler in callers.HANDLERS.items():
        monkeypatch.setitem(callers.HANDLERS, name, watched(name, handler))
    monkeypatch.setattr("tests.queue.consumer.handler", watched("consumer", consumer.handler))
    monkeypatch.setattr(authorizer, "handler", watched("authorizer", authorizer.handler))
    monkeypatch.setattr(backfill, "handler", watched("backfill", backfill.handler))
    monkeypatch.setattr(nightly_audit, "handler", watched("nightly_audit", nightly_audit.handler))
    monkeypatch.setattr(projector, "handler", watched("projector", projector.handler))
    # The API shows no dead letters where there is no queue: what it does with one is called here.
    monkeypatch.setattr(dead_letters, "explain", watched("dead_letters", dead_letters.explain))
    monkeypatch.setattr(runtime, "_store", lambda: store)
    store.client.meta.events.register("before-call.dynamodb", listen)
    yield calls
    store.client.meta.events.unregister("before-call.dynamodb", listen)


def work(*jobs: Mapping[str, Any]) -> None:
    """Let the backfill do some jobs, each as a message of its queue."""
    for job in jobs:
        record = {"messageId": "job", "body": json.dumps(job)}
        answer: Any = backfill.handler({"Records": [record]}, Context("backfill"))  # type: ignore[arg-type]
        assert not answer["batchItemFailures"]


def count_the_past(api: Api, func: str, customer_id: str) -> None:
    """Make a meter, change what it counts, and let it count what came before it."""
    meter = {
        "name": "Late",
        "filter": {
            "conjunction": "and",
            "clauses": [{"property": "name", "operator": "eq", "value": "api_usage"}],
        },
        "aggregation": {"func": func, "property": "units"},
    }
    meter_id = api.post("/v1/meters/", meter).body["id"]
    changed = api.patch(f"/v1/meters/{meter_id}", {"filter": {"conjunction": "and", "clauses": []}})
    assert changed.status == 200, changed.text
    job = {
        "organization_id": api.organization_id,
        "meter_id": meter_id,
        "generation": catalog.get(api.store, api.organization_id, meter_id).generation,
    }
    work(job | {"ledger_id": customer_id}, job)


@pytest.fixture
def lived(
    made: dict[str, set[Call]], store: Store, monkeypatch: pytest.MonkeyPatch
) -> dict[str, set[Call]]:
    """The calls of a life in which every handler does most of what it can."""
    monkeypatch.setenv(WAIT, "0")
    organization_id = tokens.create_organization(store, "Test")
    token, _ = tokens.create(store, organization_id)
    api = Api(store, organization_id, token)
    meter_id = api.meter()
    api.meter("another")
    api.patch(f"/v1/meters/{meter_id}", {"name": "Renamed"})
    for path in ("/v1/meters/", f"/v1/meters/{meter_id}", "/health", "/v1/dead-letters/"):
        assert api.get(path).status == 200
    for path in ("/", "/v1/tokens/current", "/v1/tokens/"):
        assert api.get(path).status == 200
    token_made = api.post("/v1/tokens/", {"scopes": ["meters:read"]})
    assert api.delete(f"/v1/tokens/{token_made.body['id']}").status == 204

    def usage(customer: str, units: int, /, **more: Any) -> dict[str, Any]:
        named = {"name": "api_usage", "external_customer_id": customer}
        return {**named, "metadata": {"units": units}, **more}

    # Events before their customer, by request and by message; each again.
    for _ in range(2):
        api.ingest(usage("early", -10, external_id="e1"), idempotency_key="k1")
        api.ingest(usage("early", -1, external_id="e1"), usage("early", 1))
    context: Any = Context("authorizer")
    passing = {"headers": {"authorization": f"Bearer {token}"}, "requestContext": {"requestId": ""}}
    assert authorizer.handler(passing, context)["isAuthorized"]
    batch = message(organization_id, usage("queued", -5, external_id="q1"), batch_id="b1")
    plain = message(organization_id, usage("queued", 1))
    copy = message(organization_id, usage("queued", -5, external_id="q1"))
    assert deliver(batch, plain) == set()
    assert deliver(batch.again(), plain.again(), copy) == set()
    for sent in (batch, plain, copy):
        dead_letters.explain(store, sent.again().record())

    customer_id = api.customer("early@example.com", external_id="early")
    other_id = api.customer("other@example.com")
    by_id = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": -1}}
    api.ingest(by_id)
    assert deliver(message(organization_id, by_id)) == set()
    dead_letters.explain(store, message(organization_id, by_id).record())
    for path in (f"/v1/customers/{customer_id}", "/v1/customers/external/early"):
        assert api.get(path).status == api.get(f"{path}/state").status == 200
    assert api.get("/v1/customers/").status == 200
    assert api.get("/v1/customers/", email="early@example.com").status == 200
    assert api.get("/v1/customer-meters/").status == 200
    assert api.get("/v1/customer-meters/", meter_id=meter_id).body["items"]
    for named in ({"customer_id": customer_id}, {"external_customer_id": "early"}):
        (found,) = api.get("/v1/customer-meters/", **named).body["items"]
        assert api.get(f"/v1/customer-meters/{found['id']}").status == 200

    for proof in ({"external_id": "s1"}, {}):
        spend = usage("early", 1, **proof)
        assert api.post("/v1/credits/spend", spend).status == 200
    for number, end in enumerate(("capture", "release")):
        hold = api.post(
            "/v1/credits/holds",
            usage("early", 1, external_id=f"h{number}", expires_in=60),
        )
        path = f"/v1/credits/holds/{hold.body['id']}"
        assert api.get(path).status == 200
        assert api.post(f"{path}/{end}", {}).status == 200

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
    for number, func in enumerate(("sum", "max", "unique")):
        count_the_past(api, func, customer_id)
        api.ingest(usage("queued", 10 + number))
        assert deliver(message(organization_id, usage("queued", 20 + number))) == set()
        project_all(store)
    asked = {
        "start_timestamp": times.to_text(times.now() - timedelta(days=1)),
        "end_timestamp": times.to_text(times.now() + timedelta(days=1)),
        "interval": "hour",
    }
    for late in api.get("/v1/meters/").body["items"]:
        for whose in ({}, {"customer_id": other_id}, {"external_customer_id": "queued"}):
            for what in ({}, {"metadata[units]": "3"}):
                parameters = {**asked, **whose, **what}
                shown = api.get(f"/v1/meters/{late['id']}/quantities", **parameters)
                assert shown.status == 200, shown.text
    context = Context("nightly_audit", deadline=time.monotonic() + 2 * nightly.RESERVE_SECONDS)
    assert nightly_audit.handler({"source": "aws.events"}, context) == {"organizations": 1}
    record = {"messageId": "job", "body": nightly.Job(organization_id).to_body()}
    assert not nightly_audit.handler({"Records": [record]}, context)["batchItemFailures"]
    return made


def test_a_role_allows_every_call_that_its_function_makes(
    lived: dict[str, set[Call]], synthesized: Synthesized
) -> None:
    assert set(lived) | FILES == set(synthesized.functions())
    refused = {
        f"{handler}: {call.action} {call.kind}"
        for handler, calls in lived.items()
        for call in calls
        if not allows(statements(synthesized, handler), call)
    }

    assert not sorted(refused)


def test_what_was_allowed_is_what_was_used(
    lived: dict[str, set[Call]], synthesized: Synthesized
) -> None:
    """No action on no kind of item that its function never needs."""
    unused = {
        (handler, action, pattern)
        for handler, grants in access.ON_TABLE.items()
        for action, patterns in grants.items()
        for pattern in patterns
        if not any(
            call.action == action and not call.by_index and fnmatchcase(call.leading_key, pattern)
            for call in lived[handler]
        )
    }

    unused |= {
        (handler, "Query", pattern)
        for handler, patterns in access.ON_DIRECTORY.items()
        for pattern in patterns
        if not any(
            call.by_index and fnmatchcase(call.leading_key, pattern) for call in lived[handler]
        )
    }

    assert unused == RARE


@pytest.mark.parametrize("handler", READERS)
def test_a_reader_cannot_write(synthesized: Synthesized, handler: str) -> None:
    granted = {
        action.removeprefix("dynamodb:")
        for statement in statements(synthesized, handler)
        for action in actions(statement)
        if action.startswith("dynamodb:")
    }

    assert granted
    assert granted <= {"GetItem", "BatchGetItem", "Query"}


@pytest.mark.parametrize("handler", sorted(FILES))
def test_what_serves_files_may_do_nothing_but_say_so(
    synthesized: Synthesized, handler: str
) -> None:
    allowed = {action for found in statements(synthesized, handler) for action in actions(found)}

    assert {action.partition(":")[0] for action in allowed} == {"logs", "xray"}


def test_nobody_scans_or_changes_the_table_itself(synthesized: Synthesized) -> None:
    known = WRITES | {"GetItem", "BatchGetItem", "Query"}
    for handler in synthesized.functions():
        for statement in statements(synthesized, handler):
            for action in actions(statement):
                assert "*" not in action
                if action.startswith("dynamodb:") and action not in OF_STREAMS:
                    assert action.removeprefix("dynamodb:") in known
                    assert "ForAllValues:StringLike" in statement["Condition"]


def test_the_projector_alone_reads_the_stream(synthesized: Synthesized) -> None:
    for handler in synthesized.functions():
        found = {
            action
            for statement in statements(synthesized, handler)
            for action in actions(statement)
            if action in OF_STREAMS
        }
        assert found == (OF_STREAMS if handler == "projector" else set())


def test_one_function_writes_tokens_and_none_reads_any_that_it_need_not(
    synthesized: Synthesized,
) -> None:
    token = keys.token("0" * 64).pk
    for handler in synthesized.functions():
        allowed = statements(synthesized, handler)
        writes = {action for action in WRITES if allows(allowed, Call(action, token))}
        assert writes == ({"PutItem", "DeleteItem"} if handler == "tokens_api" else set())
        reads = allows(allowed, Call("GetItem", token))
        assert reads == (handler not in TOKENLESS), handler


def test_no_role_can_delete_a_balance_a_page_or_a_claim(synthesized: Synthesized) -> None:
    kept = (keys.customer("o", "c").pk, keys.log("o", "c"), keys.claim("o", "e").pk)
    for handler in synthesized.functions():
        allowed = statements(synthesized, handler)
        assert not [key for key in kept if allows(allowed, Call("DeleteItem", key))], handler


def test_only_what_needs_a_queue_has_it(synthesized: Synthesized) -> None:
    ingestion = synthesized.queue_of("consumer")
    dead = synthesized.dead_letters_of("consumer")
    backfills = synthesized.queue_of("backfill")
    destination = synthesized.mapping("projector")["DestinationConfig"]["OnFailure"]["Destination"]
    working = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
    needed = {
        ("consumer", ingestion): working,
        ("backfill", backfills): {*working, "SendMessage"},
        ("nightly_audit", synthesized.queue_of("nightly_audit")): {*working, "SendMessage"},
        ("balances", backfills): {"SendMessage"},
        ("credits", backfills): {"SendMessage"},
        ("meters", backfills): {"SendMessage"},
        ("dead_letters", ingestion): {"SendMessage"},
        ("projector", destination["Fn::GetAtt"][0]): {"SendMessage"},
        ("dead_letters", dead): {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"},
    }

    for handler in synthesized.functions():
        allowed = statements(synthesized, handler)
        for name in synthesized.of_type("AWS::SQS::Queue"):
            assert on_resource(allowed, "sqs", name) == needed.get((handler, name), set())


def test_who_asks_for_backfills_knows_where(synthesized: Synthesized) -> None:
    backfills = synthesized.queue_of("backfill")
    for handler, function in synthesized.functions().items():
        asks = "SendMessage" in on_resource(statements(synthesized, handler), "sqs", backfills)
        url = function["Environment"]["Variables"].get(QUEUE)
        assert url == ({"Ref": backfills} if asks else None), handler


def test_everything_is_named_but_what_has_no_name(synthesized: Synthesized) -> None:
    for handler in synthesized.functions():
        for statement in statements(synthesized, handler):
            if statement["Resource"] == "*":
                assert all(
                    action.startswith("xray:Put") or action == "dynamodb:ListStreams"
                    for action in actions(statement)
                )
