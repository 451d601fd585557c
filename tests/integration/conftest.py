"""Callers of the real handlers, on the real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from aureon import dead_letters, queue, runtime, tokens
from aureon.store import Store
from aureon_cli import engine as embedded
from aureon_cli.engine import Engine
from tests.api import Api
from tests.queue import Queues

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


@pytest.fixture
def queues(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    """An ingestion queue of the test's own, and its dead-letter queue; the handlers use them."""
    made = Queues.create(queue.connect(engine.endpoint_url, **embedded.CREDENTIALS))
    monkeypatch.setattr(queue, "_client", lambda: made.client)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    monkeypatch.setenv(queue.INGESTION, made.ingestion.url)
    monkeypatch.setenv(queue.DEAD_LETTERS, made.dead.url)
    yield made
    made.delete()
