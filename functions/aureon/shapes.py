"""What the API answers, as types: the OpenAPI document is made of them.

`aureon.answers` makes what has these shapes, and tests compare what is answered with them. Nothing
imports them while a function runs, so no cold start pays for them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from aureon.domain.credits import State
from aureon.domain.customers import CustomerType
from aureon.domain.filters import Conjunction, Operator
from aureon.domain.meters import Function, Unit

Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
OptionalTime = Annotated[
    str | None,
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
]
Null = Annotated[None, Field(description="Always null: the clients want the key.")]


class Pagination(TypedDict):
    total_count: Annotated[int, Field(description="How many there are in all.")]
    max_page: Annotated[int, Field(description="The last page that has any.")]


Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    pagination: Pagination


class Address(TypedDict):
    country: str
    line1: str | None
    line2: str | None
    postal_code: str | None
    city: str | None
    state: str | None


class Customer(TypedDict):
    """A customer."""

    id: str
    created_at: Time
    modified_at: OptionalTime
    metadata: dict[str, Any]
    external_id: str | None
    email: str
    email_verified: bool
    type: CustomerType
    name: str | None
    billing_name: Null
    billing_address: Address | None
    tax_id: Annotated[
        list[str | None] | None, Field(description="The number, and its kind, always null.")
    ]
    locale: str | None
    organization_id: str
    default_payment_method_id: Null
    deleted_at: OptionalTime
    first_user_event_at: Null
    avatar_url: str


class Clause(TypedDict):
    property: str
    operator: Operator
    value: str | int | bool


class Filter(TypedDict):
    conjunction: Conjunction
    clauses: list[Clause | Filter]


class _Aggregation(TypedDict):
    func: Function


class Aggregation(_Aggregation, total=False):
    property: str


class Meter(TypedDict):
    """A meter: which events it counts, and how."""

    metadata: dict[str, Any]
    created_at: Time
    modified_at: OptionalTime
    id: str
    name: str
    unit: Unit
    custom_label: str | None
    custom_multiplier: int | None
    filter: Filter
    aggregation: Aggregation
    organization_id: str
    archived_at: OptionalTime


class Backfill(TypedDict):
    """How far a meter has counted the events from before it was made."""

    complete: bool
    ledgers: Annotated[int, Field(description="So many customers are done.")]
    total_ledgers: int | None
    events: Annotated[int, Field(description="So many events were counted.")]


class MeterWithBackfill(Meter):
    """A meter, and how far it has counted the past."""

    backfill: Backfill


class Balance(TypedDict):
    """What a meter makes of a customer's events: negative while there are credits left."""

    id: str
    created_at: Time
    modified_at: Time
    meter_id: str
    consumed_units: Annotated[Number, Field(description="The same as `balance`.")]
    credited_units: Annotated[int, Field(description="Always 0: credits are negative events.")]
    balance: Annotated[
        Number, Field(description="The meter's value: negative while there are credits left.")
    ]
    available_credits: Annotated[
        Number, Field(description="What can be spent: credits that are neither used nor held.")
    ]
    held_units: Annotated[Number, Field(description="Units that open holds reserve.")]
    used_units: Annotated[Number, Field(description="The sum of what was used, positive.")]
    granted_units: Annotated[Number, Field(description="The sum of what was granted, positive.")]
    complete: Annotated[
        bool, Field(description="False while the meter is still counting the customer's past.")
    ]


class CustomerMeter(Balance):
    """A customer's balance, with the customer and the meter."""

    customer_id: str
    customer: Customer
    meter: Meter


class CustomerState(Customer):
    """A customer with all its balances."""

    active_subscriptions: Annotated[list[Any], Field(description="Always empty.")]
    granted_benefits: Annotated[list[Any], Field(description="Always empty.")]
    active_meters: list[Balance]


class Access(TypedDict):
    """What the token of the request allows."""

    organization_id: str
    organization_name: str
    scopes: list[str]
    expires_at: OptionalTime
    token_id: str


class Token(TypedDict):
    """An access token as it is listed: everything but the token."""

    id: str
    name: str
    scopes: list[str]
    created_at: Time
    expires_at: OptionalTime
    revoked_at: OptionalTime


class NewToken(Token):
    """A new access token."""

    token: Annotated[str, Field(description="The token: shown this once.")]


class Standing(TypedDict):
    """Where a customer stands by a meter."""

    meter_id: str
    balance: Number
    held_units: Number
    available_credits: Number


class Spent(TypedDict):
    """A spend that was admitted."""

    id: Annotated[str, Field(description="The event's id.")]
    meters: list[Standing]


class HeldUnits(TypedDict):
    meter_id: str
    units: Number


class Hold(TypedDict):
    """Units that are reserved until they are captured or released, or the hold expires."""

    id: str
    status: State
    external_id: str
    customer_id: str
    name: str
    metadata: dict[str, Any]
    units: list[HeldUnits]
    limit: Number
    created_at: Time
    expires_at: Time
    event_id: Annotated[str | None, Field(description="The event that counted its capture.")]
    meters: Annotated[
        list[Standing], Field(description="Where the customer stands, after something was done.")
    ]


class Event(TypedDict):
    """An event."""

    id: Annotated[str, Field(description="Its place in the log.")]
    timestamp: Time
    organization_id: str
    customer_id: str | None
    customer: Annotated[
        Customer | None, Field(description="Null as long as nobody has its external id.")
    ]
    external_customer_id: str | None
    external_id: str | None
    member_id: Null
    external_member_id: Null
    child_count: Annotated[int, Field(description="Always 0.")]
    parent_id: Null
    label: str
    name: str
    source: str
    metadata: dict[str, Any]


class PreviewedEvent(TypedDict):
    event: Event
    matches: Annotated[bool, Field(description="Whether the filter chooses it.")]
    counts: Annotated[bool, Field(description="Whether the meter would count it.")]
    value: Number | None


class Preview(TypedDict):
    """What a meter would make of the latest events."""

    items: list[PreviewedEvent]
    examined: int
    counted: int
    total: Number


class EventName(TypedDict):
    """The events of one name."""

    name: str
    label: str
    source: str
    occurrences: int
    first_seen: Time
    last_seen: Time


class Moved(TypedDict):
    """What was used and granted: known of meters that sum or count, null of others."""

    used_units: Number | None
    granted_units: Number | None


class Quantity(Moved):
    timestamp: Annotated[Time, Field(description="Where the interval begins.")]
    quantity: Number


class Quantities(Moved):
    """What a meter makes of the events of each interval, and of all of them."""

    quantities: list[Quantity]
    total: Number
    complete: Annotated[bool, Field(description="False while the meter counts its past.")]


class _Ingested(TypedDict):
    inserted: Annotated[int, Field(description="Events that count by this request.")]
    duplicates: Annotated[int, Field(description="Events whose external id had counted before.")]


class Ingested(_Ingested, total=False):
    """What became of the events."""

    conflicts: Annotated[
        list[int],
        Field(description="The places of duplicates whose content differs from what counted."),
    ]


class DeadLetter(TypedDict):
    """A message of the ingestion queue that failed for good."""

    id: str
    first_received_at: Time
    receive_count: int
    events: int | None
    counted: Annotated[int | None, Field(description="How many of the events have counted.")]
    succeeds_now: Annotated[bool, Field(description="Whether it would count if it were sent anew.")]
    reason: str


class DeadLetters(Page[DeadLetter]):
    """A page of dead letters; not `complete` where there were more than could be looked at."""

    complete: bool
    queue: Annotated[bool, Field(description="Whether there is an ingestion queue at all.")]


class Left(TypedDict):
    id: str
    reason: str


class Redriven(TypedDict):
    """How many dead letters were sent anew, and which were left."""

    redriven: int
    left: list[Left]
    complete: bool


class Health(TypedDict):
    status: Literal["ok"]


# What is answered instead.


class NoToken(TypedDict):
    """There is no token."""

    error: Literal["Unauthorized"]
    detail: str


class WrongToken(TypedDict):
    """The token is wrong, expired or revoked."""

    error: Literal["invalid_token"]
    error_description: str


class TooLittleScope(TypedDict):
    """The token's scopes do not allow this."""

    error: Literal["insufficient_scope"]
    error_description: str


class InsufficientCredits(TypedDict):
    """There is too little left; nothing was stored."""

    error: Literal["InsufficientCredits"]
    meter_id: str
    balance: Number
    required: Number
    available_credits: Number


class NotFound(TypedDict):
    """There is no such thing in this organization."""

    error: Literal["ResourceNotFound"]
    detail: Literal["Not found"]


class Problem(TypedDict):
    """A rule that is broken, and where."""

    type: str
    loc: list[str | int]
    msg: str
    input: Any


class Invalid(TypedDict):
    """The request breaks rules; nothing of it was stored."""

    error: Literal["RequestValidationError"]
    detail: list[Problem]


class Failed(TypedDict):
    """What went wrong, and what can be done."""

    error: str
    detail: str


class GatewayMessage(TypedDict):
    """What the gateway itself says."""

    message: str
