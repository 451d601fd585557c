"""README's code runs as it stands there, and prints what README says that it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.clients import CLIENTS, ROOT
from tests.support.documents import DOCUMENTS, README, URL, Document, Stage, bash, python
from tests.support.local_service import Run, started

GUIDE, LOCAL_SERVICE = (Document(ROOT / "docs" / name) for name in ("guide.md", "local-service.md"))
CUSTOMER = "/v1/customers/external/user_123"
# Three ways to read the balance after the grant, then the balance after each use.
STORY = 3 * ["balance -10, available 10"] + ["balance -7, available 7", "balance 1, available 0"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A service that nobody has used before, as it is for README's reader."""
    with started(tmp_path_factory.mktemp("readme") / "data") as run:
        yield run


@pytest.fixture
def stage(run: Run, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage.open(run, tmp_path)
    yield stage
    # A telling that failed midway leaves its customer in the way of the next one.
    headers = {"Authorization": f"Bearer {stage.service.token}"}
    httpx.delete(stage.service.url + CUSTOMER, headers=headers)


@pytest.mark.parametrize("name", README.runs)
def test_code_prints_what_readme_says_and_runs_twice(stage: Stage, name: str) -> None:
    for _ in range(2):
        assert README.printed(name, stage) == README.output(name)


def test_a_race_for_credits_is_lost_by_checking_first_only(stage: Stage) -> None:
    ended = python(stage, (ROOT / "examples" / "race.py").read_text())

    assert ended.returncode == 0, ended.stderr
    checked, spent = map(int, re.findall(r"(\d+) admitted", ended.stdout))
    assert checked >= 10
    assert spent == 10


def test_the_commands_for_tokens_print_tokens_that_work(stage: Stage) -> None:
    printed = bash(stage, LOCAL_SERVICE.code("aureon")).stdout
    narrow, wide = re.findall(r"^aureon_oat_\S+$", printed, re.MULTILINE)
    assert "balance page" in printed

    def status(token: str, path: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(stage.service.url + path, headers=headers).status_code

    assert status(narrow, "/v1/customer-meters/") == 200
    assert status(narrow, "/v1/customers/") == 403
    assert status(wide, "/v1/customers/") == 200


@pytest.mark.parametrize("name", ["curl", *(client.name for client in CLIENTS)])
def test_every_telling_tells_the_same_story(name: str) -> None:
    lines = (README if name == "curl" else GUIDE).output(name).splitlines()
    assert [line for line in lines if line.startswith("balance")] == STORY


def test_code_takes_the_address_from_the_environment() -> None:
    assert f"export AUREON_URL={URL}\n" in README.text
    for document in DOCUMENTS:
        for name in document.runs:
            assert URL not in document.code(name), (document, name)
