"""What the engine takes shortcuts for: each answers what the slower way answers."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import dynamodb  # type: ignore[import-untyped]

from aureon_cli import engine_shortcuts
from aureon_cli.engine_shortcuts import copied, uncopied, write_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(VALUES)
def test_json_is_read_as_what_was_written(value: Any) -> None:
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


@given(st.builds(defaultdict, st.just(dict), st.dictionaries(st.text(), VALUES)) | VALUES)
def test_a_copy_is_equal_and_of_the_same_type(value: Any) -> None:
    assert copied(value) == value
    assert type(copied(value)) is type(value)


@pytest.mark.parametrize("wrap", [dict, lambda inner: defaultdict(dict, inner)])
def test_a_copy_shares_nothing_with_what_it_was_made_of(wrap: Any) -> None:
    value = wrap({"item": {"tags": [{"S": "a"}]}, "bytes": {b"B"}})
    made = copied(value)

    made["item"]["tags"][0]["S"] = "b"
    made["bytes"].add(b"C")
    made["new"] = {}

    assert value == {"item": {"tags": [{"S": "a"}]}, "bytes": {b"B"}}


def test_what_is_neither_json_nor_a_table_is_copied_as_before() -> None:
    class Labelled(dict[str, Any]):
        label = "a"

    value = Labelled(items=[1])
    made = copied({"inner": value})["inner"]

    assert (type(made), made) == (Labelled, value)
    assert made["items"] is not value["items"]


def test_a_state_is_not_copied_and_all_else_is_again_afterwards() -> None:
    tables: dict[str, Any] = {"table": {}}
    get_state = uncopied(lambda: dynamodb.copy.deepcopy(tables))

    assert get_state() is tables
    assert dynamodb.copy.deepcopy(tables) is not tables


def test_a_state_that_cannot_be_had_leaves_copying_as_it_was() -> None:
    def broken() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        uncopied(broken)()
    assert dynamodb.copy.deepcopy(value := {"a": 1}) is not value


NAMES = {"#a": "count", "#b": "open"}
BOUND = {":one": {"N": "1"}, ":two": {"N": "2"}, ":zero": {"N": "0"}}
CONDITIONS = (
    "attribute_not_exists(#a)",
    "attribute_exists(#a) AND (#a = :one OR NOT #b > :two)",
    "#a BETWEEN :zero AND :two AND #b IN (:zero, :one)",
    "#a = ",
    "#a = :one AND",
    "((#a = :one))",
)
UPDATES = (
    "SET #a = if_not_exists(#a, :zero) + :one REMOVE #b",
    "ADD #a :two SET #b = :one",
    "SET count = :one",
)


@pytest.mark.parametrize("item", [{}, {"count": {"N": "1"}, "open": {"N": "1"}}])
@pytest.mark.parametrize("expression", [*CONDITIONS, *UPDATES])
def test_an_expression_that_was_read_once_says_the_same_each_time(
    expression: str, item: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy.deepcopy(item)

    def answer() -> Any:
        apply = dynamodb._apply_update_expression
        evaluate = dynamodb._evaluate_condition
        try:
            asked = apply if expression in UPDATES else evaluate
            said = copy.deepcopy(asked(*_in_order(asked is apply, item, expression)))
        except ValueError as error:
            said = str(error)
        assert item == before
        return said

    with monkeypatch.context() as without:
        for name in engine_shortcuts.PURE:
            function = getattr(dynamodb, name)
            without.setattr(dynamodb, name, getattr(function, "__wrapped__", function))
        without.setattr(dynamodb, "copy", copy)
        expected = answer()
    for name in ("copy", *engine_shortcuts.PURE):
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    engine_shortcuts.install_for_tables()

    assert [answer() for _ in range(3)] == [expected] * 3


def _in_order(is_update: bool, item: dict[str, Any], expression: str) -> tuple[Any, ...]:
    first = (item, expression) if is_update else (expression, item)
    return (*first, BOUND, NAMES)
