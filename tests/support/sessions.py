"""Customers with a session of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.handlers import Api


def session_of(api: Api, customer_id: str, **more: Any) -> Api:
    """A caller with a session of a customer."""
    made = api.post("/v1/customer-sessions/", {"customer_id": customer_id, **more})
    assert made.status == 201, made.body
    return replace(api, token=made.body["token"])
