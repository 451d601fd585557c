"""What comes about while nobody writes: holds expire, messages die, and rollouts have waited.

Called by the sweep, every few minutes. Each is told once, under an id that stands for it, however
often it is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from aureon.alerts import rollout
from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.domain.credits import Hold
from aureon.domain.customers import profile
from aureon.ledger import dead_letters, messages
from aureon.ledger.dead_letters import Which
from aureon.storage import keys
from aureon.storage.expressions import equals
from aureon.storage.keys import Key
from aureon.storage.queue import Queue, Record
from aureon.storage.store import (
    ConditionFailed,
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    Write,
    put_new,
    update,
)
from aureon.webhooks import dispatch, endpoints, event_types, outbox

Rendered = Callable[[Hold], Any]
# What is found in one go: the next sweep finds the rest.
MAX_HOLDS: Final = 1_000


class Found(NamedTuple):
    """How many holds had expired, dead letters were told of, and rollouts go on."""

    holds: int
    dead_letters: int
    rollouts: int


def sweep(store: Store, dead: Queue | None, render_hold: Rendered) -> Found:
    """Find what has come about by now, as far as there is time."""
    return Found(
        _holds(store, render_hold),
        0 if dead is None else _dead_letters(store, dead),
        rollout.resume(store),
    )


def _holds(store: Store, render: Rendered) -> int:
    found = 0
    now = times.to_text(times.now())
    for slice_ in range(keys.DIRECTORY_SLICES):
        for entry in store.query_index(keys.hold_expiries(slice_), before=keys.beyond(now)):
            if not store.has_time() or found >= MAX_HOLDS:
                return found
            with suppress(Unavailable):
                _expire(store, entry, render)
                found += 1
    return found


def _expire(store: Store, entry: Item, render: Rendered) -> None:
    """Tell of a hold that has expired, if it was neither captured nor released before."""
    own = store.of(keys.organization_of(entry[keys.PARTITION]))
    key = Key(entry[keys.PARTITION], entry[keys.SORT])
    outcome_key = Key(key.pk, own.keys.hold_outcome("").sk)
    items = own.batch_get([key, outcome_key])
    listed = items.get(key, {}).get(keys.DIRECTORY_SORT)
    if listed != entry[keys.DIRECTORY_SORT]:
        # It was extended: the index follows the table by a moment.
        return
    done = [
        update(
            key,
            removed=(keys.DIRECTORY_PARTITION, keys.DIRECTORY_SORT),
            condition=equals(keys.DIRECTORY_SORT, listed),
        )
    ]
    if outcome_key not in items:
        done += _told(own, Hold.from_item(items[key]), render)
    with suppress(TransactionCancelled):
        own.commit(done)


def _told(own: OrganizationStore, hold: Hold, render: Rendered) -> list[Write]:
    """The entry that tells of it, and that lets the balances be looked at. A ghost's is none."""
    owner = own.batch_get([own.keys.customer(hold.customer_id)]).get(
        own.keys.customer(hold.customer_id), {}
    )
    customer_id = owner.get("linked_to", hold.customer_id)
    id_ = dispatch.id_of("hold", own.organization_id, hold.id, times.to_text(hold.expires_at))
    wanted = [own.keys.customer(customer_id), own.keys.sequence(customer_id), own.keys.outbox(id_)]
    items = own.batch_get(wanted)
    if profile(items.get(wanted[0])) is None or wanted[2] in items:
        return []
    return outbox.about_customer(
        own.keys,
        customer_id,
        [(event_types.HOLD_EXPIRED, render(replace(hold, state="expired")))],
        times.now(),
        items,
        ids=[id_],
        moved=tuple(hold.units),
    )


def _dead_letters(store: Store, dead: Queue) -> int:
    """Tell the endpoints that want it of messages that failed for good."""
    told = 0
    wanted: dict[str, bool] = {}
    with suppress(Unavailable):
        for record in dead_letters.find(store, dead, Which()).records:
            told += tell_of_dead_letter(store, record, wanted)
    return told


def tell_of_dead_letter(store: Store, record: Record, wanted: dict[str, bool]) -> bool:
    """Tell of a dead letter, once, where its organization wants that: `wanted` remembers which."""
    organization_id = dead_letters.owner(record)
    if not organization_id:
        return False
    own = store.of(organization_id)
    if organization_id not in wanted:
        types = endpoints.wanted_types(own)
        wanted[organization_id] = event_types.DEAD_LETTER_CREATED in types
    return wanted[organization_id] and _tell_of(own, record)


def _tell_of(own: OrganizationStore, record: Record) -> bool:
    id_ = dispatch.id_of("dead_letter", own.organization_id, record["messageId"])
    if own.batch_get([own.keys.outbox(id_)]):
        return False
    data: Mapping[str, Any] = {
        "id": record["messageId"],
        "first_received_at": times.to_text(messages.sent_at(record)),
        "receive_count": int(record["attributes"]["ApproximateReceiveCount"]),
    }
    entry = outbox.entry(event_types.DEAD_LETTER_CREATED, data, times.now(), id_=id_)
    try:
        own.write(put_new(own.keys.outbox(id_), entry.to_item()))
    except ConditionFailed:
        return False
    return True
