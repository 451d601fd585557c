"""What thresholds and webhooks write, with every call going wrong: done once, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar
from unittest.mock import patch

import pytest

from aureon.access import organizations, tokens
from aureon.alerts import sweeping, telling
from aureon.api import runtime
from aureon.core import times
from aureon.meters import backfills
from tests.integration.test_activity import told as trail
from tests.support import inline_engine
from tests.support.credit_makers import hold
from tests.support.deliveries import message
from tests.support.handlers import Api, Reply, invoke
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.seams import without_pauses
from tests.support.trials import trials as on_one_table
from tests.support.watched import alerts, deliver, outbox, records, watch_all
from tests.support.webhook_deliveries import deliveries

Prepared = TypeVar("Prepared")
HOOK = {"url": "https://example.com/", "events": ["customer.created"]}


@pytest.fixture(autouse=True)
def seams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(backfills.WAIT, "0")
    with without_pauses():
        yield


def trials(
    prepare: Callable[[Api], Prepared], act: Callable[[Prepared], object]
) -> Iterator[Prepared]:
    """Try something as `tests.support.trials` does, in a table of its own with one organization."""
    with inline_engine.table() as store, patch.object(runtime, "_store", lambda: store):
        organization_id = organizations.create(store, "Test")
        token, _ = tokens.create(store.of(organization_id))
        prepared = prepare(Api(store.of(organization_id), token))
        for _ in on_one_table(store, lambda: (act(prepared),)):
            yield prepared


def states(api: Api, **query: Any) -> list[tuple[Any, str, int]]:
    return [(one["threshold_units"], one["state"], one["ordinal"]) for one in alerts(api, **query)]


class Scene:
    """Customers with 500 units left of a meter whose threshold lies at 100."""

    def __init__(self, api: Api, *names: str) -> None:
        self.api = api
        self.meter_id = api.meter()
        self.change_meter({"available_credits": 100})
        watch_all(api.store)
        ids = [api.customer(f"{name}@example.com", external_id=name) for name in names]
        api.ingest(*(usage(-1_000, name) for name in names))
        api.ingest(*(usage(500, name) for name in names))
        watch_all(api.store)
        self.customer_id = ids[0]

    def change_meter(self, *thresholds: Any, **more: Any) -> Reply:
        wanted = {"thresholds": thresholds, **more}
        return self.api.patch(f"/v1/meters/{self.meter_id}", wanted)

    def change_own(self, thresholds: Any, **more: Any) -> Reply:
        path = f"/v1/customer-meters/{self.customer_id}.{self.meter_id}/thresholds"
        return self.api.put(path, {"thresholds": thresholds, **more})


def test_own_thresholds_are_set_and_told_of_once() -> None:
    def act(scene: Scene) -> Reply:
        return scene.change_own([{"available_credits": 700}], notify_current=True)

    for scene in trials(lambda api: Scene(api, EXTERNAL_ID), act):
        assert states(scene.api) in ([], [(700, "reached", 1)])
        for _ in range(2):
            reply = act(scene)
            assert (reply.status, reply.body["own"]) == (200, True)
        watch_all(scene.api.store)
        assert states(scene.api) == [(700, "reached", 1)]


def test_own_thresholds_are_taken_away_once() -> None:
    def prepare(api: Api) -> Scene:
        scene = Scene(api, EXTERNAL_ID)
        scene.change_own([{"available_credits": 700}], notify_current=True)
        return scene

    for scene in trials(prepare, lambda scene: scene.change_own(None)):
        for _ in range(2):
            reply = scene.change_own(None)
            assert (reply.status, reply.body["own"]) == (200, False)
        watch_all(scene.api.store)
        assert states(scene.api) == [(700, "closed", 1)]
        made = [action for action, _ in trail(scene.api) if action == "thresholds.changed"]
        assert len(made) == 2


def test_changed_thresholds_reach_every_balance_once() -> None:
    """The call that changes them goes wrong, and then each step of the rollout."""

    def change(scene: Scene) -> Reply:
        return scene.change_meter({"available_credits": 600}, notify_current=True)

    def prepare(api: Api) -> Scene:
        return Scene(api, "one", "two", "three")

    for scene in trials(prepare, change):
        assert change(scene).status == 200
        watch_all(scene.api.store)
        assert states(scene.api) == [(600, "reached", 1)] * 3

    def prepare_rollout(api: Api) -> Scene:
        scene = prepare(api)
        change(scene)
        return scene

    for scene in trials(prepare_rollout, lambda scene: deliver(records(scene.api.store))):
        watch_all(scene.api.store)
        assert states(scene.api) == [(600, "reached", 1)] * 3


def test_an_endpoint_is_made_whole_or_not_at_all() -> None:
    def act(api: Api) -> Reply:
        return api.post("/v1/webhooks/endpoints", HOOK)

    for api in trials(lambda api: api, act):
        found = listed(api)
        assert len(found) <= 1
        assert all(one["secret"].startswith("whsec_") for one in found)
        made = act(api).body
        assert listed(api) == [*found, made]
        assert actions(api) == ["webhook_endpoint.created"] * len(listed(api))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"events": ["customer.deleted"], "enabled": True}),
        ("PATCH", "/secret", {}),
        ("DELETE", "", None),
    ],
    ids=["update", "secret", "delete"],
)
def test_a_change_of_an_endpoint_is_made_once_and_a_repeat_is_as_good(
    method: str, path: str, body: Any
) -> None:
    def prepare(api: Api) -> tuple[Api, str, str]:
        made = api.post("/v1/webhooks/endpoints", HOOK).body
        return api, made["id"], made["secret"]

    def act(scene: tuple[Api, str, str]) -> Reply:
        api, id_, _ = scene
        call = f"/v1/webhooks/endpoints/{id_}{path}"
        return api.delete(call) if method == "DELETE" else api.patch(call, body)

    for scene in trials(prepare, act):
        api, _, secret = scene
        reply = act(scene)
        if method == "DELETE":
            assert reply.status in (204, 404)
            assert listed(api) == []
            assert actions(api) == ["webhook_endpoint.created", "webhook_endpoint.deleted"]
            continue
        assert reply.status == 200
        assert listed(api) == [reply.body]
        if path:
            assert reply.body["secret"] != secret
            assert set(actions(api)[1:]) == {"webhook_endpoint.secret_reset"}
        else:
            assert (reply.body["events"], reply.body["secret"]) == (["customer.deleted"], secret)
            assert actions(api) == ["webhook_endpoint.created", "webhook_endpoint.changed"]


def listed(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/webhooks/endpoints").body["items"]
    return found


def actions(api: Api) -> list[str]:
    """What the audit trail says of endpoints, oldest first."""
    found = [action for action, _ in trail(api) if action.startswith("webhook_endpoint.")]
    return found[::-1]


def test_a_hold_that_expires_is_told_of_once_wherever_the_sweep_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = times.now()
    monkeypatch.setattr(times, "now", lambda: now)

    def prepare(api: Api) -> Scene:
        nonlocal now
        scene = Scene(api, EXTERNAL_ID)
        assert hold(scene.api, 450, expires_in_seconds=60).status == 200
        watch_all(scene.api.store)
        assert states(scene.api) == [(100, "reached", 1)]
        now += timedelta(seconds=61)
        return scene

    def act(_: object) -> object:
        return invoke("sweep", {"source": "aws.events"})

    for scene in trials(prepare, act):
        for _ in range(2):
            act(scene)
        watch_all(scene.api.store)
        assert [one["type"] for one in outbox(scene.api.store)] == ["hold.expired"]
        assert states(scene.api) == [(100, "recovered", 1)]


def test_a_dead_letter_and_a_difference_are_told_of_once() -> None:
    def prepare(api: Api) -> Api:
        events = ["dead_letter.created", "audit.difference"]
        api.post("/v1/webhooks/endpoints", HOOK | {"events": events})
        return api

    dead = message("", usage(1)).record()

    def act(api: Api) -> None:
        attributes = message(api.organization_id, usage(1)).record()["messageAttributes"]
        found: Any = dead | {"messageAttributes": attributes}
        sweeping.tell_of_dead_letter(api.store, found, {})
        telling.tell_differences(api.store, {"ledger-1": 2})

    for api in trials(prepare, act):
        for _ in range(2):
            act(api)
        told = sorted(one["type"] for one in outbox(api.store))
        assert told == ["audit.difference", "dead_letter.created"]


def test_a_change_of_a_customer_is_told_of_once_wherever_the_evaluator_fails() -> None:
    types = ["customer.created", "customer.updated", "customer.deleted"]

    def prepare(api: Api) -> tuple[Api, str]:
        api.post("/v1/webhooks/endpoints", HOOK | {"events": types})
        return api, api.customer("user@example.com")

    def act(scene: tuple[Api, str]) -> None:
        api, customer_id = scene
        path = f"/v1/customers/{customer_id}"
        deliver(records(api.store))
        api.patch(path, {"name": "User"})
        deliver(records(api.store))
        api.delete(path)
        deliver(records(api.store))

    for scene in trials(prepare, act):
        api, _ = scene
        act(scene)
        watch_all(api.store)
        told = sorted((one["sequence"], one["type"]) for one in outbox(api.store))
        assert [sequence for sequence, _ in told] == list(range(1, len(told) + 1))
        # What was written over before somebody looked at it is told with what came after; a change
        # that is sent again is another one.
        kinds = [type_ for _, type_ in told]
        assert kinds == sorted(kinds, key=types.index)
        assert kinds.count("customer.created") <= 1
        assert kinds.count("customer.updated") <= 2
        assert kinds.count("customer.deleted") == 1


def test_a_deleted_customers_alerts_are_closed_wherever_the_evaluator_fails() -> None:
    def prepare(api: Api) -> Scene:
        scene = Scene(api, EXTERNAL_ID)
        scene.api.ingest(usage(450))
        watch_all(scene.api.store)
        assert states(scene.api) == [(100, "reached", 1)]
        assert api.delete(f"/v1/customers/{scene.customer_id}").status == 204
        return scene

    for scene in trials(prepare, lambda scene: deliver(records(scene.api.store))):
        watch_all(scene.api.store)
        assert states(scene.api) == [(100, "closed", 1)]


def test_a_redelivery_is_asked_for_again_where_it_fails() -> None:
    with deliveries() as sent:

        def prepare(api: Api) -> tuple[Api, str]:
            api.post("/v1/webhooks/endpoints", HOOK)
            api.customer("user@example.com")
            watch_all(api.store)
            sent.sent.clear()
            (entry,) = outbox(api.store)
            return api, entry["id"]

        def act(scene: tuple[Api, str]) -> Reply:
            api, event_id = scene
            return api.post(f"/v1/webhooks/events/{event_id}/redeliver", {})

        for scene in trials(prepare, act):
            assert act(scene).status == 202
            jobs = sent.jobs()
            assert {job.event_id for job in jobs} == {scene[1]}
            assert len({job.round for job in jobs}) == len(jobs)
