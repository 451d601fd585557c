"""What an answer used is read from it, be it OpenAI's or Anthropic's, plain or streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from aureon_client.models import Usage, estimate_tokens, metered
from tests.clients.integrations.providers import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    TOTAL_TOKENS,
    WORDS,
    Provider,
)
from tests.clients.shop import Shop, async_client

ASKED: Any = [{"role": "user", "content": "Count."}]
CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": ASKED}
RESPONSE: dict[str, Any] = {"model": "gpt-4o-mini", "input": "Count."}
MESSAGE: dict[str, Any] = {"model": "claude-3-5-haiku-latest", "messages": ASKED, "max_tokens": 9}
WITH_USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}

CALLS: dict[str, Callable[[Any, Any, bool], Any]] = {
    "chat": lambda openai, anthropic, stream: openai.chat.completions.create(
        **CHAT, stream=stream, **(WITH_USAGE if stream else {})
    ),
    "response": lambda openai, anthropic, stream: openai.responses.create(
        **RESPONSE, stream=stream
    ),
    "message": lambda openai, anthropic, stream: anthropic.messages.create(
        **MESSAGE, stream=stream
    ),
}


@pytest.fixture
def clients(provider: Provider) -> Iterator[tuple[OpenAI, Anthropic]]:
    with (
        OpenAI(api_key="key", base_url=f"{provider.url}/v1") as openai,
        Anthropic(api_key="key", base_url=provider.url) as anthropic,
    ):
        yield openai, anthropic


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_says_what_it_used(
    shop: Shop, clients: tuple[Any, Any], call: str, stream: bool
) -> None:
    with (
        shop.client.hold(shop.user, shop.tokens, units=60) as hold,
        metered(hold, CALLS[call](*clients, stream)) as answer,
    ):
        if stream:
            list(answer)
            assert answer.response.is_closed
    assert (shop.used, shop.held) == (TOTAL_TOKENS, 0)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_an_async_client_does_too(
    shop: Shop, provider: Provider, call: str, stream: bool
) -> None:
    async def ask() -> None:
        async with (
            AsyncOpenAI(api_key="key", base_url=f"{provider.url}/v1") as openai,
            AsyncAnthropic(api_key="key", base_url=provider.url) as anthropic,
            async_client(shop.service) as client,
            client.hold(shop.user, shop.tokens, units=60) as hold,
            metered(hold, await CALLS[call](openai, anthropic, stream)) as answer,
        ):
            if stream:
                async for _ in answer:
                    pass

    asyncio.run(ask())
    assert (shop.used, shop.held) == (TOTAL_TOKENS, 0)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("heard", range(len(WORDS)))
def test_a_caller_that_hangs_up_pays_for_the_words_that_came(
    shop: Shop, clients: tuple[Any, Any], call: str, heard: int
) -> None:
    def words() -> Iterator[str]:
        with (
            shop.client.hold(shop.user, shop.tokens, units=60) as hold,
            metered(hold, CALLS[call](*clients, True), input_tokens=INPUT_TOKENS) as answer,
        ):
            for chunk in answer:
                if any(word in str(chunk) for word in WORDS):
                    yield str(chunk)

    stream = words()
    for _ in range(heard + 1):
        next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert (shop.used, shop.held) == (INPUT_TOKENS + heard + 1, 0)


def test_a_stream_without_usage_is_charged_by_its_length(
    shop: Shop, clients: tuple[OpenAI, Anthropic]
) -> None:
    with shop.client.hold(shop.user, shop.tokens, units=60) as hold:
        meter = metered(hold, clients[0].chat.completions.create(**CHAT, stream=True))
        with meter as answer:
            list(answer)
        assert meter.usage == Usage(0, OUTPUT_TOKENS)
        hold.capture()
    assert estimate_tokens("".join(WORDS)) == shop.used == OUTPUT_TOKENS


def test_the_helpers_of_the_sdks_are_read_through(
    shop: Shop, clients: tuple[OpenAI, Anthropic]
) -> None:
    openai, anthropic = clients
    with (
        shop.client.hold(shop.user, shop.tokens, units=60) as hold,
        anthropic.messages.stream(**MESSAGE) as message,
        metered(hold, message) as events,
    ):
        list(events)
        assert events.get_final_text() == "".join(WORDS)
    assert shop.used == TOTAL_TOKENS
    with (
        shop.client.hold(shop.user, shop.tokens, units=60) as hold,
        openai.chat.completions.stream(**CHAT, **WITH_USAGE) as completion,
        metered(hold, completion) as chunks,
    ):
        list(chunks)
    assert (shop.used, shop.held) == (2 * TOTAL_TOKENS, 0)


def test_units_are_made_of_tokens_and_add_up_over_calls(
    shop: Shop, clients: tuple[OpenAI, Anthropic]
) -> None:
    def weighed(usage: Usage) -> int:
        return usage.input_tokens + 2 * usage.output_tokens

    with shop.client.hold(shop.user, shop.tokens, units=60) as hold:
        for _ in range(2):
            with metered(hold, clients[0].chat.completions.create(**CHAT), units=weighed):
                pass
    assert shop.used == 2 * (INPUT_TOKENS + 2 * OUTPUT_TOKENS)
