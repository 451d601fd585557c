from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from aureon_client import Client
from tests.clients.shop import Shop, sync_client
from tests.support.local_service import Service


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[Client]:
    with sync_client(service) as client:
        yield client


@pytest.fixture(scope="session")
def empty_shop(service: Service, client: Client) -> Shop:
    """A meter for all tests: each that there is makes the others slower."""
    return Shop.open(service, client)


@pytest.fixture
def shop(empty_shop: Shop) -> Shop:
    """A customer with 100 credits."""
    return empty_shop.with_customer(100)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
