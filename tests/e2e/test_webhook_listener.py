"""``aureon webhooks listen`` gets webhooks to a machine without a public address."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from standardwebhooks.webhooks import Webhook

from tests.e2e.test_dev_webhooks import client_of, post, wait_for
from tests.support.local_service import AUREON, STOP_SECONDS, Service, clean_environment
from tests.support.webhook_deliveries import receiver


@contextmanager
def listening(service: Service, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, once it listens, and the secret that it has printed."""
    environment = {"AUREON_URL": service.url, "AUREON_ACCESS_TOKEN": service.token}
    process = subprocess.Popen(
        [AUREON, "webhooks", "listen", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment() | environment,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline().strip()
        assert said.startswith("Listening. The secret is whsec_"), said
        yield process, said.rpartition(" ")[2]
    finally:
        process.kill()
        process.wait()


def listeners(service: Service) -> list[str]:
    with client_of(service) as api:
        found = api.get("/v1/webhooks/endpoints", params={"limit": 100}).json()["items"]
    return [each["id"] for each in found if each["url"] == "aureon:listen"]


def test_it_prints_and_forwards_what_comes_with_a_signature_that_verifies(
    service: Service,
) -> None:
    tag = uuid.uuid4().hex
    with (
        receiver() as hook,
        listening(
            service, "--event", "customer.created", "--forward-to", hook.url, "--count", "2"
        ) as (process, secret),
        client_of(service) as api,
    ):
        assert len(listeners(service)) == 1
        first = post(api, "/v1/customers/", {"email": f"{tag}@example.com"})
        wait_for(lambda: hook.received)
        event_id = hook.received[0].headers["webhook-id"]
        post(api, f"/v1/webhooks/events/{event_id}/redeliver", {})
        printed, said = process.communicate(timeout=STOP_SECONDS)

        assert process.returncode == 0, said
        lines = printed.splitlines()
        assert [json.loads(line)["data"]["id"] for line in lines] == [first["id"]] * 2
        assert [one.body.decode() for one in hook.received] == lines
        assert [one.headers["webhook-id"] for one in hook.received] == [event_id] * 2
        for one in hook.received:
            Webhook(secret.encode()).verify(one.body, dict(one.headers))
        assert f"customer.created {event_id} -> 200" in said
    assert listeners(service) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_endpoint_goes_when_somebody_ends_it(service: Service, number: int) -> None:
    with listening(service) as (process, _):
        assert len(listeners(service)) == 1
        process.send_signal(number)
        _, said = process.communicate(timeout=STOP_SECONDS)

        assert (process.returncode, said.strip()) == (0, "Ended.")
    assert listeners(service) == []


def test_a_local_url_that_does_not_answer_is_said_and_the_rest_goes_on(service: Service) -> None:
    tag = uuid.uuid4().hex
    with (
        listening(
            service,
            *("--event", "customer.created", "--event", "customer.deleted"),
            *("--forward-to", "http://127.0.0.1:1/", "--count", "2"),
        ) as (process, _),
        client_of(service) as api,
    ):
        customer = post(api, "/v1/customers/", {"email": f"{tag}@example.com"})
        api.delete(f"/v1/customers/{customer['id']}").raise_for_status()
        printed, said = process.communicate(timeout=STOP_SECONDS)

        assert process.returncode == 0
        assert said.count("failed: ") == 2
        types = {json.loads(line)["type"] for line in printed.splitlines()}
        assert types == {"customer.created", "customer.deleted"}


def test_what_it_cannot_do_it_says(service: Service) -> None:
    def refused(*arguments: str) -> str:
        ended = subprocess.run(
            [AUREON, "webhooks", "listen", "--url", service.url, *arguments],
            capture_output=True,
            text=True,
            env=clean_environment(),
            timeout=STOP_SECONDS,
            check=False,
        )
        assert ended.returncode in (1, 2)
        assert ended.stdout == ""
        return " ".join(ended.stderr.split())

    assert "credits.low" in refused("--token", service.token, "--event", "order.created")
    assert "a URL" in refused("--token", service.token, "--forward-to", "localhost")
    assert "does not take this token for webhooks:write" in refused("--token", "aureon_oat_wrong")
