"""Breakdowns: what a meter makes of events by the value that a property has in them.

A value is written as one string, whose first character is its kind, so that the number 10, the
string "10" and no value at all are three.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from aureon.core import exact
from aureon.domain.events import Event
from aureon.domain.filters import compile_property

MAX_PROPERTIES: Final = 3
# Of a property, in a scope and a day: whatever further values it has come under `OTHER`.
MAX_VALUES: Final = 1_000
MAX_VALUE_CHARACTERS: Final = 200
# In the place of a property: whose events these are.
CUSTOMER: Final = "customer"
# A time seldom comes twice.
REFUSED: Final = ("timestamp",)

NONE: Final = "-"
OTHER: Final = "*"
_STRING, _NUMBER, _BOOLEAN, _LEDGER = "s", "n", "b", "l"

Kind = Literal["value", "none", "other", "customer"]


class Value(NamedTuple):
    """A value as the API shows it: of a `customer` the ledger's id."""

    kind: Kind
    value: str | bool | Decimal | None


def compile_group(name: str) -> Callable[[Event, str], str]:
    """Turn a property's name into a function from an event and its ledger to the value there."""
    if name == CUSTOMER:
        return lambda event, ledger_id: written_ledger(ledger_id)
    get = compile_property(name)
    return lambda event, ledger_id: written(get(event))


def written(value: Any) -> str:
    """A property's value as a string; one that is longer than is kept is `OTHER`."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return f"{_BOOLEAN}{value}".lower()
    if isinstance(value, str):
        return f"{_STRING}{value}" if len(value) <= MAX_VALUE_CHARACTERS else OTHER
    text = str(exact.canonical(value))
    return f"{_NUMBER}{text}" if len(text) <= MAX_VALUE_CHARACTERS else OTHER


def written_ledger(ledger_id: str) -> str:
    return f"{_LEDGER}{ledger_id}"


def read(text: str) -> Value:
    """What `written` made a string of."""
    kind, rest = text[:1], text[1:]
    match kind:
        case "s":
            return Value("value", rest)
        case "n":
            return Value("value", Decimal(rest))
        case "b":
            return Value("value", rest == "true")
        case "l":
            return Value("customer", rest)
        case "-":
            return Value("none", None)
        case _:
            return Value("other", None)
