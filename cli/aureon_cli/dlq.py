"""``aureon dlq``: shows dead letters to the operator, and sends them anew.

It works on the queues themselves, as the other commands do on the table: so it sees the messages
of all organizations, and those that say no organization, without a token of each. What a token's
holder may see of them, ``/v1/dead-letters/`` shows.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

import typer
from rich.console import Console
from rich.table import Table

from aureon import dead_letters, times
from aureon.dead_letters import Which
from aureon.errors import AureonError
from aureon.queue import Queue
from aureon.store import Store

WIDE: Final = 240  # columns, where the output is not a terminal

DONE: Final = 0
LEFT: Final = 1


class NotThere(AureonError):
    """There is no such dead letter, as far as can be seen."""


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
    Console(width=None if sys.stdout.isatty() else WIDE, markup=False).print(listing)
    if not found.complete:
        typer.echo("There may be more.", err=True)


def explain(store: Store, dead: Queue, message_id: str) -> None:
    """Say all that is known of one dead letter, and print its body."""
    found = dead_letters.find(store, dead, Which(ids=[message_id]))
    if not found.records:
        raise NotThere(f"There is no dead letter {message_id}, or somebody is looking at it.")
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
    """Send dead letters anew, all that are there when it begins; return the exit code."""
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
