"""A release: of a version that the changelog tells about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.release import PACKAGES, NotReleasable, notes, packages, version

ROOT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [0.2.0] - 2026-12-01

### Added

- More.

## [0.1.0] - 2026-11-27

- All.
"""


def test_the_notes_are_what_stands_under_the_version() -> None:
    assert notes(CHANGELOG, "0.2.0") == "### Added\n\n- More.\n"
    assert notes(CHANGELOG, "0.1.0") == "- All.\n"


@pytest.mark.parametrize("of", ["0.3.0", "Unreleased", "0.2", "0x1.0"])
def test_a_version_of_which_nothing_is_told_is_not_released(of: str) -> None:
    with pytest.raises(NotReleasable):
        notes(CHANGELOG, of)


def test_a_version_that_is_no_draft_is_in_the_changelog() -> None:
    if "dev" not in version():
        assert notes((ROOT / "CHANGELOG.md").read_text(), version())


def test_a_release_has_each_package_of_its_version_alone(tmp_path: Path) -> None:
    for of in ("0.1.0", "0.2.0"):
        for name in PACKAGES:
            (tmp_path / name.format(of)).touch()
    assert {path.name for path in packages(tmp_path, "0.2.0")} == {
        name.format("0.2.0") for name in PACKAGES
    }
    (tmp_path / PACKAGES[-1].format("0.2.0")).unlink()
    with pytest.raises(NotReleasable, match="aureon-client"):
        packages(tmp_path, "0.2.0")
