"""Exactness: decimals as they were written, in every order, up to the limit of a balance."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aureon.core.exact import EXACT
from tests.support.handlers import Api, Reply
from tests.support.recount import assert_conserved, scan

LARGEST = 10**15 - 1


def use(api: Api, customer_id: str, *units: Any, **headers: str) -> Reply:
    return api.ingest(
        *(
            {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": one}}
            for one in units
        ),
        **headers,
    )


def meter_of(reply: Reply) -> dict[str, Any]:
    """The only balance in an answer, its numbers as the text has them."""
    body = json.loads(reply.text, parse_float=Written, parse_int=Written)
    (found,) = body["items"] if "items" in body else body["active_meters"]
    assert isinstance(found, dict)
    return found


class Written(str):
    """A number as it is written in JSON."""


@pytest.fixture
def customer_id(api: Api) -> str:
    api.meter()
    return api.customer("user@example.com")


def written(api: Api, customer_id: str, name: str = "balance") -> Written:
    """A number of the customer's only balance, as every answer that has it writes it."""
    listed = meter_of(api.get("/v1/customer-meters/", customer_id=customer_id))[name]
    state = meter_of(api.get(f"/v1/customers/{customer_id}/state"))[name]
    assert listed == state
    assert isinstance(listed, Written)
    return listed


def test_a_tenth_added_ten_times_is_one(api: Api, customer_id: str) -> None:
    for _ in range(5):
        use(api, customer_id, Decimal("0.1"))
    use(api, customer_id, *[Decimal("0.1")] * 5)

    assert Decimal(written(api, customer_id)) == 1


def test_a_large_balance_is_written_with_all_its_digits(api: Api, customer_id: str) -> None:
    use(api, customer_id, Decimal("-123456789012345.123456789"))

    assert written(api, customer_id) == "-123456789012345.123456789"
    assert written(api, customer_id, "available_credits") == "123456789012345.123456789"


@pytest.mark.parametrize(
    "text",
    [
        "123456789012345.123456789",
        "-123456789012345.123456789",
        "999999999999999.999999999",
        "0.000000001",
        "-0.000000001",
        "0.1",
        "-10",
        "0",
    ],
)
def test_a_value_survives_with_all_its_digits_as_a_json_number(
    api: Api, customer_id: str, text: str
) -> None:
    use(api, customer_id, Decimal(text))

    def number(name: str) -> Decimal:
        return Decimal(written(api, customer_id, name))

    assert number("balance") == number("consumed_units") == Decimal(text)
    assert number("used_units") == max(Decimal(text), Decimal(0))
    assert number("granted_units") == number("available_credits") == max(-Decimal(text), Decimal(0))


def test_a_balance_is_exact_where_a_binary_float_is_not(api: Api, customer_id: str) -> None:
    use(api, customer_id, *[Decimal("111111111111111.111111111111")] * 8, 111_111_111_111_111)

    assert written(api, customer_id) == "999999999999999.888888888888"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("15e-1", "1.5"),
        ("1e-12", "0.000000000001"),
        ("0.03862624999999999", "0.03862625"),
        ("0.30000000000000004", "0.3"),
        ("101.43153299999904", "101.431532999999"),
        ("1.00000000000000000000", "1"),
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("-1e14", "-100000000000000"),
        ("1.000", "1"),
        ("-0", "0"),
        ("-0.0", "0"),
    ],
)
def test_a_number_may_be_written_in_any_way(
    api: Api, customer_id: str, sent: str, expected: str
) -> None:
    event = f'{{"name":"api_usage","customer_id":"{customer_id}","metadata":{{"units":{sent}}}}}'

    reply = api.request("POST", "/v1/events/ingest", f'{{"events":[{event}]}}'.encode())

    assert reply.body == {"inserted": 1, "duplicates": 0}
    assert Decimal(written(api, customer_id)) == Decimal(expected)


@pytest.mark.parametrize(
    "units",
    [["-0.000000001", "0.000000001"], ["1.50", "-1.50"], ["-0.0"], ["0E-9"]],
    ids=str,
)
def test_nothing_is_written_as_0(api: Api, customer_id: str, units: list[str]) -> None:
    use(api, customer_id, *map(Decimal, units))

    assert written(api, customer_id) == "0"


@pytest.mark.parametrize(
    "number",
    ["123456789012345678", "1234567890123456789.0123456789", "1.50", "1E+400", "-0.1", "1e-400"],
)
def test_a_number_that_no_meter_counts_is_kept_as_it_is_written(
    api: Api, customer_id: str, number: str
) -> None:
    owner = f'"name":"api_usage","customer_id":"{customer_id}"'
    event = f'{{{owner},"metadata":{{"units":1,"id":{number}}},"external_id":"e1"}}'
    body = f'{{"events":[{event}]}}'.encode()

    assert api.request("POST", "/v1/events/ingest", body).body["inserted"] == 1
    assert api.request("POST", "/v1/events/ingest", body).body == {"inserted": 0, "duplicates": 1}

    text = api.get("/v1/events/", customer_id=customer_id).text
    listed = json.loads(text, parse_float=Written, parse_int=Written)
    assert listed["items"][0]["metadata"]["id"] == number.replace("1e-", "1E-")
    meter = {"name": "Ids", "filter": {"conjunction": "and", "clauses": []}}
    meter |= {"aggregation": {"func": "sum", "property": "id"}}
    past = api.post("/v1/meters/", meter).body["id"]
    api.backfill(past)
    countable = abs(Decimal(number)) < 10**15
    assert api.balances(customer_id).get(past, 0) == (
        round(Decimal(number), 12) if countable else 0
    )


@pytest.mark.parametrize("kind", ["customers", "meters", "holds"])
def test_numbers_of_metadata_are_kept_wherever_they_are(
    api: Api, customer_id: str, kind: str
) -> None:
    metadata = (
        '{"units":0,"id":123456789012345678,"price":1.50,"long":0.1234567890123456789012345678}'
    )
    body = {
        "customers": '{"email":"other@example.com","metadata":%s}',
        "meters": '{"name":"Another","filter":{"conjunction":"and","clauses":[]},'
        '"aggregation":{"func":"count"},"metadata":%s}',
        "holds": f'{{"name":"api_usage","customer_id":"{customer_id}","external_id":"h",'
        '"metadata":%s}',
    }[kind]
    path = f"/v1/{'credits/' * (kind == 'holds')}{kind}"

    made = api.request("POST", path + "/" * (kind != "holds"), (body % metadata).encode())

    assert f'"metadata":{metadata}' in made.text
    assert f'"metadata":{metadata}' in api.get(f"{path}/{made.body['id']}").text


def test_a_number_out_of_range_is_refused_where_a_meter_counts_it_and_nowhere_else(
    api: Api, customer_id: str
) -> None:
    reply = use(api, customer_id, 1, 10**15, 2, Decimal("-1e300"))

    assert reply.problems() == {
        ("body", "events", "1", "metadata", "units"),
        ("body", "events", "3", "metadata", "units"),
    }
    assert api.balances(customer_id) == {}
    spent = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 10**15}}
    assert api.post("/v1/credits/spend", spent).problems() == {("body", "metadata", "units")}


@pytest.mark.parametrize("text", ["123456", " 5", "1,234.5", "$5"])
def test_a_string_where_a_number_is_meant_is_named_and_counts_as_nothing(
    api: Api, customer_id: str, text: str
) -> None:
    api.meter(func="avg", property="metadata.units")

    reply = use(api, customer_id, 1, text, True)

    assert (reply.status, reply.body["inserted"]) == (200, 3)
    (warning,) = reply.body["warnings"]
    assert warning["loc"] == ["body", "events", 1, "metadata", "units"]
    assert warning["input"] == text
    assert set(api.balances(customer_id).values()) == {1}


def test_the_amount_of_a_cost_is_a_number_or_one_in_a_string(api: Api, customer_id: str) -> None:
    api.meter(func="sum", property="_cost.amount")
    amounts = [Decimal("0.02"), "0.03862624999999999", "1e-3", "+1.", "000.5", ".25"]

    for amount in amounts:
        cost = {"_cost": {"amount": amount, "currency": "usd"}}
        sent = {"name": "api_usage", "customer_id": customer_id, "metadata": cost}
        assert api.ingest(sent).status == 200

    shown = [
        event["metadata"]["_cost"]["amount"]
        for event in api.get("/v1/events/", customer_id=customer_id).body["items"]
    ]
    assert sorted(shown) == sorted(["0.02", "0.03862625", "0.001", "1", "0.5", "0.25"])
    assert list(api.balances(customer_id).values()) == [Decimal("1.80962625")]


def test_a_mean_has_twelve_digits_after_the_point(api: Api) -> None:
    api.meter(func="avg", property="units")
    customer_id = api.customer("user@example.com")

    use(api, customer_id, 1, 0, Decimal("0.000000000001"))

    assert written(api, customer_id) == "0.333333333334"


amounts = st.decimals(-(10**14), 10**14, allow_nan=False, places=12) | st.integers(
    -(10**14), 10**14
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sent=st.lists(st.lists(amounts, min_size=1, max_size=3), min_size=1, max_size=3),
    data=st.data(),
)
def test_events_in_any_order_sum_exactly(api: Api, sent: list[list[Any]], data: Any) -> None:
    if not api.get("/v1/meters/").body["items"]:
        api.meter()
    number = api.get("/v1/customers/").body["pagination"]["total_count"]
    one, other = (api.customer(f"{side}{number}@example.com") for side in ("one", "other"))
    shuffled = data.draw(st.permutations([units for batch in sent for units in batch]))

    for batch in sent:
        assert use(api, one, *batch).status == 200
    assert use(api, other, *shuffled).status == 200

    total = Decimal(0)
    for units in shuffled:
        total = EXACT.add(total, Decimal(units))
    assert Decimal(written(api, one)) == Decimal(written(api, other)) == total


# The limit: a balance stays below 10^15.


@pytest.fixture
def near_the_limit(api: Api, customer_id: str) -> int:
    """A balance one event below 10^15."""
    assert use(api, customer_id, LARGEST).status == 200
    return LARGEST


@pytest.mark.parametrize("sign", [1, -1])
def test_a_balance_stays_below_its_limit_on_both_sides(
    api: Api, customer_id: str, sign: int
) -> None:
    use(api, customer_id, sign * LARGEST)
    before = sorted(map(str, scan(api.store)))

    refused = use(api, customer_id, sign)

    assert refused.problems() == {("body", "events")}
    assert "10^15" in refused.text
    assert sorted(map(str, scan(api.store))) == before
    assert written(api, customer_id) == str(sign * LARGEST)


def test_a_balance_at_its_limit_can_go_back(
    api: Api, customer_id: str, near_the_limit: int
) -> None:
    assert use(api, customer_id, Decimal("0.999999999999")).status == 200
    assert use(api, customer_id, Decimal("0.000000000001")).status == 422
    assert use(api, customer_id, -LARGEST).status == 200

    assert written(api, customer_id) == "0.999999999999"
    assert_conserved(api.store)


def test_a_request_past_the_limit_counts_none_of_its_events(
    api: Api, customer_id: str, near_the_limit: int
) -> None:
    other = api.customer("other@example.com")
    event = {"name": "api_usage", "metadata": {"units": 1}}

    reply = api.ingest(
        {**event, "customer_id": other, "external_id": "e1"},
        {**event, "customer_id": customer_id, "external_id": "e2"},
        {**event, "external_customer_id": "ghost"},
    )

    assert reply.status == 422
    assert api.balances(other) == {}
    assert Decimal(written(api, customer_id)) == near_the_limit
    retried = api.ingest({**event, "customer_id": other, "external_id": "e1"})
    assert retried.body == {"inserted": 1, "duplicates": 0}


@pytest.mark.parametrize("repeat_with", ["ids", "key"])
def test_a_repeat_at_the_limit_is_a_duplicate_and_no_refusal(
    api: Api, customer_id: str, near_the_limit: int, repeat_with: str
) -> None:
    use(api, customer_id, -1)
    event = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 1}}
    key = {} if repeat_with == "ids" else {"idempotency_key": "k1"}
    if repeat_with == "ids":
        event["external_id"] = "e1"

    first = api.ingest(event, **key)
    second = api.ingest(event, **key)

    assert first.body == {"inserted": 1, "duplicates": 0}
    if repeat_with == "ids":
        assert second.body == {"inserted": 0, "duplicates": 1}
    else:
        assert second.body == first.body
    assert Decimal(written(api, customer_id)) == near_the_limit


def test_a_repeat_with_one_event_too_many_is_refused_for_that_one(
    api: Api, customer_id: str, near_the_limit: int
) -> None:
    use(api, customer_id, -1)
    event = {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": 1}}
    counted, new = {**event, "external_id": "e1"}, {**event, "external_id": "e2"}
    assert api.ingest(counted).status == 200

    assert api.ingest(counted, new).status == 422

    assert Decimal(written(api, customer_id)) == near_the_limit
    assert use(api, customer_id, -1).status == 200
    assert api.ingest(counted, new).body == {"inserted": 1, "duplicates": 1}
