"""The portal's requests: one customer's own, with a session's token, from listed origins.

A browser asks for leave before it sends a token to another origin, and does so without the token:
whose portal it is, nobody knows then. So that question is always answered yes, which lets a page
send a request, and the answer itself says whether the page may read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from aureon.access import sessions
from aureon.access.organizations import ORIGIN, Organization
from aureon.access.sessions import Session
from aureon.access.tokens import Access
from aureon.api.envelope import finished
from aureon.api.requests import Request, path_of
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer, not_served, to_event
from aureon.api.routes import CUSTOMER_SESSION
from aureon.core import times
from aureon.core.errors import InvalidToken, NotFound
from aureon.domain.customers import Customer, profile
from aureon.storage.store import Store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

PREFLIGHT_SECONDS: Final = 600
HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9-]+(?:\s*,\s*[A-Za-z0-9-]+)*")
EXPOSED: Final = "Link, Retry-After, X-Next-After, X-Request-Id"


class PortalRequest(Request):
    """A request with a session: whose it is, and which organization's customer that is."""

    session: Session
    customer: Customer
    organization: Organization | None = None

    @property
    def metadata_keys(self) -> frozenset[str]:
        """The keys of events' metadata that the customer may see."""
        shown = () if self.organization is None else self.organization.settings.portal_metadata_keys
        return frozenset(shown)

    def shows(self, property_: str) -> bool:
        """Whether the customer may see the values of a property of events."""
        name = property_.removeprefix("metadata.")
        return name == "name" or not self.metadata_keys.isdisjoint((name, name.partition(".")[0]))

    def own(self, customer_meter_id: str) -> str:
        """The same id, where it is of the session's customer. Raises `NotFound`."""
        if customer_meter_id.partition(".")[0] != self.customer.id:
            raise NotFound("There is no such balance of this customer.")
        return customer_meter_id


class PortalResolver(Resolver):
    """Opens one customer for a session, and nothing for an organization's token."""

    def handler(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        if event["requestContext"]["http"]["method"] == "OPTIONS":
            return finished(event, to_event(self._preflight(event)))
        return super().handler(event, context)

    def _request(self, event: dict[str, Any], store: Store) -> Request:
        return PortalRequest(event, store)

    def _authenticate(self, request: Request, store: Store) -> Access:
        """Look up the session, and whether its customer is still there, now."""
        request = cast("PortalRequest", request)
        session = sessions.find(store, request.headers.get("authorization"))
        own = store.of(session.organization_id)
        customer_key, organization_key = (
            own.keys.customer(session.customer_id),
            own.keys.organization(),
        )
        items = own.batch_get([customer_key, organization_key])
        if organization_key in items:
            request.organization = Organization.from_item(items[organization_key])
        customer = profile(items.get(customer_key))
        if customer is None or session.expires_at <= times.now():
            raise InvalidToken("The session has ended.")
        request.session, request.customer = session, customer
        scopes = frozenset({CUSTOMER_SESSION})
        return Access(session.organization_id, scopes, session.expires_at)

    def _serve(self, request: Request, method: str, path: str) -> Answer:
        target = self._table.find(path)
        if target is None or target.route(method) is None:
            return not_served(target)
        return super()._serve(request, method, path)

    def _headers(self, request: Request) -> Mapping[str, str]:
        request = cast("PortalRequest", request)
        headers = {"Cache-Control": "no-store", "Vary": "Origin"}
        origin = request.headers.get("origin")
        if request.organization and origin in request.organization.settings.origins:
            headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": EXPOSED,
            }
        return headers

    def _preflight(self, event: dict[str, Any]) -> Answer:
        """Let any page send a request: whether it may read the answer, the answer says."""
        headers = {name.lower(): value for name, value in event["headers"].items()}
        target = self._table.find(path_of(event))
        if target is None or target.route("GET") is None:
            return not_served(target)
        allowed = {"Allow": ", ".join(target.methods), "Vary": "Origin"}
        asked = headers.get("access-control-request-headers", "authorization")
        origin = headers.get("origin", "")
        if ORIGIN.fullmatch(origin) and HEADER_NAMES.fullmatch(asked):
            allowed |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": "GET, HEAD",
                "Access-Control-Allow-Headers": asked,
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            }
        return Answer(204, None, allowed)
