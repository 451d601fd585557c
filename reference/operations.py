"""What can be asked of the API: each route of `aureon.routes`, in words, with its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from aureon import export, shapes
from aureon.bodies.credits import CaptureBody, HoldBody, SpendBody
from aureon.bodies.customers import CustomerBody, CustomerUpdateBody
from aureon.bodies.dead_letters import RedriveBody
from aureon.bodies.events import IngestBody
from aureon.bodies.meters import MeterBody, MeterUpdateBody, PreviewBody
from aureon.bodies.tokens import TokenBody
from reference import parameters
from reference.parameters import IDEMPOTENCY_KEY, METADATA, Parameter, sorting, text, truth


class Operation(NamedTuple):
    """A route in words: how it is called, what it takes, and what it answers.

    `answers` are the shapes by status; None is no body. `refusals` are the statuses that it may
    answer beside those that follow from its path, its body and its need of a token.
    """

    name: str
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


TAGS: Final = {
    "Customers": "Whom events are counted for.",
    "Meters": "Which events count, and how.",
    "Events": "What was used, and what was granted: a negative value grants credits.",
    "Balances": "What each meter makes of each customer's events. A negative balance is credit.",
    "Credits": "Spends and holds: never more than there is.",
    "Queue": "Messages of the ingestion queue that failed for good.",
    "Tokens": "Access tokens, and what they allow.",
    "Service": "The service itself.",
}

_BY_ID: Final = "Deleted customers are not found."
_BY_EXTERNAL_ID: Final = "An external id may hold slashes, escaped or not."

OPERATIONS: Final[Mapping[str, Operation]] = {
    "POST /v1/customers/": Operation(
        "create_customer",
        "Customers",
        "Create a customer",
        {201: shapes.Customer},
        "Events that came before under the external id are the customer's. An e-mail address or an "
        "external id that is taken is a 422, which names the customer who has it.",
        body=CustomerBody,
    ),
    "GET /v1/customers/": Operation(
        "list_customers",
        "Customers",
        "List customers",
        {200: shapes.Page[shapes.Customer]},
        parameters=(
            *parameters.PAGING,
            text("email", "Only the customer with this address, in any case."),
            text("query", "Only who has this text in address, name or external id, in any case."),
            METADATA,
            sorting("-created_at", "created_at", "email", "name"),
        ),
    ),
    "GET /v1/customers/{id}": Operation(
        "get_customer", "Customers", "Get a customer", {200: shapes.Customer}, _BY_ID
    ),
    "PATCH /v1/customers/{id}": Operation(
        "update_customer",
        "Customers",
        "Change a customer",
        {200: shapes.Customer},
        "What is absent stays as it is. The external id is set once.",
        body=CustomerUpdateBody,
    ),
    "DELETE /v1/customers/{id}": Operation(
        "delete_customer",
        "Customers",
        "Delete a customer",
        {204: None},
        "The address and the external id become free; the events stay in the log.",
        (truth("anonymize", "Replace the address and the name by hashes, for good."),),
    ),
    "GET /v1/customers/external/{external_id}": Operation(
        "get_customer_external",
        "Customers",
        "Get a customer by external id",
        {200: shapes.Customer},
        _BY_EXTERNAL_ID,
    ),
    "PATCH /v1/customers/external/{external_id}": Operation(
        "update_customer_external",
        "Customers",
        "Change a customer by external id",
        {200: shapes.Customer},
        "What is absent stays as it is, and the external id in any case.",
        body=CustomerUpdateBody,
    ),
    "DELETE /v1/customers/external/{external_id}": Operation(
        "delete_customer_external",
        "Customers",
        "Delete a customer by external id",
        {204: None},
        _BY_EXTERNAL_ID,
        (truth("anonymize", "Replace the address and the name by hashes, for good."),),
    ),
    "GET /v1/customers/{id}/state": Operation(
        "get_customer_state",
        "Balances",
        "Get a customer with all balances",
        {200: shapes.CustomerState},
        "Exact now: it includes every event whose ingestion was answered.",
    ),
    "GET /v1/customers/external/{external_id}/state": Operation(
        "get_customer_state_external",
        "Balances",
        "Get a customer with all balances by external id",
        {200: shapes.CustomerState},
        "Exact now: it includes every event whose ingestion was answered.",
    ),
    "GET /v1/customer-meters/": Operation(
        "list_customer_meters",
        "Balances",
        "List balances",
        {200: shapes.Page[shapes.CustomerMeter]},
        "Without a customer and a meter every customer is read, one after the other: name one of "
        "them where there are more than a thousand.",
        parameters=(
            *parameters.PAGING,
            *parameters.CUSTOMERS,
            text("meter_id", "Only of this meter.", repeated=True),
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
    "GET /v1/customer-meters/{id}": Operation(
        "get_customer_meter", "Balances", "Get a balance", {200: shapes.CustomerMeter}
    ),
    "POST /v1/meters/": Operation(
        "create_meter",
        "Meters",
        "Create a meter",
        {201: shapes.MeterWithBackfill},
        "It counts the events from before it was made too: `backfill` says how far it has come.",
        body=MeterBody,
    ),
    "GET /v1/meters/": Operation(
        "list_meters",
        "Meters",
        "List meters",
        {200: shapes.Page[shapes.MeterWithBackfill]},
        parameters=(
            *parameters.PAGING,
            text("query", "Only meters with this text in their name, in any case."),
            truth("is_archived", "List the archived ones, which else are left out."),
            METADATA,
            sorting("name", "created_at", "name"),
        ),
    ),
    "GET /v1/meters/{id}": Operation(
        "get_meter", "Meters", "Get a meter", {200: shapes.MeterWithBackfill}
    ),
    "PATCH /v1/meters/{id}": Operation(
        "update_meter",
        "Meters",
        "Change or archive a meter",
        {200: shapes.MeterWithBackfill},
        "What is absent stays as it is. Filter and aggregation change only while no event has "
        "counted. An archived meter stops counting.",
        body=MeterUpdateBody,
    ),
    "POST /v1/meters/preview": Operation(
        "preview_meter",
        "Meters",
        "Try a meter on the latest events",
        {200: shapes.Preview},
        "Nothing is stored.",
        body=PreviewBody,
    ),
    "GET /v1/meters/{id}/quantities": Operation(
        "get_meter_quantities",
        "Meters",
        "Get a meter's quantities by interval",
        {200: shapes.Quantities},
        "By hour at most 7 days are shown at once, by day 366, by week 371, by month 4 years, and "
        "by year 10. Empty intervals are there too.",
        parameters.QUANTITIES,
    ),
    "POST /v1/events/ingest": Operation(
        "ingest_events",
        "Events",
        "Count events",
        {200: shapes.Ingested},
        "Up to 1,000 events, all or, where one breaks a rule, none. An `external_id` counts once, "
        "for ever. When the answer arrives, every balance includes the events.",
        (IDEMPOTENCY_KEY,),
        body=IngestBody,
        refusals=(409,),
    ),
    "POST /v1/events/queue": Operation(
        "queue_events",
        "Events",
        "Send events to the queue",
        {202: None},
        "The same body as for ingestion. Accepted does not mean valid: what breaks a rule becomes "
        "a dead letter.",
        (IDEMPOTENCY_KEY,),
        body=IngestBody,
        refusals=(400,),
    ),
    "GET /v1/events/": Operation(
        "list_events",
        "Events",
        "List events",
        {200: shapes.Page[shapes.Event]},
        "Newest first. Those of named customers are exact now; those of everyone follow by a "
        "moment.",
        (
            *parameters.PAGING,
            *parameters.EVENTS,
            sorting("-timestamp", "timestamp"),
        ),
    ),
    "GET /v1/events/export": Operation(
        "export_events",
        "Events",
        "Export events",
        {200: Text(tuple(each.media_type for each in export.FORMATS.values()))},
        "A part of the selected events, an hour's before the next hour's. Ask again with the "
        "`after` of the header `X-Next-After`, or follow the `Link` to the next part, until there "
        "is none; the parts, one behind the other, are one file.",
        (*parameters.EVENTS, *parameters.EXPORT),
    ),
    "GET /v1/events/names": Operation(
        "list_event_names",
        "Events",
        "List the names of events",
        {200: shapes.Page[shapes.EventName]},
        parameters=(
            *parameters.PAGING,
            *parameters.CUSTOMERS,
            text("source", "Only events of this source.", repeated=True),
            text("query", "Only names with this text in them, in any case."),
            sorting("-last_seen", "name", "occurrences", "first_seen", "last_seen"),
        ),
    ),
    "GET /v1/events/{id}": Operation("get_event", "Events", "Get an event", {200: shapes.Event}),
    "POST /v1/credits/spend": Operation(
        "spend",
        "Credits",
        "Spend credits",
        {200: shapes.Spent},
        "Decides and counts in one atomic step: the event counts, or there is too little left and "
        "nothing is stored. With an `external_id` it is safe to send again.",
        body=SpendBody,
        refusals=(402, 409),
    ),
    "POST /v1/credits/holds": Operation(
        "place_hold",
        "Credits",
        "Hold credits",
        {200: shapes.Hold},
        "Reserves units until they are captured or released, or the hold expires.",
        body=HoldBody,
        refusals=(402, 409, 429),
    ),
    "GET /v1/credits/holds/{id}": Operation(
        "get_hold", "Credits", "Get a hold", {200: shapes.Hold}
    ),
    "POST /v1/credits/holds/{id}/capture": Operation(
        "capture_hold",
        "Credits",
        "Capture a hold",
        {200: shapes.Hold},
        "Counts what was used in the end, and releases the rest.",
        body=CaptureBody,
        body_required=False,
        refusals=(402, 409),
    ),
    "POST /v1/credits/holds/{id}/release": Operation(
        "release_hold",
        "Credits",
        "Release a hold",
        {200: shapes.Hold},
        "Gives the units back.",
        refusals=(409, 422),
    ),
    "GET /v1/dead-letters/": Operation(
        "list_dead_letters",
        "Queue",
        "List dead letters",
        {200: shapes.DeadLetters},
        "Messages that failed for good, and why, or that they would count now.",
        parameters.PAGING,
    ),
    "POST /v1/dead-letters/redrive": Operation(
        "redrive_dead_letters",
        "Queue",
        "Send dead letters anew",
        {200: shapes.Redriven},
        "What had counted of them does not count again.",
        body=RedriveBody,
        refusals=(409,),
    ),
    "GET /v1/tokens/current": Operation(
        "get_current_token", "Tokens", "Get what this token allows", {200: shapes.Access}
    ),
    "GET /v1/tokens/": Operation(
        "list_tokens",
        "Tokens",
        "List tokens",
        {200: shapes.Page[shapes.Token]},
        "Never the tokens themselves.",
        (
            *parameters.PAGING,
            truth("is_revoked", "List the revoked ones, which else are left out."),
        ),
    ),
    "POST /v1/tokens/": Operation(
        "create_token",
        "Tokens",
        "Create a token",
        {201: shapes.NewToken},
        "It can't do more than the token that makes it, nor for longer. It is shown this once.",
        body=TokenBody,
        refusals=(403,),
    ),
    "DELETE /v1/tokens/{id}": Operation(
        "revoke_token", "Tokens", "Revoke a token", {204: None}, "It stops within a minute."
    ),
    "GET /health": Operation(
        "health",
        "Service",
        "Ask whether the service is ready",
        {200: shapes.Health},
        "Without a token.",
        refusals=(503,),
    ),
    "GET /openapi.json": Operation(
        "openapi",
        "Service",
        "Get this document",
        {200: dict[str, Any]},
        "Without a token.",
    ),
}
