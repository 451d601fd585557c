"""How much CPU a handler takes, beside the reference's in the same run.

The engine is another process, so that this one's CPU time is the handler's: from the gateway's
event to its answer, calls included. Each case is measured in rounds in which both take their turns,
so that what disturbs one disturbs the other.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from aureon_cli.gateway import Context
from bench.reference import reference
from bench.scene import EVENT_NAME, INGEST, Scene, engine_process, scene
from tests.support.handlers import HANDLERS

SHAPES: Final = [
    (events, ids, customers)
    for events, ids, customers in itertools.product((1, 100, 1_000), (False, True), (1, 20))
    if customers <= events
]


Handle = Callable[[dict[str, Any]], dict[str, Any]]


def measure(*, events: int, rounds: int) -> dict[str, Any]:
    """Measure so many events in each round of each shape."""
    with (
        engine_process() as store,
        scene(store) as the_scene,
        reference(store) as plain,
    ):
        the_scene.api.meter(EVENT_NAME)
        names = the_scene.customers(20)
        cases = []
        for size, ids, customers in SHAPES:
            ours: list[float] = []
            theirs: list[float] = []
            times = max(1, events // size)
            for warm in [True, *[False] * rounds]:
                for handle, found in ((_handle, ours), (plain.handler, theirs)):
                    prepared = _requests(the_scene, names[:customers], size, ids, times)
                    seconds = _cpu_seconds(handle, prepared[: 1 if warm else None])
                    if not warm:
                        found.append(seconds * 1_000 / (size * times))
            cases.append(
                {
                    "events": size,
                    "ids": ids,
                    "customers": customers,
                    "cpu_seconds_for_1000_events": statistics.median(ours),
                    "reference_cpu_seconds_for_1000_events": statistics.median(theirs),
                    "ratio": statistics.median(
                        mine / other for mine, other in zip(ours, theirs, strict=True)
                    ),
                }
            )
        return {"events_a_round": events, "rounds": rounds, "cases": cases}


def _requests(
    the_scene: Scene, customers: list[str], size: int, ids: bool, times: int
) -> list[dict[str, Any]]:
    bodies = (the_scene.body(customers, size, ids=ids) for _ in range(times))
    return [the_scene.api.event("POST", INGEST, body)[1] for body in bodies]


def _handle(event: dict[str, Any]) -> dict[str, Any]:
    return HANDLERS["ingest"](event, Context("ingest"))  # type: ignore[no-any-return]


def _cpu_seconds(handle: Handle, events: list[dict[str, Any]]) -> float:
    before = time.process_time()
    answers = [handle(event) for event in events]
    taken = time.process_time() - before
    for answer in answers:
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])
    return taken
