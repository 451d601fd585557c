"""Statements: each line is in the log, the balances run, and the past costs nothing."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from aureon.access.tokens import SCOPES as EVERY_SCOPE
from aureon.ledger.sweep import sweep
from tests.integration.credits.test_refunds import refunded, take_back
from tests.support.clock import Clock
from tests.support.credit_makers import SHAPES, Shape, capture, hold, shaped_customer, spend
from tests.support.faults import Call, faults
from tests.support.grant_makers import DAY, HOUR, balance, given, in_
from tests.support.handlers import Api, Reply
from tests.support.makers import usage


def ask(api: Api, customer: str, **query: Any) -> Reply:
    (meter,) = api.get(f"/v1/customers/{customer}/state").body["active_meters"]
    return api.get(f"/v1/customer-meters/{customer}.{meter['meter_id']}/statement", **query)


def read(api: Api, customer: str, **query: Any) -> dict[str, Any]:
    reply = ask(api, customer, **query)
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.body
    return found


def all_pages(api: Api, customer: str, **query: Any) -> list[dict[str, Any]]:
    pages = [read(api, customer, **query)]
    while pages[-1]["next"] is not None:
        pages.append(read(api, customer, **{**query, "after": pages[-1]["next"]}))
    return pages


def assert_adds_up(found: dict[str, Any]) -> None:
    kinds = ("grant", "usage", "refund", "lapse", "void")
    changed = sum(found[f"{kind}_units"] for kind in kinds)
    assert found["opening_balance"] + changed == found["closing_balance"]


def test_a_statement_says_of_each_change_what_made_it(
    api: Api, customer: str, clock: Clock
) -> None:
    lot = given(api, 10, external_id="order-1", expires_at=in_(DAY))
    plain = given(api, 5)
    clock.seconds = 60
    spent = spend(api, 3, external_id="reply-1").body["id"]
    hold_id = hold(api, 4, "reply-2").body["id"]
    clock.seconds = 120
    capture(api, hold_id, 2)
    api.ingest(usage(1, external_id="call-1"))
    clock.seconds = 180
    refunded(api, event_id=spent, units=1, external_id="refund-1", reason="Broken")
    take_back(api, plain["id"])
    clock.seconds = DAY + HOUR

    found = read(api, customer)
    assert [(one["kind"], one["units"], one["balance"]) for one in found["lines"]] == [
        ("grant", -10, -10),
        ("grant", -5, -15),
        ("usage", 3, -12),
        ("usage", 2, -10),
        ("usage", 1, -9),
        ("refund", -1, -10),
        ("void", 5, -5),
        ("lapse", 5, 0),
    ]
    calls = [
        {
            name: value
            for name, value in one["call"].items()
            if value is not None and name != "actor"
        }
        for one in found["lines"]
    ]
    assert calls == [
        {"kind": "grant", "external_id": "order-1", "grant_id": lot["id"]},
        {"kind": "grant"},
        {"kind": "spend", "external_id": "reply-1"},
        {"kind": "capture", "external_id": "reply-2", "hold_id": hold_id},
        {"kind": "ingest", "external_id": "call-1"},
        {
            "kind": "refund",
            "external_id": "refund-1",
            "event_id": spent,
            "reason": "Broken",
        },
        {"kind": "refund", "event_id": plain["id"]},
        {"kind": "boundary", "grant_id": lot["id"]},
    ]
    assert (found["opening_balance"], found["closing_balance"]) == (0, 0)
    assert_adds_up(found)
    # What nobody has passed yet is told as the log will have it.
    sweep(api.store)
    assert read(api, customer)["lines"] == found["lines"]
    for line in found["lines"]:
        assert api.get(f"/v1/events/{line['event_id']}").body["name"] == line["name"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_statement_of_any_part_is_that_part_of_the_whole(
    api: Api, clock: Clock, shape: Shape
) -> None:
    random_ = random.Random(shape)
    customer = shaped_customer(api, shape)
    for _ in range(30):
        clock.seconds += random_.randrange(2 * HOUR)
        if random_.random() < 0.2:
            given(api, random_.randint(1, 5), expires_in_seconds=9_000)
        else:
            late = random_.choice([{}, {"timestamp": in_(clock.seconds - random_.randrange(DAY))}])
            api.ingest(usage(random_.randint(1, 3), **late))
    clock.seconds += 1
    whole = read(api, customer, start=in_(-2 * DAY), limit=1000)
    assert whole["closing_balance"] == balance(api, customer)["balance"]
    assert whole["opening_balance"] == 0
    assert_adds_up(whole)
    lines = whole["lines"]
    assert [one["timestamp"] for one in lines] == sorted(one["timestamp"] for one in lines)

    for _ in range(6):
        first, last = sorted(random_.sample(range(int(clock.seconds)), 2))
        pages = all_pages(api, customer, start=in_(first), end=in_(last), limit=3)
        part = [line for page in pages for line in page["lines"]]
        assert part == [one for one in lines if in_(first) <= one["timestamp"] < in_(last)]
        assert {page["closing_balance"] for page in pages} == {pages[0]["closing_balance"]}
        assert_adds_up(pages[0])
        if part:
            assert part[-1]["balance"] == pages[-1]["closing_balance"]


def test_days_are_those_of_the_time_zone_and_come_in_pages(
    api: Api, customer: str, clock: Clock
) -> None:
    for day in range(5):
        for hour in (1, 23):
            clock.seconds = day * DAY + hour * HOUR
            given(api, 10)
            api.ingest(usage(hour))
    clock.seconds += 1

    pages = all_pages(api, customer, by="day", timezone="Asia/Tokyo", limit=2)
    days = [day for page in pages for day in page["days"]]
    lines = read(api, customer)["lines"]
    assert len(pages) == 3
    assert [day["usage_units"] for day in days] == [1, 24, 24, 24, 24, 23]
    assert [day["grant_units"] for day in days] == [-10, -20, -20, -20, -20, -10]
    for before, after in pairwise(days):
        assert before["closing_balance"] == after["opening_balance"]
    for day in days:
        assert_adds_up(day)
    assert days[-1]["closing_balance"] == lines[-1]["balance"] == pages[0]["closing_balance"]


@pytest.mark.parametrize("by", ["event", "day"])
def test_the_rows_of_all_pages_are_one_file(api: Api, customer: str, clock: Clock, by: str) -> None:
    for number in range(5):
        clock.seconds = number * DAY
        given(api, 10, external_id=f"=SUM({number})")
    clock.seconds += 1

    text = ""
    after: dict[str, str] = {}
    while True:
        reply = ask(api, customer, format="csv", by=by, limit=2, **after)
        assert reply.headers["Content-Type"].startswith("text/csv")
        text += reply.text
        if "X-Next-After" not in reply.headers:
            break
        assert 'rel="next"' in reply.headers["Link"]
        after = {"after": reply.headers["X-Next-After"]}
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 5
    if by == "event":
        assert [row["balance"] for row in rows] == ["-10", "-20", "-30", "-40", "-50"]
        assert rows[0]["external_id"] == "'=SUM(0)"


def test_what_came_before_costs_nothing(api: Api, customer: str, clock: Clock) -> None:
    def calls() -> list[str]:
        with faults(api.store.client) as made:
            found = read(api, customer, start=in_(100 * DAY))
        assert len(found["lines"]) == 3
        return [call.operation for call in made.made]

    clock.seconds = 101 * DAY
    for _ in range(3):
        api.ingest(usage(1))
    clock.seconds += 1
    calls()
    before = calls()
    for hour in range(60):
        api.ingest(usage(1, timestamp=in_(hour * HOUR)))
    assert calls() == before


def test_a_balance_that_moves_is_read_again_or_not_explained(
    api: Api, customer: str, clock: Clock
) -> None:
    given(api, 10)
    clock.seconds = 10
    moved = 0

    def plan(call: Call) -> None:
        nonlocal moved
        if call.operation == "Query" and "LOG" in str(call.parameters["body"]) and moved < most:
            moved += 1
            api.ingest(usage(1))

    most = 2
    with faults(api.store.client, plan):
        found = read(api, customer, end=in_(20))
    assert found["opening_balance"] == 0
    assert_adds_up(found)
    most = 1_000
    with faults(api.store.client, plan):
        reply = ask(api, customer)
    assert reply.status == 503
    assert reply.headers["Retry-After"]


def test_what_cannot_be_explained_is_refused(api: Api, customer: str) -> None:
    given(api, 10)
    (meter,) = api.get("/v1/meters/").body["items"]
    path = f"/v1/customer-meters/{customer}.{meter['id']}/statement"
    for query in (
        {"start": "yesterday"},
        {"start": in_(DAY), "end": in_(0)},
        {"by": "week"},
        {"format": "pdf"},
        {"timezone": "Berlin"},
        {"after": "none"},
        {"after": "WzFd"},
        {"limit": 0},
    ):
        refused = api.get(path, **query)
        (place,) = refused.problems()
        assert place[0] == "query"
    greatest = api.meter(func="max", property="units")
    assert api.get(f"/v1/customer-meters/{customer}.{greatest}/statement").status == 422
    assert api.get(f"/v1/customer-meters/{customer}.none/statement").status == 404
    assert api.get(f"/v1/customer-meters/none.{meter['id']}/statement").status == 404
    young = api.young_meter()
    assert api.get(f"/v1/customer-meters/{customer}.{young}/statement").status in (200, 503)


def test_a_statement_and_an_event_say_who_decided_and_what_they_noted(
    api: Api, customer: str, clock: Clock
) -> None:
    token_id = api.get("/v1/tokens/current").body["token_id"]
    by = {"token_id": token_id, "token_name": "Ada's"}
    named = api.post("/v1/tokens/", {"name": "Ada's", "scopes": sorted(EVERY_SCOPE)}).body
    ada = replace(api, token=named["token"])
    by["token_id"] = named["id"]
    plain = given(ada, 5, note="Order 7", external_id="plain")
    lot = given(ada, 10, expires_at=in_(DAY), note="Welcome")
    api.ingest(usage(1))
    spent = spend(ada, 3, external_id="s1").body
    refunded(ada, event_id=spent["id"], units=1)
    take_back(ada, lot["id"])
    clock.seconds = 60

    lines = read(api, customer)["lines"]

    assert [(line["kind"], line["note"], line["call"]["actor"]) for line in lines] == [
        ("grant", "Order 7", by),
        ("grant", "Welcome", by),
        ("usage", None, None),
        ("usage", None, by),
        ("refund", None, by),
        ("void", None, by),
    ]
    table = csv.DictReader(io.StringIO(ask(api, customer, format="csv").text))
    assert [(row["actor"], row["note"]) for row in table][:2] == [
        ("Ada's", "Order 7"),
        ("Ada's", "Welcome"),
    ]
    for id_, note in ((plain["id"], "Order 7"), (lot["id"], "Welcome"), (spent["id"], None)):
        event = api.get(f"/v1/events/{id_}").body
        assert (event["actor"], event["note"]) == (by, note)
    for id_ in (lot["id"], spent["id"]):
        (refund,) = api.get(f"/v1/events/{id_}").body["refunds"]
        assert refund["actor"] == by


def test_nobody_has_decided_what_expired(api: Api, customer: str, clock: Clock) -> None:
    given(api, 10, expires_at=in_(HOUR))
    clock.seconds = 2 * 3_600
    api.post("/v1/credits/spend", usage(0))
    lapse = read(api, customer)["lines"][-1]
    assert (lapse["kind"], lapse["call"]["actor"]) == ("lapse", None)
