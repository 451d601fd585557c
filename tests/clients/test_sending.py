"""A request is sent until it is answered, under one id, and never after it was refused."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aureon_client import (
    AsyncBatch,
    AsyncClient,
    Client,
    Conflict,
    CustomerId,
    Forbidden,
    InsufficientCredits,
    Invalid,
    NotFound,
    TooMany,
    Unauthorized,
    Unavailable,
    event,
)
from aureon_client._sending import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Tries
from tests.clients.fault_proxy import Fault, by_chance, proxied, scripted
from tests.clients.shop import TIMEOUT_SECONDS, Shop, async_client, sync_client

WORKERS = 16
ROUNDS = 2
# What the customer of these tests is given, first and then.
GRANTS = (100, 100_000)


def filter_of(name: str) -> Any:
    clause = {"property": "name", "operator": "eq", "value": name}
    return {"conjunction": "and", "clauses": [clause]}


@pytest.mark.parametrize("fault", Fault)
def test_a_write_is_done_once_whatever_happens_to_it(shop: Shop, fault: Fault) -> None:
    with (
        proxied(shop.service.url, scripted(fault, fault)) as proxy,
        sync_client(shop.service, proxy.url, timeout_seconds=TIMEOUT_SECONDS) as client,
    ):
        client.spend(shop.user, shop.tokens, units=3)
        proxy.plan = scripted(fault)
        client.ingest([event(shop.user, shop.tokens, units=4)])
        proxy.plan = scripted(fault, None, fault)
        with client.hold(shop.user, shop.tokens, units=50) as hold:
            hold.capture(units=5)
        spends = [body for path, body, _ in proxy.requests if path.endswith("spend")]
        keys = [key for path, _, key in proxy.requests if path.endswith("ingest")]

    assert (shop.used, shop.held) == (12, 0)
    assert len(set(spends)) == 1
    assert json.loads(spends[0])["external_id"]
    assert len(set(keys)) == 1
    assert keys[0]


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.HALVE])
def test_what_has_no_id_is_made_once(shop: Shop, fault: Fault) -> None:
    tag = uuid.uuid4().hex
    with (
        proxied(shop.service.url, scripted(fault, None, None, fault, None, fault)) as proxy,
        sync_client(shop.service, proxy.url) as client,
    ):
        made = client.customers.create(email=f"{tag}@example.com", metadata={"plan": "pro"})
        meter = client.meters.create(
            name=f"Units {tag}", filter=filter_of(tag), aggregation={"func": "count"}
        )
        proxy.plan = scripted(fault)
        client.customers.delete(CustomerId(made["id"]))

    assert made["metadata"] == {"plan": "pro"}
    assert [each["id"] for each in shop.client.meters.list(query=tag)["items"]] == [meter["id"]]
    with pytest.raises(NotFound):
        shop.client.customers.get(CustomerId(made["id"]))


def test_what_is_refused_is_not_sent_again(shop: Shop) -> None:
    with (
        proxied(shop.service.url, scripted()) as proxy,
        sync_client(shop.service, proxy.url) as client,
    ):
        with pytest.raises(InsufficientCredits) as refused:
            client.spend(shop.user, shop.tokens, units=Decimal("100.5"))
        with pytest.raises(Invalid) as invalid:
            client.spend(shop.user, shop.tokens, units=-1)
        with pytest.raises(NotFound):
            client.customers.get("nobody")
        with pytest.raises(Conflict):
            for units in (1, 2):
                client.spend(shop.user, shop.tokens, units=units, id=shop.user)
        with pytest.raises(Invalid):
            client.customers.create(email=f"{shop.user[5:]}@example.com")
        sent = len(proxy.requests)
    with Client("aureon_oat_wrong", shop.service.url) as nobody, pytest.raises(Unauthorized):
        nobody.customers.list()

    assert sent == 6
    assert refused.value.meter_id == shop.meter_id
    assert refused.value.required == Decimal("100.5")
    assert refused.value.available_credits == 100
    assert "100.5 units are required; 100 are available" in str(refused.value)
    assert invalid.value.problems[0]["loc"] == ["body", "metadata"]


def test_a_token_of_too_little_scope_is_told_so(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.service.token}"}
    made = httpx.post(
        f"{shop.service.url}/v1/tokens/", json={"scopes": ["customers:read"]}, headers=headers
    )
    with Client(made.json()["token"], shop.service.url) as reader:
        assert reader.customers.get(shop.user)
        with pytest.raises(Forbidden):
            reader.spend(shop.user, shop.tokens, units=1)


def test_the_deadline_ends_it_and_the_same_id_goes_on(shop: Shop) -> None:
    with (
        proxied(shop.service.url, lambda path: Fault.LOSE) as proxy,
        sync_client(shop.service, proxy.url, deadline_seconds=0.2) as client,
        pytest.raises(Unavailable) as given_up,
    ):
        client.spend(shop.user, shop.tokens, units=3)

    assert given_up.value.id
    shop.client.spend(shop.user, shop.tokens, units=3, id=given_up.value.id)
    assert shop.used == 3


def test_a_service_that_is_away_is_told_so() -> None:
    away = Client("aureon_oat_any", "http://127.0.0.1:9", deadline_seconds=0.1)
    with away, pytest.raises(Unavailable, match="ConnectError"):
        away.customers.list()
    nowhere = Client("aureon_oat_any", "gopher://example.com")
    with nowhere, pytest.raises(httpx.UnsupportedProtocol):
        nowhere.customers.list()


def test_a_wait_that_the_service_asks_for_and_that_is_too_long_is_not_waited(shop: Shop) -> None:
    answer = httpx.Response(429, headers={"Retry-After": "60"}, json={"detail": "Too many."})
    http = httpx.Client(transport=httpx.MockTransport(lambda request: answer))
    client = Client("aureon_oat_any", shop.service.url, http=http)
    with client, pytest.raises(TooMany):
        client.spend(shop.user, shop.tokens, units=1)


@pytest.mark.parametrize("missing", ["AUREON_URL", "AUREON_ACCESS_TOKEN"])
def test_a_client_without_token_or_address_says_which(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for name in ("AUREON_URL", "AUREON_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "http://localhost")
    Client()
    monkeypatch.delenv(missing)
    with pytest.raises(ValueError, match=missing):
        Client()


def test_numbers_are_exact_both_ways(shop: Shop) -> None:
    units = Decimal("0.000000001")
    shop.client.spend(shop.user, shop.tokens, units=units)
    balance = shop.balance
    assert balance["balance"] == Decimal("-99.999999999")
    assert all(type(balance[key]) is Decimal for key in ("balance", "held_units", "used_units"))
    assert type(balance["credited_units"]) is int
    for inexact in (0.1, True, "1"):
        with pytest.raises(TypeError, match="exact"):
            shop.client.spend(shop.user, shop.tokens, units=inexact)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NaN"):
        shop.client.spend(shop.user, shop.tokens, units=Decimal("nan"))
    with pytest.raises(ValueError, match="Out of range"):
        shop.client.spend(shop.user, shop.tokens, units=1, metadata={"n": float("inf")})


def test_lists_take_their_filters(shop: Shop) -> None:
    for model in ("small", "large", "large"):
        shop.client.spend(shop.user, shop.tokens, units=1, metadata={"model": model})
    by_model = shop.client.events.list(
        external_customer_id=shop.user,
        name=[shop.tokens, "others"],
        metadata={"model": "large"},
        limit=1,
        sorting="-timestamp",
    )
    assert by_model["pagination"] == {"total_count": 2, "max_page": 2}
    assert shop.client.events.get(by_model["items"][0]["id"])["metadata"]["model"] == "large"
    (balance,) = shop.client.customer_meters.list(external_customer_id=shop.user)["items"]
    assert shop.client.customer_meters.get(balance["id"])["balance"] == -97
    other = Shop.open(shop.service, shop.client)
    assert shop.client.meters.list(query=other.tokens, is_archived=True)["items"] == []
    renamed = shop.client.meters.update(other.meter_id, name="Renamed", is_archived=True)
    assert renamed["archived_at"]
    assert shop.client.meters.get(other.meter_id) == renamed
    assert shop.client.customers.update(shop.user, name="Ann")["name"] == "Ann"
    assert shop.client.customers.get(shop.user)["name"] == "Ann"


def assert_once(shop: Shop, happened: Counter[Fault]) -> None:
    """Each round of each worker has used ten units in four events, and everything happened."""
    assert (shop.used, shop.held) == (WORKERS * ROUNDS * 10, 0)
    # The items are read from the log; their number in all follows in a moment.
    pages = [
        shop.client.events.list(external_customer_id=shop.user, limit=100, page=page)["items"]
        for page in (1, 2)
    ]
    assert sum(map(len, pages)) == WORKERS * ROUNDS * 4 + len(GRANTS)
    assert len(happened) == len(Fault)


def test_sixteen_threads_count_once_and_hold_nothing_whatever_happens(shop: Shop) -> None:
    shop.grant(GRANTS[1])

    def work(number: int) -> None:
        for _ in range(ROUNDS):
            client.spend(shop.user, shop.tokens, units=1)
            batch.add(shop.user, shop.tokens, units=2)
            with client.hold(shop.user, shop.tokens, units=50) as hold:
                hold.capture(units=3)
            with suppress(ZeroDivisionError), client.hold(shop.user, shop.tokens, units=50) as hold:
                hold.use(7)
                raise ZeroDivisionError
            with suppress(KeyboardInterrupt), client.hold(shop.user, shop.tokens, units=50) as hold:
                hold.use(4)
                raise KeyboardInterrupt

    with (
        proxied(shop.service.url, by_chance(seed=19, chance=0.3)) as proxy,
        sync_client(shop.service, proxy.url, timeout_seconds=TIMEOUT_SECONDS) as client,
        client.batch(max_events=5, max_seconds=0.05) as batch,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        list(pool.map(work, range(WORKERS)))
    assert_once(shop, proxy.happened)


def test_sixteen_tasks_count_once_and_hold_nothing_whatever_happens(shop: Shop) -> None:
    shop.grant(GRANTS[1])

    async def work(client: AsyncClient, batch: AsyncBatch) -> None:
        for _ in range(ROUNDS):
            await client.spend(shop.user, shop.tokens, units=1)
            await batch.add(shop.user, shop.tokens, units=2)
            async with client.hold(shop.user, shop.tokens, units=50) as hold:
                await hold.capture(units=3)
            with suppress(ZeroDivisionError):
                async with client.hold(shop.user, shop.tokens, units=50) as hold:
                    hold.use(7)
                    raise ZeroDivisionError
            with suppress(asyncio.CancelledError):
                async with client.hold(shop.user, shop.tokens, units=50) as hold:
                    hold.use(4)
                    raise asyncio.CancelledError

    async def everyone() -> None:
        async with (
            async_client(shop.service, proxy.url, timeout_seconds=TIMEOUT_SECONDS) as client,
            client.batch(max_events=5, max_seconds=0.05) as batch,
        ):
            await asyncio.gather(*(work(client, batch) for _ in range(WORKERS)))

    with proxied(shop.service.url, by_chance(seed=20, chance=0.3)) as proxy:
        asyncio.run(everyone())
    assert_once(shop, proxy.happened)


def test_pauses_differ_within_their_bounds_and_are_as_long_as_the_service_asks() -> None:
    """Callers who failed together do not come back together."""
    busy = httpx.ReadTimeout("No answer.")
    for attempt in range(12):
        pauses = []
        for _ in range(20):
            tries = Tries(10_000, None)
            for _ in range(attempt):
                tries.pause(busy)
            pauses.append(tries.pause(busy))
        assert max(pauses) <= min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
        assert len(set(pauses)) > 1

    tries = Tries(10_000, None)
    for status in (429, 503):
        told = httpx.Response(status, headers={"Retry-After": "7"}, content=b"{}")
        with pytest.raises(Exception, match=str(status)) as failure:
            tries.answered(told)
        assert tries.pause(failure.value) >= 7
