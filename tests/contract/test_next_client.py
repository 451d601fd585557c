"""Polar's next client, 1.0.3a5 with its API of 2027-01, gets what it asks for, unmodified."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.clients import CLIENTS, NEXT
from tests.contract.test_clients import STEPS, expected
from tests.support.local_service import Service

(BEFORE,) = (client for client in CLIENTS if client.name == "python-1")
CREDIT: Final = {
    "customer": True,
    "source": "system",
    "name": "meter.credited",
    "units": 10,
    "rollover": False,
    "reason": "manual",
    "meter": True,
    "parent": None,
}
MISSING: Final = [404, "ResourceNotFound"]


def new(tag: str) -> dict[str, Any]:
    """What each step of its own must tell, in a run whose names carry this tag."""
    return {
        "meters.create: external id": True,
        "meters.get_external": True,
        "meters.list: external id": [True],
        "meters.create: external id taken": [422, [["body", "external_id"]]],
        "meters.get_external: nobody's": MISSING,
        "customer_meters.credits": CREDIT,
        "customer_meters.credits: again": True,
        "balance: 10 given": -10,
        "customer_meters.credits: external ids": CREDIT | {"units": 5, "rollover": True},
        "balance: 15 given": -15,
        "customer_meters.credits: another under the id": [
            409,
            "CustomerMeterCreditExternalIDConflict",
        ],
        "customer_meters.credits: none": [422, [["body", "units"]]],
        "customer_meters.reverse_credit": CREDIT | {"units": -6, "parent": True},
        "balance: the rest of 10 taken back": -5,
        "customer_meters.reverse_credit: again": [409, "CustomerMeterCreditNotReversible"],
        "customer_meters.reverse_credit: nobody's": MISSING,
        "events.list: system": [
            ["meter.credited", -6],
            ["meter.credited", 5],
            ["meter.credited", 10],
        ],
        "customers.export": [f"user-{tag}"],
        "event_types.list": [
            ["meter.credited", "system", 3, None],
            [f"next-{tag}", "user", 1, None],
        ],
    }


@dataclass(frozen=True)
class Run:
    tag: str
    told: dict[str, Any]
    complaint: str


def run_of(script: Path, service: Service) -> Run:
    tag = uuid.uuid4().hex
    ended = NEXT.run(script, service, TAG=tag)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return Run(tag, {line["step"]: line["value"] for line in lines}, ended.stderr)


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    if NEXT.missing:
        pytest.skip(NEXT.missing)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver of the client before it, with its own module in the other's place."""
    script = tmp_path_factory.mktemp("next") / "driver.py"
    script.write_text(BEFORE.driver.read_text().replace("polar.v2026_10", "polar.v2027_01"))
    return script


@pytest.fixture(scope="module")
def as_before(script: Path, service: Service) -> Run:
    return run_of(script, service)


@pytest.fixture(scope="module")
def own(service: Service) -> Run:
    return run_of(NEXT.driver, service)


@pytest.mark.parametrize("step", STEPS)
def test_it_gets_what_the_client_before_it_gets(
    as_before: Run, service: Service, step: str
) -> None:
    assert step in as_before.told, as_before.complaint
    assert as_before.told[step] == expected(as_before.tag, service.organization_id)[step]


@pytest.mark.parametrize("step", new(""))
def test_it_gets_what_is_new(own: Run, step: str) -> None:
    assert step in own.told, own.complaint
    assert own.told[step] == new(own.tag)[step]


def test_its_calls_agree_with_its_types(script: Path) -> None:
    for each in (script, NEXT.driver):
        checked = NEXT.check(each)
        assert checked.returncode == 0, checked.stdout
