"""Rankings: a meter's customers by what they have left, in calls that do not grow with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from aureon.audit import nightly
from aureon.audit.nightly import Job
from aureon.core import times
from aureon.domain import ranks
from aureon.storage import keys
from aureon.storage.store import Store
from tests.support import backfill_jobs
from tests.support.faults import Call, Crash, Fault, faults
from tests.support.handlers import Api
from tests.support.projected import deliver, project_all, record
from tests.support.recount import scan

FAULTS = (Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_AFTER, Fault.CONFLICT)


def use(api: Api, customer_id: str, *units: Any, **more: Any) -> None:
    event = {"name": "api_usage", "customer_id": customer_id, **more}
    reply = api.ingest(*({**event, "metadata": {"units": each}} for each in units))
    assert reply.status == 200, reply.body


def fill(api: Api, *lefts: Any) -> tuple[str, list[str]]:
    """Customers who have so much left, or are over by it where it is negative."""
    meter_id = api.meter()
    customers = [api.customer(f"{number}@example.com") for number in range(len(lefts))]
    for customer_id, left in zip(customers, lefts, strict=True):
        use(api, customer_id, *((-5, 5) if left == 0 else (-left,)))
    project_all(api.store)
    return meter_id, customers


def listed(api: Api, meter_id: str, **asked: Any) -> list[Any]:
    """What the balances of all parts of a list are, as what is left."""
    return [-Decimal(one["balance"]) for one in parts(api, meter_id, **asked)]


def parts(api: Api, meter_id: str, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        reply = api.get(f"/v1/meters/{meter_id}/customers", **asked, **after)
        assert reply.status == 200, reply.text
        found += reply.body["items"]
        if reply.body["next"] is None:
            return found
        after = {"after": reply.body["next"]}


def counts(api: Api, meter_id: str) -> tuple[int, int, int]:
    found = api.get(f"/v1/meters/{meter_id}/customers", limit=1).body["counts"]
    return found["over"], found["empty"], found["left"]


def assert_ranked(store: Store, api: Api, meter_id: str) -> None:
    """The stored entries are those of the balances as they are, and so are the counts."""
    entries = sorted(
        str(item[keys.SORT])
        for item in scan(store)
        if f"#RANKING#{meter_id}#" in item[keys.PARTITION] and item[keys.SORT] != "COUNT"
    )
    everyone = api.get("/v1/customer-meters/", meter_id=meter_id, limit=100).body["items"]
    assert entries == sorted(
        f"{ranks.rank(-Decimal(one['balance']))}#{one['customer_id']}" for one in everyone
    )
    by_status = [ranks.STATUSES[int(entry[0])] for entry in entries]
    assert counts(api, meter_id) == tuple(map(by_status.count, ranks.STATUSES))


def test_customers_are_listed_by_what_they_have_left(api: Api) -> None:
    lefts: list[Decimal | int] = [3, Decimal("0.5"), 0, -2, 1000, 12, -700, 30, 31]
    meter_id, _ = fill(api, *lefts)

    for limit in (2, 100):
        assert listed(api, meter_id, limit=limit) == sorted(lefts)
        assert listed(api, meter_id, limit=limit, sorting="-left") == sorted(lefts, reverse=True)
        assert listed(api, meter_id, limit=limit, status="over") == [-700, -2]
        assert listed(api, meter_id, limit=limit, status="empty") == [0]
        low = listed(api, meter_id, limit=limit, status="left", left_at_most="30")
        assert low == [Decimal("0.5"), 3, 12, 30]
        assert listed(api, meter_id, limit=limit, left_at_most="0") == [-700, -2, 0]
        assert listed(api, meter_id, limit=limit, left_at_most="-100") == [-700]
        assert listed(api, meter_id, limit=limit, status="empty", left_at_most="-1") == []
    assert counts(api, meter_id) == (2, 1, 6)


def test_a_part_of_the_list_takes_as_many_calls_among_few_as_among_many(api: Api) -> None:
    meter_id, _ = fill(api, *range(1, 6))
    path = f"/v1/meters/{meter_id}/customers"
    api.get(path, limit=5)

    def calls() -> int:
        with faults(api.store.client) as made:
            assert len(api.get(path, limit=5).body["items"]) == 5
        return len(made.operations())

    few = calls()
    for number in range(60):
        use(api, api.customer(f"more-{number}@example.com"), -1000 - number)
    project_all(api.store)

    assert calls() == few <= 5 * 3 + 8


def test_what_is_shown_is_exact_where_the_order_is_not_yet(api: Api) -> None:
    meter_id, (poor, rich) = fill(api, 5, 500)
    use(api, poor, -1_000)
    use(api, rich, 500)

    assert listed(api, meter_id) == [0, 1005]
    assert listed(api, meter_id, status="left") == [1005]
    project_all(api.store)
    assert listed(api, meter_id, status="empty") == [0]


def test_a_little_usage_writes_nothing(api: Api, store: Store) -> None:
    _, (customer_id,) = fill(api, 1_190)
    use(api, customer_id, 1)
    with faults(store.client) as calls:
        project_all(store)
    written = [call for call in calls.made if "#RANK" in str(call.parameters)]
    assert [call.operation for call in written] == ["GetItem"]
    use(api, customer_id, 100)
    with faults(store.client) as calls:
        project_all(store)
    written = [call for call in calls.made if "#RANK" in str(call.parameters)]
    assert [call.operation for call in written] == ["GetItem", "TransactWriteItems"]


def test_rates_say_how_long_credits_last(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    now = times.from_text("2026-11-24T12:07:00.000000Z")
    monkeypatch.setattr(times, "now", lambda: now)
    meter_id, (idle, busy) = fill(api, 10, 1_000)
    for days, units in ((0, 30), (6, 40), (8, 100), (29, 60), (31, 500)):
        use(api, busy, units, timestamp=times.to_text(now - timedelta(days=days)))
    project_all(api.store)

    first, second = parts(api, meter_id)

    assert first["customer_id"] == idle
    assert [(rate["used_units"], rate["lasts_days"]) for rate in first["rates"]] == [(0, None)] * 2
    # 270 are left: 70 a week, and 230 in 30 days.
    assert second["rates"] == [
        {"days": 7, "used_units": 70, "lasts_days": 27},
        {"days": 30, "used_units": 230, "lasts_days": 35},
    ]


def test_who_is_deleted_leaves_the_list_at_once(api: Api, store: Store) -> None:
    meter_id, (gone, _) = fill(api, 5, 7)
    assert api.delete(f"/v1/customers/{gone}").status == 204
    assert listed(api, meter_id) == [7]
    assert_ranked(store, api, meter_id)


def test_the_night_tells_lists_what_nothing_has_told_them(api: Api, store: Store) -> None:
    meter_id = api.meter()
    api.ingest({"name": "api_usage", "external_customer_id": "early", "metadata": {"units": -7}})
    gone = api.customer("gone@example.com")
    use(api, gone, -3)
    project_all(store)
    api.customer("early@example.com", external_id="early")
    assert counts(api, meter_id) == (0, 0, 1)

    def plan(call: Call) -> Fault | None:
        return Fault.CONFLICT if "#RANKING#" in str(call.parameters) else None

    with faults(store.client, plan):
        assert api.delete(f"/v1/customers/{gone}").status == 204
    assert (listed(api, meter_id), counts(api, meter_id)) == ([], (0, 0, 1))

    assert nightly.add_up(store, Job(api.organization_id, owed={})) is None

    assert listed(api, meter_id) == [7]
    assert_ranked(store, api, meter_id)


def test_a_new_meter_ranks_its_past(api: Api, store: Store) -> None:
    _, (customer_id,) = fill(api, 5)
    with backfill_jobs.jobs() as jobs:
        late = api.young_meter()
        jobs.work_off()
    assert listed(api, late) == [5], customer_id
    assert_ranked(store, api, late)


def test_an_archived_meter_lists_nobody_and_others_have_no_such_list(api: Api) -> None:
    meter_id, _ = fill(api, 5)
    assert api.patch(f"/v1/meters/{meter_id}", {"is_archived": True}).status == 200
    assert listed(api, meter_id) == []
    greatest = api.meter(func="max", property="units")
    assert api.get(f"/v1/meters/{greatest}/customers").status == 422
    assert api.get("/v1/meters/none/customers").status == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "rich"),
        ("left_at_most", "1e400"),
        ("left_at_most", "NaN"),
        ("sorting", "balance"),
        ("after", "2~"),
        ("after", "25010#../../x"),
        ("limit", "0"),
    ],
)
def test_what_is_no_part_of_a_list_is_named(api: Api, name: str, value: str) -> None:
    meter_id, _ = fill(api, 5)
    reply = api.get(f"/v1/meters/{meter_id}/customers", **{name: value})
    assert reply.status == 422
    assert ("query", name) in reply.problems()


@pytest.mark.parametrize("seed", range(4))
def test_ranks_are_those_of_the_balances_whatever_happens_at_once(
    api: Api, store: Store, seed: int
) -> None:
    meter_id, customers = fill(api, 5, 0, -3)
    random = Random(seed)

    def plan(call: Call) -> Fault | None:
        failing = call.operation != "Scan" and random.random() < 0.1
        return random.choice(FAULTS) if failing else None

    def deliver_some(own: Random) -> None:
        with suppress(Crash):
            pages = [item for item in scan(store) if "#LOG#" in item[keys.PARTITION]]
            deliver([record(item) for item in own.sample(pages, k=min(3, len(pages)))])

    def act(number: int) -> None:
        own = Random(100 * seed + number)
        for _ in range(8):
            try:
                use(api, own.choice(customers), own.choice([-9, 1, 4, 30]))
            except (Crash, AssertionError):
                continue
            deliver_some(own)

    with faults(store.client, plan), ThreadPoolExecutor(4) as threads:
        list(threads.map(act, range(4)))
    project_all(store)
    assert_ranked(store, api, meter_id)
