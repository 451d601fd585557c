"""Plain events: events as most are sent, checked without pydantic.

A body that is good is most often plain, and finding that out takes a fraction of the time that
`aureon.bodies.events` needs, whose import alone costs a cold start more than all else of a handler.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aureon import times
from aureon.domain.events import (
    COST,
    LLM,
    MAX_AHEAD,
    MAX_ID_CHARACTERS,
    MAX_METADATA_KEY_CHARACTERS,
    MAX_METADATA_KEYS,
    MAX_METADATA_VALUE_CHARACTERS,
    MAX_NAME_CHARACTERS,
    UNREACHABLE,
    Event,
    Named,
    number_problem,
)

COST_PARTS: Final = {"amount", "currency"}
CURRENCY_CHARACTERS: Final = 3


class PlainEvent(msgspec.Struct):
    """One event as most are sent. Where it is one, it is good, and says what `EventBody` would.

    The other spelling of a key, which an `EventBody` takes as well, makes an event not plain.
    """

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    customer_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    external_customer_id: (
        Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARACTERS)] | None
    ) = None
    external_id: Annotated[str, Meta(max_length=MAX_ID_CHARACTERS)] | None = None
    timestamp: str | None = None
    metadata: dict[str, Any] = {}
    customerId: UnsetType = UNSET  # noqa: N815
    externalCustomerId: UnsetType = UNSET  # noqa: N815
    externalId: UnsetType = UNSET  # noqa: N815


def plain_events(sent: list[Any], received_at: datetime) -> list[Event] | None:
    """These events, where all of them are plain; where they are not, `IngestBody` must look.

    It can say what is wrong with a body, and where, and takes several times as long to find that
    nothing is.
    """
    try:
        found = msgspec.convert(sent, list[PlainEvent])
    except msgspec.ValidationError:
        return None
    latest = received_at + MAX_AHEAD
    made = []
    for position, event in enumerate(found):
        if not _is_plain(event):
            return None
        sent_at = None
        if event.timestamp is not None:
            try:
                sent_at = times.from_text(event.timestamp)
            except ValueError:
                return None
            if sent_at > latest:
                return None
        if event.external_customer_id is not None:
            customer = Named(True, event.external_customer_id)
        else:
            customer = Named(False, event.customer_id or "")
        made.append(
            Event(
                position,
                customer,
                event.name,
                sent_at or received_at,
                _with_decimal_cost(event.metadata) if COST in event.metadata else event.metadata,
                event.external_id or None,
                sent_at,
            )
        )
    return made


def _is_plain(event: PlainEvent) -> bool:
    external = event.external_customer_id
    if external is None:
        if event.customer_id is None:
            return False
    elif event.customer_id is not None or external.endswith(UNREACHABLE):
        return False
    if len(event.metadata) > MAX_METADATA_KEYS:
        return False
    # In one loop: it is most of what there is to check, and calls would take most of the time.
    for name, value in event.metadata.items():
        if not 0 < len(name) <= MAX_METADATA_KEY_CHARACTERS or name == LLM:
            return False
        kind = type(value)
        if name == COST:
            if not _is_plain_cost(value):
                return False
            continue
        if kind is str:
            if not 0 < len(value) <= MAX_METADATA_VALUE_CHARACTERS:
                return False
        elif kind is int or kind is Decimal:
            if number_problem(value) is not None:
                return False
        elif kind is not bool:
            return False
    return True


def _is_plain_cost(value: Any) -> bool:
    if type(value) is not dict or value.keys() != COST_PARTS:
        return False
    amount, currency = value["amount"], value["currency"]
    if type(amount) is not int and type(amount) is not Decimal:
        return False
    if type(currency) is not str or len(currency) != CURRENCY_CHARACTERS:
        return False
    return number_problem(amount) is None


def _with_decimal_cost(metadata: dict[str, Any]) -> dict[str, Any]:
    cost = metadata[COST]
    return {**metadata, COST: {**cost, "amount": Decimal(cost["amount"])}}
