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
    MAX_INTEGER_DIGITS,
    MAX_LLM_TEXT_CHARACTERS,
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


_LlmText = Annotated[str, Meta(max_length=MAX_LLM_TEXT_CHARACTERS)]
_Tokens = Annotated[int, Meta(ge=0, lt=10**MAX_INTEGER_DIGITS)]
_Text = Annotated[str, Meta(min_length=1, max_length=MAX_METADATA_VALUE_CHARACTERS)]


class _Llm(msgspec.Struct, forbid_unknown_fields=True):
    """The call to a language model, by these spellings only."""

    vendor: _Text
    model: _Text
    input_tokens: _Tokens
    output_tokens: _Tokens
    total_tokens: _Tokens
    prompt: _LlmText | None = None
    response: _LlmText | None = None
    cached_input_tokens: _Tokens | None = None


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
        metadata = event.metadata
        if not is_plain_customer(event.customer_id, event.external_customer_id):
            return None
        if not is_plain_metadata(metadata):
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
                understood(metadata),
                event.external_id or None,
                sent_at,
            )
        )
    return made


def is_plain_customer(customer_id: str | None, external_customer_id: str | None) -> bool:
    """Whether one customer is named, in one way, by what a path can tell from another id."""
    if external_customer_id is None:
        return customer_id is not None
    return customer_id is None and not external_customer_id.endswith(UNREACHABLE)


def is_plain_metadata(metadata: dict[str, Any]) -> bool:
    """Whether metadata keep every rule, so that `bodies.events` need not name a broken one."""
    if len(metadata) > MAX_METADATA_KEYS:
        return False
    # In one loop: it is most of what there is to check, and calls would take most of the time.
    for name, value in metadata.items():
        if not 0 < len(name) <= MAX_METADATA_KEY_CHARACTERS:
            return False
        kind = type(value)
        if name == COST:
            if not _is_plain_cost(value):
                return False
        elif name == LLM:
            if not _is_plain_llm(value):
                return False
        elif kind is str:
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


def _is_plain_llm(value: Any) -> bool:
    if type(value) is not dict:
        return False
    try:
        msgspec.convert(value, _Llm)
    except msgspec.ValidationError:
        return False
    return True


def understood(metadata: dict[str, Any]) -> dict[str, Any]:
    """Plain metadata as events keep it: the amount of its cost is a Decimal."""
    if COST not in metadata:
        return metadata
    cost = metadata[COST]
    return {**metadata, COST: {**cost, "amount": Decimal(cost["amount"])}}
