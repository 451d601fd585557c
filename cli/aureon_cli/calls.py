"""The calls of handlers that are under way in this process.

A change of what is counted must know that nobody still goes by what was before. Elsewhere that
takes waiting for as long as a function may run. Here the calls can be asked for: once all have
ended that were under way at a moment after the change, no other knows what was before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

from aureon_cli.gateway import FUNCTION_SECONDS, Context

Handler = Callable[[dict[str, Any], Any], Any]


class Calls:
    """Knows the calls that are under way."""

    def __init__(self) -> None:
        self._numbers = count()
        self._under_way: set[int] = set()
        self._ended = threading.Condition()

    def counted(self, handler: Handler) -> Handler:
        """The same handler, whose calls are counted."""

        def call(event: dict[str, Any], context: Any) -> Any:
            with self._ended:
                number = next(self._numbers)
                self._under_way.add(number)
            try:
                return handler(event, context)
            finally:
                with self._ended:
                    self._under_way.discard(number)
                    self._ended.notify_all()

        return call

    def after_those_under_way(self, handler: Handler) -> Handler:
        """A handler that is called once those calls have ended that are under way when it is.

        Raises TimeoutError where one of them runs for longer than it may.
        """

        def call(event: dict[str, Any], context: Context) -> Any:
            with self._ended:
                present = frozenset(self._under_way)
                if not self._ended.wait_for(
                    lambda: present.isdisjoint(self._under_way), FUNCTION_SECONDS
                ):
                    raise TimeoutError("A call runs for longer than it may.")
            return handler(event, Context(context.function_name))

        return call
