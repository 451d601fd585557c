"""Random histories of a balance that has thresholds, and what a sequential model tells of them.

The stream hands over what was written since, and old records again, in any order and in parts.
Evaluators fail and die at any of their calls, and others write in between, or look at the same
records. Webhooks want some of what is told, or nothing: nothing else than the states must keep two
looks apart. The model is moved by nothing but the figures of the API at the looks that were
committed, one after another, and by those at the end.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Self
from unittest.mock import patch

from aureon.core import exact, times
from aureon.storage.keys import Key
from aureon_cli.stream_source import Record
from tests.support import permissions
from tests.support.clock import Clock
from tests.support.credit_makers import Shape, capture, hold, release, shaped_customer, spend
from tests.support.faults import Call, Crash, Fault, faults
from tests.support.grant_makers import balance, give, grants, void
from tests.support.handlers import Api, invoke
from tests.support.makers import usage
from tests.support.seams import without_pauses
from tests.support.watched import Stream, alerts, deliver, outbox, shuffled, watch_all

THRESHOLDS: Final = (
    {"available_credits": 100},
    {"available_credits": 30},
    {"available_credits": 0},
    {"percent": 20},
)
CHANGES: Final = {
    "credits.low": "reached",
    "credits.depleted": "reached",
    "credits.recovered": "recovered",
}
NOTHING_LEFT: Final = "available_credits:0"
MAX_CALLS: Final = 12

Change = Literal["reached", "recovered"]
Told = defaultdict[str, list[Change]]


class Figures(NamedTuple):
    """What the API says of a balance: what is left, below 0 too, and what came of what is there."""

    left: Decimal
    given: Decimal


NOTHING: Final = Figures(Decimal(0), Decimal(0))


@dataclass
class Level:
    """A threshold in the model. It begins where nothing is left, and nobody is told of that."""

    value: Decimal
    percent: bool
    low: bool = True
    units: Decimal = Decimal(0)
    given: Decimal = Decimal(0)
    given_before: Decimal = Decimal(0)

    def look(self, now: Figures) -> Iterator[Change]:
        """What is told at one instant."""
        if self.low and now.left > self.units:
            self.low = False
            if now.given > self.given:
                self.given_before = self.given
            yield "recovered"
        if not self.low:
            lies_at = self.value
            if self.percent:
                lies_at = (now.given - self.given_before) * self.value / 100
            if now.left <= lies_at:
                self.low, self.units, self.given = True, lies_at, now.given
                yield "reached"


@dataclass
class Model:
    """All thresholds of a balance, look by look: where credits came, also when they had come."""

    levels: dict[str, Level]
    seen: Figures = NOTHING
    told: Told = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of_all(cls) -> Self:
        levels = {}
        for one in THRESHOLDS:
            ((kind, value),) = one.items()
            percent = kind == "percent"
            levels[f"{kind}:{value}"] = Level(
                Decimal(value), percent, units=Decimal(0 if percent else value)
            )
        return cls(levels)

    def look(self, now: Figures) -> None:
        came = now.given - self.seen.given
        instants = [now]
        if came > 0:
            instants.insert(0, Figures(self.seen.left + came, now.given))
        for name, level in self.levels.items():
            for instant in instants:
                for change in level.look(instant):
                    # That a balance is above for the first time ends no alert.
                    if change == "reached" or name in self.told:
                        self.told[name].append(change)
        self.seen = now

    def alerts(self) -> dict[str, list[tuple[int, str]]]:
        """The alerts of each threshold: the ordinal, and the state."""
        found = {}
        for name, told in self.told.items():
            count = told.count("reached")
            states = ["recovered"] * (count - 1) + [told[-1]]
            found[name] = list(enumerate(states, 1))
        return found


@dataclass
class AlertHistory:
    """A customer in one shape of its ledgers, what happens to it, and what the model makes of it.

    Nothing is told of it before `play`.
    """

    api: Api
    customer_id: str
    watch: Key
    chance: random.Random
    clock: Clock
    stream: Stream
    wanted: Sequence[str]
    model: Model = field(default_factory=Model.of_all)
    holds: list[str] = field(default_factory=list)
    number: int = 0
    _rev: int = 0
    _snapshot: Figures | None = None
    _within: bool = False
    _beside: bool = False

    @classmethod
    def begin(cls, api: Api, shape: Shape, seed: str) -> Self:
        clock, chance = Clock(), random.Random(seed)
        wanted = chance.sample(list(CHANGES), chance.choice((0, 0, 1, len(CHANGES))))
        with _at(clock):
            meter_id = api.meter()
            reply = api.patch(f"/v1/meters/{meter_id}", {"thresholds": THRESHOLDS})
            assert reply.status == 200, reply.text
            if wanted:
                hook = {"url": "https://example.com/", "events": wanted}
                assert api.post("/v1/webhooks/endpoints", hook).status == 201
            watch_all(api.store)
            clock.seconds += 1
            customer_id = shaped_customer(api, shape)
        watch = api.store.keys.thresholds(customer_id, meter_id, 1)
        return cls(api, customer_id, watch, chance, clock, Stream(api.store), wanted)

    def play(self, steps: int) -> None:
        """Let so much happen, and then let everything be looked at."""
        with _at(self.clock):
            for _ in range(steps):
                for _ in range(self.chance.choice((1, 1, 1, 2, 4))):
                    self._pass_time()
                    self._act()
                if self.chance.random() < 0.75:
                    again = self.chance.sample(self.stream.old, min(len(self.stream.old), 3))
                    self._hand_over(self.stream.take() + again)
            invoke("sweep", {"source": "aws.events"})
            while delivery := self.stream.take():
                self._hand_over(delivery, calm=True)
            self.model.look(self._figures())

    def alerts(self) -> dict[str, list[tuple[int, str]]]:
        found = defaultdict(list)
        for one in sorted(alerts(self.api), key=lambda alert: int(alert["ordinal"])):
            found[_name(one)].append((one["ordinal"], one["state"]))
        return found

    def outbox(self) -> Told:
        """What webhooks tell of each threshold, in its order."""
        found: Told = defaultdict(list)
        for payload in self._payloads():
            if payload["type"] in CHANGES:
                change: Any = CHANGES[payload["type"]]
                found[_name(payload["data"]["alert"])].append(change)
        return found

    def wanted_of_model(self) -> Told:
        """What the model tells of each threshold, as far as webhooks want it."""
        found: Told = defaultdict(list)
        for name, told in self.model.told.items():
            reached = "credits.depleted" if name == NOTHING_LEFT else "credits.low"
            for change in told:
                if (reached if change == "reached" else "credits.recovered") in self.wanted:
                    found[name].append(change)
        return found

    def sequences(self) -> list[int]:
        """The places of all that is told of the customer, expired holds among it."""
        return [payload["sequence"] for payload in self._payloads()]

    def _payloads(self) -> list[Any]:
        found = [exact.parse(entry["payload"]) for entry in outbox(self.api.store)]
        return sorted(found, key=lambda payload: int(payload["sequence"]))

    def _figures(self) -> Figures:
        found = balance(self.api, self.customer_id)
        left, held = -Decimal(found["balance"]), Decimal(found["held_units"])
        given = Decimal(found["granted_units"]) - Decimal(found["expired_units"])
        return Figures(left - held, given)

    def _pass_time(self) -> None:
        if self.chance.random() < 0.2:
            self.clock.seconds += self.chance.choice((1, 60, 600, 3_600))
            if self.chance.random() < 0.5:
                invoke("sweep", {"source": "aws.events"})

    def _act(self) -> None:
        """Something that a caller does: what moves the balance must wake the evaluator."""
        before, images = self._figures(), self.stream.images()
        self.chance.choice(self._actions())()
        if self._figures() != before:
            assert self.stream.wakes_since(images), "what was written wakes nobody"

    def _actions(self) -> list[Callable[[], object]]:
        units = self.chance.choice((5, 20, 40, 90))
        came = self.chance.choice((10, 50, 120, 300))
        self.number += 1
        id_ = f"id-{self.number}"
        use = [lambda: self.api.ingest(usage(units))] * 6
        return [
            *use,
            lambda: self.api.ingest(usage(-came)),
            lambda: self.api.ingest(usage(-came), usage(units), usage(came + units)),
            lambda: give(self.api, came, expires_in_seconds=self.chance.choice((60, 1_800, 9_000))),
            lambda: spend(self.api, units, external_id=id_),
            lambda: self._hold(units, id_),
            lambda: self._end(release),
            lambda: self._end(capture),
            self._void,
        ]

    def _hold(self, units: int, id_: str) -> None:
        made = hold(self.api, units, id_, expires_in_seconds=self.chance.choice((60, 3_600)))
        if made.status == 200:
            self.holds.append(made.body["id"])

    def _end(self, end: Callable[[Api, str], object]) -> None:
        if self.holds:
            end(self.api, self.holds.pop(self.chance.randrange(len(self.holds))))

    def _void(self) -> None:
        for one in grants(self.api, self.customer_id)[:1]:
            void(self.api, one["id"])

    def _hand_over(self, delivery: Sequence[Record], *, calm: bool = False) -> None:
        """Deliver records in another order, some repeatedly. What fails or dies comes later."""
        for part in shuffled(delivery, self.chance):
            self._snapshot, self._beside = None, False
            with faults(self.api.store.client, self._plan(part, calm=calm), remember=False):
                try:
                    failed = set(deliver(part))
                except Crash:
                    failed = {one["dynamodb"]["SequenceNumber"] for one in part}
            self._settle()
            if not failed and not self._beside and self._snapshot is not None:
                # A look that found nothing to keep was one, too.
                self.model.look(self._snapshot)
            self.stream.put_back(one for one in part if one["dynamodb"]["SequenceNumber"] in failed)

    def _plan(self, part: Sequence[Record], *, calm: bool) -> Callable[[Call], Fault | None]:
        """Remember what the balance was at each look; let a call go wrong, or come after others."""
        made = 0
        number = -1 if calm or self.chance.random() < 0.3 else self.chance.randrange(MAX_CALLS)
        fault = self.chance.choice((None, None, None, *Fault))
        at_write = self.chance.random() < 0.5

        def plan(call: Call) -> Fault | None:
            nonlocal made, number, at_write
            if self._within:
                return None
            self._settle()
            if at_write and number >= 0 and call.operation == "TransactWriteItems":
                number, at_write = made, False
            with self._aside():
                if made == number and fault is None:
                    for _ in range(self.chance.choice((0, 1, 2))):
                        self._act()
                    if self.chance.random() < 0.5:
                        self._look_beside(part)
                if call.operation == "TransactGetItems":
                    self._snapshot = self._figures()
            made += 1
            return fault if made == number + 1 else None

        return plan

    def _look_beside(self, part: Sequence[Record]) -> None:
        """Let another evaluator look at what was written, and at what this one was given."""
        assert deliver([*self.stream.take(), *part]) == []
        rev = self._stored_rev()
        if rev > self._rev:
            self.model.look(self._figures())
            self._rev = rev
        self._beside = True

    def _stored_rev(self) -> int:
        return int((self.api.store.get(self.watch) or {"rev": 0})["rev"])

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Let calls of others come between those of an evaluator."""
        self._within = True
        try:
            with permissions.acting_as(None):
                yield
        finally:
            self._within = False

    def _settle(self) -> None:
        """Let the model look, if a look was committed since."""
        with self._aside():
            rev = self._stored_rev()
        assert rev <= self._rev + 1
        if rev > self._rev:
            assert self._snapshot is not None
            self.model.look(self._snapshot)
            self._rev = rev


@contextmanager
def _at(clock: Clock) -> Iterator[None]:
    with patch.object(times, "now", clock.now), without_pauses():
        yield


def _name(alert: dict[str, Any]) -> str:
    threshold = alert["threshold"]
    ((kind, value),) = [(kind, value) for kind, value in threshold.items() if value is not None]
    return f"{kind}:{value}"
