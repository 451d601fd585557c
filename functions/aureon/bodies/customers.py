"""The bodies of customers."""

from __future__ import annotations

from typing import Annotated

import email_validator
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from aureon.bodies import Metadata, Model, OptionalExternalId, Text
from aureon.domain import customers

# Only the syntax of an address is checked: names reserved for tests and inner networks are good.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def _email(value: str) -> str:
    try:
        valid = email_validator.validate_email(value, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise PydanticCustomError("value_error", "{reason}", {"reason": str(error)}) from None
    return valid.normalized


Email = Annotated[str, AfterValidator(_email)]


class AddressBody(Model):
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    line1: Text | None = None
    line2: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    state: Text | None = None


CustomerName = Annotated[str, Field(max_length=customers.MAX_NAME_CHARACTERS)] | None


class CustomerBody(Model):
    email: Email
    name: CustomerName = None
    external_id: OptionalExternalId = None
    metadata: Metadata = Field(default_factory=dict)
    type: customers.CustomerType | None = None
    billing_address: AddressBody | None = None
    tax_id: Text | None = None
    locale: Text | None = None


class CustomerUpdateBody(Model):
    """A change of a customer: what is absent stays as it is."""

    email: Email | None = None
    name: CustomerName = None
    external_id: OptionalExternalId = None
    metadata: Metadata | None = None
    billing_address: AddressBody | None = None
    tax_id: Text | None = None
    locale: Text | None = None
