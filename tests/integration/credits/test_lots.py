"""Boundaries of lots are exact, whoever writes, reads, dies or is late around them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import pytest

from aureon.audit.ledger_audit import Audit
from aureon.core.errors import Unavailable
from aureon.ledger import committer
from aureon.projection.rebuild import Rebuild
from aureon.storage import keys as all_keys
from aureon.storage.expressions import present
from aureon.storage.store import OrganizationStore, Store, update
from tests.support import inline_engine
from tests.support.clock import Clock
from tests.support.conflicts import conflicts
from tests.support.costs import Cost, cost
from tests.support.credit_makers import capture, hold, release, spend, spread
from tests.support.deliveries import deliver, message
from tests.support.faults import Call, Crash, Fault, faults, nth
from tests.support.grant_makers import (
    DAY,
    HOUR,
    balance,
    figures,
    give,
    given,
    grants,
    in_,
    use,
    void,
)
from tests.support.handlers import Api, Reply, invoke
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.projected import project_all, stored

LOSSES: Final = (Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER)


@pytest.fixture
def store() -> Iterator[Store]:
    with inline_engine.raced_table() as store:
        yield store


def by_id(customer_id: str, **more: Any) -> dict[str, Any]:
    return {"external_customer_id": None, "customer_id": customer_id, **more}


def ghost_of(api: Api, name: str = EXTERNAL_ID) -> str:
    """The ledger that an external id leads to."""
    pointer = api.store.get(api.store.keys.external(name))
    assert pointer is not None
    ledger_id: str = pointer["ledger_id"]
    return ledger_id


def link(api: Api, customer_id: str, name: str = EXTERNAL_ID) -> Reply:
    return api.patch(f"/v1/customers/{customer_id}", {"external_id": name})


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do everything at once, each in a thread of its own."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def between(api: Api, act: Callable[[], Any], happens: Callable[[], Any], nth_: int = 0) -> Any:
    """Let something happen before a transaction of an action is sent: after all that it read."""
    count = -1

    def plan(call: Call) -> None:
        nonlocal count
        if call.operation == "TransactWriteItems":
            count += 1
            if count == nth_:
                # What happens makes transactions, too.
                count = 10**6
                happens()

    with faults(api.store.client, plan):
        return act()


def swept(api: Api) -> tuple[int, int]:
    """Let the sweep run: how many lots it reckoned, and how many it could not."""
    found = invoke("sweep", {"source": "aws.events"})
    return found["reckoned"], found["failed"]


# Links.


def test_a_link_that_comes_between_a_grants_look_and_its_commit_is_seen(
    api: Api, clock: Clock
) -> None:
    use(api, 4)
    customer_id = api.customer("user@example.com")
    granting = partial(give, api, 10, expires_in_seconds=DAY, **by_id(customer_id))

    made = between(api, granting, lambda: link(api, customer_id))
    # The debt that the link brought is repaid.
    assert (made.body["repaid_units"], made.body["remaining_units"]) == (4, 6)
    clock.seconds = DAY
    use(api, 1)
    assert figures(balance(api, customer_id)) == (1, 5, 10, 6)


def test_a_grant_that_comes_between_a_links_look_and_its_commit_is_seen(
    api: Api, clock: Clock
) -> None:
    use(api, 4)
    customer_id = api.customer("user@example.com")
    granting = partial(given, api, 10, expires_in_seconds=DAY, **by_id(customer_id))

    assert between(api, lambda: link(api, customer_id), granting).status == 200
    clock.seconds = DAY
    # By the external id: its pointer knows of the boundary.
    use(api, 1)
    assert figures(balance(api, customer_id)) == (1, 5, 10, 6)


def test_a_link_waits_where_credits_expire_before_who_counts_for_the_ghost_has_ended(
    api: Api, clock: Clock
) -> None:
    use(api, 4)
    customer_id = api.customer("user@example.com")
    given(api, 10, expires_in_seconds=HOUR, **by_id(customer_id))
    clock.seconds = HOUR - 500

    assert link(api, customer_id).status == 503
    clock.seconds = HOUR
    assert link(api, customer_id).status == 200
    assert figures(balance(api, customer_id)) == (4, 4, 10, 10)


# Reads.


def test_a_read_that_is_torn_by_a_reckoning_shows_what_was_so(
    api: Api, clock: Clock, customer: str
) -> None:
    """A query has read the lots, then they lapse, then it reads the balance."""
    given(api, 10, expires_in_seconds=DAY)
    given(api, 20, expires_in_seconds=2 * DAY)
    use(api, 4)
    clock.seconds = DAY
    query = OrganizationStore.query
    torn: list[tuple[int, int]] = []

    def torn_query(store: OrganizationStore, partition: str, **options: Any) -> Iterator[Any]:
        for item in query(store, partition, **{**options, "at_a_time": 1}):
            yield item
            if item[all_keys.SORT].startswith(all_keys.LOTS_PREFIX) and not torn:
                torn.append(swept(api))

    with patch.object(OrganizationStore, "query", torn_query):
        assert figures(balance(api, customer)) == (-20, 4, 30, 6)
    assert torn == [(1, 0)]
    assert balance(api, customer)["next_expiry"] == {"at": in_(2 * DAY), "units": 20}


def test_a_read_during_a_reckoning_shows_what_it_will_have_come_to(
    api: Api, clock: Clock, customer: str
) -> None:
    given(api, 10, expires_in_seconds=DAY)
    use(api, 4)
    clock.seconds = DAY
    seen = []

    between(api, lambda: swept(api), lambda: seen.append(figures(balance(api, customer))))
    assert [*seen, figures(balance(api, customer))] == [(0, 4, 10, 6)] * 2


# Writers around a boundary.


def test_a_write_that_was_sent_before_the_boundary_may_land_after_it(
    api: Api, clock: Clock, customer: str
) -> None:
    """Where nobody has reckoned, it burns the lot: it is as if it had come in time."""
    given(api, 10, expires_in_seconds=DAY)
    clock.seconds = DAY - 1

    between(api, lambda: use(api, 4), lambda: setattr(clock, "seconds", DAY))
    assert figures(balance(api, customer)) == (0, 4, 10, 6)
    swept(api)
    assert figures(balance(api, customer)) == (0, 4, 10, 6)


def test_a_write_that_lands_after_a_reckoning_finds_the_lot_gone(
    api: Api, clock: Clock, customer: str
) -> None:
    given(api, 10, expires_in_seconds=DAY)
    clock.seconds = DAY - 1

    def pass_it() -> None:
        clock.seconds = DAY
        assert swept(api) == (1, 0)

    between(api, lambda: use(api, 4), pass_it)
    assert figures(balance(api, customer)) == (4, 4, 10, 10)


def test_a_batch_that_takes_longer_than_until_the_boundary_passes_it(
    api: Api, clock: Clock, customer: str
) -> None:
    given(api, 10, expires_in_seconds=DAY)
    clock.seconds = DAY - 1
    events = [usage(3, timestamp=in_(-HOUR * hours)) for hours in (1, 2)]

    with patch.object(committer, "MAX_TRANSACTION_ACTIONS", 2):
        reply = between(api, lambda: api.ingest(*events), lambda: setattr(clock, "seconds", DAY))
    assert reply.status == 200
    assert figures(balance(api, customer)) == (3, 6, 10, 7)


@pytest.mark.parametrize("way", ["request", "message"])
@pytest.mark.parametrize("whose", ["own", "linked", "deleted"])
def test_what_is_sent_again_after_a_boundary_passes_it_first(
    api: Api, clock: Clock, way: str, whose: str
) -> None:
    """It goes on in the ledger where it began, whoever has that now."""
    if whose == "linked":
        use(api, 1)
        customer_id = api.customer("user@example.com")
        given(api, 10, expires_in_seconds=DAY, **by_id(customer_id))
        assert link(api, customer_id).status == 200
    else:
        customer_id = api.customer("user@example.com", external_id=EXTERNAL_ID)
        given(api, 10, expires_in_seconds=DAY)
        use(api, 1)
    events = [usage(3, timestamp=in_(-HOUR * hours)) for hours in (1, 2, 3)]
    first = message(api.organization_id, *events, batch_id="batch")

    def send(again: bool) -> None:
        if way == "request":
            assert api.ingest(*events, idempotency_key="key").status == 200
        else:
            assert deliver(first.again() if again else first) == set()

    def die(call: Call) -> Fault | None:
        writes = call.operation == "TransactWriteItems"
        parts = str(call.parameters["body"]).count('"Put"') if writes else 0
        counted.append(writes and "#LOG#" in str(call.parameters["body"]) and parts > 0)
        return Fault.DIE_BEFORE if sum(counted) == 2 else None

    counted: list[bool] = []
    with (
        patch.object(committer, "MAX_TRANSACTION_ACTIONS", 3),
        faults(api.store.client, die),
        pytest.raises(Crash),
    ):
        send(again=False)
    if whose == "deleted":
        assert api.delete(f"/v1/customers/{customer_id}").status == 204
    clock.seconds = DAY + HOUR
    with patch.object(committer, "MAX_TRANSACTION_ACTIONS", 3):
        send(again=True)

    if whose == "deleted":
        # Its lots stay as they were: frozen.
        ledger = api.store.get(api.store.keys.balance(customer_id, api_meter(api), 1, 0))
        # A request goes on where it began; a message's other events find the external id free.
        assert ledger is not None
        assert (ledger["used"], ledger.get("expired", 0)) == (10 if way == "request" else 7, 0)
    else:
        assert figures(balance(api, customer_id)) == (3, 10, 10, 3)


def api_meter(api: Api) -> str:
    (meter,) = api.get("/v1/meters/").body["items"]
    meter_id: str = meter["id"]
    return meter_id


def test_the_past_that_is_counted_after_a_boundary_finds_the_lot_gone(
    api: Api, clock: Clock
) -> None:
    """Of a ghost that was linked before a younger meter had counted it."""
    use(api, 7)
    meter_id = api.young_meter()
    customer_id = api.customer("user@example.com")
    given(api, 10, expires_in_seconds=DAY, meter_id=meter_id, **by_id(customer_id))
    assert link(api, customer_id).status == 200
    clock.seconds = DAY
    api.backfill(meter_id)

    found = {
        one["meter_id"]: one
        for one in api.get(f"/v1/customers/{customer_id}/state").body["active_meters"]
    }
    assert figures(found[meter_id]) == (7, 7, 10, 10)


# Reckonings.


def test_a_lot_may_lapse_in_two_parts(api: Api, clock: Clock, customer: str) -> None:
    made = given(api, 10, expires_at=in_(DAY))
    clock.seconds = DAY - 60
    hold(api, 4, "h1", expires_in_seconds=120)
    clock.seconds = DAY

    assert figures(balance(api, customer)) == (-4, 0, 10, 6)
    assert swept(api) == (1, 0)
    (found,) = grants(api, customer)
    assert (found["expires_at"], found["remaining_units"]) == (in_(DAY + 60), 4)
    clock.seconds = DAY + 60
    assert swept(api) == (1, 0)
    assert figures(balance(api, customer)) == (0, 0, 10, 10)
    assert [one["id"] for one in grants(api, customer, status="expired")] == [made["id"]]


def test_who_spreads_while_somebody_reckons_is_not_overlooked(
    api: Api, clock: Clock, customer: str
) -> None:
    given(api, 10, expires_in_seconds=DAY)
    clock.seconds = DAY

    def spread_and_use() -> None:
        # By a clock that is behind.
        clock.seconds = DAY - 2
        spread(api, customer)
        use(api, 4)
        clock.seconds = DAY

    between(api, lambda: swept(api), spread_and_use)
    assert figures(balance(api, customer)) == (0, 4, 10, 6)


def test_of_many_reckonings_at_once_one_counts(api: Api, clock: Clock, customer: str) -> None:
    given(api, 10, recurrence={"every": "day"}, rollover={"max_units": 3})
    for day in range(1, 6):
        clock.seconds = day * DAY
        at_once(*[lambda: swept(api)] * 4, lambda: use(api, 1), lambda: balance(api, customer))
    found = balance(api, customer)
    assert (found["granted_units"], found["used_units"]) == (60, 5)


@pytest.mark.parametrize("fault", LOSSES)
@pytest.mark.parametrize("act", ["grant", "void", "reckoning"])
def test_whatever_is_lost_on_the_way_nothing_counts_twice(
    api: Api, clock: Clock, customer: str, act: str, fault: Fault
) -> None:
    made = given(api, 10, expires_in_seconds=DAY, external_id="first")
    use(api, 4)

    def do() -> Any:
        match act:
            case "grant":
                return give(api, 5, expires_in_seconds=DAY, external_id="second").status
            case "void":
                return void(api, made["id"]).status
            case _:
                return swept(api)

    clock.seconds = DAY if act == "reckoning" else 0
    number = 0
    while True:
        with faults(api.store.client, nth(number, fault)) as calls, suppress(Crash, Unavailable):
            do()
        if len(calls) <= number:
            break
        number += 1
    do()

    assert number > 1
    expected = {"grant": (-11, 4, 15, 0), "void": (0, 4, 10, 6), "reckoning": (0, 4, 10, 6)}
    assert figures(balance(api, customer)) == expected[act]


def test_a_hundred_overdue_boundaries_of_two_spread_ledgers_are_passed_by_whoever_survives(
    api: Api, clock: Clock
) -> None:
    use(api, 1)
    customer_id = api.customer("user@example.com")
    given(api, 10, recurrence={"every": "day"}, rollover={"max_units": 3}, **by_id(customer_id))
    assert link(api, customer_id).status == 200
    spread(api, customer_id, ghost_of(api))
    use(api, 2)
    clock.seconds = 100 * DAY
    number = 0
    while True:
        plan = nth(number, Fault.DIE_AFTER)
        with faults(api.store.client, plan) as calls, suppress(Crash):
            swept(api)
        if len(calls) <= number:
            break
        number += 1

    assert number > 5
    sum_, used, granted, expired = figures(balance(api, customer_id))
    # Of each period 10 were granted, and 3 rolled over, to lapse in the next.
    assert (used, granted) == (3, 1_010)
    assert sum_ == -13
    assert expired == 1_010 - 3 - 13


def test_fifty_lots_that_end_at_one_instant_all_lapse(
    api: Api, clock: Clock, customer: str
) -> None:
    spread(api, customer)
    for number in range(50):
        given(api, 2, expires_at=in_(DAY), external_id=f"g{number}")
    use(api, 5)
    clock.seconds = DAY
    assert figures(balance(api, customer)) == (0, 5, 100, 95)

    use(api, 1)
    assert figures(balance(api, customer)) == (1, 6, 100, 95)
    assert [one["status"] for one in grants(api, customer)].count("expired") == 48


def test_debt_is_repaid_by_several_new_lots_one_after_the_other(
    api: Api, clock: Clock, customer: str
) -> None:
    use(api, 12)
    repaid = [
        given(api, 5, expires_in_seconds=DAY)["repaid_units"],
        given(api, 5, recurrence={"every": "day"})["repaid_units"],
        given(api, 5, priority=0)["repaid_units"],
    ]
    assert repaid == [5, 5, 2]
    clock.seconds = DAY
    assert figures(balance(api, customer)) == (-8, 12, 20, 0)


# Holds.


@pytest.mark.parametrize(
    ("ends", "expected"),
    [("captured", (0, 4, 10, 6)), ("released", (0, 0, 10, 10)), ("expired", (0, 0, 10, 10))],
)
def test_a_hold_keeps_its_units_across_a_boundary_until_it_ends(
    api: Api, clock: Clock, customer: str, ends: str, expected: tuple[int, ...]
) -> None:
    given(api, 10, expires_at=in_(DAY))
    clock.seconds = DAY - 60
    placed = hold(api, 4, "h1", expires_in_seconds=120).body["id"]
    clock.seconds = DAY
    # What is kept is kept for the hold: nobody else can spend it.
    assert spend(api, 1).status == 402
    match ends:
        case "captured":
            assert capture(api, placed).status == 200
        case "released":
            assert release(api, placed).status == 200

    clock.seconds = DAY + 60
    assert figures(balance(api, customer)) == expected


def test_a_hold_of_a_ghost_that_was_linked_keeps_its_units_too(api: Api, clock: Clock) -> None:
    use(api, -4)
    customer_id = api.customer("user@example.com")
    given(api, 10, expires_at=in_(DAY), **by_id(customer_id))
    clock.seconds = DAY - 1_200
    placed = hold(api, 4, "h1", expires_in_seconds=2_400).body["id"]
    assert link(api, customer_id).status == 200

    clock.seconds = DAY
    assert figures(balance(api, customer_id)) == (-8, 0, 14, 6)
    swept(api)
    assert figures(balance(api, customer_id)) == (-8, 0, 14, 6)
    clock.seconds = DAY + 60
    assert capture(api, placed).status == 200
    clock.seconds = DAY + 1_200
    # The lot was kept for it, so the lot is burned; what never expires is left.
    assert figures(balance(api, customer_id)) == (-4, 4, 14, 6)


def test_a_chain_of_overlapping_holds_does_not_keep_a_lot_alive(
    api: Api, clock: Clock, customer: str
) -> None:
    given(api, 10, expires_at=in_(DAY))
    clock.seconds = DAY - 60
    first = hold(api, 10, "h1", expires_in_seconds=120).body["id"]
    clock.seconds = DAY + 30
    assert hold(api, 10, "h2", expires_in_seconds=120).status == 402
    release(api, first)
    assert hold(api, 10, "h2", expires_in_seconds=HOUR).status == 200
    clock.seconds = DAY + 60

    assert figures(balance(api, customer)) == (0, 0, 10, 10)


def test_a_spend_at_the_boundary_is_decided_without_what_has_lapsed(
    api: Api, clock: Clock, customer: str
) -> None:
    given(api, 10, expires_in_seconds=DAY)
    given(api, 3)
    clock.seconds = DAY - 1

    def pass_it() -> None:
        clock.seconds = DAY
        assert swept(api) == (1, 0)

    # It looked in time, and comes too late.
    late = between(api, lambda: spend(api, 5), pass_it)
    assert late.status == 402
    assert spend(api, 3).body["drawn"] == []
    assert figures(balance(api, customer)) == (0, 3, 13, 10)


# Others at once.


def test_usage_in_other_shards_never_makes_a_grant_look_again(
    api: Api, clock: Clock, customer: str
) -> None:
    """Some comes between each of its looks and its commit."""
    spread(api, customer)
    using = False

    def plan(call: Call) -> None:
        nonlocal using
        if call.operation == "TransactWriteItems" and not using:
            using = True
            use(api, 1)
            using = False

    with faults(api.store.client, plan):
        assert give(api, 10, expires_in_seconds=DAY).status == 200
    assert figures(balance(api, customer))[1:3] == (1, 10)


def test_a_grant_of_a_crowded_customer_comes_through(api: Api, clock: Clock, customer: str) -> None:
    """Plain events go on in other shards; they make it look again once in a while, not for ever."""
    spread(api, customer)
    done = threading.Event()

    def ingest() -> int:
        count = 0
        while not done.is_set():
            use(api, 1)
            count += 1
        return count

    def granted(number: int) -> int:
        """Give credits as a client does: what is too busy is asked for again under the same id."""
        for _ in range(20):
            reply = give(api, 10, expires_in_seconds=DAY, external_id=f"g{number}")
            if reply.status != 503:
                break
        return reply.status

    def grant_all() -> list[int]:
        try:
            return [granted(number) for number in range(8)]
        finally:
            done.set()

    with conflicts(api.store.client):
        *counts, statuses = at_once(ingest, ingest, ingest, grant_all)
    assert statuses == [200] * 8
    assert figures(balance(api, customer))[1:3] == (sum(counts), 80)


def test_a_profile_changes_while_lots_lapse_and_a_deletion_ends_both(
    api: Api, clock: Clock
) -> None:
    for round_ in range(10):
        customer_id = api.customer(f"user{round_}@example.com", external_id=f"user{round_}")
        path = f"/v1/customers/{customer_id}"
        name = f"user{round_}"
        given(api, 10, expires_in_seconds=HOUR, external_customer_id=name)
        clock.seconds += HOUR
        renamed, _, _, deleted = at_once(
            partial(api.patch, path, {"name": "Ann"}),
            partial(swept, api),
            partial(use, api, 1, external_customer_id=name),
            partial(api.delete, path),
        )
        assert (renamed.status in (200, 404), deleted.status) == (True, 204)
        swept(api)


def test_a_repair_that_lowers_what_was_used_burns_and_returns_nothing(
    api: Api, clock: Clock, customer: str
) -> None:
    meter_id = given(api, 10, expires_in_seconds=DAY)["meter_id"]
    use(api, 4)
    first = api.store.keys.balance(customer, meter_id, 1, 0)
    item = api.store.get(first)
    assert item is not None
    wrong = {"sum": item["sum"] + 3, "used": item["used"] + 3, "rev": item["rev"] + 1}
    api.store.write(update(first, wrong, condition=present()))
    given(api, 1, priority=0)
    assert [one.status for one in Audit(api.store, repair=True).of_customer(customer)] == [
        "repaired"
    ]

    clock.seconds = DAY
    # 7 were burned of the lot when the other was granted; what was too much is in the pool now.
    assert figures(balance(api, customer)) == (-4, 4, 11, 3)


def test_what_is_projected_agrees_with_balances(api: Api, clock: Clock, customer: str) -> None:
    """Lapses and recurrences count at their boundary; a meter that is made later has none."""
    given(api, 10, recurrence={"every": "day"}, rollover={"max_units": 3})
    given(api, 7)
    use(api, 4)
    clock.seconds = 3 * DAY
    swept(api)
    use(api, 2)
    late = api.meter()
    project_all(api.store)
    found = {
        one["meter_id"]: figures(one)
        for one in api.get(f"/v1/customers/{customer}/state").body["active_meters"]
    }
    assert found[late] == (-1, 6, 7, 0)

    def shown(meter_id: str) -> tuple[int, ...]:
        answer = api.get(
            f"/v1/meters/{meter_id}/quantities",
            start_timestamp=in_(-DAY),
            end_timestamp=in_(5 * DAY),
            interval="day",
            customer_id=customer,
        )
        names = ("total", "used_units", "granted_units", "expired_units")
        return tuple(int(answer.body[name]) for name in names)

    assert {meter_id: shown(meter_id) for meter_id in found} == found
    before = stored(api.store)
    # Made anew from the log, without what was projected, it is the same.
    rebuilt = Rebuild(api.store)
    for _ in rebuilt.run():
        pass
    assert stored(api.store, epoch=2) == before
    assert {meter_id: shown(meter_id) for meter_id in found} == found


# Costs.


def test_a_plain_event_costs_the_same_with_lots_and_without(
    api: Api, store: Store, clock: Clock
) -> None:
    costs: dict[tuple[str, str, bool], Cost] = {}
    for name, terms in (("plain", None), ("rich", {"expires_in_seconds": DAY})):
        customer_id = api.customer(f"{name}@example.com", external_id=name)
        for named in ({"external_customer_id": name}, by_id(customer_id)):
            given(api, 5, **({} if terms is None else terms), external_customer_id=name)
            acts = {
                "use": partial(use, api, 1, **named),
                "spend": partial(spend, api, 1, **named),
                "read": partial(api.get, f"/v1/customers/{customer_id}/state"),
            }
            for what, act in acts.items():
                act()
                costs[name, what, len(named) > 1], _ = cost(store, act)

    assert {key[1:]: found for key, found in costs.items() if key[0] == "plain"} == {
        key[1:]: found for key, found in costs.items() if key[0] == "rich"
    }
    assert costs["rich", "read", True] == Cost(("Query",), 1)


def test_a_grant_takes_three_more_actions_and_a_boundary_one_look_and_one_commit(
    api: Api, store: Store, clock: Clock, customer: str
) -> None:
    def actions(call: Call) -> int:
        return str(call.parameters["body"]).count('"TableName"')

    given(api, 5)
    use(api, 1)
    granted = []
    for terms in ({}, {"expires_in_seconds": DAY}):
        with faults(store.client) as calls:
            given(api, 5, external_id=f"g{len(terms)}", **terms)
        (write,) = [call for call in calls.made if call.operation == "TransactWriteItems"]
        granted.append(actions(write))
        assert calls.operations() == ["BatchGetItem", "TransactGetItems", "TransactWriteItems"]
    assert granted[1] - granted[0] == 3
    clock.seconds = DAY
    with faults(store.client) as calls:
        use(api, 1, external_customer_id=EXTERNAL_ID)
    reckoned = [name for name in calls.operations() if name.startswith("Transact")]
    assert reckoned == ["TransactGetItems", "TransactWriteItems", "TransactGetItems",
                        "TransactWriteItems"]  # fmt: skip
