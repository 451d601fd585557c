"""What a file's lines say: events, one in each line as JSON, or what another system has written.

A form reads a record as the JSON that is sent for it. What it cannot read is reported, with the
reason, as what is refused is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO, Final, Protocol

from aureon.core import exact
from aureon_cli.transfer import sources
from aureon_cli.transfer.sources import Expand, Source, SourceError

# A number as JSON writes it: 007 and 1,5 are strings.
NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
BOOLEANS: Final = {"true": True, "false": False}
DELIMITERS: Final = ",;\t"
BOM: Final = "\ufeff"
# Lists of events that stand for the object that holds them.
WRAPPERS: Final = ("events", "items")
UNTAKEN_SHOWN: Final = 10
METADATA: Final = "metadata"

Value = dict[str, Any]
Lines = Iterator[bytes]

csv.field_size_limit(sources.HEAD_BYTES)


class Unreadable(ValueError):
    """A record that has no end, or another form: only its first line is known to be part of it."""


class Form(Protocol):
    """How the records of a source are read.

    `noun` is what one is. `prefix` tells it from what else a source could be read as. `counted` is
    what a record's number counts.
    """

    noun: str
    prefix: str
    counted: str

    def read(self, lines: Lines) -> bytes | None:
        """What the record that begins with the first line says, as JSON; None if nothing.

        Takes the lines that are the record's. Raises ValueError, with a sentence, where it cannot
        be read, and `Unreadable` where nobody knows where it ends.
        """


@dataclass(frozen=True)
class Kind:
    """What a file is of: how a record becomes what is sent, and what it may have.

    `columns` are taken, those with a dot too whose first part is in `objects`; `dropped` are known,
    and left out. Of each of the `required` alternatives a table has one column. With
    `ignores_columns` all others are left out, else they are refused.
    """

    name: str
    columns: Collection[str]
    convert: Callable[[Value], Value]
    objects: Collection[str] = ()
    dropped: Collection[str] = ()
    required: Collection[Collection[str]] = ()
    # Columns whose cells are typed as those of metadata are.
    typed: Collection[str] = ()
    noun: str = "event"
    # Whether a table's columns stay apart, for `convert` to find its way among them.
    flat: bool = False
    wrappers: Collection[str] = WRAPPERS
    # What looks at an entry first, and what makes several of one in a document.
    prepare: Callable[[Value], Value] | None = None
    expand: Expand | None = None
    ignores_columns: bool = False

    def take(self, value: Any) -> bytes:
        """What is sent for a record. Raises ValueError, with a sentence."""
        if not isinstance(value, dict):
            raise ValueError("The entry is not an object.")
        if self.prepare:
            value = self.prepare(value)
        if untaken := self.untaken(value):
            raise ValueError(self.not_taken(untaken))
        return exact.write(self.convert(value))

    def untaken(self, value: Mapping[str, Any], outer: str = "") -> list[str]:
        """The members that would be lost."""
        if self.ignores_columns:
            return []
        found: list[str] = []
        for key, held in value.items():
            path = f"{outer}{key}"
            if held is None or path in self.columns or path in self.dropped:
                continue
            leads_on = self.leads_on(path)
            if leads_on and isinstance(held, Mapping):
                found += self.untaken(held, f"{path}.")
            elif not leads_on:
                found.append(path)
        return found

    def leads_on(self, path: str) -> bool:
        """Whether members of what a column holds are taken, each by itself."""
        return any(one.startswith(f"{path}.") for one in self.columns)

    def not_taken(self, columns: Sequence[str]) -> str:
        """Says which columns would be lost, and what to do."""
        named = ", ".join(columns[:UNTAKEN_SHOWN])
        more = ", …" if len(columns) > UNTAKEN_SHOWN else ""
        way = "Map it" if self.flat else "Call it metadata.NAME"
        keep = f"{way} to keep it, or give" if METADATA in self.objects else "Give"
        return f"Not taken: {named}{more}. {keep} --ignore-columns to leave it out."

    def is_member(self, column: str) -> bool:
        """Whether a table's column is a member of an object."""
        outer, _, inner = column.partition(".")
        return bool(inner) and outer in self.objects and not self.flat


@dataclass(frozen=True)
class Reading:
    """How a file is to be read: as a table or as JSON, and as what kind; events, unless said."""

    kind: Kind | None = None
    is_table: bool = False

    def open(self, stack: ExitStack, file: BinaryIO) -> tuple[BinaryIO, Form]:
        """The file's lines and what reads them. Raises `SourceError` for what it cannot be."""
        source = sources.as_lines(stack, file)
        if self.is_table and self.kind:
            return source.file, Csv.of(self.kind, source)
        if self.kind:
            source = sources.as_json_lines(stack, source, self.kind.wrappers, self.kind.expand)
        else:
            source = sources.as_json_lines(stack, source, WRAPPERS)
        form = JsonLines(self.kind, source.counted)
        form.check(source.head)
        return source.file, form


class JsonLines:
    """A value in each line, as JSON: an event as it is sent, unless a kind says otherwise."""

    def __init__(self, kind: Kind | None = None, counted: str = "line") -> None:
        self.noun = kind.noun if kind else "event"
        self.prefix = f"import {kind.name} " if kind else ""
        self.counted = counted
        self._kind = kind

    def read(self, lines: Lines) -> bytes | None:
        text = next(lines).removeprefix(sources.BOM).strip()
        if not text:
            return None
        try:
            value = exact.parse(text)
        except ValueError as error:
            raise ValueError(f"This is not JSON: {error}.") from error
        return self._kind.take(value) if self._kind else text

    def check(self, head: bytes) -> None:
        """Refuse a file as a whole whose first entry has what is not taken."""
        kind = self._kind
        try:
            value = exact.parse(head.removeprefix(sources.BOM).lstrip().partition(b"\n")[0])
            if kind and kind.prepare and isinstance(value, dict):
                value = kind.prepare(value)
        except ValueError:
            return
        if kind and isinstance(value, dict) and (untaken := kind.untaken(value)):
            raise SourceError(kind.not_taken(untaken))


JSON_LINES: Final = JsonLines()


@dataclass
class Csv:
    """Comma-separated values below a line that names the columns, as RFC 4180 has them.

    Semicolons and tabs separate them too, where the first line shows it. Cells are trimmed, and an
    empty one is none.
    """

    kind: Kind
    columns: Sequence[str]
    delimiter: str = ","
    counted: str = "line"
    noun: str = field(init=False)
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        self.noun = self.kind.noun
        self.prefix = f"import {self.kind.name} "

    @classmethod
    def of(cls, kind: Kind, source: Source) -> Csv:
        """A table with the columns that its first line names. Raises `SourceError`."""
        lines = BytesIO(source.head.lstrip()).readlines()
        if not lines:
            return cls(kind, ())
        try:
            found = [(_cells(iter(lines), one), one) for one in DELIMITERS]
        except ValueError as error:
            raise SourceError(f"The first line names no columns. {error}") from error
        columns, delimiter = max(found, key=lambda one: len(one[0]))
        for alternatives in kind.required:
            if not {*alternatives} & {*columns}:
                raise SourceError(
                    f"The first line has to name the columns, {' or '.join(alternatives)} among "
                    f"them. It names: {', '.join(columns)}."
                )
        if len({*columns}) < len(columns):
            raise SourceError("The first line names a column twice.")
        empty: Value = {column: "" for column in columns if not kind.is_member(column)}
        if untaken := kind.untaken(kind.prepare(empty) if kind.prepare else empty):
            raise SourceError(kind.not_taken(untaken))
        return cls(kind, columns, delimiter)

    def read(self, lines: Lines) -> bytes | None:
        cells = _cells(lines, self.delimiter)
        if not any(cells) or cells == self.columns:
            return None
        if len(cells) != len(self.columns):
            raise Unreadable(f"There are {len(self.columns)} columns, and {len(cells)} cells.")
        value: Value = {}
        for column, cell in zip(self.columns, cells, strict=True):
            if cell:
                self._set(value, column, cell)
        return self.kind.take(value)

    def _set(self, value: Value, column: str, cell: str) -> None:
        outer, _, inner = column.partition(".")
        if self.kind.flat and not self.kind.leads_on(column):
            value[column] = Cell(cell)
        elif self.kind.flat or column in self.kind.objects:
            try:
                value[column] = exact.parse(cell)
            except ValueError as error:
                raise ValueError(f"The column {column} is not JSON: {error}.") from error
        elif self.kind.is_member(column):
            members = value.setdefault(outer, {})
            if not isinstance(members, dict):
                raise ValueError(f"The columns {outer} and {column} exclude each other.")
            members[inner] = typed(cell) if outer == METADATA else cell
        else:
            value[column] = typed(cell) if column in self.kind.typed else cell


class Cell(str):
    """A cell of a table, which has no type of its own."""


def typed(cell: str) -> Any:
    """A number or a boolean where the text is one."""
    if NUMBER.fullmatch(cell):
        return exact.parse(str(cell))
    return BOOLEANS.get(cell, str(cell))


def _cells(lines: Lines, delimiter: str) -> list[str]:
    """The cells of the next record, cut by the rules of Python's own reader."""
    try:
        cells = next(csv.reader(_texts(lines), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise Unreadable(f"This is not CSV: {_explained(error)}") from error
    try:
        "".join(cells).encode()
    except UnicodeEncodeError as error:
        raise ValueError("This is not UTF-8; save the file as CSV in UTF-8.") from error
    return [cell.strip() for cell in cells]


def _texts(lines: Lines) -> Iterator[str]:
    for line in lines:
        yield line.decode(errors="surrogateescape").removeprefix(BOM)


def _explained(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end" in said:
        return "a quotation mark is missing."
    if "expected after" in said:
        return "a cell goes on after its quotation mark; double the marks within a cell."
    if "field larger" in said:
        return f"a cell has at most {sources.HEAD_BYTES:,} characters. Is a quotation mark missing?"
    if "new-line" in said:
        return "its lines end with carriage returns alone; let them end with line feeds."
    return "it cannot be cut into cells."
