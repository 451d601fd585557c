"""What can be asked of the API: each route of `aureon.api.routes`, in words, with its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from aureon.access.bodies import CustomerSessionBody, OrganizationUpdateBody, TokenBody
from aureon.alerts.alerts import STATES as ALERT_STATES
from aureon.api import response_models as models
from aureon.api import statements
from aureon.credits.bodies import CaptureBody, ExtendBody, HoldBody, RefundBody, SpendBody
from aureon.credits.grant_bodies import CreditBody, GrantBody, VoidBody
from aureon.credits.grants import STATUSES
from aureon.customers.bodies import CustomerBody, CustomerPutBody, CustomerUpdateBody
from aureon.domain import ranks
from aureon.ledger.dead_letter_bodies import RedriveBody
from aureon.ledger.event_bodies import IngestBody
from aureon.meters.bodies import MeterBody, MeterUpdateBody, OwnThresholdsBody, PreviewBody
from aureon.reads import export
from aureon.webhooks import event_types
from aureon.webhooks.bodies import EndpointBody, EndpointUpdateBody
from tools.reference import parameters
from tools.reference.parameters import (
    EXTERNAL_ID,
    IDEMPOTENCY_KEY,
    METADATA,
    Parameter,
    moment,
    sorting,
    text,
    truth,
)


class Operation(NamedTuple):
    """A route in words: how it is called, what it takes, and what it answers.

    `answers` are the shapes by status; None is no body. `refusals` are the statuses that it may
    answer beside those that follow from its path, its body and its need of a token.
    """

    tag: str
    summary: str
    answers: Mapping[int, Any]
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: type[BaseModel] | None = None
    body_required: bool = True
    refusals: tuple[int, ...] = ()


class Text(NamedTuple):
    """An answer that is no JSON, by its media types."""

    media_types: tuple[str, ...]
    description: str = "A part of the events."


class OrText(NamedTuple):
    """An answer that is JSON of a shape, or, where that is asked for, no JSON."""

    shape: Any
    media_types: tuple[str, ...]


TAGS: Final = {
    "Customers": "Whom events are counted for.",
    "Meters": "Which events count, and how.",
    "Events": "What was used, and what was granted: a negative value grants credits.",
    "Balances": "What each meter makes of each customer's events. A negative balance is credit.",
    "Credits": "Grants, spends and holds: never more than there is.",
    "Alerts": "Thresholds of credits, and what has come down to them.",
    "Webhooks": "Endpoints, and what was delivered to them.",
    "Queue": "Messages of the ingestion queue that failed for good.",
    "Tokens": "Access tokens, and what they allow.",
    "Portal": "What a customer sees, by a session: their own, to read.",
    "Organizations": "What an organization is called, and how its customers see it.",
    "Service": "The service itself.",
}

LOTS: Final = truth("lots", "Whether to list the open grants with terms, too.")
_IN_PATH: Final = (
    "An external id may hold slashes, escaped or not. A path can't carry `?` and `#`, which the "
    "gateway may cut it at: give such an id as the query parameter `external_id`."
)
_IN_QUERY: Final = "The external id is a query parameter, which carries any character."


def _by_external_id(
    name: str, operation: Operation, refusals: tuple[int, ...] = (404,)
) -> dict[str, Operation]:
    """An operation on a customer by external id, in the path and in the query."""
    summary, told = operation.summary, operation.description
    return {
        f"{name}_external": operation._replace(
            summary=f"{summary} by external id", description=f"{told} {_IN_PATH}".strip()
        ),
        f"{name}_by_external_id": operation._replace(
            summary=f"{summary} by any external id",
            description=f"{told} {_IN_QUERY}".strip(),
            parameters=(EXTERNAL_ID, *operation.parameters),
            refusals=refusals,
        ),
    }


def _in_three_ways(name: str, operation: Operation) -> dict[str, Operation]:
    """An operation on a customer by id, and by external id."""
    return {name: operation, **_by_external_id(name, operation)}


OPERATIONS: Final[Mapping[str, Operation]] = {
    "create_customer": Operation(
        "Customers",
        "Create a customer",
        {201: models.Customer},
        "Events that came before under the external id are the customer's. An e-mail address or an "
        "external id that is taken is a 422, which names the customer who has it.",
        body=CustomerBody,
    ),
    "list_customers": Operation(
        "Customers",
        "List customers",
        {200: models.Page[models.Customer]},
        parameters=(
            *parameters.PAGING,
            text("email", "Only the customer with this address, in any case."),
            text("query", "Only who has this text in address, name or external id, in any case."),
            METADATA,
            sorting("-created_at", "created_at", "email", "name"),
        ),
    ),
    "export_customers": Operation(
        "Customers",
        "Export all customers",
        {200: Text(("text/csv; charset=utf-8",), "All customers, the oldest first.")},
        "As CSV, in one answer: `id`, `external_id`, `email`, `name`, `created_at`, and `metadata` "
        "as JSON. `aureon import customers` reads it.",
        refusals=(413,),
    ),
    **_in_three_ways(
        "get_customer", Operation("Customers", "Get a customer", {200: models.Customer})
    ),
    **_in_three_ways(
        "update_customer",
        Operation(
            "Customers",
            "Change a customer",
            {200: models.Customer},
            "What is absent stays as it is. The external id is set once.",
            body=CustomerUpdateBody,
        ),
    ),
    **_in_three_ways(
        "delete_customer",
        Operation(
            "Customers",
            "Delete a customer",
            {204: None},
            "The address and the external id become free; the events stay in the log.",
            (truth("anonymize", "Replace the address and the name by hashes, for good."),),
        ),
    ),
    **_by_external_id(
        "put_customer",
        Operation(
            "Customers",
            "Create or change a customer",
            {200: models.Customer, 201: models.Customer},
            "201 where it was created, 200 where it was there: then what is absent stays as it is. "
            "Of many at once, one creates it.",
            body=CustomerPutBody,
        ),
        refusals=(),
    ),
    **_in_three_ways(
        "get_customer_state",
        Operation(
            "Balances",
            "Get a customer with all balances",
            {200: models.CustomerState},
            "Exact now: it includes every event whose ingestion was answered.",
            parameters=(LOTS,),
        ),
    ),
    "list_customer_meters": Operation(
        "Balances",
        "List balances",
        {200: models.Page[models.CustomerMeter]},
        "Without a customer and a meter every customer is read, one after the other: name one of "
        "them where there are more than a thousand.",
        parameters=(
            *parameters.PAGING,
            *parameters.CUSTOMERS,
            text("meter_id", "Only of this meter.", repeated=True),
            text("external_meter_id", "Only of the meter with this external id.", repeated=True),
            LOTS,
            sorting(
                "-modified_at",
                "created_at",
                "modified_at",
                "customer_id",
                "customer_name",
                "meter_id",
                "meter_name",
                "balance",
                "consumed_units",
                "credited_units",
            ),
        ),
    ),
    "get_customer_meter": Operation(
        "Balances",
        "Get a balance",
        {200: models.CustomerMeter},
        parameters=(LOTS,),
    ),
    "get_thresholds": Operation(
        "Alerts",
        "Get a balance's thresholds",
        {200: models.Thresholds},
        "Those of the customer, or those of the meter, each with its state.",
    ),
    "set_thresholds": Operation(
        "Alerts",
        "Set a customer's own thresholds",
        {200: models.Thresholds},
        "In place of the meter's; `null` takes them away. A balance that is below already makes no "
        "alert, unless `notify_current` says so.",
        body=OwnThresholdsBody,
    ),
    "list_alerts": Operation(
        "Alerts",
        "List alerts",
        {200: models.Page[models.Alert]},
        "Newest first. An alert is `reached` until its balance has recovered.",
        parameters=(
            *parameters.PAGING,
            *parameters.CUSTOMERS,
            text("meter_id", "Only of this meter.", repeated=True),
            text("state", f"Only alerts that are {', '.join(ALERT_STATES)}.", repeated=True),
        ),
    ),
    "create_webhook_endpoint": Operation(
        "Webhooks",
        "Create an endpoint",
        {201: models.WebhookEndpoint},
        "It gets webhooks of the types that it names, from now on.",
        body=EndpointBody,
    ),
    "list_webhook_endpoints": Operation(
        "Webhooks",
        "List endpoints",
        {200: models.Page[models.WebhookEndpoint]},
        parameters=parameters.PAGING,
    ),
    "get_webhook_endpoint": Operation("Webhooks", "Get an endpoint", {200: models.WebhookEndpoint}),
    "update_webhook_endpoint": Operation(
        "Webhooks",
        "Change an endpoint",
        {200: models.WebhookEndpoint},
        "What is absent stays as it is. Enabling it again lets it begin anew.",
        body=EndpointUpdateBody,
    ),
    "delete_webhook_endpoint": Operation("Webhooks", "Delete an endpoint", {204: None}),
    "reset_webhook_endpoint_secret": Operation(
        "Webhooks",
        "Give an endpoint a new secret",
        {200: models.WebhookEndpoint},
        "What is sent from now on is signed with the new one.",
    ),
    "list_webhook_deliveries": Operation(
        "Webhooks",
        "List deliveries",
        {200: models.Page[models.WebhookDelivery]},
        "Every attempt of the last 30 days, newest first.",
        parameters=(
            *parameters.PAGING,
            text("endpoint_id", "Only to this endpoint.", repeated=True),
            text("event_type", f"Only of {', '.join(event_types.ALL)}.", repeated=True),
            truth("succeeded", "Only those that succeeded, or that did not."),
            text("http_code_class", "Only answers of this class: 2xx, 3xx, 4xx or 5xx."),
            text("query", "Only webhooks with this text in their id or body, in any case."),
            parameters.moment("start_timestamp", "Only attempts from then on."),
            parameters.moment("end_timestamp", "Only attempts before."),
        ),
    ),
    "redeliver_webhook_event": Operation(
        "Webhooks",
        "Send a webhook again",
        {202: models.Redelivered},
        "Under its id, to every endpoint that wants its type.",
        refusals=(409,),
    ),
    "create_meter": Operation(
        "Meters",
        "Create a meter",
        {201: models.MeterWithBackfill},
        "It counts the events from before it was made too: `backfill` says how far it has come.",
        (IDEMPOTENCY_KEY,),
        body=MeterBody,
        refusals=(409,),
    ),
    "list_meters": Operation(
        "Meters",
        "List meters",
        {200: models.Page[models.MeterWithBackfill]},
        parameters=(
            *parameters.PAGING,
            text("external_id", "Only the meter with this external id.", repeated=True),
            text("query", "Only meters with this text in their name, in any case."),
            truth("is_archived", "List the archived ones, which else are left out."),
            METADATA,
            sorting("name", "created_at", "name"),
        ),
    ),
    "get_meter": Operation("Meters", "Get a meter", {200: models.MeterWithBackfill}),
    "get_meter_external": Operation(
        "Meters", "Get a meter by external id", {200: models.MeterWithBackfill}, _IN_PATH
    ),
    "update_meter": Operation(
        "Meters",
        "Change or archive a meter",
        {200: models.MeterWithBackfill},
        "What is absent stays as it is. Filter and aggregation change only while no event has "
        "counted. An archived meter stops counting.",
        body=MeterUpdateBody,
    ),
    "preview_meter": Operation(
        "Meters",
        "Try a meter on the latest events",
        {200: models.Preview},
        "Nothing is stored.",
        body=PreviewBody,
    ),
    "get_meter_quantities": Operation(
        "Meters",
        "Get a meter's quantities by interval",
        {200: models.Quantities},
        "By hour at most 7 days are shown at once, by day 366, by week 371, by month 4 years, and "
        "by year 10. Empty intervals are there too.",
        parameters.QUANTITIES,
    ),
    "list_meter_customers": Operation(
        "Balances",
        "List a meter's customers by what they have left",
        {200: models.MeterCustomers},
        "The balances and rates are as they are now. Who is in the list, its order, which is by "
        "the first two digits, and the counts follow by a moment. Each part takes a bounded number "
        "of reads, however many customers there are: ask again with `after` for the next. A part "
        "may have fewer than `limit` where balances have changed meanwhile.",
        (
            Parameter(
                "status",
                "Only those who have used more than they had, have nothing left, or have some.",
                {"type": "string", "enum": list(ranks.STATUSES)},
            ),
            Parameter(
                "left_at_most", "Only those who have no more left than this.", {"type": "number"}
            ),
            Parameter(
                "sorting",
                "By what is left: the least first, or with a minus the most.",
                {"type": "string", "enum": ["left", "-left"]},
            ),
            text("after", "The `next` of the part before."),
            parameters.LIMIT,
        ),
    ),
    "get_meter_credits": Operation(
        "Meters",
        "Get what was granted, used and owed on a meter by day",
        {200: models.MeterCredits},
        "Of the whole organization, by days in UTC, at most 366 at once. What moved follows by a "
        "moment. What customers have left, and what they used beyond it, is counted each night: "
        "null on days that were not counted.",
        (
            parameters.moment("start_timestamp", "In the first day.", required=True),
            parameters.moment("end_timestamp", "In the last day, or its end.", required=True),
        ),
    ),
    "create_customer_session": Operation(
        "Portal",
        "Open a session for a customer",
        {201: models.CustomerSession},
        "Its token opens what is under `/v1/customer-portal/` for this one customer, to read, and "
        "nothing else. It is good for an hour, or as long as it says, at most for a day; that of a "
        "deleted customer for no longer. Members of teams are passed over.",
        body=CustomerSessionBody,
    ),
    "portal_get_session": Operation(
        "Portal",
        "Get the session",
        {200: models.PortalSession},
        "With the organization that the customer belongs to.",
    ),
    "portal_get_user": Operation(
        "Portal",
        "Get the session's customer",
        {200: models.PortalUser},
        "In the shape that Polar's clients ask for.",
    ),
    "portal_get_customer": Operation("Portal", "Get the customer", {200: models.PortalCustomer}),
    "portal_list_meters": Operation(
        "Portal",
        "List the customer's balances",
        {200: models.Page[models.PortalMeter]},
        parameters=(
            *parameters.PAGING,
            text("meter_id", "Only of this meter.", repeated=True),
            text("query", "Only of meters with this text in their name, in any case."),
            LOTS,
            sorting(
                "meter_name",
                "meter_name",
                "meter_id",
                "created_at",
                "modified_at",
                "balance",
                "consumed_units",
                "credited_units",
            ),
        ),
    ),
    "portal_get_meter": Operation(
        "Portal", "Get a balance of the customer", {200: models.PortalMeter}, parameters=(LOTS,)
    ),
    "portal_get_quantities": Operation(
        "Portal",
        "Get what the customer used by interval",
        {200: models.Quantities},
        "As those of a meter, by the id of the customer's balance.",
        parameters.PORTAL_QUANTITIES,
    ),
    "portal_get_statement": Operation(
        "Portal",
        "Get why a balance of the customer is what it is",
        {200: OrText(models.Statement, ("text/csv; charset=utf-8",))},
        "As the statement of a customer's meter, without reasons of refunds.",
        parameters.STATEMENT,
        refusals=(404, 503),
    ),
    "portal_list_events": Operation(
        "Portal",
        "List the customer's events",
        {200: models.Page[models.PortalEvent]},
        "With the metadata that the organization lists for its portal, and filtered by no other.",
        (
            *parameters.PAGING,
            moment("start_timestamp", "Only what happened then or later."),
            moment("end_timestamp", "Only what happened before."),
            text("name", "Only events of this name.", repeated=True),
            text("meter_id", "Only events that pass the filter of this meter of the customer's."),
            METADATA,
            sorting("-timestamp", "timestamp"),
        ),
        refusals=(404,),
    ),
    "portal_list_grants": Operation(
        "Portal",
        "List the customer's grants with terms",
        {200: models.Page[models.Grant]},
        "Newest first; without notes, and with the metadata that the organization lists.",
        (*parameters.PAGING, text("meter_id", "Only of this meter.", repeated=True)),
    ),
    **{
        f"portal_list_{name}": Operation(
            "Portal",
            f"List {name.replace('_', ' ')}: none",
            {200: models.Page[models.Nothing]},
            "For Polar's clients, which ask for it. The list is empty.",
            parameters.PAGING,
        )
        for name in ("orders", "subscriptions", "benefit_grants")
    },
    "get_current_organization": Operation(
        "Organizations",
        "Get the token's organization with its settings",
        {200: models.Organization},
    ),
    "update_current_organization": Operation(
        "Organizations",
        "Change the organization's settings",
        {200: models.Organization},
        "What is left out stays; null, or an empty list, takes a setting away.",
        body=OrganizationUpdateBody,
    ),
    "list_activity": Operation(
        "Tokens",
        "List who did what",
        {200: models.Page[models.Activity]},
        "Newest first: tokens, meters and customers that were made, changed or removed, credits "
        "that were given or taken back, failed messages that were sent again or discarded. What "
        "is told is written together with what was done. Usage is in the list of events.",
        (*parameters.PAGING, *parameters.ACTIVITY),
    ),
    "export_activity": Operation(
        "Tokens",
        "Export who did what",
        {200: Text(("text/csv; charset=utf-8",), "The activities, the newest first.")},
        "As CSV, in one answer, with `details` as JSON.",
        parameters.ACTIVITY,
        refusals=(413,),
    ),
    "ingest_events": Operation(
        "Events",
        "Count events",
        {200: models.Ingested},
        "Up to 1,000 events, all or, where one breaks a rule, none. An `external_id` counts once, "
        "for ever. When the answer arrives, every balance includes the events. Negative units give "
        "credits, which takes the scope `credits:grant`.",
        (IDEMPOTENCY_KEY,),
        body=IngestBody,
        refusals=(409,),
    ),
    "queue_events": Operation(
        "Events",
        "Send events to the queue",
        {202: None},
        "The same body as for ingestion. Accepted does not mean valid: what breaks a rule becomes "
        "a dead letter.",
        (IDEMPOTENCY_KEY,),
        body=IngestBody,
        refusals=(400,),
    ),
    "list_events": Operation(
        "Events",
        "List events",
        {200: models.EventPage},
        "Newest first. Those of named customers are exact now; those of everyone follow by a "
        "moment. Where something else than names, or the time alone, decides, counting is given up "
        "after a bounded number of reads: then `complete` is false, and there are more.",
        (
            *parameters.PAGING,
            *parameters.EVENTS,
            sorting("-timestamp", "timestamp"),
        ),
    ),
    "export_events": Operation(
        "Events",
        "Export events",
        {200: Text(tuple(each.media_type for each in export.FORMATS.values()))},
        "A part of the selected events, in the order of their hours. Ask again with the `after` of "
        "the header `X-Next-After`, or follow the `Link` to the next part, until an answer has "
        "neither; the parts, one behind the other, are one file.",
        (*parameters.EVENTS, *parameters.EXPORT),
    ),
    "list_event_names": Operation(
        "Events",
        "List the names of events",
        {200: models.Page[models.EventName]},
        parameters=(
            *parameters.PAGING,
            *parameters.CUSTOMERS,
            text("source", "Only events of this source.", repeated=True),
            text("query", "Only names with this text in them, in any case."),
            sorting("-last_seen", "name", "label", "occurrences", "first_seen", "last_seen"),
        ),
    ),
    "list_event_types": Operation(
        "Events",
        "List the types of events",
        {200: models.Page[models.EventType]},
        "The names of events, as Polar's clients list them. They are counted whatever the events "
        "are parts of: `parent_id` and `root_events` are refused.",
        parameters=(
            *parameters.PAGING,
            *parameters.CUSTOMERS,
            text("source", "Only events of this source.", repeated=True),
            text("query", "Only names with this text in them, in any case."),
            sorting("-last_seen", "name", "label", "occurrences", "first_seen", "last_seen"),
        ),
    ),
    "get_event": Operation("Events", "Get an event", {200: models.Event}),
    "spend": Operation(
        "Credits",
        "Spend credits",
        {200: models.Spent},
        "Decides and counts in one atomic step: the event counts, or there is too little left and "
        "nothing is stored. With an `external_id` it is safe to send again. Of the sum and count "
        "meters that count the event, those decide on which the customer was ever granted "
        "anything; without any, all do. `meter_id` names one to decide alone.",
        body=SpendBody,
        refusals=(402, 409),
    ),
    "place_hold": Operation(
        "Credits",
        "Hold credits",
        {200: models.Hold},
        "Reserves units until they are captured or released, or the hold expires.",
        body=HoldBody,
        refusals=(402, 409, 429),
    ),
    "list_holds": Operation(
        "Credits",
        "List open holds",
        {200: models.Page[models.Hold]},
        "Of one customer, newest first: those that reserve units now.",
        parameters=(
            *parameters.PAGING,
            text("customer_id", "The customer, or"),
            text("external_customer_id", "its external id."),
            text("meter_id", "Only holds of this meter's units.", repeated=True),
        ),
        refusals=(404,),
    ),
    "get_hold": Operation("Credits", "Get a hold", {200: models.Hold}),
    "capture_hold": Operation(
        "Credits",
        "Capture a hold",
        {200: models.Hold},
        "Counts what was used in the end, and releases the rest.",
        body=CaptureBody,
        body_required=False,
        refusals=(402, 409),
    ),
    "extend_hold": Operation(
        "Credits",
        "Extend a hold",
        {200: models.Hold},
        "Lets a hold last so many seconds from when it was placed, 24 hours at most; it is never "
        "made shorter. One that has expired is placed anew where there is enough left.",
        body=ExtendBody,
        refusals=(402, 409, 429),
    ),
    "release_hold": Operation(
        "Credits",
        "Release a hold",
        {200: models.Hold},
        "Gives the units back.",
        refusals=(409, 422),
    ),
    "grant": Operation(
        "Credits",
        "Grant credits",
        {200: models.Grant},
        "The event is named as a spend is, with positive units: a sum meter must count it. With an "
        "expiry, a priority, a recurrence or a `meter_id` it is a grant with terms, of one meter; "
        "without, a negative event. With an `external_id` it is safe to send again.",
        body=GrantBody,
        refusals=(409,),
    ),
    "list_grants": Operation(
        "Credits",
        "List grants with terms",
        {200: models.Page[models.Grant]},
        "Of one customer, newest first.",
        parameters=(
            *parameters.PAGING,
            text("customer_id", "The customer, or"),
            text("external_customer_id", "its external id."),
            text("meter_id", "Only grants of this meter.", repeated=True),
            text("status", f"Only grants that are {', '.join(STATUSES)}.", repeated=True),
        ),
        refusals=(404,),
    ),
    "get_grant": Operation("Credits", "Get a grant with terms", {200: models.Grant}),
    "void_grant": Operation(
        "Credits",
        "Take a grant back",
        {200: models.Grant},
        "Takes back what is left of it, and of what rolled over; it comes back no more. With "
        "`allow_debt` what was used of it as well, as after a charge-back.",
        body=VoidBody,
        body_required=False,
        refusals=(409,),
    ),
    "get_statement": Operation(
        "Balances",
        "Get a customer's statement",
        {200: OrText(models.Statement, (statements.CSV,))},
        "Why the balance of a sum or count meter is what it is: each event that changed it from "
        "`start` to before `end`, the balance after it, and which call made it. It is made of the "
        "log alone, and asks for nothing of what came before `start`. Also as CSV.",
        parameters.STATEMENT,
    ),
    "create_customer_meter_credit": Operation(
        "Credits",
        "Give a meter's credits",
        {201: models.Event},
        "As Polar's clients do: a positive whole number of units of one sum meter, which never "
        "expire, as a grant with terms. The event `meter.credited` counts for this meter alone. "
        "With an `external_id` it is safe to send again.",
        body=CreditBody,
        refusals=(409,),
    ),
    "reverse_customer_meter_credit": Operation(
        "Credits",
        "Reverse a meter's credits",
        {200: models.Event},
        "Takes back what is left of credits, by the id of their event, once. Again, or where "
        "nothing is left, it is a 409.",
        refusals=(409,),
    ),
    "refund": Operation(
        "Credits",
        "Refund an event",
        {200: models.Refund},
        "Gives back what a spend, a capture or an ingested event took, or `units` of it, and never "
        "more than that, all parts together. The units go back to the grants that they came from "
        "where these have not expired, else to credits that don't. With an `external_id` it is "
        "safe to send again; so is one without `units`.",
        body=RefundBody,
        refusals=(409,),
    ),
    "void_event": Operation(
        "Events",
        "Take an event back",
        {200: models.Voided},
        "What is left of what it took is given back, and what is left of what it gave is taken. "
        "With `allow_debt` all of what it gave, as after a charge-back.",
        body=VoidBody,
        body_required=False,
        refusals=(409,),
    ),
    "list_dead_letters": Operation(
        "Queue",
        "List dead letters",
        {200: models.DeadLetters},
        "Messages that failed for good, and why, or that they would count now.",
        parameters.PAGING,
    ),
    "discard_dead_letter": Operation(
        "Queue",
        "Discard a dead letter",
        {204: None},
        "For good: what of it has not counted never will. The audit trail keeps how many events it "
        "had, and why it failed.",
    ),
    "redrive_dead_letters": Operation(
        "Queue",
        "Send dead letters anew",
        {200: models.Redriven},
        "What had counted of them does not count again.",
        body=RedriveBody,
        refusals=(409,),
    ),
    "get_overview": Operation(
        "Events",
        "Count events, customers and meters",
        {200: models.Overview},
        "For any token: what it may not read is null. What it costs does not depend on how many "
        "events there are.",
    ),
    "get_current_token": Operation("Tokens", "Get what this token allows", {200: models.Access}),
    "list_tokens": Operation(
        "Tokens",
        "List tokens",
        {200: models.Page[models.Token]},
        "Never the tokens themselves.",
        (
            *parameters.PAGING,
            truth("is_revoked", "List the revoked ones, which else are left out."),
        ),
    ),
    "create_token": Operation(
        "Tokens",
        "Create a token",
        {201: models.NewToken},
        "It can't do more than the token that makes it, nor for longer. It is shown this once.",
        body=TokenBody,
        refusals=(403,),
    ),
    "revoke_token": Operation("Tokens", "Revoke a token", {204: None}, "It stops within a minute."),
    "health": Operation(
        "Service",
        "Ask whether the service is ready",
        {200: models.Health},
        "Without a token.",
        refusals=(503,),
    ),
    "openapi": Operation(
        "Service",
        "Get this document",
        {200: dict[str, Any]},
        "Without a token.",
    ),
}
