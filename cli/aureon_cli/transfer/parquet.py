"""Parquet, of JSON Lines that were exported: some rows at a time, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final

from aureon.core import exact, times
from aureon.core.errors import AureonError
from aureon.reads.export import COLUMNS

ROWS: Final = 10_000  # of a row group
# Digits of a decimal, and those of them after the point, which are as many as a meter counts.
DECIMAL_DIGITS: Final = 38
FRACTION_DIGITS: Final = 12
WIDE_DECIMAL_DIGITS: Final = 76


class ParquetMissing(AureonError):
    """What writes Parquet is not installed."""


def require() -> None:
    """Raise `ParquetMissing` where Parquet can't be written."""
    if find_spec("pyarrow") is None:
        raise ParquetMissing("Parquet needs pyarrow: make .venv/dev installs it.")


def convert(lines: Path, path: Path, columns: Sequence[str] = ()) -> None:
    """Write the events of a file of JSON Lines as Parquet, which appears when it is whole.

    Objects are JSON, as in CSV: their numbers stay as they were written. Each of `columns`, keys of
    metadata, is a column ``metadata.KEY`` too: of decimals where all its values are numbers, of
    booleans where all are, else of strings.
    """
    import pyarrow
    from pyarrow import parquet

    kinds = {"timestamp": pyarrow.timestamp("us", tz="UTC"), "child_count": pyarrow.int64()}
    fields = [(name, kinds.get(name, pyarrow.string())) for name in COLUMNS]
    chosen = _chosen(lines, columns)
    schema = pyarrow.schema(fields + [(one.name, one.type()) for one in chosen])
    draft = path.with_name(path.name + ".new")
    with (
        lines.open("rb") as file,
        parquet.ParquetWriter(draft, schema, compression="zstd") as writer,
    ):
        for rows in _grouped(file):
            cells = {name: [_cell(name, row[name]) for row in rows] for name in COLUMNS}
            cells |= {one.name: [one.cell(row) for row in rows] for one in chosen}
            writer.write_table(pyarrow.table(cells, schema=schema))
    draft.replace(path)


@dataclass
class _Chosen:
    """A column of metadata, and what its values are."""

    key: str
    kinds: set[type] = field(default_factory=set)
    integer_digits: int = 0
    fraction_digits: int = 0

    @property
    def name(self) -> str:
        return f"metadata.{self.key}"

    def value(self, row: Mapping[str, Any]) -> Any:
        held: Any = row["metadata"]
        if self.key in held:
            return held[self.key]
        for part in self.key.split("."):
            held = held.get(part) if isinstance(held, Mapping) else None
        return held

    def look_at(self, row: Mapping[str, Any]) -> None:
        value = self.value(row)
        if value is None:
            return
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        self.kinds.add(Decimal if is_number else type(value))
        if is_number:
            exponent = Decimal(value).as_tuple().exponent
            self.fraction_digits = max(self.fraction_digits, -int(exponent))
            self.integer_digits = max(self.integer_digits, Decimal(value).adjusted() + 1)

    @property
    def is_decimal(self) -> bool:
        digits = max(FRACTION_DIGITS, self.fraction_digits) + self.integer_digits
        return self.kinds == {Decimal} and digits <= WIDE_DECIMAL_DIGITS

    def type(self) -> Any:
        """One for all files, unless numbers have more digits than what meters count has."""
        import pyarrow

        if self.kinds == {bool}:
            return pyarrow.bool_()
        if not self.is_decimal:
            return pyarrow.string()
        scale = max(FRACTION_DIGITS, self.fraction_digits)
        if scale == FRACTION_DIGITS and scale + self.integer_digits <= DECIMAL_DIGITS:
            return pyarrow.decimal128(DECIMAL_DIGITS, scale)
        return pyarrow.decimal256(WIDE_DECIMAL_DIGITS, scale)

    def cell(self, row: Mapping[str, Any]) -> Any:
        value = self.value(row)
        if value is None or self.kinds == {bool}:
            return value
        if self.is_decimal:
            return Decimal(value)
        return value if isinstance(value, str) else exact.write(value).decode()


def _chosen(lines: Path, columns: Sequence[str]) -> list[_Chosen]:
    """The chosen columns, once all their values were looked at."""
    chosen = [_Chosen(name.removeprefix("metadata.")) for name in columns]
    if chosen:
        with lines.open("rb") as file:
            for line in file:
                row = exact.parse(line)
                for one in chosen:
                    one.look_at(row)
    return chosen


def _grouped(file: Iterator[bytes]) -> Iterator[Sequence[Mapping[str, Any]]]:
    while rows := [exact.parse(line) for line in islice(file, ROWS)]:
        yield rows


def _cell(name: str, value: Any) -> Any:
    if name == "timestamp":
        return times.from_text(value)
    return exact.write(value).decode() if isinstance(value, Mapping) else value
