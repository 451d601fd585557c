"""Changing, archiving and bringing back meters, while events arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from aureon.meters import catalog
from aureon.projection import backfill
from aureon.storage import keys
from aureon.storage.store import Store
from tests.integration.test_backfill import create, progress, shown, use
from tests.support.backfill_jobs import Jobs, jobs
from tests.support.handlers import Api, Reply
from tests.support.recount import assert_conserved, scan

METERS: Final = "/v1/meters/"
WRITERS: Final = 8
ROUNDS: Final = 12


@pytest.fixture
def queue() -> Iterator[Jobs]:
    with jobs() as queue:
        yield queue


@pytest.fixture
def customer_id(api: Api) -> str:
    return api.customer("user@example.com")


def named(name: str) -> dict[str, Any]:
    clause = {"property": "name", "operator": "eq", "value": name}
    return {"filter": {"conjunction": "and", "clauses": [clause]}}


def count_of(store: Store, meter_id: str, generation: int) -> int:
    prefix = f"{keys.BALANCE_PREFIX}{meter_id}#{generation}#"
    return sum(
        int(item.get("count", 0)) for item in scan(store) if item[keys.SORT].startswith(prefix)
    )


def test_a_meter_that_has_counted_nothing_may_count_something_else(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    """It begins anew, the past included, and says so."""
    use(api, 1, 2, customer_id=customer_id)
    meter_id = create(api, name="other")
    queue.work_off()
    assert progress(api, meter_id)["complete"]

    changed = api.patch(METERS + meter_id, named("api_usage"))

    assert changed.status == 200
    assert not changed.body["backfill"]["complete"]
    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (0, False)}
    queue.work_off()
    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (3, True)}
    assert_conserved(api.store)


def test_a_meter_that_has_counted_the_past_stays_as_it_is(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    use(api, 1, customer_id=customer_id)
    meter_id = create(api)
    queue.work_off()

    assert api.patch(METERS + meter_id, named("other")).problems() == {("body", "filter")}
    count = {"aggregation": {"func": "count"}}
    assert api.patch(METERS + meter_id, count).problems() == {("body", "aggregation")}


def test_a_meter_comes_back_from_the_archive_with_all_that_came_meanwhile(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    meter_id = create(api)
    queue.work_off()
    use(api, 1, customer_id=customer_id)
    api.patch(METERS + meter_id, {"is_archived": True})
    use(api, 10, customer_id=customer_id)
    assert api.balances(customer_id) == {}

    back = api.patch(METERS + meter_id, {"is_archived": False})

    assert (back.status, back.body["archived_at"]) == (200, None)
    use(api, 100, customer_id=customer_id)
    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (100, False)}
    queue.work_off()
    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (111, True)}
    assert_conserved(api.store)


def test_a_meter_that_has_counted_before_it_was_archived_stays_as_it_is(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    """Though it begins anew when it comes back, and has counted nothing yet."""
    meter_id = create(api)
    queue.work_off()
    use(api, 1, customer_id=customer_id)
    api.patch(METERS + meter_id, {"is_archived": True})
    assert api.patch(METERS + meter_id, named("other")).problems() == {("body", "filter")}
    api.patch(METERS + meter_id, {"is_archived": False})

    assert api.patch(METERS + meter_id, named("other")).problems() == {("body", "filter")}


def test_a_meter_that_is_not_archived_cannot_come_back(api: Api, queue: Jobs) -> None:
    meter_id = create(api)
    queue.work_off()

    assert api.patch(METERS + meter_id, {"is_archived": False}).body["backfill"]["complete"]
    assert not queue.sent


def racing(api: Api, customer_id: str, act: Callable[[], Reply]) -> tuple[Reply, int, int, int]:
    """Let writers ingest an event after another, and something happen in the middle.

    Returns its answer, and how many events had been answered before it began, how many had begun
    before it was answered, and how many there are.
    """
    begun: list[int] = []
    answered: list[int] = []
    halfway = threading.Event()

    def write(number: int) -> None:
        for _ in range(ROUNDS):
            begun.append(number)
            use(api, 1, customer_id=customer_id)
            answered.append(number)
            if len(answered) >= WRITERS * ROUNDS // 3:
                halfway.set()

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, number) for number in range(WRITERS)]
        halfway.wait(60)
        before = len(answered)
        reply = act()
        until = len(begun)
        for writer in writers:
            writer.result()
    return reply, before, until, len(answered)


def test_an_archived_meter_stops_counting_for_all_that_comes_after_the_answer(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    meter_id = create(api)
    queue.work_off()

    reply, before, until, total = racing(
        api, customer_id, lambda: api.patch(METERS + meter_id, {"is_archived": True})
    )

    assert reply.status == 200
    assert before <= count_of(api.store, meter_id, 1) <= until
    assert_conserved(api.store)
    api.patch(METERS + meter_id, {"is_archived": False})
    queue.work_off()
    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (total, True)}
    assert_conserved(api.store)


def test_a_change_amid_events_that_count_is_refused(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    meter_id = create(api)
    queue.work_off()

    reply, _, _, total = racing(
        api, customer_id, lambda: api.patch(METERS + meter_id, named("other"))
    )

    assert reply.status == 422
    assert count_of(api.store, meter_id, 1) == total
    assert_conserved(api.store)


def test_a_change_amid_events_that_do_not_count_yet_counts_all_of_them(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    """Those that came before, those that came after, and those in between, each once."""
    meter_id = create(api, name="other")
    queue.work_off()

    reply, _, _, total = racing(
        api, customer_id, lambda: api.patch(METERS + meter_id, named("api_usage"))
    )
    queue.work_off()

    assert reply.status == 200
    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (total, True)}
    assert count_of(api.store, meter_id, 2) == total
    assert_conserved(api.store)


def test_a_change_that_races_with_the_first_event_loses_nothing(
    api: Api, queue: Jobs, customer_id: str
) -> None:
    """Whoever wins: the balance is what the filter that stands makes of all events."""
    outcomes = set()
    for number in range(10):
        name = f"event-{number}"
        meter_id = create(api, name=name)
        queue.work_off()
        barrier = threading.Barrier(2)

        def send(name: str = name, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            api.ingest({"name": name, "customer_id": customer_id, "metadata": {"units": 1}})

        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send)
            barrier.wait()
            reply = api.patch(METERS + meter_id, named("never"))
            sending.result()
        outcomes.add(reply.status)
        queue.work_off()
        catalog.forget()
        expected = {meter_id: (1, True)} if reply.status == 422 else {}
        found = shown(api, customer_id)
        assert {key: value for key, value in found.items() if key == meter_id} == expected
        api.patch(METERS + meter_id, {"is_archived": True})
        assert_conserved(api.store)
    assert outcomes <= {200, 422}


def test_a_backfill_that_meets_an_archive_leaves_balances_right(
    api: Api, queue: Jobs, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is archived, and comes back, between two parts of one ledger's past."""
    monkeypatch.setattr(backfill, "MAX_PAGES", 1)
    use(api, 1, 2, 4, customer_id=customer_id)
    use(api, 8, customer_id=customer_id)
    meter_id = create(api)
    meter = catalog.get(api.store, meter_id)
    count = backfill.Backfill._count
    parts = 0

    def counted(self: Any, *arguments: Any) -> None:
        nonlocal parts
        count(self, *arguments)
        parts += 1
        if parts == 1:
            api.patch(METERS + meter_id, {"is_archived": True})
            assert_conserved(api.store)
        if parts == 2:
            api.patch(METERS + meter_id, {"is_archived": False})

    monkeypatch.setattr(backfill.Backfill, "_count", counted)
    for _ in backfill.Backfill(api.store, meter).of_organization():
        pass
    assert parts > 2
    assert_conserved(api.store)
    assert not catalog.get(api.store, meter_id).backfilled
    queue.work_off()

    catalog.forget()
    assert shown(api, customer_id) == {meter_id: (15, True)}
    assert_conserved(api.store)
