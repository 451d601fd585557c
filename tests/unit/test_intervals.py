"""Intervals begin where the clocks of their zone say so, and each ends where the next begins."""

from __future__ import annotations

import importlib.resources
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.domain.intervals import Interval, boundaries

BERLIN: Final = "Europe/Berlin"
HOUR: Final = timedelta(hours=1)
# Zones off the full hour, zones whose clocks are set by less than an hour or by a whole day, zones
# that set them at midnight, so that a day begins at 01:00, and both sides of the date line.
ZONES: Final = (
    "UTC",
    BERLIN,
    "America/New_York",
    "America/St_Johns",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)


def moment(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def lengths(start: str, end: str, interval: Interval, zone: str) -> list[float]:
    """The lengths of the intervals between two times of a zone's clocks, in hours."""
    found = boundaries(moment(start, zone), moment(end, zone), interval, ZoneInfo(zone))
    return [(after - before) / HOUR for before, after in pairwise(found)]


@pytest.mark.parametrize(
    ("start", "zone", "expected"),
    [
        ("2026-03-28", BERLIN, [24, 23, 24]),
        ("2026-10-24", BERLIN, [24, 25, 24]),
        ("2026-03-07", "America/New_York", [24, 23, 24]),
        ("2026-04-04", "Australia/Lord_Howe", [24, 24.5, 24]),
        ("2026-10-03", "Australia/Lord_Howe", [24, 23.5, 24]),
        ("2026-04-03", "Asia/Kathmandu", [24, 24, 24]),
        # It skipped the 30th of December.
        ("2011-12-29", "Pacific/Apia", [24, 24, 24]),
    ],
)
def test_days_are_as_long_as_the_clocks_make_them(
    start: str, zone: str, expected: list[float]
) -> None:
    end = datetime.fromisoformat(start) + timedelta(days=4 if zone == "Pacific/Apia" else 3)
    assert lengths(start, end.isoformat(), "day", zone) == expected


@pytest.mark.parametrize(
    ("noon", "zone", "begins"),
    [
        # From midnight to one, on the last Friday of April.
        ("2026-04-24T12:00", "Africa/Cairo", "2026-04-24T01:00:00+03:00"),
        # From half past eleven in the night before to half past midnight.
        ("1919-03-31T12:00", "America/Toronto", "1919-03-31T00:30:00-04:00"),
    ],
)
def test_a_day_whose_midnight_was_skipped_begins_when_the_clocks_first_show_it(
    noon: str, zone: str, begins: str
) -> None:
    start = moment(noon, zone)
    first, _ = boundaries(start, start, "day", ZoneInfo(zone))
    assert first.astimezone(ZoneInfo(zone)).isoformat() == begins


def test_a_midnight_that_comes_twice_begins_a_day_once() -> None:
    """In Havana they went back from one to midnight, on the first Sunday of November."""
    assert lengths("2024-11-03", "2024-11-05", "day", "America/Havana") == [25, 24]


def test_hours_are_full_ones_of_the_zone_and_short_where_clocks_are_set_by_less() -> None:
    assert lengths("2026-03-29T00:00", "2026-03-29T06:00", "hour", BERLIN) == [1] * 5
    assert lengths("2026-10-25T00:00", "2026-10-25T06:00", "hour", BERLIN) == [1] * 7
    (first, _) = boundaries(
        moment("2026-06-01T10:20"), moment("2026-06-01T10:21"), "hour", ZoneInfo("Asia/Kathmandu")
    )
    assert first == moment("2026-06-01T10:15")
    set_back = lengths("2026-04-05T00:00", "2026-04-05T04:00", "hour", "Australia/Lord_Howe")
    assert set_back == [1, 1, 0.5, 1, 1]
    # In the midst of an hour: by a part of one, from 02:30 to 03:00, and by a whole one, from 02:45
    # to 03:45.
    caracas = lengths("2016-05-01T01:00", "2016-05-01T05:00", "hour", "America/Caracas")
    assert caracas == [1, 0.5, 1, 1]
    assert lengths("2026-09-27T01:00", "2026-09-27T05:00", "hour", "Pacific/Chatham") == [1] * 3


def test_weeks_begin_on_mondays_and_months_and_years_on_their_first_days() -> None:
    zone = ZoneInfo(BERLIN)

    def days(start: str, end: str, interval: Interval) -> list[str]:
        found = boundaries(moment(start, BERLIN), moment(end, BERLIN), interval, zone)
        return [each.astimezone(zone).strftime("%a %Y-%m-%d %H:%M") for each in found]

    assert days("2026-10-21", "2026-10-28", "week") == [
        "Mon 2026-10-19 00:00",
        "Mon 2026-10-26 00:00",
        "Mon 2026-11-02 00:00",
    ]
    assert days("2026-01-31", "2026-03-01", "month") == [
        "Thu 2026-01-01 00:00",
        "Sun 2026-02-01 00:00",
        "Sun 2026-03-01 00:00",
    ]
    assert days("2027-12-31", "2028-01-02", "year") == [
        "Fri 2027-01-01 00:00",
        "Sat 2028-01-01 00:00",
        "Mon 2029-01-01 00:00",
    ]


def test_no_time_at_all_is_in_one_interval() -> None:
    now = moment("2026-11-01T10:00")
    for interval in get_args(Interval):
        found = boundaries(now, now, interval, UTC)
        assert len(found) == 2
        assert found[0] <= now < found[1]


def label(instant: datetime, interval: Interval) -> Any:
    """What the clocks show of an interval, for each interval another one.

    Of an hour they show when it began, but where they are set in its midst, as on Chatham, it still
    has 60 minutes.
    """
    match interval:
        case "hour":
            part = (instant.utcoffset() or timedelta()) % HOUR
            return part, (instant.astimezone(UTC) + part).replace(minute=0, second=0, microsecond=0)
        case "day":
            return instant.date()
        case "week":
            return instant.isocalendar()[:2]
        case "month":
            return instant.year, instant.month
        case "year":
            return instant.year


def instants(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    while start < end:
        yield start
        start += step


STEPS: Final = {
    "hour": timedelta(minutes=15),
    "day": HOUR,
    "week": 6 * HOUR,
    "month": 12 * HOUR,
    "year": 24 * HOUR,
}


@settings(max_examples=150, deadline=None)
@given(
    interval=st.sampled_from(get_args(Interval)),
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    steps=st.integers(1, 300),
)
def test_all_time_of_an_interval_shows_the_same_and_that_of_the_next_something_else(
    interval: Interval, zone: str, start: datetime, steps: int
) -> None:
    clocks, step = ZoneInfo(zone), STEPS[interval]
    # To the quarter of an hour: that is how finely zones are off in these years.
    begin = start.replace(tzinfo=UTC, minute=start.minute // 15 * 15, second=0, microsecond=0)
    end = begin + steps * step

    found = boundaries(begin, end, interval, clocks)

    assert found[0] <= begin < found[1]
    assert found[-2] < end <= found[-1]
    labels = []
    for since, until in pairwise(found):
        (shown,) = {
            label(one.astimezone(clocks), interval) for one in instants(since, until, step)
        } | {label((until - timedelta(minutes=15)).astimezone(clocks), interval)}
        labels.append(shown)
    assert all(before != after for before, after in pairwise(labels))


def test_every_zone_is_known_where_the_system_has_none() -> None:
    """As on some of Lambda's images: the package has them, and it is bundled."""
    zoneinfo.reset_tzpath([])
    try:
        assert importlib.resources.files("tzdata").joinpath("zones").is_file()
        assert ZoneInfo.no_cache(BERLIN).utcoffset(moment("2026-07-01")) == 2 * HOUR
        assert len(zoneinfo.available_timezones()) > 500
    finally:
        zoneinfo.reset_tzpath()
