"""The bodies of customers."""

from __future__ import annotations

from typing import Annotated, Final

import email_validator
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from aureon.core.bodies import MetadataBody, Model, OptionalExternalId, Text
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


# ISO 3166-1. The clients can read no others.
COUNTRIES: Final = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
    VN VU WF WS YE YT ZA ZM ZW
    """.split()  # noqa: SIM905
)


def _country(value: str) -> str:
    if value not in COUNTRIES:
        raise PydanticCustomError("enum", "A country is an ISO 3166-1 code of two letters.")
    return value


class AddressBody(Model):
    country: Annotated[str, AfterValidator(_country)]
    line1: Text | None = None
    line2: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    state: Text | None = None


CustomerName = Annotated[str, Field(max_length=customers.MAX_NAME_CHARACTERS)] | None


class CustomerBody(Model):
    email: Email | None = None
    name: CustomerName = None
    external_id: OptionalExternalId = None
    metadata: MetadataBody = Field(default_factory=dict)
    type: customers.CustomerType | None = None
    billing_address: AddressBody | None = None
    tax_id: Text | None = None
    locale: Text | None = None


class CustomerUpdateBody(Model):
    """A change of a customer: what is absent stays as it is."""

    email: Email | None = None
    name: CustomerName = None
    external_id: OptionalExternalId = None
    metadata: MetadataBody | None = None
    billing_address: AddressBody | None = None
    tax_id: Text | None = None
    locale: Text | None = None


class CustomerPutBody(CustomerUpdateBody):
    """What a customer with an external id is to be: made so, or changed where it is there."""

    type: customers.CustomerType | None = None

    def to_customer(self, external_id: str) -> CustomerBody:
        """The body that creates it, where it is not there."""
        given = self.model_dump(exclude_unset=True, exclude_none=True)
        return CustomerBody.model_validate({**given, "external_id": external_id})
