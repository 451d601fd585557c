"""Calls what only Polar's next client has, and prints what it made of the answers.

A line of JSON a step. The rest it has in common with the client before it, whose driver is run too.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

from polar.v2027_01 import Polar, errors, outputs

URL = os.environ["AUREON_URL"]
TOKEN = os.environ["AUREON_ACCESS_TOKEN"]
TAG = os.environ["TAG"]  # makes this run's names its own
NAME = f"next-{TAG}"
METER = f"meter/{TAG}"
USER = f"user-{TAG}"

polar = Polar(TOKEN, base_url=URL)


def show(step: str, value: Any) -> None:
    print(json.dumps({"step": step, "value": value}), flush=True)  # noqa: T201


def raised(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except errors.ResourceNotFound as error:
        return [error.status_code, error.error.error]
    except errors.HTTPValidationError as error:
        return [error.status_code, [each.loc for each in error.error.detail or []]]
    except errors.CustomerMetersCredits409Error as error:
        return [error.status_code, error.error.error]
    except errors.CustomerMeterCreditNotReversible as error:
        return [error.status_code, error.error.error]


# Meters by external ids

meter = polar.meters.create(
    name=f"Next {TAG}",
    external_id=METER,
    filter={
        "conjunction": "and",
        "clauses": [{"property": "name", "operator": "eq", "value": NAME}],
    },
    aggregation={"func": "sum", "property": "units"},
)
show("meters.create: external id", meter.external_id == METER)
show("meters.get_external", polar.meters.get_external(METER).id == meter.id)
by_external_id = polar.meters.list(external_id=METER)
show("meters.list: external id", [each.id == meter.id for each in by_external_id.items])
show(
    "meters.create: external id taken",
    raised(
        lambda: polar.meters.create(
            name="Another",
            external_id=METER,
            filter={"conjunction": "and", "clauses": []},
            aggregation={"func": "count"},
        )
    ),
)
show("meters.get_external: nobody's", raised(lambda: polar.meters.get_external(f"no-{TAG}")))

# Credits

customer = polar.customers.create(email=f"{TAG}@example.com", external_id=USER)


def about(event: outputs.MeterCreditEvent) -> dict[str, Any]:
    return {
        "customer": event.customer is not None and event.customer.id == customer.id,
        "source": event.source,
        "name": event.name,
        "units": event.metadata.units,
        "rollover": event.metadata.rollover,
        "reason": event.metadata.reason,
        "meter": event.metadata.meter_id == meter.id,
        "parent": event.parent_id,
    }


def balance() -> float:
    found = polar.customer_meters.list(external_customer_id=USER, external_meter_id=METER)
    return found.items[0].balance


given = polar.customer_meters.credits(
    customer_id=customer.id, meter_id=meter.id, units=10, external_id=f"order-{TAG}"
)
show("customer_meters.credits", about(given))
same = polar.customer_meters.credits(
    customer_id=customer.id, meter_id=meter.id, units=10, external_id=f"order-{TAG}"
)
show("customer_meters.credits: again", same.id == given.id)
show("balance: 10 given", balance())
other = polar.customer_meters.credits(
    external_customer_id=USER, external_meter_id=METER, units=5, rollover=True
)
show("customer_meters.credits: external ids", about(other))
show("balance: 15 given", balance())
show(
    "customer_meters.credits: another under the id",
    raised(
        lambda: polar.customer_meters.credits(
            customer_id=customer.id, meter_id=meter.id, units=11, external_id=f"order-{TAG}"
        )
    ),
)
show(
    "customer_meters.credits: none",
    raised(
        lambda: polar.customer_meters.credits(customer_id=customer.id, meter_id=meter.id, units=0)
    ),
)
# Any, since mypy knows no extra keys in the client's typed dictionaries.
use: Any = {"external_customer_id": USER, "name": NAME, "metadata": {"units": 4}}
polar.events.ingest(events=[use])
back = polar.customer_meters.reverse_credit(given.id)
show("customer_meters.reverse_credit", about(back) | {"parent": back.parent_id == given.id})
show("balance: the rest of 10 taken back", balance())
show(
    "customer_meters.reverse_credit: again",
    raised(lambda: polar.customer_meters.reverse_credit(given.id)),
)
show(
    "customer_meters.reverse_credit: nobody's",
    raised(lambda: polar.customer_meters.reverse_credit(f"no-{TAG}")),
)
listed = polar.events.list(customer_id=customer.id, source="system")
show("events.list: system", sorted([each.name, each.metadata.units] for each in listed.items))  # type: ignore[union-attr]

# The rest

rows = list(csv.DictReader(io.StringIO(polar.customers.export())))
show("customers.export", [row["external_id"] for row in rows if row["id"] == customer.id])


def types() -> list[Any]:
    found = polar.event_types.list(customer_id=customer.id, sorting=["-occurrences"])
    return [[each.name, each.source, each.occurrences, each.id] for each in found.items]


for _ in range(200):
    found = types()
    if [each[2] for each in found] == [3, 1]:
        break
    time.sleep(0.05)
show("event_types.list", found)

polar.customers.delete(customer.id)
polar.meters.update(meter.id, is_archived=True)
