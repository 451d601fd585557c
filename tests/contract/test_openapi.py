"""Requests and answers as the OpenAPI document has them, good and bad, to the local service.

What is sent is random, and the same in each run. Half of the ids are replaced by those of things
that there are, so that more is answered than that there is no such thing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from functools import cached_property
from itertools import cycle
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from aureon.api.routes import QUEUE_ROUTE
from tests.support.local_service import Service, started
from tools.reference import __main__ as reference

DOCUMENT: Final = json.loads((reference.FOLDER / "openapi.json").read_text())
# What the document says in words only, as some generators of clients want it.
for name in ("MetadataBody", "EventMetadataBody"):
    DOCUMENT["components"]["schemas"][name]["additionalProperties"] = {
        "anyOf": [
            {"type": "string", "minLength": 1, "maxLength": 500},
            {"type": "number"},
            {"type": "boolean"},
        ]
    }
# Of each operation, and as many that are bad.
REQUESTS: Final = 6
HOLDS: Final = 9
ENDPOINTS: Final = 9
CHECKS: Final = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
    unsupported_method,
)

schema = schemathesis.openapi.from_dict(DOCUMENT)
# A list of every customer's balances is as long as what these tests have made.
schema.config.update(base_url="http://127.0.0.1:1", request_timeout=60)
schema.config.generation.update(modes=list(GenerationMode))


class Known:
    """An organization in which there is one of everything; what a request may use up is new."""

    def __init__(self, service: Service) -> None:
        headers = {"Authorization": f"Bearer {service.token}"}
        self._client = httpx.Client(base_url=service.url, headers=headers, timeout=30)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._client.post(path, json=body)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def customer(self) -> dict[str, Any]:
        tag = uuid.uuid4().hex
        return self.post("/v1/customers/", email=f"{tag}@example.com", external_id=f"user/{tag}")

    @cached_property
    def holds(self) -> Iterator[str]:
        """The ids of some holds: placed before there are meters that count just everything."""
        placed = [
            self.post("/v1/credits/holds", **self.use, external_id=uuid.uuid4().hex)
            for _ in range(HOLDS)
        ]
        return cycle(str(hold["id"]) for hold in placed)

    @cached_property
    def endpoints(self) -> Iterator[str]:
        """The ids of some endpoints: an organization has 20 at most."""
        body: dict[str, Any] = {"url": "https://example.com/hook", "events": ["customer.created"]}
        made = [self.post("/v1/webhooks/endpoints", **body) for _ in range(ENDPOINTS)]
        return cycle(str(endpoint["id"]) for endpoint in made)

    @cached_property
    def meter(self) -> dict[str, Any]:
        clause = {"property": "name", "operator": "eq", "value": "known"}
        return self.post(
            "/v1/meters/",
            name="Known",
            filter={"conjunction": "and", "clauses": [clause]},
            aggregation={"func": "sum", "property": "units"},
        )

    @cached_property
    def spare_meter_id(self) -> str:
        body = {"filter": self.meter["filter"], "aggregation": {"func": "count"}}
        return str(self.post("/v1/meters/", name="Spare", **body)["id"])

    @cached_property
    def holder(self) -> dict[str, Any]:
        """A customer with credits, by a meter that was there before."""
        assert self.meter
        customer = self.customer()
        grant = self._event(customer["id"], -1_000_000)
        grant["metadata"]["_cost"] = {"amount": 0.5, "currency": "usd"}
        self.post("/v1/events/ingest", events=[grant])
        return customer

    @cached_property
    def use(self) -> dict[str, Any]:
        return self._event(self.holder["id"], 1)

    @cached_property
    def event_id(self) -> str:
        id_: str = self.post("/v1/credits/spend", **self.use)["id"]
        return id_

    @cached_property
    def session_token(self) -> str:
        return str(self.post("/v1/customer-sessions/", customer_id=self.holder["id"])["token"])

    @cached_property
    def grant_id(self) -> str:
        terms = {"meter_id": self.meter["id"], "expires_in_seconds": 86_400}
        return str(self.post("/v1/credits/grants", **self.use, **terms)["id"])

    @cached_property
    def balance_id(self) -> str:
        named = {"customer_id": self.holder["id"]}
        found = self._client.get("/v1/customer-meters/", params=named).json()
        id_: str = found["items"][0]["id"]
        return id_

    def id_for(self, method: str, path: str) -> str:
        """An id that a path may have."""
        match path.split("/")[1:]:
            case ["v1", "customers", "external", *_]:
                customer = self.holder if method == "GET" else self.customer()
                return str(customer["external_id"])
            case ["v1", "customers", *_]:
                return str((self.holder if method == "GET" else self.customer())["id"])
            case ["v1", "meters", _, "quantities"]:
                return str(self.meter["id"])
            case ["v1", "meters", *_]:
                return self.spare_meter_id
            case ["v1", "customer-meters", "credits", *_]:
                credit = {"customer_id": self.holder["id"], "meter_id": self.meter["id"]}
                return str(self.post("/v1/customer-meters/credits", **credit, units=1)["id"])
            case ["v1", "customer-meters" | "customer-portal", *_]:
                return self.balance_id
            case ["v1", "webhooks", "endpoints", *_]:
                return next(self.endpoints)
            case ["v1", "webhooks" | "dead-letters", *_]:
                # What there is none of here: the answer is described too.
                return uuid.uuid4().hex
            case ["v1", "events", _, "void"]:
                return str(self.post("/v1/credits/spend", **self.use)["id"])
            case ["v1", "events", _]:
                return self.event_id
            case ["v1", "credits", "holds", *_]:
                return next(self.holds)
            case ["v1", "credits", "grants", *_]:
                return self.grant_id
            case ["v1", "tokens", _]:
                return str(self.post("/v1/tokens/", scopes=["events:read"])["id"])
        raise LookupError(path)

    def _event(self, customer_id: str, units: int) -> dict[str, Any]:
        return {"name": "known", "customer_id": customer_id, "metadata": {"units": units}}

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of these tests' own: what they send to the queue is of no use to others."""
    with started(tmp_path_factory.mktemp("service") / "data") as run:
        yield run.ready()


@pytest.fixture(scope="module")
def known(service: Service) -> Iterator[Known]:
    known = Known(service)
    assert known.event_id
    assert known.balance_id
    assert known.grant_id
    assert known.holds
    assert known.endpoints
    assert known.spare_meter_id
    yield known
    known.close()


@schema.parametrize()
@settings(
    max_examples=REQUESTS,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_is_asked_and_answered_is_what_is_described(
    case: schemathesis.Case[Any], service: Service, known: Known
) -> None:
    use_known_id(case, known)
    checks = [*CHECKS, negative_data_rejection] if refuses_what_is_bad(case) else [*CHECKS]
    of_session = case.path.startswith("/v1/customer-portal/")
    headers = {"Authorization": f"Bearer {known.session_token if of_session else service.token}"}
    response = case.call(base_url=service.url, headers=headers)
    # Described too: a spend, say, has to wait for a meter that is still counting the past.
    assert response.status_code < 500 or response.status_code == 503, response.text
    case.validate_response(response, checks=checks, headers=headers)


def use_known_id(case: schemathesis.Case[Any], known: Known) -> None:
    """Replace every second id that is good by one of something that there is."""
    path = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
    if path is None or path.mode == GenerationMode.NEGATIVE:
        return
    for name, value in case.path_parameters.items():
        if len(str(value)) % 2:
            case.path_parameters[name] = known.id_for(case.method, case.path)


def refuses_what_is_bad(case: schemathesis.Case[Any]) -> bool:
    """Whether a request that the document does not allow must be refused.

    The queue takes what it gets. And a parameter that may be repeated is bad to the document where
    it stands once by itself, which nobody can see in what is sent.
    """
    parameters = case.operation.definition.raw.get("parameters", ())
    repeated = [each for each in parameters if each["schema"].get("type") == "array"]
    return case.path != QUEUE_ROUTE.path and not repeated
