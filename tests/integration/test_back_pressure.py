"""Back-pressure: a database that throttles slows callers and the queue down, and drops nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from aureon.core.errors import Unavailable
from aureon.ledger import committer
from tests.support.deliveries import deliver, message
from tests.support.faults import Call, Fault, Plan, faults
from tests.support.handlers import Api, Reply
from tests.support.recount import assert_conserved
from tests.support.seams import without_pauses

EVENTS: Final = 12
MAX_ROUNDS: Final = 500

# What botocore throws up: it has tried each call more often by itself.
shares = pytest.mark.parametrize("share", [0.1, 0.5])
seeds = pytest.mark.parametrize("seed", range(5))


@pytest.fixture(autouse=True)
def seams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No pauses, and few actions to a transaction, so that small requests take several."""
    monkeypatch.setattr(committer, "MAX_TRANSACTION_ACTIONS", 12)
    with without_pauses():
        yield


@pytest.fixture
def customer_id(api: Api) -> Iterator[str]:
    api.meter()
    yield api.customer("user@example.com", external_id="user_123")
    assert_conserved(api.store)


def throttled(share: float, seed: int) -> Plan:
    """Throttle this share of all calls."""
    draw = random.Random(seed)
    return lambda call: Fault.THROTTLE if draw.random() < share else None


def events(request: int, *, ids: bool) -> list[dict[str, Any]]:
    return [
        {
            "name": "api_usage",
            "external_customer_id": ["user_123", "stranger"][number % 2],
            "metadata": {"units": 1},
            **({"external_id": f"{request}-{number}"} if ids else {}),
        }
        for number in range(EVENTS)
    ]


def total(api: Api, customer_id: str) -> Any:
    stranger = api.customer("stranger@example.com", external_id="stranger")
    return sum(sum(api.balances(one).values()) for one in (customer_id, stranger))


def assert_postponed(reply: Reply) -> None:
    assert reply.status == 503, reply
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.body["error"] == "ServiceUnavailable"


@shares
@seeds
@pytest.mark.parametrize("protection", ["ids", "key"])
def test_callers_are_answered_200_or_503_and_those_who_come_again_count_once(
    api: Api, customer_id: str, protection: str, share: float, seed: int
) -> None:
    open_ = set(range(20))
    with faults(api.store.client, throttled(share, seed)):
        for _ in range(MAX_ROUNDS):
            for request in sorted(open_):
                headers = {"idempotency_key": f"k{request}"} if protection == "key" else {}
                reply = api.ingest(*events(request, ids=protection == "ids"), **headers)
                if reply.status == 200:
                    assert reply.body["inserted"] + reply.body["duplicates"] == EVENTS
                    open_.remove(request)
                else:
                    assert_postponed(reply)

    assert not open_
    assert total(api, customer_id) == 20 * EVENTS


@shares
@seeds
def test_a_request_without_protection_that_is_postponed_has_not_begun(
    api: Api, customer_id: str, share: float, seed: int
) -> None:
    """The handler goes on with what it has begun, so that a 503 may be followed by another try."""
    answered = 0
    with faults(api.store.client, throttled(share, seed)):
        for request in range(40):
            reply = api.ingest(*events(request, ids=False))
            if reply.status == 200:
                answered += 1
                assert reply.body == {"inserted": EVENTS, "duplicates": 0}
            else:
                assert_postponed(reply)

    assert answered > 0
    assert total(api, customer_id) == answered * EVENTS


@shares
@seeds
def test_the_queue_sends_messages_back_and_counts_each_once(
    api: Api, customer_id: str, share: float, seed: int
) -> None:
    draw = random.Random(seed)
    queue = [message(api.organization_id, *events(n, ids=n % 2 == 0)) for n in range(20)]
    with faults(api.store.client, throttled(share, seed)):
        for _ in range(MAX_ROUNDS):
            delivery = draw.sample(queue, min(len(queue), 10))
            try:
                failed = deliver(*delivery)
            except Unavailable:
                failed = {sent.id for sent in delivery}
            counted = {sent.id for sent in delivery} - failed
            queue = [sent.again() for sent in queue if sent.id not in counted]
            if not queue:
                break

    assert queue == []
    assert total(api, customer_id) == 20 * EVENTS


def test_a_delivery_of_which_nothing_counts_fails_as_a_whole_and_slows_the_queue_down(
    api: Api, customer_id: str
) -> None:
    sent = [message(api.organization_id, *events(n, ids=False)) for n in range(3)]

    with faults(api.store.client, lambda call: Fault.THROTTLE), pytest.raises(Unavailable):
        deliver(*sent)

    assert deliver(*sent) == set()
    assert total(api, customer_id) == 3 * EVENTS


def test_a_throttled_handler_stops_trying_after_a_bounded_number_of_calls(
    api: Api, customer_id: str
) -> None:
    api.ingest(*events(0, ids=False))

    def writes(call: Call) -> Fault | None:
        return Fault.THROTTLE if call.write_number is not None else None

    with faults(api.store.client, writes) as calls:
        assert_postponed(api.ingest(*events(1, ids=False)))

    assert len(calls) <= 2 * committer.MAX_ATTEMPTS
    assert total(api, customer_id) == EVENTS
