"""The audit: finds every balance that the log does not bear out, and raises no false alarm."""

from __future__ import annotations

import json
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from aureon.audit import ledger_audit as audit_module
from aureon.audit.ledger_audit import Audit, Outcome
from aureon.core.errors import NotFound
from aureon.core.retry import Backoff
from aureon.domain.events import CustomerRef
from aureon.domain.pages import encode_events, page_item
from aureon.storage import directory, keys
from aureon.storage import store as store_module
from aureon.storage.keys import PageKey
from aureon.storage.store import Item, Store, delete, put_new, update
from aureon_cli.commands import audit as audit_command
from aureon_cli.main import app
from tests.integration.conftest import NewApi
from tests.support.faults import Call, Calls, Crash, Fault, faults
from tests.support.handlers import Api
from tests.support.recount import assert_conserved, counted, pages, scan

HOUR = "2026-11-23T01"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "BACKOFF", Backoff(0.0))


@pytest.fixture
def meter_id(api: Api) -> str:
    return api.meter()


@pytest.fixture
def customer_id(api: Api, meter_id: str) -> str:
    """A customer with two events: 10 granted, 3 used."""
    customer_id = api.customer("user@example.com", external_id="user_123")
    api.ingest(usage(-10, customer_id=customer_id), usage(3, customer_id=customer_id))
    return customer_id


def usage(units: Any = 1, **more: Any) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "timestamp": f"{HOUR}:30:00Z",
        "metadata": {"units": units},
        **more,
    }


def audit(api: Api, customer_id: str | None = None, *, repair: bool = False) -> list[Outcome]:
    work = Audit(api.store, repair)
    outcomes = list(work.of_customer(customer_id) if customer_id else work.of_organization())
    assert work.compared == work.ledgers
    return outcomes


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = [outcome for outcome in outcomes if outcome.status != "clean"]
    return outcome


def found(outcome: Outcome) -> set[tuple[str, Any, Any]]:
    """The figures that differ: stored and counted."""
    return {(each.figure, each.stored, each.counted) for each in outcome.differences}


def statuses(outcomes: list[Outcome]) -> set[str]:
    return {outcome.status for outcome in outcomes}


def tamper(api: Api, ledger_id: str, meter_id: str, *, shard: int = 0, **figures: Any) -> None:
    """Add to the figures of a balance behind the ledger's back, or make it."""
    key = api.store.keys.balance(ledger_id, meter_id, 1, shard)
    api.store.write(update(key, added=figures))


def repairs(api: Api, ledger_id: str) -> list[Item]:
    log = api.store.keys.log(ledger_id)
    return list(api.store.query(log, prefix=keys.REPAIR_PREFIX))


def page_keys(api: Api) -> list[keys.Key]:
    return [
        keys.Key(item[keys.PARTITION], item[keys.SORT])
        for item in scan(api.store)
        if list(pages([item]))
    ]


def mark_spread(api: Api, customer_id: str) -> None:
    key = api.store.keys.customer(customer_id)
    api.store.write(update(key, {"spread": True}))


Matches = Callable[[Call], bool]


def walks_log(call: Call) -> bool:
    return call.operation == "Query" and b"#LOG#" in body(call)


def reads_shards(call: Call) -> bool:
    return call.operation == "Query" and b'"METER#"' in body(call) and b"#CUSTOMER#" in body(call)


def corrects(call: Call) -> bool:
    return call.operation == "TransactWriteItems" and b"REPAIR#" in body(call)


def body(call: Call) -> bytes:
    sent = call.parameters["body"]
    return sent if isinstance(sent, bytes) else str(sent).encode()


def meanwhile(
    api: Api,
    matches: Matches,
    act: Callable[[], object],
    *,
    times: range = range(1_000_000),
) -> AbstractContextManager[Calls]:
    """Do something right before calls that match: before all, or those with these numbers."""
    met = iter(range(1_000_000))

    def plan(call: Call) -> None:
        if matches(call) and next(met) in times:
            act()

    return faults(api.store.client, plan)


# What is found.


def test_ordinary_traffic_audits_clean(api: Api, meter_id: str) -> None:
    api.meter(func="count")
    first = api.customer("a@example.com", external_id="a")
    api.ingest(*[usage(units, external_customer_id="a") for units in (-10, 3, "no number")])
    api.ingest(*[usage("0.000000001", customer_id=first, external_id=f"e{n}") for n in range(5)])
    api.ingest(*[usage(Decimal("0.1"), customer_id=first, external_id=f"e{n}") for n in range(9)])
    api.ingest(usage(1, external_customer_id="ghost"), {**usage(), "name": "not counted"})
    linked = api.customer("b@example.com")
    api.ingest(usage(5, customer_id=linked), usage(-7, external_customer_id="b"))
    api.patch(f"/v1/customers/{linked}", {"external_id": "b"})
    api.ingest(usage(1, external_customer_id="b"), usage(1, customer_id=linked))
    deleted = api.customer("c@example.com", external_id="c")
    api.ingest(usage(8, customer_id=deleted))
    api.delete("/v1/customers/external/c")
    api.ingest(usage(2, external_customer_id="c"))
    api.customer("c@example.com", external_id="c")
    mark_spread(api, first)
    for _ in range(20):
        api.ingest(usage(1, customer_id=first))

    work = Audit(api.store)
    outcomes = list(work.of_organization())

    assert statuses(outcomes) == {"clean"}
    ledger_ids = [outcome.ledger_id for outcome in outcomes]
    assert len(set(ledger_ids)) == len(ledger_ids) == work.ledgers == work.compared
    assert set(ledger_ids) >= {ledger_id for ledger_id, *_ in counted(api.store)}
    assert work.pages == len(page_keys(api))
    assert_conserved(api.store)


def test_an_organization_without_customers_audits_clean(api: Api) -> None:
    assert audit(api) == []


@pytest.mark.parametrize(
    ("figure", "right"), [("sum", -7), ("used", 3), ("granted", 10), ("count", 2)]
)
def test_a_figure_that_differs_is_found_with_both_values(
    api: Api, customer_id: str, meter_id: str, figure: str, right: int
) -> None:
    tamper(api, customer_id, meter_id, **{figure: 1})

    outcome = only(audit(api))

    assert (outcome.customer_id, outcome.ledger_id) == (customer_id, customer_id)
    assert outcome.status == "different"
    assert found(outcome) == {(figure, right + 1, right)}
    assert {each.balance for each in outcome.differences} == {(customer_id, meter_id, 1)}


def test_the_smallest_difference_is_found(api: Api, customer_id: str, meter_id: str) -> None:
    big, small = Decimal(10) ** 14, Decimal("1e-12")
    api.ingest(*[usage(big + small, customer_id=customer_id)] * 9)
    tamper(api, customer_id, meter_id, sum=small)

    right = 9 * (big + small) - 7
    assert found(only(audit(api))) == {("sum", right + small, right)}


def test_a_balance_that_is_missing_is_found(api: Api, customer_id: str, meter_id: str) -> None:
    api.store.write(delete(api.store.keys.balance(customer_id, meter_id, 1, 0)))

    expected = {("sum", 0, -7), ("used", 0, 3), ("granted", 0, 10), ("count", 0, 2)}
    assert found(only(audit(api))) == expected


def test_a_balance_that_nothing_was_counted_for_is_found(api: Api, customer_id: str) -> None:
    other = api.meter("other")
    tamper(api, customer_id, other, shard=3, sum=1, count=1, rev=1)

    assert found(only(audit(api))) == {("sum", 1, 0), ("count", 1, 0)}


def test_a_balance_of_a_meter_that_is_not_there_is_not_compared(api: Api, customer_id: str) -> None:
    tamper(api, customer_id, "unknown", shard=3, sum=1, count=1, rev=1)

    outcome = only(audit(api))

    assert (outcome.status, outcome.reason) == ("not compared", "Its balance unknown has no meter.")


def test_a_page_that_is_missing_is_found(api: Api, customer_id: str) -> None:
    api.ingest(usage(4, customer_id=customer_id))
    first, _ = sorted(page_keys(api))
    api.store.write(delete(first))

    expected = {("sum", -3, 4), ("used", 7, 4), ("granted", 10, 0), ("count", 3, 1)}
    assert found(only(audit(api))) == expected


def test_a_page_that_was_not_counted_is_found(api: Api, customer_id: str, meter_id: str) -> None:
    (page,) = page_keys(api)
    item = api.store.get(page)
    assert item is not None
    api.store.transact([put_new(page._replace(sk=page.sk + "9"), item)])

    expected = {("sum", -7, -14), ("used", 3, 6), ("granted", 10, 20), ("count", 2, 4)}
    assert found(only(audit(api))) == expected


def test_shards_are_judged_by_their_sum(api: Api, customer_id: str, meter_id: str) -> None:
    mark_spread(api, customer_id)
    api.ingest(usage(5, customer_id=customer_id))
    tamper(api, customer_id, meter_id, shard=3, sum=2, used=2)
    tamper(api, customer_id, meter_id, shard=4, sum=-2, used=-2)
    assert statuses(audit(api)) == {"clean"}

    tamper(api, customer_id, meter_id, shard=4, sum=-1)
    assert found(only(audit(api))) == {("sum", -3, -2)}


def test_the_ledgers_of_ghosts_of_the_deleted_and_of_the_linked_are_audited(
    api: Api, meter_id: str
) -> None:
    linked = api.customer("b@example.com")
    api.ingest(usage(-7, external_customer_id="b"))
    api.patch(f"/v1/customers/{linked}", {"external_id": "b"})
    deleted = api.customer("c@example.com", external_id="c")
    api.ingest(usage(8, customer_id=deleted))
    api.delete(f"/v1/customers/{deleted}", anonymize=True)
    api.ingest(usage(2, external_customer_id="c"))
    for ledger_id, *_ in counted(api.store):
        tamper(api, ledger_id, meter_id, sum=100)

    outcomes = [outcome for outcome in audit(api) if outcome.status != "clean"]

    assert {(outcome.customer_id, *found(outcome)) for outcome in outcomes} == {
        (linked, ("sum", 93, -7)),
        (deleted, ("sum", 108, 8)),
        (None, ("sum", 102, 2)),
    }
    (of_linked,) = [outcome for outcome in outcomes if outcome.customer_id == linked]
    assert of_linked.ledger_id != linked


def test_the_ledger_of_a_customer_whose_profile_is_lost_is_audited(
    api: Api, customer_id: str, meter_id: str
) -> None:
    # The directory may list what a read no longer finds.
    tamper(api, customer_id, meter_id, sum=1)
    entry = api.store.keys.customer(customer_id)

    def lose() -> None:
        api.store.write(delete(entry))

    with meanwhile(api, lambda call: call.operation == "BatchGetItem", lose):
        outcome = only(audit(api))

    assert (outcome.customer_id, outcome.status) == (customer_id, "different")


def test_an_audit_of_one_customer_looks_at_all_its_ledgers_and_no_others(
    api: Api, customer_id: str, meter_id: str
) -> None:
    linked = api.customer("b@example.com")
    api.ingest(usage(-7, external_customer_id="b"))
    api.patch(f"/v1/customers/{linked}", {"external_id": "b"})
    tamper(api, customer_id, meter_id, sum=1)

    assert [outcome.status for outcome in audit(api, linked)] == ["clean", "clean"]
    assert [outcome.status for outcome in audit(api, customer_id)] == ["different"]
    api.delete(f"/v1/customers/{customer_id}")
    assert [outcome.status for outcome in audit(api, customer_id)] == ["different"]


def test_an_audit_looks_at_no_other_organization(
    api: Api, new_api: NewApi, customer_id: str, meter_id: str
) -> None:
    other = new_api()
    tamper(api, customer_id, meter_id, sum=1)

    assert audit(other) == []
    with pytest.raises(NotFound):
        audit(other, customer_id)


@pytest.mark.parametrize("nobody", ["nobody", "x" * 300])
def test_an_unknown_customer_or_organization_is_not_found(api: Api, nobody: str) -> None:
    with pytest.raises(NotFound):
        audit(api, nobody)
    with pytest.raises(NotFound):
        list(Audit(api.store.of(nobody)).of_organization())


def test_a_directory_of_several_parts_is_read_to_its_end(
    api: Api, meter_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "CHUNK", 2)
    api.ingest(*[usage(external_customer_id=f"ghost_{number}") for number in range(25)])
    for number in range(25):
        api.customer(f"user_{number}@example.com")

    outcomes = audit(api)

    assert len({outcome.ledger_id for outcome in outcomes}) == len(outcomes) == 50
    assert sum(outcome.customer_id is None for outcome in outcomes) == 25


def test_a_page_that_cannot_be_read_is_named(api: Api, customer_id: str) -> None:
    (page,) = page_keys(api)
    api.store.write(update(page, {"body": b"no page"}))

    outcome = only(audit(api, repair=True))

    assert outcome.status == "not compared"
    assert page.sk in outcome.reason


def test_a_balance_whose_key_cannot_be_read_is_named(api: Api, customer_id: str) -> None:
    key = api.store.keys.customer(customer_id)._replace(sk="METER#broken")
    api.store.transact([put_new(key, {"sum": 1})])

    outcome = only(audit(api))

    assert outcome.status == "not compared"
    assert "METER#broken" in outcome.reason


# Meters that come and go.


def test_meters_that_were_created_later_or_archived_raise_no_alarm(
    api: Api, customer_id: str, meter_id: str
) -> None:
    late = api.meter(func="count")
    api.ingest(usage(4, customer_id=customer_id))
    api.patch(f"/v1/meters/{meter_id}", {"is_archived": True})
    api.ingest(usage(5, customer_id=customer_id))

    assert statuses(audit(api)) == {"clean"}

    tamper(api, customer_id, meter_id, sum=1)
    tamper(api, customer_id, late, sum=1)
    # The later one has counted what came before it.
    assert found(only(audit(api))) == {("sum", -2, -3), ("sum", 5, 4)}


def test_a_meter_that_is_created_meanwhile_raises_no_alarm(api: Api, customer_id: str) -> None:
    work = Audit(api.store)
    first = list(work.of_organization())
    for _ in range(3):
        api.meter(func="count")
        api.ingest(usage(4, customer_id=customer_id))

    assert statuses([*first, *work.of_organization()]) == {"clean"}


def test_the_definitions_are_read_once_for_all_their_versions(
    api: Api, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "MAX_SETS_REMEMBERED", 2)
    for hour in range(6):
        api.meter(func="count")
        api.ingest(
            usage(4, customer_id=customer_id, timestamp=f"2026-11-23T{hour:02}:00:00Z"),
        )

    with faults(api.store.client) as calls:
        assert statuses(audit(api)) == {"clean"}

    assert sum(b"#METERS" in body(call) for call in calls.made if call.operation == "Query") == 1


# While events arrive.


def test_a_write_during_the_walk_raises_no_alarm(api: Api, customer_id: str) -> None:
    def write() -> None:
        assert api.ingest(usage(1, customer_id=customer_id)).status == 200

    for matches in (walks_log, reads_shards):
        for number in range(4):
            with meanwhile(api, matches, write, times=range(number, number + 1)):
                assert statuses(audit(api)) == {"clean"}
    assert_conserved(api.store)


def test_a_write_after_the_log_was_walked_is_noticed(
    api: Api, customer_id: str, meter_id: str
) -> None:
    tamper(api, customer_id, meter_id, sum=1)

    with meanwhile(
        api,
        reads_shards,
        lambda: api.ingest(usage(1, customer_id=customer_id)),
        times=range(1, 2),
    ):
        outcome = only(audit(api))

    assert found(outcome) == {("sum", -5, -6)}


def test_a_difference_that_a_write_makes_up_for_is_found_all_the_same(
    api: Api, customer_id: str, meter_id: str
) -> None:
    tamper(api, customer_id, meter_id, sum=1, used=1, count=1)

    # The balances are read before it, and the log after it: together they look right.
    with meanwhile(
        api, walks_log, lambda: api.ingest(usage(1, customer_id=customer_id)), times=range(1)
    ):
        outcome = only(audit(api))

    assert found(outcome) == {("sum", -5, -6), ("used", 5, 4), ("count", 4, 3)}


def test_a_ledger_that_never_holds_still_is_not_compared(api: Api, customer_id: str) -> None:
    other = api.customer("other@example.com")

    with meanwhile(api, walks_log, lambda: api.ingest(usage(1, customer_id=customer_id))):
        outcomes = {outcome.ledger_id: outcome for outcome in audit(api)}

    assert outcomes[customer_id].status == "not compared"
    assert outcomes[customer_id].reason == audit_module.MOVING
    # Nothing wrote to the other; it was compared, and found good.
    assert outcomes[other].status == "clean"
    assert statuses(audit(api)) == {"clean"}


def test_a_ledger_is_tried_a_stated_number_of_times(api: Api, customer_id: str) -> None:
    with meanwhile(api, walks_log, lambda: api.ingest(usage(1, customer_id=customer_id))) as calls:
        audit(api)

    assert sum(map(walks_log, calls.made)) == audit_module.MAX_TRIES


def test_a_difference_that_is_seen_once_only_is_not_believed(
    api: Api, customer_id: str, meter_id: str
) -> None:
    # What a query may see of a transaction that is being applied: a page, not yet its balance.
    tamper(api, customer_id, meter_id, sum=-3)

    with meanwhile(
        api, reads_shards, lambda: tamper(api, customer_id, meter_id, sum=3), times=range(2, 3)
    ):
        outcomes = audit(api, repair=True)

    assert statuses(outcomes) == {"clean"}
    assert repairs(api, customer_id) == []


def test_it_runs_without_false_alarms_while_threads_ingest(api: Api, meter_id: str) -> None:
    customer_ids = [api.customer(f"user_{number}@example.com") for number in range(3)]
    stop = threading.Event()

    def ingest(thread: int) -> None:
        choose = random.Random(thread)
        while not stop.is_set():
            whom = choose.choice(
                [
                    {"customer_id": choose.choice(customer_ids)},
                    {"external_customer_id": f"ghost_{choose.randrange(4)}"},
                ]
            )
            reply = api.ingest(*[usage(choose.randrange(-9, 9), **whom)] * 3)
            assert reply.status == 200, reply.body

    outcomes = []
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(ingest, thread) for thread in range(8)]
        try:
            for _ in range(3):
                outcomes += audit_while_it_changes(api)
        finally:
            stop.set()
        for each in running:
            each.result()

    assert statuses(outcomes) <= {"clean", "not compared"}
    assert statuses(audit(api)) == {"clean"}
    assert_conserved(api.store)


def audit_while_it_changes(api: Api) -> list[Outcome]:
    return list(Audit(api.store).of_organization())


def test_a_ghost_that_becomes_a_customer_meanwhile_is_compared_once(
    api: Api, meter_id: str
) -> None:
    api.ingest(usage(1, external_customer_id="user_123"))

    def create() -> None:
        api.customer("user@example.com", external_id="user_123")

    with meanwhile(api, walks_log, create, times=range(1)):
        outcomes = audit_while_it_changes(api)

    assert [outcome.status for outcome in outcomes] == ["clean"]


def test_a_busy_database_is_asked_again(api: Api, customer_id: str, meter_id: str) -> None:
    tamper(api, customer_id, meter_id, sum=1)

    with faults(api.store.client, lambda call: Fault.THROTTLE if call.number % 3 else None):
        assert statuses(audit(api, repair=True)) == {"repaired"}


def test_a_ledger_whose_log_stays_busy_is_not_compared(api: Api, customer_id: str) -> None:
    with faults(api.store.client, lambda call: Fault.THROTTLE if walks_log(call) else None):
        outcome = only(audit(api))

    assert (outcome.status, outcome.reason) == ("not compared", "The database is busy.")


# Repair.


def test_a_repair_makes_the_balance_what_the_log_says(
    api: Api, customer_id: str, meter_id: str
) -> None:
    tamper(api, customer_id, meter_id, sum=100, used=90, granted=-2, count=7)

    outcome = only(audit(api, repair=True))

    assert outcome.status == "repaired"
    assert found(outcome) == {
        ("sum", 93, -7),
        ("used", 93, 3),
        ("granted", 8, 10),
        ("count", 9, 2),
    }
    assert api.balances(customer_id) == {meter_id: -7}
    assert statuses(audit(api)) == {"clean"}
    api.ingest(usage(1, customer_id=customer_id))
    assert api.balances(customer_id) == {meter_id: -6}
    assert_conserved(api.store)


def test_a_repair_leaves_its_trace_in_the_log(api: Api, customer_id: str, meter_id: str) -> None:
    tamper(api, customer_id, meter_id, sum=100)

    audit(api, repair=True)

    (trace,) = repairs(api, customer_id)
    assert trace["meter_id"] == meter_id
    assert trace["generation"] == 1
    others = {
        "used": 3,
        "granted": 10,
        "expired": 0,
        "count": 2,
        "distinct": 0,
        "max": None,
        "min": None,
    }
    assert trace["before"] == {"sum": 93, **others}
    assert trace["after"] == {"sum": -7, **others}
    assert trace["repaired_at"] in trace[keys.SORT]
    assert trace["reason"] == audit_module.REASON
    # The audit does not take the trace for a page.
    assert statuses(audit(api, repair=True)) == {"clean"}
    assert repairs(api, customer_id) == [trace]


def test_a_repair_raises_the_revision_of_the_first_shard(
    api: Api, customer_id: str, meter_id: str
) -> None:
    key = api.store.keys.balance(customer_id, meter_id, 1, 0)
    before = api.store.get(key)
    tamper(api, customer_id, meter_id, sum=100)

    audit(api, repair=True)

    after = api.store.get(key)
    assert before is not None and after is not None
    assert after == {
        **before,
        "distinct": 0,
        "expired": 0,
        "rev": before["rev"] + 1,
        "modified_at": repairs(api, customer_id)[0]["repaired_at"],
    }


def test_a_repair_of_a_missing_balance_makes_it_anew(
    api: Api, customer_id: str, meter_id: str
) -> None:
    api.store.write(delete(api.store.keys.balance(customer_id, meter_id, 1, 0)))

    assert only(audit(api, repair=True)).status == "repaired"

    assert api.balances(customer_id) == {meter_id: -7}
    assert_conserved(api.store)


def test_a_repair_of_a_spread_balance_goes_to_the_first_shard(
    api: Api, meter_id: str, customer_id: str
) -> None:
    other = api.customer("other@example.com")
    mark_spread(api, other)
    for _ in range(10):
        api.ingest(usage(2, customer_id=other))
    balances = api.store.keys.customer(other).pk
    *_, last = api.store.query(balances, prefix=keys.BALANCE_PREFIX)
    tamper(api, other, meter_id, shard=keys.parse_balance(last[keys.SORT]).shard, sum=-5)

    assert found(only(audit(api, repair=True))) == {("sum", 15, 20)}

    first = api.store.get(api.store.keys.balance(other, meter_id, 1, 0))
    assert first is not None
    assert (first["sum"], first["rev"]) == (5, 1)
    assert api.balances(other) == {meter_id: 20}
    assert_conserved(api.store)


def test_each_balance_of_a_ledger_is_repaired_with_a_trace_of_its_own(
    api: Api, customer_id: str, meter_id: str
) -> None:
    other = api.meter(func="count")
    api.ingest(usage(4, customer_id=customer_id))
    tamper(api, customer_id, meter_id, sum=1, used=1)
    tamper(api, customer_id, other, sum=1)

    assert only(audit(api, repair=True)).status == "repaired"

    assert {trace["meter_id"] for trace in repairs(api, customer_id)} == {meter_id, other}
    assert statuses(audit(api)) == {"clean"}


def test_without_being_asked_for_nothing_is_repaired(
    api: Api, customer_id: str, meter_id: str
) -> None:
    tamper(api, customer_id, meter_id, sum=1)

    with faults(api.store.client) as calls:
        audit(api)

    assert [call for call in calls.made if call.write_number is not None] == []


@pytest.mark.parametrize("spread", [False, True])
def test_a_write_between_reading_and_repairing_makes_it_read_again(
    api: Api, customer_id: str, meter_id: str, spread: bool
) -> None:
    if spread:
        mark_spread(api, customer_id)
    tamper(api, customer_id, meter_id, sum=100)

    with meanwhile(
        api, corrects, lambda: api.ingest(usage(1, customer_id=customer_id)), times=range(1)
    ) as calls:
        outcome = only(audit(api, repair=True))

    assert outcome.status == "repaired"
    assert sum(map(corrects, calls.made)) == 2
    (trace,) = repairs(api, customer_id)
    assert (trace["before"]["sum"], trace["after"]["sum"]) == (94, -6)
    assert api.balances(customer_id) == {meter_id: -6}
    assert_conserved(api.store)


def test_a_repair_that_never_comes_through_is_given_up_and_said(
    api: Api, customer_id: str, meter_id: str
) -> None:
    tamper(api, customer_id, meter_id, sum=100)

    with meanwhile(api, corrects, lambda: api.ingest(usage(1, customer_id=customer_id))) as calls:
        outcome = only(audit(api, repair=True))

    assert outcome.status == "different"
    assert outcome.reason
    assert sum(map(corrects, calls.made)) == audit_module.MAX_REPAIRS
    assert repairs(api, customer_id) == []


def test_a_repair_that_could_not_be_compared_again_counts_as_different(
    api: Api, customer_id: str, meter_id: str
) -> None:
    tamper(api, customer_id, meter_id, sum=100)

    with meanwhile(
        api,
        walks_log,
        lambda: api.ingest(usage(1, customer_id=customer_id)),
        times=range(2, 100),
    ):
        outcome = only(audit(api, repair=True))

    assert (outcome.status, outcome.reason) == ("different", audit_module.MOVING)
    assert len(repairs(api, customer_id)) == 1
    assert statuses(audit(api)) == {"clean"}


@pytest.mark.parametrize(
    "fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.THROTTLE, Fault.CONFLICT]
)
def test_a_repair_whose_call_goes_wrong_is_applied_once(
    api: Api, customer_id: str, meter_id: str, fault: Fault
) -> None:
    tamper(api, customer_id, meter_id, sum=100)
    met = iter(range(100))

    def plan(call: Call) -> Fault | None:
        return fault if corrects(call) and next(met) == 0 else None

    with faults(api.store.client, plan):
        assert only(audit(api, repair=True)).status == "repaired"

    assert len(repairs(api, customer_id)) == 1
    assert_conserved(api.store)


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER])
def test_an_audit_that_dies_while_it_repairs_is_made_again(
    api: Api, customer_id: str, meter_id: str, fault: Fault
) -> None:
    tamper(api, customer_id, meter_id, sum=100)

    with (
        pytest.raises(Crash),
        faults(api.store.client, lambda call: fault if corrects(call) else None),
    ):
        audit(api, repair=True)
    audit(api, repair=True)

    assert len(repairs(api, customer_id)) == 1
    assert_conserved(api.store)


# Memory.


def test_memory_does_not_grow_with_the_log(api: Api, meter_id: str) -> None:
    few, many = (api.customer(f"{name}@example.com") for name in ("few", "many"))
    fill_log(api, few, 50)
    fill_log(api, many, 500)
    audit(api, few)

    assert peak_bytes(api, many) < 1.5 * peak_bytes(api, few)


def fill_log(api: Api, ledger_id: str, count: int) -> None:
    """Write pages that hardly compress, 30 KB each."""
    noise = random.Random(0)
    for number in range(count):
        event = [0, f"{HOUR}:00:00Z", "noise", {"text": noise.randbytes(30_000).hex()}, None]
        item = page_item(
            encode_events([json.dumps([*event, "user"]).encode()]),
            last=0,
            meter_version=1,
            customer=CustomerRef(False, ledger_id),
        )
        place = PageKey(HOUR, f"r-{number:04}", 0, 0)
        api.store.transact([put_new(api.store.keys.page(ledger_id, place), item)])


def peak_bytes(api: Api, customer_id: str) -> int:
    tracemalloc.start()
    try:
        assert statuses(audit(api, customer_id)) == {"clean"}
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# The command.


@pytest.fixture
def command(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Run ``aureon audit`` for the organization, through the client of the tests."""
    monkeypatch.setattr(store_module, "connect", lambda *_, **__: store.client)
    monkeypatch.setenv("AUREON_TABLE", store.table)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            app,
            ["audit", "--no-projection", "--organization", api.organization_id, *arguments],
            catch_exceptions=False,
        )

    yield run


def test_a_clean_audit_prints_nothing_but_a_summary_and_exits_0(
    customer_id: str, command: Callable[..., Result]
) -> None:
    result = command()

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "Ledgers: 1 clean, 0 different, 0 repaired, 0 not compared. Pages read: 1.\n"
    )


def test_differences_are_printed_with_both_figures_and_exit_1(
    api: Api, customer_id: str, meter_id: str, command: Callable[..., Result]
) -> None:
    tamper(api, customer_id, meter_id, sum=Decimal("0.1"), count=1)

    for arguments in ((), ("--customer", customer_id)):
        result = command(*arguments)

        assert result.exit_code == 1
        assert [line.split() for line in result.stdout.splitlines()] == [
            ["customer", "ledger", "meter", "generation", "figure", "stored", "counted", "status"],
            [customer_id, customer_id, meter_id, "1", "count", "3", "2", "different"],
            [customer_id, customer_id, meter_id, "1", "sum", "-6.9", "-7", "different"],
        ]
        assert "1 different" in result.stderr


def test_a_repaired_difference_is_printed_and_exits_0(
    api: Api, customer_id: str, meter_id: str, command: Callable[..., Result]
) -> None:
    tamper(api, customer_id, meter_id, sum=1)

    result = command("--repair")

    assert result.exit_code == 0
    assert "-6" in result.stdout and "repaired" in result.stdout
    assert "0 different, 1 repaired" in result.stderr
    assert command().stdout == ""


def test_a_ledger_that_is_not_compared_is_named_and_exits_3(
    api: Api, customer_id: str, command: Callable[..., Result]
) -> None:
    with meanwhile(api, walks_log, lambda: api.ingest(usage(1, customer_id=customer_id))):
        result = command()

    assert (result.exit_code, result.stdout) == (3, "")
    assert (
        f"Ledger {customer_id} of customer {customer_id} was not compared: It did not hold still.\n"
        in result.stderr
    )


def test_a_difference_outranks_a_ledger_that_is_not_compared(
    api: Api, customer_id: str, meter_id: str, command: Callable[..., Result]
) -> None:
    ghost = usage(1, external_customer_id="ghost")
    api.ingest(ghost)
    tamper(api, customer_id, meter_id, sum=1)

    def write() -> None:
        api.ingest(ghost)

    with meanwhile(api, walks_log, write, times=range(audit_module.MAX_TRIES)):
        result = command()

    assert result.exit_code == 1
    assert "1 different, 0 repaired, 1 not compared" in result.stderr


def test_an_audit_that_breaks_off_says_so_and_exits_3(
    api: Api, customer_id: str, command: Callable[..., Result]
) -> None:
    def plan(call: Call) -> Fault | None:
        return Fault.THROTTLE if call.operation == "BatchGetItem" else None

    with faults(api.store.client, plan):
        result = command()

    assert result.exit_code == 3
    assert "The audit broke off. The database is busy." in result.stderr


def test_a_long_list_of_differences_is_printed_in_several_tables(
    api: Api, meter_id: str, command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_command, "MAX_ROWS", 3)
    api.ingest(*[usage(external_customer_id=f"ghost_{number}") for number in range(8)])
    for ledger_id, *_ in counted(api.store):
        tamper(api, ledger_id, meter_id, sum=1)

    lines = command().stdout.splitlines()

    first_words = [line.split()[0] for line in lines]
    assert first_words.count("(ghost)") == 8
    assert first_words.count("customer") == 3


def test_an_unknown_customer_or_organization_is_a_sentence(
    api: Api, command: Callable[..., Result]
) -> None:
    result = command("--customer", "nobody")
    assert (result.exit_code, result.stderr) == (1, "aureon: There is no customer nobody.\n")

    result = command("--organization", "nobody")
    assert (result.exit_code, result.stderr) == (1, "aureon: There is no organization nobody.\n")


def test_a_terminal_shows_how_far_it_has_come(
    api: Api, customer_id: str, command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    result = command()

    assert "1/1" in result.stderr
    assert "pages 1" in result.stderr
