"""Listens to webhooks: reads what an endpoint of its own gets, prints it, and forwards it.

Deliveries are read, not received, so a machine without a public address gets them too. Each is
forwarded as Aureon would send it: the same body and id, signed with the endpoint's secret.
"""

from __future__ import annotations

import platform
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import httpx
import typer

from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.webhooks import endpoints, sending
from aureon_cli.transfer.http_api import BACKOFF, HttpApi

POLL_SECONDS: Final = 0.5
PAGE_ITEMS: Final = 100
FORWARD_SECONDS: Final = 10.0

Json = dict[str, Any]


class Listener(HttpApi):
    """An endpoint that is there as long as somebody listens."""

    scopes = "webhooks:write"

    def __init__(self, url: str, token: str, forward_to: str | None) -> None:
        super().__init__(url, token)
        self._forward_to = forward_to
        self._local = httpx.Client(timeout=FORWARD_SECONDS, trust_env=False)

    def run(self, types: Sequence[str], count: int | None) -> None:
        """Print and forward webhooks until there were so many, or somebody ends it."""
        with _ended_by_signals(), self._endpoint(types) as endpoint:
            typer.echo(f"Listening. The secret is {endpoint['secret']}", err=True)
            for told, delivery in enumerate(self._deliveries(endpoint["id"]), 1):
                self._tell(delivery["webhook_event"], endpoint["secret"])
                if told == count:
                    return

    @contextmanager
    def _endpoint(self, types: Sequence[str]) -> Iterator[Json]:
        wanted = {
            "url": endpoints.LISTENER,
            "name": f"aureon webhooks listen on {platform.node()}"[: endpoints.MAX_NAME_CHARACTERS],
            "events": list(types),
        }
        answer = self._call("POST", "/v1/webhooks/endpoints", json=wanted)
        if answer.status_code != 201:
            raise self._unexpected(answer)
        with self._sense():
            made: Json = answer.json()
            path = f"/v1/webhooks/endpoints/{made['id']}"
        try:
            yield made
        except KeyboardInterrupt:
            typer.echo("Ended.", err=True)
        finally:
            self._call("DELETE", path)
            self._local.close()
            self.close()

    def _deliveries(self, endpoint_id: str) -> Iterator[Json]:
        """What is delivered, oldest first; each attempt once."""
        seen: set[str] = set()
        failures = 0
        while True:
            try:
                new = self._new(endpoint_id, seen)
                failures = 0
            except Unavailable as error:
                typer.echo(f"aureon: {error} Trying again.", err=True)
                failures += 1
                BACKOFF.wait(failures)
                continue
            for delivery in reversed(new):
                seen.add(delivery["id"])
                yield delivery
            time.sleep(POLL_SECONDS)

    def _new(self, endpoint_id: str, seen: set[str]) -> list[Json]:
        """The deliveries that were not seen, newest first."""
        found: list[Json] = []
        page = 1
        while True:
            query = {"endpoint_id": endpoint_id, "limit": PAGE_ITEMS, "page": page}
            answer = self._call("GET", "/v1/webhooks/deliveries", params=query)
            if answer.status_code != 200:
                raise self._unexpected(answer)
            with self._sense():
                listed = answer.json()
                items = listed["items"]
                found += [each for each in items if each["id"] not in seen]
                is_last = page >= listed["pagination"]["max_page"]
            if is_last or any(each["id"] in seen for each in items):
                return found
            page += 1

    def _tell(self, event: Json, secret: str) -> None:
        typer.echo(event["payload"])
        said = f"{event['type']} {event['id']}"
        if self._forward_to is not None:
            said += f" -> {self._forward(event, secret)}"
        typer.echo(said, err=True)

    def _forward(self, event: Json, secret: str) -> str:
        """Send a webhook to the local URL; say what came of it."""
        headers = sending.headers(secret, event["id"], event["payload"], times.now())
        try:
            answer = self._local.post(
                str(self._forward_to), content=event["payload"].encode(), headers=dict(headers)
            )
        except httpx.HTTPError as error:
            return f"failed: {error}"
        return str(answer.status_code)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end it as Ctrl+C does: the endpoint has to go."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
