"""``aureon ingest``: sends the events of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from aureon.storage import queue
from aureon_cli import connections
from aureon_cli.errors import explained
from aureon_cli.options import (
    DryRun,
    File,
    Organization,
    Parallel,
    QueueUrl,
    TextIsText,
    Token,
    Url,
)
from aureon_cli.transfer import sending
from aureon_cli.transfer.destinations import Api, Destination, IngestionQueue
from aureon_cli.transfer.dry_run import DryRunApi


def command(
    context: typer.Context,
    file: File,
    url: Url = None,
    token: Token = None,
    to_queue: Annotated[
        bool, typer.Option("--queue", help="Send to the ingestion queue, not over HTTP.")
    ] = False,
    queue_url: QueueUrl = None,
    organization: Organization = None,
    parallel: Parallel = 8,
    dry_run: DryRun = False,
    text_is_text: TextIsText = False,
) -> None:
    """Send the events of a file, one in each line as JSON, and count each once.

    After an interruption, the same command continues, and counts nothing twice;
    FILE.aureon-progress remembers how far it came. Lines that are refused, or whose external_id
    counted with other content, are in FILE.aureon-rejected.jsonl with the reason, and their
    neighbours count. Standard input cannot be continued: run again, its events count again, unless
    they have external ids.

    With --local, events go to the local service. Exit code 0 says that every line was taken, 1
    that some were rejected, or that it could not go on, 130 that it was interrupted.
    """
    with explained():
        destination: Destination
        if to_queue or queue_url:
            if dry_run:
                raise typer.BadParameter("needs the API: leave out --queue", param_hint="--dry-run")
            organization_id = connections.organization_id(context, organization)
            destination = IngestionQueue(
                connections.named_queue(context, queue.INGESTION, queue_url), organization_id
            )
        else:
            api = DryRunApi if dry_run else Api
            destination = api(*connections.address(context, url, token), text_is_text=text_is_text)
        raise typer.Exit(sending.run(file, destination, parallel))
