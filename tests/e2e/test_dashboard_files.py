"""The dashboard's files: committed as they are built, small, and nothing but files."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, get_args

import pytest

import dashboard
from aureon.access import activity

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "dashboard"
FIRST_LOAD_BYTES: Final = 150 * 1024
PORTAL_BYTES: Final = 100 * 1024
PAGES: Final = {dashboard.PAGE, dashboard.PORTAL}


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
def test_the_sources_have_no_errors_and_pass_their_own_tests() -> None:
    checked = subprocess.run(
        ["npm", "--prefix", SOURCES, "run", "check"], capture_output=True, text=True
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def loaded_later() -> set[str]:
    """What the scripts ask for where it is wanted: languages other than English."""
    scripts = [text.decode() for name, text in files(dashboard.FILES).items() if ".js" in name]
    return set(re.findall(r'import\("\./([^"]*)"\)', "".join(scripts)))


def test_every_action_of_the_audit_trail_is_said_in_words() -> None:
    said = (SOURCES / "src" / "parts" / "activity.tsx").read_text()
    assert [action for action in get_args(activity.Action) if f'"{action}": "' not in said] == []


def loaded_with(page: str) -> set[str]:
    """The files that a page asks for at once, and those that they ask for."""
    served = files(dashboard.FILES)
    found, left = set(), {page}
    while left:
        name = left.pop()
        found.add(name)
        text = served[name].decode("utf-8", "replace")
        asked = re.findall(r'(?:src|href)="assets/([^"]*)"', text) if name == page else []
        asked += re.findall(r'(?:from|import)"\./([^"]*)"', text)
        asked += re.findall(r'url\("?\./([^")]*)', text)
        left |= set(asked) - found
    return found


@pytest.mark.parametrize(
    ("page", "most"), [(dashboard.PAGE, FIRST_LOAD_BYTES), (dashboard.PORTAL, PORTAL_BYTES)]
)
def test_what_is_loaded_first_is_small_on_the_wire(page: str, most: int) -> None:
    sent = {
        name: len(content if name.endswith(".woff2") else gzip.compress(content))
        for name, content in files(dashboard.FILES).items()
        if name in loaded_with(page)
    }

    assert len(sent) > 4
    assert sum(sent.values()) < most, sent


def test_the_page_asks_for_nothing_that_is_not_served_with_it() -> None:
    names = set(files(dashboard.FILES))
    asked = set()
    for name, content in files(dashboard.FILES).items():
        if name.endswith(".html"):
            asked |= set(re.findall(r'(?:src|href)="assets/([^"]*)"', content.decode()))
            assert "://" not in content.decode()
        elif name.endswith(".css"):
            asked |= set(re.findall(r'url\("?\./([^")]*)', content.decode()))

    assert loaded_later()
    imported = loaded_with(dashboard.PAGE) | loaded_with(dashboard.PORTAL)
    assert asked | loaded_later() | imported == names


def test_every_name_but_the_pages_says_its_content() -> None:
    for name in set(files(dashboard.FILES)) - PAGES:
        assert re.fullmatch(r"[a-z-]+-[A-Z0-9]{8}\.[a-z0-9]+", name), name
