"""The projection: the read models of the log, which follow it by a moment.

They are made of the timeline, the names of events, and the quantities of meters. A page's
contribution to all of them is counted once: its entry in the timeline is added in the transaction
that adds to the rest, on the condition that it is not there yet. So what is delivered repeatedly,
in another order, split or together with other pages changes nothing twice. A page names the block
that its entry is in, so pages that are projected together are marked by few writes.

Everything is kept twice: for the page's ledger, and for the organization, in slices, so that pages
of different ledgers seldom meet at one item. And everything carries an epoch. While a rebuild makes
the next one, every page goes into both.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from msgspec import Struct, field

from aureon.core.errors import Unavailable
from aureon.core.retry import Backoff
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import Page
from aureon.meters.versions import Versions
from aureon.projection.contributions import (
    Addition,
    BreakdownDayKey,
    BreakdownPast,
    BreakdownValueKey,
    Contribution,
    Distinct,
    EventNameKey,
    MeterDayKey,
    Subject,
    of_page,
    of_past,
    parts,
    parts_needed,
)
from aureon.projection.rosters import EVERYONE, Rosters, digest
from aureon.projection.timeline import Entry, parts_of
from aureon.storage import keys
from aureon.storage.expressions import Condition, above, absent, all_of, below, equals
from aureon.storage.limits import MAX_TRANSACTION_ACTIONS
from aureon.storage.store import (
    CONDITION_FAILED,
    Item,
    OrganizationStore,
    TransactionCancelled,
    Write,
    put,
    put_new,
    update,
)

# Two scopes for each subject, and the block with the mark of the page.
MAX_SUBJECTS: Final = (MAX_TRANSACTION_ACTIONS - 1) // 2
# How much of a ledger's past goes into one transaction: days of a meter, and values.
MAX_PAST_DAYS: Final = 40
# A page with more of them is a stretch by itself: with what may be there already, it would not fit.
MAX_PAST_SUBJECTS: Final = MAX_SUBJECTS - MAX_PAST_DAYS
MAX_PAST_PAGES: Final = 500
MAX_PAST_VALUES: Final = 5_000
# So many marks of one item are tested at once, though a block may happen to have more: DynamoDB
# takes 4 KB of a condition.
MAX_MARKS: Final = 90
MAX_ATTEMPTS: Final = 64
BACKOFF: Final = Backoff(first_seconds=0.01, longest_seconds=0.2)
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


def epochs(store: OrganizationStore) -> Epochs:
    """The epochs of an organization, as they are now. Raises `Unavailable`."""
    item = store.get(store.keys.projection())
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


def project(store: OrganizationStore, pages: Sequence[Logged]) -> None:
    """Add pages to everything that is projected, each once. Raises `Unavailable`.

    Some may have been added then; they may all be projected again.
    """
    written = epochs(store).written
    project_into(store, written, pages, Versions(store))


def project_into(
    store: OrganizationStore,
    written: Sequence[int],
    pages: Sequence[Logged],
    versions: Versions,
) -> None:
    """Add pages to these epochs. Raises `Unavailable`."""
    # A delivery may have a page twice, and a transaction no item.
    different = {(logged.ledger_id, logged.page.place): logged for logged in pages}.values()
    found = [
        (
            logged,
            of_page(logged.page, versions.at(logged.page.meter_version), logged.ledger_id),
        )
        for logged in different
    ]
    for epoch in written:
        _Projector.of(store, epoch).project(found)


def backfill(store: OrganizationStore, ledger_id: str, meter: Meter) -> bool:
    """Project what a meter makes of a ledger's past: of pages that are older than the meter.

    Returns whether all of it is projected now; if not, time ran out, and the next call goes on
    where this one stopped. Nobody may still be counting events with an older version of the
    meters. Raises `Unavailable`.
    """
    return all(backfill_into(store, epoch, ledger_id, meter) for epoch in epochs(store).written)


def backfill_into(store: OrganizationStore, epoch: int, ledger_id: str, meter: Meter) -> bool:
    """Project a meter's past into one epoch, as `backfill` does."""
    key = store.keys.projected_past(epoch, ledger_id, meter.id, meter.generation)
    return _Past(_Projector.of(store, epoch), ledger_id, key, _past_of(meter)).project()


def backfill_breakdowns(store: OrganizationStore, ledger_id: str, meter: Meter) -> bool:
    """Project the past of a meter's breakdowns, as `backfill` does that of the meter."""
    return all(
        backfill_breakdowns_into(store, epoch, ledger_id, meter) for epoch in epochs(store).written
    )


def backfill_breakdowns_into(
    store: OrganizationStore, epoch: int, ledger_id: str, meter: Meter
) -> bool:
    """Project the past of a meter's breakdowns into one epoch."""
    past = BreakdownPast(meter)

    def of_item(item: Item) -> Contribution:
        if not past.has(int(item["meter_version"])):
            return Contribution()
        return past.of_page(Page.from_item(item), ledger_id)

    key = store.keys.breakdown_past(epoch, ledger_id, meter.id, meter.grouping)
    return _Past(_Projector.of(store, epoch), ledger_id, key, of_item).project()


def _past_of(meter: Meter) -> Callable[[Item], Contribution]:
    """What the item of a page adds to a meter that is younger."""
    meters = MeterSet.of(0, [meter])

    def of_item(item: Item) -> Contribution:
        if item["meter_version"] >= meter.since_version:
            return Contribution()
        return of_past(Page.from_item(item), meters)

    return of_item


class Mark(NamedTuple):
    """An attribute of an item, which is there once something was added."""

    key: keys.Key
    attribute: str


def mark_of(store: OrganizationStore, epoch: int, logged: Logged) -> Mark:
    """The mark of a page: its entry in the timeline."""
    entry = Entry.of_page(*logged)
    block = store.keys.timeline_block(epoch, entry.minute, logged.page.block)
    return Mark(block, entry.attribute)


def mark_of_part(store: OrganizationStore, epoch: int, logged: Logged, part: int) -> Mark:
    """The mark of a further part, from 1, of a page that takes several transactions."""
    key = store.keys.projected_page(epoch, logged.ledger_id, logged.page.place)
    return Mark(key, str(part))


class _Piece(Struct, eq=False):
    """What must be added together with a mark that says so: to the items of a ledger's scope."""

    ledger_id: str
    mark: Mark
    value: str
    additions: Mapping[Subject, Addition]


class _Packed(Struct):
    """The pieces of one transaction, and what they add, by item; their marks, by item too."""

    pieces: list[_Piece] = field(default_factory=list)
    additions: dict[keys.Key, Addition] = field(default_factory=dict)
    marks: dict[keys.Key, dict[str, str]] = field(default_factory=dict)

    def takes(self, piece: _Piece, items: Iterable[keys.Key]) -> bool:
        """Whether a piece that adds to these items still fits."""
        marks = self.marks.keys() | {piece.mark.key}
        count = len(marks) + len(self.additions.keys() | set(items))
        full = len(self.marks.get(piece.mark.key, ())) == MAX_MARKS
        return count <= MAX_TRANSACTION_ACTIONS and not full

    def add(self, piece: _Piece, additions: Iterable[tuple[keys.Key, Addition]]) -> None:
        self.pieces.append(piece)
        self.marks.setdefault(piece.mark.key, {})[piece.mark.attribute] = piece.value
        for key, addition in additions:
            self.additions.setdefault(key, Addition()).merge(addition)

    def marking(self) -> list[Write]:
        """Set the marks, where none of them is there."""
        return [
            update(key, marks, condition=all_of(*map(absent, marks)))
            for key, marks in self.marks.items()
        ]


class _Projector(Struct, frozen=True):
    """Adds to one epoch."""

    store: OrganizationStore
    epoch: int
    rosters: Rosters

    @classmethod
    def of(cls, store: OrganizationStore, epoch: int) -> Self:
        return cls(store, epoch, Rosters(store, epoch))

    def project(self, found: Sequence[tuple[Logged, Contribution]]) -> None:
        """Add pages, each with all that it contributes."""
        self.rosters.take_in(
            (logged.ledger_id, subject)
            for logged, contribution in found
            for subject in (*contribution.additions, *contribution.values)
        )
        for logged, contribution in found:
            self.put_values(logged.ledger_id, contribution.values)
        first = [self._first(logged, contribution) for logged, contribution in found]
        there = self._commit(first)
        further: list[_Piece] = []
        for piece, (logged, contribution) in zip(first, found, strict=True):
            value = there.get(piece.mark, piece.value)
            further += self._further(logged, contribution, parts_of(value))
        self._commit(further)

    def put_values(self, ledger_id: str, values: set[Distinct]) -> None:
        """Put values of ``unique`` meters: as often as one likes, so outside of transactions."""
        items: dict[keys.Key, Item] = {}
        for found in values:
            for scope in (ledger_id, slice_of(found.value)):
                items[self._value_key(ledger_id, scope, found)] = {}
        self.store.put_all(items)

    def _value_key(self, ledger_id: str, scope: str, found: Distinct) -> keys.Key:
        if isinstance(found, BreakdownValueKey):
            group = self.rosters.kept(ledger_id if scope == ledger_id else EVERYONE, found)
            return keys.Key(
                self.store.keys.breakdown(self.epoch, scope, found.meter_id, group.grouping),
                keys.breakdown_value(group.place, found.quarter, group.value, found.value),
            )
        partition = self.store.keys.distinct_values(
            self.epoch, scope, found.meter_id, found.generation
        )
        return keys.Key(partition, keys.distinct_value(found.quarter, found.value))

    def key(self, scope: str, subject: Subject) -> keys.Key:
        """The item of a scope that a subject's additions go to."""
        match subject:
            case EventNameKey(source, name):
                return self.store.keys.name(self.epoch, scope, source, name)
            case MeterDayKey(meter_id, generation, day):
                partition = self.store.keys.quantities(self.epoch, scope, meter_id, generation)
                return keys.Key(partition, day)
            case BreakdownDayKey(meter_id, group, day):
                partition = self.store.keys.breakdown(self.epoch, scope, meter_id, group.grouping)
                return keys.Key(partition, keys.breakdown_day(group.place, day, group.value))

    def write(self, additions: Mapping[keys.Key, Addition]) -> list[Write]:
        """The writes that add to items, which are read where they decide what to set."""
        extremes = [key for key, addition in additions.items() if addition.extremes]
        known = self.store.batch_get(extremes)
        writes = (_add(key, addition, known.get(key, {})) for key, addition in additions.items())
        return [write for write in writes if write is not None]

    def keyed(
        self, ledger_id: str, slice_: str, additions: Mapping[Subject, Addition]
    ) -> Iterator[tuple[keys.Key, Addition]]:
        for subject, addition in additions.items():
            if isinstance(subject, BreakdownDayKey):
                yield from self._grouped(ledger_id, subject, addition)
            else:
                for scope in (ledger_id, slice_):
                    yield self.key(scope, subject), addition

    def _grouped(
        self, ledger_id: str, subject: BreakdownDayKey, addition: Addition
    ) -> Iterator[tuple[keys.Key, Addition]]:
        """The items of a value, in the slice of everyone's scope that it always has.

        So a reader meets each value once, and reads a quarter of the items.
        """
        for scope in (ledger_id, EVERYONE):
            group = self.rosters.kept(scope, subject)
            slice_ = slice_of(digest(group.value)) if scope == EVERYONE else scope
            yield self.key(slice_, subject._replace(group=group)), addition

    def _first(self, logged: Logged, contribution: Contribution) -> _Piece:
        """A page's entry in the timeline with all that it adds, or with a first part of it."""
        entry = Entry.of_page(*logged)
        additions: Mapping[Subject, Addition] = contribution.additions
        if len(additions) > MAX_SUBJECTS:
            entry = entry._replace(parts=parts_needed(additions, MAX_SUBJECTS))
            additions = parts(additions, entry.parts, 0)
        mark = mark_of(self.store, self.epoch, logged)
        return _Piece(logged.ledger_id, mark, entry.to_attribute(), additions)

    def _further(self, logged: Logged, contribution: Contribution, count: int) -> Iterator[_Piece]:
        """The other parts of a page that its entry says to have several: each has its own mark."""
        for part in range(1, count):
            mark = mark_of_part(self.store, self.epoch, logged, part)
            additions = parts(contribution.additions, count, part)
            yield _Piece(logged.ledger_id, mark, "done", additions)

    def _commit(self, pieces: Sequence[_Piece]) -> dict[Mark, str]:
        """Add pieces, as many in a transaction as fit; return the marks that were there already.

        Raises `Unavailable` where time, or luck, ran out.
        """
        pending = list(pieces)
        there: dict[Mark, str] = {}
        doubted: set[keys.Key] = set()
        failures = 0
        while pending:
            try:
                if doubted:
                    there |= self._read(doubted)
                    doubted.clear()
                    pending = [piece for piece in pending if piece.mark not in there]
                    continue
                packed = self._pack(pending)
                self.store.transact([*packed.marking(), *self.write(packed.additions)])
            except TransactionCancelled as cancelled:
                doubted = {
                    key
                    for key, reason in zip(packed.marks, cancelled.reasons, strict=False)
                    if reason == CONDITION_FAILED
                }
            except Unavailable:
                # If it was applied after all, the marks are there.
                if not self.store.has_time():
                    raise
            else:
                del pending[: len(packed.pieces)]
                failures = 0
                continue
            failures += 1
            _pause(failures)
        return there

    def _read(self, items: Iterable[keys.Key]) -> dict[Mark, str]:
        """The marks that are in these items."""
        return {
            Mark(key, attribute): value
            for key, item in self.store.batch_get(items).items()
            for attribute, value in item.items()
            if attribute not in (keys.PARTITION, keys.SORT)
        }

    def _pack(self, pieces: Sequence[_Piece]) -> _Packed:
        packed = _Packed()
        slice_ = str(random.randrange(keys.PROJECTION_SLICES))
        for piece in pieces:
            keyed = list(self.keyed(piece.ledger_id, slice_, piece.additions))
            if not packed.takes(piece, (key for key, _ in keyed)):
                break
            packed.add(piece, keyed)
        return packed


class Position(NamedTuple):
    """How far a ledger's past was projected: up to a page, and so many parts of the next one."""

    counted_to: str = ""
    parts: int = 0

    @classmethod
    def of(cls, item: Item | None) -> Self:
        return cls() if item is None else cls(item["counted_to"], int(item.get("parts", 0)))

    def to_item(self) -> Item:
        return self._asdict() if self.parts else {"counted_to": self.counted_to}

    def is_in(self) -> Condition:
        """That an item has it."""
        parts = equals("parts", self.parts) if self.parts else absent("parts")
        return all_of(equals("counted_to", self.counted_to), parts)


class _Past(Struct):
    """Projects one ledger's past, a stretch of the log at a time, up to where its item says.

    A stretch is counted once: its transaction moves the position in the log on. `of_item` says
    what the item of a page adds.
    """

    projector: _Projector
    ledger_id: str
    key: keys.Key
    of_item: Callable[[Item], Contribution]

    def project(self) -> bool:
        failures = 0
        while self.projector.store.has_time():
            item = self.projector.store.get(self.key)
            position = Position.of(item)
            if position.counted_to == DONE:
                return True
            try:
                if not self._project_from(position, new=item is None):
                    return True
            except TransactionCancelled:
                failures += 1
                _pause(failures)
            else:
                failures = 0
        return False

    def _project_from(self, position: Position, *, new: bool) -> bool:
        """Add the next stretch, or the next part of it; or say that there is no past.

        Raises `TransactionCancelled` where somebody else was faster.
        """
        stretch, end = self._read(position.counted_to)
        if new and end == DONE and not stretch.additions and not stretch.values:
            return False
        # A stretch of which something was added already is a single page, so the same as it was.
        count = parts_needed(stretch.additions, MAX_SUBJECTS)
        here = parts(stretch.additions, count, position.parts)
        last = position.parts + 1 == count
        after = Position(end) if last else position._replace(parts=position.parts + 1)
        self.projector.rosters.take_in(
            (self.ledger_id, subject) for subject in (*stretch.additions, *stretch.values)
        )
        self.projector.put_values(self.ledger_id, stretch.values)
        slice_ = str(random.randrange(keys.PROJECTION_SLICES))
        additions: dict[keys.Key, Addition] = {}
        for key, addition in self.projector.keyed(self.ledger_id, slice_, here):
            additions.setdefault(key, Addition()).merge(addition)
        move = (
            put_new(self.key, after.to_item())
            if new
            else put(self.key, after.to_item(), position.is_in())
        )
        self.projector.store.transact([move, *self.projector.write(additions)])
        return True

    def _read(self, position: str) -> tuple[Contribution, str]:
        """What the next stretch adds, and the sort key of its last page.

        It is as many pages as fit into one transaction, or one page that does not.
        """
        store = self.projector.store
        stretch = Contribution()
        log = store.keys.log(self.ledger_id)
        end = position
        items = store.query(log, before=keys.PAGES_END, after=position or None, at_a_time=100)
        for read, item in enumerate(items, 1):
            found = self.of_item(item)
            large = len(found.additions) > MAX_PAST_SUBJECTS
            if large and (stretch.additions or stretch.values):
                return stretch, end
            stretch.merge(found)
            end = item[keys.SORT]
            if (
                len(stretch.additions) >= MAX_PAST_DAYS
                or len(stretch.values) >= MAX_PAST_VALUES
                or read == MAX_PAST_PAGES
            ):
                return stretch, end
        return stretch, DONE


def _add(key: keys.Key, addition: Addition, item: Item) -> Write | None:
    """Add to an item as it was read; None where nothing of it would change.

    A greatest or least figure is compared with what was read, so that a day of them all makes no
    longer a condition than DynamoDB takes: attributes come, and never go.
    """
    assigned: dict[str, Any] = {}
    conditions = []
    for attribute, value in addition.greatest.items():
        if attribute not in item or value > item[attribute]:
            assigned[attribute] = value
            conditions.append(below(attribute, value) if attribute in item else absent(attribute))
    for attribute, value in addition.least.items():
        if attribute not in item or value < item[attribute]:
            assigned[attribute] = value
            conditions.append(above(attribute, value) if attribute in item else absent(attribute))
    if not assigned and not addition.added:
        return None
    condition = all_of(*conditions) if conditions else None
    return update(key, assigned, added=addition.added, condition=condition)


def _pause(failures: int) -> None:
    if failures >= MAX_ATTEMPTS:
        raise Unavailable("Too many other calls write to what is projected.")
    BACKOFF.wait(failures)
