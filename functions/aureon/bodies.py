"""Request bodies: what they may hold, checked before anything else looks at them.

Both spellings of a key are taken, ``external_id`` and ``externalId``: one of the clients passes
its callers' bodies on as they are. Keys that are not known are passed over, as Polar does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NoReturn, Self, TypeVar

import email_validator
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from aureon import times
from aureon.domain import customers, events, filters, meters
from aureon.errors import Invalid, Problem

MAX_LLM_TEXT_CHARACTERS: Final = 10_000
MAX_FILTER_TEXT_CHARACTERS: Final = 500

# Only the syntax of an address is checked: names reserved for tests and inner networks are good.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

Body = TypeVar("Body", bound=BaseModel)


def check(model: type[Body], value: Any, **context: Any) -> Body:
    """Check a decoded body. Raises `Invalid`, which names every place that is wrong."""
    try:
        return model.model_validate(value, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        raise Invalid(
            [
                Problem("dict_type", ("body", *detail["loc"]), "Input should be an object")
                if detail["type"] in ("model_type", "dict_type")
                else Problem(
                    detail["type"], ("body", *detail["loc"]), detail["msg"], detail["input"]
                )
                for detail in details
            ]
        ) from error


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: _spellings(name)),
        strict=True,
        frozen=True,
    )


def _spellings(name: str) -> str | AliasChoices:
    name = name.rstrip("_")
    camel = to_camel(name)
    return name if camel == name else AliasChoices(name, camel)


def _timestamp(value: Any, info: ValidationInfo) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise PydanticCustomError("datetime_type", "A timestamp is a text in ISO 8601 format.")
    try:
        moment = times.from_text(value)
    except ValueError:
        raise PydanticCustomError(
            "datetime_from_date_parsing",
            "A timestamp is in ISO 8601 format, with its offset: 2026-11-24T01:00:00Z.",
        ) from None
    context: dict[str, Any] = info.context or {}
    if moment > context["received_at"] + events.MAX_AHEAD:
        raise PydanticCustomError(
            "datetime_future", "A timestamp is at most 5 minutes ahead of the present."
        )
    return moment


def _metadata(value: Any) -> dict[str, Any]:
    """Check metadata by hand: it is most of what a request carries, and this is faster."""
    if type(value) is not dict:
        _fail("dict_type", (), value)
    if len(value) > events.MAX_METADATA_KEYS:
        _refuse("too_long", f"Metadata has at most {events.MAX_METADATA_KEYS} keys.", (), None)
    for name, element in value.items():
        if not 0 < len(name) <= events.MAX_METADATA_KEY_CHARACTERS:
            _refuse(
                "string_too_long" if name else "string_too_short",
                f"A key has 1 to {events.MAX_METADATA_KEY_CHARACTERS} characters.",
                (name,),
                name,
            )
        _check_value(name, element)
    return value


def _event_metadata(value: Any) -> dict[str, Any]:
    if type(value) is not dict or not (events.COST in value or events.LLM in value):
        return _metadata(value)
    special = {name: value[name] for name in (events.COST, events.LLM) if name in value}
    checked = _Special.model_validate(special).model_dump(by_alias=True, exclude_unset=True)
    plain = _metadata({name: element for name, element in value.items() if name not in special})
    return plain | checked


def _check_value(name: str, value: Any) -> None:
    kind = type(value)
    if kind is str:
        if not 0 < len(value) <= events.MAX_METADATA_VALUE_CHARACTERS:
            _refuse(
                "string_too_long" if value else "string_too_short",
                f"A text has 1 to {events.MAX_METADATA_VALUE_CHARACTERS} characters.",
                (name,),
                value,
            )
    elif kind is int or kind is Decimal:
        wrong = events.number_problem(value)
        if wrong:
            _refuse("decimal_max_digits", wrong, (name,), str(value))
    elif kind is not bool:
        _refuse("metadata_type", "A value is a text, a number or a truth value.", (name,), value)


def _refuse(kind: Any, message: str, loc: tuple[str, ...], value: Any) -> NoReturn:
    raise ValidationError.from_exception_data(
        "metadata",
        [InitErrorDetails(type=PydanticCustomError(kind, message), loc=loc, input=value)],
    )


def _fail(kind: Any, loc: tuple[str, ...], value: Any) -> NoReturn:
    raise ValidationError.from_exception_data(
        "metadata", [InitErrorDetails(type=kind, loc=loc, input=value)]
    )


def _number(value: Any) -> Decimal:
    if type(value) is not int and type(value) is not Decimal:
        raise PydanticCustomError("decimal_type", "This is a number.")
    wrong = events.number_problem(value)
    if wrong:
        raise PydanticCustomError("decimal_max_digits", "{wrong}", {"wrong": wrong})
    return Decimal(value)


def _filter_value(value: Any) -> filters.Value:
    if type(value) is int or type(value) is Decimal:
        _number(value)
    elif type(value) is str:
        if len(value) > MAX_FILTER_TEXT_CHARACTERS:
            raise PydanticCustomError(
                "string_too_long", f"A text has at most {MAX_FILTER_TEXT_CHARACTERS} characters."
            )
    elif type(value) is not bool:
        raise PydanticCustomError(
            "filter_value_type", "A clause compares with a text, a number or a truth value."
        )
    return value  # type: ignore[no-any-return]


def _email(value: str) -> str:
    try:
        valid = email_validator.validate_email(value, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise PydanticCustomError("value_error", "{reason}", {"reason": str(error)}) from None
    return valid.normalized


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


Text = Annotated[str, Field(min_length=1, max_length=events.MAX_METADATA_VALUE_CHARACTERS)]
Identifier = Annotated[str, Field(min_length=1, max_length=events.MAX_ID_CHARACTERS)]
OptionalIdentifier = Annotated[Identifier | None, BeforeValidator(_empty_is_none)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Metadata = Annotated[dict[str, Any], BeforeValidator(_metadata)]
Email = Annotated[str, AfterValidator(_email)]
Timestamp = Annotated[datetime | None, BeforeValidator(_timestamp)]


class _Cost(_Model):
    amount: Number
    currency: Annotated[str, Field(min_length=3, max_length=3)]


class _Llm(_Model):
    vendor: Text
    model: Text
    prompt: Annotated[str, Field(max_length=MAX_LLM_TEXT_CHARACTERS)] | None = None
    response: Annotated[str, Field(max_length=MAX_LLM_TEXT_CHARACTERS)] | None = None
    input_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)]
    cached_input_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)] | None = None
    output_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)]
    total_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)]


class _Special(BaseModel):
    cost: _Cost | None = Field(None, alias=events.COST)
    llm: _Llm | None = Field(None, alias=events.LLM)


class EventBody(_Model):
    """One event as it is sent. Its time is checked against ``received_at`` in the context."""

    name: Annotated[str, Field(min_length=1, max_length=events.MAX_NAME_CHARACTERS)]
    customer_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    external_customer_id: Identifier | None = None
    external_id: OptionalIdentifier = None
    timestamp: Timestamp = None
    metadata: Annotated[dict[str, Any], BeforeValidator(_event_metadata)] = {}

    @model_validator(mode="after")
    def _one_customer(self) -> Self:
        if (self.customer_id is None) == (self.external_customer_id is None):
            raise ValidationError.from_exception_data(
                "event",
                [
                    InitErrorDetails(
                        type=PydanticCustomError(
                            "value_error",
                            "An event names its customer by one of customer_id and "
                            "external_customer_id.",
                        ),
                        loc=("customer_id",),
                        input=self.customer_id,
                    )
                ],
            )
        return self


class IngestBody(_Model):
    """The body of an ingestion. That there are not too many events is checked before."""

    events: list[EventBody]


class AddressBody(_Model):
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    line1: Text | None = None
    line2: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    state: Text | None = None


CustomerName = Annotated[str, Field(max_length=customers.MAX_NAME_CHARACTERS)] | None


class CustomerBody(_Model):
    email: Email
    name: CustomerName = None
    external_id: OptionalIdentifier = None
    metadata: Metadata = {}
    type: customers.CustomerType | None = None
    billing_address: AddressBody | None = None
    tax_id: Text | None = None
    locale: Text | None = None


class CustomerUpdateBody(_Model):
    """A change of a customer: what is absent stays as it is."""

    email: Email | None = None
    name: CustomerName = None
    external_id: OptionalIdentifier = None
    metadata: Metadata | None = None
    billing_address: AddressBody | None = None
    tax_id: Text | None = None
    locale: Text | None = None


class ClauseBody(_Model):
    property: Annotated[str, Field(min_length=1, max_length=128)]
    operator: filters.Operator
    value: Annotated[Any, BeforeValidator(_filter_value)]


def _clause(value: Any) -> ClauseBody | FilterBody:
    """Take a clause for what it looks like, so that errors speak of one kind, not of both."""
    nested = isinstance(value, Mapping) and "clauses" in value
    return FilterBody.model_validate(value) if nested else ClauseBody.model_validate(value)


class FilterBody(_Model):
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


class AggregationBody(_Model):
    func: meters.Function
    property: Annotated[str, Field(min_length=1, max_length=128)] | None = None

    @model_validator(mode="after")
    def _property_where_needed(self) -> Self:
        if self.func not in meters.ADDITIVE:
            raise PydanticCustomError(
                "not_available",
                "This version aggregates by {known}.",
                {"known": ", ".join(meters.ADDITIVE)},
            )
        if self.func != "count" and self.property is None:
            raise PydanticCustomError("missing", "This aggregation needs a property.")
        return self

    def to_aggregation(self) -> meters.Aggregation:
        return meters.Aggregation(self.func, None if self.func == "count" else self.property)


MeterName = Annotated[
    str,
    Field(min_length=meters.MIN_NAME_CHARACTERS, max_length=meters.MAX_NAME_CHARACTERS),
]


class MeterBody(_Model):
    name: MeterName
    filter: Annotated[FilterBody, BeforeValidator(lambda value: _bounded_filter(value))]
    aggregation: AggregationBody
    unit: meters.Unit = "scalar"
    custom_label: Text | None = None
    custom_multiplier: Annotated[int, Field(ge=1, lt=10**events.MAX_INTEGER_DIGITS)] | None = None
    metadata: Metadata = {}


class MeterUpdateBody(_Model):
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
