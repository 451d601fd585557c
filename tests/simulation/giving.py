"""Grants with terms in histories of events: what callers give and take back, and what must hold.

No order is looked for that explains the decisions on customers with lots: the model of orders
knows no lots. What their spends may use is held against the log instead, as far as the log tells
it: open holds, which only make less available, are left aside.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aureon.audit.ledger_audit import Audit
from aureon.core import times
from aureon.domain.events import CustomerRef
from aureon.ledger.sweep import sweep
from aureon.storage import keys
from aureon.storage.keys import Keys
from tests.simulation.world import START, World
from tests.support.handlers import Api, Reply

if TYPE_CHECKING:
    from aureon.domain.meters import Match
    from tests.simulation.model import Logged, Memory, Outcome
    from tests.simulation.spending import Attempt

LIVES_SECONDS: Final = (600, 600, 605, 700, 4_000)
# No page is written at this turn.
BEFORE_ALL: Final = -1


@dataclass
class Given:
    """A grant with terms as a caller asks for it, and the turns between which it was first made.

    `id` is what the answer called it, if there was one.
    """

    tag: int
    customer: CustomerRef
    body: Mapping[str, Any]
    begun: int
    counted: int | None = None
    id: str | None = None


class Giver:
    """Grants, and what belongs to them, as callers of a history make them."""

    api: Api

    def __init__(
        self,
        world: World,
        memory: Memory,
        names: Sequence[str],
        customers: Callable[[], Sequence[CustomerRef]],
        call: Callable[[Callable[[], Reply]], Reply | None],
    ) -> None:
        self.world = world
        self.draw = world.random
        self.memory = memory
        # Of events that meters count.
        self.names = names
        self._customers = customers
        self._call = call

    def give(self) -> None:
        """Give credits that expire, come back, roll over or are burned before others."""
        customer = self.draw.choice(self._customers())
        tag = self.memory.new_tag()
        by = "external_customer_id" if customer.by_external_id else "customer_id"
        body = {
            "name": self.draw.choice(self.names),
            by: customer.id,
            "metadata": {"units": self.draw.choice([1, 2, 4]), "tag": tag},
            "external_id": f"grant-{tag}",
            **self._terms(),
        }
        given = Given(tag, customer, body, self.world.turn)
        self.memory.grants.append(given)
        self._send(given)

    def give_again(self) -> None:
        if self.memory.grants:
            self._send(self.draw.choice(self.memory.grants[-2:]))

    def void(self) -> None:
        known = [given.id for given in self.memory.grants if given.id is not None]
        if known:
            body = {"allow_debt": self.world.chance(0.3)}
            path = f"/v1/credits/grants/{self.draw.choice(known)}/void"
            reply = self._call(lambda: self.api.post(path, body))
            if reply is not None and reply.status == 409:
                assert "another allow_debt" in reply.body["detail"], reply
            else:
                assert reply is None or reply.status == 200, reply

    def _terms(self) -> dict[str, Any]:
        draw = self.draw
        terms: dict[str, Any] = {"priority": draw.choice([0, 50, 50])}
        kind = draw.random()
        seconds = draw.choice(LIVES_SECONDS)
        if kind < 0.3:
            anchor = START + timedelta(seconds=self.world.seconds + seconds + 60)
            terms["recurrence"] = {"every": "day", "anchor": times.to_text(anchor)}
            if self.world.chance(0.5):
                terms["rollover"] = {"max_units": draw.choice([1, 3])}
        elif kind < 0.9:
            terms["expires_in_seconds"] = seconds
            if self.world.chance(0.3):
                terms["rollover"] = {"max_units": 2, "expires_in_seconds": 900}
        return terms

    def _send(self, given: Given) -> None:
        reply = self._call(lambda: self.api.post("/v1/credits/grants", given.body))
        if reply is not None and reply.status == 200:
            given.id = reply.body["id"]
            if given.counted is None:
                given.counted = self.world.turn
        elif reply is not None:
            # No sum meter counts it, or several; or nobody has, or had, the external id.
            assert reply.status == 422, reply
            assert given.counted is None, ("refused a repeat", reply)

    def pass_all(self) -> None:
        """Let boundaries come, and pass them where nobody writes."""
        for seconds in (0.0, 4_000.0, 86_400.0):
            self.world.wait(seconds)
            self.world.play(self._sweep)

    def _sweep(self) -> None:
        swept = sweep(self.world.store)
        assert not swept.failed, swept

    def audit(self) -> None:
        """In the end the audit counts all lots again, and finds them as they stand."""
        outcomes = list(Audit(self.api.store).of_organization())
        assert {outcome.status for outcome in outcomes} <= {"clean"}, outcomes


class Step(NamedTuple):
    """What a page adds to a customer's meters, and the turn at which it was written."""

    turn: int
    ledger_id: str
    origin: str | None
    units: Mapping[str, Decimal]
    granted: frozenset[str]
    tags: frozenset[int]
    at: str


@dataclass
class Giving:
    """What was given and spent by customers with lots, held against the log."""

    outcome: Outcome
    memory: Memory
    organization_id: str
    written: Mapping[keys.Key, int]

    def check(self) -> None:
        self.check_answers()
        for customer_id in self.outcome.with_lots:
            steps = self.steps(customer_id)
            for step in steps:
                if step.origin == "spend":
                    self.check_spend(customer_id, steps, step)

    def check_answers(self) -> None:
        """What was granted is in the log, once, under the id that was answered."""
        for given in self.memory.grants:
            if given.id is not None:
                logged = self.outcome.by_tag.get(given.tag)
                assert logged is not None, ("lost", given)
                assert logged.id == given.id, (logged, given)
                assert logged.page.origin == "grant", logged

    def check_spend(self, customer_id: str, steps: Sequence[Step], spend: Step) -> None:
        """Since the decision before there was an instant at which the credits were enough."""
        attempts = [one for one in self.memory.attempts if one.tag in spend.tags]
        begun = min(attempt.begun for attempt in attempts)
        limit = attempts[0].charge.limit
        whole = self.suffices(steps, spend, begun, limit)
        alone = [step for step in steps if step.ledger_id == spend.ledger_id]
        # What an external id had gathered was spent alone before it was linked.
        assert whole or self.suffices(alone, spend, begun, limit), ("overspent", spend, steps)
        if spend.ledger_id == customer_id:
            self.check_expiry(steps, spend, attempts)

    def suffices(self, steps: Sequence[Step], spend: Step, begun: int, limit: int) -> bool:
        """Whether there was such an instant, by these steps."""
        before = [step for step in steps if step.turn < spend.turn]
        decided = max((step.turn for step in before if step.origin), default=BEFORE_ALL)
        since = max(begun, decided)
        turns = {since, *(step.turn for step in before if step.turn > since)}
        return any(
            _is_enough([step for step in before if step.turn <= turn], spend.units, limit)
            for turn in turns
        )

    def check_expiry(self, steps: Sequence[Step], spend: Step, attempts: Sequence[Attempt]) -> None:
        """Nothing is spent after a boundary, by the spender's clock, that nobody has passed."""
        since = min(attempt.clock[0] for attempt in attempts)
        now = times.to_text(START + timedelta(seconds=since))
        for step in steps:
            if step.origin == "boundary" and step.at <= now and step.units.keys() & spend.units:
                assert step.turn < spend.turn, ("spent what had lapsed", step, spend)

    def steps(self, customer_id: str) -> list[Step]:
        """What was written to a customer's ledgers, in that order."""
        ledger_ids = self.outcome.profiles[customer_id].ledger_ids
        found: defaultdict[keys.Key, list[tuple[Logged, Match]]] = defaultdict(list)
        for logged, match in self.outcome.matches:
            if logged.ledger_id in ledger_ids:
                key = Keys(self.organization_id).page(logged.ledger_id, logged.page.place)
                found[key].append((logged, match))
        steps = [_step(self.written.get(key, 0), some) for key, some in found.items()]
        return sorted(steps, key=lambda step: step.turn)

    def facts(self) -> Counter[str]:
        """How often the history came by what grants with terms are for."""
        origins = Counter(page.origin for _, page in self.outcome.pages)
        return Counter(
            {
                "grants with terms": sum(
                    logged.page.origin == "grant" for logged in self.outcome.log
                ),
                "boundaries that were passed": origins["boundary"],
                "grants that were voided": origins["void"],
                "customers with lots": len(self.outcome.with_lots),
                "customers with lots and several ledgers": sum(
                    len(self.outcome.profiles[customer_id].ledger_ids) > 1
                    for customer_id in self.outcome.with_lots
                ),
                "spends by customers with lots": sum(
                    page.origin == "spend" and ledger_id in self.outcome.with_lots
                    for ledger_id, page in self.outcome.pages
                ),
            }
        )


def _step(turn: int, some: Sequence[tuple[Logged, Match]]) -> Step:
    """What the events of one page are to the meters that count them."""
    first, _ = some[0]
    units: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, match in some:
        units[match.meter_id] += match.units
    return Step(
        turn,
        first.ledger_id,
        first.page.origin,
        dict(units),
        granted=frozenset(match.meter_id for _, match in some if match.units < 0),
        tags=frozenset(logged.tag for logged, _ in some if logged.is_sent),
        at=first.event.timestamp,
    )


def _is_enough(before: Sequence[Step], units: Mapping[str, Decimal], limit: int) -> bool:
    """Whether these leave enough of the meters that decide: those with grants, or else all."""
    granted = {meter_id for step in before for meter_id in step.granted}
    return all(
        sum(step.units.get(meter_id, Decimal(0)) for step in before) + units[meter_id] <= limit
        for meter_id in granted & units.keys() or units.keys()
    )
