"""``aureon rebuild``: builds the read models again, and shows how far that has come."""

from __future__ import annotations

from datetime import timedelta

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from aureon.core.errors import Unavailable
from aureon.projection.rebuild import Rebuild
from aureon_cli import connections, terminal
from aureon_cli.options import Organization

DONE = 0
BROKEN_OFF = 1


def command(context: typer.Context, organization: Organization = None) -> None:
    """Build the read models again from the log, while events arrive.

    Those are quantities, names of events, and the timeline of all events. The old ones are shown
    until the new ones are whole. After an interruption, the same command continues.
    """
    with connections.organization(context, organization) as store:
        work = Rebuild(store)
        if connections.local_service(context) is not None:
            work.patience = timedelta()
        raise typer.Exit(run(work))


def run(rebuild: Rebuild) -> int:
    """Rebuild, and return the exit code. Everything goes to standard error."""
    with terminal.bar(
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
                f"aureon: The rebuild broke off. {unavailable.detail} The same command continues.",
                err=True,
            )
            return BROKEN_OFF
    typer.echo(f"Built the read models again from {rebuild.pages:,} pages.", err=True)
    return DONE
