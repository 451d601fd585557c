"""The nightly audit: a job for each organization, done in as many invocations as it takes.

An invocation stops while there is time to say where: the next one goes on there. A ledger may be
compared twice then, and none is left out, but for one whose log takes longer than a whole
invocation: it is told as not compared.

What is projected is compared beside the balances. What everyone's events come to is the sum over
all ledgers, and is compared where one invocation was enough for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from msgspec import Struct
from msgspec.structs import replace

from aureon.access import organizations
from aureon.audit.ledger_audit import Audit, Outcome
from aureon.audit.projection_audit import BEHIND_SECONDS, ProjectedOutcome, ProjectionAudit
from aureon.core.errors import NotFound, Unavailable
from aureon.reads import liability
from aureon.storage.directory import BEGINNING, DirectoryPosition
from aureon.storage.store import Store

# The variable of the environment that holds the URL of the jobs' queue.
QUEUE: Final = "AUREON_AUDIT_QUEUE_URL"
# Kept back from Lambda's deadline, for what a ledger takes to be given up, and to say where the
# next invocation goes on.
RESERVE_SECONDS: Final = 60.0


class Job(Struct, frozen=True):
    """A message of the queue: an organization, from a place in its directory on.

    `behind` are ledgers before that place whose projection is to be looked at again. With `owed`,
    nothing is audited: what customers have left is added up, from these sums on.
    """

    organization_id: str
    place: DirectoryPosition = BEGINNING
    behind: tuple[str, ...] = ()
    owed: Mapping[str, Any] | None = None

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Raises ValueError and TypeError where the body is not a job's."""
        read = json.loads(body)
        behind = tuple(read.get("behind", ()))
        try:
            place = DirectoryPosition(*read["place"])
            return cls(read["organization_id"], place, behind, read.get("owed"))
        except KeyError as error:
            raise ValueError(f"A job has its {error}.") from error

    def to_body(self) -> str:
        return json.dumps(
            {
                "organization_id": self.organization_id,
                "place": self.place,
                "behind": self.behind,
                "owed": self.owed,
            }
        )


def start(store: Store) -> int:
    """Ask for the audit of every organization, and say how many there are.

    Raises `Unavailable`; begun again, some are audited twice.
    """
    count = 0
    for organization_id in organizations.ids(store):
        send(Job(organization_id))
        send(Job(organization_id, owed={}))
        count += 1
    return count


def send(job: Job) -> None:
    """Raises `Unavailable`."""
    # Loaded where something is sent: it is much to load.
    from aureon.storage import queue

    jobs = queue.from_environment(QUEUE)
    if jobs is not None:
        # What was behind has this long to follow.
        delay_seconds = round(BEHIND_SECONDS) if job.behind else 0
        jobs.send(job.to_body(), {}, delay_seconds=delay_seconds)


def add_up(store: Store, job: Job) -> Job | None:
    """Add up what is owed while there is time, and return the job that is left, if any is.

    Raises `Unavailable` where nothing could be done.
    """
    own = store.of(job.organization_id)
    if store.get(own.keys.organization()) is None:
        return None
    count = liability.resumed(own, job.place, job.owed or {})
    try:
        if count.run():
            return None
    except Unavailable:
        if count.place == job.place:
            raise
    return replace(job, place=count.place, owed=count.sums())


def work(
    store: Store,
    job: Job,
    note: Callable[[Outcome], None],
    note_projected: Callable[[ProjectedOutcome], None],
) -> Job | None:
    """Audit ledgers while there is time, and note what became of each, and of its projection.

    Returns the job that is left, if any is. Raises `Unavailable` where nothing could be done.
    """
    own = store.of(job.organization_id)
    audit = Audit(own)
    projected = ProjectionAudit(own, dict.fromkeys(job.behind))
    at_once = job.place == BEGINNING

    def left() -> Job:
        return replace(job, place=audit.place, behind=tuple(projected.behind))

    try:
        if at_once:
            projected.begin()
        for outcome in audit.of_organization(job.place):
            its_projection = projected.of_ledger(outcome.ledger_id)
            if audit.place != job.place and not store.has_time():
                return left()
            note(outcome)
            note_projected(its_projection)
        if at_once:
            note_projected(projected.of_everyone())
        # The queue waits before they are looked at again.
        if projected.behind and audit.place != job.place:
            return left()
        for number, again in enumerate(projected.of_those_behind(pause_seconds=0.0)):
            if number and not store.has_time():
                projected.behind[again.ledger_id] = None
                return left()
            note_projected(again)
    except NotFound:
        return None
    except Unavailable:
        if left() == job:
            raise
        return left()
    return None
