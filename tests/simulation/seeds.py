"""Seeds, played in parallel: each makes a history, and a history that fails is worth keeping."""

from __future__ import annotations

import gc
import multiprocessing
import os
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final, Literal, NamedTuple

from tests.simulation import lots, world
from tests.simulation.history import play
from tests.support import permissions
from tests.support.faults import Crash

CHUNK: Final = 16
# Of lots there are some on the engine's own code, and many brief ones in memory.
Kind = Literal["events", "lots", "brief"]

# Processes that are begun anew import this, and nothing of pytest.
permissions.watch()
# A history leaves nothing that refers to itself and is large: little is found so often.
GARBAGE: Final = (50_000, 20, 20)


class Played(NamedTuple):
    """What came of a seed: what happened in its history, or why it failed."""

    seed: int
    facts: Counter[str]
    failure: str = ""


def parse(text: str) -> range:
    """Read ``1000..20000``, both included, or how many seeds from 0. Raises ValueError."""
    first, dots, last = text.partition("..")
    return range(int(first), int(last) + 1) if dots else range(int(first))


def play_all(seeds: Sequence[int], kind: Kind = "events") -> Iterator[Played]:
    """Play the histories of seeds, in as many processes as there are processors."""
    # Not forked: threads of this process may hold locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, _begin) as pool:
        yield from pool.map(PLAYED[kind], seeds, chunksize=CHUNK)


def _begin() -> None:
    """Prepare a process that does nothing else for as long as it lives."""
    world.prepared().__enter__()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _play(seed: int) -> Played:
    try:
        return Played(seed, play(seed).facts)
    except (Exception, Crash) as error:
        return _failed(seed, error)


def _play_lots(seed: int) -> Played:
    return _played(lots.play, seed)


def _play_briefly(seed: int) -> Played:
    return _played(lots.play_briefly, seed)


def _played(play_lots: Callable[[int], lots.LotHistory], seed: int) -> Played:
    try:
        return Played(seed, play_lots(seed).facts)
    except (Exception, Crash, lots.Violation) as error:
        return _failed(seed, error)


def _failed(seed: int, error: BaseException) -> Played:
    return Played(seed, Counter(), "".join(traceback.format_exception(error, limit=-3)))


PLAYED: Final[Mapping[Kind, Callable[[int], Played]]] = {
    "events": _play,
    "lots": _play_lots,
    "brief": _play_briefly,
}
