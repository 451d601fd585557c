"""The command line, ``aureon``: organizations, their access tokens, and the local service.

It works on the table that ``AUREON_TABLE`` names (``aureon``, unless set) with the AWS settings
of the environment, as every AWS tool does. With ``--local``, and then only, it works on the
table of the service that ``aureon dev`` runs on this machine. What a script wants goes to
standard output, alone; what a person wants to know goes to standard error.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from aureon import store, times, tokens
from aureon.audit import Audit
from aureon.errors import AureonError
from aureon.store import Store
from aureon_cli import audit, dev, engine

WIDE: Final = 200  # columns, where the output is not a terminal

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Exact metering and credits.")
organizations_app = typer.Typer(no_args_is_help=True, help="Organizations.")
tokens_app = typer.Typer(no_args_is_help=True, help="An organization's access tokens.")
app.add_typer(organizations_app, name="organizations")
app.add_typer(tokens_app, name="tokens")

Organization = Annotated[
    str | None,
    typer.Option(help="The organization's id. With --local, by default the local service's own."),
]
Data = Annotated[
    Path, typer.Option(envvar="AUREON_DATA", help="The folder that holds the local service's data.")
]


def _version(wanted: bool) -> None:
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
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    if local:
        with _clear_errors():
            for name in ("AWS_ENDPOINT_URL", "AUREON_TABLE"):
                if os.environ.get(name):
                    raise dev.ServiceError(f"{name} is set, which --local would overrule.")
            context.obj = dev.Running.find(data)


@app.command("dev")
def run_service(
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = dev.DEFAULT_PORT,
    data: Data = dev.DEFAULT_DATA,
) -> None:
    """Run the whole service on this machine, with an engine of its own.

    AUREON_ACCESS_TOKEN fixes the access token, AUREON_TABLE names the table, AWS_ENDPOINT_URL
    names another engine.
    """
    with _clear_errors():
        dev.run(port, data)


@organizations_app.command("create")
def create_organization(context: typer.Context, name: str) -> None:
    """Create an organization and print its id."""
    with _connected(context) as ledger:
        typer.echo(tokens.create_organization(ledger, name))


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text)
    if not found:
        raise typer.BadParameter("a whole number of h(ours), d(ays) or w(eeks), as in 90d")
    unit = {"h": "hours", "d": "days", "w": "weeks"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def _time(text: str) -> datetime:
    try:
        return times.from_text(text)
    except ValueError as error:
        raise typer.BadParameter("a time with its offset, as in 2030-01-31T00:00:00Z") from error


@tokens_app.command("create")
def create_token(
    context: typer.Context,
    organization: Organization = None,
    name: Annotated[str, typer.Option(help="What the token is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help="May be repeated; without any, all scopes.")
    ] = None,
    expires_in: Annotated[
        timedelta | None, typer.Option(parser=_duration, metavar="90d", help="Hours, days, weeks.")
    ] = None,
    expires_at: Annotated[
        datetime | None, typer.Option(parser=_time, metavar="TIME", help="A time with its offset.")
    ] = None,
) -> None:
    """Create an access token and print it: this once, since only its hash is kept."""
    if expires_in and expires_at:
        raise typer.BadParameter("give --expires-in or --expires-at, not both")
    if expires_at and expires_at <= times.now():
        raise typer.BadParameter("this time has passed", param_hint="--expires-at")
    with _connected(context) as ledger:
        token, record = tokens.create(
            ledger,
            _organization_id(context, organization),
            name=name,
            scopes=scope or tokens.SCOPES,
            expires_at=times.now() + expires_in if expires_in else expires_at,
        )
    typer.echo(f"Token {record.id}, shown only this once:", err=True)
    typer.echo(token)


@tokens_app.command("list")
def list_tokens(context: typer.Context, organization: Organization = None) -> None:
    """List the tokens that an organization ever had; the tokens themselves are not known."""
    listing = Table("id", "name", "scopes", "created", "expires", "revoked", box=None)
    listing.columns[0].no_wrap = True
    with _connected(context) as ledger:
        for record in tokens.list_records(ledger, _organization_id(context, organization)):
            listing.add_row(
                record.id,
                record.name,
                " ".join(record.scopes),
                _moment(record.created_at),
                _moment(record.expires_at),
                _moment(record.revoked_at),
            )
    Console(width=None if sys.stdout.isatty() else WIDE, markup=False).print(listing)


@tokens_app.command("revoke")
def revoke_token(context: typer.Context, token_id: str, organization: Organization = None) -> None:
    """Revoke a token by its id. It stops within a minute."""
    with _connected(context) as ledger:
        tokens.revoke(ledger, _organization_id(context, organization), token_id)
    typer.echo(f"Revoked {token_id}; it stops within a minute.", err=True)


@app.command("audit")
def run_audit(
    context: typer.Context,
    organization: Organization = None,
    customer: Annotated[str | None, typer.Option(help="The id of the only one to audit.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Correct what differs, with a trace in the log.")
    ] = False,
) -> None:
    """Count every balance again from the log, and print each difference with both figures.

    Exit code 0 says that all is well, 1 that something differs still, 3 that some ledgers could
    not be compared.
    """
    with _connected(context) as ledger:
        work = Audit(ledger, _organization_id(context, organization), repair)
        raise typer.Exit(audit.run(work, customer))


@contextmanager
def _connected(context: typer.Context) -> Iterator[Store]:
    """The store that the command line and the environment name, errors made clear."""
    running: dev.Running | None = context.obj
    with _clear_errors():
        if running is None:
            yield Store(store.connect(), os.environ.get("AUREON_TABLE") or dev.DEFAULT_TABLE)
        else:
            engine.bypass_proxies()
            credentials = engine.CREDENTIALS if running.embedded else {}
            yield Store(store.connect(running.endpoint_url, **credentials), running.table)


def _organization_id(context: typer.Context, organization: str | None) -> str:
    running: dev.Running | None = context.obj
    if organization:
        return organization
    if running is None:
        raise typer.BadParameter("give the organization's id", param_hint="--organization")
    return running.organization_id


@contextmanager
def _clear_errors() -> Iterator[None]:
    """End with a sentence, and exit code 1, where something known goes wrong."""
    try:
        yield
    except (AureonError, BotoCoreError, ClientError) as error:
        known = error.__cause__ if isinstance(error.__cause__, BotoCoreError) else None
        typer.echo(f"aureon: {_sentence(error)}{f' {known}' if known else ''}", err=True)
        raise typer.Exit(1) from error


def _sentence(error: Exception) -> str:
    match error:
        case ClientError(response={"Error": {"Code": "ResourceNotFoundException"}}):
            return "There is no such table in this account and region; AUREON_TABLE names it."
        case _:
            return str(error)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(sep=" ", timespec="seconds") if moment else ""
