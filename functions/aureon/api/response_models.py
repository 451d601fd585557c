"""What the API answers, as types: the OpenAPI document is made of them.

`aureon.api.serializers` makes what has these shapes, and tests compare what is answered with them.
Nothing imports them while a function runs, so no cold start pays for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, Literal, NotRequired, TypeVar

from pydantic import Field, WithJsonSchema
from typing_extensions import TypeAliasType, TypedDict

from aureon.alerts.alerts import State as AlertState
from aureon.credits.grants import Status
from aureon.domain.credits import State
from aureon.domain.customers import CustomerType
from aureon.domain.filters import Conjunction, Operator
from aureon.domain.meters import Function, LimitsSpending, Unit
from aureon.domain.recurrences import Every
from aureon.webhooks.endpoints import Reason as DisabledReason

Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
OptionalTime = Annotated[
    str | None,
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
]
Metadata = TypeAliasType(
    "Metadata",
    Annotated[Mapping[str, Any], WithJsonSchema({"type": "object", "additionalProperties": True})],
)
# Generators of clients have no type for what is nothing but null.
Null = Annotated[
    None,
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]}),
    Field(description="Always null; clients expect the key."),
]


class Pagination(TypedDict):
    total_count: Annotated[int, Field(description="How many there are in all.")]
    max_page: Annotated[int, Field(description="The last page that has items.")]


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
    metadata: Metadata
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


class Threshold(TypedDict):
    """Few credits: so many units left, or so many percent of what was granted."""

    available_credits: Number | None
    percent: Number | None


class Meter(TypedDict):
    """A meter: which events it counts, and how."""

    metadata: Metadata
    created_at: Time
    modified_at: OptionalTime
    id: str
    external_id: Annotated[str | None, Field(description="The meter's name in your own system.")]
    name: str
    unit: Unit
    limits_spending: Annotated[
        LimitsSpending,
        Field(description="Whether it decides on spends: `auto` where credits were given on it."),
    ]
    custom_label: str | None
    custom_multiplier: int | None
    group_by: Annotated[list[str], Field(description="Quantities are told by their values too.")]
    filter: Filter
    aggregation: Aggregation
    organization_id: str
    archived_at: OptionalTime
    thresholds: list[Threshold]


class ThresholdState(Threshold):
    """A threshold of a balance, and whether it is reached."""

    state: Annotated[
        Literal["ok", "reached"] | None, Field(description="Null where nobody has looked yet.")
    ]
    ordinal: Annotated[int, Field(description="How often it has been crossed.")]
    alert_id: Annotated[str | None, Field(description="The alert that tells of it.")]


class Thresholds(TypedDict):
    """The thresholds of a balance: the customer's own, or the meter's."""

    customer_id: str
    meter_id: str
    own: Annotated[bool, Field(description="Whether they are the customer's own.")]
    thresholds: list[ThresholdState]


class Alert(TypedDict):
    """That a balance came down to a threshold, until it has recovered."""

    id: str
    state: Annotated[
        AlertState,
        Field(description="`closed` where the threshold, the meter or the customer went away."),
    ]
    customer_id: str
    external_customer_id: str | None
    customer_name: str | None
    customer_email: str
    meter_id: str
    meter_name: str | None
    threshold: Threshold
    threshold_units: Annotated[Number, Field(description="Where the threshold lay, in units.")]
    ordinal: Annotated[int, Field(description="Which crossing of the threshold it is, from 1.")]
    available_credits: Annotated[Number, Field(description="What was left when it was noticed.")]
    created_at: Time
    ended_at: OptionalTime


class WebhookEndpoint(TypedDict):
    """Where webhooks go."""

    created_at: Time
    modified_at: OptionalTime
    id: str
    url: str
    name: str | None
    format: Literal["raw"]
    secret: Annotated[str, Field(description="Signs the webhooks: all of it is the key.")]
    organization_id: str
    events: Annotated[list[str], Field(description="The types that it gets.")]
    enabled: bool
    disabled_at: OptionalTime
    disabled_reason: Annotated[
        DisabledReason | None,
        Field(description="It failed for three days, or it answered 410."),
    ]
    api_version: str
    uses_standard_webhook_signature: Annotated[
        bool, Field(description="False: the key is the secret's text, and not what it encodes.")
    ]


class WebhookEvent(TypedDict):
    """What was sent."""

    created_at: Time
    modified_at: OptionalTime
    id: Annotated[str, Field(description="The `webhook-id`, however often it is sent.")]
    type: str
    payload: str | None
    api_version: str
    skipped: bool
    is_archived: Annotated[bool, Field(description="True once it can't be sent again.")]
    last_http_code: int | None
    succeeded: bool | None


class WebhookDelivery(TypedDict):
    """One attempt to send a webhook to an endpoint."""

    created_at: Time
    modified_at: OptionalTime
    id: str
    endpoint_id: str
    succeeded: bool
    http_code: Annotated[int | None, Field(description="Null where there was no answer.")]
    response: Annotated[
        str | None, Field(description="The first 2 KB of the answer, or why there was none.")
    ]
    webhook_event: WebhookEvent


class Redelivered(TypedDict):
    id: str


class Backfill(TypedDict):
    """How far a meter has counted the events from before it was made."""

    complete: bool
    ledgers: Annotated[int, Field(description="How many customers are done.")]
    total_ledgers: int | None
    events: Annotated[int, Field(description="How many events were counted.")]


class MeterWithBackfill(Meter):
    """A meter, and how far it has counted the past."""

    backfill: Backfill
    breakdowns: Annotated[
        Backfill | None,
        Field(description="How far what is grouped has come with the past; without events."),
    ]


class Expiry(TypedDict):
    at: Time
    units: Number


class Lot(TypedDict):
    """A grant with terms of which some is left."""

    grant_id: str
    name: str
    units: Number
    remaining_units: Number
    priority: int
    created_at: Time
    expires_at: OptionalTime
    recurs: bool


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
    limits_spending: Annotated[
        bool,
        Field(
            description="Whether the meter decides on spends that it counts: because the customer "
            "was granted something on it, or because it always does."
        ),
    ]
    expired_units: Annotated[
        Number, Field(description="How much of it expired or was taken back, positive.")
    ]
    next_expiry: Annotated[
        Expiry | None, Field(description="When credits expire next, and how many.")
    ]
    lots: Annotated[
        list[Lot] | None,
        Field(description="The open grants with terms, first the one that is burned first."),
    ]
    complete: Annotated[
        bool, Field(description="False while the meter is still counting the customer's past.")
    ]


class CustomerMeter(Balance):
    """A customer's balance, with the customer and the meter."""

    customer_id: str
    customer: Customer
    meter: Meter


class Rate(TypedDict):
    """What a customer used in the last days, and how long what is left lasts at that."""

    days: Annotated[int, Field(description="How many days of 24 hours, up to now.")]
    used_units: Number
    lasts_days: Annotated[int | None, Field(description="Whole days; null where nothing was used.")]


class RatedCustomerMeter(CustomerMeter):
    """A customer's balance, with the rates of the last 7 and 30 days."""

    rates: list[Rate]


class StatusCounts(TypedDict):
    """How many customers are over, have nothing left, and have something left."""

    over: int
    empty: int
    left: int


class MeterCustomers(TypedDict):
    """A part of a meter's customers, in the order of what they have left."""

    items: list[RatedCustomerMeter]
    counts: StatusCounts
    next: Annotated[
        str | None, Field(description="Where the next part begins: its `after`; null at the end.")
    ]


class Overview(TypedDict):
    """How much there is of what; null of what the token may not read."""

    events: Annotated[int | None, Field(description="How many events, of all time.")]
    last_event_at: Annotated[OptionalTime, Field(description="The time of the latest event.")]
    customers: int | None
    meters: Annotated[int | None, Field(description="Those that are not archived.")]


class CustomerState(Customer):
    """A customer with all its balances."""

    active_subscriptions: Annotated[list[Any], Field(description="Always empty.")]
    granted_benefits: Annotated[list[Any], Field(description="Always empty.")]
    active_meters: list[Balance]


class Restriction(TypedDict):
    """The events that a token may send: of these names, or counted by these meters alone."""

    event_names: list[str]
    meter_ids: list[str]


class CustomerSession(TypedDict):
    """A session of a customer: the only time that its token is shown."""

    created_at: Time
    modified_at: Null
    id: str
    token: str
    expires_at: Time
    return_url: str | None
    customer_portal_url: Annotated[
        str, Field(description="The page for the customer, with the token in its fragment.")
    ]
    customer_id: str
    customer: Customer


class PortalOrganization(TypedDict):
    id: str
    name: str
    colour: str | None
    time_zone: str | None


class PortalSession(TypedDict):
    """The session of the request."""

    expires_at: Time
    return_url: str | None
    organization: PortalOrganization


class PortalUser(TypedDict):
    """The session's customer, in the shape of Polar's users."""

    type: Literal["customer"]
    name: str | None
    email: str
    customer_id: str
    member_id: Null
    role: Null


class PortalCustomer(TypedDict):
    """A customer as they see themselves."""

    created_at: Time
    modified_at: OptionalTime
    id: str
    email: str
    email_verified: bool
    name: str | None
    billing_name: Null
    billing_address: Address | None
    tax_id: list[str | None] | None
    oauth_accounts: dict[str, Any]
    default_payment_method_id: Null
    type: CustomerType
    locale: str | None


class PortalAggregation(TypedDict):
    func: Function


class PortalMeterDefinition(TypedDict):
    """What a meter is called, and what it counts in."""

    created_at: Time
    modified_at: OptionalTime
    id: str
    name: str
    unit: Unit
    custom_label: str | None
    custom_multiplier: int | None
    aggregation: PortalAggregation
    group_by: Annotated[
        list[str], Field(description="By which properties the customer may see quantities.")
    ]


class PortalMeter(Balance):
    """What a meter makes of the customer's events."""

    customer_id: str
    meter: PortalMeterDefinition


class PortalEvent(TypedDict):
    """An event, as its customer sees it."""

    id: str
    timestamp: Time
    name: str
    label: str
    source: str
    external_id: str | None
    metadata: Annotated[
        Metadata, Field(description="Of the keys that the organization lists for its portal.")
    ]


class Nothing(TypedDict):
    """What Polar has and Aureon does not: a list of it is empty."""


class Organization(TypedDict):
    """The token's organization, and what it has chosen."""

    id: str
    name: str
    created_at: Time
    modified_at: OptionalTime
    colour: Annotated[str | None, Field(description="As `#rrggbb`.")]
    time_zone: Annotated[str | None, Field(description="An IANA name.")]
    origins: Annotated[
        list[str],
        Field(description="Origins whose pages may call the portal's API and embed its page."),
    ]
    portal_metadata_keys: Annotated[
        list[str], Field(description="Keys of events' metadata that customers see.")
    ]


class Access(TypedDict):
    """What the token of the request allows."""

    organization_id: str
    organization_name: str
    organization_time_zone: Annotated[
        str | None, Field(description="The IANA time zone that the organization has chosen.")
    ]
    scopes: list[str]
    expires_at: OptionalTime
    token_id: str
    restrict_to: Restriction | None
    requests_per_second: int | None


class Token(TypedDict):
    """An access token as it is listed: everything but the token."""

    id: str
    name: str
    scopes: list[str]
    created_at: Time
    expires_at: OptionalTime
    revoked_at: OptionalTime
    restrict_to: Restriction | None
    requests_per_second: int | None


class NewToken(Token):
    """A new access token."""

    token: Annotated[str, Field(description="The token, shown only this once.")]


class CreditPosition(TypedDict):
    """Where a customer stands by a meter."""

    meter_id: str
    decides: Annotated[bool, Field(description="Whether the meter decided on this.")]
    balance: Number
    held_units: Number
    available_credits: Number


class Drawn(TypedDict):
    """Units that were taken of a grant with terms."""

    meter_id: str
    grant_id: str
    units: Number


_DRAWN: Final = "How much was taken of which grants with terms; null where that is no longer known."


class Spent(TypedDict):
    """A spend that was admitted."""

    id: Annotated[str, Field(description="The event's id.")]
    meters: list[CreditPosition]
    drawn: Annotated[list[Drawn] | None, Field(description=_DRAWN)]


class Recurrence(TypedDict):
    """When credits come back, as the clocks of a time zone show it."""

    every: Every
    timezone: str
    anchor: Annotated[str, Field(description="A time of the time zone, without an offset.")]
    left: Annotated[
        int | None, Field(description="How often they will come again; null: for ever.")
    ]
    units: Annotated[Number | None, Field(description="How many; null: as many as this time.")]


class Rollover(TypedDict):
    """What of the rest goes on when credits expire."""

    max_units: Number
    expires_in_seconds: Annotated[int | None, Field(description="Null: until they come next.")]


class Grant(TypedDict):
    """Credits that were given, and what has become of them.

    Without terms they are there for good, as a negative event, and what became of them is null.
    """

    id: str
    status: Status
    customer_id: str
    meter_id: str
    external_id: str | None
    name: str
    metadata: Annotated[Metadata | None, Field(description="As it was sent.")]
    note: str | None
    created_at: Time
    units: Number
    remaining_units: Number | None
    used_units: Annotated[Number | None, Field(description="What usage has burned of it.")]
    repaid_units: Annotated[Number | None, Field(description="What repaid debt when it was given.")]
    expired_units: Number | None
    rolled_over_units: Number | None
    voided_units: Number | None
    priority: Annotated[int | None, Field(description="0 to 100: what is lower is burned first.")]
    expires_at: OptionalTime
    recurrence: Recurrence | None
    rollover: Rollover | None
    previous_id: Annotated[
        str | None, Field(description="The grant that it recurs or was rolled over from.")
    ]
    meters: Annotated[
        list[CreditPosition],
        Field(description="Where the customer stands, after something was done."),
    ]


class RefundedUnits(TypedDict):
    """What a meter had counted of an event, and what of it was given back, or taken back."""

    meter_id: str
    event_units: Annotated[Number, Field(description="What it counted: negative for credits.")]
    refunded_units: Annotated[Number, Field(description="What this refund gave back.")]
    voided_units: Annotated[Number, Field(description="What credits this void took back.")]
    total_refunded_units: Annotated[Number, Field(description="All that was given back of it.")]


class RefusedMeter(TypedDict):
    meter_id: str
    reason: str


class Refund(TypedDict):
    """What was given back of an event."""

    id: Annotated[
        str | None,
        Field(description="The event that counts it; null where a void found nothing left."),
    ]
    event_id: Annotated[str, Field(description="The event that it is of.")]
    customer_id: Annotated[
        str | None, Field(description="Null while no customer has the event's external id.")
    ]
    external_id: str | None
    reason: str | None
    created_at: Time
    units: list[RefundedUnits]
    returned: Annotated[
        list[Drawn] | None,
        Field(
            description="How much went back to which grants with terms: the rest does not lapse. "
            "Null where that is no longer known."
        ),
    ]
    refused: Annotated[
        list[RefusedMeter], Field(description="Meters that counted the event and keep it.")
    ]
    meters: Annotated[
        list[CreditPosition],
        Field(description="Where the customer stands, after something was done."),
    ]


class Voided(TypedDict):
    """An event that was taken back: as a refund, or as a grant with terms."""

    event_id: str
    refund: Refund | None
    grant: Grant | None


class Actor(TypedDict):
    """The token with which somebody decided."""

    token_id: str
    token_name: str


class StatementCall(TypedDict):
    """What made a line: the call, and the ids that its caller knows it by."""

    kind: Annotated[
        str,
        Field(
            description="`ingest`, `queue`, `spend`, `capture`, `grant`, `refund`, `void`, or "
            "`boundary` where credits expired or came back."
        ),
    ]
    external_id: Annotated[
        str | None, Field(description="The caller's; for a capture that of its hold.")
    ]
    hold_id: str | None
    event_id: Annotated[str | None, Field(description="What a refund, or a void, is of.")]
    grant_id: str | None
    reason: str | None
    actor: Annotated[
        Actor | None,
        Field(description="Set for spends, captures, grants, refunds and voids; else null."),
    ]


class StatementLine(TypedDict):
    """Something that changed a balance, and the balance after it."""

    timestamp: Time
    kind: Literal["grant", "usage", "refund", "lapse", "void"]
    units: Annotated[Number, Field(description="What it adds to the balance.")]
    balance: Annotated[Number, Field(description="The balance after it.")]
    name: str
    event_id: str
    external_id: str | None
    call: StatementCall
    note: Annotated[str | None, Field(description="What was noted with a grant.")]


class _StatementUnits(TypedDict):
    opening_balance: Number
    grant_units: Annotated[Number, Field(description="Granted: below 0.")]
    usage_units: Annotated[Number, Field(description="Used: above 0.")]
    refund_units: Annotated[Number, Field(description="Given back: below 0.")]
    lapse_units: Annotated[Number, Field(description="Expired: above 0.")]
    void_units: Annotated[Number, Field(description="Grants that were taken back: above 0.")]
    closing_balance: Number


class StatementDay(_StatementUnits):
    """What changed a balance on a day of the time zone."""

    date: str


class Statement(_StatementUnits):
    """Why a balance is what it is: what all pages come to, and the lines, or days, of this one."""

    customer_id: str
    meter_id: str
    start: Time
    end: Time
    lines: list[StatementLine]
    days: list[StatementDay]
    next: Annotated[
        str | None, Field(description="What `after` the next page takes; null on the last.")
    ]


class HeldUnits(TypedDict):
    meter_id: str
    units: Number


class Hold(TypedDict):
    """Units that are reserved until they are captured or released, or the hold expires."""

    id: str
    status: State
    external_id: str
    customer_id: Annotated[
        str | None, Field(description="Null where it was placed before there was a customer.")
    ]
    external_customer_id: Annotated[
        str | None, Field(description="The external id that named the customer, if one did.")
    ]
    name: str
    metadata: Metadata
    units: list[HeldUnits]
    limit: Number
    created_at: Time
    expires_at: Time
    event_id: Annotated[str | None, Field(description="The event that counted its capture.")]
    meters: Annotated[
        list[CreditPosition],
        Field(description="Where the customer stands, after something was done."),
    ]
    drawn: Annotated[list[Drawn] | None, Field(description=_DRAWN)]


class EventRefundUnits(TypedDict):
    """What was given back, or taken back, of what a meter counted."""

    meter_id: str
    refunded_units: Number
    voided_units: Number


class EventRefund(TypedDict):
    """A refund of an event, or that it was voided."""

    id: Annotated[str | None, Field(description="The event that counts it.")]
    created_at: Time
    external_id: str | None
    reason: str | None
    void: Annotated[bool, Field(description="Whether the event was taken back as a whole.")]
    units: Annotated[
        list[EventRefundUnits], Field(description="Empty for a grant with terms that was voided.")
    ]
    actor: Actor | None


class Event(TypedDict):
    """An event."""

    id: Annotated[str, Field(description="Its place in the log.")]
    timestamp: Time
    organization_id: str
    customer_id: str | None
    customer: Annotated[
        Customer | None, Field(description="Null while no customer has its external id.")
    ]
    external_customer_id: str | None
    external_id: str | None
    member_id: Null
    external_member_id: Null
    child_count: Annotated[int, Field(description="Always 0.")]
    parent_id: Annotated[
        str | None, Field(description="The event that it is a part of, as it was sent.")
    ]
    label: str
    name: str
    source: str
    metadata: Metadata
    refunds: Annotated[
        NotRequired[list[EventRefund]],
        Field(description="What was given back of it: of an event that is read by its id."),
    ]
    actor: Annotated[
        NotRequired[Actor | None],
        Field(description="Who decided on it: of an event that is read by its id."),
    ]
    note: Annotated[
        NotRequired[str | None],
        Field(description="What was noted with a grant: of an event that is read by its id."),
    ]


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


class EventType(EventName):
    """The events of one name, as Polar's clients list their types. They have no ids here."""

    id: Null
    created_at: Null
    modified_at: Null
    label_property_selector: Null
    organization_id: str


class UsageBreakdown(TypedDict):
    """What was used and granted: known of meters that sum or count, null of others."""

    used_units: Number | None
    granted_units: Number | None
    expired_units: Number | None
    refunded_units: Annotated[
        Number | None, Field(description="What was given back in this time, which is not used.")
    ]


class Quantity(UsageBreakdown):
    timestamp: Annotated[Time, Field(description="Where the interval begins.")]
    quantity: Number


class QuantitySeries(UsageBreakdown):
    """What a meter makes of the events of each interval, and of all of them."""

    quantities: list[Quantity]
    total: Number


class QuantityGroup(QuantitySeries):
    """The same of the events in which a property has one value, or of one customer's."""

    kind: Annotated[
        Literal["value", "none", "other", "customer"],
        Field(description="`none` where the property is absent; `other` of all other values."),
    ]
    value: Annotated[
        str | bool | Number | None,
        Field(
            description="The customer's id, or the ledger's where no customer has the external id."
        ),
    ]
    customer: Customer | None


class Quantities(QuantitySeries):
    """A meter's quantities, and with `group_by` those of a property's greatest values."""

    complete: Annotated[bool, Field(description="False while the meter counts its past.")]
    groups: list[QuantityGroup] | None


class Activity(TypedDict):
    """What somebody did, to which thing, and with which token."""

    id: str
    timestamp: Time
    action: str
    subject_id: Annotated[str, Field(description="The id of what was made, changed or taken back.")]
    token_id: Annotated[str | None, Field(description="Null for the command line on the table.")]
    token_name: str
    details: dict[str, str | bool | Number]


class CreditDay(UsageBreakdown):
    """A day in UTC: what moved in it, and what was owed when that was counted, each night."""

    timestamp: Annotated[Time, Field(description="Where the day begins.")]
    outstanding_units: Annotated[
        Number | None, Field(description="What all customers together had left.")
    ]
    overage_units: Annotated[
        Number | None, Field(description="What they had used beyond what they were granted.")
    ]
    customers_with_credits: int | None
    customers_over: int | None
    counted_at: OptionalTime


class MeterCredits(UsageBreakdown):
    """An organization's credits on a meter, by day."""

    items: list[CreditDay]
    complete: Annotated[bool, Field(description="False while the meter counts its past.")]


class DeadLetter(TypedDict):
    """A message of the ingestion queue that failed for good."""

    id: str
    first_received_at: Time
    receive_count: int
    events: int | None
    counted: Annotated[int | None, Field(description="How many of the events have counted.")]
    succeeds_now: Annotated[
        bool, Field(description="Whether it would count if it were sent again.")
    ]
    reason: str


class EventPage(TypedDict):
    """A page of events; not `complete` where counting was given up: there are more than that."""

    items: list[Event]
    pagination: Pagination
    complete: bool


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


class _Unauthorized(TypedDict):
    error: Annotated[
        Literal["Unauthorized", "invalid_token"],
        Field(description="`Unauthorized`: no token was sent; `invalid_token`: it is not valid."),
    ]


class Unauthorized(_Unauthorized, total=False):
    """The request has no token, or a token that is wrong, expired or revoked."""

    detail: str
    error_description: str


class TooLittleScope(TypedDict):
    """The token's scopes do not allow this."""

    error: Literal["insufficient_scope"]
    error_description: str


class InsufficientCredits(TypedDict):
    """There is too little left; nothing was stored."""

    error: Literal["InsufficientCredits"]
    meter_id: str
    meter_name: str
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


class _Ingested(TypedDict):
    inserted: Annotated[int, Field(description="Events that count by this request.")]
    duplicates: Annotated[int, Field(description="Events whose external id had counted before.")]


class Ingested(_Ingested, total=False):
    """What became of the events."""

    conflicts: Annotated[
        list[int],
        Field(description="The places of duplicates whose content differs from what counted."),
    ]
    warnings: Annotated[
        list[Problem],
        Field(description="Strings where a meter counts numbers: they counted as nothing."),
    ]


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
