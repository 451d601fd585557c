"""What requests hold, and what is answered: made of the OpenAPI document.

`DECIMALS` are the keys of answers whose numbers are `Decimal`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired

DECIMALS: Final = frozenset(
    {
        "available_credits",
        "balance",
        "closing_balance",
        "consumed_units",
        "event_units",
        "expired_units",
        "grant_units",
        "granted_units",
        "held_units",
        "lapse_units",
        "left_at_most",
        "limit",
        "max_units",
        "opening_balance",
        "outstanding_units",
        "overage_units",
        "percent",
        "quantity",
        "refund_units",
        "refunded_units",
        "remaining_units",
        "repaid_units",
        "required",
        "rolled_over_units",
        "threshold_units",
        "total",
        "total_refunded_units",
        "units",
        "usage_units",
        "used_units",
        "value",
        "void_units",
        "voided_units",
    }
)


class Activity(TypedDict):
    """
    What somebody did, to which thing, and with which token.
    """

    id: str
    timestamp: str
    action: str
    subject_id: str
    token_id: str | None
    token_name: str
    details: dict[str, str | bool | Decimal]


class Actor(TypedDict):
    """
    The token with which somebody decided.
    """

    token_id: str
    token_name: str


class Address(TypedDict):
    country: str
    line1: str | None
    line2: str | None
    postal_code: str | None
    city: str | None
    state: str | None


class AddressBody(TypedDict):
    country: str
    line1: NotRequired[str | None]
    line2: NotRequired[str | None]
    postal_code: NotRequired[str | None]
    city: NotRequired[str | None]
    state: NotRequired[str | None]


class Aggregation(TypedDict):
    func: Literal["sum", "count", "avg", "max", "min", "unique"]
    property: NotRequired[str]


class AggregationBody(TypedDict):
    func: Literal["sum", "count", "avg", "max", "min", "unique"]
    property: NotRequired[str | None]


class Backfill(TypedDict):
    """
    How far a meter has counted the events from before it was made.
    """

    complete: bool
    ledgers: int
    total_ledgers: int | None
    events: int


class Clause(TypedDict):
    property: str
    operator: Literal["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"]
    value: str | int | bool


class ClauseBody(TypedDict):
    property: str
    operator: Literal["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"]
    value: str | int | bool


class CreditBody(TypedDict):
    """
    Units of one meter to give to a customer, as Polar's clients give them.
    """

    customer_id: NotRequired[str | None]
    external_customer_id: NotRequired[str | None]
    units: int
    rollover: NotRequired[bool]
    external_id: NotRequired[str | None]
    meter_id: NotRequired[str | None]
    external_meter_id: NotRequired[str | None]


class CreditDay(TypedDict):
    """
    A day in UTC: what moved in it, and what was owed when that was counted, each night.
    """

    used_units: Decimal | None
    granted_units: Decimal | None
    expired_units: Decimal | None
    refunded_units: Decimal | None
    timestamp: str
    outstanding_units: Decimal | None
    overage_units: Decimal | None
    customers_with_credits: int | None
    customers_over: int | None
    counted_at: str | None


class CreditPosition(TypedDict):
    """
    Where a customer stands by a meter.
    """

    meter_id: str
    decides: bool
    balance: Decimal
    held_units: Decimal
    available_credits: Decimal


class CustomerSessionBody(TypedDict):
    """
    A session for a customer to see what is theirs: one of the two ids says whose.
    """

    customer_id: NotRequired[str | None]
    external_customer_id: NotRequired[str | None]
    return_url: NotRequired[str | None]
    expires_in_seconds: NotRequired[int]


class Drawn(TypedDict):
    """
    Units that were taken of a grant with terms.
    """

    meter_id: str
    grant_id: str
    units: Decimal


class EndpointBody(TypedDict):
    """
    Where webhooks of these types are to go.

    `aureon:listen` in place of a URL keeps them for a day, for who reads the deliveries.
    """

    url: str
    events: list[
        Literal[
            "customer.created",
            "customer.updated",
            "customer.deleted",
            "customer.state_changed",
            "credits.low",
            "credits.depleted",
            "credits.recovered",
            "credits.granted",
            "credits.expired",
            "hold.expired",
            "audit.difference",
            "dead_letter.created",
        ]
    ]
    format: NotRequired[Literal["raw"]]
    name: NotRequired[str | None]


class EndpointUpdateBody(TypedDict):
    """
    A change of an endpoint: what is absent stays as it is.
    """

    url: NotRequired[str | None]
    events: NotRequired[
        list[
            Literal[
                "customer.created",
                "customer.updated",
                "customer.deleted",
                "customer.state_changed",
                "credits.low",
                "credits.depleted",
                "credits.recovered",
                "credits.granted",
                "credits.expired",
                "hold.expired",
                "audit.difference",
                "dead_letter.created",
            ]
        ]
        | None
    ]
    format: NotRequired[Literal["raw"] | None]
    name: NotRequired[str | None]
    enabled: NotRequired[bool | None]


EventMetadataBody: TypeAlias = dict[str, str | int | Decimal | float | bool | dict[str, Any]]


class EventName(TypedDict):
    """
    The events of one name.
    """

    name: str
    label: str
    source: str
    occurrences: int
    first_seen: str
    last_seen: str


class EventRefundUnits(TypedDict):
    """
    What was given back, or taken back, of what a meter counted.
    """

    meter_id: str
    refunded_units: Decimal
    voided_units: Decimal


class EventType(TypedDict):
    """
    The events of one name, as Polar's clients list their types. They have no ids here.
    """

    name: str
    label: str
    source: str
    occurrences: int
    first_seen: str
    last_seen: str
    id: str | None
    created_at: str | None
    modified_at: str | None
    label_property_selector: str | None
    organization_id: str


class Expiry(TypedDict):
    at: str
    units: Decimal


class ExtendBody(TypedDict):
    """
    How long a hold is to last, counted from when it was placed: sent again, it says the same.
    """

    expires_in_seconds: int


class Failed(TypedDict):
    """
    What went wrong, and what can be done.
    """

    error: str
    detail: str


class Filter(TypedDict):
    conjunction: Literal["and", "or"]
    clauses: list[Clause | Filter]


class FilterBody(TypedDict):
    conjunction: Literal["and", "or"]
    clauses: list[ClauseBody | FilterBody]


class GatewayMessage(TypedDict):
    """
    What the gateway itself says.
    """

    message: str


class Health(TypedDict):
    status: Literal["ok"]


class HeldUnits(TypedDict):
    meter_id: str
    units: Decimal


class HoldBody(TypedDict):
    customer_id: NotRequired[str | None]
    external_customer_id: NotRequired[str | None]
    name: str
    metadata: NotRequired[EventMetadataBody]
    limit: NotRequired[int | Decimal | float]
    meter_id: NotRequired[str | None]
    external_id: str
    expires_in_seconds: NotRequired[int]


class InsufficientCredits(TypedDict):
    """
    There is too little left; nothing was stored.
    """

    error: Literal["InsufficientCredits"]
    meter_id: str
    meter_name: str
    balance: Decimal
    required: Decimal
    available_credits: Decimal


class Left(TypedDict):
    id: str
    reason: str


class Lot(TypedDict):
    """
    A grant with terms of which some is left.
    """

    grant_id: str
    name: str
    units: Decimal
    remaining_units: Decimal
    priority: int
    created_at: str
    expires_at: str | None
    recurs: bool


Metadata: TypeAlias = dict[str, Any]


MetadataBody: TypeAlias = dict[str, str | int | Decimal | float | bool]


GroupByItem: TypeAlias = str


class MeterCredits(TypedDict):
    """
    An organization's credits on a meter, by day.
    """

    used_units: Decimal | None
    granted_units: Decimal | None
    expired_units: Decimal | None
    refunded_units: Decimal | None
    items: list[CreditDay]
    complete: bool


class NotFound(TypedDict):
    """
    There is no such thing in this organization.
    """

    error: Literal["ResourceNotFound"]
    detail: Literal["Not found"]


class Nothing(TypedDict):
    """
    What Polar has and Aureon does not: a list of it is empty.
    """


class Organization(TypedDict):
    """
    The token's organization, and what it has chosen.
    """

    id: str
    name: str
    created_at: str
    modified_at: str | None
    colour: str | None
    time_zone: str | None
    origins: list[str]
    portal_metadata_keys: list[str]


class OrganizationUpdateBody(TypedDict):
    """
    Changes of an organization's settings: what is left out stays, null takes it away.
    """

    name: NotRequired[str]
    colour: NotRequired[str | None]
    time_zone: NotRequired[str | None]
    origins: NotRequired[list[str] | None]
    portal_metadata_keys: NotRequired[list[str] | None]


class Overview(TypedDict):
    """
    How much there is of what; null of what the token may not read.
    """

    events: int | None
    last_event_at: str | None
    customers: int | None
    meters: int | None


class Pagination(TypedDict):
    total_count: int
    max_page: int


class PortalAggregation(TypedDict):
    func: Literal["sum", "count", "avg", "max", "min", "unique"]


class PortalCustomer(TypedDict):
    """
    A customer as they see themselves.
    """

    created_at: str
    modified_at: str | None
    id: str
    email: str
    email_verified: bool
    name: str | None
    billing_name: str | None
    billing_address: Address | None
    tax_id: list[str | None] | None
    oauth_accounts: dict[str, Any]
    default_payment_method_id: str | None
    type: Literal["individual", "team"]
    locale: str | None


class PortalEvent(TypedDict):
    """
    An event, as its customer sees it.
    """

    id: str
    timestamp: str
    name: str
    label: str
    source: str
    external_id: str | None
    metadata: Metadata


class PortalEventPage(TypedDict):
    """
    A page of a list.
    """

    items: list[PortalEvent]
    pagination: Pagination


class PortalMeterDefinition(TypedDict):
    """
    What a meter is called, and what it counts in.
    """

    created_at: str
    modified_at: str | None
    id: str
    name: str
    unit: Literal["scalar", "token", "custom"]
    custom_label: str | None
    custom_multiplier: int | None
    aggregation: PortalAggregation
    group_by: list[str]


class PortalOrganization(TypedDict):
    id: str
    name: str
    colour: str | None
    time_zone: str | None


class PortalSession(TypedDict):
    """
    The session of the request.
    """

    expires_at: str
    return_url: str | None
    organization: PortalOrganization


class PortalUser(TypedDict):
    """
    The session's customer, in the shape of Polar's users.
    """

    type: Literal["customer"]
    name: str | None
    email: str
    customer_id: str
    member_id: str | None
    role: str | None


class PreviewBody(TypedDict):
    """
    A meter to try on the latest events: on so many, at most.
    """

    filter: FilterBody
    aggregation: AggregationBody
    limit: NotRequired[int]


class Problem(TypedDict):
    """
    A rule that is broken, and where.
    """

    type: str
    loc: list[str | int]
    msg: str
    input: Any


class Quantity(TypedDict):
    used_units: Decimal | None
    granted_units: Decimal | None
    expired_units: Decimal | None
    refunded_units: Decimal | None
    timestamp: str
    quantity: Decimal


class Rate(TypedDict):
    """
    What a customer used in the last days, and how long what is left lasts at that.
    """

    days: int
    used_units: Decimal
    lasts_days: int | None


class Recurrence(TypedDict):
    """
    When credits come back, as the clocks of a time zone show it.
    """

    every: Literal["day", "week", "month", "year"]
    timezone: str
    anchor: str
    left: int | None
    units: Decimal | None


class RecurrenceBody(TypedDict):
    """
    How often the credits come back: `count` times in all, or for ever.

    So many `units` come back, where it is not as many as are given now.
    """

    every: Literal["day", "week", "month", "year"]
    count: NotRequired[int | None]
    timezone: NotRequired[str]
    anchor: NotRequired[str | None]
    units: NotRequired[int | Decimal | float | None]


class Redelivered(TypedDict):
    id: str


class RedriveBody(TypedDict):
    """
    Which dead letters to send anew; without ids, all that the organization has.
    """

    ids: NotRequired[list[str] | None]


class Redriven(TypedDict):
    """
    How many dead letters were sent anew, and which were left.
    """

    redriven: int
    left: list[Left]
    complete: bool


class RefundBody(TypedDict):
    """
    Of which event units are given back, and how many: all that is left, where it doesn't say.
    """

    event_id: NotRequired[str | None]
    spend_external_id: NotRequired[str | None]
    hold_id: NotRequired[str | None]
    units: NotRequired[int | Decimal | float | None]
    meter_id: NotRequired[str | None]
    external_id: NotRequired[str | None]
    reason: NotRequired[str | None]


class RefundedUnits(TypedDict):
    """
    What a meter had counted of an event, and what of it was given back, or taken back.
    """

    meter_id: str
    event_units: Decimal
    refunded_units: Decimal
    voided_units: Decimal
    total_refunded_units: Decimal


class RefusedMeter(TypedDict):
    meter_id: str
    reason: str


class Restriction(TypedDict):
    """
    The events that a token may send: of these names, or counted by these meters alone.
    """

    event_names: list[str]
    meter_ids: list[str]


EventName1: TypeAlias = str


MeterId: TypeAlias = str


class RestrictionBody(TypedDict):
    """
    The events that a token may send: of these names, or counted by these meters alone.
    """

    event_names: NotRequired[list[EventName1]]
    meter_ids: NotRequired[list[MeterId]]


class Rollover(TypedDict):
    """
    What of the rest goes on when credits expire.
    """

    max_units: Decimal
    expires_in_seconds: int | None


class RolloverBody(TypedDict):
    """
    What of the rest goes on when the credits expire, and for how long.
    """

    max_units: int | Decimal | float
    expires_in_seconds: NotRequired[int | None]


class SpendBody(TypedDict):
    customer_id: NotRequired[str | None]
    external_customer_id: NotRequired[str | None]
    name: str
    metadata: NotRequired[EventMetadataBody]
    limit: NotRequired[int | Decimal | float]
    meter_id: NotRequired[str | None]
    external_id: NotRequired[str | None]


class Spent(TypedDict):
    """
    A spend that was admitted.
    """

    id: str
    meters: list[CreditPosition]
    drawn: list[Drawn] | None


class StatementCall(TypedDict):
    """
    What made a line: the call, and the ids that its caller knows it by.
    """

    kind: str
    external_id: str | None
    hold_id: str | None
    event_id: str | None
    grant_id: str | None
    reason: str | None
    actor: Actor | None


class StatementDay(TypedDict):
    """
    What changed a balance on a day of the time zone.
    """

    opening_balance: Decimal
    grant_units: Decimal
    usage_units: Decimal
    refund_units: Decimal
    lapse_units: Decimal
    void_units: Decimal
    closing_balance: Decimal
    date: str


class StatementLine(TypedDict):
    """
    Something that changed a balance, and the balance after it.
    """

    timestamp: str
    kind: Literal["grant", "usage", "refund", "lapse", "void"]
    units: Decimal
    balance: Decimal
    name: str
    event_id: str
    external_id: str | None
    call: StatementCall
    note: str | None


class StatusCounts(TypedDict):
    """
    How many customers are over, have nothing left, and have something left.
    """

    over: int
    empty: int
    left: int


class Threshold(TypedDict):
    """
    Few credits: so many units left, or so many percent of what was granted.
    """

    available_credits: Decimal | None
    percent: Decimal | None


class ThresholdBody(TypedDict):
    """
    Few credits: so many units left, or so many percent of what was granted.
    """

    available_credits: NotRequired[int | Decimal | float | str | None]
    percent: NotRequired[int | Decimal | float | str | None]


class ThresholdState(TypedDict):
    """
    A threshold of a balance, and whether it is reached.
    """

    available_credits: Decimal | None
    percent: Decimal | None
    state: Literal["ok", "reached"] | None
    ordinal: int
    alert_id: str | None


class Thresholds(TypedDict):
    """
    The thresholds of a balance: the customer's own, or the meter's.
    """

    customer_id: str
    meter_id: str
    own: bool
    thresholds: list[ThresholdState]


class Token(TypedDict):
    """
    An access token as it is listed: everything but the token.
    """

    id: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    restrict_to: Restriction | None
    requests_per_second: int | None


class TokenBody(TypedDict):
    """
    A token to be made. It can't do more than the one that makes it, nor for longer.
    """

    name: NotRequired[str]
    scopes: list[
        Literal[
            "activity:read",
            "customers:read",
            "customers:write",
            "events:read",
            "events:write",
            "meters:read",
            "meters:write",
            "customer_meters:read",
            "customer_meters:write",
            "customer_sessions:write",
            "alerts:read",
            "credits:read",
            "credits:write",
            "credits:grant",
            "organizations:read",
            "organizations:write",
            "tokens:read",
            "tokens:write",
            "webhooks:read",
            "webhooks:write",
        ]
    ]
    expires_at: NotRequired[str | None]
    restrict_to: NotRequired[RestrictionBody | None]
    requests_per_second: NotRequired[int | None]


class TokenPage(TypedDict):
    """
    A page of a list.
    """

    items: list[Token]
    pagination: Pagination


class TooLittleScope(TypedDict):
    """
    The token's scopes do not allow this.
    """

    error: Literal["insufficient_scope"]
    error_description: str


class Unauthorized(TypedDict):
    """
    The request has no token, or a token that is wrong, expired or revoked.
    """

    error: Literal["Unauthorized", "invalid_token"]
    detail: NotRequired[str]
    error_description: NotRequired[str]


class VoidBody(TypedDict):
    """
    Whether what was used of the credits is taken back too, as after a charge-back; and why.
    """

    allow_debt: NotRequired[bool]
    reason: NotRequired[str | None]


class WebhookEndpoint(TypedDict):
    """
    Where webhooks go.
    """

    created_at: str
    modified_at: str | None
    id: str
    url: str
    name: str | None
    format: Literal["raw"]
    secret: str
    organization_id: str
    events: list[str]
    enabled: bool
    disabled_at: str | None
    disabled_reason: Literal["failing", "gone"] | None
    api_version: str
    uses_standard_webhook_signature: bool


class WebhookEndpointPage(TypedDict):
    """
    A page of a list.
    """

    items: list[WebhookEndpoint]
    pagination: Pagination


class WebhookEvent(TypedDict):
    """
    What was sent.
    """

    created_at: str
    modified_at: str | None
    id: str
    type: str
    payload: str | None
    api_version: str
    skipped: bool
    is_archived: bool
    last_http_code: int | None
    succeeded: bool | None


class ListCustomersQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    email: NotRequired[str]
    query: NotRequired[str]
    metadata: NotRequired[dict[str, str]]
    sorting: NotRequired[
        Literal["created_at", "-created_at", "email", "-email", "name", "-name"]
        | list[Literal["created_at", "-created_at", "email", "-email", "name", "-name"]]
    ]


class DeleteCustomerQuery(TypedDict):
    anonymize: NotRequired[bool]


class DeleteCustomerExternalQuery(TypedDict):
    anonymize: NotRequired[bool]


class GetCustomerByExternalIdQuery(TypedDict):
    external_id: NotRequired[str]


class UpdateCustomerByExternalIdQuery(TypedDict):
    external_id: NotRequired[str]


class DeleteCustomerByExternalIdQuery(TypedDict):
    external_id: NotRequired[str]
    anonymize: NotRequired[bool]


class PutCustomerByExternalIdQuery(TypedDict):
    external_id: NotRequired[str]


class GetCustomerStateQuery(TypedDict):
    lots: NotRequired[bool]


class GetCustomerStateExternalQuery(TypedDict):
    lots: NotRequired[bool]


class GetCustomerStateByExternalIdQuery(TypedDict):
    external_id: NotRequired[str]
    lots: NotRequired[bool]


class ListCustomerMetersQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    customer_id: NotRequired[str | list[str]]
    external_customer_id: NotRequired[str | list[str]]
    meter_id: NotRequired[str | list[str]]
    external_meter_id: NotRequired[str | list[str]]
    lots: NotRequired[bool]
    sorting: NotRequired[
        Literal[
            "created_at",
            "-created_at",
            "modified_at",
            "-modified_at",
            "customer_id",
            "-customer_id",
            "customer_name",
            "-customer_name",
            "meter_id",
            "-meter_id",
            "meter_name",
            "-meter_name",
            "balance",
            "-balance",
            "consumed_units",
            "-consumed_units",
            "credited_units",
            "-credited_units",
        ]
        | list[
            Literal[
                "created_at",
                "-created_at",
                "modified_at",
                "-modified_at",
                "customer_id",
                "-customer_id",
                "customer_name",
                "-customer_name",
                "meter_id",
                "-meter_id",
                "meter_name",
                "-meter_name",
                "balance",
                "-balance",
                "consumed_units",
                "-consumed_units",
                "credited_units",
                "-credited_units",
            ]
        ]
    ]


class GetCustomerMeterQuery(TypedDict):
    lots: NotRequired[bool]


class ListAlertsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    customer_id: NotRequired[str | list[str]]
    external_customer_id: NotRequired[str | list[str]]
    meter_id: NotRequired[str | list[str]]
    state: NotRequired[str | list[str]]


class ListWebhookEndpointsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]


class ListWebhookDeliveriesQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    endpoint_id: NotRequired[str | list[str]]
    event_type: NotRequired[str | list[str]]
    succeeded: NotRequired[bool]
    http_code_class: NotRequired[str]
    query: NotRequired[str]
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]


class ListMetersQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    external_id: NotRequired[str | list[str]]
    query: NotRequired[str]
    is_archived: NotRequired[bool]
    metadata: NotRequired[dict[str, str]]
    sorting: NotRequired[
        Literal["created_at", "-created_at", "name", "-name"]
        | list[Literal["created_at", "-created_at", "name", "-name"]]
    ]


class GetMeterQuantitiesQuery(TypedDict):
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]
    interval: NotRequired[Literal["hour", "day", "week", "month", "year"]]
    timezone: NotRequired[str]
    group_by: NotRequired[str]
    limit: NotRequired[int]
    customer_id: NotRequired[str | list[str]]
    external_customer_id: NotRequired[str | list[str]]
    metadata: NotRequired[dict[str, str]]


class ListMeterCustomersQuery(TypedDict):
    status: NotRequired[Literal["over", "empty", "left"]]
    left_at_most: NotRequired[Decimal]
    sorting: NotRequired[Literal["left", "-left"]]
    after: NotRequired[str]
    limit: NotRequired[int]


class GetMeterCreditsQuery(TypedDict):
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]


class PortalListMetersQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    meter_id: NotRequired[str | list[str]]
    query: NotRequired[str]
    lots: NotRequired[bool]
    sorting: NotRequired[
        Literal[
            "meter_name",
            "-meter_name",
            "meter_id",
            "-meter_id",
            "created_at",
            "-created_at",
            "modified_at",
            "-modified_at",
            "balance",
            "-balance",
            "consumed_units",
            "-consumed_units",
            "credited_units",
            "-credited_units",
        ]
        | list[
            Literal[
                "meter_name",
                "-meter_name",
                "meter_id",
                "-meter_id",
                "created_at",
                "-created_at",
                "modified_at",
                "-modified_at",
                "balance",
                "-balance",
                "consumed_units",
                "-consumed_units",
                "credited_units",
                "-credited_units",
            ]
        ]
    ]


class PortalGetMeterQuery(TypedDict):
    lots: NotRequired[bool]


class PortalGetQuantitiesQuery(TypedDict):
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]
    interval: NotRequired[Literal["hour", "day", "week", "month", "year"]]
    timezone: NotRequired[str]
    group_by: NotRequired[str]
    limit: NotRequired[int]


class PortalGetStatementQuery(TypedDict):
    start: NotRequired[str]
    end: NotRequired[str]
    timezone: NotRequired[str]
    by: NotRequired[Literal["event", "day"]]
    format: NotRequired[Literal["json", "csv"]]
    after: NotRequired[str]
    limit: NotRequired[int]


class PortalListEventsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]
    name: NotRequired[str | list[str]]
    meter_id: NotRequired[str]
    metadata: NotRequired[dict[str, str]]
    sorting: NotRequired[
        Literal["timestamp", "-timestamp"] | list[Literal["timestamp", "-timestamp"]]
    ]


class PortalListGrantsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    meter_id: NotRequired[str | list[str]]


class PortalListOrdersQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]


class PortalListSubscriptionsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]


class PortalListBenefitGrantsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]


class ListActivityQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    action: NotRequired[
        Literal[
            "token.created",
            "token.revoked",
            "meter.created",
            "meter.changed",
            "meter.archived",
            "meter.brought_back",
            "customer.created",
            "customer.changed",
            "customer.deleted",
            "organization.changed",
            "grant.created",
            "grant.voided",
            "event.refunded",
            "event.voided",
            "thresholds.changed",
            "webhook_endpoint.created",
            "webhook_endpoint.changed",
            "webhook_endpoint.secret_reset",
            "webhook_endpoint.deleted",
            "dead_letters.redriven",
            "dead_letter.discarded",
        ]
        | list[
            Literal[
                "token.created",
                "token.revoked",
                "meter.created",
                "meter.changed",
                "meter.archived",
                "meter.brought_back",
                "customer.created",
                "customer.changed",
                "customer.deleted",
                "organization.changed",
                "grant.created",
                "grant.voided",
                "event.refunded",
                "event.voided",
                "thresholds.changed",
                "webhook_endpoint.created",
                "webhook_endpoint.changed",
                "webhook_endpoint.secret_reset",
                "webhook_endpoint.deleted",
                "dead_letters.redriven",
                "dead_letter.discarded",
            ]
        ]
    ]
    token_id: NotRequired[str | list[str]]
    subject_id: NotRequired[str | list[str]]
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]


class ExportActivityQuery(TypedDict):
    action: NotRequired[
        Literal[
            "token.created",
            "token.revoked",
            "meter.created",
            "meter.changed",
            "meter.archived",
            "meter.brought_back",
            "customer.created",
            "customer.changed",
            "customer.deleted",
            "organization.changed",
            "grant.created",
            "grant.voided",
            "event.refunded",
            "event.voided",
            "thresholds.changed",
            "webhook_endpoint.created",
            "webhook_endpoint.changed",
            "webhook_endpoint.secret_reset",
            "webhook_endpoint.deleted",
            "dead_letters.redriven",
            "dead_letter.discarded",
        ]
        | list[
            Literal[
                "token.created",
                "token.revoked",
                "meter.created",
                "meter.changed",
                "meter.archived",
                "meter.brought_back",
                "customer.created",
                "customer.changed",
                "customer.deleted",
                "organization.changed",
                "grant.created",
                "grant.voided",
                "event.refunded",
                "event.voided",
                "thresholds.changed",
                "webhook_endpoint.created",
                "webhook_endpoint.changed",
                "webhook_endpoint.secret_reset",
                "webhook_endpoint.deleted",
                "dead_letters.redriven",
                "dead_letter.discarded",
            ]
        ]
    ]
    token_id: NotRequired[str | list[str]]
    subject_id: NotRequired[str | list[str]]
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]


class ListEventsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    customer_id: NotRequired[str | list[str]]
    external_customer_id: NotRequired[str | list[str]]
    meter_id: NotRequired[str]
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]
    name: NotRequired[str | list[str]]
    source: NotRequired[str | list[str]]
    parent_id: NotRequired[str | list[str]]
    query: NotRequired[str]
    metadata: NotRequired[dict[str, str]]
    sorting: NotRequired[
        Literal["timestamp", "-timestamp"] | list[Literal["timestamp", "-timestamp"]]
    ]


class ExportEventsQuery(TypedDict):
    customer_id: NotRequired[str | list[str]]
    external_customer_id: NotRequired[str | list[str]]
    meter_id: NotRequired[str]
    start_timestamp: NotRequired[str]
    end_timestamp: NotRequired[str]
    name: NotRequired[str | list[str]]
    source: NotRequired[str | list[str]]
    parent_id: NotRequired[str | list[str]]
    query: NotRequired[str]
    metadata: NotRequired[dict[str, str]]
    format: NotRequired[Literal["jsonl", "csv"]]
    after: NotRequired[str]
    limit: NotRequired[int]


class ListEventNamesQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    customer_id: NotRequired[str | list[str]]
    external_customer_id: NotRequired[str | list[str]]
    source: NotRequired[str | list[str]]
    query: NotRequired[str]
    sorting: NotRequired[
        Literal[
            "name",
            "-name",
            "label",
            "-label",
            "occurrences",
            "-occurrences",
            "first_seen",
            "-first_seen",
            "last_seen",
            "-last_seen",
        ]
        | list[
            Literal[
                "name",
                "-name",
                "label",
                "-label",
                "occurrences",
                "-occurrences",
                "first_seen",
                "-first_seen",
                "last_seen",
                "-last_seen",
            ]
        ]
    ]


class ListEventTypesQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    customer_id: NotRequired[str | list[str]]
    external_customer_id: NotRequired[str | list[str]]
    source: NotRequired[str | list[str]]
    query: NotRequired[str]
    sorting: NotRequired[
        Literal[
            "name",
            "-name",
            "label",
            "-label",
            "occurrences",
            "-occurrences",
            "first_seen",
            "-first_seen",
            "last_seen",
            "-last_seen",
        ]
        | list[
            Literal[
                "name",
                "-name",
                "label",
                "-label",
                "occurrences",
                "-occurrences",
                "first_seen",
                "-first_seen",
                "last_seen",
                "-last_seen",
            ]
        ]
    ]


class ListHoldsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    customer_id: NotRequired[str]
    external_customer_id: NotRequired[str]
    meter_id: NotRequired[str | list[str]]


class ListGrantsQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    customer_id: NotRequired[str]
    external_customer_id: NotRequired[str]
    meter_id: NotRequired[str | list[str]]
    status: NotRequired[str | list[str]]


class GetStatementQuery(TypedDict):
    start: NotRequired[str]
    end: NotRequired[str]
    timezone: NotRequired[str]
    by: NotRequired[Literal["event", "day"]]
    format: NotRequired[Literal["json", "csv"]]
    after: NotRequired[str]
    limit: NotRequired[int]


class ListDeadLettersQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]


class ListTokensQuery(TypedDict):
    page: NotRequired[int]
    limit: NotRequired[int]
    is_revoked: NotRequired[bool]


class Access(TypedDict):
    """
    What the token of the request allows.
    """

    organization_id: str
    organization_name: str
    organization_time_zone: str | None
    scopes: list[str]
    expires_at: str | None
    token_id: str
    restrict_to: Restriction | None
    requests_per_second: int | None


class ActivityPage(TypedDict):
    """
    A page of a list.
    """

    items: list[Activity]
    pagination: Pagination


class Alert(TypedDict):
    """
    That a balance came down to a threshold, until it has recovered.
    """

    id: str
    state: Literal["reached", "recovered", "closed"]
    customer_id: str
    external_customer_id: str | None
    customer_name: str | None
    customer_email: str
    meter_id: str
    meter_name: str | None
    threshold: Threshold
    threshold_units: Decimal
    ordinal: int
    available_credits: Decimal
    created_at: str
    ended_at: str | None


class AlertPage(TypedDict):
    """
    A page of a list.
    """

    items: list[Alert]
    pagination: Pagination


class Balance(TypedDict):
    """
    What a meter makes of a customer's events: negative while there are credits left.
    """

    id: str
    created_at: str
    modified_at: str
    meter_id: str
    consumed_units: Decimal
    credited_units: int
    balance: Decimal
    available_credits: Decimal
    held_units: Decimal
    used_units: Decimal
    granted_units: Decimal
    limits_spending: bool
    expired_units: Decimal
    next_expiry: Expiry | None
    lots: list[Lot] | None
    complete: bool


class CaptureBody(TypedDict):
    """
    What was used in the end: metadata that takes the place of the hold's, key by key.
    """

    metadata: NotRequired[EventMetadataBody]
    limit: NotRequired[int | Decimal | float | None]


class Customer(TypedDict):
    """
    A customer.
    """

    id: str
    created_at: str
    modified_at: str | None
    metadata: Metadata
    external_id: str | None
    email: str
    email_verified: bool
    type: Literal["individual", "team"]
    name: str | None
    billing_name: str | None
    billing_address: Address | None
    tax_id: list[str | None] | None
    locale: str | None
    organization_id: str
    default_payment_method_id: str | None
    deleted_at: str | None
    first_user_event_at: str | None
    avatar_url: str


class CustomerBody(TypedDict):
    email: NotRequired[str | None]
    name: NotRequired[str | None]
    external_id: NotRequired[str | None]
    metadata: NotRequired[MetadataBody]
    type: NotRequired[Literal["individual", "team"] | None]
    billing_address: NotRequired[AddressBody | None]
    tax_id: NotRequired[str | None]
    locale: NotRequired[str | None]


class CustomerPage(TypedDict):
    """
    A page of a list.
    """

    items: list[Customer]
    pagination: Pagination


class CustomerPutBody(TypedDict):
    """
    What a customer with an external id is to be: made so, or changed where it is there.
    """

    email: NotRequired[str | None]
    name: NotRequired[str | None]
    external_id: NotRequired[str | None]
    metadata: NotRequired[MetadataBody | None]
    billing_address: NotRequired[AddressBody | None]
    tax_id: NotRequired[str | None]
    locale: NotRequired[str | None]
    type: NotRequired[Literal["individual", "team"] | None]


class CustomerSession(TypedDict):
    """
    A session of a customer: the only time that its token is shown.
    """

    created_at: str
    modified_at: str | None
    id: str
    token: str
    expires_at: str
    return_url: str | None
    customer_portal_url: str
    customer_id: str
    customer: Customer


class CustomerState(TypedDict):
    """
    A customer with all its balances.
    """

    id: str
    created_at: str
    modified_at: str | None
    metadata: Metadata
    external_id: str | None
    email: str
    email_verified: bool
    type: Literal["individual", "team"]
    name: str | None
    billing_name: str | None
    billing_address: Address | None
    tax_id: list[str | None] | None
    locale: str | None
    organization_id: str
    default_payment_method_id: str | None
    deleted_at: str | None
    first_user_event_at: str | None
    avatar_url: str
    active_subscriptions: list[Any]
    granted_benefits: list[Any]
    active_meters: list[Balance]


class CustomerUpdateBody(TypedDict):
    """
    A change of a customer: what is absent stays as it is.
    """

    email: NotRequired[str | None]
    name: NotRequired[str | None]
    external_id: NotRequired[str | None]
    metadata: NotRequired[MetadataBody | None]
    billing_address: NotRequired[AddressBody | None]
    tax_id: NotRequired[str | None]
    locale: NotRequired[str | None]


class DeadLetters(TypedDict):
    """
    A page of dead letters; not `complete` where there were more than could be looked at.
    """

    items: list[Any]
    pagination: Pagination
    complete: bool
    queue: bool


class EventBody(TypedDict):
    """
    One event as it is sent. Its time is checked against ``received_at`` in the context.
    """

    customer_id: NotRequired[str | None]
    external_customer_id: NotRequired[str | None]
    name: str
    external_id: NotRequired[str | None]
    parent_id: NotRequired[str | None]
    timestamp: NotRequired[str | None]
    metadata: NotRequired[EventMetadataBody]


class EventNamePage(TypedDict):
    """
    A page of a list.
    """

    items: list[EventName]
    pagination: Pagination


class EventRefund(TypedDict):
    """
    A refund of an event, or that it was voided.
    """

    id: str | None
    created_at: str
    external_id: str | None
    reason: str | None
    void: bool
    units: list[EventRefundUnits]
    actor: Actor | None


class EventTypePage(TypedDict):
    """
    A page of a list.
    """

    items: list[EventType]
    pagination: Pagination


class Grant(TypedDict):
    """
    Credits that were given, and what has become of them.

    Without terms they are there for good, as a negative event, and what became of them is null.
    """

    id: str
    status: Literal["active", "used_up", "expired", "voided", "for_good"]
    customer_id: str
    meter_id: str
    external_id: str | None
    name: str
    metadata: Metadata | None
    note: str | None
    created_at: str
    units: Decimal
    remaining_units: Decimal | None
    used_units: Decimal | None
    repaid_units: Decimal | None
    expired_units: Decimal | None
    rolled_over_units: Decimal | None
    voided_units: Decimal | None
    priority: int | None
    expires_at: str | None
    recurrence: Recurrence | None
    rollover: Rollover | None
    previous_id: str | None
    meters: list[CreditPosition]


class GrantBody(TypedDict):
    customer_id: NotRequired[str | None]
    external_customer_id: NotRequired[str | None]
    name: str
    metadata: NotRequired[EventMetadataBody]
    external_id: NotRequired[str | None]
    meter_id: NotRequired[str | None]
    expires_at: NotRequired[str | None]
    expires_in_seconds: NotRequired[int | None]
    priority: NotRequired[int | None]
    recurrence: NotRequired[RecurrenceBody | None]
    rollover: NotRequired[RolloverBody | None]
    note: NotRequired[str | None]


class GrantPage(TypedDict):
    """
    A page of a list.
    """

    items: list[Grant]
    pagination: Pagination


class Hold(TypedDict):
    """
    Units that are reserved until they are captured or released, or the hold expires.
    """

    id: str
    status: Literal["open", "captured", "released", "expired"]
    external_id: str
    customer_id: str | None
    external_customer_id: str | None
    name: str
    metadata: Metadata
    units: list[HeldUnits]
    limit: Decimal
    created_at: str
    expires_at: str
    event_id: str | None
    meters: list[CreditPosition]
    drawn: list[Drawn] | None


class HoldPage(TypedDict):
    """
    A page of a list.
    """

    items: list[Hold]
    pagination: Pagination


class IngestBody(TypedDict):
    """
    The body of an ingestion. That there are not too many events is checked before.
    """

    events: list[EventBody]


class Ingested(TypedDict):
    """
    What became of the events.
    """

    inserted: int
    duplicates: int
    conflicts: NotRequired[list[int]]
    warnings: NotRequired[list[Problem]]


class Invalid(TypedDict):
    """
    The request breaks rules; nothing of it was stored.
    """

    error: Literal["RequestValidationError"]
    detail: list[Problem]


class Meter(TypedDict):
    """
    A meter: which events it counts, and how.
    """

    metadata: Metadata
    created_at: str
    modified_at: str | None
    id: str
    external_id: str | None
    name: str
    unit: Literal["scalar", "token", "custom"]
    limits_spending: Literal["auto", "always", "never"]
    custom_label: str | None
    custom_multiplier: int | None
    group_by: list[str]
    filter: Filter
    aggregation: Aggregation
    organization_id: str
    archived_at: str | None
    thresholds: list[Threshold]


class MeterBody(TypedDict):
    name: str
    external_id: NotRequired[str | None]
    filter: FilterBody
    aggregation: AggregationBody
    unit: NotRequired[Literal["scalar", "token", "custom"]]
    limits_spending: NotRequired[Literal["auto", "always", "never"]]
    custom_label: NotRequired[str | None]
    custom_multiplier: NotRequired[int | None]
    group_by: NotRequired[list[GroupByItem]]
    metadata: NotRequired[MetadataBody]
    thresholds: NotRequired[list[ThresholdBody]]


class MeterUpdateBody(TypedDict):
    """
    A change of a meter: what is absent stays as it is.
    """

    name: NotRequired[str | None]
    external_id: NotRequired[str | None]
    filter: NotRequired[FilterBody | None]
    aggregation: NotRequired[AggregationBody | None]
    unit: NotRequired[Literal["scalar", "token", "custom"] | None]
    limits_spending: NotRequired[Literal["auto", "always", "never"] | None]
    custom_label: NotRequired[str | None]
    custom_multiplier: NotRequired[int | None]
    group_by: NotRequired[list[GroupByItem] | None]
    metadata: NotRequired[MetadataBody | None]
    is_archived: NotRequired[bool | None]
    thresholds: NotRequired[list[ThresholdBody] | None]
    notify_current: NotRequired[bool]


class MeterWithBackfill(TypedDict):
    """
    A meter, and how far it has counted the past.
    """

    metadata: Metadata
    created_at: str
    modified_at: str | None
    id: str
    external_id: str | None
    name: str
    unit: Literal["scalar", "token", "custom"]
    limits_spending: Literal["auto", "always", "never"]
    custom_label: str | None
    custom_multiplier: int | None
    group_by: list[str]
    filter: Filter
    aggregation: Aggregation
    organization_id: str
    archived_at: str | None
    thresholds: list[Threshold]
    backfill: Backfill
    breakdowns: Backfill | None


class MeterWithBackfillPage(TypedDict):
    """
    A page of a list.
    """

    items: list[MeterWithBackfill]
    pagination: Pagination


class NewToken(TypedDict):
    """
    A new access token.
    """

    id: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    restrict_to: Restriction | None
    requests_per_second: int | None
    token: str


class NothingPage(TypedDict):
    """
    A page of a list.
    """

    items: list[Nothing]
    pagination: Pagination


class OwnThresholdsBody(TypedDict):
    """
    A customer's own thresholds of a meter, in place of the meter's; null takes them away.
    """

    thresholds: list[ThresholdBody] | None
    notify_current: NotRequired[bool]


class PortalMeter(TypedDict):
    """
    What a meter makes of the customer's events.
    """

    id: str
    created_at: str
    modified_at: str
    meter_id: str
    consumed_units: Decimal
    credited_units: int
    balance: Decimal
    available_credits: Decimal
    held_units: Decimal
    used_units: Decimal
    granted_units: Decimal
    limits_spending: bool
    expired_units: Decimal
    next_expiry: Expiry | None
    lots: list[Lot] | None
    complete: bool
    customer_id: str
    meter: PortalMeterDefinition


class PortalMeterPage(TypedDict):
    """
    A page of a list.
    """

    items: list[PortalMeter]
    pagination: Pagination


class QuantityGroup(TypedDict):
    """
    The same of the events in which a property has one value, or of one customer's.
    """

    used_units: Decimal | None
    granted_units: Decimal | None
    expired_units: Decimal | None
    refunded_units: Decimal | None
    quantities: list[Quantity]
    total: Decimal
    kind: Literal["value", "none", "other", "customer"]
    value: str | bool | Decimal | None
    customer: Customer | None


class RatedCustomerMeter(TypedDict):
    """
    A customer's balance, with the rates of the last 7 and 30 days.
    """

    id: str
    created_at: str
    modified_at: str
    meter_id: str
    consumed_units: Decimal
    credited_units: int
    balance: Decimal
    available_credits: Decimal
    held_units: Decimal
    used_units: Decimal
    granted_units: Decimal
    limits_spending: bool
    expired_units: Decimal
    next_expiry: Expiry | None
    lots: list[Lot] | None
    complete: bool
    customer_id: str
    customer: Customer
    meter: Meter
    rates: list[Rate]


class Refund(TypedDict):
    """
    What was given back of an event.
    """

    id: str | None
    event_id: str
    customer_id: str | None
    external_id: str | None
    reason: str | None
    created_at: str
    units: list[RefundedUnits]
    returned: list[Drawn] | None
    refused: list[RefusedMeter]
    meters: list[CreditPosition]


class Statement(TypedDict):
    """
    Why a balance is what it is: what all pages come to, and the lines, or days, of this one.
    """

    opening_balance: Decimal
    grant_units: Decimal
    usage_units: Decimal
    refund_units: Decimal
    lapse_units: Decimal
    void_units: Decimal
    closing_balance: Decimal
    customer_id: str
    meter_id: str
    start: str
    end: str
    lines: list[StatementLine]
    days: list[StatementDay]
    next: str | None


class Voided(TypedDict):
    """
    An event that was taken back: as a refund, or as a grant with terms.
    """

    event_id: str
    refund: Refund | None
    grant: Grant | None


class WebhookDelivery(TypedDict):
    """
    One attempt to send a webhook to an endpoint.
    """

    created_at: str
    modified_at: str | None
    id: str
    endpoint_id: str
    succeeded: bool
    http_code: int | None
    response: str | None
    webhook_event: WebhookEvent


class WebhookDeliveryPage(TypedDict):
    """
    A page of a list.
    """

    items: list[WebhookDelivery]
    pagination: Pagination


class CustomerMeter(TypedDict):
    """
    A customer's balance, with the customer and the meter.
    """

    id: str
    created_at: str
    modified_at: str
    meter_id: str
    consumed_units: Decimal
    credited_units: int
    balance: Decimal
    available_credits: Decimal
    held_units: Decimal
    used_units: Decimal
    granted_units: Decimal
    limits_spending: bool
    expired_units: Decimal
    next_expiry: Expiry | None
    lots: list[Lot] | None
    complete: bool
    customer_id: str
    customer: Customer
    meter: Meter


class CustomerMeterPage(TypedDict):
    """
    A page of a list.
    """

    items: list[CustomerMeter]
    pagination: Pagination


class Event(TypedDict):
    """
    An event.
    """

    id: str
    timestamp: str
    organization_id: str
    customer_id: str | None
    customer: Customer | None
    external_customer_id: str | None
    external_id: str | None
    member_id: str | None
    external_member_id: str | None
    child_count: int
    parent_id: str | None
    label: str
    name: str
    source: str
    metadata: Metadata
    refunds: NotRequired[list[EventRefund]]
    actor: NotRequired[Actor | None]
    note: NotRequired[str | None]


class EventPage(TypedDict):
    """
    A page of events; not `complete` where counting was given up: there are more than that.
    """

    items: list[Event]
    pagination: Pagination
    complete: bool


class MeterCustomers(TypedDict):
    """
    A part of a meter's customers, in the order of what they have left.
    """

    items: list[RatedCustomerMeter]
    counts: StatusCounts
    next: str | None


class PreviewedEvent(TypedDict):
    event: Event
    matches: bool
    counts: bool
    value: Decimal | None


class Quantities(TypedDict):
    """
    A meter's quantities, and with `group_by` those of a property's greatest values.
    """

    used_units: Decimal | None
    granted_units: Decimal | None
    expired_units: Decimal | None
    refunded_units: Decimal | None
    quantities: list[Quantity]
    total: Decimal
    complete: bool
    groups: list[QuantityGroup] | None


class Preview(TypedDict):
    """
    What a meter would make of the latest events.
    """

    items: list[PreviewedEvent]
    examined: int
    counted: int
    total: Decimal
