"""The bodies of meters: filters, aggregations, and what describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from aureon.bodies import NUMBER_SCHEMA, Metadata, Model, Text, check_number
from aureon.domain import events, filters, meters

MAX_FILTER_TEXT_CHARACTERS: Final = 500
MAX_PREVIEWED: Final = 100


def _filter_value(value: Any) -> filters.Value:
    """Take what the clients can read back: none of them knows a fraction here."""
    if type(value) is int:
        check_number(value)
    elif type(value) is str:
        if len(value) > MAX_FILTER_TEXT_CHARACTERS:
            raise PydanticCustomError(
                "string_too_long", f"A text has at most {MAX_FILTER_TEXT_CHARACTERS} characters."
            )
    elif type(value) is not bool:
        raise PydanticCustomError(
            "filter_value_type", "A clause compares with a text, a whole number or a truth value."
        )
    return value  # type: ignore[no-any-return]


class ClauseBody(Model):
    property: Annotated[str, Field(min_length=1, max_length=128)]
    operator: filters.Operator
    value: Annotated[
        Any,
        BeforeValidator(_filter_value),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "maxLength": MAX_FILTER_TEXT_CHARACTERS},
                    NUMBER_SCHEMA | {"type": "integer", "description": "A whole number."},
                    {"type": "boolean"},
                ]
            }
        ),
    ]


def _clause(value: Any) -> ClauseBody | FilterBody:
    """Take a clause for what it looks like, so that errors speak of one kind, not of both."""
    nested = isinstance(value, Mapping) and "clauses" in value
    return FilterBody.model_validate(value) if nested else ClauseBody.model_validate(value)


class FilterBody(Model):
    conjunction: filters.Conjunction
    clauses: list[Annotated[ClauseBody | FilterBody, BeforeValidator(_clause)]]

    def to_filter(self) -> filters.Filter:
        return filters.Filter(
            self.conjunction,
            tuple(
                clause.to_filter()
                if isinstance(clause, FilterBody)
                else filters.Clause(clause.property, clause.operator, clause.value)
                for clause in self.clauses
            ),
        )


class AggregationBody(Model):
    func: meters.Function
    property: Annotated[str, Field(min_length=1, max_length=128)] | None = None

    @model_validator(mode="after")
    def _property_where_needed(self) -> Self:
        if self.func != "count" and self.property is None:
            raise PydanticCustomError("missing", "This aggregation needs a property.")
        return self

    def to_aggregation(self) -> meters.Aggregation:
        return meters.Aggregation(self.func, None if self.func == "count" else self.property)


MeterName = Annotated[
    str,
    Field(min_length=meters.MIN_NAME_CHARACTERS, max_length=meters.MAX_NAME_CHARACTERS),
]


class MeterBody(Model):
    name: MeterName
    filter: Annotated[FilterBody, BeforeValidator(lambda value: _bounded_filter(value))]
    aggregation: AggregationBody
    unit: meters.Unit = "scalar"
    custom_label: Text | None = None
    custom_multiplier: Annotated[int, Field(ge=1, lt=10**events.MAX_INTEGER_DIGITS)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class PreviewBody(Model):
    """A meter to try on the latest events: on so many, at most."""

    filter: Annotated[FilterBody, BeforeValidator(lambda value: _bounded_filter(value))]
    aggregation: AggregationBody
    limit: Annotated[int, Field(ge=1, le=MAX_PREVIEWED)] = MAX_PREVIEWED


class MeterUpdateBody(Model):
    """A change of a meter: what is absent stays as it is."""

    name: MeterName | None = None
    filter: Annotated[FilterBody | None, BeforeValidator(lambda value: _bounded_filter(value))] = (
        None
    )
    aggregation: AggregationBody | None = None
    unit: meters.Unit | None = None
    custom_label: Text | None = None
    custom_multiplier: Annotated[int, Field(ge=1, lt=10**events.MAX_INTEGER_DIGITS)] | None = None
    metadata: Metadata | None = None
    is_archived: bool | None = None


def _bounded_filter(value: Any) -> Any:
    """Refuse a filter that is nested too deeply or has too many clauses, before it is walked."""
    clauses = 0
    level = [value]
    for _ in range(filters.MAX_DEPTH):
        below = []
        for node in level:
            if isinstance(node, Mapping) and isinstance(node.get("clauses"), list):
                clauses += len(node["clauses"])
                below += node["clauses"]
        if clauses > filters.MAX_CLAUSES:
            raise PydanticCustomError(
                "too_long", f"A filter has at most {filters.MAX_CLAUSES} clauses."
            )
        level = below
    if any(isinstance(node, Mapping) and "clauses" in node for node in level):
        raise PydanticCustomError(
            "too_deep", f"Filters are nested at most {filters.MAX_DEPTH} deep."
        )
    return value
