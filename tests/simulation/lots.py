"""Histories of credits that expire: what callers do around boundaries, while calls go wrong.

The code is the real one, on the engine's own. Each transaction is watched as it is committed: what
changes lots must have seen the totals of an instant since which nobody else has decided, what
passes a boundary those of this very moment, and nothing may count, by the clock of who counts it,
after a boundary that nobody has passed. Reads must show what was so when they were made. In the
end the log is counted again, lots and all.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.audit import ledger_audit
from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.credits import account
from aureon.domain.credits import Holds
from aureon.domain.lots import Change, Lots, pass_boundaries
from aureon.ledger import committer, reckoning
from aureon.ledger.sweep import sweep
from aureon.projection import backfill
from aureon.storage import keys
from aureon.storage.store import Item, update
from tests.simulation.world import CALM, LATEST_SECONDS, START, Weather, World
from tests.support import inline_engine, memory_engine
from tests.support.backfill_jobs import jobs
from tests.support.conflicts import HOLD_SECONDS, Touched, touches
from tests.support.credit_makers import assert_sound
from tests.support.deliveries import deliver, message
from tests.support.faults import Answer, Crash, Fault
from tests.support.handlers import Api, Reply, invoke

NAME: Final = "api_usage"
MINUTE: Final = 60.0
DAY: Final = 86_400.0
SHARDS: Final = 3

Figures = Counter[str]
# A customer, and a meter's generation as its item calls it.
About = tuple[str, str]
PROFILES: Final[Mapping[str, Sequence[str]]] = {
    "mixed": ("use",) * 5
    + ("give", "give", "void", "spend", "hold", "capture", "release", "link", "sweep", "read"),
    "boundary": ("use",) * 4 + ("give", "spend", "read", "read", "sweep"),
    "spread": ("use",) * 6 + ("give", "give", "spend", "read", "void"),
    "links": ("use",) * 4 + ("give", "link", "link", "spend", "read"),
    "holds": ("use", "give", "hold", "hold", "hold", "capture", "release", "spend", "sweep"),
    "held ghosts": ("use", "give", "hold", "hold", "link", "capture", "release", "read", "sweep"),
    "past": ("use",) * 4 + ("give", "link", "new_meter", "count_past", "count_past", "read"),
    "queue": ("send", "send", "deliver", "deliver", "use", "give", "read", "link"),
    "repeats": ("use_keyed", "use_keyed", "repeat", "repeat", "give", "give_again", "link", "read"),
    "customers": ("use", "use", "give", "rename", "delete", "link", "read", "sweep", "spend"),
}


class Violation(BaseException):
    """A transaction that must not have been committed: no handler answers for it."""


class State(NamedTuple):
    """A customer's lots of a meter as they stand after a commit, and its figures."""

    at: float
    lots: Lots
    figures: Figures
    holds: Holds
    by_reckoning: bool


@dataclass
class Watch:
    """Looks at each transaction that is committed, and knows what it may do."""

    figures: defaultdict[tuple[str, str], Figures] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    owners: dict[str, str] = field(default_factory=dict)
    ledgers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # What has been used, and the balance, at each instant since somebody last decided.
    points: defaultdict[About, set[tuple[Decimal, Decimal]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    states: defaultdict[About, list[State]] = field(default_factory=lambda: defaultdict(list))
    facts: Counter[str] = field(default_factory=Counter)

    def of(self, about: About) -> Figures:
        customer_id, name = about
        total: Figures = Counter()
        for ledger_id in self.ledgers.get(customer_id, (customer_id,)):
            total.update(self.figures[ledger_id, name])
        return total

    def point(self, about: About) -> tuple[Decimal, Decimal]:
        found = self.of(about)
        return Decimal(found["used"]), Decimal(found["sum"])

    def committed(
        self, before: Mapping[keys.Key, Item], after: Mapping[keys.Key, Item], sent: datetime,
        at: float, read: Callable[[keys.Key], Item],
    ) -> None:  # fmt: skip
        """Look at a transaction that was sent by a clock, and is committed now."""
        moved: defaultdict[tuple[str, str], Figures] = defaultdict(Counter)
        changes: defaultdict[About, list[tuple[str, Change]]] = defaultdict(list)
        deciding: set[About] = set()
        linked: list[str] = []
        spends = False
        for key, item in after.items():
            organization_id, kind, id_, *_ = [*key.pk.split("#"), "", ""]
            if kind == "CUSTOMER" and key.sk.startswith(keys.BALANCE_PREFIX):
                balance = keys.parse_balance(key.sk)
                name = keys.next_of(balance.meter_id, balance.generation)
                for figure in ("sum", "used", "granted", "expired"):
                    old = before.get(key, {}).get(figure, 0)
                    moved[id_, name][figure] += item.get(figure, 0) - old
            elif kind == "CUSTOMER" and key.sk.startswith(keys.HOLDS_PREFIX):
                spends = True
            elif kind == "CUSTOMER" and key.sk == keys.CUSTOMER_SORT and "created_at" in item:
                ledger_ids = tuple(item["ledger_ids"])
                if item["deleted_at"] is not None:
                    self.owners.pop(id_, None)
                    self.ledgers.pop(id_, None)
                    continue
                if ledger_ids != self.ledgers.get(id_):
                    if id_ in self.ledgers:
                        linked.append(id_)
                        self._require_passed(id_, sent, read, organization_id, "linked")
                    self.ledgers[id_] = ledger_ids
                    self.owners |= dict.fromkeys(ledger_ids, id_)
            elif kind == "LOG" and key not in before:
                if "change" in item:
                    name = keys.next_of(item["lots_of"][0], int(item["lots_of"][1]))
                    change = Change.from_item(item["change"])
                    changes[id_, name].append((item["origin"], change))
                elif item.get("origin") in ("spend", "hold", "grant"):
                    spends = True
        for (ledger_id, name), figures in moved.items():
            owner = self.owners.get(ledger_id)
            if owner is None:
                self.figures[ledger_id, name].update(figures)
                continue
            about = (owner, name)
            if about in changes or (owner, name) in deciding:
                continue
            if figures["used"] or figures["granted"]:
                self._require_passed(owner, sent, read, self._organization(after), "counted", name)
        for about, steps in changes.items():
            self._changed(about, steps, before, after, sent)
        for (ledger_id, name), figures in moved.items():
            if ledger_id in self.owners:
                about = (self.owners[ledger_id], name)
                if about not in self.points:
                    self.points[about] = {self.point(about)}
                self.figures[ledger_id, name].update(figures)
        abouts = {
            (self.owners[ledger_id], name) for ledger_id, name in moved if ledger_id in self.owners
        } | {(id_, name) for id_ in linked for _, name in list(self.points) if id_ == _}
        for about in abouts | set(changes):
            now = self.point(about)
            if about in changes or spends:
                self.points[about] = {now}
            else:
                self.points[about].add(now)
        for id_ in linked:
            for about in [about for about in self.points if about[0] == id_]:
                self.points[about] = {self.point(about)}
        for about in abouts | set(changes):
            self._note(about, at, read, after, bool(changes.get(about)))

    def _note(
        self, about: About, at: float, read: Callable[[keys.Key], Item],
        after: Mapping[keys.Key, Item], changed: bool,
    ) -> None:  # fmt: skip
        customer_id, name = about
        org = keys.Keys(self._organization(after))
        meter_id, generation = keys.parse_next(name)
        lots_key = org.lots(customer_id, meter_id, generation)
        lots = Lots.from_item(after.get(lots_key) or read(lots_key) or None)
        entries: dict[str, tuple[Decimal, datetime]] = {}
        for owner in self.ledgers.get(customer_id, (customer_id,)):
            holds_key = org.holds(owner, meter_id)
            item = after.get(holds_key) or read(holds_key) or None
            entries |= Holds.from_item(item).entries
        holds = Holds(entries)
        self.states[about].append(State(at, lots, self.of(about), holds, changed))

    def _changed(
        self, about: About, steps: list[tuple[str, Change]],
        before: Mapping[keys.Key, Item], after: Mapping[keys.Key, Item], sent: datetime,
    ) -> None:  # fmt: skip
        steps = sorted(steps, key=lambda step: step[1].step)
        origin, first = steps[0]
        seen = (first.used, first.total)
        now = self.point(about)
        if origin == "boundary":
            assert seen == now, ("passed a boundary at totals that are past", seen, now)
        else:
            known = self.points[about] | {now}
            assert seen in known, ("changed lots over somebody's decision", seen, known)
            self.facts["slipped in"] += seen != now
        key = next(key for key in after if key.sk.startswith(f"{keys.LOTS_PREFIX}{about[1]}"))
        lots = Lots.from_item(before.get(key))
        assert first.rev == lots.rev + 1
        for _, change in steps:
            lots = change.apply(change.burn(lots))
        found = Lots.from_item(after[key])
        assert {lot.id: lot for lot in lots.trimmed().open} == {lot.id: lot for lot in found.open}
        if origin == "boundary":
            for _, change in steps:
                self.facts["lots passed"] += len(change.removed)
        self.facts[origin] += 1

    def _require_passed(
        self, customer_id: str, sent: datetime, read: Callable[[keys.Key], Item],
        organization_id: str, what: str, name: str | None = None,
    ) -> None:  # fmt: skip
        """Nothing counts after a boundary that nobody has passed, by the clock of who counts."""
        org = keys.Keys(organization_id)
        item = read(org.customer(customer_id))
        for name_, at in item.get("next", {}).items():
            if name in (None, name_):
                assert at > times.to_text(sent), (what, "after a boundary", name_, at, sent)

    @staticmethod
    def _organization(items: Mapping[keys.Key, Item]) -> str:
        return next(iter(items)).pk.partition("#")[0]


class LotWorld(World):
    """A world whose transactions are watched."""

    def __init__(self, seed: int, engine: Any = inline_engine) -> None:
        super().__init__(seed, engine)
        self.watch = Watch()

    def _send(self, model: Any, params: dict[str, Any], **more: Any) -> Any:
        params = {**params, "sent": self.now()}
        return super()._send(model, params, **more) if self.actor else self._apply(model, params)

    def _apply(self, model: Any, params: Mapping[str, Any]) -> Answer:
        if model.name != "TransactWriteItems":
            return super()._apply(model, params)
        touched = touches(model.name, params)
        before = self._items(touched)
        answer = super()._apply(model, params)
        if answer[0].status_code < 300:
            after = self._items(touched)
            sent = params.get("sent") or self.now()
            (table,) = {item.table for item in touched}

            def read(key: keys.Key) -> Item:
                return self._items([Touched(table, key)], before).get(key, {})

            try:
                self.watch.committed(before, after, sent, self.seconds, read)
            except AssertionError as error:
                raise Violation(str(error)) from error
        return answer

    def _items(
        self, touched: Sequence[Touched], first: Mapping[keys.Key, Item] | None = None
    ) -> dict[keys.Key, Item]:
        """Items as they are committed, seen or not, or as they were before where that is known."""
        found = {}
        for one in touched:
            if first is not None and one.key in first:
                found[one.key] = first[one.key]
                continue
            unseen = one.key in self.unseen
            item = self.unseen[one.key] if unseen else self.engine.item(one)
            if item is not None:
                found[one.key] = self.engine.plain(item)
        return found


class LotHistory:
    """One history."""

    shards = SHARDS
    most_actors = 4
    most_acts = 4
    most_boundaries = 3
    # After how many days everything is looked at in the end, each counted from the one before.
    days: Sequence[int] = (0, 1, 30)

    def __init__(self, seed: int, engine: Any = inline_engine) -> None:
        self.world = LotWorld(seed, engine)
        self.draw = draw = self.world.random
        self.profile = draw.choice(list(PROFILES))
        self.acts = PROFILES[self.profile]
        most = draw.randint(1, self.most_boundaries)
        self.boundaries = sorted(draw.uniform(12, 40) * MINUTE for _ in range(most))
        self.weather = self._weather()
        self.facts: Counter[str] = Counter()
        self.customers: list[str] = []
        self.deleted: set[str] = set()
        self.grants: list[str] = []
        self.sent_grants: list[dict[str, Any]] = []
        self.holds: list[str] = []
        self.keyed: list[tuple[str, dict[str, Any]]] = []
        self.queue: list[Any] = []
        self.meters: list[str] = []
        self.numbers = 0

    def _weather(self) -> Weather:
        draw = self.draw
        share = draw.choice([0.0, 0.02, 0.08])
        faults = {fault: share * draw.random() for fault in Fault}
        faults[Fault.CONFLICT] = draw.choice([0.0, 0.05, 0.3])
        return Weather(
            slowest_seconds=draw.choice([0.01, 0.1, 1.0]),
            hold_seconds=draw.choice([HOLD_SECONDS, 0.0005]),
            unevenness=draw.choice([0.0, 1.5]),
            faults=faults,
            torn=draw.random() < 0.5,
            partial_reads=draw.choice([0.0, 0.3]),
            skew_seconds=draw.choice([0.0, 2.0, 2.0]),
        )

    def play(self) -> None:
        world, draw = self.world, self.draw
        with ExitStack() as stack:
            for module in (committer, account, reckoning, ledger_audit):
                stack.enter_context(patch.object(module, "SHARDS", self.shards))
            stack.enter_context(patch.object(reckoning, "MAX_PASSED", draw.choice([1, 2, 3, 40])))
            stack.enter_context(patch.object(backfill, "MAX_PAGES", draw.choice([1, 3, 1_000])))
            stack.enter_context(patch.object(keys, "DIRECTORY_SLICES", 1))
            stack.enter_context(world.entered())
            stack.enter_context(jobs(wait=times.LONGEST_HANDLER))
            self._begin()
            for moment in sorted(self._moments()):
                ahead = draw.uniform(-3, 40) * self.weather.slowest_seconds + draw.choice([0, 2])
                world.wait(max(0.0, moment - ahead - world.seconds))
                world.weather = self.weather
                world.play(*[self._act for _ in range(draw.randint(2, self.most_actors))])
                world.weather = CALM
                world.wait(draw.choice([0.0, 1.0, 200.0]))
            self._settle()
            self.facts += world.watch.facts

    def _moments(self) -> list[float]:
        """Around which moments callers meet."""
        later = self.draw.choice(self.boundaries) + DAY * self.draw.choice([1, 1, 2, 7])
        return [0.0, *self.boundaries, later]

    def _begin(self) -> None:
        draw, world = self.draw, self.world
        runtime.logger.setLevel("CRITICAL")
        self._set_up(draw.choice([1, 1, 2]))
        for customer_id in self.customers:
            if draw.random() < 0.7:
                self._ingest(self._event(customer_id, -draw.choice([20, 60])))
            if self.profile == "spread" or draw.random() < 0.1:
                key = self.api.store.keys.customer(customer_id)
                world.store.write(update(key, {"spread": True}))
        for _ in range(draw.randint(1, 3)):
            self._give()

    def _set_up(self, customers: int) -> None:
        """Make a meter, and so many customers."""
        store = self.world.store
        organization_id = organizations.create(store, "Simulation")
        token = f"{tokens.PREFIX}simulation"
        tokens.create(store.of(organization_id), token=token)
        self.api = Api(store.of(organization_id), token)
        self.meters.append(self.api.meter())
        for number in range(customers):
            self.customers.append(self.api.customer(f"user_{number}@example.com"))

    def _settle(self) -> None:
        """Nobody disturbs any more: what is due is passed, and everything adds up."""
        world = self.world
        world.wait(LATEST_SECONDS)
        while self.queue:
            self._deliver()
            world.wait(times.LONGEST_HANDLER.total_seconds())
        for meter in self.api.get("/v1/meters/").body["items"]:
            self.api.backfill(meter["id"])
        for days in self.days:
            world.wait(days * DAY)
            self._read()
            sweep(world.store)
            for customer_id in self._living():
                self._ingest(self._event(customer_id, 1))
                self._read()
        assert_sound(self.api)

    def _act(self) -> None:
        for _ in range(self.draw.randint(1, self.most_acts)):
            act = self.draw.choice(self.acts)
            self.world.note(act)
            getattr(self, f"_{act}")()

    # What callers do.

    def _call(self, send: Callable[[], Reply], *, statuses: Sequence[int] = (200,)) -> Any:
        """The body of an answer; None where there is none, or a refusal that may be."""
        try:
            reply = send()
        except Crash:
            return None
        if reply.status == 503:
            self.facts["unavailable"] += 1
            return None
        assert reply.status in (*statuses, 402, 404, 409, 422, 429), reply
        return reply.body if reply.status in (200, 201) else None

    def _living(self) -> list[str]:
        return [one for one in self.customers if one not in self.deleted]

    def _new(self, kind: str) -> str:
        self.numbers += 1
        return f"{kind}-{self.numbers}"

    def _event(self, customer_id: str | None, units: int, **more: Any) -> dict[str, Any]:
        """Of a customer, by its id or by the external id that it has, or will have."""
        event: dict[str, Any] = {"name": NAME, "metadata": {"units": units}, **more}
        if customer_id is not None and self.draw.random() < 0.6:
            return {"customer_id": customer_id, **event}
        name = self.customers.index(customer_id) if customer_id is not None else 0
        return {"external_customer_id": f"name-{name}", **event}

    def _any(self) -> str:
        return self.draw.choice(self._living() or self.customers)

    def _units(self) -> int:
        units = self.draw.randint(1, 12)
        return -units if self.draw.random() < 0.2 else units

    def _ingest(self, *events: dict[str, Any], **headers: str) -> Any:
        return self._call(lambda: self.api.ingest(*events, **headers))

    def _use(self) -> None:
        events = [
            self._event(self._any(), self._units()) for _ in range(self.draw.choice([1, 1, 3]))
        ]
        if self.draw.random() < 0.4:
            events[0]["external_id"] = self._new("event")
        self._ingest(*events)

    def _use_keyed(self) -> None:
        key, event = self._new("key"), self._event(self._any(), self._units())
        self.keyed.append((key, event))
        self._ingest(event, idempotency_key=key)

    def _repeat(self) -> None:
        if self.keyed:
            key, event = self.draw.choice(self.keyed)
            self._ingest(event, idempotency_key=key)

    def _give(self) -> None:
        draw = self.draw
        terms: dict[str, Any] = {"priority": draw.choice([0, 50, 50])}
        boundary = START + timedelta(seconds=draw.choice(self.boundaries) + draw.choice([0, 0, 1]))
        kind = draw.random()
        if kind < 0.35:
            terms["recurrence"] = {"every": "day", "anchor": times.to_text(boundary)}
            if draw.random() < 0.5:
                terms["recurrence"]["count"] = draw.randint(1, 6)
            if draw.random() < 0.5:
                terms["rollover"] = {"max_units": draw.randint(1, 10)}
        elif kind < 0.9:
            if boundary < self.world.now() + timedelta(minutes=11):
                boundary += timedelta(days=1)
            terms["expires_at"] = times.to_text(boundary)
            if draw.random() < 0.3:
                seconds = draw.choice([600, 3_600, int(DAY)])
                terms["rollover"] = {
                    "max_units": draw.randint(1, 10),
                    "expires_in_seconds": seconds,
                }
        event = self._event(
            self._any(), draw.randint(1, 25), external_id=self._new("grant"), **terms
        )
        self.sent_grants.append(event)
        self._send_grant(event)

    def _give_again(self) -> None:
        if self.sent_grants:
            self._send_grant(self.draw.choice(self.sent_grants))

    def _send_grant(self, event: dict[str, Any]) -> None:
        made = self._call(lambda: self.api.post("/v1/credits/grants", event))
        if made is not None:
            self.grants.append(made["id"])

    def _void(self) -> None:
        if self.grants:
            path = f"/v1/credits/grants/{self.draw.choice(self.grants)}/void"
            self._call(lambda: self.api.post(path, {"allow_debt": self.draw.random() < 0.3}))

    def _spend(self) -> None:
        event = self._event(self._any(), self.draw.randint(1, 12))
        if self.draw.random() < 0.5:
            event["external_id"] = self._new("spend")
        self._call(lambda: self.api.post("/v1/credits/spend", event))

    def _hold(self) -> None:
        event = self._event(
            self._any(),
            self.draw.randint(1, 12),
            external_id=self._new("hold"),
            expires_in_seconds=self.draw.choice([2, 10, 60, 1_000]),
        )
        made = self._call(lambda: self.api.post("/v1/credits/holds", event))
        if made is not None:
            self.holds.append(made["id"])

    def _capture(self) -> None:
        if self.holds:
            path = f"/v1/credits/holds/{self.draw.choice(self.holds)}/capture"
            units = self.draw.randint(0, 12)
            self._call(lambda: self.api.post(path, {"metadata": {"units": units}}))

    def _release(self) -> None:
        if self.holds:
            path = f"/v1/credits/holds/{self.draw.choice(self.holds)}/release"
            self._call(lambda: self.api.post(path, {}))

    def _link(self) -> None:
        customer_id = self._any()
        body = {"external_id": f"name-{self.customers.index(customer_id)}"}
        self._call(lambda: self.api.patch(f"/v1/customers/{customer_id}", body))

    def _rename(self) -> None:
        path = f"/v1/customers/{self._any()}"
        self._call(lambda: self.api.patch(path, {"name": self._new("name")}))

    def _delete(self) -> None:
        if self.draw.random() < 0.3:
            customer_id = self._any()
            self.deleted.add(customer_id)
            self._call(lambda: self.api.delete(f"/v1/customers/{customer_id}"), statuses=(204,))

    def _sweep(self) -> None:
        with suppress(Crash, Unavailable):
            sweep(self.world.store.until(self.world.seconds + 120))

    def _new_meter(self) -> None:
        if len(self.meters) == 1:
            self.meters.append("")
            with suppress(Crash, AssertionError):
                self.meters[1] = self.api.young_meter(NAME)

    def _count_past(self) -> None:
        for meter_id in filter(None, self.meters[1:]):
            with suppress(Crash, Unavailable):
                self.api.backfill(meter_id)

    def _send(self) -> None:
        events = [self._event(self._any(), self._units()) for _ in range(self.draw.choice([1, 3]))]
        self.queue.append(message(self.api.organization_id, *events))

    def _deliver(self) -> None:
        some = self.queue[: self.draw.randint(1, 5)]
        if not some:
            return
        try:
            failed = deliver(*some)
        except (Crash, Unavailable):
            failed = {sent.id for sent in some}
        for sent in some:
            if sent in self.queue:
                self.queue.remove(sent)
                if sent.id in failed:
                    self.queue.append(sent.again())

    def _read(self) -> None:
        """A balance shows what was so at some instant while it was read, by the reader's clock."""
        customer_id = self._any()
        world, watch = self.world, self.world.watch
        now, since = world.now(), world.seconds - self.weather.hold_seconds - 0.001
        first = {about: _last(states, since) for about, states in watch.states.items()}
        parameters = {"lots": "true"} if self.draw.random() < 0.3 else {}
        found = self._call(lambda: self.api.get(f"/v1/customers/{customer_id}/state", **parameters))
        if found is None or world.now() - now > timedelta(seconds=60):
            return
        for meter in found["active_meters"]:
            about = (customer_id, keys.next_of(meter["meter_id"], 1))
            if about not in first:
                # Nothing was known of it when the read began.
                continue
            states = watch.states[about][first[about] :]
            if not all(state.by_reckoning for state in states[1:]):
                continue
            # The handler asks for the time when it knows who calls; or had to look again.
            may = {
                _folded(state, moment)
                for state in states
                for moment in _moments(state, now, world.now())
            }
            assert int(meter["balance"]) in may, ("a torn read", about, now, meter, may)
            self.facts["reads checked"] += 1


class BriefHistory(LotHistory):
    """A history of one boundary, and of what a few callers do there, on a table in memory.

    It begins with a table that was set up before, so that ten thousand are played in a minute.
    """

    shards = 2
    most_actors = 3
    most_acts = 2
    most_boundaries = 1
    days = (1,)

    def __init__(self, seed: int) -> None:
        super().__init__(seed, memory_engine)

    def _weather(self) -> Weather:
        """Some callers are slow enough for others to pass them."""
        return replace(
            super()._weather(),
            slowest_seconds=self.draw.choice([0.1, 1.0]),
            unevenness=self.draw.choice([0.5, 1.5]),
        )

    def _moments(self) -> list[float]:
        return self.boundaries

    def _set_up(self, customers: int) -> None:
        known = _PREPARED.get(customers)
        if known is None:
            with patch.object(self.world, "random", random.Random(customers)):
                super()._set_up(customers)
            known = _Prepared(self.world, self.api, list(self.customers), list(self.meters))
            _PREPARED[customers] = known
        else:
            known.restore(self)


class _Caller(Api):
    """A caller whose answers nobody holds against the document: others do that."""

    def request(
        self, method: str, path: str, content: bytes = b"",
        headers: Mapping[str, str] | None = None, *, query: str = "",
    ) -> Reply:  # fmt: skip
        name, event = self.event(method, path, content, headers, query=query)
        answer = invoke(name, event)
        return Reply(answer["statusCode"], answer["headers"], answer.get("body", ""))


class _Prepared:
    """A table that was set up, what is known of it, and who calls."""

    def __init__(
        self, world: LotWorld, api: Api, customers: Sequence[str], meters: Sequence[str]
    ) -> None:
        self._contents = memory_engine.save()
        self._watch = deepcopy(world.watch)
        self._api, self._customers, self._meters = api, customers, meters

    def restore(self, history: BriefHistory) -> None:
        memory_engine.restore(self._contents)
        history.world.watch = deepcopy(self._watch)
        history.api = _Caller(history.world.store.of(self._api.organization_id), self._api.token)
        history.customers += self._customers
        history.meters += self._meters


_PREPARED: Final[dict[int, _Prepared]] = {}


def _last(states: Sequence[State], since: float) -> int:
    """The place of the last state that everybody could see at a time."""
    return max(0, sum(state.at <= since for state in states) - 1)


def _moments(state: State, since: datetime, until: datetime) -> Iterable[datetime]:
    """When something may lapse between two times, and the first of them."""
    ends = (lot.expires_at for lot in state.lots.open if lot.expires_at is not None)
    return [since, *(at for at in ends if since < at <= until)]


def _folded(state: State, now: datetime) -> int:
    used, total = Decimal(state.figures["used"]), Decimal(state.figures["sum"])
    return int(pass_boundaries(state.lots.burned(used), total, now, state.holds.entries).total)


def play(seed: int, engine: Any = inline_engine) -> LotHistory:
    """Play a history and check it. Raises AssertionError where a promise was broken."""
    history = LotHistory(seed, engine)
    history.play()
    return history


def play_briefly(seed: int) -> BriefHistory:
    """Play a brief history and check it. Raises AssertionError where a promise was broken."""
    history = BriefHistory(seed)
    history.play()
    return history
