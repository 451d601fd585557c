"""``aureon mcp``: gives the API to a language model as tools."""

from __future__ import annotations

from typing import Annotated

import typer

from aureon_cli import connections, dev
from aureon_cli.errors import explained
from aureon_cli.options import Token, Url


def command(
    context: typer.Context,
    url: Url = None,
    token: Token = None,
    write: Annotated[
        bool, typer.Option("--write", help="Give tools that change something, too.")
    ] = False,
    http: Annotated[
        bool, typer.Option("--http", help="Serve streamable HTTP, not standard input and output.")
    ] = False,
    host: Annotated[str, typer.Option(help="Where to listen, with --http.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="With --http.")] = 8001,
) -> None:
    """Give the API to a language model as tools, over the Model Context Protocol.

    The tools are what the access token's scopes allow; they only read, unless --write is said. Over
    HTTP, at /mcp, callers have to show the same access token. This needs aureon[mcp].
    """
    with explained():
        address, access_token = connections.address(context, url, token)
        try:
            from aureon_cli import mcp
        except ImportError as error:
            raise dev.ServiceError("Install aureon[mcp] for this.") from error
        server = mcp.server(address, access_token, write=write)
        if http:
            server.run("http", host=host, port=port, show_banner=False)
        else:
            server.run("stdio", show_banner=False)
