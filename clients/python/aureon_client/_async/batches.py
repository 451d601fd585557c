"""Events that are collected, and sent by size and time."""

from __future__ import annotations

import atexit
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from .. import _async_runtime as runtime
from .. import types
from .._charges import Metadata, Units, event, new_id
from .._exact import encode
from ..errors import Invalid, NotSent, Refused, RefusedEvent, TooLarge, UnsentRequest

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

MOST_EVENTS: Final = 1_000
SEND_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 1.0
logger = logging.getLogger("aureon_client")


class AsyncBatch:
    """Collects events, and sends so many at a time, or all of them after so many seconds.

    Each request has an id, and is sent until it is answered: every event counts once. No more than
    `max_pending` events are kept; while there are, `add` waits. An event that is refused is logged,
    and told by the next `flush` or the end of the ``async with`` block, which raise `NotSent`; the
    events beside it count. The end waits `close_seconds` for what can't be sent, then hands it
    back in `NotSent`, with the ids under which it can be sent again. What is still there when the
    process exits is sent, or logged.
    """

    def __init__(
        self,
        ingest: Callable[[Sequence[types.EventBody], str, float], runtime.Work[types.Ingested]],
        left: set[Any],
        *,
        max_events: int,
        max_seconds: float,
        max_pending: int,
        close_seconds: float,
    ) -> None:
        if not 1 <= max_events <= MOST_EVENTS or max_pending < max_events:
            raise ValueError(f"A request has 1 to {MOST_EVENTS} events, and max_pending is more.")
        self._ingest = ingest
        self._left = left
        self._max_events = max_events
        self._max_seconds = max_seconds
        self._max_pending = max_pending
        self._close_seconds = close_seconds
        self._changed = runtime.Condition()
        self._pending: deque[types.EventBody] = deque()
        self._oldest_at = 0.0
        # Requests that were made, the one that is under way first; their ids never change.
        self._requests: deque[UnsentRequest] = deque()
        self._refused: list[RefusedEvent] = []
        self._unsent: list[UnsentRequest] = []
        self._flushing = 0
        self._ends_at: float | None = None
        self._worker: runtime.Worker | None = None

    async def add(
        self,
        customer: str,
        name: str,
        *,
        units: Units | None = None,
        id: str | None = None,
        metadata: Metadata | None = None,
        timestamp: datetime | None = None,
        property: str = "units",
    ) -> None:
        """Add an event that happens now, unless a timestamp says otherwise. See `event`."""
        when = timestamp or datetime.now(timezone.utc)
        made = event(
            customer,
            name,
            units=units,
            id=id,
            metadata=metadata,
            timestamp=when,
            property=property,
        )
        encode(made)  # What has no JSON is this caller's mistake, and stays so.
        async with self._changed:
            while self._ends_at is None and self._count() >= self._max_pending:
                await self._changed.wait_seconds(None)
            if self._ends_at is not None:
                raise RuntimeError("The batch is closed.")
            if not self._pending:
                self._oldest_at = time.monotonic()
            self._pending.append(made)
            if self._worker is None:
                self._worker = runtime.start(self._run)
                atexit.register(self._at_exit)
            self._changed.notify_all()

    async def flush(self) -> None:
        """Wait until everything that was added has been sent. Raises `NotSent`."""
        async with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                while self._count():
                    await self._changed.wait_seconds(None)
            finally:
                self._flushing -= 1
        self._complain()

    async def aclose(self) -> None:
        """Send what is there, and take no more. Raises `NotSent`."""
        await runtime.finished(self._left, self._close)
        self._complain()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.aclose()
        except NotSent as failure:
            if error is None:
                raise
            self._log_unsent(failure.unsent)

    async def _close(self) -> None:
        async with self._changed:
            if self._ends_at is None:
                self._ends_at = time.monotonic() + self._close_seconds
            self._changed.notify_all()
        if self._worker is not None:
            await runtime.ended(self._worker)
        atexit.unregister(self._at_exit)

    def _complain(self) -> None:
        refused, self._refused = self._refused, []
        unsent, self._unsent = self._unsent, []
        if refused or unsent:
            raise NotSent(refused, unsent)

    def _count(self) -> int:
        return len(self._pending) + sum(len(request.events) for request in self._requests)

    async def _run(self) -> None:
        while (request := await self._next()) is not None:
            made, refused = await self._send(request)
            async with self._changed:
                self._requests.popleft()
                self._requests.extendleft(reversed(made))
                for each in refused:
                    logger.error("Refused: %s. %s", encode(each.event).decode(), each.reason)
                # What nobody asks for is not kept for ever: it is in the log.
                self._refused = [*self._refused, *refused][-self._max_pending :]
                self._changed.notify_all()

    async def _next(self) -> UnsentRequest | None:
        """Wait for the next request to send; None once there will be no more."""
        async with self._changed:
            while True:
                now = time.monotonic()
                if self._ends_at is not None and now >= self._ends_at:
                    self._give_up()
                    return None
                if self._requests:
                    return self._requests[0]
                wait = self._oldest_at + self._max_seconds - now if self._pending else None
                wanted = self._flushing or self._ends_at is not None
                if wait is not None and (
                    wanted or wait <= 0 or len(self._pending) >= self._max_events
                ):
                    count = min(len(self._pending), self._max_events)
                    taken = [self._pending.popleft() for _ in range(count)]
                    self._oldest_at = now
                    self._requests.append(UnsentRequest(new_id(), taken))
                    return self._requests[0]
                if self._ends_at is not None:
                    return None
                await self._changed.wait_seconds(wait)

    async def _send(self, request: UnsentRequest) -> tuple[list[UnsentRequest], list[RefusedEvent]]:
        """Send a request once more. Return what has to be sent in its place, and what won't be."""
        events = request.events
        try:
            answer = await self._ingest(events, request.id, SEND_SECONDS)
        except TooLarge as failure:
            if len(events) == 1:
                return [], [RefusedEvent(events[0], str(failure))]
            half = len(events) // 2
            return [UnsentRequest(new_id(), part) for part in (events[:half], events[half:])], []
        except Invalid as failure:
            reasons = {
                int(problem["loc"][2]): problem["msg"]
                for problem in failure.problems
                if problem["loc"][:2] == ["body", "events"] and len(problem["loc"]) > 2
            }
            if not reasons:
                return [], [RefusedEvent(each, str(failure)) for each in events]
            # Nothing of the request was stored; what is good of it goes on in another.
            good = [each for place, each in enumerate(events) if place not in reasons]
            refused = [RefusedEvent(events[place], why) for place, why in reasons.items()]
            return [UnsentRequest(new_id(), good)] if good else [], refused
        except Refused as failure:
            return [], [RefusedEvent(each, str(failure)) for each in events]
        except Exception as failure:
            # No answer, or no way to send: that may pass, and nothing is dropped until then.
            logger.warning("%s events wait to be sent: %s", len(events), failure)
            await runtime.sleep(PAUSE_SECONDS)
            return [request], []
        conflicts = answer.get("conflicts", [])
        why = "Another event has counted under its id."
        return [], [RefusedEvent(events[place], why) for place in conflicts]

    def _give_up(self) -> None:
        """Hand back what could not be sent in time."""
        self._unsent += self._requests
        if self._pending:
            self._unsent.append(UnsentRequest(new_id(), list(self._pending)))
        self._requests.clear()
        self._pending.clear()

    def _at_exit(self) -> None:
        runtime.at_exit(self._close)
        self._give_up()
        self._log_unsent(self._unsent)

    def _log_unsent(self, unsent: Sequence[UnsentRequest]) -> None:
        for request in unsent:
            events = encode(request.events).decode()
            logger.error("Not sent, under the id %s: %s", request.id, events)
