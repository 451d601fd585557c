"""Rosters: which values a property has in a day, so that breakdowns stay bounded.

The first `MAX_VALUES` values of a day get items of their own, in each ledger and in what everyone's
events add to; whatever comes later is kept under one more, `OTHER`. A value is taken in before
anything is added to it, and never leaves: so both answers hold for ever, and a page whose addition
is tried again finds the same items.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from msgspec import Struct, field

from aureon.core.errors import Unavailable
from aureon.core.retry import Backoff
from aureon.domain.breakdowns import MAX_VALUES, NONE, OTHER
from aureon.domain.meters import Group
from aureon.projection.contributions import (
    BreakdownDayKey,
    BreakdownValueKey,
    Distinct,
    Subject,
)
from aureon.storage import keys
from aureon.storage.expressions import equals
from aureon.storage.store import ConditionFailed, Item, OrganizationStore, put, put_new

# The slice of the organization's scope that has its rosters.
EVERYONE: Final = "0"
DIGEST_BYTES: Final = 16
MAX_ATTEMPTS: Final = 20
BACKOFF: Final = Backoff(first_seconds=0.01, longest_seconds=0.2)


def digest(value: str) -> bytes:
    return sha256(value.encode()).digest()[:DIGEST_BYTES]


def admitted(item: Item | None) -> set[bytes]:
    """The digests of the values that a roster has."""
    values = b"" if item is None else item["values"]
    starts = range(0, len(values), DIGEST_BYTES)
    return {values[start : start + DIGEST_BYTES] for start in starts}


def day_of(subject: BreakdownDayKey | BreakdownValueKey) -> str:
    return subject.day if isinstance(subject, BreakdownDayKey) else subject.quarter[:10]


def kept_under(group: Group, known: set[bytes]) -> Group:
    """The value under which a group is kept where a roster has these."""
    if group.value in (NONE, OTHER) or digest(group.value) in known:
        return group
    return group._replace(value=OTHER)


class Rosters(Struct, frozen=True):
    """The rosters of one epoch, as far as they were needed."""

    store: OrganizationStore
    epoch: int
    _known: dict[keys.Key, set[bytes]] = field(default_factory=dict)

    def take_in(self, found: Iterable[tuple[str, Subject | Distinct]]) -> None:
        """Take in the values of subjects, each with its ledger, where there is room.

        Raises `Unavailable`.
        """
        wanted: defaultdict[keys.Key, set[bytes]] = defaultdict(set)
        for ledger_id, subject in found:
            if not isinstance(subject, BreakdownDayKey | BreakdownValueKey):
                continue
            if subject.group.value not in (NONE, OTHER):
                for scope in (ledger_id, EVERYONE):
                    wanted[self._key(scope, subject)].add(digest(subject.group.value))
        lacking = {
            key for key, values in wanted.items() if not values <= self._known.get(key, set())
        }
        items = self.store.batch_get(lacking) if lacking else {}
        for key in sorted(lacking):
            self._take_in(key, items.get(key), wanted[key])

    def kept(self, scope: str, subject: BreakdownDayKey | BreakdownValueKey) -> Group:
        """The value under which a subject is kept in a ledger's scope, or in `EVERYONE`'s."""
        return kept_under(subject.group, self._known.get(self._key(scope, subject), set()))

    def _take_in(self, key: keys.Key, item: Item | None, wanted: set[bytes]) -> None:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            known = admitted(item)
            new = sorted(wanted - known)[: MAX_VALUES - len(known)]
            if not new:
                self._known[key] = known
                return
            before = b"" if item is None else item["values"]
            after = {"values": before + b"".join(new)}
            try:
                self.store.write(
                    put_new(key, after)
                    if item is None
                    else put(key, after, equals("values", before))
                )
            except ConditionFailed:
                BACKOFF.wait(attempt)
                item = self.store.batch_get([key]).get(key)
            else:
                self._known[key] = known | set(new)
                return
        raise Unavailable("Too many other calls write to a roster.")

    def _key(self, scope: str, subject: BreakdownDayKey | BreakdownValueKey) -> keys.Key:
        partition = self.store.keys.breakdown(
            self.epoch, scope, subject.meter_id, subject.group.grouping
        )
        return keys.Key(partition, keys.breakdown_roster(subject.group.place, day_of(subject)))
