"""``aureon mcp``: the API as tools, by scope, read-only unless it is said otherwise."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastmcp import Client as McpClient
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from fastmcp.exceptions import ToolError

from aureon.api.routes import ROUTES
from tests.clients.shop import Shop
from tests.support.local_service import AUREON, clean_environment

START_SECONDS = 60.0
Told = Callable[[McpClient[Any]], Awaitable[Any]]


def environment(shop: Shop, token: str | None = None) -> dict[str, str]:
    return clean_environment() | {
        "AUREON_URL": shop.service.url,
        "AUREON_ACCESS_TOKEN": token or shop.service.token,
    }


def over_stdio(shop: Shop, tell: Told, *options: str, token: str | None = None) -> Any:
    async def run() -> Any:
        transport = StdioTransport(str(AUREON), ["mcp", *options], env=environment(shop, token))
        async with McpClient(transport, timeout=START_SECONDS) as client:
            return await tell(client)

    return asyncio.run(run())


def operations(scope: str) -> set[str]:
    return {route.operation for route in ROUTES if route.scope == scope}


async def names(client: McpClient[Any]) -> set[str]:
    return {tool.name for tool in await client.list_tools()}


def test_a_model_reads_balances_and_can_change_nothing(shop: Shop) -> None:
    async def tell(client: McpClient[Any]) -> tuple[set[str], Any]:
        arguments = {"external_id": shop.user}
        state = await client.call_tool("get_customer_state_external", arguments)
        return await names(client), json.loads(state.content[0].text)  # type: ignore[union-attr]

    given, state = over_stdio(shop, tell)
    assert {"list_customers", "get_hold", "preview_meter", "get_current_token"} <= given
    assert not {name for name in given if name.startswith(("create", "update", "delete", "revoke"))}
    assert not {"spend", "place_hold", "ingest_events", "health"} & given
    assert not {name for name in given if name.startswith("portal_")}
    (meter,) = state["active_meters"]
    assert meter["available_credits"] == 100


def test_a_model_that_may_write_spends_once_and_is_told_when_it_is_too_much(shop: Shop) -> None:
    async def tell(client: McpClient[Any]) -> str:
        def spend(units: int) -> dict[str, Any]:
            named = {"external_customer_id": shop.user, "external_id": f"{shop.user}/{units}"}
            return {"name": shop.tokens, "metadata": {"units": units}, **named}

        for _ in range(2):
            await client.call_tool("spend", spend(30))
        with pytest.raises(ToolError) as refused:
            await client.call_tool("spend", spend(71))
        return str(refused.value)

    assert "402" in over_stdio(shop, tell, "--write")
    assert shop.used == 30


def test_a_token_of_little_scope_gives_few_tools(shop: Shop) -> None:
    made = httpx.post(
        f"{shop.service.url}/v1/tokens/",
        json={"scopes": ["meters:read", "credits:write"]},
        headers={"Authorization": f"Bearer {shop.service.token}"},
    )
    token = made.json()["token"]
    reading = operations("meters:read") | {"get_current_token", "get_overview"}
    assert over_stdio(shop, names, token=token) == reading
    assert over_stdio(shop, names, "--write", token=token) == reading | operations("credits:write")


def test_http_is_behind_the_token(shop: Shop, unused_port: int) -> None:
    url = f"http://127.0.0.1:{unused_port}/mcp"

    async def tell(token: str) -> set[str]:
        transport = StreamableHttpTransport(url, headers={"Authorization": f"Bearer {token}"})
        async with McpClient(transport) as client:
            return await names(client)

    process = subprocess.Popen(
        [AUREON, "mcp", "--http", "--port", str(unused_port)],
        env=environment(shop),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            try:
                assert httpx.post(url, json={}).status_code == 401
            except httpx.ConnectError:
                continue
            break
        assert "list_meters" in asyncio.run(tell(shop.service.token))
        wrong = {"Authorization": "Bearer aureon_oat_wrong"}
        assert httpx.post(url, json={}, headers=wrong).status_code == 401
    finally:
        process.terminate()
        process.wait()


def test_what_is_wrong_is_said_in_a_sentence(shop: Shop) -> None:
    def run(token: str, url: str) -> str:
        ended = subprocess.run(
            [AUREON, "mcp"],
            env=environment(shop, token) | {"AUREON_URL": url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 1
        return ended.stderr

    assert "401" in run("aureon_oat_wrong", shop.service.url)
    assert "does not answer" in run(shop.service.token, "http://127.0.0.1:9")
