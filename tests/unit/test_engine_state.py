"""What the embedded engine keeps on disk: which state counts, and what a journal has."""

from __future__ import annotations

from pathlib import Path

import pytest

from aureon_cli import engine_state
from aureon_cli.engine_state import Entry, Journal

ENTRIES = [
    Entry({"x-amz-target": "DynamoDB_20120810.PutItem"}, b'{"n": 1}'),
    Entry({}, b""),
    Entry({"x-amz-target": "ü"}, bytes(range(256))),
]


def written(path: Path) -> Journal:
    journal = Journal(path)
    for entry in ENTRIES:
        journal.append(entry)
    journal.sync()
    return journal


def test_a_journal_has_its_entries_in_their_order(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    assert list(Journal(tmp_path / "journal").read()) == ENTRIES


def test_a_journal_that_was_cut_anywhere_has_the_entries_before_and_takes_more(
    tmp_path: Path,
) -> None:
    written(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    ends = []
    for count in range(len(ENTRIES) + 1):
        journal = Journal(tmp_path / f"of {count}")
        for entry in ENTRIES[:count]:
            journal.append(entry)
        ends.append((tmp_path / f"of {count}").stat().st_size)
    for length in range(len(whole) + 1):
        path = tmp_path / f"cut at {length}"
        path.write_bytes(whole[:length])
        left = sum(end <= length for end in ends) - 1

        journal = Journal(path)
        assert list(journal.read()) == ENTRIES[:left]
        journal.append(ENTRIES[0])

        assert list(Journal(path).read()) == [*ENTRIES[:left], ENTRIES[0]]


def test_a_damaged_entry_ends_its_journal(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    content = bytearray((tmp_path / "journal").read_bytes())
    content[20] ^= 1
    (tmp_path / "journal").write_bytes(content)
    assert list(Journal(tmp_path / "journal").read()) == []


def test_a_draft_counts_once_it_is_whole(tmp_path: Path) -> None:
    first = engine_state.current(tmp_path)
    (first / "dynamodb.json").write_text("first")
    (first / "other.json").write_text("other")
    (first / engine_state.JOURNAL).write_text("contained")
    draft = engine_state.draft(first)
    (draft / "dynamodb.json").write_text("second")

    # The process died here.
    assert engine_state.current(tmp_path) == first
    assert not draft.exists()

    draft = engine_state.draft(first)
    (draft / "dynamodb.json").write_text("second")
    second = engine_state.replace(first, draft)

    assert engine_state.current(tmp_path) == second
    assert (second / "dynamodb.json").read_text() == "second"
    assert (second / "other.json").read_text() == "other"
    assert not (second / engine_state.JOURNAL).exists()
    assert [path.name for path in tmp_path.iterdir()] == [second.name]


def test_of_two_states_the_later_counts(tmp_path: Path) -> None:
    """The process died after it renamed a draft, and before it removed what was before."""
    for number in (9, 10):
        (tmp_path / str(number)).mkdir()
    assert engine_state.current(tmp_path).name == "10"
    assert [path.name for path in tmp_path.iterdir()] == ["10"]


@pytest.mark.parametrize("name", ["dynamodb.json", "sqs.json"])
def test_a_state_of_before_there_were_numbers_is_the_first(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("kept")
    assert (engine_state.current(tmp_path) / name).read_text() == "kept"
