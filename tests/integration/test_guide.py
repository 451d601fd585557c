"""The guide: a grant, a balance, and usage that draws it down."""

from __future__ import annotations

import pytest

from tests.support.handlers import Api


def test_ten_credits_granted_and_eleven_units_used_leave_a_balance_of_one(api: Api) -> None:
    meter_id = api.meter()
    customer_id = api.customer("user@example.com", name="John Doe", external_id="user_123")

    def use(units: int) -> tuple[int, int]:
        assert api.ingest(
            {"name": "api_usage", "customer_id": customer_id, "metadata": {"units": units}}
        ).body == {"inserted": 1, "duplicates": 0}
        reply = api.get("/v1/customer-meters/", customer_id=customer_id)
        (found,) = reply.body["items"]
        assert found["meter_id"] == meter_id
        return found["balance"], found["available_credits"]

    assert use(-10) == (-10, 10)
    assert use(3) == (-7, 7)
    assert use(8) == (1, 0)


@pytest.mark.parametrize("key", ["customer_id", "external_customer_id"])
def test_a_grant_shows_in_every_way_to_read_a_balance(api: Api, key: str) -> None:
    meter_id = api.meter()
    customer_id = api.customer("user@example.com", external_id="user_123")
    named = {"customer_id": customer_id, "external_customer_id": "user_123"}[key]
    api.ingest({"name": "api_usage", key: named, "metadata": {"units": -10}})

    (listed,) = api.get("/v1/customer-meters/", external_customer_id="user_123").body["items"]
    state = api.get(f"/v1/customers/{customer_id}/state").body
    external_state = api.get("/v1/customers/external/user_123/state").body
    by_id = api.get(f"/v1/customer-meters/{listed['id']}").body

    assert state == external_state
    assert by_id == listed
    for found in (listed, *state["active_meters"]):
        assert found["meter_id"] == meter_id
        assert found["balance"] == found["consumed_units"] == -10
        assert found["available_credits"] == found["granted_units"] == 10
        assert found["used_units"] == found["credited_units"] == 0
