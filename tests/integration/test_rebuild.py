"""The rebuild: what is projected is made anew from the log, whatever happened to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from aureon.core.errors import NotFound, Unavailable
from aureon.projection import projector, rebuild
from aureon.projection.rebuild import Rebuild
from aureon.storage import directory, keys
from aureon.storage import store as store_module
from aureon.storage.store import Store
from aureon_cli import main
from tests.support.backfill_jobs import jobs
from tests.support.faults import Crash, Fault, faults, nth
from tests.support.handlers import Api
from tests.support.projected import deliver, project_all, record, recounted, stored
from tests.support.recount import scan
from tests.support.seams import restart_handlers

START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)
FUNCTIONS: Final = ("sum", "count", "avg", "max", "min", "unique")
KINDS: Final = ("TIMELINE", "NAMES", "QUANTITY", "VALUES", "PARTS", "PASTS")


def fill(api: Api, functions: tuple[str, ...] = FUNCTIONS) -> None:
    """Customers and ghosts, meters with a past, some without, and one that is archived."""
    api.customer("user_0@example.com", external_id="user_0")
    use(api, 0)
    for func in functions:
        property_ = {} if func == "count" else {"property": "units"}
        api.meter(**{"func": func, **property_})
    use(api, 1)
    archived = api.meter()
    use(api, 2)
    api.patch(f"/v1/meters/{archived}", {"is_archived": True})
    use(api, 3)
    project_all(api.store)


def use(api: Api, step: int) -> None:
    reply = api.ingest(
        *(
            {
                "name": ("api_usage", "page_view")[number % 3 == 2],
                "external_customer_id": f"user_{number % 3}",
                "timestamp": (START + timedelta(hours=5 * step, minutes=7 * number)).isoformat(),
                "metadata": {"units": number % 5 - 1},
            }
            for number in range(9)
        )
    )
    assert reply.status == 200, reply.body


def run(api: Api) -> Rebuild:
    work = Rebuild(api.store)
    for _ in work.run():
        pass
    return work


def left_of(store: Store, epoch: int) -> list[str]:
    """The partitions that still hold something of an epoch."""
    found = (item[keys.PARTITION].split(keys.SEPARATOR) for item in scan(store))
    return [part[1] for part in found if part[1] in KINDS and part[2] == str(epoch)]


def test_a_rebuild_makes_the_same_anew_and_removes_the_old(api: Api) -> None:
    fill(api)
    before = stored(api.store)
    assert {about[1] for about in before} == {"TIMELINE", "NAMES", "QUANTITY", "VALUES"}

    work = run(api)

    assert stored(api.store, epoch=2) == before
    assert left_of(api.store, 1) == []
    assert projector.epochs(api.store) == (2, None)
    assert work.pages == sum(about[1] == "TIMELINE" for about in before)
    assert api.store.get(api.store.keys.rebuild()) is None
    run(api)
    assert stored(api.store, epoch=3) == before
    assert left_of(api.store, 2) == []


def test_a_rebuild_heals_whatever_was_lost_or_wrong(api: Api) -> None:
    fill(api)
    before = stored(api.store)
    for place, item in enumerate(list(scan(api.store))):
        kind = item[keys.PARTITION].split(keys.SEPARATOR)[1]
        key = keys.Key(item[keys.PARTITION], item[keys.SORT])
        if kind in KINDS and place % 3 == 0:
            api.store.delete_all([key])
        elif kind == "NAMES":
            api.store.put_all({key: {**item, "count": 77}})
    assert stored(api.store) != before

    run(api)

    assert stored(api.store, epoch=2) == before


def test_what_was_never_projected_is_after_a_rebuild(api: Api) -> None:
    use(api, 0)
    api.customer("late@example.com", external_id="late")

    run(api)

    assert stored(api.store, epoch=2) == recounted(api.store)


def test_the_old_is_shown_until_the_new_is_whole(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "CHUNK", 1)
    fill(api)
    names = "/v1/events/names"
    before = api.get(names).body
    work = Rebuild(api.store)

    shown = []
    for _ in work.run():
        restart_handlers()
        shown.append((work.phase, api.get(names).body))

    assert {phase for phase, _ in shown} == {"building", "removing"}
    assert [body for _, body in shown if body != before] == []


@pytest.mark.parametrize("fault", Fault)
def test_a_rebuild_that_breaks_off_at_any_call_goes_on(
    api: Api, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "DIRECTORY_SLICES", 1)
    monkeypatch.setattr(keys, "PROJECTION_SLICES", 2)
    monkeypatch.setattr(directory, "CHUNK", 1)
    monkeypatch.setattr(rebuild, "PAGES", 2)
    fill(api, ("sum", "unique"))
    before = stored(api.store)
    number, epoch = 0, 1
    while True:
        with faults(api.store.client, nth(number, fault)) as calls:
            with suppress(Crash, Unavailable):
                run(api)
            made = len(calls)
        state = projector.epochs(api.store)
        assert stored(api.store, epoch=state.current) == before, number
        item = api.store.get(api.store.keys.projection()) or {}
        if "building" in item or "removing" in item or state.current == epoch:
            run(api)
        assert projector.epochs(api.store) == (epoch + 1, None), number
        assert stored(api.store, epoch=epoch + 1) == before, number
        assert left_of(api.store, epoch) == [], number
        epoch += 1
        if made <= number:
            break
        # Calls that are much like those before are passed over.
        number += 1 if number < 12 else 5
    assert number > 20


def test_a_page_that_arrives_after_its_ledger_was_visited_is_in_both(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "CHUNK", 1)
    fill(api, ("sum", "unique"))

    for step, _ in enumerate(Rebuild(api.store).run(), 4):
        use(api, step)
        project_all(api.store)

    live = stored(api.store, epoch=2)
    assert sum(about[1] == "TIMELINE" for about in live) == len(list(pages(api.store)))
    run(api)
    assert stored(api.store, epoch=3) == live


def test_events_that_arrive_meanwhile_are_in_the_new(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real threads: events are ingested, and projected, while one rebuild follows another."""
    monkeypatch.setattr(directory, "CHUNK", 1)
    fill(api, ("sum", "max", "unique"))
    ended = threading.Event()
    seen: set[str] = set()
    failures: list[BaseException] = []

    def project() -> None:
        fresh = [
            item
            for item in scan(api.store)
            if "last" in item and item[keys.SORT] + item[keys.PARTITION] not in seen
        ]
        seen.update(item[keys.SORT] + item[keys.PARTITION] for item in fresh)
        assert deliver(map(record, fresh)) == []

    def write() -> None:
        try:
            for step in range(4, 16):
                use(api, step)
                project()
        except BaseException as error:
            failures.append(error)
        finally:
            ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    rebuilds = 0
    while not ended.is_set() or rebuilds == 0:
        run(api)
        rebuilds += 1
    writer.join()
    assert failures == []

    current = projector.epochs(api.store).current
    assert current == rebuilds + 1
    live = stored(api.store, epoch=current)
    run(api)
    assert stored(api.store, epoch=current + 1) == live
    assert sum(about[1] == "TIMELINE" for about in live) == len(list(pages(api.store)))


def pages(store: Store) -> Iterator[Any]:
    return (item for item in scan(store) if "last" in item)


def test_a_meter_that_is_counting_its_past_goes_on_in_both(api: Api) -> None:
    fill(api, ("sum",))
    with jobs() as queue:
        clause = {"property": "name", "operator": "eq", "value": "page_view"}
        body = {
            "name": "Views",
            "filter": {"conjunction": "and", "clauses": [clause]},
            "aggregation": {"func": "count"},
        }
        assert api.post("/v1/meters/", body).status == 201
        steps = Rebuild(api.store).run()
        next(steps)
        queue.work_off()
        both = stored(api.store)
        for _ in steps:
            pass

    assert stored(api.store, epoch=2) == both


def test_two_rebuilds_at_once_make_one(api: Api) -> None:
    fill(api, ("sum",))
    before = stored(api.store)
    first, second = (Rebuild(api.store).run() for _ in range(2))
    next(first)
    next(second)
    for _ in first:
        pass
    with suppress(Unavailable):
        for _ in second:
            pass

    current = projector.epochs(api.store).current
    assert stored(api.store, epoch=current) == before


def test_an_unknown_organization_has_nothing_to_rebuild(store: Store) -> None:
    with pytest.raises(NotFound):
        list(Rebuild(store.of("nobody")).run())


# The command.


def test_the_command_says_what_it_did(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(api, ("sum",))
    before = stored(api.store)
    monkeypatch.setattr(store_module, "connect", lambda *_, **__: api.store.client)
    monkeypatch.setenv("AUREON_TABLE", api.store.table)

    result = CliRunner().invoke(main.app, ["rebuild", "--organization", api.organization_id])

    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert "Built the read models again from 12 pages." in result.stderr
    assert stored(api.store, epoch=2) == before


def test_the_command_says_that_it_can_go_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(api, ("sum",))
    monkeypatch.setattr(store_module, "connect", lambda *_, **__: api.store.client)
    monkeypatch.setenv("AUREON_TABLE", api.store.table)
    arguments = ["rebuild", "--organization", api.organization_id]

    with faults(api.store.client, lambda call: Fault.THROTTLE if call.number >= 30 else None):
        broken = CliRunner().invoke(main.app, arguments)
    after = CliRunner().invoke(main.app, arguments)

    assert broken.exit_code == 1
    assert "broke off" in broken.stderr
    assert after.exit_code == 0
