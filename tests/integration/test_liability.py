"""Liability: what customers have left, and what they used beyond it, is the sum of balances."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from aureon.audit import nightly
from aureon.audit.nightly import Job
from aureon.core import times
from aureon.reads import liability
from tests.integration.test_nightly_audit import enough, hurried
from tests.support.handlers import Api, invoke
from tests.support.projected import project_all


def use(api: Api, customer: str, *units: Any, name: str = "api_usage") -> None:
    reply = api.ingest(
        *(
            {"name": name, "external_customer_id": customer, "metadata": {"units": each}}
            for each in units
        )
    )
    assert reply.status == 200, reply.body


def fill(api: Api) -> str:
    """Customers with credits, without, over, deleted; a ghost, and one with two ledgers."""
    meter_id = api.meter()
    api.meter("other")
    for number in range(3):
        api.customer(f"{number}@example.com", external_id=f"user_{number}")
    use(api, "user_0", -10, Decimal("2.5"))
    use(api, "user_1", -5, 9)
    use(api, "user_2", 100)
    use(api, "ghost", -1)
    use(api, "early", -20)
    linked = api.customer("linked@example.com")
    event = {"name": "api_usage", "customer_id": linked, "metadata": {"units": 4}}
    assert api.ingest(event).status == 200
    assert api.patch(f"/v1/customers/{linked}", {"external_id": "early"}).status == 200
    use(api, "gone", -1_000)
    gone = api.customer("gone@example.com", external_id="gone")
    assert api.delete(f"/v1/customers/{gone}").status == 204
    use(api, "user_0", -7, name="other")
    project_all(api.store)
    return meter_id


def today(api: Api, meter_id: str) -> Any:
    now = times.now()
    reply = api.get(
        f"/v1/meters/{meter_id}/credits",
        start_timestamp=times.to_text(now - timedelta(days=1)),
        end_timestamp=times.to_text(now),
    )
    assert reply.status == 200, reply.body
    return reply.body["items"][-1]


OWED = {
    "outstanding_units": Decimal("7.5") + 1 + 16,
    "overage_units": 4,
    "customers_with_credits": 3,
    "customers_over": 1,
}


def test_what_is_owed_is_the_sum_of_what_each_customer_has(api: Api) -> None:
    meter_id = fill(api)
    before = today(api, meter_id)
    assert {before[name] for name in (*OWED, "counted_at")} == {None}

    assert liability.Liability(api.store).run()

    found = today(api, meter_id)
    assert {name: found[name] for name in OWED} == OWED
    assert (found["granted_units"], found["used_units"]) == (1_036, Decimal("115.5"))
    assert found["counted_at"] is not None


def test_a_count_that_runs_out_of_time_goes_on_and_comes_to_the_same(api: Api) -> None:
    meter_id = fill(api)
    job: Job | None = Job(api.organization_id, owed={})
    jobs = 0
    while job is not None:
        job = Job.from_body(job.to_body())
        job = nightly.add_up(hurried(api.store, 12), job)
        jobs += 1
        assert jobs < 100

    assert jobs > 2
    found = today(api, meter_id)
    assert {name: found[name] for name in OWED} == OWED


def test_a_job_that_is_delivered_twice_counts_nobody_twice(api: Api) -> None:
    meter_id = fill(api)
    record = {"messageId": "owed", "body": Job(api.organization_id, owed={}).to_body()}
    for _ in range(2):
        assert not invoke("nightly_audit", {"Records": [record]}, enough())["batchItemFailures"]

    assert {name: today(api, meter_id)[name] for name in OWED} == OWED


def test_a_night_counts_every_organization_and_none_that_is_gone(api: Api) -> None:
    assert nightly.add_up(api.store, Job("01a20000-0000-7000-8000-000000000000", owed={})) is None
    gone = api.store.of("01a20000-0000-7000-8000-000000000000")
    assert list(gone.query(gone.keys.liabilities())) == []


def test_an_average_has_no_credits_and_a_time_has_its_bounds(api: Api) -> None:
    average = api.meter(func="avg", property="units")
    now = times.now()
    days = {"start_timestamp": times.to_text(now), "end_timestamp": times.to_text(now)}
    assert api.get(f"/v1/meters/{average}/credits", **days).problems() == {("path", "id")}
    meter_id = api.meter()
    path = f"/v1/meters/{meter_id}/credits"
    late = days | {"start_timestamp": times.to_text(now + timedelta(days=1))}
    long = days | {"start_timestamp": times.to_text(now - timedelta(days=400))}
    for wrong in (late, long, {"start_timestamp": days["start_timestamp"]}):
        assert api.get(path, **wrong).problems() == {("query", "end_timestamp")}
    assert api.get("/v1/meters/none/credits", **days).status == 404


def test_owed_adds_up() -> None:
    owed = liability.Owed().plus(Decimal(-2)).plus(Decimal(3)).plus(Decimal(0))
    assert owed == liability.Owed(Decimal(2), Decimal(3), 1, 1)
    assert liability.Owed.from_item(owed.to_item()) == owed
    assert replace(Job("org"), owed=None).to_body()
