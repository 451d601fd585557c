"""The audit of what is projected: whether the log makes the same of it.

A ledger's projection is compared as a whole: its names, quantities and values, read before and
after its log, so that it held still. Only pages that have their mark are counted; those without
one are `behind`, and a fault only where they stay so. What everyone's events come to is compared
with the sum over the ledgers, where nothing moved it meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct, field

from aureon.core.errors import Unavailable
from aureon.core.exact import EXACT, ZERO
from aureon.core.retry import Backoff
from aureon.domain.meters import Group, Meter, MeterSet
from aureon.domain.pages import Page
from aureon.meters import catalog
from aureon.meters.versions import Versions
from aureon.projection import projector
from aureon.projection.contributions import (
    Addition,
    BreakdownDayKey,
    BreakdownPast,
    BreakdownValueKey,
    Contribution,
    Distinct,
    DistinctValueKey,
    EventNameKey,
    MeterDayKey,
    Subject,
    of_page,
    of_past,
    parts,
    parts_needed,
)
from aureon.projection.projector import MAX_SUBJECTS, Position
from aureon.projection.rosters import admitted, day_of, kept_under
from aureon.projection.timeline import parts_of
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore

# How often a ledger is compared until it holds still, and a difference is found twice.
MAX_TRIES: Final = 5
BACKOFF: Final = Backoff(first_seconds=0.2, longest_seconds=2.0, random_share=0.0)
# How long the projection may be behind before it is told: three times what it waits for pages.
BEHIND_SECONDS: Final = 90.0
# How many ledgers are looked at again: their ids fit into a message of a queue.
MAX_BEHIND: Final = 5_000
PAGES: Final = 50

Status = Literal["clean", "different", "behind", "not compared"]
Totals = dict[tuple[str, ...], Decimal]
# A meter, its grouping, a property's place, and a day.
_RosterKey = tuple[str, int, int, str]


class ProjectedDifference(NamedTuple):
    """Something projected that is not what the log makes of it."""

    ledger_id: str
    about: str
    stored: str
    counted: str


class ProjectedOutcome(NamedTuple):
    """What became of a ledger's projection; `behind` are pages that it does not have yet."""

    ledger_id: str
    status: Status
    differences: tuple[ProjectedDifference, ...] = ()
    behind: int = 0


class _Stored(NamedTuple):
    """What is projected of a ledger."""

    items: Mapping[Subject, Item]
    values: frozenset[Distinct]
    pasts: Mapping[str, Position]
    rosters: Mapping[_RosterKey, set[bytes]]


class ProjectionAudit(Struct, dict=True):
    """Compares what is projected of one organization, ledger by ledger.

    Another audit may go on with those that are `behind`, but not with `of_everyone`.
    """

    store: OrganizationStore
    behind: dict[str, None] = field(default_factory=dict)
    _totals: Totals = field(default_factory=dict)
    _everyone: Totals | None = None

    def __post_init__(self) -> None:
        self._versions = Versions(self.store)
        self._meters: dict[str, Meter] = {}
        self._items: Mapping[Subject, Item] = {}

    def begin(self) -> None:
        """Note what everyone's events come to, before the ledgers are compared."""
        self._read_meters()
        self._everyone = self._of_everyone()

    def of_ledger(self, ledger_id: str) -> ProjectedOutcome:
        """Compare a ledger. One that is behind is to be looked at again, by `of_those_behind`."""
        outcome = self._compare(ledger_id)
        if outcome.status == "not compared":
            self._everyone = None
        else:
            _add_up(self._totals, self._items)
        if outcome.behind and len(self.behind) < MAX_BEHIND:
            self.behind[ledger_id] = None
        return outcome

    def of_those_behind(
        self, *, pause_seconds: float = BEHIND_SECONDS
    ) -> Iterator[ProjectedOutcome]:
        """Look again, after a while, at the ledgers that were behind: they differ if they are."""
        if not self.behind:
            return
        time.sleep(pause_seconds)
        for ledger_id in list(self.behind):
            outcome = self._compare(ledger_id)
            del self.behind[ledger_id]
            if outcome.behind and outcome.status != "not compared":
                missing = ProjectedDifference(ledger_id, "pages", "0", str(outcome.behind))
                differences = (*outcome.differences, missing)
                outcome = outcome._replace(status="different", differences=differences)
            yield outcome

    def of_everyone(self) -> ProjectedOutcome:
        """Compare what everyone's events come to with the ledgers that were compared."""
        before, after = self._everyone, self._of_everyone()
        if before is None or before != after:
            return ProjectedOutcome("", "not compared")
        differences = tuple(
            ProjectedDifference("", " ".join(about), _shown(stored), _shown(counted))
            for about in sorted(after.keys() | self._totals.keys())
            if (stored := after.get(about, ZERO)) != (counted := self._totals.get(about, ZERO))
        )
        return ProjectedOutcome("", "different" if differences else "clean", differences)

    def _compare(self, ledger_id: str) -> ProjectedOutcome:
        """Compare a ledger, and believe in differences only when they are found twice."""
        doubted: ProjectedOutcome | None = None
        for attempt in range(MAX_TRIES):
            if attempt:
                BACKOFF.wait(attempt)
            try:
                found = self._compare_once(ledger_id)
            except Unavailable:
                found = None
            if found is not None and (not found.differences or found == doubted):
                return found
            doubted = found
        return ProjectedOutcome(ledger_id, "not compared")

    def _compare_once(self, ledger_id: str) -> ProjectedOutcome | None:
        """Compare a ledger; None where something was projected meanwhile."""
        epoch = projector.epochs(self.store).current
        self._read_meters()
        stored = self._stored(epoch, ledger_id)
        counted, possible, behind = self._counted(epoch, ledger_id, stored.pasts)
        counted = _kept(counted, stored.rosters)
        possible = {_kept_value(value, stored.rosters) for value in possible}
        if self._stored(epoch, ledger_id) != stored:
            return None
        self._items = stored.items
        items = {
            subject: attributes
            for subject, addition in counted.additions.items()
            if (attributes := addition.apply({}))
        }
        differences = [
            ProjectedDifference(ledger_id, _about(subject), _shown(mine), _shown(theirs))
            for subject in stored.items.keys() | items.keys()
            if (mine := stored.items.get(subject)) != (theirs := items.get(subject))
        ]
        # A value is put before the mark of its page is.
        wrong = (stored.values - counted.values - possible) | (counted.values - stored.values)
        for whose in sorted({value.meter_id for value in wrong}):
            has, should = (
                sum(value.meter_id == whose for value in values)
                for values in (stored.values, counted.values)
            )
            about = f"values of meter {whose}"
            differences.append(ProjectedDifference(ledger_id, about, str(has), str(should)))
        if differences:
            return ProjectedOutcome(ledger_id, "different", tuple(sorted(differences)), behind)
        return ProjectedOutcome(ledger_id, "behind" if behind else "clean", behind=behind)

    def _counted(
        self, epoch: int, ledger_id: str, pasts: Mapping[str, Position]
    ) -> tuple[Contribution, set[Distinct], int]:
        """What the log makes of what is marked as projected; values that may be there besides; and
        how many pages are behind.
        """
        counted = Contribution()
        possible: set[Distinct] = set()
        behind = 0
        begun: set[str] = set()
        log = self.store.keys.log(ledger_id)
        items = self.store.query(log, before=keys.PAGES_END)
        while some := list(islice(items, PAGES)):
            pages = [Page.from_item(item) for item in some]
            marks = [
                projector.mark_of(self.store, epoch, projector.Logged(ledger_id, page))
                for page in pages
            ]
            found = self.store.batch_get({mark.key for mark in marks})
            for page, mark in zip(pages, marks, strict=True):
                contribution = of_page(page, self._versions.at(page.meter_version), ledger_id)
                entry = found.get(mark.key, {}).get(mark.attribute)
                if entry is None or not self._has_parts(epoch, ledger_id, page, entry):
                    behind += 1
                    possible |= contribution.values
                else:
                    counted.merge(self._current(contribution))
                self._count_past(page, pasts, counted, possible)
                self._count_breakdowns_past(page, ledger_id, pasts, counted, possible, begun)
        return counted, possible, behind

    def _count_past(
        self,
        page: Page,
        pasts: Mapping[str, Position],
        counted: Contribution,
        possible: set[Distinct],
    ) -> None:
        for meter in self._meters.values():
            if meter.since_version > page.meter_version:
                past = of_past(page, MeterSet.of(page.meter_version, [meter]))
                position = pasts.get(f"{meter.id}#{meter.generation}", Position())
                if keys.page_sort(page.place) <= position.counted_to:
                    counted.merge(past)
                else:
                    possible |= past.values

    def _count_breakdowns_past(
        self,
        page: Page,
        ledger_id: str,
        pasts: Mapping[str, Position],
        counted: Contribution,
        possible: set[Distinct],
        begun: set[str],
    ) -> None:
        """The same of their breakdowns; `begun` are those whose page in parts was met already."""
        for meter in self._meters.values():
            if not meter.group_by:
                continue
            past = BreakdownPast(meter)
            if past.has(page.meter_version):
                found = past.of_page(page, ledger_id)
                key = self.store.keys.breakdown_past(0, ledger_id, meter.id, meter.grouping).sk
                position = pasts.get(key, Position())
                if keys.page_sort(page.place) <= position.counted_to:
                    counted.merge(found)
                    continue
                possible |= found.values
                count = parts_needed(found.additions, MAX_SUBJECTS)
                if count > 1 and meter.id not in begun:
                    begun.add(meter.id)
                    for part in range(position.parts):
                        counted.merge(Contribution(parts(found.additions, count, part)))

    def _has_parts(self, epoch: int, ledger_id: str, page: Page, entry: str) -> bool:
        """Whether all the parts of a page that took several transactions were projected."""
        logged = projector.Logged(ledger_id, page)
        further = range(1, parts_of(entry))
        marks = [projector.mark_of_part(self.store, epoch, logged, part) for part in further]
        found = self.store.batch_get({mark.key for mark in marks}) if marks else {}
        return all(mark.attribute in found.get(mark.key, {}) for mark in marks)

    def _current(self, contribution: Contribution) -> Contribution:
        """What is of meters as they are now: nobody reads what they were before."""
        return Contribution(
            {
                subject: addition
                for subject, addition in contribution.additions.items()
                if self._is_current(subject)
            },
            {value for value in contribution.values if self._is_current(value)},
        )

    def _is_current(self, subject: Subject | Distinct) -> bool:
        if isinstance(subject, EventNameKey):
            return True
        meter = self._meters.get(subject.meter_id)
        if meter is None:
            return False
        if isinstance(subject, BreakdownDayKey | BreakdownValueKey):
            return meter.grouping == subject.group.grouping
        return meter.generation == subject.generation

    def _stored(self, epoch: int, ledger_id: str) -> _Stored:
        partition = self.store.keys.customer(ledger_id).pk
        abouts = {
            (about.meter_id, about.generation)
            for item in self.store.query(partition, prefix=keys.BALANCE_PREFIX)
            for about in [keys.parse_balance(item[keys.SORT])]
        }
        current = [
            meter for meter in self._meters.values() if (meter.id, meter.generation) in abouts
        ]
        items: dict[Subject, Item] = {}
        values: set[Distinct] = set()
        rosters: dict[_RosterKey, set[bytes]] = {}
        self._read_scope(epoch, ledger_id, current, items, values, rosters)
        pasts = self.store.keys.projected_pasts(epoch, ledger_id)
        return _Stored(
            items,
            frozenset(values),
            {item[keys.SORT]: Position.of(item) for item in self.store.query(pasts)},
            rosters,
        )

    def _read_scope(
        self,
        epoch: int,
        scope: str,
        meters: list[Meter],
        items: dict[Subject, Item],
        values: set[Distinct],
        rosters: dict[_RosterKey, set[bytes]],
    ) -> None:
        for item in self.store.query(self.store.keys.names(epoch, scope)):
            items[EventNameKey(*keys.parse_name(item[keys.SORT]))] = _attributes(item)
        for meter in meters:
            about = (epoch, scope, meter.id, meter.generation)
            if meter.aggregation.func == "unique":
                for item in self.store.query(self.store.keys.distinct_values(*about)):
                    quarter, value = keys.parse_distinct_value(item[keys.SORT])
                    values.add(
                        DistinctValueKey(meter.id, meter.generation, quarter, bytes.fromhex(value))
                    )
            else:
                for item in self.store.query(self.store.keys.quantities(*about)):
                    items[MeterDayKey(meter.id, meter.generation, item[keys.SORT])] = _attributes(
                        item
                    )
            if meter.group_by:
                self._read_breakdowns(epoch, scope, meter, items, values, rosters)

    def _read_breakdowns(
        self,
        epoch: int,
        scope: str,
        meter: Meter,
        items: dict[Subject, Item],
        values: set[Distinct],
        rosters: dict[_RosterKey, set[bytes]],
    ) -> None:
        partition = self.store.keys.breakdown(epoch, scope, meter.id, meter.grouping)
        for item in self.store.query(partition):
            sort = item[keys.SORT]
            if sort.startswith(keys.ROSTER_PREFIX):
                _, place, day = sort.split(keys.SEPARATOR)
                rosters[meter.id, meter.grouping, int(place), day] = admitted(item)
            elif meter.aggregation.func == "unique":
                position, quarter, value, distinct = keys.parse_breakdown_value(sort)
                group = Group(meter.grouping, position, value)
                values.add(BreakdownValueKey(meter.id, group, quarter, bytes.fromhex(distinct)))
            else:
                position, day, value = keys.parse_breakdown_day(sort)
                group = Group(meter.grouping, position, value)
                items[BreakdownDayKey(meter.id, group, day)] = _attributes(item)

    def _of_everyone(self) -> Totals:
        """What is added up of everyone's events: names, and what meters make of them."""
        epoch = projector.epochs(self.store).current
        totals: Totals = {}
        added = [meter for meter in self._meters.values() if meter.aggregation.func != "unique"]
        for scope in projector.scopes():
            items: dict[Subject, Item] = {}
            self._read_scope(epoch, scope, added, items, set(), {})
            _add_up(totals, items)
        return totals

    def _read_meters(self) -> None:
        meters = catalog.read_all(self.store)
        self._meters = {meter.id: meter for meter in meters}


def _kept(counted: Contribution, rosters: Mapping[_RosterKey, set[bytes]]) -> Contribution:
    """The same under the values that rosters have."""
    kept = Contribution(values={_kept_value(value, rosters) for value in counted.values})
    for subject, addition in counted.additions.items():
        if isinstance(subject, BreakdownDayKey):
            subject = subject._replace(group=_group(subject, rosters))
        kept.additions.setdefault(subject, Addition()).merge(addition)
    return kept


def _kept_value(value: Distinct, rosters: Mapping[_RosterKey, set[bytes]]) -> Distinct:
    if isinstance(value, BreakdownValueKey):
        return value._replace(group=_group(value, rosters))
    return value


def _group(
    subject: BreakdownDayKey | BreakdownValueKey, rosters: Mapping[_RosterKey, set[bytes]]
) -> Group:
    group = subject.group
    about = (subject.meter_id, group.grouping, group.place, day_of(subject))
    return kept_under(group, rosters.get(about, set()))


def _add_up(totals: Totals, items: Mapping[Subject, Item]) -> None:
    for subject, item in items.items():
        for name, value in item.items():
            figure = name.rstrip("0123456789")
            if figure in ("sum", "used", "expired", "count"):
                about = (*_whose(subject), figure)
                totals[about] = EXACT.add(totals.get(about, ZERO), value)


def _whose(subject: Subject) -> tuple[str, ...]:
    if isinstance(subject, EventNameKey):
        return ("events named", subject.name, f"({subject.source})")
    if isinstance(subject, BreakdownDayKey):
        return ("quantities of meter", subject.meter_id, f"by property {subject.group.place}")
    return ("quantities of meter", subject.meter_id)


def _about(subject: Subject) -> str:
    day = "" if isinstance(subject, EventNameKey) else f" on {subject.day}"
    if isinstance(subject, BreakdownDayKey):
        day += f" where it is {subject.group.value}"
    return " ".join(_whose(subject)) + day


def _attributes(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in (keys.PARTITION, keys.SORT)}


def _shown(found: Any) -> str:
    if found is None:
        return "none"
    if isinstance(found, Decimal):
        return f"{found:f}"
    return ", ".join(f"{name} {_plain(value)}" for name, value in sorted(found.items()))


def _plain(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
