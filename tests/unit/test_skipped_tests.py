"""In CI a skipped test fails the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.local_service import clean_environment

ROOT = Path(__file__).parents[2]
PASSES = "def test_one(): pass\n"
SKIPS = "import pytest\n@pytest.mark.skip(reason='no client')\ndef test_two(): pass\n"
SKIPS_ALL = "import pytest\npytest.importorskip('no_such_module')\n"


def run(folder: Path, tests: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_sample.py").write_text(tests)
    inherited = {name: value for name, value in clean_environment().items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "/dev/null", folder],
        env=inherited | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("tests", [PASSES + SKIPS, SKIPS_ALL + PASSES])
def test_a_skipped_test_fails_the_run_where_ci_is_set(tmp_path: Path, tests: str) -> None:
    ended = run(tmp_path, tests, CI="true")
    assert ended.returncode != 0
    assert "skipped tests fail the run where CI is set" in ended.stdout


def test_a_skipped_test_is_no_failure_elsewhere(tmp_path: Path) -> None:
    assert run(tmp_path, PASSES + SKIPS).returncode == 0


def test_a_run_without_skipped_tests_passes_where_ci_is_set(tmp_path: Path) -> None:
    assert run(tmp_path, PASSES, CI="true").returncode == 0
