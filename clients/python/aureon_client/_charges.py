"""What is charged: a customer, what it is for, and how many units."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, cast
from urllib.parse import quote

from . import types
from ._exact import units_of

Units: TypeAlias = "int | Decimal"
Metadata: TypeAlias = "Mapping[str, str | int | Decimal | float | bool | dict[str, Any]]"


class CustomerId(str):
    """Aureon's own id of a customer. A plain string is the id that your system has for them."""

    __slots__ = ()


def new_id() -> str:
    return str(uuid.uuid4())


def where(customer: str, *, state: bool = False) -> tuple[str, dict[str, Any]]:
    """The path and the query of a customer, or of its state."""
    if isinstance(customer, CustomerId):
        return f"/v1/customers/{quote(customer, safe='')}{'/state' if state else ''}", {}
    # An id may have any characters, slashes among them, which a gateway takes in a query only.
    return f"/v1/customers/{'state' if state else 'external'}", {"external_id": customer}


def metadata_of(units: Units | None, property: str, more: Metadata | None) -> dict[str, Any]:
    """Metadata with the units in the property that the meter adds up."""
    counted = {} if units is None else {property: units_of(units)}
    return {**(more or {}), **counted}


def event(
    customer: str,
    name: str,
    *,
    units: Units | None = None,
    id: str | None = None,
    metadata: Metadata | None = None,
    timestamp: datetime | None = None,
    property: str = "units",
) -> types.EventBody:
    """An event to ingest: negative units grant credits, positive ones use them.

    Under an `id` it counts once, for ever, however often it is sent. `property` is the one that the
    meter adds up. A timestamp has its offset.
    """
    made: types.EventBody = {"name": name, "metadata": metadata_of(units, property, metadata)}
    if isinstance(customer, CustomerId):
        made["customer_id"] = customer
    else:
        made["external_customer_id"] = customer
    if id is not None:
        made["external_id"] = id
    if timestamp is not None:
        made["timestamp"] = time_of(timestamp)
    return made


def time_of(time: datetime) -> str:
    if time.tzinfo is None:
        raise ValueError("A time has its offset: datetime.now(timezone.utc).")
    return time.isoformat()


def without_none(**given: Any) -> dict[str, Any]:
    """What was given, and no more."""
    return {name: value for name, value in given.items() if value is not None}


def charge(
    customer: str,
    name: str,
    units: Units | None,
    id: str,
    metadata: Metadata | None,
    property: str,
    limit: Units,
) -> types.SpendBody:
    """What a spend and a hold have in common."""
    found = event(customer, name, units=units, id=id, metadata=metadata, property=property)
    return cast(types.SpendBody, {**found, "limit": units_of(limit)})
