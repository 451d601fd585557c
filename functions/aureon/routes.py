"""Which handler serves which path: for the local service and the stack, not for the handlers.

Collection paths are written with their trailing slash; both forms are served. All that is read
below a customer's external id is one function's: the id may hold slashes, and a gateway's variable
that takes them takes the rest of the path too, ``/state`` included.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Route(NamedTuple):
    """A method, a path with ``{parameters}`` and the handler's module in ``functions/``."""

    method: str
    path: str
    handler: str


ROUTES: Final = (
    Route("GET", "/", "dashboard"),
    Route("GET", "/assets/{name}", "dashboard"),
    Route("GET", "/docs", "openapi"),
    Route("GET", "/docs/{name}", "openapi"),
    Route("GET", "/openapi.json", "openapi"),
    Route("GET", "/health", "health"),
    Route("GET", "/v1/tokens/current", "tokens_api"),
    Route("GET", "/v1/tokens/", "tokens_api"),
    Route("POST", "/v1/tokens/", "tokens_api"),
    Route("DELETE", "/v1/tokens/{id}", "tokens_api"),
    Route("POST", "/v1/customers/", "customers"),
    Route("GET", "/v1/customers/", "customers"),
    Route("GET", "/v1/customers/{id}", "customers"),
    Route("PATCH", "/v1/customers/{id}", "customers"),
    Route("DELETE", "/v1/customers/{id}", "customers"),
    Route("GET", "/v1/customers/external/{external_id}", "balances"),
    Route("PATCH", "/v1/customers/external/{external_id}", "customers"),
    Route("DELETE", "/v1/customers/external/{external_id}", "customers"),
    Route("GET", "/v1/customers/{id}/state", "balances"),
    Route("GET", "/v1/customers/external/{external_id}/state", "balances"),
    Route("GET", "/v1/customer-meters/", "balances"),
    Route("GET", "/v1/customer-meters/{id}", "balances"),
    Route("POST", "/v1/meters/", "meters"),
    Route("GET", "/v1/meters/", "meters"),
    Route("GET", "/v1/meters/{id}", "meters"),
    Route("GET", "/v1/meters/{id}/quantities", "quantities"),
    Route("POST", "/v1/meters/preview", "events"),
    Route("PATCH", "/v1/meters/{id}", "meters"),
    Route("POST", "/v1/events/ingest", "ingest"),
    Route("GET", "/v1/events/", "events"),
    Route("GET", "/v1/events/export", "export"),
    Route("GET", "/v1/events/names", "events"),
    Route("GET", "/v1/events/{id}", "events"),
    Route("GET", "/v1/dead-letters/", "dead_letters"),
    Route("POST", "/v1/dead-letters/redrive", "dead_letters"),
    Route("POST", "/v1/credits/spend", "credits"),
    Route("POST", "/v1/credits/holds", "credits"),
    Route("GET", "/v1/credits/holds/{id}", "credits"),
    Route("POST", "/v1/credits/holds/{id}/capture", "credits"),
    Route("POST", "/v1/credits/holds/{id}/release", "credits"),
)
# The one route without a function behind it: the gateway sends to the queue by itself, once the
# function that is named here has let the request pass.
QUEUE_ROUTE: Final = Route("POST", "/v1/events/queue", "authorizer")
