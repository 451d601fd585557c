"""The bodies of ingestion: events, each with its customer, time and metadata."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import TypedDict

from aureon import times
from aureon.bodies import (
    METADATA_SCHEMA,
    CustomerExternalId,
    Model,
    Number,
    OptionalIdentifier,
    Text,
    check_metadata,
)
from aureon.domain import events
from aureon.domain.events import Event


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


def event_metadata(value: Any) -> dict[str, Any]:
    """Check an event's metadata, and the two objects that it may hold, which count as keys."""
    if (
        type(value) is not dict
        or len(value) > events.MAX_METADATA_KEYS
        or not (events.COST in value or events.LLM in value)
    ):
        return check_metadata(value)
    special = {name: value[name] for name in (events.COST, events.LLM) if name in value}
    checked = _SPECIAL.dump_python(_SPECIAL.validate_python(special), exclude_unset=True)
    plain = check_metadata(
        {name: element for name, element in value.items() if name not in special}
    )
    return {**plain, **checked}


Timestamp = Annotated[
    datetime | None,
    BeforeValidator(_timestamp),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
            "description": "With its offset, at most 5 minutes ahead; absent, it is now.",
        }
    ),
]


class _Cost(Model):
    amount: Number
    currency: Annotated[str, Field(min_length=3, max_length=3)]


class _Llm(Model):
    vendor: Text
    model: Text
    prompt: Annotated[str, Field(max_length=events.MAX_LLM_TEXT_CHARACTERS)] | None = None
    response: Annotated[str, Field(max_length=events.MAX_LLM_TEXT_CHARACTERS)] | None = None
    input_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)]
    cached_input_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)] | None = None
    output_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)]
    total_tokens: Annotated[int, Field(ge=0, lt=10**events.MAX_INTEGER_DIGITS)]


class _Special(TypedDict, total=False):
    _cost: _Cost
    _llm: _Llm


_SPECIAL: Final = TypeAdapter(_Special)
EventMetadata = Annotated[
    dict[str, Any],
    BeforeValidator(event_metadata),
    WithJsonSchema(
        METADATA_SCHEMA
        | {
            "properties": {
                events.COST: {
                    "type": "object",
                    "description": "What the event cost: an amount and a currency.",
                    "required": ["amount", "currency"],
                },
                events.LLM: {
                    "type": "object",
                    "description": "The call to a language model behind it.",
                    "required": [
                        "vendor",
                        "model",
                        "input_tokens",
                        "output_tokens",
                        "total_tokens",
                    ],
                },
            }
        }
    ),
]


def one_customer(customer_id: str | None, external_customer_id: str | None) -> None:
    """Require one of the two ways to name a customer. Raises ValidationError."""
    if (customer_id is None) == (external_customer_id is None):
        problem = PydanticCustomError(
            "value_error", "One of customer_id and external_customer_id names the customer."
        )
        raise ValidationError.from_exception_data(
            "event",
            [InitErrorDetails(type=problem, loc=("customer_id",), input=customer_id)],
        )


class EventBody(Model):
    """One event as it is sent. Its time is checked against ``received_at`` in the context."""

    name: Annotated[str, Field(min_length=1, max_length=events.MAX_NAME_CHARACTERS)]
    customer_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    external_customer_id: CustomerExternalId | None = None
    external_id: OptionalIdentifier = None
    timestamp: Timestamp = None
    metadata: EventMetadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_customer(self) -> Self:
        one_customer(self.customer_id, self.external_customer_id)
        return self

    def to_event(self, position: int, received_at: datetime) -> Event:
        """An event without a timestamp happened when it was received."""
        if self.external_customer_id is not None:
            customer = events.Named(True, self.external_customer_id)
        else:
            customer = events.Named(False, self.customer_id or "")
        return Event(
            position=position,
            customer=customer,
            name=self.name,
            timestamp=self.timestamp or received_at,
            metadata=self.metadata,
            external_id=self.external_id,
            sent_at=self.timestamp,
        )


class IngestBody(Model):
    """The body of an ingestion. That there are not too many events is checked before."""

    events: list[EventBody]
