"""Ingestion: from a request's body to events that have counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import uuid_utils

from aureon import catalog, keys, resolution, times
from aureon.domain.customers import Ledger
from aureon.domain.events import MAX_EVENTS_PER_REQUEST, Event, Named
from aureon.domain.fold import Group, group_events
from aureon.domain.meters import MAX_ACTIONS_OF_MATCHES, Match, MeterSet
from aureon.errors import Conflict, Invalid, Problem, TooLarge, Unavailable
from aureon.ledger import Committer, PointersTaken, Receipt, RequestSeen
from aureon.plain_events import plain_events
from aureon.store import Item, Store

MAX_ATTEMPTS: Final = 20


@dataclass(frozen=True)
class Ingested:
    """What became of a request's events.

    `conflicts` are the places of duplicates that differ from the event that counted.
    """

    inserted: int
    duplicates: int
    conflicts: list[int]


def ingest(
    store: Store, organization_id: str, body: Any, *, idempotency: Idempotency | None = None
) -> Ingested:
    """Count a request's events, each once. Raises `Invalid`, `Conflict`, `TooLarge`.

    `Unavailable` says that some may not have counted yet, and that the request may be sent again.
    """
    return _Request(store, organization_id, body, idempotency).commit()


@dataclass(frozen=True)
class Idempotency:
    """A request's ``Idempotency-Key``, and the hash of the body that came with it."""

    key_sha256: str
    body_sha256: str

    @classmethod
    def of(cls, key: str, raw_body: bytes) -> Idempotency:
        return cls(hashlib.sha256(key.encode()).hexdigest(), hashlib.sha256(raw_body).hexdigest())


@dataclass
class _Request:
    """A request on its way into the ledger; taken up again after each race that it lost.

    What was fixed once stays: the time of receipt, and the ledgers of names for which something
    may have been committed.
    """

    store: Store
    organization_id: str
    body: Any
    idempotency: Idempotency | None
    received_at: datetime = field(default_factory=lambda: times.now())
    repeated: bool = False
    receipt: Item | None = None
    ledgers: dict[Named, Ledger] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.idempotency is None:
            self.batch = f"r-{uuid_utils.uuid7()}"
        else:
            self.batch = f"k-{self.idempotency.key_sha256}"

    def commit(self) -> Ingested:
        for _ in range(MAX_ATTEMPTS):
            groups, meters = self._prepare()
            committer = Committer(
                self.store,
                self.organization_id,
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
                return _result(groups)
            self.repeated = True
        raise Unavailable("Too many others write to the same customers.")

    def _prepare(self) -> tuple[list[Group], MeterSet]:
        """Validate, resolve and match the events, as far as that is not fixed yet."""
        events = self._validate()
        names = list(dict.fromkeys(event.customer for event in events))
        version_key = keys.meter_version(self.organization_id)
        request_key = self._request_key()
        wanted = [version_key] if request_key is None else [version_key, request_key]
        wanted += [self._key(name) for name in names if name not in self.ledgers]
        found = self.store.batch_get(wanted)
        version = catalog.version_of(found.get(version_key))
        if request_key in found and self.receipt is None:
            self._take_up(found[request_key], names)
            events = self._validate()
            # What the first attempt created may be newer than the version that was just read.
            version = catalog.version_of(self.store.get(version_key))
        else:
            self.ledgers = self._resolve(events, names, found, version)
            if any(ledger.meter_version > version for ledger in self.ledgers.values()):
                version = catalog.version_of(self.store.get(version_key))
        meters = catalog.meters_at(self.store, self.organization_id, version)
        matched = [(event, meters.match(event)) for event in events]
        if not self.repeated:
            require_few_matches(matched)
        return group_events(self.batch, matched, self.ledgers), meters

    def _validate(self) -> list[Event]:
        try:
            return parse_events(self.body, self.received_at)
        except Invalid as error:
            # A clock may differ from the one by which the first attempt found the request good.
            request_key = self._request_key()
            known = None if request_key is None else self.store.get(request_key)
            if known is None or times.from_text(known["received_at"]) == self.received_at:
                raise Invalid([*error.problems, *self._unknown_beside(error)]) from error
            self.received_at = times.from_text(known["received_at"])
            return parse_events(self.body, self.received_at)

    def _unknown_beside(self, error: Invalid) -> list[Problem]:
        """The unknown customers of well-formed events, so that every bad event is named."""
        bad = {problem.loc[2] for problem in error.problems if len(problem.loc) > 2}
        if not bad:
            return []
        sent = self.body["events"]
        places = [place for place in range(len(sent)) if place not in bad]
        good = parse_events({"events": [sent[place] for place in places]}, self.received_at)
        found = self.store.batch_get(self._key(event.customer) for event in good)
        return [
            resolution.unknown(replace(event, position=places[event.position]))
            for event in good
            if resolution.ledger(event.customer, found.get(self._key(event.customer)), 0) is None
        ]

    def _take_up(self, receipt: Item, names: Sequence[Named]) -> None:
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
        names: Sequence[Named],
        found: Mapping[keys.Key, Item],
        version: int,
    ) -> dict[Named, Ledger]:
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

    def _key(self, name: Named) -> keys.Key:
        return resolution.key(self.organization_id, name)

    def _request_key(self) -> keys.Key | None:
        if self.idempotency is None:
            return None
        return keys.request(self.organization_id, self.idempotency.key_sha256)

    def _receipt_to_put(self) -> Receipt | None:
        request_key = self._request_key()
        if request_key is None or self.idempotency is None or self.receipt is not None:
            return None
        return Receipt(request_key, times.to_text(self.received_at), self.idempotency.body_sha256)


def parse_events(body: Any, received_at: datetime) -> list[Event]:
    """Check a decoded body and make events of it. Raises `Invalid` and `TooLarge`.

    An event without a timestamp happened when it was received.
    """
    sent = body.get("events") if isinstance(body, dict) else None
    if isinstance(sent, list) and len(sent) > MAX_EVENTS_PER_REQUEST:
        raise TooLarge(
            f"A request has at most {MAX_EVENTS_PER_REQUEST:,} events; this has {len(sent):,}."
        )
    if isinstance(sent, list):
        events = plain_events(sent, received_at)
        if events is not None:
            return events
    # What most requests need not pay for, not even its import.
    from aureon.bodies import check
    from aureon.bodies.events import IngestBody

    checked = check(IngestBody, body, received_at=received_at)
    return [event.to_event(position, received_at) for position, event in enumerate(checked.events)]


def require_few_matches(matched: Iterable[tuple[Event, Sequence[Match]]]) -> None:
    """Refuse events that more meters count than fit into one transaction. Raises `Invalid`."""
    crowded = [
        Problem(
            "too_many_meters",
            ("body", "events", event.position),
            f"An event is counted by at most {MAX_ACTIONS_OF_MATCHES} meters, of which those of "
            f"unique values stand for two; {len(matches)} match this one.",
        )
        for event, matches in matched
        if sum(match.actions for match in matches) > MAX_ACTIONS_OF_MATCHES
    ]
    if crowded:
        raise Invalid(crowded)


def _result(groups: Iterable[Group]) -> Ingested:
    entries = [entry for group in groups for entry in group.entries]
    inserted = sum(entry.inserted is True for entry in entries)
    return Ingested(
        inserted=inserted,
        duplicates=len(entries) - inserted,
        conflicts=sorted(entry.event.position for entry in entries if entry.conflict),
    )
