"""What a command ends with where something known goes wrong: a sentence, and exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from aureon.core.errors import AureonError


@contextmanager
def explained() -> Iterator[None]:
    """End the command with a sentence where something known goes wrong in a ``with`` block."""
    try:
        yield
    except (AureonError, BotoCoreError, ClientError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, BotoCoreError) else None
        typer.echo(f"aureon: {_sentence(error)}{f' {cause}' if cause else ''}", err=True)
        raise typer.Exit(1) from error


def _sentence(error: Exception) -> str:
    match error:
        case NoRegionError():
            return "Set AWS_DEFAULT_REGION, or use aureon --local for what make dev runs."
        case ClientError(response={"Error": {"Code": "ResourceNotFoundException"}}):
            return "The table does not exist in this account and region; AUREON_TABLE names it."
        case ClientError(response={"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}):
            return "The queue does not exist in this account and region."
        case _:
            return str(error)
