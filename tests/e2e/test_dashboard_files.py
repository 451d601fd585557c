"""The dashboard's files: committed as they are built, small, and nothing but files."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

import dashboard

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "dashboard"
FIRST_LOAD_BYTES: Final = 150 * 1024


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def node_modules() -> None:
    if not (SOURCES / "node_modules").exists() or not shutil.which("node"):
        pytest.skip("needs Node.js and the dashboard's packages: make dashboard installs them")


@pytest.mark.usefixtures("node_modules")
def test_what_is_committed_is_what_the_sources_give(tmp_path: Path) -> None:
    subprocess.run(["node", SOURCES / "build.mjs", tmp_path], check=True)

    assert files(tmp_path) == files(dashboard.FILES)


@pytest.mark.usefixtures("node_modules")
def test_the_sources_have_no_errors_of_types() -> None:
    checked = subprocess.run(
        ["node", SOURCES / "node_modules/typescript/bin/tsc", "--noEmit", "-p", SOURCES],
        capture_output=True,
        text=True,
    )

    assert checked.returncode == 0, checked.stdout


def test_all_of_it_is_less_than_150_kilobytes_on_the_wire() -> None:
    sent = {
        name: len(content if name.endswith(".woff2") else gzip.compress(content))
        for name, content in files(dashboard.FILES).items()
    }

    assert sum(sent.values()) < FIRST_LOAD_BYTES, sent


def test_the_page_asks_for_nothing_that_is_not_served_with_it() -> None:
    names = set(files(dashboard.FILES))
    asked = set()
    for name, content in files(dashboard.FILES).items():
        if name.endswith(".html"):
            asked |= set(re.findall(r'(?:src|href)="assets/([^"]*)"', content.decode()))
            assert "://" not in content.decode()
        elif name.endswith(".css"):
            asked |= set(re.findall(r'url\("?\./([^")]*)', content.decode()))

    assert asked == names - {dashboard.PAGE}


def test_every_name_but_the_pages_says_its_content() -> None:
    for name in set(files(dashboard.FILES)) - {dashboard.PAGE}:
        assert re.fullmatch(r"[a-z-]+-[A-Z0-9]{8}\.[a-z0-9]+", name), name
