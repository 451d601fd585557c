"""Options and arguments that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from aureon.core import times

Organization = Annotated[
    str | None,
    typer.Option(help="The organization's id. With --local, by default the local service's own."),
]
OnlyOrganization = Annotated[
    str | None, typer.Option("--organization", help="Only those of this organization, by its id.")
]
QueueUrl = Annotated[
    str | None, typer.Option(help="The ingestion queue; by default AUREON_QUEUE_URL.")
]
DeadLetterQueueUrl = Annotated[
    str | None, typer.Option(help="By default AUREON_DEAD_LETTER_QUEUE_URL.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="- is standard input.")]
Url = Annotated[
    str | None, typer.Option(envvar="AUREON_URL", help="Where the API is.", show_default=False)
]
Token = Annotated[
    str | None, typer.Option(envvar="AUREON_ACCESS_TOKEN", help="An access token for it.")
]
Parallel = Annotated[int, typer.Option(min=1, max=64, help="How many requests are sent at once.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read and look up everything, say what would count, and stop."),
]
TextIsText = Annotated[
    bool,
    typer.Option("--text-is-text", help="Send strings where a meter counts numbers: they add 0."),
]
Data = Annotated[
    Path, typer.Option(envvar="AUREON_DATA", help="The folder that holds the local service's data.")
]


def duration(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text)
    if not found:
        raise typer.BadParameter("a whole number of h(ours), d(ays) or w(eeks), as in 90d")
    unit = {"h": "hours", "d": "days", "w": "weeks"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def moment(text: str) -> datetime:
    try:
        return times.from_text(text)
    except ValueError as error:
        raise typer.BadParameter("a time with its offset, as in 2030-01-31T00:00:00Z") from error
