"""``aureon alerts``: the operator sees who runs low."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from aureon.meters import backfills
from aureon.storage.store import Store
from aureon_cli.engine import Engine
from aureon_cli.main import app
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.watched import watch_all


@pytest.fixture
def store(served_store: Store) -> Store:
    return served_store


@pytest.fixture(autouse=True)
def settings(engine: Engine, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUREON_TABLE", api.store.table)
    monkeypatch.setenv(backfills.WAIT, "0")


@pytest.fixture
def meter_id(api: Api) -> str:
    """Of two customers, dana has crossed both thresholds and one again, and eli has crossed one."""
    made = api.meter()
    wanted = [{"available_credits": 100}, {"percent": 1}]
    assert api.patch(f"/v1/meters/{made}", {"thresholds": wanted}).status == 200
    watch_all(api.store)
    for name in ("dana", "eli"):
        api.customer(f"{name}@example.com", external_id=name)
    for name, units in (
        ("dana", -1_000),
        ("dana", 995),
        ("dana", -50),
        ("eli", -200),
        ("eli", 150),
    ):
        assert api.ingest(usage(units, name)).status == 200
        watch_all(api.store)
    return made


def listed(api: Api, *arguments: str) -> list[list[str]]:
    command = ["alerts", "--organization", api.organization_id, *arguments]
    ended = CliRunner().invoke(app, command, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return [line.split("  ") for line in ended.stdout.splitlines()[1:]]


def about(rows: list[list[str]]) -> list[tuple[str, ...]]:
    """Customer, threshold, what was left, state, and which crossing."""
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    return sorted((row[0], *row[2:6]) for row in cells)


def test_alerts_are_listed_by_customer_meter_and_state(api: Api, meter_id: str) -> None:
    dana_low = ("dana", "100", "5", "reached", "1")
    dana_well = ("dana", "1 %", "5", "recovered", "1")
    eli = ("eli", "100", "50", "reached", "1")

    assert about(listed(api)) == sorted([dana_low, dana_well, eli])
    assert about(listed(api, "--customer", "eli")) == [eli]
    assert about(listed(api, "--state", "recovered")) == [dana_well]
    assert about(listed(api, "--meter", meter_id, "--customer", "dana")) == [dana_well, dana_low]
    assert listed(api, "--meter", "another") == []


def test_more_than_are_shown_are_counted(api: Api, meter_id: str) -> None:
    command = ["alerts", "--organization", api.organization_id, "--limit", "1"]
    ended = CliRunner().invoke(app, command, catch_exceptions=False)

    assert len(ended.stdout.splitlines()) == 2
    assert "2 more" in ended.stderr


def test_a_customer_that_does_not_exist_is_said(api: Api) -> None:
    command = ["alerts", "--organization", api.organization_id, "--customer", "nobody"]
    ended = CliRunner().invoke(app, command, catch_exceptions=False)

    assert ended.exit_code == 1
    assert ended.stderr.startswith("aureon: ")
