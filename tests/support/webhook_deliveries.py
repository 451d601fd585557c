"""The queue of deliveries in memory, worked off by the real handler, and receivers to send to."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from aureon.storage import queue
from aureon.storage.queue import Queue
from aureon.webhooks import dispatch, endpoints
from aureon.webhooks.dispatch import Job
from tests.support import permissions
from tests.support.handlers import invoke

MAX_DELIVERIES: Final = 200


@dataclass
class Deliveries:
    """A queue in memory, in the place of the deliveries': what was sent, and what was put off."""

    sent: deque[str] = field(default_factory=deque)
    groups: list[str | None] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(
        self, body: str, attributes: Any, *, delay_seconds: int = 0, group: str | None = None
    ) -> None:
        permissions.may_send(dispatch.QUEUE)
        with self._lock:
            self.sent.append(body)
            self.groups.append(group)

    def postpone(self, receipt_handle: str, seconds: float) -> None:
        with self._lock:
            self.pauses.append(seconds)

    def jobs(self) -> list[Job]:
        return [Job.from_body(body) for body in self.sent]

    def deliver(self) -> bool:
        """Deliver the first message; say whether it is to come again, and keep it then."""
        body = self.sent.popleft()
        again = deliver(body)
        if again:
            self.sent.append(body)
        return again

    def work_off(self) -> None:
        """Deliver until nothing is left, whatever pauses there are to be."""
        for _ in range(MAX_DELIVERIES):
            if not self.sent:
                return
            self.deliver()
        raise AssertionError(f"never done: {self.sent}")


@contextmanager
def deliveries() -> Iterator[Deliveries]:
    """Let Aureon send webhooks' jobs to a queue in memory, and webhooks to this machine."""
    found = Deliveries()
    real = queue.from_environment

    def from_environment(variable: str) -> Deliveries | Queue | None:
        return found if variable == dispatch.QUEUE else real(variable)

    with (
        patch.object(queue, "from_environment", from_environment),
        patch.dict("os.environ", {dispatch.QUEUE: "memory", endpoints.LOCAL: "1"}),
    ):
        yield found


def deliver(body: str) -> bool:
    """Hand a message to the deliverer; say whether it is to come again."""
    id_ = str(uuid.uuid4())
    record = {"messageId": id_, "receiptHandle": id_, "body": body, "eventSource": "aws:sqs"}
    answer = invoke("deliverer", {"Records": [record]})
    return bool(answer["batchItemFailures"])


class Received(NamedTuple):
    """What a receiver got."""

    path: str
    headers: Mapping[str, str]
    body: bytes


Respond = Callable[[BaseHTTPRequestHandler, Received], None]


def status(code: int, text: str = "", **headers: str) -> Respond:
    """Answer with a status."""

    def respond(handler: BaseHTTPRequestHandler, received: Received) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return respond


@dataclass
class Receiver:
    """A receiver on this machine, and what it got. `respond` may be changed at any time."""

    url: str
    respond: Respond
    received: list[Received] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiver(respond: Respond | None = None) -> Iterator[Receiver]:
    """A receiver that answers 200, unless it is told otherwise."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            one = Received(self.path, headers, body)
            found.received.append(one)
            found.respond(self, one)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Receiver(
        f"http://127.0.0.1:{server.server_address[1]}/hook", respond or status(200, "thanks")
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.hanging.set()
        server.shutdown()
        server.server_close()
        thread.join()
