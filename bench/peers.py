"""Another server that speaks the contract beside ours, in one run: ``python -m bench.peers``.

Both take the same requests in turn, round by round, so that what else the machine does falls on
both. What is told are ratios, ours over theirs, with the least and the greatest of the rounds:
absolute figures of another day say nothing. It starts no peer: name one that runs,
with an access token of an organization that may be filled. Ours is ``make dev``, started here.
With ``--store`` the ratios are kept, and written into the document.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Annotated, Any, Final

import httpx
import psutil
import typer

from bench import report
from bench.over_http import METER, Message, Shape, requests_of, send
from bench.scene import INGEST, Scene
from bench.tables import Result
from tests.support.handlers import Api
from tests.support.local_service import started

CUSTOMERS: Final = 20
SHAPES: Final = (Shape(1, 1, 200), Shape(8, 1, 400), Shape(1, 100, 60), Shape(8, 100, 120))
READS: Final = 300
READERS: Final = (1, 8)
WARMING_REQUESTS: Final = 2
FRESH_TIMES: Final = 3
# How little the processors do before a turn begins, and how long that is waited for.
AT_REST_PERCENT: Final = 20.0
LONGEST_REST_SECONDS: Final = 120.0
FRESH_SECONDS: Final = 120.0
# A figure, and whether more of it is better.
MORE_IS_BETTER: Final = {"events_a_second": True, "p50_ms": False, "p99_ms": False}

Figures = dict[str, float]
Measure = Callable[["Server"], Figures]


@dataclass(frozen=True)
class Server:
    """A server, filled with a meter and customers of its own."""

    name: str
    url: str
    caller: httpx.Client
    customers: Sequence[str]
    meter_id: str
    state_path: str

    @classmethod
    def fill(cls, name: str, url: str, token: str) -> Server:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        caller = httpx.Client(
            base_url=url, headers=headers, trust_env=False, timeout=60, follow_redirects=True
        )
        run = uuid.uuid4().hex[:8]
        meter_id = caller.post("/v1/meters/", json=METER).raise_for_status().json()["id"]
        customers = [f"peer_{run}_{number}" for number in range(CUSTOMERS)]
        for customer in customers:
            body = {"email": f"{customer}@example.com", "external_id": customer}
            caller.post("/v1/customers/", json=body).raise_for_status()
        first = caller.get(f"/v1/customers/external/{customers[0]}").json()["id"]
        return cls(name, url, caller, customers, meter_id, f"/v1/customers/{first}/state")

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Authorization": self.caller.headers["authorization"],
            "Content-Type": "application/json",
        }


def _scene() -> Scene:
    """Makes events, each with an id that nobody has sent before."""
    return Scene(Api(None, "", ""), random=Random(uuid.uuid4().int))  # type: ignore[arg-type]


def ingesting(shape: Shape, *, ids: bool) -> Measure:
    the_scene = _scene()

    def measure(server: Server) -> Figures:
        def requests(number: int) -> list[list[Message]]:
            wanted = shape._replace(requests=number)
            return requests_of(the_scene, server.customers, wanted, ids, server.headers)

        send(server.url, requests(WARMING_REQUESTS))
        return send(server.url, requests(shape.requests), shape.connections, shape.events)

    return measure


def reading(connections: int, number: int) -> Measure:
    def measure(server: Server) -> Figures:
        request = [Message("GET", server.state_path, None, server.headers)]
        send(server.url, [request] * WARMING_REQUESTS)
        return send(server.url, [request] * number, connections)

    return measure


def freshness(server: Server) -> Figures:
    """How long from sending an event until a balance that was read includes it."""
    the_scene = _scene()
    seconds = []
    for _ in range(FRESH_TIMES):
        before = _settled(server)
        event = the_scene.event(server.customers[0], ids=True)
        sent = time.perf_counter()
        server.caller.post(INGEST, json={"events": [event]}).raise_for_status()
        while _used(server) != before + event["metadata"]["units"]:
            if time.perf_counter() - sent > FRESH_SECONDS:
                raise RuntimeError(f"{server.name} shows no event within {FRESH_SECONDS:.0f} s.")
        seconds.append(time.perf_counter() - sent)
    return {"p50_ms": statistics.median(seconds) * 1_000}


def _used(server: Server) -> Any:
    """What was used, by a customer's balance of our meter: another run may have left a meter.

    A balance itself has another sign at Polar.
    """
    meters = server.caller.get(server.state_path).json()["active_meters"]
    return sum(meter["consumed_units"] for meter in meters if meter["meter_id"] == server.meter_id)


def _settled(server: Server) -> Any:
    """A balance that includes what was sent before, as it has not changed for a while."""
    since, known = time.perf_counter(), _used(server)
    pause = 0.2
    while time.perf_counter() - since < pause:
        found = _used(server)
        if found != known:
            # A server that is late once may be late for as long again.
            since, known, pause = time.perf_counter(), found, 20.0
    return known


def compare(
    ours: Server,
    theirs: Server,
    *,
    rounds: int,
    share: float,
    rest: Callable[[], None],
) -> dict[str, Any]:
    """Measure everything on both, in turns: how many times as good ours was, case by case."""
    cases: list[tuple[str, Measure]] = []
    for ids in (True, False):
        for shape in SHAPES:
            smaller = shape._replace(
                requests=max(2 * shape.connections, int(shape.requests * share))
            )
            name = f"ingest {shape.name}, {'with' if ids else 'without'} ids"
            cases.append((name, ingesting(smaller, ids=ids)))
    for connections in READERS:
        number = max(2 * connections, int(READS * share))
        cases.append((f"state read, {connections} at once", reading(connections, number)))
    cases.append(("until a balance shows an event", freshness))
    found = []
    for name, measure in cases:
        turns = [_turn(measure, ours, theirs, number, rest) for number in range(rounds)]
        ratios = {figure: _ratios(turns, figure) for figure in turns[0][0]}
        found.append({"name": name, "ratios": ratios})
        typer.echo(f"{name}: {ratios}", err=True)
    return {"peer": theirs.name, "rounds": rounds, "cases": found}


def _turn(
    measure: Measure, ours: Server, theirs: Server, number: int, rest: Callable[[], None]
) -> tuple[Figures, Figures]:
    """Both, one after the other; in every other round the other one first."""

    def measured(server: Server) -> Figures:
        rest()
        return measure(server)

    if number % 2:
        second = measured(theirs)
        return measured(ours), second
    return measured(ours), measured(theirs)


def rest() -> None:
    """Let the machine come to rest: what a server does after its answers falls on no other's."""
    deadline = time.monotonic() + LONGEST_REST_SECONDS
    while psutil.cpu_percent(interval=1.0) > AT_REST_PERCENT and time.monotonic() < deadline:
        pass


def _ratios(turns: Sequence[tuple[Figures, Figures]], figure: str) -> dict[str, float]:
    ratios = [ours[figure] / theirs[figure] for ours, theirs in turns]
    better = ratios if MORE_IS_BETTER[figure] else [1 / ratio for ratio in ratios]
    return {"median": statistics.median(better), "least": min(better), "greatest": max(better)}


def main(
    url: Annotated[str, typer.Argument(help="Where the other server is.")],
    token: Annotated[str, typer.Argument(help="An access token of it.")],
    name: Annotated[str, typer.Argument(help="What to call it.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often both take their turn.")] = 3,
    share: Annotated[float, typer.Option(help="How many of the requests to send.")] = 1.0,
    store: Annotated[bool, typer.Option(help="Keep the ratios, and write them into the docs.")] = (
        False
    ),
) -> None:
    """Load another server and ours in turns, and print how many times as good ours is."""
    if store:
        report.refuse_changes("measure without --store")
    measure = partial(_beside, url, token, name, rounds, share)
    command = f'python -m bench.peers URL TOKEN "{name}"'
    report.measured("peers", command, measure, is_kept=store)
    if store:
        report.fill()


def _beside(url: str, token: str, name: str, rounds: int, share: float) -> Result:
    with (
        tempfile.TemporaryDirectory(prefix="aureon-peers-") as folder,
        started(Path(folder) / "data") as run,
    ):
        service = run.ready()
        ours = Server.fill("Aureon", service.url, service.token)
        theirs = Server.fill(name, url.rstrip("/"), token)
        return compare(ours, theirs, rounds=rounds, share=share, rest=rest)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
