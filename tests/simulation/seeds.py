"""Seeds, played in parallel: each makes a history, and a history that fails is worth keeping."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final, NamedTuple

from tests.faults import Crash
from tests.simulation.history import play

CHUNK: Final = 16


class Played(NamedTuple):
    """What came of a seed: what happened in its history, or why it failed."""

    seed: int
    facts: Counter[str]
    failure: str = ""


def parse(text: str) -> range:
    """Read ``1000..20000``, both included, or how many seeds from 0. Raises ValueError."""
    first, dots, last = text.partition("..")
    return range(int(first), int(last) + 1) if dots else range(int(first))


def play_all(seeds: Sequence[int]) -> Iterator[Played]:
    """Play the histories of seeds, in as many processes as there are processors."""
    # Not forked: threads of this process may hold locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        yield from pool.map(_play, seeds, chunksize=CHUNK)


def _play(seed: int) -> Played:
    try:
        return Played(seed, play(seed).facts)
    except (Exception, Crash) as error:
        return Played(seed, Counter(), "".join(traceback.format_exception(error, limit=-3)))
