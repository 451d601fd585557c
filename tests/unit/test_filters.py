"""Filters: operators, kinds that are never converted, absent properties, nesting."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aureon.domain.events import CustomerRef, Event
from aureon.domain.filters import Clause, Filter, Operator, compile_filter

EVENT = Event(
    position=0,
    customer=CustomerRef(False, "customer"),
    name="api_usage",
    timestamp=datetime(2026, 11, 24, 1, 0, 0, 250_000, tzinfo=UTC),
    metadata={
        "units": 10,
        "price": Decimal("0.10"),
        "region": "eu-central",
        "cached": True,
        "name": "a name of its own",
        "a.b": "a key with a dot",
        "_cost": {"amount": Decimal("1.5"), "currency": "usd"},
    },
)
OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like")


def matches(property_: str, operator: str, value: Any, event: Event = EVENT) -> bool:
    clause = Clause(property_, cast(Operator, operator), value)
    return compile_filter(Filter("and", (clause,)))(event)


@pytest.mark.parametrize(
    ("property_", "operator", "value", "expected"),
    [
        ("units", "eq", 10, True),
        ("units", "eq", Decimal("10.0"), True),
        ("units", "eq", 11, False),
        ("units", "ne", 11, True),
        ("units", "ne", 10, False),
        ("units", "gt", 9, True),
        ("units", "gt", 10, False),
        ("units", "gte", 10, True),
        ("units", "gte", Decimal("10.000000001"), False),
        ("units", "lt", 11, True),
        ("units", "lt", 10, False),
        ("units", "lte", 10, True),
        ("units", "lte", Decimal("9.999999999"), False),
        ("price", "eq", Decimal("0.1"), True),
        ("region", "eq", "eu-central", True),
        ("region", "eq", "EU-central", False),
        ("region", "ne", "us-east", True),
        ("region", "gt", "ap-south", True),
        ("region", "lt", "us-east", True),
        ("region", "like", "central", True),
        ("region", "like", "eu-central", True),
        ("region", "like", "", True),
        ("region", "like", "Central", False),
        ("region", "like", "%", False),
        ("region", "not_like", "west", True),
        ("region", "not_like", "central", False),
        ("cached", "eq", True, True),
        ("cached", "eq", False, False),
        ("cached", "ne", False, True),
    ],
)
def test_a_property_is_compared_with_a_value(
    property_: str, operator: str, value: Any, expected: bool
) -> None:
    assert matches(property_, operator, value) is expected


@pytest.mark.parametrize(
    ("property_", "value"),
    [("units", "10"), ("cached", 1), ("cached", "true"), ("region", 0), ("units", True)],
)
@pytest.mark.parametrize("operator", OPERATORS)
def test_nothing_is_converted_into_another_kind(property_: str, operator: str, value: Any) -> None:
    assert matches(property_, operator, value) is (operator in ("ne", "not_like"))


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("value", [True, False])
def test_truth_values_have_no_order(operator: str, value: bool) -> None:
    assert not matches("cached", operator, value)


@pytest.mark.parametrize("value", ["x", "", 0, False])
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(
    "property_", ["absent", "metadata.absent", "_cost", "_cost.absent", "region.absent", "x.y.z"]
)
def test_an_absent_property_never_matches(property_: str, operator: str, value: Any) -> None:
    assert not matches(property_, operator, value)


@pytest.mark.parametrize(
    ("property_", "value"),
    [
        ("name", "api_usage"),
        ("source", "user"),
        ("units", 10),
        ("metadata.units", 10),
        ("metadata.name", "a name of its own"),
        ("_cost.amount", Decimal("1.5")),
        ("metadata._cost.currency", "usd"),
        ("a.b", "a key with a dot"),
        ("timestamp", Decimal("1795482000.25")),
    ],
)
def test_a_property_is_the_events_own_or_metadata(property_: str, value: Any) -> None:
    assert matches(property_, "eq", value)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("gt", 1795482000, True),
        ("lt", 1795482001, True),
        ("gte", Decimal("1795482000.25"), True),
        ("gt", Decimal("1795482000.25"), False),
        ("eq", "2026-11-24T01:00:00Z", False),
    ],
)
def test_a_timestamp_is_compared_as_epoch_seconds(
    operator: str, value: Any, expected: bool
) -> None:
    assert matches("timestamp", operator, value) is expected


def test_a_timestamp_before_the_epoch_is_negative() -> None:
    early = replace(EVENT, timestamp=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))

    assert matches("timestamp", "eq", Decimal("-0.000001"), early)


@pytest.mark.parametrize("conjunction", ["and", "or"])
def test_a_filter_without_clauses_matches_everything(conjunction: Any) -> None:
    assert compile_filter(Filter(conjunction, ()))(EVENT)


YES = Clause("units", "eq", 10)
NAMED = Clause("name", "eq", "a")
NO = Clause("units", "eq", 11)


@pytest.mark.parametrize(
    ("clauses", "all_of", "any_of"),
    [
        ((YES, YES), True, True),
        ((YES, NO), False, True),
        ((NO, YES), False, True),
        ((NO, NO), False, False),
        ((YES, Filter("or", (NO, YES))), True, True),
        ((NO, Filter("and", (YES, Filter("or", (NO, NO))))), False, False),
        ((NO, Filter("and", (YES, Filter("or", (NO, YES))))), False, True),
    ],
)
def test_clauses_and_filters_are_joined_by_and_or_or(
    clauses: tuple[Clause | Filter, ...], all_of: bool, any_of: bool
) -> None:
    assert compile_filter(Filter("and", clauses))(EVENT) is all_of
    assert compile_filter(Filter("or", clauses))(EVENT) is any_of


# A plain interpreter of filters, to compare with.


def absent_or(event: Event, property_: str) -> Any:
    if property_ == "name":
        return event.name
    if property_ == "source":
        return event.source
    if property_ == "timestamp":
        return Decimal(str(event.timestamp.timestamp()))
    path = property_.removeprefix("metadata.")
    if path in event.metadata:
        value = event.metadata[path]
    elif "." in path and isinstance(event.metadata.get(path.split(".", 1)[0]), dict):
        value = event.metadata[path.split(".", 1)[0]].get(path.split(".", 1)[1])
    else:
        value = None
    return None if isinstance(value, dict) else value


def kind(value: Any) -> str:
    return {str: "text", bool: "truth"}.get(type(value), "number")


def interpret(filter_: Filter | Clause, event: Event) -> bool:
    if isinstance(filter_, Filter):
        answers = [interpret(clause, event) for clause in filter_.clauses]
        return not answers or (all(answers) if filter_.conjunction == "and" else any(answers))
    value, expected = absent_or(event, filter_.property), filter_.value
    if value is None:
        return False
    match filter_.operator:
        case "eq":
            return kind(value) == kind(expected) and value == expected
        case "ne":
            return kind(value) != kind(expected) or value != expected
        case "like":
            return isinstance(value, str) and isinstance(expected, str) and expected in value
        case "not_like":
            return not (isinstance(value, str) and isinstance(expected, str) and expected in value)
    if kind(value) != kind(expected) or kind(value) == "truth":
        return False
    return bool(
        {
            "gt": lambda: value > expected,
            "gte": lambda: value >= expected,
            "lt": lambda: value < expected,
            "lte": lambda: value <= expected,
        }[filter_.operator]()
    )


texts = st.sampled_from(["", "a", "b", "ab", "B", "10", "true"])
numbers = st.integers(-2, 10) | st.sampled_from([Decimal("-0.5"), Decimal("1.0"), Decimal("10")])
values = texts | numbers | st.booleans()
clauses = st.builds(
    Clause,
    property=st.sampled_from(
        ["name", "source", "timestamp", "x", "metadata.x", "y", "x.y", "z.x", "metadata.z.x", "z"]
    ),
    operator=st.sampled_from(OPERATORS),
    value=values,
)
nested = st.recursive(
    clauses,
    lambda inner: st.builds(
        Filter,
        conjunction=st.sampled_from(["and", "or"]),
        clauses=st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=8,
)
filters = st.builds(
    Filter,
    conjunction=st.sampled_from(["and", "or"]),
    clauses=st.lists(nested, max_size=3).map(tuple),
)
events = st.builds(
    Event,
    position=st.just(0),
    customer=st.just(CustomerRef(False, "customer")),
    name=texts.filter(bool),
    timestamp=st.integers(-1, 10).map(lambda second: datetime.fromtimestamp(second, UTC)),
    metadata=st.fixed_dictionaries(
        {},
        optional={
            "x": values,
            "y": values,
            "x.y": values,
            "name": values,
            "z": values | st.dictionaries(st.sampled_from(["x", "y"]), values),
        },
    ),
)


@given(filters, events)
def test_a_compiled_filter_answers_as_a_plain_interpreter_does(
    filter_: Filter, event: Event
) -> None:
    assert compile_filter(filter_)(event) is interpret(filter_, event)


@given(filters, events)
def test_an_event_without_what_a_filter_requires_never_matches(
    filter_: Filter, event: Event
) -> None:
    required = filter_.required()
    if required is not None and not interpret(required, event):
        assert not interpret(filter_, event)


@pytest.mark.parametrize(
    ("filter_", "required"),
    [
        (Filter("and", (NAMED, YES)), NAMED),
        (Filter("and", (YES, NAMED)), NAMED),
        (Filter("and", (YES, Filter("and", (NAMED,)))), NAMED),
        (Filter("or", (NAMED,)), NAMED),
        (Filter("and", ()), None),
        (Filter("and", (YES,)), YES),
        (Filter("and", (Clause("name", "ne", "a"), YES)), YES),
        (Filter("and", (Clause("name", "ne", "a"),)), None),
        (Filter("and", (Clause("name", "like", "a"),)), None),
        (Filter("and", (Filter("or", (NAMED, YES)),)), None),
        (Filter("or", (NAMED, YES)), None),
    ],
)
def test_a_filter_says_what_it_cannot_match_without_a_name_first(
    filter_: Filter, required: Clause | None
) -> None:
    assert filter_.required() == required


@given(filters)
def test_a_filter_is_read_back_as_it_was_written(filter_: Filter) -> None:
    assert Filter.from_dict(filter_.to_dict()) == filter_
