"""``aureon dlq``: shows dead letters to the operator, and sends them again.

It works on the queues themselves, as the other commands do on the table: so it sees the messages
of all organizations, and those that say no organization, without a token of each. What a token's
holder may see of them, ``/v1/dead-letters/`` shows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

import typer
from rich.table import Table

from aureon.core import times
from aureon.core.errors import AureonError
from aureon.ledger import dead_letters
from aureon.ledger.dead_letters import Which
from aureon.storage import queue
from aureon.storage.queue import Queue
from aureon.storage.store import Store
from aureon_cli import connections, terminal
from aureon_cli.options import DeadLetterQueueUrl, OnlyOrganization, QueueUrl

app = typer.Typer(no_args_is_help=True, help="Messages that failed for good.")

DONE: Final = 0
LEFT: Final = 1


class NotThere(AureonError):
    """The dead letter does not exist, as far as can be seen."""


@app.command("list")
def list_(
    context: typer.Context,
    organization: OnlyOrganization = None,
    dead_letter_queue_url: DeadLetterQueueUrl = None,
) -> None:
    """List messages that failed for good, with the reason, or that they would count now."""
    with connections.table(context) as ledger:
        dead = connections.named_queue(context, queue.DEAD_LETTERS, dead_letter_queue_url)
        show(ledger, dead, organization)


@app.command("explain")
def explain_one(
    context: typer.Context,
    message_id: str,
    dead_letter_queue_url: DeadLetterQueueUrl = None,
) -> None:
    """Say all that is known of a message that failed for good, and print its body."""
    with connections.table(context) as ledger:
        dead = connections.named_queue(context, queue.DEAD_LETTERS, dead_letter_queue_url)
        explain(ledger, dead, message_id)


@app.command("redrive")
def redrive_them(
    context: typer.Context,
    message_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Without any, give --all.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    organization: OnlyOrganization = None,
    queue_url: QueueUrl = None,
    dead_letter_queue_url: DeadLetterQueueUrl = None,
) -> None:
    """Send messages that failed for good again. What had counted of them does not count again.

    AWS's own redrive gives a message another id: do not use it for messages that may have counted
    in part.
    """
    if bool(message_ids) == all_:
        raise typer.BadParameter("name messages by their ids, or give --all")
    with connections.table(context) as ledger:
        code = redrive(
            ledger,
            connections.named_queue(context, queue.DEAD_LETTERS, dead_letter_queue_url),
            connections.named_queue(context, queue.INGESTION, queue_url),
            organization,
            message_ids or None,
        )
        raise typer.Exit(code)


def show(store: Store, dead: Queue, organization_id: str | None) -> None:
    """List dead letters, the oldest first, with what their next delivery would find."""
    found = dead_letters.find(store, dead, Which(organization_id))
    listing = Table(
        "id", "organization", "first received", "received", "events", "counted", "reason", box=None
    )
    listing.columns[0].no_wrap = listing.columns[1].no_wrap = True
    for record in found.records:
        letter = dead_letters.explain(store, record)
        listing.add_row(
            letter.id,
            letter.organization_id,
            f"{letter.first_received_at:%Y-%m-%d %H:%M:%S}",
            str(letter.receive_count),
            _number(letter.events),
            _number(letter.counted),
            letter.reason,
        )
    terminal.show(listing)
    if not found.complete:
        typer.echo("There may be more.", err=True)


def explain(store: Store, dead: Queue, message_id: str) -> None:
    """Say all that is known of one dead letter, and print its body."""
    found = dead_letters.find(store, dead, Which(ids=[message_id]))
    if not found.records:
        raise NotThere(
            f"The dead letter {message_id} does not exist, or somebody is looking at it."
        )
    (record,) = found.records
    letter = dead_letters.explain(store, record)
    known = {
        "organization": letter.organization_id,
        "first received": times.to_text(letter.first_received_at),
        "received": f"{letter.receive_count} times",
        "events": _number(letter.events),
        "counted": _number(letter.counted),
        "reason": letter.reason,
    }
    for name, attribute in record["messageAttributes"].items():
        known[f"attribute {name}"] = str(attribute.get("stringValue", "(binary)"))
    for name, value in known.items():
        typer.echo(f"{name}: {value}", err=True)
    typer.echo(record["body"])


def redrive(
    store: Store,
    dead: Queue,
    ingestion: Queue,
    organization_id: str | None,
    ids: Collection[str] | None,
) -> int:
    """Send the dead letters again that are there when it begins; return the exit code."""
    which = Which(organization_id, ids, sent_before=times.now())
    redriven = 0
    while True:
        result = dead_letters.redrive(store, dead, ingestion, which)
        redriven += result.redriven
        if result.complete or ids is not None or not result.redriven:
            break
    typer.echo(f"redriven {redriven}")
    for message_id, reason in result.left.items():
        typer.echo(f"aureon: {message_id} was left: {reason}", err=True)
    if not result.complete and not result.left:
        typer.echo("aureon: There may be more.", err=True)
    return DONE if result.complete else LEFT


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
