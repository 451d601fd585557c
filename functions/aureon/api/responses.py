"""Responses: what operations answer, in the gateway's terms, and the one table of errors."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aureon.api.runtime import logger
from aureon.core import exact
from aureon.core.errors import (
    Conflict,
    InsufficientCredits,
    InsufficientScope,
    Invalid,
    InvalidToken,
    NotFound,
    Problem,
    TooLarge,
    TooManyHolds,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from aureon.api import response_models as models
    from aureon.api.routes import Target

# Lambda takes 6 MB in a synchronous call, and gives 6 MB; what is around a body needs some of it.
MAX_BODY_BYTES: Final = 6 * 1024 * 1024 - 64 * 1024
# Base64 makes a third more of what is no text.
MAX_FILE_BYTES: Final = MAX_BODY_BYTES // 4 * 3
# Most of what can be saved, for little of the time.
COMPRESSION_LEVEL: Final = 4
MAX_INPUT_CHARACTERS: Final = 200
JSON: Final = "application/json"


class Content(NamedTuple):
    """A body that is no JSON: its media type, and its bytes."""

    type: str
    data: bytes


class Answer(NamedTuple):
    """A status, a value for the JSON body, or `Content`, or None for no body, and headers."""

    status: int
    value: Any
    headers: Mapping[str, str] = {}


def to_event(answer: Answer) -> dict[str, Any]:
    """An answer in the gateway's terms."""
    headers = dict(answer.headers)
    if answer.value is None:
        return {"statusCode": answer.status, "headers": headers, "body": ""}
    if isinstance(answer.value, Content):
        return {
            "statusCode": answer.status,
            "headers": {**headers, "Content-Type": answer.value.type},
            "body": b64encode(answer.value.data).decode(),
            "isBase64Encoded": True,
        }
    headers["Content-Type"] = JSON
    body = exact.write(answer.value)
    # Lambda carries it as a text in JSON of its own, where it takes up to twice as much.
    if len(body) > MAX_BODY_BYTES // 2 and len(exact.write(body.decode())) > MAX_BODY_BYTES:
        raise TooLarge(
            "The answer is larger than 6 MB: ask for less at once, with a smaller limit."
        )
    return {"statusCode": answer.status, "headers": headers, "body": body.decode()}


def file_answer(
    content: Content, accept_encoding: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """A file, compressed for callers that take that. Raises `TooLarge`."""
    import gzip

    headers = {**(headers or {}), "Vary": "Accept-Encoding"}
    if "gzip" in accept_encoding:
        content = content._replace(data=gzip.compress(content.data, COMPRESSION_LEVEL, mtime=0))
        headers["Content-Encoding"] = "gzip"
    if len(content.data) > MAX_FILE_BYTES:
        raise TooLarge("The answer is larger than 6 MB: ask for less at once.")
    return Answer(200, content, headers)


def not_served(target: Target | None) -> Answer:
    """What a path answers that is none, or that does not take the request's method."""
    if target is None:
        return Answer(404, {"error": "ResourceNotFound", "detail": "Not found"})
    allowed = ", ".join(target.methods)
    body = {"error": "MethodNotAllowed", "detail": f"This path takes {allowed}."}
    return Answer(405, body, {"Allow": allowed})


def explain(error: Exception) -> Answer:
    """The one table from errors to answers. What is not meant for callers is only logged."""
    match error:
        case NotFound():
            return Answer(404, {"error": "ResourceNotFound", "detail": "Not found"})
        case Invalid():
            return Answer(
                422, {"error": "RequestValidationError", "detail": details(error.problems)}
            )
        case Unauthorized():
            return Answer(
                401,
                {"error": "Unauthorized", "detail": str(error)},
                {"WWW-Authenticate": "Bearer"},
            )
        case InvalidToken():
            return Answer(
                401,
                {
                    "error": "invalid_token",
                    "error_description": "The access token provided is expired, revoked, "
                    "malformed, or invalid for other reasons.",
                },
                {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        case InsufficientScope():
            return Answer(
                403,
                {"error": "insufficient_scope", "error_description": str(error)},
                {
                    "WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.scope}"',
                },
            )
        case Conflict():
            return Answer(409, {"error": error.error, "detail": str(error)})
        case InsufficientCredits():
            return Answer(
                402,
                {
                    "error": "InsufficientCredits",
                    "meter_id": error.meter_id,
                    "meter_name": error.meter_name,
                    "balance": exact.plain(error.balance),
                    "required": exact.plain(error.required),
                    "available_credits": exact.plain(error.available_credits),
                },
            )
        case TooManyHolds():
            detail = {"error": "TooManyHolds", "detail": str(error)}
            return Answer(429, detail, {"Retry-After": "1"})
        case TooManyRequests():
            return Answer(
                429,
                {"error": "TooManyRequests", "detail": str(error)},
                {"Retry-After": str(error.retry_after_seconds)},
            )
        case UnsupportedMediaType():
            return Answer(415, {"error": "UnsupportedMediaType", "detail": str(error)})
        case TooLarge():
            return Answer(413, {"error": "RequestTooLarge", "detail": str(error)})
        case Unavailable():
            logger.warning("unavailable", exc_info=error)
            return Answer(
                503,
                {"error": "ServiceUnavailable", "detail": error.detail},
                {"Retry-After": str(error.retry_after_seconds)},
            )
    logger.error("unexpected error", exc_info=error)
    return Answer(500, {"error": "InternalServerError", "detail": "Internal server error"})


def details(problems: Iterable[Problem]) -> list[models.Problem]:
    """What is wrong, and where, as answers say it."""
    return [
        {
            "type": problem.type,
            "loc": list(problem.loc),
            "msg": problem.msg,
            "input": _shown(problem.input),
        }
        for problem in problems
    ]


def _shown(value: Any) -> Any:
    """What was given, as far as it is small: a caller knows what it sent."""
    if isinstance(value, str):
        return value[:MAX_INPUT_CHARACTERS]
    return value if isinstance(value, int | Decimal | bool) else None
