"""A proxy between a client and the service, on which requests and answers come to grief."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

import httpx

FORWARD_SECONDS = 30.0


class Fault(Enum):
    """What happens to a request, or to its answer."""

    CUT = "the connection is cut before the request gets through"
    LOSE = "the request gets through, and its answer is lost"
    HALVE = "half of the answer gets through"
    WITHHOLD = "the request gets through, and its answer takes longer than the caller waits"
    REFUSE = "503 in place of the service"
    DENY = "503 in place of the answer"
    REPEAT = "the request gets through twice"


Plan: TypeAlias = Callable[[str], Fault | None]


def scripted(*faults: Fault | None, path: str = "") -> Plan:
    """These faults, one after the other, of requests whose path ends so; then none."""
    left = list(faults)
    return lambda asked: left.pop(0) if left and asked.endswith(path) else None


def by_chance(seed: int, chance: float) -> Plan:
    draw = random.Random(seed)
    faults = list(Fault)
    return lambda asked: draw.choice(faults) if draw.random() < chance else None


@dataclass
class Proxy:
    """Where it is, what it does, and what it has done and seen."""

    url: str
    plan: Plan
    happened: Counter[Fault] = field(default_factory=Counter)
    requests: list[tuple[str, bytes, str | None]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, path: str, body: bytes, key: str | None) -> Fault | None:
        with self.lock:
            self.requests.append((path, body, key))
            fault = self.plan(path)
            if fault is not None:
                self.happened[fault] += 1
            return fault


@contextmanager
def proxied(upstream: str, plan: Plan) -> Iterator[Proxy]:
    """Run a proxy in front of a service."""
    forward = httpx.Client(base_url=upstream, timeout=FORWARD_SECONDS)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fault = proxy.next_fault(self.path, body, self.headers.get("idempotency-key"))
            if fault is Fault.CUT:
                self.hang_up()
                return
            if fault is Fault.REFUSE:
                self.reply(503, b'{"error":"Unavailable","detail":"No."}', {"Retry-After": "0"})
                return
            headers = {name: self.headers[name] for name in self.headers if name != "Host"}
            for _ in range(1 + (fault is Fault.REPEAT)):
                found = forward.request(self.command, self.path, content=body, headers=headers)
            if fault is Fault.LOSE:
                self.hang_up()
            elif fault is Fault.WITHHOLD:
                # Until the caller has had enough.
                with suppress(OSError):
                    self.rfile.read(1)
                self.hang_up()
            elif fault is Fault.DENY:
                self.reply(503, b"no JSON", {})
            else:
                kept = {"content-type", "retry-after"}
                kept_headers = {
                    name: value for name, value in found.headers.items() if name in kept
                }
                self.reply(
                    found.status_code, found.content, kept_headers, halve=fault is Fault.HALVE
                )

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def reply(
            self, status: int, body: bytes, headers: dict[str, str], *, halve: bool = False
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if halve else body)
            if halve:
                self.hang_up()

        def hang_up(self) -> None:
            self.close_connection = True

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    proxy = Proxy(f"http://127.0.0.1:{server.server_port}", plan)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        forward.close()
