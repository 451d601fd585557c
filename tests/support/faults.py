"""Faults below boto3: calls that are never sent, answers that are lost, conflicts, throttling.

The harness hangs on botocore's own events. A call that dies raises `Crash`, which no handler
catches: the test takes it for the end of the process, and starts anew with a fresh handler.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Crash(BaseException):
    """The process is gone."""


WRITES: Final = ("TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem")


class Fault(Enum):
    """What happens to one call."""

    DIE_BEFORE = "dies before it is sent"
    DIE_AFTER = "dies after it was applied"
    TIMEOUT_BEFORE = "is lost on the way, and times out"
    TIMEOUT_AFTER = "is applied, and times out"
    THROTTLE = "is throttled"
    CONFLICT = "conflicts with another transaction"


@dataclass(frozen=True)
class Call:
    """One call to DynamoDB, and its numbers, from 0: of all calls, and of those that write."""

    number: int
    write_number: int | None
    operation: str
    parameters: dict[str, Any]


Plan = Callable[[Call], Fault | None]
# What a call comes to, for botocore to hand on in place of an answer from the network.
Answer = tuple[AWSResponse, dict[str, Any]]


@dataclass
class Calls:
    """The calls that were made, in order."""

    made: list[Call] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.made)

    def operations(self) -> list[str]:
        return [call.operation for call in self.made]


@contextmanager
def faults(
    client: DynamoDBClient, plan: Plan = lambda call: None, *, remember: bool = True
) -> Iterator[Calls]:
    """Count the calls of a client, and let those that the plan names go wrong.

    They are remembered, unless there will be too many.
    """
    calls = Calls()
    numbers, write_numbers = itertools.count(), itertools.count()
    lock = threading.Lock()
    pending = threading.local()

    def before(model: Any, params: dict[str, Any], **_: Any) -> Any:
        with lock:
            write_number = next(write_numbers) if model.name in WRITES else None
            call = Call(next(numbers), write_number, model.name, params)
            if remember:
                calls.made.append(call)
        fault = plan(call)
        pending.fault = fault
        match fault:
            case Fault.DIE_BEFORE:
                raise Crash
            case Fault.TIMEOUT_BEFORE:
                raise timeout()
            case Fault.THROTTLE:
                return refusal("ThrottlingException")
            case Fault.CONFLICT if model.name == "TransactWriteItems":
                return _conflict(params)
            case Fault.CONFLICT if model.name in WRITES:
                return refusal("TransactionConflictException")
        return None

    def after(**_: Any) -> None:
        fault, pending.fault = getattr(pending, "fault", None), None
        match fault:
            case Fault.DIE_AFTER:
                raise Crash
            case Fault.TIMEOUT_AFTER:
                raise timeout()

    events = client.meta.events
    events.register_first("before-call.dynamodb", before)
    events.register("after-call.dynamodb", after)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", before)
        events.unregister("after-call.dynamodb", after)


def nth(number: int, fault: Fault) -> Plan:
    """Let the call with this number go wrong, from 0."""
    return lambda call: fault if call.number == number else None


def nth_write(number: int, fault: Fault) -> Plan:
    """Let the write with this number go wrong, from 0."""
    return lambda call: fault if call.write_number == number else None


def timeout() -> Exception:
    """What botocore raises where no answer came."""
    return ReadTimeoutError(endpoint_url="the engine")


def refusal(code: str, **more: Any) -> Answer:
    """What DynamoDB answers to a call that it refuses."""
    parsed = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": 400},
        **more,
    }
    return AWSResponse("", 400, HTTPHeaders(), None), parsed


def cancellation(conflicts: Sequence[bool]) -> Answer:
    """What DynamoDB answers to a transaction of which these actions conflict with another."""
    reasons = [{"Code": "TransactionConflict" if conflict else "None"} for conflict in conflicts]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


def _conflict(params: dict[str, Any]) -> Answer:
    """Another transaction holds every balance, or, where there is none, the first item."""
    conflicts = [_is_balance(action) for action in json.loads(params["body"])["TransactItems"]]
    return cancellation(conflicts if any(conflicts) else [True, *conflicts[1:]])


def _is_balance(action: dict[str, Any]) -> bool:
    ((_, write),) = action.items()
    return "Key" in write and write["Key"]["sk"]["S"].startswith("METER#")
