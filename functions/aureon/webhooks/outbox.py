"""The outbox: what webhooks are to tell, written in the transaction in which it came about.

An entry is read from the table's stream, which lets a delivery be sent to every endpoint that wants
its type. It is kept for `KEPT`, for deliveries that are tried again and for those that somebody
asks for. Its id is the webhook's: it is the same however often it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Self

import uuid_utils
from msgspec import Struct
from msgspec.structs import replace

from aureon.core import exact, times
from aureon.storage.expressions import absent, equals
from aureon.storage.keys import Key, Keys
from aureon.storage.store import Item, Write, put_new, update
from aureon.storage.table import DELETE_AFTER, OUTBOX_MARK
from aureon.webhooks.event_types import API_VERSION

KEPT: Final = timedelta(days=30)


class Entry(Struct, frozen=True):
    """A webhook, as every endpoint gets it: `payload` is the body that is signed and sent.

    `sequence` is its place among those about the customer; None where it is about none. `moved` are
    meters whose balances have moved without a write, for who reads the stream to look at.
    """

    id: str
    type: str
    created_at: datetime
    payload: str
    customer_id: str | None = None
    sequence: int | None = None
    moved: tuple[str, ...] = ()

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        sequence = item["sequence"]
        return cls(
            id=item["id"],
            type=item["type"],
            created_at=times.from_text(item["created_at"]),
            payload=item["payload"],
            customer_id=item["customer_id"],
            sequence=None if sequence is None else int(sequence),
            moved=tuple(item["moved"]),
        )

    def to_item(self) -> Item:
        return {
            OUTBOX_MARK: True,
            "id": self.id,
            "type": self.type,
            "created_at": times.to_text(self.created_at),
            "payload": self.payload,
            "customer_id": self.customer_id,
            "sequence": self.sequence,
            "moved": list(self.moved),
            DELETE_AFTER: int((self.created_at + KEPT).timestamp()),
        }

    def write(self, org_keys: Keys) -> Write:
        """Put it, once."""
        return put_new(org_keys.outbox(self.id), self.to_item())


def entry(
    type_: str,
    data: Any,
    now: datetime,
    *,
    id_: str | None = None,
    customer_id: str | None = None,
    sequence: int | None = None,
) -> Entry:
    """An entry under a new id, or one that stands for what it tells of."""
    payload: dict[str, Any] = {
        "type": type_,
        "timestamp": times.to_text(now),
        "api_version": API_VERSION,
        "data": data,
    }
    if sequence is not None:
        payload["sequence"] = sequence
    return Entry(
        id=id_ or str(uuid_utils.uuid7()),
        type=type_,
        created_at=now,
        payload=exact.write(payload).decode(),
        customer_id=customer_id,
        sequence=sequence,
    )


def about_customer(
    org_keys: Keys,
    customer_id: str,
    told: Sequence[tuple[str, Any]],
    now: datetime,
    items: Mapping[Key, Item],
    *,
    ids: Sequence[str | None] = (),
    moved: tuple[str, ...] = (),
) -> list[Write]:
    """Tell of a customer, each with its place in the customer's sequence.

    `told` are types and data, and `items` what was read: the customer's sequence, where it has one.
    """
    if not told:
        return []
    key = org_keys.sequence(customer_id)
    before = int(items[key]["number"]) if key in items else 0
    unmoved = equals("number", before) if key in items else absent("number")
    named = [*ids, *[None] * len(told)]
    entries = [
        entry(type_, data, now, id_=id_, customer_id=customer_id, sequence=before + place)
        for place, ((type_, data), id_) in enumerate(zip(told, named, strict=False), 1)
    ]
    return [
        update(key, {"number": before + len(told)}, condition=unmoved),
        *(replace(one, moved=moved).write(org_keys) for one in entries),
    ]
