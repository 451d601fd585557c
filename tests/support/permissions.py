"""What a handler's role allows, as IAM decides it: each call of a handler is held against it.

A call that the role does not allow raises `NotAllowed`, which no handler catches. The grants are
those of the synthesized template. What a role is asked for, by DynamoDB:

- Each action of a transaction is asked for by itself, as the single call that it stands for, with
  its own key.
- A batch is asked for once, with all of its keys, and one statement has to allow them all.
- A query of an index is asked for on the index, with the index's own partition key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import botocore

from aureon.storage.keys import DIRECTORY_PARTITION, PARTITION
from tests.support import template
from tests.support.template import Properties, Synthesized

LEADING_KEYS: Final = "dynamodb:LeadingKeys"
ATTRIBUTES: Final = "dynamodb:Attributes"
TABLE: Final = "AUREON_TABLE"
# The single calls that the actions of a transaction stand for.
PARTS: Final = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_PARTITION_IS: Final = re.compile(r"(#?\w+) = (:\w+)")

_watching: Final[list[bool]] = []
_function: ContextVar[str | None] = ContextVar("function", default=None)


class NotAllowed(BaseException):
    """A handler has made a call that its role does not allow."""


class Request(NamedTuple):
    """What IAM is asked: an action on a resource, and what is known of it."""

    action: str
    resource: str
    leading_keys: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Role:
    """A function's role, and its environment: which queue a URL is of, the environment says."""

    function: str
    environment: Mapping[str, Any]
    statements: Sequence[Properties]

    @classmethod
    def of(cls, synthesized: Synthesized, function: str) -> Role:
        properties = synthesized.functions()[function]
        environment = properties["Environment"]["Variables"]
        return cls(function, environment, synthesized.statements(function))

    def allows(self, request: Request) -> bool:
        return any(_allows(statement, request) for statement in self.statements)

    def demand(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if not self.allows(request):
                raise NotAllowed(f"{self.function} may not: {request}")

    def arn(self, variable: str) -> str:
        """What a variable of the environment names, as `resource_of` has it."""
        if variable not in self.environment:
            raise NotAllowed(f"{self.function} has no {variable}")
        return f"{self.environment[variable]['Ref']}.Arn"

    def requests(
        self, service: str, operation: str, parameters: Mapping[str, Any]
    ) -> Iterable[Request]:
        """What IAM is asked for a call."""
        if service == "dynamodb":
            return requests_of(operation, parameters, self.arn(TABLE))
        url = parameters["QueueUrl"]
        known = [name for name in self.environment if os.environ.get(name) == url]
        if not known:
            raise NotAllowed(f"{self.function} is told of no queue {url}")
        return [Request(f"sqs:{operation.removesuffix('Batch')}", self.arn(known[0]))]


@functools.cache
def role(function: str) -> Role:
    return Role.of(template.without_assets(), function)


def prepare() -> None:
    """Read the template, which may take longer than a handler has time for."""
    if _watching:
        template.without_assets()


@contextmanager
def acting_as(function: str | None) -> Iterator[None]:
    """Hold what this thread calls meanwhile against a function's role; against none for a test."""
    token = _function.set(function)
    try:
        yield
    finally:
        _function.reset(token)


def acting() -> str | None:
    """The function that this thread acts as."""
    return _function.get()


def watch() -> None:
    """Let every client that is made from now on ask whether a handler may call."""
    if not _watching:
        _watching.append(True)
        botocore.register_initializer(
            lambda session: session.register("provide-client-params", _demand)
        )


def may_send(variable: str) -> None:
    """Hold a message to the queue that a variable names against the role, where none is sent."""
    function = acting()
    if function is not None:
        held = role(function)
        held.demand([Request("sqs:SendMessage", held.arn(variable))])


def _demand(**told: Any) -> None:
    function = acting()
    if function is None:
        return
    model = told["model"]
    try:
        held = role(function)
        service = model.service_model.service_name
        held.demand(held.requests(service, model.name, told["params"]))
    except Exception as error:
        raise NotAllowed(f"{function}: {model.name} could not be checked") from error


def requests_of(operation: str, parameters: Mapping[str, Any], table: str) -> Iterator[Request]:
    """What IAM is asked for a call to DynamoDB, of a table as `resource_of` has it."""
    if operation in ("TransactWriteItems", "TransactGetItems"):
        for action in parameters["TransactItems"]:
            ((part, its),) = action.items()
            yield from requests_of(PARTS[part], its, table)
        return
    action = f"dynamodb:{operation}"
    if operation == "BatchGetItem":
        for wanted in parameters["RequestItems"].values():
            yield Request(action, table, *_about(wanted["Keys"]))
    elif operation == "BatchWriteItem":
        for writes in parameters["RequestItems"].values():
            puts_and_deletes = [its for write in writes for its in write.values()]
            yield Request(action, table, *_about([_item(its) for its in puts_and_deletes]))
    elif operation == "Query":
        index = parameters.get("IndexName")
        partition = _PARTITION_IS.match(parameters["KeyConditionExpression"])
        assert partition is not None
        names = parameters.get("ExpressionAttributeNames", {})
        attribute = names.get(partition[1], partition[1])
        assert attribute == (DIRECTORY_PARTITION if index else PARTITION)
        key = parameters["ExpressionAttributeValues"][partition[2]]["S"]
        resource = f"{table}/index/{index}" if index else table
        yield Request(action, resource, (key,), frozenset(names.values()))
    elif operation in PARTS.values():
        keys, attributes = _about([_item(parameters)])
        names = parameters.get("ExpressionAttributeNames", {})
        yield Request(action, table, keys, attributes | set(names.values()))
    else:
        yield Request(action, table)


def _item(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parameters.get("Key") or parameters["Item"]
    return found


def _about(items: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], frozenset[str]]:
    keys = dict.fromkeys(item[PARTITION]["S"] for item in items)
    return tuple(keys), frozenset(name for item in items for name in item)


def _allows(statement: Properties, request: Request) -> bool:
    assert statement["Effect"] == "Allow"
    if not _matches(_listed(statement["Action"]), request.action):
        return False
    if not _matches([resource_of(one) for one in _listed(statement["Resource"])], request.resource):
        return False
    conditions = dict(statement.get("Condition", {}))
    for_all = conditions.pop("ForAllValues:StringLike", {})
    assert not conditions, "a condition that is not understood"
    known = {LEADING_KEYS: request.leading_keys, ATTRIBUTES: request.attributes}
    return all(
        _matches(_listed(patterns), value)
        for key, patterns in for_all.items()
        for value in known[key]
    )


def resource_of(value: Any) -> str:
    """A resource of the template as one text: ``Table.Arn/index/directory``."""
    if isinstance(value, str):
        return value
    if "Fn::GetAtt" in value:
        return ".".join(value["Fn::GetAtt"])
    separator, parts = value["Fn::Join"]
    return str(separator).join(map(resource_of, parts))


def _matches(patterns: Sequence[str], value: str) -> bool:
    return _any_of(tuple(patterns)).fullmatch(value) is not None


@functools.lru_cache(maxsize=1_000)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    like = (re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns)
    return re.compile("|".join(f"(?:{one})" for one in like), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
