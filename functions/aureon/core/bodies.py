"""Request bodies: what they may hold, checked before anything else looks at them.

Both spellings of a key are taken, ``external_id`` and ``externalId``: one of the clients passes
its callers' bodies on as they are. Keys that are not known are passed over, as Polar does.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import TypeAliasType

from aureon.core.errors import Invalid, Problem
from aureon.core.exact import (
    MAX_FRACTION_DIGITS,
    MAX_INTEGER_DIGITS,
    MAX_NUMBER_CHARACTERS,
    counted,
    has_few_characters,
)
from aureon.core.identifiers import MAX_ID_CHARACTERS, MAX_OWN_ID_CHARACTERS, UNREACHABLE
from aureon.core.metadata import (
    MAX_METADATA_KEY_CHARACTERS,
    MAX_METADATA_KEYS,
    MAX_METADATA_VALUE_CHARACTERS,
)

Body = TypeVar("Body", bound=BaseModel)


def check(model: type[Body], value: Any, **context: Any) -> Body:
    """Check a decoded body. Raises `Invalid`, which names every place that is wrong."""
    try:
        return model.model_validate(value, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        # Not from the error: it says what was sent, and what is raised after it may be logged.
        raise Invalid(
            [
                Problem("dict_type", ("body", *detail["loc"]), "Input should be an object")
                if detail["type"] in ("model_type", "dict_type")
                else Problem(
                    detail["type"], ("body", *detail["loc"]), detail["msg"], detail["input"]
                )
                for detail in details
            ]
        ) from None


class Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: _spellings(name)),
        strict=True,
        frozen=True,
    )


def _spellings(name: str) -> str | AliasChoices:
    name = name.rstrip("_")
    camel = to_camel(name)
    return name if camel == name else AliasChoices(name, camel)


def check_metadata(value: Any) -> dict[str, Any]:
    """Check metadata by hand: it is most of what a request carries, and this is faster."""
    if type(value) is not dict:
        _fail("dict_type", (), value)
    if len(value) > MAX_METADATA_KEYS:
        _refuse("too_long", f"Metadata has at most {MAX_METADATA_KEYS} keys.", (), None)
    for name, element in value.items():
        if not 0 < len(name) <= MAX_METADATA_KEY_CHARACTERS:
            _refuse(
                "string_too_long" if name else "string_too_short",
                f"A key has 1 to {MAX_METADATA_KEY_CHARACTERS} characters.",
                (name,),
                name,
            )
        _check_value(name, element)
    return value


def _check_value(name: str, value: Any) -> None:
    kind = type(value)
    if kind is str:
        if not 0 < len(value) <= MAX_METADATA_VALUE_CHARACTERS:
            _refuse(
                "string_too_long" if value else "string_too_short",
                f"A string has 1 to {MAX_METADATA_VALUE_CHARACTERS} characters.",
                (name,),
                value,
            )
    elif kind is int or kind is Decimal:
        if not has_few_characters(value):
            _refuse("decimal_max_digits", NUMBER_TOO_LONG, (name,), None)
    elif kind is not bool:
        _refuse("metadata_type", "A value is a string, a number or a boolean.", (name,), value)


def _refuse(kind: Any, message: str, loc: tuple[str, ...], value: Any) -> NoReturn:
    raise ValidationError.from_exception_data(
        "metadata",
        [InitErrorDetails(type=PydanticCustomError(kind, message), loc=loc, input=value)],
    )


def _fail(kind: Any, loc: tuple[str, ...], value: Any) -> NoReturn:
    raise ValidationError.from_exception_data(
        "metadata", [InitErrorDetails(type=kind, loc=loc, input=value)]
    )


def check_number(value: Any) -> Decimal:
    """A number as it is counted. Raises pydantic's own error."""
    if type(value) is not int and type(value) is not Decimal:
        raise PydanticCustomError("decimal_type", "Must be a number.")
    number = counted(value) if has_few_characters(value) else None
    if number is None:
        raise PydanticCustomError("decimal_max_digits", NUMBER_TOO_LARGE)
    return number


def empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _reachable(value: str) -> str:
    """Refuse what a path could not tell from another id: the gateway hands paths over decoded."""
    if value.endswith(UNREACHABLE):
        raise PydanticCustomError(
            "value_error",
            "An external id of a customer or a meter does not end in a slash or /state.",
        )
    return value


NUMBER_TOO_LONG: Final = f"A number has at most {MAX_NUMBER_CHARACTERS} characters."
NUMBER_TOO_LARGE: Final = (
    f"A number that counts has at most {MAX_INTEGER_DIGITS} digits before the point."
)

# What is checked by hand, as the reference of the API says it.
NUMBER_SCHEMA: Final = {
    "type": "number",
    "exclusiveMinimum": -(10**MAX_INTEGER_DIGITS),
    "exclusiveMaximum": 10**MAX_INTEGER_DIGITS,
    "description": f"A decimal, exact: at most {MAX_INTEGER_DIGITS} digits before the point, and "
    f"rounded to {MAX_FRACTION_DIGITS} after it, halves to the even digit.",
}
# Values are described in words: with a schema of their own, or with properties beside them, some
# generators of clients send no value at all, or want each one wrapped.
METADATA_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": f"Strings of 1 to {MAX_METADATA_VALUE_CHARACTERS} characters, booleans, and "
    f"numbers, which are kept as they are written, in up to {MAX_NUMBER_CHARACTERS} characters.",
    "maxProperties": MAX_METADATA_KEYS,
    "propertyNames": {"minLength": 1, "maxLength": MAX_METADATA_KEY_CHARACTERS},
    "additionalProperties": True,
}
OPTIONAL_ID_SCHEMA: Final = {
    "anyOf": [{"type": "string", "maxLength": MAX_ID_CHARACTERS}, {"type": "null"}],
    "description": "An empty string counts as null.",
}

Text = Annotated[str, Field(min_length=1, max_length=MAX_METADATA_VALUE_CHARACTERS)]
Identifier = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS)]
OwnId = Annotated[str, Field(min_length=1, max_length=MAX_OWN_ID_CHARACTERS)]
OptionalIdentifier = Annotated[
    Identifier | None, BeforeValidator(empty_is_none), WithJsonSchema(OPTIONAL_ID_SCHEMA)
]
CustomerExternalId = Annotated[Identifier, AfterValidator(_reachable)]
OptionalExternalId = Annotated[
    CustomerExternalId | None, BeforeValidator(empty_is_none), WithJsonSchema(OPTIONAL_ID_SCHEMA)
]
Number = Annotated[Decimal, BeforeValidator(check_number), WithJsonSchema(NUMBER_SCHEMA)]
MetadataBody = TypeAliasType(
    "MetadataBody",
    Annotated[dict[str, Any], BeforeValidator(check_metadata), WithJsonSchema(METADATA_SCHEMA)],
)
