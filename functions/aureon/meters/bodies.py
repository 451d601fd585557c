"""The bodies of meters: filters, aggregations, and what describes them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from aureon.core import exact
from aureon.core.bodies import MetadataBody, Model, OptionalExternalId, Text, check_number
from aureon.core.exact import ZERO
from aureon.domain import breakdowns, filters, meters, thresholds

MAX_FILTER_TEXT_CHARACTERS: Final = 500
MAX_PREVIEWED: Final = 100
# As many as the database's own numbers keep.
MAX_INTEGER_DIGITS: Final = 38
INTEGER_LIMIT: Final = 10**MAX_INTEGER_DIGITS


def _filter_value(value: Any) -> filters.Value:
    """Take what the clients can read back: none of them knows a fraction here."""
    if type(value) is int:
        if abs(value) >= INTEGER_LIMIT:
            raise PydanticCustomError(
                "int_too_large", f"A whole number has at most {MAX_INTEGER_DIGITS} digits here."
            )
    elif type(value) is str:
        if len(value) > MAX_FILTER_TEXT_CHARACTERS:
            raise PydanticCustomError(
                "string_too_long", f"A string has at most {MAX_FILTER_TEXT_CHARACTERS} characters."
            )
    elif type(value) is not bool:
        raise PydanticCustomError(
            "filter_value_type", "A clause compares with a string, an integer or a boolean."
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
                    {
                        "type": "integer",
                        "exclusiveMinimum": -INTEGER_LIMIT,
                        "exclusiveMaximum": INTEGER_LIMIT,
                    },
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


def _units(value: Any) -> Decimal:
    """A number of units, or of percent: as a number, or as a string that is one."""
    if type(value) is str:
        try:
            value = exact.parse(value)
        except ValueError:
            value = None
    return check_number(value)


_THRESHOLD_UNITS: Final = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
    "description": "This many units left: a number, or a string that is one.",
}
_THRESHOLD_PERCENT: Final = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": thresholds.MAX_PERCENT},
        {"type": "string"},
    ],
    "description": "This percentage is left of what was granted since the last recovery.",
}
Units = Annotated[Decimal, BeforeValidator(_units), Field(ge=0), WithJsonSchema(_THRESHOLD_UNITS)]
Percent = Annotated[
    Decimal,
    BeforeValidator(_units),
    Field(gt=0, le=thresholds.MAX_PERCENT),
    WithJsonSchema(_THRESHOLD_PERCENT),
]


class ThresholdBody(Model):
    """Few credits: so many units left, or so many percent of what was granted."""

    available_credits: Units | None = None
    percent: Percent | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.available_credits is None) == (self.percent is None):
            raise PydanticCustomError(
                "threshold", "A threshold is either available_credits or percent."
            )
        return self

    def to_wanted(self) -> tuple[thresholds.Kind, Decimal]:
        if self.available_credits is not None:
            return "available_credits", self.available_credits.normalize()
        return "percent", (self.percent or ZERO).normalize()


def _different(given: list[ThresholdBody]) -> list[ThresholdBody]:
    if len({one.to_wanted() for one in given}) < len(given):
        raise PydanticCustomError("duplicate", "Thresholds must differ from one another.")
    return given


ThresholdBodies = Annotated[
    list[ThresholdBody],
    Field(max_length=thresholds.MAX_THRESHOLDS),
    AfterValidator(_different),
]


class OwnThresholdsBody(Model):
    """A customer's own thresholds of a meter, in place of the meter's; null takes them away."""

    thresholds: ThresholdBodies | None
    notify_current: bool = False


def _groups(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise PydanticCustomError("duplicate", "Name each property only once.")
    if refused := set(names) & set(breakdowns.REFUSED):
        raise PydanticCustomError(
            "group_by", f"Quantities can't be grouped by {', '.join(refused)}."
        )
    return names


GroupBy = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=128)]],
    Field(max_length=breakdowns.MAX_PROPERTIES),
    AfterValidator(_groups),
]
MeterName = Annotated[
    str,
    Field(min_length=meters.MIN_NAME_CHARACTERS, max_length=meters.MAX_NAME_CHARACTERS),
]


class MeterBody(Model):
    name: MeterName
    external_id: OptionalExternalId = None
    filter: Annotated[FilterBody, BeforeValidator(lambda value: _bounded_filter(value))]
    aggregation: AggregationBody
    unit: meters.Unit = "scalar"
    limits_spending: meters.LimitsSpending = "auto"
    custom_label: Text | None = None
    custom_multiplier: Annotated[int, Field(ge=1, lt=10**exact.MAX_INTEGER_DIGITS)] | None = None
    group_by: GroupBy = Field(default_factory=list)
    metadata: MetadataBody = Field(default_factory=dict)
    thresholds: ThresholdBodies = Field(default_factory=list)


class PreviewBody(Model):
    """A meter to try on the latest events: on so many, at most."""

    filter: Annotated[FilterBody, BeforeValidator(lambda value: _bounded_filter(value))]
    aggregation: AggregationBody
    limit: Annotated[int, Field(ge=1, le=MAX_PREVIEWED)] = MAX_PREVIEWED


class MeterUpdateBody(Model):
    """A change of a meter: what is absent stays as it is."""

    name: MeterName | None = None
    external_id: OptionalExternalId = None
    filter: Annotated[FilterBody | None, BeforeValidator(lambda value: _bounded_filter(value))] = (
        None
    )
    aggregation: AggregationBody | None = None
    unit: meters.Unit | None = None
    limits_spending: meters.LimitsSpending | None = None
    custom_label: Text | None = None
    custom_multiplier: Annotated[int, Field(ge=1, lt=10**exact.MAX_INTEGER_DIGITS)] | None = None
    group_by: GroupBy | None = None
    metadata: MetadataBody | None = None
    is_archived: bool | None = None
    thresholds: ThresholdBodies | None = None
    notify_current: bool = False


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
