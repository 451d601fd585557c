"""What a request costs: the calls that it makes, and the capacity that they consume."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aureon.storage.limits import item_bytes
from aureon.storage.store import Store
from tests.support.faults import faults
from tests.support.handlers import Reply

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# A strongly consistent unit reads so much.
UNIT_BYTES: Final = 4_096


class Consumed(NamedTuple):
    """What one call consumed, in units of capacity."""

    operation: str
    read: float = 0
    write: float = 0


@contextmanager
def consumption(client: DynamoDBClient) -> Iterator[list[Consumed]]:
    """What calls consume, one after the other, indexes included.

    By the engine's own account, which knows all about writes and transactions. Other reads it
    takes for small ones, and of a BatchGetItem it tells nothing: these are counted here, from the
    sizes of the items, as DynamoDB would.
    """
    consumed: list[Consumed] = []
    asked = threading.local()

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        asked.params = params

    def note(model: Any, parsed: dict[str, Any], **_: Any) -> None:
        answered = parsed.get("ConsumedCapacity", [])
        tables = answered if isinstance(answered, list) else [answered]
        units = sum(table["CapacityUnits"] for table in tables)
        match model.name:
            case "BatchGetItem":
                units = _units_of_batch(asked.params["RequestItems"], parsed.get("Responses", {}))
            case "GetItem":
                units *= _units_of([parsed.get("Item", {})])
            case "Query" | "Scan":
                # It adds up its items before it is rounded.
                units *= _units_of(parsed.get("Items", []))
        if model.name in READS:
            consumed.append(Consumed(model.name, read=units))
        else:
            consumed.append(Consumed(model.name, write=units))

    events = client.meta.events
    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield consumed
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)


READS: Final = ("BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems")


def _units_of(items: Iterable[Mapping[str, Any]]) -> int:
    """Units of a strongly consistent read that is rounded once."""
    return max(1, ceil(sum(map(item_bytes, items)) / UNIT_BYTES))


def _units_of_batch(
    asked: Mapping[str, Mapping[str, Any]], found: Mapping[str, Sequence[Mapping[str, Any]]]
) -> float:
    """Every item is rounded by itself; one that is absent takes as much as a small one."""
    units = 0.0
    for table, request in asked.items():
        items = found.get(table, ())
        absent = len(request["Keys"]) - len(items)
        whole = absent + sum(_units_of([item]) for item in items)
        units += whole if request.get("ConsistentRead") else whole / 2
    return units


class Cost(NamedTuple):
    """The calls that something takes, and the units of capacity that they consume."""

    calls: tuple[str, ...]
    units: float


def cost(store: Store, act: Callable[[], Reply], status: int = 200) -> tuple[Cost, Reply]:
    with faults(store.client) as calls, consumption(store.client) as consumed:
        reply = act()
    assert reply.status == status, reply
    return Cost(tuple(calls.operations()), sum(one.read + one.write for one in consumed)), reply
