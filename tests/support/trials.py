"""Something that is done, without a fault, and then with each fault of each of its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar

from aureon.core.errors import Unavailable
from aureon.storage.store import Store
from tests.support import inline_engine
from tests.support.faults import Call, Crash, Fault, Plan, faults, nth
from tests.support.handlers import Reply
from tests.support.seams import restart_handlers

T = TypeVar("T")

# Of a read, it doesn't matter whether it was executed.
OF_READS: Final = (Fault.DIE_BEFORE, Fault.TIMEOUT_BEFORE, Fault.THROTTLE)


def trials(store: Store, act: Callable[[], T]) -> Iterator[T | None]:
    """Try it, each time by new handlers, on what the table has now; yield what came of it.

    That is None where the process died, or had no answer.
    """
    contents = inline_engine.save(store)

    def trial(plan: Plan) -> tuple[T | None, list[Call]]:
        inline_engine.restore(store, contents)
        restart_handlers()
        came_of_it = None
        with faults(store.client, plan) as calls, suppress(Crash, Unavailable):
            came_of_it = act()
        return came_of_it, calls.made

    came_of_it, calls = trial(lambda call: None)
    assert calls
    assert came_of_it is not None
    yield came_of_it
    for call in calls:
        for fault in OF_READS if call.write_number is None else Fault:
            yield trial(nth(call.number, fault))[0]


def replies(store: Store, act: Callable[[], Reply], *, fine: int = 200) -> Iterator[Reply | None]:
    """Try a call of the API: without a fault it has this status, with one perhaps a 503."""
    tried = trials(store, act)
    first = next(tried)
    assert first is not None
    assert first.status == fine
    yield first
    for reply in tried:
        assert reply is None or reply.status in (fine, 503)
        yield reply
