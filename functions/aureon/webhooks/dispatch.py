"""From the outbox to the queue: a job for each endpoint that wants what an entry tells.

A job may be there twice; what it has sent says so. The queue delivers jobs of many endpoints
fairly: those of one are a group.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

from __future__ import annotations

import os
import uuid
from typing import Final, Self

import uuid_utils
from msgspec import Struct

from aureon.core import exact
from aureon.core.errors import Conflict, NotFound
from aureon.core.identifiers import is_id
from aureon.storage.store import OrganizationStore
from aureon.webhooks import endpoints
from aureon.webhooks.outbox import Entry

# The variable of the environment that holds the URL of the deliveries' queue.
QUEUE: Final = "AUREON_WEBHOOK_QUEUE_URL"
_NAMESPACE: Final = uuid.UUID("5f0f5c0e-8d2b-4c58-9f0d-0e4a7b1c2d3e")


class Job(Struct, frozen=True):
    """A message of the queue: an entry of the outbox, for an endpoint.

    `round` is a new one for each time that somebody asks for the entry to be sent again.
    """

    organization_id: str
    event_id: str
    endpoint_id: str
    round: str = ""

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Raises ValueError and TypeError where the body is not a job's."""
        return cls(**exact.parse(body))

    def to_body(self) -> str:
        return exact.write(self).decode()


def id_of(kind: str, *parts: str) -> str:
    """The id of the entry that tells of something that can be named: always the same."""
    return str(uuid.uuid5(_NAMESPACE, "/".join((kind, *parts))))


def dispatch(store: OrganizationStore, entry: Entry) -> None:
    """Let an entry be delivered to all that want it. Raises `Unavailable`."""
    _send(store, entry, "")


def redeliver(store: OrganizationStore, event_id: str) -> Entry:
    """Let an entry be delivered again to all that want it, under its id.

    Raises `NotFound`, and `Conflict` where there is no queue.
    """
    item = store.get(store.keys.outbox(event_id)) if is_id(event_id) else None
    if item is None:
        raise NotFound(f"There is no webhook {event_id}.")
    if not os.environ.get(QUEUE):
        raise Conflict("There is no queue of deliveries here.")
    entry = Entry.from_item(item)
    _send(store, entry, str(uuid_utils.uuid7()))
    return entry


def _send(store: OrganizationStore, entry: Entry, round_: str) -> None:
    # Whoever evaluates seldom has something to send, and starts sooner without this.
    from aureon.storage import queue

    jobs = queue.from_environment(QUEUE)
    if jobs is None:
        return
    for endpoint in endpoints.read_all(store):
        if endpoint.wants(entry.type):
            job = Job(store.organization_id, entry.id, endpoint.id, round_)
            jobs.send(job.to_body(), {}, group=endpoint.id)
