"""A second opinion: moto's server as DynamoDB, which checks requests as AWS does.

It runs in this process, as one synchronous worker without a socket: it is not safe under threads.
"""

from __future__ import annotations

import functools
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import Client

from aureon.storage import wire
from aureon.storage.store import Store
from aureon.storage.table import SCHEMA
from tests.support import inline_engine
from tests.support.conflicts import Touched
from tests.support.faults import Answer

MAX_ITEMS_READ: Final = 25
_lock: Final = threading.Lock()


@functools.cache
def _server() -> Client:
    return Client(create_backend_app("dynamodb"))


def execute(model: Any, params: Mapping[str, Any]) -> Answer:
    """Answer a call, as botocore has it before it would sign and send it."""
    with _lock:
        if model.name == "TransactGetItems":
            return inline_engine.answer(model, 200, {}, _read(json.loads(params["body"])))
        return inline_engine.answer(model, *_ask(model.name, params["body"]))


def _read(request: Mapping[str, Any]) -> bytes:
    """Read items as they are at one instant: moto has kept the limit that DynamoDB had once."""
    items = request["TransactItems"]
    responses = []
    for first in range(0, len(items), MAX_ITEMS_READ):
        some = items[first : first + MAX_ITEMS_READ]
        responses += _told("TransactGetItems", TransactItems=some)["Responses"]
    return json.dumps({"Responses": responses}).encode()


def _ask(operation: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
    headers = {"X-Amz-Target": f"{wire.TARGET}{operation}", "Content-Type": wire.CONTENT_TYPE}
    answered = _server().post("/", headers=headers, data=body)
    return answered.status_code, dict(answered.headers), answered.get_data()


def _told(operation: str, **parameters: Any) -> dict[str, Any]:
    status, _, body = _ask(operation, json.dumps(parameters).encode())
    assert status == 200, body
    told: dict[str, Any] = json.loads(body)
    return told


def partial(model: Any, params: Mapping[str, Any], draw: Random) -> Answer:
    """Answer a part of a read, and leave the rest for another call."""
    return inline_engine.partial(model, params, draw, execute)


@contextmanager
def table(
    answer: Callable[..., Any] = lambda model, params, **_: execute(model, params),
) -> Iterator[Store]:
    """A table of its own. `answer` takes botocore's place between call and answer."""
    name = f"table-{uuid.uuid4()}"
    client = inline_engine.client()
    client.meta.events.register_last("before-call.dynamodb", answer)
    try:
        client.create_table(TableName=name, **SCHEMA)
        yield Store(client, name)
        client.delete_table(TableName=name)
    finally:
        client.meta.events.unregister("before-call.dynamodb", answer)


def item(touched: Touched) -> Any:
    """An item as it is stored, or None."""
    with _lock:
        return _told("GetItem", TableName=touched.table, Key=_key(touched)).get("Item")


def set_item(touched: Touched, item: Any) -> None:
    """Store an item as it is given, or remove it where it is None."""
    with _lock:
        if item is None:
            _told("DeleteItem", TableName=touched.table, Key=_key(touched))
        else:
            _told("PutItem", TableName=touched.table, Item=item)


def _key(touched: Touched) -> dict[str, Any]:
    return {name: {"S": part} for name, part in touched.key._asdict().items()}
