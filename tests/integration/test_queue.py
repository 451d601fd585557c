"""The queue: every message counts once, however it is delivered, and none spoils its neighbours."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aureon.core import times
from aureon.core.errors import Unavailable
from tests.integration.conftest import NewApi
from tests.support.deliveries import Sent, deliver, message
from tests.support.faults import Crash, Fault, faults, nth, nth_write
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved, stored

Send = Callable[..., Sent]


@pytest.fixture
def customer_id(api: Api) -> str:
    return api.customer("user@example.com", external_id="user_123")


@pytest.fixture(autouse=True)
def meter(api: Api) -> Iterator[None]:
    api.meter()
    yield
    assert_conserved(api.store)


@pytest.fixture
def send(api: Api) -> Send:
    """Make a message of the test's organization."""
    return lambda *events, **attributes: message(api.organization_id, *events, **attributes)


def test_a_delivery_is_packed_as_a_whole(api: Api, customer_id: str, send: Send) -> None:
    """Ten messages of one customer are one update of its balance, in one transaction."""
    deliver(send(usage()))

    with faults(api.store.client) as calls:
        assert deliver(*[send(usage(2)) for _ in range(10)]) == set()

    assert calls.operations() == ["BatchGetItem", "TransactWriteItems"]
    assert api.balance(customer_id) == 21


def test_a_delivery_of_several_transactions_writes_nearly_every_balance_once(
    api: Api, customer_id: str, send: Send
) -> None:
    """Each of ten messages is for thirty customers: a transaction has some customers' pages."""
    names = [f"user_{number}" for number in range(30)]
    deliver(send(*[usage(external_customer_id=name) for name in names]))

    with faults(api.store.client) as calls:
        assert deliver(*[send(*[usage(2, name) for name in names]) for _ in range(10)]) == set()

    writes = [
        action
        for call in calls.made
        if call.operation == "TransactWriteItems"
        for action in json.loads(call.parameters["body"])["TransactItems"]
    ]
    assert sum("Put" in write for write in writes) == 30 * 10
    transactions = calls.operations().count("TransactWriteItems")
    # One that begins in the midst of a customer's pages updates its balance again.
    assert sum("Update" in write for write in writes) < 30 + transactions


@pytest.mark.parametrize("with_ids", [True, False])
def test_a_redelivered_message_counts_once(
    api: Api, customer_id: str, send: Send, with_ids: bool
) -> None:
    events = [usage(1, **({"external_id": f"e{n}"} if with_ids else {})) for n in range(3)]
    sent = send(*events)
    other = send(usage(10))

    assert deliver(sent) == set()
    assert deliver(other, sent.again()) == set()
    assert deliver(sent.again().again()) == set()

    assert api.balance(customer_id) == 13


def test_a_redelivery_that_does_not_know_it_is_one_counts_once(
    api: Api, customer_id: str, send: Send
) -> None:
    sent = send(usage(1), usage(2))

    deliver(sent)
    deliver(sent)

    assert api.balance(customer_id) == 3


def test_a_redelivery_after_the_full_hour_counts_once(
    api: Api, customer_id: str, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(usage(1))
    deliver(sent)

    later = times.now() + timedelta(hours=1)
    monkeypatch.setattr(times, "now", lambda: later)
    deliver(sent.again())

    assert api.balance(customer_id) == 1


def test_a_redriven_message_counts_once(api: Api, customer_id: str, send: Send) -> None:
    sent = send(usage(1))
    deliver(sent)

    deliver(sent.redriven())
    deliver(sent.redriven(), sent.redriven())

    assert api.balance(customer_id) == 1


def test_messages_with_one_batch_id_count_once(api: Api, customer_id: str, send: Send) -> None:
    first = send(usage(1), batch_id="order-7")
    second = Sent(first.organization_id, first.body, first.attributes, first.sent_at)

    deliver(first)
    deliver(second)

    assert api.balance(customer_id) == 1


def test_copies_of_a_message_in_one_delivery_count_once_and_spoil_nothing(
    api: Api, customer_id: str, send: Send
) -> None:
    first = send(usage(1), batch_id="order-7")
    copy = replace(first, id="another")

    assert deliver(first, send(usage(2)), copy, first.redriven()) == set()
    assert api.balance(customer_id) == 3


def test_copies_of_a_message_share_its_failure(api: Api, customer_id: str, send: Send) -> None:
    first = send(usage("x", customer_id="unknown", external_customer_id=None), batch_id="order-7")
    copy = replace(first, id="another")

    assert deliver(first, copy, send(usage(2))) == {first.id, copy.id}


def test_a_batch_that_its_sender_sends_again_counts_once_hours_later(
    api: Api, customer_id: str, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its events have no time of their own, and its customer was deleted in between."""
    first = send(usage(1), usage(2), batch_id="order-7")
    deliver(first)
    api.delete(f"/v1/customers/{customer_id}")
    successor = api.customer("user@example.com", external_id="user_123")

    later = times.now() + timedelta(hours=2)
    monkeypatch.setattr(times, "now", lambda: later)
    again = Sent(first.organization_id, first.body, first.attributes)
    other = Sent(first.organization_id, send(usage(7)).body, first.attributes)

    assert deliver(again) == set()
    assert deliver(other) == {other.id}, "the same batch id with another body"
    assert deliver(again, other) == {other.id}
    assert api.balances(successor) == {}


def test_a_refused_message_does_not_use_its_batch_id_up(
    api: Api, customer_id: str, send: Send
) -> None:
    refused = send({"name": "x", "customer_id": "unknown"}, batch_id="order-7")
    assert deliver(refused) == {refused.id}

    assert deliver(send(usage(1), batch_id="order-7")) == set()
    assert api.balance(customer_id) == 1


def test_an_id_counts_once_over_the_queue_and_http(api: Api, customer_id: str, send: Send) -> None:
    deliver(send(usage(1, external_id="e1")), send(usage(1, external_id="e1")))

    assert api.ingest(usage(1, external_id="e1")).body == {"inserted": 0, "duplicates": 1}
    assert api.balance(customer_id) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '{"events": 3}',
        '{"events": [{"name": "x"}]}',
        '{"events": [{"name": "x", "customer_id": "unknown"}]}',
        '{"events": [{"name": "x", "external_customer_id": "a", "metadata": {"units": NaN}}]}',
    ],
)
def test_a_poisoned_message_fails_by_itself(
    api: Api, customer_id: str, send: Send, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    poison = Sent(api.organization_id, body)

    assert deliver(send(usage(1)), poison, send(usage(2))) == {poison.id}

    assert api.balance(customer_id) == 3


@pytest.mark.parametrize(
    "attributes",
    [
        {"organization_id": ""},
        {"organization_id": "a#METERS"},
        {"received_at": "yesterday"},
    ],
)
def test_a_message_with_wrong_attributes_fails_by_itself(
    api: Api, customer_id: str, send: Send, attributes: dict[str, str]
) -> None:
    poison = replace(send(usage(4)), attributes=attributes)

    assert deliver(poison, send(usage(1))) == {poison.id}
    assert api.balance(customer_id) == 1


def test_a_message_that_would_leave_the_range_of_a_balance_fails_by_itself(
    api: Api, customer_id: str, send: Send
) -> None:
    """Every one of its thousand events is good; their sum is not."""
    too_much = send(*[usage(999_999_999_999_999)] * 1000, usage(10**14))

    failed = deliver(send(usage(1)), too_much, send(usage(2)))

    assert failed == {too_much.id}
    assert api.balance(customer_id) == 3


def test_messages_of_two_organizations_stay_apart(api: Api, new_api: NewApi) -> None:
    other = new_api()
    other.meter()
    ours = api.customer("user@example.com", external_id="user_123")
    theirs = other.customer("user@example.com", external_id="user_123")

    deliver(
        message(api.organization_id, usage(1, external_id="e1"), batch_id="b"),
        message(other.organization_id, usage(2, external_id="e1"), batch_id="b"),
    )

    assert api.balance(ours) == 1
    assert other.balance(theirs) == 2


def test_a_customer_that_was_deleted_is_not_unknown_to_the_queue(
    api: Api, customer_id: str, send: Send
) -> None:
    event = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 1}}
    sent = send(event)
    api.delete(f"/v1/customers/{customer_id}")

    assert deliver(sent) == set()


def test_a_message_counted_before_a_deletion_is_not_counted_again_after_it(
    api: Api, customer_id: str, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for the successor with the same external id, nor while the deletion is young."""
    sent = send(usage(1), usage(2))
    fresh = send(usage(5))
    deliver(sent)
    api.delete(f"/v1/customers/{customer_id}")
    successor = api.customer("user@example.com", external_id="user_123")

    assert deliver(sent.again()) == set()
    assert deliver(fresh.again()) == {fresh.id}, "a delivery before may still be under way"

    later = times.now() + times.LONGEST_HANDLER
    monkeypatch.setattr(times, "now", lambda: later)
    assert deliver(sent.again()) == set()
    assert deliver(fresh.again()) == set()
    assert api.balance(successor) == 5


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER])
@pytest.mark.parametrize("number", range(8))
def test_a_delivery_that_died_is_completed_by_the_next(
    api: Api, customer_id: str, send: Send, number: int, fault: Fault
) -> None:
    """Whatever company the messages come back in, and though a customer was deleted meanwhile."""
    sent = [
        send(
            *[
                usage(1, f"user_{(place + part) % 40}")
                | ({"external_id": f"e{part}-{place}"} if part % 2 else {})
                for place in range(60)
            ]
        )
        for part in range(6)
    ]
    with faults(api.store.client, nth(number, fault)), pytest.raises(Crash):
        deliver(*sent)

    shuffled = [one.again() for one in sent]
    random.Random(number).shuffle(shuffled)
    assert deliver(*shuffled[:2]) | deliver(*shuffled[2:]) | deliver(*shuffled) == set()

    assert sum(sums[0] for sums in stored(api.store).values()) == 360


def test_a_busy_database_fails_the_delivery_and_loses_nothing(
    api: Api, customer_id: str, send: Send
) -> None:
    sent = [send(usage(1)) for _ in range(3)]

    with (
        faults(api.store.client, lambda call: Fault.THROTTLE),
        pytest.raises(Unavailable),
    ):
        deliver(*sent)

    assert deliver(*[one.again() for one in sent]) == set()
    assert api.balance(customer_id) == 3


def test_a_delivery_that_ran_out_of_time_sends_back_only_what_is_left(
    api: Api, customer_id: str, send: Send
) -> None:
    """A thousand ids are ten transactions and more: from the third on, time is over."""
    small = send(usage(1))
    large = send(*[usage(1, external_id=f"e{number}") for number in range(1000)])

    def third(call: Any) -> Fault | None:
        late = call.write_number is not None and call.write_number >= 3
        return Fault.DIE_BEFORE if late else None

    with faults(api.store.client, third), pytest.raises(Crash):
        deliver(small, large)
    assert deliver(small.again(), large.again()) == set()

    assert api.balance(customer_id) == 1001


def test_one_message_delivered_to_two_consumers_at_once_counts_once(
    api: Api, customer_id: str, send: Send
) -> None:
    sent = [send(*[usage(1, f"user_{place % 5}") for place in range(20)]) for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        failures = list(pool.map(lambda _: deliver(*sent), range(8)))

    assert failures == [set()] * 8
    assert sum(sums[0] for sums in stored(api.store).values()) == 100


def test_a_single_write_that_was_lost_is_cleared_up_within_the_delivery(
    api: Api, customer_id: str, send: Send
) -> None:
    with faults(api.store.client, nth_write(0, Fault.TIMEOUT_AFTER)):
        assert deliver(send(usage(1)), send(usage(2))) == set()

    assert api.balance(customer_id) == 3
