"""How fast the local service is over HTTP, beside what its engine does with the same calls.

The service is ``aureon dev``, a process with all handlers, the gateway and the stream's projector,
and its engine another. Requests are written before the clock starts and sent over connections that
are kept alive, the next as soon as the last is answered.

What the bare engine does: the handlers of this process are given the same requests, their calls to
DynamoDB are kept, those that write unsent, and then sent from here as they are over as many
connections, to an engine that does nothing else.
"""

from __future__ import annotations

import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import psutil
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from aureon import exact
from aureon_cli.gateway import Context
from bench.scene import EVENT_NAME, Scene, engine_process, scene
from tests.api import HANDLERS, Api
from tests.local_service import Service, started

CUSTOMERS: Final = 20
TIMEOUT_SECONDS: Final = 60
# Of each shape, before those that are measured.
WARMING_REQUESTS: Final = 2
# How long what was sent may go on being projected, and how often it is looked at.
REST_SECONDS: Final = 300.0
POLL_SECONDS: Final = 1.0


class Shape(NamedTuple):
    """Connections, and events a request; how many requests are sent in all."""

    connections: int
    events: int
    requests: int

    @property
    def name(self) -> str:
        return f"{self.connections}x{self.events}"


SHAPES: Final = (
    Shape(1, 1, 500),
    Shape(8, 1, 1_000),
    Shape(1, 100, 200),
    Shape(8, 100, 400),
    Shape(8, 1_000, 48),
)


class Message(NamedTuple):
    """A request as it goes over a connection."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Run:
    """What became of requests that were sent: how long each took, and all of them."""

    latencies: list[float]
    seconds: float

    def as_dict(self, events: int) -> dict[str, float]:
        cuts = statistics.quantiles(self.latencies, n=100, method="inclusive")
        return {
            "events_a_second": events * len(self.latencies) / self.seconds,
            "p50_ms": cuts[49] * 1_000,
            "p99_ms": cuts[98] * 1_000,
        }


def measure(*, share: float) -> dict[str, Any]:
    """Measure every shape, with so large a share of its requests."""
    shapes = [
        shape._replace(requests=max(2 * shape.connections, int(shape.requests * share)))
        for shape in SHAPES
    ]
    with (
        tempfile.TemporaryDirectory(prefix="aureon-bench-") as folder,
        started(Path(folder) / "data") as run,
    ):
        served = _over_service(run.ready(), run.process.pid, shapes, share)
    bare = _over_engine(shapes, share)
    return {
        "customers": CUSTOMERS,
        "ingestion": [
            {**ours, "bare_engine": bare["ingestion"][place]}
            for place, ours in enumerate(served["ingestion"])
        ],
        "reads": [
            {**ours, "bare_query": bare["reads"][place]}
            for place, ours in enumerate(served["reads"])
        ],
        "freshness": served["freshness"],
    }


# The service.


def _over_service(
    service: Service, process: int, shapes: Sequence[Shape], share: float
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    caller = _Caller(service.url, headers)
    the_scene = Scene(Api(None, service.organization_id, service.token))  # type: ignore[arg-type]
    caller.post("/v1/meters/", METER)
    names = _create_customers(caller)
    ingestion = []
    for ids in (True, False):
        for shape in shapes:
            messages = _messages(the_scene, names, shape, ids, headers)
            _send(
                service.url,
                _messages(
                    the_scene, names, shape._replace(requests=WARMING_REQUESTS), ids, headers
                ),
            )
            before = _cpu_seconds(process)
            run = _send(service.url, messages, shape.connections)
            taken = _cpu_seconds(process) - before
            ingestion.append(
                {
                    "shape": shape.name,
                    "ids": ids,
                    "requests": shape.requests,
                    **run.as_dict(shape.events),
                    "cpu_seconds_for_1000_events": taken * 1_000 / shape.events / shape.requests,
                }
            )
    # The service has closed the other connection, which was idle for so long.
    caller = _Caller(service.url, headers)
    _wait_until_projected(caller, shapes)
    customer_id = caller.get(f"/v1/customers/external/{names[0]}")["id"]
    path = f"/v1/customers/{customer_id}/state"
    reads = []
    for connections in (1, 8):
        messages = [Message("GET", path, b"", headers)] * int(1_000 * share)
        _send(service.url, messages[:20])
        run = _send(service.url, messages, connections)
        reads.append({"connections": connections, "requests": len(messages), **_read(run)})
    return {
        "ingestion": ingestion,
        "reads": reads,
        "freshness": _freshness(caller, the_scene, names[0], path, int(200 * share)),
    }


METER: Final = {
    "name": "Usage",
    "filter": {
        "conjunction": "and",
        "clauses": [{"property": "name", "operator": "eq", "value": EVENT_NAME}],
    },
    "aggregation": {"func": "sum", "property": "units"},
}


def _wait_until_projected(caller: _Caller, shapes: Sequence[Shape]) -> None:
    """Let the service come to rest: it goes on projecting what it was sent for a while."""
    sent = sum(2 * (shape.requests + WARMING_REQUESTS) * shape.events for shape in shapes)
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        if sum(name["occurrences"] for name in caller.get("/v1/events/names")["items"]) >= sent:
            return
        time.sleep(POLL_SECONDS)
    raise RuntimeError("The service does not project what it was sent.")


def _read(run: Run) -> dict[str, float]:
    found = run.as_dict(1)
    return {"reads_a_second": found.pop("events_a_second"), **found}


def _freshness(
    caller: _Caller, the_scene: Scene, name: str, path: str, times: int
) -> dict[str, Any]:
    """How long from sending an event until a balance that was read includes it."""
    seconds, reads = [], []
    for _ in range(times):
        before = _balance(caller, path)
        event = the_scene.event(name, ids=True)
        sent = time.perf_counter()
        caller.post("/v1/events/ingest", {"events": [event]})
        needed = 1
        while _balance(caller, path) != before + event["metadata"]["units"]:
            needed += 1
        seconds.append(time.perf_counter() - sent)
        reads.append(needed)
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {
        "events": times,
        "p50_ms": cuts[49] * 1_000,
        "p99_ms": cuts[98] * 1_000,
        "most_reads_needed": max(reads),
    }


def _balance(caller: _Caller, path: str) -> Any:
    (meter,) = caller.get(path)["active_meters"]
    return meter["balance"]


def _create_customers(caller: _Caller) -> list[str]:
    names = [f"user_{number}" for number in range(CUSTOMERS)]
    for name in names:
        caller.post("/v1/customers/", {"email": f"{name}@example.com", "external_id": name})
    return names


def _messages(
    the_scene: Scene, names: Sequence[str], shape: Shape, ids: bool, headers: dict[str, str]
) -> list[Message]:
    """Requests of a shape; those of one event go round the customers."""
    messages = []
    for number in range(shape.requests):
        turn = number % len(names)
        turned = [*names[turn:], *names[:turn]]
        body = the_scene.body(turned, shape.events, ids=ids)
        messages.append(Message("POST", "/v1/events/ingest", body, headers))
    return messages


def _cpu_seconds(process: int) -> float:
    """Of the service and its engine, since they started."""
    service = psutil.Process(process)
    times = [one.cpu_times() for one in (service, *service.children(recursive=True))]
    return sum(one.user + one.system for one in times)


# The bare engine.


def _over_engine(shapes: Sequence[Shape], share: float) -> dict[str, Any]:
    """The same calls to DynamoDB, without Aureon."""
    with engine_process() as store, scene(store) as the_scene:
        url = store.client.meta.endpoint_url
        the_scene.api.meter(EVENT_NAME)
        names = the_scene.customers(CUSTOMERS)
        _ingest(the_scene, the_scene.body(names, CUSTOMERS, ids=False))
        ingestion = []
        for ids in (True, False):
            for shape in shapes:
                calls: list[list[Message]] = []
                for message in _messages(the_scene, names, shape, ids, {}):
                    with _kept(the_scene) as kept:
                        _ingest(the_scene, message.body)
                    calls.append(kept)
                run = _send(url, calls, shape.connections)
                ingestion.append(
                    {
                        **run.as_dict(shape.events),
                        "calls_a_request": sum(map(len, calls)) / len(calls),
                    }
                )
        customer_id = the_scene.api.get(f"/v1/customers/external/{names[0]}").body["id"]
        with _kept(the_scene) as kept:
            the_scene.api.get(f"/v1/customers/{customer_id}/state")
        query = [message for message in kept if message.headers["X-Amz-Target"].endswith(".Query")]
        times = int(1_000 * share)
        reads = [_read(_send(url, [query[:1]] * times, connections)) for connections in (1, 8)]
        return {"ingestion": ingestion, "reads": reads}


def _ingest(the_scene: Scene, body: bytes) -> None:
    name, event = the_scene.api.event("POST", "/v1/events/ingest", body)
    answer = HANDLERS[name](event, Context(name))
    if answer["statusCode"] != 200:
        raise RuntimeError(answer["body"])


@contextmanager
def _kept(the_scene: Scene) -> Iterator[list[Message]]:
    """Keep the calls that are made; those that write are answered and never sent."""
    kept: list[Message] = []

    def keep(model: Any, params: dict[str, Any], **_: Any) -> Any:
        kept.append(Message("POST", "/", params["body"], dict(params["headers"])))
        if model.name != "TransactWriteItems":
            return None
        return AWSResponse("", 200, HTTPHeaders(), None), {"ResponseMetadata": {}}

    events = the_scene.store.client.meta.events
    events.register_last("before-call.dynamodb", keep)
    try:
        yield kept
    finally:
        events.unregister("before-call.dynamodb", keep)


# Sending.


def _send(url: str, requests: Sequence[Message | list[Message]], connections: int = 1) -> Run:
    """Send requests over so many connections; one of several messages sends one after the other."""
    address = urlsplit(url)
    waiting = iter(requests)
    lock = threading.Lock()
    latencies: list[float] = []
    failures: list[str] = []
    ready = threading.Barrier(connections + 1)

    def work() -> None:
        connection = _connect(address.hostname or "", address.port or 80)
        ready.wait()
        while True:
            with lock:
                request = next(waiting, None)
            if request is None:
                break
            before = time.perf_counter()
            for message in request if isinstance(request, list) else [request]:
                status, body = _exchange(connection, message)
                if status >= 300:
                    failures.append(body.decode(errors="replace")[:500])
                    return
            latencies.append(time.perf_counter() - before)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    ready.wait()
    before = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - before
    if failures:
        raise RuntimeError(failures[0])
    return Run(latencies, seconds)


def _connect(host: str, port: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    connection.connect()
    return connection


def _exchange(connection: http.client.HTTPConnection, message: Message) -> tuple[int, bytes]:
    connection.request(message.method, message.path, message.body or None, message.headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


class _Caller:
    """Calls the service one request after the other."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        address = urlsplit(url)
        self._connection = _connect(address.hostname or "", address.port or 80)
        self._headers = headers

    def get(self, path: str) -> Any:
        return self._call(Message("GET", path, b"", self._headers))

    def post(self, path: str, value: Any) -> Any:
        return self._call(Message("POST", path, exact.write(value), self._headers))

    def _call(self, message: Message) -> Any:
        status, body = _exchange(self._connection, message)
        if status >= 300:
            raise RuntimeError(body.decode(errors="replace"))
        return json.loads(body)
