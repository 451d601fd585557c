"""Dead letters: messages that failed for good, shown with the reason, and sent anew.

A queue cannot be listed, only received from, and what is received is hidden from everybody else
for a while. So every look at the dead letters is bounded, and ends by releasing what it saw.

A message that is sent anew says what it was called and when it came the first time, so whatever
had counted of it does not count again, and a crash between sending it and deleting it does no
harm. SQS's own redrive loses both: see ``docs/queue.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.access import activity, admission
from aureon.core import times
from aureon.core.errors import NotFound, Unavailable
from aureon.ledger import messages
from aureon.ledger.messages import Message, Postponed, Refused
from aureon.storage.queue import MAX_ATTRIBUTES, Attributes, Queue, Record, Unsendable, text
from aureon.storage.store import OrganizationStore, Store

# Of one look: messages of whatever organization, and those that were looked for.
MAX_LOOKED_AT: Final = 500
MAX_FOUND: Final = 100
# How long an empty answer takes, which says that the end of the queue is reached.
WAIT_SECONDS: Final = 1
# How long messages stay hidden where a look dies; longer than one takes.
HIDDEN_SECONDS: Final = 60

OURS: Final = (
    *admission.ATTRIBUTES,
    messages.BATCH_ID,
    messages.FIRST_MESSAGE_ID,
    messages.RECEIVED_AT,
)


class DeadLetter(NamedTuple):
    """A message that failed for good, and what its next delivery would find.

    `organization_id` is empty where the message does not say. `events` is None where it cannot be
    read, `counted` where it is refused: the number of events that count no more, since they have.
    """

    id: str
    organization_id: str
    first_received_at: datetime
    receive_count: int
    events: int | None
    counted: int | None
    succeeds_now: bool
    reason: str


class Which(Struct, frozen=True):
    """Which dead letters are meant: those that nothing here excludes."""

    organization_id: str | None = None
    ids: Collection[str] | None = None
    sent_before: datetime | None = None

    def __contains__(self, record: Record) -> bool:
        return (
            self.organization_id in (None, owner(record))
            and (self.ids is None or record["messageId"] in self.ids)
            and (self.sent_before is None or messages.sent_at(record) < self.sent_before)
        )


class Found(NamedTuple):
    """What a look has found; `complete` says that it came to the end of the queue."""

    records: list[Record]
    complete: bool


class Redriven(NamedTuple):
    """How many messages were sent anew, and why others that were meant were not, by id.

    `complete` says that none is left, as far as could be seen.
    """

    redriven: int
    left: dict[str, str]
    complete: bool


def find(store: Store, queue: Queue, which: Which) -> Found:
    """Find dead letters, the oldest first: `MAX_FOUND` at most."""
    with _Look(store, queue, which) as look:
        records = list(islice(look, MAX_FOUND))
    return Found(sorted(records, key=_first_received_at), look.complete)


def explain(store: Store, record: Record) -> DeadLetter:
    """Find out anew why a message fails, how much of it has counted, or that it would succeed."""
    events = counted = None
    try:
        message = Message.from_record(record)
        events = len(messages.parse(message))
        counted = events - messages.left_to_count(store, message)
        reason = _progress(counted, events)
    except (Refused, Postponed) as error:
        reason = str(error)
    return DeadLetter(
        id=record["messageId"],
        organization_id=owner(record),
        first_received_at=_first_received_at(record),
        receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
        events=events,
        counted=counted,
        succeeds_now=counted is not None,
        reason=reason,
    )


def redrive(store: Store, queue: Queue, ingestion: Queue, which: Which) -> Redriven:
    """Send dead letters to the ingestion queue again: `MAX_FOUND` at most.

    Those that are there when it begins: one that dies again meanwhile waits for the next call.
    """
    if which.sent_before is None:
        which = replace(which, sent_before=times.now())
    left: dict[str, str] = {}
    redriven: set[str] = set()
    with _Look(store, queue, which) as look:
        for record in islice(look, MAX_FOUND):
            try:
                ingestion.send(record["body"], _attributes(record))
            except Unsendable as error:
                left[record["messageId"]] = str(error)
            else:
                look.delete(record)
                redriven.add(record["messageId"])
    for message_id in set(which.ids or ()) - redriven:
        left.setdefault(message_id, "It does not exist, or somebody else is looking at it.")
    complete = not left and (look.complete or which.ids is not None)
    return Redriven(len(redriven), left, complete)


def discard(store: OrganizationStore, queue: Queue, message_id: str) -> None:
    """Delete a dead letter of the organization for good: what of it has not counted, never will.

    The audit trail says so first, with how many events it had. Raises `NotFound`.
    """
    which = Which(store.organization_id, {message_id})
    with _Look(store, queue, which) as look:
        record = next(iter(look), None)
        if record is None:
            raise NotFound("There is no such dead letter, or somebody else is looking at it.")
        letter = explain(store, record)
        note = activity.noted(
            store,
            "dead_letter.discarded",
            message_id,
            events=letter.events,
            counted=letter.counted,
            reason=letter.reason,
        )
        store.write(note)
        look.delete(record)


class _Look(Struct):
    """One look at a queue: each message comes once, and is released at the end, or deleted."""

    store: Store
    queue: Queue
    which: Which
    complete: bool = False
    _handles: dict[str, str] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)

    def __enter__(self) -> _Look:
        return self

    def __exit__(self, *_: object) -> None:
        handles = [
            handle
            for message_id, handle in self._handles.items()
            if message_id not in self._deleted
        ]
        with suppress(Unavailable):  # SQS releases them too, after a while.
            self.queue.release(handles)

    def __iter__(self) -> Iterator[Record]:
        ids = None if self.which.ids is None else set(self.which.ids)
        while len(self._handles) < MAX_LOOKED_AT and self.store.has_time():
            received = self.queue.receive(wait_seconds=WAIT_SECONDS, hidden_seconds=HIDDEN_SECONDS)
            fresh = [record for record in received if record["messageId"] not in self._handles]
            for record in received:
                self._handles[record["messageId"]] = record["receiptHandle"]
            for record in fresh:
                if record in self.which and self.store.has_time():
                    yield record
            if not received or (ids is not None and ids <= self._handles.keys()):
                self.complete = True
                return

    def delete(self, record: Record) -> None:
        self.queue.delete([self._handles[record["messageId"]]])
        self._deleted.add(record["messageId"])


def owner(record: Record) -> str:
    """The organization whose message it is; empty where it does not say."""
    attribute = record["messageAttributes"].get(admission.ORGANIZATION_ID, {})
    return str(attribute.get("stringValue", ""))


def _first_received_at(record: Record) -> datetime:
    try:
        return Message.from_record(record).received_at
    except Refused:
        return messages.sent_at(record)


def _progress(counted: int, events: int) -> str:
    if counted == events:
        return "All of its events have counted."
    if counted:
        return f"{counted} of {events} events have counted; the others would count now."
    return "It would count now."


def _attributes(record: Record) -> Attributes:
    """The attributes for a copy of a message: where not all fit, those that count."""
    attributes: Attributes = {
        messages.FIRST_MESSAGE_ID: text(record["messageId"]),
        messages.RECEIVED_AT: text(times.to_text(messages.sent_at(record))),
        **record["messageAttributes"],
    }
    names = sorted(attributes, key=lambda name: name not in OURS)
    return {name: attributes[name] for name in names[:MAX_ATTRIBUTES]}
