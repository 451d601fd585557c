"""The embedded engine as a process: where it listens, what it leaves, how it fails."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import httpx
import pytest

from aureon_cli import engine as embedded
from aureon_cli.engine import Engine, EngineError


def test_it_listens_on_one_address_of_loopback_only(engine: Engine) -> None:
    port = httpx.URL(engine.endpoint_url).port
    assert port
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
        pass


def test_a_ctrl_c_in_the_terminal_does_not_reach_it(engine: Engine) -> None:
    """So that requests under way still find it, while the service ends."""
    assert os.getpgid(engine.process.pid) != os.getpgid(0)
    assert os.getsid(engine.process.pid) != os.getsid(0)


def test_it_sees_nothing_of_the_environment_that_could_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICES", "s3")
    monkeypatch.setenv("USE_SSL", "1")
    with embedded.running(tmp_path, persistent=False) as engine:
        health = httpx.get(f"{engine.endpoint_url}/_ministack/health").json()
    assert "dynamodb" in health["services"]


def test_it_leaves_its_log_and_nothing_else_unless_it_is_persistent(tmp_path: Path) -> None:
    with embedded.running(tmp_path, persistent=False) as engine:
        assert (tmp_path / "tmp").is_dir()
    assert engine.process.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "log"}


def test_scratch_files_of_an_engine_that_was_killed_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "left").touch()
    with embedded.running(tmp_path, persistent=False):
        assert not (tmp_path / "tmp" / "left").exists()


def test_a_folder_has_one_engine_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded.running(tmp_path, persistent=False) as first:
        monkeypatch.setattr(embedded, "STOP_SECONDS", 0.0)
        with (
            pytest.raises(EngineError, match=f"process {first.process.pid}"),
            embedded.running(tmp_path, persistent=False),
        ):
            pass
        monkeypatch.undo()


def test_an_engine_that_does_not_start_is_an_error_that_names_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with (
        pytest.raises(EngineError, match=str(tmp_path / "log")),
        embedded.running(tmp_path, persistent=False),
    ):
        pass
