"""Deliveries: attempts to send an entry of the outbox to an endpoint, until one succeeds.

The pauses between attempts rise, for about two days. An endpoint that fails rests meanwhile: what
else is for it waits without an attempt, so that a slow endpoint keeps nobody from sending to
others. Every attempt is kept for as long as the entry.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Self

import uuid_utils
from msgspec import Struct
from msgspec.structs import replace

from aureon.core import metrics, times
from aureon.core.errors import Unavailable
from aureon.storage import keys
from aureon.storage.expressions import absent, any_of, equals
from aureon.storage.keys import Key
from aureon.storage.store import (
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    Write,
    put,
    put_new,
    put_over,
)
from aureon.storage.table import DELETE_AFTER
from aureon.webhooks import endpoints, sending
from aureon.webhooks.dispatch import Job
from aureon.webhooks.endpoints import Endpoint, Health
from aureon.webhooks.outbox import KEPT, Entry
from aureon.webhooks.sending import Outcome

# After each failure, before the next attempt, in seconds: 48 hours and a half together.
PAUSES: Final = (
    5,
    30,
    120,
    600,
    1_800,
    3_600,
    7_200,
    14_400,
    28_800,
    39_600,
    39_600,
    39_600,
)
# A pause is so much longer at most, so that those who failed together are not tried together.
JITTER: Final = 0.1
# While an endpoint fails, nothing else is sent to it for so long: the longer, the longer it fails.
FIRST_REST: Final = timedelta(seconds=5)
LONGEST_REST: Final = timedelta(minutes=5)


class Progress(Struct, frozen=True):
    """What has come of an entry for an endpoint, in the last round of attempts."""

    round: str
    attempts: int = 0
    succeeded: bool | None = None
    last_http_code: int | None = None
    modified_at: datetime | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        code = item["last_http_code"]
        return cls(
            round=item["round"],
            attempts=int(item["attempts"]),
            succeeded=item["succeeded"],
            last_http_code=None if code is None else int(code),
            modified_at=times.from_optional_text(item["modified_at"]),
        )

    def to_item(self) -> Item:
        return {
            "round": self.round,
            "attempts": self.attempts,
            "succeeded": self.succeeded,
            "last_http_code": self.last_http_code,
            "modified_at": times.to_optional_text(self.modified_at),
        }


class Delivery(Struct, frozen=True):
    """One attempt: whether it succeeded, and the status and the beginning of the answer."""

    id: str
    event_id: str
    endpoint_id: str
    created_at: datetime
    http_code: int | None
    response: str
    succeeded: bool

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        code = item["http_code"]
        return cls(
            id=item["id"],
            event_id=item["event_id"],
            endpoint_id=item["endpoint_id"],
            created_at=times.from_text(item["created_at"]),
            http_code=None if code is None else int(code),
            response=item["response"],
            succeeded=item["succeeded"],
        )

    def to_item(self) -> Item:
        return {
            "id": self.id,
            "event_id": self.event_id,
            "endpoint_id": self.endpoint_id,
            "created_at": times.to_text(self.created_at),
            "http_code": self.http_code,
            "response": self.response,
            "succeeded": self.succeeded,
            DELETE_AFTER: int((self.created_at + KEPT).timestamp()),
        }


def deliver(store: Store, job: Job) -> float | None:
    """Make the next attempt of a job; says in how many seconds to come back, None where it is done.

    Raises `Unavailable` where the outcome could not be noted: the receiver gets it again, under the
    same id.
    """
    own = store.of(job.organization_id)
    found = own.batch_get(
        [
            entry_key := own.keys.outbox(job.event_id),
            endpoint_key := own.keys.endpoint(job.endpoint_id),
            health_key := own.keys.endpoint_health(job.endpoint_id),
            progress_key := own.keys.outbox_progress(job.event_id, job.endpoint_id),
        ]
    )
    if entry_key not in found or endpoint_key not in found:
        return None
    endpoint = Endpoint.from_item(found[endpoint_key])
    entry = Entry.from_item(found[entry_key])
    if not endpoint.wants(entry.type):
        return None
    before = Progress(job.round)
    if progress_key in found:
        noted = Progress.from_item(found[progress_key])
        if noted.round == job.round:
            before = noted
        elif noted.round > job.round:
            # Somebody has asked for it anew since: that job goes on.
            return None
    if before.succeeded or before.attempts > len(PAUSES):
        return None
    health = Health.from_item(found.get(health_key))
    now = times.now()
    if health.resting_until is not None and health.resting_until > now:
        return _with_jitter((health.resting_until - now).total_seconds())
    outcome = _attempt(entry, endpoint, now)
    after = replace(
        before,
        attempts=before.attempts + 1,
        succeeded=outcome.succeeded,
        last_http_code=outcome.http_code,
        modified_at=times.now(),
    )
    _note(own, entry, endpoint, health, after, outcome)
    if outcome.succeeded or outcome.is_gone or after.attempts > len(PAUSES):
        return None
    return _with_jitter(PAUSES[after.attempts - 1])


def _attempt(entry: Entry, endpoint: Endpoint, now: datetime) -> Outcome:
    if endpoint.is_listener:
        return Outcome(202, "Kept for who listens.")
    headers = sending.headers(endpoint.secret, entry.id, entry.payload, now)
    local = endpoints.is_local()
    return sending.send(endpoint.url, entry.payload.encode(), headers, local=local)


def _note(
    store: OrganizationStore,
    entry: Entry,
    endpoint: Endpoint,
    health: Health,
    progress: Progress,
    outcome: Outcome,
) -> None:
    """Note an attempt, and how the endpoint does; disable one that has failed for too long."""
    now = times.now()
    delivery = Delivery(
        id=str(uuid_utils.uuid7()),
        event_id=entry.id,
        endpoint_id=endpoint.id,
        created_at=now,
        http_code=outcome.http_code,
        response=outcome.response,
        succeeded=outcome.succeeded,
    )
    listed = {
        keys.DIRECTORY_PARTITION: store.keys.delivery_directory(endpoint.id),
        keys.DIRECTORY_SORT: keys.delivery_entry(delivery.id, entry.type, outcome.http_code),
    }
    kept = {DELETE_AFTER: int((entry.created_at + KEPT).timestamp())}
    writes = [
        put_new(store.keys.delivery(entry.id, delivery.id), delivery.to_item() | listed),
        put_over(store.keys.outbox_progress(entry.id, endpoint.id), progress.to_item() | kept),
    ]
    since = _commit(store, endpoint.id, health, outcome, writes, now).failing_since
    if outcome.is_gone:
        _disable(store, endpoint, "gone")
    elif since is not None and now - since >= endpoints.DISABLED_AFTER:
        _disable(store, endpoint, "failing")


def _commit(
    store: OrganizationStore,
    endpoint_id: str,
    health: Health,
    outcome: Outcome,
    writes: Sequence[Write],
    now: datetime,
) -> Health:
    """Note an attempt with how the endpoint does after it, whatever other attempts have noted.

    A failure goes on from others only where there was no success since.
    """
    key = store.keys.endpoint_health(endpoint_id)
    for _ in range(endpoints.MAX_ATTEMPTS):
        after = _after(health, outcome, now)
        since = times.to_optional_text(health.failing_since)
        unmoved = any_of(absent("failing_since"), equals("failing_since", since))
        item = after.to_item()
        kept = put_over(key, item) if outcome.succeeded else put(key, item, unmoved)
        try:
            store.commit(writes if after == health else [*writes, kept])
        except TransactionCancelled:
            health = Health.from_item(store.batch_get([key]).get(key))
        else:
            return after
    raise Unavailable("Too many other calls send to the same endpoint.")


def _disable(store: OrganizationStore, endpoint: Endpoint, reason: endpoints.Reason) -> None:
    # First the alarm: a job that dies in between must not be the only one to know.
    metrics.emit(WebhookEndpointsDisabled=1)
    endpoints.disable(store, endpoint.id, reason)


def _after(health: Health, outcome: Outcome, now: datetime) -> Health:
    """How an endpoint does after an attempt: one that fails rests for longer each time."""
    if outcome.succeeded:
        return Health()
    rest = min(LONGEST_REST, FIRST_REST * 2 ** min(health.failures, 10))
    return Health(
        failures=health.failures + 1,
        failing_since=health.failing_since or now,
        resting_until=now + rest,
    )


def _with_jitter(seconds: float) -> float:
    return seconds * random.uniform(1.0, 1.0 + JITTER)


class ShownDelivery(NamedTuple):
    """An attempt with what was sent, None once that is gone, and what has come of it since."""

    delivery: Delivery
    entry: Entry | None
    progress: Progress | None


class Query(NamedTuple):
    """Which attempts to list: all that have one of the values that are named."""

    endpoint_ids: Collection[str] = ()
    types: Collection[str] = ()
    succeeded: bool | None = None
    code_class: int | None = None
    since: datetime | None = None
    before: datetime | None = None
    text: str | None = None


def find(store: OrganizationStore, query: Query, part: slice) -> tuple[list[ShownDelivery], int]:
    """The attempts in a part of those that a query chooses, newest first, and how many there are.

    As an index has them, which follows the table by a moment.
    """
    known = [endpoint.id for endpoint in endpoints.read_all(store)]
    chosen = [
        entry
        for endpoint_id in known
        if not query.endpoint_ids or endpoint_id in query.endpoint_ids
        for entry in store.query_index(store.keys.delivery_directory(endpoint_id))
        if _is_chosen(keys.parse_delivery_entry(entry[keys.DIRECTORY_SORT]), query)
    ]
    chosen.sort(key=lambda entry: str(entry[keys.DIRECTORY_SORT]), reverse=True)
    if query.text:
        chosen = _containing(store, query.text, chosen)
    wanted = [Key(entry[keys.PARTITION], entry[keys.SORT]) for entry in chosen[part]]
    found = store.batch_get(wanted)
    attempts = [Delivery.from_item(found[key]) for key in wanted if key in found]
    return list(_shown(store, attempts)), len(chosen)


def _is_chosen(listed: keys.DeliveryEntry, query: Query) -> bool:
    code = listed.http_code
    succeeded = code is not None and 200 <= code < 300
    at = uuid_utils.UUID(listed.delivery_id).timestamp / 1000
    return (
        (not query.types or listed.type in query.types)
        and (query.succeeded is None or query.succeeded == succeeded)
        and (query.code_class is None or (code is not None and code // 100 == query.code_class))
        and (query.since is None or at >= query.since.timestamp())
        and (query.before is None or at < query.before.timestamp())
    )


def _containing(store: OrganizationStore, text: str, chosen: Sequence[Item]) -> list[Item]:
    """The attempts at webhooks whose id or body contains a text, in any case."""
    event_sort = store.keys.outbox("").sk
    sent = {entry[keys.PARTITION]: Key(entry[keys.PARTITION], event_sort) for entry in chosen}
    found = store.batch_get(sent.values())
    return [
        entry
        for entry in chosen
        if (item := found.get(sent[entry[keys.PARTITION]])) is not None
        and text.casefold() in f"{item['id']} {item['payload']}".casefold()
    ]


def _shown(store: OrganizationStore, attempts: Sequence[Delivery]) -> Iterator[ShownDelivery]:
    wanted = [store.keys.outbox(one.event_id) for one in attempts]
    wanted += [store.keys.outbox_progress(one.event_id, one.endpoint_id) for one in attempts]
    found = store.batch_get(wanted)
    for one in attempts:
        entry = found.get(store.keys.outbox(one.event_id))
        progress = found.get(store.keys.outbox_progress(one.event_id, one.endpoint_id))
        yield ShownDelivery(
            one,
            None if entry is None else Entry.from_item(entry),
            None if progress is None else Progress.from_item(progress),
        )
