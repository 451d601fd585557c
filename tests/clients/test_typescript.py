"""The TypeScript client's own tests, against a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.local_service import Service, clean_environment
from tests.support.typescript_client import CLIENT, FOLDER, built, node
from tools.release import version

FILES = sorted(path.name for path in (FOLDER / "test").glob("*.test.ts"))


@pytest.fixture(scope="module", autouse=True)
def ready() -> Iterator[None]:
    if CLIENT.missing:
        pytest.skip(CLIENT.missing)
    with built():
        yield


@pytest.mark.parametrize("file", FILES)
def test_the_client_does_what_its_tests_say(file: str, service: Service) -> None:
    given = {"AUREON_URL": service.url, "AUREON_ACCESS_TOKEN": service.token}
    command = ("node", "--import", "tsx", "--test-reporter=spec", f"test/{file}")
    ended = node(*command, **clean_environment(), **given)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_its_types_allow_what_they_should_and_nothing_else() -> None:
    checked = node("npm", "run", "--silent", "check", **clean_environment())
    assert checked.returncode == 0, checked.stdout


def test_its_version_is_the_projects() -> None:
    package = json.loads((FOLDER / "package.json").read_text())
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    assert package["version"] == lock["version"] == version()
