"""``aureon rebuild``: shows how far the rebuild of what is projected has come."""

from __future__ import annotations

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from aureon.errors import Unavailable
from aureon.rebuild import Rebuild
from aureon_cli.bars import bar

DONE = 0
BROKEN_OFF = 1


def run(rebuild: Rebuild) -> int:
    """Rebuild, and return the exit code. Everything goes to standard error."""
    with bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("ledgers"),
    ) as progress:
        task = progress.add_task(rebuild.phase, total=None)
        try:
            for _ in rebuild.run():
                progress.update(
                    task,
                    description=f"{rebuild.phase}, pages {rebuild.pages:,}",
                    total=max(rebuild.total, rebuild.ledgers),
                    completed=rebuild.ledgers,
                )
        except Unavailable as unavailable:
            progress.stop()
            typer.echo(
                f"aureon: The rebuild broke off. {unavailable.detail} Run again, it goes on.",
                err=True,
            )
            return BROKEN_OFF
    typer.echo(f"Rebuilt what is projected from {rebuild.pages:,} pages.", err=True)
    return DONE
