"""Reading quantities: from what is projected; from the log where metadata decide.

Intervals are made of quarters of an hour. Where clocks were once set otherwise, an interval has a
part of a quarter: its events are read from the log too.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from aureon.core import times
from aureon.domain.meters import Match, Meter, MeterSet
from aureon.projection import contributions, projector
from aureon.projection.contributions import QUARTER
from aureon.reads import events
from aureon.reads.quantity_series import Quantities
from aureon.reads.selection import Found, Selection
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore

# When a value was met, to the quarter of an hour or better, and its hash.
_Value = tuple[datetime, str]


def read(
    store: OrganizationStore,
    meter: Meter,
    boundaries: Sequence[datetime],
    *,
    ledger_ids: Collection[str] | None,
    metadata: Mapping[str, Sequence[str]],
) -> Quantities:
    """A meter's quantities between boundaries: of some ledgers, of all where there is None.

    They follow ingestion by a moment; with a filter by metadata, those of ledgers are exact now.
    Raises `TooManyValues`.
    """
    return _Reader(store, meter, ledger_ids).read(boundaries, metadata)


class _Reader(Struct, frozen=True):
    store: OrganizationStore
    meter: Meter
    ledger_ids: Collection[str] | None

    def read(
        self, boundaries: Sequence[datetime], metadata: Mapping[str, Sequence[str]]
    ) -> Quantities:
        found = Quantities(self.meter.aggregation.func, boundaries)
        if metadata:
            wanted = [Selection(boundaries[0], boundaries[-1], metadata=metadata)]
        else:
            wanted = [Selection(quarter, quarter + QUARTER) for quarter in sorted(found.divided)]
        logged = (each for each in self._logged(wanted) if found.has(each[0]))
        if self.meter.aggregation.func == "unique":
            self._add_values(found, logged, projected=not metadata)
            return found
        for moment, match in logged:
            found.add_match(moment, match)
        if not metadata:
            self._add_figures(found)
        return found

    def _logged(self, wanted: Iterable[Selection]) -> Iterator[tuple[datetime, Match]]:
        """The events that the meter counts, in the order of time."""
        # It counts what came before it too, and nothing that came once it was archived.
        meters = MeterSet(self.meter.since_version, [replace(self.meter, archived_version=None)])
        archived_version = self.meter.archived_version
        for selection in wanted:
            for found in self._events(selection):
                if archived_version is not None and found.meter_version >= archived_version:
                    continue
                if selection.has(found):
                    for match in meters.match(found.event.to_event()):
                        yield times.from_text(found.event.timestamp), match

    def _events(self, selection: Selection) -> Iterator[Found]:
        if self.ledger_ids is None:
            return events.of_everyone(self.store, selection, oldest_first=True)
        return events.of_ledgers(self.store, selection, self.ledger_ids, oldest_first=True)

    def _add_figures(self, found: Quantities) -> None:
        """Add what is projected, but for quarters that are divided: those were read."""
        epoch = projector.epochs(self.store).current
        for scope in projector.scopes() if self.ledger_ids is None else self.ledger_ids:
            partition = self.store.keys.quantities(
                epoch, scope, self.meter.id, self.meter.generation
            )
            for item in self._projected(found, partition):
                day = datetime.fromisoformat(item[keys.SORT]).replace(tzinfo=UTC)
                for quarter, figures in contributions.quarters(item, day):
                    if found.has(quarter) and quarter not in found.divided:
                        found.add(quarter, figures)

    def _add_values(
        self, found: Quantities, logged: Iterable[tuple[datetime, Match]], *, projected: bool
    ) -> None:
        """Add the values of a ``unique`` meter, in groups that have none in common."""
        read: dict[str, list[_Value]] = {slice_: [] for slice_ in projector.scopes()}
        for moment, match in logged:
            if isinstance(match.value, bytes):
                slice_ = projector.slice_of(match.value)
                read[slice_].append((moment, match.value.hex()))
        if not projected:
            for values in read.values():
                found.add_values(values)
        elif self.ledger_ids is None:
            for slice_, values in read.items():
                found.add_values(heapq.merge(values, self._values(found, slice_)))
        else:
            theirs = (self._values(found, ledger_id) for ledger_id in self.ledger_ids)
            found.add_values(heapq.merge(*read.values(), *theirs))

    def _values(self, found: Quantities, scope: str) -> Iterator[_Value]:
        """The values that are projected, but for quarters that are divided, in order."""
        epoch = projector.epochs(self.store).current
        partition = self.store.keys.distinct_values(
            epoch, scope, self.meter.id, self.meter.generation
        )
        for item in self._projected(found, partition):
            text, value = keys.parse_distinct_value(item[keys.SORT])
            quarter = datetime.fromisoformat(text).replace(tzinfo=UTC)
            if found.has(quarter) and quarter not in found.divided:
                yield quarter, value

    def _projected(self, found: Quantities, partition: str) -> Iterator[Item]:
        first, last = found.days
        return self.store.query(partition, since=first, before=keys.beyond(last))
