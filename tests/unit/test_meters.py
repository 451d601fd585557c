"""Meters: which events they are asked about, what they count, and from when to when."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from aureon.domain import meters
from aureon.domain.events import CustomerRef, Event
from aureon.domain.filters import Clause, Filter, Predicate, compile_filter
from aureon.domain.meters import Aggregation, Match, Meter, MeterSet

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EVERYTHING = Filter("and", ())
SUM = Aggregation("sum", "units")


def event(name: str = "api_usage", **metadata: Any) -> Event:
    return Event(0, CustomerRef(False, "customer"), name, NOW, metadata)


def named(name: str) -> Filter:
    return Filter("and", (Clause("name", "eq", name),))


def meter(id_: str, filter_: Filter = EVERYTHING, aggregation: Aggregation = SUM) -> Meter:
    return Meter(id_, id_, filter_, aggregation, NOW, since_version=1, since_at=NOW)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Filter]:
    """The filters that are asked about an event, in order."""
    asked: list[Filter] = []

    def observed(filter_: Filter) -> Predicate:
        matches = compile_filter(filter_)

        def predicate(event: Event) -> bool:
            asked.append(filter_)
            return matches(event)

        return predicate

    monkeypatch.setattr(meters, "compile_filter", observed)
    return asked


def test_meters_of_other_names_are_not_asked(asked: list[Filter]) -> None:
    others = [meter(f"m{number}", named(f"other_{number}")) for number in range(100)]
    own, any_name = meter("own", named("api_usage")), meter("any")
    meter_set = MeterSet(1, [*others, own, any_name])

    found = meter_set.match(event(units=5))

    assert [match.meter_id for match in found] == ["own", "any"]
    assert asked == [own.filter, any_name.filter]


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (3, Decimal(3)),
        (-10, Decimal(-10)),
        (0, Decimal(0)),
        (Decimal("0.1"), Decimal("0.1")),
        (True, None),
        ("3", None),
        ({"amount": 3}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("func", ["sum", "avg"])
def test_a_meter_of_numbers_takes_numbers_only(func: Any, value: Any, units: Any) -> None:
    meter_set = MeterSet(1, [meter("m", aggregation=Aggregation(func, "units"))])

    assert [match.units for match in meter_set.match(event(units=value))] == (
        [] if units is None else [units]
    )


def test_a_meter_of_numbers_leaves_out_an_event_without_one() -> None:
    assert MeterSet(1, [meter("m")]).match(event()) == []


def test_a_property_may_lie_in_an_object() -> None:
    cost = meter("m", aggregation=Aggregation("sum", "_cost.amount"))

    (match,) = MeterSet(1, [cost]).match(event(_cost={"amount": Decimal("1.5")}))

    assert match.units == Decimal("1.5")


def test_a_count_counts_one_for_every_event() -> None:
    count = meter("m", aggregation=Aggregation("count"))

    assert MeterSet(1, [count]).match(event(units="text")) == [Match("m", 1, "count", Decimal(1))]


@pytest.mark.parametrize(
    ("version", "counts"), [(0, False), (2, False), (3, True), (4, True), (5, False), (6, False)]
)
def test_a_meter_counts_from_its_creation_up_to_its_archiving(version: int, counts: bool) -> None:
    archived = replace(meter("m"), since_version=3, archived_version=5)

    assert bool(MeterSet(version, [archived]).match(event(units=1))) is counts


@pytest.mark.parametrize(("version", "change"), [(2, 0), (3, 3), (4, 3), (5, 5), (9, 5)])
def test_a_meter_knows_its_last_change_up_to_a_version(version: int, change: int) -> None:
    assert replace(meter("m"), versions=(3, 5)).last_change(version) == change


@pytest.mark.parametrize(
    "described",
    [
        meter("m"),
        replace(
            meter("m", named("api_usage"), Aggregation("count")),
            unit="custom",
            custom_label="pages",
            custom_multiplier=1000,
            metadata={"team": "a"},
            modified_at=NOW,
            archived_at=NOW,
            archived_version=7,
            generation=2,
            rev=3,
        ),
    ],
    ids=["as created", "as archived"],
)
def test_a_meter_is_read_back_from_its_item(described: Meter) -> None:
    assert Meter.from_item(described.to_item()) == replace(
        described, metadata=described.metadata or {}
    )


def test_a_filter_is_compiled_once_for_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[Filter] = []

    def observed(filter_: Filter) -> Predicate:
        compiled.append(filter_)
        return compile_filter(filter_)

    monkeypatch.setattr(meters, "compile_filter", observed)
    meter_set = MeterSet(1, [meter(f"m{number}", named("api_usage")) for number in range(3)])

    for number in range(1_000):
        meter_set.match(event(units=number))

    assert len(compiled) == 3


def test_a_hundred_meters_of_which_three_match_are_asked_about_no_more_than_those_three(
    asked: list[Filter],
) -> None:
    three = [meter(f"own-{number}", named("api_usage")) for number in range(3)]
    others = [meter(f"m{number}", named(f"other_{number}")) for number in range(97)]
    alone, among = MeterSet(1, three), MeterSet(1, [*others, *three])

    for number in range(100):
        alone.match(event(units=number))
    asked_alone = len(asked)
    for number in range(100):
        among.match(event(units=number))

    assert asked_alone == 300
    assert len(asked) == 2 * asked_alone
