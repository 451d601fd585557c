"""Conflicts: a customer to whom everybody writes at once, where transactions collide.

Attempts are counted, and time is a world's own: nothing here depends on the machine.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import pytest

from aureon.access import organizations, tokens
from aureon.ledger import committer
from tests.simulation.world import Weather, World
from tests.support.conflicts import HOLD_SECONDS, Conflicts, conflicts
from tests.support.handlers import Api
from tests.support.recount import assert_conserved

WRITERS: Final = 64
# Each call takes up to so long, one way, besides the time for which it holds its items.
WEATHER: Final = Weather(slowest_seconds=0.005)
NEVER: Final = 1_000_000


class Clock:
    """A clock that a test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def found(clock: Clock) -> Conflicts:
    return Conflicts(clock)


def item(name: str) -> dict[str, Any]:
    return {"TableName": "table", "Key": {"pk": {"S": name}, "sk": {"S": name}}}


def transaction(*names: str) -> dict[str, Any]:
    return {"body": json.dumps({"TransactItems": [{"Update": item(name)} for name in names]})}


def single(name: str) -> dict[str, Any]:
    return {"body": json.dumps(item(name))}


def reasons(answer: Any) -> list[str]:
    assert answer is not None
    assert answer[1]["Error"]["Code"] == "TransactionCanceledException"
    return [reason["Code"] for reason in answer[1]["CancellationReasons"]]


def test_a_transaction_is_cancelled_where_another_holds_an_item(found: Conflicts) -> None:
    assert found.meet("TransactWriteItems", transaction("a", "b")) is None

    answer = found.meet("TransactWriteItems", transaction("c", "b", "d"))

    assert reasons(answer) == ["None", "TransactionConflict", "None"]


def test_items_are_free_again_after_a_moment(found: Conflicts, clock: Clock) -> None:
    found.meet("TransactWriteItems", transaction("a"))
    clock.seconds += HOLD_SECONDS

    assert found.meet("TransactWriteItems", transaction("a")) is None


def test_what_is_refused_holds_nothing(found: Conflicts) -> None:
    found.meet("TransactWriteItems", transaction("a"))
    found.meet("TransactWriteItems", transaction("a", "b"))

    assert found.meet("TransactWriteItems", transaction("b")) is None


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "DeleteItem"])
def test_a_single_write_is_refused_where_a_transaction_holds_its_item(
    found: Conflicts, operation: str
) -> None:
    assert found.meet(operation, single("a")) is None
    assert found.meet(operation, single("a")) is None
    assert found.meet("TransactWriteItems", transaction("a")) is None

    answer = found.meet(operation, single("a"))

    assert answer is not None
    assert answer[1]["Error"]["Code"] == "TransactionConflictException"


@pytest.mark.parametrize(
    ("operation", "written"), [("TransactWriteItems", transaction("a")), ("PutItem", single("a"))]
)
def test_a_transactional_read_is_cancelled_where_anybody_writes(
    found: Conflicts, operation: str, written: dict[str, Any]
) -> None:
    found.meet(operation, written)

    assert reasons(found.meet("TransactGetItems", transaction("b", "a"))) == [
        "None",
        "TransactionConflict",
    ]
    assert found.meet("TransactGetItems", transaction("b")) is None
    assert found.meet("TransactWriteItems", transaction("b")) is None


@pytest.mark.parametrize("operation", ["GetItem", "BatchGetItem", "Query"])
def test_other_reads_never_conflict(found: Conflicts, operation: str) -> None:
    found.meet("TransactWriteItems", transaction("a"))

    assert found.meet(operation, single("a")) is None


class Rush(NamedTuple):
    """What a rush of writers took: by the world's clock, and in transactions for each event."""

    seconds: float
    attempts: list[int]


def rush(seed: int, events: int) -> Rush:
    """Let many writers send this many events each, one at a time, all for the same customer."""
    world = World(seed)
    attempts = []
    with world.entered():
        organization_id = organizations.create(world.store, "Rush")
        token, _ = tokens.create(world.store.of(organization_id))
        api = Api(world.store.of(organization_id), token)
        api.meter()
        customer_id = api.customer("user@example.com", external_id="user_123")
        event = {
            "name": "api_usage",
            "external_customer_id": "user_123",
            "metadata": {"units": 1},
        }

        def write() -> None:
            assert world.actor is not None
            calls = world.actor.calls
            for _ in range(events):
                before = calls["TransactWriteItems"]
                while api.ingest(event).status != 200:
                    world.wait(1)
                attempts.append(calls["TransactWriteItems"] - before)

        world.weather = WEATHER
        world.play(*[write] * WRITERS)
        assert list(api.balances(customer_id).values()) == [WRITERS * events]
        assert_conserved(world.store)
    return Rush(world.seconds, attempts)


@pytest.mark.parametrize("seed", range(5))
def test_64_writers_of_one_customer_all_succeed_within_few_attempts(seed: int) -> None:
    attempts = rush(seed, events=1).attempts

    assert len(attempts) == WRITERS
    assert max(attempts) <= 10


@pytest.mark.parametrize("seed", range(2))
def test_shards_make_a_hot_customer_five_times_as_fast(seed: int) -> None:
    spread = rush(seed, events=8)
    with patch.object(committer, "CONFLICTS_BEFORE_SPREADING", NEVER):
        crowded = rush(seed, events=8)

    assert crowded.seconds >= 5 * spread.seconds


def test_64_threads_of_one_customer_all_succeed_where_transactions_collide(api: Api) -> None:
    api.meter()
    customer_id = api.customer("user@example.com")
    event = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 1}}

    with conflicts(api.store.client), ThreadPoolExecutor(WRITERS) as pool:
        replies = list(pool.map(lambda _: api.ingest(event), range(WRITERS)))

    assert {reply.status for reply in replies} == {200}
    assert list(api.balances(customer_id).values()) == [WRITERS]
    assert_conserved(api.store)
