"""Once: an event with an id, or of a request with a key, counts once, whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from aureon.core import times
from aureon.ledger.plan import SHARDS
from tests.support.faults import Call, Crash, Fault, faults, nth, nth_write
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved, pages, scan, stored


@pytest.fixture
def customer_id(api: Api) -> str:
    api.meter()
    return api.customer("user@example.com", external_id="user_123")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the time, for events that are received across the full hour."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(times, "now", lambda: moment)

    return set_to


def test_an_external_id_counts_once(api: Api, customer_id: str) -> None:
    event = usage(external_id="e1", customer_id=customer_id)

    assert api.ingest(event).body == {"inserted": 1, "duplicates": 0}
    assert api.ingest(event, event).body == {"inserted": 0, "duplicates": 2}

    assert api.balance(customer_id) == 1
    assert_conserved(api.store)


def test_an_external_id_counts_once_for_the_whole_organization(api: Api, customer_id: str) -> None:
    other = api.customer("other@example.com")
    api.ingest(usage(external_id="e1", customer_id=customer_id))

    reply = api.ingest(
        usage(external_id="e1", customer_id=other), usage(external_id="e2", customer_id=other)
    )

    assert reply.body == {"inserted": 1, "duplicates": 1, "conflicts": [0]}
    assert api.balance(customer_id) == 1
    assert api.balance(other) == 1


def test_a_repeat_with_other_content_is_a_duplicate_and_is_reported(
    api: Api, customer_id: str
) -> None:
    api.ingest(usage(1, external_id="e1", customer_id=customer_id))

    reply = api.ingest(
        usage(1, customer_id=customer_id),
        usage(2, external_id="e1", customer_id=customer_id),
        usage(1, external_id="e1", customer_id=customer_id),
    )

    assert reply.body == {"inserted": 1, "duplicates": 2, "conflicts": [1]}
    assert api.balance(customer_id) == 2


def test_an_id_that_stands_twice_in_a_request_counts_once(api: Api, customer_id: str) -> None:
    """Far enough apart that the two stand in different transactions."""
    events = [usage(external_id=f"e{number}", customer_id=customer_id) for number in range(300)]

    reply = api.ingest(*events, *events)

    assert reply.body == {"inserted": 300, "duplicates": 300}
    assert api.balance(customer_id) == 300
    assert_conserved(api.store)


@pytest.mark.parametrize("many", [1, 150])
def test_of_two_events_with_one_id_in_a_request_the_first_sent_counts(
    api: Api, customer_id: str, many: int
) -> None:
    """Though the second belongs to a group that begins, and is packed, before the first's."""
    other = api.customer("other@example.com")
    events = [
        usage(7, customer_id=other),
        *[usage(1, external_id=f"e{n}", customer_id=customer_id) for n in range(many)],
        *[usage(5, external_id=f"e{n}", customer_id=other) for n in range(many)],
    ]

    reply = api.ingest(*events)

    assert reply.body == {
        "inserted": 1 + many,
        "duplicates": many,
        "conflicts": list(range(1 + many, 1 + 2 * many)),
    }
    assert api.balance(customer_id) == many
    assert api.balance(other) == 7
    assert_conserved(api.store)


def test_a_request_with_a_key_may_be_sent_again(api: Api, customer_id: str) -> None:
    events = [usage(2, customer_id=customer_id), usage(3, external_customer_id="stranger")]
    first = api.ingest(*events, idempotency_key="k1")

    again = api.ingest(*events, idempotency_key="k1")

    assert first.body == again.body == {"inserted": 2, "duplicates": 0}
    assert api.balance(customer_id) == 2
    assert_conserved(api.store)


def test_a_repeat_answers_as_the_first_did_duplicates_and_conflicts_included(
    api: Api, customer_id: str
) -> None:
    api.ingest(usage(1, external_id="e1", customer_id=customer_id))
    events = [
        usage(1, customer_id=customer_id),
        usage(9, external_id="e1", customer_id=customer_id),
        usage(1, external_id="e2", customer_id=customer_id),
        usage(1, external_id="e2", customer_id=customer_id),
    ]

    first = api.ingest(*events, idempotency_key="k1")
    again = api.ingest(*events, idempotency_key="k1")

    assert first.body == {"inserted": 2, "duplicates": 2, "conflicts": [1]}
    assert again.body == first.body


def test_a_key_with_another_body_is_refused(api: Api, customer_id: str) -> None:
    api.ingest(usage(1, customer_id=customer_id), idempotency_key="k1")

    reply = api.ingest(usage(2, customer_id=customer_id), idempotency_key="k1")

    assert reply.status == 409
    assert api.balance(customer_id) == 1


def test_a_key_of_a_request_without_new_events_is_remembered_too(
    api: Api, customer_id: str
) -> None:
    event = usage(external_id="e1", customer_id=customer_id)
    api.ingest(event)

    assert api.ingest(event, idempotency_key="k1").body == {"inserted": 0, "duplicates": 1}
    assert api.ingest(event, idempotency_key="k1").body == {"inserted": 0, "duplicates": 1}
    assert api.ingest(usage(5, customer_id=customer_id), idempotency_key="k1").status == 409


def test_a_refused_request_does_not_use_its_key_up(api: Api, customer_id: str) -> None:
    assert api.ingest(usage("x", customer_id="unknown"), idempotency_key="k1").status == 422
    assert api.ingest(usage(1, customer_id=customer_id), idempotency_key="k1").status == 200


def test_a_repeat_after_the_full_hour_counts_nothing(
    api: Api, customer_id: str, clock: Any
) -> None:
    late = datetime.fromisoformat("2026-11-24T01:59:59.900+00:00")
    clock(late)
    event = usage(customer_id=customer_id)
    api.ingest(event, idempotency_key="k1")

    clock(late + timedelta(minutes=1))
    assert api.ingest(event, idempotency_key="k1").body == {"inserted": 1, "duplicates": 0}

    assert api.balance(customer_id) == 1
    ((_, _, page),) = pages(list(scan(api.store)))
    assert page.place.hour == "2026-11-24T01"


def test_a_repeat_by_a_slower_clock_counts_nothing(api: Api, customer_id: str, clock: Any) -> None:
    """What was at most five minutes ahead stays good, though this clock finds it further off."""
    moment = datetime.fromisoformat("2026-11-24T01:00:00+00:00")
    event = usage(customer_id=customer_id, timestamp="2026-11-24T01:05:00Z")
    clock(moment)
    first = api.ingest(event, idempotency_key="k1")

    clock(moment - timedelta(seconds=1))
    assert api.ingest(event, idempotency_key="k1").body == first.body
    assert api.ingest(event, idempotency_key="k2").status == 422


def test_a_repeat_under_other_meters_counts_nothing(api: Api, customer_id: str) -> None:
    event = usage(customer_id=customer_id)
    api.ingest(event, idempotency_key="k1")
    api.meter()

    api.ingest(event, idempotency_key="k1")

    assert list(api.balances(customer_id).values()) == [1, 1]
    assert_conserved(api.store)


@pytest.mark.parametrize("name", ["customer_id", "external_customer_id"])
def test_a_repeat_after_a_deletion_counts_nothing(api: Api, customer_id: str, name: str) -> None:
    named = {"customer_id": customer_id, "external_customer_id": "user_123"}[name]
    event = usage(**{name: named})
    first = api.ingest(event, idempotency_key="k1")
    api.delete(f"/v1/customers/{customer_id}")
    successor = api.customer("user@example.com", external_id="user_123")

    again = api.ingest(event, idempotency_key="k1")

    assert again.body == first.body
    assert api.balances(successor) == {}
    assert_conserved(api.store)


def many(customer_id: str) -> list[Mapping[str, Any]]:
    """Enough for four transactions: with ids and without, for three customers, over two hours."""
    hours = ["2026-11-24T01:00:00Z", "2026-11-23T23:00:00Z"]
    customers = [
        {"customer_id": customer_id},
        {"external_customer_id": "user_123"},
        {"external_customer_id": "stranger"},
    ]
    return [
        usage(
            number % 7 + 1,
            timestamp=hours[number % 2],
            **customers[number % 3],
            **({"external_id": f"many-{number % 250}"} if number % 4 else {}),
        )
        for number in range(400)
    ]


# The receipt with the stranger's pointer, then three more transactions.
WRITES_OF_MANY = range(4)


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER])
@pytest.mark.parametrize("number", WRITES_OF_MANY)
def test_a_request_that_died_between_its_transactions_is_completed_by_its_repeat(
    api: Api, customer_id: str, number: int, fault: Fault
) -> None:
    with faults(api.store.client, nth_write(number, fault)), pytest.raises(Crash):
        api.ingest(*many(customer_id), idempotency_key="k1")
    api.meter("another")
    api.delete(f"/v1/customers/{customer_id}")
    successor = api.customer("user@example.com", external_id="user_123")

    completed = api.ingest(*many(customer_id), idempotency_key="k1")
    again = api.ingest(*many(customer_id), idempotency_key="k1")

    if number > WRITES_OF_MANY[0] or fault is Fault.DIE_AFTER:
        # The receipt was stored: the deletion in between changes nothing.
        assert completed.body == again.body
        assert completed.body["inserted"] == 100 + len({n % 250 for n in range(400) if n % 4})
        assert api.balances(successor) == {}
    assert_conserved(api.store)


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER])
@pytest.mark.parametrize("number", range(8))
def test_ids_count_once_when_a_request_without_a_key_is_sent_again(
    api: Api, customer_id: str, number: int, fault: Fault
) -> None:
    events = [
        usage(1, external_id=f"e{place}", external_customer_id=f"user_{place % 3}")
        for place in range(400)
    ]
    with faults(api.store.client, nth(number, fault)), suppress(Crash):
        api.ingest(*events)

    reply = api.ingest(*events)

    assert reply.body["inserted"] + reply.body["duplicates"] == 400
    assert "conflicts" not in reply.body
    assert sum(sums[0] for sums in stored(api.store).values()) == 400
    assert_conserved(api.store)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.THROTTLE])
@pytest.mark.parametrize("number", range(4))
def test_a_lost_answer_is_cleared_up_without_the_caller(
    api: Api, customer_id: str, number: int, fault: Fault
) -> None:
    """Even without ids or a key: the page of the transaction tells whether it was applied."""
    events = [usage(1, external_customer_id=f"user_{place}") for place in range(150)]
    with faults(api.store.client, nth_write(number, fault)):
        reply = api.ingest(*events)

    assert reply.body == {"inserted": 150, "duplicates": 0}
    assert sum(sums[0] for sums in stored(api.store).values()) == 150
    assert_conserved(api.store)


def test_sixteen_threads_with_contended_ids_count_each_once(api: Api, customer_id: str) -> None:
    """Each id is sent by four threads, in requests that overlap in part."""

    def send(worker: int) -> int:
        inserted = 0
        for turn in range(5):
            ids = [f"e{(worker % 4) * 40 + turn * 8 + place}" for place in range(10)]
            reply = api.ingest(
                *[usage(1, external_id=id_, external_customer_id="user_123") for id_ in ids],
                usage(1, customer_id=customer_id),
            )
            assert reply.status == 200
            inserted += reply.body["inserted"]
        return inserted

    with ThreadPoolExecutor(16) as pool:
        inserted = sum(pool.map(send, range(16)))

    distinct = len(
        {f"e{w * 40 + t * 8 + p}" for w in range(4) for t in range(5) for p in range(10)}
    )
    assert inserted == distinct + 16 * 5
    assert api.balance(customer_id) == distinct + 16 * 5
    assert_conserved(api.store)


def test_one_key_used_by_sixteen_threads_at_once_counts_once(api: Api, customer_id: str) -> None:
    events = many(customer_id)

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: api.ingest(*events, idempotency_key="k1"), range(16)))

    assert {reply.status for reply in replies} == {200}
    assert len({str(reply.body) for reply in replies}) == 1
    assert_conserved(api.store)


def test_conflicts_move_a_hot_balance_to_other_shards(api: Api, customer_id: str) -> None:
    """Twice in conflict, a request leaves the first shard; a quiet customer keeps one item."""
    quiet = api.customer("quiet@example.com")
    api.ingest(usage(1, customer_id=quiet))

    def conflict_twice(call: Call) -> Fault | None:
        return Fault.CONFLICT if call.write_number in (0, 1) else None

    with faults(api.store.client, conflict_twice):
        api.ingest(usage(5, external_customer_id="user_123"))

    def shards(customer_id: str) -> list[str]:
        return [
            item["sk"].rsplit("#", 1)[1]
            for item in api.store.query(f"{api.organization_id}#CUSTOMER#{customer_id}")
            if item["sk"].startswith("METER#")
        ]

    for _ in range(5):
        api.ingest(usage(1, external_customer_id="user_123"))
        api.ingest(usage(1, customer_id=customer_id))
    assert "0" not in shards(customer_id)
    assert all(1 <= int(shard) <= SHARDS for shard in shards(customer_id))
    assert api.balance(customer_id) == 15
    assert shards(quiet) == ["0"]
    assert_conserved(api.store)
