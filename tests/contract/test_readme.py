"""README's code runs as it stands there, and prints what README says that it prints.

A comment above each block of code names what runs it: ``<!-- runs: curl -->``. Blocks with the same
name run one after the other, in one go. A block of ``text`` right below a block of code is what it
prints. Code that cannot run says why: ``<!-- not run: the reason -->``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest

from tests.contract.clients import CLIENTS, ROOT, Client
from tests.local_service import Service, clean_environment, started

URL = "http://127.0.0.1:8000"
CUSTOMER = "/v1/customers/external/user_123"
# Three ways to read the balance after the grant, then the balance after each use.
STORY = 3 * ["balance -10, available 10"] + ["balance -7, available 7", "balance 1, available 0"]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>runs|not run): (?P<what>[^\n]+) -->\n)?"
    r"^```(?P<language>\w*)\n(?P<code>.*?)^```\n"
    r"(?:^```text\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
README = (ROOT / "README.md").read_text()
BLOCKS = [match.groupdict() for match in BLOCK.finditer(README)]
Ended: TypeAlias = "subprocess.CompletedProcess[str]"


@dataclass(frozen=True)
class Stage:
    """Where code runs: a service of its own, its data, and an empty folder."""

    service: Service
    data: Path
    folder: Path


def bash(stage: Stage, code: str) -> Ended:
    given = {
        "AUREON_ACCESS_TOKEN": stage.service.token,
        "AUREON_DATA": str(stage.data),
        "PATH": f"{Path(sys.executable).parent}:{clean_environment()['PATH']}",
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        env=clean_environment() | given,
        cwd=stage.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def through(client: Client) -> Callable[[Stage, str], Ended]:
    """What runs code with a published client, after a look at its types where it has some."""

    def run(stage: Stage, code: str) -> Ended:
        if client.missing:
            pytest.skip(client.missing)
        script = stage.folder / client.driver.with_stem("guide").name
        script.write_text(code)
        if script.suffix == ".mts":
            (stage.folder / "node_modules").symlink_to(client.environment)
            checked = client.check(script)
            if checked.returncode:
                return checked
        return client.run(script, stage.service)

    return run


def python(stage: Stage, code: str) -> Ended:
    """What runs code that talks plain HTTP, with httpx."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment() | {"AUREON_ACCESS_TOKEN": stage.service.token},
        cwd=stage.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SDKS = {client.name: through(client) for client in CLIENTS}
# Code that calls fetch needs no client, only what runs TypeScript.
RUNNERS = {
    "curl": bash,
    "aureon": bash,
    "python": python,
    "typescript": SDKS["typescript-1"],
} | SDKS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    """A service that nobody has used before, as it is for README's reader."""
    with started(tmp_path_factory.mktemp("readme") / "data") as run:
        yield run.ready(), run.data


@pytest.fixture
def stage(run: tuple[Service, Path], tmp_path: Path) -> Iterator[Stage]:
    service, data = run
    yield Stage(service, data, tmp_path)
    # A telling that failed midway leaves its customer in the way of the next one.
    headers = {"Authorization": f"Bearer {service.token}"}
    httpx.delete(service.url + CUSTOMER, headers=headers)


def code_and_output(name: str, url: str) -> tuple[str, str]:
    blocks = [block for block in BLOCKS if (block["mark"], block["what"]) == ("runs", name)]
    code = "\n".join(block["code"] for block in blocks)
    return code.replace(URL, url), "".join(block["output"] or "" for block in blocks)


@pytest.mark.parametrize("name", RUNNERS)
def test_code_prints_what_readme_says(stage: Stage, name: str) -> None:
    code, output = code_and_output(name, stage.service.url)
    ended = RUNNERS[name](stage, code)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    if output:
        assert ended.stdout == output


def test_a_race_for_credits_is_lost_by_checking_first_only(stage: Stage) -> None:
    ended = python(
        stage, (ROOT / "examples" / "race.py").read_text().replace(URL, stage.service.url)
    )

    assert ended.returncode == 0, ended.stderr
    checked, spent = map(int, re.findall(r"(\d+) admitted", ended.stdout))
    assert checked >= 10
    assert spent == 10


def test_the_commands_for_tokens_print_tokens_that_work(stage: Stage) -> None:
    code, _ = code_and_output("aureon", stage.service.url)
    printed = bash(stage, code).stdout
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
    _, output = code_and_output(name, URL)
    assert [line for line in output.splitlines() if line.startswith("balance")] == STORY


def test_readme_has_no_code_that_nothing_runs() -> None:
    assert README.count("```") == 2 * sum(1 + bool(block["output"]) for block in BLOCKS)
    for block in BLOCKS:
        runs = block["mark"] == "runs" and block["what"] in RUNNERS
        assert runs or block["mark"] == "not run", f"Nothing runs:\n{block['code']}"


def test_every_telling_names_the_address_that_make_dev_prints() -> None:
    for name in RUNNERS.keys() - {"aureon"}:
        code, _ = code_and_output(name, URL)
        assert code.count(URL) == 1
