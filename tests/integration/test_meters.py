"""Meters: created, found, described anew, archived, and what they count of what comes in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from aureon.domain.meters import MAX_ACTIONS_OF_MATCHES
from aureon.meters import catalog
from tests.support.handlers import Api, Reply
from tests.support.recount import assert_conserved

METERS = "/v1/meters/"
THREADS = 8


def clause(property_: str, operator: str, value: Any) -> dict[str, Any]:
    return {"property": property_, "operator": operator, "value": value}


def all_of(*clauses: dict[str, Any]) -> dict[str, Any]:
    return {"conjunction": "and", "clauses": clauses}


def any_of(*clauses: dict[str, Any]) -> dict[str, Any]:
    return {"conjunction": "or", "clauses": clauses}


def body(**changes: Any) -> dict[str, Any]:
    return {
        "name": "API calls",
        "filter": all_of(clause("name", "eq", "api_usage")),
        "aggregation": {"func": "sum", "property": "units"},
        **changes,
    }


def create(api: Api, **changes: Any) -> str:
    reply = api.post(METERS, body(**changes))
    assert reply.status == 201, reply.body
    api.backfill(reply.body["id"])
    return str(reply.body["id"])


def archive(api: Api, meter_id: str) -> Reply:
    return api.patch(METERS + meter_id, {"is_archived": True})


@pytest.fixture
def customer_id(api: Api) -> str:
    return api.customer("user@example.com")


def use(api: Api, customer_id: str, *metadata: dict[str, Any], **more: Any) -> Reply:
    return api.ingest(
        *(
            {"name": "api_usage", "customer_id": customer_id, "metadata": one, **more}
            for one in metadata
        )
    )


def test_a_meter_is_created_with_all_that_the_clients_parse(api: Api) -> None:
    reply = api.post(METERS, body(metadata={"team": "a"}))

    assert reply.status == 201
    created = reply.body
    assert created == {
        "id": created["id"],
        "created_at": created["created_at"],
        "modified_at": None,
        "metadata": {"team": "a"},
        "external_id": None,
        "name": "API calls",
        "unit": "scalar",
        "limits_spending": "auto",
        "thresholds": [],
        "custom_label": None,
        "custom_multiplier": None,
        "filter": {
            "conjunction": "and",
            "clauses": [{"property": "name", "operator": "eq", "value": "api_usage"}],
        },
        "aggregation": {"func": "sum", "property": "units"},
        "organization_id": api.organization_id,
        "archived_at": None,
        "backfill": {"complete": False, "ledgers": 0, "total_ledgers": None, "events": 0},
        "group_by": [],
        "breakdowns": None,
    }
    assert api.get(METERS + created["id"]).body == created


def test_camel_case_is_taken_as_well(api: Api) -> None:
    given = {"unit": "custom", "customLabel": "pages", "customMultiplier": 1000}

    created = api.post(METERS, body(**given)).body

    assert (created["custom_label"], created["custom_multiplier"]) == ("pages", 1000)
    assert api.patch(METERS + created["id"], {"isArchived": True}).body["archived_at"]


def test_a_filter_is_shown_as_it_was_given(api: Api) -> None:
    given = any_of(
        clause("name", "like", "api"),
        all_of(clause("units", "gte", -5), any_of(clause("cached", "ne", True))),
        all_of(),
    )

    created = api.post(METERS, body(filter=given)).body

    shown = api.get(METERS + created["id"]).body["filter"]
    assert shown == created["filter"]
    assert shown["conjunction"] == "or"
    assert shown["clauses"][1]["clauses"][0]["value"] == -5
    assert shown["clauses"][1]["clauses"][1]["clauses"][0]["value"] is True
    assert shown["clauses"][2] == {"conjunction": "and", "clauses": []}


def test_an_unknown_meter_is_not_found(api: Api) -> None:
    path = f"{METERS}01a20b57-943c-7681-8c66-41fbc3e9bda1"

    assert api.get(path).status == 404
    assert api.patch(path, {"name": "Changed"}).status == 404


def test_two_meters_may_have_one_name(api: Api) -> None:
    assert create(api) != create(api)


def test_a_description_can_change_and_the_rest_stays(api: Api) -> None:
    meter_id = create(api)
    before = api.get(METERS + meter_id).body

    after = api.patch(METERS + meter_id, {"name": "Calls", "metadata": {"team": "b"}}).body

    assert after == before | {
        "name": "Calls",
        "metadata": {"team": "b"},
        "modified_at": after["modified_at"],
    }
    assert after["modified_at"] > before["created_at"]
    assert api.get(METERS + meter_id).body == after


def test_what_a_meter_counts_stays_once_an_event_has_counted(api: Api, customer_id: str) -> None:
    meter_id = create(api)
    use(api, customer_id, {"units": 1})
    same = {key: body()[key] for key in ("filter", "aggregation")}

    by_filter = api.patch(METERS + meter_id, {"filter": all_of()})
    by_aggregation = api.patch(METERS + meter_id, {"aggregation": {"func": "count"}})

    assert by_filter.problems() == {("body", "filter")}
    assert by_aggregation.problems() == {("body", "aggregation")}
    assert api.patch(METERS + meter_id, same).status == 200


# What is counted.


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ({"func": "sum", "property": "units"}, 6),
        ({"func": "sum", "property": "metadata.units"}, 6),
        ({"func": "sum", "property": "_cost.amount"}, Decimal("0.5")),
        ({"func": "count"}, 7),
        ({"func": "count", "property": "units"}, 7),
        ({"func": "avg", "property": "units"}, 2),
    ],
    ids=str,
)
def test_a_meter_makes_one_number_of_all_that_matches(
    api: Api, customer_id: str, aggregation: dict[str, Any], expected: Any
) -> None:
    meter_id = create(api, aggregation=aggregation)

    reply = use(
        api,
        customer_id,
        *({"units": units} for units in (1, 2, 3, True, "4")),
        {},
        {"_cost": {"amount": Decimal("0.5"), "currency": "usd"}},
    )

    assert reply.body["inserted"] == 7
    is_string = aggregation.get("property", "_cost.amount") != "_cost.amount"
    assert ("warnings" in reply.body) == (is_string and aggregation["func"] != "count")
    assert api.balances(customer_id) == {meter_id: expected}


@pytest.mark.parametrize(
    ("filter_", "matching"),
    [
        (all_of(), "abcde"),
        (any_of(), "abcde"),
        (all_of(clause("region", "eq", "eu")), "ab"),
        (all_of(clause("region", "ne", "eu")), "cd"),
        (all_of(clause("size", "gt", 2)), "c"),
        (all_of(clause("size", "gte", 2)), "bc"),
        (all_of(clause("size", "lt", 2)), "a"),
        (all_of(clause("metadata.size", "lte", 2)), "ab"),
        (all_of(clause("size", "ne", 2)), "acd"),
        (all_of(clause("size", "eq", "2")), "d"),
        (all_of(clause("region", "like", "u")), "abcd"),
        (all_of(clause("region", "not_like", "e")), "cd"),
        (any_of(clause("size", "eq", 1), clause("region", "eq", "us")), "acd"),
        (any_of(clause("name", "eq", "other"), clause("region", "eq", "us")), "cd"),
        (
            all_of(
                clause("name", "eq", "api_usage"),
                any_of(clause("size", "eq", 1), all_of(clause("size", "gt", 2))),
            ),
            "ac",
        ),
        (all_of(clause("source", "eq", "user")), "abcde"),
        (all_of(clause("timestamp", "lt", 1767225600)), "e"),
        (all_of(clause("_cost.amount", "gt", 0)), "a"),
        (all_of(clause("name", "eq", "other")), ""),
    ],
    ids=str,
)
def test_a_filter_decides_which_events_are_counted(
    api: Api, customer_id: str, filter_: dict[str, Any], matching: str
) -> None:
    meter_id = create(api, filter=filter_)
    events: dict[str, dict[str, Any]] = {
        "a": {"region": "eu", "size": 1, "_cost": {"amount": Decimal("0.5"), "currency": "usd"}},
        "b": {"region": "eu", "size": 2},
        "c": {"region": "us", "size": 3},
        "d": {"region": "us", "size": "2"},
        "e": {},
    }
    # Each event adds a power of ten, so that the balance says which ones were counted.
    units = {letter: 10**place for place, letter in enumerate(events)}

    use(api, customer_id, *({**events[letter], "units": units[letter]} for letter in "abcd"))
    use(api, customer_id, {"units": units["e"]}, timestamp="2025-12-31T23:59:59Z")

    expected = {meter_id: sum(units[letter] for letter in matching)} if matching else {}
    assert api.balances(customer_id) == expected


def test_an_event_counts_for_every_meter_that_it_matches(api: Api, customer_id: str) -> None:
    total, calls = create(api), create(api, aggregation={"func": "count"})
    other = create(api, filter=all_of(clause("name", "eq", "other")))

    use(api, customer_id, {"units": 5}, {"units": 7})

    balances = api.balances(customer_id)
    assert balances == {total: 12, calls: 2}
    assert other not in balances


# The archive.


def test_an_archived_meter_leaves_lists_and_balances_and_is_still_found(
    api: Api, customer_id: str
) -> None:
    kept, archived = create(api, name="Kept"), create(api, name="Archived")
    use(api, customer_id, {"units": 1})
    balance_id = f"{customer_id}.{archived}"
    assert api.get(f"/v1/customer-meters/{balance_id}").status == 200

    reply = archive(api, archived)

    assert reply.status == 200
    assert reply.body["archived_at"] is not None
    assert api.get(METERS + archived).body == reply.body
    assert [meter["id"] for meter in api.get(METERS).body["items"]] == [kept]
    assert [meter["id"] for meter in api.get(METERS, is_archived="false").body["items"]] == [kept]
    (listed,) = api.get(METERS, is_archived="true").body["items"]
    assert listed == reply.body
    assert api.balances(customer_id) == {kept: 1}
    (balance,) = api.get("/v1/customer-meters/").body["items"]
    assert balance["meter_id"] == kept
    assert api.get(f"/v1/customer-meters/{balance_id}").status == 404


def test_an_archived_meter_stops_counting(api: Api, customer_id: str) -> None:
    kept, archived = create(api), create(api)
    use(api, customer_id, {"units": 1})
    archive(api, archived)

    use(api, customer_id, {"units": 10})

    assert api.balances(customer_id) == {kept: 11}
    assert_conserved(api.store)


def test_archiving_twice_is_as_good_as_once(api: Api) -> None:
    meter_id = create(api)

    first = archive(api, meter_id).body
    second = archive(api, meter_id).body

    assert second["archived_at"] == first["archived_at"]


def test_an_archived_meter_can_be_described_anew(api: Api) -> None:
    meter_id = create(api)
    archived = archive(api, meter_id).body

    renamed = api.patch(METERS + meter_id, {"name": "Old calls"}).body

    assert (renamed["name"], renamed["archived_at"]) == ("Old calls", archived["archived_at"])


# Many, and at once.


def test_meters_created_at_once_all_count_from_then_on(api: Api, customer_id: str) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        ids = list(pool.map(lambda number: create(api, name=f"Meter {number}"), range(THREADS)))

    use(api, customer_id, {"units": 2})

    assert len(api.get(METERS).body["items"]) == THREADS
    assert api.balances(customer_id) == dict.fromkeys(ids, 2)
    versions = [version for meter in catalog.read_all(api.store) for version in meter.versions]
    assert sorted(versions) == list(range(1, 2 * THREADS + 1)), "each change has one of its own"


def test_meters_archived_at_once_all_stop(api: Api, customer_id: str) -> None:
    ids = [create(api, name=f"Meter {number}") for number in range(THREADS)]

    with ThreadPoolExecutor(THREADS) as pool:
        replies = list(pool.map(lambda meter_id: archive(api, meter_id), ids))

    assert {reply.status for reply in replies} == {200}
    use(api, customer_id, {"units": 2})
    assert api.balances(customer_id) == {}


def test_an_event_that_too_many_meters_match_is_refused(api: Api, customer_id: str) -> None:
    matching = [api.post(METERS, body()).body["id"] for _ in range(MAX_ACTIONS_OF_MATCHES)]
    for _ in range(100 - MAX_ACTIONS_OF_MATCHES):
        api.post(METERS, body(filter=all_of(clause("name", "eq", "other"))))
    assert use(api, customer_id, {"units": 1}).body == {"inserted": 1, "duplicates": 0}

    api.post(METERS, body())
    refused = use(api, customer_id, {}, {"units": 1})

    assert refused.problems() == {("body", "events", "1")}
    assert "at most 90 meters" in refused.text
    assert "91 match" in refused.text
    balances = api.balances(customer_id)
    assert {meter_id: balances[meter_id] for meter_id in matching} == dict.fromkeys(matching, 1)
    assert_conserved(api.store)


# External ids.


def test_a_meter_is_found_by_its_external_id(api: Api, customer_id: str) -> None:
    meter_id = create(api, external_id="team/calls")
    camel = api.post(METERS, body(name="Other", externalId="Team/Calls"))
    plain = api.post(METERS, body(name="Plain", external_id=""))
    for made in (camel, plain):
        api.backfill(made.body["id"])

    for path in ("external/team%2Fcalls", "external/team/calls", meter_id):
        found = api.get(METERS + path)
        assert (found.status, found.body["id"]) == (200, meter_id)
        assert found.body["external_id"] == "team/calls"
    assert (camel.body["external_id"], plain.body["external_id"]) == ("Team/Calls", None)
    assert api.get(METERS + "external/nobodys").status == 404
    assert api.get(METERS + "external/a%3Fb").problems() == {("path", "external_id")}
    listed = api.get(METERS, external_id=["team/calls", "nobody's"])
    assert [one["id"] for one in listed.body["items"]] == [meter_id]

    use(api, customer_id, {"units": 3})

    def balances(**filters: Any) -> list[str]:
        reply = api.get("/v1/customer-meters/", customer_id=customer_id, **filters)
        return [one["meter_id"] for one in reply.body["items"]]

    assert len(balances()) == 3
    assert balances(external_meter_id="team/calls") == [meter_id]
    assert balances(external_meter_id=["team/calls", "Team/Calls"], meter_id=meter_id) == [meter_id]
    assert balances(external_meter_id="nobody's") == []
    assert api.get("/v1/customer-meters/", external_meter_id="nobody's").body["items"] == []


def test_a_meters_external_id_is_changed_taken_away_and_free_again(api: Api) -> None:
    meter_id = create(api, external_id="calls")

    assert api.patch(METERS + meter_id, {"name": "Renamed"}).body["external_id"] == "calls"
    assert api.patch(METERS + meter_id, {"external_id": "uses"}).body["external_id"] == "uses"
    other_id = create(api, external_id="calls")
    assert api.patch(METERS + meter_id, {"external_id": None}).body["external_id"] is None
    assert api.patch(METERS + other_id, {"external_id": "uses"}).body["external_id"] == "uses"


def test_an_external_id_of_another_meter_is_taken_be_it_archived(api: Api) -> None:
    meter_id = create(api, external_id="calls")
    other_id = create(api)
    archive(api, meter_id)

    refused = api.post(METERS, body(external_id="calls"))
    assert refused.problems() == {("body", "external_id")}
    assert meter_id in refused.text
    assert api.patch(METERS + other_id, {"external_id": "calls"}).problems() == {
        ("body", "external_id")
    }
    for bad in ("ends/", "x" * 257, "a/state"):
        assert api.post(METERS, body(external_id=bad)).problems() == {("body", "external_id")}


def test_of_many_who_give_one_external_id_at_once_exactly_one_does(api: Api) -> None:
    others = [create(api) for _ in range(THREADS // 2)]

    def give(number: int) -> int:
        if number < len(others):
            return api.patch(METERS + others[number], {"external_id": "calls"}).status
        return api.post(METERS, body(external_id="calls")).status

    with ThreadPoolExecutor(THREADS) as pool:
        statuses = list(pool.map(give, range(THREADS)))

    assert sorted(set(statuses)) in ([200, 422], [201, 422])
    assert sum(status < 400 for status in statuses) == 1
    assert len(api.get(METERS, external_id="calls").body["items"]) == 1


def test_a_meter_is_made_once_under_an_idempotency_key(api: Api) -> None:
    body = {
        "name": "Calls",
        "filter": {"conjunction": "and", "clauses": []},
        "aggregation": {"func": "count"},
    }
    first, again = (api.post("/v1/meters/", body, idempotency_key="deploy-1") for _ in range(2))

    assert (first.status, again.status) == (201, 201)
    assert again.body["id"] == first.body["id"]
    other = api.post("/v1/meters/", {**body, "name": "Other"}, idempotency_key="deploy-1")
    assert other.status == 409
    assert api.post("/v1/meters/", body, idempotency_key="x" * 256).status == 422
    assert api.get("/v1/meters/").body["pagination"]["total_count"] == 1
    # Ingestion has keys of its own.
    reply = api.post("/v1/events/ingest", {"events": []}, idempotency_key="deploy-1")
    assert reply.status in (200, 422)
