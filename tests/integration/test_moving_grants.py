"""Grants leave by ``aureon export --grants``, and move in by ``aureon import grants``."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from aureon.core import exact
from aureon.core.retry import Backoff
from aureon_cli.main import app
from aureon_cli.transfer import http_api
from tests.support.local_service import Service

CREDITED = {
    "source": "system",
    "name": "meter.credited",
    "timestamp": "2098-01-31T00:00:00Z",
    "organization_id": "1dbfc517-0bbf-4301-9ba8-555ca42b9737",
    "label": "Credited",
}


class Caller:
    """Who calls the service, with names of its own: the service is shared."""

    def __init__(self, http: httpx.Client, service: Service) -> None:
        self.http = http
        self.suffix = uuid.uuid4().hex[:8]
        self.usage = self.name("usage")
        self._where = ["--url", service.url, "--token", service.token]
        clause = {"property": "name", "operator": "eq", "value": self.usage}
        self.post(
            "/v1/meters/",
            name="Moved",
            filter={"conjunction": "and", "clauses": [clause]},
            aggregation={"func": "sum", "property": "units"},
        )

    def name(self, text: str) -> str:
        return f"{text}-{self.suffix}"

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        return exact.parse(answer.raise_for_status().content)

    def customer(self, text: str) -> str:
        name = self.name(text)
        self.post("/v1/customers/", email=f"{name}@example.com", external_id=name)
        return name

    def grant(self, customer: str, units: int, **terms: Any) -> Any:
        event = {"external_customer_id": customer, "name": self.usage, "metadata": {"units": units}}
        return self.post("/v1/credits/grants", **event, **terms)

    def spend(self, customer: str, units: int) -> None:
        event = {"external_customer_id": customer, "name": self.usage, "metadata": {"units": units}}
        self.post("/v1/credits/spend", **event)

    def lots(self, customer: str) -> list[Any]:
        path = f"/v1/customers/external/{customer}/state"
        answer = self.http.get(path, params={"lots": "true"}).raise_for_status()
        (meter,) = exact.parse(answer.content)["active_meters"]
        return [(lot["priority"], lot["remaining_units"], lot["recurs"]) for lot in meter["lots"]]

    def balance(self, customer: str) -> Any:
        answer = self.http.get(f"/v1/customers/external/{customer}/state").raise_for_status()
        (meter,) = exact.parse(answer.content)["active_meters"]
        return meter["balance"]

    def run(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*arguments, *self._where])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result


@pytest.fixture
def caller(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(http_api, "BACKOFF", Backoff(0.0))
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=service.url, headers=headers) as http:
        yield Caller(http, service)


def write(file: str, *values: Any) -> str:
    Path(file).write_text("".join(f"{exact.write(value).decode()}\n" for value in values))
    return file


def read(file: str) -> list[Any]:
    return [exact.parse(line) for line in Path(file).read_bytes().splitlines()]


def test_what_is_left_of_grants_moves_to_another_customer_whole(caller: Caller) -> None:
    ann, bob = caller.customer("ann"), caller.customer("bob")
    caller.grant(ann, 10, expires_at="2098-01-01T00:00:00Z", priority=3, note="Promotion")
    caller.grant(
        ann,
        1000,
        priority=7,
        recurrence={"every": "month", "timezone": "Europe/Berlin", "count": 12},
        rollover={"max_units": 500},
    )
    caller.grant(ann, 5)
    caller.spend(ann, 30)
    caller.run("export", "grants.jsonl", "--grants", "--external-customer", ann)
    found = read("grants.jsonl")

    assert [one["metadata"]["units"] for one in found] == [980]
    (moved,) = found
    assert (moved["external_customer_id"], moved["recurrence"]["units"]) == (ann, 1000)
    assert (moved["recurrence"]["count"], moved["rollover"]) == (12, {"max_units": 500})
    write("moved.jsonl", {**moved, "external_customer_id": bob})
    done = caller.run("import", "grants", "moved.jsonl")
    assert done.stdout == "inserted 1, duplicates 0, rejected 0\n"
    Path("moved.jsonl.aureon-progress").unlink()
    caller.run("import", "grants", "moved.jsonl")
    assert caller.lots(bob) == [(7, 980, True)]
    # It comes back at the same time as before, with as much.
    caller.run("export", "again.jsonl", "--grants", "--external-customer", bob)
    (again,) = read("again.jsonl")
    kept = ("recurrence", "rollover", "priority", "metadata", "name")
    assert {name: again[name] for name in kept} == {name: moved[name] for name in kept}


def test_a_grant_that_is_used_up_moves_if_it_comes_back(caller: Caller) -> None:
    ann, bob = caller.customer("ann"), caller.customer("bob")
    caller.grant(ann, 10, recurrence={"every": "month"})
    caller.grant(ann, 20, expires_at="2098-01-01T00:00:00Z", priority=0)
    caller.spend(ann, 30)
    output = caller.run("export", "-", "--grants", "--external-customer", ann).stdout
    (left,) = map(exact.parse, output.encode().splitlines())
    write("left.jsonl", {**left, "external_customer_id": bob})

    caller.run("import", "grants", "left.jsonl")
    answer = caller.http.get("/v1/credits/grants", params={"external_customer_id": bob})
    (made,) = exact.parse(answer.content)["items"]
    assert (made["units"], made["recurrence"]["units"]) == (0, 10)


def test_grants_come_from_a_table_too(caller: Caller) -> None:
    ann = caller.customer("ann")
    Path("grants.csv").write_text(
        "id,external_customer_id,name,metadata.units,priority,expires_at,recurrence.every,"
        "recurrence.count,rollover.max_units,note\n"
        f"{caller.name('1')},{ann},{caller.usage},100,10,,month,12,50,Allowance\n"
        f"{caller.name('2')},{ann},{caller.usage},20,,2098-01-01T00:00:00Z,,,,\n"
        f"{caller.name('3')},{ann},{caller.usage},5,,,,,,\n"
        f"{caller.name('4')},{ann},typo,5,,,,,,\n"
        f",{ann},{caller.usage},5,,,,,,\n"
    )

    tried = caller.run("import", "grants", "grants.csv", "--dry-run", code=1)
    assert caller.http.get(f"/v1/customers/external/{ann}/state").json()["active_meters"] == []
    assert "meter Moved: 3 events, 125 in all" in tried.stdout
    done = caller.run("import", "grants", "grants.csv", code=1)
    assert done.stdout == "inserted 3, duplicates 0, rejected 2\n"
    reasons = [one["error"] for one in read("grants.csv.aureon-rejected.jsonl")]
    assert reasons == [
        "name: No sum meter counts this event.",
        "external_id: A grant needs an id, so that it counts once.",
    ]
    assert caller.lots(ann) == [(10, 100, True), (50, 20, False)]
    assert caller.balance(ann) == -125


def test_polars_credits_expire_with_their_period_unless_they_roll_over(caller: Caller) -> None:
    ann = caller.customer("ann")
    credited = {**CREDITED, "customer": {"external_id": ann}}
    meter = {"meter_id": "polars-meter"}
    write(
        "polar.jsonl",
        {**credited, "id": caller.name("1"), "metadata": {**meter, "units": 9, "rollover": True}},
        {**credited, "id": caller.name("2"), "metadata": {**meter, "units": 7, "rollover": False}},
        {
            **credited,
            "id": caller.name("3"),
            "timestamp": "2026-01-31T00:00:00Z",
            "metadata": {**meter, "units": 5, "rollover": False},
        },
        {**credited, "id": caller.name("4"), "name": "meter.reset", "metadata": meter},
    )
    polar = ("polar.jsonl", "--from", "polar", "--grants", f"polars-meter={caller.usage}:units")
    unsaid = caller.run("import", "grants", *polar, code=1)
    assert unsaid.stdout == "inserted 1, duplicates 0, rejected 3\n"
    Path("polar.jsonl.aureon-progress").unlink()

    caller.run("import", "grants", *polar, "--cycle", "month", code=1)
    reasons = [one["error"] for one in read("polar.jsonl.aureon-rejected.jsonl")]
    assert reasons[-2:] == [
        "Its period has ended: what was left of it is gone.",
        "Of Polar's events only meter.credited grants credits.",
    ]
    assert caller.balance(ann) == -16
    answer = caller.http.get("/v1/credits/grants", params={"external_customer_id": ann})
    (lot,) = exact.parse(answer.content)["items"]
    assert (lot["units"], lot["expires_at"]) == (7, "2098-02-28T00:00:00.000000Z")


def test_a_lapse_of_another_aureon_is_no_event(caller: Caller) -> None:
    ann = caller.customer("ann")
    lapse = {
        "id": caller.name("1"),
        "external_customer_id": ann,
        "name": "credits.expired",
        "metadata": {"grant_id": "1", "units": 5},
    }
    write("events.jsonl", lapse)

    caller.run("import", "events", "events.jsonl", code=1)
    (refused,) = read("events.jsonl.aureon-rejected.jsonl")
    assert refused["error"].startswith("What becomes of a grant with terms is not an event")
