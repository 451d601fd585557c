"""From API Gateway's events to handlers and back: the same for every function.

A handler's module makes a `Resolver`, adds routes to it and exports `Resolver.handler`. Before
any route runs, the path is normalised and the token checked; after it, or instead of it, every
error of `aureon.errors` becomes its answer here, and nowhere else.
"""

from __future__ import annotations

import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from aureon import exact, keys, metrics, runtime, times
from aureon.errors import (
    Conflict,
    InsufficientCredits,
    InsufficientScope,
    Invalid,
    InvalidToken,
    NotFound,
    Problem,
    TooLarge,
    TooManyHolds,
    Unauthorized,
    Unavailable,
)
from aureon.runtime import logger
from aureon.store import Store
from aureon.tokens import NOBODY, Guard

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Lambda takes 6 MB in a synchronous call, and gives 6 MB; what is around a body needs some of it.
MAX_BODY_BYTES: Final = 6 * 1024 * 1024 - 64 * 1024
PAYMENT_REQUIRED: Final = 402
DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 100
MAX_PAGE: Final = 10_000_000
MAX_INPUT_CHARACTERS: Final = 200

EXTERNAL_PATH: Final = "/v1/customers/external/"
STATE_SUFFIX: Final = "/state"
_PARAMETER: Final = re.compile("<([a-z_]+)>")
_EXTERNAL: Final = re.compile("/+v1/+customers/+external/")
DEFAULT_STAGE: Final = "$default"
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


Serve = Callable[..., Answer]


class _Route(NamedTuple):
    """A method and the paths that are served, the scope that it takes, and what serves them."""

    method: str
    pattern: re.Pattern[str]
    scope: str | None
    serve: Serve


class Request:
    """One request: its store, bound to the deadline, whose access it came with, and its parts."""

    def __init__(self, event: Mapping[str, Any], store: Store) -> None:
        self._event = event
        self.store = store
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in (event.get("headers") or {}).items()
        }
        self.access = NOBODY

    @property
    def organization_id(self) -> str:
        return self.access.organization_id

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters, each with all its values in the order sent."""
        text = self._event.get("rawQueryString") or ""
        try:
            return parse_qs(text, keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise _invalid("string_unicode", ("query",), "The query is not UTF-8.") from error

    @cached_property
    def raw_body(self) -> bytes:
        body = self._event.get("body") or ""
        raw = b64decode(body) if self._event.get("isBase64Encoded") else body.encode()
        if len(raw) > MAX_BODY_BYTES:
            raise TooLarge(f"A body has at most {MAX_BODY_BYTES:,} bytes; this has {len(raw):,}.")
        return raw

    def body(self) -> Any:
        """The decoded JSON body."""
        media_type = self.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if media_type != JSON and not re.fullmatch(r"application/[\w.-]+\+json", media_type):
            raise _invalid(
                "content_type",
                ("header", "content-type"),
                "The body must be JSON, sent as application/json.",
                media_type,
            )
        if not self.raw_body:
            raise _invalid("missing", ("body",), "There is no body: this takes a JSON object.")
        try:
            return exact.parse(self.raw_body)
        except ValueError as error:
            raise _invalid("json_invalid", ("body",), f"This is not JSON: {error}.") from error

    def text(self, name: str) -> str | None:
        """A query parameter that may stand once."""
        values = self.query.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise _invalid("value_error", ("query", name), "This may stand only once.")
        return values[0]

    def texts(self, name: str) -> list[str]:
        """A query parameter that may be repeated."""
        return self.query.get(name, [])

    def truth(self, name: str) -> bool | None:
        """A query parameter that is true or false."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() in ("true", "1"):
            return True
        if value.lower() in ("false", "0"):
            return False
        raise _invalid("bool_parsing", ("query", name), "This is true or false.", value)

    def time(self, name: str) -> datetime | None:
        """A query parameter that is a time with its offset."""
        text = self.text(name)
        if text is None:
            return None
        try:
            # A plus that was not escaped is a space by now.
            return times.from_text(text.replace(" ", "+"))
        except ValueError as error:
            message = "A time is in ISO 8601 format, with its offset: 2026-11-24T01:00:00Z."
            raise _invalid("datetime_parsing", ("query", name), message, text) from error

    def metadata(self) -> dict[str, list[str]]:
        """The query's filters by metadata, ``metadata[key]=value``."""
        return {
            name[len("metadata[") : -1]: values
            for name, values in self.query.items()
            if name.startswith("metadata[") and name.endswith("]")
        }

    def paging(self) -> Paging:
        page = self.whole_number("page", 1)
        limit = self.whole_number("limit", DEFAULT_LIMIT)
        return Paging(page, min(limit, MAX_LIMIT))

    def whole_number(self, name: str, default: int) -> int:
        """A query parameter that is a whole number from 1 on."""
        text = self.text(name)
        if text is None:
            return default
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
        if not 1 <= number <= MAX_PAGE:
            message = f"This is a whole number from 1 to {MAX_PAGE:,}."
            raise _invalid("int_parsing", ("query", name), message, text)
        return number


def _invalid(kind: str, loc: tuple[str, ...], message: str, given: Any = None) -> Invalid:
    return Invalid([Problem(kind, loc, message, given)])


class Paging:
    """Which part of a list to answer: `page` counts from 1."""

    def __init__(self, page: int, limit: int) -> None:
        self.page = page
        self.limit = limit

    def slice(self) -> slice:
        return slice((self.page - 1) * self.limit, self.page * self.limit)

    def answer(self, items: list[Any], total_count: int) -> dict[str, Any]:
        return {
            "items": items,
            "pagination": {
                "total_count": total_count,
                "max_page": -(-total_count // self.limit),
            },
        }


class Resolver:
    """Routes of one function, and the handler that Lambda calls."""

    def __init__(self) -> None:
        self._routes: list[_Route] = []
        # The scope that each method and path needs, for whoever describes the API.
        self.scopes: dict[tuple[str, str], str | None] = {}
        self._guard = Guard()

    def route(self, method: str, path: str, *, scope: str | None) -> Callable[[Serve], Serve]:
        """Serve a path with a function of the request and of the path's parameters.

        Without a scope, any token will do that is good. A path is served by the first route that
        it matches; those without parameters come first.
        """

        def add(serve: Serve) -> Serve:
            pattern = re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path.rstrip("/")))
            self._routes.append(_Route(method, pattern, scope, serve))
            self._routes.sort(key=lambda route: route.pattern.groups > 0)
            self.scopes[method, path] = scope
            return serve

        return add

    def handler(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer an event of an HTTP API, payload version 2.0."""
        started = time.monotonic()
        request_id = event["requestContext"]["requestId"]
        request = Request(event, runtime.store(context))
        method = event["requestContext"]["http"]["method"]
        try:
            request.access = self._guard.check(request.store, request.headers.get("authorization"))
            result = _plain(self._serve(request, method, normalise(_path(event))))
        except Exception as error:
            result = _plain(_explain(error))
        result["headers"]["x-request-id"] = request_id
        if result["statusCode"] == PAYMENT_REQUIRED:
            metrics.emit(RefusedSpends=1)
        logger.info(
            "request",
            request_id=request_id,
            organization_id=request.organization_id,
            method=method,
            status=result["statusCode"],
            milliseconds=round((time.monotonic() - started) * 1000),
        )
        return result

    def _serve(self, request: Request, method: str, path: str) -> Answer:
        """Let the route of a normalised path answer. Raises `NotFound`, and what it raises."""
        for route in self._routes:
            if route.method == method and (found := route.pattern.fullmatch(path)):
                if route.scope is not None:
                    request.access.require(route.scope)
                return route.serve(request, **found.groupdict())
        raise NotFound("There is no such path.")


def normalise(path: str) -> str:
    """A path as routes are written: single slashes, none at the end, external ids escaped.

    The gateway hands paths over decoded, so whatever stands between ``external/`` and the end, or
    ``/state``, is the caller's id, slashes included.
    """
    external = _EXTERNAL.match(path)
    if external is None:
        return re.sub("/{2,}", "/", path).rstrip("/") or "/"
    external_id = path[external.end() :].removesuffix("/")
    suffix = STATE_SUFFIX if external_id.endswith(STATE_SUFFIX) else ""
    return EXTERNAL_PATH + quote(external_id.removesuffix(suffix), safe="") + suffix


def unescape(external_id: str) -> str:
    """An external id out of a normalised path."""
    return unquote(external_id)


def health(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer whether the database does."""
    try:
        runtime.store(context).get(keys.organization(""))
        result = _plain(Answer(200, {"status": "ok"}))
    except Exception as error:
        result = _plain(_explain(error))
    result["headers"]["x-request-id"] = event["requestContext"]["requestId"]
    return result


def _path(event: Mapping[str, Any]) -> str:
    """The path without the stage that a stage's own URL starts with."""
    stage = event["requestContext"].get("stage", DEFAULT_STAGE)
    path: str = event["rawPath"]
    if stage != DEFAULT_STAGE and path.startswith(f"/{stage}/"):
        return path.removeprefix(f"/{stage}")
    return path


def _plain(answer: Answer) -> dict[str, Any]:
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
        raise TooLarge("The answer has over 6 MB: ask for less at once, with a smaller limit.")
    return {"statusCode": answer.status, "headers": headers, "body": body.decode()}


def _explain(error: Exception) -> Answer:
    """The one table from errors to answers. What is not meant for callers is only logged."""
    match error:
        case NotFound():
            return Answer(404, {"error": "ResourceNotFound", "detail": "Not found"})
        case Invalid():
            return Answer(
                422, {"error": "RequestValidationError", "detail": _details(error.problems)}
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
            return Answer(409, {"error": "Conflict", "detail": str(error)})
        case InsufficientCredits():
            return Answer(
                402,
                {
                    "error": "InsufficientCredits",
                    "meter_id": error.meter_id,
                    "balance": exact.plain(error.balance),
                    "required": exact.plain(error.required),
                    "available_credits": exact.plain(error.available_credits),
                },
            )
        case TooManyHolds():
            detail = {"error": "TooManyHolds", "detail": str(error)}
            return Answer(429, detail, {"Retry-After": "1"})
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


def _details(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [
        {
            "type": problem.type,
            "loc": problem.loc,
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
