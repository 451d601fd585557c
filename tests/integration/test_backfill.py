"""The backfill: a new meter counts the past, for everyone and once, while ingestion goes on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.audit.ledger_audit import Audit
from aureon.core import times
from aureon.domain.balances import LIMIT
from aureon.ledger import committer
from aureon.meters import backfills, catalog
from aureon.meters.backfills import Job
from aureon.projection import backfill, projector
from aureon.storage import directory, keys
from aureon.storage.store import Store
from tests.support import inline_engine
from tests.support.backfill_jobs import Jobs, deliver, jobs, positions
from tests.support.faults import Crash, Fault, faults, nth
from tests.support.handlers import Api, Reply
from tests.support.projected import EVERYONE, project_all
from tests.support.projected import stored as projected
from tests.support.recount import assert_conserved, scan
from tests.support.seams import restart_handlers, without_pauses

METERS: Final = "/v1/meters/"
START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)
FUNCTIONS: Final = ("sum", "count", "avg", "max", "min", "unique")
WRITERS: Final = 8
WORKERS: Final = 3


@pytest.fixture
def queue() -> Iterator[Jobs]:
    with jobs() as queue:
        yield queue


def aggregation(function: str) -> dict[str, str]:
    return {"func": function} | ({} if function == "count" else {"property": "units"})


def create(api: Api, function: str = "sum", name: str = "api_usage") -> str:
    """Create a meter, whose past nobody has counted yet."""
    clause = {"property": "name", "operator": "eq", "value": name}
    body = {
        "name": f"{function} of {name}",
        "filter": {"conjunction": "and", "clauses": [clause]},
        "aggregation": aggregation(function),
    }
    reply = api.post(METERS, body)
    assert reply.status == 201, reply.body
    meter_id: str = reply.body["id"]
    return meter_id


def use(api: Api, *units: Any, customer: str = "user_1", **more: Any) -> Reply:
    named = {} if "customer_id" in more else {"external_customer_id": customer}
    reply = api.ingest(
        *(
            {
                "name": "api_usage",
                "metadata": {"units": one},
                "timestamp": (START + timedelta(minutes=25 * place)).isoformat(),
                **named,
                **more,
            }
            for place, one in enumerate(units)
        )
    )
    assert reply.status == 200, reply.body
    return reply


def shown(api: Api, customer_id: str) -> dict[str, tuple[Any, bool]]:
    """A customer's balances by meter, and whether each is complete."""
    state = api.get(f"/v1/customers/{customer_id}/state").body
    return {one["meter_id"]: (one["balance"], one["complete"]) for one in state["active_meters"]}


def progress(api: Api, meter_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(METERS + meter_id).body["backfill"]
    return found


def test_a_new_meter_counts_the_past_of_every_customer_ghosts_too(api: Api, queue: Jobs) -> None:
    known = api.customer("known@example.com", external_id="known")
    use(api, 1, 2, 3, customer="known")
    use(api, 4, customer_id=known)
    use(api, 10, 20, customer="ghost")
    use(api, 100, customer="linked")
    linking = api.customer("linked@example.com")
    use(api, 200, customer_id=linking)
    assert api.patch(f"/v1/customers/{linking}", {"external_id": "linked"}).status == 200
    deleted = api.customer("deleted@example.com", external_id="deleted")
    use(api, 1000, customer="deleted")
    api.delete(f"/v1/customers/{deleted}")

    meter_id = create(api)
    assert [(job.meter_id, job.ledger_id) for job in queue.jobs()] == [(meter_id, None)]
    assert api.balances(known) == {meter_id: 0}
    queue.work_off()

    catalog.forget()
    assert shown(api, known) == {meter_id: (10, True)}
    assert shown(api, linking) == {meter_id: (300, True)}
    ghost = api.customer("ghost@example.com", external_id="ghost")
    assert shown(api, ghost) == {meter_id: (30, True)}
    assert_conserved(api.store)
    sums = [
        int(item["sum"])
        for item in scan(api.store)
        if keys.BALANCE_PREFIX in item[keys.SORT] and "sum" in item
    ]
    assert sum(sums) == 1340


events = st.lists(
    st.tuples(
        st.sampled_from(["user_1", "user_2"]),
        st.sampled_from([-5, 0, 1, 2, Decimal("2.5"), 10**14, "text", True]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(past=st.lists(events, max_size=3), present=events)
def test_what_came_before_and_after_counts_as_if_the_meter_had_always_been_there(
    past: list[list[tuple[str, Any, int]]], present: list[tuple[str, Any, int]]
) -> None:
    """For every aggregation, in balances and in what is projected for looking."""
    with inline_engine.table() as store, jobs() as queue, pytest.MonkeyPatch.context() as patch_:
        patch_.setattr(runtime, "_store", lambda: store)
        patch_.setattr(backfill, "MAX_PAGES", 2)
        patch_.setattr(backfill, "MAX_VALUES", 2)
        restart_handlers()
        organization_id = organizations.create(store, "Test")
        token, _ = tokens.create(store.of(organization_id))
        api = Api(store.of(organization_id), token)
        for name in ("user_1", "user_2"):
            api.customer(f"{name}@example.com", external_id=name)
        always = {function: create(api, function) for function in FUNCTIONS}
        queue.work_off()
        for batch in past:
            send(api, batch)
        later = {function: create(api, function) for function in FUNCTIONS}
        send(api, present)
        project_all(store)
        queue.work_off()

        catalog.forget()
        for name in ("user_1", "user_2"):
            found = api.get(f"/v1/customers/external/{name}/state").body["active_meters"]
            figures = {
                one["meter_id"]: (one["balance"], one["used_units"], one["granted_units"])
                for one in found
            }
            assert all(one["complete"] for one in found)
            for function in FUNCTIONS:
                assert figures.get(always[function]) == figures.get(later[function]), function
        assert_conserved(store)
        quantities = projected(store)
        for function in FUNCTIONS:
            assert of_meter(quantities, always[function]) == of_meter(quantities, later[function])


def send(api: Api, batch: list[tuple[str, Any, int]]) -> None:
    if batch:
        reply = api.ingest(
            *(
                {
                    "name": "api_usage",
                    "external_customer_id": customer,
                    "metadata": {"units": units},
                    "timestamp": (START + timedelta(minutes=50 * step)).isoformat(),
                }
                for customer, units, step in batch
            )
        )
        assert reply.status == 200, reply.body


def of_meter(figures: dict[tuple[Any, ...], Any], meter_id: str) -> dict[tuple[Any, ...], Any]:
    """What is projected of a meter, whichever it is."""
    return {
        tuple(part for part in about if part != meter_id): value
        for about, value in figures.items()
        if meter_id in about
    }


def test_a_new_meters_quantities_include_the_past(api: Api, queue: Jobs) -> None:
    use(api, 1, 2, 4)
    project_all(api.store)
    meter_id = create(api)
    use(api, 8)
    project_all(api.store)
    span = {
        "start_timestamp": START.isoformat(),
        "end_timestamp": (START + timedelta(hours=2)).isoformat(),
        "interval": "hour",
    }
    before = api.get(f"{METERS}{meter_id}/quantities", **span).body
    assert (before["total"], before["complete"]) == (8, False)

    queue.work_off()

    after = api.get(f"{METERS}{meter_id}/quantities", **span).body
    assert (after["total"], after["complete"]) == (15, True)


def test_a_meter_shows_how_far_it_has_come(api: Api, queue: Jobs) -> None:
    for number in range(5):
        use(api, 1, 2, customer=f"user_{number}")
    meter_id = create(api)
    assert progress(api, meter_id) == {
        "complete": False,
        "ledgers": 0,
        "total_ledgers": None,
        "events": 0,
    }

    meter = catalog.get(api.store, meter_id)
    with patch.object(directory, "CHUNK", 1), suppress(StopIteration):
        steps = backfill.Backfill(api.store, meter).of_organization()
        for _ in range(4):
            next(steps)

    halfway = progress(api, meter_id)
    assert (halfway["complete"], halfway["total_ledgers"]) == (False, 5)
    assert (halfway["ledgers"], halfway["events"]) == (3, 6)
    queue.work_off()
    assert progress(api, meter_id)["complete"]
    (listed,) = api.get(METERS).body["items"]
    assert listed["backfill"]["complete"]


def test_a_balance_says_that_it_is_not_complete_and_asks_to_be(api: Api, queue: Jobs) -> None:
    met, other = (api.customer(f"{name}@example.com", external_id=name) for name in ("a", "b"))
    use(api, 5, customer="a")
    use(api, 7, customer="b")
    meter_id = create(api)
    queue.sent.clear()
    use(api, 1, customer="a")

    assert shown(api, met) == {meter_id: (1, False)}
    assert {job.ledger_id for job in queue.jobs()} == {met}
    queue.deliver()

    assert shown(api, met) == {meter_id: (6, True)}
    assert shown(api, other) == {meter_id: (0, False)}
    assert_conserved(api.store)


def test_a_customer_without_a_past_is_complete_once_somebody_has_looked(
    api: Api, queue: Jobs
) -> None:
    customer_id = api.customer("user@example.com")
    meter_id = create(api)
    queue.sent.clear()

    assert shown(api, customer_id) == {meter_id: (0, False)}
    queue.deliver()

    assert shown(api, customer_id) == {}
    use(api, 3, customer_id=customer_id)
    assert shown(api, customer_id) == {meter_id: (3, True)}


def test_a_meter_is_complete_at_once_for_customers_created_after_it(api: Api, queue: Jobs) -> None:
    use(api, 5)
    meter_id = create(api)
    queue.sent.clear()

    new = api.customer("new@example.com")
    use(api, 2, customer_id=new)
    use(api, 3, customer="new ghost")
    ghost = api.customer("ghost@example.com", external_id="new ghost")

    assert shown(api, new) == {meter_id: (2, True)}
    assert shown(api, ghost) == {meter_id: (3, True)}
    assert not queue.sent


def test_credits_are_not_decided_on_while_a_balance_is_incomplete(api: Api, queue: Jobs) -> None:
    customer_id = api.customer("user@example.com")
    use(api, -10, customer_id=customer_id)
    meter_id = create(api)
    queue.sent.clear()
    wanted = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 4}}

    spend = api.post("/v1/credits/spend", wanted)
    hold = api.post("/v1/credits/holds", {**wanted, "external_id": "hold-1"})

    for refused in (spend, hold):
        assert refused.status == 503
        assert refused.headers["Retry-After"].isdigit()
        assert "past" in refused.body["detail"]
    assert {job.ledger_id for job in queue.jobs()} == {customer_id}
    queue.work_off()
    assert api.post("/v1/credits/spend", wanted).status == 200
    assert api.post("/v1/credits/holds", {**wanted, "external_id": "hold-1"}).status == 200
    assert shown(api, customer_id) == {meter_id: (-6, True)}


# When, and by whom.


def test_the_past_is_not_counted_while_it_may_still_grow(api: Api) -> None:
    customer_id = api.customer("user@example.com")
    use(api, 5, customer_id=customer_id)
    with jobs(wait=timedelta(hours=1)) as queue:
        meter_id = create(api)
        assert shown(api, customer_id) == {meter_id: (0, False)}
        ((body, delay_seconds),) = queue.sent
        assert delay_seconds == backfills.MAX_DELAY_SECONDS

        queue.deliver()

        assert queue.sent[0] == (body, backfills.MAX_DELAY_SECONDS)
        assert positions(api.store) == []
    with jobs():
        assert not deliver(body)
    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (5, True)}


@pytest.mark.parametrize("patient", [True, False])
def test_a_call_that_does_not_know_the_meter_yet_is_why_the_past_is_waited_for(
    api: Api, patient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It matches its event, the meter is made, its past is counted, and only then it commits."""
    customer_id = api.customer("user@example.com")
    commit = committer.Committer.commit

    def delayed(self: Any, *, repeated: bool) -> None:
        monkeypatch.setattr(committer.Committer, "commit", commit)
        create(api)
        waiting.deliver()
        commit(self, repeated=repeated)

    monkeypatch.setattr(committer.Committer, "commit", delayed)
    with jobs(wait=timedelta(hours=1 if patient else 0)) as waiting:
        use(api, 5, customer_id=customer_id)
        left = [body for body, _ in waiting.sent]
    with jobs():
        assert [deliver(body) for body in left] == [False] * len(left)

    catalog.forget()
    if patient:
        assert [balance for balance, _ in shown(api, customer_id).values()] == [5]
        assert_conserved(api.store)
    else:
        assert shown(api, customer_id) == {}, "lost: this is what the wait is for"


def test_by_default_the_longest_handler_is_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = catalog.get(api.store, create(api))

    assert timedelta() < backfills.waiting(meter) <= times.LONGEST_HANDLER
    monkeypatch.setenv(backfills.WAIT, "0")
    assert backfills.waiting(meter) == timedelta()


def test_another_invocation_goes_on_when_time_runs_out(
    api: Api, queue: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "CHUNK", 1)
    for number in range(6):
        use(api, number, customer=f"user_{number}")
    meter_id = create(api)
    (job,) = queue.jobs()
    invocations = itertools.count()
    calls = iter(range(10_000))

    def has_time(store: Store) -> bool:
        """Each invocation has time for some calls."""
        return next(calls) % 23 != 22

    with patch.object(Store, "has_time", has_time):
        while queue.sent:
            next(invocations)
            body, _ = queue.sent.popleft()
            if deliver(body):
                queue.sent.append((body, 0))

    assert next(invocations) > 3
    assert progress(api, meter_id)["complete"]
    assert job.ledger_id is None
    assert_conserved(api.store)


def test_a_backfill_whose_message_was_lost_begins_again_with_whoever_asks(
    api: Api, queue: Jobs
) -> None:
    customer_id = api.customer("user@example.com")
    use(api, 1, customer_id=customer_id)
    meter_id = create(api)
    queue.sent.clear()

    shown(api, customer_id)
    queue.deliver()

    assert [job.ledger_id for job in queue.jobs()] == [None]
    queue.work_off()
    assert progress(api, meter_id)["complete"]


def test_a_backfill_that_moves_is_left_alone_and_one_that_stands_still_is_taken_up(
    api: Api, queue: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(api, 1)
    meter_id = create(api)
    queue.sent.clear()
    meter = catalog.get(api.store, meter_id)
    work = backfill.Backfill(api.store, meter)
    next(work.of_organization())
    assert not work.stands_still()

    monkeypatch.setattr(backfill, "STALLED", timedelta(seconds=-1))
    assert work.stands_still()


def test_a_message_that_is_none_fails_alone(api: Api, queue: Jobs) -> None:
    use(api, 1)
    meter_id = create(api)
    (job,) = queue.jobs()

    assert deliver("{}")
    assert deliver("no job")
    assert not deliver(Job(job.organization_id, "unknown", 1).to_body())
    assert not deliver(Job(job.organization_id, meter_id, 2).to_body())
    assert positions(api.store) == []


def test_a_meter_that_was_archived_counts_no_past(api: Api, queue: Jobs) -> None:
    use(api, 1)
    meter_id = create(api)
    api.patch(METERS + meter_id, {"is_archived": True})

    queue.work_off()

    assert positions(api.store) == []
    assert_conserved(api.store)


def test_a_past_beyond_the_limit_of_a_balance_leaves_the_others_alone(
    api: Api, queue: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = api.customer("good@example.com"), api.customer("bad@example.com")
    most = int(LIMIT) // 1000 - 1
    for _ in range(2):
        use(api, *[most] * 501, customer_id=bad)
    use(api, 5, customer_id=good)
    meter_id = create(api)

    queue.work_off()

    assert progress(api, meter_id)["complete"] is False
    assert shown(api, good) == {meter_id: (5, True)}
    assert shown(api, bad)[meter_id][1] is False
    assert_conserved(api.store)


# Crashes, and others at the same time.


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        *(("sum", fault) for fault in Fault),
        ("unique", Fault.TIMEOUT_AFTER),
        ("max", Fault.DIE_AFTER),
    ],
)
def test_whichever_call_goes_wrong_the_past_counts_once(
    api: Api, function: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position, the balance and what is projected are looked at after every crash."""
    monkeypatch.setattr(keys, "DIRECTORY_SLICES", 1)
    monkeypatch.setattr(keys, "PROJECTION_SLICES", 1)
    monkeypatch.setattr(directory, "CHUNK", 2)
    monkeypatch.setattr(backfill, "MAX_PAGES", 2)
    monkeypatch.setattr(backfill, "MAX_VALUES", 2)
    monkeypatch.setattr(projector, "MAX_PAST_PAGES", 2)
    api.customer("user_1@example.com", external_id="user_1")
    always = create(api, function)
    with jobs() as queue:
        work_off_all(api, queue, always)
    use(api, 1, 2, 3, 4, 2)
    use(api, 7, customer="user_2")
    project_all(api.store)
    number = 0
    while True:
        with jobs() as queue, without_pauses():
            meter_id = create(api, function)
            with faults(api.store.client, nth(number, fault)) as calls, suppress(Crash):
                body, _ = queue.sent[0]
                if not deliver(body):
                    queue.sent.popleft()
                made = len(calls)
            restart_handlers()
            made = len(calls)
            assert_conserved(api.store)
            queue.work_off()
        assert progress(api, meter_id)["complete"], number
        assert_conserved(api.store)
        quantities = projected(api.store)
        assert of_meter(quantities, meter_id) == of_meter(quantities, always), number
        balances = api.get("/v1/customers/external/user_1/state").body["active_meters"]
        figures = {one["meter_id"]: (one["balance"], one["complete"]) for one in balances}
        assert figures[meter_id] == figures[always]
        assert figures[meter_id][1]
        api.patch(METERS + meter_id, {"is_archived": True})
        if made <= number:
            break
        number += 1
    assert number > 20


def work_off_all(api: Api, queue: Jobs, *meter_ids: str) -> None:
    for meter_id in meter_ids:
        queue.send(Job(api.organization_id, meter_id, 1).to_body(), {})
    queue.work_off()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_conservation_holds_while_others_ingest_read_and_audit(
    api: Api, queue: Jobs, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real threads: writers, several workers of one backfill, a reader that asks, an audit."""
    monkeypatch.setattr(backfill, "MAX_PAGES", 1)
    monkeypatch.setattr(backfill, "MAX_VALUES", 1)
    customers = [f"user_{number}" for number in range(6)]
    for name in customers[::2]:
        api.customer(f"{name}@example.com", external_id=name)
    for number in range(12):
        use(api, number, number % 5, -3, customer=customers[number % 6])
    create(api, function, "other")
    meter_id = create(api, function)
    (body, _), *_ = [sent for sent in queue.sent if meter_id in sent[0]]
    everything: list[str] = []

    def write(number: int) -> None:
        for place in range(4):
            use(api, number, place, 11, customer=customers[(number + place) % 6])
            if place == number % 4:
                shown(api, api.get("/v1/customers/external/user_0").body["id"])

    def work(_: int) -> None:
        while deliver(body):
            pass

    def audit(_: int) -> None:
        outcomes = Audit(api.store).of_organization()
        everything.extend(outcome.status for outcome in outcomes)

    with ThreadPoolExecutor(WRITERS + WORKERS + 1) as pool, without_pauses():
        tasks = [pool.submit(write, number) for number in range(WRITERS)]
        tasks += [pool.submit(work, number) for number in range(WORKERS)]
        tasks.append(pool.submit(audit, 0))
        for task in tasks:
            task.result()
    queue.work_off()

    assert "different" not in everything
    assert_conserved(api.store)
    assert progress(api, meter_id)["complete"]
    catalog.forget()
    for name in customers[::2]:
        balances = api.get(f"/v1/customers/external/{name}/state").body["active_meters"]
        assert all(one["complete"] for one in balances)
    counts = [
        int(item["count"])
        for item in scan(api.store)
        if item[keys.SORT].startswith(f"{keys.BALANCE_PREFIX}{meter_id}#")
    ]
    assert sum(counts) == 12 * 3 + WRITERS * 4 * 3
    project_all(api.store)
    if function == "count":
        figures = of_meter(projected(api.store), meter_id)
        everyone = [value for about, value in figures.items() if EVERYONE in about]
        assert sum(everyone) == 12 * 3 + WRITERS * 4 * 3
