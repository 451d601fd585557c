"""``make dev`` projects what it counts, and lets new meters count the past: within a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.storage import store as aureon_store
from aureon.storage.store import Store
from aureon.storage.table import SCHEMA
from aureon_cli import engine
from aureon_cli.dev import DEFAULT_TABLE
from tests.support.handlers import Api
from tests.support.local_service import Run, Service, started

EVENT = {"name": "api_usage", "external_customer_id": "user_1", "metadata": {"units": 3}}
METER = {
    "name": "API usage",
    "filter": {"conjunction": "and", "clauses": []},
    "aggregation": {"func": "sum", "property": "units"},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def call(service: Service, method: str, path: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {service.token}"}
    answer = httpx.request(method, service.url + path, headers=headers, timeout=30, **options)
    assert answer.is_success, answer.text
    return answer.json()


def names(service: Service) -> dict[str, int]:
    listed = call(service, "GET", "/v1/events/names")["items"]
    return {name["name"]: name["occurrences"] for name in listed}


def await_names(run: Run, service: Service, expected: dict[str, int]) -> None:
    run.wait_for(lambda: names(service) == expected)


def test_what_was_counted_can_be_looked_at_and_still_can_after_a_stop_and_after_a_kill(
    data: Path,
) -> None:
    with started(data) as run:
        service = run.ready()
        call(service, "POST", "/v1/events/ingest", json={"events": [EVENT]})
        await_names(run, service, {"api_usage": 1})
        call(service, "POST", "/v1/events/ingest", json={"events": [EVENT]})
        run.stop()
    with started(data) as run:
        assert names(run.ready()) == {"api_usage": 2}
        assert call(run.ready(), "GET", "/v1/events/")["pagination"]["total_count"] == 2
        run.process.kill()
        run.ended()
    with started(data) as run:
        await_names(run, run.ready(), {"api_usage": 2})


def test_a_new_meter_counts_what_came_before_it(data: Path) -> None:
    with started(data) as run:
        service = run.ready()
        call(service, "POST", "/v1/events/ingest", json={"events": [EVENT]})
        body = {"email": "user@example.com", "external_id": "user_1"}
        customer_id = call(service, "POST", "/v1/customers/", json=body)["id"]
        call(service, "POST", "/v1/meters/", json=METER)

        def balance() -> tuple[int, bool]:
            state = call(service, "GET", f"/v1/customers/{customer_id}/state")
            (meter,) = state["active_meters"]
            return meter["balance"], meter["complete"]

        run.wait_for(lambda: balance() == (3, True))
        run.wait_for(
            lambda: call(service, "GET", "/v1/meters/")["items"][0]["backfill"]["complete"]
        )


def test_the_data_of_a_service_that_had_nothing_to_project_can_be_looked_at(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "aureon_oat_older"
    with engine.running(data / "engine", persistent=True) as running:
        client = aureon_store.connect(running.endpoint_url, **engine.CREDENTIALS)
        schema = {name: value for name, value in SCHEMA.items() if name != "StreamSpecification"}
        client.create_table(TableName=DEFAULT_TABLE, **schema)
        store = Store(client, DEFAULT_TABLE)
        monkeypatch.setattr(runtime, "_store", lambda: store)
        organization_id = organizations.create(store, "Older")
        tokens.create(store.of(organization_id), token=token)
        Api(store.of(organization_id), token).ingest(EVENT)

    with started(data, AUREON_ACCESS_TOKEN=token) as run:
        found = run.ready()
        service = Service(found.url, token, organization_id)
        await_names(run, service, {"api_usage": 1})
        call(service, "POST", "/v1/events/ingest", json={"events": [EVENT]})
        await_names(run, service, {"api_usage": 2})
