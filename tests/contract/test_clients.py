"""The published clients get from every endpoint what they asked for.

Each client's driver prints a line of JSON a step. What the line must say is written here, once
for all four of them.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.clients import CLIENTS, Client
from tests.support.local_service import Service

NOT_FOUND = {"status": 404, "detail": "Not found"}


def balances(balance: float, available_credits: float) -> dict[str, list[float]]:
    """One balance, however it is read."""
    return {
        "customer_meters.list": [balance],
        "customer_meters.list: external": [balance],
        "customers.get_state": [balance],
        "customers.get_state_external": [balance],
        "available_credits": [available_credits],
    }


def expected(tag: str, organization_id: str) -> dict[str, Any]:
    """What each step must tell, in order, in a run whose names carry this tag."""
    created = {
        "email": f"{tag}@example.com",
        "name": "John Doe",
        "external_id": f"user-{tag}",
        "metadata": {"plan": "pro", "seats": 3, "tag": tag},
        "organization_id": organization_id,
    }
    other: dict[str, Any] = {
        "email": f"other-{tag}@example.com",
        "name": None,
        "external_id": None,
        "metadata": {},
        "organization_id": organization_id,
    }
    renamed = created | {"name": "Jane Doe"}
    downgraded = renamed | {"metadata": {"plan": "free"}}
    meter = {
        "name": f"API calls {tag}",
        "unit": "scalar",
        "filter": {
            "conjunction": "and",
            "clauses": [{"property": "name", "operator": "eq", "value": f"api_usage-{tag}"}],
        },
        "aggregation": {"func": "sum", "property": "units"},
        "metadata": {"tag": tag},
        "archived": False,
    }
    retitled = meter | {"name": f"Calls {tag}"}
    use = {
        "name": f"api_usage-{tag}",
        "label": f"api_usage-{tag}",
        "source": "user",
        "customer": f"{tag}@example.com",
        "external_customer_id": f"user-{tag}",
        "metadata": {"units": 3, "model": "small", "cached": False},
    }
    return {
        "customers.create": created,
        "customers.create: e-mail alone": other,
        "customers.create: a team, with its address": {
            "types": ["team", "team"],
            "country": "DE",
            "postal_code": "10117",
            "tax_id": ["DE123456789", None],
            "locale": "de",
        },
        "customers.get": created,
        "customers.get_external": created,
        "customers.list: by e-mail": [created],
        "customers.list: by metadata": [created],
        "customers.list: page by page": {
            "total_count": 3,
            "max_page": 3,
            "emails": sorted(f"{each}{tag}@example.com" for each in ("", "other-", "team-")),
        },
        "customers.update": renamed,
        "customers.update_external": downgraded,
        "meters.create": meter,
        "meters.get": meter,
        "meters.list": [meter],
        "meters.update": retitled,
        "events.ingest: grant by customer id": {"inserted": 1, "duplicates": 0},
        "balances: granted 10": balances(-10, 10),
        "events.ingest: use, with an id": {"inserted": 1, "duplicates": 0},
        "events.ingest: the same id again": {"inserted": 0, "duplicates": 1},
        "balances: used 3": balances(-7, 7),
        "events.ingest: two events": {"inserted": 2, "duplicates": 0},
        "balances: used 8 more": balances(1, 0),
        "events.ingest: grant by external id": {"inserted": 1, "duplicates": 0},
        "balances: granted 10 more": balances(-9, 9),
        "events.ingest: before there is a customer": {"inserted": 1, "duplicates": 0},
        "customers.create: takes over earlier events": [-5],
        "customer_meters.list: by meter": 2,
        "customer_meters.get": {
            "customer": downgraded,
            "meter": retitled,
            "balance": -9,
            "consumed_units": -9,
            "credited_units": 0,
        },
        "customers.get_state": {
            "customer": downgraded,
            "active_meters": [True],
            "active_subscriptions": [],
            "granted_benefits": [],
        },
        # Newest first; the use had a timestamp of its own, a minute before.
        "events.list: by customer": [-10, 7.5, 0.5, -10, 3],
        "events.list: by every filter": [use],
        "events.get": use,
        "events.list_names": [
            {"name": f"api_usage-{tag}", "source": "user", "occurrences": 5, "ordered": True}
        ],
        # A day in Kathmandu begins at a quarter past six in the evening.
        "meters.quantities": {"total": -14, "sum": -14, "first": "18:15"},
        "meters.quantities: by customer and metadata": [-9, 3],
        "customer_portal": {
            "customer": [f"{tag}@example.com", "Jane Doe"],
            "user": ["customer", f"{tag}@example.com"],
            "meters": [[f"Calls {tag}", -9, -9, 0]],
            "meter": -9,
            "empty": [0, 0, 0],
            "page": True,
            "return_url": "https://example.com/home",
            "elsewhere": {"status": 401, "error": "invalid_token"},
            "with a token": {"status": 401, "error": "invalid_token"},
        },
        "meters.update: archive": retitled | {"archived": True},
        "meters.list: archived": [0, 1],
        "balances: archived": {way: [] for way in balances(0, 0)},
        "customers.delete": NOT_FOUND,
        "customers.delete_external": NOT_FOUND,
        "errors: not found": [NOT_FOUND] * 11,
        "errors: e-mail taken": {"status": 422, "loc": [["body", "email"]]},
        "errors: one bad event": {"status": 422, "loc": [["body", "events", 1, "customer_id"]]},
        "errors: wrong token": {"status": 401, "error": "invalid_token"},
        "base URL that ends in a slash": downgraded,
    }


STEPS = list(expected("tag", "organization"))


@dataclass(frozen=True)
class Run:
    """One run of a client's driver."""

    tag: str
    told: dict[str, Any]
    complaint: str


@pytest.fixture(scope="session", params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    if client.missing:
        pytest.skip(client.missing)
    return client


@pytest.fixture(scope="session")
def run(client: Client, service: Service) -> Run:
    tag = uuid.uuid4().hex
    ended = client.run(client.driver, service, TAG=tag)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return Run(tag, {line["step"]: line["value"] for line in lines}, ended.stderr)


@pytest.mark.parametrize("step", STEPS)
def test_a_client_gets_what_it_asked_for(run: Run, service: Service, step: str) -> None:
    if step not in run.told:
        pytest.fail(f"The driver ended before this step.\n{run.complaint}", pytrace=False)
    assert run.told[step] == expected(run.tag, service.organization_id)[step]


def test_a_driver_runs_to_its_end_without_complaint(run: Run) -> None:
    assert list(run.told) == STEPS
    assert run.complaint == ""


def test_the_calls_agree_with_the_published_types(client: Client) -> None:
    checked = client.check(client.driver)
    assert checked.returncode == 0, checked.stdout
