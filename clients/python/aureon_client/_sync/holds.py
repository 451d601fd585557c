# Made of _async/holds.py by generate.py.
"""Holds that end with the block that they were placed for."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from .. import _sync_runtime as runtime
from .. import types
from .._charges import Metadata, Units
from .._exact import units_of
from ..errors import AureonError, HoldEnded, InsufficientCredits, Invalid, Refused

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .client import Client

LONGEST_SECONDS: Final = 24 * 60 * 60
RETRY_SECONDS: Final = 5.0
logger = logging.getLogger("aureon_client")


class Hold:
    """Credits that are held while something is made of which nobody knows yet what it costs.

    ``with client.hold("ann", "tokens", units=500) as hold:`` places it, and raises
    `InsufficientCredits` where that is too much. `capture` counts what was used. A block that ends
    without it counts what `use` was told of, and releases the hold where that is nothing. So does a
    caller that hangs up: a cancelled task, a generator that is closed. A block that raises an
    exception releases it. It is extended for as long as the block lasts. If the process dies, it
    expires.

    `id` is the caller's, and `placed` what Aureon answered.
    """

    def __init__(self, client: Client, body: types.HoldBody, property: str) -> None:
        self._client = client
        self._body = body
        self._property = property
        self._lasts_seconds = body["expires_in_seconds"]
        self._placed_at = 0.0
        self._placed: types.Hold | None = None
        self._abandoned = False
        self._ended = False
        self.used: Units | None = None

    @property
    def id(self) -> str:
        return self._body["external_id"]

    @property
    def placed(self) -> types.Hold:
        """The hold as it was placed."""
        if self._placed is None:
            raise RuntimeError("A hold is placed by its with block.")
        return self._placed

    def use(self, units: Units) -> None:
        """Tell that more units were used: they are counted, if nothing else is captured."""
        self.used = units_of(units) + (self.used or 0)

    def capture(
        self,
        *,
        units: Units | None = None,
        metadata: Metadata | None = None,
        limit: Units | None = None,
    ) -> types.Hold:
        """Count what was used, and give back the rest; by default, what `use` was told of.

        Where more was used than was held, and is left, what was held is counted, and
        `InsufficientCredits` is raised. `limit` is how far the rest may raise the balance above
        zero, in place of the hold's.
        """
        used = self.used if units is None else units_of(units)
        self._ended = True
        try:
            return runtime.finished(
                self._client._left, lambda: self._capture(used, metadata, limit)
            )
        except Invalid:
            self._ended = False
            raise

    def release(self) -> types.Hold:
        """Give back what is held."""
        self._ended = True
        return runtime.finished(
            self._client._left, lambda: self._client.holds.release(self.placed["id"])
        )

    def extend(self, *, seconds: int) -> types.Hold:
        """Let it last so much longer, 24 hours in all at most."""
        wanted = min(self._lasts_seconds + seconds, LONGEST_SECONDS)
        extended = self._client.holds.extend(self.placed["id"], expires_in_seconds=wanted)
        self._lasts_seconds = max(self._lasts_seconds, wanted)
        return extended

    def __enter__(self) -> Self:
        try:
            runtime.finished(self._client._left, self._place)
        except BaseException:
            # A caller who hangs up while it is placed leaves nothing behind.
            self._abandoned = True
            if self._placed is not None:
                runtime.finished(self._client._left, lambda: self._settle(None))
            raise
        if self.placed["status"] != "open":
            raise HoldEnded(self.placed)
        self._client._keeper.keep(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client._keeper.leave(self)
        if self._ended:
            return
        used = None if isinstance(error, Exception) else self.used
        try:
            runtime.finished(self._client._left, lambda: self._settle(used))
        except AureonError as failure:
            if error is None:
                raise
            logger.error(
                "The hold %s, with %s units used, stays as it is: %s", self.id, used, failure
            )

    def _place(self) -> None:
        self._placed = self._client.holds.place(self._body)
        # It may have been placed by a process that died since.
        created_at = datetime.fromisoformat(self._placed["created_at"].replace("Z", "+00:00"))
        age = datetime.now(timezone.utc) - created_at
        self._placed_at = time.monotonic() - max(0.0, age.total_seconds())
        if self._abandoned:
            self._settle(None)

    def _settle(self, used: Units | None) -> None:
        if self._ended:
            return
        self._ended = True
        if used is None:
            self._client.holds.release(self.placed["id"])
        else:
            self._capture(used, None)

    def _capture(
        self, used: Units | None, metadata: Metadata | None, limit: Units | None = None
    ) -> types.Hold:
        options: dict[str, Any] = {"metadata": metadata, "property": self._property, "limit": limit}
        try:
            return self._client.holds.capture(self.placed["id"], units=used, **options)
        except InsufficientCredits:
            self._client.holds.capture(self.placed["id"], **options)
            raise

    def _due(self) -> float:
        """When to extend it, on the monotonic clock: halfway to its end since it was extended."""
        step = self._body["expires_in_seconds"]
        return self._placed_at + self._lasts_seconds - step / 2


class Keeper:
    """Extends holds before they expire, for as long as their blocks last."""

    def __init__(self) -> None:
        self._due: dict[Hold, float] = {}
        self._changed = runtime.Condition()
        self._worker: runtime.Worker | None = None
        self._closed = False

    def keep(self, hold: Hold) -> None:
        with self._changed:
            self._due[hold] = hold._due()
            if self._worker is None:
                self._worker = runtime.start(self._run)
            self._changed.notify_all()

    def leave(self, hold: Hold) -> None:
        self._due.pop(hold, None)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (hold := self._next()) is not None:
            try:
                hold.extend(seconds=hold._body["expires_in_seconds"])
            except Refused:
                # It has ended, or may not last any longer.
                self.leave(hold)
            except Exception as failure:
                logger.warning("The hold %s could not be extended yet: %s", hold.id, failure)
                self._again(hold, time.monotonic() + RETRY_SECONDS)
            else:
                if hold._lasts_seconds < LONGEST_SECONDS:
                    self._again(hold, hold._due())
                else:
                    self.leave(hold)

    def _next(self) -> Hold | None:
        """Wait for the next hold that is due; None where there will be no more."""
        with self._changed:
            while not self._closed:
                due = min(
                    ((at, id(hold), hold) for hold, at in list(self._due.items())), default=None
                )
                wait = None if due is None else due[0] - time.monotonic()
                if due is not None and wait is not None and wait <= 0:
                    return due[2]
                self._changed.wait_seconds(wait)
        return None

    def _again(self, hold: Hold, due: float) -> None:
        if hold in self._due:
            self._due[hold] = due
