"""What a command works on: the table, the queues and the API that it is told of.

With ``--local`` they are the local service's, which the context carries; otherwise the command
line and the environment name them, as for every AWS tool.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from aureon.access import organizations
from aureon.storage import queue, store
from aureon.storage.queue import Queue
from aureon.storage.store import OrganizationStore, Store
from aureon_cli import dev, engine
from aureon_cli.errors import explained


@contextmanager
def table(context: typer.Context) -> Iterator[Store]:
    """The table. What is known to go wrong with it ends the command with a sentence."""
    running = local_service(context)
    with explained():
        if running is None:
            yield Store(store.connect(), os.environ.get("AUREON_TABLE") or dev.DEFAULT_TABLE)
        else:
            yield Store(store.connect(running.endpoint_url, **_settings(running)), running.table)


def organization_id(context: typer.Context, organization: str | None) -> str:
    """The id of the organization that is meant."""
    running = local_service(context)
    if organization:
        return organization
    if running is None:
        raise typer.BadParameter(
            "give the organization's id, or use aureon --local", param_hint="--organization"
        )
    return running.organization_id


@contextmanager
def organization(
    context: typer.Context, name: str | None, *, known: bool = True
) -> Iterator[OrganizationStore]:
    """The table, bound to the organization that is meant.

    With `known` it has to exist: of any other all would seem well.
    """
    with table(context) as store:
        bound = store.of(organization_id(context, name))
        if known:
            organizations.name_of(bound)
        yield bound


def named_queue(context: typer.Context, variable: str, url: str | None) -> Queue:
    """The queue that the command line, the local service or the environment names."""
    running = local_service(context)
    if running is None:
        url = url or os.environ.get(variable)
    else:
        own = {
            queue.INGESTION: running.queue_url,
            queue.DEAD_LETTERS: running.dead_letter_queue_url,
        }
        url = url or own[variable]
    if not url:
        raise dev.ServiceError(f"Name the queue, or set {variable}.")
    if running is None:
        return Queue(queue.connect(), url)
    return Queue(queue.connect(running.endpoint_url, **_settings(running)), url)


def address(context: typer.Context, url: str | None, token: str | None) -> tuple[str, str]:
    """Where the API is, and the token for it."""
    running = local_service(context)
    if running and url and url.rstrip("/") != running.url.rstrip("/"):
        raise dev.ServiceError("--url, or AUREON_URL, is set, which --local would overrule.")
    if running:
        engine.bypass_proxies()
        url = running.url
        token = token or dev.kept_token(context.find_root().params["data"])
    if not url or not url.startswith(("http://", "https://")):
        raise typer.BadParameter(
            "give the address of the API, as in https://…, or use aureon --local",
            param_hint="--url",
        )
    if not token:
        raise typer.BadParameter("give an access token", param_hint="--token")
    return url, token


def local_service(context: typer.Context) -> dev.Running | None:
    """The local service, where the command is to work on it."""
    running: dev.Running | None = context.obj
    return running


def _settings(running: dev.Running) -> dict[str, Any]:
    """Settings of a client of the local service's engine."""
    engine.bypass_proxies()
    return dict(engine.CREDENTIALS) if running.embedded else {}
