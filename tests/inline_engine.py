"""The engine's own code in this process: a table without a socket, fast, and open to a test."""

from __future__ import annotations

import functools
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.parsers import create_parser
from ministack.services import dynamodb as engine  # type: ignore[import-untyped]

from aureon import store as aureon_store
from aureon import wire
from aureon.store import Store
from aureon.table import SCHEMA
from aureon_cli.engine import CREDENTIALS
from tests.conflicts import Touched
from tests.faults import Answer

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Nobody is there: every call is answered before it is sent.
NOWHERE: Final = "http://engine.invalid"
_PARSER: Final = create_parser("json")
# It is written for one thread.
_lock: Final = threading.Lock()


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
        status, headers, body = answered.value
    if status < 300 and model.name in wire.DIRECT:
        return AWSResponse(NOWHERE, status, HTTPHeaders(), None), wire.read(body)
    response = {"body": body, "headers": headers, "status_code": status}
    parsed = _PARSER.parse(response, model.output_shape)
    if status >= 300:
        error = model.service_model.shape_for_error_code(parsed["Error"]["Code"])
        parsed |= _PARSER.parse(response, error)
    return AWSResponse(NOWHERE, status, HTTPHeaders(), None), parsed


@contextmanager
def table(
    answer: Callable[..., Any] = lambda model, params, **_: execute(model, params),
) -> Iterator[Store]:
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


def contents(store: Store) -> list[str]:
    """Every item of a table, as text."""
    table = engine._tables.get(store.table)
    return [repr(item) for partition in table["items"].values() for item in partition.values()]
