"""The guide, with the client that openapi-python-client has made of the OpenAPI document."""

from __future__ import annotations

import os
import uuid
from typing import Any

from openapi_client import AuthenticatedClient
from openapi_client.api.balances import (
    get_customer_state,
    get_customer_state_external,
    list_customer_meters,
)
from openapi_client.api.credits_ import capture_hold, place_hold, spend
from openapi_client.api.customers import create_customer, delete_customer
from openapi_client.api.events import ingest_events
from openapi_client.api.meters import create_meter, update_meter
from openapi_client.models import (
    AggregationBody,
    AggregationBodyFunc,
    Balance,
    CaptureBody,
    ClauseBody,
    ClauseBodyOperator,
    Customer,
    CustomerBody,
    CustomerMeter,
    CustomerMeterPage,
    CustomerState,
    EventBody,
    EventMetadataBody,
    FilterBody,
    FilterBodyConjunction,
    Hold,
    HoldBody,
    IngestBody,
    Ingested,
    InsufficientCredits,
    Invalid,
    MetadataBody,
    MeterBody,
    MeterUpdateBody,
    MeterWithBackfill,
    SpendBody,
    Unauthorized,
)

url, token = os.environ["AUREON_URL"], os.environ["AUREON_ACCESS_TOKEN"]
client = AuthenticatedClient(url, token=token)
tag = uuid.uuid4().hex
external_id = f"user_{tag}"

# 1. A meter, whose filter is nested.
named = ClauseBody("name", ClauseBodyOperator.EQ, f"api_usage-{tag}")
meter = create_meter.sync(
    client=client,
    body=MeterBody(
        "API usage",
        FilterBody(
            FilterBodyConjunction.AND,
            [FilterBody(FilterBodyConjunction.OR, [named])],
        ),
        AggregationBody(AggregationBodyFunc.SUM, "units"),
    ),
)
assert isinstance(meter, MeterWithBackfill)

# 2. A customer.
metadata = MetadataBody()
metadata["plan"] = "pro"
body = CustomerBody(
    f"{tag}@example.com", name="John Doe", external_id=external_id, metadata=metadata
)
customer = create_customer.sync(client=client, body=body)
assert isinstance(customer, Customer)
assert customer.metadata["plan"] == "pro"


# 3. Ten credits.
def used(units: float) -> EventMetadataBody:
    metadata = EventMetadataBody()
    metadata["units"] = units
    return metadata


def ingest(units: float, **named: str) -> None:
    event = EventBody(f"api_usage-{tag}", metadata=used(units), **named)
    counted = ingest_events.sync(client=client, body=IngestBody([event]))
    assert isinstance(counted, Ingested)


ingest(-6, customer_id=customer.id)
ingest(-4, external_customer_id=external_id)


# 4. The balance, in any of three ways.
def show(meter: Balance | CustomerMeter) -> None:
    print(f"balance {meter.balance:g}, available {meter.available_credits:g}")


listed = list_customer_meters.sync(client=client, customer_id=[customer.id], meter_id=[meter.id])
assert isinstance(listed, CustomerMeterPage)
show(listed.items[0])


def state(found: Any) -> Balance:
    assert isinstance(found, CustomerState)
    return found.active_meters[0]


show(state(get_customer_state.sync(customer.id, client=client)))
show(state(get_customer_state_external.sync(external_id, client=client)))

# 5. A spend, and a hold that is captured; both are kept to what there is.
spent = spend.sync(
    client=client, body=SpendBody(f"api_usage-{tag}", customer_id=customer.id, metadata=used(3))
)
show(state(get_customer_state.sync(customer.id, client=client)))
hold = place_hold.sync(
    client=client,
    body=HoldBody(f"api_usage-{tag}", tag, customer_id=customer.id, metadata=used(7)),
)
assert isinstance(hold, Hold)
refused = spend.sync(
    client=client, body=SpendBody(f"api_usage-{tag}", customer_id=customer.id, metadata=used(1))
)
assert isinstance(refused, InsufficientCredits), refused
print(f"{refused.error}: {refused.required:g} of {refused.available_credits:g}")
captured = capture_hold.sync(hold.id, client=client, body=CaptureBody(metadata=used(2.5)))
assert isinstance(captured, Hold)
show(state(get_customer_state.sync(customer.id, client=client)))

# 6. What goes wrong is told by its name.
invalid = create_customer.sync(client=client, body=body)
assert isinstance(invalid, Invalid), invalid
print(f"{invalid.error}: {'.'.join(map(str, invalid.detail[0].loc))}")
wrong = get_customer_state.sync(
    customer.id, client=AuthenticatedClient(url, token="aureon_oat_wrong")
)
assert isinstance(wrong, Unauthorized), wrong
print(wrong.error)

assert delete_customer.sync_detailed(customer.id, client=client).status_code == 204
archived = update_meter.sync(meter.id, client=client, body=MeterUpdateBody(is_archived=True))
assert isinstance(archived, MeterWithBackfill)
