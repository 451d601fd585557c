"""The guide, with the client that openapi-generator has made of the OpenAPI document."""

from __future__ import annotations

import json
import os
import uuid

import openapi_generated as api
from openapi_generated.rest import ApiException

configuration = api.Configuration(
    os.environ["AUREON_URL"], access_token=os.environ["AUREON_ACCESS_TOKEN"]
)
client = api.ApiClient(configuration)
meters, customers, events = api.MetersApi(client), api.CustomersApi(client), api.EventsApi(client)
balances, credits_ = api.BalancesApi(client), api.CreditsApi(client)
tag = uuid.uuid4().hex
external_id = f"user_{tag}"

# 1. A meter, whose filter is nested.
named = api.ClauseBody(property="name", operator="eq", value=api.ClauseBodyValue(f"use-{tag}"))
inner = api.FilterBody(conjunction="or", clauses=[api.FilterBodyClausesInner(named)])
meter = meters.create_meter(
    api.MeterBody(
        name="API usage",
        filter=api.FilterBody(conjunction="and", clauses=[api.FilterBodyClausesInner(inner)]),
        aggregation=api.AggregationBody(func="sum", property="units"),
    )
)

# 2. A customer.
body = api.CustomerBody(
    email=f"{tag}@example.com", name="John Doe", external_id=external_id, metadata={"plan": "pro"}
)
customer = customers.create_customer(body)
assert customer.metadata == {"plan": "pro"}


# 3. Ten credits.
def ingest(units: float, **who: str) -> None:
    event = api.EventBody(name=f"use-{tag}", metadata={"units": units}, **who)
    events.ingest_events(api.IngestBody(events=[event]))


ingest(-6, customer_id=customer.id)
ingest(-4, external_customer_id=external_id)


# 4. The balance, in any of three ways.
def show(meter: api.Balance | api.CustomerMeter) -> None:
    print(f"balance {meter.balance:g}, available {meter.available_credits:g}")


listed = balances.list_customer_meters(customer_id=[customer.id], meter_id=[meter.id])
show(listed.items[0])
show(balances.get_customer_state(customer.id).active_meters[0])
show(balances.get_customer_state_external(external_id).active_meters[0])


# 5. A spend, and a hold that is captured; both are kept to what there is.
def use(units: float) -> api.SpendBody:
    return api.SpendBody(name=f"use-{tag}", customer_id=customer.id, metadata={"units": units})


credits_.spend(use(3))
show(balances.get_customer_state(customer.id).active_meters[0])
hold = credits_.place_hold(
    api.HoldBody(name=f"use-{tag}", external_id=tag, customer_id=customer.id, metadata={"units": 7})
)
try:
    credits_.spend(use(1))
except ApiException as refused:
    assert refused.status == 402
    told = api.InsufficientCredits.from_dict(json.loads(refused.body))
    print(f"{told.error}: {told.required:g} of {told.available_credits:g}")
credits_.capture_hold(hold.id, api.CaptureBody(metadata={"units": 2.5}))
show(balances.get_customer_state(customer.id).active_meters[0])

# 6. What goes wrong is told by its name.
try:
    customers.create_customer(body)
except ApiException as refused:
    assert refused.status == 422
    invalid = api.Invalid.from_dict(json.loads(refused.body))
    print(f"{invalid.error}: {'.'.join(str(at.actual_instance) for at in invalid.detail[0].loc)}")
configuration.access_token = "aureon_oat_wrong"
try:
    balances.get_customer_state(customer.id)
except ApiException as refused:
    assert refused.status == 401
    print(api.Unauthorized.from_dict(json.loads(refused.body)).error)
configuration.access_token = os.environ["AUREON_ACCESS_TOKEN"]

customers.delete_customer(customer.id)
meters.update_meter(meter.id, api.MeterUpdateBody(is_archived=True))
