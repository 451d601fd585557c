"""The bodies of spends and holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from aureon.bodies import CustomerExternalId, Identifier, Model, Number, OptionalIdentifier
from aureon.bodies.events import EventMetadata, one_customer
from aureon.domain import credits, events

Name = Annotated[str, Field(min_length=1, max_length=events.MAX_NAME_CHARACTERS)]


class _Charge(Model):
    name: Name
    customer_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    external_customer_id: CustomerExternalId | None = None
    metadata: EventMetadata = Field(default_factory=dict)
    limit: Number = Decimal(0)

    @model_validator(mode="after")
    def _one_customer(self) -> Self:
        one_customer(self.customer_id, self.external_customer_id)
        return self


class SpendBody(_Charge):
    external_id: OptionalIdentifier = None


class HoldBody(_Charge):
    external_id: Identifier
    expires_in_seconds: Annotated[int, Field(ge=1, le=int(credits.MAX_EXPIRY.total_seconds()))] = (
        int(credits.DEFAULT_EXPIRY.total_seconds())
    )


class CaptureBody(Model):
    """What was used in the end: metadata that takes the place of the hold's, key by key."""

    metadata: EventMetadata = Field(default_factory=dict)
