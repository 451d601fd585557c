"""Conservation: whatever is done in whatever order, balances are what a plain model says."""

from __future__ import annotations

import uuid
from collections import defaultdict
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from aureon.storage.store import Store
from tests.integration.conftest import NewApi
from tests.support.recount import assert_conserved

NAMES = st.sampled_from(["api_usage", "tokens", "other"])
EXTERNAL_IDS = st.sampled_from(["ann", "ben", "eve"])
UNITS = st.decimals(
    min_value=-1000, max_value=1000, places=3, allow_nan=False, allow_infinity=False
)
EVENTS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "units": UNITS,
        "by": st.sampled_from(["id", "external_id"]),
        "whom": EXTERNAL_IDS,
        "external_id": st.none() | st.sampled_from([f"event-{number}" for number in range(12)]),
        "hour": st.integers(0, 3),
    }
)


class Model:
    """Customers, meters and events, the plain way: lists, and sums made anew each time."""

    def __init__(self) -> None:
        self.meters: dict[str, str] = {}
        self.customers: dict[str, str] = {}
        self.emails: dict[str, str] = {}
        self.ledgers: defaultdict[str, list[tuple[str, Decimal]]] = defaultdict(list)
        self.ghosts: defaultdict[str, list[tuple[str, Decimal]]] = defaultdict(list)
        self.seen: set[str] = set()


class Machine(RuleBasedStateMachine):
    """Plays with one organization, on the real engine, and with the model beside it.

    A meter is made before there are any events of its name, since this version counts none that
    came before.
    """

    new_api: NewApi

    def __init__(self) -> None:
        super().__init__()
        self.api = self.new_api()
        self.model = Model()
        self.requests: list[tuple[str, list[dict[str, Any]], Any]] = []
        for name in ("api_usage", "tokens"):
            self.model.meters[name] = self.api.meter(name)

    @rule(whom=EXTERNAL_IDS)
    def create_customer(self, whom: str) -> None:
        reply = self.api.post(
            "/v1/customers/", {"email": f"{whom}@example.com", "external_id": whom}
        )
        if whom in self.model.customers:
            assert reply.status == 422
        else:
            assert reply.status == 201, reply.body
            self.model.customers[whom] = reply.body["id"]
            self.model.ledgers[reply.body["id"]] = self.model.ghosts.pop(whom, [])

    @rule(whom=EXTERNAL_IDS, anonymize=st.booleans())
    def delete_customer(self, whom: str, anonymize: bool) -> None:
        reply = self.api.delete(f"/v1/customers/external/{whom}", anonymize=str(anonymize))
        assert reply.status == (204 if whom in self.model.customers else 404)
        self.model.customers.pop(whom, None)

    @rule(events=st.lists(EVENTS, min_size=1, max_size=8), keyed=st.booleans())
    def ingest(self, events: list[dict[str, Any]], keyed: bool) -> None:
        known = self.model.customers
        events = [event for event in events if event["by"] != "id" or event["whom"] in known]
        sent = [self._sent(event) for event in events]
        key = str(uuid.uuid4())
        reply = self.api.ingest(*sent, **({"idempotency_key": key} if keyed else {}))
        assert reply.status == 200, reply.body
        inserted = 0
        for event in events:
            if event["external_id"] in self.model.seen:
                continue
            inserted += 1
            if event["external_id"] is not None:
                self.model.seen.add(event["external_id"])
            whom = event["whom"]
            to = self.model.ledgers[known[whom]] if whom in known else self.model.ghosts[whom]
            to.append((event["name"], event["units"]))
        assert reply.body["inserted"] == inserted
        assert reply.body["duplicates"] == len(events) - inserted
        if keyed:
            self.requests.append((key, sent, reply.body))

    @rule(data=st.data())
    def repeat_a_request(self, data: st.DataObject) -> None:
        if self.requests:
            key, sent, answered = data.draw(st.sampled_from(self.requests))
            assert self.api.ingest(*sent, idempotency_key=key).body == answered

    @rule(data=st.data())
    def repeat_ids_in_another_order(self, data: st.DataObject) -> None:
        seen = sorted(self.model.seen)
        shuffled = data.draw(st.permutations(seen))
        events = [
            {"name": "api_usage", "external_customer_id": "ann", "external_id": id_}
            for id_ in shuffled
        ]
        reply = self.api.ingest(*events)
        assert (reply.body["inserted"], reply.body["duplicates"]) == (0, len(seen))

    @invariant()
    def balances_are_the_models(self) -> None:
        for customer_id in self.model.customers.values():
            expected: defaultdict[str, Decimal] = defaultdict(Decimal)
            for name, units in self.model.ledgers[customer_id]:
                if name in self.model.meters:
                    expected[self.model.meters[name]] += units
            assert self.api.balances(customer_id) == expected

    def _sent(self, event: dict[str, Any]) -> dict[str, Any]:
        whom = event["whom"]
        if event["by"] == "id":
            customer = {"customer_id": self.model.customers[whom]}
        else:
            customer = {"external_customer_id": whom}
        return {
            "name": event["name"],
            "timestamp": f"2026-11-23T{event['hour']:02}:30:00+00:00",
            "metadata": {"units": event["units"]},
            "external_id": event["external_id"],
            **customer,
        }


def test_balances_are_those_of_a_plain_model(new_api: NewApi, store: Store) -> None:
    machine = type("Machine", (Machine,), {"new_api": staticmethod(new_api)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            # Shrinking on the engine takes minutes; the blob that is printed leads there too.
            phases=[phase for phase in Phase if phase is not Phase.shrink],
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert_conserved(store)
