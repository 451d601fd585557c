"""Calls every endpoint through the published client and prints what it made of the answers.

A line of JSON a step, the same steps with the same values from each of the four drivers.
"""

import dataclasses
import json
import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from polar.base import PolarClientError
from polar.v2026_10 import Polar, errors, literals, outputs

URL = os.environ["AUREON_URL"]
TOKEN = os.environ["AUREON_ACCESS_TOKEN"]
TAG = os.environ["TAG"]  # makes this run's names its own
EXTERNAL_ID = f"user-{TAG}"
NAME = f"api_usage-{TAG}"
NOBODY = str(uuid.uuid4())
Value = TypeVar("Value")

polar = Polar(TOKEN, base_url=URL)


def show(step: str, value: Any) -> None:
    print(json.dumps({"step": step, "value": value}), flush=True)  # noqa: T201


def about_customer(customer: outputs.Customer | outputs.CustomerState) -> dict[str, Any]:
    fields = ("email", "name", "external_id", "metadata", "organization_id")
    return {field: getattr(customer, field) for field in fields}


def about_meter(meter: outputs.Meter) -> dict[str, Any]:
    fields = ("name", "unit", "filter", "aggregation", "metadata")
    shown = dataclasses.asdict(meter)
    return {field: shown[field] for field in fields} | {"archived": meter.archived_at is not None}


def about_event(event: outputs.Event) -> dict[str, Any]:
    fields = ("name", "label", "source", "external_customer_id", "metadata")
    customer = event.customer and event.customer.email
    return {field: getattr(event, field) for field in fields} | {"customer": customer}


def awaited(read: Callable[[], Value], reached: Callable[[Value], bool]) -> Value:
    """What follows ingestion by a moment, once it is as it must be; or as it was in the end."""
    value = read()
    tries = 0
    while not reached(value) and tries < 200:
        time.sleep(0.05)
        value = read()
        tries += 1
    return value


def raised(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except errors.ResourceNotFound as error:
        return {"status": error.status_code, "detail": error.error.detail}
    except errors.HTTPValidationError as error:
        return {"status": error.status_code, "loc": [each.loc for each in error.error.detail or []]}
    except PolarClientError as error:
        return {"status": error.status_code, "error": json.loads(error.error)["error"]}


# Customers

customer = polar.customers.create(
    email=f"{TAG}@example.com",
    name="John Doe",
    external_id=EXTERNAL_ID,
    metadata={"plan": "pro", "seats": 3, "tag": TAG},
)
show("customers.create", about_customer(customer))
other = polar.customers.create(email=f"other-{TAG}@example.com")
show("customers.create: e-mail alone", about_customer(other))
team = polar.customers.create(
    type="team",
    email=f"team-{TAG}@example.com",
    billing_address={"country": "DE", "line1": "Unter den Linden 1", "postal_code": "10117"},
    tax_id="DE123456789",
    locale="de",
)
team_state = polar.customers.get_state(team.id)
show(
    "customers.create: a team, with its address",
    {
        "types": [team.type, team_state.type],
        "country": team.billing_address and team.billing_address.country,
        "postal_code": team.billing_address and team.billing_address.postal_code,
        "tax_id": team.tax_id,
        "locale": team.locale,
    },
)
show("customers.get", about_customer(polar.customers.get(customer.id)))
show(
    "customers.get_external",
    about_customer(polar.customers.get_external(EXTERNAL_ID)),
)

by_email = polar.customers.list(email=f"{TAG}@EXAMPLE.com")
show("customers.list: by e-mail", [about_customer(each) for each in by_email.items])
by_metadata = polar.customers.list(metadata={"tag": TAG})
show("customers.list: by metadata", [about_customer(each) for each in by_metadata.items])
pages = polar.customers.list(query=TAG, sorting=["email"], limit=1)
found = polar.customers.iter_list(query=TAG, sorting=["email"], limit=1)
show(
    "customers.list: page by page",
    {
        "total_count": pages.pagination.total_count,
        "max_page": pages.pagination.max_page,
        "emails": [each.email for each in found],
    },
)

renamed = polar.customers.update(customer.id, name="Jane Doe")
show("customers.update", about_customer(renamed))
downgraded = polar.customers.update_external(EXTERNAL_ID, metadata={"plan": "free"})
show("customers.update_external", about_customer(downgraded))

# Meters

meter = polar.meters.create(
    name=f"API calls {TAG}",
    filter={
        "conjunction": "and",
        "clauses": [{"property": "name", "operator": "eq", "value": NAME}],
    },
    aggregation={"func": "sum", "property": "units"},
    metadata={"tag": TAG},
)
show("meters.create", about_meter(meter))
show("meters.get", about_meter(polar.meters.get(meter.id)))
meters = polar.meters.list(query=TAG, is_archived=False)
show("meters.list", [about_meter(each) for each in meters.items])
retitled = polar.meters.update(meter.id, name=f"Calls {TAG}")
show("meters.update", about_meter(retitled))

# Events and balances


# Any, since mypy knows no extra keys in the client's typed dictionaries.
def ingest(*events: Any) -> dict[str, Any]:
    return dataclasses.asdict(polar.events.ingest(events=list(events)))


def balances() -> dict[str, Any]:
    """The balance as each way to read it tells it."""
    by_id = polar.customer_meters.list(customer_id=customer.id, meter_id=meter.id)
    by_external_id = polar.customer_meters.list(external_customer_id=EXTERNAL_ID)
    state = polar.customers.get_state(customer.id)
    state_external = polar.customers.get_state_external(EXTERNAL_ID)
    return {
        "customer_meters.list": [each.balance for each in by_id.items],
        "customer_meters.list: external": [each.balance for each in by_external_id.items],
        "customers.get_state": [each.balance for each in state.active_meters],
        "customers.get_state_external": [each.balance for each in state_external.active_meters],
        "available_credits": available_credits(),
    }


def available_credits() -> list[Any]:
    """The client drops the fields that it does not know, so this one is read without it."""
    answer = httpx.get(
        f"{URL}/v1/customers/{customer.id}/state", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    return [each["available_credits"] for each in answer.json()["active_meters"]]


show(
    "events.ingest: grant by customer id",
    ingest({"customer_id": customer.id, "name": NAME, "metadata": {"units": -10}}),
)
show("balances: granted 10", balances())

use = {
    "external_customer_id": EXTERNAL_ID,
    "external_id": f"use-{TAG}",
    "name": NAME,
    "timestamp": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
    "metadata": {"units": 3, "model": "small", "cached": False},
}
show("events.ingest: use, with an id", ingest(use))
show("events.ingest: the same id again", ingest(use))
show("balances: used 3", balances())

show(
    "events.ingest: two events",
    ingest(
        {"customer_id": customer.id, "name": NAME, "metadata": {"units": 0.5}},
        {"customer_id": customer.id, "name": NAME, "metadata": {"units": 7.5}},
    ),
)
show("balances: used 8 more", balances())

show(
    "events.ingest: grant by external id",
    ingest({"external_customer_id": EXTERNAL_ID, "name": NAME, "metadata": {"units": -10}}),
)
show("balances: granted 10 more", balances())

show(
    "events.ingest: before there is a customer",
    ingest({"external_customer_id": f"later-{TAG}", "name": NAME, "metadata": {"units": -5}}),
)
later = polar.customers.create(email=f"later-{TAG}@example.com", external_id=f"later-{TAG}")
later_state = polar.customers.get_state(later.id)
show(
    "customers.create: takes over earlier events",
    [each.balance for each in later_state.active_meters],
)

# Reading balances

of_meter = polar.customer_meters.list(meter_id=meter.id)
show("customer_meters.list: by meter", of_meter.pagination.total_count)
listed = polar.customer_meters.list(customer_id=customer.id)
customer_meter = polar.customer_meters.get(listed.items[0].id)
show(
    "customer_meters.get",
    {
        "customer": about_customer(customer_meter.customer),
        "meter": about_meter(customer_meter.meter),
        "balance": customer_meter.balance,
        "consumed_units": customer_meter.consumed_units,
        "credited_units": customer_meter.credited_units,
    },
)
state = polar.customers.get_state(customer.id)
show(
    "customers.get_state",
    {
        "customer": about_customer(state),
        "active_meters": [each.meter_id == meter.id for each in state.active_meters],
        "active_subscriptions": state.active_subscriptions,
        "granted_benefits": state.granted_benefits,
    },
)

# Reading events and quantities

now = datetime.now(UTC)
mine = polar.events.list(customer_id=customer.id).items
show("events.list: by customer", [about_event(each)["metadata"]["units"] for each in mine])
chosen = polar.events.list(
    external_customer_id=EXTERNAL_ID,
    name=[NAME, "nothing"],
    source="user",
    meter_id=meter.id,
    query=TAG,
    metadata={"model": "small"},
    start_timestamp=(now - timedelta(hours=1)).isoformat(),
    end_timestamp=(now + timedelta(hours=1)).isoformat(),
    sorting=["timestamp"],
    limit=5,
).items
show("events.list: by every filter", [about_event(each) for each in chosen])
show("events.get", about_event(polar.events.get(chosen[0].id)))
named = awaited(
    lambda: polar.events.list_names(query=TAG, customer_id=customer.id).items,
    lambda names: bool(names) and names[0].occurrences == 5,
)
show(
    "events.list_names",
    [
        {
            "name": each.name,
            "source": each.source,
            "occurrences": each.occurrences,
            "ordered": each.first_seen < each.last_seen,
        }
        for each in named
    ],
)


def quantities(
    interval: literals.TimeInterval, id_: str = meter.id, **chosen: Any
) -> outputs.MeterQuantities:
    return polar.meters.quantities(
        id_,
        start_timestamp=(now - timedelta(days=2)).isoformat(),
        end_timestamp=(now + timedelta(hours=1)).isoformat(),
        interval=interval,
        timezone="Asia/Kathmandu",
        **chosen,
    )


by_day = awaited(lambda: quantities("day"), lambda found: found.total == -14)
show(
    "meters.quantities",
    {
        "total": by_day.total,
        "sum": sum(each.quantity for each in by_day.quantities),
        "first": by_day.quantities[0].timestamp[11:16],
    },
)
of_customer = awaited(
    lambda: quantities("month", customer_id=customer.id), lambda found: found.total == -9
)
of_model = quantities("day", external_customer_id=EXTERNAL_ID, metadata={"model": "small"})
show("meters.quantities: by customer and metadata", [of_customer.total, of_model.total])

# The customer's own portal

by_id = polar.customer_sessions.create(customer_id=customer.id)
session = polar.customer_sessions.create(
    external_customer_id=EXTERNAL_ID, return_url="https://example.com/home"
)
opened = Polar(session.token, base_url=URL)
portal = opened.customer_portal
own = Polar(by_id.token, base_url=URL).customer_portal.customer_meters.list(meter_id=meter.id)
me = portal.customers.get()
user = portal.customer_session.get_authenticated_user()
show(
    "customer_portal",
    {
        "customer": [me.email, me.name],
        "user": [user.type, user.email],
        "meters": [
            [each.meter.name, each.balance, each.consumed_units, each.credited_units]
            for each in own.items
        ],
        "meter": portal.customer_meters.get(own.items[0].id).balance,
        "empty": [
            portal.orders.list().pagination.total_count,
            portal.subscriptions.list().pagination.total_count,
            portal.benefit_grants.list().pagination.total_count,
        ],
        "page": session.customer_portal_url.startswith(f"{URL}/portal?")
        and session.customer_portal_url.endswith(f"#{session.token}"),
        "return_url": portal.customer_session.introspect().return_url,
        "elsewhere": raised(lambda: opened.customers.list()),
        "with a token": raised(lambda: polar.customer_portal.customers.get()),
    },
)

# The archive

archived = polar.meters.update(meter.id, is_archived=True)
show("meters.update: archive", about_meter(archived))
living = polar.meters.list(query=TAG, is_archived=False)
resting = polar.meters.list(query=TAG, is_archived=True)
show("meters.list: archived", [len(each.items) for each in (living, resting)])
show("balances: archived", balances())

# Deletion

polar.customers.delete(other.id)
show("customers.delete", raised(lambda: polar.customers.get(other.id)))
polar.customers.delete_external(f"later-{TAG}", anonymize=True)
show(
    "customers.delete_external",
    raised(lambda: polar.customers.get_external(f"later-{TAG}")),
)

# Errors

show(
    "errors: not found",
    [
        raised(lambda: polar.customers.get(NOBODY)),
        raised(lambda: polar.customers.get_external(NOBODY)),
        raised(lambda: polar.customers.update(NOBODY, name="No")),
        raised(lambda: polar.customers.delete(NOBODY)),
        raised(lambda: polar.customers.get_state(NOBODY)),
        raised(lambda: polar.customers.get_state_external(NOBODY)),
        raised(lambda: polar.meters.get(NOBODY)),
        raised(lambda: polar.meters.update(NOBODY, name="None")),
        raised(lambda: polar.customer_meters.get(NOBODY)),
        raised(lambda: polar.events.get(NOBODY)),
        raised(lambda: quantities("day", NOBODY)),
    ],
)
show(
    "errors: e-mail taken",
    raised(lambda: polar.customers.create(email=f"{TAG}@example.com")),
)
show(
    "errors: one bad event",
    raised(
        lambda: ingest(
            {"customer_id": customer.id, "name": NAME, "metadata": {"units": 1}},
            {"customer_id": NOBODY, "name": NAME, "metadata": {"units": 1}},
        )
    ),
)
stranger = Polar("aureon_oat_wrong", base_url=URL)
show("errors: wrong token", raised(lambda: stranger.customers.list()))

slashed = Polar(TOKEN, base_url=f"{URL}/")
show(
    "base URL that ends in a slash",
    about_customer(slashed.customers.get(customer.id)),
)
