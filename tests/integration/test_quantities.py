"""Quantities: what a meter makes of the events of each hour, day, week, month or year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.api import runtime
from aureon.domain.balances import AVERAGE_STEP
from aureon.domain.intervals import Interval
from aureon.domain.meters import Function
from aureon.reads import quantity_series as domain
from tests.integration.test_projector import caller
from tests.support import inline_engine
from tests.support.faults import faults
from tests.support.handlers import Api, Reply
from tests.support.projected import project_all
from tests.unit.test_intervals import STEPS, ZONES, instants, label

MONTH: Final = {"start_timestamp": "2025-11-01T00:00:00Z", "end_timestamp": "2025-12-01T00:00:00Z"}


def event(timestamp: str, units: Any = 1, customer: str = "user_1", **more: Any) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "external_customer_id": customer,
        "timestamp": timestamp,
        "metadata": {"units": units, **more},
    }


def read(api: Api, meter_id: str, **parameters: Any) -> Reply:
    defaults = MONTH | {"interval": "day"}
    return api.get(f"/v1/meters/{meter_id}/quantities", **(defaults | parameters))


def quantities(reply: Reply) -> dict[str, Any]:
    """What is not 0, by the beginning of its interval."""
    assert reply.status == 200, reply.body
    return {
        quantity["timestamp"]: quantity["quantity"]
        for quantity in reply.body["quantities"]
        if quantity["quantity"]
    }


def test_every_interval_has_its_quantity_and_all_of_them_a_total(api: Api) -> None:
    meter_id = api.meter()
    api.ingest(
        event("2025-11-03T10:00:00Z", Decimal("1.5")),
        event("2025-11-03T23:59:59.999999Z", 2),
        event("2025-11-04T00:00:00Z", -4, "user_2"),
        event("2025-10-31T23:59:59.999999Z", 100),
        event("2025-12-01T00:00:00Z", 100),
    )
    project_all(api.store)

    reply = read(api, meter_id)

    assert quantities(reply) == {
        "2025-11-03T00:00:00.000000Z": Decimal("3.5"),
        "2025-11-04T00:00:00.000000Z": -4,
    }
    assert len(reply.body["quantities"]) == 30
    assert reply.body["quantities"][0] == {
        "timestamp": "2025-11-01T00:00:00.000000Z",
        "quantity": 0,
        "used_units": 0,
        "granted_units": 0,
        "expired_units": 0,
        "refunded_units": 0,
    }
    assert (reply.body["total"], reply.body["complete"]) == (Decimal("-0.5"), True)


def test_intervals_are_whole_ones_wherever_in_them_the_time_asked_for_begins_and_ends(
    api: Api,
) -> None:
    meter_id = api.meter()
    api.ingest(event("2025-11-03T01:00:00Z"), event("2025-11-04T23:00:00Z", 2))
    project_all(api.store)
    part = {"start_timestamp": "2025-11-03T12:00:00Z", "end_timestamp": "2025-11-04T12:00:00Z"}

    reply = read(api, meter_id, **part)

    assert quantities(reply) == {
        "2025-11-03T00:00:00.000000Z": 1,
        "2025-11-04T00:00:00.000000Z": 2,
    }
    assert reply.body["total"] == 3


def test_a_day_is_that_of_the_time_zone(api: Api) -> None:
    meter_id = api.meter()
    api.ingest(event("2025-11-03T22:59:59Z"), event("2025-11-03T23:00:00Z", 2))
    project_all(api.store)

    assert quantities(read(api, meter_id, timezone="Europe/Berlin")) == {
        "2025-11-02T23:00:00.000000Z": 1,
        "2025-11-03T23:00:00.000000Z": 2,
    }
    assert quantities(read(api, meter_id, timezone="Asia/Kathmandu")) == {
        "2025-11-03T18:15:00.000000Z": 3
    }


def test_a_zone_that_was_off_the_quarter_of_an_hour_has_days_to_the_second(api: Api) -> None:
    """Liberia's clocks were 44 minutes and 30 seconds behind until 1972."""
    meter_id = api.meter()
    api.ingest(event("1971-06-03T00:44:29Z"), event("1971-06-03T00:44:30Z", 2))
    project_all(api.store)
    june = {"start_timestamp": "1971-06-01T12:00:00Z", "end_timestamp": "1971-06-05T00:00:00Z"}

    for more in ({}, {"external_customer_id": "user_1"}):
        found = read(api, meter_id, timezone="Africa/Monrovia", **june, **more)
        assert quantities(found) == {
            "1971-06-02T00:44:30.000000Z": 1,
            "1971-06-03T00:44:30.000000Z": 2,
        }


def test_customers_are_chosen_by_every_way_that_names_them(api: Api) -> None:
    meter_id = api.meter()
    first = api.customer("first@example.com", external_id="user_1")
    second = api.customer("second@example.com")
    api.ingest(event("2025-11-03T10:00:00Z", 1), event("2025-11-03T10:00:00Z", 2, "user_2"))
    api.ingest(event("2025-11-03T10:00:00Z", 4, "user_3"))
    api.patch(f"/v1/customers/{second}", {"external_id": "user_2"})
    project_all(api.store)

    def total(**named: Any) -> Any:
        return read(api, meter_id, **named).body["total"]

    assert total() == 7
    assert total(customer_id=first) == total(external_customer_id="user_1") == 1
    assert total(customer_id=second) == 2
    assert total(customer_id=[first, second]) == 3
    assert total(external_customer_id=["user_2", "user_3"]) == 6
    assert total(external_customer_id=["user_2", "user_3"], customer_id=second) == 2
    assert total(customer_id="nobody") == total(external_customer_id="nobody") == 0


def test_metadata_choose_events_of_everyone_and_of_a_customer_exact_now(api: Api) -> None:
    meter_id = api.meter()
    api.ingest(
        event("2025-11-03T10:00:00Z", 1, model="x"),
        event("2025-11-03T11:00:00Z", 2, model="y"),
        event("2025-11-04T10:00:00Z", 4, "user_2", model="x", paid=True),
    )
    found = read(api, meter_id, external_customer_id="user_1", **{"metadata[model]": "x"})
    assert found.body["total"] == 1
    project_all(api.store)

    found = read(api, meter_id, **{"metadata[model]": "x"})
    assert quantities(found) == {
        "2025-11-03T00:00:00.000000Z": 1,
        "2025-11-04T00:00:00.000000Z": 4,
    }
    assert read(api, meter_id, **{"metadata[model]": ["x", "y"]}).body["total"] == 7
    both = {"metadata[model]": "x", "metadata[paid]": "true"}
    assert read(api, meter_id, **both).body["total"] == 4


def test_an_archived_meter_shows_what_it_counted_until_then(api: Api) -> None:
    meter_id = api.meter()
    api.ingest(event("2025-11-03T10:00:00Z", 1, model="x"))
    api.patch(f"/v1/meters/{meter_id}", {"is_archived": True})
    api.ingest(event("2025-11-03T10:00:00Z", 2, model="x"))
    project_all(api.store)

    assert read(api, meter_id).body["total"] == 1
    assert read(api, meter_id, **{"metadata[model]": "x"}).body["total"] == 1


def test_values_that_are_met_on_several_days_are_one_in_the_total(api: Api) -> None:
    meter_id = api.meter(func="unique", property="model")
    api.ingest(
        event("2025-11-03T10:00:00Z", model="x"),
        event("2025-11-03T11:00:00Z", model="x"),
        event("2025-11-03T12:00:00Z", model="y"),
        event("2025-11-04T10:00:00Z", 1, "user_2", model="x"),
    )
    project_all(api.store)

    reply = read(api, meter_id)

    assert list(quantities(reply).values()) == [2, 1]
    assert reply.body["total"] == 2


def test_more_different_values_than_are_counted_at_once_are_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "MAX_DISTINCT", 3)
    meter_id = api.meter(func="unique", property="model")
    api.ingest(*(event("2025-11-03T10:00:00Z", model=str(one)) for one in range(4)))
    project_all(api.store)

    refused = read(api, meter_id, external_customer_id="user_1")

    assert refused.problems() == {("query", "end_timestamp")}


DAY: Final = timedelta(days=1)
LIMITS: Final[Mapping[str, timedelta]] = {
    "hour": 7 * DAY,
    "day": 366 * DAY,
    "week": 371 * DAY,
    "month": 4 * 366 * DAY,
    "year": 10 * 366 * DAY,
}


@pytest.mark.parametrize("interval", LIMITS)
def test_so_much_time_is_shown_at_once_and_no_more(api: Api, interval: str) -> None:
    meter_id = api.meter()
    start = datetime(2024, 2, 1, tzinfo=UTC)

    def asked(end: datetime) -> Reply:
        span = {"start_timestamp": start.isoformat(), "end_timestamp": end.isoformat()}
        return read(api, meter_id, interval=interval, timezone="America/New_York", **span)

    assert asked(start + LIMITS[interval]).status == 200
    refused = asked(start + LIMITS[interval] + timedelta(microseconds=1))
    assert refused.problems() == {("query", "end_timestamp")}
    assert f"{LIMITS[interval].days} days" in refused.text


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2025-10-20T00:00:00+02:00", "2025-10-27T00:00:00+01:00", 169),
        ("2025-03-24T00:00:00+01:00", "2025-03-31T00:00:00+02:00", 167),
        ("2025-03-24T00:00:00Z", "2025-03-31T00:00:00Z", 168),
    ],
)
def test_a_week_in_which_the_clocks_are_set_is_shown_by_the_hour(
    api: Api, start: str, end: str, hours: int
) -> None:
    week = {"start_timestamp": start, "end_timestamp": end, "interval": "hour"}

    reply = read(api, api.meter(), timezone="Europe/Berlin", **week)

    assert len(reply.body["quantities"]) == hours


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"interval": "minute"}, "interval"),
        ({"interval": ""}, "interval"),
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "Europe"}, "timezone"),
        ({"timezone": "x" * 10_000}, "timezone"),
        ({"timezone": "é\x00"}, "timezone"),
        ({"start_timestamp": "2025-11-01"}, "start_timestamp"),
        ({"end_timestamp": "soon"}, "end_timestamp"),
        ({"start_timestamp": ""}, "start_timestamp"),
        ({"end_timestamp": "2025-10-31T00:00:00Z"}, "end_timestamp"),
        ({"end_timestamp": "9999-12-31T23:59:59Z"}, "end_timestamp"),
        ({"start_timestamp": "0001-01-01T00:00:00Z"}, "start_timestamp"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(api: Api, wrong: dict[str, str], place: str) -> None:
    assert read(api, api.meter(), **wrong).problems() == {("query", place)}


@pytest.mark.parametrize("missing", ["start_timestamp", "end_timestamp", "interval"])
def test_what_is_missing_is_named(api: Api, missing: str) -> None:
    parameters = {name: value for name, value in MONTH.items() if name != missing}
    if missing != "interval":
        parameters["interval"] = "day"
    refused = api.get(f"/v1/meters/{api.meter()}/quantities", **parameters)
    assert refused.problems() == {("query", missing)}
    assert refused.body["detail"][0]["type"] == "missing"


def test_another_organizations_meter_is_not_found(api: Api, new_api: Callable[[], Api]) -> None:
    meter_id = new_api().meter()
    assert read(api, meter_id).status == read(api, "nothing").status == 404


@pytest.mark.parametrize("func", ["sum", "unique"])
def test_a_year_by_days_does_not_read_the_log_unless_metadata_decide(api: Api, func: str) -> None:
    meter_id = api.meter(func=func, property="units")
    for month in range(1, 11):
        api.ingest(*(event(f"2025-{month:02}-{day:02}T10:00:00Z", day) for day in range(1, 28)))
    project_all(api.store)
    year = {"start_timestamp": "2025-01-01T00:00:00Z", "end_timestamp": "2026-01-01T00:00:00Z"}
    zone = {"timezone": "Asia/Kathmandu"}

    for named in ({}, {"external_customer_id": "user_1"}):
        with faults(api.store.client) as calls:
            assert len(quantities(read(api, meter_id, **year, **zone, **named))) == 270
        assert not [call for call in calls.made if "#LOG#" in str(call.parameters)]
        assert len(calls) <= 12

        with faults(api.store.client) as calls:
            read(api, meter_id, **year, **zone, **named, **{"metadata[units]": "1"})
        assert [call for call in calls.made if "#LOG#" in str(call.parameters)]


# A plain model.


class Usage(NamedTuple):
    """An event: when, whose, and its metadata."""

    moment: datetime
    customer: str
    units: Decimal
    model: str


FUNCTIONS: Final = get_args(Function)
# Around days on which clocks were set.
DAYS: Final = (
    datetime(2025, 3, 30, tzinfo=UTC),
    datetime(2025, 4, 5, 12, tzinfo=UTC),
    datetime(2025, 10, 26, tzinfo=UTC),
    datetime(2011, 12, 30, tzinfo=UTC),
    datetime(2025, 1, 1, tzinfo=UTC),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[datetime, list[list[Usage]]]:
    day = draw(st.sampled_from(DAYS))
    usage = st.builds(
        Usage,
        st.integers(-3 * 86_400, 3 * 86_400).map(lambda second: day + timedelta(seconds=second)),
        st.sampled_from(["user_1", "user_2", "user_3"]),
        st.decimals(-100, 100, places=3),
        st.sampled_from(["x", "y", "z"]),
    )
    batches = st.lists(st.lists(usage, min_size=1, max_size=8), min_size=1, max_size=5)
    return day, draw(batches)


@settings(max_examples=25, deadline=None)
@given(
    history=histories(),
    interval=st.sampled_from(get_args(Interval)),
    zone=st.sampled_from(ZONES),
    begin=st.integers(-300, 300),
    length=st.integers(0, 300),
    customers=st.none() | st.lists(st.sampled_from(["user_1", "user_2", "nobody"]), min_size=1),
    models=st.none() | st.lists(st.sampled_from(["x", "y"]), min_size=1),
)
def test_quantities_are_what_plain_counting_gives(
    history: tuple[datetime, list[list[Usage]]],
    interval: Interval,
    zone: str,
    begin: int,
    length: int,
    customers: list[str] | None,
    models: list[str] | None,
) -> None:
    day, batches = history
    quarter = timedelta(minutes=15)
    start = day + begin * quarter
    end = start + length * (STEPS["day"] if interval in ("week", "month") else quarter)
    clocks = ZoneInfo(zone)
    shown = {label(start.astimezone(clocks), interval)} | {
        label(one.astimezone(clocks), interval) for one in instants(start, end, quarter)
    }
    chosen: defaultdict[Any, list[Usage]] = defaultdict(list)
    for usage in (usage for batch in batches for usage in batch):
        about = label(usage.moment.astimezone(clocks), interval)
        if (
            about in shown
            and (customers is None or usage.customer in customers)
            and (models is None or usage.model in models)
        ):
            chosen[about].append(usage)

    with inline_engine.table() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        api = caller(store)
        meter_ids = {func: api.meter(**({"func": func} | PROPERTIES[func])) for func in FUNCTIONS}
        for batch in batches:
            assert api.ingest(*map(as_sent, batch)).status == 200
        project_all(store)
        parameters: dict[str, Any] = {
            "start_timestamp": start.isoformat(),
            "end_timestamp": end.isoformat(),
            "interval": interval,
            "timezone": zone,
        }
        if customers is not None:
            parameters["external_customer_id"] = customers
        if models is not None:
            parameters["metadata[model]"] = models

        for func, meter_id in meter_ids.items():
            body = read(api, meter_id, **parameters).body
            found = {
                label(datetime.fromisoformat(each["timestamp"]).astimezone(clocks), interval): each[
                    "quantity"
                ]
                for each in body["quantities"]
            }
            assert len(found) == len(body["quantities"])
            assert found == {about: value(func, chosen[about]) for about in shown}
            everything = [usage for usages in chosen.values() for usage in usages]
            assert body["total"] == value(func, everything)


PROPERTIES: Final[Mapping[Function, dict[str, str]]] = {
    "sum": {"property": "units"},
    "count": {},
    "avg": {"property": "units"},
    "max": {"property": "units"},
    "min": {"property": "units"},
    "unique": {"property": "model"},
}


def as_sent(usage: Usage) -> dict[str, Any]:
    return event(usage.moment.isoformat(), usage.units, usage.customer, model=usage.model)


def value(func: Function, usages: Sequence[Usage]) -> Decimal:
    units = [usage.units for usage in usages]
    match func:
        case "count":
            return Decimal(len(units))
        case "unique":
            return Decimal(len({usage.model for usage in usages}))
        case "max":
            return max(units, default=Decimal(0))
        case "min":
            return min(units, default=Decimal(0))
        case "avg":
            return rounded(units)
        case "sum":
            return sum(units, Decimal(0))


def rounded(units: Iterable[Decimal]) -> Decimal:
    given = list(units)
    return (sum(given, Decimal(0)) / max(1, len(given))).quantize(AVERAGE_STEP)
