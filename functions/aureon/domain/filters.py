"""Filters: which events a meter counts. Compiled once, then asked for every event."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from msgspec import Struct

from aureon.domain.events import Event

Conjunction = Literal["and", "or"]
Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"]
Value = str | bool | int | Decimal
Predicate = Callable[[Event], bool]
Getter = Callable[[Event], Any]

MAX_DEPTH: Final = 10
MAX_CLAUSES: Final = 100

_METADATA: Final = "metadata."


class Clause(Struct, frozen=True):
    """One comparison of an event's property with a value."""

    property: str
    operator: Operator
    value: Value


class Filter(Struct, frozen=True):
    """Clauses and filters joined by ``and`` or ``or``. Without any, every event matches."""

    conjunction: Conjunction
    clauses: tuple[Clause | Filter, ...]

    def to_dict(self) -> dict[str, Any]:
        """As the API and the table show it."""
        return {
            "conjunction": self.conjunction,
            "clauses": [
                clause.to_dict()
                if isinstance(clause, Filter)
                else {
                    "property": clause.property,
                    "operator": clause.operator,
                    "value": clause.value,
                }
                for clause in self.clauses
            ],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Filter:
        return cls(
            value["conjunction"],
            tuple(
                cls.from_dict(clause)
                if "clauses" in clause
                else Clause(clause["property"], clause["operator"], clause["value"])
                for clause in value["clauses"]
            ),
        )

    def required(self) -> Clause | None:
        """A clause of equality without which this filter can't match, where there is one.

        It lets a meter be found by the value of an event's property, and not be asked about any
        other: by the name before anything else.
        """
        if self.conjunction == "or" and len(self.clauses) > 1:
            return None
        found = None
        for clause in self.clauses:
            candidate = clause.required() if isinstance(clause, Filter) else clause
            if candidate is not None and candidate.operator == "eq":
                if candidate.property == "name":
                    return candidate
                found = found or candidate
        return found


def compile_filter(filter_: Filter) -> Predicate:
    """Turn a filter into a function from an event to whether it matches."""
    predicates = [
        compile_filter(clause) if isinstance(clause, Filter) else _compile_clause(clause)
        for clause in filter_.clauses
    ]
    if not predicates:
        return lambda event: True
    if len(predicates) == 1:
        return predicates[0]
    if filter_.conjunction == "and":
        return lambda event: all(predicate(event) for predicate in predicates)
    return lambda event: any(predicate(event) for predicate in predicates)


def compile_property(name: str) -> Getter:
    """Turn a property's name into a function from an event to its value, or None if absent.

    ``name``, ``source`` and ``timestamp`` (epoch seconds) are the event's own; anything else is
    metadata, with or without the prefix ``metadata.``; a dot leads into an object.
    """
    if name == "name":
        return operator.attrgetter("name")
    if name == "source":
        return operator.attrgetter("source")
    if name == "timestamp":
        return _epoch_seconds
    key = name.removeprefix(_METADATA)
    outer, _, inner = key.partition(".")

    def get(event: Event) -> Any:
        value = event.metadata.get(key)
        if value is None and inner:
            nested = event.metadata.get(outer)
            value = nested.get(inner) if isinstance(nested, Mapping) else None
        return None if isinstance(value, Mapping) else value

    return get


def _epoch_seconds(event: Event) -> Decimal:
    whole = int(event.timestamp.replace(microsecond=0).timestamp())
    return Decimal(whole) + Decimal(event.timestamp.microsecond).scaleb(-6)


def _compile_clause(clause: Clause) -> Predicate:
    get = compile_property(clause.property)
    compare = _COMPARISONS[clause.operator]
    expected = clause.value
    kind = kind_of(expected)
    # What a value of another kind answers: a text is different from every number, and neither
    # greater nor less than one. No value is ever turned into another kind.
    otherwise = clause.operator in ("ne", "not_like")
    comparable = kind in _COMPARABLE[clause.operator]

    def matches(event: Event) -> bool:
        value = get(event)
        if value is None:
            return False
        if not comparable or kind_of(value) is not kind:
            return otherwise
        return bool(compare(value, expected))

    return matches


def kind_of(value: Value) -> type:
    """Text, truth or number: the kinds between which nothing is ever converted."""
    if isinstance(value, str):
        return str
    return bool if isinstance(value, bool) else Decimal


_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "like": operator.contains,
    "not_like": lambda value, part: part not in value,
}
_ORDERED: Final = frozenset({str, Decimal})
_COMPARABLE: Final[dict[str, frozenset[type]]] = {
    "eq": frozenset({str, bool, Decimal}),
    "ne": frozenset({str, bool, Decimal}),
    "gt": _ORDERED,
    "gte": _ORDERED,
    "lt": _ORDERED,
    "lte": _ORDERED,
    "like": frozenset({str}),
    "not_like": frozenset({str}),
}
