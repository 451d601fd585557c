"""What can go wrong.

AureonError
├── Refused               what was sent was refused, and is not sent again
│   ├── Unauthorized        401  no token, or one that is wrong, expired or revoked
│   ├── InsufficientCredits 402  a spend, a hold or a capture would take more than there is
│   ├── Forbidden           403  the token may not do this
│   ├── NotFound            404  no such thing
│   ├── Conflict            409  the id was used for something else, or the hold has ended
│   ├── TooLarge            413  more than one request may carry
│   ├── Invalid             422  rules are broken; `problems` says which, and where
│   └── TooMany             429  for longer than the deadline
├── Unavailable           no answer before the deadline: send it again under the same `id`
├── HoldEnded             a hold that was placed before, under the same id, has ended
└── NotSent               what a batch could not send, or was refused
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from . import types


class AureonError(Exception):
    """The root of everything that this package raises on purpose."""


class Refused(AureonError):
    """The request was refused: nothing of it was done.

    `uncertain` says that an attempt before this one got no answer, and may have been carried out.
    """

    def __init__(self, status: int, body: Any, *, uncertain: bool = False) -> None:
        super().__init__(f"{status}: {_said(body)}")
        self.status = status
        self.body = body
        self.uncertain = uncertain


class Unauthorized(Refused):
    """There is no access token, or it is wrong, expired or revoked."""


class InsufficientCredits(Refused):
    """There is too little left of a meter; nothing was taken. The numbers are units."""

    @property
    def meter_id(self) -> str:
        return str(self.body["meter_id"])

    @property
    def required(self) -> Decimal:
        return Decimal(self.body["required"])

    @property
    def available_credits(self) -> Decimal:
        return Decimal(self.body["available_credits"])


class Forbidden(Refused):
    """The access token does not allow this."""


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """The id was used for something else, or the hold has ended in another way."""


class TooLarge(Refused):
    """The request carries more than one request may."""


class Invalid(Refused):
    """The request breaks rules."""

    @property
    def problems(self) -> Sequence[types.Problem]:
        found = self.body.get("detail") if isinstance(self.body, dict) else None
        return found if isinstance(found, list) else []


class TooMany(Refused):
    """Too many requests, or too many open holds, until the deadline."""


class Unavailable(AureonError):
    """There was no answer before the deadline.

    Whether it was done is not known. Under the same `id` it may be sent again: it is done once.
    """

    def __init__(self, id: str | None, last: str) -> None:
        super().__init__(f"No answer before the deadline. The last attempt: {last}")
        self.id = id


class HoldEnded(AureonError):
    """A hold was placed under this id before, and has ended: its work was done, or given up."""

    def __init__(self, hold: types.Hold) -> None:
        super().__init__(f"The hold {hold['external_id']} is {hold['status']}.")
        self.hold = hold


@dataclass(frozen=True)
class RefusedEvent:
    """An event that does not count, and why."""

    event: types.EventBody
    reason: str


@dataclass(frozen=True)
class UnsentRequest:
    """Events that may have counted or not: ``client.ingest(events, id=id)`` counts them once."""

    id: str
    events: Sequence[types.EventBody]


class NotSent(AureonError):
    """What a batch was given, and what does not count, or not for sure."""

    def __init__(
        self, refused: Sequence[RefusedEvent], unsent: Sequence[UnsentRequest] = ()
    ) -> None:
        parts = [f"{len(refused)} events were refused"] if refused else []
        if unsent:
            parts.append(f"{sum(len(each.events) for each in unsent)} events were not sent")
        super().__init__(f"{', and '.join(parts)}.")
        self.refused = refused
        self.unsent = unsent


_BY_STATUS: Final[dict[int, type[Refused]]] = {
    401: Unauthorized,
    402: InsufficientCredits,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: TooMany,
}


def refused(status: int, body: Any, *, uncertain: bool) -> Refused:
    """The error that an answer's status means."""
    return _BY_STATUS.get(status, Refused)(status, body, uncertain=uncertain)


def _said(body: Any) -> str:
    """What an answer's body says to a person."""
    if not isinstance(body, dict):
        return str(body)
    if body.get("error") == "InsufficientCredits":
        return f"{body['required']} units are required; {body['available_credits']} are available."
    detail = body.get("detail", body.get("error_description", body.get("message", body)))
    if isinstance(detail, list):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in detail)
    return str(detail)
