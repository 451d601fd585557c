"""Who sells tokens: a meter of its own, a customer with credits, and clients to call with."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from aureon_client import AsyncClient, Client, event
from aureon_client.types import Balance
from tests.support.local_service import Service

# An attempt that is withheld takes so long: the tests wait for nothing else.
TIMEOUT_SECONDS = 0.25


@dataclass(frozen=True)
class Shop:
    """A customer, `user`, and the `tokens` that one meter adds up."""

    service: Service
    client: Client
    user: str
    tokens: str
    meter_id: str

    @classmethod
    def open(cls, service: Service, client: Client) -> Shop:
        """A meter, and nobody yet."""
        tokens = f"tokens-{uuid.uuid4().hex}"
        clause: Any = {"property": "name", "operator": "eq", "value": tokens}
        meter = client.meters.create(
            name=f"Units of {tokens}",
            filter={"conjunction": "and", "clauses": [clause]},
            aggregation={"func": "sum", "property": "units"},
        )
        return cls(service, client, "", tokens, meter["id"])

    def with_customer(self, units: Any) -> Shop:
        """The same with a new customer, who is granted so many units."""
        tag = uuid.uuid4().hex
        self.client.customers.create(email=f"{tag}@example.com", external_id=f"user/{tag}")
        shop = replace(self, user=f"user/{tag}")
        shop.grant(units)
        return shop

    def grant(self, units: Any) -> None:
        self.client.ingest([event(self.user, self.tokens, units=-units)])

    @property
    def balance(self) -> Balance:
        (balance,) = self.client.customers.state(self.user)["active_meters"]
        return balance

    @property
    def used(self) -> Any:
        return self.balance["used_units"]

    @property
    def held(self) -> Any:
        return self.balance["held_units"]


def sync_client(service: Service, url: str | None = None, **options: Any) -> Client:
    return Client(service.token, url or service.url, **options)


def async_client(service: Service, url: str | None = None, **options: Any) -> AsyncClient:
    return AsyncClient(service.token, url or service.url, **options)
