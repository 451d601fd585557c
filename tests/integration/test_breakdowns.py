"""Breakdowns: a meter's quantities by the values of properties, exact as quantities are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.api import runtime
from aureon.projection import projector, rosters
from aureon.reads import breakdowns
from aureon.storage import keys
from aureon.storage.store import Store
from tests.integration.test_projection_audit import statuses
from tests.integration.test_projector import caller
from tests.integration.test_quantities import FUNCTIONS, PROPERTIES, Usage, as_sent, value
from tests.integration.test_rebuild import run
from tests.support import inline_engine
from tests.support.backfill_jobs import jobs
from tests.support.faults import Crash, Fault, faults, nth
from tests.support.handlers import Api, Reply
from tests.support.projected import deliver, project_all, records
from tests.support.recount import scan
from tests.support.seams import restart_handlers

DAY: Final = datetime(2025, 11, 3, tzinfo=UTC)
MONTH: Final = {"start_timestamp": "2025-11-01T00:00:00Z", "end_timestamp": "2025-12-01T00:00:00Z"}
Groups = dict[Any, Any]


def meter(api: Api, *group_by: str, **aggregation: str) -> str:
    reply = api.post(
        "/v1/meters/",
        {
            "name": "API usage",
            "filter": {
                "conjunction": "and",
                "clauses": [{"property": "name", "operator": "eq", "value": "api_usage"}],
            },
            "aggregation": aggregation or {"func": "sum", "property": "units"},
            "group_by": list(group_by),
        },
    )
    assert reply.status == 201, reply.body
    meter_id: str = reply.body["id"]
    return meter_id


def use(api: Api, *models: Any, customer: str = "user_1", units: int = 1, day: int = 0) -> None:
    """One event of each model; of None, one without a model."""
    metadata = [{"model": model} if model is not None else {} for model in models]
    reply = api.ingest(
        *(
            {
                "name": "api_usage",
                "external_customer_id": customer,
                "timestamp": (DAY + timedelta(days=day, minutes=number % 60)).isoformat(),
                "metadata": {"units": units, **more},
            }
            for number, more in enumerate(metadata)
        )
    )
    assert reply.status == 200, reply.body


def read(api: Api, meter_id: str, group_by: str = "model", **parameters: Any) -> Reply:
    about = {**MONTH, "interval": "day", "group_by": group_by, **parameters}
    return api.get(f"/v1/meters/{meter_id}/quantities", **about)


def totals(reply: Reply) -> Groups:
    """The groups' totals, by value, in order; the other kinds than values by their own name."""
    assert reply.status == 200, reply.body
    return {
        group["value"] if group["kind"] in ("value", "customer") else group["kind"]: group["total"]
        for group in reply.body["groups"]
    }


def stored(store: Store, epoch: int = 1) -> dict[Any, Any]:
    """All that is kept of breakdowns in an epoch: without rosters, slices put together."""
    found: dict[Any, Any] = {}
    for item in scan(store):
        _, kind, *rest = item[keys.PARTITION].split(keys.SEPARATOR)
        if kind == "GROUPS" and rest[0] == str(epoch) and "values" not in item:
            scope = "everyone" if len(rest[1]) == 1 else rest[1]
            about = (scope, *rest[2:], item[keys.SORT])
            assert about not in found, "a value has one item"
            found[about] = {
                name: figure
                for name, figure in item.items()
                if name not in (keys.PARTITION, keys.SORT)
            }
    return found


def test_a_meter_tells_its_quantities_by_the_values_of_a_property(api: Api) -> None:
    meter_id = meter(api, "model", "feature")
    use(api, "large", "small", "large", None, 10, "10", True)
    use(api, "large", customer="user_2", units=5, day=2)
    project_all(api.store)

    reply = read(api, meter_id)

    assert totals(reply) == {"large": 7, 10: 1, "10": 1, True: 1, "small": 1, "none": 1}
    assert reply.body["total"] == 12
    large = reply.body["groups"][0]
    assert {
        each["timestamp"][:10]: each["quantity"] for each in large["quantities"] if each["quantity"]
    } == {"2025-11-03": 2, "2025-11-05": 5}
    assert (large["used_units"], large["granted_units"]) == (7, 0)
    assert totals(read(api, meter_id, external_customer_id="user_2")) == {"large": 5}
    assert totals(read(api, meter_id, "feature")) == {"none": 12}
    assert read(api, meter_id).body["groups"] is not None
    plain = api.get(f"/v1/meters/{meter_id}/quantities", **MONTH, interval="day")
    assert plain.body["groups"] is None


def test_who_used_the_most_comes_first_whatever_was_granted(api: Api) -> None:
    meter_id = meter(api, "customer")
    for customer, granted, used in (("user_1", 1, 5), ("user_2", 100, 30), ("user_3", 0, 10)):
        if granted:
            use(api, None, customer=customer, units=-granted)
        use(api, None, customer=customer, units=used)
    project_all(api.store)

    groups = read(api, meter_id, "customer", limit=2).body["groups"]

    assert [group["used_units"] for group in groups] == [30, 10, 5]
    assert [group["kind"] for group in groups][-1] == "other"


def test_the_greatest_values_are_told_apart_and_all_others_are_one(api: Api) -> None:
    meter_id = meter(api, "model")
    for units, model in enumerate("abcd", 1):
        use(api, model, units=units)
    project_all(api.store)

    assert totals(read(api, meter_id, limit=2)) == {"d": 4, "c": 3, "other": 3}


def test_what_comes_after_the_last_value_that_a_day_takes_is_other(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each ledger, and in all: who comes late is whole where it is the first there."""
    monkeypatch.setattr(rosters, "MAX_VALUES", 3)
    meter_id = meter(api, "model")
    use(api, "a", "b")
    project_all(api.store)
    use(api, *"cdefa", None, "x" * 201)
    use(api, *"fg", customer="user_2")
    use(api, *"def", day=1)
    project_all(api.store)
    project_all(api.store)

    everyone, first, second = (
        totals(read(api, meter_id, **named))
        for named in (
            {},
            {"external_customer_id": "user_1"},
            {"external_customer_id": "user_2"},
        )
    )

    assert everyone["other"] >= 1 + 2
    assert sum(everyone.values()) == 14
    assert everyone["a"] == 2
    assert second == {"f": 1, "g": 1}
    assert sum(first.values()) == 12
    assert statuses(api) == {"clean"}


def test_a_value_that_is_too_long_to_tell_apart_is_other(api: Api) -> None:
    meter_id = meter(api, "model")
    use(api, "x" * 200, "x" * 201, "é#%" * 66, "😀" * 200)
    project_all(api.store)

    found = totals(read(api, meter_id))

    assert found == {"x" * 200: 1, "é#%" * 66: 1, "😀" * 200: 1, "other": 1}


@pytest.mark.parametrize("func", ["sum", "unique"])
def test_changing_what_a_meter_is_grouped_by_counts_the_past_and_leaves_balances(
    api: Api, func: str
) -> None:
    def balance() -> Any:
        reply = api.get("/v1/customer-meters/", external_customer_id="user_1")
        return reply.body["items"][0]["balance"]

    api.customer("one@example.com", external_id="user_1")
    with jobs() as queue:
        meter_id = meter(api, func=func, property="units")
        queue.work_off()
        use(api, "large", "small", "large")
        before = balance()
        project_all(api.store)

        changed = api.patch(f"/v1/meters/{meter_id}", {"group_by": ["model"]})
        assert changed.status == 200
        assert changed.body["breakdowns"]["complete"] is False
        assert changed.body["backfill"]["complete"] is True
        use(api, "tiny", units=4)
        project_all(api.store)
        assert read(api, meter_id).body["complete"] is False
        queue.work_off()

    project_all(api.store)
    expected = (
        {"large": 2, "small": 1, "tiny": 4}
        if func == "sum"
        else dict.fromkeys(("large", "small", "tiny"), 1)
    )
    found = read(api, meter_id)
    assert totals(found) == expected
    assert found.body["complete"] is True
    assert api.get(f"/v1/meters/{meter_id}").body["breakdowns"]["complete"] is True
    assert balance() == before + (4 if func == "sum" else 1)
    assert statuses(api) == {"clean"}


def test_what_came_while_a_meter_was_archived_is_in_its_breakdowns_once_it_is_back(
    api: Api,
) -> None:
    with jobs() as queue:
        meter_id = meter(api, "model")
        queue.work_off()
        use(api, "large")
        api.patch(f"/v1/meters/{meter_id}", {"is_archived": True})
        use(api, "small")
        project_all(api.store)
        assert totals(read(api, meter_id)) == {"large": 1}
        api.patch(f"/v1/meters/{meter_id}", {"is_archived": False})
        use(api, "large")
        queue.work_off()
        project_all(api.store)

    assert totals(read(api, meter_id)) == {"large": 2, "small": 1}
    assert statuses(api) == {"clean"}


def test_a_meter_that_is_grouped_by_nothing_any_more_tells_no_groups(api: Api) -> None:
    meter_id = meter(api, "model")
    reply = api.patch(f"/v1/meters/{meter_id}", {"group_by": []})

    assert reply.body["group_by"] == []
    assert reply.body["breakdowns"] is None
    assert read(api, meter_id).problems() == {("query", "group_by")}


def test_the_customers_of_a_meter_are_told_by_what_they_used(api: Api) -> None:
    meter_id = meter(api, "customer")
    one = api.customer("one@example.com", external_id="user_1")
    use(api, "a", units=3)
    use(api, "a", customer="user_2", units=2)
    use(api, "a", customer="ghost")
    two = api.customer("two@example.com")
    api.patch(f"/v1/customers/{two}", {"external_id": "user_2"})
    api.ingest(
        {
            "name": "api_usage",
            "customer_id": two,
            "timestamp": DAY.isoformat(),
            "metadata": {"units": 2},
        }
    )
    project_all(api.store)

    groups = read(api, meter_id, "customer").body["groups"]

    assert [
        (group["customer"] and group["customer"]["email"], group["total"]) for group in groups
    ] == [("two@example.com", 4), ("one@example.com", 3), (None, 1)]
    assert [group["value"] for group in groups[:2]] == [two, one]
    assert {group["kind"] for group in groups} == {"customer"}


def many(count: int) -> list[str]:
    return [f"model-{number}" for number in range(count)]


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_AFTER])
def test_a_page_of_many_values_counts_each_once_wherever_the_projector_dies(
    api: Api, fault: Fault
) -> None:
    """Of more values than a transaction takes."""
    meter(api, "model")
    meter(api, "model", func="max", property="units")
    meter(api, "model", func="unique", property="units")
    use(api, *many(60))
    (delivery,) = records(api.store)
    deliver([delivery])
    expected = stored(api.store)
    assert len(expected) == 3 * 2 * 60

    for number in range(0, 24, 2):
        clear(api.store)
        with faults(api.store.client, nth(number, fault)) as calls:
            try:
                deliver([delivery])
            except Crash:
                restart_handlers()
        assert deliver([delivery]) == []
        assert stored(api.store) == expected
    assert len(calls) > 12


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER])
def test_the_past_of_many_values_counts_once_wherever_the_backfill_dies(
    api: Api, fault: Fault
) -> None:
    use(api, *many(60))
    use(api, "small", "model-1", day=1)
    meter_id = meter(api)
    api.backfill(meter_id)
    project_all(api.store)
    crashes = 0
    with jobs() as queue:
        api.patch(f"/v1/meters/{meter_id}", {"group_by": ["model"]})
        (body, _) = queue.sent[0]
        for number in range(1, 60, 5):
            with faults(api.store.client, nth(number, fault)):
                try:
                    queue.work_off()
                except Crash:
                    crashes += 1
                    restart_handlers()
                    queue.sent.append((body, 0))
            assert statuses(api) == {"clean"}
        queue.work_off()

    assert crashes > 1
    found = totals(read(api, meter_id, limit=100))
    assert found == {**dict.fromkeys(many(60), 1), "model-1": 2, "small": 1}


def clear(store: Store) -> None:
    """Remove all that is projected."""
    kinds = ("TIMELINE", "NAMES", "QUANTITY", "VALUES", "PARTS", "GROUPS")
    store.delete_all(
        keys.Key(item[keys.PARTITION], item[keys.SORT])
        for item in scan(store)
        if item[keys.PARTITION].split(keys.SEPARATOR)[1] in kinds
    )


def test_a_rebuild_makes_the_same_and_removes_what_it_replaces(api: Api) -> None:
    with jobs() as queue:
        use(api, *many(55))
        meter_id = meter(api, "model", "customer")
        distinct = meter(api, "model", func="unique", property="units")
        use(api, "large", "small", customer="user_2")
        queue.work_off()
        api.patch(f"/v1/meters/{meter_id}", {"group_by": ["customer", "model"]})
        queue.work_off()
        project_all(api.store)
        before = [
            totals(read(api, each, by, limit=100))
            for each, by in ((meter_id, "model"), (meter_id, "customer"), (distinct, "model"))
        ]
        run(api)
        after = [
            totals(read(api, each, by, limit=100))
            for each, by in ((meter_id, "model"), (meter_id, "customer"), (distinct, "model"))
        ]

    assert after == before
    assert not stored(api.store, 1)
    assert not [
        item
        for item in scan(api.store)
        if item[keys.PARTITION].split(keys.SEPARATOR)[1:3] == ["GROUPS", "1"]
    ]
    assert statuses(api) == {"clean"}


@pytest.mark.parametrize("scope", ["ledger", "everyone"])
def test_the_audit_finds_a_figure_that_is_wrong(api: Api, scope: str) -> None:
    meter(api, "model")
    use(api, "large")
    project_all(api.store)
    assert statuses(api) == {"clean"}
    item = next(
        item
        for item in scan(api.store)
        if "#GROUPS#" in item[keys.PARTITION]
        and "values" not in item
        and (len(item[keys.PARTITION].split(keys.SEPARATOR)[3]) == 1) == (scope == "everyone")
    )
    key = keys.Key(item.pop(keys.PARTITION), item.pop(keys.SORT))
    api.store.put_all({key: {name: figure + 1 for name, figure in item.items()}})

    assert "different" in statuses(api)


def test_a_meter_without_groups_costs_nothing_more(api: Api) -> None:
    """Neither calls nor items, when a page is projected, are of breakdowns."""
    meter(api)
    use(api, "large", "small")
    with faults(api.store.client) as calls:
        project_all(api.store)

    assert not [call for call in calls.made if "GROUPS" in str(call.parameters)]


@pytest.mark.parametrize(
    "group_by", [["a", "b", "c", "d"], ["a", "a"], ["timestamp"], [""], ["x" * 129], "model", [1]]
)
def test_what_nothing_can_be_grouped_by_is_refused(api: Api, group_by: Any) -> None:
    meter_id = meter(api)
    reply = api.patch(f"/v1/meters/{meter_id}", {"group_by": group_by})

    assert reply.status == 422
    assert {place[:2] for place in reply.problems()} == {("body", "group_by")}


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"group_by": "feature"}, "group_by"),
        ({"group_by": ""}, "group_by"),
        ({"metadata[model]": "large"}, "group_by"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
    ],
    ids=str,
)
def test_what_groups_can_not_be_told_of_is_refused(
    api: Api, parameters: dict[str, Any], place: str
) -> None:
    assert read(api, meter(api, "model"), **parameters).problems() == {("query", place)}


def test_more_values_and_days_than_are_read_at_once_are_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakdowns, "MAX_ITEMS", 3)
    meter_id = meter(api, "model")
    use(api, *"abcd")
    project_all(api.store)

    refused = read(api, meter_id, external_customer_id="user_1")

    assert refused.problems() == {("query", "end_timestamp")}


histories = st.lists(
    st.lists(
        st.builds(
            Usage,
            st.integers(0, 3 * 86_400).map(lambda second: DAY + timedelta(seconds=second)),
            st.sampled_from(["user_1", "user_2"]),
            st.decimals(-100, 100, places=3),
            st.sampled_from(["x", "y", "z"]),
        ),
        min_size=1,
        max_size=8,
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=8, deadline=None)
@given(history=histories, old=st.integers(0, 5), limit=st.integers(1, 4))
def test_groups_are_what_plain_counting_gives(
    history: list[list[Usage]], old: int, limit: int
) -> None:
    """Whatever came before the meter, with each aggregation, of everyone and of one customer."""
    with inline_engine.table() as store, pytest.MonkeyPatch.context() as patch, jobs() as queue:
        patch.setattr(runtime, "_store", lambda: store)
        api = caller(store)
        for batch in history[:old]:
            api.ingest(*map(as_sent, batch))
        meter_ids = {func: meter(api, "model", func=func, **_of(func)) for func in FUNCTIONS}
        for batch in history[old:]:
            api.ingest(*map(as_sent, batch))
        queue.work_off()
        project_all(store)

        for func, meter_id in meter_ids.items():
            for customer in (None, "user_1"):
                chosen: defaultdict[str, list[Usage]] = defaultdict(list)
                for usage in (usage for batch in history for usage in batch):
                    if customer in (None, usage.customer):
                        chosen[usage.model].append(usage)
                named = {} if customer is None else {"external_customer_id": customer}
                body = read(api, meter_id, limit=limit, **named).body
                _assert_groups(func, body["groups"], chosen, limit)
        assert statuses(api) == {"clean"}


def _of(func: str) -> Mapping[str, str]:
    return {"property": "units"} if func == "unique" else PROPERTIES[func]  # type: ignore[index]


def _value(func: Any, usages: Sequence[Usage]) -> Decimal:
    if func == "unique":
        return Decimal(len({usage.units for usage in usages}))
    return value(func, usages)


def _size(func: Any, usages: Sequence[Usage]) -> Decimal:
    """What the groups are ordered by: of a sum, what was used, whatever was granted."""
    if func == "sum":
        return sum((usage.units for usage in usages if usage.units > 0), Decimal(0))
    return _value(func, usages)


def _assert_groups(
    func: Any, groups: list[Any], chosen: Mapping[str, list[Usage]], limit: int
) -> None:
    expected = sorted(chosen, key=lambda model: (-_size(func, chosen[model]), model))
    assert [group["value"] for group in groups] == [
        *expected[:limit],
        *([None] if expected[limit:] else []),
    ]
    theirs = [chosen[model] for model in expected[:limit]]
    if expected[limit:]:
        theirs.append([usage for model in expected[limit:] for usage in chosen[model]])
    for group, usages in zip(groups, theirs, strict=True):
        assert group["total"] == _value(func, usages)
        for quantity in group["quantities"]:
            day = datetime.fromisoformat(quantity["timestamp"]).date()
            of_day = [usage for usage in usages if usage.moment.date() == day]
            assert quantity["quantity"] == _value(func, of_day)


def test_a_position_tells_how_many_parts_of_the_next_page_are_done() -> None:
    for position in (projector.Position("page"), projector.Position("page", 3)):
        assert projector.Position.of(position.to_item()) == position
