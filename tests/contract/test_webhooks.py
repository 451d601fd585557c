"""The published clients manage webhooks, and verify and parse what is delivered to them.

Each client's script receives real deliveries and prints a line of JSON a step. What the line must
say is written here, once for all of them.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.clients import CLIENTS, NEXT, Client
from tests.support.local_service import Service

# The next client has the same module; its script is the one before it's.
SCRIPTS: Final = {NEXT.name: "python-1"}


def expected(tag: str) -> dict[str, Any]:
    """What each step must tell, in order, in a run whose names carry this tag."""
    made = {
        "url": True,
        "name": "Told",
        "events": ["customer.created"],
        "format": "raw",
        "enabled": True,
        "secret": True,
    }
    types = ["customer.created", "customer.updated", "customer.deleted", "customer.state_changed"]
    return {
        "webhooks.create_webhook_endpoint": made,
        "webhooks.get_webhook_endpoint": made,
        "webhooks.list_webhook_endpoints": True,
        "webhooks.update_webhook_endpoint": made | {"name": "Changed", "events": types},
        "webhooks.reset_webhook_endpoint_secret": True,
        "errors: a URL that is not public": [422, [["body", "url"]]],
        "validate_event: customer.created": ["customer.created", f"{tag}@example.com"],
        "validate_event: customer.updated": ["customer.updated", "Jane Doe"],
        "validate_event: customer.deleted": ["customer.deleted", True],
        "validate_event: customer.state_changed": ["customer.state_changed", [-1000]],
        "validate_event: forged": [True, True],
        "webhooks.list_webhook_deliveries": [True, 200, "thanks", True, "customer.created"],
        "webhooks.list_webhook_deliveries: of nobody": 0,
        "webhooks.redeliver_webhook_event": [2, 1, "customer.created"],
        "errors: not found": [404] * 5,
    }


def script(client: Client) -> Path:
    folder = client.driver.parent.with_name(SCRIPTS.get(client.name, client.name))
    return folder / client.driver.with_stem("webhooks").name


@pytest.fixture(params=(*CLIENTS, NEXT), ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    if client.missing:
        pytest.skip(client.missing)
    return client


def test_a_client_manages_webhooks_and_verifies_what_arrives(
    client: Client, service: Service
) -> None:
    tag = uuid.uuid4().hex
    ended = client.run(script(client), service, TAG=tag)
    told = {one["step"]: one["value"] for one in map(json.loads, ended.stdout.splitlines())}

    assert ended.stderr == ""
    assert told == expected(tag)


def test_the_calls_about_webhooks_agree_with_the_published_types(client: Client) -> None:
    checked = client.check(script(client))
    assert checked.returncode == 0, checked.stdout
