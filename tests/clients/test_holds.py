"""A hold ends with its block: captured, released, or expired, and never held for ever."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from itertools import accumulate, islice
from typing import Any

import anyio
import pytest

from aureon_client import AsyncClient, Conflict, HoldEnded, InsufficientCredits
from aureon_client.types import Hold
from tests.clients.fault_proxy import Fault, proxied, scripted
from tests.clients.shop import TIMEOUT_SECONDS, Shop, async_client
from tests.support.local_service import clean_environment

# An answer, and what each part of it costs.
CHUNKS = (b"An ", b"ans", b"wer")
UNITS_A_CHUNK = 3
BYTES = b"".join(CHUNKS)
USED_AFTER = [UNITS_A_CHUNK * -(-heard // 3) for heard in range(len(BYTES) + 1)]
POLLS = 500
LONGEST_SECONDS = 10.0


def test_a_hold_counts_what_is_captured_and_gives_back_the_rest(shop: Shop) -> None:
    with shop.client.hold(shop.user, shop.tokens, units=60) as hold:
        assert shop.held == 60
        with pytest.raises(InsufficientCredits), shop.client.hold(shop.user, shop.tokens, units=41):
            pass
        captured = hold.capture(units=17, metadata={"model": "small"})
    assert (shop.used, shop.held) == (17, 0)
    assert captured["status"] == "captured"
    event = shop.client.events.get(captured["event_id"] or "")
    assert event["metadata"] == {"units": 17, "model": "small"}


@pytest.mark.parametrize(
    ("told", "error", "used"),
    [
        ([], None, 0),
        ([5, 6], None, 11),
        ([5], ValueError, 0),
        ([5], KeyboardInterrupt, 5),
        ([], KeyboardInterrupt, 0),
    ],
)
def test_a_block_that_captures_nothing_counts_what_was_used_unless_it_failed(
    shop: Shop, told: list[int], error: type[BaseException] | None, used: int
) -> None:
    with (
        suppress(*[error] if error else []),
        shop.client.hold(shop.user, shop.tokens, units=60) as hold,
    ):
        for units in told:
            hold.use(units)
        if error is not None:
            raise error
    assert (shop.used, shop.held) == (used, 0)


def test_a_released_hold_counts_nothing(shop: Shop) -> None:
    with shop.client.hold(shop.user, shop.tokens, units=60) as hold:
        hold.use(5)
        hold.release()
    assert (shop.used, shop.held) == (0, 0)


def test_what_was_held_is_counted_where_more_was_used_than_is_left(shop: Shop) -> None:
    with (
        pytest.raises(InsufficientCredits),
        shop.client.hold(shop.user, shop.tokens, units=60) as hold,
    ):
        hold.capture(units=101)
    assert (shop.used, shop.held) == (60, 0)


@pytest.mark.parametrize("end", ["captured", "released"])
def test_work_that_was_done_is_not_done_again_under_its_id(shop: Shop, end: str) -> None:
    with shop.client.hold(shop.user, shop.tokens, units=60, id=shop.user) as hold:
        if end == "captured":
            hold.capture(units=5)
    with (
        pytest.raises(HoldEnded, match=end),
        shop.client.hold(shop.user, shop.tokens, units=60, id=shop.user),
    ):
        raise AssertionError
    with pytest.raises(Conflict), shop.client.hold(shop.user, shop.tokens, units=61, id=shop.user):
        raise AssertionError


def test_work_that_was_left_undone_goes_on_under_its_id(shop: Shop) -> None:
    """As after a crash: the hold that is there is the one."""
    shop.client.holds.place(shop.client.hold(shop.user, shop.tokens, units=60, id=shop.user)._body)
    with shop.client.hold(shop.user, shop.tokens, units=60, id=shop.user) as hold:
        assert shop.held == 60
        hold.capture(units=5)
    assert (shop.used, shop.held) == (5, 0)


def test_a_process_that_dies_holds_nothing_for_ever(shop: Shop) -> None:
    code = """
import os
import sys
from aureon_client import Client

user, tokens = sys.argv[1:]
with Client().hold(user, tokens, units=60, expires_in_seconds=1) as hold:
    hold.use(5)
    print(hold.placed["id"])
    sys.stdout.flush()
    os._exit(9)
"""
    died = subprocess.run(
        [sys.executable, "-c", code, shop.user, shop.tokens],
        env=clean_environment()
        | {"AUREON_URL": shop.service.url, "AUREON_ACCESS_TOKEN": shop.service.token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == 9, died.stderr
    hold_id = died.stdout.strip()
    reached(lambda: shop.client.holds.get(hold_id)["status"] == "expired")
    assert (shop.used, shop.held) == (0, 0)


def reached(condition: Callable[[], bool]) -> None:
    for _ in range(POLLS):
        if condition():
            return
    raise AssertionError


def test_a_hold_is_extended_for_as_long_as_its_block_lasts(shop: Shop) -> None:
    """Far past the second that it lasts by itself, and no longer than that."""

    def is_extended(placed: Hold) -> bool:
        found = shop.client.holds.get(placed["id"])
        return found["status"] == "open" and found["expires_at"] > placed["expires_at"]

    async def everyone() -> None:
        async with (
            async_client(shop.service) as client,
            client.hold(shop.user, shop.tokens, units=30, expires_in_seconds=1) as hold,
        ):
            await asyncio.to_thread(reached, lambda: is_extended(hold.placed))
            hold.use(5)
        assert not client._keeper._due

    with shop.client.hold(shop.user, shop.tokens, units=30, expires_in_seconds=1) as hold:
        reached(lambda: is_extended(hold.placed))
        hold.use(5)
    assert not shop.client._keeper._due
    asyncio.run(everyone())
    assert (shop.used, shop.held) == (10, 0)


def test_a_hold_that_is_released_elsewhere_is_not_extended_again(shop: Shop) -> None:
    """Its block finds out when it captures."""
    with (
        pytest.raises(Conflict),
        shop.client.hold(shop.user, shop.tokens, units=30, expires_in_seconds=1) as hold,
    ):
        shop.client.holds.release(hold.placed["id"])
        reached(lambda: shop.held == 0 and not shop.client._keeper._due)
        hold.capture(units=5)
    assert (shop.used, shop.held) == (0, 0)


def test_a_caller_that_hangs_up_at_any_byte_pays_for_what_was_streamed(shop: Shop) -> None:
    def answer() -> Iterator[int]:
        with shop.client.hold(shop.user, shop.tokens, units=20) as hold:
            for chunk in CHUNKS:
                hold.use(UNITS_A_CHUNK)
                yield from chunk

    for heard, used in enumerate(USED_AFTER):
        shop = shop.with_customer(20)
        stream = answer()
        assert bytes(islice(stream, heard)) == BYTES[:heard]
        stream.close()  # type: ignore[attr-defined]
        assert (shop.used, shop.held) == (used, 0), heard


Hangs = Callable[[AsyncIterator[int], int], Awaitable[None]]


async def closed(stream: AsyncIterator[int], heard: int) -> None:
    async with aclosing(stream):  # type: ignore[type-var]
        for _ in range(heard):
            await anext(stream)


async def cancelled(stream: AsyncIterator[int], heard: int) -> None:
    """As a task is: once, while it waits for the next byte."""
    heard_so_far: list[int] = []
    enough = asyncio.Event()

    async def hear() -> None:
        async for units in stream:
            heard_so_far.append(units)
            if len(heard_so_far) == heard:
                enough.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(hear())
    await asyncio.wait_for(enough.wait(), LONGEST_SECONDS)
    task.cancel()
    await asyncio.wait({task})


async def cancelled_by_a_scope(stream: AsyncIterator[int], heard: int) -> None:
    """As Starlette does it: at whatever is waited for, again and again."""
    with anyio.CancelScope() as scope:
        async for _ in stream:
            heard -= 1
            if heard == 0:
                scope.cancel()


@pytest.mark.parametrize("hang_up", [closed, cancelled, cancelled_by_a_scope])
def test_an_async_caller_that_hangs_up_at_any_byte_pays_for_what_was_streamed(
    shop: Shop, hang_up: Hangs
) -> None:
    async def answer(client: AsyncClient, user: str) -> AsyncIterator[int]:
        async with client.hold(user, shop.tokens, units=20) as hold:
            for chunk in CHUNKS:
                await asyncio.sleep(0)
                hold.use(UNITS_A_CHUNK)
                for byte in chunk:
                    await asyncio.sleep(0)
                    yield byte

    async def everyone() -> None:
        async with async_client(shop.service) as client:
            for heard, one in enumerate(shops, start=1):
                await hang_up(answer(client, one.user), heard)

    shops = [shop.with_customer(20) for _ in BYTES]
    asyncio.run(everyone())
    assert [(one.used, one.held) for one in shops] == [(used, 0) for used in USED_AFTER[1:]]


def test_a_server_whose_caller_is_gone_at_any_byte_counts_what_it_streamed(shop: Shop) -> None:
    """Over a connection: the task that answers is cancelled at what it waits for in its hold."""

    async def answer(
        client: AsyncClient, asked: asyncio.Queue[bytes], writer: asyncio.StreamWriter
    ) -> None:
        async with client.hold(shop.user, shop.tokens, units=9) as hold:
            for chunk in CHUNKS:
                for place, byte in enumerate(chunk):
                    await asked.get()
                    if place == 0:
                        hold.use(UNITS_A_CHUNK)
                    writer.write(bytes([byte]))
                    await writer.drain()

    async def serve(client: AsyncClient, connection: socket.socket) -> None:
        """Send a byte for each that is asked for, until nobody is there any more."""
        reader, writer = await asyncio.open_connection(sock=connection)
        asked: asyncio.Queue[bytes] = asyncio.Queue()
        task = asyncio.create_task(answer(client, asked, writer))
        while more := await reader.read(1):
            asked.put_nowait(more)
        task.cancel()
        await asyncio.wait({task})
        writer.close()

    async def call(connection: socket.socket, heard: int) -> bytes:
        reader, writer = await asyncio.open_connection(sock=connection)
        answered = b""
        for _ in range(heard):
            writer.write(b"?")
            answered += await reader.readexactly(1)
        writer.close()
        return answered

    async def everyone() -> None:
        async with async_client(shop.service) as client:
            for heard in range(len(BYTES) + 1):
                ours, theirs = socket.socketpair()
                _, answered = await asyncio.gather(serve(client, ours), call(theirs, heard))
                assert answered == BYTES[:heard]
                state = await client.customers.state(shop.user)
                told.append(state["active_meters"][0]["used_units"])

    told: list[Any] = []
    asyncio.run(everyone())
    assert told == list(accumulate(USED_AFTER))
    assert shop.held == 0


@pytest.mark.parametrize(
    ("scoped", "fault"),
    [
        (False, Fault.CUT),
        (False, Fault.LOSE),
        (False, Fault.REFUSE),
        (True, Fault.HALVE),
        (True, Fault.WITHHOLD),
    ],
)
def test_a_cancelled_task_settles_though_the_network_fails(
    shop: Shop, scoped: bool, fault: Fault
) -> None:
    """The capture is on its way, or still to be sent, when the task is gone."""

    async def work(client: AsyncClient, held: asyncio.Event) -> None:
        async with client.hold(shop.user, shop.tokens, units=60) as hold:
            hold.use(5)
            held.set()
            if scoped:
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    await hold.capture()
            await asyncio.Event().wait()

    async def everyone() -> None:
        client = async_client(shop.service, proxy.url, timeout_seconds=TIMEOUT_SECONDS)
        async with client:
            held = asyncio.Event()
            task = asyncio.create_task(work(client, held))
            await held.wait()
            task.cancel()
            await asyncio.wait({task})

    with proxied(shop.service.url, scripted(fault, path="capture")) as proxy:
        asyncio.run(everyone())
    assert (shop.used, shop.held) == (5, 0)
    assert proxy.happened[fault] == 1


def test_a_task_that_is_cancelled_while_it_places_a_hold_leaves_none(shop: Shop) -> None:
    async def work(client: AsyncClient) -> None:
        async with client.hold(shop.user, shop.tokens, units=20):
            raise AssertionError

    async def everyone() -> None:
        async with async_client(shop.service, proxy.url) as client:
            for scoped in (False, True):
                seen = len(proxy.requests)
                with anyio.CancelScope() as scope:
                    task = asyncio.create_task(work(client))
                    if scoped:
                        asyncio.get_running_loop().call_soon(scope.cancel)
                        await work(client)
                while len(proxy.requests) == seen:
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait({task})

    with proxied(shop.service.url, scripted()) as proxy:
        asyncio.run(everyone())
    assert [path.rpartition("/")[2] for path, _, _ in proxy.requests].count("release") == 3
    assert (shop.used, shop.held) == (0, 0)
