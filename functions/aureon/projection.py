"""The projection: what is kept for looking at the log, and follows it by a moment.

It is made of the timeline, the names of events, and the quantities of meters. A page's
contribution to all of it is counted once: its entry in the timeline is put in the transaction that
adds to the rest, on the condition that there is none yet. So whatever is delivered repeatedly, in
another order, split or together with other pages changes nothing twice.

Everything is kept twice: for the page's ledger, and for the organization, in slices, so that pages
of different ledgers seldom meet at one item. And everything carries an epoch. While a rebuild makes
the next one, every page goes into both.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aureon import keys
from aureon.domain.contributions import (
    Addition,
    CellOf,
    Contribution,
    NameOf,
    Subject,
    ValueOf,
    of_page,
    of_past,
    parts,
    parts_needed,
)
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import Page
from aureon.domain.timeline import Entry
from aureon.errors import Unavailable
from aureon.store import (
    CONDITION_FAILED,
    MAX_TRANSACTION_ACTIONS,
    Item,
    Store,
    TransactionCancelled,
    Write,
    beats,
    put,
    put_new,
    update,
)
from aureon.versions import Versions

# Two scopes for each subject, and the mark of the page.
MAX_SUBJECTS: Final = (MAX_TRANSACTION_ACTIONS - 1) // 2
# How much of a ledger's past goes into one transaction: days of a meter, and values.
MAX_PAST_DAYS: Final = 40
MAX_PAST_PAGES: Final = 500
MAX_PAST_VALUES: Final = 5_000
MAX_ATTEMPTS: Final = 64
FIRST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.2
FIRST_EPOCH: Final = 1
# How far the past of a meter was projected once all of it was.
DONE: Final = keys.PAGES_END


class Logged(NamedTuple):
    """A page, and the ledger in whose log it stands."""

    ledger_id: str
    page: Page


class Epochs(NamedTuple):
    """Which epoch is read, and which is being built, if one is."""

    current: int = FIRST_EPOCH
    building: int | None = None

    @property
    def written(self) -> tuple[int, ...]:
        """The epochs that a page is projected into: the one that is read, the one being built."""
        return (self.current,) if self.building is None else (self.current, self.building)


def epochs(store: Store, organization_id: str) -> Epochs:
    """The epochs of an organization, as they are now. Raises `Unavailable`."""
    item = store.get(keys.projection(organization_id))
    if item is None:
        return Epochs()
    building = item.get("building")
    return Epochs(int(item["epoch"]), None if building is None else int(building))


def scopes() -> list[str]:
    """The slices of an organization's own scope."""
    return [str(slice_) for slice_ in range(keys.PROJECTION_SLICES)]


def slice_of(value: bytes) -> str:
    """The slice of an organization's scope that a value of a ``unique`` meter is in."""
    return str(value[0] % keys.PROJECTION_SLICES)


def project(store: Store, organization_id: str, pages: Sequence[Logged]) -> None:
    """Add pages to everything that is projected, each once. Raises `Unavailable`.

    Some may have been added then; they may all be projected again.
    """
    written = epochs(store, organization_id).written
    project_into(store, organization_id, written, pages, Versions(store, organization_id))


def project_into(
    store: Store,
    organization_id: str,
    written: Sequence[int],
    pages: Sequence[Logged],
    versions: Versions,
) -> None:
    """Add pages to these epochs. Raises `Unavailable`."""
    # A delivery may have a page twice, and a transaction no item.
    different = {(logged.ledger_id, logged.page.place): logged for logged in pages}.values()
    found = [
        (logged, of_page(logged.page, versions.at(logged.page.meter_version)))
        for logged in different
    ]
    for epoch in written:
        _Projector(store, organization_id, epoch).project(found)


def backfill(store: Store, organization_id: str, ledger_id: str, meter: Meter) -> bool:
    """Project what a meter makes of a ledger's past: of pages that are older than the meter.

    Returns whether all of it is projected now; if not, time ran out, and the next call goes on
    where this one stopped. Nobody may still be counting events with an older version of the
    meters. Raises `Unavailable`.
    """
    return all(
        backfill_into(store, organization_id, epoch, ledger_id, meter)
        for epoch in epochs(store, organization_id).written
    )


def backfill_into(
    store: Store, organization_id: str, epoch: int, ledger_id: str, meter: Meter
) -> bool:
    """Project a meter's past into one epoch, as `backfill` does."""
    return _Past(_Projector(store, organization_id, epoch), ledger_id, meter).project()


@dataclass(slots=True, eq=False)
class _Piece:
    """What must be added together with a mark that says so: to the items of a ledger's scope."""

    ledger_id: str
    mark: keys.Key
    item: Item
    additions: Mapping[Subject, Addition]


@dataclass(slots=True)
class _Fold:
    """The pieces of one transaction, and what they add, by item."""

    pieces: list[_Piece] = field(default_factory=list)
    additions: dict[keys.Key, Addition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Projector:
    """Adds to one epoch."""

    store: Store
    organization_id: str
    epoch: int

    def project(self, found: Sequence[tuple[Logged, Contribution]]) -> None:
        """Add pages, each with all that it contributes."""
        for logged, contribution in found:
            self.put_values(logged.ledger_id, contribution.values)
        first = [self._first(logged, contribution) for logged, contribution in found]
        there = {piece.mark for piece in self._commit(first)}
        marks = self.store.batch_get(there)
        further: list[_Piece] = []
        for piece, (logged, contribution) in zip(first, found, strict=True):
            item = marks.get(piece.mark, piece.item)
            further += self._further(logged, contribution, int(item.get("parts", 1)))
        self._commit(further)

    def put_values(self, ledger_id: str, values: set[ValueOf]) -> None:
        """Put values of ``unique`` meters: as often as one likes, so outside of transactions."""
        items: dict[keys.Key, Item] = {}
        for found in values:
            for scope in (ledger_id, slice_of(found.value)):
                partition = keys.distinct_values(
                    self.organization_id, self.epoch, scope, found.meter_id, found.generation
                )
                items[keys.Key(partition, keys.distinct_value(found.quarter, found.value))] = {}
        self.store.put_all(items)

    def key(self, scope: str, subject: Subject) -> keys.Key:
        """The item of a scope that a subject's additions go to."""
        match subject:
            case NameOf(source, name):
                return keys.name(self.organization_id, self.epoch, scope, source, name)
            case CellOf(meter_id, generation, day):
                partition = keys.quantities(
                    self.organization_id, self.epoch, scope, meter_id, generation
                )
                return keys.Key(partition, day)

    def write(self, additions: Mapping[keys.Key, Addition]) -> list[Write]:
        """The writes that add to items, which are read where that decides what there is to set."""
        extremes = [key for key, addition in additions.items() if addition.extremes]
        known = self.store.batch_get(extremes)
        writes = (_add(key, addition, known.get(key, {})) for key, addition in additions.items())
        return [write for write in writes if write is not None]

    def keyed(
        self, ledger_id: str, slice_: str, additions: Mapping[Subject, Addition]
    ) -> Iterator[tuple[keys.Key, Addition]]:
        for subject, addition in additions.items():
            for scope in (ledger_id, slice_):
                yield self.key(scope, subject), addition

    def _first(self, logged: Logged, contribution: Contribution) -> _Piece:
        """A page's entry in the timeline with all that it adds, or with a first part of it."""
        entry = Entry.of_page(*logged)
        additions: Mapping[Subject, Addition] = contribution.additions
        if len(additions) > MAX_SUBJECTS:
            entry = entry._replace(parts=parts_needed(additions, MAX_SUBJECTS))
            additions = parts(additions, entry.parts, 0)
        mark = keys.timeline_entry(
            self.organization_id, self.epoch, entry.latest, entry.ledger_id, entry.place
        )
        return _Piece(logged.ledger_id, mark, entry.to_item(), additions)

    def _further(self, logged: Logged, contribution: Contribution, count: int) -> Iterator[_Piece]:
        """The other parts of a page that its entry says to have several: each has its own mark."""
        for part in range(1, count):
            mark = keys.projected_part(
                self.organization_id, self.epoch, logged.ledger_id, logged.page.place, part
            )
            additions = parts(contribution.additions, count, part)
            yield _Piece(logged.ledger_id, mark, {}, additions)

    def _commit(self, pieces: Sequence[_Piece]) -> list[_Piece]:
        """Add pieces, as many in a transaction as fit; return those that were there already.

        Raises `Unavailable` where time, or luck, ran out.
        """
        pending = list(pieces)
        there: list[_Piece] = []
        failures = 0
        while pending:
            fold = self._fold(pending)
            marks = [put_new(piece.mark, piece.item) for piece in fold.pieces]
            try:
                self.store.transact([*marks, *self.write(fold.additions)])
            except TransactionCancelled as cancelled:
                seen = [
                    piece
                    for piece, reason in zip(fold.pieces, cancelled.reasons, strict=False)
                    if reason == CONDITION_FAILED
                ]
                there += seen
                pending = [piece for piece in pending if piece not in seen]
            except Unavailable:
                # If it was applied after all, the marks are there.
                if not self.store.has_time():
                    raise
            else:
                del pending[: len(fold.pieces)]
                failures = 0
                continue
            failures += 1
            _pause(failures)
        return there

    def _fold(self, pieces: Sequence[_Piece]) -> _Fold:
        fold = _Fold()
        slice_ = str(random.randrange(keys.PROJECTION_SLICES))
        for piece in pieces:
            keyed = list(self.keyed(piece.ledger_id, slice_, piece.additions))
            items = fold.additions.keys() | {key for key, _ in keyed}
            if len(fold.pieces) + 1 + len(items) > MAX_TRANSACTION_ACTIONS:
                break
            fold.pieces.append(piece)
            for key, addition in keyed:
                fold.additions.setdefault(key, Addition()).merge(addition)
        return fold


@dataclass(slots=True)
class _Past:
    """Projects what a meter makes of one ledger's past, a stretch of the log at a time.

    A stretch is counted once: its transaction moves the position in the log on.
    """

    projector: _Projector
    ledger_id: str
    meter: Meter

    def project(self) -> bool:
        failures = 0
        while self.projector.store.has_time():
            item = self.projector.store.get(self._key)
            position = "" if item is None else item["counted_to"]
            if position == DONE:
                return True
            try:
                if not self._project_from(position):
                    return True
            except TransactionCancelled:
                failures += 1
                _pause(failures)
            else:
                failures = 0
        return False

    @property
    def _key(self) -> keys.Key:
        return keys.projected_past(
            self.projector.organization_id,
            self.projector.epoch,
            self.ledger_id,
            self.meter.id,
            self.meter.generation,
        )

    def _project_from(self, position: str) -> bool:
        """Add the next stretch; or say that there is no past. Raises `TransactionCancelled` where
        somebody else was faster.
        """
        stretch, end = self._read(position)
        if not position and end == DONE and not stretch.additions and not stretch.values:
            return False
        self.projector.put_values(self.ledger_id, stretch.values)
        slice_ = str(random.randrange(keys.PROJECTION_SLICES))
        additions = dict(self.projector.keyed(self.ledger_id, slice_, stretch.additions))
        moved = {"counted_to": end}
        move = (
            put(self._key, moved, condition="counted_to = :before", values={":before": position})
            if position
            else put_new(self._key, moved)
        )
        self.projector.store.transact([move, *self.projector.write(additions)])
        return True

    def _read(self, position: str) -> tuple[Contribution, str]:
        """What the meter makes of the next stretch, and the sort key of its last page."""
        store, organization_id = self.projector.store, self.projector.organization_id
        meters = MeterSet.of(self.meter.since_version, [self.meter])
        stretch = Contribution()
        log = keys.log(organization_id, self.ledger_id)
        items = store.query(log, before=keys.PAGES_END, after=position or None, at_a_time=100)
        for read, item in enumerate(items, 1):
            if item["meter_version"] < self.meter.since_version:
                stretch.merge(of_past(Page.from_item(item), meters))
            if (
                len(stretch.additions) >= MAX_PAST_DAYS
                or len(stretch.values) >= MAX_PAST_VALUES
                or read == MAX_PAST_PAGES
            ):
                return stretch, item[keys.SORT]
        return stretch, DONE


def _add(key: keys.Key, addition: Addition, item: Item) -> Write | None:
    """Add to an item as it was read; None where nothing of it would change."""
    set_: dict[str, Any] = {}
    conditions = []
    for attribute, value in addition.greatest.items():
        if attribute not in item or value > item[attribute]:
            set_[attribute] = value
            conditions.append(beats(attribute, "<"))
    for attribute, value in addition.least.items():
        if attribute not in item or value < item[attribute]:
            set_[attribute] = value
            conditions.append(beats(attribute, ">"))
    expression = ""
    if set_:
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in set_)
    if addition.added:
        expression += " ADD " + ", ".join(f"#{name} :{name}" for name in addition.added)
    if not expression:
        return None
    values = {**set_, **addition.added}
    return update(
        key,
        expression,
        condition=" AND ".join(conditions) or None,
        names={f"#{name}": name for name in values},
        values={f":{name}": value for name, value in values.items()},
    )


def _pause(failures: int) -> None:
    if failures >= MAX_ATTEMPTS:
        raise Unavailable("Too many others write to what is projected.")
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**failures)
    time.sleep(random.uniform(0, longest))
