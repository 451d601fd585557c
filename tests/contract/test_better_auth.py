"""Polar's plug-in for Better Auth, unmodified: users see what is theirs, and can't grant credits.

Its `usage.ingest` passes a signed-in user's own event on to ingestion, with the shop's token. So
the token must not have the scope `credits:grant`.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.contract.clients import run_typescript
from tests.support.local_service import Service

HERE: Final = Path(__file__).parent / "better-auth"
SCOPES: Final = (
    "customers:read",
    "customers:write",
    "customer_sessions:write",
    "events:write",
)


def visited(service: Service, *scopes: str) -> dict[str, Any]:
    """What each step of a user's visit came to, in a shop whose token has these scopes."""
    if not (HERE / "node_modules").exists():
        pytest.skip("tests/contract/better-auth/node_modules is not there: make test installs it")
    tag = uuid.uuid4().hex[:8]
    api = httpx.Client(
        base_url=service.url, headers={"Authorization": f"Bearer {service.token}"}, timeout=30
    )
    with api:
        meter = {
            "name": f"API calls {tag}",
            "filter": {
                "conjunction": "and",
                "clauses": [{"property": "name", "operator": "eq", "value": f"api_usage-{tag}"}],
            },
            "aggregation": {"func": "sum", "property": "units"},
        }
        api.post("/v1/meters/", json=meter).raise_for_status()
        token = api.post("/v1/tokens/", json={"scopes": scopes}).raise_for_status().json()["token"]
    run = run_typescript(HERE, AUREON_URL=service.url, AUREON_ACCESS_TOKEN=token, TAG=tag)
    assert run.returncode == 0, run.stdout + run.stderr
    steps = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    return {step["step"]: step["value"] for step in steps} | {"tag": tag}


def test_a_user_sees_what_is_theirs_and_cannot_give_themselves_credits(service: Service) -> None:
    found = visited(service, *SCOPES)

    assert found["signed out"] == 401
    assert found["sign up"] == 200
    assert found["customer/state"] == {"status": 200, "own": True, "name": "Ada Lovelace"}
    assert found["customer/portal"] == {
        "status": 200,
        "page": f"{service.url}/portal",
        "theme": "dark",
        "token": "#aureon_cst_",
    }
    assert found["the page's token"] == f"user-{found['tag']}@example.com"
    for name in ("benefits", "subscriptions", "orders"):
        assert found[f"customer/{name}/list"] == [200, []]
    assert found["usage/ingest"] == [200, 1]
    assert found["usage/meters/list"] == [200, [3]]
    assert found["usage/ingest: credits for oneself"] == [500, "Ingestion failed"]
    assert found["usage/meters/list: afterwards"] == [200, [3]]


def test_with_the_scope_of_giving_credits_they_could(service: Service) -> None:
    """Why the documents say what the token must not have; and that the test above can fail."""
    found = visited(service, *SCOPES, "credits:grant")

    assert found["usage/ingest: credits for oneself"] == [200, 1]
    assert found["usage/meters/list: afterwards"] == [200, [-997]]
