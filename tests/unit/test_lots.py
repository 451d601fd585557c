"""Lots are burned in their order, lapse at their boundaries, and are worth what they were worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aureon.core.exact import ZERO
from aureon.domain.balances import LIMIT
from aureon.domain.lots import NEVER, Lot, Lots, Passed, Rollover, pass_boundaries
from aureon.domain.recurrences import Recurrence

NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAILY: Final = Recurrence("day", "UTC", NOON.replace(tzinfo=None))


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def lot(id_: str, units: int, expires: float | None = 24, **terms: Any) -> Lot:
    """A lot that is whole, and expires so many hours after noon."""
    expires_at = None if expires is None else at(expires)
    return Lot(id_, Decimal(units), Decimal(units), terms.pop("priority", 50), NOON, expires_at,
               **terms)  # fmt: skip


def lots(*open_: Lot, used: int = 0) -> Lots:
    return Lots(open_, Decimal(used), rev=1)


def left(found: Lots) -> dict[str, int]:
    return {one.id: int(one.remaining) for one in found.open}


def passed(found: Lots, hours: float, *, total: int = 0, **options: Any) -> Passed:
    holds = options.pop("holds", {})
    return pass_boundaries(found, Decimal(total), at(hours), holds, **options)


def hold(units: int, until: float) -> Mapping[str, tuple[Decimal, datetime]]:
    return {f"{units}-{until}": (Decimal(units), at(until))}


def test_the_lower_priority_burns_first_then_what_expires_sooner_and_what_never_does_last() -> None:
    all_of_them = lots(
        lot("never", 1, None),
        lot("late", 1, 48),
        lot("soon", 1, 24),
        lot("as soon", 1, 24),
        lot("first", 1, 99, priority=0),
        lot("last", 1, 1, priority=100),
    )

    drawn = all_of_them.drawn(all_of_them.burned(Decimal(6)))

    assert list(drawn) == ["first", "as soon", "soon", "late", "never", "last"]


def test_usage_is_split_over_lots_and_what_is_beyond_them_is_the_pools() -> None:
    found = lots(lot("a", 5), lot("b", 5, 48), used=10)

    assert left(found.burned(Decimal(17)).trimmed()) == {"b": 3}
    assert found.drawn(found.burned(Decimal(17))) == {"a": 5, "b": 2}
    assert left(found.burned(Decimal(99)).trimmed()) == {}


def test_an_audit_that_lowers_what_was_used_burns_nothing() -> None:
    found = lots(lot("a", 5), used=10).burned(Decimal(4))

    assert left(found) == {"a": 5}
    assert left(found.burned(Decimal(6))) == {"a": 3}


def test_a_new_lot_repays_debt_before_anything_else() -> None:
    # 7 were used and nothing was granted; then 5, and 5 more.
    first = lots().with_lot(lot("a", 5), Decimal(7))
    second = first.with_lot(lot("b", 5), Decimal(2))

    assert left(first) == {"a": 0}
    assert left(second) == {"a": 0, "b": 3}


def test_a_plain_grant_is_no_debt_and_shortens_no_lot() -> None:
    assert left(lots().with_lot(lot("a", 5), Decimal(-30))) == {"a": 5}


def test_the_rest_lapses_at_the_boundary_and_not_a_moment_before() -> None:
    found = lots(lot("a", 5), lot("b", 5, 48))

    assert passed(found, 23.999).passings == []
    after = passed(found, 24, total=-10)
    assert [(one.lot.id, one.at, int(one.lapsed)) for one in after.passings] == [("a", at(24), 5)]
    assert (int(after.total), left(after.lots)) == (-5, {"b": 5})


def test_a_lot_without_an_expiry_never_lapses() -> None:
    found = lots(lot("a", 5, None))

    assert passed(found, 1e6).passings == []
    assert (found.next, lots().next) == (NEVER, None)


def test_what_rolls_over_lives_a_period_and_does_not_roll_again() -> None:
    found = lots(lot("a", 100, recurrence=DAILY, rollover=Rollover(Decimal(30))))

    first = passed(found, 24, total=-100)
    assert left(first.lots) == {"a!": 30, "a.000001": 100}
    assert list(map(int, (first.lapsed, first.granted, first.total))) == [70, 100, -130]
    second = passed(first.lots, 48, total=-130)
    assert left(second.lots) == {"a.000001!": 30, "a.000002": 100}
    assert second.lapsed == 30 + 70


def test_what_rolls_over_may_live_for_a_time_of_its_own() -> None:
    rollover = Rollover(Decimal(30), timedelta(hours=5))

    after = passed(lots(lot("a", 20, rollover=rollover)), 24)
    assert [(one.id, int(one.units), one.expires_at) for one in after.lots.open] == [
        ("a!", 20, at(29))
    ]
    assert passed(after.lots, 29).lapsed == 20


def test_a_recurrence_ends_after_as_many_as_were_said() -> None:
    found = lots(lot("a", 1, recurrence=replace(DAILY, left=2)))

    assert [one.next.id for one in passed(found, 24 * 9).passings if one.next] == [
        "a.000001",
        "a.000002",
    ]
    assert passed(found, 24 * 9).lots.open == ()


def test_a_recurrence_beyond_the_calendar_ends() -> None:
    last = datetime(9999, 12, 30, 12, tzinfo=UTC)
    found = lots(replace(lot("a", 1, recurrence=DAILY), expires_at=last))

    after = pass_boundaries(found, ZERO, datetime.max.replace(tzinfo=UTC), {})
    assert [one.next.id for one in after.passings if one.next] == ["a.000001"]


def test_a_recurrence_that_would_leave_a_balances_range_ends() -> None:
    used = lots(lot("a", 5, recurrence=DAILY)).burned(Decimal(5))

    after = passed(used, 24, total=3 - int(LIMIT))
    assert (after.lots.open, after.total) == ((), 3 - LIMIT)


def test_each_new_lot_of_a_recurrence_repays_debt() -> None:
    after = passed(lots(lot("a", 5, recurrence=DAILY)).burned(Decimal(12)), 48, total=7)

    assert left(after.lots) == {"a.000002": 3}


def test_boundaries_are_passed_in_parts_as_in_one() -> None:
    found = lots(*(lot(f"{n:02}", 1, recurrence=DAILY) for n in range(7)))
    whole = passed(found, 24 * 4, total=-7)
    parts, passings = found, list(whole.passings)[:0]
    total = Decimal(-7)
    while (part := pass_boundaries(parts, total, at(24 * 4), {}, at_most=3)).passings:
        assert len(part.passings) <= 3
        parts, total = part.lots, part.total
        passings += part.passings

    assert (parts, total, passings) == whole


def test_a_lot_is_kept_for_the_holds_that_are_open_at_its_boundary_once() -> None:
    holds = {**hold(3, 30), **hold(4, 26), **hold(50, 24)}

    after = passed(lots(lot("a", 10), lot("b", 10)), 24, holds=holds)
    assert [(one.lot.id, int(one.lapsed)) for one in after.passings] == [("a", 3), ("b", 10)]
    assert [(one.id, int(one.remaining), one.expires_at) for one in after.lots.open] == [
        ("a", 7, at(30))
    ]
    # A chain of overlapping holds does not keep it alive.
    again = passed(after.lots, 30, holds=hold(9, 99))
    assert not again.lots.open
    assert again.lapsed == 7


def test_what_is_kept_neither_rolls_over_nor_recurs_a_second_time() -> None:
    found = lots(lot("a", 10, recurrence=DAILY, rollover=Rollover(Decimal(2))))

    after = passed(found, 24, total=-10, holds=hold(5, 30))
    assert left(after.lots) == {"a": 5, "a!": 2, "a.000001": 10}
    assert left(passed(after.lots, 31).lots) == {"a!": 2, "a.000001": 10}


def test_a_used_lot_that_is_to_recur_is_remembered() -> None:
    found = lots(lot("a", 5, recurrence=DAILY), lot("b", 5)).burned(Decimal(10)).trimmed()

    assert left(found) == {"a": 0}


def test_lots_are_stored_as_they_are() -> None:
    found = lots(
        lot("a", 10, recurrence=replace(DAILY, left=3), rollover=Rollover(Decimal(2))),
        replace(lot("b", 10, None, rollover=Rollover(Decimal(2), timedelta(days=1))), held=True),
        used=4,
    )

    assert Lots.from_item(found.to_item()) == found
    assert Lots.from_item(None) == Lots()


# Held against a model that burns with each event.


@dataclass
class Eager:
    """What has become of every credit, event by event."""

    open: dict[str, Lot] = field(default_factory=dict)
    pool: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return -self.pool - sum((lot.remaining for lot in self.open.values()), ZERO)

    def use(self, units: Decimal) -> None:
        for one in sorted(
            self.open.values(),
            key=lambda one: (one.priority, one.expires_at or datetime.max.replace(tzinfo=UTC),
                             one.id),
        ):  # fmt: skip
            taken = min(units, one.remaining)
            units -= taken
            self.open[one.id] = replace(one, remaining=one.remaining - taken)
        self.pool -= units

    def grant(self, new: Lot) -> None:
        paid = min(new.units, max(ZERO, -self.pool))
        self.pool += paid
        self.open[new.id] = replace(new, remaining=new.units - paid)

    def pass_to(self, now: datetime) -> Decimal:
        lapsed = ZERO
        while due := [
            one for one in self.open.values() if one.expires_at and one.expires_at <= now
        ]:
            one = min(due, key=lambda one: (one.expires_at, one.priority, one.id))
            del self.open[one.id]
            assert one.expires_at is not None
            following = one.recurrence.after(one.expires_at) if one.recurrence else None
            rest = one.remaining
            if one.rollover and following:
                rolled = min(rest, one.rollover.max_units)
                rest -= rolled
                new = lot(f"{one.id}!", int(rolled), priority=one.priority)
                self.open[new.id] = replace(new, expires_at=following)
            lapsed += rest
            if one.recurrence and following:
                root, _, number = one.id.partition(".")
                next_ = replace(one, id=f"{root}.{int(number or 0) + 1:06}", expires_at=following)
                self.grant(next_)
        return lapsed


STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("use"), st.integers(1, 30)),
        st.tuples(st.just("pool"), st.integers(1, 30)),
        st.tuples(
            st.just("lot"),
            st.integers(1, 30),
            st.integers(1, 60),
            st.integers(0, 2),
            st.booleans(),
            st.none() | st.integers(1, 9),
        ),
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("fold")),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=400)
def test_burning_at_changes_is_burning_with_each_event(steps: list[Any]) -> None:
    eager, lazy = Eager(), Lots()
    used = granted = expired = ZERO
    hours = 0.0

    def total() -> Decimal:
        return used - granted + expired

    def change() -> None:
        """What a reckoning does: fold, and pass what is due."""
        nonlocal lazy, granted, expired
        folded = lazy.burned(used)
        after = pass_boundaries(folded, total(), at(hours), {})
        expired += after.lapsed
        granted += after.granted
        lazy = replace(after.lots, rev=lazy.rev + 1)
        assert after.total == total()

    for number, (kind, *given_) in enumerate(steps):
        match kind:
            case "use":
                used += given_[0]
                eager.use(Decimal(given_[0]))
            case "pool":
                granted += given_[0]
                eager.pool += given_[0]
            case "lot":
                units, lasting, priority, recurs, rolls = given_
                change()
                new = lot(
                    f"{number:03}",
                    units,
                    hours + lasting,
                    priority=priority,
                    recurrence=DAILY if recurs else None,
                    rollover=None if rolls is None or not recurs else Rollover(Decimal(rolls)),
                )
                lazy = lazy.with_lot(new, total())
                granted += units
                eager.grant(new)
            case "wait":
                hours += given_[0]
                # Nothing counts after a boundary that nobody has reckoned.
                change()
                eager.pass_to(at(hours))
            case "fold":
                lazy = replace(lazy.burned(used), rev=lazy.rev + 1)
        assert eager.total == total()
        alive = {id_: one.remaining for id_, one in eager.open.items() if one.remaining}
        assert {one.id: one.remaining for one in lazy.burned(used).open if one.remaining} == alive
        assert max(ZERO, lazy.burned(used).debt(total())) == max(ZERO, -eager.pool)
