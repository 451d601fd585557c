"""The whole service on the developer's machine: what ``make dev`` runs.

The engine is a child process; the gateway runs in the main thread, with the real handlers in
its pool; whatever works in the background, the ingestion queue's consumer above all, has a thread
of its own beside it, and the projector and the backfill a process. The data folder holds everything
that outlives a run:

    service.lock   held while a service uses the folder
    token          the access token, for its owner's eyes only
    engine.json    where the running service and its engine are; absent while none runs
    engine/        the engine's data and its log
    projected      there while none runs, where all that was counted can be looked at too
    watched        the same, where all that moved was looked at, and told
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
import uvicorn
from rich.console import Console

from aureon.access import organizations, tokens
from aureon.api import routes
from aureon.core.errors import AureonError, InvalidToken
from aureon.core.turns import Turns
from aureon.credits import account
from aureon.meters import backfills
from aureon.storage import clients, queue, store, table
from aureon.storage.store import Store
from aureon.storage.table import is_watched
from aureon.webhooks import dispatch, endpoints
from aureon_cli import engine, event_source, loopback, queue_route, schedule, stream_source
from aureon_cli.calls import Calls
from aureon_cli.gateway import FALLBACK, FUNCTION_SECONDS, Gateway, Handler
from aureon_cli.worker import Worker

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000
DEFAULT_TABLE: Final = "aureon"
DEFAULT_DATA: Final = Path(".aureon")
HANDLER_THREADS: Final = 32
KEEP_ALIVE_SECONDS: Final = 75
READY_SECONDS: Final = 30.0

BACKFILL_QUEUE: Final = "aureon-backfill"
WEBHOOK_QUEUE: Final = "aureon-webhooks"
# So many webhooks are sent at once: a slow endpoint keeps none of the others waiting.
DELIVERERS: Final = 4
INGESTION_QUEUE: Final = "aureon-ingestion"
DEAD_LETTER_QUEUE: Final = "aureon-dead-letters"
# A message is hidden for a little longer than its consumer runs. All its deliveries take longer
# than messages of a customer that was just deleted have to wait.
VISIBILITY_SECONDS: Final = 30
MAX_DELIVERIES: Final = 8
RETENTION_SECONDS: Final = 14 * 24 * 60 * 60

TOKEN_NAME: Final = "make dev"  # noqa: S105


class ServiceError(AureonError):
    """The service cannot start, or cannot go on; says why to the developer."""


@dataclass(frozen=True)
class Running:
    """A running service, as others on this machine find it."""

    url: str
    endpoint_url: str
    # The embedded engine takes its own credentials, another one those of the environment.
    embedded: bool
    table: str
    organization_id: str
    process: int
    # None where there is no ingestion queue.
    queue_url: str | None = None
    dead_letter_queue_url: str | None = None

    @classmethod
    def find(cls, data: Path) -> Running:
        """The service that uses a data folder. Raises `ServiceError` where none runs."""
        try:
            running = cls(**json.loads(_notice(data).read_text()))
            os.kill(running.process, 0)  # A service that was killed leaves its notice.
            return running
        except OSError as error:
            raise ServiceError(
                f"No local service runs with its data in {data.absolute()}. "
                "Start it with make dev, or name its folder as AUREON_DATA."
            ) from error


def run(port: int, data: Path) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises `ServiceError` and `EngineError`.

    The environment says the rest: ``AUREON_ACCESS_TOKEN`` fixes the token, ``AUREON_TABLE``
    names the table. With ``AWS_ENDPOINT_URL`` no engine is started, and ``AUREON_QUEUE_URL``,
    ``AUREON_DEAD_LETTER_QUEUE_URL`` and ``AUREON_BACKFILL_QUEUE_URL`` name the queues, if there are
    any.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        _serve(stack, port, data)
    # The end would look through all that is left, for a second or more.
    gc.freeze()


def _serve(stack: ExitStack, port: int, data: Path) -> None:
    listener = stack.enter_context(_listen(port))
    stack.enter_context(_hold(data))
    os.environ["AUREON_TABLE"] = os.environ.get("AUREON_TABLE") or DEFAULT_TABLE
    note = stack.enter_context(stream_source.Note(data / "projected"))
    watched = stack.enter_context(stream_source.Note(data / "watched"))
    embedded = None
    if not os.environ.get("AWS_ENDPOINT_URL"):
        embedded = stack.enter_context(engine.running(data / "engine", persistent=True))
        embedded.use()
        _create_queues(queue.connect(), os.environ["AWS_ENDPOINT_URL"])
        # All calls are this process's own, and waited for one by one.
        os.environ[backfills.WAIT] = "0"
    # To this machine, over HTTP: nothing that webhooks reach here is anybody else's.
    os.environ[endpoints.LOCAL] = "1"
    with clients.session() as session:
        loopback.install(session.events)
    ledger = store.from_environment()
    _create_table(ledger)
    token = os.environ.get("AUREON_ACCESS_TOKEN", "").strip() or _keep_token(data)
    running = Running(
        url=f"http://{HOST}:{listener.getsockname()[1]}",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        embedded=embedded is not None,
        table=ledger.table,
        organization_id=_admit(ledger, token),
        process=os.getpid(),
        queue_url=os.environ.get(queue.INGESTION),
        dead_letter_queue_url=os.environ.get(queue.DEAD_LETTERS),
    )
    _announce(data, running)

    account.turns = Turns()
    calls = Calls()
    served = list(routes.ROUTES)
    handlers = {name: calls.counted(handler) for name, handler in _handlers().items()}
    # What was imported stays: requests need not wait while it is looked through.
    gc.freeze()
    # Before what writes, so that it reads what that wrote until its end.
    projector = Worker("projector")
    stack.callback(projector.stop)
    stack.enter_context(stream_source.polling(ledger, "projector", projector, note))
    stopping = threading.Event()
    if sent := queue.from_environment(dispatch.QUEUE):
        deliverer = _handler("deliverer")
        for _ in range(DELIVERERS):
            stack.enter_context(
                event_source.polling(sent, "deliverer", deliverer, stopping, at_a_time=1)
            )
    stack.enter_context(
        stream_source.polling(
            ledger,
            "evaluator",
            _handler("evaluator"),
            watched,
            is_watched,
            longest_rest_seconds=stream_source.POLL_SECONDS,
        )
    )
    if ingestion := queue.from_environment(queue.INGESTION):
        consumer = calls.counted(_handler("consumer"))
        stack.enter_context(event_source.polling(ingestion, "consumer", consumer, stopping))
        served.append(routes.QUEUE_ROUTE)
        authorizer = _handler(routes.QUEUE_ROUTE.handler)
        handlers[routes.QUEUE_ROUTE.handler] = queue_route.sending_to(ingestion, authorizer)
    if jobs := queue.from_environment(backfills.QUEUE):
        backfill = Worker("backfill")
        waiting = calls.after_those_under_way(backfill)
        stack.enter_context(event_source.polling(jobs, "backfill", waiting, stopping))
        # First of all, so that nobody waits for what may go on another day.
        stack.callback(backfill.stop)
    sweep = calls.counted(_handler("sweep"))
    stack.enter_context(schedule.calling("sweep", sweep, schedule.SWEEP_SECONDS, stopping))
    stack.callback(stopping.set)
    pool = stack.enter_context(ThreadPoolExecutor(HANDLER_THREADS, "handler"))
    server = uvicorn.Server(
        uvicorn.Config(
            Gateway(served, handlers, pool),
            http="httptools",
            loop="auto",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(FUNCTION_SECONDS),
        )
    )
    failures: list[str] = []

    def fail(reason: str) -> None:
        failures.append(reason)
        server.should_exit = True

    _in_background(_welcome, running, token, fail)
    if embedded:
        _in_background(_watch, embedded, fail)
    server.run(sockets=[listener])
    if failures:
        raise ServiceError(failures[0])


def _listen(port: int) -> socket.socket:
    """Take the port, first of all: from here on nobody else gets it, and requests wait."""
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise ServiceError(
            f"Port {port} cannot be used: {os.strerror(error.errno or 0)}. "
            "Stop what uses it, or set PORT to another."
        ) from error
    # asyncio sets it only on sockets that name their protocol, and this one does not: answers
    # would wait for the acknowledgement of what came before them.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def _hold(data: Path) -> Iterator[None]:
    """Keep the data folder for this service alone, and no notice in it once it has ended."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "service.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServiceError(
                f"Another service uses the data in {data}. "
                "Stop it, or set AUREON_DATA to another folder."
            ) from error
        notice = _notice(data)
        notice.unlink(missing_ok=True)  # of a service that was killed
        try:
            yield
        finally:
            notice.unlink(missing_ok=True)


def _announce(data: Path, running: Running) -> None:
    """Leave the notice of a running service in its data folder, whole from the first moment."""
    draft = data / "engine.json.new"
    draft.write_text(json.dumps(asdict(running), indent=2) + "\n")
    draft.replace(_notice(data))


def _notice(data: Path) -> Path:
    return data / "engine.json"


def _create_table(ledger: Store) -> None:
    client = ledger.client
    with suppress(client.exceptions.ResourceInUseException):
        client.create_table(TableName=ledger.table, **table.SCHEMA)
    _await_table(ledger)
    if "LatestStreamArn" not in client.describe_table(TableName=ledger.table)["Table"]:
        # A service made it before there was anything to project.
        client.update_table(
            TableName=ledger.table, StreamSpecification=table.SCHEMA["StreamSpecification"]
        )
        _await_table(ledger)


def _await_table(ledger: Store) -> None:
    ledger.client.get_waiter("table_exists").wait(
        TableName=ledger.table, WaiterConfig={"Delay": 1, "MaxAttempts": int(READY_SECONDS)}
    )


def _create_queues(client: SQSClient, endpoint_url: str) -> None:
    """Create the queues, and name them in the environment."""
    dead_letters = _create_queue(
        client, DEAD_LETTER_QUEUE, {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
    )
    arn = client.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": MAX_DELIVERIES,
    }
    ingestion = _create_queue(
        client,
        INGESTION_QUEUE,
        {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": json.dumps(redrive)},
    )
    hidden: dict[QueueAttributeNameType, str] = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    jobs = _create_queue(client, BACKFILL_QUEUE, hidden)
    webhooks = _create_queue(client, WEBHOOK_QUEUE, hidden)
    # The engine may say where it was when a queue was made; it is somewhere else each time.
    os.environ[queue.DEAD_LETTERS] = endpoint_url + urlsplit(dead_letters).path
    os.environ[queue.INGESTION] = endpoint_url + urlsplit(ingestion).path
    os.environ[backfills.QUEUE] = endpoint_url + urlsplit(jobs).path
    os.environ[dispatch.QUEUE] = endpoint_url + urlsplit(webhooks).path


def _create_queue(
    client: SQSClient, name: str, attributes: dict[QueueAttributeNameType, str]
) -> str:
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        return client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return url


def kept_token(data: Path) -> str:
    """The token that a data folder keeps, empty where it keeps none."""
    path = data / "token"
    return path.read_text().strip() if path.exists() else ""


def _keep_token(data: Path) -> str:
    """The token of this data folder: made once, readable by its owner only."""
    token = kept_token(data)
    if not token:
        path = data / "token"
        token = tokens.PREFIX + secrets.token_urlsafe(tokens.SECRET_BYTES)
        path.touch(mode=0o600)
        path.write_text(token + "\n")
    return token


def _admit(ledger: Store, token: str) -> str:
    """See that the token works, whatever became of the data; return its organization's id.

    One that was made here before opens whatever has come since.
    """
    tokens.widen(ledger, token, name=TOKEN_NAME)
    try:
        return tokens.TokenAuthenticator().authenticate(ledger, f"Bearer {token}").organization_id
    except InvalidToken:
        organization_id = organizations.create(ledger, "Local")
        tokens.create(ledger.of(organization_id), name=TOKEN_NAME, token=token)
        return organization_id


def _handlers() -> dict[str, Handler]:
    """Import the handlers; they read their settings from the environment, which is set by now."""
    names = {FALLBACK, *(route.handler for route in routes.ROUTES)}
    return {name: _handler(name) for name in names}


def _handler(name: str) -> Handler:
    handler: Handler = importlib.import_module(name).handler
    return handler


def _in_background(work: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=work, args=arguments, name=work.__name__, daemon=True).start()


def _watch(embedded: engine.Engine, fail: Callable[[str], None]) -> None:
    """Without its engine the service is of no use: end it rather than refuse every request."""
    embedded.process.wait()
    fail(f"The embedded engine ended; see {embedded.log}.")


def _welcome(running: Running, token: str, fail: Callable[[str], None]) -> None:
    """Tell the developer where to go, once the service answers."""
    try:
        httpx.get(
            f"{running.url}/health", timeout=READY_SECONDS, trust_env=False
        ).raise_for_status()
    except httpx.HTTPError as error:
        fail(f"The service does not answer as it should: {error}.")
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print("[bold green]Aureon is ready.[/] Ctrl-C stops it; the data stay.\n")
    console.print(f"  URL           [bold]{running.url}[/]")
    console.print("  Access token  ", end="")
    console.print(token, markup=False, style="bold")
    console.print(f"  Organization  {running.organization_id}\n")
    console.print("Try it, or open the URL in a browser for the dashboard:\n")
    console.print(
        f'  curl {running.url}/v1/customers/ -H "Authorization: Bearer {token}"\n', markup=False
    )
