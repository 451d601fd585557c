"""What `make dev` calls as a schedule does: the sweep, again and again until the end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from aureon_cli import schedule

ENOUGH_SECONDS = 30.0


def test_a_function_is_called_again_and_again_though_it_fails_until_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    called, stopping = threading.Semaphore(0), threading.Event()
    names: list[str] = []

    def handler(event: dict[str, Any], context: Any) -> Any:
        names.append(context.function_name)
        called.release()
        if len(names) == 1:
            raise ValueError("the first")
        return {}

    with schedule.calling("sweep", handler, 0.001, stopping):
        for _ in range(3):
            assert called.acquire(timeout=ENOUGH_SECONDS)
    ended = len(names)

    assert set(names) == {"sweep"}
    assert stopping.is_set()
    assert len(names) == ended
    assert "the first" in capsys.readouterr().err
