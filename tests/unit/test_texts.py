"""Texts are found whatever their case, and with or without accents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aureon.core.texts import folded


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Ångström", "angstrom"),
        ("Zoë", "ZOE"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("İstanbul", "istanbul"),
        ("Søren Ærø", "soren aero"),
        ("e\u0301te\u0301", "été"),
        ("\uff37\uff49\uff44\uff45", "wide"),
        ("Μαρία", "μαρια"),
        ("한글", "한글"),
    ],
)
def test_accents_and_case_do_not_matter(written: str, typed: str) -> None:
    assert folded(written) == folded(typed)


def test_different_letters_stay_different() -> None:
    assert len({folded(letter) for letter in "abcdeéfoöstuz"}) == len("abcdefostuz")


@given(st.text())
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert folded(folded(text)) == folded(text)
