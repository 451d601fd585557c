"""The rebuild: makes all that is projected anew from the log, while events arrive.

It builds the next epoch beside the one that is read. From its beginning on, whatever is projected
goes into both; so what came before it is for the rebuild, what comes after it for the projector,
and what both meet counts once, by the same marks. When every ledger has been visited, readers go
over to the new epoch, and the old one is removed, once nobody can be reading it any more.

How far it has come is kept: another rebuild goes on where one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from aureon.core import times
from aureon.core.errors import NotFound, Unavailable
from aureon.domain.meters import Meter
from aureon.domain.pages import Page
from aureon.meters import backfills, catalog
from aureon.meters.versions import Versions
from aureon.projection import projector
from aureon.projection.projector import Logged
from aureon.storage import directory, keys
from aureon.storage.expressions import absent, all_of, equals
from aureon.storage.store import (
    ConditionFailed,
    Item,
    OrganizationStore,
    delete,
    put,
    put_new,
    put_over,
)

# Pages that are projected, and items that are removed, at a time.
PAGES: Final = 25
ITEMS: Final = 100
# The directory is an index, and behind the table by less.
INDEX_SECONDS: Final = 2.0
Phase = Literal["building", "removing"]


class _State(NamedTuple):
    """What stands in the projection's own item, and how far a rebuild has come with it."""

    epoch: int
    building: int | None = None
    removing: int | None = None

    def to_item(self) -> Item:
        return {name: value for name, value in self._asdict().items() if value is not None}


class Rebuild(Struct):
    """Rebuilds what is projected of one organization.

    `patience` is how long it waits before it removes the old epoch, for those who still read it.
    `phase`, `ledgers` of about `total`, and `pages` tell how far it has come.
    """

    store: OrganizationStore
    patience: timedelta = times.LONGEST_HANDLER
    phase: Phase = "building"
    total: int = 0
    ledgers: int = 0
    pages: int = 0

    def run(self) -> Iterator[None]:
        """Rebuild, or finish what an earlier one began; comes back after every visit.

        Raises `NotFound` where there is no such organization, and `Unavailable` where the database
        is too busy: the next goes on.
        """
        if self.store.get(self.store.keys.organization()) is None:
            raise NotFound(f"There is no organization {self.store.organization_id}.")
        self.total = directory.count(self.store)
        state = self._read()
        if state.removing is None:
            state = self._begin(state)
            yield from self._build(state)
            state = self._switch(state)
            yield
            time.sleep(self.patience.total_seconds())
        yield from self._remove(state)

    # Building.

    def _begin(self, state: _State) -> _State:
        """Let projectors write into the next epoch too, from now on."""
        if state.building is None:
            state = self._move(state, state._replace(building=state.epoch + 1))
        time.sleep(INDEX_SECONDS)
        return state

    def _build(self, state: _State) -> Iterator[None]:
        epoch = state.building or 0
        meters = {meter.id: meter for meter in catalog.read_all(self.store)}
        versions = Versions(self.store)
        for ledger_ids in self._ledgers("building", epoch):
            for ledger_id in ledger_ids:
                self._build_ledger(epoch, ledger_id, meters, versions)
            yield

    def _build_ledger(
        self, epoch: int, ledger_id: str, meters: dict[str, Meter], versions: Versions
    ) -> None:
        log = self.store.keys.log(ledger_id)
        items = self.store.query(log, before=keys.PAGES_END)
        while some := list(islice(items, PAGES)):
            logged = [Logged(ledger_id, Page.from_item(item)) for item in some]
            projector.project_into(self.store, [epoch], logged, versions)
            self.pages += len(some)
        for about, item in self._balances(ledger_id):
            meter = meters.get(about.meter_id)
            # What a backfill has not come to yet, it will project into both.
            if "counted_to" in item and meter and meter.generation == about.generation:
                self._build_past(epoch, ledger_id, meter)
        for meter in meters.values():
            if meter.group_by and not backfills.waiting_for_breakdowns(meter):
                self._build_breakdowns_past(epoch, ledger_id, meter)

    def _build_past(self, epoch: int, ledger_id: str, meter: Meter) -> None:
        if not projector.backfill_into(self.store, epoch, ledger_id, meter):
            raise Unavailable("There was not enough time left.")

    def _build_breakdowns_past(self, epoch: int, ledger_id: str, meter: Meter) -> None:
        """Project it whether or not the backfill has come to the ledger: it counts once."""
        if not projector.backfill_breakdowns_into(self.store, epoch, ledger_id, meter):
            raise Unavailable("There was not enough time left.")

    def _balances(self, ledger_id: str) -> Iterator[tuple[keys.BalanceKey, Item]]:
        """The balances of a ledger: of no other meters is anything projected."""
        partition = self.store.keys.customer(ledger_id).pk
        for item in self.store.query(partition, prefix=keys.BALANCE_PREFIX):
            yield keys.parse_balance(item[keys.SORT]), item

    # Removing.

    def _switch(self, state: _State) -> _State:
        """Let readers go over to the epoch that was built."""
        built = _State(state.building or 0, removing=state.epoch)
        return self._move(state, built)

    def _remove(self, state: _State) -> Iterator[None]:
        epoch = state.removing or 0
        grouped = [
            (meter.id, grouping)
            for meter in catalog.read_all(self.store)
            for grouping in range(1, meter.grouping + 1)
        ]
        for ledger_ids in self._ledgers("removing", epoch):
            for ledger_id in ledger_ids:
                self._remove_scope(epoch, ledger_id, self._meters_of(ledger_id), grouped)
                for partition in (
                    self.store.keys.projected_parts(epoch, ledger_id),
                    self.store.keys.projected_pasts(epoch, ledger_id),
                ):
                    self._remove_partition(partition)
            yield
        everyones = [
            (meter.id, generation)
            for meter in catalog.read_all(self.store)
            for generation in range(1, meter.generation + 1)
        ]
        for slice_, scope in enumerate(projector.scopes()):
            self._remove_scope(epoch, scope, everyones, grouped)
            self._remove_partition(self.store.keys.timeline(epoch, slice_))
            yield
        self._move(state, state._replace(removing=None))
        self.store.write(delete(self.store.keys.rebuild()))

    def _meters_of(self, ledger_id: str) -> Sequence[tuple[str, int]]:
        balances = self._balances(ledger_id)
        return list(dict.fromkeys((about.meter_id, about.generation) for about, _ in balances))

    def _remove_scope(
        self,
        epoch: int,
        scope: str,
        meters: Sequence[tuple[str, int]],
        grouped: Sequence[tuple[str, int]],
    ) -> None:
        self._remove_partition(self.store.keys.names(epoch, scope))
        for meter_id, grouping in grouped:
            self._remove_partition(self.store.keys.breakdown(epoch, scope, meter_id, grouping))
        for meter_id, generation in meters:
            for partition in (self.store.keys.quantities, self.store.keys.distinct_values):
                self._remove_partition(partition(epoch, scope, meter_id, generation))

    def _remove_partition(self, partition: str) -> None:
        items = self.store.query(partition)
        while some := [
            keys.Key(item[keys.PARTITION], item[keys.SORT]) for item in islice(items, ITEMS)
        ]:
            self.store.delete_all(some)

    # How far it has come.

    def _ledgers(self, phase: Phase, epoch: int) -> Iterator[Sequence[str]]:
        """The ledgers of each customer and ghost, from where the last rebuild stopped.

        A caller that asks for the next is done with the one before.
        """
        self.phase = phase
        for step in directory.walk(self.store, self._resume(phase, epoch)):
            if step.listed is not None:
                yield step.listed.ledger_ids
                self.ledgers += 1
            if step.landmark:
                self._keep(phase, epoch, step.place)

    def _resume(self, phase: Phase, epoch: int) -> directory.DirectoryPosition:
        item = self.store.get(self.store.keys.rebuild())
        if item is None or (item["phase"], int(item["epoch"])) != (phase, epoch):
            self.ledgers = 0
            return directory.BEGINNING
        self.ledgers, self.pages = int(item["ledgers"]), int(item["pages"])
        return directory.DirectoryPosition(int(item["partition"]), item["after"])

    def _keep(self, phase: Phase, epoch: int, place: directory.DirectoryPosition) -> None:
        item = {
            "phase": phase,
            "epoch": epoch,
            "partition": place.partition,
            "after": place.after,
            "ledgers": self.ledgers,
            "pages": self.pages,
        }
        self.store.write(put_over(self.store.keys.rebuild(), item))

    def _read(self) -> _State:
        item = self.store.get(self.store.keys.projection())
        if item is None:
            return _State(projector.FIRST_EPOCH)
        named = {name: int(item[name]) for name in _State._fields if name in item}
        return _State(**named)

    def _move(self, before: _State, after: _State) -> _State:
        """Put the projection's item, where it is as it was read. Raises `Unavailable`."""
        key = self.store.keys.projection()
        if self.store.get(key) is None:
            write = put_new(key, after.to_item())
        else:
            write = put(
                key,
                after.to_item(),
                all_of(
                    *(
                        absent(name) if value is None else equals(name, value)
                        for name, value in before._asdict().items()
                    )
                ),
            )
        try:
            self.store.write(write)
        except ConditionFailed as error:
            if self._read() != after:
                raise Unavailable("Another rebuild is under way.") from error
        return after
