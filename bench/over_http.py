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
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bench.scene import EVENT_NAME, INGEST, Scene, engine_process, scene
from tests.support.handlers import Api
from tests.support.local_service import Service, started

CUSTOMERS: Final = 20
TIMEOUT_SECONDS: Final = 60
# What a meter that comes late has to count.
PAST_EVENTS: Final = 40_000
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
    body: bytes | None
    headers: dict[str, str]


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
        before = time.monotonic()
        run.stop()
        served["beside_a_backfill"]["stop_seconds"] = time.monotonic() - before
    bare = _over_engine(shapes, share)
    for part, name in (("ingestion", "bare_engine"), ("reads", "bare_query")):
        for ours, beside in zip(served[part], bare[part], strict=True):
            ours[name] = beside
    return {"customers": CUSTOMERS, **served}


# The service.


def _over_service(
    service: Service, process: int, shapes: Sequence[Shape], share: float
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    caller = httpx.Client(base_url=service.url, headers=headers, trust_env=False)
    the_scene = Scene(Api(None, service.organization_id, service.token))  # type: ignore[arg-type]
    caller.post("/v1/meters/", json=METER).raise_for_status()
    names = [f"user_{number}" for number in range(CUSTOMERS)]
    for name in names:
        body = {"email": f"{name}@example.com", "external_id": name}
        caller.post("/v1/customers/", json=body).raise_for_status()
    ingestion = []
    for ids in (True, False):
        for shape in shapes:
            warming = shape._replace(requests=WARMING_REQUESTS)
            send(service.url, requests_of(the_scene, names, warming, ids, headers))
            requests = requests_of(the_scene, names, shape, ids, headers)
            before = _cpu_seconds(process)
            run = send(service.url, requests, shape.connections, shape.events)
            taken = _cpu_seconds(process) - before
            ingestion.append(
                {
                    "shape": shape.name,
                    "ids": ids,
                    "requests": shape.requests,
                    **run,
                    "cpu_seconds_for_1000_events": taken * 1_000 / shape.events / shape.requests,
                }
            )
    _wait_until_projected(caller, shapes)
    customer_id = caller.get(f"/v1/customers/external/{names[0]}").json()["id"]
    path = f"/v1/customers/{customer_id}/state"
    reads = []
    for connections in (1, 8):
        requests = [[Message("GET", path, None, headers)]] * int(1_000 * share)
        send(service.url, requests[:20])
        run = reads_of(send(service.url, requests, connections))
        reads.append({"connections": connections, "requests": len(requests), **run})
    freshness = _freshness(caller, the_scene, names[0], path, int(200 * share))
    return {
        "ingestion": ingestion,
        "reads": reads,
        "freshness": freshness,
        "beside_a_backfill": beside_a_backfill(service, caller, the_scene, names, share),
    }


def beside_a_backfill(
    service: Service, caller: httpx.Client, the_scene: Scene, names: Sequence[str], share: float
) -> dict[str, float]:
    """Single events alone, and while a new meter counts all that came before."""
    headers = dict(caller.headers)
    past = int(PAST_EVENTS * share)
    shape = Shape(8, 1_000, max(8, past // 1_000))
    send(service.url, requests_of(the_scene, names, shape, False, headers), 8, 1_000)
    before = sum(name["occurrences"] for name in _names(caller))
    while before != (now := sum(name["occurrences"] for name in _names(caller))):
        before = now
        time.sleep(10 * POLL_SECONDS)

    def singles() -> float:
        single = Shape(4, 1, 100)
        started = time.monotonic()
        send(service.url, requests_of(the_scene, names, single, False, headers), 4)
        return time.monotonic() - started

    alone = [singles() for _ in range(4)]
    meter = caller.post("/v1/meters/", json=METER | {"name": "Late"}).raise_for_status().json()
    beside = []
    while not caller.get(f"/v1/meters/{meter['id']}").json()["backfill"]["complete"]:
        beside.append(singles())
    rates = [100 * len(seconds) / sum(seconds) for seconds in (alone, beside)]
    # A new meter counts all that came before, what was sent for other figures too.
    return {"past_events": before, "alone": rates[0], "beside": rates[1], "seconds": sum(beside)}


METER: Final = {
    "name": "Usage",
    "filter": {
        "conjunction": "and",
        "clauses": [{"property": "name", "operator": "eq", "value": EVENT_NAME}],
    },
    "aggregation": {"func": "sum", "property": "units"},
}


def _wait_until_projected(caller: httpx.Client, shapes: Sequence[Shape]) -> None:
    """Let the service come to rest: it goes on projecting what it was sent for a while."""
    sent = sum(2 * (shape.requests + WARMING_REQUESTS) * shape.events for shape in shapes)
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        if sum(name["occurrences"] for name in _names(caller)) >= sent:
            return
        time.sleep(POLL_SECONDS)
    raise RuntimeError("The service does not project what it was sent.")


def _names(caller: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get("/v1/events/names").json()["items"]
    return found


def reads_of(run: dict[str, float]) -> dict[str, float]:
    return {"reads_a_second": run.pop("events_a_second"), **run}


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": cuts[49] * 1_000, "p99_ms": cuts[98] * 1_000}


def _freshness(
    caller: httpx.Client, the_scene: Scene, name: str, path: str, times: int
) -> dict[str, Any]:
    """How long from sending an event until a balance that was read includes it."""
    seconds, reads = [], []
    for _ in range(times):
        before = balance(caller, path)
        event = the_scene.event(name, ids=True)
        sent = time.perf_counter()
        caller.post(INGEST, json={"events": [event]}).raise_for_status()
        needed = 1
        while balance(caller, path) != before + event["metadata"]["units"]:
            needed += 1
        seconds.append(time.perf_counter() - sent)
        reads.append(needed)
    return {"events": times, **_percentiles(seconds), "most_reads_needed": max(reads)}


def balance(caller: httpx.Client, path: str) -> Any:
    (meter,) = caller.get(path).json()["active_meters"]
    return meter["balance"]


def requests_of(
    the_scene: Scene, names: Sequence[str], shape: Shape, ids: bool, headers: dict[str, str]
) -> list[list[Message]]:
    """Requests of a shape; those of one event go round the customers."""
    turns = [number % len(names) for number in range(shape.requests)]
    bodies = (
        the_scene.body([*names[turn:], *names[:turn]], shape.events, ids=ids) for turn in turns
    )
    return [[Message("POST", INGEST, body, headers)] for body in bodies]


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
        the_scene.ingestion(names, CUSTOMERS)()
        ingestion = []
        for ids in (True, False):
            for shape in shapes:
                calls: list[list[Message]] = []
                for ((_, _, body, _),) in requests_of(the_scene, names, shape, ids, {}):
                    act = the_scene.call("POST", INGEST, body or b"")
                    with _kept(the_scene) as kept:
                        act()
                    calls.append(kept)
                run = send(url, calls, shape.connections, shape.events)
                ingestion.append(
                    {
                        **run,
                        "calls_a_request": sum(map(len, calls)) / len(calls),
                    }
                )
        customer_id = the_scene.api.get(f"/v1/customers/external/{names[0]}").body["id"]
        with _kept(the_scene) as kept:
            the_scene.api.get(f"/v1/customers/{customer_id}/state")
        query = [message for message in kept if message.headers["X-Amz-Target"].endswith(".Query")]
        times = int(1_000 * share)
        reads = [reads_of(send(url, [query[:1]] * times, connections)) for connections in (1, 8)]
        return {"ingestion": ingestion, "reads": reads}


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


def send(
    url: str, requests: Sequence[Sequence[Message]], connections: int = 1, events: int = 1
) -> dict[str, float]:
    """Send requests of so many events over so many connections, a request's messages in turn."""
    address = urlsplit(url)
    waiting = iter(requests)
    lock = threading.Lock()
    latencies: list[float] = []
    failures: list[str] = []
    ready = threading.Barrier(connections + 1)

    def work() -> None:
        connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT_SECONDS)
        connection.connect()
        ready.wait()
        while True:
            with lock:
                request = next(waiting, None)
            if request is None:
                break
            before = time.perf_counter()
            for message in request:
                connection.request(*message)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status >= 300:
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
    rate = events * len(latencies) / seconds
    return {"events_a_second": rate, **_percentiles(latencies)}
