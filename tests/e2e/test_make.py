"""How ``make`` sets up a fresh machine: with stand-ins for Python and uv that say what they did."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("make", "sh", "awk", "touch", "mkdir", "cat")

OLD_PYTHON = "exit 1"
PYTHON_WITHOUT_VENV = 'case "$*" in *ensurepip*) exit 1 ;; esac'
PYTHON = """
case "$*" in
  *"-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; cat > "$folder/bin/python" <<'END'
#!/bin/sh
echo "pip $*"
END
  chmod +x "$folder/bin/python" ;;
esac
"""
UV = """
echo "uv $*"
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "aureon $*"\\n' > .venv/bin/aureon
chmod +x .venv/bin/aureon
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone on a machine with make and a shell, and neither Python nor uv."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).touch()
    (tmp_path / "bin").mkdir()
    for tool in (*TOOLS, "chmod"):
        path = shutil.which(tool)
        assert path, tool
        (tmp_path / "bin" / tool).symlink_to(path)
    return tmp_path


def install(clone: Path, name: str, script: str) -> None:
    program = clone / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env={"PATH": str(clone / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_the_targets(clone: Path) -> None:
    said = make(clone).stdout
    for target in ("dev", "test", "check", "format"):
        assert f"make {target}" in said


def test_an_installed_uv_is_used_and_only_what_the_service_needs_is_synced(clone: Path) -> None:
    install(clone, "python3", PYTHON)
    install(clone, "uv", UV)
    ended = make(clone, "dev")
    assert ended.returncode == 0, ended.stderr
    assert "uv sync --locked --inexact --no-default-groups --group local" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "aureon dev"
    assert not (clone / ".uv").exists()


def test_a_second_run_syncs_nothing(clone: Path) -> None:
    install(clone, "python3", PYTHON)
    install(clone, "uv", UV)
    make(clone, "dev")
    assert make(clone, "dev").stdout == "aureon dev\n"


def test_without_uv_a_pinned_one_is_put_in_an_environment_of_its_own(clone: Path) -> None:
    install(clone, "python3", PYTHON)
    said = make(clone, "dev").stdout
    assert "python3 -m venv --clear .uv/" in said
    assert "pip -m pip install" in said
    assert "uv==" in said


def test_an_old_python_is_a_sentence(clone: Path) -> None:
    install(clone, "python3", OLD_PYTHON)
    ended = make(clone, "dev")
    assert ended.returncode != 0
    assert "Python 3.11 or newer is needed as python3" in ended.stderr


def test_no_python_at_all_is_the_same_sentence(clone: Path) -> None:
    assert "Python 3.11 or newer is needed as python3" in make(clone, "dev").stderr


def test_a_python_without_venv_is_a_sentence_that_says_what_to_install(clone: Path) -> None:
    install(clone, "python3", PYTHON_WITHOUT_VENV)
    ended = make(clone, "dev")
    assert ended.returncode != 0
    assert "apt install python3-venv" in ended.stderr


def test_no_interpreter_is_ever_downloaded(clone: Path) -> None:
    install(clone, "python3", PYTHON)
    install(clone, "uv", 'echo "downloads $UV_PYTHON_DOWNLOADS python $UV_PYTHON"; exit 1')
    assert "downloads never python python3" in make(clone, "dev").stdout
