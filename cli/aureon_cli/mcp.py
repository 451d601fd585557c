"""The API as tools of a language model, over the Model Context Protocol: ``aureon mcp``.

The tools are the operations of the service's OpenAPI document that the access token's scopes allow;
those that only read, unless it is said otherwise.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import httpx2
from fastmcp import FastMCP
from fastmcp.server.auth import AccessToken, TokenVerifier
from fastmcp.server.providers.openapi import MCPType, RouteMap

from aureon.core.errors import AureonError

# What answers with something else than JSON, and what the gateway answers by itself.
LEFT_OUT: Final = frozenset({"export_events", "queue_events"})
READ: Final = ":read"
TIMEOUT_SECONDS: Final = 30.0


class NoTools(AureonError):
    """The service gives no tools to work with."""


class _OneToken(TokenVerifier):
    """Lets callers with the access token that the server works with use it."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        return AccessToken(token=token, client_id="aureon", scopes=[])


def server(url: str, token: str, *, write: bool) -> FastMCP[Any]:
    """The server whose tools are what an access token may do; raises `NoTools`."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
            document = client.get("/openapi.json").raise_for_status().json()
            scopes = client.get("/v1/tokens/current").raise_for_status().json()["scopes"]
    except httpx2.HTTPError as error:
        raise NoTools(f"{url} does not answer as Aureon does: {error}") from error
    document["paths"] = allowed(document["paths"], frozenset(scopes), write=write)
    return FastMCP.from_openapi(
        document,
        httpx2.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS),
        name="Aureon",
        route_maps=[RouteMap(mcp_type=MCPType.TOOL)],
        # Answers carry decimals, which a schema's numbers are not.
        validate_output=False,
        auth=_OneToken(token),
    )


def allowed(paths: dict[str, Any], scopes: frozenset[str], *, write: bool) -> dict[str, Any]:
    """The operations that a token's scopes allow, those that write only where that is wanted."""

    def is_allowed(operation: dict[str, Any]) -> bool:
        needed = {scope for each in operation["security"] for scope in each.get("token", ())}
        return (
            any("token" in each for each in operation["security"])
            and operation["operationId"] not in LEFT_OUT
            and needed <= scopes
            and (write or all(scope.endswith(READ) for scope in needed))
        )

    kept = {
        path: {method: each for method, each in operations.items() if is_allowed(each)}
        for path, operations in paths.items()
    }
    return {path: operations for path, operations in kept.items() if operations}
