"""Race for credits in two ways, and print how many units each of them admitted.

A customer has 10 credits; 20 callers want one unit each, all at once. First each of them reads the
balance and ingests its usage if there seems to be enough. Then each of them spends.

Run it against a service: AUREON_URL=… AUREON_ACCESS_TOKEN=… python examples/race.py
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

URL = os.environ["AUREON_URL"]
CREDITS = 10
CALLERS = 20

aureon = httpx.Client(
    base_url=URL,
    headers={"Authorization": f"Bearer {os.environ['AUREON_ACCESS_TOKEN']}"},
    timeout=30,
)


def post(path: str, body: object) -> httpx.Response:
    """Call the API; what is not an answer to a caller's question raises."""
    answer = aureon.post(path, json=body)
    if answer.status_code != 402:
        answer.raise_for_status()
    return answer


def ingest(customer: str, name: str, units: int) -> None:
    event = {"external_customer_id": customer, "name": name, "metadata": {"units": units}}
    post("/v1/events/ingest", {"events": [event]})


def check_then_ingest(customer: str, name: str) -> bool:
    """Look whether there is enough, then count: another caller may look in between."""
    state = aureon.get(f"/v1/customers/external/{customer}/state").raise_for_status().json()
    (meter,) = state["active_meters"]
    if meter["available_credits"] < 1:
        return False
    ingest(customer, name, 1)
    return True


def spend(customer: str, name: str) -> bool:
    """Decide and count in one step."""
    body = {"external_customer_id": customer, "name": name, "metadata": {"units": 1}}
    return post("/v1/credits/spend", body).status_code == 200


def race(way: Callable[[str, str], bool]) -> int:
    """Give a new customer credits and let all callers at them; return how many got a unit."""
    name, customer = f"race-{uuid.uuid4()}", f"racer-{uuid.uuid4()}"
    only = {"property": "name", "operator": "eq", "value": name}
    meter = {
        "name": "Race",
        "filter": {"conjunction": "and", "clauses": [only]},
        "aggregation": {"func": "sum", "property": "units"},
    }
    meter_id = post("/v1/meters/", meter).json()["id"]
    post("/v1/customers/", {"email": f"{customer}@example.com", "external_id": customer})
    ingest(customer, name, -CREDITS)
    with ThreadPoolExecutor(CALLERS) as callers:
        admitted = sum(callers.map(lambda _: way(customer, name), range(CALLERS)))
    aureon.delete(f"/v1/customers/external/{customer}")
    aureon.patch(f"/v1/meters/{meter_id}", json={"is_archived": True})
    return admitted


if __name__ == "__main__":
    print(f"{CALLERS} callers want a unit each, and there are {CREDITS} credits.")
    print(f"check, then ingest: {race(check_then_ingest)} admitted")
    print(f"spend: {race(spend)} admitted")
