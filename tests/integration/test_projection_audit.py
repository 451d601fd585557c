"""The audit of what is projected: finds every difference from the log, and no other."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from aureon.audit.projection_audit import ProjectedOutcome, ProjectionAudit
from aureon.storage import keys
from aureon.storage import store as store_module
from aureon.storage.store import Store
from aureon_cli import main
from tests.integration.test_rebuild import fill, run, use
from tests.support.backfill_jobs import jobs
from tests.support.handlers import Api
from tests.support.projected import deliver, project_all, records
from tests.support.recount import scan

KINDS: Final = ("TIMELINE", "NAMES", "QUANTITY", "VALUES")


def ledgers(store: Store) -> list[str]:
    found = (item[keys.PARTITION].split(keys.SEPARATOR) for item in scan(store))
    return sorted({part[2] for part in found if part[1] == "LOG"})


def audit(api: Api) -> list[ProjectedOutcome]:
    work = ProjectionAudit(api.store)
    work.begin()
    outcomes = {ledger_id: work.of_ledger(ledger_id) for ledger_id in ledgers(api.store)}
    outcomes |= {outcome.ledger_id: outcome for outcome in work.of_those_behind()}
    return [*outcomes.values(), work.of_everyone()]


def statuses(api: Api) -> set[str]:
    return {outcome.status for outcome in audit(api)}


def test_what_is_projected_well_is_clean(api: Api) -> None:
    """With every aggregation, a past, an archived meter; after a rebuild too."""
    fill(api)
    assert statuses(api) == {"clean"}

    run(api)
    assert statuses(api) == {"clean"}


def test_a_meter_that_is_counting_its_past_is_clean_at_every_step(api: Api) -> None:
    fill(api, ("sum", "unique"))
    clause = {"property": "name", "operator": "eq", "value": "page_view"}
    body = {
        "name": "Views",
        "filter": {"conjunction": "and", "clauses": [clause]},
        "aggregation": {"func": "unique", "property": "units"},
    }
    with jobs() as queue:
        assert api.post("/v1/meters/", body).status == 201
        assert statuses(api) == {"clean"}
        use(api, 5)
        project_all(api.store)
        assert statuses(api) == {"clean"}
        queue.work_off()
    assert statuses(api) == {"clean"}


def test_every_item_that_is_lost_or_wrong_is_found(api: Api) -> None:
    fill(api, ("sum", "unique"))
    found = 0
    for item in list(scan(api.store)):
        kind, *rest = item[keys.PARTITION].split(keys.SEPARATOR)[1:]
        of_values_of_everyone = kind == "VALUES" and len(rest[1]) == 1
        if kind not in KINDS or of_values_of_everyone:
            continue
        key = keys.Key(item[keys.PARTITION], item[keys.SORT])
        everyone = kind != "TIMELINE" and len(rest[1]) == 1
        if everyone and not any(isinstance(value, Decimal) for value in item.values()):
            continue
        of_extremes = all(name.startswith(("max", "min", "pk", "sk")) for name in item)
        if everyone and of_extremes:
            continue
        api.store.delete_all([key])
        assert "different" in statuses(api), item
        api.store.put_all({key: item})
        found += 1
    assert found > 20
    assert statuses(api) == {"clean"}


def test_pages_that_are_behind_are_waited_for_and_then_told(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(api, ("sum",))
    use(api, 7)
    work = ProjectionAudit(api.store)
    work.begin()
    ids = ledgers(api.store)

    assert {work.of_ledger(ledger_id).status for ledger_id in ids} == {"behind"}
    project_all(api.store)
    assert {outcome.status for outcome in work.of_those_behind()} == {"clean"}

    use(api, 8)
    assert statuses(api) == {"clean", "different"}
    (difference,) = audit(api)[0].differences
    assert (difference.about, difference.counted) == ("pages", "1")


def test_no_false_alarm_while_pages_are_projected(api: Api) -> None:
    """Real threads: nothing that moves is taken for a difference."""
    fill(api, ("sum", "unique"))
    failures: list[BaseException] = []
    ended = threading.Event()

    def write() -> None:
        try:
            for step in range(4, 14):
                known = {page["eventID"]: page for page in records(api.store)}
                use(api, step)
                assert deliver(records(api.store)) == []
                assert known
        except BaseException as error:
            failures.append(error)
        finally:
            ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    met: set[str] = set()
    while not ended.is_set():
        work = ProjectionAudit(api.store)
        work.begin()
        for ledger_id in ledgers(api.store):
            met.add(work.of_ledger(ledger_id).status)
    writer.join()
    assert failures == []
    assert met <= {"clean", "behind", "not compared"}
    assert statuses(api) == {"clean"}


# The command.


@pytest.fixture
def command(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(store_module, "connect", lambda *_, **__: api.store.client)
    monkeypatch.setenv("AUREON_TABLE", api.store.table)
    return lambda *more: CliRunner().invoke(
        main.app, ["audit", "--organization", api.organization_id, *more]
    )


def test_a_clean_projection_leaves_the_exit_code_0(api: Api, command: Any) -> None:
    fill(api, ("sum",))

    result = command()

    assert (result.exit_code, result.stdout) == (0, "")
    assert "Read models: 3 ledgers clean, 0 different" in result.stderr


def test_a_projection_that_differs_has_an_exit_code_of_its_own(api: Api, command: Any) -> None:
    fill(api, ("sum",))
    lost = next(item for item in scan(api.store) if "#NAMES#" in item[keys.PARTITION])
    api.store.delete_all([keys.Key(lost[keys.PARTITION], lost[keys.SORT])])

    result = command()

    assert result.exit_code == 4
    assert "events named" in result.stdout
    assert "aureon rebuild" in result.stderr
    assert command("--no-projection").exit_code == 0
    run(api)
    assert command().exit_code == 0


def test_balances_that_differ_come_first(api: Api, command: Any) -> None:
    fill(api, ("sum",))
    for item in list(scan(api.store)):
        if "#NAMES#" in item[keys.PARTITION] or "used" in item:
            key = keys.Key(item[keys.PARTITION], item[keys.SORT])
            api.store.put_all({key: {**item, "count": Decimal(77)}})

    assert command().exit_code == 1
