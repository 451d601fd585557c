"""Ingestion: from a request's body to events that have counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import uuid_utils
from msgspec import Struct, field
from msgspec.structs import replace

from aureon.access.tokens import GRANT, Restriction
from aureon.core import times
from aureon.core.errors import (
    Conflict,
    InsufficientScope,
    Invalid,
    Problem,
    TooLarge,
    Unavailable,
)
from aureon.core.exact import MAX_INTEGER_DIGITS
from aureon.domain import batches
from aureon.domain.customers import Ledger
from aureon.domain.events import MAX_EVENTS_PER_REQUEST, CustomerRef, Event
from aureon.domain.filters import compile_property
from aureon.domain.meters import MAX_ACTIONS_OF_MATCHES, Match, MeterSet, Uncounted
from aureon.ledger import resolution
from aureon.ledger.committer import Committer, PointersTaken, Receipt, RequestSeen
from aureon.ledger.plan import Group, group_events
from aureon.meters import catalog
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore

MAX_ATTEMPTS: Final = 20


class Ingested(Struct, frozen=True):
    """What became of a request's events.

    `conflicts` are the places of duplicates that differ from the event that counted. `warnings`
    name the strings where a number is meant: they counted as nothing.
    """

    inserted: int
    duplicates: int
    conflicts: list[int]
    warnings: list[Problem]


def ingest(
    store: OrganizationStore,
    body: Any,
    *,
    idempotency: Idempotency | None = None,
    may_grant: bool,
    restrict_to: Restriction | None = None,
) -> Ingested:
    """Count a request's events, each once. Raises `Invalid`, `Conflict`, `TooLarge`.

    One that its sender is not restricted to is `Invalid` too.

    Where its sender may not grant, one that would give credits is an `InsufficientScope`.
    `Unavailable` says that some may not have counted yet, and that the request may be sent again.
    """
    return _Request(store, body, idempotency, may_grant, restrict_to).commit()


class Idempotency(Struct, frozen=True):
    """A request's ``Idempotency-Key``, and the hash of the body that came with it."""

    key_sha256: str
    body_sha256: str

    @classmethod
    def of(cls, key: str, raw_body: bytes) -> Idempotency:
        return cls(hashlib.sha256(key.encode()).hexdigest(), hashlib.sha256(raw_body).hexdigest())


class _Request(Struct, dict=True):
    """A request on its way into the ledger; resumed after each race that it lost.

    What was fixed once stays: the time of receipt, and the ledgers of names for which something
    may have been committed.
    """

    store: OrganizationStore
    body: Any
    idempotency: Idempotency | None
    may_grant: bool
    restrict_to: Restriction | None = None
    received_at: datetime = field(default_factory=lambda: times.now())
    repeated: bool = False
    receipt: Item | None = None
    ledgers: dict[CustomerRef, Ledger] = field(default_factory=dict)
    uncounted: list[Uncounted] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.idempotency is None:
            self.batch = f"{batches.REQUEST}{uuid_utils.uuid7()}"
        else:
            self.batch = f"{batches.KEYED_REQUEST}{self.idempotency.key_sha256}"

    def commit(self) -> Ingested:
        for _ in range(MAX_ATTEMPTS):
            groups, meters = self._prepare()
            committer = Committer(
                self.store,
                meters.version,
                groups,
                self.ledgers,
                self._receipt_to_put(),
            )
            try:
                committer.commit(repeated=self.repeated)
            except PointersTaken as taken:
                for name in taken.names:
                    del self.ledgers[name]
            except RequestSeen:
                self.ledgers.clear()
            else:
                return _result(groups, self.uncounted)
            self.repeated = True
        raise Unavailable("Too many other calls write to the same customers.")

    def _prepare(self) -> tuple[list[Group], MeterSet]:
        """Validate, resolve and match the events, as far as that is not fixed yet."""
        events = self._validate()
        names = list(dict.fromkeys(event.customer for event in events))
        version_key = self.store.keys.meter_version()
        request_key = self._request_key()
        wanted = [version_key] if request_key is None else [version_key, request_key]
        wanted += [self._key(name) for name in names if name not in self.ledgers]
        found = self.store.batch_get(wanted)
        version = catalog.version_of(found.get(version_key))
        if request_key in found and self.receipt is None:
            self._resume(found[request_key], names)
            events = self._validate()
            # What the first attempt created may be newer than the version that was just read.
            version = catalog.version_of(self.store.get(version_key))
        else:
            self.ledgers = self._resolve(events, names, found, version)
            if any(ledger.meter_version > version for ledger in self.ledgers.values()):
                version = catalog.version_of(self.store.get(version_key))
        meters = catalog.meters_at(self.store, version)
        self.uncounted = []
        matched = [(event, meters.match(event, self.uncounted)) for event in events]
        if self.restrict_to is not None:
            _require_allowed(matched, self.restrict_to)
        if not self.repeated:
            require_countable(matched, self.uncounted)
        return group_events(self.batch, matched, self.ledgers), meters

    def _validate(self) -> list[Event]:
        try:
            return self._parse(self.body)
        except Invalid as error:
            # A clock may differ from the one by which the first attempt found the request good.
            request_key = self._request_key()
            known = None if request_key is None else self.store.get(request_key)
            if known is None or times.from_text(known["received_at"]) == self.received_at:
                raise Invalid([*error.problems, *self._unknown_beside(error)]) from error
            self.received_at = times.from_text(known["received_at"])
            return self._parse(self.body)

    def _parse(self, body: Any) -> list[Event]:
        return parse_events(body, self.received_at, may_grant=self.may_grant)

    def _unknown_beside(self, error: Invalid) -> list[Problem]:
        """The unknown customers of well-formed events, so that every bad event is named."""
        bad = {problem.loc[2] for problem in error.problems if len(problem.loc) > 2}
        if not bad:
            return []
        sent = self.body["events"]
        places = [place for place in range(len(sent)) if place not in bad]
        good = self._parse({"events": [sent[place] for place in places]})
        found = self.store.batch_get(self._key(event.customer) for event in good)
        return [
            resolution.unknown(replace(event, position=places[event.position]))
            for event in good
            if resolution.ledger(event.customer, found.get(self._key(event.customer)), 0) is None
        ]

    def _resume(self, receipt: Item, names: Sequence[CustomerRef]) -> None:
        """Go on where an earlier attempt at the same request stopped."""
        if self.idempotency is None or receipt["body_sha256"] != self.idempotency.body_sha256:
            raise Conflict("This Idempotency-Key was used before, with another body.")
        self.receipt = receipt
        self.repeated = True
        self.received_at = times.from_text(receipt["received_at"])
        self.ledgers = {
            name: Ledger(ledger_id, meter_version=0)
            for name, ledger_id in zip(names, receipt["ledger_ids"], strict=True)
        }

    def _resolve(
        self,
        events: Iterable[Event],
        names: Sequence[CustomerRef],
        found: Mapping[keys.Key, Item],
        version: int,
    ) -> dict[CustomerRef, Ledger]:
        """Find each name's ledger; the order of the names is that of the events."""
        resolved = {
            name: self.ledgers.get(name)
            or resolution.ledger(name, found.get(self._key(name)), version)
            for name in names
        }
        unknown = [event for event in events if resolved[event.customer] is None]
        if unknown:
            raise Invalid([resolution.unknown(event) for event in unknown])
        return {name: ledger for name, ledger in resolved.items() if ledger is not None}

    def _key(self, name: CustomerRef) -> keys.Key:
        return resolution.key(self.store.keys, name)

    def _request_key(self) -> keys.Key | None:
        if self.idempotency is None:
            return None
        return self.store.keys.request(self.idempotency.key_sha256)

    def _receipt_to_put(self) -> Receipt | None:
        request_key = self._request_key()
        if request_key is None or self.idempotency is None or self.receipt is not None:
            return None
        return Receipt(request_key, times.to_text(self.received_at), self.idempotency.body_sha256)


def parse_events(body: Any, received_at: datetime, *, may_grant: bool) -> list[Event]:
    """Check a decoded body and make events of it. Raises `Invalid` and `TooLarge`.

    An event without a timestamp happened when it was received.
    """
    # What looks at messages alone does without pydantic.
    from aureon.core.bodies import check
    from aureon.ledger.event_bodies import IngestBody

    sent = body.get("events") if isinstance(body, dict) else None
    if isinstance(sent, list) and len(sent) > MAX_EVENTS_PER_REQUEST:
        raise TooLarge(
            f"A request has at most {MAX_EVENTS_PER_REQUEST:,} events; this has {len(sent):,}."
        )
    checked = check(IngestBody, body, received_at=received_at)
    return [
        event.to_event(position, received_at, may_grant=may_grant)
        for position, event in enumerate(checked.events)
    ]


def require_countable(
    matched: Iterable[tuple[Event, Sequence[Match]]], uncounted: Iterable[Uncounted]
) -> None:
    """Refuse events that cannot count as they should.

    Those are: one that gives credits where its sender may not, an `InsufficientScope`; one that
    more meters count than fit into one transaction, and a number that is out of range for a meter
    that counts it, both `Invalid`.
    """
    if any(one.reason == "grant" for one in uncounted):
        raise InsufficientScope(GRANT)
    problems = [
        Problem(
            "too_many_meters",
            ("body", "events", event.position),
            f"An event is counted by at most {MAX_ACTIONS_OF_MATCHES} meters, of which those of "
            f"unique values stand for two; {len(matches)} match this one.",
        )
        for event, matches in matched
        if sum(match.actions for match in matches) > MAX_ACTIONS_OF_MATCHES
    ]
    message = f"A meter counts at most {MAX_INTEGER_DIGITS} digits before the point."
    problems += _problems(uncounted, "range", "decimal_max_digits", message)
    if problems:
        raise Invalid(problems)


def warnings_of(uncounted: Iterable[Uncounted]) -> list[Problem]:
    """The strings where a number is meant."""
    message = "A meter counts the numbers of this property; a string counts as nothing."
    return _problems(uncounted, "string", "number_type", message)


def _problems(
    uncounted: Iterable[Uncounted], reason: str, kind: str, message: str
) -> list[Problem]:
    """A problem for each property of an event that is left out for a reason, however often."""
    found = {
        (one.event.position, one.property.removeprefix("metadata.")): one.event
        for one in uncounted
        if one.reason == reason
    }
    return [
        Problem(
            kind,
            ("body", "events", position, "metadata", name),
            message,
            compile_property(name)(event),
        )
        for (position, name), event in found.items()
    ]


def _result(groups: Iterable[Group], uncounted: Iterable[Uncounted]) -> Ingested:
    entries = [entry for group in groups for entry in group.entries]
    inserted = sum(entry.inserted is True for entry in entries)
    return Ingested(
        inserted=inserted,
        duplicates=len(entries) - inserted,
        conflicts=sorted(entry.event.position for entry in entries if entry.conflict),
        warnings=warnings_of(uncounted),
    )


def _require_allowed(
    matched: Sequence[tuple[Event, Sequence[Match]]], restrict_to: Restriction
) -> None:
    """Refuse events that the token may not send, each by its place. Raises `Invalid`."""
    problems = [
        Problem(
            "restricted",
            ("body", "events", event.position, "name"),
            "The token is restricted to other events.",
            event.name,
        )
        for event, matches in matched
        if not restrict_to.allows(event.name, {match.meter_id for match in matches})
    ]
    if problems:
        raise Invalid(problems)
