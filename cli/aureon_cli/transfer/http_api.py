"""The HTTP API as commands call it: what may be asked for again, and how patiently."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from aureon.core.errors import AureonError, Unavailable
from aureon.core.retry import Backoff

REQUEST_SECONDS: Final = 35.0
# Answers after which the same request may succeed.
PASSING: Final = (429, 500, 502, 503, 504)
MAX_TRIES: Final = 10
BACKOFF: Final = Backoff(first_seconds=1.0, longest_seconds=30.0, random_share=0.5)


class ApiError(AureonError):
    """The API cannot be used so, and why."""


class HttpApi:
    """The API at a URL, with an access token that needs `scopes`; `name` tells it from others."""

    scopes = ""

    def __init__(self, url: str, token: str) -> None:
        self.name = f"{url} {hashlib.sha256(token.encode()).hexdigest()[:16]}"
        self._url = url
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=REQUEST_SECONDS,
            limits=httpx.Limits(max_connections=None),
        )

    def close(self) -> None:
        """Let go of all connections, those in use too."""
        self._client.close()

    def _call(
        self, method: str, path: str, *, scopes: str = "", **parameters: Any
    ) -> httpx.Response:
        """Send a request, for which the token needs `scopes`, the class's own unless said.

        Raises `Unavailable` where it may be sent again, and `ApiError`.
        """
        try:
            answer = self._client.request(method, path, **parameters)
        except httpx.TransportError as error:
            detail = f"{self._url} does not answer: {error}."
            raise Unavailable(detail, retry_after_seconds=0) from error
        match answer.status_code:
            case status if status in PASSING:
                raise Unavailable(
                    f"{self._url} answers {status}.", retry_after_seconds=_retry_after(answer)
                )
            case 401 | 403:
                raise ApiError(f"{self._url} does not take this token for {scopes or self.scopes}.")
        return answer

    def _unexpected(self, answer: httpx.Response) -> ApiError:
        return ApiError(f"{self._url} answers {answer.status_code}: {answer.text[:200]}")

    @contextmanager
    def _sense(self) -> Iterator[None]:
        """Let an answer that cannot be Aureon's be an `ApiError`."""
        try:
            yield
        except (ValueError, LookupError, TypeError) as error:
            raise ApiError(f"{self._url} does not answer as Aureon does.") from error


def _retry_after(answer: httpx.Response) -> int:
    text = answer.headers.get("Retry-After", "")
    return int(text) if text.isdecimal() else 0
