"""Quantities of meters that can be spent say what was used, and what was granted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from aureon.api import runtime
from aureon.storage.store import Store
from tests.integration.test_projector import caller
from tests.support.handlers import Api
from tests.support.projected import project_all


@pytest.fixture
def api(store: Store, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(runtime, "_store", lambda: store)
    return caller(store)


def moved(api: Api, meter_id: str, **more: Any) -> list[tuple[Any, Any, Any]]:
    """Of each day, and of all of them, the quantity, what was used, and what was granted."""
    project_all(api.store)
    found = api.get(
        f"/v1/meters/{meter_id}/quantities",
        start_timestamp="2026-11-01T00:00:00Z",
        end_timestamp="2026-11-03T00:00:00Z",
        interval="day",
        **more,
    ).body
    of_days = [
        (day["quantity"], day["used_units"], day["granted_units"]) for day in found["quantities"]
    ]
    return [*of_days, (found["total"], found["used_units"], found["granted_units"])]


@pytest.mark.parametrize("more", [{}, {"metadata[plan]": "pro"}, {"timezone": "Africa/Monrovia"}])
def test_grants_are_told_from_usage(api: Api, more: dict[str, str]) -> None:
    meter_id = api.meter()
    for day, units in ((1, -10), (1, Decimal("2.5")), (1, 1), (2, 4), (2, 0)):
        api.ingest(
            {
                "name": "api_usage",
                "external_customer_id": "user_123",
                "timestamp": f"2026-11-0{day}T12:00:00Z",
                "metadata": {"units": units, "plan": "pro"},
            }
        )

    assert moved(api, meter_id, **more) == [
        (Decimal("-6.5"), Decimal("3.5"), 10),
        (4, 4, 0),
        (Decimal("-2.5"), Decimal("7.5"), 10),
    ]


def test_a_count_is_used_and_other_meters_have_neither(api: Api) -> None:
    count, most = api.meter(func="count"), api.meter(func="max", property="units")
    api.ingest(
        {
            "name": "api_usage",
            "external_customer_id": "user_123",
            "timestamp": "2026-11-01T12:00:00Z",
            "metadata": {"units": -3},
        }
    )

    assert moved(api, count) == [(1, 1, 0), (0, 0, 0), (1, 1, 0)]
    assert moved(api, most) == [(-3, None, None), (0, None, None), (-3, None, None)]
