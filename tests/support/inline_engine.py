"""The engine's own code in this process: a table without a socket, fast, and open to a test."""

from __future__ import annotations

import functools
import json
import sys
import threading
import uuid
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.parsers import create_parser
from ministack.services import dynamodb as engine  # type: ignore[import-untyped]

from aureon.storage import store as aureon_store
from aureon.storage import wire
from aureon.storage.keys import Key
from aureon.storage.store import Item, Store
from aureon.storage.table import SCHEMA
from aureon_cli import engine_shortcuts
from aureon_cli.engine import CREDENTIALS
from tests.support.conflicts import Touched
from tests.support.faults import Answer
from tests.support.seams import without_pauses

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Answering = Callable[..., Any]

# Nobody is there: every call is answered before it is sent.
NOWHERE: Final = "http://engine.invalid"
_PARSER: Final = create_parser("json")
# It is written for one thread.
_lock: Final = threading.Lock()

engine_shortcuts.install_for_tables()


@functools.cache
def client() -> DynamoDBClient:
    """The one client of this process: making one takes as long as several histories."""
    return aureon_store.connect(NOWHERE, **CREDENTIALS)


def execute(model: Any, params: Mapping[str, Any]) -> Answer:
    """Answer a call, as botocore has it before it would sign and send it."""
    headers = {name.lower(): value for name, value in params["headers"].items()}
    answering = engine.handle_request("POST", "/", headers, params["body"], {})
    try:
        with _lock:
            answering.send(None)
    except StopIteration as answered:
        return answer(model, *answered.value)
    raise AssertionError("the engine waits")


def answer(model: Any, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """What an engine answers over HTTP, as botocore hands it on."""
    if status < 300 and model.name in wire.DIRECT:
        return AWSResponse(NOWHERE, status, HTTPHeaders(), None), wire.read(body)
    response = {"body": body, "headers": headers, "status_code": status}
    parsed = _PARSER.parse(response, model.output_shape)
    if status >= 300:
        error = model.service_model.shape_for_error_code(parsed["Error"]["Code"])
        parsed |= _PARSER.parse(response, error)
    return AWSResponse(NOWHERE, status, HTTPHeaders(), None), parsed


def partial(
    model: Any,
    params: Mapping[str, Any],
    draw: Random,
    execute: Callable[..., Answer] = execute,
) -> Answer:
    """Answer a part of a read, and leave the rest for another call."""
    request = json.loads(params["body"])
    if model.name == "Query":
        request.setdefault("Limit", 1)
        return execute(model, {**params, "body": json.dumps(request)})
    ((table, wanted),) = request["RequestItems"].items()
    some = draw.randint(1, len(wanted["Keys"]))
    left = wanted["Keys"][some:]
    wanted["Keys"] = wanted["Keys"][:some]
    http, parsed = execute(model, {**params, "body": json.dumps(request)})
    parsed["UnprocessedKeys"] = {table: {"Keys": left}} if left else {}
    return http, parsed


def _executed(model: Any, params: Mapping[str, Any], **_: Any) -> Answer:
    return execute(model, params)


@contextmanager
def table(answer: Answering = _executed) -> Iterator[Store]:
    """A table, the only one there is. `answer` takes botocore's place between call and answer."""
    engine.reset()
    name = f"table-{uuid.uuid4()}"
    events = client().meta.events
    events.register_last("before-call.dynamodb", answer)
    try:
        client().create_table(TableName=name, **SCHEMA)
        yield Store(client(), name)
    finally:
        events.unregister("before-call.dynamodb", answer)


@contextmanager
def raced_table(answer: Answering = _executed) -> Iterator[Store]:
    """The same, where threads change places as often as can be, and none pauses."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with table(answer) as store, without_pauses():
            yield store
    finally:
        sys.setswitchinterval(interval)


def holds(store: Store) -> bool:
    """Whether this engine has the table: the same client may be another's."""
    return store.client is client() and engine._tables.get(store.table) is not None


def item(touched: Touched) -> Any:
    """An item as it is stored, or None."""
    table = engine._tables.get(touched.table)
    return table["items"].get(touched.key.pk, {}).get(touched.key.sk)


def set_item(touched: Touched, item: Any) -> None:
    """Store an item as it is given, or remove it where it is None."""
    table = engine._tables.get(touched.table)
    if item is None:
        engine._remove_item(table, *touched.key)
    else:
        engine._set_item(table, *touched.key, item)


def save(store: Store) -> Any:
    """What a table has, to be restored."""
    with _lock:
        return engine_shortcuts.copied(dict(engine._tables.get(store.table)["items"]))


def restore(store: Store, saved: Any) -> None:
    """Let a table have what was saved, and the engine know nothing of what came after."""
    with _lock:
        table = engine._tables.get(store.table)
        table["items"] = defaultdict(dict, engine_shortcuts.copied(saved))
        engine._items_replaced(table)
        engine._txn_idempotency.clear()


def contents(store: Store) -> list[str]:
    """Every item of a table, as text."""
    table = engine._tables.get(store.table)
    return [repr(item) for partition in table["items"].values() for item in partition.values()]


def plain_contents(store: Store) -> dict[Key, Item]:
    """Every item of a table, as the store reads it: no call is made."""
    with _lock:
        partitions = engine._tables.get(store.table)["items"]
        found = [
            (Key(pk, sk), dict(item))
            for pk, partition in partitions.items()
            for sk, item in partition.items()
        ]
    return {key: plain(item) for key, item in found}


def plain(item: Any) -> Item:
    """An item of the engine's, whose bytes are text still, as the store reads it."""
    return aureon_store.from_attributes(
        {
            name: {"B": b64decode(value["B"])} if "B" in value else value
            for name, value in item.items()
        }
    )
