"""Webhooks: each arrives, signed, until it is taken, whatever the receiver does."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from aureon.alerts import sweeping
from aureon.audit.nightly import Job as AuditJob
from aureon.core import metrics, times
from aureon.core.errors import Unavailable
from aureon.meters import backfills
from aureon.webhooks import deliveries as attempts
from aureon.webhooks import endpoints, sending
from aureon.webhooks.deliveries import PAUSES
from aureon.webhooks.dispatch import Job
from tests.integration.test_dead_letters import bury
from tests.integration.test_nightly_audit import damage, enough
from tests.integration.test_nightly_audit import record as job_record
from tests.support import permissions, watched
from tests.support.credit_makers import hold
from tests.support.deliveries import Queues, message
from tests.support.faults import Call, Crash, Fault, faults, nth
from tests.support.handlers import Api, invoke
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.seams import without_pauses
from tests.support.watched import outbox, record, watch_all
from tests.support.webhook_deliveries import (
    Deliveries,
    Received,
    Receiver,
    deliver,
    deliveries,
    receiver,
    status,
)

POLARS = ["customer.created", "customer.updated", "customer.deleted", "customer.state_changed"]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deliveries]:
    monkeypatch.setenv(backfills.WAIT, "0")
    monkeypatch.setattr(attempts, "FIRST_REST", timedelta())
    with deliveries() as found:
        yield found


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def endpoint(api: Api, url: str, *events: str) -> dict[str, Any]:
    reply = api.post("/v1/webhooks/endpoints", {"url": url, "events": events or POLARS})
    assert reply.status == 201, reply.text
    body: dict[str, Any] = reply.body
    return body


def bodies(hook: Receiver) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in hook.received]


def kinds(hook: Receiver) -> list[str]:
    return [body["type"] for body in bodies(hook)]


def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    reply = api.get("/v1/webhooks/deliveries", limit=100, **query)
    assert reply.status == 200, reply.text
    items: list[dict[str, Any]] = reply.body["items"]
    return items


def watched_customer(api: Api) -> tuple[str, str]:
    meter_id = api.meter()
    thresholds = [{"available_credits": 100}, {"available_credits": 0}]
    assert api.patch(f"/v1/meters/{meter_id}", {"thresholds": thresholds}).status == 200
    return meter_id, api.customer("user@example.com", external_id=EXTERNAL_ID)


def test_what_happens_to_a_customer_is_told_in_the_apis_own_words(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    endpoint(api, hook.url)
    customer_id = api.customer("user@example.com")
    watch_all(api.store)
    created = api.get(f"/v1/customers/{customer_id}").body
    changed = api.patch(f"/v1/customers/{customer_id}", {"name": "User"}).body
    watch_all(api.store)
    assert api.delete(f"/v1/customers/{customer_id}").status == 204
    watch_all(api.store)
    sent.work_off()

    told = {body["type"]: body for body in bodies(hook)}
    assert told["customer.created"]["data"] == json.loads(json.dumps(created))
    assert told["customer.updated"]["data"] == json.loads(json.dumps(changed))
    assert told["customer.deleted"]["data"]["deleted_at"] is not None
    order = [told[f"customer.{kind}"]["sequence"] for kind in ("created", "updated", "deleted")]
    assert order == [1, 2, 3]


def test_what_is_written_of_a_customer_later_tells_nothing_of_its_profile(
    api: Api, sent: Deliveries
) -> None:
    """When credits expire next is in the same item, and what was told is not kept for ever."""
    meter_id = api.meter()
    assert api.patch(f"/v1/meters/{meter_id}", {"thresholds": [{"percent": 1}]}).status == 200
    customer_id = api.customer("user@example.com", external_id=EXTERNAL_ID)
    watch_all(api.store)
    endpoint(api, "https://example.com/", "customer.created")
    grant = {**usage(50), "expires_in_seconds": 1_200}
    assert api.post("/v1/credits/grants", grant).status == 200
    item = api.store.get(api.store.keys.customer(customer_id))
    assert item is not None
    assert item["next"]
    later = record(item)
    later["dynamodb"]["ApproximateCreationDateTime"] += 3_600

    assert watched.deliver([later]) == []
    assert outbox(api.store) == []
    assert watched.deliver([record(item)]) == []
    assert [one["type"] for one in outbox(api.store)] == ["customer.created"]


def test_a_webhook_verifies_with_the_whole_secret_for_a_key(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    made = endpoint(api, hook.url)
    api.customer("user@example.com")
    watch_all(api.store)
    sent.work_off()

    for one in hook.received:
        Webhook(made["secret"].encode()).verify(one.body, dict(one.headers))
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(b"another").verify(one.body, dict(one.headers))
    (entry,) = outbox(api.store)
    assert [one.headers["webhook-id"] for one in hook.received] == [entry["id"]]


def test_credits_are_told_of(api: Api, sent: Deliveries, hook: Receiver) -> None:
    types = ["credits.low", "credits.depleted", "credits.recovered", "credits.granted"]
    endpoint(api, hook.url, *types, "customer.state_changed")
    meter_id, customer_id = watched_customer(api)
    for units in (-1_000, 950, 60, -500, -200):
        api.ingest(usage(units))
        watch_all(api.store)
    sent.work_off()

    own = [kind for kind in kinds(hook) if kind != "customer.state_changed"]
    granted = ["credits.granted"] * 3
    assert sorted(own) == sorted([*types[:2], *types[2:3] * 2, *granted])
    assert kinds(hook).count("customer.state_changed") == 5
    low = next(body for body in bodies(hook) if body["type"] == "credits.low")
    assert (low["data"]["customer_id"], low["data"]["meter_id"]) == (customer_id, meter_id)
    assert low["data"]["alert"]["state"] == "reached"
    states = [body for body in bodies(hook) if body["type"] == "customer.state_changed"]
    assert states[-1]["data"]["active_meters"][0]["available_credits"] == 690
    came = [body["data"]["units"] for body in bodies(hook) if body["type"] == "credits.granted"]
    assert came == [1_000, 500, 200]
    sequences = [body["sequence"] for body in bodies(hook)]
    assert sorted(sequences) == list(range(1, len(sequences) + 1))


def test_what_was_granted_before_there_were_thresholds_is_not_told(
    api: Api, sent: Deliveries
) -> None:
    meter_id = api.meter()
    api.customer("user@example.com", external_id=EXTERNAL_ID)
    api.ingest(usage(-1_000))
    endpoint(api, "https://example.com/", "credits.granted")
    assert api.patch(f"/v1/meters/{meter_id}", {"thresholds": [{"percent": 1}]}).status == 200
    watch_all(api.store)
    assert outbox(api.store) == []
    api.ingest(usage(-200))
    watch_all(api.store)

    (entry,) = outbox(api.store)
    assert json.loads(entry["payload"])["data"]["units"] == 200


def test_a_lapse_and_an_expired_hold_are_told_of_once(
    api: Api, sent: Deliveries, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint(api, hook.url, "credits.expired", "hold.expired")
    watched_customer(api)
    api.ingest(usage(-100))
    grant = {**usage(50), "expires_in_seconds": 1_200}
    assert api.post("/v1/credits/grants", grant).status == 200
    held = hold(api, 10, expires_in_seconds=60).body
    assert hold(api, 10, "hold-2", expires_in_seconds=60).status == 200
    watch_all(api.store)
    later = times.now() + timedelta(seconds=1_300)
    monkeypatch.setattr(times, "now", lambda: later)
    for _ in range(2):
        invoke("sweep", {"source": "aws.events"})
        watch_all(api.store)
    sent.work_off()

    assert sorted(kinds(hook)) == ["credits.expired", "hold.expired", "hold.expired"]
    (lapsed,) = [body for body in bodies(hook) if body["type"] == "credits.expired"]
    assert lapsed["data"]["units"] == 50
    holds = [body["data"] for body in bodies(hook) if body["type"] == "hold.expired"]
    assert held["id"] in {one["id"] for one in holds}
    assert {one["status"] for one in holds} == {"expired"}


def test_a_dead_letter_is_told_of_once(api: Api, sent: Deliveries, hook: Receiver) -> None:
    endpoint(api, hook.url, "dead_letter.created")
    dead = message(api.organization_id, usage(1)).record()
    for _ in range(2):
        sweeping.tell_of_dead_letter(api.store, dead, {})
    watch_all(api.store)
    sent.work_off()

    assert [body["data"]["id"] for body in bodies(hook)] == [dead["messageId"]]


def test_a_message_that_died_is_told_of_by_the_sweep_once(
    api: Api, sent: Deliveries, hook: Receiver, queues: Queues
) -> None:
    endpoint(api, hook.url, "dead_letter.created")
    bury(queues, message(api.organization_id, usage(1)))
    for _ in range(2):
        invoke("sweep", {"source": "aws.events"})
        watch_all(api.store)
    sent.work_off()

    (told,) = bodies(hook)
    (listed_,) = api.get("/v1/dead-letters/").body["items"]
    assert told["data"]["id"] == listed_["id"]


def test_a_difference_that_the_nightly_audit_finds_is_told_of_once(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    endpoint(api, hook.url, "audit.difference")
    meter_id = api.meter()
    customer_id = api.customer("user@example.com", external_id=EXTERNAL_ID)
    api.ingest(usage(5))
    damage(api, customer_id, meter_id)
    with without_pauses():
        for _ in range(2):
            invoke(
                "nightly_audit",
                {"Records": [job_record(AuditJob(api.organization_id))]},
                enough(),
            )
    watch_all(api.store)
    sent.work_off()

    assert [body["data"] for body in bodies(hook)] == [{"ledger_id": customer_id, "differences": 1}]


def test_a_refund_and_a_voided_grant_are_told_by_what_comes_of_them(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    types = ["credits.low", "credits.depleted", "credits.recovered", "credits.expired"]
    endpoint(api, hook.url, *types, "customer.state_changed")
    watched_customer(api)
    grant = {**usage(1_000), "expires_in_seconds": 3_600}
    grant_id = api.post("/v1/credits/grants", grant).body["id"]
    watch_all(api.store)
    spent = api.post("/v1/credits/spend", usage(950, external_id="spend-1")).body
    watch_all(api.store)
    refund = {"event_id": spent["id"], "units": 900, "reason": "sorry"}
    assert api.post("/v1/credits/refunds", refund).status == 200
    watch_all(api.store)
    assert api.post(f"/v1/credits/grants/{grant_id}/void", {}).status == 200
    watch_all(api.store)
    sent.work_off()

    told = sorted(bodies(hook), key=lambda body: int(body["sequence"]))
    own = [body["type"] for body in told if body["type"] != "customer.state_changed"]
    assert own[:2] == ["credits.low", "credits.recovered"]
    assert sorted(own[2:]) == ["credits.depleted", "credits.expired", "credits.low"]
    states = [body["data"] for body in told if body["type"] == "customer.state_changed"]
    left = [state["active_meters"][0]["available_credits"] for state in states]
    assert left == [1_000, 50, 950, 0]


def test_an_endpoint_gets_what_it_names_and_nothing_else(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    endpoint(api, hook.url, "customer.deleted")
    customer_id = api.customer("user@example.com")
    watch_all(api.store)
    assert outbox(api.store) == []
    other = endpoint(api, "https://example.com/", "customer.created")["id"]
    assert api.delete(f"/v1/customers/{customer_id}").status == 204
    watch_all(api.store)
    assert other not in {job.endpoint_id for job in sent.jobs()}
    sent.work_off()

    assert kinds(hook) == ["customer.deleted"]


@pytest.mark.parametrize("code", [301, 302, 307, 400, 404, 429, 500, 503])
def test_what_is_no_success_is_tried_again_and_no_redirect_is_followed(
    api: Api, sent: Deliveries, hook: Receiver, code: int
) -> None:
    endpoint(api, hook.url, "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)
    with receiver() as elsewhere:
        hook.respond = status(code, "no", Location=elsewhere.url)
        assert sent.deliver()
        hook.respond = status(204)
        assert not sent.deliver()
        assert elsewhere.received == []

    assert len({one.headers["webhook-id"] for one in hook.received}) == 1
    assert len({one.body for one in hook.received}) == 1
    newest, oldest = listed(api)
    assert (oldest["http_code"], oldest["response"], oldest["succeeded"]) == (code, "no", False)
    assert (newest["http_code"], newest["succeeded"]) == (204, True)
    assert newest["webhook_event"]["succeeded"] is True


def test_the_beginning_of_an_answer_is_kept_for_thirty_days(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    hook.respond = status(200, "x" * 100_000)
    endpoint(api, hook.url, "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)
    sent.work_off()

    (attempt,) = listed(api)
    assert attempt["response"] == "x" * 2_048
    event_id = attempt["webhook_event"]["id"]
    items = list(api.store.query(api.store.keys.outbox(event_id).pk))
    assert len(items) == 3
    thirty_days = timedelta(days=30).total_seconds()
    for item in items:
        told_at = times.from_text(item.get("created_at", attempt["created_at"])).timestamp()
        assert abs(int(item["delete_after"]) - told_at - thirty_days) < 3_600


def test_a_receiver_that_hangs_or_drips_is_given_up(
    api: Api, sent: Deliveries, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.3)
    endpoint(api, hook.url, "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)

    def hang(handler: BaseHTTPRequestHandler, received: Received) -> None:
        hook.hanging.wait(30)

    def drip(handler: BaseHTTPRequestHandler, received: Received) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not hook.hanging.wait(0.1):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    for respond in (hang, drip):
        hook.respond = respond
        assert sent.deliver()
    assert [one["http_code"] for one in listed(api)] == [None, None]
    assert "no answer" in listed(api)[0]["response"]


def test_nobody_who_listens_is_an_answer_too(api: Api, sent: Deliveries) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    endpoint(api, f"http://127.0.0.1:{port}/", "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)

    assert sent.deliver()
    (attempt,) = listed(api, succeeded="false")
    assert attempt["http_code"] is None
    assert "failed" in attempt["response"]


def test_pauses_rise_for_two_days_and_then_end(api: Api, sent: Deliveries, hook: Receiver) -> None:
    hook.respond = status(500)
    endpoint(api, hook.url, "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)
    (body,) = sent.sent
    sent.work_off()

    assert not deliver(body)
    assert len(hook.received) == len(PAUSES) + 1
    assert len({pause / least for pause, least in zip(sent.pauses, PAUSES, strict=True)}) > 1
    for pause, least in zip(sent.pauses, PAUSES, strict=True):
        assert least <= pause <= least * 1.1
    assert sorted(PAUSES) == list(PAUSES)
    assert timedelta(days=1.8) < timedelta(seconds=sum(PAUSES)) < timedelta(days=2.2)


def test_an_endpoint_that_fails_rests_and_others_do_not_wait_for_it(
    api: Api, sent: Deliveries, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "FIRST_REST", timedelta(minutes=1))
    with receiver(status(500)) as failing:
        endpoint(api, failing.url, "customer.created")
        endpoint(api, hook.url, "customer.created")
        for number in range(5):
            api.customer(f"user{number}@example.com")
        watch_all(api.store)
        assert len(set(sent.groups)) == 2
        for _ in range(len(sent.sent)):
            sent.deliver()

        assert len(failing.received) == 1
        assert len(hook.received) == 5
        assert len(sent.sent) == 5


def test_an_endpoint_that_failed_for_three_days_is_disabled_until_somebody_enables_it(
    api: Api,
    sent: Deliveries,
    hook: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = endpoint(api, hook.url, "customer.created")
    path = f"/v1/webhooks/endpoints/{made['id']}"
    hook.respond = status(500)
    api.customer("first@example.com")
    watch_all(api.store)
    assert sent.deliver()
    later = times.now() + endpoints.DISABLED_AFTER
    monkeypatch.setattr(times, "now", lambda: later)
    monkeypatch.setenv(metrics.STACK, "Test")
    assert sent.deliver()
    # What the alarm is on.
    assert '"WebhookEndpointsDisabled":[1' in capsys.readouterr().out

    disabled = api.get(path).body
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "failing")
    assert not sent.deliver()
    assert len(hook.received) == 2
    hook.respond = status(200)
    enabled = api.patch(path, {"enabled": True}).body
    assert (enabled["enabled"], enabled["disabled_reason"]) == (True, None)
    api.customer("second@example.com")
    watch_all(api.store)
    sent.work_off()
    assert len(hook.received) >= 3


def test_a_success_beside_a_failure_begins_the_three_days_anew(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    """The failure knew of the one before, and not of the success yet."""
    made = endpoint(api, hook.url, "customer.created")
    for number in range(3):
        api.customer(f"user{number}@example.com")
    watch_all(api.store)
    first, second, third = sent.sent
    hook.respond = status(500)
    assert deliver(first)
    before = endpoints.health(api.store, made["id"])
    done = False

    def succeed_meanwhile(call: Call) -> None:
        nonlocal done
        if call.operation == "TransactWriteItems" and not done:
            done = True
            hook.respond = status(200)
            with permissions.acting_as(None):
                assert not deliver(third)

    with faults(api.store.client, succeed_meanwhile):
        assert deliver(second)
    after = endpoints.health(api.store, made["id"])

    assert (before.failures, after.failures) == (1, 1)
    assert before.failing_since is not None
    assert after.failing_since is not None
    assert after.failing_since > before.failing_since


def test_a_receiver_that_says_it_is_gone_gets_nothing_more(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    made = endpoint(api, hook.url, "customer.created")
    hook.respond = status(410)
    api.customer("user@example.com")
    watch_all(api.store)

    assert not sent.deliver()
    gone = api.get(f"/v1/webhooks/endpoints/{made['id']}").body
    assert (gone["enabled"], gone["disabled_reason"]) == (False, "gone")


def test_a_redelivery_has_the_same_id(api: Api, sent: Deliveries, hook: Receiver) -> None:
    endpoint(api, hook.url, "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)
    watch_all(api.store)
    sent.work_off()
    (first,) = hook.received
    event_id = first.headers["webhook-id"]
    again = api.post(f"/v1/webhooks/events/{event_id}/redeliver", {})
    assert (again.status, again.body) == (202, {"id": event_id})
    sent.work_off()

    assert [one.headers["webhook-id"] for one in hook.received] == [event_id, event_id]
    assert hook.received[1].body == first.body


def test_a_job_before_a_redelivery_leaves_it_to_that(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    endpoint(api, hook.url, "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)
    (body,) = sent.sent
    event_id = Job.from_body(body).event_id
    hook.respond = status(500)
    assert sent.deliver()
    assert api.post(f"/v1/webhooks/events/{event_id}/redeliver", {}).status == 202
    sent.sent.remove(body)
    hook.respond = status(200)
    assert not sent.deliver()
    assert not deliver(body)

    assert len(hook.received) == 2
    assert [one["succeeded"] for one in listed(api)] == [True, False]


def test_a_job_that_cannot_be_postponed_comes_back_early(
    api: Api, sent: Deliveries, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.respond = status(500)
    endpoint(api, hook.url, "customer.created")
    api.customer("user@example.com")
    watch_all(api.store)

    def postpone(receipt_handle: str, seconds: float) -> None:
        raise Unavailable("The queue is busy.")

    monkeypatch.setattr(sent, "postpone", postpone)
    assert sent.deliver()
    hook.respond = status(200)
    assert not sent.deliver()


def test_a_new_secret_signs_what_is_sent_from_then_on(
    api: Api, sent: Deliveries, hook: Receiver
) -> None:
    made = endpoint(api, hook.url, "customer.created")
    other = api.patch(f"/v1/webhooks/endpoints/{made['id']}/secret", {}).body["secret"]
    api.customer("user@example.com")
    watch_all(api.store)
    sent.work_off()

    (one,) = hook.received
    assert other != made["secret"]
    Webhook(other.encode()).verify(one.body, dict(one.headers))


@pytest.mark.parametrize("fault", list(Fault))
def test_a_delivery_that_dies_is_made_again_under_its_id(
    api: Api, sent: Deliveries, hook: Receiver, fault: Fault
) -> None:
    endpoint(api, hook.url, "customer.created")

    def next_job(number: int) -> str:
        api.customer(f"user{number}@example.com")
        watch_all(api.store)
        newest = outbox(api.store)[-1]["id"]
        (body,) = {body for body in sent.sent if newest in body}
        sent.sent.clear()
        return body

    first = next_job(0)
    with faults(api.store.client) as calls:
        assert not deliver(first)
    for number in range(len(calls)):
        body = next_job(number + 1)
        hook.received.clear()
        with faults(api.store.client, nth(number, fault)):
            try:
                again = deliver(body)
            except Crash:
                again = True
        if again:
            assert not deliver(body)
        assert hook.received
        assert len({one.headers["webhook-id"] for one in hook.received}) == 1
        assert not deliver(body)
        assert len(hook.received) <= 2
        event_id = Job.from_body(body).event_id
        noted = [one for one in listed(api) if one["webhook_event"]["id"] == event_id]
        assert any(one["succeeded"] for one in noted)


@pytest.mark.parametrize("reason", ["gone", "failing"])
@pytest.mark.parametrize("fault", list(Fault))
def test_an_endpoint_is_disabled_with_an_alarm_wherever_the_delivery_fails(
    api: Api,
    sent: Deliveries,
    hook: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: Fault,
    reason: str,
) -> None:
    monkeypatch.setenv(metrics.STACK, "Test")
    made = endpoint(api, hook.url, "customer.created")
    path = f"/v1/webhooks/endpoints/{made['id']}"
    api.customer("user@example.com")
    watch_all(api.store)
    (first,) = sent.sent
    number, faulty = 0, True
    while faulty:
        assert api.patch(path, {"enabled": True}).status == 200
        event_id = Job.from_body(first).event_id
        sent.sent.clear()
        assert api.post(f"/v1/webhooks/events/{event_id}/redeliver", {}).status == 202
        (body,) = sent.sent
        with monkeypatch.context() as clock:
            hook.respond = status(410 if reason == "gone" else 500)
            if reason == "failing":
                assert deliver(body)
                later = times.now() + endpoints.DISABLED_AFTER
                clock.setattr(times, "now", lambda later=later: later)
            capsys.readouterr()
            with faults(api.store.client, nth(number, fault)) as calls:
                try:
                    again = deliver(body)
                except Crash:
                    again = True
            if again:
                deliver(body)
        faulty = len(calls) > number
        number += 1
        disabled = api.get(path).body
        assert (disabled["enabled"], disabled["disabled_reason"]) == (False, reason)
        assert '"WebhookEndpointsDisabled":[1' in capsys.readouterr().out
    assert number > 3


def test_endpoints_are_refused_with_their_place(api: Api) -> None:
    good = {"url": "https://example.com/", "events": ["customer.created"]}
    for change, place in (
        ({"url": "http://example.com/"}, ("url",)),
        ({"url": "https://localhost/"}, ("url",)),
        ({"url": "https://169.254.169.254/"}, ("url",)),
        ({"url": "https://user:secret@example.com/"}, ("url",)),
        ({"url": "nothing"}, ("url",)),
        ({"url": "https://example.com/" + "x" * 2_048}, ("url",)),
        ({"events": []}, ("events",)),
        ({"events": ["order.created"]}, ("events", "0")),
        ({"format": "slack"}, ("format",)),
        ({"name": "x" * 257}, ("name",)),
    ):
        reply = api.post("/v1/webhooks/endpoints", good | change)
        assert reply.problems() == {("body", *place)}, change
    for _ in range(endpoints.MAX_ENDPOINTS):
        assert api.post("/v1/webhooks/endpoints", good).status == 201
    assert api.post("/v1/webhooks/endpoints", good).problems() == {("body", "url")}


def test_who_listens_reads_what_is_told_and_nothing_is_sent(api: Api, sent: Deliveries) -> None:
    made = endpoint(api, "aureon:listen", "customer.created")
    customer_id = api.customer("user@example.com")
    watch_all(api.store)
    assert not sent.deliver()

    (delivery,) = listed(api, endpoint_id=made["id"])
    assert (delivery["succeeded"], delivery["http_code"]) == (True, 202)
    assert json.loads(delivery["webhook_event"]["payload"])["data"]["id"] == customer_id
    path = f"/v1/webhooks/endpoints/{made['id']}"
    assert api.patch(path, {"url": "aureon:listen"}).problems() == {("body", "url")}
    item = api.store.get(api.store.keys.endpoint(made["id"]))
    assert item is not None
    assert item["delete_after"] == int(times.from_text(made["created_at"]).timestamp()) + 86_400


def test_deliveries_are_listed_by_what_they_are(api: Api, sent: Deliveries, hook: Receiver) -> None:
    made = endpoint(api, hook.url, "customer.created", "customer.updated")
    customer_id = api.customer("user@example.com")
    watch_all(api.store)
    api.patch(f"/v1/customers/{customer_id}", {"name": "User"})
    watch_all(api.store)
    sent.work_off()

    assert len(listed(api)) == 2
    assert len(listed(api, endpoint_id=made["id"], http_code_class="2xx")) == 2
    assert listed(api, http_code_class="5xx") == listed(api, succeeded="false") == []
    (updated,) = listed(api, event_type="customer.updated")
    assert json.loads(updated["webhook_event"]["payload"])["type"] == "customer.updated"
    assert len(listed(api, start_timestamp="2020-01-01T00:00:00Z")) == 2
    assert listed(api, end_timestamp="2020-01-01T00:00:00Z") == []
    assert len(listed(api, query=customer_id.upper())) == 2
    assert listed(api, query=updated["webhook_event"]["id"]) == [updated]
    assert listed(api, query="nobody") == []
    wrong = api.get("/v1/webhooks/deliveries", http_code_class="6xx")
    assert wrong.problems() == {("query", "http_code_class")}
