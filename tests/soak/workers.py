"""Who is at work in a soak: each in a thread of its own, by chance, until it is told to stop.

An operation is tried again, as a caller would, until its outcome is known: so when a worker ends,
the books say what must have counted.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import httpx

from aureon.core import exact
from aureon.core.errors import Unavailable
from aureon.storage.queue import Queue, text
from tests.soak.books import Books, Meter

USAGE: Final = ("usage-a", "usage-b", "usage-c")
CREDITS: Final = "tokens"
SHARED: Final = tuple(f"shared-{number}" for number in range(12))
# Nobody has made these yet; some are made meanwhile.
GHOSTS: Final = tuple(f"ghost-{number}" for number in range(4))
PREPAID: Final = tuple(f"prepaid-{number}" for number in range(3))
SIZES: Final = (1, 1, 1, 2, 5, 20, 100)
GRANT: Final = 50
LIVES_SECONDS: Final = (600, 700, 3_600)
MAX_LATER_METERS: Final = 3
MAX_TRIES: Final = 400
PAUSE_SECONDS: Final = 0.05
REQUEST_SECONDS: Final = 40.0
# A message that is wrong takes a while to die: later ones would not before the end.
DYING_SECONDS: Final = 45.0
TOO_MANY_HOLDS: Final = 429
Body = Mapping[str, Any]


class GaveUp(Exception):
    """The outcome of an operation never became known."""


@dataclass
class Worker:
    """A caller of the API, with a memory of its own for chance."""

    base_url: str
    token: str
    books: Books
    stop: threading.Event
    ends_at: float
    seed: str

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.http = httpx.Client(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            timeout=REQUEST_SECONDS,
        )

    def work(self) -> None:
        try:
            while not self.stop.is_set():
                self.step()
        except Exception as error:
            self.books.demand(False, f"{type(self).__name__} goes on", repr(error))
            self.stop.set()

    def step(self) -> None:
        raise NotImplementedError

    def id(self) -> str:
        return str(UUID(int=self.draw.getrandbits(128), version=4))

    def call(self, method: str, path: str, body: Body | None = None, **headers: str) -> Any:
        """Send a request until its outcome is known. Returns the status and the body."""
        content = b"" if body is None else exact.write(body)
        for _ in range(MAX_TRIES):
            self.books.note("requests")
            try:
                answer = self.http.request(method, path, content=content, headers=headers)
            except httpx.TransportError:
                pass
            else:
                if answer.status_code < 500:
                    return answer.status_code, exact.parse(answer.content or b"null")
                self.books.demand(
                    answer.status_code != 503 or answer.headers["Retry-After"].isdecimal(),
                    "A 503 says when to try again",
                )
            self.books.note("tried again")
            time.sleep(PAUSE_SECONDS)
        raise GaveUp(f"{method} {path}")

    def expect(self, method: str, path: str, body: Body | None = None, **headers: str) -> Any:
        """Send a request that must succeed, and return its answer's body."""
        status, answer = self.call(method, path, body, **headers)
        if status not in (200, 201):
            raise GaveUp(f"{method} {path} answers {status}: {answer}")
        return answer

    def units(self) -> Decimal:
        return Decimal(self.draw.randint(-50, 100)).scaleb(-self.draw.randint(0, 3))

    def event(self, customer: str, name: str, units: Decimal, **more: Any) -> Body:
        return {
            "external_customer_id": customer,
            "name": name,
            "metadata": {"units": units},
            **more,
        }

    def acknowledge(self, events: list[Body]) -> None:
        for event in events:
            self.books.acknowledged(
                event["external_customer_id"], event["name"], event["metadata"]["units"]
            )
        self.books.note("events", len(events))

    def grant(self, customer: str, *, with_terms: bool) -> None:
        """Grant credits: what lapses of those with terms, a balance says itself."""
        event = self.event(customer, CREDITS, Decimal(-GRANT), external_id=self.id())
        if with_terms:
            terms = {
                "metadata": {"units": Decimal(GRANT)},
                "expires_in_seconds": self.draw.choice(LIVES_SECONDS),
                "priority": self.draw.choice([0, 50]),
            }
            self.expect("POST", "/v1/credits/grants", {**event, **terms})
            self.books.note("grants with terms")
        else:
            self.expect("POST", "/v1/events/ingest", {"events": [event]})
        self.acknowledge([event])


@dataclass
class Producer(Worker):
    """Sends events over HTTP, some of them again; the customer `own` is nobody else's.

    `meters` have counted from the beginning.
    """

    own: str
    meters: Sequence[Meter]

    def step(self) -> None:
        keyed = self.draw.random() < 0.5
        events = [
            self.event(
                self.draw.choice((*SHARED, *GHOSTS, self.own)),
                self.draw.choice(USAGE),
                self.units(),
                **({} if keyed else {"external_id": self.id()}),
            )
            for _ in range(self.draw.choice(SIZES))
        ]
        headers = {"Idempotency-Key": self.id()} if keyed else {}
        begun = time.monotonic()
        answer = self.expect("POST", "/v1/events/ingest", {"events": events}, **headers)
        self.books.took(time.monotonic() - begun)
        self.acknowledge(events)
        counted = answer["inserted"] if keyed else answer["inserted"] + answer["duplicates"]
        self.books.demand(counted == len(events), "Every event is counted or known", answer)
        if self.draw.random() < 0.1:
            self._repeat(events, headers, answer)
        if any(event["external_customer_id"] == self.own for event in events):
            self._look()

    def _repeat(self, events: list[Body], headers: dict[str, str], answer: Body) -> None:
        self.books.note("repeats")
        again = self.expect("POST", "/v1/events/ingest", {"events": events}, **headers)
        wanted = answer if headers else {"inserted": 0, "duplicates": len(events)}
        self.books.demand(again == wanted, "A repeat changes nothing", again, wanted)

    def _look(self) -> None:
        """Nobody else writes to this customer: its balance is what was acknowledged, now."""
        state = self.expect("GET", f"/v1/customers/external/{self.own}/state")
        found = {meter["meter_id"]: meter["balance"] for meter in state["active_meters"]}
        for meter in self.meters:
            wanted = meter.expects(self.books.counts[self.own, meter.event_name])
            self.books.demand(
                found.get(meter.id, 0) == wanted,
                "An answer is in the balance",
                meter,
                f"{found.get(meter.id)} for {wanted}",
            )
        self.books.note("reads")


@dataclass
class Sender(Worker):
    """Sends messages to the ingestion queue, some of them twice, and a few that are wrong."""

    queue: Queue
    organization_id: str

    def step(self) -> None:
        if self.draw.random() < 0.02 and time.monotonic() < self.ends_at - DYING_SECONDS:
            self._send([self.event(SHARED[0], "", Decimal(1))])
            self.books.note("wrong messages")
            return
        events = [
            self.event(self.draw.choice((*SHARED, *GHOSTS)), self.draw.choice(USAGE), self.units())
            for _ in range(self.draw.choice(SIZES))
        ]
        self._send(events, times=1 + (self.draw.random() < 0.1))
        self.acknowledge(events)
        self.books.note("messages")
        self.stop.wait(0.1)

    def _send(self, events: list[Body], times: int = 1) -> None:
        body = exact.write({"events": events}).decode()
        attributes = {"organization_id": text(self.organization_id), "batch_id": text(self.id())}
        sent = 0
        for _ in range(MAX_TRIES):
            try:
                self.queue.send(body, attributes)
                sent += 1
            except Unavailable:
                time.sleep(PAUSE_SECONDS)
            if sent == times:
                return
        raise GaveUp("a message")


class Spender(Worker):
    """Spends and holds what others spend and hold too, and now and then grants some."""

    def step(self) -> None:
        customer = self.draw.choice(PREPAID)
        chance = self.draw.random()
        if chance < 0.05:
            self.grant(customer, with_terms=self.draw.random() < 0.5)
        elif chance < 0.6:
            self._spend(customer)
        else:
            self._hold(customer)

    def _spend(self, customer: str) -> None:
        units = Decimal(self.draw.randint(1, 5))
        spend = self.event(customer, CREDITS, units, external_id=self.id())
        status, answer = self.call("POST", "/v1/credits/spend", spend)
        if status == 200:
            self.acknowledge([spend])
            self.books.note("spends")
            (standing,) = answer["meters"]
            self.books.demand(standing["balance"] <= 0, "Nobody overspends", answer)
        else:
            self.books.demand(status == 402, "A spend is admitted or refused", status, answer)
            self.books.note("refused")

    def _hold(self, customer: str) -> None:
        units = self.draw.randint(2, 6)
        left = self.draw.random() < 0.2
        hold = self.event(
            customer,
            CREDITS,
            Decimal(units),
            external_id=self.id(),
            expires_in_seconds=2 if left else 600,
        )
        status, held = self.call("POST", "/v1/credits/holds", hold)
        if status in (402, TOO_MANY_HOLDS):
            self.books.note("refused")
            return
        self.books.demand(status in (200, 201), "A hold is placed or refused", status, held)
        self.books.note("holds")
        if left:
            return
        path = f"/v1/credits/holds/{held['id']}"
        if self.draw.random() < 0.3:
            released = self.expect("POST", f"{path}/release", {})
            self.books.demand(released["status"] == "released", "A hold is released", released)
            return
        used = self.event(customer, CREDITS, Decimal(self.draw.randint(1, units)))
        captured = self.expect("POST", f"{path}/capture", {"metadata": used["metadata"]})
        self.books.demand(captured["status"] == "captured", "A hold is captured", captured)
        self.acknowledge([used])


class Reader(Worker):
    """Reads what anybody may, and looks at what must hold at any moment."""

    def step(self) -> None:
        customer = self.draw.choice((*SHARED, *PREPAID))
        state = self.expect("GET", f"/v1/customers/external/{customer}/state")
        for meter in state["active_meters"]:
            available = max(Decimal(0), -meter["balance"] - meter["held_units"])
            self.books.demand(
                available == meter["available_credits"],
                "What is available is what is neither spent nor held",
                meter,
            )
            if customer in PREPAID:
                self.books.demand(meter["balance"] <= 0, "Nobody overspends", meter)
        self.expect("GET", f"/v1/events/?external_customer_id={customer}&limit=20")
        self.expect(
            "GET", self.draw.choice(("/v1/customers/", "/v1/meters/", "/v1/tokens/current"))
        )
        self.books.note("reads", 3)
        self.stop.wait(0.05)


@dataclass
class Maker(Worker):
    """Makes meters that have a past to count, archives some, and makes ghosts real.

    The first meters, so many as are `kept`, stay.
    """

    pause_seconds: float
    kept: int
    meters: list[Meter] = field(default_factory=list)
    archived: set[str] = field(default_factory=set)

    def step(self) -> None:
        if self.stop.wait(self.pause_seconds):
            return
        self.make(self.draw.choice(USAGE), self.draw.choice(("sum", "count")))
        later = [one for one in self.meters[self.kept :] if one.id not in self.archived]
        if len(later) > MAX_LATER_METERS:
            archived = self.draw.choice(later).id
            self.expect("PATCH", f"/v1/meters/{archived}", {"is_archived": True})
            self.archived.add(archived)
        if self.draw.random() < 0.5:
            self.customer(self.draw.choice(GHOSTS))

    def make(self, event_name: str, function: str) -> None:
        """Make a meter. After a lost answer there may be two: one of them is nobody's."""
        aggregation = {"func": function}
        if function == "sum":
            aggregation["property"] = "units"
        clause = {"property": "name", "operator": "eq", "value": event_name}
        body = {
            "name": f"{function} of {event_name}",
            "filter": {"conjunction": "and", "clauses": [clause]},
            "aggregation": aggregation,
        }
        made = self.expect("POST", "/v1/meters/", body)
        self.meters.append(Meter(made["id"], event_name, function))
        self.books.note("meters")

    def customer(self, external_id: str) -> None:
        """Make a customer, unless it is there already."""
        body = {"email": f"{external_id}@example.com", "external_id": external_id}
        status, answer = self.call("POST", "/v1/customers/", body)
        self.books.demand(status in (201, 422), "A customer is made once", status, answer)
