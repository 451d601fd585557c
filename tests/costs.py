"""What a request costs: the calls that it makes, and the capacity that they consume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import Any, Final, NamedTuple

from aureon.store import Store
from tests.api import Reply
from tests.faults import faults

# A strongly consistent unit reads so much; a query adds up its items before it is rounded.
UNIT_BYTES: Final = 4_096


@contextmanager
def consumption(store: Store) -> Iterator[list[float]]:
    """The units of capacity that calls consume, one after the other."""
    consumed: list[float] = []

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(model: Any, parsed: dict[str, Any], **_: Any) -> None:
        # The engine does not say it of a BatchGetItem.
        answered = parsed.get("ConsumedCapacity", [])
        for one in answered if isinstance(answered, list) else [answered]:
            units = one["CapacityUnits"]
            # It takes any query for a small one.
            read = sum(map(item_bytes, parsed["Items"])) if model.name == "Query" else 0
            consumed.append(units * max(1, ceil(read / UNIT_BYTES)))

    events = store.client.meta.events
    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield consumed
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)


def item_bytes(attributes: Mapping[str, Any]) -> int:
    """The size of an item, as DynamoDB counts it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in attributes.items())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return (len(value.strip("-0.")) + 1) // 2 + 1
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + _value_bytes(element) for element in value)
        case "M":
            return 3 + item_bytes(value) + len(value)
        case _:
            return 1


class Cost(NamedTuple):
    """The calls that something takes, and the units of capacity that they consume."""

    calls: tuple[str, ...]
    units: float


def cost(store: Store, act: Callable[[], Reply], status: int = 200) -> tuple[Cost, Reply]:
    with faults(store.client) as calls, consumption(store) as consumed:
        reply = act()
    assert reply.status == status, reply
    return Cost(tuple(calls.operations()), sum(consumed)), reply
