"""``aureon webhooks``: webhooks on the machine in front of you."""

from __future__ import annotations

from typing import Annotated

import typer

from aureon.webhooks import event_types
from aureon_cli import connections
from aureon_cli.errors import explained
from aureon_cli.options import Token, Url
from aureon_cli.webhook_listener import Listener

app = typer.Typer(no_args_is_help=True, help="Webhooks, on this machine.")


@app.callback()
def _webhooks() -> None:
    """A group, though it has one command: there will be more."""


@app.command("listen")
def listen(
    context: typer.Context,
    forward_to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send each one there, too, with its signature."),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE", help="Only of this type; may be repeated."),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after this many. Without it, Ctrl+C ends it.")
    ] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Print webhooks as they come, and forward them to a URL of this machine.

    It needs no public address: it makes an endpoint whose deliveries it reads, and deletes it at
    the end. What is printed on standard output is the body of each, a line of JSON. The secret that
    verifies the signatures is printed first, on standard error. A token needs webhooks:write.
    """
    unknown = set(event or ()) - set(event_types.ALL)
    if unknown:
        raise typer.BadParameter(f"one of {', '.join(event_types.ALL)}", param_hint="--event")
    if forward_to and not forward_to.startswith(("http://", "https://")):
        raise typer.BadParameter("a URL, as in http://127.0.0.1:3000/", param_hint="--forward-to")
    with explained():
        listener = Listener(*connections.address(context, url, token), forward_to)
        listener.run(event or event_types.ALL, count)
