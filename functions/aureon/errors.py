"""What can be wrong, raised where it is known. `aureon.http` turns each into an answer.

AureonError
├── NotFound            404  no such thing in this organization
├── Invalid             422  the request breaks a rule; names every place that does
├── Conflict            409  an Idempotency-Key came back with another body; there is no queue
├── InsufficientCredits 402  a spend or a hold would take more than there is
├── TooManyHolds        429  a customer's open holds are as many as there may be
├── TooLarge            413  more than one request, or one answer, may carry
├── Unauthorized        401  no token
├── InvalidToken        401  a token that is wrong, expired or revoked
├── InsufficientScope   403  a token that may not do this
└── Unavailable         503  the ledger cannot be sure now; try again
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple


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


class Conflict(AureonError):
    """An ``Idempotency-Key`` was used before, with another body; or there is no queue to use."""


class InsufficientCredits(AureonError):
    """There is too little left; nothing was stored. All but the meter's id are units."""

    def __init__(
        self, meter_id: str, *, balance: Decimal, required: Decimal, available_credits: Decimal
    ) -> None:
        super().__init__(f"{required} units are required; {available_credits} are available.")
        self.meter_id = meter_id
        self.balance = balance
        self.required = required
        self.available_credits = available_credits


class TooManyHolds(AureonError):
    """The customer's open holds of a meter are as many as there may be."""


class TooLarge(AureonError):
    """The request carries more than one request may, or asks for more than one answer may."""


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
