"""The parameters that the handlers read: of the query, and of the headers."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, get_args

from aureon.access.activity import Action
from aureon.api import statements
from aureon.api.requests import DEFAULT_LIMIT, MAX_LIMIT, MAX_PAGE
from aureon.domain.intervals import Interval
from aureon.reads.breakdowns import DEFAULT_GROUPS, MAX_GROUPS
from aureon.reads.export import FORMATS, MAX_EVENTS
from aureon.reads.statement import BY, MAX_LINES

TIME: Final = {"type": "string", "format": "date-time"}


class Parameter(NamedTuple):
    """A parameter, not required unless it says so. One that may be repeated takes each value."""

    name: str
    description: str
    schema: Any
    repeated: bool = False
    required: bool = False
    place: str = "query"

    def to_openapi(self) -> dict[str, Any]:
        parameter: dict[str, Any] = {
            "name": self.name,
            "in": self.place,
            "required": self.required,
            "description": self.description,
            "schema": self.schema,
        }
        if self.repeated:
            parameter |= {
                "schema": {"type": "array", "items": self.schema},
                "style": "form",
                "explode": True,
            }
        if self.name == METADATA.name:
            parameter |= {"style": "deepObject", "explode": True}
        return parameter


def text(name: str, description: str, *, repeated: bool = False) -> Parameter:
    return Parameter(name, description, {"type": "string"}, repeated)


def moment(name: str, description: str, *, required: bool = False) -> Parameter:
    return Parameter(name, description, TIME, required=required)


def truth(name: str, description: str) -> Parameter:
    return Parameter(name, description, {"type": "boolean"})


def sorting(default: str, *criteria: str) -> Parameter:
    """The order of a list, by any of some criteria."""
    known = [order for criterion in criteria for order in (criterion, f"-{criterion}")]
    return Parameter(
        "sorting",
        f"The order, the first criterion counting most; by default `{default}`. "
        "A minus puts the greatest first.",
        {"type": "string", "enum": known},
        repeated=True,
    )


METADATA: Final = Parameter(
    "metadata",
    "Only what has this metadata: `metadata[key]=value`. A key that is repeated takes any of "
    "its values.",
    {"type": "object", "additionalProperties": {"type": "string"}},
)
PAGE: Final = Parameter(
    "page", "Which page, from 1.", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}
)
LIMIT: Final = Parameter(
    "limit",
    f"How many on a page: {DEFAULT_LIMIT} by default; more than {MAX_LIMIT} are {MAX_LIMIT}.",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
)
PAGING: Final = (PAGE, LIMIT)
CUSTOMERS: Final = (
    text("customer_id", "Only this customer's.", repeated=True),
    text("external_customer_id", "Only the customer's with this external id.", repeated=True),
)
EVENTS: Final = (
    *CUSTOMERS,
    text("meter_id", "Only events that pass this meter's filter."),
    moment("start_timestamp", "Only what happened then or later."),
    moment("end_timestamp", "Only what happened before."),
    text("name", "Only events of this name.", repeated=True),
    text("source", "Only events of this source.", repeated=True),
    text("parent_id", "Only parts of this event, as they name it.", repeated=True),
    text("query", "Only events with this text in their name or an external id, in any case."),
    METADATA,
)
EXPORT: Final = (
    Parameter(
        "format",
        "JSON Lines, each line an event as the API shows it; or CSV, which has a head in the "
        "first part only.",
        {"type": "string", "enum": list(FORMATS), "default": "jsonl"},
    ),
    text("after", "Go on behind the event with this id."),
    Parameter(
        "limit",
        f"How many events at most; more than {MAX_EVENTS:,} are {MAX_EVENTS:,}.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    ),
)
STATEMENT: Final = (
    moment("start", "Where it begins; 30 days ago, where it is not given."),
    moment("end", "Where it ends; now, where it is not given."),
    text("timezone", "Whose days they are: a name of the IANA's, as in `Europe/Berlin`."),
    Parameter(
        "by",
        "A line for each event, or for each day on which something happened.",
        {"type": "string", "enum": list(BY), "default": BY[0]},
    ),
    Parameter(
        "format",
        "CSV has a head on the first page only.",
        {"type": "string", "enum": list(statements.FORMATS), "default": "json"},
    ),
    text("after", "Go on where a page ended: its `next`."),
    Parameter(
        "limit",
        f"How many lines at most: {statements.DEFAULT_LINES} by default; more than {MAX_LINES:,} "
        f"are {MAX_LINES:,}.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    ),
)
QUANTITIES: Final = (
    moment("start_timestamp", "Where the first interval begins.", required=True),
    moment("end_timestamp", "Where the last interval ends.", required=True),
    Parameter(
        "interval",
        "How long an interval is.",
        {"type": "string", "enum": list(get_args(Interval))},
        required=True,
    ),
    text("timezone", "Whose days they are: a name of the IANA's, as in `Europe/Berlin`."),
    text("group_by", "Quantities by the values of this property too: one of the meter's own."),
    Parameter(
        "limit",
        f"How many values, the greatest first; all others are one. At most {MAX_GROUPS}.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_GROUPS},
    ),
    *CUSTOMERS,
    METADATA,
)
PORTAL_QUANTITIES: Final = QUANTITIES[: -len(CUSTOMERS) - 1]
ACTIVITY: Final = (
    Parameter(
        "action",
        "Only these actions.",
        {"type": "string", "enum": list(get_args(Action))},
        repeated=True,
    ),
    text("token_id", "Only what was done with these tokens.", repeated=True),
    text("subject_id", "Only what was done to these things.", repeated=True),
    moment("start_timestamp", "Only what was done from then on."),
    moment("end_timestamp", "Only what was done before."),
)
EXTERNAL_ID: Final = Parameter(
    "external_id",
    "The customer's external id, as it is.",
    {"type": "string", "minLength": 1},
    required=True,
)
IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key",
    "Makes the whole request safe to send again: a repeat changes nothing and answers as the "
    "first did.",
    {"type": "string", "minLength": 1, "maxLength": 255},
    place="header",
)
