"""``aureon organizations``: the organizations of a table."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from aureon.access import organizations
from aureon_cli import connections, terminal
from aureon_cli.options import Organization

app = typer.Typer(no_args_is_help=True, help="Organizations.")


@app.command("create")
def create(context: typer.Context, name: str) -> None:
    """Create an organization and print its id."""
    with connections.table(context) as store:
        typer.echo(organizations.create(store, name))


@app.command("list")
def list_(context: typer.Context) -> None:
    """List all organizations with their settings, in the order of creation."""
    listing = Table("id", "name", "created", "colour", "time zone", "origins", box=None)
    listing.columns[0].no_wrap = True
    with connections.table(context) as store:
        for one in organizations.read_all(store):
            listing.add_row(
                one.id,
                one.name,
                f"{one.created_at:%Y-%m-%d %H:%M:%S}",
                one.settings.colour,
                one.settings.time_zone,
                " ".join(one.settings.origins),
            )
    terminal.show(listing)


@app.command("rename")
def rename(context: typer.Context, name: str, organization: Organization = None) -> None:
    """Give an organization another name."""
    with connections.organization(context, organization) as store:
        organizations.change(store, name=name)


@app.command("settings")
def settings(
    context: typer.Context,
    organization: Organization = None,
    colour: Annotated[str | None, typer.Option(metavar="#rrggbb", help="Empty: none.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="As in Europe/Berlin. Empty: none.")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="May be repeated, and replaces all. Empty: none."),
    ] = None,
    portal_metadata_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="Of events, for customers to see; may be repeated, and replaces all. Empty: none.",
        ),
    ] = None,
) -> None:
    """Show the settings of what an organization shows to its customers; change those given."""
    with connections.organization(context, organization) as store:
        found = organizations.change(
            store,
            colour=colour,
            time_zone=time_zone,
            origins=origin,
            portal_metadata_keys=portal_metadata_key,
        )
    listing = Table("setting", "value", box=None)
    listing.add_row("name", found.name)
    listing.add_row("colour", found.settings.colour)
    listing.add_row("time zone", found.settings.time_zone)
    listing.add_row("origins", " ".join(found.settings.origins))
    listing.add_row("portal metadata keys", " ".join(found.settings.portal_metadata_keys))
    terminal.show(listing)
