"""``aureon tokens``: an organization's access tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from aureon.access import rates, tokens
from aureon.core import times
from aureon_cli import connections, terminal
from aureon_cli.options import Organization, duration, moment

app = typer.Typer(no_args_is_help=True, help="An organization's access tokens.")


@app.command("create")
def create(
    context: typer.Context,
    organization: Organization = None,
    name: Annotated[str, typer.Option(help="What the token is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help="May be repeated; without any, all scopes.")
    ] = None,
    event_name: Annotated[
        list[str] | None,
        typer.Option(help="Restrict it to events of this name; may be repeated."),
    ] = None,
    meter: Annotated[
        list[str] | None,
        typer.Option(help="Restrict it to events that this meter counts; may be repeated."),
    ] = None,
    requests_per_second: Annotated[
        int | None,
        typer.Option(min=1, max=rates.MAX_REQUESTS_PER_SECOND, help="How many it may make."),
    ] = None,
    expires_in: Annotated[
        timedelta | None, typer.Option(parser=duration, metavar="90d", help="Hours, days, weeks.")
    ] = None,
    expires_at: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="A time with its offset.")
    ] = None,
) -> None:
    """Create an access token and print it: this once, since only its hash is kept."""
    if expires_in and expires_at:
        raise typer.BadParameter("give --expires-in or --expires-at, not both")
    if expires_at and expires_at <= times.now():
        raise typer.BadParameter("this time has passed", param_hint="--expires-at")
    restrict_to = None
    if event_name or meter:
        restrict_to = tokens.Restriction(frozenset(event_name or ()), frozenset(meter or ()))
    with connections.organization(context, organization, known=False) as store:
        token, record = tokens.create(
            store,
            name=name,
            scopes=scope or ([tokens.RESTRICTABLE] if restrict_to else tokens.SCOPES),
            restrict_to=restrict_to,
            requests_per_second=requests_per_second,
            expires_at=times.now() + expires_in if expires_in else expires_at,
        )
    typer.echo(f"Token {record.id}, shown only this once:", err=True)
    typer.echo(token)


@app.command("list")
def list_(context: typer.Context, organization: Organization = None) -> None:
    """List the tokens that an organization ever had; the tokens themselves are not kept."""
    listing = Table("id", "name", "scopes", "a second", "created", "expires", "revoked", box=None)
    listing.columns[0].no_wrap = True
    with connections.organization(context, organization) as store:
        for record in tokens.list_records(store):
            listing.add_row(
                record.id,
                record.name,
                " ".join(record.scopes),
                str(record.requests_per_second or ""),
                _shown(record.created_at),
                _shown(record.expires_at),
                _shown(record.revoked_at),
            )
    terminal.show(listing)


@app.command("revoke")
def revoke(context: typer.Context, token_id: str, organization: Organization = None) -> None:
    """Revoke a token by its id. It stops working within a minute."""
    with connections.organization(context, organization, known=False) as store:
        tokens.revoke(store, token_id)
    typer.echo(f"Revoked {token_id}; it stops working within a minute.", err=True)


def _shown(moment: datetime | None) -> str:
    return moment.isoformat(sep=" ", timespec="seconds") if moment else ""
