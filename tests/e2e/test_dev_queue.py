"""The ingestion queue of ``aureon dev``: its messages count, or become dead letters, and stay."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from aureon.access import tokens
from aureon.core import exact
from aureon.storage import queue
from aureon.storage import store as aureon_store
from aureon.storage.queue import Queue, text
from aureon.storage.store import Store
from aureon_cli.engine import CREDENTIALS, Engine
from tests.support.local_service import AUREON, Run, Service, clean_environment, started

METER = {
    "name": "API usage",
    "filter": {"conjunction": "and", "clauses": []},
    "aggregation": {"func": "count"},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def notice(data: Path) -> dict[str, Any]:
    """Where the service is that runs with this data, and what it uses."""
    found: dict[str, Any] = json.loads((data / "engine.json").read_text())
    return found


def queue_of(data: Path, name: str) -> Queue:
    where = notice(data)
    return Queue(queue.connect(where["endpoint_url"], **CREDENTIALS), where[name])


def ledger(data: Path) -> Store:
    where = notice(data)
    return Store(aureon_store.connect(where["endpoint_url"], **CREDENTIALS), where["table"])


def send(data: Path, organization_id: str, *events: dict[str, Any]) -> None:
    queue_of(data, "queue_url").send(
        exact.write({"events": events}).decode(), {"organization_id": text(organization_id)}
    )


def call(service: Service, method: str, path: str, json: Any = None) -> Any:
    answer = httpx.request(
        method,
        service.url + path,
        json=json,
        headers={"Authorization": f"Bearer {service.token}"},
        timeout=30,
    )
    assert answer.is_success, answer.text
    return answer.json()


def balances(service: Service) -> list[int]:
    return [meter["balance"] for meter in call(service, "GET", "/v1/customer-meters/")["items"]]


def impatient(data: Path) -> None:
    """Deliver what failed again at once, from the next poll on, rather than after half a minute."""
    ingestion = queue_of(data, "queue_url")
    ingestion.client.set_queue_attributes(
        QueueUrl=ingestion.url, Attributes={"VisibilityTimeout": "0"}
    )


def dead_letters(run: Run, service: Service) -> list[dict[str, Any]]:
    """Wait for dead letters."""
    found: list[dict[str, Any]] = []

    def any_there() -> bool:
        found[:] = call(service, "GET", "/v1/dead-letters/")["items"]
        return bool(found)

    run.wait_for(any_there)
    return found


def test_messages_count_and_those_that_cannot_become_dead_letters(data: Path) -> None:
    with started(data) as run:
        service = run.ready()
        call(service, "POST", "/v1/meters/", METER)
        customer = call(service, "POST", "/v1/customers/", {"email": "user@example.com"})
        impatient(data)

        send(data, service.organization_id, {"name": "use", "customer_id": customer["id"]})
        run.wait_for(lambda: balances(service) == [1])

        send(data, service.organization_id, {"name": "use", "customer_id": "nobody"})
        (letter,) = dead_letters(run, service)
        assert letter["reason"] == "body.events.0.customer_id: Customer does not exist."
        answer = call(service, "POST", "/v1/dead-letters/redrive", {"ids": [letter["id"]]})
        assert answer["redriven"] == 1
        (again,) = dead_letters(run, service)
        assert again["id"] != letter["id"]
        assert again["first_received_at"] == letter["first_received_at"]
        assert balances(service) == [1]
    assert run.process.returncode == 0


def test_messages_outlive_a_restart_on_another_port(data: Path) -> None:
    with started(data) as run:
        organization_id = run.ready().organization_id
        dead = queue_of(data, "dead_letter_queue_url")
        dead.send('{"events": []}', {"organization_id": text(organization_id)})
        first_url = dead.url

    with started(data) as run:
        service = run.ready()
        assert queue_of(data, "dead_letter_queue_url").url != first_url
        assert len(dead_letters(run, service)) == 1
        call(service, "POST", "/v1/meters/", METER)
        send(data, service.organization_id, {"name": "use", "external_customer_id": "user_123"})
        call(
            service,
            "POST",
            "/v1/customers/",
            {"email": "user@example.com", "external_id": "user_123"},
        )
        run.wait_for(lambda: balances(service) == [1])


def test_a_message_in_its_queue_is_on_disk_while_the_service_runs(data: Path) -> None:
    """So a power cut costs the last moments: here both processes are killed, and none saves."""
    with started(data) as run:
        organization_id = run.ready().organization_id
        queue_of(data, "dead_letter_queue_url").send(
            '{"events": []}', {"organization_id": text(organization_id)}
        )
        saved = data / "engine" / "state" / "1" / "sqs.json"
        run.wait_for(lambda: saved.exists() and organization_id in saved.read_text())
        os.kill(int((data / "engine" / "lock").read_text()), signal.SIGKILL)
        run.process.kill()
        run.ended()
    with started(data) as run:
        assert len(dead_letters(run, run.ready())) == 1


def test_another_engine_has_a_queue_only_where_one_is_named(data: Path, engine: Engine) -> None:
    with started(data, **engine.environment, AUREON_TABLE="without-a-queue") as run:
        service = run.ready()
        assert notice(data)["queue_url"] is None
        assert call(service, "GET", "/v1/dead-letters/")["items"] == []


@pytest.mark.parametrize(
    ("name", "scopes"), [("make dev", set(tokens.SCOPES)), ("mine", {"meters:read"})]
)
def test_a_token_made_here_opens_what_has_come_since_and_another_stays_as_it_was_made(
    data: Path, name: str, scopes: set[str]
) -> None:
    with started(data) as run:
        organization_id = run.ready().organization_id
        token, record = tokens.create(
            ledger(data).of(organization_id), name=name, scopes=["meters:read"]
        )
    with started(data, AUREON_ACCESS_TOKEN=token) as run:
        run.ready()
        records = tokens.list_records(ledger(data).of(organization_id))
        assert (
            tokens.TokenAuthenticator().authenticate(ledger(data), f"Bearer {token}").scopes
            == scopes
        )
        assert {frozenset(one.scopes) for one in records if one.id == record.id} == {
            frozenset(scopes)
        }


def ingest(data: Path, file: Path, *more: str) -> list[str]:
    """The command for a file of events, with nothing said of where they go, or who sends them."""
    return [str(AUREON), "--local", "--data", str(data), "ingest", str(file), *more]


def lines(number: int) -> str:
    return number * '{"name": "use", "external_customer_id": "user_123"}\n'


def prepare(service: Service) -> None:
    call(service, "POST", "/v1/meters/", METER)
    customer = {"email": "user@example.com", "external_id": "user_123"}
    call(service, "POST", "/v1/customers/", customer)


def everything_on(screen: int) -> str:
    """What is written to a terminal, until nobody has it any more."""
    shown = b""
    with suppress(OSError):  # which is how the last read ends
        while more := os.read(screen, 4096):
            shown += more
    os.close(screen)
    return shown.decode()


def test_a_file_is_sent_to_the_queue_from_the_command_line(data: Path, tmp_path: Path) -> None:
    """With a bar on the terminal, and the summary alone on standard output."""
    file = tmp_path / "events.jsonl"
    file.write_text(lines(2500))
    screen, terminal = pty.openpty()
    with started(data) as run:
        service = run.ready()
        prepare(service)

        with subprocess.Popen(
            ingest(data, file, "--queue"),
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
            env=clean_environment(),
        ) as sending:
            os.close(terminal)
            shown = everything_on(screen)
            said, _ = sending.communicate(timeout=60)
        assert said == "queued 2500, rejected 0\n", shown
        assert " lines " in shown
        run.wait_for(lambda: balances(service) == [2500])


def test_a_file_is_sent_over_http_though_a_ctrl_c_comes_between(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(lines(20_000))
    progress = tmp_path / "events.jsonl.aureon-progress"
    with started(data) as run:
        service = run.ready()
        prepare(service)

        with subprocess.Popen(
            ingest(data, file, "--parallel", "2"),
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        ) as first:
            run.wait_for(progress.exists)
            first.send_signal(signal.SIGINT)
            _, said = first.communicate(timeout=60)
        assert first.returncode == 130, said
        assert "continues from here" in said

        second = subprocess.run(
            ingest(data, file),
            capture_output=True,
            text=True,
            timeout=60,
            env=clean_environment(),
        )
        assert second.stdout == "inserted 20000, duplicates 0, conflicts 0, rejected 0\n"
        assert balances(service) == [20_000]
