"""Histories: what callers of one organization do at random, at once, while calls go wrong.

A history has a few phases. In each, several callers act at once: they ingest, send messages,
repeat what they are not sure of, spend, hold and capture credits, create, link and delete
customers, create, change and archive meters, and count the past of meters.
Between the phases time passes: seconds, or more than an hour. In the end the weather is calm,
what may be repeated is, the queue runs empty, and the table is held against what is remembered.

In a share of the histories with credits, on meters that stay as they are, callers also make and
void grants that expire, come back and roll over. All that is conserved must be so with these; only
the order of decisions is not looked for where a customer has such lots (see `giving`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from math import inf
from types import ModuleType
from typing import Final, NamedTuple
from unittest.mock import patch

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.audit.ledger_audit import Audit
from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.domain.events import MAX_AHEAD, CustomerRef
from aureon.domain.pages import MAX_TEXT_BYTES
from aureon.ledger import committer, plan
from aureon.meters import backfills, catalog
from aureon.projection import backfill
from aureon.storage import directory, keys
from aureon.storage.limits import MAX_TRANSACTION_ACTIONS
from tests.simulation.giving import Giver, Giving
from tests.simulation.model import Batch, Event, Known, Memory, MeterChange, Outcome, Reading
from tests.simulation.spending import Spender, Spending
from tests.simulation.world import CALM, LATEST_SECONDS, START, Weather, World
from tests.support import inline_engine, memory_engine
from tests.support.backfill_jobs import Jobs, jobs
from tests.support.backfill_jobs import deliver as deliver_job
from tests.support.conflicts import HOLD_SECONDS
from tests.support.deliveries import Sent, deliver, message
from tests.support.faults import Crash, Fault
from tests.support.handlers import Api, Reply

NAMES: Final = ("tokens", "calls")
EXTERNAL_IDS: Final = ("ann", "ben", "eve", "joe", "sue")
EVENT_IDS: Final = tuple(f"event-{number}" for number in range(40))
EMAILS: Final = tuple(f"user_{number}@example.com" for number in range(3))
# What callers do. A history has one theme; what stands twice in it is done twice as often.
REQUESTS: Final = ("ingest", "ingest_with_key", "misuse_key", "repeat")
QUEUE: Final = ("send_message", "resend_message", "deliver", "redrive")
CUSTOMERS: Final = ("create_customer", "delete_customer", "link")
METERS: Final = ("create_meter", "archive_meter")
CREDITS: Final = (
    *("spend", "spend", "spend", "repeat_spend"),
    *("hold", "repeat_hold", "capture", "capture", "release", "look_at_hold"),
)
GRANTS: Final = ("give", "give_again", "void")
PAST: Final = (
    *("create_meter", "create_meter", "archive_meter", "bring_back_meter"),
    *("change_meter", "count_past"),
)
THEMES: Final = (
    (*REQUESTS, "repeat", "audit"),
    (*QUEUE, "ingest", "deliver", "deliver"),
    (*CUSTOMERS, "ingest", "read", "read"),
    (*CUSTOMERS, "ingest_with_key", "repeat", "repeat"),
    (*CUSTOMERS, *QUEUE, "deliver"),
    (*METERS, *REQUESTS, "create_customer"),
    (*METERS, *QUEUE, "deliver", "read"),
    (*REQUESTS, *QUEUE, *CUSTOMERS, *METERS, "read", "audit"),
    (*CREDITS, "use", "use", "use"),
    (*CREDITS, "spend", "spend", "use"),
    (*CREDITS, "use", "use", "use", "link", "create_customer", "link", "create_customer"),
    (*CREDITS, "use", "use", *QUEUE, "deliver", "read"),
    (*CREDITS, "use", "use", "ingest_with_key", "repeat", "read", "audit"),
    (*CREDITS, "use", *CUSTOMERS, *METERS, "read"),
    (*PAST, "count_past", "count_past", *REQUESTS, "create_customer", "read", "read", "audit"),
    (*PAST, "count_past", "count_past", *CUSTOMERS, *QUEUE, "ingest", "deliver", "read"),
)
DECIDING: Final[Sequence[Mapping[str, str]]] = (
    {"func": "sum", "property": "units"},
    {"func": "count"},
)
AGGREGATIONS: Final[Sequence[Mapping[str, str]]] = (
    *DECIDING,
    {"func": "max", "property": "units"},
    {"func": "unique", "property": "units"},
)
MAX_METERS: Final = 4
# Of the histories with credits on meters that stay.
LOTS_SHARE: Final = 0.15
# What passes between two phases, in seconds: with lots, often about as much as one lives.
PAUSES: Final = (0.0, 1.0, 10.0, 200.0, 200.0, 3700.0)
LOT_PAUSES: Final = (0.0, 1.0, 200.0, 590.0, 610.0, 610.0, 610.0, 3700.0)


class Limits(NamedTuple):
    """How much a transaction and a page take."""

    actions: int = MAX_TRANSACTION_ACTIONS
    page_bytes: int = MAX_TEXT_BYTES


# At least, one event takes its receipt, pointer, page, claim and balances, of which those of unique
# values stand for two; and its text.
LEAST: Final = Limits(4 + 2 * MAX_METERS, 150)
# A history has its limits, or has others from one moment to the next.
LIMITS: Final = (
    (Limits(),),
    (LEAST,),
    (Limits(actions=12),),
    (Limits(page_bytes=250),),
    (Limits(), LEAST, Limits(actions=10), Limits(page_bytes=350), Limits(14, 250)),
)
MAX_MESSAGES: Final = 10
MAX_ROUNDS: Final = 40


def world_of(seed: int) -> World:
    """The world of a history: each tenth is on the engine's own code, the others in memory."""
    return World(seed, memory_engine if seed % 10 else inline_engine)


def play(seed: int) -> History:
    """Play a history and check it. Raises AssertionError where a promise was broken."""
    history = History(world_of(seed))
    history.play()
    return history


@dataclass
class Queued:
    """A message in the queue, as it will be at its next delivery."""

    batch: Batch
    sent: Sent


class History:
    """One history: its world, what its callers remember, and, in the end, what happened."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.draw = draw = world.random
        self.memory = Memory()
        self.queue: list[Queued] = []
        self.jobs = Jobs()
        self.facts: Counter[str] = Counter()
        self.numbers: Counter[str] = Counter()
        self.constants = ExitStack()
        # What this history is like.
        theme: tuple[str, ...] = draw.choice(THEMES)
        self.has_spends = "spend" in theme
        stable = not {*METERS, *PAST} & {*theme}
        self.has_lots = self.has_spends and stable and draw.random() < LOTS_SHARE
        if self.has_lots:
            theme += GRANTS
        self.names = EXTERNAL_IDS[: draw.choice([1, 2] if self.has_spends else [1, 2, 5])]
        self.emails = EMAILS[: draw.randint(1, 2 if self.has_spends else 3)]
        self.ids = EVENT_IDS[: draw.choice([2, 6, 40])]
        self.spender = Spender(world, self.memory, self.names, self.ids, self._call)
        names, customers = self.spender.names, self.spender.customers
        self.giver = Giver(world, self.memory, names, customers, self._call)
        self.acts = [self._act_of(act) for act in theme]
        self.lingering = draw.choice([0.2, 0.6])
        self.limits = draw.choice(LIMITS)
        self.weather = self._weather()

    def play(self) -> None:
        waiting = jobs(wait=times.LONGEST_HANDLER)
        with self.world.entered(), self.constants, waiting as self.jobs:
            self._begin()
            for _ in range(self.draw.randint(1 + self.has_lots, 3)):
                self.world.weather = self.weather
                self.world.play(*[self._act for _ in range(self.draw.randint(2, 5))])
                self.world.weather = CALM
                self.world.wait(self.draw.choice(LOT_PAUSES if self.has_lots else PAUSES))
            self._settle()
            outcome = Outcome(self.world.store, self.memory)
            outcome.check(roomy=self.limits == (Limits(),))
            spending = Spending(outcome, self.memory, self.api.organization_id, self.world.written)
            spending.check()
            self.facts += outcome.facts() + spending.facts()
            if self.has_lots:
                organization_id, written = self.api.organization_id, self.world.written
                giving = Giving(outcome, self.memory, organization_id, written)
                giving.check()
                self.giver.audit()
                self.facts += giving.facts()
            self.facts.update(moment.fate for moment in self.world.trace if moment.fate)

    def _begin(self) -> None:
        draw = self.draw
        runtime.logger.setLevel("CRITICAL")
        organization_id = organizations.create(self.world.store, "Simulation")
        token = f"{tokens.PREFIX}simulation"
        tokens.create(self.world.store.of(organization_id), token=token)
        self.api = self.spender.api = self.giver.api = Api(
            self.world.store.of(organization_id), token
        )
        conflicts = draw.choice([1, committer.CONFLICTS_BEFORE_SPREADING])
        self._let(committer, "CONFLICTS_BEFORE_SPREADING", conflicts)
        # Few calls make a backfill, and some of them several parts. Where customers come and go,
        # they must not all meet in one slice.
        keeps = self._delete_customer not in self.acts
        if self.has_lots or (self._count_past in self.acts and keeps):
            self._let(keys, "DIRECTORY_SLICES", 1)
        self._let(directory, "CHUNK", draw.choice([1, directory.CHUNK]))
        self._let(backfill, "MAX_PAGES", draw.choice([1, 3, backfill.MAX_PAGES]))
        self._let(backfill, "MAX_VALUES", draw.choice([1, backfill.MAX_VALUES]))
        # Often shortly before the full hour.
        self.world.wait(draw.choice([0.0, 3590.0, 3599.0, 3599.9]))
        for _ in range(draw.randint(int(self.has_spends), 2)):
            self._create_meter()
        for change in self.memory.created_meters if draw.random() < 0.7 else ():
            self.api.backfill(change.meter_id)
        version = self.world.store.get(self.api.store.keys.meter_version())
        self.memory.first_version = catalog.version_of(version)
        creates = self.has_spends or self._create_customer in self.acts
        for _ in range(draw.randint(int(self.has_spends), 2) if creates else 0):
            self._create_customer()
        for named in self.spender.customers() if self.has_spends else ():
            if self.world.chance(0.7):
                self._post(self._single(named, -6))
        for _ in range(draw.randint(1, 2) if self.has_lots else 0):
            self.giver.give()
        if self.has_spends and self.world.chance(0.5):
            self._link()

    def _act_of(self, name: str) -> Callable[[], None]:
        """What callers do, as it is called in a theme."""
        act: Callable[[], None] = (
            getattr(self.spender, name)
            if name in CREDITS
            else getattr(self.giver, name)
            if name in GRANTS
            else getattr(self, f"_{name}")
        )
        return act

    def _weather(self) -> Weather:
        draw = self.draw
        share = draw.choice([0.0, 0.02, 0.1])
        faults = {fault: share * draw.random() for fault in Fault}
        faults[Fault.CONFLICT] = draw.choice([0.0, 0.05, 0.4])
        return Weather(
            slowest_seconds=draw.choice([0.01, 0.1, 2.0]),
            # Spends that keep out of each other's way have to notice each other later.
            hold_seconds=draw.choice([HOLD_SECONDS, 0.0005 if self.has_spends else 0.05]),
            unevenness=draw.choice([0.0, 2.0]),
            faults=faults,
            torn=self.world.chance(0.7),
            partial_reads=draw.choice([0.0, 0.5]),
            # Expiry is exact among clocks that are off by a few seconds.
            skew_seconds=draw.choice([0.0, 2.0, 2.0 if self.has_lots else 30.0]),
        )

    @property
    def reliable(self) -> bool:
        """Whether nothing goes wrong, and quickly: then every call has its answer."""
        return not any(self.weather.faults.values()) and self.weather.slowest_seconds < 1.0

    def _act(self) -> None:
        """What one caller does in one phase."""
        for _ in range(self.draw.randint(2, 5) if self.has_spends else self.draw.randint(1, 4)):
            limits = self.draw.choice(self.limits)
            self._let(committer, "MAX_TRANSACTION_ACTIONS", limits.actions)
            self._let(plan, "MAX_TEXT_BYTES", limits.page_bytes)
            act = self.draw.choice(self.acts)
            self.world.note(act.__name__)
            act()

    def _let(self, module: ModuleType, constant: str, value: int) -> None:
        """Change a constant, so that small requests do what large ones do."""
        self.constants.enter_context(patch.object(module, constant, value))

    def _settle(self) -> None:
        """Do what is left to do, now that everything works."""
        world = self.world
        open_ = [
            batch
            for batch in self.memory.batches
            if batch.message is None and batch.counted is None and batch.protected
        ]
        world.play(*[partial(self._insist, batch) for batch in open_ if world.chance(0.8)])
        for _ in range(MAX_ROUNDS):
            self.queue = [queued for queued in self.queue if not self._is_hopeless(queued.batch)]
            if self.queue:
                world.play(self._deliver, self._deliver)
                world.wait(self.draw.choice([1.0, times.LONGEST_HANDLER.total_seconds()]))
        assert not self.queue, ("never counted", self.queue)
        world.wait(LATEST_SECONDS)
        self._count_all_past()
        if self.has_lots:
            self.giver.pass_all()
        for customer_id in self.memory.customers:
            self._read_balances(customer_id)
            self.memory.readings[-1] = self.memory.readings[-1]._replace(begun=inf)

    def _is_hopeless(self, batch: Batch) -> bool:
        """Whether another body has counted under its batch id."""
        return batch.counted is None and any(
            other.batch_id == batch.batch_id is not None and other.counted is not None
            for other in self.memory.batches
        )

    def _insist(self, batch: Batch) -> None:
        assert self._post(batch) is not None, ("never answered", batch)

    def _call(self, send: Callable[[], Reply]) -> Reply | None:
        """Call a handler. None where the caller can't know what became of it."""
        try:
            reply = send()
        except Crash:
            return None
        if reply.status == 503:
            assert reply.headers["Retry-After"].isdigit()
            # Or who saw half of a change gives up at once.
            explained = ("past events", "is being changed", "expire within minutes")
            why = reply.body["detail"]
            assert not self.reliable or any(text in why for text in explained), reply
            return None
        assert reply.status < 500, reply
        return reply

    def _new(self, kind: str) -> str:
        self.numbers[kind] += 1
        return f"{kind}-{self.numbers[kind]}"

    # Ingestion.

    def _ingest(self) -> None:
        self._complete(self._batch(ids=self.draw.choice([0.0, 0.5, 1.0])))

    def _ingest_with_key(self) -> None:
        self._complete(self._batch(ids=self.draw.choice([0.0, 0.5, 1.0]), key=self._new("key")))

    def _use(self) -> None:
        """Grant, or use without asking."""
        named = self.draw.choice(self.spender.customers())
        self._complete(self._single(named, self.draw.choice([-8, -4, -2, 1])))

    def _single(self, customer: CustomerRef, units: int) -> Batch:
        """A single event, in a request of its own."""
        name = self.draw.choice(self.spender.names)
        event = replace(self._events(ids=0.3)[0], name=name, customer=customer, units=units)
        return self._remember(Batch([event], self.world.turn))

    def _misuse_key(self) -> None:
        """Send another body under a key."""
        keys = [batch.key for batch in self.memory.batches if batch.key]
        if keys:
            self._complete(self._batch(ids=0.0, key=self.draw.choice(keys)))

    def _repeat(self) -> None:
        """Send a request again, whether or not it has counted; or the events of several."""
        sent = [batch for batch in self.memory.batches if batch.message is None]
        with_ids = [
            event for batch in self.memory.batches for event in batch.events if event.external_id
        ]
        if with_ids and self.world.chance(0.3):
            some = self.draw.sample(with_ids, min(len(with_ids), self.draw.randint(1, 8)))
            self._complete(self._remember(Batch(some, self.world.turn)))
        elif sent:
            # Mostly one that somebody else may be sending now.
            self._complete(self.draw.choice(sent[-2:] if self.world.chance(0.7) else sent))

    def _complete(self, batch: Batch) -> None:
        """Send a request as a caller would: again after a failure, if it may be."""
        while batch.protected or not batch.attempts:
            if self._post(batch) is not None or self.world.chance(0.3):
                return
            self.world.wait(self.draw.choice([0.01, 1.0, 30.0]))

    def _post(self, batch: Batch) -> Reply | None:
        batch.attempts += 1
        begun = self.world.turn
        headers = {} if batch.key is None else {"idempotency_key": batch.key}
        bodies = [event.body for event in batch.events]
        reply = self._call(lambda: self.api.ingest(*bodies, **headers))
        if reply is None:
            batch.unsure = True
        elif reply.status == 200:
            batch.answers.append(reply.body)
            batch.counted = batch.counted or self.world.turn
        else:
            batch.refused = True
            counted = batch.counted is not None and batch.counted <= begun
            assert not (counted and batch.key), ("refused a repeat", reply, batch)
            if reply.status == 409:
                assert sum(other.key == batch.key for other in self.memory.batches) > 1, batch
            else:
                self._assert_reasonable(reply, batch)
        return reply

    def _assert_reasonable(self, reply: Reply, batch: Batch) -> None:
        """Only deleted customers, and times that a slow clock finds too far ahead, are refused."""
        for place in reply.problems():
            event = batch.events[int(place[2])]
            if place[3] == "timestamp":
                assert event.timestamp is not None
            else:
                assert self.memory.customers[event.customer.id].deletion_begun is not None, reply

    def _batch(self, *, ids: float, key: str | None = None, batch_id: str | None = None) -> Batch:
        events = self._events(ids)
        return self._remember(Batch(events, self.world.turn, key=key, batch_id=batch_id))

    def _remember(self, batch: Batch) -> Batch:
        self.memory.batches.append(batch)
        return batch

    def _events(self, ids: float) -> list[Event]:
        """Some events, this share of them with an id."""
        known = [
            CustomerRef(False, customer.id)
            for customer in self.memory.customers.values()
            if customer.deletion_begun is None or self.world.chance(0.1)
        ]
        names = [CustomerRef(True, name) for name in self.names]
        events = [
            Event(
                tag=self.memory.new_tag(),
                name=self.draw.choice(NAMES),
                customer=self.draw.choice(known if known and self.world.chance(0.3) else names),
                units=self.draw.choice([-5, 1, 2, 3]),
                external_id=self.draw.choice(self.ids) if self.world.chance(ids) else None,
                timestamp=self._timestamp(),
            )
            for _ in range(self.draw.choice([1, 2, 6, 16]))
        ]
        # Some stand twice.
        events += [event for event in events if event.external_id and self.world.chance(0.2)]
        return events

    def _timestamp(self) -> str | None:
        """Mostly none; else in one of two hours before, or as far ahead as is allowed."""
        ahead = START + timedelta(seconds=self.world.seconds - 1) + MAX_AHEAD
        before = [START - timedelta(minutes=minutes) for minutes in (30, 90)]
        chosen = self.draw.choice([None, None, None, *before, ahead])
        return None if chosen is None else times.to_text(chosen)

    # The queue.

    def _send_message(self) -> None:
        batch_id = self._new("batch") if self.world.chance(0.4) else None
        batch = self._batch(ids=self.draw.choice([0.0, 0.5, 0.5, 1.0]), batch_id=batch_id)
        now = START + timedelta(seconds=self.world.seconds)
        attributes = {} if batch_id is None else {"batch_id": batch_id}
        if self.world.chance(0.2):
            attributes["received_at"] = times.to_text(now)
        batch.message = self._sent(self._message(batch, **attributes))
        self.queue.append(Queued(batch, batch.message))

    def _message(self, batch: Batch, **attributes: str) -> Sent:
        bodies = [event.body for event in batch.events]
        return message(self.api.organization_id, *bodies, **attributes)

    def _resend_message(self) -> None:
        """Send a message again under its batch id, as another message; or another body."""
        named = [batch for batch in self.memory.batches if batch.batch_id]
        if named:
            batch = self.draw.choice(named)
            assert batch.message is not None
            sent = self._sent(batch.message)
            if self.world.chance(0.2):
                batch = self._batch(ids=0.0, batch_id=batch.batch_id)
                sent = replace(sent, body=self._message(batch).body)
                batch.message = sent
            self.queue.append(Queued(batch, sent))

    def _sent(self, sent: Sent) -> Sent:
        now = START + timedelta(seconds=self.world.seconds)
        return replace(sent, id=str(self.world.uuid()), sent_at=now)

    def _deliver(self) -> None:
        """Hand some messages to the consumer; now and then, some that another has too."""
        most = min(MAX_MESSAGES, len(self.queue))
        least = most if self.world.chance(0.5) else min(1, most)
        some = self.draw.sample(self.queue, self.draw.randint(least, most))
        records = [queued.sent for queued in some]
        for queued in some:
            if self.world.chance(0.9):
                queued.sent = queued.sent.again()
        try:
            failed = deliver(*records)
        except (Crash, Unavailable):
            failed = {record.id for record in records}
        for queued, record in zip(some, records, strict=True):
            if record.id in failed:
                queued.batch.unsure = True
            else:
                queued.batch.counted = queued.batch.counted or self.world.turn
                if queued in self.queue and not self.world.chance(self.lingering):
                    self.queue.remove(queued)

    def _redrive(self) -> None:
        """Send a message again as from the dead-letter queue, and delete it there."""
        if self.queue:
            queued = self.draw.choice(self.queue)
            self.queue.append(Queued(queued.batch, self._sent(queued.sent.redriven())))
            if self.world.chance(0.8):
                self.queue.remove(queued)

    # Customers.

    def _create_customer(self) -> None:
        body = {
            "email": self.draw.choice(self.emails),
            "external_id": None if self.world.chance(0.5) else self.draw.choice(self.names),
        }
        reply = self._call(lambda: self.api.post("/v1/customers/", body))
        if reply is None or reply.status == 422:
            # Was it this call that made the customer there is? Whoever wants to know looks.
            reply = self._call(lambda: self.api.get("/v1/customers/", email=body["email"]))
            found = [] if reply is None else reply.body["items"]
        else:
            assert reply.status == 201, reply
            found = [reply.body]
            if body["external_id"] is not None:
                known = Known(reply.body["id"], body["external_id"], linked=self.world.turn)
                self.memory.customers.setdefault(known.id, known)
        for customer in found:
            self.memory.customers.setdefault(customer["id"], Known(customer["id"]))

    def _customer(self) -> Known | None:
        known = [
            known
            for known in self.memory.customers.values()
            if not known.gone or self.world.chance(0.1)
        ]
        return self.draw.choice(known) if known else None

    def _delete_customer(self) -> None:
        known = self._customer()
        if known is not None:
            known.deletion_begun = known.deletion_begun or self.world.turn
            reply = self._call(lambda: self.api.delete(f"/v1/customers/{known.id}"))
            if reply is not None:
                known.gone = True
                # Whoever finds it gone may see a deletion that others do not see whole yet.
                if reply.status == 204:
                    known.deleted = self.world.turn
                else:
                    assert reply.status == 404, reply

    def _link(self) -> None:
        known = self._customer()
        if known is not None:
            body = {"external_id": self.draw.choice(self.names)}
            reply = self._call(lambda: self.api.patch(f"/v1/customers/{known.id}", body))
            if reply is not None and reply.status == 200:
                known.linked = known.linked or self.world.turn
                known.external_id = body["external_id"]
            elif reply is not None:
                assert reply.status == 422 or known.deletion_begun is not None, reply

    def _read(self) -> None:
        known = self._customer()
        if known is not None:
            self._read_balances(known.id)

    def _read_balances(self, customer_id: str) -> None:
        begun = self.world.turn
        reply = self._call(
            lambda: self.api.get("/v1/customer-meters/", customer_id=customer_id, limit=100)
        )
        if reply is not None:
            units = {
                one["meter_id"]: Counter(
                    used=one["used_units"],
                    granted=one["granted_units"],
                    expired=one["expired_units"],
                )
                for one in reply.body["items"]
            }
            held = {one["meter_id"]: one["held_units"] for one in reply.body["items"]}
            complete = {one["meter_id"] for one in reply.body["items"] if one["complete"]}
            for one in reply.body["items"]:
                left = -(one["balance"] + one["held_units"])
                assert one["available_credits"] == max(0, left), one
            self.memory.readings.append(
                Reading(customer_id, begun, self.world.turn, units, held, complete)
            )

    def _audit(self) -> None:
        """Audit while others write. It may give up, but it never raises a false alarm."""
        with suppress(Crash, Unavailable):
            outcomes = list(Audit(self.world.store.of(self.api.organization_id)).of_organization())
            assert {outcome.status for outcome in outcomes} <= {"clean", "not compared"}, outcomes

    # Meters.

    def _create_meter(self) -> None:
        if self.numbers["meter"] == MAX_METERS:
            return
        name = self.draw.choice(NAMES)
        aggregations = DECIDING if self.has_spends else AGGREGATIONS
        if self.has_lots and not self.numbers["meter"]:
            # Lots are of sum meters.
            aggregations = DECIDING[:1]
        body = {
            "name": self._new("meter"),
            "filter": _named(name),
            "aggregation": self.draw.choice(aggregations),
        }
        reply = self._call(lambda: self.api.post("/v1/meters/", body))
        if reply is not None:
            assert reply.status == 201, reply
            self.memory.created_meters.append(MeterChange(reply.body["id"], self.world.turn))
            self.spender.names.append(name)

    def _archive_meter(self) -> None:
        if self.memory.created_meters:
            meter_id = self.draw.choice(self.memory.created_meters).meter_id
            reply = self._call(
                lambda: self.api.patch(f"/v1/meters/{meter_id}", {"is_archived": True})
            )
            if reply is not None:
                assert reply.status == 200, reply
                self.memory.archived_meters.append(MeterChange(meter_id, self.world.turn))

    def _bring_back_meter(self) -> None:
        self._patch_meter({"is_archived": False})

    def _change_meter(self) -> None:
        """Let a meter count something else, as long as it has counted nothing."""
        self._patch_meter({"filter": _named(self.draw.choice(NAMES))})

    def _patch_meter(self, body: Mapping[str, object]) -> None:
        if self.memory.created_meters:
            meter_id = self.draw.choice(self.memory.created_meters).meter_id
            reply = self._call(lambda: self.api.patch(f"/v1/meters/{meter_id}", body))
            if reply is not None and reply.status == 422:
                assert "filter" in body, reply
            elif reply is not None:
                assert reply.status == 200, reply

    # The backfill.

    def _count_past(self) -> None:
        """Deliver one of the backfill's messages; now and then, one that comes again."""
        if self.jobs.sent:
            sent = self.draw.choice(self.jobs.sent)
            if not self.world.chance(self.lingering):
                self.jobs.sent.remove(sent)
            self._work(sent[0])

    def _work(self, body: str) -> None:
        """Deliver a message of the backfill, and keep it unless it was done with."""
        try:
            failed = deliver_job(body)
        except Crash:
            failed = True
        if failed:
            self.jobs.send(body, {})

    def _count_all_past(self) -> None:
        """Count what is left of the past, as if no message had been lost."""
        for _ in range(MAX_ROUNDS):
            self.world.wait(times.LONGEST_HANDLER.total_seconds())
            for meter in catalog.read_all(self.world.store.of(self.api.organization_id)):
                if meter.archived_at is None and not meter.backfilled:
                    backfills.request_backfill(self.api.organization_id, meter)
            if not self.jobs.sent:
                return
            bodies = [body for body, _ in self.jobs.sent]
            self.jobs.sent.clear()
            self.world.play(*[partial(self._work, body) for body in dict.fromkeys(bodies)])
        raise AssertionError("a past that is never counted")


def _named(name: str) -> Mapping[str, object]:
    clause = {"property": "name", "operator": "eq", "value": name}
    return {"conjunction": "and", "clauses": [clause]}
