"""Calls every endpoint through the published client and prints what it made of the answers.

A line of JSON a step, the same steps with the same values from each of the four drivers.
"""

import json
import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from polar_sdk import Polar, models

URL = os.environ["AUREON_URL"]
TOKEN = os.environ["AUREON_ACCESS_TOKEN"]
TAG = os.environ["TAG"]  # makes this run's names its own
EXTERNAL_ID = f"user-{TAG}"
NAME = f"api_usage-{TAG}"
NOBODY = str(uuid.uuid4())
Page = TypeVar("Page")
Value = TypeVar("Value")

polar = Polar(access_token=TOKEN, server_url=URL)


def show(step: str, value: Any) -> None:
    print(json.dumps({"step": step, "value": value}), flush=True)  # noqa: T201


def about_customer(customer: models.Customer | models.CustomerState) -> dict[str, Any]:
    fields = ("email", "name", "external_id", "metadata", "organization_id")
    return {field: getattr(customer, field) for field in fields}


def about_meter(meter: models.Meter) -> dict[str, Any]:
    fields = ("name", "unit", "filter", "aggregation", "metadata")
    shown = meter.model_dump(mode="json", by_alias=True)
    return {field: shown[field] for field in fields} | {"archived": meter.archived_at is not None}


def about_event(event: models.Event) -> dict[str, Any]:
    shown = event.model_dump(mode="json", by_alias=True)
    fields = ("name", "label", "source", "external_customer_id", "metadata")
    customer = event.customer and event.customer.email
    return {field: shown[field] for field in fields} | {"customer": customer}


def answered(page: Page | None) -> Page:
    """The first page of a list: the client knows no empty one, but its types do."""
    assert page is not None
    return page


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
    except models.ResourceNotFound as error:
        return {"status": error.status_code, "detail": error.data.detail}
    except models.HTTPValidationError as error:
        return {"status": error.status_code, "loc": [each.loc for each in error.data.detail or []]}
    except models.PolarError as error:
        return {"status": error.status_code, "error": json.loads(error.body)["error"]}


# Customers

customer = polar.customers.create(
    request=models.CustomerIndividualCreate(
        email=f"{TAG}@example.com",
        name="John Doe",
        external_id=EXTERNAL_ID,
        metadata={"plan": "pro", "seats": 3, "tag": TAG},
    )
)
show("customers.create", about_customer(customer))
other = polar.customers.create(
    request=models.CustomerIndividualCreate(email=f"other-{TAG}@example.com")
)
show("customers.create: e-mail alone", about_customer(other))
team = polar.customers.create(
    request=models.CustomerTeamCreate(
        email=f"team-{TAG}@example.com",
        billing_address=models.AddressInput(
            country=models.AddressInputCountryAlpha2Input.DE,
            line1="Unter den Linden 1",
            postal_code="10117",
        ),
        tax_id="DE123456789",
        locale="de",
    )
)
team_state = polar.customers.get_state(id=team.id)
show(
    "customers.create: a team, with its address",
    {
        "types": [team.TYPE, team_state.TYPE],
        "country": team.billing_address and team.billing_address.country,
        "postal_code": team.billing_address and team.billing_address.postal_code,
        "tax_id": team.tax_id,
        "locale": team.locale,
    },
)
show("customers.get", about_customer(polar.customers.get(id=customer.id)))
show(
    "customers.get_external",
    about_customer(polar.customers.get_external(external_id=EXTERNAL_ID)),
)

by_email = answered(polar.customers.list(email=f"{TAG}@EXAMPLE.com"))
show("customers.list: by e-mail", [about_customer(each) for each in by_email.result.items])
by_metadata = answered(polar.customers.list(metadata={"tag": TAG}))
show("customers.list: by metadata", [about_customer(each) for each in by_metadata.result.items])
pages = answered(
    polar.customers.list(query=TAG, sorting=[models.CustomerSortProperty.EMAIL], limit=1)
)
emails = [each.email for each in pages.result.items]
following = pages.next()
while following is not None:
    emails += [each.email for each in following.result.items]
    following = following.next()
show(
    "customers.list: page by page",
    {
        "total_count": pages.result.pagination.total_count,
        "max_page": pages.result.pagination.max_page,
        "emails": emails,
    },
)

renamed = polar.customers.update(id=customer.id, customer_update={"name": "Jane Doe"})
show("customers.update", about_customer(renamed))
downgraded = polar.customers.update_external(
    external_id=EXTERNAL_ID, customer_update_external_id={"metadata": {"plan": "free"}}
)
show("customers.update_external", about_customer(downgraded))

# Meters

meter = polar.meters.create(
    request=models.MeterCreate(
        name=f"API calls {TAG}",
        filter_=models.Filter(
            conjunction=models.FilterConjunction.AND,
            clauses=[
                models.FilterClause(property="name", operator=models.FilterOperator.EQ, value=NAME)
            ],
        ),
        aggregation=models.PropertyAggregation(func=models.Func.SUM, property="units"),
        metadata={"tag": TAG},
    )
)
show("meters.create", about_meter(meter))
show("meters.get", about_meter(polar.meters.get(id=meter.id)))
meters = answered(polar.meters.list(query=TAG, is_archived=False))
show("meters.list", [about_meter(each) for each in meters.result.items])
retitled = polar.meters.update(id=meter.id, meter_update={"name": f"Calls {TAG}"})
show("meters.update", about_meter(retitled))

# Events and balances


def ingest(*events: dict[str, Any]) -> dict[str, Any]:
    return polar.events.ingest(
        request=models.EventsIngest.model_validate({"events": events})
    ).model_dump(mode="json")


def balances() -> dict[str, Any]:
    """The balance as each way to read it tells it."""
    by_id = answered(polar.customer_meters.list(customer_id=customer.id, meter_id=meter.id))
    by_external_id = answered(polar.customer_meters.list(external_customer_id=EXTERNAL_ID))
    state = polar.customers.get_state(id=customer.id)
    state_external = polar.customers.get_state_external(external_id=EXTERNAL_ID)
    return {
        "customer_meters.list": [each.balance for each in by_id.result.items],
        "customer_meters.list: external": [each.balance for each in by_external_id.result.items],
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
    "timestamp": datetime.now(UTC) - timedelta(minutes=1),
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
later = polar.customers.create(
    request=models.CustomerIndividualCreate(
        email=f"later-{TAG}@example.com", external_id=f"later-{TAG}"
    )
)
later_state = polar.customers.get_state(id=later.id)
show(
    "customers.create: takes over earlier events",
    [each.balance for each in later_state.active_meters],
)

# Reading balances

of_meter = answered(polar.customer_meters.list(meter_id=meter.id))
show("customer_meters.list: by meter", of_meter.result.pagination.total_count)
listed = answered(polar.customer_meters.list(customer_id=customer.id))
customer_meter = polar.customer_meters.get(id=listed.result.items[0].id)
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
state = polar.customers.get_state(id=customer.id)
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
    source=models.EventSource.USER,
    meter_id=meter.id,
    query=TAG,
    metadata={"model": "small"},
    start_timestamp=now - timedelta(hours=1),
    end_timestamp=now + timedelta(hours=1),
    sorting=[models.EventSortProperty.TIMESTAMP],
    limit=5,
).items
show("events.list: by every filter", [about_event(each) for each in chosen])
show("events.get", about_event(polar.events.get(id=chosen[0].id)))
named = awaited(
    lambda: answered(polar.events.list_names(query=TAG, customer_id=customer.id)).result.items,
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


def quantities(interval: models.TimeInterval, **chosen: Any) -> models.MeterQuantities:
    return polar.meters.quantities(
        **{"id": meter.id, **chosen},
        start_timestamp=now - timedelta(days=2),
        end_timestamp=now + timedelta(hours=1),
        interval=interval,
        timezone="Asia/Kathmandu",
    )


by_day = awaited(lambda: quantities(models.TimeInterval.DAY), lambda found: found.total == -14)
show(
    "meters.quantities",
    {
        "total": by_day.total,
        "sum": sum(each.quantity for each in by_day.quantities),
        "first": by_day.quantities[0].timestamp.astimezone(UTC).strftime("%H:%M"),
    },
)
of_customer = awaited(
    lambda: quantities(models.TimeInterval.MONTH, customer_id=customer.id),
    lambda found: found.total == -9,
)
of_model = quantities(
    models.TimeInterval.DAY, external_customer_id=EXTERNAL_ID, metadata={"model": "small"}
)
show("meters.quantities: by customer and metadata", [of_customer.total, of_model.total])

# The customer's own portal

by_id = polar.customer_sessions.create(request={"customer_id": customer.id})
session = polar.customer_sessions.create(
    request={"external_customer_id": EXTERNAL_ID, "return_url": "https://example.com/home"}
)
portal = polar.customer_portal
own = answered(
    portal.customer_meters.list(security={"customer_session": by_id.token}, meter_id=meter.id)
)
me = portal.customers.get(security={"customer_session": session.token})
user = portal.customer_session.get_authenticated_user(security={"customer_session": session.token})
own_meter = portal.customer_meters.get(
    security={"customer_session": session.token}, id=own.result.items[0].id
)
orders = answered(portal.orders.list(security={"customer_session": session.token}))
subscriptions = answered(portal.subscriptions.list(security={"customer_session": session.token}))
benefits = answered(portal.benefit_grants.list(security={"customer_session": session.token}))
customer_only = Polar(access_token=session.token, server_url=URL)
show(
    "customer_portal",
    {
        "customer": [me.email, me.name],
        "user": [user.type, user.email],
        "meters": [
            [each.meter.name, each.balance, each.consumed_units, each.credited_units]
            for each in own.result.items
        ],
        "meter": own_meter.balance,
        "empty": [
            orders.result.pagination.total_count,
            subscriptions.result.pagination.total_count,
            benefits.result.pagination.total_count,
        ],
        "page": session.customer_portal_url.startswith(f"{URL}/portal?")
        and session.customer_portal_url.endswith(f"#{session.token}"),
        "return_url": portal.customer_session.introspect(
            security={"customer_session": session.token}
        ).return_url,
        "elsewhere": raised(lambda: customer_only.customers.list()),
        "with a token": raised(lambda: portal.customers.get(security={"customer_session": TOKEN})),
    },
)

# The archive

archived = polar.meters.update(id=meter.id, meter_update={"is_archived": True})
show("meters.update: archive", about_meter(archived))
living = answered(polar.meters.list(query=TAG, is_archived=False))
resting = answered(polar.meters.list(query=TAG, is_archived=True))
show("meters.list: archived", [len(each.result.items) for each in (living, resting)])
show("balances: archived", balances())

# Deletion

polar.customers.delete(id=other.id)
show("customers.delete", raised(lambda: polar.customers.get(id=other.id)))
polar.customers.delete_external(external_id=f"later-{TAG}", anonymize=True)
show(
    "customers.delete_external",
    raised(lambda: polar.customers.get_external(external_id=f"later-{TAG}")),
)

# Errors

show(
    "errors: not found",
    [
        raised(lambda: polar.customers.get(id=NOBODY)),
        raised(lambda: polar.customers.get_external(external_id=NOBODY)),
        raised(lambda: polar.customers.update(id=NOBODY, customer_update={"name": "No"})),
        raised(lambda: polar.customers.delete(id=NOBODY)),
        raised(lambda: polar.customers.get_state(id=NOBODY)),
        raised(lambda: polar.customers.get_state_external(external_id=NOBODY)),
        raised(lambda: polar.meters.get(id=NOBODY)),
        raised(lambda: polar.meters.update(id=NOBODY, meter_update={"name": "None"})),
        raised(lambda: polar.customer_meters.get(id=NOBODY)),
        raised(lambda: polar.events.get(id=NOBODY)),
        raised(lambda: quantities(models.TimeInterval.DAY, id=NOBODY)),
    ],
)
show(
    "errors: e-mail taken",
    raised(
        lambda: polar.customers.create(
            request=models.CustomerIndividualCreate(email=f"{TAG}@example.com")
        )
    ),
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
stranger = Polar(access_token="aureon_oat_wrong", server_url=URL)
show("errors: wrong token", raised(lambda: stranger.customers.list()))

slashed = Polar(access_token=TOKEN, server_url=f"{URL}/")
show(
    "base URL that ends in a slash",
    about_customer(slashed.customers.get(id=customer.id)),
)
