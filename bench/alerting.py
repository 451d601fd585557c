"""How soon an alert follows the call that crosses, and how what looks and tells grows.

The time is that of ``aureon dev``, from the answer of the crossing call to the alert, which is
written with its webhooks in one transaction. What grows is measured as in `bench.growth`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from aureon.storage import keys
from aureon.storage import store as aureon_store
from aureon.storage.store import Store
from aureon_cli import engine
from bench.growth import Prepare, _Clock, _taken, growth
from bench.scene import EVENT_NAME, INGEST, Act, Scene
from tests.support.handlers import invoke
from tests.support.listed_customers import fill
from tests.support.local_service import started
from tests.support.makers import usage
from tests.support.watched import deliver, record, watch_all
from tests.support.webhook_deliveries import deliveries

CUSTOMERS: Final = (1, 100, 10_000)
ENDPOINTS: Final = (1, 20)
THRESHOLDS: Final = (1, 10)
WATCHED: Final = "watched"
HOOKED: Final = "https://example.com/"
HOOK: Final = "/v1/webhooks/endpoints"
TYPES: Final = ["credits.low", "credits.recovered", "customer.state_changed"]


def measure(*, crossings: int, largest: int, times: int) -> dict[str, Any]:
    """Measure so many crossings, and each size that is no larger."""
    sizes: dict[str, tuple[tuple[int, ...], Prepare]] = {
        "customers": (CUSTOMERS, lambda scene, size: _prepare(scene, customers=size)),
        "webhook endpoints": (ENDPOINTS, lambda scene, size: _prepare(scene, endpoints=size)),
        "thresholds of a meter": (THRESHOLDS, lambda scene, size: _prepare(scene, levels=size)),
    }
    return {
        "crossings": crossings,
        "latency_ms": _latency(crossings),
        "times": times,
        "growths": [
            growth(name, each, largest, times, prepare, _figures)
            for name, (each, prepare) in sizes.items()
        ],
    }


def _latency(crossings: int) -> dict[str, float]:
    found = []
    with tempfile.TemporaryDirectory(prefix="aureon-bench-") as folder:
        data = Path(folder) / "data"
        with started(data) as run:
            service = run.ready()
            notice = json.loads((data / "engine.json").read_text())
            engine.bypass_proxies()
            client = aureon_store.connect(notice["endpoint_url"], **engine.CREDENTIALS)
            own = Store(client, notice["table"]).of(service.organization_id)
            headers = {"Authorization": f"Bearer {service.token}"}
            with httpx.Client(base_url=service.url, headers=headers, trust_env=False) as api:
                meter = api.post("/v1/meters/", json=_meter([{"available_credits": 100}]))
                meter.raise_for_status()
                for number in range(crossings):
                    name = f"user_{number}"
                    customer = {"email": f"{name}@example.com", "external_id": name}
                    made = api.post("/v1/customers/", json=customer).json()
                    for units in (-1_000, 950):
                        answer = api.post(INGEST, json={"events": [usage(units, name)]})
                        answer.raise_for_status()
                    answered = time.perf_counter()
                    while not list(own.query(own.keys.alerts(made["id"]))):
                        time.sleep(0.001)
                    found.append((time.perf_counter() - answered) * 1_000)
    percentiles = statistics.quantiles(found, n=100)
    return {"p50": percentiles[49], "p99": percentiles[98], "longest": max(found)}


def _meter(thresholds: list[Any]) -> dict[str, Any]:
    clause = {"property": "name", "operator": "eq", "value": EVENT_NAME}
    return {
        "name": "Watched",
        "filter": {"conjunction": "and", "clauses": [clause]},
        "aggregation": {"func": "sum", "property": "units"},
        "thresholds": thresholds,
    }


def _prepare(the_scene: Scene, *, customers: int = 1, endpoints: int = 1, levels: int = 1) -> None:
    for _ in range(endpoints - 1):
        the_scene.api.post(HOOK, {"url": HOOKED, "events": TYPES})
    prepare_told(the_scene, HOOKED, levels)
    fill(the_scene.api.store, customers - 1)


def prepare_told(the_scene: Scene, url: str, levels: int = 1) -> None:
    """A customer with 1,000 units of a meter that has thresholds, and an endpoint that is told."""
    api = the_scene.api
    made = [
        api.post(
            "/v1/meters/", _meter([{"available_credits": 100 + one} for one in range(levels)])
        ),
        api.post(HOOK, {"url": url, "events": TYPES}),
        # After the meter, which else had a past to count.
        api.post("/v1/customers/", {"email": "watched@example.com", "external_id": WATCHED}),
        api.ingest(usage(-1_000, WATCHED)),
    ]
    if any(reply.status >= 300 for reply in made):
        raise RuntimeError([reply.text for reply in made])
    watch_all(api.store)


def looks(the_scene: Scene) -> dict[str, Callable[[], Act]]:
    """What an evaluator does for the watched customer: each as something to measure."""
    api = the_scene.api
    customer_id = api.get(f"/v1/customers/external/{WATCHED}").body["id"]
    partition = api.store.keys.customer(customer_id).pk

    left = 1_000

    def after(*targets: int) -> Act:
        """Look once so much is left; what was left before is looked at already."""
        nonlocal left
        for number, target in enumerate(targets, 1):
            api.ingest(usage(left - target, WATCHED))
            left = target
            moved = api.store.query(partition, prefix=keys.BALANCE_PREFIX)
            act = partial(deliver, [record(item) for item in moved])
            if number < len(targets):
                act()
        return act

    return {
        "a look that finds nothing new": partial(after, 1_000),
        "a crossing": partial(after, 1_000, 50),
        "a recovery": partial(after, 50, 1_000),
    }


def _figures(store: Store, the_scene: Scene, clock: _Clock, times: int) -> dict[str, Any]:
    sweep = partial(invoke, "sweep", {"source": "aws.events"})
    acts: dict[str, Callable[[], Act]] = {
        **looks(the_scene),
        "a sweep that finds nothing": lambda: sweep,
        "alerts, first page": partial(the_scene.call, "GET", "/v1/alerts/"),
        "deliveries, first page": partial(the_scene.call, "GET", "/v1/webhooks/deliveries"),
    }
    with deliveries():
        return {
            "figures": {
                name: _taken(store, clock, times, 1, prepare) for name, prepare in acts.items()
            }
        }
