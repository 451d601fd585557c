"""``aureon import``: moves an organization in, from files that another system wrote."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aureon.domain.recurrences import Every
from aureon_cli import connections
from aureon_cli.errors import explained
from aureon_cli.options import DryRun, File, Parallel, TextIsText, Token, Url
from aureon_cli.transfer import kinds, presets, sending
from aureon_cli.transfer.destinations import Api, CustomersApi, GrantsApi
from aureon_cli.transfer.dry_run import DryRunApi, DryRunCustomers, DryRunGrants
from aureon_cli.transfer.field_map import FieldMap
from aureon_cli.transfer.forms import Kind, Reading
from aureon_cli.transfer.kinds import Timestamps
from aureon_cli.transfer.presets import System

app = typer.Typer(no_args_is_help=True, help="Move an organization in, from CSV or JSON.")


class Format(StrEnum):
    """How a file that is moved in is written."""

    CSV = "csv"
    JSONL = "jsonl"


FileFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="By default csv where the file's name ends in .csv or .tsv, else jsonl: JSON of any "
        "form.",
    ),
]
OldIds = Annotated[
    bool,
    typer.Option("--old-ids", help="Give customers without an external id their old id as one."),
]
IgnoreColumns = Annotated[
    bool,
    typer.Option("--ignore-columns", help="Leave out what is not taken."),
]


Credited = Annotated[
    list[str] | None,
    typer.Option(
        "--grants",
        metavar="METER_ID=NAME:PROPERTY",
        help="What a meter of Polar's that is credited counts. May be repeated.",
    ),
]


class GrantSystem(StrEnum):
    """What a file of grants was written by."""

    POLAR = "polar"


@app.command("customers")
def customers(
    context: typer.Context,
    file: File,
    format_: FileFormat = None,
    old_ids: OldIds = False,
    ignore_columns: IgnoreColumns = False,
    url: Url = None,
    token: Token = None,
    parallel: Parallel = 8,
    dry_run: DryRun = False,
) -> None:
    """Create customers. Those that exist are left as they are, and count as duplicates.

    The columns email, name, external_id, type, locale, tax_id, billing_address.* and metadata.*
    are taken. Files, reports and exit codes are as with aureon ingest.
    """
    with explained():
        api = DryRunCustomers if dry_run else CustomersApi
        destination = api(*connections.address(context, url, token))
        kind = kinds.customers(old_ids=old_ids, ignores_columns=ignore_columns)
        raise typer.Exit(sending.run(file, destination, parallel, _reading(file, format_, kind)))


@app.command("balances")
def balances(
    context: typer.Context,
    file: File,
    name: Annotated[str, typer.Option(help="The name of the events that the meter counts.")],
    property_: Annotated[
        str, typer.Option("--property", help="What the meter adds up, as in units.")
    ],
    format_: FileFormat = None,
    old_ids: OldIds = False,
    ignore_columns: IgnoreColumns = False,
    url: Url = None,
    token: Token = None,
    parallel: Parallel = 8,
    dry_run: DryRun = False,
) -> None:
    """Open balances: one event for each customer, which counts once, whatever file it is from.

    A record names a customer, as external_customer_id or customer_id, and gives the credits that
    are left, as credits; or the balance, as balance, with the sign that it has here: negative where
    credits are left. Files, reports and exit codes are as with aureon ingest.
    """
    with explained():
        api = DryRunApi if dry_run else Api
        destination = api(*connections.address(context, url, token))
        kind = kinds.balances(name, property_, old_ids=old_ids, ignores_columns=ignore_columns)
        raise typer.Exit(sending.run(file, destination, parallel, _reading(file, format_, kind)))


@app.command("grants")
def grants(
    context: typer.Context,
    file: File,
    format_: FileFormat = None,
    system: Annotated[
        GrantSystem | None, typer.Option("--from", help="The system that wrote the file.")
    ] = None,
    credited: Credited = None,
    cycle: Annotated[
        Every | None,
        typer.Option(help="How long credits of Polar's live that do not roll over."),
    ] = None,
    old_ids: OldIds = False,
    ignore_columns: IgnoreColumns = False,
    url: Url = None,
    token: Token = None,
    parallel: Parallel = 8,
    dry_run: DryRun = False,
) -> None:
    """Grant credits, with terms or without, each once under its id.

    The columns name, external_customer_id, customer_id, external_id, id, metadata.*, meter_id,
    expires_at, expires_in_seconds, priority, recurrence.*, rollover.* and note are taken; aureon
    export --grants writes them. Files, reports and exit codes are as with aureon ingest.
    """
    with explained():
        prepare, name = None, "grants"
        if system is not None:
            prepare = presets.polar_grants(credited or (), cycle)
            name = f"grants {system} {' '.join(sorted(credited or ()))} {cycle or ''}"
        api = DryRunGrants if dry_run else GrantsApi
        destination = api(*connections.address(context, url, token))
        kind = kinds.grants(prepare, name=name, old_ids=old_ids, ignores_columns=ignore_columns)
        raise typer.Exit(sending.run(file, destination, parallel, _reading(file, format_, kind)))


@app.command("events")
def events(
    context: typer.Context,
    file: File,
    format_: FileFormat = None,
    system: Annotated[
        System | None, typer.Option("--from", help="The system that wrote the file.")
    ] = None,
    field_map: Annotated[
        str | None,
        typer.Option("--map", metavar="FIELD=PLACE,…", help="Where fields and metadata are."),
    ] = None,
    timestamps: Annotated[
        Timestamps | None,
        typer.Option(help="Since 1970, or in UTC without an offset; else with their offsets."),
    ] = None,
    number: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Metadata to read as a number. May be repeated."),
    ] = None,
    credited: Credited = None,
    old_ids: OldIds = False,
    ignore_columns: IgnoreColumns = False,
    text_is_text: TextIsText = False,
    url: Url = None,
    token: Token = None,
    parallel: Parallel = 8,
    dry_run: DryRun = False,
) -> None:
    """Count events from elsewhere, each once. An id that they had there becomes their external id.

    The columns name, external_customer_id, customer_id, external_id, id, timestamp and metadata.*
    are taken, or what --from and --map say. Files, reports and exit codes are as with aureon
    ingest.
    """
    with explained():
        source = presets.event_source(system, credited or ())
        if field_map:
            own = FieldMap.parse(field_map, is_required=True)
            source = replace(source, map=source.map | own if source.map else own)
        source = replace(
            source,
            timestamps=timestamps or source.timestamps,
            numbers=(*source.numbers, *(number or ())),
        )
        kind = kinds.events(source, old_ids=old_ids, ignores_columns=ignore_columns)
        api = DryRunApi if dry_run else Api
        destination = api(*connections.address(context, url, token), text_is_text=text_is_text)
        raise typer.Exit(sending.run(file, destination, parallel, _reading(file, format_, kind)))


def _reading(file: Path, format_: Format | None, kind: Kind) -> Reading:
    is_table = file.suffix.lower() in (".csv", ".tsv")
    return Reading(kind, format_ is Format.CSV if format_ else is_table)
