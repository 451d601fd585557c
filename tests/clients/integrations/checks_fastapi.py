"""The FastAPI example, run by a real server, with callers who listen, hang up, or can't pay."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from aureon_client.models import estimate_tokens
from tests.clients.integrations.providers import TOTAL_TOKENS, WORDS, Provider
from tests.clients.shop import Shop

EXAMPLE = Path(__file__).parents[3] / "examples" / "fastapi_chat.py"
MOST_LINES = 15
POLLS = 1_000


@pytest.fixture
def url(shop: Shop, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AUREON_URL", shop.service.url)
    monkeypatch.setenv("AUREON_ACCESS_TOKEN", shop.service.token)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("MAX_TOKENS", "60")
    code = EXAMPLE.read_text().replace('"tokens"', repr(shop.tokens))
    namespace: dict[str, object] = {"__name__": "fastapi_chat"}
    exec(
        compile(code.replace("from __future__ import annotations", ""), EXAMPLE, "exec"), namespace
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(namespace["app"], log_level="error"))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/chat"
        server.should_exit = True
        thread.join()


def settled(shop: Shop) -> int:
    """What was used once nothing is held."""
    for _ in range(POLLS):
        if shop.held == 0 and shop.used > 0:
            return int(shop.used)
    raise AssertionError


def test_a_chat_is_paid_for(shop: Shop, url: str) -> None:
    answer = httpx.post(url, params={"user": shop.user, "prompt": "Count."})
    assert answer.text == "".join(WORDS)
    assert settled(shop) == TOTAL_TOKENS


def test_who_has_too_little_is_told_what_is_left(shop: Shop, url: str) -> None:
    answer = httpx.post(url, params={"user": shop.user, "prompt": "x" * 400})
    assert (answer.status_code, answer.json()) == (402, {"detail": "100 tokens are left"})
    assert (shop.used, shop.held) == (0, 0)


@pytest.mark.parametrize("heard", range(1, len(WORDS)))
def test_a_caller_that_hangs_up_pays_for_what_came(
    shop: Shop, url: str, provider: Provider, heard: int
) -> None:
    """At each word: the server sees it while it waits for the next one, or later."""
    provider.may_end.clear()
    prompt = "Count."
    params = {"user": shop.user, "prompt": prompt}
    with httpx.stream("POST", url, params=params) as answer:
        text = ""
        for part in answer.iter_text():
            text += part
            if WORDS[heard - 1] in text:
                break
    try:
        used = settled(shop) - estimate_tokens(prompt)
    finally:
        provider.may_end.set()
    assert heard <= used < len(WORDS)


def test_little_of_the_example_is_about_credits() -> None:
    code = EXAMPLE.read_text()
    words = re.compile(r"aureon|hold|metered|estimate_tokens|asked|Credits|refused|anext")
    lines = [line for line in code.splitlines()[5:] if words.search(line)]
    assert len(lines) <= MOST_LINES, "\n".join(lines)
