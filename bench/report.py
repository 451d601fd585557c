"""How a part of what is measured is told and kept: figures are stored with their commit."""

from __future__ import annotations

import time
from collections.abc import Callable

import typer

from bench import document, tables
from bench.conditions import ROOT, changes, conditions, described
from bench.tables import Result


def refuse_changes(otherwise: str) -> None:
    """Raise `typer.BadParameter` where the tree is not what its commit says.

    `otherwise` says how to measure and store nothing.
    """
    if changes():
        raise typer.BadParameter(
            "The tree has changes. Commit them first, since figures are stored with their commit; "
            f"or {otherwise}."
        )


def measured(part: str, command: str, measure: Callable[[], Result], *, is_kept: bool) -> None:
    """Measure a part, print its tables, and store it if it is to be kept."""
    about = conditions()
    started = time.monotonic()
    typer.echo(f"Measuring {part} …", err=True)
    result = measure()
    about |= {"command": command, "seconds": time.monotonic() - started}
    stored = {"part": part, "conditions": about, "result": result}
    for table in tables.of(stored):
        typer.echo(f"\n{table.markdown()}")
    typer.echo(f"\n{described(about)}\n")
    if is_kept:
        typer.echo(f"Stored in {tables.store(part, stored).relative_to(ROOT)}.\n")


def fill() -> None:
    """Write what is stored into the documents."""
    for path in document.fill():
        typer.echo(f"Filled in {path.relative_to(ROOT)}.")
