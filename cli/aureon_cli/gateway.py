"""API Gateway on the developer's machine: HTTP requests become events for the real handlers.

An ASGI application that turns a request into an event of the payload format 2.0, calls the
handler of its route as Lambda would, and turns the answer back into HTTP, with the gateway's and
Lambda's limits. Handlers run concurrently, in threads of one process.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from aureon.api.routes import Route, RouteTable, Target
from aureon.core.errors import TooLarge

Event = dict[str, Any]
Handler = Callable[[Event, Any], dict[str, Any]]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# What the gateway takes as a body, and what Lambda takes as an event and gives as an answer.
MAX_BODY_BYTES: Final = 10 * 1024 * 1024
MAX_EVENT_BYTES: Final = 6 * 1024 * 1024
# How much of a refused body is let pass before the connection is closed on it.
DRAIN_BYTES: Final = 10 * MAX_BODY_BYTES
# A character of a body becomes at most six bytes of JSON: a shorter body fits in any case, its
# event's other parts included.
SURELY_FITS_CHARACTERS: Final = MAX_EVENT_BYTES // 8

FUNCTION_SECONDS: Final = 29.0
FUNCTION_MEGABYTES: Final = 1024
ACCOUNT: Final = "000000000000"

# What answers where no route does.
FALLBACK: Final = "fallback"

Headers = list[tuple[bytes, bytes]]


class Response(NamedTuple):
    """An HTTP response, as ASGI sends it."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Context:
    """What Lambda tells a handler about its invocation."""

    function_name: str
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = FUNCTION_MEGABYTES
    deadline: float = field(default_factory=lambda: time.monotonic() + FUNCTION_SECONDS)

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class Gateway:
    """The ASGI application, over routes and the handlers that they name.

    Handlers run in `pool`, as many at once as it has threads.
    """

    def __init__(
        self, routes: Iterable[Route], handlers: Mapping[str, Handler], pool: Executor
    ) -> None:
        self._table = RouteTable(routes)
        self._handlers = handlers
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        refused = False
        try:
            body = await _read(scope, receive)
        except TooLarge as error:
            refused = True
            response = _too_large(error)
            response.headers.append((b"connection", b"close"))
        else:
            if body is None:
                return
            response = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._answer, scope, body, request_id
            )
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [*_identified(response, request_id)],
            }
        )
        await send({"type": "http.response.body", "body": response.body, "more_body": refused})
        if refused:
            await _drain(receive)
            await send({"type": "http.response.body"})

    def _answer(self, scope: Scope, body: bytes, request_id: str) -> Response:
        target = self._table.find(scope["path"])
        route = target and target.route(scope["method"])
        name = route.handler if route else FALLBACK
        event = to_event(scope, body, target if route else None, request_id)
        if not _fits(event):
            return _too_large(TooLarge("The request is larger than 6 MB; send it in parts."))
        try:
            return to_response(self._handlers[name](event, Context(name)))
        except Exception:
            print(f"{scope['method']} {scope['path']} failed in {name}:", file=sys.stderr)
            traceback.print_exc()
            return _json(500, {"message": "Internal Server Error"})


def to_event(scope: Scope, body: bytes, target: Target | None, request_id: str) -> Event:
    """Write a request as the gateway's event: without a target, the one of its default route."""
    now = datetime.now(UTC)
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";")]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    query = scope["query_string"].decode("latin-1")
    route_key = f"{scope['method']} {target.path}" if target else "$default"
    event: Event = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": scope["path"],
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": headers.get("host", ""),
            "domainPrefix": headers.get("host", "").partition(".")[0],
            "http": {
                "method": scope["method"],
                "path": scope["path"],
                "protocol": f"HTTP/{scope['http_version']}",
                "sourceIp": scope["client"][0],
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    # The gateway leaves out what a request has none of.
    if cookies:
        event["cookies"] = cookies
    if query:
        parameters: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
        event["queryStringParameters"] = parameters
    if target and target.parameters:
        event["pathParameters"] = target.parameters
    if body:
        event |= _body(body, headers.get("content-type", ""))
    return event


def to_response(answer: Mapping[str, Any]) -> Response:
    """Read a handler's answer as the gateway would. One that makes no sense raises."""
    if not _fits(answer):
        raise ValueError("the answer is larger than the 6 MB that a function gives")
    status = int(answer["statusCode"])
    text: str = answer.get("body") or ""
    body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    if status != 204:
        headers["content-length"] = str(len(body))
    cookies = [("set-cookie", cookie) for cookie in answer.get("cookies") or ()]
    return Response(status, _encoded([*headers.items(), *cookies]), body)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Read a body, and no more of it than the gateway takes; None where the caller is gone."""
    too_large = TooLarge("The request is larger than 10 MB; send it in parts.")
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if int(announced) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise too_large
        if not message.get("more_body"):
            return bytes(body)


async def _drain(receive: Receive) -> None:
    """Let the rest of a refused body pass: a caller that is cut off never sees the answer."""
    drained = 0
    while drained < DRAIN_BYTES:
        message = await receive()
        if not message.get("more_body"):
            return
        drained += len(message["body"])


def _body(body: bytes, content_type: str) -> Event:
    """A body as the event carries it: text where its type says so, else base64."""
    if _is_text(content_type):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _is_text(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind.endswith(("json", "xml", "javascript"))


def _fits(message: Mapping[str, Any]) -> bool:
    """Whether an event or an answer is within what Lambda carries."""
    if len(message.get("body") or "") <= SURELY_FITS_CHARACTERS:
        return True
    return len(json.dumps(message, ensure_ascii=False).encode()) <= MAX_EVENT_BYTES


def _too_large(error: TooLarge) -> Response:
    return _json(413, {"error": "RequestTooLarge", "detail": str(error)})


def _json(status: int, body: Any) -> Response:
    content = json.dumps(body).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(content)))]
    return Response(status, _encoded(headers), content)


def _identified(response: Response, request_id: str) -> Headers:
    """An answer's headers with the request's id, under our name for it and under the gateway's."""
    own = [] if any(name == b"x-request-id" for name, _ in response.headers) else [b"x-request-id"]
    return [
        *response.headers,
        *((name, request_id.encode()) for name in (*own, b"apigw-requestid")),
    ]


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
