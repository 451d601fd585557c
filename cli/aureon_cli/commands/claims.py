"""``aureon claims``: shows which external ids are not kept as they should be."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final

import typer
from rich.progress import ProgressColumn, Task
from rich.table import Table
from rich.text import Text

from aureon.audit.claim_audit import ClaimAudit
from aureon.core.errors import Unavailable
from aureon.domain.events import event_id
from aureon_cli import connections, terminal
from aureon_cli.options import Organization

CLEAN: Final = 0
DIFFERENT: Final = 1
BROKEN_OFF: Final = 3


def command(
    context: typer.Context,
    organization: Organization = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the claims what the log says.")
    ] = False,
) -> None:
    """Compare the claims of external ids with the log, after a table was restored.

    A backup may hold an event without its claim, so that it would count again; or a claim without
    its event, which would then be taken for a duplicate. Reads the whole table. Exit code 0 says
    that all is well, 1 that something is still wrong, 3 that the audit broke off.
    """
    with connections.organization(context, organization) as store:
        raise typer.Exit(run(ClaimAudit(store, repair)))


def run(audit: ClaimAudit) -> int:
    """Audit the claims, and return the exit code. Findings go to standard output."""
    met: Counter[str] = Counter()
    table = Table("external id", "event", "what is wrong", "status", box=None)
    broken_off = False
    with terminal.bar(_Read(audit)) as progress:
        progress.add_task("", total=None)
        try:
            for finding in audit.run():
                met[finding.status] += 1
                table.add_row(
                    finding.external_id, event_id(finding.place), finding.wrong, finding.status
                )
        except Unavailable as unavailable:
            broken_off = True
            progress.console.print(f"aureon: The audit broke off. {unavailable.detail}")
    if table.row_count:
        terminal.show(table)
    typer.echo(
        f"Claims: {audit.claims:,}; events with an external id: {audit.events:,}. "
        f"{met['different']:,} different, {met['repaired']:,} repaired.",
        err=True,
    )
    if met["different"]:
        return DIFFERENT
    return BROKEN_OFF if broken_off else CLEAN


class _Read(ProgressColumn):
    def __init__(self, audit: ClaimAudit) -> None:
        super().__init__()
        self._audit = audit

    def render(self, task: Task) -> Text:
        return Text(f"claims {self._audit.claims:,}, events {self._audit.events:,}")
