"""Refunds: what was given back of an event's units, and which lots get it back.

A record for each event keeps all its refunds, and is written with each of them: so all parts
together are never more than the event took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from msgspec import Struct, field

from aureon.core import times
from aureon.core.exact import EXACT, ZERO
from aureon.domain.lots import MAX_OPEN_LOTS, SHORTEST_LIFE, Lot, Lots

# A record is one item, which has to stay small.
MAX_REFUNDS: Final = 100
# What the log calls units that were given back.
REFUNDED: Final = "credits.refunded"

Units = Mapping[str, Decimal]


class Refund(Struct, frozen=True):
    """Units that were given `back` of an event, by meter, or credits that were `taken` back.

    `id` is the first of the events that count it, None where a void found nothing left. `whole`
    says that all that was left was asked for, and `void` that the event was taken back as a whole.
    The `fingerprint` is that of the request, and `attempt` tells the call that made it; `actor` is
    the token, by its id and name.
    """

    id: str | None
    at: datetime
    attempt: str
    fingerprint: bytes
    back: Units = field(default_factory=dict)
    taken: Units = field(default_factory=dict)
    external_id: str | None = None
    reason: str | None = None
    whole: bool = False
    void: bool = False
    actor: tuple[str, str] | None = None

    def to_item(self) -> dict[str, Any]:
        by = {} if self.actor is None else {"actor": list(self.actor)}
        return by | {
            "id": self.id,
            "at": times.to_text(self.at),
            "attempt": self.attempt,
            "fingerprint": self.fingerprint,
            "back": dict(self.back),
            "taken": dict(self.taken),
            "external_id": self.external_id,
            "reason": self.reason,
            "whole": self.whole,
            "void": self.void,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            id=item["id"],
            at=times.from_text(item["at"]),
            attempt=item["attempt"],
            fingerprint=bytes(item["fingerprint"]),
            back=item["back"],
            taken=item["taken"],
            external_id=item["external_id"],
            reason=item["reason"],
            whole=item["whole"],
            void=item["void"],
            actor=None if "actor" not in item else (item["actor"][0], item["actor"][1]),
        )


class Refunds(Struct, frozen=True):
    """All refunds of one event, in their order; `rev` is their number, 0 at first."""

    made: tuple[Refund, ...] = ()

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> Self:
        return cls() if item is None else cls(tuple(map(Refund.from_item, item["made"])))

    def to_item(self) -> dict[str, Any]:
        return {"rev": self.rev, "made": [refund.to_item() for refund in self.made]}

    @property
    def rev(self) -> int:
        return len(self.made)

    def back(self, meter_id: str) -> Decimal:
        """What was given back of a meter's units, all parts together."""
        total = ZERO
        for refund in self.made:
            total = EXACT.add(total, refund.back.get(meter_id, ZERO))
        return total

    def taken(self, meter_id: str) -> Decimal:
        total = ZERO
        for refund in self.made:
            total = EXACT.add(total, refund.taken.get(meter_id, ZERO))
        return total

    def void(self) -> Refund | None:
        return next((refund for refund in self.made if refund.void), None)

    def with_(self, refund: Refund) -> Refunds:
        return Refunds((*self.made, refund))


class Taken(NamedTuple):
    """Units that a spend or a capture took of a lot, in the order in which lots were burned."""

    lot_id: str
    granted_at: datetime
    units: Decimal


class Return(NamedTuple):
    """What lots get back, by id, and those of them that had left the open lots."""

    units: Mapping[str, Decimal]
    revived: Sequence[Lot] = ()


def shares(
    taken: Sequence[Taken], *, took: Decimal, before: Decimal, units: Decimal
) -> list[tuple[str, Decimal]]:
    """Of which lots these units had been, the last that was burned first.

    An event took so much, first of the lots, then of credits that do not lapse, or as debt. Its
    last units are given back first, so `before` says which these are.
    """
    end = EXACT.subtract(took, before)
    start = EXACT.subtract(end, units)
    found: list[tuple[str, Decimal]] = []
    position = ZERO
    for one in taken:
        after = EXACT.add(position, one.units)
        share = EXACT.subtract(min(after, end), max(position, start))
        if share > 0:
            found.append((one.lot_id, share))
        position = after
    return found[::-1]


def burned_shares(lots: Lots, since: datetime, units: Decimal) -> list[tuple[str, Decimal]]:
    """Of which lots the units of an event may have been that nobody asked about when it came.

    That is not known: they go to the lots that were there at its time, the last burned first.
    """
    order = sorted(lots.open, key=lambda lot: lot.order, reverse=True)
    found = []
    for lot in order:
        share = min(units, lot.used)
        if not lot.held and lot.granted_at <= since and share > 0:
            found.append((lot.id, share))
            units = EXACT.subtract(units, share)
    return found


def give_back(
    lots: Lots,
    total: Decimal,
    units: Decimal,
    wanted: Iterable[tuple[str, Decimal]],
    gone: Mapping[str, Lot],
    now: datetime,
) -> Return:
    """What lots get back of the units of a refund, at a balance of so much before it.

    Debt is repaid first. A lot gets no more than was used of it, and one that has lapsed, or has
    gone on for a hold, gets nothing: that goes to credits that do not lapse. Those of the `gone`
    that were used up come back, unless they expire so soon that a writer may not know of it.
    """
    left = EXACT.subtract(units, max(ZERO, lots.debt(total)))
    open_ = {lot.id: lot for lot in lots.open}
    returned: dict[str, Decimal] = {}
    revived: list[Lot] = []
    for lot_id, share in wanted:
        lot = open_.get(lot_id) or _revived(gone.get(lot_id), now)
        if lot is None or lot.held:
            continue
        if lot_id not in open_ and len(open_) + len(revived) >= MAX_OPEN_LOTS:
            continue
        given = min(left, share, lot.used)
        if given > 0:
            returned[lot_id] = given
            left = EXACT.subtract(left, given)
            if lot_id not in open_:
                revived.append(lot)
    return Return(returned, revived)


def _revived(lot: Lot | None, now: datetime) -> Lot | None:
    if lot is None or lot.recurrence is not None:
        return None
    if lot.expires_at is not None and lot.expires_at < now + SHORTEST_LIFE:
        return None
    return lot
