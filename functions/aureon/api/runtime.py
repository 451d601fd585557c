"""What a function has for as long as its container lives: its store, and its logs."""

from __future__ import annotations

import os
import random
import time
from functools import cache
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger

from aureon.storage import store as store_module
from aureon.storage.store import Store

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


def reseed() -> None:
    """Let functions that start from one snapshot differ: in their pauses, shards and ids."""
    # Not every function makes ids.
    import uuid_utils

    random.seed()
    uuid_utils.reseed_rng()


# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    # Of Lambda's own runtime only.
    from snapshot_restore_py import register_after_restore  # type: ignore[import-not-found]

    register_after_restore(reseed)
