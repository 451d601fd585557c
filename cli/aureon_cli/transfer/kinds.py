"""What is moved in: customers, events, opening balances.

Names that the organization gave its customers go over as they are; ids that the other system made
mean nothing here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from aureon.core import exact, times
from aureon.core.identifiers import MAX_ID_CHARACTERS
from aureon.domain.events import COST
from aureon_cli.transfer.field_map import EVERYTHING, FieldMap
from aureon_cli.transfer.forms import METADATA, NUMBER, WRAPPERS, Kind, Value
from aureon_cli.transfer.sources import Expand

CUSTOMER: Final = "customer"
NAMES: Final = ("external_customer_id", "customer_id")
CUSTOMERS: Final = (
    *("email", "name", "external_id", METADATA),
    *("type", "billing_address", "tax_id", "locale"),
)
# What only an answer says of a customer, and of an event.
OF_CUSTOMERS: Final = (
    *("created_at", "modified_at", "deleted_at", "organization_id", "avatar_url"),
    *("email_verified", "billing_name", "default_payment_method_id", "first_user_event_at"),
)
OF_EVENTS: Final = (
    *("source", "label", "organization_id", "member_id", "external_member_id"),
    "child_count",
)
# What a grant says of itself, and which of it are objects.
GRANTS: Final = (
    *("name", "external_id", METADATA, "meter_id", "expires_at", "expires_in_seconds"),
    *("priority", "recurrence", "rollover", "note"),
)
TERMS: Final = ("recurrence", "rollover")
# What becomes of a grant is an event too, where one system's log is read as another's.
OF_GRANTS: Final = ("credits.expired", "credits.voided")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Timestamps(StrEnum):
    """How times are written that are not as the API takes them."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    UTC = "utc"


def customers(*, old_ids: bool, ignores_columns: bool = False) -> Kind:
    """Customers. With `old_ids`, one without an external id gets its id there as external id."""

    def convert(value: Value) -> Value:
        value = _snake(value)
        taken = {name: value[name] for name in CUSTOMERS if value.get(name) is not None}
        if old_ids and "external_id" not in taken and value.get("id"):
            taken["external_id"] = short_id(value["id"])
        if isinstance(taken.get("tax_id"), list):
            taken["tax_id"] = taken["tax_id"][0] if taken["tax_id"] else None
        return taken

    return Kind(
        "customers",
        _spellings(*CUSTOMERS, "id"),
        convert,
        objects=(METADATA, "billing_address"),
        dropped=_spellings(*OF_CUSTOMERS),
        required=[["email"]],
        noun="customer",
        ignores_columns=ignores_columns,
    )


@dataclass(frozen=True)
class EventSource:
    """How the events of another system are written, where not as the API shows them.

    `prepare` looks at an entry before the map does, and may refuse it with a ValueError. `expand`
    makes several entries of one. `numbers` are keys of metadata that are read as numbers where they
    are strings. `wrappers` are the members that hold the list in a document.
    """

    map: FieldMap | None = None
    timestamps: Timestamps | None = None
    numbers: Collection[str] = ()
    dropped: Collection[str] = ()
    prepare: Callable[[Value], Value] | None = None
    expand: Expand | None = None
    wrappers: Collection[str] = WRAPPERS


def events(
    source: EventSource | None = None, *, old_ids: bool, ignores_columns: bool = False
) -> Kind:
    """Events. One without an external id gets its id there, so that it counts once."""
    source = source or EventSource()

    def convert(value: Value) -> Value:
        if source.map is not None:
            event = source.map.apply(value, source.dropped)
        else:
            event = _as_sent(_snake(value), old_ids=old_ids)
            _require_no_lapse(event)
        event[METADATA] = _metadata(event.get(METADATA), source.numbers)
        if event.get("external_id") is not None:
            event["external_id"] = short_id(event["external_id"])
        if event.get("timestamp") is not None:
            event["timestamp"] = _time(event["timestamp"], source.timestamps)
        return event

    kind = Kind(
        "events",
        _spellings(*NAMES, "name", "external_id", "timestamp", "id", "parent_id")
        | {METADATA, CUSTOMER},
        convert,
        objects=(METADATA, CUSTOMER),
        dropped=_spellings(*OF_EVENTS, *source.dropped),
        required=[["name"], NAMES],
        prepare=source.prepare,
        expand=source.expand,
        wrappers=source.wrappers,
        ignores_columns=ignores_columns,
    )
    what: list[Any] = [source.timestamps, sorted(source.numbers)]
    if source.map is not None:
        paths = source.map.paths()
        what.append(sorted(source.map.targets.items()))
        kind = replace(
            kind,
            columns=paths,
            objects=(METADATA,),
            dropped=source.dropped,
            required=(),
            flat=True,
            ignores_columns=ignores_columns or EVERYTHING in paths,
        )
    if source == EventSource():
        return kind
    # A file that was read otherwise is another.
    return replace(kind, name=f"events {hashlib.sha256(json.dumps(what).encode()).hexdigest()[:8]}")


def balances(name: str, property_: str, *, old_ids: bool, ignores_columns: bool = False) -> Kind:
    """Opening balances: for each customer one event, which counts once whatever file it is from.

    A record says `credits`, what is left, or `balance`, with the sign that balances have here.
    """

    def convert(value: Value) -> Value:
        customer = _customer(value, old_ids=old_ids)
        given = [held for held in ("credits", "balance") if value.get(held) is not None]
        if len(given) != 1:
            raise ValueError("Either credits or balance has to say how much there is.")
        units = value[given[0]]
        if type(units) not in (int, Decimal):
            raise ValueError(f"{given[0]}: This is not a number.")
        event = {
            **customer,
            "name": name,
            "external_id": _opening(name, property_, customer),
            METADATA: {property_: -units if given[0] == "credits" else units, "opening": True},
        }
        return event | {key: value[key] for key in ("timestamp",) if value.get(key) is not None}

    return Kind(
        f"balances {name} {property_}",
        (*NAMES, "timestamp", "credits", "balance"),
        convert,
        required=[NAMES, ["credits", "balance"]],
        typed=("credits", "balance"),
        ignores_columns=ignores_columns,
    )


def grants(
    prepare: Callable[[Value], Value] | None = None,
    *,
    name: str = "grants",
    old_ids: bool,
    ignores_columns: bool = False,
) -> Kind:
    """Grants, as `POST /v1/credits/grants` takes them. One without an external id gets its id."""

    def convert(value: Value) -> Value:
        value = _snake(value)
        grant = {field: value[field] for field in GRANTS if value.get(field) is not None}
        grant |= _customer(value, old_ids=old_ids)
        grant.setdefault("external_id", value.get("id"))
        if grant["external_id"] is None:
            raise ValueError("external_id: A grant needs an id, so that it counts once.")
        grant["external_id"] = short_id(grant["external_id"])
        grant[METADATA] = _metadata(grant.get(METADATA), ())
        for terms in TERMS:
            if isinstance(grant.get(terms), dict):
                grant[terms] = _numbers(grant[terms])
        return grant

    return Kind(
        name,
        _spellings(*NAMES, *GRANTS, "id") | {CUSTOMER},
        convert,
        objects=(METADATA, CUSTOMER, *TERMS),
        required=[["name"], NAMES, ["external_id", "id"]],
        typed=("priority", "expires_in_seconds"),
        noun="grant",
        prepare=prepare,
        ignores_columns=ignores_columns,
    )


def short_id(id_: Any) -> Any:
    """An id, or, where it is longer than one may be here, its hash."""
    if isinstance(id_, bool) or not isinstance(id_, str | int):
        return id_
    text = str(id_)
    if len(text) <= MAX_ID_CHARACTERS:
        return text
    return f"sha256-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _spellings(*names: str) -> set[str]:
    """Names as the API writes them, and as its clients in TypeScript do."""
    return {*names, *(_camel(name) for name in names)}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _snake(value: Value) -> Value:
    return {
        re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name): value[name] for name in value
    }


def _as_sent(value: Value, *, old_ids: bool) -> Value:
    """An event that is written as the API shows it, as it is sent."""
    event = {
        name: value[name]
        for name in ("name", "external_id", "timestamp", "parent_id", METADATA)
        if value.get(name) is not None
    }
    event |= _customer(value, old_ids=old_ids)
    if "external_id" not in event and value.get("id"):
        event["external_id"] = value["id"]
    return event


def _customer(value: Value, *, old_ids: bool) -> Value:
    """How a record names its customer: by the external id if it can."""
    customer = value.get(CUSTOMER)
    nested = _snake(customer).get("external_id") if isinstance(customer, dict) else None
    external_id = nested or value.get("external_customer_id")
    if external_id is None and old_ids and value.get("customer_id"):
        external_id = short_id(value["customer_id"])
    if external_id is not None:
        return {"external_customer_id": external_id}
    return {"customer_id": value.get("customer_id")}


def _metadata(metadata: Any, numbers: Collection[str]) -> Any:
    """Metadata without what is null, and with numbers where they are meant."""
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        return metadata
    kept = {name: held for name, held in metadata.items() if held is not None and held != ""}
    for name in numbers:
        held = kept.get(name)
        if isinstance(held, str):
            if not NUMBER.fullmatch(held.strip()):
                raise ValueError(f"metadata.{name}: {held} is not a number.")
            kept[name] = exact.parse(held.strip())
    cost = kept.get(COST)
    if isinstance(cost, dict) and isinstance(cost.get("amount"), str):
        amount = cost["amount"]
        if NUMBER.fullmatch(amount):
            kept[COST] = {**cost, "amount": exact.parse(amount)}
    return kept


def _numbers(terms: Mapping[str, Any]) -> Value:
    """Terms of a table, whose cells are text, with numbers where they are meant."""
    return {
        name: exact.parse(held) if isinstance(held, str) and NUMBER.fullmatch(held) else held
        for name, held in terms.items()
        if held is not None and held != ""
    }


def _require_no_lapse(event: Value) -> None:
    """Refuse what another Aureon has written of lots: here it would be an event like any other."""
    metadata = event.get(METADATA)
    if event.get("name") in OF_GRANTS and isinstance(metadata, dict) and "grant_id" in metadata:
        raise ValueError(
            "What becomes of a grant with terms is not an event: import balances and grants."
        )


def _time(value: Any, written: Timestamps | None) -> Any:
    """A time as the API takes it; what is no such number, or has an offset, stays as it is."""
    if written is Timestamps.UTC and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
        return str(value) if moment.tzinfo else times.to_text(moment.replace(tzinfo=UTC))
    if written in (Timestamps.SECONDS, Timestamps.MILLISECONDS):
        number = value
        if isinstance(value, str) and NUMBER.fullmatch(value):
            number = exact.parse(value)
        if type(number) not in (int, Decimal):
            return value
        seconds = Decimal(number) / (1_000 if written is Timestamps.MILLISECONDS else 1)
        try:
            return times.to_text(EPOCH + timedelta(microseconds=int(seconds * 1_000_000)))
        except OverflowError as error:
            raise ValueError(f"timestamp: {value} {written} end beyond the year 9999.") from error
    return value


def _opening(name: str, property_: str, customer: Mapping[str, Any]) -> str:
    whose = json.dumps([name, property_, customer], sort_keys=True)
    return f"opening-{hashlib.sha256(whose.encode()).hexdigest()[:32]}"
