"""Batches of lines: always cut in the same places, never more than fits, keyed by what they say."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.core import exact
from aureon_cli.transfer import batches
from aureon_cli.transfer.batches import Batch, Cutter, Line, Position
from aureon_cli.transfer.forms import JSON_LINES, Csv, Kind

MAX_BYTES = 64


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_EVENTS_PER_REQUEST", 3)
    monkeypatch.setattr(batches, "PIECE_BYTES", 7)


def cut(content: bytes, max_bytes: int = MAX_BYTES) -> list[Batch]:
    cutter = Cutter(io.BytesIO(content), JSON_LINES, max_bytes)
    return list(iter(cutter.next, None))


def texts(batch: Batch) -> list[bytes]:
    return [line.text for line in batch.lines]


def test_a_batch_has_as_many_lines_as_a_request() -> None:
    assert [texts(batch) for batch in cut(b"1\n2\n3\n4\n5\n")] == [[b"1", b"2", b"3"], [b"4", b"5"]]


def test_a_batch_is_full_when_it_has_as_many_bytes_as_a_line_may_have() -> None:
    line = b'"' + b"x" * (MAX_BYTES - 4) + b'"\n'
    assert [len(batch.lines) for batch in cut(line * 4)] == [2, 2]


def test_the_last_line_needs_no_end_and_a_carriage_return_is_no_part_of_it() -> None:
    assert [texts(batch) for batch in cut(b"1\r\n2")] == [[b"1", b"2"]]


def test_blank_lines_are_passed_over_and_counted() -> None:
    (batch,) = cut(b"\n 1\n\n\t\n2\n\n")
    assert [(line.number, line.text) for line in batch.lines] == [(2, b"1"), (5, b"2")]
    assert batch.end.lines == 6


def test_a_source_of_nothing_has_no_batches() -> None:
    assert cut(b"") == []


@pytest.mark.parametrize("text", [b"{", b"nope", b"\xff", b'"\xff"', b"1 2", b"NaN", b"[" * 60])
def test_what_is_not_json_is_refused_by_its_line(text: bytes) -> None:
    (batch,) = cut(b"1\n" + text + b"\n3\n")
    assert list(batch.refused) == [2]
    assert batch.refused[2].startswith("This is not JSON")
    assert texts(batch) == [b"1", text, b"3"]


def test_a_line_that_is_too_long_is_refused_and_not_kept() -> None:
    (batch,) = cut(b"1\n" + b"9" * 10_000 + b"\n", 1_000)
    assert batch.refused == {2: "A line has at most 1,000 bytes."}
    assert len(batch.lines[1].text) <= batches.SHOWN_BYTES
    assert batch.end.offset == 10_003


def test_a_line_as_long_as_one_may_be_is_taken() -> None:
    (batch,) = cut(b"9" * (MAX_BYTES - 1) + b"\n")
    assert batch.refused == {}


LINES = st.lists(
    st.sampled_from([b"1\n", b"\n", b"{\n", b'"' + b"x" * 40 + b'"\n', b"9" * 100 + b"\n"]),
    max_size=40,
).map(b"".join)


@settings(deadline=None)
@given(LINES, st.integers(0, 50))
def test_work_that_is_taken_up_finds_the_same_batches(content: bytes, done: int) -> None:
    whole = cut(content)
    position = whole[min(done, len(whole)) - 1].end if done and whole else Position()

    cutter = Cutter(io.BytesIO(content), JSON_LINES, MAX_BYTES)
    assert cutter.skip(position)
    rest = list(iter(cutter.next, None))

    assert rest == [batch for batch in whole if batch.start.offset >= position.offset]
    for batch in whole:
        file = io.BytesIO(content)
        file.seek(batch.start.offset)
        again = Cutter(file, JSON_LINES, MAX_BYTES, batch.start).next(until=batch.end.offset)
        assert again is not None
        assert (again.lines, again.refused) == (batch.lines, batch.refused)
        assert again.key("source") == batch.key("source")


def test_a_batch_ends_where_it_is_known_to_have_ended() -> None:
    """Although the file has grown since, and there would be room."""
    grown = Cutter(io.BytesIO(b"1\n2\n3\n"), JSON_LINES, MAX_BYTES)
    batch = grown.next(until=2)
    assert batch is not None
    assert texts(batch) == [b"1"]


@pytest.mark.parametrize("changed", [b"1\n9\n3\n", b"1\n", b""])
def test_a_change_in_what_was_sent_is_noticed(changed: bytes) -> None:
    (batch,) = cut(b"1\n2\n")
    assert not Cutter(io.BytesIO(changed), JSON_LINES, MAX_BYTES).skip(batch.end)


def test_a_key_tells_sources_places_and_contents_apart() -> None:
    first, second = cut(b"1\n1\n1\n" * 2)
    (other,) = cut(b"1\n1\n2\n")
    keys = {first.key("a"), first.key("b"), second.key("a"), other.key("a")}
    assert len(keys) == 4
    assert all(len(key) <= 255 for key in keys)


KIND = Kind("things", ["a", "b"], lambda value: value)
FIELDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9).map(str.strip)


def table(content: bytes, max_bytes: int = 100_000) -> tuple[list[Line], dict[int, str], int]:
    """The lines of a table, why some are refused, and how many bytes were read."""
    cutter = Cutter(io.BytesIO(content), Csv(KIND, ["a", "b"]), max_bytes)
    found = list(iter(cutter.next, None))
    refused = {number: why for batch in found for number, why in batch.refused.items()}
    return [line for batch in found for line in batch.lines], refused, cutter.position.offset


@settings(max_examples=200)
@given(rows=st.lists(st.tuples(FIELDS.filter(bool), FIELDS), max_size=9))
def test_a_record_of_a_table_may_go_over_lines(rows: list[tuple[str, str]]) -> None:
    """Whatever the standard writer quotes is read as it was, a batch never cuts it."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    content = text.getvalue().encode()

    found, refused, read = table(content)

    # A line like the first one is one: tables may be put one after the other.
    rows = [row for row in rows if row != ("a", "b")]
    assert [exact.parse(line.text) for line in found] == [
        {"a": a, "b": b} if b else {"a": a} for a, b in rows
    ]
    assert (refused, read) == ({}, len(content))


def test_a_line_of_a_table_has_the_number_that_it_begins_on() -> None:
    found, refused, _ = table(b'a,b\n1,"\n\n"\n\n2,3\n4,"')

    assert [line.number for line in found] == [2, 6, 7]
    assert refused == {7: "This is not CSV: a quotation mark is missing."}


@pytest.mark.parametrize("stray", [b'1,"x', b'1,"x"y', b'"1,x', b'1,"', b"1,2,3", b"1,\xff"])
def test_one_bad_line_takes_no_other_along(stray: bytes) -> None:
    """A mark that is missing, or too many, costs the line that it is in, whatever follows."""
    good = b'5,6\n7,"8\n9"\n'

    found, refused, read = table(b"a,b\n" + good + stray + b"\n" + good * 20, max_bytes=500)

    sent = [exact.parse(line.text) for line in found if line.number not in refused]
    wanted = [{"a": "5", "b": "6"}, {"a": "7", "b": "8\n9"}]
    assert sent == wanted * 21
    assert refused.keys() == {5}
    assert read == len(b"a,b\n" + good + stray + b"\n" + good * 20)


def test_a_mark_within_a_cell_is_a_mark() -> None:
    found, refused, _ = table(b'a,b\n 5" pipe ,say "hi"\n')

    assert [exact.parse(line.text) for line in found] == [{"a": '5" pipe', "b": 'say "hi"'}]
    assert refused == {}
