"""The bodies of spends, holds and captures as most are sent, checked without pydantic.

As `aureon.plain_events` does it for events: a cold start pays for pydantic only where a body needs
`aureon.bodies.credits` to say what is wrong with it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aureon.domain.credits import DEFAULT_EXPIRY, MAX_EXPIRY
from aureon.domain.events import MAX_ID_CHARACTERS, MAX_NAME_CHARACTERS, number_problem
from aureon.exact import ZERO
from aureon.plain_events import is_plain_customer, is_plain_metadata, understood

if TYPE_CHECKING:
    from aureon.bodies.credits import CaptureBody, HoldBody, SpendBody

DEFAULT_SECONDS: Final = int(DEFAULT_EXPIRY.total_seconds())
MAX_SECONDS: Final = int(MAX_EXPIRY.total_seconds())


class _Plain(msgspec.Struct, kw_only=True):
    metadata: dict[str, Any] = {}


class _Charge(_Plain, kw_only=True):
    """The other spelling of a key, which the long way takes as well, makes a body not plain."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    customer_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    external_customer_id: (
        Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARACTERS)] | None
    ) = None
    limit: Any = ZERO
    customerId: UnsetType = UNSET  # noqa: N815
    externalCustomerId: UnsetType = UNSET  # noqa: N815
    externalId: UnsetType = UNSET  # noqa: N815


class PlainSpend(_Charge, kw_only=True):
    """What `SpendBody` would be."""

    external_id: Annotated[str, Meta(max_length=MAX_ID_CHARACTERS)] | None = None

    def __post_init__(self) -> None:
        self.external_id = self.external_id or None


class PlainHold(_Charge, kw_only=True):
    """What `HoldBody` would be."""

    external_id: Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARACTERS)]
    expires_in_seconds: Annotated[int, Meta(ge=1, le=MAX_SECONDS)] = DEFAULT_SECONDS
    expiresInSeconds: UnsetType = UNSET  # noqa: N815


class PlainCapture(_Plain, kw_only=True):
    """What `CaptureBody` would be."""


Body = TypeVar("Body", bound=_Plain)


def parse_spend(sent: Any) -> PlainSpend | SpendBody:
    """Check the decoded body of a spend. Raises `Invalid`."""
    spend = plain(PlainSpend, sent)
    if spend is not None:
        return spend
    from aureon.bodies import check
    from aureon.bodies.credits import SpendBody

    return check(SpendBody, sent)


def parse_hold(sent: Any) -> PlainHold | HoldBody:
    """Check the decoded body of a hold. Raises `Invalid`."""
    hold = plain(PlainHold, sent)
    if hold is not None:
        return hold
    from aureon.bodies import check
    from aureon.bodies.credits import HoldBody

    return check(HoldBody, sent)


def parse_capture(sent: Any) -> PlainCapture | CaptureBody:
    """Check the decoded body of a capture. Raises `Invalid`."""
    capture = plain(PlainCapture, sent)
    if capture is not None:
        return capture
    from aureon.bodies import check
    from aureon.bodies.credits import CaptureBody

    return check(CaptureBody, sent)


def plain(kind: type[Body], sent: Any) -> Body | None:
    """A body that is plain, and so good; None where pydantic must look at it."""
    try:
        found = msgspec.convert(sent, kind)
    except msgspec.ValidationError:
        return None
    if not is_plain_metadata(found.metadata):
        return None
    if isinstance(found, _Charge):
        if not is_plain_customer(found.customer_id, found.external_customer_id):
            return None
        limit = found.limit
        if type(limit) is not int and type(limit) is not Decimal:
            return None
        if number_problem(limit) is not None:
            return None
        found.limit = Decimal(limit)
    found.metadata = understood(found.metadata)
    return found
