"""The one table of routes: method, path, handler, operation and scope.

The handlers' resolvers, the local gateway, the stack, the OpenAPI document and the tests all read
it. Collection paths are written with their trailing slash; both forms are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

# Instead of a scope: any good token will do, or none at all.
ANY_TOKEN: Final = ""
NO_TOKEN: Final = None
# A customer's session, which opens these routes and no others; no token of an organization has it.
CUSTOMER_SESSION: Final = "customer_session"

# The one parameter that may hold slashes: what a caller calls a customer is the caller's business.
GREEDY: Final = "external_id"


class Route(NamedTuple):
    """A method, a path with ``{parameters}``, and what serves it.

    `handler` is a module in ``functions/``, `operation` the name of what it does there, as in the
    OpenAPI document, and `scope` what a token must have for it.
    """

    method: str
    path: str
    handler: str
    operation: str
    scope: str | None


class Target(NamedTuple):
    """What serves a path: its routes by method, and the values of its parameters in order."""

    path: str
    parameters: dict[str, str]
    routes: dict[str, Route]

    def route(self, method: str) -> Route | None:
        """The route of a method; HEAD is served wherever GET is.

        OPTIONS is served where pages of other origins may call.
        """
        get = self.routes.get("GET")
        if method == "HEAD" or (method == "OPTIONS" and get and get.scope == CUSTOMER_SESSION):
            return get
        return self.routes.get(method)

    @property
    def methods(self) -> list[str]:
        """The methods that the path takes."""
        served = [name for name in ("HEAD", "OPTIONS") if self.route(name)]
        return sorted({*self.routes, *served})


class RouteTable:
    """Finds what serves a path, trailing and double slashes or not; the most literal path wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            paths.setdefault(route.path, {})[route.method] = route
        self._paths = [
            (_pattern(path), path, served)
            for path, served in sorted(paths.items(), key=lambda item: _order(item[0]))
        ]

    def find(self, path: str) -> Target | None:
        """What serves this path, percent-decoded as the gateway hands it over."""
        for pattern, route_path, served in self._paths:
            if found := pattern.fullmatch(path):
                return Target(route_path, found.groupdict(), served)
        return None


def _pattern(path: str) -> re.Pattern[str]:
    """The paths that a route's path stands for: slashes may be doubled, and trail.

    All that stands behind ``external/`` is the caller's id, a slash at its beginning included.
    """
    pattern = ""
    for part in path.strip("/").split("/"):
        if part == f"{{{GREEDY}}}":
            pattern += f"/(?P<{GREEDY}>.+?)"
        elif part.startswith("{"):
            pattern += f"/+(?P<{part[1:-1]}>[^/]+)"
        else:
            pattern += f"/+{re.escape(part)}"
    return re.compile(pattern + "/*", re.DOTALL)


def _order(path: str) -> list[int]:
    """Sorts literal parts before parameters, and a longer path before the path it goes on from."""
    return [int(part.startswith("{")) for part in path.strip("/").split("/")] + [2]


ROUTES: Final = (
    Route("GET", "/", "dashboard", "get_dashboard", NO_TOKEN),
    Route("GET", "/portal", "dashboard", "get_portal", NO_TOKEN),
    Route("GET", "/assets/{name}", "dashboard", "get_dashboard_asset", NO_TOKEN),
    Route("GET", "/docs", "openapi", "get_reference", NO_TOKEN),
    Route("GET", "/docs/{name}", "openapi", "get_reference_asset", NO_TOKEN),
    Route("GET", "/openapi.json", "openapi", "openapi", NO_TOKEN),
    Route("GET", "/health", "health", "health", NO_TOKEN),
    Route(
        "GET",
        "/v1/organizations/current",
        "tokens",
        "get_current_organization",
        "organizations:read",
    ),
    Route(
        "PATCH",
        "/v1/organizations/current",
        "tokens",
        "update_current_organization",
        "organizations:write",
    ),
    Route("GET", "/v1/tokens/current", "tokens", "get_current_token", ANY_TOKEN),
    Route("GET", "/v1/overview", "events", "get_overview", ANY_TOKEN),
    Route("GET", "/v1/tokens/", "tokens", "list_tokens", "tokens:read"),
    Route("POST", "/v1/tokens/", "tokens", "create_token", "tokens:write"),
    Route("DELETE", "/v1/tokens/{id}", "tokens", "revoke_token", "tokens:write"),
    Route("POST", "/v1/customers/", "customers", "create_customer", "customers:write"),
    Route("GET", "/v1/customers/", "customers", "list_customers", "customers:read"),
    Route("GET", "/v1/customers/export", "customers", "export_customers", "customers:read"),
    Route("GET", "/v1/customers/{id}", "customers", "get_customer", "customers:read"),
    Route("PATCH", "/v1/customers/{id}", "customers", "update_customer", "customers:write"),
    Route("DELETE", "/v1/customers/{id}", "customers", "delete_customer", "customers:write"),
    Route(
        "GET",
        "/v1/customers/external/{external_id}",
        "balances",
        "get_customer_external",
        "customers:read",
    ),
    Route(
        "PUT",
        "/v1/customers/external/{external_id}",
        "customers",
        "put_customer_external",
        "customers:write",
    ),
    Route(
        "PUT",
        "/v1/customers/external",
        "customers",
        "put_customer_by_external_id",
        "customers:write",
    ),
    Route(
        "PATCH",
        "/v1/customers/external/{external_id}",
        "customers",
        "update_customer_external",
        "customers:write",
    ),
    Route(
        "DELETE",
        "/v1/customers/external/{external_id}",
        "customers",
        "delete_customer_external",
        "customers:write",
    ),
    Route(
        "GET",
        "/v1/customers/external",
        "balances",
        "get_customer_by_external_id",
        "customers:read",
    ),
    Route(
        "PATCH",
        "/v1/customers/external",
        "customers",
        "update_customer_by_external_id",
        "customers:write",
    ),
    Route(
        "DELETE",
        "/v1/customers/external",
        "customers",
        "delete_customer_by_external_id",
        "customers:write",
    ),
    Route(
        "GET",
        "/v1/customers/state",
        "balances",
        "get_customer_state_by_external_id",
        "customers:read",
    ),
    Route("GET", "/v1/customers/{id}/state", "balances", "get_customer_state", "customers:read"),
    Route(
        "GET",
        "/v1/customers/external/{external_id}/state",
        "balances",
        "get_customer_state_external",
        "customers:read",
    ),
    Route(
        "POST",
        "/v1/customer-sessions/",
        "customers",
        "create_customer_session",
        "customer_sessions:write",
    ),
    *(
        Route("GET", f"/v1/customer-portal/{path}", "portal", operation, CUSTOMER_SESSION)
        for path, operation in (
            ("customer-session/introspect", "portal_get_session"),
            ("customer-session/user", "portal_get_user"),
            ("customers/me", "portal_get_customer"),
            ("meters/", "portal_list_meters"),
            ("meters/{id}", "portal_get_meter"),
            ("meters/{id}/quantities", "portal_get_quantities"),
            ("meters/{id}/statement", "portal_get_statement"),
            ("events/", "portal_list_events"),
            ("grants/", "portal_list_grants"),
            ("orders/", "portal_list_orders"),
            ("subscriptions/", "portal_list_subscriptions"),
            ("benefit-grants/", "portal_list_benefit_grants"),
        )
    ),
    Route(
        "GET", "/v1/customer-meters/", "balances", "list_customer_meters", "customer_meters:read"
    ),
    Route(
        "GET", "/v1/customer-meters/{id}", "balances", "get_customer_meter", "customer_meters:read"
    ),
    Route(
        "GET",
        "/v1/customer-meters/{id}/statement",
        "export",
        "get_statement",
        "customer_meters:read",
    ),
    Route(
        "POST",
        "/v1/customer-meters/credits",
        "credits",
        "create_customer_meter_credit",
        "credits:grant",
    ),
    Route(
        "POST",
        "/v1/customer-meters/credits/{id}/reverse",
        "credits",
        "reverse_customer_meter_credit",
        "credits:grant",
    ),
    Route(
        "GET",
        "/v1/customer-meters/{id}/thresholds",
        "alerts",
        "get_thresholds",
        "customer_meters:read",
    ),
    Route(
        "PUT",
        "/v1/customer-meters/{id}/thresholds",
        "alerts",
        "set_thresholds",
        "customer_meters:write",
    ),
    Route("GET", "/v1/alerts/", "alerts", "list_alerts", "alerts:read"),
    Route("POST", "/v1/meters/", "meters", "create_meter", "meters:write"),
    Route("GET", "/v1/meters/", "meters", "list_meters", "meters:read"),
    Route(
        "GET", "/v1/meters/external/{external_id}", "meters", "get_meter_external", "meters:read"
    ),
    Route("GET", "/v1/meters/{id}", "meters", "get_meter", "meters:read"),
    Route("GET", "/v1/meters/{id}/quantities", "quantities", "get_meter_quantities", "meters:read"),
    Route("GET", "/v1/meters/{id}/credits", "quantities", "get_meter_credits", "credits:read"),
    Route(
        "GET",
        "/v1/meters/{id}/customers",
        "quantities",
        "list_meter_customers",
        "customer_meters:read",
    ),
    Route("POST", "/v1/meters/preview", "events", "preview_meter", "events:read"),
    Route("PATCH", "/v1/meters/{id}", "meters", "update_meter", "meters:write"),
    Route("POST", "/v1/events/ingest", "ingest", "ingest_events", "events:write"),
    Route("GET", "/v1/events/", "events", "list_events", "events:read"),
    Route("GET", "/v1/events/export", "export", "export_events", "events:read"),
    Route("GET", "/v1/events/names", "events", "list_event_names", "events:read"),
    Route("GET", "/v1/event-types/", "events", "list_event_types", "events:read"),
    Route("GET", "/v1/events/{id}", "events", "get_event", "events:read"),
    Route("POST", "/v1/events/{id}/void", "credits", "void_event", "credits:grant"),
    Route("GET", "/v1/dead-letters/", "dead_letters", "list_dead_letters", "events:read"),
    Route(
        "POST", "/v1/dead-letters/redrive", "dead_letters", "redrive_dead_letters", "events:write"
    ),
    Route("DELETE", "/v1/dead-letters/{id}", "dead_letters", "discard_dead_letter", "events:write"),
    Route("GET", "/v1/activity/", "tokens", "list_activity", "activity:read"),
    Route("GET", "/v1/activity/export", "tokens", "export_activity", "activity:read"),
    Route("POST", "/v1/credits/spend", "credits", "spend", "credits:write"),
    Route("POST", "/v1/credits/holds", "credits", "place_hold", "credits:write"),
    Route("GET", "/v1/credits/holds", "credits", "list_holds", "credits:read"),
    Route("GET", "/v1/credits/holds/{id}", "credits", "get_hold", "credits:read"),
    Route("POST", "/v1/credits/holds/{id}/capture", "credits", "capture_hold", "credits:write"),
    Route("POST", "/v1/credits/holds/{id}/extend", "credits", "extend_hold", "credits:write"),
    Route("POST", "/v1/credits/holds/{id}/release", "credits", "release_hold", "credits:write"),
    Route("POST", "/v1/credits/grants", "credits", "grant", "credits:grant"),
    Route("GET", "/v1/credits/grants", "credits", "list_grants", "credits:read"),
    Route("GET", "/v1/credits/grants/{id}", "credits", "get_grant", "credits:read"),
    Route("POST", "/v1/credits/grants/{id}/void", "credits", "void_grant", "credits:grant"),
    Route("POST", "/v1/credits/refunds", "credits", "refund", "credits:grant"),
    Route(
        "POST",
        "/v1/webhooks/endpoints",
        "webhooks",
        "create_webhook_endpoint",
        "webhooks:write",
    ),
    Route("GET", "/v1/webhooks/endpoints", "webhooks", "list_webhook_endpoints", "webhooks:read"),
    Route(
        "GET", "/v1/webhooks/endpoints/{id}", "webhooks", "get_webhook_endpoint", "webhooks:read"
    ),
    Route(
        "PATCH",
        "/v1/webhooks/endpoints/{id}",
        "webhooks",
        "update_webhook_endpoint",
        "webhooks:write",
    ),
    Route(
        "DELETE",
        "/v1/webhooks/endpoints/{id}",
        "webhooks",
        "delete_webhook_endpoint",
        "webhooks:write",
    ),
    Route(
        "PATCH",
        "/v1/webhooks/endpoints/{id}/secret",
        "webhooks",
        "reset_webhook_endpoint_secret",
        "webhooks:write",
    ),
    Route("GET", "/v1/webhooks/deliveries", "webhooks", "list_webhook_deliveries", "webhooks:read"),
    Route(
        "POST",
        "/v1/webhooks/events/{id}/redeliver",
        "webhooks",
        "redeliver_webhook_event",
        "webhooks:write",
    ),
)
# The one route without a function behind it: the gateway sends to the queue by itself, once the
# function that is named here has let the request pass.
QUEUE_ROUTE: Final = Route("POST", "/v1/events/queue", "authorizer", "queue_events", "events:write")
