"""What is measured: an organization with customers and meters, and requests for it."""

from __future__ import annotations

import itertools
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from aureon import catalog, exact, runtime, times, tokens
from aureon import store as aureon_store
from aureon.store import Store
from aureon.table import SCHEMA
from aureon_cli import engine
from tests.api import Api

EVENT_NAME: Final = "api_usage"
MODELS: Final = ("small", "large", "embedding")


@dataclass
class Scene:
    """A caller of an organization; events of one hour, each with a time and metadata of its own."""

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
                self.hour + timedelta(milliseconds=self.random.randrange(3_600_000))
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
        organization_id = tokens.create_organization(store, "Bench")
        token, _ = tokens.create(store, organization_id)
        yield Scene(Api(store, organization_id, token))
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
