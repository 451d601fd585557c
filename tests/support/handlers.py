"""The real handlers, called with the events that the gateway would send, without a socket."""

from __future__ import annotations

import functools
import gzip
import importlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlencode

from aureon.api.routes import ROUTES, RouteTable
from aureon.core import exact
from aureon.meters import catalog
from aureon.projection.backfill import Backfill
from aureon.storage.store import OrganizationStore
from aureon_cli.gateway import Context, to_event
from tests.support import permissions
from tests.support.described import OPERATIONS, assert_described
from tests.support.template import FUNCTIONS


def _of_function(name: str) -> Callable[[Any, Any], Any]:
    handler = importlib.import_module(name).handler

    @functools.wraps(handler)
    def handle(event: Any, context: Any) -> Any:
        with permissions.acting_as(name):
            return handler(event, context)

    return handle


# Of every function; each with what its role allows, where a test runs.
HANDLERS: Final = {path.stem: _of_function(path.stem) for path in FUNCTIONS.glob("*.py")}
TABLE: Final = RouteTable(ROUTES)
REQUEST_ID: Final = "request-1"
NOT_FOUND: Final = '{"error":"ResourceNotFound","detail":"Not found"}'


def invoke(name: str, event: Any, context: Context | None = None) -> Any:
    """Call a handler by its module's name, as Lambda would."""
    permissions.prepare()
    return HANDLERS[name](event, context or Context(name))


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its headers, and its body: as text, and as exact JSON or None."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return exact.parse(self.text) if self.text else None

    def problems(self) -> set[tuple[str, ...]]:
        """The places of the rules that the request broke, as texts."""
        assert self.status == 422, (self.status, self.body)
        return {tuple(map(str, problem["loc"])) for problem in self.body["detail"]}


def _text(answer: Mapping[str, Any]) -> str:
    """The body of an answer that is a text, however it was sent."""
    body: str = answer["body"]
    if not answer.get("isBase64Encoded"):
        return body
    content = b64decode(body)
    compressed = answer["headers"].get("Content-Encoding") == "gzip"
    return (gzip.decompress(content) if compressed else content).decode()


@dataclass(frozen=True)
class Api:
    """A caller with a token of one organization."""

    store: OrganizationStore
    token: str | None
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str, **parameters: Any) -> Reply:
        return self.request("GET", path, query=urlencode(parameters, doseq=True))

    def post(self, path: str, json: Any, **headers: str) -> Reply:
        return self.request("POST", path, exact.write(json), headers)

    def patch(self, path: str, json: Any) -> Reply:
        return self.request("PATCH", path, exact.write(json))

    def put(self, path: str, json: Any) -> Reply:
        return self.request("PUT", path, exact.write(json))

    def delete(self, path: str, **parameters: Any) -> Reply:
        return self.request("DELETE", path, query=urlencode(parameters))

    def request(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
    ) -> Reply:
        name, event = self.event(method, path, content, headers, query=query)
        answer = invoke(name, event)
        reply = Reply(answer["statusCode"], answer["headers"], _text(answer))
        self._assert_discreet(reply)
        # What nobody foresaw is not described; what only a browser is shown, neither.
        if reply.status != 500 and event["routeKey"] in OPERATIONS:
            assert_described(event["routeKey"], reply.status, reply.headers, reply.text)
        return reply

    def event(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
    ) -> tuple[str, dict[str, Any]]:
        """The handler of a request, by name, and what the gateway would send to it."""
        sent = {"host": "localhost", "user-agent": "tests", **self.headers}
        if self.token is not None:
            sent["authorization"] = f"Bearer {self.token}"
        if content:
            sent["content-type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        scope = {
            "method": method,
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "http_version": "1.1",
            "client": ("127.0.0.1", 1),
        }
        target = TABLE.find(scope["path"])  # type: ignore[arg-type]
        route = target and target.route(method)
        assert route, path
        return route.handler, to_event(scope, content, target, REQUEST_ID)

    def _assert_discreet(self, reply: Reply) -> None:
        """Every answer has the request's id; one that refuses says nothing of what is behind it."""
        assert reply.headers["x-request-id"] == REQUEST_ID
        if reply.status >= 400:
            secrets = (
                self.store.table,
                f"{self.organization_id}#",
                "Traceback",
                "botocore",
                "DynamoDB",
            )
            assert not [secret for secret in secrets if secret in reply.text], reply.text
        if reply.status == 404:
            assert reply.text == NOT_FOUND

    @property
    def organization_id(self) -> str:
        return self.store.organization_id

    # What most tests do.

    def ingest(self, *events: Mapping[str, Any], **headers: str) -> Reply:
        return self.post("/v1/events/ingest", {"events": events}, **headers)

    def customer(self, email: str, **more: Any) -> str:
        reply = self.post("/v1/customers/", {"email": email, **more})
        assert reply.status == 201, reply.body
        customer_id: str = reply.body["id"]
        return customer_id

    def meter(self, event_name: str = "api_usage", **aggregation: str) -> str:
        meter_id = self.young_meter(event_name, **aggregation)
        self.backfill(meter_id)
        return meter_id

    def young_meter(self, event_name: str = "api_usage", **aggregation: str) -> str:
        """Make a meter that has not counted the past yet."""
        reply = self.post(
            "/v1/meters/",
            {
                "name": f"Meter of {event_name}",
                "filter": {
                    "conjunction": "and",
                    "clauses": [{"property": "name", "operator": "eq", "value": event_name}],
                },
                "aggregation": aggregation or {"func": "sum", "property": "units"},
            },
        )
        assert reply.status == 201, reply.body
        meter_id: str = reply.body["id"]
        return meter_id

    def backfill(self, meter_id: str) -> None:
        """Let a meter count the past, as if the time that it waits before had gone by."""
        meter = catalog.get(self.store, meter_id)
        for _ in Backfill(self.store, meter).of_organization():
            pass
        catalog.forget()

    def balances(self, customer_id: str) -> dict[str, Any]:
        """The customer's balances by meter."""
        reply = self.get(f"/v1/customers/{customer_id}/state")
        assert reply.status == 200, reply.body
        return {meter["meter_id"]: meter["balance"] for meter in reply.body["active_meters"]}

    def balance(self, customer_id: str) -> Any:
        """The customer's balance of the only meter: 0 where nothing has counted."""
        return sum(self.balances(customer_id).values())
