"""The two objects that an event's metadata may hold: what it cost, and the model that it called."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from aureon.core import exact
from aureon.core.bodies import NUMBER_SCHEMA, Model, Text, check_number
from aureon.domain import events

NUMERAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]{1,4})?", re.IGNORECASE)


def _amount(value: Any) -> Decimal:
    """A number, or one in a string, as the SDKs type it."""
    if isinstance(value, str) and NUMERAL.fullmatch(value):
        value = Decimal(value)
    return check_number(value)


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [NUMBER_SCHEMA, {"type": "string"}]}),
]


class _Cost(Model):
    amount: Amount
    currency: Annotated[str, Field(min_length=3, max_length=3)]


class _Llm(Model):
    vendor: Text
    model: Text
    prompt: Annotated[str, Field(max_length=events.MAX_LLM_TEXT_CHARACTERS)] | None = None
    response: Annotated[str, Field(max_length=events.MAX_LLM_TEXT_CHARACTERS)] | None = None
    input_tokens: Annotated[int, Field(ge=0, lt=10**exact.MAX_INTEGER_DIGITS)]
    cached_input_tokens: Annotated[int, Field(ge=0, lt=10**exact.MAX_INTEGER_DIGITS)] | None = None
    output_tokens: Annotated[int, Field(ge=0, lt=10**exact.MAX_INTEGER_DIGITS)]
    total_tokens: Annotated[int, Field(ge=0, lt=10**exact.MAX_INTEGER_DIGITS)]


class _Special(TypedDict, total=False):
    _cost: _Cost
    _llm: _Llm


_SPECIAL: Final = TypeAdapter(_Special)


def check_special(value: dict[str, Any]) -> dict[str, Any]:
    """Check these objects. Raises pydantic's own error."""
    return _SPECIAL.dump_python(_SPECIAL.validate_python(value), exclude_unset=True)  # type: ignore[no-any-return]
