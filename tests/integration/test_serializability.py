"""Decisions on credits are strictly serializable: each as if it were made at one moment.

Callers in threads of their own do things at random to one customer, in circumstances worse than
DynamoDB's. Then an order is looked for in which one after the other would have seen the same.
"""

from __future__ import annotations

import itertools
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import inf
from operator import attrgetter
from typing import Any, Final, NamedTuple

import pytest

from aureon.core import times
from aureon.ledger import committer
from aureon.storage.store import Store
from tests.support import inline_engine
from tests.support.clock import START, Clock
from tests.support.conflicts import Touched, touches
from tests.support.credit_makers import assert_sound, spread
from tests.support.credits_model import HOLD_SECONDS, UNKNOWN, Done, Kind, State, Units, shown, step
from tests.support.faults import Fault, cancellation, timeout
from tests.support.handlers import Api, Reply
from tests.support.serializability import find_order

HISTORIES: Final = 100
CALLERS: Final = 4
MAX_OPERATIONS: Final = 12
SHAPES: Final = ("own", "linked", "spread", "linked and spread", "linked meanwhile")
# An event has units for the first meter, the second, or both.
PROPERTIES: Final = ("a", "b")
# As often as not, nothing was granted on a meter when a history begins.
OPENING: Final = (-5, -4, -3, -2, 0, 0, 1, 1)
TICK_SECONDS: Final = 40
# From when a hold was placed: for less than it lasts already, as long, or longer.
EXTENSIONS_SECONDS: Final = (HOLD_SECONDS // 2, HOLD_SECONDS, 2 * HOLD_SECONDS, 3 * HOLD_SECONDS)
SKEWS_SECONDS: Final = (0, 0, 25, -25)
BEGUN: Final = attrgetter("begun")


class Trouble:
    """What befalls the calls of a history: old snapshots, conflicts, lost answers, late writes.

    A snapshot that is old is held back until others have written. What is then committed to an
    item that has changed since must be refused: `overtaken` counts both ways. A call that times out
    may have been executed, or still be, after any other.
    """

    def __init__(self, draw: random.Random) -> None:
        self.overtaken: Counter[str] = Counter()
        self._draw = draw
        self._shares = {
            Fault.CONFLICT: draw.choice([0.0, 0.2]),
            Fault.TIMEOUT_BEFORE: draw.choice([0.0, 0.1]),
            Fault.TIMEOUT_AFTER: draw.choice([0.0, 0.1]),
        }
        self._share_of_old = draw.choice([0.0, 0.3, 0.8])
        self._changed = threading.Condition()
        self._callers = CALLERS
        self._waiting = 0
        self._writes = 0
        self._revisions: Counter[Touched] = Counter()
        self._late: list[tuple[Any, Mapping[str, Any]]] = []
        self._of_thread = threading.local()

    def begin(self) -> None:
        """A caller's next operation begins."""
        self._of_thread.seen = {}
        self._of_thread.unsure = False

    @property
    def unsure(self) -> bool:
        """Whether a call of the caller's operation has timed out."""
        return getattr(self._of_thread, "unsure", False)

    def leave(self) -> None:
        """A caller has come to its end."""
        with self._changed:
            self._callers -= 1
            self._changed.notify_all()

    def answer(self, model: Any, params: Mapping[str, Any]) -> Any:
        """Answer a transaction; what else there is fares well."""
        with self._changed:
            if self._late and self._draw.random() < 0.5:
                self._write(*self._late.pop(), seen={})
            fault = self._fault()
            if fault is Fault.CONFLICT:
                return cancellation([True] * len(touches(model.name, params)))
            if model.name == "TransactGetItems":
                answer = self._read(model, params)
            elif fault is Fault.TIMEOUT_BEFORE:
                self._late.append((model, params))
            else:
                answer = self._write(model, params, self._of_thread.seen)
            if fault is not None:
                self._of_thread.unsure = True
                raise timeout()
        return answer

    def _fault(self) -> Fault | None:
        drawn = self._draw.random()
        for fault, share in self._shares.items():
            drawn -= share
            if drawn < 0:
                return fault
        return None

    def _read(self, model: Any, params: Mapping[str, Any]) -> Any:
        """Answer what is there now; sometimes not before others have written, if they do."""
        answer = inline_engine.execute(model, params)
        touched = touches(model.name, params)
        self._of_thread.seen = {item: self._revisions[item] for item in touched}
        if self._draw.random() < self._share_of_old:
            writes = self._writes
            self._waiting += 1
            self._changed.wait_for(lambda: self._writes > writes or self._waiting == self._callers)
            self._waiting -= 1
        return answer

    def _write(self, model: Any, params: Mapping[str, Any], seen: Mapping[Touched, int]) -> Any:
        answer = inline_engine.execute(model, params)
        touched = touches(model.name, params)
        admitted = answer[0].status_code == 200
        if any(seen.get(item, self._revisions[item]) != self._revisions[item] for item in touched):
            self.overtaken["admitted" if admitted else "refused"] += 1
        if admitted:
            self._revisions.update(touched)
            self._writes += 1
            self._changed.notify_all()
        return answer


class Weather:
    """The trouble that there is at the moment, if there is any."""

    trouble: Trouble | None = None

    def answer(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        if self.trouble is None or not model.name.startswith("Transact"):
            return inline_engine.execute(model, params)
        return self.trouble.answer(model, params)


@pytest.fixture
def weather() -> Weather:
    return Weather()


@pytest.fixture
def store(weather: Weather) -> Iterator[Store]:
    with inline_engine.raced_table(weather.answer) as store:
        yield store


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(times, "now", clock.now)
    monkeypatch.setattr(committer, "CONFLICTS_BEFORE_SPREADING", 1)
    return clock


class History:
    """What callers do at once to a customer of their own, and what they see of it."""

    def __init__(self, api: Api, clock: Clock, meter_ids: list[str], shape: str, name: str) -> None:
        self.api = api
        self.clock = clock
        self.meter_ids = meter_ids
        self.shape = shape
        self.external_id = name
        self.trouble = Trouble(random.Random(name))
        self.done: list[Done] = []
        self.event_ids: set[tuple[str, str]] = set()
        self.hold_ids: dict[str, str] = {}
        self._moments = itertools.count()
        draw = random.Random(name)
        # What is sent again under an id is what was sent the first time.
        self.spends = {f"{name}/spend-{number}": charge(draw) for number in range(2)}
        self.holds = {f"{name}/hold-{number}": charge(draw) for number in range(2)}
        self.initial = self._set_up(draw)
        self.hold(draw, next(iter(self.holds)))

    def _set_up(self, draw: random.Random) -> State:
        gathered, own = ([draw.choice(OPENING) for _ in PROPERTIES] for _ in range(2))
        self._ingest(tuple(gathered), by_external_id=True)
        pointer = self.api.store.get(self.api.store.keys.external(self.external_id))
        assert pointer is not None
        email = f"{uuid.uuid4()}@example.com"
        if self.shape in ("own", "spread"):
            self.customer_id = self.api.customer(email, external_id=self.external_id)
        else:
            self.customer_id = self.api.customer(email)
        self._ingest(tuple(own), by_external_id=False)
        if self.shape in ("linked", "linked and spread"):
            assert self._link().status == 200
        if self.shape in ("spread", "linked and spread"):
            ledger_ids = {self.customer_id, pointer["ledger_id"]}
            spread(self.api, *ledger_ids, external_id=self.external_id)
        granted, ghost_granted = map(granting, (own, gathered))
        if self.shape == "linked meanwhile":
            return State(tuple(own), tuple(gathered), granted, ghost_granted)
        together = tuple(map(sum, zip(own, gathered, strict=True)))
        return State(together, granted=granted | ghost_granted)

    def play(self) -> None:
        """Let all callers do what they do, at once."""
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(self._call, range(CALLERS)))

    def _call(self, caller: int) -> None:
        draw = random.Random(f"{self.external_id}/{caller}")
        self.clock.skew_seconds = SKEWS_SECONDS[caller]
        acts = {
            self.spend: 4,
            self.hold: 2,
            self.capture: 3,
            self.release: 1,
            self.extend: 2,
            self.ingest: 3,
            self.link: 3 if self.shape == "linked meanwhile" else 0,
            self.tick: 1,
        }
        try:
            for act in draw.choices(list(acts), list(acts.values()), k=MAX_OPERATIONS // CALLERS):
                self.trouble.begin()
                act(draw)
        finally:
            self.trouble.leave()

    # What callers do.

    def spend(self, draw: random.Random) -> None:
        id_ = draw.choice([None, *self.spends])
        charged = charge(draw) if id_ is None else self.spends[id_]
        body = {**self._body(charged.units, charged.by_external_id), "external_id": id_}
        reply = self._record(
            "spend",
            lambda: self.api.post("/v1/credits/spend", body | {"limit": charged.limit}),
            id=id_,
            **charged._asdict(),
        )
        if reply.status == 200 and id_ is not None:
            self.event_ids.add((id_, reply.body["id"]))

    def hold(self, draw: random.Random, id_: str | None = None) -> None:
        id_ = id_ or draw.choice(list(self.holds))
        charged = self.holds[id_]
        body = {**self._body(charged.units, charged.by_external_id), "external_id": id_}
        body |= {"limit": charged.limit, "expires_in_seconds": HOLD_SECONDS}
        reply = self._record(
            "hold",
            lambda: self.api.post("/v1/credits/holds", body),
            id=id_,
            held=charged.units,
            limit=charged.limit,
            by_external_id=charged.by_external_id,
        )
        if reply.status == 200:
            self.hold_ids[id_] = reply.body["id"]

    def capture(self, draw: random.Random) -> None:
        """Capture less than is held of a meter, as much, or more."""
        id_ = draw.choice(list(self.holds))
        if id_ not in self.hold_ids:
            return self.hold(draw, id_)
        held = self.holds[id_].units
        units = tuple(
            None if reserved is None else reserved + draw.choice([-1, 0, 1]) for reserved in held
        )
        path = f"/v1/credits/holds/{self.hold_ids[id_]}/capture"
        reply = self._record(
            "capture",
            lambda: self.api.post(path, {"metadata": metadata(units)}),
            id=id_,
            units=units,
            held=held,
            limit=self.holds[id_].limit,
            by_external_id=self.holds[id_].by_external_id,
        )
        if reply.status == 200:
            self.event_ids.add((id_, reply.body["event_id"]))

    def release(self, draw: random.Random) -> None:
        id_ = draw.choice(list(self.holds))
        if id_ not in self.hold_ids:
            return self.hold(draw, id_)
        path = f"/v1/credits/holds/{self.hold_ids[id_]}/release"
        self._record(
            "release",
            lambda: self.api.post(path, {}),
            id=id_,
            held=self.holds[id_].units,
            by_external_id=self.holds[id_].by_external_id,
        )

    def extend(self, draw: random.Random) -> None:
        """Extend a hold, which may have expired, or ended."""
        id_ = draw.choice(list(self.holds))
        if id_ not in self.hold_ids:
            return self.hold(draw, id_)
        seconds = draw.choice(EXTENSIONS_SECONDS)
        path = f"/v1/credits/holds/{self.hold_ids[id_]}/extend"
        self._record(
            "extend",
            lambda: self.api.post(path, {"expires_in_seconds": seconds}),
            id=id_,
            held=self.holds[id_].units,
            lasts_seconds=seconds,
            limit=self.holds[id_].limit,
            by_external_id=self.holds[id_].by_external_id,
        )

    def ingest(self, draw: random.Random) -> None:
        """Grant, or use without asking."""
        units, by_external_id = units_of(draw, -3, 2), draw.random() < 0.5
        self._record(
            "ingest",
            lambda: self._ingest(units, by_external_id=by_external_id),
            units=units,
            by_external_id=by_external_id,
        )

    def link(self, draw: random.Random) -> None:
        self._record("link", self._link)

    def tick(self, draw: random.Random) -> None:
        self.clock.seconds += TICK_SECONDS

    def _link(self) -> Reply:
        path = f"/v1/customers/{self.customer_id}"
        return self.api.patch(path, {"external_id": self.external_id})

    def _ingest(self, units: Units, *, by_external_id: bool) -> Reply:
        return self.api.ingest(self._body(units, by_external_id))

    def _body(self, units: Units, by_external_id: bool) -> dict[str, Any]:
        named = (
            {"external_customer_id": self.external_id}
            if by_external_id
            else {"customer_id": self.customer_id}
        )
        return {"name": "use", "metadata": metadata(units), **named}

    def _record(self, kind: Kind, send: Callable[[], Reply], **what: Any) -> Reply:
        before = self.clock.seconds
        begun = next(self._moments)
        reply = send()
        ended = next(self._moments)
        seconds = range(before, self.clock.seconds + 1, TICK_SECONDS)
        unknown = reply.status == 503
        # Who found only afterwards what it had done saw later balances.
        if reply.status in (200, 402) and not self.trouble.unsure:
            what |= shown(reply, self.meter_ids)
        if reply.status == 200 and kind == "hold":
            # A repeat shows until when others have extended it: what it began with is certain.
            what["expires"] = seconds_of(reply.body["created_at"]) + HOLD_SECONDS
        if reply.status == 200 and kind == "extend" and not self.trouble.unsure:
            what["expires"] = seconds_of(reply.body["expires_at"])
        done = Done(
            kind,
            begun,
            inf if unknown else ended,
            UNKNOWN if unknown else reply.status,
            clocks=tuple(second + self.clock.skew_seconds for second in seconds),
            **what,
        )
        self.done.append(done)
        return reply


class Charge(NamedTuple):
    """What a spend or a hold asks for."""

    units: Units
    limit: int
    by_external_id: bool


def charge(draw: random.Random) -> Charge:
    return Charge(units_of(draw, 1, 4), draw.choice([0, 0, 2]), draw.random() < 0.5)


def units_of(draw: random.Random, least: int, most: int) -> Units:
    """Units for one meter, or for each."""
    wanted = draw.choice([(True, False), (False, True), (True, True)])
    return tuple(draw.randint(least, most) if one else None for one in wanted)


def granting(units: Sequence[int]) -> frozenset[int]:
    """The meters on which these units give something."""
    return frozenset(meter for meter, counted in enumerate(units) if counted < 0)


def seconds_of(text: str) -> float:
    """A time as the histories' clocks show it."""
    return (times.from_text(text) - START).total_seconds()


def metadata(units: Units) -> dict[str, int]:
    pairs = zip(PROPERTIES, units, strict=True)
    return {name: counted for name, counted in pairs if counted is not None}


@pytest.mark.parametrize("shape", SHAPES)
def test_there_is_an_order_that_explains_what_callers_see(
    api: Api, clock: Clock, weather: Weather, shape: str
) -> None:
    meter_ids = [api.meter("use", func="sum", property=name) for name in PROPERTIES]
    seen: Counter[tuple[Kind, int]] = Counter()
    overtaken: Counter[str] = Counter()
    for number in range(HISTORIES):
        history = History(api, clock, meter_ids, shape, f"{shape} {number}")
        weather.trouble = history.trouble
        history.play()
        weather.trouble = None

        order = find_order(history.done, history.initial, step)
        story = (history.initial, *sorted(history.done, key=BEGUN))
        assert order is not None, "\n".join(map(repr, story))
        assert len(history.event_ids) == len({id_ for id_, _ in history.event_ids})
        seen.update((done.kind, done.status) for done in history.done)
        overtaken += history.trouble.overtaken
    assert seen.keys() >= set(product(("spend", "hold"), (200, 402)))
    assert seen.keys() >= {("capture", 200), ("capture", 409), ("release", 200)}
    assert seen.keys() >= {("extend", 200), ("extend", 409)}
    assert overtaken["refused"]
    assert not overtaken["admitted"]
    assert_sound(api)
