"""The audit trail: who made, changed, granted, voided or revoked what, and when.

What is noted is written in the transaction of what it tells: one is there where the other is. Usage
is not noted: events, spends and holds have the log, and cost nothing more. Details name no person:
the trail outlives customers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import uuid_utils
from msgspec import Struct, field

from aureon.core import exact, times
from aureon.core.errors import TooLarge
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore, Write, put_new

Action = Literal[
    "token.created",
    "token.revoked",
    "meter.created",
    "meter.changed",
    "meter.archived",
    "meter.brought_back",
    "customer.created",
    "customer.changed",
    "customer.deleted",
    "organization.changed",
    "grant.created",
    "grant.voided",
    "event.refunded",
    "event.voided",
    "thresholds.changed",
    "webhook_endpoint.created",
    "webhook_endpoint.changed",
    "webhook_endpoint.secret_reset",
    "webhook_endpoint.deleted",
    "dead_letters.redriven",
    "dead_letter.discarded",
]
# A caller with the table itself: the command line, on AWS with its own credentials.
OPERATOR: Final = ("", "operator")
MEDIA_TYPE: Final = "text/csv; charset=utf-8"
COLUMNS: Final = ("id", "timestamp", "action", "subject_id", "token_id", "token_name", "details")
# How many beyond a page are looked at to say how many there are.
MAX_COUNTED: Final = 1_000
MAX_CHARACTERS: Final = 30_000_000


class Activity(NamedTuple):
    """What somebody did: to which thing, by its id, and with which token."""

    id: str
    timestamp: str
    action: str
    subject_id: str
    token_id: str
    token_name: str
    details: Mapping[str, Any]

    @classmethod
    def from_item(cls, item: Item) -> Activity:
        timestamp, activity_id = item[keys.SORT].split(keys.SEPARATOR)
        return cls(
            activity_id,
            timestamp,
            item["action"],
            item["subject_id"],
            item["token_id"],
            item["token_name"],
            exact.from_stored(item["details"]),
        )


class Chosen(Struct, frozen=True):
    """Which activities are asked for: those that nothing here excludes."""

    actions: Collection[str] = ()
    token_ids: Collection[str] = ()
    subject_ids: Collection[str] = ()
    start: datetime | None = None
    end: datetime | None = field(default=None)

    def __contains__(self, found: Activity) -> bool:
        return (
            (not self.actions or found.action in self.actions)
            and (not self.token_ids or found.token_id in self.token_ids)
            and (not self.subject_ids or found.subject_id in self.subject_ids)
        )


def noted(
    store: OrganizationStore,
    action: Action,
    subject_id: str,
    **details: str | int | bool | Decimal | Collection[str] | None,
) -> Write:
    """What is to be written beside what was done. Again with the same write, it is there once."""
    token_id, token_name = store.actor or OPERATOR
    known = {
        name: ", ".join(value) if isinstance(value, list | tuple) else value
        for name, value in details.items()
        if value is not None
    }
    item = {
        "action": action,
        "subject_id": subject_id,
        "token_id": token_id,
        "token_name": token_name,
        "details": exact.to_stored(known),
    }
    key = store.keys.activity(times.to_text(times.now()), str(uuid_utils.uuid7()))
    return put_new(key, item)


def find(store: OrganizationStore, chosen: Chosen, part: slice) -> tuple[list[Activity], int]:
    """A part of the activities, the newest first, and how many there are.

    They are counted up to `MAX_COUNTED` beyond the part.
    """
    found: list[Activity] = []
    total = 0
    for number, one in enumerate(_read(store, chosen)):
        if one in chosen:
            if part.start <= total < part.stop:
                found.append(one)
            total += 1
        if total > part.stop and number >= part.stop + MAX_COUNTED:
            break
    return found, total


def write(store: OrganizationStore, chosen: Chosen) -> bytes:
    """The activities as CSV, the newest first. Raises `TooLarge`."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for one in _read(store, chosen):
        if one in chosen:
            table.writerow((*one[:-1], exact.write(one.details).decode()))
            if text.tell() > MAX_CHARACTERS:
                raise TooLarge("Too many entries for one answer: ask for a shorter time.")
    return text.getvalue().encode()


def _read(store: OrganizationStore, chosen: Chosen) -> Iterator[Activity]:
    since = "0" if chosen.start is None else times.to_text(chosen.start)
    before = keys.PAGES_END if chosen.end is None else times.to_text(chosen.end)
    if since > before:
        return iter(())
    items = store.query(store.keys.activities(), since=since, before=before, newest_first=True)
    return map(Activity.from_item, items)
