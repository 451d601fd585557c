"""``make smoke``: all of it holds for ``make dev``, and what a gateway does wrong is seen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote

import httpx
import pytest

from tests.support.local_service import Service, clean_environment
from tools import smoke

ENOUGH_SECONDS: Final = 120.0
BROKEN: Final = 500

Change = Callable[[httpx.Request], httpx.Request | httpx.Response]


def test_all_of_it_holds_for_the_local_service(service: Service) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tools.smoke", service.url],
        env=clean_environment() | {"AUREON_ACCESS_TOKEN": service.token},
        capture_output=True,
        text=True,
        timeout=ENOUGH_SECONDS,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("✓") == len(smoke.CHECKS)
    assert "✗" not in ran.stdout


class Gateway(httpx.HTTPTransport):
    """A gateway that changes requests, or answers them itself."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self._change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        changed = self._change(request)
        if isinstance(changed, httpx.Response):
            return changed
        answer = super().handle_request(changed)
        answer.headers.pop("www-authenticate", None)
        return answer


def knows_no_slash_at_the_end(request: httpx.Request) -> httpx.Request | httpx.Response:
    if request.url.path != "/" and request.url.path.endswith("/"):
        return httpx.Response(404, json={"message": "Not Found"})
    return request


def cuts_paths(request: httpx.Request) -> httpx.Request:
    """As public captures of HTTP APIs show it: the path is decoded, and ends at a question mark."""
    path, _, query = request.url.raw_path.decode().partition("?")
    cut = unquote(path).partition("?")[0]
    request.url = request.url.copy_with(raw_path=f"{quote(cut)}?{query}".encode())
    return request


def may_not_write(request: httpx.Request) -> httpx.Request | httpx.Response:
    """As a function whose role lacks a permission."""
    spends = request.url.path == "/v1/credits/spend"
    return httpx.Response(BROKEN, json={"error": "InternalServerError"}) if spends else request


@pytest.mark.parametrize(
    ("check", "change", "told"),
    [
        (smoke.routes_and_cold_starts, knows_no_slash_at_the_end, "was not answered by"),
        (smoke.odd_ids, cuts_paths, "reaches the customer"),
        (smoke.transactions, may_not_write, "/v1/credits/spend: 500"),
        (smoke.refusals, lambda request: request, "no WWW-Authenticate"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_a_gateway_or_a_role_does_wrong_is_seen(
    service: Service, check: Callable[[smoke.Smoke], str], change: Change, told: str
) -> None:
    with httpx.Client(
        base_url=service.url,
        headers={"Authorization": f"Bearer {service.token}"},
        transport=Gateway(change),
    ) as api:
        ((_, holds, found),) = smoke.run(api, (check,))

    assert not holds
    assert told in found
