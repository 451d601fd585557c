"""The command line, ``aureon``: organizations and their tokens, events, and the local service.

It works on the table that ``AUREON_TABLE`` names (``aureon``, unless set), and on the queues that
``AUREON_QUEUE_URL`` and ``AUREON_DEAD_LETTER_QUEUE_URL`` name, with the AWS settings of the
environment, as every AWS tool does. With ``--local``, and then only, it works on those of the
service that ``aureon dev`` runs on this machine. What a script wants goes to standard output,
alone; what a person wants to know goes to standard error.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
from rich.console import Console
from rich.table import Table

from aureon import queue, store, times, tokens
from aureon.audit import Audit
from aureon.claim_audit import ClaimAudit
from aureon.errors import AureonError
from aureon.projection_audit import ProjectionAudit
from aureon.queue import Queue
from aureon.rebuild import Rebuild
from aureon.store import Store
from aureon_cli import audit, claims, dev, dlq, engine, export, forms, ingest, rebuild
from aureon_cli.destinations import Api, CustomersApi, Destination, IngestionQueue
from aureon_cli.forms import Csv, Form, JsonLines, Kind

WIDE: Final = 200  # columns, where the output is not a terminal


class Format(StrEnum):
    """How a file that is moved in is written."""

    CSV = "csv"
    JSONL = "jsonl"


class ExportFormat(StrEnum):
    """How a file of exported events is written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


app = typer.Typer(no_args_is_help=True, add_completion=False, help="Exact metering and credits.")
organizations_app = typer.Typer(no_args_is_help=True, help="Organizations.")
tokens_app = typer.Typer(no_args_is_help=True, help="An organization's access tokens.")
dlq_app = typer.Typer(no_args_is_help=True, help="Messages that failed for good.")
app.add_typer(organizations_app, name="organizations")
app.add_typer(tokens_app, name="tokens")
import_app = typer.Typer(
    no_args_is_help=True, help="Move an organization in, from CSV or JSON Lines."
)
app.add_typer(dlq_app, name="dlq")
app.add_typer(import_app, name="import")

Organization = Annotated[
    str | None,
    typer.Option(help="The organization's id. With --local, by default the local service's own."),
]
OnlyOrganization = Annotated[
    str | None, typer.Option("--organization", help="Only those of this organization, by its id.")
]
QueueUrl = Annotated[
    str | None, typer.Option(help="The ingestion queue; by default AUREON_QUEUE_URL.")
]
DeadLetterQueueUrl = Annotated[
    str | None, typer.Option(help="By default AUREON_DEAD_LETTER_QUEUE_URL.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="- is standard input.")]
Url = Annotated[
    str | None, typer.Option(envvar="AUREON_URL", help="Where the API is.", show_default=False)
]
Token = Annotated[
    str | None, typer.Option(envvar="AUREON_ACCESS_TOKEN", help="An access token for it.")
]
Parallel = Annotated[
    int, typer.Option(min=1, max=64, help="How many requests are under way at once.")
]
FileFormat = Annotated[
    Format | None,
    typer.Option("--format", help="By default csv where the file's name ends so, else jsonl."),
]
OldIds = Annotated[
    bool,
    typer.Option("--old-ids", help="Give customers without an external id their old id as one."),
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
    context: typer.Context,
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = dev.DEFAULT_PORT,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder that holds its data, where it is not said before dev."),
    ] = None,
) -> None:
    """Run the whole service on this machine, with an engine of its own.

    AUREON_ACCESS_TOKEN fixes the access token, AUREON_TABLE names the table, AWS_ENDPOINT_URL
    names another engine.
    """
    with _clear_errors():
        dev.run(port, data or context.find_root().params["data"])


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
        for record in tokens.list_records(ledger, _known_id(context, ledger, organization)):
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
    projection: Annotated[
        bool, typer.Option(help="Compare what is projected for looking too.")
    ] = True,
) -> None:
    """Count every balance again from the log, and print each difference with both figures.

    Exit code 0 says that all is well, 1 that a balance differs still, 4 that none does, but what
    is projected for looking, which `aureon rebuild` makes anew; 3 that some ledgers could not be
    compared.
    """
    with _connected(context) as ledger:
        organization_id = _known_id(context, ledger, organization)
        projected = ProjectionAudit(ledger, organization_id) if projection else None
        raise typer.Exit(audit.run(Audit(ledger, organization_id, repair), customer, projected))


@app.command("claims")
def run_claims(
    context: typer.Context,
    organization: Organization = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the claims what the log says.")
    ] = False,
) -> None:
    """Compare the claims of external ids with the log, of a table that was restored.

    A backup may hold an event and not yet its claim, which would let it count again; or its claim
    alone, which would have it taken for a duplicate. Reads the whole table. Exit code 0 says that
    all is well, 1 that something is wrong still, 3 that the audit broke off.
    """
    with _connected(context) as ledger:
        organization_id = _known_id(context, ledger, organization)
        raise typer.Exit(claims.run(ClaimAudit(ledger, organization_id, repair)))


@app.command("rebuild")
def run_rebuild(context: typer.Context, organization: Organization = None) -> None:
    """Make all that is projected for looking anew from the log, while events arrive.

    Those are quantities, names of events, and the timeline of all events. What is shown is the old
    until the new is whole. Interrupted, it goes on where it stopped when it is run again.
    """
    running: dev.Running | None = context.obj
    with _connected(context) as ledger:
        work = Rebuild(ledger, _known_id(context, ledger, organization))
        if running is not None:
            work.patience = timedelta()
        raise typer.Exit(rebuild.run(work))


@app.command("ingest")
def run_ingest(
    context: typer.Context,
    file: File,
    url: Url = None,
    token: Token = None,
    to_queue: Annotated[
        bool, typer.Option("--queue", help="Send to the ingestion queue, not over HTTP.")
    ] = False,
    queue_url: QueueUrl = None,
    organization: Organization = None,
    parallel: Parallel = 8,
) -> None:
    """Send the events of a file, one in each line as JSON, and count each once.

    Interrupted, it goes on where it stopped when it is run again, and counts nothing twice;
    FILE.aureon-progress remembers how far it came. Lines that are refused are in
    FILE.aureon-rejected.jsonl, with the reason, and their neighbours count. Standard input cannot
    be taken up again: run once more, its events count once more, unless they have external ids.

    With --local, events go to the local service. Exit code 0 says that every line was taken, 1
    that some were rejected, or that it could not go on, 130 that it was interrupted.
    """
    with _clear_errors():
        destination: Destination
        if to_queue or queue_url:
            organization_id = _organization_id(context, organization)
            destination = IngestionQueue(
                _queue(context, queue.INGESTION, queue_url), organization_id
            )
        else:
            destination = Api(*_address(context, url, token))
        raise typer.Exit(ingest.run(file, destination, parallel))


@import_app.command("customers")
def import_customers(
    context: typer.Context,
    file: File,
    format_: FileFormat = None,
    old_ids: OldIds = False,
    url: Url = None,
    token: Token = None,
    parallel: Parallel = 8,
) -> None:
    """Create customers. Those that are there are left as they are, and count as duplicates.

    Of a CSV file, the columns email, name, external_id, type, locale, tax_id, billing_address.*
    and metadata.* are taken. Files, reports and exit codes are as with aureon ingest.
    """
    with _clear_errors():
        destination = CustomersApi(*_address(context, url, token))
        _import(file, destination, parallel, format_, forms.customers(old_ids=old_ids))


@import_app.command("balances")
def import_balances(
    context: typer.Context,
    file: File,
    name: Annotated[str, typer.Option(help="The name of the events that the meter counts.")],
    property_: Annotated[
        str, typer.Option("--property", help="What the meter adds up, as in units.")
    ],
    format_: FileFormat = None,
    old_ids: OldIds = False,
    url: Url = None,
    token: Token = None,
    parallel: Parallel = 8,
) -> None:
    """Open balances: one event for each customer, which counts once, whatever file it is from.

    A line names a customer, as external_customer_id or customer_id, and says how many credits are
    left, as credits; or the balance, as balance, with the sign that it has here: negative where
    credits are left. Files, reports and exit codes are as with aureon ingest.
    """
    with _clear_errors():
        destination = Api(*_address(context, url, token))
        kind = forms.balances(name, property_, old_ids=old_ids)
        _import(file, destination, parallel, format_, kind)


@import_app.command("events")
def import_events(
    context: typer.Context,
    file: File,
    format_: FileFormat = None,
    old_ids: OldIds = False,
    url: Url = None,
    token: Token = None,
    parallel: Parallel = 8,
) -> None:
    """Count events from elsewhere, each once. An id that they had there becomes their external id.

    Of a CSV file, the columns name, external_customer_id, customer_id, external_id, id, timestamp
    and metadata.* are taken. Files, reports and exit codes are as with aureon ingest.
    """
    with _clear_errors():
        destination = Api(*_address(context, url, token))
        _import(file, destination, parallel, format_, forms.events(old_ids=old_ids))


def _import(
    file: Path, destination: Destination, parallel: int, format_: Format | None, kind: Kind
) -> None:
    """Send a file's lines as what they are of, and say which columns were left out."""
    form: Form
    if format_ is Format.CSV or (format_ is None and file.suffix.lower() == ".csv"):
        form = Csv(kind, ingest.first_line(file))
    else:
        form = JsonLines(kind)
    code = ingest.run(file, destination, parallel, form)
    if isinstance(form, Csv) and form.ignored:
        typer.echo(f"aureon: Columns that are not taken: {', '.join(form.ignored)}.", err=True)
    raise typer.Exit(code)


def _metadata(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("key=value, as in model=gpt-5", param_hint="--metadata")
    return f"metadata[{key}]", value


@app.command("export")
def run_export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="- is standard output.")],
    format_: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="By default as the file's name ends, else jsonl."),
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
        datetime | None, typer.Option(parser=_time, metavar="TIME", help="Only from then on.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option(parser=_time, metavar="TIME", help="Only before.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Only events of this name. May be repeated.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with it. May be repeated.")
    ] = None,
) -> None:
    """Write events to a file, one after the other, with all that the API shows of them.

    With --url they come from the API; else, or with --organization, straight from the table.
    Interrupted, it goes on where it stopped when it is run again; FILE.aureon-progress remembers
    how far it came. FILE appears when it is whole.

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
    if url and not organization:
        with _clear_errors():
            api = export.Api(*_address(context, url, token))
            raise typer.Exit(export.run(file, api, query, written))
    with _connected(context) as ledger:
        table = export.Table(ledger, _known_id(context, ledger, organization))
        raise typer.Exit(export.run(file, table, query, written))


def _address(context: typer.Context, url: str | None, token: str | None) -> tuple[str, str]:
    """Where the API is, and the token for it."""
    running: dev.Running | None = context.obj
    if running and url:
        raise dev.ServiceError("--url, or AUREON_URL, is set, which --local would overrule.")
    if running:
        engine.bypass_proxies()
        url = running.url
        token = token or dev.kept_token(context.find_root().params["data"])
    if not url or not url.startswith(("http://", "https://")):
        raise typer.BadParameter(
            "say where the API is, as in https://…, or aureon --local", param_hint="--url"
        )
    if not token:
        raise typer.BadParameter("give an access token", param_hint="--token")
    return url, token


def _queue(context: typer.Context, variable: str, url: str | None) -> Queue:
    """The queue that the command line, or the local service, or the environment names."""
    running: dev.Running | None = context.obj
    if running is None:
        url = url or os.environ.get(variable)
    else:
        local = {
            queue.INGESTION: running.queue_url,
            queue.DEAD_LETTERS: running.dead_letter_queue_url,
        }
        url = url or local[variable]
    if not url:
        raise dev.ServiceError(f"Name the queue, or set {variable}.")
    if running is None:
        return Queue(queue.connect(), url)
    engine.bypass_proxies()
    credentials = engine.CREDENTIALS if running.embedded else {}
    return Queue(queue.connect(running.endpoint_url, **credentials), url)


@dlq_app.command("list")
def list_dead_letters(
    context: typer.Context,
    organization: OnlyOrganization = None,
    dead_letter_queue_url: DeadLetterQueueUrl = None,
) -> None:
    """List messages that failed for good, and say why, or that they would count now."""
    with _connected(context) as ledger:
        dead = _queue(context, queue.DEAD_LETTERS, dead_letter_queue_url)
        dlq.show(ledger, dead, organization)


@dlq_app.command("explain")
def explain_dead_letter(
    context: typer.Context,
    message_id: str,
    dead_letter_queue_url: DeadLetterQueueUrl = None,
) -> None:
    """Say all that is known of a message that failed for good, and print its body."""
    with _connected(context) as ledger:
        dlq.explain(ledger, _queue(context, queue.DEAD_LETTERS, dead_letter_queue_url), message_id)


@dlq_app.command("redrive")
def redrive_dead_letters(
    context: typer.Context,
    message_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Without any, say --all.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    organization: OnlyOrganization = None,
    queue_url: QueueUrl = None,
    dead_letter_queue_url: DeadLetterQueueUrl = None,
) -> None:
    """Send messages that failed for good anew. What had counted of them does not count again.

    AWS's own redrive forgets what a message was called: it must not be used for messages that may
    have counted in part.
    """
    if bool(message_ids) == all_:
        raise typer.BadParameter("name messages by their ids, or say --all")
    with _connected(context) as ledger:
        code = dlq.redrive(
            ledger,
            _queue(context, queue.DEAD_LETTERS, dead_letter_queue_url),
            _queue(context, queue.INGESTION, queue_url),
            organization,
            message_ids or None,
        )
        raise typer.Exit(code)


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
        raise typer.BadParameter(
            "give the organization's id, or say aureon --local", param_hint="--organization"
        )
    return running.organization_id


def _known_id(context: typer.Context, ledger: Store, organization: str | None) -> str:
    """The same, of an organization that there is: of any other all would seem well."""
    organization_id = _organization_id(context, organization)
    tokens.organization_name(ledger, organization_id)
    return organization_id


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
        case NoRegionError():
            return "Set AWS_DEFAULT_REGION, or say aureon --local for what make dev runs."
        case ClientError(response={"Error": {"Code": "ResourceNotFoundException"}}):
            return "There is no such table in this account and region; AUREON_TABLE names it."
        case ClientError(response={"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}):
            return "There is no such queue in this account and region."
        case _:
            return str(error)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(sep=" ", timespec="seconds") if moment else ""
