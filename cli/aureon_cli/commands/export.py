"""``aureon export``: writes events to a file."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from aureon.core import times
from aureon_cli import connections
from aureon_cli.errors import explained
from aureon_cli.options import Organization, Token, Url, moment
from aureon_cli.transfer import exporting, grants

# By what grants may be chosen.
OF_GRANTS = ("customer_id", "external_customer_id")


class ExportFormat(StrEnum):
    """How a file of exported events is written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="- is standard output.")],
    format_: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="By default what the file's name ends in, else jsonl."),
    ] = None,
    url: Url = None,
    token: Token = None,
    organization: Organization = None,
    customer: Annotated[
        list[str] | None, typer.Option(help="Only this customer's, by id. May be repeated.")
    ] = None,
    external_customer: Annotated[
        list[str] | None, typer.Option(help="The same, by external id.")
    ] = None,
    meter: Annotated[
        str | None, typer.Option(help="Only what passes this meter's filter, by its id.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="Only from then on.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="Only before.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Only events of this name. May be repeated.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with it. May be repeated.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="KEY,…", help="Metadata as typed columns, of a Parquet file."),
    ] = None,
    safe_csv: Annotated[
        bool, typer.Option("--safe-csv", help="CSV in which a spreadsheet calculates nothing.")
    ] = False,
    of_grants: Annotated[
        bool,
        typer.Option(
            "--grants",
            help="The open grants with terms instead, as aureon import grants takes them.",
        ),
    ] = False,
) -> None:
    """Write events to a file, one after the other, with all that the API shows of them.

    With --url they come from the API; else, or with --organization, straight from the table.
    After an interruption, the same command continues; FILE.aureon-progress remembers how far it
    came. FILE appears when it is whole.

    Exit code 0 says that all events are there, 1 that it could not go on, 130 that it was
    interrupted.
    """
    ending = file.suffix.removeprefix(".").lower()
    written = format_ or (
        ExportFormat(ending) if ending in set(ExportFormat) else ExportFormat.JSONL
    )
    query = [
        *(("customer_id", id_) for id_ in customer or ()),
        *(("external_customer_id", id_) for id_ in external_customer or ()),
        *([("meter_id", meter)] if meter else ()),
        *([("start_timestamp", times.to_text(start))] if start else ()),
        *([("end_timestamp", times.to_text(end))] if end else ()),
        *(("name", one) for one in name or ()),
        *(_metadata(one) for one in metadata or ()),
    ]
    if of_grants:
        others = [name for name, _ in query if name not in OF_GRANTS]
        if others or columns or safe_csv or written is not ExportFormat.JSONL:
            raise typer.BadParameter("JSON lines, and customers alone", param_hint="--grants")
        names = {"customer_ids": customer or (), "names": external_customer or ()}
        if url and not organization:
            with explained():
                address = connections.address(context, url, token)
                return grants.run(file, grants.Api(*address), **names)
        with connections.organization(context, organization) as store:
            return grants.run(file, grants.Table(store), **names)
    keys = [key.strip() for key in columns.split(",")] if columns else []
    export = partial(exporting.run, file, columns=keys, is_safe=safe_csv)
    if url and not organization:
        with explained():
            api = exporting.Api(*connections.address(context, url, token))
            raise typer.Exit(export(api, query, written))
    with connections.organization(context, organization) as store:
        raise typer.Exit(export(exporting.Table(store), query, written))


def _metadata(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("key=value, as in model=gpt-5", param_hint="--metadata")
    return f"metadata[{key}]", value
