"""``/`` and ``/portal``: the files of the dashboard and of the page for customers, as ``make
dashboard`` has built them beside this module.

An asset's name holds a hash of its content, so a browser that has it may keep it; the page itself
is asked for again each time, and answered with 304 where nothing has changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from aureon.api.envelope import finished
from aureon.api.static import ASK_AGAIN, FOR_A_YEAR, Files
from aureon.core.identifiers import is_id

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FILES: Final = Path(__file__).parent / "dashboard_files"
PAGE: Final = "index.html"
PORTAL: Final = "portal.html"
# How long a container goes by the origins that it has read.
ORIGINS_SECONDS: Final = 60.0
MAX_ORGANIZATIONS: Final = 1_000


def policy(frame_ancestors: str) -> str:
    """Nothing from elsewhere, nothing inline, no text that becomes a script, and frames around it
    only where they are named.
    """
    return "; ".join((*_DIRECTIVES, f"frame-ancestors {frame_ancestors}"))


_DIRECTIVES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
POLICY: Final = policy("'none'")

_FILES: Final = Files(FILES, POLICY)
# The origins of an organization, and until when they are gone by.
_origins: Final[dict[str, tuple[float, str]]] = {}


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``GET /``, ``/portal``, ``/assets/{name}``, without a token: nothing here is secret."""
    path: str = event["rawPath"]
    if path.rstrip("/").endswith("/portal"):
        return finished(event, _portal(event, context))
    return finished(event, _answer(event))


def _portal(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The page for customers. Only pages of the organization's origins may have it in a frame."""
    query: str = event.get("rawQueryString") or ""
    if event["rawPath"].endswith("/"):
        # The page's links are relative, so that it works below any stage.
        location = f"../portal?{query}" if query else "../portal"
        return {"statusCode": 308, "headers": {"Location": location}, "body": ""}
    organization_id = (parse_qs(query).get("organization") or [""])[0]
    allowed = policy(_frame_ancestors(organization_id, context))
    return _FILES.answer(event, PORTAL, ASK_AGAIN, allowed)


def _frame_ancestors(organization_id: str, context: LambdaContext) -> str:
    """Whose pages may embed the portal; nobody's where that is not known."""
    if not is_id(organization_id):
        return "'none'"
    good_until, sources = _origins.get(organization_id, (0.0, ""))
    if time.monotonic() < good_until:
        return sources
    # The dashboard's own files need no database, and no client for it.
    from aureon.access import organizations
    from aureon.api import runtime
    from aureon.core.errors import NotFound, Unavailable

    try:
        found = organizations.read(runtime.store(context).of(organization_id))
    except (NotFound, Unavailable):
        return "'none'"
    sources = " ".join(found.settings.origins) or "'none'"
    if len(_origins) >= MAX_ORGANIZATIONS:
        _origins.clear()
    _origins[organization_id] = (time.monotonic() + ORIGINS_SECONDS, sources)
    return sources


def _answer(event: Mapping[str, Any]) -> dict[str, Any]:
    request = event["requestContext"]
    if event["rawPath"] == f"/{request['stage']}":
        # The page's links are relative, so that it works below any stage: they need the slash.
        return {"statusCode": 308, "headers": {"Location": f"{request['stage']}/"}, "body": ""}
    name = (event.get("pathParameters") or {}).get("name", PAGE)
    return _FILES.answer(event, name, ASK_AGAIN if name == PAGE else FOR_A_YEAR)
