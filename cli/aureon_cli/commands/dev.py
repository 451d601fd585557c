"""``aureon dev``: the whole service on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aureon_cli import dev
from aureon_cli.errors import explained


def command(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = dev.DEFAULT_PORT,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder that holds its data, unless it is given before dev."),
    ] = None,
) -> None:
    """Run the whole service on this machine, with an engine of its own.

    AUREON_ACCESS_TOKEN fixes the access token, AUREON_TABLE names the table, AWS_ENDPOINT_URL
    names another engine.
    """
    with explained():
        dev.run(port, data or context.find_root().params["data"])
