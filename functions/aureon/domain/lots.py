"""Lots: credits that expire, in which order they are burned, and what becomes of the rest.

A lot is what a grant with terms gave. Usage burns the lots by priority, expiry and id; then the
plain pool, which never expires: what was granted without terms, less what was used of it. A pool
below zero is debt, and a new lot repays it first.

Between two changes of the lots only usage and plain grants arrive, and they commute. So how much of
each lot is burned need not be known when an event counts: it follows from the totals at the next
change, which distributes what was used since the one before. Nothing here reads a clock or an item
of the database; the protocol is in ``docs/decisions``, and ``tests/simulation`` plays it against a
model that burns with each event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final, NamedTuple, Self

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core import times
from aureon.core.exact import EXACT, ZERO
from aureon.domain import batches
from aureon.domain.balances import LIMIT
from aureon.domain.events import EventLocation, event_id
from aureon.domain.recurrences import Recurrence
from aureon.storage import keys

MAX_PRIORITY: Final = 100
# What Polar's clients know credits by that were given to a meter: an event of the system's.
CREDITED: Final = "meter.credited"
MANUAL: Final = "manual"
DEFAULT_PRIORITY: Final = 50
MAX_OPEN_LOTS: Final = 50
# Twice the longest handler, and clocks that differ: a call that runs at a boundary has read it.
SHORTEST_LIFE: Final = timedelta(minutes=10)
SHORTEST_LIFE_SECONDS: Final = int(SHORTEST_LIFE.total_seconds())
# What one transaction passes at most: each leaves a page, beside the shards of two spread ledgers.
MAX_PASSED: Final = 40
# Sorts after every time that there is.
NEVER: Final = "~"
# Sorts before what a recurrence brings at the same time, so that it is burned first.
ROLLED_OVER: Final = "!"

Open = Mapping[str, tuple[Decimal, datetime]]


class Rollover(Struct, frozen=True):
    """What a lot passes on when it expires: so many units at most, for a time of its own.

    Without a `lasting`, what rolls over lives until the next occurrence.
    """

    max_units: Decimal
    lasting: timedelta | None = None

    def to_item(self) -> dict[str, Any]:
        seconds = None if self.lasting is None else int(self.lasting.total_seconds())
        return {"max_units": self.max_units, "seconds": seconds}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        seconds = item["seconds"]
        lasting = None if seconds is None else timedelta(seconds=int(seconds))
        return cls(item["max_units"], lasting)


class Lot(Struct, frozen=True):
    """Credits with terms: `units` were granted, `remaining` are left of them.

    A lower `priority` is burned first. Without an `expires_at` it never lapses. A lot that is
    `held` has outlived its expiry, once, for the holds that were open then. `granted_at` is when
    it began: for a later period's, and for what was rolled over, the boundary before. `name` is the
    grant's event's. So much of it `repaid` debt when it began.
    """

    id: str
    units: Decimal
    remaining: Decimal
    priority: int
    granted_at: datetime
    expires_at: datetime | None
    recurrence: Recurrence | None = None
    rollover: Rollover | None = None
    held: bool = False
    name: str = ""
    repaid: Decimal = ZERO

    @property
    def order(self) -> tuple[int, str, str]:
        """The order in which lots are burned."""
        return self.priority, _expiry(self), self.id

    @property
    def spent(self) -> bool:
        """Whether nothing of it is left, nor will anything come of it."""
        return not self.remaining and self.recurrence is None

    @property
    def used(self) -> Decimal:
        """What usage has burned of it, where nothing of it has lapsed."""
        return EXACT.subtract(EXACT.subtract(self.units, self.repaid), self.remaining)

    @property
    def root(self) -> str:
        """The id that the grant had when it was made, whatever recurred or rolled over since."""
        return self.id.removesuffix(ROLLED_OVER).partition(".")[0]

    def to_item(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "units": self.units,
            "remaining": self.remaining,
            "priority": self.priority,
            "granted_at": times.to_text(self.granted_at),
            "expires_at": times.to_optional_text(self.expires_at),
        }
        if self.recurrence is not None:
            item["recurrence"] = self.recurrence.to_item()
        if self.rollover is not None:
            item["rollover"] = self.rollover.to_item()
        if self.held:
            item["held"] = True
        if self.repaid:
            item["repaid"] = self.repaid
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        recurrence, rollover = item.get("recurrence"), item.get("rollover")
        return cls(
            id=item["id"],
            units=item["units"],
            remaining=item["remaining"],
            priority=int(item["priority"]),
            granted_at=times.from_text(item["granted_at"]),
            expires_at=times.from_optional_text(item["expires_at"]),
            recurrence=None if recurrence is None else Recurrence.from_item(recurrence),
            rollover=None if rollover is None else Rollover.from_item(rollover),
            held=item.get("held", False),
            name=item["name"],
            repaid=item.get("repaid", ZERO),
        )


class Lots(Struct, frozen=True):
    """The open lots of a customer and meter, as they were when so much had been used in all.

    `rev` is the number of changes that were made to them.
    """

    open: tuple[Lot, ...] = ()
    reckoned_used: Decimal = ZERO
    rev: int = 0

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> Self:
        if item is None:
            return cls()
        lots = tuple(map(Lot.from_item, item["lots"]))
        return cls(lots, item["reckoned_used"], int(item["rev"]))

    def to_item(self) -> dict[str, Any]:
        return {
            "lots": [lot.to_item() for lot in self.open],
            "reckoned_used": self.reckoned_used,
            "rev": self.rev,
        }

    @property
    def next(self) -> str | None:
        """When a lot expires next, as text; `NEVER` where none will, None without lots."""
        return min(map(_expiry, self.open), default=None)

    @property
    def remaining(self) -> Decimal:
        return _sum(lot.remaining for lot in self.open)

    @property
    def next_expiry(self) -> tuple[datetime, Decimal] | None:
        """When credits expire next, and how many of them, in units, if nothing is used."""
        left = [lot for lot in self.open if lot.remaining and lot.expires_at is not None]
        at = min((lot.expires_at for lot in left if lot.expires_at is not None), default=None)
        if at is None:
            return None
        return at, _sum(lot.remaining for lot in left if lot.expires_at == at)

    def in_order(self) -> list[Lot]:
        """Those of which some is left, in the order in which they are burned."""
        left = [lot for lot in self.open if lot.remaining]
        return sorted(left, key=lambda lot: lot.order)

    def get(self, id_: str) -> Lot | None:
        return next((lot for lot in self.open if lot.id == id_), None)

    def burned(self, used: Decimal) -> Lots:
        """The lots once so much has been used in all.

        Where less was used than had been reckoned, an audit has corrected it: that burns nothing.
        """
        since = EXACT.subtract(used, self.reckoned_used) if self.rev else ZERO
        return replace(self, open=tuple(burn(self.open, since)), reckoned_used=used)

    def trimmed(self) -> Lots:
        """The lots but for those of which nothing is left, nor will anything come of them."""
        return replace(self, open=tuple(lot for lot in self.open if not lot.spent))

    def with_lot(self, lot: Lot, total: Decimal) -> Lots:
        """The lots with another one, at a balance of so much before it: it repays debt first."""
        paid = min(lot.units, max(ZERO, self.debt(total)))
        new = replace(lot, remaining=EXACT.subtract(lot.units, paid), repaid=paid)
        return replace(self, open=(*self.open, new))

    def without(self, lot: Lot) -> Lots:
        return replace(self, open=tuple(one for one in self.open if one.id != lot.id))

    def debt(self, total: Decimal) -> Decimal:
        """What was used beyond all credits, at a balance of so much; below 0, the plain pool."""
        return EXACT.add(total, self.remaining)

    def drawn(self, after: Lots) -> dict[str, Decimal]:
        """What was burned of each lot from here to there, in the order in which it was."""
        left = {lot.id: lot.remaining for lot in after.open}
        found = {}
        for lot in sorted(self.open, key=lambda lot: lot.order):
            units = EXACT.subtract(lot.remaining, left.get(lot.id, ZERO))
            if units:
                found[lot.id] = units
        return found


class Change(Struct, frozen=True):
    """One step of a change of lots, as the log keeps it, so that they can be counted again.

    The `steps` of a change have its `rev`, and each its number, from 0. So much had been `used` in
    all when it was made, and the balance was `total` before the step. The lots with the ids
    `removed` went: so much of them `lapsed`, or was taken back, and `kept` is what goes on of them,
    and what rolled over. A step that `voided` a lot may have `reclaimed` what was used of it.
    `granted` is a new lot, which repays debt first. Where a refund lowers what was used by so much
    that was `refunded`, lots get back the units that were `returned` to them, by id; those of them
    that had been used up, and left the open lots, are `revived`.
    """

    rev: int
    used: Decimal
    total: Decimal
    step: int = 0
    steps: int = 1
    removed: tuple[str, ...] = ()
    lapsed: Decimal = ZERO
    reclaimed: Decimal = ZERO
    voided: str | None = None
    kept: tuple[Lot, ...] = ()
    granted: Lot | None = None
    refunded: Decimal = ZERO
    returned: Mapping[str, Decimal] = field(default_factory=dict)
    revived: tuple[Lot, ...] = ()

    def burn(self, lots: Lots) -> Lots:
        """The lots as they were when it was made."""
        return lots if self.step else replace(lots.burned(self.used), rev=self.rev)

    def apply(self, lots: Lots) -> Lots:
        """The lots after it, given those that were burned before it."""
        left = (lot for lot in lots.open if lot.id not in self.removed)
        lots = replace(lots, open=(*left, *self.kept))
        if self.refunded:
            lots = self._refund(lots)
        if self.reclaimed:
            lots = replace(lots, open=tuple(burn(lots.open, self.reclaimed)))
        if self.granted is not None:
            lots = lots.with_lot(self.granted, EXACT.add(self.total, self.lapsed))
        return lots

    def _refund(self, lots: Lots) -> Lots:
        """The lots with what they get back, as if that had not been used."""
        known = {lot.id for lot in lots.open}
        open_ = (*lots.open, *(lot for lot in self.revived if lot.id not in known))
        return replace(
            lots,
            open=tuple(
                replace(lot, remaining=EXACT.add(lot.remaining, self.returned.get(lot.id, ZERO)))
                for lot in open_
            ),
            reckoned_used=EXACT.subtract(lots.reckoned_used, self.refunded),
        )

    def to_item(self) -> dict[str, Any]:
        item = {
            "rev": self.rev,
            "step": self.step,
            "steps": self.steps,
            "used": self.used,
            "total": self.total,
            "removed": list(self.removed),
            "lapsed": self.lapsed,
            "reclaimed": self.reclaimed,
            "voided": self.voided,
            "kept": [lot.to_item() for lot in self.kept],
            "granted": None if self.granted is None else self.granted.to_item(),
        }
        if self.refunded:
            item["refunded"] = self.refunded
            item["returned"] = dict(self.returned)
            item["revived"] = [lot.to_item() for lot in self.revived]
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        granted = item["granted"]
        return cls(
            rev=int(item["rev"]),
            step=int(item["step"]),
            steps=int(item["steps"]),
            used=item["used"],
            total=item["total"],
            removed=tuple(item["removed"]),
            lapsed=item["lapsed"],
            reclaimed=item["reclaimed"],
            voided=item["voided"],
            kept=tuple(map(Lot.from_item, item["kept"])),
            granted=None if granted is None else Lot.from_item(granted),
            refunded=item.get("refunded", ZERO),
            returned=item.get("returned", {}),
            revived=tuple(map(Lot.from_item, item.get("revived", ()))),
        )


class Life(Struct):
    """What became of a lot, in units: of what was granted, so much repaid debt, was used, lapsed,
    rolled over, was taken back, and is left.

    `open` says whether it is one of the open lots still, `before` is the id of the lot that it
    came from, if it recurred or was rolled over.
    """

    lot: Lot
    before: str | None = None
    repaid: Decimal = ZERO
    used: Decimal = ZERO
    lapsed: Decimal = ZERO
    rolled: Decimal = ZERO
    voided: Decimal = ZERO
    is_voided: bool = False
    open: bool = True

    @property
    def remaining(self) -> Decimal:
        return self.lot.remaining if self.open else ZERO


class History:
    """The lots as the log's changes make them, one after the other, and what became of each.

    It asks for nothing that is stored of the lots, so that they can be counted again by it.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        self.lots = Lots()
        self.lives: dict[str, Life] = {}
        # What the changes say that has lapsed, or was taken back, and what follows from all others.
        self.said_lapsed = self.lapsed = ZERO
        self._steps = sorted(changes, key=lambda change: (change.rev, change.step))
        self.extend(self._steps)

    def extend(self, changes: Iterable[Change]) -> None:
        """Let these be made after those that are known, in their order."""
        for change in changes:
            self._apply(change)

    def knows(self, rev: int) -> bool:
        """Whether every step of every change up to a number is here."""
        known = {(change.rev, change.step) for change in self._steps}
        steps = {change.rev: change.steps for change in self._steps}
        return all(
            number in steps and all((number, step) in known for step in range(steps[number]))
            for number in range(1, rev + 1)
        )

    def use(self, used: Decimal) -> None:
        """Let so much be used in all."""
        self._follow(self.lots.burned(used))

    def _apply(self, change: Change) -> None:
        self._follow(change.burn(self.lots))
        self.said_lapsed = EXACT.add(self.said_lapsed, change.lapsed)
        for id_ in change.removed:
            life, lot = self.lives.get(id_), self.lots.get(id_)
            if life is None or lot is None:
                continue
            rest = lot.remaining
            life.open = False
            for kept in change.kept:
                rest = EXACT.subtract(rest, kept.remaining)
                if kept.id == id_:
                    life.open = True
                else:
                    life.rolled = EXACT.add(life.rolled, kept.units)
                    self.lives[kept.id] = Life(kept, before=id_)
            self.lapsed = EXACT.add(self.lapsed, rest)
            if change.voided is None:
                life.lapsed = EXACT.add(life.lapsed, rest)
            else:
                life.voided = EXACT.add(life.voided, rest)
                life.is_voided = True
        if change.voided is not None and change.voided in self.lives:
            life = self.lives[change.voided]
            life.voided = EXACT.add(life.voided, change.reclaimed)
            life.is_voided = True
        after = change.apply(self.lots)
        if change.granted is not None:
            lot = after.get(change.granted.id) or change.granted
            before = change.removed[0] if change.removed else None
            repaid = EXACT.subtract(lot.units, lot.remaining)
            self.lives[lot.id] = Life(lot, before=before, repaid=repaid)
        self._follow(after, removed=change.removed)

    def _follow(self, after: Lots, *, removed: Sequence[str] = ()) -> None:
        """Take note of what was burned of each lot, but of those that went for another reason."""
        for id_, units in self.lots.drawn(after).items():
            if id_ not in removed and id_ in self.lives:
                life = self.lives[id_]
                life.used = EXACT.add(life.used, units)
        left = {lot.id: lot for lot in after.open}
        for id_, life in self.lives.items():
            if id_ in left:
                life.lot = left[id_]
            elif life.open:
                life.open = False
        self.lots = after


class Passing(NamedTuple):
    """What became of a lot at its boundary: so much lapsed, was kept for holds, or rolled over.

    `kept` is the lot as it goes on for the holds, `rolled` what rolled over, `next` what the
    recurrence brings.
    """

    lot: Lot
    at: datetime
    lapsed: Decimal
    kept: Lot | None = None
    rolled: Lot | None = None
    next: Lot | None = None


class Passed(NamedTuple):
    """The lots after boundaries, the balance then, and what became of each lot, in order."""

    lots: Lots
    total: Decimal
    passings: Sequence[Passing]

    def changes(self, before: Lots, total: Decimal) -> list[Change]:
        """The steps of the change that passed them, of lots and at a balance before it."""
        found = []
        for step, passing in enumerate(self.passings):
            new = (lot for lot in (passing.kept, passing.rolled) if lot is not None)
            found.append(
                Change(
                    rev=before.rev + 1,
                    used=before.reckoned_used,
                    total=total,
                    step=step,
                    steps=len(self.passings),
                    removed=(passing.lot.id,),
                    lapsed=passing.lapsed,
                    kept=tuple(new),
                    granted=passing.next,
                )
            )
            total = EXACT.add(total, passing.lapsed)
            if passing.next is not None:
                total = EXACT.subtract(total, passing.next.units)
        return found

    @property
    def lapsed(self) -> Decimal:
        return _sum(passing.lapsed for passing in self.passings)

    @property
    def granted(self) -> Decimal:
        return _sum(passing.next.units for passing in self.passings if passing.next is not None)


def burn(lots: Iterable[Lot], units: Decimal) -> list[Lot]:
    """What usage leaves of lots; what it takes beyond them is the plain pool's."""
    found = []
    for lot in sorted(lots, key=lambda lot: lot.order):
        taken = min(max(units, ZERO), lot.remaining)
        units = EXACT.subtract(units, taken)
        found.append(replace(lot, remaining=EXACT.subtract(lot.remaining, taken)))
    return found


def pass_boundaries(
    lots: Lots, total: Decimal, now: datetime, holds: Open, *, at_most: int | None = None
) -> Passed:
    """Pass every boundary up to now, one lot after the other, or so many lots at most.

    `lots` are burned up to what has been used, `total` is the balance, and `holds` are the open
    holds, units and expiry by id. What is left over is due still.
    """
    passings: list[Passing] = []
    while at_most is None or len(passings) < at_most:
        due = min(
            ((lot.expires_at, lot.priority, lot.id, lot) for lot in lots.open if lot.expires_at),
            key=itemgetter(0, 1, 2),
            default=None,
        )
        if due is None or due[0] > now:
            break
        at, lot = due[0], due[-1]
        lots = lots.without(lot)
        passing = _pass(lot, at, lots, holds)
        total = EXACT.add(total, passing.lapsed)
        staying = tuple(new for new in (passing.kept, passing.rolled) if new is not None)
        lots = replace(lots, open=(*lots.open, *staying))
        if (following := passing.next) is not None:
            after = EXACT.subtract(total, following.units)
            if after > -LIMIT:
                lots, total = lots.with_lot(following, total), after
            else:
                # A balance beyond its range would hold up all others: the recurrence ends.
                passing = passing._replace(next=None)
        passings.append(passing)
    return Passed(lots, total, passings)


def grant_id(customer_id: str, lot: Lot) -> str:
    """The id that the API shows for a lot: the place where the log has it."""
    return event_id(place_of(customer_id, lot))


def place_of(customer_id: str, lot: Lot) -> EventLocation:
    """Where a lot stands in the log: its grant's page, or that of the boundary it began at."""
    if lot.id == lot.root:
        return EventLocation(customer_id, _page_key(lot.granted_at, f"{batches.GRANT}{lot.id}"), 0)
    rolled = lot.id.endswith(ROLLED_OVER)
    before = lot.id.removesuffix(ROLLED_OVER) if rolled else _before(lot.id)
    return EventLocation(customer_id, boundary_page(before, lot.granted_at), 2 if rolled else 1)


def boundary_page(lot_id: str, at: datetime) -> keys.PageKey:
    """The page of a lot's boundary. A lot may have two: it is kept for holds beyond the first."""
    return _page_key(at, f"{batches.BOUNDARY}{lot_id}-{times.to_text(at)}")


def _page_key(at: datetime, batch: str) -> keys.PageKey:
    return keys.PageKey(at.isoformat()[:13], batch, 0, 0)


def _before(lot_id: str) -> str:
    root, _, number = lot_id.partition(".")
    return root if int(number) == 1 else f"{root}.{int(number) - 1:06}"


def listing(customer_id: str, next_: str | None) -> dict[str, str]:
    """The attributes by which the sweep finds lots that expire."""
    if next_ is None or next_ == NEVER:
        return {}
    return {
        keys.DIRECTORY_PARTITION: keys.expiries(keys.directory_slice(customer_id)),
        keys.DIRECTORY_SORT: f"{next_}#{customer_id}",
    }


def _pass(lot: Lot, at: datetime, others: Lots, holds: Open) -> Passing:
    """What becomes of one lot at its boundary."""
    if lot.held:
        return Passing(lot, at, lapsed=lot.remaining)
    left = lot.remaining
    following = None if lot.recurrence is None else lot.recurrence.after(at)
    kept = _kept(lot, at, others, holds)
    if kept is not None:
        left = EXACT.subtract(left, kept.remaining)
    rolled = _rolled(lot, at, left, following)
    if rolled is not None:
        left = EXACT.subtract(left, rolled.units)
    return Passing(lot, at, left, kept, rolled, _next(lot, at, following))


def _kept(lot: Lot, at: datetime, others: Lots, holds: Open) -> Lot | None:
    """What open holds keep of a lot until the last of them expires, once.

    What others are kept for them is kept already.
    """
    open_ = [(units, until) for units, until in holds.values() if until > at]
    held = EXACT.subtract(
        _sum(units for units, _ in open_),
        _sum(other.remaining for other in others.open if other.held),
    )
    units = min(lot.remaining, max(ZERO, held))
    if not units:
        return None
    until = max(until for _, until in open_)
    return replace(
        lot, remaining=units, expires_at=until, held=True, recurrence=None, rollover=None
    )


def _rolled(lot: Lot, at: datetime, left: Decimal, following: datetime | None) -> Lot | None:
    if lot.rollover is None:
        return None
    units = min(left, lot.rollover.max_units)
    until = _after(at, lot.rollover.lasting) if lot.rollover.lasting is not None else following
    if not units or until is None:
        return None
    return Lot(
        id=f"{lot.id}{ROLLED_OVER}",
        units=units,
        remaining=units,
        priority=lot.priority,
        granted_at=at,
        expires_at=until,
        name=lot.name,
    )


def _next(lot: Lot, at: datetime, following: datetime | None) -> Lot | None:
    """The lot of the next period; a recurrence that leaves the calendar has ended."""
    recurrence = lot.recurrence
    if recurrence is None or following is None or recurrence.left == 0:
        return None
    root, _, number = lot.id.partition(".")
    left = None if recurrence.left is None else recurrence.left - 1
    units = lot.units if recurrence.units is None else recurrence.units
    return replace(
        lot,
        id=f"{root}.{int(number or 0) + 1:06}",
        units=units,
        remaining=units,
        repaid=ZERO,
        granted_at=at,
        expires_at=following,
        recurrence=replace(recurrence, left=left),
    )


def _after(at: datetime, lasting: timedelta) -> datetime | None:
    try:
        return at + lasting
    except OverflowError:
        return None


def _expiry(lot: Lot) -> str:
    return NEVER if lot.expires_at is None else times.to_text(lot.expires_at)


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total
