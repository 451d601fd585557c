"""``docs/queue.md``: its code runs as it stands there, and prints what it says that it prints.

It is marked as README's is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aureon import queue
from aureon_cli.engine import CREDENTIALS, REGION
from tests.contract.test_readme import BLOCK, URL
from tests.local_service import Run, Service, clean_environment, started

GUIDE = (Path(__file__).parents[2] / "docs" / "queue.md").read_text()
BLOCKS = [match.groupdict() for match in BLOCK.finditer(GUIDE)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A service whose messages are delivered again at once, rather than after half a minute."""
    with started(tmp_path_factory.mktemp("guide") / "data") as run:
        run.ready()
        found = notice(run)
        client = queue.connect(found["endpoint_url"], **CREDENTIALS)
        client.set_queue_attributes(
            QueueUrl=found["queue_url"], Attributes={"VisibilityTimeout": "0"}
        )
        yield run


@pytest.fixture
def service(run: Run) -> Service:
    return run.ready()


def notice(run: Run) -> dict[str, str]:
    found: dict[str, str] = json.loads((run.data / "engine.json").read_text())
    return found


def code_and_output(name: str) -> tuple[str, str]:
    blocks = [block for block in BLOCKS if (block["mark"], block["what"]) == ("runs", name)]
    code = "\n".join(block["code"] for block in blocks)
    return code, "".join(block["output"] or "" for block in blocks)


def test_the_commands_print_what_the_guide_says(run: Run, service: Service, tmp_path: Path) -> None:
    code, output = code_and_output("queue")
    given = {
        "AUREON_ACCESS_TOKEN": service.token,
        "AUREON_DATA": str(run.data),
        "PATH": f"{Path(sys.executable).parent}:{clean_environment()['PATH']}",
    }

    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code.replace(URL, service.url)],
        env=clean_environment() | given,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout == output


def test_a_message_of_ones_own_counts(run: Run, service: Service) -> None:
    code, _ = code_and_output("boto3")
    given = {
        "AUREON_QUEUE_URL": notice(run)["queue_url"],
        "ORGANIZATION_ID": service.organization_id,
        "AWS_ENDPOINT_URL": notice(run)["endpoint_url"],
        "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": REGION,
    }
    with httpx.Client(
        base_url=service.url, headers={"Authorization": f"Bearer {service.token}"}
    ) as api:
        customer = {"email": "someone@example.com", "external_id": "user_123"}
        api.post("/v1/customers/", json=customer).raise_for_status()
        everything = {"conjunction": "and", "clauses": []}
        sum_of_units = {"func": "sum", "property": "units"}
        meter = {"name": "Units", "filter": everything, "aggregation": sum_of_units}
        api.post("/v1/meters/", json=meter).raise_for_status()

        for _ in range(2):
            subprocess.run(
                [sys.executable, "-c", code], env=clean_environment() | given, check=True
            )

        run.wait_for(
            lambda: (
                [found["balance"] for found in api.get("/v1/customer-meters/").json()["items"]]
                == [5]
            )
        )


def test_the_guide_has_no_code_that_nothing_runs() -> None:
    assert GUIDE.count("```") == 2 * sum(1 + bool(block["output"]) for block in BLOCKS)
    assert {(block["mark"], block["what"]) for block in BLOCKS} == {
        ("runs", "queue"),
        ("runs", "boto3"),
    }
