"""What can be wrong, raised where it is known. `aureon.api.responses` turns each into an answer.

AureonError
├── NotFound            404  no such thing in this organization
├── Invalid             422  the request breaks a rule; names every place that does
├── Conflict            409  it was done before, and otherwise, or can't be done any more
├── InsufficientCredits 402  a spend or a hold would take more than there is
├── TooManyRequests     429  a token makes more requests a second than it may
├── TooManyHolds        429  a customer's open holds are as many as there may be
├── TooLarge            413  more than one request, or one answer, may carry
├── UnsupportedMediaType 415 a body in an encoding that is not understood
├── Unauthorized        401  no token
├── InvalidToken        401  a token that is wrong, expired or revoked
├── InsufficientScope   403  a token that may not do this
└── Unavailable         503  the ledger cannot be sure now; try again
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Self


class AureonError(Exception):
    """The root of everything that Aureon raises on purpose."""


class NotFound(AureonError):
    """There is no such thing in this organization."""


class Problem(NamedTuple):
    """One broken rule: its kind, where it is, what is wrong in words, and what was given."""

    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: Any = None


class Invalid(AureonError):
    """The request breaks one rule or more; nothing of it was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.msg for problem in problems))
        self.problems = tuple(problems)

    @classmethod
    def at(
        cls,
        loc: tuple[str | int, ...],
        message: str,
        given: Any = None,
        *,
        kind: str = "value_error",
    ) -> Self:
        """One broken rule."""
        return cls([Problem(kind, loc, message, given)])


class Conflict(AureonError):
    """It was done before, and otherwise, or can't be done any more; nothing was stored.

    `error` is what the answer calls it: Polar's clients know some by names of their own.
    """

    def __init__(self, detail: str, *, error: str = "Conflict") -> None:
        super().__init__(detail)
        self.error = error


class InsufficientCredits(AureonError):
    """There is too little left by the meter that is named, in units; nothing was stored."""

    def __init__(
        self,
        meter_id: str,
        meter_name: str,
        *,
        balance: Decimal,
        required: Decimal,
        available_credits: Decimal,
    ) -> None:
        super().__init__(f"{required} units are required; {available_credits} are available.")
        self.meter_id = meter_id
        self.meter_name = meter_name
        self.balance = balance
        self.required = required
        self.available_credits = available_credits


class TooManyHolds(AureonError):
    """The customer's open holds of a meter are as many as there may be."""


class TooManyRequests(AureonError):
    """The token has made as many requests as it may, in this second or in a few; none was done."""

    def __init__(self, requests_per_second: int, *, retry_after_seconds: int) -> None:
        super().__init__(f"This token may make {requests_per_second:,} requests a second.")
        self.retry_after_seconds = retry_after_seconds


class TooLarge(AureonError):
    """The request carries more than one request may, or asks for more than one answer may."""


class UnsupportedMediaType(AureonError):
    """The body is encoded in a way that is not understood."""


class Unauthorized(AureonError):
    """The request carries no token."""


class InvalidToken(AureonError):
    """The token is wrong, expired or revoked."""


class InsufficientScope(AureonError):
    """The token is good, but its scopes do not allow this."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs the scope {scope}.")
        self.scope = scope


class Unavailable(AureonError):
    """The ledger cannot be sure of the outcome now; the same request may be sent again.

    `detail` is for the caller, and says what is already counted where that is known.
    """

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Incomplete(Unavailable):
    """A balance that would decide is still counting the past."""

    def __init__(self, meter_id: str) -> None:
        detail = f"Meter {meter_id} is still counting this customer's past events."
        super().__init__(detail, retry_after_seconds=5)
