"""The service under a soak: what ``make dev`` runs, with handlers that die at their calls.

Lines on its standard input tell it what to do, and each is answered by a line of JSON on the file
descriptor that it is given: ``trouble`` and ``calm``, between which the faults strike, by how often
each has struck; ``memory`` by what the process holds after a collection, in bytes.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, Final

from aureon.api import runtime
from aureon.storage import store
from aureon.storage.store import Store
from aureon_cli import dev
from tests.contract.clients import ROOT
from tests.support.faults import Call, Crash, Fault, faults
from tests.support.seams import restart_handlers

# How many of all calls to the database meet with each.
SHARES: Final[Mapping[Fault, float]] = {
    Fault.DIE_BEFORE: 0.002,
    Fault.DIE_AFTER: 0.002,
    Fault.TIMEOUT_BEFORE: 0.001,
    Fault.TIMEOUT_AFTER: 0.001,
    Fault.THROTTLE: 0.004,
    Fault.CONFLICT: 0.01,
}
Handler = Callable[[dict[str, Any], Any], Any]


class Died(Exception):
    """A function has died, as the gateway and the queue see it."""


class Trouble:
    """What befalls the handlers' calls."""

    def __init__(self, seed: int) -> None:
        self.calm = True
        self.struck: Counter[str] = Counter()
        self._draw = random.Random(seed)
        self._lock = threading.Lock()

    def plan(self, call: Call) -> Fault | None:
        with self._lock:
            if self.calm:
                return None
            left = self._draw.random()
            for fault, share in SHARES.items():
                left -= share
                if left < 0:
                    self.struck[fault.value] += 1
                    return fault
        return None


def mortal(handler: Handler) -> Handler:
    """A handler after whose death another container begins with nothing."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        try:
            return handler(event, context)
        except Crash as crash:
            restart_handlers()
            raise Died from crash

    return handle


def obey(trouble: Trouble, replies: int) -> None:
    for line in sys.stdin:
        if (told := line.strip()) == "memory":
            gc.collect()
            said: Any = resident_bytes()
        else:
            trouble.calm = told == "calm"
            said = trouble.struck
        os.write(replies, json.dumps(said).encode() + b"\n")


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(seed: int, replies: int, data: Path) -> None:
    trouble = Trouble(seed)
    with ExitStack() as stack:

        @cache
        def troubled() -> Store:
            made = store.from_environment()
            stack.enter_context(faults(made.client, trouble.plan, remember=False))
            return made

        runtime._store = troubled
        for path in sorted((ROOT / "functions").glob("*.py")):
            module = importlib.import_module(path.stem)
            module.handler = mortal(module.handler)  # type: ignore[attr-defined]
        runtime.logger.setLevel("CRITICAL")
        threading.Thread(target=obey, args=(trouble, replies), daemon=True).start()
        dev.run(0, data)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
