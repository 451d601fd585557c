"""What callers do with grants that have terms, under a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from unittest.mock import patch

from aureon.core import times
from tests.support.clock import START, Clock
from tests.support.handlers import Api, Reply
from tests.support.makers import usage

HOUR: Final = 3_600
DAY: Final = 24 * HOUR


@contextmanager
def clock() -> Iterator[Clock]:
    """The clock of all modules, from `START` on."""
    made = Clock()
    with patch.object(times, "now", made.now):
        yield made


def in_(seconds: float) -> str:
    """The time so many seconds after the clock's beginning, as the API writes it."""
    return times.to_text(START + timedelta(seconds=seconds))


def give(api: Api, units: Any, **more: Any) -> Reply:
    """Grant credits, with terms where any are named."""
    return api.post("/v1/credits/grants", usage(units, **more))


def given(api: Api, units: Any, **more: Any) -> dict[str, Any]:
    """The grant that was made."""
    reply = give(api, units, **more)
    assert reply.status == 200, reply
    body: dict[str, Any] = reply.body
    return body


def use(api: Api, units: int, **more: Any) -> Reply:
    """Use units, by an event."""
    reply = api.ingest(usage(units, **more))
    assert reply.status == 200, reply
    return reply


def void(api: Api, grant_id: str, **more: Any) -> Reply:
    return api.post(f"/v1/credits/grants/{grant_id}/void", more)


def grants(api: Api, customer_id: str, **more: Any) -> list[dict[str, Any]]:
    """A customer's grants with terms, newest first."""
    reply = api.get("/v1/credits/grants", customer_id=customer_id, limit=100, **more)
    assert reply.status == 200, reply
    found: list[dict[str, Any]] = reply.body["items"]
    return found


def balance(api: Api, customer_id: str, **more: Any) -> dict[str, Any]:
    """The customer's only balance."""
    reply = api.get(f"/v1/customers/{customer_id}/state", **more)
    assert reply.status == 200, reply
    (found,) = reply.body["active_meters"]
    body: dict[str, Any] = found
    return body


def figures(found: dict[str, Any]) -> tuple[int, int, int, int]:
    """What a balance says: its sum, and what was used, granted, and has expired."""
    sum_, used, granted, expired = (
        int(found[name]) for name in ("balance", "used_units", "granted_units", "expired_units")
    )
    assert sum_ == used - granted + expired
    return sum_, used, granted, expired
