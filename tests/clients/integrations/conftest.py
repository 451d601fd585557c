"""Fixtures of what runs in the clients' own environment, against the service that it is told of."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.clients.conftest import client, empty_shop, shop
from tests.clients.integrations.providers import Provider, running
from tests.support.local_service import Service

# LiteLLM's prices are those that it comes with: nothing here waits for the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

__all__ = ["client", "empty_shop", "shop"]


@pytest.fixture(scope="session")
def service() -> Service:
    return Service(os.environ["AUREON_URL"], os.environ["AUREON_ACCESS_TOKEN"], "")


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider
