"""The audit of claims: every event with an external id has its claim, and every claim its event.

One transaction puts a page and the claims of its events, so neither is ever without the other,
but for a table that was restored: a backup may hold the one and not yet the other.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/backuprestore_HowItWorks.html

A claim without its event would have the event taken for a duplicate when it is sent again, and
lost; an event without its claim would count again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from aureon.core import times
from aureon.domain.events import CustomerRef, EventLocation
from aureon.domain.pages import LoggedEvent, Page
from aureon.ledger.plan import Claim
from aureon.storage import keys
from aureon.storage.expressions import all_of, equals
from aureon.storage.store import ConditionFailed, OrganizationStore, delete, put_new

# Items that are looked at together.
CHUNK: Final = 100
# A read may see one part of a transaction and not yet the other: what is wrong is looked at again.
PAUSE_SECONDS: Final = 2.0

NO_EVENT: Final = "its event is not in the log"
NO_CLAIM: Final = "its event has no claim"
TWICE: Final = "its event has counted twice"


class Finding(NamedTuple):
    """An external id that is not kept as it should be. What has counted twice is not repaired."""

    external_id: str
    place: EventLocation
    wrong: str
    status: Literal["different", "repaired"]


class _Logged(NamedTuple):
    """An event that has an external id, as the log has it, or as its claim says."""

    external_id: str
    place: EventLocation
    fingerprint: bytes


class ClaimAudit(Struct):
    """Audits the claims of one organization, and makes them what the log says with `repair`.

    `claims` and `events` tell how many were looked at.
    """

    store: OrganizationStore
    repair: bool = False
    claims: int = 0
    events: int = 0

    def run(self) -> Iterator[Finding]:
        """Read the whole table, and find what is wrong. Raises `Unavailable`."""
        for some in _chunks(self._claims()):
            self.claims += len(some)
            for claimed in self._surely(self._without_event, some):
                yield self._finding(claimed, NO_EVENT, self._unclaim)
        for some in _chunks(self._events()):
            self.events += len(some)
            for logged in self._surely(self._without_claim, some):
                yield self._finding(logged, NO_CLAIM, self._claim)
            for logged in self._surely(self._counted_twice, some):
                yield Finding(logged.external_id, logged.place, TWICE, "different")

    def _claims(self) -> Iterator[_Logged]:
        prefix = self.store.keys.claims()
        for item in self.store.scan(prefix):
            claim = Claim.from_item(item)
            external_id = keys.parse_claim(item[keys.PARTITION])
            yield _Logged(external_id, claim.place, claim.fingerprint)

    def _events(self) -> Iterator[_Logged]:
        for item in self.store.scan(self.store.keys.log("")):
            if item[keys.SORT] >= keys.PAGES_END:
                continue
            _, ledger_id = keys.parse_log(item[keys.PARTITION])
            page = Page.from_item(item)
            for event in page.events:
                if event.external_id is not None:
                    place = EventLocation(ledger_id, page.place, event.offset)
                    yield _Logged(event.external_id, place, _fingerprint(ledger_id, page, event))

    # What is wrong.

    def _surely(
        self, wrong: Callable[[Sequence[_Logged]], list[_Logged]], some: Sequence[_Logged]
    ) -> list[_Logged]:
        """Those that are wrong, and still are a while later."""
        found = wrong(some)
        if found:
            time.sleep(PAUSE_SECONDS)
            found = wrong(found)
        return found

    def _without_event(self, claimed: Sequence[_Logged]) -> list[_Logged]:
        named = self._named(claimed)
        there = self._in_log((one.external_id, one.place) for one in claimed)
        return [
            one
            for one in claimed
            if named.get(one.external_id) == one.place and one[:2] not in there
        ]

    def _without_claim(self, logged: Sequence[_Logged]) -> list[_Logged]:
        claimed = self._claimed(logged)
        return [one for one in logged if one.external_id not in claimed]

    def _counted_twice(self, logged: Sequence[_Logged]) -> list[_Logged]:
        claimed = self._claimed(logged)
        return [
            one
            for one in logged
            if one.external_id in claimed and not claimed[one.external_id].same_event(one.place)
        ]

    def _claimed(self, logged: Sequence[_Logged]) -> dict[str, EventLocation]:
        """The events that the claims of external ids name, by id, if they are in the log."""
        named = self._named(logged)
        there = self._in_log(named.items())
        return {external_id: place for external_id, place in there if named[external_id] == place}

    def _named(self, those: Sequence[_Logged]) -> dict[str, EventLocation]:
        """The places that the claims of external ids name, by id."""
        found = self.store.batch_get(self.store.keys.claim(one.external_id) for one in those)
        return {
            keys.parse_claim(key.pk): Claim.from_item(item).place for key, item in found.items()
        }

    def _in_log(self, those: Iterable[tuple[str, EventLocation]]) -> set[tuple[str, EventLocation]]:
        """The places, each with an external id, where the log has an event of that id."""
        wanted = {about: self._page_key(about[1]) for about in those}
        pages = {
            key: {(event.external_id, event.offset) for event in Page.from_item(item).events}
            for key, item in self.store.batch_get(wanted.values()).items()
        }
        return {
            (external_id, place)
            for (external_id, place), key in wanted.items()
            if (external_id, place.offset) in pages.get(key, ())
        }

    def _page_key(self, place: EventLocation) -> keys.Key:
        return self.store.keys.page(place.ledger_id, place.page)

    # What a repair writes.

    def _finding(self, one: _Logged, wrong: str, repair: Callable[[_Logged], None]) -> Finding:
        if not self.repair:
            return Finding(one.external_id, one.place, wrong, "different")
        # Where somebody else was faster, it is as it should be.
        with suppress(ConditionFailed):
            repair(one)
        return Finding(one.external_id, one.place, wrong, "repaired")

    def _unclaim(self, one: _Logged) -> None:
        item = Claim(one.place, one.fingerprint).to_item()
        self.store.write(
            delete(
                self.store.keys.claim(one.external_id),
                all_of(equals("ledger_id", item["ledger_id"]), equals("page", item["page"])),
            )
        )

    def _claim(self, one: _Logged) -> None:
        key = self.store.keys.claim(one.external_id)
        self.store.write(put_new(key, Claim(one.place, one.fingerprint).to_item()))


def _chunks(those: Iterator[_Logged]) -> Iterator[list[_Logged]]:
    while some := list(islice(those, CHUNK)):
        yield some


def _fingerprint(ledger_id: str, page: Page, logged: LoggedEvent) -> bytes:
    """The event's fingerprint, as far as the log tells: not whether its time was sent with it.

    A repeat that was sent without a time is then told as a conflict, and does not count either.
    """
    named = page.external_customer_id
    customer = CustomerRef(False, ledger_id) if named is None else CustomerRef(True, named)
    sent_at: datetime | None = None if page.origin else times.from_text(logged.timestamp)
    event = logged.to_event()
    return replace(event, customer=customer, sent_at=sent_at).fingerprint()
