"""Events: listed newest first, found by every filter and by their ids, and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aureon.access import tokens
from aureon.api import runtime
from aureon.reads import events
from tests.integration.test_projector import caller
from tests.support import inline_engine
from tests.support.costs import cost
from tests.support.faults import faults
from tests.support.handlers import Api, Reply
from tests.support.projected import project_all

START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def event(minutes: float, customer: str = "user_1", **more: Any) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "external_customer_id": customer,
        "timestamp": at(minutes),
        "metadata": {"minute": int(minutes)},
        **more,
    }


def minutes(reply: Reply) -> list[Any]:
    assert reply.status == 200, reply.body
    return [item["metadata"]["minute"] for item in reply.body["items"]]


@pytest.fixture(params=["of everyone", "of a customer", "of an external id"])
def named(request: pytest.FixtureRequest, api: Api) -> dict[str, str]:
    """Ways to ask for the events of one customer, who has all there are."""
    customer_id = api.customer("user@example.com", external_id="user_1")
    return {
        "of everyone": {},
        "of a customer": {"customer_id": customer_id},
        "of an external id": {"external_customer_id": "user_1"},
    }[request.param]


def test_events_are_listed_newest_first_and_late_ones_in_their_place(
    api: Api, named: dict[str, str]
) -> None:
    api.ingest(event(100), event(10), event(170))
    api.ingest(event(11))
    api.ingest(event(165), event(-5))
    project_all(api.store)

    assert minutes(api.get("/v1/events/", **named)) == [170, 165, 100, 11, 10, -5]
    oldest_first = api.get("/v1/events/", sorting="timestamp", **named)
    assert minutes(oldest_first) == [-5, 10, 11, 100, 165, 170]


def test_pages_of_a_list_fit_together(api: Api, named: dict[str, str]) -> None:
    for first in range(0, 60, 5):
        api.ingest(*(event(one * 13 % 600) for one in range(first, first + 5)))
    project_all(api.store)

    pages = [api.get("/v1/events/", page=page, limit=7, **named) for page in range(1, 11)]

    assert [minute for page in pages for minute in minutes(page)] == sorted(
        (one * 13 % 600 for one in range(60)), reverse=True
    )
    assert {page.body["pagination"]["total_count"] for page in pages} == {60}
    assert {page.body["pagination"]["max_page"] for page in pages} == {9}


FILTERS: Final[list[tuple[dict[str, Any], list[int]]]] = [
    ({"start_timestamp": at(30)}, [90, 60, 30]),
    ({"end_timestamp": at(60)}, [30, 0]),
    ({"start_timestamp": at(30), "end_timestamp": at(60)}, [30]),
    ({"start_timestamp": at(31), "end_timestamp": at(59)}, []),
    ({"name": "page_view"}, [30]),
    ({"name": ["page_view", "api_usage"]}, [90, 60, 30, 0]),
    ({"name": "nothing"}, []),
    ({"source": "user"}, [90, 60, 30, 0]),
    ({"source": "system"}, []),
    ({"parent_id": "e-60"}, [90]),
    ({"parent_id": ["e-61", "e-60"], "metadata[model]": "y"}, []),
    ({"query": "PAGE"}, [30]),
    ({"query": "e-60"}, [60]),
    ({"query": "USER_1"}, [90, 60, 30, 0]),
    ({"metadata[model]": "x"}, [90, 30]),
    ({"metadata[model]": ["x", "y"]}, [90, 60, 30]),
    ({"metadata[model]": "x", "metadata[minute]": "30"}, [30]),
    ({"metadata[paid]": "true"}, [0]),
    ({"name": "api_usage", "metadata[model]": "x", "start_timestamp": at(0)}, [90]),
    ({"customer_id": "nobody"}, []),
    ({"external_customer_id": "nobody"}, []),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=lambda value: str(value))
def test_every_filter_chooses_events(
    api: Api, named: dict[str, str], filters: dict[str, Any], expected: list[int]
) -> None:
    api.ingest(
        event(0, metadata={"minute": 0, "paid": True}),
        event(30, name="page_view", metadata={"minute": 30, "model": "x"}),
        event(60, external_id="e-60", metadata={"minute": 60, "model": "y"}),
        event(90, metadata={"minute": 90, "model": "x"}, parent_id="e-60"),
    )
    project_all(api.store)

    found = api.get("/v1/events/", **(named | filters))

    assert minutes(found) == expected
    assert found.body["pagination"]["total_count"] == len(expected)


def test_a_meter_chooses_the_events_that_pass_its_filter(api: Api, named: dict[str, str]) -> None:
    api.ingest(event(0), event(1, name="page_view"))
    meter_id = api.meter("page_view")
    project_all(api.store)

    assert minutes(api.get("/v1/events/", meter_id=meter_id, **named)) == [1]
    for nobodys in ("none", ""):
        refused = api.get("/v1/events/", meter_id=nobodys, **named)
        assert refused.problems() == {("query", "meter_id")}


@pytest.mark.parametrize(
    ("filters", "place"),
    [
        ({"start_timestamp": "2026-11-01"}, "start_timestamp"),
        ({"end_timestamp": "soon"}, "end_timestamp"),
        ({"sorting": "name"}, "sorting"),
        ({"sorting": ["timestamp", "name"]}, "sorting"),
        ({"page": "0"}, "page"),
    ],
)
def test_a_filter_that_is_none_is_refused(api: Api, filters: dict[str, Any], place: str) -> None:
    assert api.get("/v1/events/", **filters).problems() == {("query", place)}


def test_customers_are_chosen_by_every_way_that_names_them(api: Api) -> None:
    first = api.customer("first@example.com", external_id="user_1")
    second = api.customer("second@example.com")
    api.ingest(event(1), event(2, "user_2"), event(3, "user_3"))
    linked = {"name": "n", "customer_id": second, "timestamp": at(4), "metadata": {"minute": 4}}
    api.ingest(linked)
    api.patch(f"/v1/customers/{second}", {"external_id": "user_2"})
    project_all(api.store)

    def found(**named: Any) -> list[Any]:
        return minutes(api.get("/v1/events/", **named))

    assert found() == [4, 3, 2, 1]
    assert found(customer_id=first) == [1]
    assert found(customer_id=second) == found(external_customer_id="user_2") == [4, 2]
    assert found(customer_id=[first, second]) == [4, 2, 1]
    assert found(external_customer_id=["user_3", "user_2"]) == [4, 3, 2]
    assert found(external_customer_id=["user_1", "user_3"], customer_id=[first, second]) == [1]


def test_a_customers_events_are_there_at_once_and_the_total_is_never_less(api: Api) -> None:
    customer_id = api.customer("user@example.com", external_id="user_1")
    api.ingest(*(event(one) for one in range(5)))
    project_all(api.store)
    api.ingest(*(event(one) for one in range(5, 30)))

    found = api.get("/v1/events/", customer_id=customer_id)

    assert minutes(found) == list(range(29, 19, -1))
    assert found.body["pagination"] == {"total_count": 11, "max_page": 2}
    assert len(minutes(api.get("/v1/events/", customer_id=customer_id, limit=100))) == 30


def test_counting_stops_somewhere_but_always_leads_to_the_next_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_COUNTED", 20)
    customer_id = api.customer("user@example.com", external_id="user_1")
    for first in range(0, 100, 10):
        api.ingest(
            *(event(one, metadata={"minute": one, "a": 1}) for one in range(first, first + 10))
        )
    filters = {"customer_id": customer_id, "metadata[a]": "1", "limit": 10}

    seen: list[int] = []
    totals = []
    page, pages = 1, 1
    while page <= pages:
        found = api.get("/v1/events/", page=page, **filters)
        seen += minutes(found)
        totals.append(found.body["pagination"]["total_count"])
        pages = found.body["pagination"]["max_page"]
        page += 1

    assert seen == list(range(99, -1, -1))
    assert totals[0] == 30 and totals[-1] == 100


def test_an_event_is_shown_with_all_that_was_sent(api: Api) -> None:
    customer_id = api.customer("user@example.com", external_id="user_1")
    llm = {"vendor": "v", "model": "m", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    api.ingest(
        {
            "name": "completion",
            "customer_id": customer_id,
            "external_id": "e1",
            "parent_id": "e0",
            "timestamp": "2026-11-01t08:00:00.5z",
            "metadata": {
                "units": Decimal("1.50"),
                "ok": True,
                "model": "x",
                "_cost": {"amount": Decimal("1.25"), "currency": "usd"},
                "_llm": llm,
            },
        }
    )

    (shown,) = api.get("/v1/events/", customer_id=customer_id).body["items"]

    assert shown == {
        "id": shown["id"],
        "timestamp": "2026-11-01T08:00:00.500000Z",
        "organization_id": api.organization_id,
        "customer_id": customer_id,
        "customer": api.get(f"/v1/customers/{customer_id}").body,
        "external_customer_id": None,
        "external_id": "e1",
        "member_id": None,
        "external_member_id": None,
        "child_count": 0,
        "parent_id": "e0",
        "label": "completion",
        "name": "completion",
        "source": "user",
        "metadata": {
            "units": Decimal("1.50"),
            "ok": True,
            "model": "x",
            "_cost": {"amount": "1.25", "currency": "usd"},
            "_llm": llm | {"prompt": None, "response": None, "cached_input_tokens": 0},
        },
    }
    assert api.get(f"/v1/events/{shown['id']}").body == {
        **shown,
        "refunds": [],
        "actor": None,
        "note": None,
    }


def test_a_ghosts_event_has_no_customer_until_there_is_one(api: Api) -> None:
    api.ingest(event(1))
    project_all(api.store)

    (shown,) = api.get("/v1/events/").body["items"]
    assert (shown["customer_id"], shown["customer"]) == (None, None)
    assert shown["external_customer_id"] == "user_1"

    customer_id = api.customer("user@example.com", external_id="user_1")
    assert api.get(f"/v1/events/{shown['id']}").body["customer"]["id"] == customer_id


def test_an_event_of_a_ghost_that_was_linked_is_its_customers(api: Api) -> None:
    api.ingest(event(1))
    customer_id = api.customer("user@example.com")
    api.patch(f"/v1/customers/{customer_id}", {"external_id": "user_1"})

    (shown,) = api.get("/v1/events/", customer_id=customer_id).body["items"]

    assert shown["customer_id"] == shown["customer"]["id"] == customer_id


def test_a_deleted_customers_events_are_still_there(api: Api) -> None:
    customer_id = api.customer("user@example.com", external_id="user_1")
    api.ingest(event(1))
    api.delete(f"/v1/customers/{customer_id}", anonymize="true")

    (shown,) = api.get("/v1/events/", customer_id=customer_id).body["items"]

    assert shown["customer"]["deleted_at"] is not None
    assert "user@example.com" not in str(shown)


def test_the_event_of_a_spend_is_found_by_the_id_that_the_spend_answered(api: Api) -> None:
    customer_id = api.customer("user@example.com")
    api.meter()
    use = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": -5}}
    api.ingest(use)
    spent = api.post("/v1/credits/spend", use | {"metadata": {"units": 2}})

    assert api.get(f"/v1/events/{spent.body['id']}").body["metadata"] == {"units": 2}


@pytest.mark.parametrize("event_id", ["none", "%20", "YS8wL2I", "x" * 5_000, "é", "L0AvYQ=="])
def test_what_is_no_id_is_not_found(api: Api, event_id: str) -> None:
    assert api.get(f"/v1/events/{event_id}").status == 404


def test_names_are_counted_for_everyone_and_for_a_customer(api: Api) -> None:
    customer_id = api.customer("user@example.com", external_id="user_1")
    api.ingest(event(0), event(5), event(3, name="page_view"), event(9, "user_2"))
    api.ingest(event(-1, name="page_view"))
    project_all(api.store)

    def found(**filters: Any) -> list[tuple[str, int]]:
        reply = api.get("/v1/events/names", **filters)
        assert reply.status == 200, reply.body
        assert reply.body["pagination"]["total_count"] == len(reply.body["items"])
        return [(name["name"], name["occurrences"]) for name in reply.body["items"]]

    assert found() == [("api_usage", 3), ("page_view", 2)]
    assert found(sorting="occurrences") == [("page_view", 2), ("api_usage", 3)]
    assert found(sorting="-name") == [("page_view", 2), ("api_usage", 3)]
    assert found(sorting="-first_seen") == [("api_usage", 3), ("page_view", 2)]
    assert found(customer_id=customer_id) == [("api_usage", 2), ("page_view", 2)]
    assert found(external_customer_id=["user_1", "user_2"]) == [("api_usage", 3), ("page_view", 2)]
    assert found(query="PAGE") == [("page_view", 2)]
    assert found(source="system") == found(customer_id="nobody") == []
    (views,) = api.get("/v1/events/names", query="view").body["items"]
    assert views == {
        "name": "page_view",
        "label": "page_view",
        "source": "user",
        "occurrences": 2,
        "first_seen": "2026-11-01T08:59:00.000000Z",
        "last_seen": "2026-11-01T09:03:00.000000Z",
    }
    # Polar's clients list them as types.
    none = dict.fromkeys(("id", "created_at", "modified_at", "label_property_selector"))
    types = api.get("/v1/event-types/", query="view", root_events="false", sorting="-label")
    assert types.body["items"] == [{**views, **none, "organization_id": api.organization_id}]
    assert api.get("/v1/event-types/", root_events="true").problems() == {("query", "root_events")}
    assert api.get("/v1/event-types/", parent_id="e1").problems() == {("query", "parent_id")}


def test_the_first_page_costs_the_same_however_many_events_there_are(api: Api) -> None:
    """Ten times as many events, and calls and units of the first page are the same."""
    customer_id = api.customer("user@example.com", external_id="user_1")
    costs = []
    for first, last in ((0, 40), (40, 400)):
        for one in range(first, last):
            api.ingest(event(one * 20))
        project_all(api.store)
        for filters in ({"customer_id": customer_id}, {}):
            api.get("/v1/events/", **filters)  # the token is known from here on
            spent, _ = cost(api.store, partial(api.get, "/v1/events/", **filters))
            costs.append(spent)

    assert costs[:2] == costs[2:]
    assert [(len(spent.calls), spent.units) for spent in costs[:2]] == [(7, 8), (17, 29)]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(
        st.lists(
            st.tuples(st.integers(0, 300), st.sampled_from(["user_1", "user_2", "user_3"])),
            min_size=1,
            max_size=6,
        ),
        max_size=8,
    ),
    limit=st.integers(1, 7),
    start=st.none() | st.integers(0, 300),
    length=st.none() | st.integers(0, 120),
    oldest_first=st.booleans(),
)
def test_a_list_is_what_sorting_all_events_gives(
    batches: list[list[tuple[int, str]]],
    limit: int,
    start: int | None,
    length: int | None,
    oldest_first: bool,
) -> None:
    with inline_engine.table() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        api = caller(store)
        for batch in batches:
            api.ingest(*(event(minute, customer) for minute, customer in batch))
        project_all(store)
        filters: dict[str, Any] = {"sorting": "timestamp"} if oldest_first else {}
        if start is not None:
            filters["start_timestamp"] = at(start)
        if length is not None:
            filters["end_timestamp"] = at((start or 0) + length)

        for customers in (None, ["user_1"], ["user_2", "user_3"]):
            expected = sorted(
                (
                    minute
                    for batch in batches
                    for minute, customer in batch
                    if (customers is None or customer in customers)
                    and (start is None or minute >= start)
                    and (length is None or minute < (start or 0) + length)
                ),
                reverse=not oldest_first,
            )
            named = {} if customers is None else {"external_customer_id": customers}
            found: list[int] = []
            for page in range(1, -(-len(expected) // limit) + 2):
                reply = api.get("/v1/events/", page=page, limit=limit, **filters, **named)
                assert reply.body["pagination"]["total_count"] == len(expected)
                found += minutes(reply)
            assert found == expected


def test_a_week_of_many_events_takes_the_calls_that_are_promised(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event a request is the most there is to read: as many pages as events."""
    api.customer("user@example.com", external_id="user_1")
    week = {
        "start_timestamp": "2026-11-01T09:00:00Z",
        "end_timestamp": "2026-11-01T10:00:00Z",
        "limit": 25,
    }

    def calls(**more: Any) -> tuple[int, Any]:
        api.get("/v1/events/", **week, **more)
        with faults(api.store.client) as made:
            found = api.get("/v1/events/", **week, **more)
        return len(made), found.body

    for one in range(40):
        api.ingest(event(one))
    project_all(api.store)
    few, _ = calls()
    for again in range(8):
        for one in range(40):
            api.ingest(event(one, external_id=f"{again}/{one}"))
    api.ingest(*(event(one % 60, external_id=f"all/{one}") for one in range(1_000)))
    project_all(api.store)

    many, found = calls()
    assert many <= few + 1 <= 25
    assert found["pagination"]["total_count"] == 40 + 8 * 40 + 1_000
    assert found["complete"]
    # Where events themselves decide, no more pages are read than this.
    monkeypatch.setattr(events, "MAX_PAGES_COUNTED", 30)
    by_text, found = calls(query="usage")
    assert by_text <= few + 1
    assert found["pagination"]["total_count"] > 25
    assert not found["complete"]


def test_events_in_time_are_counted_though_pages_lie_across_its_ends(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.customer("user@example.com", external_id="user_1")
    for first in (0, 20, 40):
        api.ingest(*(event(one) for one in range(first, first + 20)))
    project_all(api.store)
    asked = {
        "start_timestamp": "2026-11-01T09:10:00Z",
        "end_timestamp": "2026-11-01T09:50:00Z",
        "limit": 5,
    }

    found = api.get("/v1/events/", **asked)
    assert minutes(found) == [49, 48, 47, 46, 45]
    assert (found.body["pagination"]["total_count"], found.body["complete"]) == (40, True)

    monkeypatch.setattr(events, "MAX_BLOCKS_COUNTED", 1)
    found = api.get("/v1/events/", **asked)
    assert 6 <= found.body["pagination"]["total_count"] < 40
    assert not found.body["complete"]


def test_an_overview_costs_the_same_for_many_events_as_for_few(api: Api) -> None:
    api.meter()
    archived = api.meter("other")
    assert api.patch(f"/v1/meters/{archived}", {"is_archived": True}).status == 200
    gone = api.customer("gone@example.com")
    api.customer("user@example.com", external_id="user_1")
    assert api.delete(f"/v1/customers/{gone}").status == 204

    def calls() -> tuple[int, Any]:
        api.get("/v1/overview")
        with faults(api.store.client) as made:
            found = api.get("/v1/overview")
        return len(made), found.body

    none, found = calls()
    assert found == {"events": 0, "last_event_at": None, "customers": 1, "meters": 1}
    for first in range(0, 60, 20):
        api.ingest(*(event(one % 60) for one in range(first, first + 20)))
    project_all(api.store)

    many, found = calls()

    assert found["events"] == 60
    assert found["last_event_at"] == "2026-11-01T09:59:00.000000Z"
    assert many == none <= 8


def test_an_overview_shows_what_the_token_may_read(api: Api) -> None:
    api.meter()
    for scopes, known in (
        (("events:read",), {"events"}),
        (("customers:read", "meters:read"), {"customers", "meters"}),
        (("events:write",), set()),
    ):
        token, _ = tokens.create(api.store, scopes=scopes)
        found = replace(api, token=token).get("/v1/overview").body
        assert {name for name, value in found.items() if value is not None} == known
