"""The calls of handlers that are under way: waited for by those who must come after them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from aureon_cli import calls as calls_module
from aureon_cli.calls import Calls
from aureon_cli.gateway import Context

ENOUGH_SECONDS = 30.0


class Slow:
    """A handler whose calls end when they are let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, event: Any, context: Any) -> str:
        self.begun.set()
        assert self.go_on.wait(ENOUGH_SECONDS)
        return "done"


def start(handler: Any) -> threading.Thread:
    thread = threading.Thread(target=handler, args=[{}, Context("slow")])
    thread.start()
    return thread


def test_a_handler_comes_after_all_calls_that_are_under_way() -> None:
    calls, slow = Calls(), Slow()
    ended: list[bool] = []
    call = start(calls.counted(slow))
    assert slow.begun.wait(ENOUGH_SECONDS)
    after = start(calls.after_those_under_way(lambda *_: ended.append(slow.go_on.is_set())))

    after.join(0.05)
    slow.go_on.set()
    call.join()
    after.join()

    assert ended == [True]


def test_calls_that_begin_later_are_not_waited_for() -> None:
    calls, first, second = Calls(), Slow(), Slow()
    came = threading.Event()
    start(calls.counted(first))
    assert first.begun.wait(ENOUGH_SECONDS)
    after = start(calls.after_those_under_way(lambda *_: came.set()))
    after.join(0.05)
    start(calls.counted(second))
    assert second.begun.wait(ENOUGH_SECONDS)

    first.go_on.set()

    assert came.wait(ENOUGH_SECONDS)
    second.go_on.set()


def test_calls_that_failed_have_ended() -> None:
    calls = Calls()

    def fails(*_: Any) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        calls.counted(fails)({}, Context("fails"))

    assert calls.after_those_under_way(lambda *_: "done")({}, Context("backfill")) == "done"


def test_a_call_that_does_not_end_lets_it_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "FUNCTION_SECONDS", 0.0)
    calls, slow = Calls(), Slow()
    start(calls.counted(slow))
    assert slow.begun.wait(ENOUGH_SECONDS)

    with pytest.raises(TimeoutError):
        calls.after_those_under_way(slow)({}, Context("backfill"))
    slow.go_on.set()


def test_a_handler_has_its_whole_time_after_it_waited() -> None:
    given: list[Context] = []
    late = Context("backfill", deadline=0.0)

    Calls().after_those_under_way(lambda _, context: given.append(context))({}, late)

    assert given[0].function_name == "backfill"
    assert given[0].get_remaining_time_in_millis() > 0
