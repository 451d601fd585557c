"""``make simulate``: plays histories until one fails, or all have been played.

A single seed, as in ``SEEDS=4711..4711``, is told call by call.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from tests.simulation.history import History
from tests.simulation.seeds import parse, play_all
from tests.simulation.world import World

EVERY_SECONDS: Final = 10.0


def main(text: str) -> int:
    seeds = parse(text)
    return tell(seeds[0]) if len(seeds) == 1 else simulate(seeds)


def simulate(seeds: range) -> int:
    """Play all of them, and say which failed."""
    started = said = time.monotonic()
    failed = []
    for number, played in enumerate(play_all(seeds), 1):
        if played.failure:
            failed.append(played.seed)
            say(f"SEEDS={played.seed}..{played.seed}\n{played.failure}")
        if time.monotonic() - said >= EVERY_SECONDS or number == len(seeds):
            said = time.monotonic()
            rate = number / (said - started)
            say(f"{number:,} of {len(seeds):,} histories, {rate:.0f} a second")
    say(f"Failed: {', '.join(map(str, failed))}" if failed else "None failed.")
    return 1 if failed else 0


def tell(seed: int) -> int:
    """Play one, and tell its calls, each at the time when it was sent."""
    history = History(World(seed))
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
