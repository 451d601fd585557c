"""``aureon audit``: shows what the audit finds, and how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from aureon.audit.ledger_audit import Audit, Outcome
from aureon.audit.projection_audit import ProjectedOutcome, ProjectionAudit
from aureon.core.errors import Unavailable
from aureon.reads import liability
from aureon_cli import connections, terminal
from aureon_cli.options import Organization

MAX_ROWS: Final = 1_000  # of a table, before the next one begins

CLEAN: Final = 0
DIFFERENT: Final = 1
NOT_COMPARED: Final = 3
PROJECTED_DIFFERENT: Final = 4


def command(
    context: typer.Context,
    organization: Organization = None,
    customer: Annotated[str | None, typer.Option(help="The id of the only one to audit.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Correct what differs, with a trace in the log.")
    ] = False,
    projection: Annotated[bool, typer.Option(help="Compare the read models too.")] = True,
) -> None:
    """Count every balance again from the log, and print each difference with both figures.

    Exit code 0 says that all is well, 1 that a balance still differs, 4 that only the read models
    differ, which `aureon rebuild` builds again, and 3 that some ledgers could not be compared.
    """
    with connections.organization(context, organization) as store:
        read_models = ProjectionAudit(store) if projection else None
        raise typer.Exit(run(Audit(store, repair), customer, read_models))


def run(audit: Audit, customer_id: str | None, projected: ProjectionAudit | None = None) -> int:
    """Audit an organization, or one customer of it; return the exit code.

    With `projected`, the read models of the same ledgers are compared too. Differences go to
    standard output, everything else to standard error.
    """
    shown = _Projected(projected, everyone=customer_id is None)
    outcomes = audit.of_customer(customer_id) if customer_id else audit.of_organization()
    met: Counter[str] = Counter()
    broken_off = False
    with _progress(audit) as progress, _Differences(progress) as differences:
        try:
            for outcome in _watched(outcomes, audit, progress):
                met[outcome.status] += 1
                differences.show(outcome)
                shown.compare(outcome.ledger_id)
                if outcome.reason:
                    progress.console.print(_explained(outcome), soft_wrap=True)
            shown.finish()
            if customer_id is None:
                liability.Liability(audit.store).run()
        except Unavailable as unavailable:
            broken_off = True
            progress.console.print(f"aureon: The audit broke off. {unavailable.detail}")
    typer.echo(
        f"Ledgers: {met['clean']:,} clean, {met['different']:,} different, "
        f"{met['repaired']:,} repaired, {met['not compared']:,} not compared. "
        f"Pages read: {audit.pages:,}.",
        err=True,
    )
    shown.print()
    if met["different"]:
        return DIFFERENT
    if shown.met["different"]:
        return PROJECTED_DIFFERENT
    not_compared = met["not compared"] or shown.met["not compared"]
    return NOT_COMPARED if not_compared or broken_off else CLEAN


class _Projected:
    """The read models of the ledgers: compared beside the balances, told after them."""

    def __init__(self, audit: ProjectionAudit | None, *, everyone: bool) -> None:
        self.met: Counter[str] = Counter()
        self._audit = audit
        self._everyone = everyone
        self._table = Table("ledger", "read model", "stored", "counted", box=None)
        if audit is not None:
            audit.begin()

    def compare(self, ledger_id: str) -> None:
        if self._audit is not None:
            self._take(self._audit.of_ledger(ledger_id))

    def finish(self) -> None:
        """Look again at what was behind, and at everyone's."""
        if self._audit is None:
            return
        for outcome in self._audit.of_those_behind():
            self.met["behind"] -= 1
            self._take(outcome)
        if self._everyone:
            everyone = self._audit.of_everyone()
            if everyone.status == "not compared":
                typer.echo(
                    "The totals of all events moved meanwhile, and were not compared.", err=True
                )
            else:
                self._take(everyone)
                self.met[everyone.status] -= everyone.status == "clean"

    def print(self) -> None:
        if self._audit is None:
            return
        if self._table.row_count:
            terminal.show(self._table)
        typer.echo(
            f"Read models: {self.met['clean']:,} ledgers clean, "
            f"{self.met['different']:,} different, {self.met['behind']:,} behind, "
            f"{self.met['not compared']:,} not compared.",
            err=True,
        )
        if self.met["different"]:
            typer.echo(
                "Balances do not depend on them; `aureon rebuild` builds them again.", err=True
            )

    def _take(self, outcome: ProjectedOutcome) -> None:
        self.met[outcome.status] += 1
        for difference in outcome.differences[: MAX_ROWS - self._table.row_count]:
            self._table.add_row(
                difference.ledger_id or "(everyone)",
                difference.about,
                difference.stored,
                difference.counted,
            )


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
            terminal.show(self._table)
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
    return terminal.bar(
        TextColumn("ledgers"),
        BarColumn(),
        MofNCompleteColumn(),
        _Pages(audit),
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
