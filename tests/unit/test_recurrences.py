"""Credits come back when the calendar of their time zone says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aureon.domain.recurrences import Every, Recurrence

BERLIN: Final = "Europe/Berlin"
MOMENTS: Final = st.datetimes(
    datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2090-01-01")
)
ZONES: Final = ("UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")


def occurrences(
    every: Every, anchor: str, zone: str, *, number: int, start: str | None = None
) -> list[str]:
    """The first so many occurrences after a start, else the anchor, as the zone's clocks show."""
    recurrence = Recurrence(every, zone, datetime.fromisoformat(anchor))
    moment = datetime.fromisoformat(start or anchor).replace(tzinfo=ZoneInfo(zone))
    found = []
    for _ in range(number):
        following = recurrence.after(moment)
        assert following is not None and following.tzinfo is UTC
        moment = following
        found.append(moment.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("every", "anchor", "zone", "expected"),
    [
        ("day", "2026-03-01T09:00", "UTC", ["2026-03-02T09:00+00:00", "2026-03-03T09:00+00:00"]),
        ("week", "2026-12-28T00:00", "UTC", ["2027-01-04T00:00+00:00", "2027-01-11T00:00+00:00"]),
        # A month without a 31st has its last day; the one after has the 31st again.
        (
            "month",
            "2026-01-31T00:00",
            "UTC",
            ["2026-02-28T00:00+00:00", "2026-03-31T00:00+00:00", "2026-04-30T00:00+00:00"],
        ),
        ("month", "2027-12-31T00:00", "UTC", ["2028-01-31T00:00+00:00", "2028-02-29T00:00+00:00"]),
        # A leap day comes back on the 28th, and on the 29th where there is one.
        (
            "year",
            "2024-02-29T12:00",
            "UTC",
            [
                "2025-02-28T12:00+00:00",
                "2026-02-28T12:00+00:00",
                "2027-02-28T12:00+00:00",
                "2028-02-29T12:00+00:00",
            ],
        ),
        # The clocks keep the hour, whatever the offset is.
        (
            "day",
            "2026-03-28T09:00",
            BERLIN,
            ["2026-03-29T09:00+02:00", "2026-03-30T09:00+02:00"],
        ),
        # 02:30 is skipped on the 29th of March: it comes as the clocks go on, at 03:00.
        (
            "day",
            "2026-03-28T02:30",
            BERLIN,
            ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
        ),
        # 02:30 is shown twice on the 25th of October: it comes once, the first time.
        (
            "day",
            "2026-10-24T02:30",
            BERLIN,
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        # The 30th of December 2011 was left out: one occurrence for both days.
        (
            "day",
            "2011-12-29T00:00",
            "Pacific/Apia",
            ["2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00"],
        ),
    ],
)
def test_occurrences_follow_the_calendar(
    every: Every, anchor: str, zone: str, expected: list[str]
) -> None:
    assert occurrences(every, anchor, zone, number=len(expected)) == expected


def test_an_occurrence_after_a_long_time_is_that_of_the_anchors_day() -> None:
    assert occurrences("month", "2000-01-31T08:00", BERLIN, number=2, start="2026-04-29T08:00") == [
        "2026-04-30T08:00+02:00",
        "2026-05-31T08:00+02:00",
    ]


def test_an_anchor_to_come_is_the_first_occurrence() -> None:
    assert occurrences("month", "2026-06-01T00:00", "UTC", number=1, start="2026-01-15T00:00") == [
        "2026-06-01T00:00+00:00"
    ]


def test_a_recurrence_ends_where_the_calendar_does() -> None:
    recurrence = Recurrence("year", "UTC", datetime.fromisoformat("9998-01-01"))

    assert recurrence.after(datetime(9998, 6, 1, tzinfo=UTC)) == datetime(9999, 1, 1, tzinfo=UTC)
    assert recurrence.after(datetime(9999, 6, 1, tzinfo=UTC)) is None


def test_a_zone_that_the_system_has_lost_holds_nobody_up() -> None:
    lost = Recurrence("day", "Mars/Olympus", datetime.fromisoformat("2026-01-01"))

    assert lost.after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 2, tzinfo=UTC)


@given(
    st.sampled_from(["day", "week", "month", "year"]),
    st.sampled_from(ZONES),
    MOMENTS,
    MOMENTS,
)
def test_the_next_occurrence_is_the_first_after_a_moment(
    every: Every, zone: str, anchor: datetime, moment: datetime
) -> None:
    """From an occurrence before it, step by step, nobody finds one in between."""
    recurrence = Recurrence(every, zone, anchor.replace(microsecond=0))
    start = moment.replace(tzinfo=UTC)
    following = recurrence.after(start)
    assert following is not None and following > start
    before = start - timedelta(days=800)
    while (step := recurrence.after(before)) is not None and step <= start:
        assert step > before
        before = step

    assert step == following


@given(st.builds(Recurrence, st.just("month"), st.just(BERLIN), st.datetimes(), st.just(3)))
def test_a_recurrence_is_stored_as_it_is(recurrence: Recurrence) -> None:
    assert Recurrence.from_item(recurrence.to_item()) == recurrence
