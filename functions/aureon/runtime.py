"""What a function has for as long as its container lives: its store, and its logs."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger

from aureon import store as store_module
from aureon.store import Store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger: Final = Logger(service="aureon")

# Kept back from Lambda's deadline, to write the answer.
RESERVE_SECONDS: Final = 0.5


def store(context: LambdaContext, *, reserve_seconds: float = RESERVE_SECONDS) -> Store:
    """The store, bound to the deadline of this invocation, less what is kept back."""
    remaining_seconds = context.get_remaining_time_in_millis() / 1000
    return _store().until(time.monotonic() + remaining_seconds - reserve_seconds)


@cache
def _store() -> Store:
    """Made at the first invocation, and kept."""
    return store_module.from_environment()
