"""Thresholds: how few credits are few, and what becomes of that as a balance moves.

A threshold of a balance is ``ok`` or ``reached``. It is reached where the credits left come down to
it, or below, and is ok again once they are above it. Each crossing has an ordinal. Nothing here
reads a clock or an item of the database: a `Look` is all that is known of a balance at one instant,
and looks come in the order of their instants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Self

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core import times
from aureon.core.exact import EXACT, ZERO, plain

MAX_THRESHOLDS: Final = 10
MAX_PERCENT: Final = 100
HUNDRED: Final = Decimal(100)

Kind = Literal["available_credits", "percent"]
State = Literal["ok", "reached"]
# What a look may make of a threshold: it was crossed, it has recovered, or nobody has it any more.
Change = Literal["reached", "recovered", "closed"]


class Threshold(Struct, frozen=True):
    """This many units left, or this percentage of what was granted since the last recovery.

    It was set at `since`; `notify_current` says to tell of balances that were below it then.
    """

    kind: Kind
    value: Decimal
    since: datetime
    notify_current: bool = False

    @property
    def name(self) -> str:
        """What it is called in a balance's states: equal for equal thresholds."""
        return f"{self.kind}:{plain(self.value.normalize()):f}"

    @property
    def is_nothing_left(self) -> bool:
        """Whether it is reached where no credits are left at all."""
        return self.kind == "available_credits" and not self.value

    def units(self, granted: Decimal) -> Decimal:
        """Where it lies, in units, where so many were granted since the last recovery."""
        if self.kind == "available_credits":
            return self.value
        return max(ZERO, EXACT.divide(EXACT.multiply(granted, self.value), HUNDRED))

    def to_item(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "kind": self.kind,
            "value": self.value,
            "since": times.to_text(self.since),
        }
        if self.notify_current:
            item["notify_current"] = True
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            kind=item["kind"],
            value=item["value"],
            since=times.from_text(item["since"]),
            notify_current=item.get("notify_current", False),
        )


Wanted = Sequence[tuple[Kind, Decimal]]


def changed(
    before: Sequence[Threshold], wanted: Wanted, now: datetime, *, notify_current: bool
) -> tuple[Threshold, ...]:
    """The thresholds after a change: those that stay keep their time, unless all are to be told."""
    kept = {} if notify_current else {one.name: one for one in before}
    new = [Threshold(kind, value, now, notify_current) for kind, value in wanted]
    return tuple(kept.get(one.name, one) for one in new)


class Look(Struct, frozen=True):
    """A balance at one instant, in units: what is left, and what was granted and has lapsed so far.

    `left` is below zero where more was used than there was. `created_at` is when the balance began.
    """

    left: Decimal
    granted: Decimal
    expired: Decimal
    created_at: datetime

    @property
    def given(self) -> Decimal:
        """What was granted, less what has lapsed."""
        return EXACT.subtract(self.granted, self.expired)

    def to_item(self) -> dict[str, Any]:
        return {
            "left": self.left,
            "granted": self.granted,
            "expired": self.expired,
            "created_at": times.to_text(self.created_at),
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            left=item["left"],
            granted=item["granted"],
            expired=item["expired"],
            created_at=times.from_text(item["created_at"]),
        )


class Level(Struct, frozen=True):
    """The state of a threshold of a balance.

    `ordinal` counts its crossings. `given_before` is what had been given when it last recovered, or
    rather when it was crossed before that: what came since is what a percentage is of. Where it is
    reached, it lay at `units` then, and `given` had been given; `alert_id` is the alert that tells
    of it, None where nobody was told, as the balance was never above.
    """

    state: State
    since: datetime
    ordinal: int = 0
    given_before: Decimal = ZERO
    units: Decimal = ZERO
    given: Decimal = ZERO
    alert_id: str | None = None

    def to_item(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "state": self.state,
            "since": times.to_text(self.since),
            "ordinal": self.ordinal,
            "given_before": self.given_before,
        }
        if self.state == "reached":
            item |= {"units": self.units, "given": self.given}
        if self.alert_id is not None:
            item["alert_id"] = self.alert_id
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            state=item["state"],
            since=times.from_text(item["since"]),
            ordinal=int(item["ordinal"]),
            given_before=item["given_before"],
            units=item.get("units", ZERO),
            given=item.get("given", ZERO),
            alert_id=item.get("alert_id"),
        )


class Told(NamedTuple):
    """What is to be told of a threshold: a crossing under a new alert, or the end of one."""

    change: Change
    alert_id: str
    name: str
    threshold: Threshold | None
    ordinal: int
    units: Decimal


class _Step(Struct):
    """Moves the levels of one balance to a look, and notes what is to be told."""

    now: Look
    last: Look | None
    alert_ids: Sequence[str]
    told: list[Told] = field(default_factory=list)
    made: int = 0

    def first(self, threshold: Threshold) -> Level:
        """A threshold that nobody has looked at for this balance."""
        units = threshold.units(self.now.given)
        level = Level("ok", threshold.since)
        if self.now.left > units:
            return level
        # All of a younger balance's life counts: it was above if ever more was given at once.
        above_before = self.now.created_at > threshold.since and self.now.given > units
        return self.reach(threshold, level, units, tell=above_before or self._wanted(threshold))

    def next(self, threshold: Threshold, level: Level) -> Level:
        if level.state == "ok":
            given = EXACT.subtract(self.now.given, level.given_before)
            units = threshold.units(given)
            return level if self.now.left > units else self.reach(threshold, level, units)
        if self.now.left > level.units:
            return self.recover(threshold, level)
        if self._was_above(level.units):
            return self.next(threshold, self.recover(threshold, level))
        if level.alert_id is None and threshold.since > level.since and self._wanted(threshold):
            return self.reach(threshold, replace(level, since=threshold.since), level.units)
        return level

    def reach(
        self, threshold: Threshold, level: Level, units: Decimal, *, tell: bool = True
    ) -> Level:
        alert_id = None
        ordinal = level.ordinal
        if tell:
            alert_id = self._new_alert()
            ordinal += 1
            self.told.append(Told("reached", alert_id, threshold.name, threshold, ordinal, units))
        return replace(
            level,
            state="reached",
            ordinal=ordinal,
            units=units,
            given=self.now.given,
            alert_id=alert_id,
        )

    def recover(self, threshold: Threshold, level: Level) -> Level:
        self.end("recovered", threshold.name, threshold, level)
        came = self.now.given > level.given
        return replace(
            level,
            state="ok",
            given_before=level.given if came else level.given_before,
            units=ZERO,
            given=ZERO,
            alert_id=None,
        )

    def end(self, change: Change, name: str, threshold: Threshold | None, level: Level) -> None:
        if level.alert_id is not None:
            self.told.append(
                Told(change, level.alert_id, name, threshold, level.ordinal, level.units)
            )

    def _was_above(self, units: Decimal) -> bool:
        """Whether credits that came since the last look would have lifted the balance above.

        Nobody knows the order of what came and what was used in between: credits count as first.
        """
        if self.last is None:
            return False
        came = EXACT.subtract(self.now.given, self.last.given)
        return came > 0 and EXACT.add(self.last.left, came) > units

    def _wanted(self, threshold: Threshold) -> bool:
        return threshold.notify_current and self.now.granted > 0

    def _new_alert(self) -> str:
        self.made += 1
        return self.alert_ids[self.made - 1]


def advance(
    thresholds: Sequence[Threshold],
    levels: Mapping[str, Level],
    now: Look,
    last: Look | None,
    alert_ids: Sequence[str],
) -> tuple[dict[str, Level], list[Told]]:
    """The states of a balance's thresholds at a look, and what is to be told.

    `last` is the look before, of which `levels` are. `alert_ids` are for new alerts, one for each
    threshold. A threshold that is there no more ends its alert.
    """
    step = _Step(now, last, alert_ids)
    moved = {
        threshold.name: step.next(threshold, levels[threshold.name])
        if threshold.name in levels
        else step.first(threshold)
        for threshold in thresholds
    }
    for name in levels.keys() - moved.keys():
        step.end("closed", name, None, levels[name])
    return moved, step.told
