"""A table of plain items in this process, in the place of an engine: for many thousand histories.

It does what Aureon's store asks of DynamoDB, on what the store is given, with nothing encoded and
no expression parsed. What DynamoDB makes of requests, the engine's own code is asked
(`inline_engine`), and each history may be played on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from operator import eq, gt, lt
from random import Random
from typing import Any, Final, NamedTuple

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from aureon.storage import limits
from aureon.storage.expressions import Condition, Update, _Comparison, _Existence, _Joined
from aureon.storage.keys import DIRECTORY_PARTITION, DIRECTORY_SORT, PARTITION, SORT, Key, Keys
from aureon.storage.store import (
    CONDITION_FAILED,
    UNREAD,
    ConditionFailed,
    Item,
    OrganizationStore,
    Store,
    Write,
    delete,
    put_over,
)
from tests.support.conflicts import Touched
from tests.support.faults import Answer, refusal

TABLE: Final = "memory"


class Model(NamedTuple):
    """An operation, as botocore's models name it."""

    name: str


_MODELS: Final = {
    name: Model(name)
    for name in (
        "GetItem",
        "BatchGetItem",
        "TransactGetItems",
        "Query",
        "Scan",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
    )
}
_FINE: Final = AWSResponse(TABLE, 200, HTTPHeaders(), None)


@dataclass
class Table:
    """Items by partition and sort key, and the directory's entries by its own."""

    items: dict[str, dict[str, Item]] = field(default_factory=dict)
    listed: dict[str, dict[tuple[str, Key], Item]] = field(default_factory=dict)
    answer: Callable[..., Any] = field(default=lambda model, params, **_: execute(model, params))

    def get(self, key: Key) -> Item | None:
        return self.items.get(key.pk, {}).get(key.sk)

    def copy(self) -> Table:
        """What is stored; items themselves are never changed in place."""
        return Table(
            {pk: dict(partition) for pk, partition in self.items.items()},
            {pk: dict(partition) for pk, partition in self.listed.items()},
            self.answer,
        )

    def set(self, key: Key, item: Item | None) -> None:
        """Store an item as it is given, or remove it where it is None. It is not changed later."""
        old = self.get(key)
        if old is not None and DIRECTORY_PARTITION in old:
            del self.listed[old[DIRECTORY_PARTITION]][old[DIRECTORY_SORT], key]
        if item is None:
            self.items.get(key.pk, {}).pop(key.sk, None)
            return
        self.items.setdefault(key.pk, {})[key.sk] = item
        if DIRECTORY_PARTITION in item:
            entry = {PARTITION: key.pk, SORT: key.sk}
            entry |= {name: item[name] for name in (DIRECTORY_PARTITION, DIRECTORY_SORT)}
            partition = self.listed.setdefault(item[DIRECTORY_PARTITION], {})
            partition[item[DIRECTORY_SORT], key] = entry


_table: Table = Table()


# What a world asks of an engine.


class _Failed(Exception):
    """Conditions did not hold: which, in order."""


def execute(model: Model, params: Mapping[str, Any]) -> Answer:
    """Answer a call that a `MemoryStore` makes."""
    try:
        return _FINE, params["run"](*params.get("at_most", ()))
    except _Failed as failed:
        if model.name != "TransactWriteItems":
            return refusal("ConditionalCheckFailedException")
        reasons = [{"Code": CONDITION_FAILED if one else "None"} for one in failed.args]
        return refusal("TransactionCanceledException", CancellationReasons=reasons)


def partial(model: Model, params: Mapping[str, Any], draw: Random) -> Answer:
    """Answer a part of a read, and leave the rest for another call."""
    most = 1 if model.name == "Query" else draw.randint(1, params["count"])
    return execute(model, {**params, "at_most": [most]})


def item(touched: Touched) -> Item | None:
    """An item as it is stored, or None."""
    return _table.get(touched.key)


def plain(item: Item) -> Item:
    """An item, as the store reads it."""
    return item


def set_item(touched: Touched, item: Item | None) -> None:
    _table.set(touched.key, item)


def plain_contents(store: Store) -> dict[Key, Item]:
    """Every item of a table, as the store reads it."""
    return {
        Key(pk, sk): item
        for pk, partition in _table.items.items()
        for sk, item in partition.items()
    }


def save() -> Table:
    """The table as it is."""
    return _table.copy()


def restore(saved: Table) -> None:
    """Put a table that was saved in the place of what is there."""
    copied = saved.copy()
    _table.items, _table.listed = copied.items, copied.listed


@contextmanager
def table(answer: Callable[..., Any] | None = None) -> Iterator[Store]:
    """A table, the only one there is. `answer` takes the engine's place between call and answer."""
    global _table
    _table = Table() if answer is None else Table(answer=answer)
    yield MemoryStore(_table, TABLE)  # type: ignore[arg-type]


# The store.


class InMemory(Store, frozen=True):
    """The store's calls, each to be answered by whoever stands in the engine's place."""

    def of(self, organization_id: str) -> OrganizationStore:
        return MemoryOrganizationStore(
            self.client, self.table, self.deadline, keys=Keys(organization_id)
        )

    def get(self, key: Key) -> Item | None:
        limits.check_key(*key)
        found: list[Item] = self._ask("GetItem", lambda _=1: _read([key]), keys=[key])
        return found[0] if found else None

    def batch_get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        pending = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        while pending:
            wanted = pending[: limits.MAX_BATCH_GET_KEYS]

            def read(at_most: int = len(wanted), wanted: Sequence[Key] = wanted) -> Any:
                return _read(wanted[:at_most]), wanted[at_most:]

            items, unread = self._ask("BatchGetItem", read, count=len(wanted), keys=wanted)
            found |= {Key(item[PARTITION], item[SORT]): item for item in items}
            pending = [*unread, *pending[limits.MAX_BATCH_GET_KEYS :]]
            if unread:
                UNREAD.wait(1)
        return found

    def snapshot(self, keys: Sequence[Key]) -> dict[Key, Item]:
        limits.check_actions(keys)
        items = self._transact(self._ask_for("TransactGetItems", lambda: _read(keys), keys=keys))
        return {Key(item[PARTITION], item[SORT]): item for item in items}

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        since: str = "",
        before: str = "",
        after: str | None = None,
        newest_first: bool = False,
        at_a_time: int | None = None,
    ) -> Iterator[Item]:
        while True:

            def read(at_most: int = at_a_time or 1_000_000, after: str | None = after) -> Any:
                # A prefix takes precedence, as in the expression.
                sorts = sorted(
                    sort
                    for sort in _table.items.get(partition, ())
                    if (
                        sort.startswith(prefix)
                        if prefix
                        else sort >= since and (not before or sort < before)
                    )
                    and (after is None or (sort < after if newest_first else sort > after))
                )
                if newest_first:
                    sorts.reverse()
                some = sorts[:at_most]
                items = _read([Key(partition, sort) for sort in some])
                # Like DynamoDB, it does not look whether something follows.
                return items, some[-1] if len(some) == at_most else None

            items, after = self._ask("Query", read)
            yield from items
            if after is None:
                return

    def scan(self, prefix: str) -> Iterator[Item]:
        found = [
            dict(item)
            for pk, partition in _table.items.items()
            if pk.startswith(prefix)
            for item in partition.values()
        ]
        yield from self._ask("Scan", lambda: found)

    def query_index(
        self, partition: str, *, after: Item | None = None, prefix: str = "", before: str = ""
    ) -> Iterator[Item]:
        last = (
            None if after is None else (after[DIRECTORY_SORT], Key(after[PARTITION], after[SORT]))
        )
        while True:

            def read(at_most: int = 1_000_000, last: tuple[str, Key] | None = last) -> Any:
                listed = _table.listed.get(partition, {})
                places = sorted(
                    place
                    for place in listed
                    if place[0].startswith(prefix)
                    and (not before or place[0] < before)
                    and (last is None or place > last)
                )[:at_most]
                entries = [dict(listed[place]) for place in places]
                return entries, places[-1] if len(places) == at_most else None

            entries, last = self._ask("Query", read)
            yield from entries
            if last is None:
                return

    def everything(self) -> Iterator[Item]:
        """Every item, for whoever looks from outside: no call is made."""
        return (dict(item) for partition in _table.items.values() for item in partition.values())

    def count_index(self, partition: str) -> int:
        return len(list(self.query_index(partition)))

    def write(self, write: Write) -> None:
        operation = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
        ask = self._ask_for(operation[write.action], lambda: _write([write]), keys=[write.key])
        try:
            self._call(ask)
        except ClientError:
            raise ConditionFailed("The condition of a write did not hold.") from None

    def transact(self, writes: Sequence[Write]) -> None:
        keys = [write.key for write in writes]
        limits.check_actions(keys)
        self._transact(self._ask_for("TransactWriteItems", lambda: _write(writes), keys=keys))

    def put_all(self, items: Mapping[Key, Item]) -> None:
        self._put_or_delete([put_over(*one) for one in items.items()])

    def delete_all(self, keys: Iterable[Key]) -> None:
        self._put_or_delete([delete(key) for key in keys])

    def _put_or_delete(self, writes: Sequence[Write]) -> None:
        for first in range(0, len(writes), limits.MAX_BATCH_WRITES):
            some = writes[first : first + limits.MAX_BATCH_WRITES]
            self._ask("BatchWriteItem", lambda some=some: _write(some))

    def _ask(self, operation: str, run: Callable[..., Any], **about: Any) -> Any:
        return self._call(self._ask_for(operation, run, **about))

    def _ask_for(
        self, operation: str, run: Callable[..., Any], *, keys: Sequence[Key] = (), count: int = 1
    ) -> Callable[[], Any]:
        params = {"touched": [Touched(TABLE, key) for key in keys], "run": run, "count": count}

        def ask() -> Any:
            http, answer = _table.answer(model=_MODELS[operation], params=params)
            if http.status_code >= 300:
                raise ClientError(answer, operation)
            return answer

        return ask


class MemoryStore(InMemory, frozen=True):
    """The table of this process."""


class MemoryOrganizationStore(InMemory, OrganizationStore, frozen=True):
    """The table of this process, as one organization has it."""


# Items.


def _read(keys: Iterable[Key]) -> list[Item]:
    found = map(_table.get, keys)
    return [dict(item) for item in found if item is not None]


def _write(writes: Sequence[Write]) -> None:
    """Make all writes or none."""
    before = [_table.get(write.key) for write in writes]
    holds = [
        write.condition is None or _holds(write.condition, item)
        for write, item in zip(writes, before, strict=True)
    ]
    if not all(holds):
        raise _Failed(*[not one for one in holds])
    for write, item in zip(writes, before, strict=True):
        if write.action == "Delete":
            _table.set(write.key, None)
        elif write.item is not None:
            _table.set(write.key, _new(write.key, write.item))
        elif write.update is not None:
            _table.set(write.key, _updated(write.key, write.update, item))


def _new(key: Key, item: Mapping[str, Any]) -> Item:
    found = {name: _value(value) for name, value in item.items()}
    found[PARTITION], found[SORT] = key
    return found


def _updated(key: Key, update: Update, item: Item | None) -> Item:
    found = _new(key, {}) if item is None else dict(item)
    found |= {name: _value(value) for name, value in update.assigned.items()}
    for name, value in update.initial.items():
        found.setdefault(name, _value(value))
    for name, value in update.added.items():
        found[name] = found.get(name, 0) + _value(value)
    for name in update.removed:
        found.pop(name, None)
    return found


def _value(value: Any) -> Any:
    """A value as it comes back: every number is a Decimal, and nothing is shared."""
    return _STORED[type(value)](value)


def _same(value: Any) -> Any:
    return value


_STORED: Final[Mapping[type, Callable[[Any], Any]]] = {
    str: _same,
    bool: _same,
    bytes: _same,
    type(None): _same,
    Decimal: _same,
    int: Decimal,
    list: lambda value: [_value(one) for one in value],
    dict: lambda value: {name: _value(one) for name, one in value.items()},
}


def _holds(condition: Condition, item: Item | None) -> bool:
    """Whether a condition holds of an item, as DynamoDB reads it."""
    match condition:
        case _Joined(word=word, conditions=conditions):
            found = (_holds(one, item) for one in conditions)
            return all(found) if word == "AND" else any(found)
        case _Existence(attribute=attribute, function=function):
            is_there = item is not None and attribute in item
            return is_there is (function == "attribute_exists")
        case _Comparison(attribute=attribute, operator=operator, value=value):
            if item is None or attribute not in item:
                return False
            stored, value = item[attribute], _value(value)
            if type(stored) is not type(value):
                return False
            return bool(_COMPARED[operator](stored, value))
    raise AssertionError(condition)


_COMPARED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {"=": eq, "<": lt, ">": gt}
