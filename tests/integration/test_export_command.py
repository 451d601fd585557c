"""``aureon export``: the file has the log, whatever comes between, and says what it can't do."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import signal
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pyarrow
import pytest
from pyarrow import parquet as arrow
from typer.testing import CliRunner, Result

from aureon.core import exact
from aureon.core.retry import Backoff
from aureon.reads import export
from aureon.reads.export import Part
from aureon_cli.main import app
from aureon_cli.transfer import exporting as command
from aureon_cli.transfer import http_api, parquet
from tests.support.faults import Crash
from tests.support.handlers import Api
from tests.support.projected import project_all

URL: Final = "http://aureon.test"
START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)


@dataclass
class Faults:
    """What happens to a request with a number, from 0, before it reaches its handler."""

    before: dict[int, Callable[[], httpx.Response | None]] = field(default_factory=dict)
    requests: int = 0

    def meet(self) -> httpx.Response | None:
        number = self.requests
        self.requests += 1
        return self.before.get(number, lambda: None)()


@pytest.fixture
def faults(api: Api, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """The API under a URL and the table; parts are small, and 60 events are there."""
    for name in ("AUREON_URL", "AUREON_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    faults = Faults()

    def handle(transport: Any, request: httpx.Request) -> httpx.Response:
        found = faults.meet()
        if found is not None:
            return found
        caller = replace(api, token=request.headers["Authorization"].removeprefix("Bearer "))
        path, _, query = request.url.raw_path.decode().partition("?")
        reply = caller.request(request.method, path, query=query)
        return httpx.Response(reply.status, headers=dict(reply.headers), text=reply.text)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr("aureon.storage.store.connect", lambda: api.store.client)
    monkeypatch.setenv("AUREON_TABLE", api.store.table)
    monkeypatch.setattr(export, "MAX_BYTES", 4_000)
    monkeypatch.setattr(http_api, "BACKOFF", Backoff(0.0))
    api.customer("user@example.com", external_id="user_1", metadata={"note": 'ä,\n"'})
    for first in range(0, 60, 10):
        api.ingest(*(event(one) for one in range(first, first + 10)))
    project_all(api.store)
    return faults


def event(number: int) -> dict[str, Any]:
    return {
        "name": "api_usage" if number % 2 else "page_view",
        "external_customer_id": f"user_{1 + number % 3}",
        "timestamp": (START + timedelta(minutes=7 * number)).isoformat(),
        "metadata": {"number": number, "exact": Decimal("1234567890.123456789")},
    }


FROM: Final = ("api", "table")


@pytest.fixture(params=FROM)
def where(request: pytest.FixtureRequest, api: Api) -> list[str]:
    """The options that lead to each of the sources."""
    if request.param == "api":
        return ["--url", URL, "--token", str(api.token)]
    return ["--organization", api.organization_id]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def everything(api: Api, **filters: Any) -> list[dict[str, Any]]:
    """All events, as the list has them, oldest first."""
    asked = {"sorting": "timestamp", "limit": 100, **filters}
    items: list[dict[str, Any]] = api.get("/v1/events/", **asked).body["items"]
    return items


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By time: what is exported is in the order of hours, and within one as it was sent."""
    return sorted(rows, key=lambda row: row["timestamp"])


def read_lines(path: Path) -> list[dict[str, Any]]:
    return in_order(exact.parse(line) for line in path.read_bytes().splitlines())


def read_rows(path: Path) -> list[dict[str, str]]:
    return in_order(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


@pytest.mark.usefixtures("faults")
def test_a_file_of_json_lines_has_every_event(api: Api, where: list[str], tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"

    result = run(path, *where)

    assert (result.exit_code, result.stdout) == (0, "")
    assert f"60 events are in {path}." in result.stderr
    assert read_lines(path) == everything(api)
    assert [each.name for each in tmp_path.iterdir()] == ["events.jsonl"]


@pytest.mark.usefixtures("faults")
def test_a_file_of_csv_has_one_head(api: Api, where: list[str], tmp_path: Path) -> None:
    path = tmp_path / "events.csv"

    assert run(path, *where).exit_code == 0

    rows = read_rows(path)
    assert [row["id"] for row in rows] == [each["id"] for each in everything(api)]
    assert exact.parse(rows[0]["metadata"])["exact"] == Decimal("1234567890.123456789")


@pytest.mark.usefixtures("faults")
def test_a_file_of_parquet_has_every_event(
    api: Api, where: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROWS", 7)
    path = tmp_path / "events.parquet"

    assert run(path, *where).exit_code == 0

    table = arrow.read_table(path)
    assert table.schema.field("timestamp").type == pyarrow.timestamp("us", tz="UTC")
    rows = in_order(table.to_pylist())
    assert len(rows) == 60
    for row, shown in zip(rows, everything(api), strict=True):
        assert row.keys() == shown.keys()
        assert row["timestamp"] == datetime.fromisoformat(shown["timestamp"])
        for name in ("metadata", "customer"):
            assert (row[name] and exact.parse(row[name])) == shown[name]
        assert {name: row[name] for name in ("id", "name", "customer_id", "child_count")} == {
            name: shown[name] for name in ("id", "name", "customer_id", "child_count")
        }
    assert [each.name for each in tmp_path.iterdir()] == ["events.parquet"]


@pytest.mark.usefixtures("faults")
def test_chosen_metadata_are_typed_columns_of_parquet(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    wide = Decimal("12345678901234.123456789")
    api.ingest(
        event(1) | {"name": "typed", "metadata": {"units": wide, "on": True, "odd": "x"}},
        event(2) | {"name": "typed", "metadata": {"units": -7, "odd": 1.5}},
    )
    options = ["--name", "typed", "--columns", "units, metadata.on,odd,none"]

    project_all(api.store)

    assert run(path, "--organization", api.organization_id, *options).exit_code == 0

    table = arrow.read_table(path)
    chosen = table.select(table.column_names[-4:])
    assert dict(zip(chosen.column_names, chosen.schema.types, strict=True)) == {
        "metadata.units": pyarrow.decimal128(38, 12),
        "metadata.on": pyarrow.bool_(),
        "metadata.odd": pyarrow.string(),
        "metadata.none": pyarrow.string(),
    }
    assert sorted(chosen.to_pydict()["metadata.units"]) == [-7, wide]
    assert sorted(chosen.to_pydict()["metadata.odd"]) == ["1.5", "x"]
    assert set(chosen.to_pydict()["metadata.on"]) == {True, None}


def test_numbers_of_a_column_keep_all_their_digits(tmp_path: Path) -> None:
    path, lines = tmp_path / "a.parquet", tmp_path / "a.jsonl"
    for numbers, type_ in (
        (["123456789012345678", "0.5", "1e3", "0"], pyarrow.decimal128(38, 12)),
        (["1e-38", "99999999999999999999999999999999999999"], pyarrow.decimal256(76, 38)),
        (["1e60", "1e-60"], pyarrow.string()),
    ):
        empty = json.dumps(dict.fromkeys(export.COLUMNS) | {"timestamp": START.isoformat()})
        written = [empty.replace('"metadata": null', f'"metadata": {{"n": {n}}}') for n in numbers]
        lines.write_text("\n".join(written))
        parquet.convert(lines, path, ["n"])
        column = arrow.read_table(path)["metadata.n"]
        assert column.type == type_
        assert [Decimal(value) for value in column.to_pylist()] == list(map(Decimal, numbers))


@pytest.mark.usefixtures("faults")
def test_a_safe_csv_has_nothing_that_a_spreadsheet_calculates(
    api: Api, where: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "events.csv"
    for id_, name in enumerate(("=1+1", "@x", "+1", "-2", " =1", "plain, text", "\t=1")):
        api.ingest({"name": name, "external_customer_id": "safe", "external_id": f"-{id_}"})
    project_all(api.store)

    assert run(path, *where, "--external-customer", "safe", "--safe-csv").exit_code == 0

    rows = read_rows(path)
    assert sorted(row["name"] for row in rows) == sorted(
        ["'=1+1", "'@x", "'+1", "-2", "' =1", "plain, text", "'\t=1"]
    )
    assert {row["external_id"] for row in rows} == {f"-{id_}" for id_ in range(7)}
    for options in (["--safe-csv"], ["--columns", "units"]):
        assert "Only " in run(tmp_path / "a.jsonl", *where, *options).stderr


@pytest.mark.usefixtures("faults")
def test_standard_output_is_the_events_and_nothing_else(api: Api, where: list[str]) -> None:
    result = run("-", *where)

    assert result.exit_code == 0
    lines = result.stdout_bytes.splitlines()
    assert in_order(exact.parse(line) for line in lines) == everything(api)
    assert "Parquet is written to a file" in run("-", *where, "--format", "parquet").stderr


@pytest.mark.usefixtures("faults")
def test_every_filter_of_the_command_chooses_events(
    api: Api, where: list[str], tmp_path: Path
) -> None:
    meter_id = api.meter("page_view")
    customer_id = api.get("/v1/customers/external/user_1").body["id"]
    filters: list[tuple[list[str], dict[str, Any]]] = [
        (["--customer", customer_id], {"customer_id": customer_id}),
        (["--external-customer", "user_2"], {"external_customer_id": "user_2"}),
        (
            ["--external-customer", "user_2", "--external-customer", "user_3"],
            {"external_customer_id": ["user_2", "user_3"]},
        ),
        (["--meter", meter_id], {"meter_id": meter_id}),
        (["--name", "api_usage"], {"name": "api_usage"}),
        (["--metadata", "number=7"], {"metadata[number]": "7"}),
        (
            ["--start", "2026-11-01T12:00:00+01:00", "--end", "2026-11-01T13:00:00Z"],
            {
                "start_timestamp": "2026-11-01T11:00:00Z",
                "end_timestamp": "2026-11-01T13:00:00Z",
            },
        ),
    ]
    for number, (options, parameters) in enumerate(filters):
        path = tmp_path / f"{number}.jsonl"
        result = run(path, *where, *options)
        assert result.exit_code == 0, result.stderr
        expected = everything(api, **parameters)
        assert read_lines(path) == expected
        assert 0 < len(expected) < 60


def crash() -> None:
    raise Crash


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_file_is_whole_after_a_crash_at_any_request(
    api: Api, faults: Faults, tmp_path: Path
) -> None:
    api_options = ["--url", URL, "--token", str(api.token)]
    run(tmp_path / "whole.jsonl", *api_options)
    whole, requests = (tmp_path / "whole.jsonl").read_bytes(), faults.requests
    assert requests > 8

    for number in range(requests):
        path = tmp_path / f"{number}.jsonl"
        faults.requests = 0
        faults.before = {number: crash}
        with pytest.raises(Crash):
            run(path, *api_options)
        assert not path.exists()
        # Something of a part had been written, and nothing remembered of it.
        with path.with_name(path.name + command.PARTIAL_SUFFIX).open("ab") as file:
            file.write(b'{"half":')
        faults.before = {}
        again = run(path, *api_options)
        assert again.exit_code == 0, again.stderr
        assert faults.requests == requests + 1
        assert path.read_bytes() == whole


@pytest.mark.parametrize("step", ["replace", "unlink", "convert"])
def test_a_file_is_whole_after_a_crash_at_the_end(
    api: Api, faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    options = ["--organization", api.organization_id]
    path = tmp_path / ("events.parquet" if step == "convert" else "events.jsonl")
    journal = path.with_name(path.name + command.PROGRESS_SUFFIX)

    def broken(self: Path, *arguments: Any, **named: Any) -> Any:
        if step == "unlink" or self.name.endswith(command.PARTIAL_SUFFIX):
            raise Crash
        return original(self, *arguments, **named)

    original = Path.replace
    with monkeypatch.context() as patch:
        if step == "convert":
            patch.setattr(parquet, "convert", lambda *arguments: crash())
        else:
            patch.setattr(Path, step, broken)
        with pytest.raises(Crash):
            run(path, *options)
    assert journal.exists()

    again = run(path, *options)

    assert again.exit_code == 0, again.stderr
    assert "60 events" in again.stderr
    if step != "convert":
        assert read_lines(path) == everything(api)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_what_does_not_come_is_asked_for_again(api: Api, faults: Faults, tmp_path: Path) -> None:
    def lose() -> None:
        raise httpx.ReadTimeout("The read operation timed out")

    faults.before = {
        1: lambda: httpx.Response(503, headers={"Retry-After": "1"}),
        2: lambda: httpx.Response(429),
        4: lose,
    }
    path = tmp_path / "events.jsonl"

    assert run(path, "--url", URL, "--token", str(api.token)).exit_code == 0

    assert read_lines(path) == everything(api)


def test_interrupted_it_goes_on_with_what_was_left(
    api: Api, faults: Faults, tmp_path: Path
) -> None:
    path = tmp_path / "events.csv"
    faults.before = {3: press_ctrl_c}
    options = ["--url", URL, "--token", str(api.token)]

    stopped = run(path, *options)

    assert stopped.exit_code == 130
    assert "The same command continues from here." in stopped.stderr
    assert "was begun with other options" in run(path, *options, "--name", "api_usage").stderr
    assert run(path, *options).exit_code == 0
    rows = read_rows(path)
    assert [row["id"] for row in rows] == [each["id"] for each in everything(api)]


def test_it_says_that_it_gives_up(api: Api, faults: Faults, tmp_path: Path) -> None:
    faults.before = {number: lambda: httpx.Response(503) for number in range(1, 20)}
    path = tmp_path / "events.jsonl"
    options = ["--url", URL, "--token", str(api.token)]

    result = run(path, *options)

    assert result.exit_code == 1
    assert "answers 503. Tried 10 times. The same command continues from here." in result.stderr
    faults.before = {}
    assert run(path, *options).exit_code == 0
    assert read_lines(path) == everything(api)


@pytest.mark.usefixtures("faults")
def test_what_was_refused_is_not_in_the_way_of_what_is_right(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert run(path, "--url", URL, "--token", "wrong").exit_code == 1

    assert run(path, "--url", URL, "--token", str(api.token)).exit_code == 0

    assert read_lines(path) == everything(api)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("faults")
def test_what_it_cannot_do_it_says(api: Api, tmp_path: Path) -> None:
    options = ["--url", URL, "--token", str(api.token)]
    path = tmp_path / "events.jsonl"

    def refused(*arguments: str | Path) -> str:
        result = run(*arguments)
        assert result.exit_code in (1, 2), result
        return result.stderr

    assert "does not take this token" in refused(path, "--url", URL, "--token", "wrong")
    assert "Meter does not exist." in refused(path, *options, "--meter", "none")
    assert "Meter does not exist." in refused(
        path, "--organization", api.organization_id, "--meter", "none"
    )
    path.with_name(path.name + command.PROGRESS_SUFFIX).write_text("{")
    assert "can't be read" in refused(path, *options)
    path.with_name(path.name + command.PROGRESS_SUFFIX).unlink()
    with path.with_name(path.name + command.PARTIAL_SUFFIX).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "Another aureon export is at work" in refused(path, *options)
    assert "--format" in refused(path, *options, "--format", "xml")
    assert "key=value" in refused(path, *options, "--metadata", "x")
    assert "No such file" in refused(tmp_path / "none" / "events.jsonl", *options)
    path.write_text("precious")
    assert "exists already" in refused(path, *options)
    assert path.read_text() == "precious"
    assert not path.with_name(path.name + command.PARTIAL_SUFFIX).exists()


@pytest.mark.usefixtures("faults")
def test_parquet_without_pyarrow_names_what_to_install(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "find_spec", lambda name: None)

    result = run(tmp_path / "events.parquet", "--organization", api.organization_id)

    assert result.exit_code == 1
    assert "make .venv/dev" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("faults")
def test_both_sources_know_how_many_events_are_to_come_where_names_alone_decide(api: Api) -> None:
    sources = (
        command.Api(URL, str(api.token)),
        command.Table(api.store),
    )
    for source in sources:
        assert source.total([]) == 60
        assert source.total([("name", "api_usage")]) == 30
        assert source.total([("external_customer_id", "user_1")]) == 20
        assert source.total([("metadata[number]", "7")]) is None


@pytest.mark.usefixtures("faults")
def test_a_bar_shows_how_far_it_has_come_on_a_terminal(
    where: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown: list[tuple[float | None, float]] = []
    show = command._Bar.show

    def watched(bar: command._Bar, events: int) -> None:
        show(bar, events)
        task = bar._progress.tasks[0]
        shown.append((task.total, task.completed))

    monkeypatch.setattr(command._Bar, "show", watched)

    assert run(tmp_path / "events.jsonl", *where).exit_code == 0

    assert len(shown) > 8
    assert {total for total, _ in shown} == {60}
    assert [done for _, done in shown] == sorted(done for _, done in shown)
    assert shown[-1] == (60, 60)


class Endless:
    """A source of as many parts as are wanted."""

    name = "endless"

    def __init__(self, parts: int) -> None:
        self._parts = parts

    def part(self, query: command.Query, format_: str, after: str | None) -> Part:
        number = int(after or 0) + 1
        line = exact.write(dict.fromkeys(export.COLUMNS) | {"timestamp": START.isoformat()})
        content = (line + b"\n") * 100
        return Part(content, 100, str(number) if number < self._parts else None)

    def total(self, query: command.Query) -> int | None:
        return None


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_memory_stays_flat_however_much_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    monkeypatch.setattr(parquet, "ROWS", 100)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    peaks = []
    for parts in (3, 30):
        path = tmp_path / f"{parts}.{format_}"
        tracemalloc.start()
        assert command.run(path, Endless(parts), [], format_) == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.5 * peaks[0]
