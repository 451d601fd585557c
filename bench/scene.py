"""What is measured: an organization with customers and meters, and requests for it."""

from __future__ import annotations

import itertools
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.core import exact, times
from aureon.meters import catalog
from aureon.storage import store as aureon_store
from aureon.storage.store import Store
from aureon.storage.table import SCHEMA
from aureon_cli import engine
from aureon_cli.gateway import Context
from tests.support.handlers import HANDLERS, Api

EVENT_NAME: Final = "api_usage"
INGEST: Final = "/v1/events/ingest"
Act = Callable[[], Any]
MODELS: Final = ("small", "large", "embedding")


@dataclass
class Scene:
    """A caller of an organization; events of one hour, a second after one another."""

    api: Api
    hour: datetime = field(
        default_factory=lambda: (
            times.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        )
    )
    random: Random = field(default_factory=lambda: Random(8))
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def store(self) -> Store:
        return self.api.store

    def customers(self, number: int, prefix: str = "user") -> list[str]:
        """Create so many customers; return their external ids."""
        names = [f"{prefix}_{one}" for one in range(number)]
        for name in names:
            self.api.customer(f"{name}@example.com", external_id=name)
        return names

    def event(self, customer: str, *, ids: bool) -> dict[str, Any]:
        number = next(self._numbers)
        sent: dict[str, Any] = {
            "name": EVENT_NAME,
            "external_customer_id": customer,
            "timestamp": times.to_text(
                self.hour
                + timedelta(seconds=number % 3_600, milliseconds=self.random.randrange(1_000))
            ),
            "metadata": {
                "units": self.random.randrange(1, 1_000),
                "model": self.random.choice(MODELS),
                "path": f"/v1/things/{self.random.randrange(1_000)}",
            },
        }
        if ids:
            sent["external_id"] = str(uuid.UUID(int=self.random.getrandbits(128) + number))
        return sent

    def call(self, method: str, path: str, content: bytes = b"", *, query: str = "") -> Act:
        """A call of a handler, with the gateway's event made before. Raises where it is refused."""
        name, event = self.api.event(method, path, content, query=query)

        def act() -> Any:
            answer = HANDLERS[name](event, Context(name))
            if answer["statusCode"] != 200:
                raise RuntimeError(answer["body"])
            return answer

        return act

    def ingestion(self, customers: list[str], events: int, *, ids: bool = False) -> Act:
        """The same of a request that ingests events."""
        return self.call("POST", INGEST, self.body(customers, events, ids=ids))

    def body(self, customers: list[str], events: int, *, ids: bool) -> bytes:
        """A request's body; its events go round the customers."""
        turns = itertools.islice(itertools.cycle(customers), events)
        return exact.write({"events": [self.event(customer, ids=ids) for customer in turns]})


@contextmanager
def scene(store: Store) -> Iterator[Scene]:
    """An organization of its own, whose callers reach the handlers of this process."""
    kept, runtime._store = runtime._store, lambda: store  # type: ignore[assignment]
    runtime.logger.setLevel("WARNING")
    catalog.forget()
    try:
        organization_id = organizations.create(store, "Bench")
        token, _ = tokens.create(store.of(organization_id))
        yield Scene(Api(store.of(organization_id), token))
    finally:
        runtime._store = kept


@contextmanager
def engine_process() -> Iterator[Store]:
    """A table on the embedded engine, which is another process: its CPU time is not ours."""
    engine.bypass_proxies()
    with (
        tempfile.TemporaryDirectory(prefix="aureon-bench-") as folder,
        engine.running(Path(folder), persistent=False) as running,
    ):
        os.environ |= running.environment
        client = aureon_store.connect(running.endpoint_url)
        client.create_table(TableName="aureon", **SCHEMA)
        yield Store(client, "aureon")
