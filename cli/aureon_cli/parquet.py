"""Parquet, of JSON Lines that were exported: some rows at a time, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final

from aureon import exact, times
from aureon.errors import AureonError
from aureon.export import COLUMNS

ROWS: Final = 10_000  # of a row group


class ParquetMissing(AureonError):
    """What writes Parquet is not installed."""


def require() -> None:
    """Raise `ParquetMissing` where Parquet can't be written."""
    if find_spec("pyarrow") is None:
        raise ParquetMissing("Parquet needs pyarrow: make .venv/dev installs it.")


def convert(lines: Path, path: Path) -> None:
    """Write the events of a file of JSON Lines as Parquet, which appears when it is whole.

    Objects are JSON, as in CSV: their numbers stay as they were written.
    """
    import pyarrow
    from pyarrow import parquet

    kinds = {"timestamp": pyarrow.timestamp("us", tz="UTC"), "child_count": pyarrow.int64()}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in COLUMNS])
    draft = path.with_name(path.name + ".new")
    with (
        lines.open("rb") as file,
        parquet.ParquetWriter(draft, schema, compression="zstd") as writer,
    ):
        for rows in _grouped(file):
            columns = {name: [_cell(name, row[name]) for row in rows] for name in COLUMNS}
            writer.write_table(pyarrow.table(columns, schema=schema))
    draft.replace(path)


def _grouped(file: Iterator[bytes]) -> Iterator[Sequence[Mapping[str, Any]]]:
    while rows := [exact.parse(line) for line in islice(file, ROWS)]:
        yield rows


def _cell(name: str, value: Any) -> Any:
    if name == "timestamp":
        return times.from_text(value)
    return exact.write(value).decode() if isinstance(value, Mapping) else value
