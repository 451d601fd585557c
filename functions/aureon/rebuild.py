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
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Final, Literal, NamedTuple

from aureon import catalog, directory, keys, projection, times
from aureon.domain.meters import Meter
from aureon.domain.pages import Page
from aureon.errors import NotFound, Unavailable
from aureon.projection import Logged
from aureon.store import ConditionFailed, Item, Store, delete, put, put_new, put_over
from aureon.versions import Versions

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


class _Place(NamedTuple):
    """A part of the directory, and the last entry there that was visited."""

    partition: int = 0
    after: Item | None = None


@dataclass
class Rebuild:
    """Rebuilds what is projected of one organization.

    `patience` is how long it waits before it removes the old epoch, for those who still read it.
    `phase`, `ledgers` of about `total`, and `pages` tell how far it has come.
    """

    store: Store
    organization_id: str
    patience: timedelta = times.LONGEST_HANDLER
    phase: Phase = "building"
    total: int = 0
    ledgers: int = 0
    pages: int = 0
    _place: _Place = field(default_factory=_Place)

    def run(self) -> Iterator[None]:
        """Rebuild, or finish what an earlier one began; comes back after every visit.

        Raises `NotFound` where there is no such organization, and `Unavailable` where the database
        is too busy: the next goes on.
        """
        if self.store.get(keys.organization(self.organization_id)) is None:
            raise NotFound(f"There is no organization {self.organization_id}.")
        parts = directory.partitions(self.organization_id)
        self.total = sum(self.store.count_index(part) for part in parts)
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
        """Let whoever projects write into the next epoch too, from now on."""
        if state.building is None:
            state = self._move(state, state._replace(building=state.epoch + 1))
        time.sleep(INDEX_SECONDS)
        return state

    def _build(self, state: _State) -> Iterator[None]:
        epoch = state.building or 0
        meters = {meter.id: meter for meter in catalog.read_all(self.store, self.organization_id)}
        versions = Versions(self.store, self.organization_id)
        for ledger_ids in self._ledgers("building", epoch):
            for ledger_id in ledger_ids:
                self._build_ledger(epoch, ledger_id, meters, versions)
            yield

    def _build_ledger(
        self, epoch: int, ledger_id: str, meters: dict[str, Meter], versions: Versions
    ) -> None:
        log = keys.log(self.organization_id, ledger_id)
        items = self.store.query(log, before=keys.PAGES_END)
        while some := list(islice(items, PAGES)):
            logged = [Logged(ledger_id, Page.from_item(item)) for item in some]
            projection.project_into(self.store, self.organization_id, [epoch], logged, versions)
            self.pages += len(some)
        for about, item in self._balances(ledger_id):
            meter = meters.get(about.meter_id)
            # What a backfill has not come to yet, it will project into both.
            if "counted_to" in item and meter and meter.generation == about.generation:
                self._build_past(epoch, ledger_id, meter)

    def _build_past(self, epoch: int, ledger_id: str, meter: Meter) -> None:
        if not projection.backfill_into(self.store, self.organization_id, epoch, ledger_id, meter):
            raise Unavailable("There was not enough time left.")

    def _balances(self, ledger_id: str) -> Iterator[tuple[keys.BalanceKey, Item]]:
        """The balances of a ledger: of no other meters is anything projected."""
        partition = keys.customer(self.organization_id, ledger_id).pk
        for item in self.store.query(partition, prefix=keys.BALANCE_PREFIX):
            yield keys.parse_balance(item[keys.SORT]), item

    # Removing.

    def _switch(self, state: _State) -> _State:
        """Let readers go over to the epoch that was built."""
        built = _State(state.building or 0, removing=state.epoch)
        return self._move(state, built)

    def _remove(self, state: _State) -> Iterator[None]:
        epoch = state.removing or 0
        for ledger_ids in self._ledgers("removing", epoch):
            for ledger_id in ledger_ids:
                self._remove_scope(epoch, ledger_id, self._meters_of(ledger_id))
                for partition in (
                    keys.projected_parts(self.organization_id, epoch, ledger_id),
                    keys.projected_pasts(self.organization_id, epoch, ledger_id),
                ):
                    self._remove_partition(partition)
            yield
        everyones = [
            (meter.id, generation)
            for meter in catalog.read_all(self.store, self.organization_id)
            for generation in range(1, meter.generation + 1)
        ]
        for slice_, scope in enumerate(projection.scopes()):
            self._remove_scope(epoch, scope, everyones)
            self._remove_partition(keys.timeline(self.organization_id, epoch, slice_))
            yield
        self._move(state, state._replace(removing=None))
        self.store.write(delete(keys.rebuild(self.organization_id)))

    def _meters_of(self, ledger_id: str) -> Sequence[tuple[str, int]]:
        balances = self._balances(ledger_id)
        return list(dict.fromkeys((about.meter_id, about.generation) for about, _ in balances))

    def _remove_scope(self, epoch: int, scope: str, meters: Sequence[tuple[str, int]]) -> None:
        self._remove_partition(keys.names(self.organization_id, epoch, scope))
        for meter_id, generation in meters:
            for partition in (keys.quantities, keys.distinct_values):
                self._remove_partition(
                    partition(self.organization_id, epoch, scope, meter_id, generation)
                )

    def _remove_partition(self, partition: str) -> None:
        items = self.store.query(partition)
        while some := [
            keys.Key(item[keys.PARTITION], item[keys.SORT]) for item in islice(items, ITEMS)
        ]:
            self.store.delete_all(some)

    # How far it has come.

    def _ledgers(self, phase: Phase, epoch: int) -> Iterator[Sequence[str]]:
        """The ledgers of each customer and ghost, from where the last rebuild stopped.

        Whoever asks for the next is done with the one before.
        """
        self.phase = phase
        self._take_up(phase, epoch)
        partitions = directory.partitions(self.organization_id)
        while self._place.partition < len(partitions):
            partition = partitions[self._place.partition]
            entries = self.store.query_index(partition, after=self._place.after)
            while some := list(islice(entries, directory.CHUNK)):
                for listed in directory.look_up(self.store, some):
                    yield listed.ledger_ids
                    self.ledgers += 1
                self._keep(phase, epoch, self._place._replace(after=some[-1]))
            self._keep(phase, epoch, _Place(self._place.partition + 1))

    def _take_up(self, phase: Phase, epoch: int) -> None:
        item = self.store.get(keys.rebuild(self.organization_id))
        if item is None or (item["phase"], int(item["epoch"])) != (phase, epoch):
            self._place, self.ledgers = _Place(), 0
            return
        self._place = _Place(int(item["partition"]), item["after"])
        self.ledgers, self.pages = int(item["ledgers"]), int(item["pages"])

    def _keep(self, phase: Phase, epoch: int, place: _Place) -> None:
        self._place = place
        item = {
            "phase": phase,
            "epoch": epoch,
            "partition": place.partition,
            "after": place.after,
            "ledgers": self.ledgers,
            "pages": self.pages,
        }
        self.store.write(put_over(keys.rebuild(self.organization_id), item))

    def _read(self) -> _State:
        item = self.store.get(keys.projection(self.organization_id))
        if item is None:
            return _State(projection.FIRST_EPOCH)
        named = {name: int(item[name]) for name in _State._fields if name in item}
        return _State(**named)

    def _move(self, before: _State, after: _State) -> _State:
        """Put the projection's item, where it is as it was read. Raises `Unavailable`."""
        key = keys.projection(self.organization_id)
        if self.store.get(key) is None:
            write = put_new(key, after.to_item())
        else:
            write = put(
                key,
                after.to_item(),
                condition=" AND ".join(
                    f"{name} = :{name}" if value is not None else f"attribute_not_exists({name})"
                    for name, value in before._asdict().items()
                ),
                values={f":{name}": value for name, value in before.to_item().items()},
            )
        try:
            self.store.write(write)
        except ConditionFailed as error:
            if self._read() != after:
                raise Unavailable("Another rebuild is under way.") from error
        return after
