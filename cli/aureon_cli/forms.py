"""What a file's lines say: events, one in each line as JSON, or what another system has written.

A form reads a line as the JSON that is sent for it. What it cannot read is reported, with the
reason, as what is refused is.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from aureon import exact
from aureon.domain.events import COST, MAX_ID_CHARACTERS
from aureon.errors import AureonError

METADATA: Final = "metadata"
CUSTOMER: Final = "customer"
# Columns that hold an object as JSON.
OBJECTS: Final = (METADATA, CUSTOMER)
# A number as JSON writes it: 007 and 1,5 are texts.
NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
TRUTHS: Final = {"true": True, "false": False}

Value = dict[str, Any]


class FormError(AureonError):
    """A file that cannot be what it is said to be, and why."""


class Form(Protocol):
    """What the lines of a source say.

    `noun` is what one is. `prefix` tells it from what else a source could be read as. `quoted` says
    that a line's end within quotation marks is none.
    """

    @property
    def noun(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def quoted(self) -> bool: ...

    def read(self, text: bytes) -> bytes | None:
        """What a line says, as JSON; None where it says nothing.

        Raises ValueError, with a sentence, where it cannot be read.
        """


@dataclass(frozen=True)
class Kind:
    """What a file is of: how a value becomes what is sent, and what columns there may be.

    Of each of the `required` alternatives a file has one column at least. A column with a dot is
    that of an object's member. `typed` are those whose numbers are numbers.
    """

    name: str
    columns: Collection[str]
    required: Collection[Collection[str]]
    convert: Callable[[Value], Value]
    typed: Collection[str] = ()
    noun: str = "event"

    def take(self, value: Any) -> bytes:
        if not isinstance(value, dict):
            raise ValueError("This is no object.")
        return exact.write(self.convert(value))


class JsonLines:
    """A value in each line, as JSON: an event as it is sent, unless a kind says otherwise."""

    quoted = False

    def __init__(self, kind: Kind | None = None) -> None:
        self.noun = kind.noun if kind else "event"
        self.prefix = f"import {kind.name} " if kind else ""
        self._kind = kind

    def read(self, text: bytes) -> bytes | None:
        try:
            value = exact.parse(text)
        except ValueError as error:
            raise ValueError(f"This is not JSON: {error}.") from error
        return self._kind.take(value) if self._kind else text


JSON_LINES: Final = JsonLines()


@dataclass
class Csv:
    """Comma-separated values below a line that names the columns, as RFC 4180 has them.

    An empty field is none. `header` is the first line where it is known: a form that begins in
    the middle of a file has to be told.
    """

    kind: Kind
    header: bytes = b""
    quoted: bool = True
    ignored: list[str] = field(default_factory=list)
    _columns: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.header:
            self._begin(self.header)

    @property
    def noun(self) -> str:
        return self.kind.noun

    @property
    def prefix(self) -> str:
        return f"import {self.kind.name} "

    def read(self, text: bytes) -> bytes | None:
        if not self._columns:
            self._begin(text)
        if text.strip() == self.header:
            return None
        fields = _fields(text)
        if len(fields) != len(self._columns):
            raise ValueError(f"There are {len(self._columns)} columns, and {len(fields)} fields.")
        value: Value = {}
        for column, written in zip(self._columns, fields, strict=True):
            if written and column not in self.ignored:
                self._set(value, column, written)
        return self.kind.take(value)

    def _begin(self, header: bytes) -> None:
        self.header = header.strip()
        try:
            self._columns = [name.strip() for name in _fields(self.header)]
        except ValueError as error:
            raise FormError(f"The first line names no columns. {error}") from error
        for alternatives in self.kind.required:
            if not {*alternatives} & {*self._columns}:
                raise FormError(
                    f"The first line names the columns, {' or '.join(alternatives)} among them. "
                    f"It names: {', '.join(self._columns)}."
                )
        if len({*self._columns}) < len(self._columns):
            raise FormError("The first line names a column twice.")
        self.ignored = [name for name in self._columns if not self._is_known(name)]

    def _is_known(self, column: str) -> bool:
        outer, dot, inner = column.partition(".")
        return column in self.kind.columns or (bool(inner) and f"{outer}{dot}" in self.kind.columns)

    def _set(self, value: Value, column: str, written: str) -> None:
        outer, _, inner = column.partition(".")
        if inner:
            typed = outer == METADATA
            value.setdefault(outer, {})[inner] = _typed(written) if typed else written
        elif column in OBJECTS:
            try:
                value[column] = exact.parse(written)
            except ValueError as error:
                raise ValueError(f"The column {column} is not JSON: {error}.") from error
        else:
            value[column] = _typed(written) if column in self.kind.typed else written


def _fields(text: bytes) -> list[str]:
    try:
        (fields,) = csv.reader([text.decode("utf-8-sig")], strict=True)
    except csv.Error as error:
        hint = " Is a quotation mark missing?" if b"\n" in text else ""
        raise ValueError(f"This is not CSV: {error}.{hint}") from error
    except ValueError as error:
        raise ValueError(f"This is not CSV: {error}.") from error
    return fields


def _typed(written: str) -> Any:
    """A number or a truth value where the text is one."""
    if NUMBER.fullmatch(written):
        return exact.parse(written)
    return TRUTHS.get(written, written)


# What is moved in from elsewhere. Names of customers go over as they are; ids that the other
# system made mean nothing here.


def customers(*, old_ids: bool) -> Kind:
    """Customers. With `old_ids`, one without an external id gets its id there as external id."""

    def convert(value: Value) -> Value:
        taken = {name: value[name] for name in _CUSTOMER if value.get(name) is not None}
        if old_ids and "external_id" not in taken and value.get("id"):
            taken["external_id"] = _short(value["id"])
        if isinstance(taken.get("tax_id"), list):
            taken["tax_id"] = taken["tax_id"][0] if taken["tax_id"] else None
        return taken

    columns = (*_CUSTOMER, "id", "metadata.", "billing_address.")
    return Kind("customers", columns, [["email"]], convert, noun="customer")


def events(*, old_ids: bool) -> Kind:
    """Events. One without an external id gets its id there, so that it counts once."""

    def convert(value: Value) -> Value:
        taken = {name: held for name, held in value.items() if name not in _OF_ANSWERS}
        taken |= _customer(value, old_ids=old_ids)
        if taken.get("external_id") is None and value.get("id"):
            taken["external_id"] = _short(value["id"])
        cost = (value.get(METADATA) or {}).get(COST) if _has_metadata(value) else None
        if isinstance(cost, dict) and isinstance(cost.get("amount"), str):
            amount = _typed(cost["amount"])
            taken[METADATA] = {**value[METADATA], COST: {**cost, "amount": amount}}
        return taken

    columns = ("name", "external_id", "timestamp", "id", *_NAMES, *OBJECTS, f"{METADATA}.")
    return Kind("events", columns, [["name"], _NAMES], convert)


def balances(name: str, property_: str, *, old_ids: bool) -> Kind:
    """Opening balances: for each customer one event, which counts once whatever file it is from.

    A line says `credits`, what is left, or `balance`, with the sign that balances have here.
    """

    def convert(value: Value) -> Value:
        customer = _customer(value, old_ids=old_ids)
        given = [held for held in ("credits", "balance") if value.get(held) is not None]
        if len(given) != 1:
            raise ValueError("One of credits and balance says how much there is.")
        units = value[given[0]]
        if type(units) not in (int, Decimal):
            raise ValueError(f"{given[0]}: This is no number.")
        event = {
            **customer,
            "name": name,
            "external_id": _opening(name, property_, customer),
            METADATA: {property_: -units if given[0] == "credits" else units, "opening": True},
        }
        return event | {key: value[key] for key in ("timestamp",) if value.get(key) is not None}

    return Kind(
        f"balances {name} {property_}",
        (*_NAMES, "timestamp", "credits", "balance"),
        [_NAMES, ["credits", "balance"]],
        convert,
        typed=("credits", "balance"),
    )


_NAMES: Final = ("external_customer_id", "customer_id")
_CUSTOMER: Final = (
    *("email", "name", "external_id", METADATA),
    *("type", "billing_address", "tax_id", "locale"),
)
# What only an answer says of an event.
_OF_ANSWERS: Final = frozenset(("id", CUSTOMER, *_NAMES))


def _customer(value: Value, *, old_ids: bool) -> Value:
    """How a line names its customer: by the external id if it can."""
    customer = value.get(CUSTOMER)
    nested = customer.get("external_id") if isinstance(customer, dict) else None
    external_id = nested or value.get("external_customer_id")
    if external_id is None and old_ids and value.get("customer_id"):
        external_id = _short(value["customer_id"])
    if external_id is not None:
        return {"external_customer_id": external_id}
    return {"customer_id": value.get("customer_id")}


def _has_metadata(value: Value) -> bool:
    return isinstance(value.get(METADATA), dict)


def _short(id_: Any) -> str:
    """An id, or, where it is longer than one may be here, its hash."""
    text = str(id_)
    if len(text) <= MAX_ID_CHARACTERS:
        return text
    return f"sha256-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _opening(name: str, property_: str, customer: Mapping[str, Any]) -> str:
    whose = json.dumps([name, property_, customer], sort_keys=True)
    return f"opening-{hashlib.sha256(whose.encode()).hexdigest()[:32]}"
