"""``make soak``: soaks, and ends with 1 where a promise was broken."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import Soak


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(seconds: str, seed: str = "") -> int:
    chosen = int(seed) if seed else random.SystemRandom().randrange(2**32)
    with tempfile.TemporaryDirectory(prefix="aureon-soak-") as folder:
        return 1 if Soak(float(seconds), chosen, Path(folder), say).run() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
