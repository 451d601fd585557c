"""``aureon claims``: shows which external ids are not kept as they should be."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Final

import typer
from rich.console import Console
from rich.progress import ProgressColumn, Task
from rich.table import Table
from rich.text import Text

from aureon.claim_audit import ClaimAudit
from aureon.domain.events import event_id
from aureon.errors import Unavailable
from aureon_cli.bars import bar

WIDE: Final = 240  # columns, where the output is not a terminal

CLEAN: Final = 0
DIFFERENT: Final = 1
BROKEN_OFF: Final = 3


def run(audit: ClaimAudit) -> int:
    """Audit the claims, and return the exit code. Findings go to standard output."""
    met: Counter[str] = Counter()
    table = Table("external id", "event", "what is wrong", "status", box=None)
    broken_off = False
    with bar(_Read(audit)) as progress:
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
        width = None if sys.stdout.isatty() else WIDE
        Console(width=width, markup=False, highlight=False).print(table)
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
