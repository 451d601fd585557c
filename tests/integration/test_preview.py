"""A preview: what a meter would make of the latest events, before it is made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from aureon.api import runtime
from aureon.storage.store import Store
from tests.integration.test_projector import caller
from tests.support.handlers import Api, Reply
from tests.support.projected import project_all

NAMED: Final = {
    "conjunction": "and",
    "clauses": [{"property": "name", "operator": "eq", "value": "api_usage"}],
}
SUM: Final = {"func": "sum", "property": "units"}


@pytest.fixture
def api(store: Store, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(runtime, "_store", lambda: store)
    return caller(store)


def event(minute: int, name: str = "api_usage", **metadata: Any) -> dict[str, Any]:
    timestamp = f"2026-11-01T09:{minute:02}:00Z"
    return {
        "name": name,
        "external_customer_id": "user_123",
        "timestamp": timestamp,
        "metadata": metadata,
    }


def preview(api: Api, aggregation: dict[str, Any] = SUM, **more: Any) -> Reply:
    project_all(api.store)
    body = {"filter": NAMED, "aggregation": aggregation, **more}
    return api.post("/v1/meters/preview", body)


def test_it_says_of_the_latest_events_which_would_count_and_as_what(api: Api) -> None:
    api.ingest(
        event(1, units=Decimal("2.5")),
        event(2, "other", units=7),
        event(3, units="3"),
        event(4, units=-10),
    )

    found = preview(api)

    assert found.status == 200
    assert [
        (one["event"]["timestamp"][14:16], one["matches"], one["counts"], one["value"])
        for one in found.body["items"]
    ] == [
        ("04", True, True, -10),
        ("03", True, False, None),
        ("02", False, False, None),
        ("01", True, True, Decimal("2.5")),
    ]
    assert (found.body["examined"], found.body["counted"]) == (4, 2)
    assert found.body["total"] == Decimal("-7.5")


@pytest.mark.parametrize(
    ("aggregation", "total"),
    [
        ({"func": "count"}, 4),
        ({"func": "sum", "property": "units"}, 13),
        ({"func": "avg", "property": "units"}, Decimal("3.25")),
        ({"func": "max", "property": "units"}, 5),
        ({"func": "min", "property": "units"}, 1),
        ({"func": "unique", "property": "user"}, 2),
    ],
    ids=str,
)
def test_it_sums_up_as_a_meter_would(api: Api, aggregation: dict[str, Any], total: Any) -> None:
    for minute, (units, user) in enumerate([(1, "a"), (5, "b"), (5, "a"), (2, "b")]):
        api.ingest(event(minute, units=units, user=user))

    found = preview(api, aggregation).body

    assert (found["counted"], found["total"]) == (4, total)


def test_it_looks_at_as_many_as_it_is_asked_to(api: Api) -> None:
    api.ingest(*(event(minute, units=1) for minute in range(5)))

    assert preview(api, limit=2).body["total"] == 2
    assert preview(api).body["total"] == 5


def test_where_nothing_happened_there_is_nothing_to_count(api: Api) -> None:
    assert preview(api).body == {"items": [], "examined": 0, "counted": 0, "total": 0}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"aggregation": SUM}, ("body", "filter")),
        ({"filter": NAMED}, ("body", "aggregation")),
        ({"filter": NAMED, "aggregation": {"func": "sum"}}, ("body", "aggregation")),
        ({"filter": NAMED, "aggregation": SUM, "limit": 0}, ("body", "limit")),
        ({"filter": NAMED, "aggregation": SUM, "limit": 101}, ("body", "limit")),
    ],
    ids=str,
)
def test_a_bad_preview_is_refused_at_its_field(
    api: Api, body: dict[str, Any], place: tuple[str, ...]
) -> None:
    assert api.post("/v1/meters/preview", body).problems() == {place}
