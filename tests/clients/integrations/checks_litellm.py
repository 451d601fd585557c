"""LiteLLM holds before a call and counts after it: its SDK, and its proxy over HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import litellm
import pytest
import uvicorn

from aureon_client.litellm import AureonLogger
from tests.clients.integrations.providers import INPUT_TOKENS, TOTAL_TOKENS, WORDS, Provider
from tests.clients.shop import Shop, async_client

POLLS = 400
POLL_SECONDS = 0.02
START_SECONDS = 120.0
ASKED = [{"role": "user", "content": "Count."}]
MODULE = """
from litellm.proxy._types import UserAPIKeyAuth

from aureon_client.litellm import AureonLogger

tokens = AureonLogger({tokens!r}, max_output_tokens=40)
cost = AureonLogger({cost!r}, customer="team", units="cost")


async def authenticate(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, team_id=api_key)
"""


@dataclass(frozen=True)
class Proxy:
    """The proxy, with one logger for tokens by end user and one for costs by team."""

    http: httpx.Client
    tokens: Shop
    cost: Shop

    def ask(self, **more: Any) -> httpx.Response:
        body = {"model": "served", "messages": ASKED, "user": self.tokens.user, **more}
        headers = {"Authorization": f"Bearer {self.cost.user}"}
        return self.http.post("/v1/chat/completions", json=body, headers=headers)


@pytest.fixture(scope="session")
def proxy_url(
    empty_shop: Shop,
    cost_shop: Shop,
    provider: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("proxy")
    code = MODULE.format(tokens=empty_shop.tokens, cost=cost_shop.tokens)
    (folder / "aureon_credits.py").write_text(code)
    served = {"model": "openai/gpt-4o-mini", "api_key": "key", "api_base": f"{provider.url}/v1"}
    mocked = {"model": "openai/gpt-4o-mini", "api_key": "key", "mock_response": "".join(WORDS)}
    config = {
        "model_list": [
            {"model_name": "served", "litellm_params": served},
            {"model_name": "mocked", "litellm_params": mocked},
        ],
        "litellm_settings": {
            "callbacks": ["aureon_credits.tokens", "aureon_credits.cost"],
            "num_retries": 0,
        },
        "general_settings": {
            "custom_auth": "aureon_credits.authenticate",
            "master_key": f"sk-{uuid.uuid4().hex}",
        },
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as environment, socket.socket() as listening:
        environment.setenv("CONFIG_FILE_PATH", str(path))
        from litellm.proxy.proxy_server import app

        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        reached(lambda: server.started or not thread.is_alive(), START_SECONDS)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def cost_shop(empty_shop: Shop) -> Shop:
    return Shop.open(empty_shop.service, empty_shop.client)


@pytest.fixture
def proxy(proxy_url: str, shop: Shop, cost_shop: Shop) -> Iterator[Proxy]:
    with httpx.Client(base_url=proxy_url, timeout=START_SECONDS) as http:
        yield Proxy(http, shop, cost_shop.with_customer(1))


def reached(condition: Callable[[], bool], seconds: float = POLLS * POLL_SECONDS) -> None:
    waiting = threading.Event()
    for _ in range(round(seconds / POLL_SECONDS)):
        if condition():
            return
        waiting.wait(POLL_SECONDS)
    raise AssertionError


def assert_settled(shop: Shop, used: Any) -> None:
    with suppress(AssertionError):
        reached(lambda: shop.held == 0 and shop.used == used)
    assert (shop.used, shop.held) == (used, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_the_proxy_counts_what_the_provider_says(proxy: Proxy, stream: bool) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = proxy.ask(**options)
    assert answer.status_code == 200, answer.text
    assert "two" in answer.text
    assert_settled(proxy.tokens, TOTAL_TOKENS)
    prices = litellm.model_cost["gpt-4o-mini"]
    cost = INPUT_TOKENS * Decimal(repr(prices["input_cost_per_token"]))
    cost += len(WORDS) * Decimal(repr(prices["output_cost_per_token"]))
    assert_settled(proxy.cost, cost.quantize(Decimal("1e-9")))


def test_the_proxy_counts_its_own_mock_responses(proxy: Proxy) -> None:
    assert proxy.ask(model="mocked").status_code == 200
    reached(lambda: proxy.tokens.held == 0 and proxy.tokens.used > 0)


def test_who_has_too_little_is_answered_402_and_nothing_is_held(proxy: Proxy) -> None:
    answer = proxy.ask(max_tokens=1_000)
    assert answer.status_code == 402, answer.text
    assert "InsufficientCredits" in answer.text
    assert (proxy.tokens.used, proxy.tokens.held) == (0, 0)
    assert proxy.ask(user=None).status_code == 400
    assert_settled(proxy.cost, 0)


def test_a_call_that_fails_is_not_counted(proxy: Proxy) -> None:
    assert proxy.ask(messages=[{"role": "user", "content": "fail"}]).status_code == 400
    assert_settled(proxy.tokens, 0)
    assert_settled(proxy.cost, 0)


def test_a_caller_that_hangs_up_pays_for_what_came(proxy: Proxy, provider: Provider) -> None:
    provider.may_end.clear()
    body = {"model": "served", "messages": ASKED, "user": proxy.tokens.user, "stream": True}
    headers = {"Authorization": f"Bearer {proxy.cost.user}"}
    with proxy.http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        text = ""
        for chunk in answer.iter_text():
            text += chunk
            if WORDS[-2] in text:
                break
    # Nothing more comes: whoever waits for it must see that nobody listens.
    try:
        reached(lambda: proxy.tokens.held == 0)
    finally:
        provider.may_end.set()
    reached(lambda: proxy.cost.held == 0)
    prompt = litellm.token_counter(model="served", messages=ASKED)
    output = litellm.token_counter(model="served", text="".join(WORDS[:-1]))
    assert proxy.tokens.used == prompt + output
    assert 0 < proxy.cost.used < Decimal("0.001")


@pytest.mark.parametrize("sync", [False, True])
def test_calls_outside_of_the_proxy_are_counted_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    logger = AureonLogger(shop.tokens, client=async_client(shop.service))
    monkeypatch.setattr(litellm, "callbacks", [logger])
    call = {
        "model": "gpt-4o-mini",
        "messages": ASKED,
        "user": shop.user,
        "mock_response": "".join(WORDS),
    }

    async def ask() -> Any:
        answer = await litellm.acompletion(**call)
        await asyncio.to_thread(reached, lambda: shop.used > 0)
        return answer

    answer = litellm.completion(**call) if sync else asyncio.run(ask())
    reached(lambda: shop.used > 0)
    assert shop.used == answer.usage.total_tokens


def test_hooks_are_called_with_whoever_pays(shop: Shop) -> None:
    class Key:
        end_user_id = None
        user_id = shop.user
        team_id = "team"
        team_alias = None
        key_alias = "alias"
        api_key = "hash"

    def payer(customer: Any, **data: Any) -> str | None:
        logger = AureonLogger(shop.tokens, customer=customer, client=async_client(shop.service))
        return logger._payer(Key(), data)

    assert payer("end_user", user="ann") == "ann"
    assert payer("end_user") is None
    assert [payer(who) for who in ("user", "team", "key")] == [shop.user, "team", "alias"]
    assert payer(lambda key, data: f"{key.team_id}/{data['user']}", user="ann") == "team/ann"
