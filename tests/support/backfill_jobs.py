"""The backfill: by the real handler, from messages of the shape that its queue's have."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from unittest.mock import patch

from aureon.meters import backfills
from aureon.meters.backfills import Job
from aureon.storage import queue
from aureon.storage.queue import Queue
from aureon.storage.store import Store
from tests.support import permissions
from tests.support.handlers import invoke
from tests.support.recount import scan

MAX_DELIVERIES: Final = 100


@dataclass
class Jobs:
    """A queue in memory, in the place of the backfill's: what was sent, and after which delay."""

    sent: deque[tuple[str, int]] = field(default_factory=deque)

    def send(self, body: str, attributes: Any, *, delay_seconds: int = 0) -> None:
        permissions.may_send(backfills.QUEUE)
        self.sent.append((body, delay_seconds))

    def jobs(self) -> list[Job]:
        return [Job.from_body(body) for body, _ in self.sent]

    def deliver(self) -> None:
        """Deliver the first message; one that fails comes again, after the others."""
        body, _ = self.sent.popleft()
        if deliver(body):
            self.sent.append((body, 0))

    def work_off(self) -> None:
        """Deliver until nothing is left."""
        for _ in range(MAX_DELIVERIES):
            if not self.sent:
                return
            self.deliver()
        raise AssertionError(f"never done: {self.sent}")


@contextmanager
def jobs(*, wait: timedelta = timedelta()) -> Iterator[Jobs]:
    """Let Aureon send its backfill's jobs to a queue in memory, and wait so long before the past.

    Whoever meets an incomplete balance asks for it each time.
    """
    found = Jobs()

    def from_environment(variable: str) -> Jobs | Queue | None:
        return found if variable == backfills.QUEUE else None

    with (
        patch.object(queue, "from_environment", from_environment),
        patch.object(backfills, "grace_period", lambda: wait),
        patch.object(backfills, "ASKING_SECONDS", 0.0),
    ):
        backfills._asked.clear()
        yield found
    backfills._asked.clear()


def deliver(body: str) -> bool:
    """Hand a message to the backfill's function; say whether it failed."""
    record = {"messageId": str(uuid.uuid4()), "body": body, "eventSource": "aws:sqs"}
    answer = invoke("backfill", {"Records": [record]})
    return bool(answer["batchItemFailures"])


def positions(store: Store) -> list[str]:
    """How far backfills have come in the logs of ledgers, as balances have it."""
    return [item["counted_to"] for item in scan(store) if "counted_to" in item]
