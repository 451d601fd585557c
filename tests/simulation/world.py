"""A world in which a seed decides everything: which handler goes on, what time it is, what fails.

Handlers run side by side in one thread: each stops at every call to the database, and at every
pause, until its turn has come. Time is the world's own, and passes only where somebody waits.
So a history is played in milliseconds however long it takes, and again, exactly, from its seed.
"""

from __future__ import annotations

import heapq
import itertools
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from greenlet import greenlet

from aureon.api import runtime
from aureon.core import times
from aureon.storage.clients import READ_TIMEOUT_SECONDS
from aureon.storage.keys import Key
from aureon.storage.store import Store
from tests.support import inline_engine
from tests.support.conflicts import HOLD_SECONDS, Conflicts, Touched, touches
from tests.support.faults import WRITES, Answer, Crash, Fault, cancellation, refusal, timeout
from tests.support.seams import restart_handlers, substituted

START: Final = datetime(2026, 11, 24, tzinfo=UTC)
# What nobody waits for any more may still arrive, but not for ever.
LATEST_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Weather:
    """How calls fare: how long they take one way, and which share of them goes wrong.

    `hold_seconds` is how long a transaction holds its items, and is not answered.
    `unevenness` is by how many orders of magnitude some callers are faster than others: in the
    time of one call, others may do much. `torn` lets others see a transaction's writes one after
    the other, as they may see DynamoDB's. `skew_seconds` is how far a handler's clock may be off.
    """

    slowest_seconds: float = 0.010
    hold_seconds: float = HOLD_SECONDS
    unevenness: float = 0.0
    faults: Mapping[Fault, float] = field(default_factory=dict)
    torn: bool = False
    partial_reads: float = 0.0
    skew_seconds: float = 0.0


CALM: Final = Weather()


class Moment(NamedTuple):
    """A call, as the trace tells it, or what a caller notes."""

    seconds: float
    actor: int
    what: str
    fate: str = ""


class _End(BaseException):
    """The world ends: whoever is still there goes."""


class Actor:
    """A part of a history that is played beside others, on a stack of its own.

    Its calls are as slow as its `pace` makes them, up to 1, and its clock is off by
    `skew_seconds`. `calls` are those that it has made, by operation.
    """

    def __init__(
        self, number: int, play: Callable[[], None], *, pace: float, skew_seconds: float
    ) -> None:
        self.number = number
        self.pace = pace
        self.skew_seconds = skew_seconds
        self.calls: Counter[str] = Counter()
        self.ended = False
        self.error: BaseException | None = None
        self.doomed = False
        self._play = play
        self._stack = greenlet(self._run)

    def go_on(self) -> None:
        """Let it run until it waits again, or ends."""
        self._stack.switch()

    def stop(self) -> None:
        """Wait for the next turn."""
        whoever_let_it = self._stack.parent
        assert whoever_let_it is not None
        whoever_let_it.switch()
        if self.doomed:
            raise _End

    def _run(self) -> None:
        try:
            if not self.doomed:
                self._play()
        except _End:
            pass
        except BaseException as error:
            self.error = error
        self.ended = True


# The worlds that are entered, the innermost last; and whether modules look for them already.
_here: Final[list[World]] = []
_prepared: Final[list[bool]] = []


class _Chance:
    """``random``, by the draw of the world that is entered."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_here[-1].random, name)


@contextmanager
def prepared() -> Iterator[None]:
    """Let Aureon's modules ask for time, chance and the table of the world that is entered.

    For whoever plays many histories: all modules are looked through once.
    """
    clock = SimpleNamespace(
        monotonic=lambda: _here[-1].seconds, sleep=lambda seconds: _here[-1].wait(seconds)
    )
    ids = SimpleNamespace(uuid7=lambda: _here[-1].uuid())
    secrets = SimpleNamespace(token_urlsafe=lambda size: _here[-1].secret(size))
    with ExitStack() as stack:
        stack.enter_context(
            substituted(random=_Chance(), time=clock, uuid_utils=ids, secrets=secrets)
        )
        stack.enter_context(patch.object(times, "now", lambda: _here[-1].now()))
        stack.enter_context(patch.object(runtime, "_store", lambda: _here[-1].store))
        _prepared.append(True)
        stack.callback(_prepared.pop)
        yield


class World:
    """One world, its time and its table, on an engine; `weather` may change while it is."""

    def __init__(self, seed: int, engine: Any = inline_engine) -> None:
        self.engine = engine
        self.random = random.Random(seed)
        # Apart, so that what is secret changes nothing else.
        self._secrets = random.Random(seed)
        self.weather = CALM
        self.seconds = 0.0
        self.turn = 0
        self.trace: list[Moment] = []
        # The turn at which each item was first written.
        self.written: dict[Key, int] = {}
        # What is committed, and not seen yet.
        self.unseen: dict[Key, Any] = {}
        self.store: Store
        self._conflicts = Conflicts(lambda: self.seconds)
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._actors = itertools.count()
        self.actor: Actor | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Put this world in the place of the real one, for Aureon's own modules."""
        with ExitStack() as stack:
            if not _prepared:
                stack.enter_context(prepared())
            _here.append(self)
            stack.callback(_here.pop)
            restart_handlers()
            self.store = stack.enter_context(self.engine.table(self._send))
            yield

    def now(self) -> datetime:
        """The time, by the clock of whoever asks."""
        skew_seconds = self.actor.skew_seconds if self.actor else 0.0
        return START + timedelta(seconds=self.seconds + skew_seconds)

    def uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def secret(self, size: int) -> str:
        return self._secrets.randbytes(size).hex()

    def note(self, what: str) -> None:
        """Put something in the trace, for whoever reads it."""
        if self.actor is not None:
            self.trace.append(Moment(self.seconds, self.actor.number, what))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def play(self, *parts: Callable[[], None]) -> None:
        """Play these at once, until all of them have ended."""
        actors = []
        for part in parts:
            actor = Actor(
                next(self._actors),
                part,
                pace=10 ** self.random.uniform(-self.weather.unevenness, 0),
                skew_seconds=self.random.uniform(-1, 1) * self.weather.skew_seconds,
            )
            actors.append(actor)
            self._at(self._way(actor), partial(self._let, actor))
        try:
            while not all(actor.ended for actor in actors):
                self._next()
        finally:
            for actor in actors:
                while not actor.ended:
                    actor.doomed = True
                    actor.go_on()

    def wait(self, seconds: float) -> None:
        """Let time pass, for whoever asks; the others go on meanwhile."""
        actor = self.actor
        if actor is not None:
            self._at(seconds, partial(self._let, actor))
            actor.stop()
        else:
            until = self.seconds + seconds
            while self._events and self._events[0][0] <= until:
                self._next()
            self.seconds = until

    def _at(self, seconds: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._events, (self.seconds + seconds, next(self._numbers), act))

    def _next(self) -> None:
        self.seconds, _, act = heapq.heappop(self._events)
        self.turn += 1
        act()

    def _let(self, actor: Actor) -> None:
        self.actor = actor
        actor.go_on()
        self.actor = None
        if actor.error is not None:
            raise actor.error

    def _way(self, actor: Actor) -> float:
        """How long a call is on its way: some far longer than others."""
        return self.weather.slowest_seconds * actor.pace * 10 ** self.random.uniform(-2, 0)

    # Calls.

    def _send(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        actor = self.actor
        if actor is None:
            return self.engine.execute(model, params)
        actor.calls[model.name] += 1
        fault = self._fault(model.name)
        late = fault in (Fault.DIE_AFTER, Fault.TIMEOUT_AFTER) and self.chance(0.5)
        fate = fault.value if fault else ""
        self.trace.append(Moment(self.seconds, actor.number, model.name, fate))
        self.wait(self._way(actor))
        answer = None
        match fault:
            case Fault.DIE_BEFORE:
                raise self._crash()
            case Fault.TIMEOUT_BEFORE:
                self.wait(READ_TIMEOUT_SECONDS)
                raise timeout()
            case Fault.THROTTLE:
                answer = refusal("ThrottlingException")
            case Fault.CONFLICT:
                answer = self._conflict(model.name, params)
            case _ if late:
                seconds = LATEST_SECONDS * 10 ** self.random.uniform(-5, 0)
                self._at(seconds, lambda: self._execute(model, params))
            case _:
                answer = self._execute(model, params)
        # A transaction is answered when all of it can be seen.
        transactional = model.name == "TransactWriteItems"
        self.wait(self._way(actor) + (self.weather.hold_seconds if transactional else 0.0))
        match fault:
            case Fault.DIE_AFTER:
                raise self._crash()
            case Fault.TIMEOUT_AFTER:
                self.wait(READ_TIMEOUT_SECONDS)
                raise timeout()
        return answer

    def _fault(self, operation: str) -> Fault | None:
        drawn = self.random.random()
        for fault, share in self.weather.faults.items():
            drawn -= share
            if drawn < 0:
                return None if fault is Fault.CONFLICT and operation not in WRITES else fault
        return None

    def _crash(self) -> Crash:
        restart_handlers()
        return Crash()

    def _conflict(self, operation: str, params: Mapping[str, Any]) -> Answer:
        if operation != "TransactWriteItems":
            return refusal("TransactionConflictException")
        actions = touches(operation, params)
        some = self.random.sample(range(len(actions)), self.random.randint(1, len(actions)))
        return cancellation([place in some for place in range(len(actions))])

    def _execute(self, model: Any, params: Mapping[str, Any]) -> Answer:
        """What becomes of a call where it arrives."""
        self._conflicts.hold_seconds = self.weather.hold_seconds
        refused = self._conflicts.meet(model.name, params)
        if refused is not None:
            return refused
        if model.name == "TransactWriteItems" and self.weather.torn:
            return self._tear(model, params)
        if model.name in ("BatchGetItem", "Query") and self.chance(self.weather.partial_reads):
            answer: Answer = self.engine.partial(model, params, self.random)
            return answer
        return self._apply(model, params)

    def _apply(self, model: Any, params: Mapping[str, Any]) -> Answer:
        answer: Answer = self.engine.execute(model, params)
        if model.name in WRITES:
            for touched in touches(model.name, params):
                if touched.key not in self.written and self.engine.item(touched) is not None:
                    self.written[touched.key] = self.turn
        return answer

    def _tear(self, model: Any, params: Mapping[str, Any]) -> Answer:
        """Apply a transaction, and let each write be seen at a time of its own.

        Until all of them are, the transaction holds its items, so nobody else writes to them.
        """
        touched = touches(model.name, params)
        before = [self.engine.item(item) for item in touched]
        answer = self._apply(model, params)
        for item, old in zip(touched, before, strict=True):
            new = self.engine.item(item)
            if new is not old:
                self.unseen[item.key] = new
                self.engine.set_item(item, old)
                seen = self.random.uniform(0, self.weather.hold_seconds)
                self._at(seen, partial(self._show, item, new))
        return answer

    def _show(self, touched: Touched, item: Any) -> None:
        del self.unseen[touched.key]
        self.engine.set_item(touched, item)
