"""``aureon audit``: shows what the audit finds, and how far it has come."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from aureon.audit import Audit, Outcome
from aureon.errors import Unavailable

WIDE: Final = 240  # columns, where the output is not a terminal
MAX_ROWS: Final = 1_000  # of a table, before the next one begins

CLEAN: Final = 0
DIFFERENT: Final = 1
NOT_COMPARED: Final = 3


def run(audit: Audit, customer_id: str | None) -> int:
    """Audit an organization, or one customer of it; return the exit code.

    Differences go to standard output, everything else to standard error.
    """
    outcomes = audit.of_customer(customer_id) if customer_id else audit.of_organization()
    met: Counter[str] = Counter()
    broken_off = False
    with _progress(audit) as progress, _Differences(progress) as differences:
        try:
            for outcome in _watched(outcomes, audit, progress):
                met[outcome.status] += 1
                differences.show(outcome)
                if outcome.reason:
                    progress.console.print(_explained(outcome), soft_wrap=True)
        except Unavailable as unavailable:
            broken_off = True
            progress.console.print(f"aureon: The audit broke off. {unavailable.detail}")
    typer.echo(
        f"Ledgers: {met['clean']:,} clean, {met['different']:,} different, "
        f"{met['repaired']:,} repaired, {met['not compared']:,} not compared. "
        f"Pages read: {audit.pages:,}.",
        err=True,
    )
    if met["different"]:
        return DIFFERENT
    return NOT_COMPARED if met["not compared"] or broken_off else CLEAN


class _Differences:
    """A table of differences, printed at the end, and whenever it has grown long."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._table = self._empty()

    def __enter__(self) -> _Differences:
        return self

    def __exit__(self, *_: object) -> None:
        self._print()

    def show(self, outcome: Outcome) -> None:
        for difference in outcome.differences:
            self._table.add_row(
                outcome.customer_id or "(ghost)",
                outcome.ledger_id,
                difference.balance.meter_id,
                str(difference.balance.generation),
                difference.figure,
                _plain(difference.stored),
                _plain(difference.counted),
                outcome.status,
            )
        if self._table.row_count >= MAX_ROWS:
            self._print()

    def _print(self) -> None:
        if self._table.row_count:
            # A bar that is drawn on the same terminal would be torn by it.
            self._progress.stop()
            width = None if sys.stdout.isatty() else WIDE
            Console(width=width, markup=False, highlight=False).print(self._table)
            self._table = self._empty()
            self._progress.start()

    def _empty(self) -> Table:
        table = Table("customer", "ledger", "meter", "generation", "figure", box=None)
        table.add_column("stored", justify="right")
        table.add_column("counted", justify="right")
        table.add_column("status")
        for column in table.columns:
            column.overflow = "fold"
        return table


class _Pages(ProgressColumn):
    """How many pages were read, also while one long log is."""

    def __init__(self, audit: Audit) -> None:
        super().__init__()
        self._audit = audit

    def render(self, task: Task) -> Text:
        return Text(f"pages {self._audit.pages:,}")


def _progress(audit: Audit) -> Progress:
    console = Console(stderr=True, markup=False, highlight=False)
    return Progress(
        TextColumn("ledgers"),
        BarColumn(),
        MofNCompleteColumn(),
        _Pages(audit),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _watched(outcomes: Iterator[Outcome], audit: Audit, progress: Progress) -> Iterator[Outcome]:
    task = progress.add_task("", total=None)
    for outcome in outcomes:
        progress.update(task, total=audit.ledgers, completed=audit.compared)
        yield outcome


def _explained(outcome: Outcome) -> str:
    whose = f"of customer {outcome.customer_id}" if outcome.customer_id else "of a ghost"
    again = " again" if outcome.differences else ""
    return f"Ledger {outcome.ledger_id} {whose} was not compared{again}: {outcome.reason}"


def _plain(number: Decimal | None) -> str:
    return "none" if number is None else f"{number:f}"
