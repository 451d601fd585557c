"""The guide, and every pattern of docs/patterns.md, with the client: repeats, crashes, crowds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

import httpx
import pytest

from aureon_client import Client, CustomerId, HoldEnded, InsufficientCredits, event
from tests.clients.shop import Shop, sync_client

CALLERS = 8
Result = TypeVar("Result")


def at_once(call: Callable[[], Result]) -> list[Result]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return [done.result() for done in [pool.submit(call) for _ in range(CALLERS)]]


class Died(BaseException):
    """A process has died: it sends nothing any more, and hears nothing."""


class Mortal(httpx.BaseTransport):
    """What a process sends requests with until it dies: at one, or before it hears its answer."""

    def __init__(self, requests: int, *, hears: bool) -> None:
        self.left = requests
        self.died = False
        self._hears = hears
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.died:
            raise Died
        self.left -= 1
        if self.left < 0:
            self.died = True
            if not self._hears:
                self._inner.handle_request(request).read()
            raise Died
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


Pattern = Callable[[Client, Shop], Any]


def top_up(client: Client, shop: Shop) -> int:
    order = event(shop.user, shop.tokens, units=-100, id=f"order/{shop.user}")
    inserted: int = client.ingest([order])["inserted"]
    return inserted


def spend_before_serving(client: Client, shop: Shop) -> None:
    client.spend(shop.user, shop.tokens, units=30, id=f"{shop.user}/1")


def sign_up(client: Client, shop: Shop) -> str:
    allowance = client.grants.create(
        shop.user,
        shop.tokens,
        units=10,
        id=f"allowance/{shop.user}",
        recurrence={"every": "month"},
        rollover={"max_units": 5},
        priority=10,
    )
    return allowance["id"]


def answer(client: Client, shop: Shop, units: int = 17) -> None:
    with (
        suppress(HoldEnded),
        client.hold(shop.user, shop.tokens, units=30, id=f"{shop.user}/2") as hold,
    ):
        hold.use(1)
        hold.capture(units=units, limit=10**14)


def overrun(client: Client, shop: Shop) -> None:
    answer(client, shop, 115)


def overage(client: Client, shop: Shop) -> None:
    client.spend(shop.user, shop.tokens, units=130, limit=50, id=f"{shop.user}/1")
    bill(client, shop)


def bill(client: Client, shop: Shop) -> int:
    (balance,) = client.customers.state(shop.user)["active_meters"]
    owed = max(0, int(balance["balance"]))
    if not owed:
        return 0
    invoice = event(shop.user, shop.tokens, units=-owed, id=f"invoice/{shop.user}")
    inserted: int = client.ingest([invoice])["inserted"]
    return inserted


# What each leaves of 100 credits: the balance, what was used, and what was granted.
PATTERNS: dict[Pattern, tuple[int, int, int]] = {
    top_up: (-200, 0, 200),
    spend_before_serving: (-70, 30, 100),
    sign_up: (-110, 0, 110),
    answer: (-83, 17, 100),
    overrun: (15, 115, 100),
    overage: (0, 130, 130),
}


@pytest.mark.parametrize("hears", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_a_pattern_is_done_again_after_a_crash_at_each_of_its_requests(
    shop: Shop, pattern: Pattern, hears: bool
) -> None:
    for requests in count():
        one = shop.with_customer(100)
        mortal = Mortal(requests, hears=hears)
        with (
            suppress(Died),
            httpx.Client(transport=mortal) as http,
            sync_client(shop.service, http=http) as client,
        ):
            pattern(client, one)
        if not mortal.died:
            break
        pattern(shop.client, one)
        pattern(shop.client, one)
        found = one.balance
        left = tuple(int(found[key]) for key in ("balance", "used_units", "granted_units"))
        assert left == PATTERNS[pattern]
        assert one.held == 0
    assert requests > 0


def test_the_guide(shop: Shop) -> None:
    shop = shop.with_customer(0)
    client = shop.client
    id_ = CustomerId(client.customers.get(shop.user)["id"])

    def shown(meter: Any) -> tuple[Any, Any]:
        return meter["balance"], meter["available_credits"]

    def balances() -> set[tuple[Any, Any]]:
        listed = client.customer_meters.list(customer_id=id_, meter_id=shop.meter_id)
        by_id, by_name = client.customers.state(id_), client.customers.state(shop.user)
        (mine,), (same,) = by_id["active_meters"], by_name["active_meters"]
        return {shown(listed["items"][0]), shown(mine), shown(same)}

    client.ingest([event(id_, shop.tokens, units=-6)])
    client.ingest([event(shop.user, shop.tokens, units=-4)])
    assert balances() == {(-10, 10)}
    client.ingest([event(id_, shop.tokens, units=3)])
    assert balances() == {(-7, 7)}
    client.ingest([event(id_, shop.tokens, units=8)])
    assert balances() == {(1, 0)}
    client.customers.delete(id_)


def test_a_top_up_that_comes_often_at_once_grants_once(shop: Shop) -> None:
    assert sum(at_once(lambda: top_up(shop.client, shop))) == 1
    assert shop.balance["available_credits"] == 200


def test_a_spend_before_serving_is_made_once_and_never_too_much(shop: Shop) -> None:
    def spend() -> bool:
        try:
            shop.client.spend(shop.user, shop.tokens, units=30)
        except InsufficientCredits:
            return False
        return True

    at_once(lambda: spend_before_serving(shop.client, shop))
    assert shop.used == 30
    assert sum(at_once(spend)) == 2
    assert shop.balance["available_credits"] == 10


def test_a_free_monthly_allowance_is_granted_once_and_spent_before_what_is_paid(shop: Shop) -> None:
    (id_,) = set(at_once(lambda: sign_up(shop.client, shop)))
    assert shop.balance["available_credits"] == 110

    shop.client.spend(shop.user, shop.tokens, units=18)
    allowance = shop.client.grants.get(id_)
    assert allowance["remaining_units"] == 0
    assert allowance["units"] == 10
    assert shop.balance["available_credits"] == 92


def test_holds_for_calls_to_a_model_in_a_crowd_cover_what_they_cost(shop: Shop) -> None:
    def answer() -> str:
        try:
            with shop.client.hold(shop.user, shop.tokens, units=30) as hold:
                hold.capture(units=17)
        except InsufficientCredits:
            return "too few credits left"
        return "answered"

    told = at_once(answer)
    assert {"answered"} <= set(told)
    assert (shop.used, shop.held) == (17 * told.count("answered"), 0)
    assert shop.used <= 100


def test_an_answer_that_cost_more_than_was_held_is_counted_as_far_as_its_capture_allows(
    shop: Shop,
) -> None:
    with shop.client.hold(shop.user, shop.tokens, units=100) as hold:
        with pytest.raises(InsufficientCredits):
            shop.client.holds.capture(hold.placed["id"], units=115)
        hold.capture(units=115, limit=10**14)
        hold.capture(units=115, limit=10**14)
    assert shop.balance["balance"] == 15
    assert shop.held == 0


def test_an_overage_is_billed_once(shop: Shop) -> None:
    shop.client.spend(shop.user, shop.tokens, units=130, limit=50)
    with pytest.raises(InsufficientCredits):
        shop.client.spend(shop.user, shop.tokens, units=21, limit=50)

    assert sum(at_once(lambda: bill(shop.client, shop))) == 1
    assert shop.balance["balance"] == 0
