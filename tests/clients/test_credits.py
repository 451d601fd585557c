"""Grants with terms, and refunds: made once whatever happens on the way, looked at, taken back."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from aureon_client import Conflict, CustomerId, Invalid, NotFound
from tests.clients.fault_proxy import Fault, proxied, scripted
from tests.clients.shop import TIMEOUT_SECONDS, Shop, async_client, sync_client


@pytest.mark.parametrize("fault", Fault)
def test_credits_are_given_and_taken_back_once_whatever_happens(shop: Shop, fault: Fault) -> None:
    """From 100 credits: 10 more with terms, of which 4 are used; then 3 of these come back."""
    with (
        proxied(shop.service.url, scripted(fault, fault)) as proxy,
        sync_client(shop.service, proxy.url, timeout_seconds=TIMEOUT_SECONDS) as client,
    ):
        made = client.grants.create(
            shop.user,
            shop.tokens,
            units=10,
            priority=1,
            expires_in_seconds=86_400,
            note="Welcome",
        )
        spent = client.spend(shop.user, shop.tokens, units=4)
        proxy.plan = scripted(fault, fault)
        back = client.refund(event_id=spent["id"], units=3, reason="broken")
        assert shop.balance["available_credits"] == 109
        proxy.plan = scripted(fault, fault)
        voided = client.grants.void(made["id"])
        sent = [body for path, body, _ in proxy.requests if path.endswith("/grants")]
        refunds = [body for path, body, _ in proxy.requests if path.endswith("/refunds")]

    assert made["units"] == 10
    assert (made["priority"], made["note"]) == (1, "Welcome")
    assert back["units"][0]["refunded_units"] == 3
    assert voided["status"] == "voided"
    assert voided["voided_units"] == 9
    assert shop.balance["available_credits"] == 100
    for bodies in (sent, refunds):
        assert len(set(bodies)) == 1
        assert json.loads(bodies[0])["external_id"]


def test_grants_are_listed_read_and_made_once_under_an_id(shop: Shop) -> None:
    grants = shop.client.grants
    until = datetime.now(UTC) + timedelta(days=30)
    first = grants.create(
        shop.user, shop.tokens, units=Decimal("1.5"), id=f"g/{shop.user}", expires_at=until
    )
    again = grants.create(
        shop.user, shop.tokens, units=Decimal("1.5"), id=f"g/{shop.user}", expires_at=until
    )
    monthly = grants.create(
        shop.user,
        shop.tokens,
        units=5,
        meter_id=shop.meter_id,
        recurrence={"every": "month", "timezone": "Europe/Berlin"},
        rollover={"max_units": 2},
    )
    for_good = grants.create(shop.user, shop.tokens, units=1)

    assert first["id"] == again["id"]
    assert first["units"] == Decimal("1.5")
    assert for_good["status"] == "for_good"
    listed = grants.list(shop.user, meter_id=shop.meter_id, status=["active"])["items"]
    assert [one["id"] for one in listed] == [monthly["id"], first["id"]]
    by_id = CustomerId(monthly["customer_id"])
    assert grants.list(by_id)["pagination"]["total_count"] == 2
    rollover = grants.get(monthly["id"])["rollover"]
    assert rollover is not None
    assert rollover["max_units"] == 2
    with pytest.raises(Conflict):
        grants.create(shop.user, shop.tokens, units=2, id=f"g/{shop.user}", expires_at=until)
    with pytest.raises(Invalid):
        grants.create(shop.user, shop.tokens, units=2, expires_in_seconds=1)
    with pytest.raises(ValueError, match="offset"):
        grants.create(shop.user, shop.tokens, units=2, expires_at=datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(NotFound):
        grants.get("nothing")


def test_refunds_name_a_spend_a_hold_or_an_event_which_can_be_voided(shop: Shop) -> None:
    client = shop.client
    client.spend(shop.user, shop.tokens, units=10, id=f"s/{shop.user}")
    with client.hold(shop.user, shop.tokens, units=5) as hold:
        held = hold.placed
        hold.capture(units=5)
    spent = client.spend(shop.user, shop.tokens, units=20)

    first = client.refund(spend_id=f"s/{shop.user}", id=f"r/{shop.user}", units=4)
    assert (
        client.refund(spend_id=f"s/{shop.user}", id=f"r/{shop.user}", units=4)["id"] == first["id"]
    )
    client.refund(hold_id=held["id"])
    voided = client.events.void(spent["id"])

    assert voided["refund"] is not None
    assert voided["grant"] is None
    assert shop.used == 6
    with pytest.raises(Conflict):
        client.refund(event_id=spent["id"], units=1)


def test_an_async_client_gives_and_takes_back_too(shop: Shop) -> None:
    async def told() -> tuple[str, Decimal]:
        async with async_client(shop.service) as client:
            made = await client.grants.create(shop.user, shop.tokens, units=7, priority=0)
            spent = await client.spend(shop.user, shop.tokens, units=2)
            await client.refund(event_id=spent["id"])
            found = await client.grants.list(shop.user)
            assert [one["id"] for one in found["items"]] == [made["id"]]
            voided = await client.grants.void(made["id"], allow_debt=True)
            return voided["status"], shop.balance["available_credits"]

    status, available = asyncio.run(told())
    assert status == "voided"
    assert available == 100
