"""The projector: each page counts once in what is projected, however it is delivered."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.access import organizations, tokens
from aureon.api import runtime
from aureon.ledger.blocks import PAGES_OF_A_BLOCK, blocks
from aureon.projection import projector
from aureon.storage import keys, table
from aureon.storage.store import Store
from tests.support import inline_engine
from tests.support.costs import consumption
from tests.support.faults import Call, Crash, Fault, faults, nth
from tests.support.handlers import Api
from tests.support.projected import deliver, project_all, record, records, recounted, stored
from tests.support.recount import scan
from tests.support.seams import without_pauses

START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)
FUNCTIONS: Final = ("sum", "count", "avg", "max", "min", "unique")


def meters(api: Api) -> list[str]:
    return [
        api.young_meter(**({"func": func} | ({} if func == "count" else {"property": "units"})))
        for func in FUNCTIONS
    ]


def event(number: int, customer: str = "user_1", **more: Any) -> dict[str, Any]:
    return {
        "name": ("api_usage", "page_view")[number % 3 == 2],
        "external_customer_id": customer,
        "timestamp": (START + timedelta(minutes=7 * number)).isoformat(),
        "metadata": {"units": number % 5 - 1},
        **more,
    }


def fill(api: Api) -> None:
    """Some pages: of several customers, hours and versions of the meters."""
    for number in range(6):
        api.ingest(*(event(number * 5 + one, f"user_{one % 3}") for one in range(5)))
        if number == 1:
            meters(api)
    api.ingest(event(3), event(4))


def test_what_is_projected_is_what_the_log_makes_of_it(api: Api) -> None:
    fill(api)

    project_all(api.store)

    figures = stored(api.store)
    assert {about[1] for about in figures} == {"TIMELINE", "NAMES", "QUANTITY", "VALUES"}
    assert figures == recounted(api.store)


def test_a_page_counts_with_the_meters_that_it_was_counted_with(api: Api) -> None:
    api.ingest(event(0))
    meter_id = api.young_meter()
    api.ingest(event(1))
    api.patch(f"/v1/meters/{meter_id}", {"is_archived": True})
    api.ingest(event(3))

    project_all(api.store)

    assert {about[-1] for about in stored(api.store) if about[1] == "QUANTITY"} == {"sum36"}
    assert stored(api.store) == recounted(api.store)


def test_the_projection_does_not_wake_itself(api: Api) -> None:
    fill(api)
    project_all(api.store)

    woken = [record(item) for item in scan(api.store)]

    pages = [one for one in woken if table.is_inserted_page(one)]
    assert len(pages) == len(records(api.store)) < len(woken)


def test_other_records_than_of_inserted_pages_change_nothing(api: Api) -> None:
    fill(api)
    others = [record(item) | {"eventName": "MODIFY"} for item in scan(api.store)]

    assert deliver(others) == []
    assert stored(api.store) == {}


def test_a_page_that_cannot_be_read_fails_alone(api: Api) -> None:
    fill(api)
    delivery = records(api.store)
    delivery[2]["dynamodb"]["NewImage"]["body"] = {"B": "AAAA"}

    assert deliver(delivery) == [delivery[2]["dynamodb"]["SequenceNumber"]]

    assert len([about for about in stored(api.store) if about[1] == "TIMELINE"]) == (
        len(delivery) - 1
    )


def test_a_busy_database_fails_the_delivery(api: Api) -> None:
    fill(api)
    delivery = records(api.store)

    with without_pauses(), faults(api.store.client, lambda call: Fault.THROTTLE):
        failed = deliver(delivery)

    assert failed == [one["dynamodb"]["SequenceNumber"] for one in delivery]


@pytest.mark.parametrize("epoch", ["alone", "with one that is built"])
@pytest.mark.parametrize("fault", Fault)
def test_a_delivery_that_breaks_off_at_any_call_counts_once(
    api: Api, fault: Fault, epoch: str
) -> None:
    fill(api)
    delivery = records(api.store)
    if epoch != "alone":
        api.store.put_all({api.store.keys.projection(): {"epoch": 1, "building": 2}})
    expected = recounted(api.store)
    number = 0
    while True:
        made = 0
        with without_pauses(), faults(api.store.client, nth(number, fault)) as calls:
            try:
                failed = deliver(delivery)
            except Crash:
                failed = ["all"]
            made = len(calls)
        if failed:
            assert deliver(delivery) == []
        assert stored(api.store) == expected
        if epoch != "alone":
            assert stored(api.store, epoch=2) == expected
        if made <= number:
            break
        clear(api.store)
        number += 1
    assert number > 4


def clear(store: Store) -> None:
    """Take away what is projected."""
    kinds = ("TIMELINE", "NAMES", "QUANTITY", "VALUES", "PARTS", "PASTS")
    store.delete_all(
        keys.Key(item[keys.PARTITION], item[keys.SORT])
        for item in list(scan(store))
        if item[keys.PARTITION].split("#")[1] in kinds
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_random_deliveries_count_once(seed: int) -> None:
    """Repeated, split, bisected and reordered, with conflicts, and with crashes in between."""
    chance = random.Random(seed)
    with inline_engine.table() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        api = caller(store)
        fill(api)
        pending = records(store)
        while pending:
            delivery = chance.choices(records(store), k=chance.randint(1, 12))
            with without_pauses(), faults(store.client, lambda call: accident(chance)):
                try:
                    failed = deliver(delivery)
                except Crash:
                    continue
            done = {identity(one) for one in delivery if number_of(one) not in failed}
            pending = [one for one in pending if identity(one) not in done]

        assert stored(store) == recounted(store)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_deliveries_that_meet_in_shared_blocks_count_once(seed: int) -> None:
    """Pages of two minutes, in blocks of two processes and their own, come again and meet.

    A delivery is worked off whole in the middle of another one, between any two of its calls.
    """
    chance = random.Random(seed)
    with inline_engine.table() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        patch.setattr(blocks, "of_next_page", lambda _: chance.choice([None, "a1", "b1", "b2"]))
        api = caller(store)
        meters(api)
        for number in range(24):
            moment = START + timedelta(seconds=5 * number)
            api.ingest(event(number, f"user_{number % 3}", timestamp=moment.isoformat()))
        every = records(store)
        delivered: set[str] = set()

        def work_off() -> None:
            delivery = chance.choices(every, k=chance.randint(1, 12))
            try:
                failed = deliver(delivery)
            except Crash:
                return
            delivered.update(identity(one) for one in delivery if number_of(one) not in failed)

        met = False

        def plan(call: Call) -> Fault | None:
            nonlocal met
            if not met and chance.random() < 0.3:
                met = True
                work_off()
                met = False
            return accident(chance)

        expected = recounted(store)
        with without_pauses(), faults(store.client, plan):
            while len(delivered) < len(every):
                work_off()

        assert stored(store) == expected


def test_a_block_of_more_pages_than_a_condition_takes_is_projected(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "of_next_page", lambda _: "crowded")
    api.young_meter()
    for _ in range(projector.MAX_MARKS + 5):
        api.ingest(event(0))
    delivery = records(api.store)

    with faults(api.store.client) as calls:
        assert deliver(delivery) == []
        assert deliver(delivery) == []

    # The marks that are there are read, once for each attempt to add what was added.
    assert calls.operations().count("TransactWriteItems") == 2 + 1
    assert stored(api.store) == recounted(api.store)


def test_ten_pages_of_one_process_are_marked_by_one_write(api: Api) -> None:
    blocks.__init__()  # type: ignore[misc]
    api.young_meter()
    for _ in range(PAGES_OF_A_BLOCK):
        api.ingest(event(0))
    delivery = records(api.store)

    with faults(api.store.client) as calls, consumption(api.store.client) as consumed:
        assert deliver(delivery) == []

    # A block of 1 KB, the customer's name and day, and everyone's: two units for each.
    assert calls.operations().count("TransactWriteItems") == 1
    assert sum(one.write for one in consumed) == 2 * (1 + 2 + 2)


def accident(chance: random.Random) -> Fault | None:
    return chance.choice(list(Fault)) if chance.random() < 0.1 else None


def caller(store: Store) -> Api:
    organization_id = organizations.create(store, "Test")
    token, _ = tokens.create(store.of(organization_id))
    return Api(store.of(organization_id), token)


def number_of(delivered: dict[str, Any]) -> str:
    sequence_number: str = delivered["dynamodb"]["SequenceNumber"]
    return sequence_number


def identity(delivered: dict[str, Any]) -> str:
    return str(delivered["dynamodb"]["Keys"])


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_AFTER])
def test_a_page_of_many_names_is_projected_in_parts_and_counts_once(api: Api, fault: Fault) -> None:
    meters(api)
    api.ingest(*(event(0, name=f"name {one}") for one in range(120)), event(0), event(0))
    (delivery,) = records(api.store)
    expected = recounted(api.store)
    for number in range(12):
        with without_pauses(), faults(api.store.client, nth(number, fault)):
            try:
                deliver([delivery])
            except Crash:
                assert deliver([delivery]) == []
        assert deliver([delivery]) == []
        assert stored(api.store) == expected
        clear(api.store)


def test_two_epochs_are_written_while_one_is_built(api: Api) -> None:
    fill(api)
    api.store.put_all({api.store.keys.projection(): {"epoch": 3, "building": 4}})

    project_all(api.store)

    assert stored(api.store, epoch=3) == stored(api.store, epoch=4) == recounted(api.store)
    assert stored(api.store) == {}


def test_pages_are_projected_many_in_a_transaction(api: Api) -> None:
    api.young_meter()
    for number in range(30):
        api.ingest(event(0, f"user_{number}"))
    delivery = records(api.store)

    with faults(api.store.client) as calls:
        assert deliver(delivery) == []

    # Each page has an entry, and a name and a day in its own ledger; all have one of each.
    assert calls.operations().count("TransactWriteItems") == 1
    assert projector.MAX_SUBJECTS == 49
