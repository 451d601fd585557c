"""Turns: one after the other, in the order of arrival, and never for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from aureon.core.turns import Turns

ENOUGH_SECONDS = 30.0


@contextmanager
def in_line(work: Callable[[], None]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join(ENOUGH_SECONDS)
    assert not thread.is_alive()


def arrivals(turns: Turns, subject: str, monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released each time that somebody begins to wait in the line of a subject."""
    waiting = threading.Semaphore(0)

    class Event(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waiting.release()
            return super().wait(timeout)

    monkeypatch.setattr(threading, "Event", Event)
    return waiting


def test_each_waits_for_those_before_in_the_order_of_arrival(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns, went = Turns(), list[int]()
    waiting = arrivals(turns, "a", monkeypatch)

    def go(number: int) -> Callable[[], None]:
        def work() -> None:
            with turns.take("a", ENOUGH_SECONDS):
                went.append(number)

        return work

    with turns.take("a", ENOUGH_SECONDS):
        threads = []
        for number in range(10):
            threads.append(threading.Thread(target=go(number), daemon=True))
            threads[-1].start()
            assert waiting.acquire(timeout=ENOUGH_SECONDS)
        assert went == []
    for thread in threads:
        thread.join(ENOUGH_SECONDS)
    assert went == list(range(10))


def test_who_has_another_subject_does_not_wait() -> None:
    turns = Turns()
    with turns.take("a", ENOUGH_SECONDS), turns.take("b", ENOUGH_SECONDS):
        pass


def test_who_has_waited_for_long_goes_on() -> None:
    turns, went = Turns(), threading.Event()

    def work() -> None:
        with turns.take("a", 0.0):
            went.set()

    with turns.take("a", ENOUGH_SECONDS), in_line(work):
        assert went.wait(ENOUGH_SECONDS)


def test_a_turn_that_fails_lets_the_next_go_on_and_leaves_nothing() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="mine"), turns.take("a", ENOUGH_SECONDS):
        raise ValueError("mine")
    with turns.take("a", ENOUGH_SECONDS):
        pass
    assert turns._last == {}
