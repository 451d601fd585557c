"""The engine's JSON in C: it says what the standard library's says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aureon_cli.engine_process import write_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(VALUES)
def test_it_is_read_as_what_was_written(value: Any) -> None:
    for options in ({}, {"ensure_ascii": False}, {"separators": (",", ":"), "default": str}):
        assert json.loads(write_json(value, **options)) == value


@pytest.mark.parametrize("value", ["\ud800", {"a": ["\udfff", 1]}, {"a": 2**70}, {"a": 1.5}])
def test_what_is_written_otherwise_is_written_all_the_same(value: Any) -> None:
    assert json.loads(write_json(value)) == value


def test_an_order_is_kept_to() -> None:
    assert write_json({"b": 1, "a": 2}, sort_keys=True) == '{"a": 2, "b": 1}'


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        write_json({"a": object()})
