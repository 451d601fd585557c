"""Rollouts at work: the balances of a meter whose thresholds were changed, some at a time."""

from __future__ import annotations

from itertools import islice

from aureon.alerts.evaluation import evaluate
from aureon.alerts.telling import Telling
from aureon.core import times
from aureon.meters import rollouts
from aureon.meters.rollouts import Rollout
from aureon.storage import keys
from aureon.storage.store import ConditionFailed, Item, OrganizationStore, Store


def go_on(telling: Telling, record: Rollout) -> None:
    """Look at the next balances of a rollout, if it is where a record of the stream has it.

    Raises `Unavailable` where time, or luck, ran out: nothing is told twice then.
    """
    store = telling.store
    item = store.get(store.keys.rollout(record.meter_id))
    if item is None:
        return
    rollout = Rollout.from_item(item)
    if rollout.step != record.step:
        return
    partition = store.keys.holder_directory(rollout.meter_id, rollout.slice)
    after = None if rollout.after is None else dict(rollout.after)
    entries = list(islice(store.query_index(partition, after=after), rollouts.CHUNK))
    # Among them some of an earlier generation: there is nothing to look at then.
    holders = [entry[keys.DIRECTORY_SORT] for entry in entries]
    for customer_id in owners(store, holders).values():
        evaluate(telling, customer_id, rollout.meter_id, rollout.generation)
    full = len(entries) == rollouts.CHUNK
    place = (rollout.slice, entries[-1]) if full else (rollout.slice + 1, None)
    _keep(store, rollout, rollout.moved(*place))


def _keep(store: OrganizationStore, before: Rollout, after: Rollout) -> None:
    write = rollouts.keep(store.keys, before, after, times.now())
    try:
        store.write(write)
    except ConditionFailed:
        # Somebody else has come as far, or the thresholds were changed again.
        return


def owners(store: OrganizationStore, ledger_ids: list[str]) -> dict[str, str]:
    """The living customers whose ledgers these are, by ledger; those of ghosts are nobody's."""
    wanted = {ledger_id: store.keys.customer(ledger_id) for ledger_id in ledger_ids}
    items = store.batch_get(wanted.values())
    found: dict[str, str] = {}
    for ledger_id, key in wanted.items():
        item: Item = items.get(key, {})
        owner = item.get("linked_to", item.get("id"))
        if owner is not None:
            found[ledger_id] = owner
    return found


def resume(store: Store) -> int:
    """Begin the last rounds that are due: returns how many. To be called by the sweep."""
    resumed = 0
    now = times.to_text(times.now())
    for entry in store.query_index(keys.rollouts(), before=keys.beyond(now)):
        if not store.has_time():
            break
        organization_id = keys.organization_of(entry[keys.PARTITION])
        own = store.of(organization_id)
        item = own.get(keys.Key(entry[keys.PARTITION], entry[keys.SORT]))
        if item is None:
            continue
        try:
            own.write(rollouts.resume(own.keys, Rollout.from_item(item)))
        except ConditionFailed:
            continue
        resumed += 1
    return resumed
