"""Each answer on the wire has the keys and the JSON types of its example in ``examples/``.

The published clients parsed every one of the examples. They pass over keys that they do not know,
so an answer may have more of them, and no fewer.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.local_service import Service

EXAMPLES = Path(__file__).parent / "examples"
MAX_READS = 1_000
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")


@pytest.fixture(scope="module")
def http(service: Service) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=service.url, headers=headers) as client:
        yield client


@pytest.fixture(scope="module")
def answers(http: httpx.Client) -> dict[str, httpx.Response]:
    """One answer for each example, from the story that the examples tell."""
    tag = uuid.uuid4().hex
    email, external_id = f"{tag}@example.com", f"user/{tag}"
    by_external_id = f"/v1/customers/external/{external_id.replace('/', '%2F')}"
    meter_body = {
        "name": f"API Calls {tag}",
        "filter": {
            "conjunction": "and",
            "clauses": [{"property": "name", "operator": "eq", "value": f"api_usage-{tag}"}],
        },
        "aggregation": {"func": "sum", "property": "units"},
    }

    told: dict[str, httpx.Response] = {}
    told["meters.create.201"] = http.post("/v1/meters/", json=meter_body)
    meter_id = told["meters.create.201"].json()["id"]
    told["meters.get.200"] = http.get(f"/v1/meters/{meter_id}")
    unused = {"property": "name", "operator": "eq", "value": f"unused-{tag}"}
    counting = meter_body | {
        "filter": {"conjunction": "or", "clauses": [unused]},
        "aggregation": {"func": "count"},
    }
    http.post("/v1/meters/", json=counting).raise_for_status()
    retired_id = http.post("/v1/meters/", json=meter_body).json()["id"]
    told["meters.list.200"] = http.get("/v1/meters/", params={"query": tag})
    told["meters.update.200"] = http.patch(f"/v1/meters/{retired_id}", json={"is_archived": True})

    told["customers.create.201"] = http.post(
        "/v1/customers/", json={"email": email, "name": "John Doe", "externalId": external_id}
    )
    customer = f"/v1/customers/{told['customers.create.201'].json()['id']}"
    told["customers.get.200"] = http.get(customer)
    told["customers.getExternal.200"] = http.get(by_external_id)
    told["customers.list.200"] = http.get("/v1/customers/", params={"email": email})

    grant = {
        "externalCustomerId": external_id,
        "name": f"api_usage-{tag}",
        "metadata": {"units": -10},
    }
    told["events.ingest.200"] = http.post("/v1/events/ingest", json={"events": [grant]})
    told["customers.getState.200"] = http.get(f"{customer}/state")
    told["customerMeters.list.200"] = http.get(
        "/v1/customer-meters/", params={"external_customer_id": external_id}
    )
    balance_id = told["customerMeters.list.200"].json()["items"][0]["id"]
    told["customerMeters.get.200"] = http.get(f"/v1/customer-meters/{balance_id}")

    listed: dict[str, Any] = {"customer_id": customer.rpartition("/")[2], "name": grant["name"]}
    http.post("/v1/events/ingest", json={"events": [listed | {"metadata": {"units": 1}}]})
    chosen = listed | {"metadata[units]": 1}
    told["events.list.200"] = http.get("/v1/events/", params=chosen)
    event_id = told["events.list.200"].json()["items"][0]["id"]
    told["events.get.200"] = http.get(f"/v1/events/{event_id}")
    told["events.listNames.200"] = projected(
        lambda: http.get("/v1/events/names", params={"query": tag}),
        lambda names: bool(names["items"]),
    )
    day = {"start_timestamp": "2026-11-23T00:00:00Z", "end_timestamp": "2026-11-24T00:00:00Z"}
    told["meters.quantities.200"] = http.get(
        f"/v1/meters/{meter_id}/quantities", params=day | {"interval": "day"}
    )
    told["customers.update.200"] = http.patch(customer, json={"name": "Jane"})

    wrong = {"Authorization": "Bearer aureon_oat_wrong"}
    told["error.401"] = http.get(customer, headers=wrong)
    told["error.404"] = http.get(f"/v1/customers/{uuid.uuid4()}")
    told["error.422"] = http.post("/v1/customers/", json={"email": email})
    return told


def projected(read: Callable[[], httpx.Response], reached: Callable[[Any], bool]) -> httpx.Response:
    """What follows ingestion by a moment, once it has: bounded, and whatever it is in the end."""
    answer = read()
    for _ in range(MAX_READS):
        if reached(answer.json()):
            break
        answer = read()
    return answer


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.iterdir()))
def test_an_answer_has_the_keys_and_types_of_its_example(
    answers: dict[str, httpx.Response], name: str
) -> None:
    answer = answers[name]
    assert answer.status_code == int(name.rpartition(".")[2])
    assert answer.headers["content-type"] == "application/json"
    example = json.loads((EXAMPLES / f"{name}.json").read_text())
    assert list(differences(answer.json(), example)) == []


@pytest.mark.parametrize("name", ["error.401", "error.404"])
def test_an_error_that_clients_know_by_its_words_has_them(
    answers: dict[str, httpx.Response], name: str
) -> None:
    assert answers[name].json() == json.loads((EXAMPLES / f"{name}.json").read_text())


def differences(answer: Any, example: Any, place: str = "body") -> Iterator[str]:
    """Where an answer falls short of an example. A list's elements fit one of the example's."""
    match example:
        case dict() if isinstance(answer, dict):
            for key, value in example.items():
                if key in answer:
                    yield from differences(answer[key], value, f"{place}.{key}")
                else:
                    yield f"{place}.{key} is missing"
        case list() if isinstance(answer, list):
            if bool(answer) != bool(example):
                yield f"{place} has {len(answer)} elements, not {len(example)}"
                return
            for index, element in enumerate(answer):
                tried = (differences(element, each, f"{place}[{index}]") for each in example)
                yield from min((list(each) for each in tried), key=len)
        case str() if TIME.fullmatch(example):
            if not (isinstance(answer, str) and TIME.fullmatch(answer)):
                yield f"{place} is {answer!r}, not a time in UTC"
        case float() if type(answer) is int:
            pass  # JSON knows numbers only, and clients that read a fraction read a whole one too.
        case _ if type(answer) is not type(example):
            yield f"{place} is {answer!r}, which is not of the type of {example!r}"


def test_a_difference_from_an_example_is_seen() -> None:
    example: Any = {
        "n": 1,
        "none": None,
        "at": "2026-11-23T22:56:45Z",
        "items": [{"a": 1}, {"b": ""}],
    }
    answer: Any = {"n": 1.0, "at": "2026-11-23T22:56:45+01:00", "items": [{"b": 1}], "more": True}
    assert list(differences(example, example)) == []
    assert len(list(differences(answer, example))) == 4
    for answer, example in (([], [1]), ([1], []), ({}, []), (True, 1), ("10", 10)):
        assert len(list(differences(answer, example))) == 1


def test_balances_on_the_wire_carry_what_callers_want_most(
    answers: dict[str, httpx.Response],
) -> None:
    listed = answers["customerMeters.list.200"].json()["items"][0]
    state = answers["customers.getState.200"].json()["active_meters"][0]
    for balance in (listed, state):
        wanted = {"balance", "available_credits", "used_units", "granted_units"}
        assert {key: balance[key] for key in wanted} == {
            "balance": -10,
            "available_credits": 10,
            "used_units": 0,
            "granted_units": 10,
        }
