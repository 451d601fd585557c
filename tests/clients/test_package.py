"""What is generated is as it would be made now, and the package is as an index wants it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.contract.clients import ROOT
from tests.support.local_service import clean_environment
from tests.support.typescript_client import CLIENT, alone
from tools.release import packages, version

PYTHON = ROOT / ".venv-clients" / "bin" / "python"
PACKAGE = ROOT / "clients" / "python"
CHECKS = ROOT / "tests" / "clients" / "integrations"
RUN_SECONDS = 300.0

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=".venv-clients is not there: make test installs it"
)


def run(*command: Any, **options: Any) -> str:
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        **{"cwd": ROOT, **options},
    )
    told: str = ended.stdout
    assert ended.returncode == 0, told
    return told


def test_what_is_generated_has_not_drifted(tmp_path: Path) -> None:
    run(PYTHON, PACKAGE / "generate.py", tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.py"))
    assert len(made) > 3
    for path in made:
        kept = PACKAGE / "aureon_client" / path
        assert kept.read_text() == (tmp_path / path).read_text(), f"{path}: run make openapi"


def test_its_types_hold_with_those_of_what_it_is_used_with() -> None:
    """On the oldest Python that it is for, too."""
    options = ("--strict", "--config-file=", "--no-error-summary", "--explicit-package-bases")
    environment = {"MYPYPATH": str(PACKAGE)}
    checked = (PACKAGE / "aureon_client", ROOT / "examples" / "fastapi_chat.py")
    run(PYTHON, "-m", "mypy", *options, *checked, env=environment)
    core = ("-p", "aureon_client._async", "-p", "aureon_client._sync", "-m", "aureon_client.models")
    run(sys.executable, "-m", "mypy", *options, "--python-version", "3.10", *core, env=environment)


def test_the_package_is_as_an_index_wants_it(tmp_path: Path) -> None:
    run(PYTHON, "-m", "hatchling", "build", "--directory", tmp_path, cwd=PACKAGE)
    run(PYTHON, "-m", "twine", "check", "--strict", *tmp_path.iterdir())
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (about,) = (name for name in names if name.endswith("METADATA"))
        requires = [
            line
            for line in archive.read(about).decode().splitlines()
            if line.startswith("Requires-Dist")
        ]
    assert requires == ["Requires-Dist: httpx>=0.27"]
    assert "aureon_client/py.typed" in names
    assert not any("tests" in name or "generate" in name for name in names)
    run(PYTHON, "-m", "pyroma", "--min", "8", PACKAGE)
    # No more than an address, and a home on the web, may be missing: the project has none yet.


def test_make_clients_builds_what_a_release_has() -> None:
    if CLIENT.missing:
        pytest.skip(CLIENT.missing)
    with alone():
        run("make", "clients", env=clean_environment())
    for package in packages(ROOT / "build" / "clients", version()):
        assert package.stat().st_size > 10_000


def test_its_version_is_the_projects() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert project["version"] == version()


def test_the_page_of_the_package_shows_what_the_documentation_runs() -> None:
    (code,) = re.findall(
        r"^```python\n(.*?)^```\n", (PACKAGE / "README.md").read_text(), re.M | re.S
    )
    assert code in (ROOT / "docs" / "clients.md").read_text()
