"""The command line, ``aureon``: organizations and their tokens, events, and the local service.

It works on the table that ``AUREON_TABLE`` names (``aureon``, unless set), and on the queues that
``AUREON_QUEUE_URL`` and ``AUREON_DEAD_LETTER_QUEUE_URL`` name, with the AWS settings of the
environment, as every AWS tool does. With ``--local``, and then only, it works on those of the
service that ``aureon dev`` runs on this machine. Output for scripts goes to standard output alone;
everything for people goes to standard error.
"""

from __future__ import annotations

import importlib.metadata
import os
from typing import Annotated

import typer

from aureon_cli import dev
from aureon_cli.commands import (
    alerts,
    audit,
    claims,
    dlq,
    export,
    imports,
    ingest,
    mcp,
    organizations,
    rebuild,
    tokens,
    webhooks,
)
from aureon_cli.commands import dev as dev_command
from aureon_cli.errors import explained
from aureon_cli.options import Data

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Exact metering and credits.")
app.command("dev")(dev_command.command)
app.add_typer(organizations.app, name="organizations")
app.add_typer(tokens.app, name="tokens")
app.command("ingest")(ingest.command)
app.add_typer(imports.app, name="import")
app.command("export")(export.command)
app.command("alerts")(alerts.command)
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(dlq.app, name="dlq")
app.command("audit")(audit.command)
app.command("claims")(claims.command)
app.command("rebuild")(rebuild.command)
app.command("mcp")(mcp.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aureon {importlib.metadata.version('aureon')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    local: Annotated[
        bool, typer.Option("--local", help="Work on the local service's table, not on AWS.")
    ] = False,
    data: Data = dev.DEFAULT_DATA,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    if local:
        with explained():
            for name in ("AWS_ENDPOINT_URL", "AUREON_TABLE"):
                if os.environ.get(name):
                    raise dev.ServiceError(f"{name} is set, which --local would overrule.")
            context.obj = dev.Running.find(data)
