"""Callers of the real handlers, on the real engine in this process, or on the one of all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.ledger import dead_letters
from aureon.storage import queue
from aureon.storage.store import Store
from aureon_cli import engine as embedded
from aureon_cli.engine import Engine
from tests.support import inline_engine
from tests.support.deliveries import Queues
from tests.support.handlers import Api
from tests.support.seams import without_pauses

NewApi = Callable[[], Api]

runtime.logger.setLevel("WARNING")


@pytest.fixture
def store() -> Iterator[Store]:
    """A table of the engine in this process, and nothing pauses before it tries again."""
    with inline_engine.table() as store, without_pauses():
        yield store


@pytest.fixture
def new_api(store: Store, monkeypatch: pytest.MonkeyPatch) -> NewApi:
    """Make a caller in an organization of its own, on the test's table."""
    monkeypatch.setattr(runtime, "_store", lambda: store)

    def new() -> Api:
        organization_id = organizations.create(store, "Test")
        token, _ = tokens.create(store.of(organization_id))
        return Api(store.of(organization_id), token)

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
