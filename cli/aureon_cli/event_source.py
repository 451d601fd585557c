"""Lambda's event source mapping on the developer's machine: a queue's messages for a function.

A thread receives messages, hands them to the real handler as one event, deletes those that
succeeded and leaves the others to the queue, which delivers them again once their visibility
timeout has passed, and moves them to the dead-letter queue in the end.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from aureon.core.errors import Unavailable
from aureon.storage.queue import MAX_BATCH, Queue, Record
from aureon_cli.gateway import Context

Handler = Callable[[dict[str, Any], Any], Any]

# How long a call waits for messages, and so how long the end may have to wait for it.
WAIT_SECONDS: Final = 1
# After a failure, before the next delivery.
PAUSE_SECONDS: Final = 1.0


@contextmanager
def polling(
    queue: Queue,
    name: str,
    handler: Handler,
    stopping: threading.Event | None = None,
    *,
    at_a_time: int = MAX_BATCH,
) -> Iterator[None]:
    """Hand a queue's messages to the function of this name for the length of a ``with`` block.

    A delivery that is under way at the end is finished. `stopping` may tell several to end, so that
    they do it together. A delivery has up to `at_a_time` messages.
    """
    stopping = stopping or threading.Event()

    def poll() -> None:
        while not stopping.is_set():
            try:
                if records := queue.receive(wait_seconds=WAIT_SECONDS, at_most=at_a_time):
                    queue.delete(deliver(records, name, handler))
            except Unavailable:
                stopping.wait(PAUSE_SECONDS)
            except Exception:
                print(f"A delivery to {name} failed:", file=sys.stderr)
                traceback.print_exc()
                stopping.wait(PAUSE_SECONDS)

    poller = threading.Thread(target=poll, name=f"event source of {name}", daemon=True)
    poller.start()
    try:
        yield
    finally:
        stopping.set()
        poller.join()


def deliver(records: Sequence[Record], name: str, handler: Handler) -> list[str]:
    """Hand messages to a function. Returns the receipt handles of those that succeeded."""
    answer = handler({"Records": records}, Context(name))
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    if not failed <= {record["messageId"] for record in records}:
        raise ValueError("the answer names a message that was not delivered")
    return [record["receiptHandle"] for record in records if record["messageId"] not in failed]
