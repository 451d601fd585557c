"""The bodies of grants, and of taking them back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from aureon.core import times
from aureon.core.bodies import (
    Identifier,
    Model,
    Number,
    OptionalIdentifier,
    OwnId,
)
from aureon.core.exact import MAX_INTEGER_DIGITS
from aureon.credits.bodies import positive
from aureon.domain.lots import (
    CREDITED,
    DEFAULT_PRIORITY,
    MANUAL,
    MAX_PRIORITY,
    SHORTEST_LIFE_SECONDS,
)
from aureon.ledger.event_bodies import EventMetadataBody, NamesCustomer, OfCustomer

MAX_NOTE_CHARACTERS: Final = 500
MAX_SECONDS: Final = int(timedelta(days=36_525).total_seconds())


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise PydanticCustomError("datetime_type", "A time is a string.")
    try:
        return times.from_text(value)
    except ValueError:
        message = "A time is RFC 3339 with its offset, such as 2026-11-29T12:00:00Z."
        raise PydanticCustomError("datetime_parsing", message) from None


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        message = "Unknown time zone; use an IANA name such as Europe/Berlin."
        raise PydanticCustomError("timezone", message) from None
    return value


TIME_SCHEMA: Final = {"type": "string", "format": "date-time"}
Seconds = Annotated[int, Field(ge=SHORTEST_LIFE_SECONDS, le=MAX_SECONDS)]


class RecurrenceBody(Model):
    """How often the credits come back: `count` times in all, or for ever.

    So many `units` come back, where it is not as many as are given now.
    """

    every: Literal["day", "week", "month", "year"]
    count: Annotated[int, Field(ge=1, le=10_000)] | None = None
    timezone: Annotated[str, Field(max_length=64), AfterValidator(_zone)] = "UTC"
    anchor: Annotated[datetime, BeforeValidator(_time), WithJsonSchema(TIME_SCHEMA)] | None = None
    units: Annotated[Number, AfterValidator(positive)] | None = None

    def local_anchor(self, now: datetime) -> datetime:
        """What the clocks of the time zone show at the anchor, else now, to the second."""
        anchor = (self.anchor or now).astimezone(ZoneInfo(self.timezone))
        return anchor.replace(microsecond=0, tzinfo=None, fold=0)

    def terms(self) -> list[Any]:
        """What a repeat must say as well."""
        anchor = None if self.anchor is None else times.to_text(self.anchor)
        units = None if self.units is None else self.units.normalize()
        return [self.every, self.count, self.timezone, anchor, units]


class RolloverBody(Model):
    """What of the rest goes on when the credits expire, and for how long."""

    max_units: Annotated[Number, AfterValidator(positive)]
    expires_in_seconds: Seconds | None = None


class GrantBody(OfCustomer):
    metadata: EventMetadataBody = Field(default_factory=dict)
    external_id: OptionalIdentifier = None
    meter_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    expires_at: Annotated[datetime, BeforeValidator(_time), WithJsonSchema(TIME_SCHEMA)] | None = (
        None
    )
    expires_in_seconds: Seconds | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)] | None = None
    recurrence: RecurrenceBody | None = None
    rollover: RolloverBody | None = None
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARACTERS)] | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        ends = [self.expires_at, self.expires_in_seconds, self.recurrence]
        if sum(end is not None for end in ends) > 1:
            message = "Give one of expires_at, expires_in_seconds and recurrence."
            raise PydanticCustomError("too_many_expiries", message)
        if self.rollover is not None and all(end is None for end in ends):
            raise PydanticCustomError("missing", "Only credits that expire can roll over.")
        if (
            self.rollover is not None
            and self.recurrence is None
            and self.rollover.expires_in_seconds is None
        ):
            message = "Say in expires_in_seconds how long credits live that roll over."
            raise PydanticCustomError("missing", message)
        return self

    @property
    def has_terms(self) -> bool:
        """Whether it makes a lot, and not a plain negative event."""
        terms = (
            self.meter_id,
            self.expires_at,
            self.expires_in_seconds,
            self.priority,
            self.recurrence,
        )
        return any(term is not None for term in terms)

    def terms(self) -> dict[str, Any]:
        """What a repeat must say as well, beside the event."""
        return {
            "meter_id": self.meter_id,
            "expires_at": None if self.expires_at is None else times.to_text(self.expires_at),
            "expires_in_seconds": self.expires_in_seconds,
            "priority": DEFAULT_PRIORITY if self.priority is None else self.priority,
            "recurrence": None if self.recurrence is None else self.recurrence.terms(),
            "rollover": None
            if self.rollover is None
            else [self.rollover.max_units.normalize(), self.rollover.expires_in_seconds],
            "note": self.note,
        }


class CreditBody(NamesCustomer):
    """Units of one meter to give to a customer, as Polar's clients give them."""

    units: Annotated[int, Field(gt=0, lt=10**MAX_INTEGER_DIGITS)]
    rollover: Annotated[
        bool,
        Field(description="Kept and returned. Aureon has no periods: what is left stays."),
    ] = False
    external_id: OptionalIdentifier = None
    meter_id: OwnId | None = None
    external_meter_id: Identifier | None = None

    @model_validator(mode="after")
    def _one_meter(self) -> Self:
        if (self.meter_id is None) == (self.external_meter_id is None):
            message = "One of meter_id and external_meter_id names the meter."
            raise PydanticCustomError("value_error", message)
        return self

    def to_grant(self, meter_id: str) -> GrantBody:
        """The grant that gives them."""
        metadata = {
            "meter_id": meter_id,
            "units": self.units,
            "rollover": self.rollover,
            "reason": MANUAL,
        }
        return GrantBody(
            name=CREDITED,
            customer_id=self.customer_id,
            external_customer_id=self.external_customer_id,
            external_id=self.external_id,
            meter_id=meter_id,
            metadata=metadata,
        )


class VoidBody(Model):
    """Whether what was used of the credits is taken back too, as after a charge-back; and why."""

    allow_debt: bool = False
    reason: Annotated[str, Field(min_length=1, max_length=MAX_NOTE_CHARACTERS)] | None = None
