"""What each operation of the API costs: calls, units of capacity, and dollars for a million."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from aureon.core import exact
from aureon.storage.table import OUTBOX_MARK
from aureon_cli.gateway import Context
from bench.alerting import looks, prepare_told
from bench.scene import EVENT_NAME, INGEST, Act, Scene, engine_process, scene
from bench.units import PRICES, WARM, Spent, own_usd, projecting, spent
from tests.support.costs import consumption
from tests.support.handlers import HANDLERS
from tests.support.watched import Stream
from tests.support.watched import deliver as handed_over
from tests.support.webhook_deliveries import deliveries, receiver

# A request, `(method, path, body)`, for which its reply is sent back.
Steps = Generator[tuple[str, str, Any], dict[str, Any], None]
SPEND: Final = "/v1/credits/spend"
GRANTS: Final = "/v1/credits/grants"
# To send a job, to receive it, and to delete it.
QUEUE_REQUESTS: Final = 3
REFUNDS: Final = "/v1/credits/refunds"
HOLDS: Final = "/v1/credits/holds"


class Customer(NamedTuple):
    id: str
    external_id: str

    def event(self, units: int) -> dict[str, Any]:
        """What is spent, held or granted, under an id of its own."""
        return {
            "external_customer_id": self.external_id,
            "name": EVENT_NAME,
            "external_id": str(uuid.uuid4()),
            "metadata": {"units": units, "model": "small"},
        }


class Operation(NamedTuple):
    """Requests that serve one purpose, for a customer whose credits may have terms."""

    name: str
    steps: Callable[[Customer], Steps]
    terms: bool = False


def _ingest(customer: Customer) -> Steps:
    sent = customer.event(1)
    del sent["external_id"]
    yield "POST", INGEST, {"events": [sent]}


def _spend(customer: Customer) -> Steps:
    yield "POST", SPEND, customer.event(1)


def _hold_and_capture(customer: Customer) -> Steps:
    held = yield "POST", HOLDS, {**customer.event(5), "expires_in_seconds": 300}
    yield "POST", f"{HOLDS}/{held['id']}/capture", {"metadata": {"units": 3}}


def _hold_and_release(customer: Customer) -> Steps:
    held = yield "POST", HOLDS, {**customer.event(5), "expires_in_seconds": 300}
    yield "POST", f"{HOLDS}/{held['id']}/release", None


def _spend_and_refund(customer: Customer) -> Steps:
    spent = yield "POST", SPEND, customer.event(1)
    yield "POST", REFUNDS, {"event_id": spent["id"]}


def _grant(customer: Customer) -> Steps:
    yield "POST", GRANTS, customer.event(1)


def _grant_with_terms(customer: Customer) -> Steps:
    yield "POST", GRANTS, {**customer.event(1), "expires_in_seconds": 30 * 86_400}


def _state(customer: Customer) -> Steps:
    yield "GET", f"/v1/customers/{customer.id}/state", None


def _state_by_external_id(customer: Customer) -> Steps:
    yield "GET", f"/v1/customers/external/{customer.external_id}/state", None


OPERATIONS: Final = (
    Operation("ingest an event", _ingest),
    Operation("ingest an event, credits with terms", _ingest, terms=True),
    Operation("spend", _spend),
    Operation("spend, credits with terms", _spend, terms=True),
    Operation("hold and capture", _hold_and_capture),
    Operation("hold and capture, credits with terms", _hold_and_capture, terms=True),
    Operation("hold and release", _hold_and_release),
    Operation("spend and refund", _spend_and_refund),
    Operation("spend and refund, credits with terms", _spend_and_refund, terms=True),
    Operation("grant", _grant),
    Operation("grant with terms", _grant_with_terms),
    Operation("read the balances of a customer", _state),
    Operation("read the balances of a customer by external id", _state_by_external_id),
)


def measure(*, times: int) -> dict[str, Any]:
    """Measure each operation, on a customer of its own, so many times."""
    prices = json.loads(PRICES.read_text())
    with engine_process() as store, scene(store) as the_scene:
        the_scene.api.meter(EVENT_NAME)
        return {
            "times": times,
            "prices": prices,
            "operations": [_measured(the_scene, one, times, prices) for one in OPERATIONS],
            "told": list(_told(the_scene, times, prices)),
        }


def _told(the_scene: Scene, times: int, prices: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What looks at a balance take, and what a webhook takes that arrives at once."""
    with deliveries() as sent, receiver() as hook:
        prepare_told(the_scene, hook.url)
        acts = looks(the_scene)
        crossing, stream = acts["a crossing"], Stream(the_scene.store)

        def queueing() -> Act:
            crossing()()
            told = [one for one in stream.take() if OUTBOX_MARK in one["dynamodb"]["NewImage"]]
            return partial(handed_over, told[-1:])

        def delivering() -> Act:
            queueing()()
            return sent.deliver

        acts |= {"a webhook, into the queue": queueing, "a webhook, to its endpoint": delivering}
        for what, prepare in acts.items():
            used = spent(the_scene.store.client, prepare, times)
            requests = 1_000_000 * QUEUE_REQUESTS if prepare is delivering else 0
            queue = requests * prices["prices"]["sqs_request"]["usd"]
            dollars = queue + sum(own_usd(used, times, prices).values())
            yield {"name": what, **used.as_dict(times), "usd_a_million": dollars}


def _measured(
    the_scene: Scene, operation: Operation, times: int, prices: dict[str, Any]
) -> dict[str, Any]:
    (external_id,) = the_scene.customers(1, prefix=f"operation-{OPERATIONS.index(operation)}")
    found = the_scene.api.get(f"/v1/customers/external/{external_id}").body
    customer = Customer(found["id"], external_id)
    granted = customer.event(1_000_000)
    if operation.terms:
        granted["expires_in_seconds"] = 30 * 86_400
    reply = the_scene.api.post(GRANTS, granted)
    if reply.status != 200:
        raise RuntimeError(reply.text)
    runner = _Runner(the_scene, operation, customer)
    for _ in range(WARM):
        runner.run()
    with projecting(the_scene.store, prices) as projected, runner.measuring() as spent:
        for _ in range(times):
            runner.run()
    ours, theirs = spent[0], projected[0]
    requests = 1_000_000 * ours.times / times
    dollars = own_usd(ours, times, prices) | {
        "gateway": requests * prices["prices"]["http_api_request"]["usd"],
        "projector": sum(own_usd(theirs, times, prices).values()),
    }
    return {
        "name": operation.name,
        "requests": ours.times / times,
        **{f"{kind}_units": getattr(ours, kind) / times for kind in ("write", "read")},
        "calls": len(ours.consumed) / times,
        "cpu_ms": ours.cpu_seconds * 1_000 / times,
        "projector": {f"{kind}_units": getattr(theirs, kind) / times for kind in ("write", "read")},
        "usd_a_million": {**dollars, "all": sum(dollars.values())},
    }


class _Runner:
    """Runs an operation again and again, and times what is in the handlers of its requests."""

    def __init__(self, the_scene: Scene, operation: Operation, customer: Customer) -> None:
        self._scene, self._operation, self._customer = the_scene, operation, customer
        self._requests, self._cpu_seconds = 0, 0.0

    def run(self) -> None:
        steps = self._operation.steps(self._customer)
        request = next(steps, None)
        while request is not None:
            method, path, body = request
            content = b"" if body is None else exact.write(body)
            name, event = self._scene.api.event(method, path, content)
            started = time.process_time()
            answer = HANDLERS[name](event, Context(name))
            self._cpu_seconds += time.process_time() - started
            self._requests += 1
            if answer["statusCode"] != 200:
                raise RuntimeError(answer["body"])
            try:
                request = steps.send(json.loads(answer["body"]))
            except StopIteration:
                request = None

    @contextmanager
    def measuring(self) -> Iterator[list[Spent]]:
        """What runs within take: one `Spent`, once it is over."""
        found: list[Spent] = []
        self._requests, self._cpu_seconds = 0, 0.0
        with consumption(self._scene.store.client) as consumed:
            yield found
        found.append(Spent(self._requests, consumed, self._cpu_seconds))
