"""The nightly audit: a job for each organization, done in as many invocations as it takes.

An invocation stops while there is time to say where: the next one goes on there. A ledger may be
compared twice then, and none is left out, but for one whose log takes longer than a whole
invocation: it is told as not compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

from aureon import tokens
from aureon.audit import BEGINNING, Audit, Outcome, Place
from aureon.errors import NotFound, Unavailable
from aureon.store import Store

# The variable of the environment that holds the URL of the jobs' queue.
QUEUE: Final = "AUREON_AUDIT_QUEUE_URL"
# Kept back from Lambda's deadline, for what a ledger takes to be given up, and to say where the
# next invocation goes on.
RESERVE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Job:
    """A message of the queue: an organization, from a place in its directory on."""

    organization_id: str
    place: Place = BEGINNING

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Raises ValueError, TypeError and KeyError where the body is not a job's."""
        read = json.loads(body)
        return cls(read["organization_id"], Place(*read["place"]))

    def to_body(self) -> str:
        return json.dumps({"organization_id": self.organization_id, "place": self.place})


def start(store: Store) -> int:
    """Ask for the audit of every organization, and say how many there are.

    Raises `Unavailable`; begun again, some are audited twice.
    """
    count = 0
    for organization_id in tokens.organizations(store):
        send(Job(organization_id))
        count += 1
    return count


def send(job: Job) -> None:
    """Raises `Unavailable`."""
    # Loaded where something is sent: it is much to load.
    from aureon import queue

    jobs = queue.from_environment(QUEUE)
    if jobs is not None:
        jobs.send(job.to_body(), {})


def work(store: Store, job: Job, note: Callable[[Outcome], None]) -> Job | None:
    """Audit ledgers while there is time, and `note` what became of each.

    Returns the job that is left, if any is. Raises `Unavailable` where nothing could be done.
    """
    audit = Audit(store, job.organization_id)
    try:
        for outcome in audit.of_organization(job.place):
            if audit.place != job.place and not store.has_time():
                return replace(job, place=audit.place)
            note(outcome)
    except NotFound:
        return None
    except Unavailable:
        if audit.place == job.place:
            raise
        return replace(job, place=audit.place)
    return None
