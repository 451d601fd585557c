"""What the evaluator is given: by the real handler, from records of the shape of the stream's."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from aureon.core import times
from aureon.storage import keys
from aureon.storage.store import Item, Store, to_attributes
from aureon.storage.table import WATCH_MARK, is_watched
from aureon_cli.stream_source import Record, inserted
from tests.support.handlers import Api, invoke
from tests.support.recount import scan

_numbers: Final = count(1)
# A partition key and a sort key.
Place = tuple[str, str]


def record(item: Item) -> Record:
    """The record of the stream that tells of an item, as Lambda hands it over.

    A customer's is of the change of its profile: it was written then.
    """
    made = inserted(to_attributes(item), next(_numbers))
    if item[keys.SORT] == keys.CUSTOMER_SORT and "created_at" in item:
        changed_at = times.from_text(item["modified_at"] or item["created_at"])
        made["dynamodb"]["ApproximateCreationDateTime"] = changed_at.timestamp()
    return made


def records(store: Store) -> list[Record]:
    """A record of each item in the table that the evaluator is for, as it is now."""
    return [made for item in scan(store) if is_watched(made := record(item))]


def deliver(delivery: Iterable[Record]) -> list[str]:
    """Hand records to the evaluator; return the sequence numbers of those that failed."""
    answer = invoke("evaluator", {"Records": list(delivery)})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def watch_all(store: Store) -> None:
    """Let the evaluator look at everything that there is, until that makes nothing new."""
    for _ in range(100):
        delivery = records(store)
        assert deliver(delivery) == []
        if _written(store) == {_place(one): _image(one) for one in delivery}:
            return
    raise AssertionError("the evaluator goes on writing")


def shuffled(delivery: Sequence[Record], chance: random.Random) -> list[list[Record]]:
    """The same records in another order, some of them repeatedly, in several deliveries."""
    some = [one for one in delivery for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    chance.shuffle(some)
    cut = sorted(chance.randrange(len(some) + 1) for _ in range(chance.randrange(4)))
    return [part for a, b in zip([0, *cut], [*cut, len(some)], strict=True) if (part := some[a:b])]


@dataclass
class Stream:
    """What was written since the last delivery, and what was delivered before."""

    store: Store
    old: list[Record] = field(default_factory=list)
    _failed: list[Record] = field(default_factory=list)
    _taken: dict[Place, Any] = field(default_factory=dict)

    def images(self) -> dict[Place, Any]:
        """What the evaluator is for, as it is now."""
        return _written(self.store)

    def wakes_since(self, before: Mapping[Place, Any]) -> bool:
        """Whether something was written since that lets a balance be looked at."""
        return any(
            WATCH_MARK in image or image.get("moved", {}).get("L")
            for place, image in self.images().items()
            if before.get(place) != image
        )

    def take(self) -> list[Record]:
        """What failed, and the records of all that was written since."""
        new = [one for one in records(self.store) if self._taken.get(_place(one)) != _image(one)]
        self._taken |= {_place(one): _image(one) for one in new}
        self.old += new
        failed, self._failed = self._failed, []
        return failed + new

    def put_back(self, some: Iterable[Record]) -> None:
        """Let records come again with the next delivery."""
        self._failed += some


def alerts(api: Api, **query: Any) -> list[dict[str, Any]]:
    """All alerts, oldest first."""
    reply = api.get("/v1/alerts/", limit=100, **query)
    assert reply.status == 200, reply.text
    items: list[dict[str, Any]] = reply.body["items"]
    return items[::-1]


def outbox(store: Store) -> list[Item]:
    """What webhooks are to tell, in the order in which it was written."""
    found = [item for item in scan(store) if "outbox" in item]
    return sorted(found, key=lambda item: str(item["created_at"]))


def _written(store: Store) -> dict[Place, Any]:
    return {_place(one): _image(one) for one in records(store)}


def _place(one: Record) -> Place:
    image = one["dynamodb"]["NewImage"]
    return image[keys.PARTITION]["S"], image[keys.SORT]["S"]


def _image(one: Record) -> Any:
    return one["dynamodb"]["NewImage"]
