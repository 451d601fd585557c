"""Webhooks go to public addresses, and to no others, whatever names and redirects say."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from aureon.webhooks import addresses, sending
from aureon.webhooks.addresses import Refused, check_url, connect, is_allowed, resolve

INSIDE = {
    "this network": "0.0.0.0",
    "private, 10/8": "10.1.2.3",
    "private, 172.16/12": "172.31.255.254",
    "private, 192.168/16": "192.168.0.1",
    "shared": "100.64.0.1",
    "loopback": "127.0.0.1",
    "loopback, another": "127.8.8.8",
    "link-local": "169.254.1.1",
    "metadata of AWS": "169.254.169.254",
    "credentials of containers": "169.254.170.2",
    "protocol assignments": "192.0.0.1",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified, IPv6": "::",
    "loopback, IPv6": "::1",
    "unique local": "fd00::1",
    "metadata of AWS, IPv6": "fd00:ec2::254",
    "link-local, IPv6": "fe80::1",
    "link-local with its zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "multicast, IPv6": "ff02::1",
    "documentation, IPv6": "2001:db8::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped metadata": "::ffff:169.254.169.254",
    "compatible": "::127.0.0.1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "NAT64 of one's own": "64:ff9b:1::1",
    "6to4 of private": "2002:0a00:0001::1",
}
OUTSIDE = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE.keys())
def test_nothing_goes_inside(address: str, names: dict[str, list[str]]) -> None:
    assert not is_allowed(address, local=False)
    names["innocent.example"] = [address]
    with pytest.raises(Refused):
        resolve("innocent.example", 443, local=False, seconds=5)
    names["innocent.example"] = ["93.184.216.34", address]
    with pytest.raises(Refused):
        resolve("innocent.example", 443, local=False, seconds=5)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are_where_webhooks_go(address: str) -> None:
    assert is_allowed(address, local=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://localhost/",
        "https://a.localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://10.0.0.1/",
        "https://user@example.com/",
        "https://example.com/#fragment",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https:///path",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "",
    ],
)
def test_a_url_that_could_never_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url, local=False)


def test_the_local_service_sends_to_this_machine_over_http_and_no_further() -> None:
    assert check_url("http://127.0.0.1:8080/hook", local=True).port == 8080
    assert check_url("http://localhost/hook", local=True)
    for url in ("http://example.com/", "http://10.0.0.1/", "https://10.0.0.1/"):
        with pytest.raises(Refused):
            check_url(url, local=True)
    assert is_allowed("127.0.0.1", local=True)
    assert not is_allowed("10.0.0.1", local=True)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names lead to, in the place of DNS."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def test_a_name_that_leads_inside_at_the_second_look_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection goes to the address that was checked; there is no second look."""
    looks = iter([["93.184.216.34"], ["127.0.0.1"]])
    connected: list[Any] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in next(looks)]

    class Peer:
        def getpeername(self) -> tuple[str, int]:
            return "93.184.216.34", 443

    def create(address: Any, timeout: float) -> Any:
        connected.append(address)
        return Peer()

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", create)
    connect("rebinding.example", 443, local=False, seconds=5)

    assert connected == [("93.184.216.34", 443)]


def test_a_connection_that_came_out_inside_is_closed(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]
) -> None:
    names["odd.example"] = ["93.184.216.34"]
    closed = []

    class Peer:
        def getpeername(self) -> tuple[str, int]:
            return "127.0.0.1", 443

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: Peer())
    with pytest.raises(Refused):
        connect("odd.example", 443, local=False, seconds=5)
    assert closed


def test_a_name_with_many_silent_addresses_takes_no_longer_than_one(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]
) -> None:
    names["silent.example"] = [f"93.184.216.{number}" for number in range(1, 9)]
    now, tried = 0.0, 0

    def create(address: Any, timeout: float) -> Any:
        nonlocal now, tried
        now, tried = now + min(timeout, 4), tried + 1
        raise TimeoutError

    monkeypatch.setattr(addresses, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(socket, "create_connection", create)
    with pytest.raises(TimeoutError):
        connect("silent.example", 443, local=False, seconds=10)

    assert (now, tried) == (10, 3)


def test_an_attempt_at_a_place_inside_is_an_outcome_without_a_status(
    names: dict[str, list[str]],
) -> None:
    names["inside.example"] = ["169.254.169.254"]

    outcome = sending.send("https://inside.example/", b"{}", {}, local=False)

    assert outcome.http_code is None
    assert "not public" in outcome.response


@pytest.fixture
def silent() -> Iterator[int]:
    """A port at which somebody listens who speaks no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_what_speaks_no_tls_is_an_outcome_without_a_status(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.3)

    outcome = sending.send(f"https://127.0.0.1:{silent}/", b"{}", {}, local=True)

    assert outcome.http_code is None
