"""The resolver: from an event of the gateway to an operation and back, for every function.

A handler's module makes a `Resolver`, adds operations to it and exports `Resolver.handler`. The
token is checked before any operation runs; after it, or instead of it, every error of
`aureon.core.errors` becomes its answer in `aureon.api.responses`, and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from aureon.access.rates import RateLimiter
from aureon.access.tokens import Access, TokenAuthenticator
from aureon.api import runtime
from aureon.api.envelope import finished
from aureon.api.requests import Request, path_of
from aureon.api.responses import Answer, explain, to_event
from aureon.api.routes import GREEDY, ROUTES, RouteTable
from aureon.api.runtime import logger
from aureon.core import metrics
from aureon.core.errors import NotFound
from aureon.storage.store import Store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

PAYMENT_REQUIRED: Final = 402
# The one operation that minds which events a token is restricted to; others refuse such a token.
MINDS_RESTRICTIONS: Final = "ingest_events"

Operation = Callable[..., Answer]


class Resolver:
    """The operations of one function, and the handler that Lambda calls.

    `handler_name` is the function's module: what it serves stands in `aureon.api.routes`.
    """

    def __init__(self, handler_name: str) -> None:
        self.routes: Final = [route for route in ROUTES if route.handler == handler_name]
        self.operations: Final[dict[str, Operation]] = {}
        self._table = RouteTable(self.routes)
        self._authenticator = TokenAuthenticator()
        self._limiter = RateLimiter()

    def operation(self, name: str) -> Callable[[Operation], Operation]:
        """Serve an operation of the table with a function of the request and the path's values."""

        def add(serve: Operation) -> Operation:
            self.operations[name] = serve
            return serve

        return add

    def handler(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer an event of an HTTP API, payload version 2.0."""
        started = time.monotonic()
        request_id = event["requestContext"]["requestId"]
        method = event["requestContext"]["http"]["method"]
        store = runtime.store(context)
        request = self._request(event, store)
        try:
            request.access = self._authenticate(request, store)
            result = to_event(self._serve(request, method, path_of(event)))
        except Exception as error:
            result = to_event(explain(error))
        result["headers"].update(self._headers(request))
        finished(event, result)
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

    def _request(self, event: dict[str, Any], store: Store) -> Request:
        return Request(event, store)

    def _authenticate(self, request: Request, store: Store) -> Access:
        """What the request may do. Raises `Unauthorized`, `InvalidToken` and `TooManyRequests`."""
        access = self._authenticator.authenticate(store, request.headers.get("authorization"))
        self._limiter.admit(store.of(access.organization_id), access)
        return access

    def _headers(self, request: Request) -> Mapping[str, str]:
        """Headers of every answer, an error's too."""
        return {}

    def _serve(self, request: Request, method: str, path: str) -> Answer:
        """Let the operation of a path answer. Raises `NotFound`, and what the operation raises."""
        target = self._table.find(path)
        route = target and target.route(method)
        if not target or not route:
            raise NotFound("There is no such path.")
        if route.scope:
            minds = route.operation == MINDS_RESTRICTIONS
            request.access.require(route.scope, minds_restriction=minds)
        if GREEDY in target.parameters:
            request.require_whole_path(target.parameters[GREEDY])
        return self.operations[route.operation](request, *target.parameters.values())
