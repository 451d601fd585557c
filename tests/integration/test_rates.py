"""The limit of a token: never more than it says, with few writes, across containers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from aureon.access import admission, tokens
from aureon.access.rates import RateLimiter, window_seconds
from aureon.access.tokens import Access, TokenAuthenticator
from aureon.core.errors import TooManyRequests
from aureon.storage.store import Store
from aureon.storage.table import DELETE_AFTER
from bench.rate_limits import simulate
from tests.support import inline_engine
from tests.support.faults import Fault, faults, nth
from tests.support.handlers import Api, invoke
from tests.support.recount import scan
from tests.support.seams import restart_handlers, without_pauses


@pytest.fixture
def store() -> Iterator[Store]:
    """Containers that meet wait for each other, as they do elsewhere."""
    with inline_engine.table() as store:
        yield store


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the time that limits go by, in seconds."""

    def set_to(moment: float) -> None:
        monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0 + moment)

    set_to(0.0)
    return set_to


def limited(api: Api, requests_per_second: int, **more: Any) -> Api:
    token, _ = tokens.create(api.store, requests_per_second=requests_per_second, **more)
    return replace(api, token=token)


def access_of(api: Api) -> Access:
    return TokenAuthenticator().authenticate(api.store, f"Bearer {api.token}")


def counts(api: Api) -> list[Any]:
    return [item for item in scan(api.store) if "#RATE#" in item["pk"]]


def test_a_token_is_refused_beyond_its_limit_and_says_when_to_try_again(
    api: Api, at: Callable[[float], None]
) -> None:
    service = limited(api, 20)
    at(100.25)
    replies = [service.get("/v1/meters/", limit=1) for _ in range(25)]
    assert [reply.status for reply in replies] == [200] * 20 + [429] * 5
    refused = replies[-1]
    assert refused.body == {
        "error": "TooManyRequests",
        "detail": "This token may make 20 requests a second.",
    }
    assert refused.headers["Retry-After"] == "1"
    assert api.get("/v1/meters/").status == 200, "another token is not held back"
    at(101.0)
    assert service.get("/v1/meters/").status == 200


def test_a_low_limit_is_counted_over_seconds_and_says_how_many_are_left(
    api: Api, at: Callable[[float], None]
) -> None:
    assert [window_seconds(limit) for limit in (1, 2, 5, 19, 20, 10_000)] == [10, 10, 4, 2, 1, 1]
    service = limited(api, 5)
    at(4.5)
    assert [service.get("/v1/meters/").status for _ in range(21)] == [200] * 20 + [429]
    assert service.get("/v1/meters/").headers["Retry-After"] == "4"
    at(7.5)
    assert service.get("/v1/meters/").headers["Retry-After"] == "1"
    at(8.0)
    assert service.get("/v1/meters/").status == 200


def test_functions_and_containers_share_one_budget_and_what_is_refused_does_nothing(
    api: Api, at: Callable[[float], None]
) -> None:
    api.meter()
    service = limited(api, 20)
    event = {"name": "api_usage", "external_customer_id": "u", "metadata": {"units": 1}}
    done = 0
    for number in range(60):
        if number % 7 == 0:
            restart_handlers()
        done += service.ingest(event).status == 200
        done += service.get("/v1/meters/").status == 200
    assert 0 < done <= 20
    restart_handlers()
    counted = api.get("/v1/events/", external_customer_id="u").body["pagination"]["total_count"]
    assert counted <= done


def test_as_many_as_may_pass_however_many_containers_ask_at_once(
    api: Api, at: Callable[[float], None]
) -> None:
    access = access_of(limited(api, 50))

    def container(_: int) -> tuple[int, int]:
        limiter = RateLimiter()
        passed = 0
        for _ in range(30):
            try:
                limiter.admit(api.store, access)
            except TooManyRequests:
                continue
            passed += 1
        return passed, sum(part.left for part in limiter._parts.values())

    with ThreadPoolExecutor(16) as pool:
        passed, left = zip(*pool.map(container, range(16)), strict=True)
    # A container that stops asking keeps what it took.
    assert sum(passed) + sum(left) == 50
    assert sum(passed) >= 30


def test_threads_of_one_container_pass_as_many_as_may(
    api: Api, at: Callable[[float], None]
) -> None:
    access, limiter = access_of(limited(api, 50)), RateLimiter()

    def ask(_: int) -> bool:
        try:
            limiter.admit(api.store, access)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(400))) == 50


def test_requests_cost_few_writes_and_refusals_none(api: Api, at: Callable[[float], None]) -> None:
    access, limiter = access_of(limited(api, 100)), RateLimiter()
    for second in range(5):
        at(float(second))
        with faults(api.store.client) as calls:
            for _ in range(100):
                limiter.admit(api.store, access)
            for _ in range(1_000):
                with pytest.raises(TooManyRequests):
                    limiter.admit(api.store, access)
        assert set(calls.operations()) == {"UpdateItem"}
        assert len(calls) <= 14
    with faults(api.store.client) as calls:
        RateLimiter().admit(api.store, access_of(api))
    assert calls.operations() == ["GetItem"], "a token without a limit costs nothing"


def test_counts_go_by_themselves_and_belong_to_the_organization(
    api: Api, at: Callable[[float], None]
) -> None:
    limited(api, 20).get("/v1/meters/")
    (item,) = counts(api)
    assert item["pk"].startswith(f"{api.organization_id}#RATE#")
    assert item[DELETE_AFTER] > 1_800_000_000


def test_a_limit_that_cannot_be_counted_lets_nothing_pass(
    api: Api, at: Callable[[float], None]
) -> None:
    service = limited(api, 20)
    restart_handlers()
    with without_pauses(), faults(api.store.client, nth(1, Fault.THROTTLE)):
        assert service.get("/v1/meters/").status == 503
    assert service.get("/v1/meters/").status == 200


def test_the_queue_counts_too(api: Api, at: Callable[[float], None]) -> None:
    service = limited(api, 20, scopes=["events:write"])
    asked = {
        "headers": {"authorization": f"Bearer {service.token}"},
        "requestContext": {"requestId": ""},
    }
    passed = [invoke("authorizer", asked)["isAuthorized"] for _ in range(30)]
    assert passed == [True] * 20 + [False] * 10
    with pytest.raises(TooManyRequests):
        admission.authorize(TokenAuthenticator(), RateLimiter(), api.store, asked["headers"])


def test_a_limit_is_made_shown_and_handed_on(api: Api) -> None:
    body = {"scopes": ["tokens:write", "tokens:read"], "requests_per_second": 50}
    made = api.post("/v1/tokens/", body).body
    assert made["requests_per_second"] == 50
    service = replace(api, token=made["token"])
    assert service.get("/v1/tokens/current").body["requests_per_second"] == 50
    listed = {one["id"]: one["requests_per_second"] for one in api.get("/v1/tokens/").body["items"]}
    assert listed[made["id"]] == 50
    assert set(listed.values()) == {50, None}
    child = {"scopes": ["tokens:read"]}
    for more in ({}, {"requests_per_second": 51}, {"requests_per_second": None}):
        refused = service.post("/v1/tokens/", child | more)
        assert refused.problems() == {("body", "requests_per_second")}
    assert service.post("/v1/tokens/", child | {"requests_per_second": 50}).status == 201
    for wrong in (0, -1, 10_001, 1.5, "5", True):
        refused = api.post("/v1/tokens/", child | {"requests_per_second": wrong})
        assert refused.problems() == {("body", "requests_per_second")}


@pytest.mark.parametrize("limit", [1, 20, 200])
@pytest.mark.parametrize("load", [0.8, 3.0])
def test_in_a_simulation_of_many_containers_the_limit_is_kept_and_nearly_used(
    limit: int, load: float
) -> None:
    """The figures of decision 20."""
    run = simulate(limit, load, seconds=max(40, 4_000 // limit))
    assert run.most <= limit * window_seconds(limit)
    may = min(run.offered, limit * max(40, 4_000 // limit))
    assert run.admitted >= 0.85 * may
    assert run.writes < 0.6 * run.offered
