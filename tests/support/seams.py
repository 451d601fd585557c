"""Seams: where a test puts something in the place of what Aureon takes from outside."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import dashboard
from aureon.ledger.blocks import blocks
from aureon.meters import backfills, catalog
from tests.support.handlers import HANDLERS


@contextmanager
def substituted(**modules: Any) -> Iterator[None]:
    """Let all of Aureon's modules find other things where they imported, say, ``time``."""
    with ExitStack() as stack:
        for module in _aureon_modules(len(sys.modules)):
            for imported, substitute in modules.items():
                if getattr(module, imported, None) is sys.modules[imported]:
                    stack.enter_context(patch.object(module, imported, substitute))
        yield


@lru_cache(maxsize=1)
def _aureon_modules(_: int) -> list[ModuleType]:
    """Those of so many modules that are imported: among thousands, for each simulated history."""
    return [
        module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in ("aureon", "aureon_cli")
    ]


@contextmanager
def without_pauses() -> Iterator[None]:
    """Let nothing wait before it tries again."""
    clock = SimpleNamespace(
        # As it may be set by a test meanwhile.
        monotonic=lambda: time.monotonic(),
        time=lambda: time.time(),
        sleep=lambda seconds: None,
    )
    with substituted(time=clock):
        yield


def restart_handlers() -> None:
    """Forget what handlers remember from one invocation to the next, as a new container has."""
    blocks._process = ""
    blocks._pages.clear()
    catalog.forget()
    backfills._asked.clear()
    dashboard._origins.clear()
    for handler in HANDLERS.values():
        resolver = getattr(inspect.unwrap(handler), "__self__", None)
        if resolver is not None:
            resolver._authenticator._trusted.clear()
            resolver._limiter.forget()
