"""Faults: whichever call goes wrong, and however, a retry leaves everything counted once.

Each way to write is gone through once for every call that it makes: the call goes wrong, a new
handler starts where the old one died, and the caller does what callers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Final

import pytest

from aureon.access import tokens
from aureon.core.errors import Unavailable
from aureon.ledger import committer
from aureon.storage.store import Store
from tests.integration.conftest import NewApi
from tests.support.deliveries import deliver, message
from tests.support.faults import Crash, Fault, faults, nth
from tests.support.handlers import Api, Reply
from tests.support.makers import usage
from tests.support.recount import assert_conserved
from tests.support.seams import restart_handlers, without_pauses

# One attempt of a caller: whether it has reached what it wanted.
Attempt = Callable[[], bool]
Way = Callable[[Api], AbstractContextManager[Attempt]]

# Few actions to a transaction, so that small requests take several.
MAX_ACTIONS: Final = 12
MAX_ATTEMPTS: Final = 5
MAX_CALLS: Final = 100


@pytest.fixture(autouse=True)
def seams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(committer, "MAX_TRANSACTION_ACTIONS", MAX_ACTIONS)
    with without_pauses():
        yield


def events(customer_id: str, *, ids: bool) -> list[dict[str, Any]]:
    """Events for three customers, one of them a ghost still, in two hours: 55 units for each."""
    hours = ["2026-11-24T01:00:00Z", "2026-11-23T23:00:00Z"]
    names = [
        {"customer_id": customer_id},
        {"external_customer_id": "user_123"},
        {"external_customer_id": "stranger"},
    ]
    return [
        usage(
            number,
            timestamp=hours[number % 2],
            **name,
            **({"external_id": f"{place}-{number}"} if ids else {}),
        )
        for number in range(1, 11)
        for place, name in enumerate(names)
    ]


def ground(api: Api) -> str:
    """An organization with a meter and a customer."""
    api.meter()
    return api.customer("user@example.com", external_id="user_123")


def assert_all_counted(api: Api, customer_id: str) -> None:
    stranger = api.customer("stranger@example.com", external_id="stranger")
    assert (api.balance(customer_id), api.balance(stranger)) == (110, 55)


def answered(reply: Reply) -> bool:
    """Whether a caller knows what became of its request."""
    if reply.status == 503:
        assert reply.headers["Retry-After"].isdigit()
        return False
    assert reply.status < 500, reply
    return True


# The ways to write.


@contextmanager
def ingesting_with_ids(api: Api) -> Iterator[Attempt]:
    customer_id = ground(api)
    sent = events(customer_id, ids=True)
    yield lambda: answered(api.ingest(*sent))
    assert api.ingest(*sent).body == {"inserted": 0, "duplicates": 30}
    assert_all_counted(api, customer_id)


@contextmanager
def ingesting_with_a_key(api: Api) -> Iterator[Attempt]:
    customer_id = ground(api)
    sent = events(customer_id, ids=False)
    yield lambda: answered(api.ingest(*sent, idempotency_key="k1"))
    assert api.ingest(*sent, idempotency_key="k1").body == {"inserted": 30, "duplicates": 0}
    assert_all_counted(api, customer_id)


@contextmanager
def ingesting_with_a_key_in_one_transaction(api: Api) -> Iterator[Attempt]:
    customer_id = ground(api)
    sent = [usage(3, customer_id=customer_id), usage(4, external_customer_id="stranger")]
    yield lambda: answered(api.ingest(*sent, idempotency_key="k1"))
    assert api.ingest(*sent, idempotency_key="k1").body == {"inserted": 2, "duplicates": 0}
    assert api.balance(customer_id) == 3


@contextmanager
def delivering_messages(api: Api) -> Iterator[Attempt]:
    customer_id = ground(api)
    sent = events(customer_id, ids=False)
    with_ids = events(customer_id, ids=True)
    messages = [
        message(api.organization_id, *sent[:12]),
        message(api.organization_id, *sent[12:], batch_id="order-7"),
        message(api.organization_id, *with_ids[:20]),
        message(api.organization_id, *with_ids[10:]),
    ]

    def attempt() -> bool:
        delivered = list(messages)
        messages[:] = [one.again() for one in messages]
        return not deliver(*delivered)

    yield attempt
    assert deliver(*messages) == set()
    stranger = api.customer("stranger@example.com", external_id="stranger")
    assert (api.balance(customer_id), api.balance(stranger)) == (220, 110)


@contextmanager
def creating_a_customer_over_a_ghost(api: Api) -> Iterator[Attempt]:
    api.meter()
    api.ingest(usage(-5, external_customer_id="user_123"))
    body = {"email": "user@example.com", "external_id": "user_123"}

    def attempt() -> bool:
        reply = api.post("/v1/customers/", body)
        # Refused the second time, since the first came through.
        return answered(reply) and reply.status in (201, 422)

    yield attempt
    (customer,) = api.get("/v1/customers/", email="user@example.com").body["items"]
    assert customer["external_id"] == "user_123"
    assert api.balance(customer["id"]) == -5
    api.ingest(usage(1, external_customer_id="user_123"))
    assert api.balance(customer["id"]) == -4


@contextmanager
def linking_a_customer_to_a_ghost(api: Api) -> Iterator[Attempt]:
    api.meter()
    customer_id = api.customer("user@example.com")
    api.ingest(usage(1, customer_id=customer_id), usage(2, external_customer_id="user_123"))
    path, body = f"/v1/customers/{customer_id}", {"external_id": "user_123"}
    yield lambda: answered(api.patch(path, body))
    assert api.get(path).body["external_id"] == "user_123"
    api.ingest(usage(4, external_customer_id="user_123"))
    assert api.balance(customer_id) == 7


@contextmanager
def deleting_a_customer(api: Api) -> Iterator[Attempt]:
    customer_id = ground(api)
    api.ingest(usage(-5, external_customer_id="user_123"), idempotency_key="k1")
    path = f"/v1/customers/{customer_id}"

    def attempt() -> bool:
        reply = api.delete(path)
        return answered(reply) and reply.status in (204, 404)

    yield attempt
    assert api.get(path).status == 404
    api.ingest(usage(2, external_customer_id="user_123"))
    api.ingest(usage(-5, external_customer_id="user_123"), idempotency_key="k1")
    successor = api.customer("user@example.com", external_id="user_123")
    assert api.balance(successor) == 2


@contextmanager
def creating_a_meter(api: Api) -> Iterator[Attempt]:
    customer_id = api.customer("user@example.com")

    def attempt() -> bool:
        """A meter has nothing that makes it unique: a caller looks whether it is there."""
        found = api.get("/v1/meters/", query="api_usage")
        if not answered(found):
            return False
        if not found.body["items"]:
            return answered(api.post("/v1/meters/", METER))
        return True

    yield attempt
    (meter,) = api.get("/v1/meters/").body["items"]
    api.ingest(usage(3, customer_id=customer_id))
    assert api.balances(customer_id) == {meter["id"]: 3}


METER: Final = {
    "name": "api_usage",
    "filter": {
        "conjunction": "and",
        "clauses": [{"property": "name", "operator": "eq", "value": "api_usage"}],
    },
    "aggregation": {"func": "sum", "property": "units"},
}


@contextmanager
def archiving_a_meter(api: Api) -> Iterator[Attempt]:
    first, second = api.meter(), api.meter()
    customer_id = api.customer("user@example.com")
    api.ingest(usage(3, customer_id=customer_id))
    yield lambda: answered(api.patch(f"/v1/meters/{first}", {"is_archived": True}))
    api.ingest(usage(4, customer_id=customer_id))
    assert api.balances(customer_id) == {second: 7}


@contextmanager
def creating_a_token(api: Api) -> Iterator[Attempt]:
    made: list[str] = []

    def attempt() -> bool:
        made.append(tokens.create(api.store)[0])
        return True

    yield attempt
    assert Api(api.store, made[0]).get("/v1/meters/").status == 200


@contextmanager
def revoking_a_token(api: Api) -> Iterator[Attempt]:
    token, record = tokens.create(api.store)

    def attempt() -> bool:
        tokens.revoke(api.store, record.id)
        return True

    yield attempt
    restart_handlers()
    assert Api(api.store, token).get("/v1/meters/").status == 401
    assert api.get("/v1/meters/").status == 200


WAYS: Final[list[Way]] = [
    ingesting_with_ids,
    ingesting_with_a_key,
    ingesting_with_a_key_in_one_transaction,
    delivering_messages,
    creating_a_customer_over_a_ghost,
    linking_a_customer_to_a_ghost,
    deleting_a_customer,
    creating_a_meter,
    archiving_a_meter,
    creating_a_token,
    revoking_a_token,
]


def insist(attempt: Attempt) -> None:
    """Try until it is done, each time with a handler that knows nothing of the time before."""
    for _ in range(MAX_ATTEMPTS):
        restart_handlers()
        with suppress(Crash, Unavailable):
            if attempt():
                return
    raise AssertionError("A single fault was never overcome.")


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whichever_call_goes_wrong_a_retry_leaves_everything_counted_once(
    new_api: NewApi, store: Store, way: Way, fault: Fault
) -> None:
    for number in range(MAX_CALLS):
        api = new_api()
        with way(api) as attempt, faults(store.client, nth(number, fault)) as calls:
            insist(attempt)
        if len(calls) <= number:
            break
    else:
        raise AssertionError("It goes on making calls.")
    assert_conserved(store)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_a_request_without_protection_never_counts_twice_and_never_in_half_a_transaction(
    new_api: NewApi, store: Store, fault: Fault
) -> None:
    """Nobody sends it again, but the handler itself does not give up at the first fault."""
    for number in range(MAX_CALLS):
        api = new_api()
        customer_id = ground(api)
        sent = events(customer_id, ids=False)
        reply = None
        restart_handlers()
        with faults(store.client, nth(number, fault)) as calls, suppress(Crash):
            reply = api.ingest(*sent)
        if reply is not None and answered(reply):
            assert reply.body == {"inserted": 30, "duplicates": 0}
            assert_all_counted(api, customer_id)
        if len(calls) <= number:
            break
        if calls.made[number].write_number is not None and "DIE" not in fault.name:
            assert reply is not None
            assert reply.status == 200, "the handler can tell for itself"
    else:
        raise AssertionError("It goes on making calls.")
    assert_conserved(store)
