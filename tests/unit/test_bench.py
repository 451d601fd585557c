"""Figures in documents: they are those that were measured, and each has its conditions."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import document, tables

PARTS = sorted(path.stem for path in tables.RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", document.DOCUMENTS, ids=lambda path: path.name)
def test_a_document_shows_what_was_measured_last(path: Path) -> None:
    text = path.read_text()

    assert document.filled(text) == text, "make bench fills it in; so does python -m bench.document"


@pytest.mark.parametrize("part", PARTS)
def test_the_tables_of_a_part_come_with_its_conditions(part: str) -> None:
    stored = tables.load(part)
    assert stored is not None and stored["part"] == part

    shown = document.figures(part)

    assert tables.of(stored)
    for condition in ("processor", "python", "engine", "commit", "measured_at", "command"):
        assert str(stored["conditions"][condition]) in shown


def test_a_part_that_was_not_measured_shows_no_figure() -> None:
    assert document.figures("nothing") == document.NOT_MEASURED
