"""The bodies of spends and holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aureon.core.bodies import Identifier, Model, Number, OptionalIdentifier, OwnId
from aureon.domain import credits
from aureon.domain.events import MAX_EVENT_ID_CHARACTERS
from aureon.ledger.event_bodies import EventMetadataBody, OfCustomer

ExpirySeconds = Annotated[int, Field(ge=1, le=int(credits.MAX_EXPIRY.total_seconds()))]


MAX_REASON_CHARACTERS: Final = 500


def positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise PydanticCustomError("greater_than", "A number above 0.")
    return value


class _Charge(OfCustomer):
    metadata: EventMetadataBody = Field(default_factory=dict)
    limit: Number = Decimal(0)
    meter_id: OwnId | None = None


class SpendBody(_Charge):
    external_id: OptionalIdentifier = None


class HoldBody(_Charge):
    external_id: Identifier
    expires_in_seconds: ExpirySeconds = int(credits.DEFAULT_EXPIRY.total_seconds())


class ExtendBody(Model):
    """How long a hold is to last, counted from when it was placed: sent again, it says the same."""

    expires_in_seconds: ExpirySeconds


class CaptureBody(Model):
    """What was used in the end: metadata that takes the place of the hold's, key by key."""

    metadata: EventMetadataBody = Field(default_factory=dict)
    limit: Number | None = None


class RefundBody(Model):
    """Of which event units are given back, and how many: all that is left, where it doesn't say."""

    event_id: Annotated[str, Field(min_length=1, max_length=MAX_EVENT_ID_CHARACTERS)] | None = None
    spend_external_id: Identifier | None = None
    hold_id: OwnId | None = None
    units: Annotated[Number, AfterValidator(positive)] | None = None
    meter_id: OwnId | None = None
    external_id: OptionalIdentifier = None
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARACTERS)] | None = None

    @model_validator(mode="after")
    def _one_event(self) -> Self:
        names = (self.event_id, self.spend_external_id, self.hold_id)
        if sum(name is not None for name in names) != 1:
            message = "Give one of event_id, spend_external_id and hold_id."
            raise PydanticCustomError("no_event", message)
        return self
