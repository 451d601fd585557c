"""``make simulate``: plays histories until one fails, or all have been played.

Of events, of credits that expire, and brief ones of these. A single seed, as in
``SEEDS=4711..4711``, is told call by call; one of the others by ``SEEDS=lots:4711..4711`` and
``SEEDS=brief:4711..4711``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from tests.simulation.history import History, world_of
from tests.simulation.lots import BriefHistory, LotHistory
from tests.simulation.seeds import PLAYED, Kind, parse, play_all

EVERY_SECONDS: Final = 10.0
HISTORIES: Final[Mapping[Kind, Callable[[int], History | LotHistory]]] = {
    "events": lambda seed: History(world_of(seed)),
    "lots": LotHistory,
    "brief": BriefHistory,
}


def main(text: str) -> int:
    named, _, numbers = text.rpartition(":")
    seeds = parse(numbers)
    kinds = [kind for kind in PLAYED if named in ("", kind)]
    if len(seeds) == 1:
        return tell(HISTORIES[kinds[0]](seeds[0]))
    return max(simulate(seeds, kind) for kind in kinds)


def simulate(seeds: range, kind: Kind) -> int:
    """Play all of them, and say which failed."""
    started = said = time.monotonic()
    failed = []
    for number, played in enumerate(play_all(seeds, kind), 1):
        if played.failure:
            failed.append(played.seed)
            of = "" if kind == "events" else f"{kind}:"
            say(f"SEEDS={of}{played.seed}..{played.seed}\n{played.failure}")
        if time.monotonic() - said >= EVERY_SECONDS or number == len(seeds):
            said = time.monotonic()
            rate = number / (said - started)
            say(f"{number:,} of {len(seeds):,} histories, {rate:.0f} a second")
    say(f"Failed: {', '.join(map(str, failed))}" if failed else "None failed.")
    return 1 if failed else 0


def tell(history: History | LotHistory) -> int:
    """Play one, and tell its calls, each at the time when it was sent."""
    try:
        history.play()
    finally:
        for moment in history.world.trace:
            say(f"{moment.seconds:14.6f} s {moment.actor:4}  {moment.what:20} {moment.fate}")
    return 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
