"""The bodies of ingestion: events, each with its customer, time and metadata."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import TypeAliasType

from aureon.core import metadata, times
from aureon.core.bodies import (
    METADATA_SCHEMA,
    CustomerExternalId,
    Model,
    OptionalIdentifier,
    OwnId,
    check_metadata,
    empty_is_none,
)
from aureon.domain import events
from aureon.domain.events import CustomerRef, Event


def _timestamp(value: Any, info: ValidationInfo) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise PydanticCustomError("datetime_type", "A timestamp is a string in ISO 8601 format.")
    try:
        moment = times.from_caller(value)
    except ValueError as error:
        raise PydanticCustomError(
            "datetime_from_date_parsing", "{reason}", {"reason": str(error)}
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
        or len(value) > metadata.MAX_METADATA_KEYS
        or not (events.COST in value or events.LLM in value)
    ):
        return check_metadata(value)
    special = {name: value[name] for name in (events.COST, events.LLM) if name in value}
    # Most events have none: a start need not build what checks them.
    from aureon.ledger.special_bodies import check_special

    checked = check_special(special)
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
            "description": "With its offset, at most 5 minutes ahead. Without one, it is now.",
        }
    ),
]


EventMetadataBody = TypeAliasType(
    "EventMetadataBody",
    Annotated[
        dict[str, Any],
        BeforeValidator(event_metadata),
        WithJsonSchema(
            METADATA_SCHEMA
            | {
                "description": f"{METADATA_SCHEMA['description']} `{events.COST}` may be an object "
                "that says what the event cost: `amount` and `currency`; and "
                f"`{events.LLM}` one for the call to a language model behind it: `vendor`, "
                "`model`, `input_tokens`, `output_tokens`, `total_tokens`, and if you like "
                "`cached_input_tokens`, `prompt`, `response`."
            }
        ),
    ],
)


ParentId = Annotated[
    Annotated[str, Field(min_length=1, max_length=events.MAX_EVENT_ID_CHARACTERS)] | None,
    BeforeValidator(empty_is_none),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": events.MAX_EVENT_ID_CHARACTERS},
                {"type": "null"},
            ],
            "description": "The event that it is a part of, by its id or its external id. It is "
            "kept as it is sent.",
        }
    ),
]


class NamesCustomer(Model):
    """What is about a customer, who is named in one of two ways."""

    customer_id: OwnId | None = None
    external_customer_id: CustomerExternalId | None = None

    @model_validator(mode="after")
    def _one_customer(self) -> Self:
        if (self.customer_id is None) == (self.external_customer_id is None):
            problem = PydanticCustomError(
                "value_error", "One of customer_id and external_customer_id names the customer."
            )
            raise ValidationError.from_exception_data(
                "event",
                [InitErrorDetails(type=problem, loc=("customer_id",), input=self.customer_id)],
            )
        return self

    @property
    def customer(self) -> CustomerRef:
        if self.external_customer_id is not None:
            return CustomerRef(True, self.external_customer_id)
        return CustomerRef(False, self.customer_id or "")


class OfCustomer(NamesCustomer):
    """What happens to a customer."""

    name: Annotated[str, Field(min_length=1, max_length=events.MAX_NAME_CHARACTERS)]


class EventBody(OfCustomer):
    """One event as it is sent. Its time is checked against ``received_at`` in the context."""

    external_id: OptionalIdentifier = None
    parent_id: ParentId = None
    timestamp: Timestamp = None
    metadata: EventMetadataBody = Field(default_factory=dict)

    def to_event(self, position: int, received_at: datetime, *, may_grant: bool) -> Event:
        """An event without a timestamp happened when it was received."""
        return Event(
            position=position,
            customer=self.customer,
            name=self.name,
            timestamp=self.timestamp or received_at,
            metadata=self.metadata,
            external_id=self.external_id,
            sent_at=self.timestamp,
            may_grant=may_grant,
            parent_id=self.parent_id,
        )


class IngestBody(Model):
    """The body of an ingestion. That there are not too many events is checked before."""

    events: list[EventBody]
