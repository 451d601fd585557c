"""One attempt to send a webhook: signed, over a connection to a public address, in ten seconds.

Signed as Standard Webhooks has it, with the key that Polar uses: the bytes of the whole secret, its
prefix included.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

from standardwebhooks.webhooks import Webhook

from aureon.webhooks import addresses
from aureon.webhooks.addresses import Refused

TIMEOUT_SECONDS: Final = 10.0
MAX_RESPONSE_BYTES: Final = 2_048
USER_AGENT: Final = "Aureon-Webhooks/1"


class Outcome(NamedTuple):
    """What came of an attempt: the status, None where there was none, and what was answered."""

    http_code: int | None
    response: str

    @property
    def succeeded(self) -> bool:
        return self.http_code is not None and 200 <= self.http_code < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver says that it wants nothing any more."""
        return self.http_code == 410


def headers(secret: str, webhook_id: str, payload: str, now: datetime) -> Mapping[str, str]:
    """The headers by which a receiver tells that a webhook is ours."""
    signature = Webhook(secret.encode()).sign(webhook_id, now, payload)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
        "user-agent": USER_AGENT,
    }


def send(url: str, body: bytes, sent: Mapping[str, str], *, local: bool) -> Outcome:
    """Send a body to a URL. No redirect is followed; what can fail is an outcome."""
    try:
        return _send(url, body, sent, local=local)
    except Refused as refused:
        return Outcome(None, str(refused))
    except ssl.SSLError as error:
        return Outcome(None, f"The TLS connection failed: {error.reason or error}")
    except TimeoutError:
        return Outcome(None, f"There was no answer within {TIMEOUT_SECONDS:.0f} seconds.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Outcome(None, f"The connection failed: {error or type(error).__name__}")


def _send(url: str, body: bytes, sent: Mapping[str, str], *, local: bool) -> Outcome:
    ends = time.monotonic() + TIMEOUT_SECONDS
    parts = addresses.check_url(url, local=local)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    connected = addresses.connect(host, port, local=local, seconds=TIMEOUT_SECONDS)
    late = threading.Event()

    def cut() -> None:
        # A time-out of a socket is one of each of its reads: a host that drips has all of them.
        late.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, ends - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        if secure:
            connected = _tls().wrap_socket(connected, server_hostname=host)
        connection.sock = connected
        path = parts.path or "/"
        connection.request(
            "POST", f"{path}?{parts.query}" if parts.query else path, body, dict(sent)
        )
        response = connection.getresponse()
        if late.is_set():
            # What was cut off among the headers looks like their end.
            raise TimeoutError
        return Outcome(response.status, _text(response))
    except (OSError, http.client.HTTPException, ValueError):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()
        connected.close()


def _text(response: http.client.HTTPResponse) -> str:
    """The beginning of an answer; that it breaks off changes nothing of its status."""
    read = b""
    with suppress(OSError, http.client.HTTPException, ValueError):
        while len(read) < MAX_RESPONSE_BYTES:
            more = response.read1(MAX_RESPONSE_BYTES - len(read))
            if not more:
                break
            read += more
    return read.decode(errors="replace")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
