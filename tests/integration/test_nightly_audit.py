"""The nightly audit: every organization, in as many invocations as it takes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from aureon.access import organizations
from aureon.api import runtime
from aureon.audit import nightly
from aureon.audit.ledger_audit import Outcome
from aureon.audit.nightly import Job
from aureon.audit.projection_audit import ProjectedOutcome
from aureon.core import metrics
from aureon.core.errors import Unavailable
from aureon.storage import directory, keys
from aureon.storage.clients import LONGEST_CALL_SECONDS
from aureon.storage.directory import DirectoryPosition
from aureon.storage.keys import Keys
from aureon.storage.store import (
    OrganizationStore,
    Store,
    delete,
    put_over,
)
from aureon_cli.gateway import Context
from tests.support.deliveries import Queues
from tests.support.handlers import Api, invoke
from tests.support.projected import project_all
from tests.support.seams import without_pauses


def enough() -> Any:
    return Context("nightly_audit", deadline=time.monotonic() + 2 * nightly.RESERVE_SECONDS)


def record(job: Job) -> dict[str, Any]:
    return {"messageId": job.organization_id, "body": job.to_body()}


@pytest.fixture(autouse=True)
def hasty() -> Iterator[None]:
    """Nothing waits before it is compared again."""
    with without_pauses():
        yield


def customers(api: Api, count: int) -> list[str]:
    """So many customers with an event each, and a ghost."""
    ids = [api.customer(f"{number}@example.com") for number in range(count)]
    events: list[dict[str, Any]] = [{"customer_id": id_} for id_ in ids]
    for named in (*events, {"external_customer_id": "ghost"}):
        event = {"name": "api_usage", "metadata": {"units": 1}, **named}
        assert api.ingest(event).status == 200
    return ids


def damage(api: Api, customer_id: str, meter_id: str) -> None:
    """Let a balance say what its log does not."""
    key = api.store.keys.balance(customer_id, meter_id, 1, 0)
    item = dict(api.store.get(key) or {})
    item["sum"] += 1
    api.store.write(put_over(key, item))


def ignored(outcome: Outcome) -> None:
    """Nobody looks at it."""


def lose_a_name(api: Api, ledger_id: str) -> None:
    """Let what is projected of a ledger miss the name of its events."""
    (key,) = [
        keys.Key(item[keys.PARTITION], item[keys.SORT])
        for item in api.store.query(api.store.keys.names(1, ledger_id))
    ]
    api.store.write(delete(key))


class Hurried(Store, frozen=True, kw_only=True):
    """A store whose time is up after so many looks at the clock."""

    looks: Iterator[int]

    def has_time(self) -> bool:
        return next(self.looks, None) is not None

    def of(self, organization_id: str) -> OrganizationStore:
        return HurriedOrganizationStore(
            self.client, self.table, keys=Keys(organization_id), looks=self.looks
        )


class HurriedOrganizationStore(OrganizationStore, frozen=True, kw_only=True):
    """The same, as one organization has it."""

    looks: Iterator[int]
    has_time = Hurried.has_time


def hurried(store: Store, looks: int) -> Store:
    return Hurried(store.client, store.table, looks=iter(range(looks)))


def test_every_ledger_is_audited_however_often_time_runs_out(api: Api) -> None:
    api.meter()
    ids = set(customers(api, 12))
    project_all(api.store)
    seen: list[Outcome] = []
    projected: list[ProjectedOutcome] = []
    job: Job | None = Job(api.organization_id)
    invocations = 0

    while job is not None:
        # What is left goes through the queue as a text.
        job = Job.from_body(job.to_body())
        job = nightly.work(hurried(api.store, 80), job, seen.append, projected.append)
        invocations += 1
        assert invocations < 100

    assert invocations > 3
    clean = {outcome.customer_id for outcome in seen if outcome.status == "clean"}
    assert clean == ids | {None}
    compared = {outcome.ledger_id for outcome in projected if outcome.status == "clean"}
    assert {outcome.ledger_id for outcome in seen} <= compared


def test_a_ledger_that_takes_longer_than_an_invocation_holds_up_no_other(api: Api) -> None:
    api.meter()
    customers(api, 2)
    partitions = directory.partitions(api.store.keys)
    (ghosts, *_) = [
        number for number, part in enumerate(partitions) if list(api.store.query_index(part))
    ]
    whole = Job(api.organization_id, DirectoryPosition(ghosts))
    # Enough to find the first ledger, not to read it.
    for looks in range(100):
        seen: list[Outcome] = []
        store = hurried(api.store, looks)
        try:
            left = nightly.work(store, whole, seen.append, lambda projected: None)
        except Unavailable:
            continue
        if seen and seen[0].status == "not compared":
            break

    assert [outcome.status for outcome in seen] == ["not compared"]
    assert left is not None
    assert left.place != whole.place


def test_the_schedule_asks_for_every_organization(
    api: Api, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(nightly.QUEUE, queues.ingestion.url)
    other = organizations.create(api.store, "Other")

    answer = invoke("nightly_audit", {"source": "aws.events"}, enough())

    sent = queues.ingestion.receive(wait_seconds=0)
    assert answer == {"organizations": 2}
    assert {found["body"] for found in sent} == {
        job.to_body()
        for organization_id in (api.organization_id, other)
        for job in (Job(organization_id), Job(organization_id, owed={}))
    }


def test_an_audit_of_nobody_is_a_sign_of_life_too(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An alarm waits for it, and speaks where a night has had none."""
    monkeypatch.setattr(runtime, "_store", lambda: store)
    monkeypatch.setenv(metrics.STACK, "Test")

    answer = invoke("nightly_audit", {"source": "aws.events"}, enough())
    assert answer == {"organizations": 0}

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["AuditedLedgers"] == [0]


def test_a_difference_is_told(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    meter_id = api.meter()
    (first, *_) = customers(api, 3)
    project_all(api.store)
    damage(api, first, meter_id)
    monkeypatch.setenv(metrics.STACK, "Test")

    answer = invoke("nightly_audit", {"Records": [record(Job(api.organization_id))]}, enough())

    assert answer == {"batchItemFailures": []}
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    told = (line["AuditedLedgers"], line["AuditSkippedLedgers"], line["AuditDifferences"])
    assert told == ([4], [0], [1])
    assert line["AuditProjectionDifferences"] == [0]


def test_a_difference_of_what_is_projected_is_told_beside_those_of_balances(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.meter()
    (first, *_) = customers(api, 2)
    project_all(api.store)
    lose_a_name(api, first)
    monkeypatch.setenv(metrics.STACK, "Test")

    invoke("nightly_audit", {"Records": [record(Job(api.organization_id))]}, enough())

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["AuditedLedgers"], line["AuditDifferences"]) == ([3], [0])
    # Everyone's names are one more than those of the ledgers.
    assert line["AuditProjectionDifferences"] == [2]


def test_what_is_behind_is_looked_at_again_after_a_while(
    api: Api, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.meter()
    customers(api, 3)
    projected: list[ProjectedOutcome] = []

    left = nightly.work(api.store, Job(api.organization_id), ignored, projected.append)

    assert left is not None
    assert len(left.behind) == 4
    assert not [outcome for outcome in projected if outcome.status == "different"]
    monkeypatch.setenv(nightly.QUEUE, queues.ingestion.url)
    nightly.send(left)
    assert list(queues.ingestion.receive(wait_seconds=0)) == []
    project_all(api.store)
    projected.clear()
    rest: Job | None = Job.from_body(left.to_body())
    assert rest == left
    for _ in range(20):
        if rest is not None:
            rest = nightly.work(hurried(api.store, 60), rest, ignored, projected.append)
    assert rest is None
    assert {outcome.ledger_id for outcome in projected} == set(left.behind)
    assert {outcome.status for outcome in projected} == {"clean"}


def test_what_stays_behind_is_a_difference(api: Api) -> None:
    api.meter()
    customers(api, 3)
    projected: list[ProjectedOutcome] = []
    left: Job | None = Job(api.organization_id)

    while left is not None:
        left = nightly.work(api.store, left, ignored, projected.append)

    assert [outcome.status for outcome in projected].count("different") == 4


def test_what_is_left_goes_back_to_the_queue(
    api: Api, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.meter()
    customers(api, 3)
    monkeypatch.setenv(nightly.QUEUE, queues.ingestion.url)
    monkeypatch.setattr(runtime, "store", lambda context, **_: hurried(api.store, 40))

    invoke("nightly_audit", {"Records": [record(Job(api.organization_id))]}, enough())

    (sent,) = queues.ingestion.receive(wait_seconds=0)
    left = Job.from_body(sent["body"])
    assert left.organization_id == api.organization_id
    assert left.place > (0, None)


def test_an_organization_that_is_gone_and_a_job_that_is_none_harm_nobody(api: Api) -> None:
    gone = record(Job("01a20000-0000-7000-8000-000000000000"))
    broken = {"messageId": "broken", "body": "{}"}

    answer = invoke("nightly_audit", {"Records": [broken, gone]}, enough())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "broken"}]}


def test_an_audit_keeps_time_to_say_where_it_stopped(api: Api) -> None:
    """The reserve is enough to give a ledger up, and for the message that goes on."""
    assert nightly.RESERVE_SECONDS > 2 * LONGEST_CALL_SECONDS + 20
    short = replace(api.store, deadline=time.monotonic())
    with pytest.raises(Unavailable):
        nightly.start(short)
