"""Exports: every event of the log once, as the API shows it, in parts that fit together."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aureon.api import runtime
from aureon.core import exact
from aureon.reads import export
from aureon_cli.gateway import MAX_EVENT_BYTES
from tests.integration.test_projector import caller
from tests.support import inline_engine
from tests.support.handlers import Api, Reply
from tests.support.projected import project_all
from tests.support.recount import pages, scan

START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)


def event(minutes: float, customer: str = "user_1", **more: Any) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "external_customer_id": customer,
        "timestamp": (START + timedelta(minutes=minutes)).isoformat(),
        "metadata": {"minute": int(minutes)},
        **more,
    }


def parts(api: Api, **parameters: Any) -> list[Reply]:
    """All parts of an export, each asked for by the link of the one before."""
    found = [api.get("/v1/events/export", **parameters)]
    while "Link" in found[-1].headers:
        assert found[-1].status == 200, found[-1].text
        link = found[-1].headers["Link"].removeprefix("<?").removesuffix('>; rel="next"')
        assert parse_qs(link)["after"] == [found[-1].headers["X-Next-After"]]
        found.append(api.request("GET", "/v1/events/export", query=link))
    assert found[-1].status == 200, found[-1].text
    return found


def lines(replies: list[Reply]) -> list[dict[str, Any]]:
    """The events in the parts of an export as JSON Lines."""
    for reply in replies:
        assert reply.headers["Content-Type"] == "application/x-ndjson"
        assert int(reply.headers["X-Event-Count"]) == reply.text.count("\n")
    return [exact.parse(line) for reply in replies for line in reply.text.splitlines()]


def rows(replies: list[Reply]) -> list[dict[str, str]]:
    """The events in the parts of an export as CSV."""
    text = "".join(reply.text for reply in replies)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def minutes(replies: list[Reply]) -> list[int]:
    return [line["metadata"]["minute"] for line in lines(replies)]


NAMED: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"external_customer_id": ["user_1", "user_2", "user_3"]},
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(
        st.lists(
            st.tuples(st.integers(0, 300), st.sampled_from(["user_1", "user_2", "user_3"])),
            min_size=1,
            max_size=6,
        ),
        max_size=8,
    ),
    limit=st.integers(1, 7),
    chunk_events=st.integers(1, 10),
    start=st.none() | st.integers(0, 300),
    length=st.none() | st.integers(0, 120),
)
def test_an_export_is_the_log(
    batches: list[list[tuple[int, str]]],
    limit: int,
    chunk_events: int,
    start: int | None,
    length: int | None,
) -> None:
    with inline_engine.table() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        patch.setattr(export, "CHUNK_EVENTS", chunk_events)
        api = caller(store)
        for batch in batches:
            api.ingest(*(event(minute, customer) for minute, customer in batch))
        project_all(store)
        times: dict[str, Any] = {}
        if start is not None:
            times["start_timestamp"] = event(start)["timestamp"]
        if length is not None:
            times["end_timestamp"] = event((start or 0) + length)["timestamp"]
        expected = sorted(
            (minute, customer)
            for batch in batches
            for minute, customer in batch
            if (start is None or minute >= start)
            and (length is None or minute < (start or 0) + length)
        )

        for named in NAMED:
            found = lines(parts(api, limit=limit, **times, **named))

            assert (
                sorted((line["metadata"]["minute"], line["external_customer_id"]) for line in found)
                == expected
            )
            assert len({line["id"] for line in found}) == len(found)
            hours = [line["timestamp"][:13] for line in found]
            assert hours == sorted(hours)
            for line in found[:3]:
                shown = api.get(f"/v1/events/{line['id']}").body
                assert shown == {**line, "refunds": [], "actor": None, "note": None}
            by_csv = rows(parts(api, limit=limit, format="csv", **times, **named))
            assert [row["id"] for row in by_csv] == [line["id"] for line in found]


def test_an_export_has_as_many_events_as_the_pages_of_the_log(api: Api) -> None:
    for number in range(20):
        api.ingest(*(event(number * 7, f"user_{one % 3}") for one in range(30)))
    project_all(api.store)

    found = lines(parts(api))

    logged = [one for _, _, page in pages(list(scan(api.store))) for one in page.events]
    assert len(found) == len(logged) == 600


def test_what_arrives_meanwhile_neither_doubles_nor_hides_what_was_there(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two parts events arrive before, at and behind the place that was reached."""
    monkeypatch.setattr(export, "CHUNK_EVENTS", 4)
    for named in NAMED:
        minute_of_arrival = iter(range(1_000, 100_000))
        first = [event(minute, f"user_{1 + minute % 3}") for minute in range(0, 300, 7)]
        for one in first:
            api.ingest(one)
        project_all(api.store)
        before = {line["id"] for line in lines(parts(api, **named))}
        found: list[str] = []
        after: dict[str, str] = {}
        while True:
            reply = api.get("/v1/events/export", limit=5, **named, **after)
            found += [exact.parse(line)["id"] for line in reply.text.splitlines()]
            if "X-Next-After" not in reply.headers:
                break
            after = {"after": reply.headers["X-Next-After"]}
            if len(found) < 40:
                for minute in (1, 120, 290, next(minute_of_arrival)):
                    api.ingest(event(minute, "user_2"))
                project_all(api.store)

        assert len(found) == len(set(found))
        assert before <= set(found)


def test_the_id_of_the_last_event_goes_on_where_an_export_was_cut_off(api: Api) -> None:
    api.ingest(*(event(one) for one in range(30)))
    project_all(api.store)
    for named in NAMED:
        everything = lines(parts(api, **named))

        for cut in (1, 17, 30):
            rest = lines(parts(api, after=everything[cut - 1]["id"], **named))
            assert rest == everything[cut:]


def test_an_export_shows_all_that_an_event_has_exactly(api: Api) -> None:
    customer_id = api.customer("user@example.com", external_id="user_1", metadata={"a": 'ä,\n"'})
    llm = {"vendor": "v", "model": "m", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    metadata = {
        "units": Decimal("123456789012345.123456789"),
        "text": 'a "quoted", text\r\nof two lines',
        "_cost": {"amount": Decimal("0.10"), "currency": "usd"},
        "_llm": llm,
    }
    api.ingest({"name": "=1+1", "customer_id": customer_id, "metadata": metadata})
    shown = api.get("/v1/events/", customer_id=customer_id).body["items"][0]

    (line,) = lines(parts(api, customer_id=customer_id))
    (row,) = rows(parts(api, customer_id=customer_id, format="csv"))

    assert line == shown
    assert set(row) == set(shown)
    for name, cell in row.items():
        value = shown[name]
        if isinstance(value, dict):
            assert exact.parse(cell) == value
        else:
            assert cell == ("" if value is None else str(value))


FILTERS: Final[list[tuple[dict[str, Any], list[int]]]] = [
    ({"name": "page_view"}, [30]),
    ({"query": "e-60"}, [60]),
    ({"source": "system"}, []),
    ({"metadata[model]": ["x", "y"]}, [30, 60, 90]),
    ({"metadata[model]": "x", "start_timestamp": event(31)["timestamp"]}, [90]),
    ({"customer_id": "nobody"}, []),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=lambda value: str(value))
@pytest.mark.parametrize("named", NAMED, ids=("everyone", "named"))
def test_every_filter_of_the_list_chooses_events(
    api: Api, named: dict[str, Any], filters: dict[str, Any], expected: list[int]
) -> None:
    api.ingest(
        event(0),
        event(30, name="page_view", metadata={"minute": 30, "model": "x"}),
        event(60, external_id="e-60", metadata={"minute": 60, "model": "y"}),
        event(90, metadata={"minute": 90, "model": "x"}),
    )
    project_all(api.store)

    assert minutes(parts(api, **(named | filters))) == expected


def test_a_meter_chooses_the_events_that_pass_its_filter(api: Api) -> None:
    api.ingest(event(0), event(1, name="page_view"))
    meter_id = api.meter("page_view")
    project_all(api.store)

    assert minutes(parts(api, meter_id=meter_id)) == [1]


def test_no_events_are_an_export_too(api: Api) -> None:
    assert lines(parts(api)) == []
    (reply,) = parts(api, format="csv")
    assert reply.text == ",".join(export.COLUMNS) + "\r\n"


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"format": "xml"}, "format"),
        ({"after": "no-event"}, "after"),
        ({"after": "x" * 5_000}, "after"),
        ({"after": ""}, "after"),
        ({"limit": "0"}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"start_timestamp": "yesterday"}, "start_timestamp"),
        ({"meter_id": "none"}, "meter_id"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    api: Api, parameters: dict[str, str], place: str
) -> None:
    assert api.get("/v1/events/export", **parameters).problems() == {("query", place)}


def test_anothers_event_is_no_place_to_go_on_from(new_api: Any) -> None:
    one, other = new_api(), new_api()
    for api in (one, other):
        api.ingest(event(0), event(1))
        project_all(api.store)
    (line, _) = lines(parts(one))

    refused = other.get("/v1/events/export", after=line["id"])

    assert refused.problems() == {("query", "after")}


def test_a_part_ends_where_an_answer_is_full_or_has_taken_long(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.ingest(*(event(one * 20, metadata={"minute": one, "t": "ä" * 400}) for one in range(30)))
    project_all(api.store)
    whole = parts(api)
    assert len(whole) == 1

    for limit, value in (("MAX_BYTES", 5_000), ("SECONDS", 0.0)):
        with monkeypatch.context() as patch:
            patch.setattr(export, limit, value)
            cut = parts(api)
            assert len(cut) > 5
            assert lines(cut) == lines(whole)
            assert max(len(reply.text.encode()) for reply in cut) <= 5_000

    with monkeypatch.context() as patch:
        patch.setattr(export, "SECONDS", 0.0)
        patch.setattr(export, "CHUNK_EVENTS", 1)
        found = parts(api, **{"metadata[minute]": "29"})
    assert len(found) == 11  # a part for each hour, and what finds no more
    assert minutes(found) == [29]


def test_a_full_part_fits_into_what_a_function_answers() -> None:
    answer = {
        "body": b64encode(bytes(export.MAX_BYTES)).decode(),
        "headers": {"Link": "x" * 16_000},
    }

    assert len(json.dumps(answer)) < MAX_EVENT_BYTES


def test_an_answer_is_compressed_for_who_takes_it(api: Api) -> None:
    api.ingest(*(event(one) for one in range(30)))
    project_all(api.store)
    plain = api.get("/v1/events/export")

    packed = api.request("GET", "/v1/events/export", headers={"accept-encoding": "gzip, br"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text


def test_memory_stays_flat_however_large_the_log_is(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times as many events to pass over, in one part, and no more memory at its peak."""
    monkeypatch.setattr(export, "CHUNK_EVENTS", 50)
    monkeypatch.setattr(export, "CHUNK_PAGES", 10)
    peaks: dict[str, list[int]] = {str(named): [] for named in NAMED}
    for first, last in ((0, 10), (10, 100)):
        for hour in range(first, last):
            text = f"{hour} " * 150
            api.ingest(
                *(event(hour * 60 + one, metadata={"minute": 0, "t": text}) for one in range(50))
            )
        project_all(api.store)
        for named in NAMED:
            # Nothing is selected, so what is measured is what reading takes.
            asked = {"metadata[minute]": "1", **named}
            api.get("/v1/events/export", **asked)
            tracemalloc.start()
            assert lines([api.get("/v1/events/export", **asked)]) == []
            peaks[str(named)].append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    for few, many in peaks.values():
        # The engine's own is in it; what was kept would make it ten times as much.
        assert many < 4 * few
