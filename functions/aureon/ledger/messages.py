"""Messages of the ingestion queue: counted like requests, many at once, each of them once.

A message has the body of an ingestion request. It may come more than once, in any company, and
long after: its batch id and its time of receipt, which travel with it, say that it is the same.
All messages of a delivery are planned together, so that a customer's balance is written once for
them all; one that can never succeed is refused by itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.access.admission import MAY_GRANT, NO, NO_KEY, ORGANIZATION_ID, REQUEST_KEY
from aureon.core import exact, metrics, times
from aureon.core.errors import (
    AureonError,
    InsufficientScope,
    Invalid,
    Problem,
    TooLarge,
    Unavailable,
)
from aureon.domain import batches
from aureon.domain.customers import Ledger
from aureon.domain.events import CustomerRef, Event
from aureon.domain.meters import MeterSet, Uncounted
from aureon.ledger import resolution
from aureon.ledger.committer import Committer, PointersTaken
from aureon.ledger.ingestion import parse_events, require_countable, warnings_of
from aureon.ledger.plan import Group, group_events
from aureon.meters import catalog
from aureon.storage import keys
from aureon.storage.limits import MAX_TRANSACTION_ACTIONS
from aureon.storage.store import (
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    put_new,
)

# The attributes that a message carries beside its body, and those that a gateway writes.
BATCH_ID: Final = "batch_id"
# Where a message was sent again: what it was called, and when it came, the first time.
FIRST_MESSAGE_ID: Final = "first_message_id"
RECEIVED_AT: Final = "received_at"

ANOTHER_BODY: Final = "This batch id was used before, with another body."
MAX_ATTEMPTS: Final = 20
_ORGANIZATION: Final = re.compile(r"[0-9a-zA-Z-]{1,64}")


class Refused(AureonError):
    """A message that can never succeed, and why."""


class Postponed(AureonError):
    """A message that must wait for its next delivery, and why."""


class Message(Struct, frozen=True):
    """A message as it was received.

    `batch` is the id of the batch that its events are, the same at each delivery; `redelivered`
    says that an earlier delivery may have counted some of them, `may_grant` that its sender may
    give credits.
    """

    id: str
    organization_id: str
    batch: str
    received_at: datetime
    body: str
    redelivered: bool
    may_grant: bool = True

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(self.body.encode()).hexdigest()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read a record of an SQS event. Raises `Refused`.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
        """
        attributes = {
            name: attribute.get("stringValue")
            for name, attribute in record.get("messageAttributes", {}).items()
        }
        organization_id = attributes.get(ORGANIZATION_ID) or ""
        if not _ORGANIZATION.fullmatch(organization_id):
            raise Refused(f"The attribute {ORGANIZATION_ID} is missing or wrong.")
        received_at = sent_at(record)
        if RECEIVED_AT in attributes:
            try:
                received_at = times.from_text(attributes[RECEIVED_AT] or "")
            except ValueError:
                raise Refused(f"The attribute {RECEIVED_AT} is not a time.") from None
        return cls(
            id=record["messageId"],
            organization_id=organization_id,
            batch=_batch(attributes, record["messageId"]),
            received_at=received_at,
            body=record["body"],
            redelivered=int(record["attributes"]["ApproximateReceiveCount"]) > 1
            or FIRST_MESSAGE_ID in attributes,
            # Only the gateway says so: who may send to the queue by other ways is trusted.
            may_grant=attributes.get(MAY_GRANT) != NO,
        )


def sent_at(record: Mapping[str, Any]) -> datetime:
    """When a record's message was sent, this time or for the only time."""
    return datetime.fromtimestamp(int(record["attributes"]["SentTimestamp"]) / 1000, UTC)


def _batch(attributes: Mapping[str, str | None], message_id: str) -> str:
    """The batch's id: the sender's where it gave one, else the message's own, the first it had.

    A request to the gateway gives one with its ``Idempotency-Key``.
    """
    batch_id = attributes.get(BATCH_ID)
    if batch_id:
        return batches.SENDERS + hashlib.sha256(batch_id.encode()).hexdigest()
    request_key = attributes.get(REQUEST_KEY) or NO_KEY
    if request_key != NO_KEY:
        return batches.REQUESTS + hashlib.sha256(request_key.encode()).hexdigest()
    return f"{batches.MESSAGE}{attributes.get(FIRST_MESSAGE_ID) or message_id}"


def parse(message: Message) -> list[Event]:
    """The events of a message. Raises `Refused`, with the first thing that is wrong."""
    try:
        return parse_events(
            exact.parse(message.body), message.received_at, may_grant=message.may_grant
        )
    except ValueError as error:
        raise Refused(f"The body is not JSON: {error}.") from error
    except TooLarge as error:
        raise Refused(str(error)) from error
    except Invalid as error:
        raise Refused(describe(error.problems)) from error


def describe(problems: Sequence[Problem]) -> str:
    """Say in a line what is wrong, without what was sent: that may be personal."""
    first = problems[0]
    place = ".".join(map(str, first.loc))
    more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
    return f"{place}: {first.msg}{more}"


def count(store: Store, messages: Iterable[Message]) -> dict[str, AureonError]:
    """Count the events of messages. Returns those that failed, by id, and why.

    `Refused` is for good; after `Postponed` and `Unavailable`, the next delivery goes on where
    this one stopped.
    """
    copies: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        copies.setdefault((message.organization_id, message.batch), []).append(message)
    by_organization: dict[str, list[Message]] = {}
    for first, *_ in copies.values():
        by_organization.setdefault(first.organization_id, []).append(first)
    failed: dict[str, AureonError] = {}
    for organization_id, theirs in by_organization.items():
        failed |= _count(store.of(organization_id), theirs)
    # Messages of one batch are one: what became of the first became of all.
    for first, *others in copies.values():
        for other in others:
            if other.body_sha256 != first.body_sha256:
                failed[other.id] = Refused(ANOTHER_BODY)
            elif first.id in failed:
                failed[other.id] = failed[first.id]
    return failed


def left_to_count(store: Store, message: Message) -> int:
    """How many of a message's events a delivery would count now; nothing is written.

    Raises `Refused` or `Postponed` where it would fail.
    """
    delivery = Delivery(store.of(message.organization_id), [message])
    try:
        return delivery.dry_run()
    except Invalid as error:
        raise Refused(describe(error.problems)) from error


def _count(store: OrganizationStore, messages: Sequence[Message]) -> dict[str, AureonError]:
    delivery = Delivery(store, messages)
    try:
        delivery.commit()
    except Invalid as error:
        # A balance would leave its range. Which message is too much shows when each is by itself.
        if len(delivery.events) == 1:
            delivery.refuse_all(Refused(describe(error.problems)))
        else:
            for message in messages:
                if message.id not in delivery.failed:
                    delivery.failed |= _count(store, [message])
    else:
        delivery.measure()
    return delivery.failed


class Delivery(Struct):
    """Messages of one organization on their way into the ledger, and those that failed.

    What may have been committed for a name stays with the name's ledger, however often the rest
    is tried again. `received_at` has the times of senders' batches that are remembered.
    """

    store: OrganizationStore
    messages: Sequence[Message]
    events: dict[str, list[Event]] = field(default_factory=dict)
    failed: dict[str, AureonError] = field(default_factory=dict)
    ledgers: dict[CustomerRef, Ledger] = field(default_factory=dict)
    groups: dict[str, list[Group]] = field(default_factory=dict)
    received_at: dict[str, datetime] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)

    def commit(self) -> None:
        """Commit what can be. Raises `Invalid` where a balance would leave its range."""
        self._parse()
        repeated = any(message.redelivered for message in self.messages)
        for _ in range(MAX_ATTEMPTS):
            try:
                committer = self._prepare()
                self._remember()
                committer.commit(repeated=repeated)
            except TransactionCancelled:
                repeated = True
            except PointersTaken as taken:
                for name in taken.names:
                    del self.ledgers[name]
                repeated = True
            except Unavailable as error:
                self._fail_pending(error)
                return
            else:
                return
        self._fail_pending(Unavailable("Too many other calls write to the same customers."))

    def dry_run(self) -> int:
        """How many events `commit` would count now. Raises the same, and why a message fails."""
        self._parse()
        committer = self._prepare()
        for error in self.failed.values():
            raise error
        return committer.dry_run()

    def measure(self) -> None:
        """Tell what became of the events, as far as it is known by now."""
        entries = [
            entry for groups in self.groups.values() for group in groups for entry in group.entries
        ]
        inserted = sum(entry.inserted is True for entry in entries)
        duplicates = sum(entry.inserted is False for entry in entries)
        metrics.emit(
            EventsIn=inserted + duplicates,
            Duplicates=duplicates,
            Conflicts=sum(entry.conflict for entry in entries),
        )
        warnings = sum(self.warnings[message_id] for message_id in self.groups)
        if warnings:
            metrics.emit(Warnings=warnings)

    def refuse_all(self, error: AureonError) -> None:
        """Fail every message that could be read, for one reason."""
        self.failed |= dict.fromkeys(self.events, error)

    def _fail_pending(self, error: AureonError) -> None:
        """Send back what is not known to have counted whole."""
        for message_id in self.events:
            groups = self.groups.get(message_id)
            if groups is None or any(group.pending for group in groups):
                self.failed[message_id] = error

    def _parse(self) -> None:
        for message in self.messages:
            try:
                self.events[message.id] = parse(message)
            except Refused as error:
                self.failed[message.id] = error

    def _prepare(self) -> Committer:
        """Resolve and match the events, and make groups of them, message by message."""
        self.groups.clear()
        # In the order of the events, so that a history can be played again as it was.
        names = dict.fromkeys(event.customer for events in self.events.values() for event in events)
        version_key = self.store.keys.meter_version()
        wanted = [
            resolution.key(self.store.keys, name) for name in names if name not in self.ledgers
        ]
        receipts = [self.store.keys.batch(message.batch) for message in self._keyed()]
        found = self.store.batch_get([version_key, *wanted, *receipts])
        self._resume(found)
        version = catalog.version_of(found.get(version_key))
        self._resolve(names, found, version)
        if any(ledger.meter_version > version for ledger in self.ledgers.values()):
            version = catalog.version_of(self.store.get(version_key))
        meters = catalog.meters_at(self.store, version)
        for message in self.messages:
            if message.id in self.events:
                self._group(message, meters)
        self._find_earlier_pages()
        groups = [group for groups in self.groups.values() for group in groups]
        return Committer(self.store, meters.version, groups, self.ledgers)

    def _keyed(self) -> list[Message]:
        """The well-formed messages whose batch the sender named, to be able to send it again."""
        return [
            message
            for message in self.messages
            if message.batch.startswith((batches.SENDERS, batches.REQUESTS))
            and message.id in self.events
        ]

    def _resume(self, found: Mapping[keys.Key, Item]) -> None:
        """Let a sender's batch have come when it first did, whenever it comes again."""
        for message in self._keyed():
            receipt = found.get(self.store.keys.batch(message.batch))
            if receipt is None:
                continue
            if receipt["body_sha256"] != message.body_sha256:
                self._fail(message.id, Refused(ANOTHER_BODY))
            else:
                received_at = times.from_text(receipt["received_at"])
                self.events[message.id] = parse(replace(message, received_at=received_at))
                self.received_at[message.id] = received_at

    def _remember(self) -> None:
        """Fix when the senders' batches were received, before anything of them is counted.

        Raises `TransactionCancelled` where somebody else did.
        """
        new = [message for message in self._keyed() if message.id not in self.received_at]
        for first in range(0, len(new), MAX_TRANSACTION_ACTIONS):
            self.store.commit(
                [
                    put_new(
                        self.store.keys.batch(message.batch),
                        {
                            "received_at": times.to_text(message.received_at),
                            "body_sha256": message.body_sha256,
                        },
                    )
                    for message in new[first : first + MAX_TRANSACTION_ACTIONS]
                ]
            )
        self.received_at |= {message.id: message.received_at for message in new}

    def _resolve(
        self, names: Iterable[CustomerRef], found: Mapping[keys.Key, Item], version: int
    ) -> None:
        """Find the names' ledgers. A customer that was deleted meanwhile still has its own."""
        for name in names:
            if name not in self.ledgers:
                item = found.get(resolution.key(self.store.keys, name))
                ledger = resolution.ledger(name, item, version, deleted_too=True)
                if ledger is not None:
                    self.ledgers[name] = ledger

    def _group(self, message: Message, meters: MeterSet) -> None:
        events = self.events[message.id]
        unknown = [event for event in events if event.customer not in self.ledgers]
        uncounted: list[Uncounted] = []
        matched = [(event, meters.match(event, uncounted)) for event in events]
        if unknown:
            problems = [resolution.unknown(event) for event in unknown]
            self._fail(message.id, Refused(describe(problems)))
            return
        groups = group_events(message.batch, matched, self.ledgers)
        try:
            require_countable(matched, uncounted)
        except (Invalid, InsufficientScope) as error:
            # What was begun with older meters goes on; what was refused before is refused again.
            if not message.redelivered or not self._is_begun(groups):
                reason = describe(error.problems) if isinstance(error, Invalid) else str(error)
                self._fail(message.id, Refused(reason))
                return
        self.groups[message.id] = groups
        self.warnings[message.id] = len(warnings_of(uncounted))

    def _is_begun(self, groups: Iterable[Group]) -> bool:
        """Whether an earlier delivery has counted some of these."""
        return bool(
            self.store.batch_get(
                self.store.keys.page(group.ledger.id, group.next_page) for group in groups
            )
        )

    def _find_earlier_pages(self) -> None:
        """Let a group go on in the ledger that its external id led to when it was begun.

        A message may have been counted, in part or whole, before its customer was deleted: then
        its pages are in a ledger that the external id has left. While the deletion is so young
        that such a delivery may still be under way, the message goes back to the queue.
        """
        now = times.now()
        candidates: dict[keys.Key, tuple[Group, str]] = {}
        for message in self.messages:
            for group in self.groups.get(message.id, ()):
                for ledger_id, until in group.ledger.earlier:
                    begun = self.received_at.get(message.id, message.received_at)
                    if until + times.LONGEST_HANDLER >= begun:
                        page = self.store.keys.page(ledger_id, group.next_page)
                        candidates[page] = (group, ledger_id)
        if not candidates:
            return
        moved = set()
        for page in self.store.batch_get(candidates):
            group, ledger_id = candidates[page]
            group.ledger = Ledger(ledger_id, group.ledger.meter_version)
            moved.add(id(group))
        for message in self.messages:
            groups = self.groups.get(message.id, ())
            if any(
                id(group) not in moved
                and any(now - until < times.LONGEST_HANDLER for _, until in group.ledger.earlier)
                for group in groups
            ):
                self._fail(message.id, Postponed("A customer was deleted a moment ago."))

    def _fail(self, message_id: str, error: AureonError) -> None:
        self.failed[message_id] = error
        self.events.pop(message_id, None)
        self.groups.pop(message_id, None)
