"""Callers of the real handlers, on the real engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aureon import runtime, tokens
from aureon.store import Store
from tests.api import Api

NewApi = Callable[[], Api]

runtime.logger.setLevel("WARNING")


@pytest.fixture
def new_api(store: Store, monkeypatch: pytest.MonkeyPatch) -> NewApi:
    """Make a caller in an organization of its own, on the test's table."""
    monkeypatch.setattr(runtime, "_store", lambda: store)

    def new() -> Api:
        organization_id = tokens.create_organization(store, "Test")
        token, _ = tokens.create(store, organization_id)
        return Api(store, organization_id, token)

    return new


@pytest.fixture
def api(new_api: NewApi) -> Api:
    return new_api()
