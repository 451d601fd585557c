"""Spends and holds in histories: what callers ask for and are told, and an order that explains it.

The world knows the turn at which each item was first written, so each effect has its latest
moment; what callers ask for has an earliest. Whatever was answered must make sense in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aureon.domain.credits import Hold
from aureon.domain.events import CustomerRef
from aureon.domain.events import Event as DomainEvent
from aureon.domain.meters import MeterSet
from aureon.storage import keys
from aureon.storage.keys import Keys
from tests.simulation.world import START, World
from tests.support.credits_model import UNKNOWN, Done, Kind, State, Units, shown, step
from tests.support.handlers import Api, Reply
from tests.support.serializability import find_order

if TYPE_CHECKING:
    from tests.simulation.model import Logged, Memory, Outcome

NAMES: Final = ("tokens", "calls")
EXPIRIES_SECONDS: Final = (1, 20, 60, 300)
# An order that exists is found at once, or nearly.
PATIENCE: Final = 20_000
# What was seen at a turn was done between two others.
HALF_A_TURN: Final = 0.5


@dataclass(frozen=True)
class Charge:
    """What a spend or a hold asks for. A hold lasts so many seconds; a spend none."""

    tag: int
    name: str
    customer: CustomerRef
    units: int
    limit: int
    external_id: str | None
    seconds: int | None = None

    @property
    def body(self) -> dict[str, Any]:
        by = "external_customer_id" if self.customer.by_external_id else "customer_id"
        body: dict[str, Any] = {
            "name": self.name,
            by: self.customer.id,
            "metadata": {"units": self.units, "tag": self.tag},
            "limit": self.limit,
            "external_id": self.external_id,
        }
        return body if self.seconds is None else body | {"expires_in_seconds": self.seconds}


@dataclass
class Reserved:
    """A hold that a caller knows of, and the tags of what it was captured with, by units."""

    charge: Charge
    id: str
    tags: dict[int, int] = field(default_factory=dict)


class Attempt(NamedTuple):
    """A call about credits, and the status that it was answered, or `UNKNOWN`.

    It began and ended at these turns, when whoever served it had these times. `tag` and `units`
    are those of the event that it counts, if it would. `smooth` says that no call of it went wrong.
    """

    kind: Kind
    charge: Charge
    begun: int
    ended: int
    clock: tuple[float, float]
    reply: Reply | None
    smooth: bool
    tag: int | None = None
    units: int = 0

    @property
    def status(self) -> int:
        return UNKNOWN if self.reply is None else self.reply.status


class Spender:
    """Spends, and what belongs to it, as callers of a history do it."""

    api: Api

    def __init__(
        self,
        world: World,
        memory: Memory,
        external_ids: Sequence[str],
        event_ids: Sequence[str],
        call: Callable[[Callable[[], Reply]], Reply | None],
    ) -> None:
        self.world = world
        self.draw = world.random
        self.memory = memory
        self.external_ids = external_ids
        self.event_ids = event_ids
        self.holds: list[Reserved] = []
        # Of events that meters count.
        self.names: list[str] = []
        self._call = call
        self._numbers: Counter[str] = Counter()

    def spend(self) -> None:
        """Spend, mostly with an id; now and then with one that is an event's."""
        external_id = self.draw.choice([None, *[self._new("spend")] * 4])
        if self.world.chance(0.1):
            external_id = self.draw.choice(self.event_ids)
        self._complete_spend(self._charge(external_id))

    def repeat_spend(self) -> None:
        """Send a spend again that somebody else may be sending now; or other units under its id."""
        spends = [one for one in self.memory.charges if one.seconds is None and one.external_id]
        if spends:
            charge = self.draw.choice(spends[-2:] if self.world.chance(0.7) else spends)
            if self.world.chance(0.05):
                charge = replace(charge, tag=self.memory.new_tag(), units=charge.units + 1)
            self._complete_spend(charge)

    def hold(self) -> None:
        seconds = self.draw.choice(EXPIRIES_SECONDS)
        self._complete_hold(self._charge(self._new("hold"), seconds))

    def repeat_hold(self) -> None:
        holds = [one for one in self.memory.charges if one.seconds is not None]
        if holds:
            self._complete_hold(self.draw.choice(holds[-2:]))

    def capture(self) -> None:
        """Capture less than is held, as much, or more; or what somebody else may be capturing."""
        reserved = self._reserved()
        if reserved is not None:
            units = max(0, reserved.charge.units + self.draw.choice([-2, -1, 0, 0, 1, 3]))
            if reserved.tags and self.world.chance(0.4):
                units = self.draw.choice(sorted(reserved.tags))
            tag = reserved.tags.setdefault(units, self.memory.new_tag())
            metadata = {"units": units, "tag": tag}
            path = f"/v1/credits/holds/{reserved.id}/capture"
            self._complete(
                lambda: self._attempt(
                    "capture",
                    reserved.charge,
                    lambda: self.api.post(path, {"metadata": metadata}),
                    tag=tag,
                    units=units,
                )
            )

    def release(self) -> None:
        reserved = self._reserved()
        if reserved is not None:
            path = f"/v1/credits/holds/{reserved.id}/release"
            self._complete(
                lambda: self._attempt("release", reserved.charge, lambda: self.api.post(path, {}))
            )

    def look_at_hold(self) -> None:
        """What became of a hold never changes."""
        reserved = self._reserved()
        if reserved is not None:
            ended = {
                attempt.kind
                for attempt in self.memory.attempts
                if attempt.charge == reserved.charge
                and attempt.kind in ("capture", "release")
                and attempt.status == 200
            }
            reply = self._call(lambda: self.api.get(f"/v1/credits/holds/{reserved.id}"))
            if reply is not None:
                assert reply.status == 200, reply
                assert reply.body["external_id"] == reserved.charge.external_id
                shown = {"captured": "capture", "released": "release"}.get(reply.body["status"])
                assert ended <= {shown}, (ended, reply)

    def _charge(self, external_id: str | None, seconds: int | None = None) -> Charge:
        charge = Charge(
            tag=self.memory.new_tag(),
            name=self.draw.choice(self.names if self.world.chance(0.9) else NAMES),
            customer=self._favourite(),
            units=self.draw.choice([1, 2, 3, 5]),
            limit=self.draw.choice([0, 0, 2, 5]),
            external_id=external_id,
            seconds=seconds,
        )
        self.memory.charges.append(charge)
        return charge

    def _favourite(self) -> CustomerRef:
        """Mostly the same one: what is not disputed teaches nothing."""
        some = self.customers()
        return some[0] if self.world.chance(0.6) else self.draw.choice(some)

    def customers(self) -> list[CustomerRef]:
        """Each customer by its id, and by each external id that one has, or may come to have."""
        known = [CustomerRef(False, known.id) for known in self.memory.customers.values()]
        linked = [known.external_id for known in self.memory.customers.values()]
        names = [CustomerRef(True, name) for name in self.external_ids]
        return [*known, *(name for name in names if name.id in linked or self.world.chance(0.5))]

    def _reserved(self) -> Reserved | None:
        some = self.holds[-2:] if self.world.chance(0.7) else self.holds
        return self.draw.choice(some) if some else None

    def _complete_spend(self, charge: Charge) -> None:
        def attempt() -> Reply | None:
            path = "/v1/credits/spend"
            return self._attempt(
                "spend",
                charge,
                lambda: self.api.post(path, charge.body),
                tag=charge.tag,
                units=charge.units,
            )

        if charge.external_id is None:
            attempt()
        else:
            self._complete(attempt)

    def _complete_hold(self, charge: Charge) -> None:
        def attempt() -> Reply | None:
            return self._attempt(
                "hold", charge, lambda: self.api.post("/v1/credits/holds", charge.body)
            )

        reply = self._complete(attempt)
        known = [reserved.charge for reserved in self.holds]
        if reply is not None and reply.status == 200 and charge not in known:
            self.holds.append(Reserved(charge, reply.body["id"]))

    def _complete(self, attempt: Callable[[], Reply | None]) -> Reply | None:
        """Ask as a caller would: again after a failure, and now and then no more."""
        while True:
            reply = attempt()
            if reply is not None or self.world.chance(0.3):
                return reply
            self.world.wait(self.draw.choice([0.01, 1.0, 30.0]))

    def _attempt(
        self,
        kind: Kind,
        charge: Charge,
        send: Callable[[], Reply],
        *,
        tag: int | None = None,
        units: int = 0,
    ) -> Reply | None:
        begun, since, before = self.world.turn, self._clock(), len(self.world.trace)
        reply = self._call(send)
        actor = self.world.actor
        smooth = actor is not None and not any(
            moment.fate for moment in self.world.trace[before:] if moment.actor == actor.number
        )
        clock = (since, self._clock())
        self.memory.attempts.append(
            Attempt(kind, charge, begun, self.world.turn, clock, reply, smooth, tag, units)
        )
        return reply

    def _clock(self) -> float:
        """What a clock shows to whoever serves this caller."""
        return (self.world.now() - START).total_seconds()

    def _new(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}-{self._numbers[kind]}"


class Ending(NamedTuple):
    """What became of a hold, and the turn since which it has been so."""

    turn: int
    event_id: str | None


@dataclass
class Spending:
    """What was decided about credits, held against what callers were told."""

    outcome: Outcome
    memory: Memory
    organization_id: str
    written: Mapping[keys.Key, int]

    def check(self) -> None:
        for attempt in self.memory.attempts:
            self.check_answer(attempt)
        for customer_id in self.ordered:
            done = list(self.of_customer(customer_id))
            order = find_order(done, self.initial(customer_id), step, patience=PATIENCE)
            assert order is not None, (
                "no order",
                self.initial(customer_id),
                *sorted(done, key=lambda one: one.begun),
            )

    # Answers that are right or wrong by themselves.

    def check_answer(self, attempt: Attempt) -> None:
        """What was admitted is there, once; what was refused for ever was refused for a reason."""
        if attempt.reply is None:
            return
        charge = attempt.charge
        hold = self.outcome.holds.get(charge.external_id or "")
        match attempt.kind, attempt.status:
            case "spend", 200:
                logged = self.outcome.by_tag.get(charge.tag)
                assert logged is not None, ("lost", attempt)
                assert logged.id == attempt.reply.body["id"], (logged, attempt)
                assert logged.page.origin == "spend", logged
            case "spend", 409:
                other = self.outcome.by_id[charge.external_id or ""]
                assert other.tag != charge.tag or self.may_be_anothers(charge), (other, attempt)
            case "hold", 409:
                # Each hold is placed with one content.
                assert hold is not None and self.may_be_anothers(charge), attempt
            case "capture", 200:
                assert attempt.tag is not None
                logged = self.outcome.by_tag.get(attempt.tag)
                assert logged is not None, ("lost", attempt)
                assert logged.id == attempt.reply.body["event_id"], (logged, attempt)
                assert logged.page.origin == "hold", logged
            case (("hold" | "release"), 200):
                assert hold is not None, ("lost", attempt)
            case (("capture" | "release"), 409):
                assert hold is not None, attempt
                state = self.outcome.endings[hold.id]["state"]
                assert (attempt.kind, state) != ("release", "released"), attempt
            case _, 422:
                self.check_invalid(attempt)
            case _, 402:
                pass
            case _:
                raise AssertionError(attempt)

    def may_be_anothers(self, charge: Charge) -> bool:
        """Whether an id may be that of a deleted customer, who had the same external id."""
        deleted = (one.deletion_begun is not None for one in self.memory.customers.values())
        return charge.customer.by_external_id and any(deleted)

    def check_invalid(self, attempt: Attempt) -> None:
        """Only unknown customers, and what no meter counts, are refused."""
        assert attempt.reply is not None
        ((_, place),) = attempt.reply.problems()
        if place == "name":
            counting = self.units(attempt.charge.name, 1)
            assert self.has_changing_meters or not any(counting), attempt
        elif place == "customer_id":
            known = self.memory.customers[attempt.charge.customer.id]
            assert known.deletion_begun is not None, attempt
        else:
            assert place == "external_customer_id", attempt

    # Orders.

    @cached_property
    def has_changing_meters(self) -> bool:
        """Whether callers changed the meters: then events may be something else to them."""
        return self.outcome.version != self.memory.first_version

    @cached_property
    def ordered(self) -> list[str]:
        """The customers for whom everything can be told: they, and who had their names, live.

        Those with lots are left out, since the model of orders knows none: what holds of their
        spends, `Giving` says.
        """
        if self.has_changing_meters or not self.memory.attempts:
            return []
        return [
            customer_id
            for customer_id, known in self.memory.customers.items()
            if known.deletion_begun is None
            and customer_id not in self.outcome.with_lots
            and not any(
                pointer.earlier
                for pointer in self.outcome.pointers.values()
                if pointer.customer_id == customer_id
            )
        ]

    @cached_property
    def meters(self) -> MeterSet:
        return MeterSet.of(self.outcome.version, self.outcome.meters.values())

    def units(self, name: str, units: int) -> Units:
        """What an event is to each meter."""
        event = DomainEvent(0, CustomerRef(True, ""), name, START, {"units": units})
        matches = {match.meter_id: int(match.units) for match in self.meters.match(event)}
        return tuple(map(matches.get, self.outcome.meters))

    def initial(self, customer_id: str) -> State:
        """A customer that is not linked to its external id yet, if it will be."""
        nothing = tuple(0 for _ in self.outcome.meters)
        external_id = self.outcome.profiles[customer_id].external_id
        return State(nothing, None if external_id is None else nothing)

    def of_customer(self, customer_id: str) -> Iterator[Done]:
        """What was done to a customer, and what callers saw of it."""
        profile = self.outcome.profiles[customer_id]
        names = {CustomerRef(False, customer_id), CustomerRef(True, profile.external_id or "")}
        attempts = [one for one in self.memory.attempts if one.charge.customer in names]
        holds = [hold for hold in self.outcome.holds.values() if hold.customer_id == customer_id]
        if profile.external_id is not None:
            yield self.link(customer_id)
        yield from self.counted(set(profile.ledger_ids), customer_id)
        expiries = [_seconds(hold) for hold in holds]
        yield from self.effects(attempts, expiries)
        for attempt in attempts:
            yield from self.answered(attempt, expiries)

    def link(self, customer_id: str) -> Done:
        """When a customer came by its external id: as it was made, or later."""
        known = self.memory.customers[customer_id]
        return Done("link", -1, self.last_turn if known.linked is None else known.linked, 200)

    @cached_property
    def last_turn(self) -> float:
        return max(attempt.ended for attempt in self.memory.attempts)

    def counted(self, ledger_ids: set[str], customer_id: str) -> Iterator[Done]:
        """What was ingested: each page at its turn."""
        for ledger_id, page in self.outcome.pages:
            if ledger_id in ledger_ids and page.origin is None:
                turn = self.turn(Keys(self.organization_id).page(ledger_id, page.place))
                units = [
                    self.units(event.name, int(event.metadata["units"])) for event in page.events
                ]
                yield Done(
                    "ingest",
                    turn - HALF_A_TURN,
                    turn + HALF_A_TURN,
                    200,
                    tuple(sum(one or 0 for one in column) for column in zip(*units, strict=True)),
                    by_external_id=ledger_id != customer_id
                    or page.external_customer_id is not None,
                )

    def effects(self, attempts: Sequence[Attempt], expiries: Sequence[float]) -> Iterator[Done]:
        """What the table shows to have been decided, by the turn at which it was written."""
        for kind, charge, tag in dict.fromkeys((one.kind, one.charge, one.tag) for one in attempts):
            turn = self.written_at(kind, charge, tag)
            some = [
                one for one in attempts if (one.kind, one.charge, one.tag) == (kind, charge, tag)
            ]
            if turn is not None:
                clocks = [
                    clock for one in some if one.begun < turn for clock in _clocks(one, expiries)
                ]
                hold = self.outcome.holds.get(charge.external_id or "") if kind == "hold" else None
                yield replace(
                    self.done(some[0]),
                    begun=min(one.begun for one in some),
                    ended=turn + HALF_A_TURN,
                    status=200,
                    clocks=tuple(dict.fromkeys(clocks)),
                    expires=None if hold is None else _seconds(hold),
                    **self.shown(some[0] if len(some) == 1 else None),
                )

    def written_at(self, kind: Kind, charge: Charge, tag: int | None) -> int | None:
        """The turn at which something was decided, None where it never was."""
        if kind == "spend":
            logged = self.outcome.by_tag.get(charge.tag)
            return None if logged is None else self.turn_of(logged)
        hold = self.outcome.holds.get(charge.external_id or "")
        if hold is None:
            return None
        if kind == "hold":
            return self.turn(Keys(self.organization_id).hold(hold.id))
        ending = self.outcome.endings.get(hold.id)
        if ending is None:
            return None
        logged = self.outcome.by_tag.get(tag) if tag is not None else None
        captured = logged is not None and ending.get("event_id") == logged.id
        if captured or (kind == "release" and ending["state"] == "released"):
            return self.turn(Keys(self.organization_id).hold_outcome(hold.id))
        return None

    def answered(self, attempt: Attempt, expiries: Sequence[float]) -> Iterator[Done]:
        """What a caller was told, as something that was done without an effect of its own."""
        clocks = tuple(_clocks(attempt, expiries))
        done = replace(self.done(attempt), clocks=clocks)
        if attempt.reply is None:
            if any(expiry <= attempt.clock[1] for expiry in expiries):
                units = done.units if attempt.kind != "release" else done.held
                yield replace(done, kind="look", ended=inf, status=UNKNOWN, units=units)
        elif attempt.status == 402:
            yield replace(done, **self.shown(attempt))
        elif attempt.kind == "spend" and attempt.status == 409:
            pass
        elif attempt.status != 422 or _is_unknown(attempt.reply):
            yield done

    def done(self, attempt: Attempt) -> Done:
        """An attempt without what was seen of it."""
        charge = attempt.charge
        return Done(
            attempt.kind,
            attempt.begun,
            attempt.ended,
            attempt.status,
            units=self.units(charge.name, attempt.units),
            id=str(charge.tag),
            content=attempt.tag,
            held=self.units(charge.name, charge.units),
            by_external_id=charge.customer.by_external_id,
            limit=charge.limit,
        )

    def shown(self, attempt: Attempt | None) -> dict[str, Any]:
        """What an answer said of the balances that it was decided on, if it was at once."""
        if attempt is None or attempt.reply is None or not attempt.smooth:
            return {}
        return shown(attempt.reply, list(self.outcome.meters))

    def turn_of(self, logged: Logged) -> int:
        return self.turn(Keys(self.organization_id).page(logged.ledger_id, logged.page.place))

    def turn(self, key: keys.Key) -> int:
        return self.written.get(key, 0)

    def facts(self) -> Counter[str]:
        """How often the history came by what spends and holds are for."""
        told = Counter((one.kind, one.status) for one in self.memory.attempts)
        states = Counter(ending["state"] for ending in self.outcome.endings.values())
        return Counter(
            {
                "spends that were admitted": sum(
                    page.origin == "spend" for _, page in self.outcome.pages
                ),
                "spends that were refused": told["spend", 402],
                "spends without an answer": told["spend", UNKNOWN],
                "spends of ledgers with several shards": sum(
                    ledger_id in self.outcome.spread and page.origin == "spend"
                    for ledger_id, page in self.outcome.pages
                ),
                "customers with several ledgers whose decisions have an order": sum(
                    len(self.outcome.profiles[customer_id].ledger_ids) > 1
                    for customer_id in self.ordered
                ),
                "customers whose decisions have an order": len(self.ordered),
                "holds that were placed": len(self.outcome.holds),
                "holds that were captured": states["captured"],
                "holds that were released": states["released"],
                "holds that expired": sum(
                    hold.state == "expired" and hold.id not in self.outcome.endings
                    for hold in self.outcome.holds.values()
                ),
                "captures that came too late": told["capture", 409],
            }
        )


def _is_unknown(reply: Reply) -> bool:
    """Whether a request was refused since nobody has the external id."""
    return reply.problems() == {("body", "external_customer_id")}


def _clocks(attempt: Attempt, expiries: Iterable[float]) -> list[float]:
    """What a clock may have shown, as far as it makes a difference to who has expired."""
    first, last = attempt.clock
    return [first, *(expiry for expiry in expiries if first < expiry <= last)]


def _seconds(hold: Hold) -> float:
    return (hold.expires_at - START).total_seconds()
