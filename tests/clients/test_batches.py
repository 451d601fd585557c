"""A batch counts every event once, keeps few, and drops none in silence."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from aureon_client import NotSent
from tests.clients.fault_proxy import Fault, proxied, scripted
from tests.clients.shop import Shop, async_client, sync_client
from tests.support.local_service import clean_environment

LONGEST_SECONDS = 10.0


def sizes(requests: list[tuple[str, bytes, str | None]]) -> list[int]:
    return [len(json.loads(body)["events"]) for _, body, _ in requests]


def test_events_go_by_size_and_by_time(shop: Shop) -> None:
    with (
        proxied(shop.service.url, scripted()) as proxy,
        sync_client(shop.service, proxy.url) as client,
    ):
        with client.batch(max_events=3, max_seconds=60) as batch:
            for _ in range(7):
                batch.add(shop.user, shop.tokens, units=1)
            while len(proxy.requests) < 2:
                pass
            by_size = sizes(proxy.requests)
            batch.flush()
            flushed = shop.used
        with client.batch(max_seconds=0.01) as batch:
            batch.add(shop.user, shop.tokens, units=1)
            while len(proxy.requests) < 4:
                pass
    assert (by_size, flushed) == ([3, 3], 7)
    assert shop.used == 8
    assert len({key for _, _, key in proxy.requests}) == 4


def test_an_event_has_the_time_at_which_it_was_added(shop: Shop) -> None:
    before = datetime.now(UTC)
    then = before - timedelta(days=3)
    with shop.client.batch(max_seconds=60) as batch:
        batch.add(shop.user, shop.tokens, units=1)
        batch.add(shop.user, shop.tokens, units=2, timestamp=then, id=f"{shop.user}/2")
        batch.add(shop.user, shop.tokens, units=2, timestamp=then, id=f"{shop.user}/2")
        with pytest.raises(ValueError, match="offset"):
            batch.add(shop.user, shop.tokens, units=2, timestamp=then.replace(tzinfo=None))
    listed = shop.client.events.list(external_customer_id=shop.user, sorting="timestamp")["items"]
    assert datetime.fromisoformat(listed[0]["timestamp"]) == then
    assert datetime.fromisoformat(listed[-1]["timestamp"]) >= before
    assert shop.used == 3


def test_a_full_batch_makes_its_callers_wait(shop: Shop) -> None:
    reachable = threading.Event()
    with (
        proxied(
            shop.service.url, lambda path: None if reachable.is_set() else Fault.REFUSE
        ) as proxy,
        sync_client(shop.service, proxy.url) as client,
        client.batch(max_events=2, max_pending=4) as batch,
    ):
        added = []

        def add() -> None:
            for number in range(9):
                batch.add(shop.user, shop.tokens, units=1)
                added.append(number)

        adding = threading.Thread(target=add)
        adding.start()
        while len(proxy.requests) < 3:
            pass
        waiting = (len(added), adding.is_alive())
        reachable.set()
        adding.join(LONGEST_SECONDS)
        assert waiting == (4, True)
    assert shop.used == 9


def test_a_refused_event_is_told_and_those_beside_it_count(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.client.spend(shop.user, shop.tokens, units=1, id=f"{shop.user}/1")
    with pytest.raises(NotSent) as told, shop.client.batch(max_seconds=60) as batch:
        batch.add(shop.user, shop.tokens, units=1)
        batch.add("x" * 300, shop.tokens, units=2)
        batch.add(shop.user, shop.tokens, units=3)
        batch.add(shop.user, "", units=4)
        batch.add(shop.user, shop.tokens, units=5, id=f"{shop.user}/1")
        with pytest.raises(TypeError):
            batch.add(shop.user, shop.tokens, metadata={"at": object()})  # type: ignore[dict-item]
    refused = [(each.event["metadata"]["units"], each.reason) for each in told.value.refused]
    assert [units for units, _ in refused] == [2, 4, 5]
    assert "256 characters" in refused[0][1]
    assert "Another event" in refused[2][1]
    assert len(caplog.records) == 3
    assert shop.used == 5


def test_a_request_that_is_too_large_is_cut(shop: Shop) -> None:
    metadata = {f"{number:040}": "x" * 500 for number in range(49)}
    with shop.client.batch(max_events=400, max_seconds=60) as batch:
        for _ in range(400):
            batch.add(shop.user, shop.tokens, units=1, metadata=metadata)
    assert shop.used == 400


def test_what_could_not_be_sent_is_handed_back_and_counts_once_under_its_id(shop: Shop) -> None:
    away = scripted(*[Fault.LOSE] * 1_000)
    with (
        proxied(shop.service.url, away) as proxy,
        sync_client(shop.service, proxy.url) as client,
        pytest.raises(NotSent, match="3 events were not sent") as told,
        client.batch(max_events=2, max_seconds=60, close_seconds=0) as batch,
    ):
        for _ in range(3):
            batch.add(shop.user, shop.tokens, units=1)
    for request in told.value.unsent:
        shop.client.ingest(request.events, id=request.id)
    assert shop.used == 3


def test_a_batch_has_its_bounds(shop: Shop) -> None:
    for bounds in ({"max_events": 0}, {"max_events": 1_001}, {"max_pending": 99}):
        with pytest.raises(ValueError, match="1 to 1000"):
            shop.client.batch(**bounds)
    with shop.client.batch() as batch:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        batch.add(shop.user, shop.tokens, units=1)


def run(shop: Shop, code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code, shop.user, shop.tokens],
        env=clean_environment()
        | {"AUREON_URL": shop.service.url, "AUREON_ACCESS_TOKEN": shop.service.token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def test_what_is_left_is_sent_when_the_process_exits(shop: Shop) -> None:
    run(
        shop,
        """
import sys
from aureon_client import Client
batch = Client().batch(max_seconds=60)
for _ in range(5):
    batch.add(*sys.argv[1:], units=1)
""",
    )
    assert shop.used == 5


def test_what_can_not_be_sent_any_more_is_logged(shop: Shop) -> None:
    logged = run(
        shop,
        """
import asyncio, sys
from aureon_client import AsyncClient
async def main():
    batch = AsyncClient().batch(max_seconds=60)
    await batch.add(*sys.argv[1:], units=7)
asyncio.run(main())
""",
    )
    assert '"units":7' in logged
    assert "Not sent, under the id" in logged


def test_an_async_batch_does_the_same(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)

    async def everyone() -> None:
        async with async_client(shop.service, proxy.url) as client:
            async with client.batch(max_events=3, max_pending=3, max_seconds=60) as batch:
                await asyncio.gather(
                    *(batch.add(shop.user, shop.tokens, units=1) for _ in range(10))
                )
                await batch.flush()
            task = asyncio.create_task(cancelled(client.batch(max_seconds=60)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})

    async def cancelled(batch: object) -> None:
        from aureon_client import AsyncBatch

        assert isinstance(batch, AsyncBatch)
        async with batch:
            await batch.add(shop.user, shop.tokens, units=1)
            await asyncio.Event().wait()

    with proxied(shop.service.url, scripted(Fault.LOSE, Fault.REFUSE)) as proxy:
        asyncio.run(everyone())
    assert shop.used == 11
    assert max(sizes(proxy.requests)) == 3
    assert not caplog.records
