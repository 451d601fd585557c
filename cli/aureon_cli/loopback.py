"""How the local service's calls reach an engine on this machine: plain HTTP, read in C.

botocore's connections know proxies, TLS and redirects, and take half of the CPU of a handler that
reads a balance. Two processes of one machine need no proxies, TLS or redirects. botocore emits the
event ``before-send`` for each request, and takes the answer that this module returns. Everything
else stays botocore's own: credentials, signatures, errors, whether to try again.

https://docs.aws.amazon.com/boto3/latest/guide/events.html
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httptools
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.hooks import BaseEventHooks

from aureon.storage.clients import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from aureon_cli.engine import HOST

RECEIVED_BYTES: Final = 256 * 1024
SERVICES: Final = ("dynamodb", "dynamodb-streams")
HERE: Final = f"http://{HOST}:"


def install(events: BaseEventHooks) -> None:
    """Let calls of the clients that have these events go this way, where it leads to the engine."""
    connections = _Connections()
    for service in SERVICES:
        events.register(f"before-send.{service}", cast("Any", connections.send))


class _Connections(threading.local):
    """A connection for each thread, kept open."""

    kept: socket.socket | None = None

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        """Send a request, and read the whole answer. Raises what botocore raises.

        None is for botocore to send: it goes to another machine.
        """
        if not request.url.startswith(HERE):
            return None
        try:
            return self._answer(request)
        except TimeoutError as error:
            self._close()
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (OSError, httptools.HttpParserError) as error:
            self._close()
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error

    def _answer(self, request: AWSPreparedRequest) -> AWSResponse:
        address = urlsplit(request.url)
        connection = self._open(address.hostname, address.port)
        connection.sendall(_written(request, address.netloc, address.path))
        answer = _Answer()
        while not answer.complete:
            received = connection.recv(RECEIVED_BYTES)
            if not received:
                raise ConnectionResetError("The engine ended the connection.")
            answer.parser.feed_data(received)
        if not answer.keeps_alive:
            self._close()
        return AWSResponse(
            request.url, answer.parser.get_status_code(), cast("Any", answer.headers), answer
        )

    def _open(self, host: str | None, port: int | None) -> socket.socket:
        """The thread's connection: another one where the engine has closed it meanwhile."""
        if self.kept is not None and select.select([self.kept], [], [], 0)[0]:
            self._close()
        if self.kept is None:
            self.kept = socket.create_connection((host, port), CONNECT_TIMEOUT_SECONDS)
            self.kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.kept.settimeout(READ_TIMEOUT_SECONDS)
        return self.kept

    def _close(self) -> None:
        if self.kept is not None:
            self.kept.close()
        self.kept = None


def _written(request: AWSPreparedRequest, host: str, path: str) -> bytes:
    body = cast("bytes", request.body or b"")
    headers = {"Host": host, **request.headers, "Content-Length": len(body)}
    lines = "".join(f"{name}: {_text(value)}\r\n" for name, value in headers.items())
    return f"{request.method} {path or '/'} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class _Answer:
    """What is read of an answer; as botocore's answers have it, their `raw`."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: Any = {}
        self.complete = self.keeps_alive = False
        self._parts: list[bytes] = []

    def stream(self) -> Iterator[bytes]:
        return iter(self._parts)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1")] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self.complete = True
        self.keeps_alive = self.parser.should_keep_alive()
