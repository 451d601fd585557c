"""The audit of what is projected: whether the log makes the same of it.

A ledger's projection is compared as a whole: its names, quantities and values, read before and
after its log, so that it held still. Only pages that have their mark are counted; those without
one are `behind`, and a fault only where they stay so. What everyone's events come to is compared
with the sum over the ledgers, where nothing moved it meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

from aureon import catalog, keys, projection
from aureon.domain.contributions import (
    CellOf,
    Contribution,
    NameOf,
    Subject,
    ValueOf,
    of_page,
    of_past,
)
from aureon.domain.meters import Meter, MeterSet
from aureon.domain.pages import Page
from aureon.domain.timeline import Entry
from aureon.errors import Unavailable
from aureon.exact import EXACT, ZERO
from aureon.store import Item, Store
from aureon.versions import Versions

# How often a ledger is compared until it holds still, and a difference is found twice.
MAX_TRIES: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
# How long the projection may be behind before it is told: three times what it waits for pages.
BEHIND_SECONDS: Final = 30.0
# How many ledgers are looked at again: their ids fit into a message of a queue.
MAX_BEHIND: Final = 5_000
PAGES: Final = 50

Status = Literal["clean", "different", "behind", "not compared"]
Totals = dict[tuple[str, ...], Decimal]


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
    values: frozenset[ValueOf]
    pasts: Mapping[str, str]


@dataclass
class ProjectionAudit:
    """Compares what is projected of one organization, ledger by ledger.

    Another audit may go on with those that are `behind`, but not with `of_everyone`.
    """

    store: Store
    organization_id: str
    behind: dict[str, None] = field(default_factory=dict)
    _totals: Totals = field(default_factory=dict)
    _everyone: Totals | None = None

    def __post_init__(self) -> None:
        self._versions = Versions(self.store, self.organization_id)
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
                time.sleep(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt))
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
        epoch = projection.epochs(self.store, self.organization_id).current
        self._read_meters()
        stored = self._stored(epoch, ledger_id)
        counted, possible, behind = self._counted(epoch, ledger_id, stored.pasts)
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
        for whose in sorted({value[:2] for value in wrong}):
            has, should = (
                sum(value[:2] == whose for value in values)
                for values in (stored.values, counted.values)
            )
            about = f"values of meter {whose[0]}"
            differences.append(ProjectedDifference(ledger_id, about, str(has), str(should)))
        if differences:
            return ProjectedOutcome(ledger_id, "different", tuple(sorted(differences)), behind)
        return ProjectedOutcome(ledger_id, "behind" if behind else "clean", behind=behind)

    def _counted(
        self, epoch: int, ledger_id: str, pasts: Mapping[str, str]
    ) -> tuple[Contribution, set[ValueOf], int]:
        """What the log makes of what is marked as projected; values that may be there besides; and
        how many pages are behind.
        """
        counted = Contribution()
        possible: set[ValueOf] = set()
        behind = 0
        log = keys.log(self.organization_id, ledger_id)
        items = self.store.query(log, before=keys.PAGES_END)
        while some := list(islice(items, PAGES)):
            pages = [Page.from_item(item) for item in some]
            marks = [self._mark(epoch, ledger_id, page) for page in pages]
            found = self.store.batch_get(marks)
            for page, mark in zip(pages, marks, strict=True):
                contribution = of_page(page, self._versions.at(page.meter_version))
                entry = found.get(mark)
                if entry is None or not self._has_parts(epoch, ledger_id, page, entry):
                    behind += 1
                    possible |= contribution.values
                else:
                    counted.merge(self._current(contribution))
                self._count_past(page, pasts, counted, possible)
        return counted, possible, behind

    def _count_past(
        self,
        page: Page,
        pasts: Mapping[str, str],
        counted: Contribution,
        possible: set[ValueOf],
    ) -> None:
        for meter in self._meters.values():
            if meter.since_version > page.meter_version:
                past = of_past(page, MeterSet.of(page.meter_version, [meter]))
                if keys.page_sort(page.place) <= pasts.get(f"{meter.id}#{meter.generation}", ""):
                    counted.merge(past)
                else:
                    possible |= past.values

    def _mark(self, epoch: int, ledger_id: str, page: Page) -> keys.Key:
        entry = Entry.of_page(ledger_id, page)
        return keys.timeline_entry(
            self.organization_id, epoch, entry.latest, entry.ledger_id, entry.place
        )

    def _has_parts(self, epoch: int, ledger_id: str, page: Page, entry: Item) -> bool:
        """Whether all the parts of a page that took several transactions were projected."""
        parts = range(1, int(entry.get("parts", 1)))
        wanted = [
            keys.projected_part(self.organization_id, epoch, ledger_id, page.place, part)
            for part in parts
        ]
        return len(self.store.batch_get(wanted)) == len(wanted) if wanted else True

    def _current(self, contribution: Contribution) -> Contribution:
        """What is of meters as they are now: nobody reads what they were before."""
        return Contribution(
            {
                subject: addition
                for subject, addition in contribution.additions.items()
                if isinstance(subject, NameOf) or self._is_current(subject)
            },
            {value for value in contribution.values if self._is_current(value)},
        )

    def _is_current(self, subject: CellOf | ValueOf) -> bool:
        meter = self._meters.get(subject.meter_id)
        return meter is not None and meter.generation == subject.generation

    def _stored(self, epoch: int, ledger_id: str) -> _Stored:
        partition = keys.customer(self.organization_id, ledger_id).pk
        abouts = {
            (about.meter_id, about.generation)
            for item in self.store.query(partition, prefix=keys.BALANCE_PREFIX)
            for about in [keys.parse_balance(item[keys.SORT])]
        }
        current = [
            meter for meter in self._meters.values() if (meter.id, meter.generation) in abouts
        ]
        items: dict[Subject, Item] = {}
        values: set[ValueOf] = set()
        self._read_scope(epoch, ledger_id, current, items, values)
        pasts = keys.projected_pasts(self.organization_id, epoch, ledger_id)
        return _Stored(
            items,
            frozenset(values),
            {item[keys.SORT]: item["counted_to"] for item in self.store.query(pasts)},
        )

    def _read_scope(
        self,
        epoch: int,
        scope: str,
        meters: list[Meter],
        items: dict[Subject, Item],
        values: set[ValueOf],
    ) -> None:
        for item in self.store.query(keys.names(self.organization_id, epoch, scope)):
            items[NameOf(*keys.parse_name(item[keys.SORT]))] = _attributes(item)
        for meter in meters:
            about = (self.organization_id, epoch, scope, meter.id, meter.generation)
            if meter.aggregation.func == "unique":
                for item in self.store.query(keys.distinct_values(*about)):
                    quarter, value = keys.parse_distinct_value(item[keys.SORT])
                    values.add(ValueOf(meter.id, meter.generation, quarter, bytes.fromhex(value)))
            else:
                for item in self.store.query(keys.quantities(*about)):
                    items[CellOf(meter.id, meter.generation, item[keys.SORT])] = _attributes(item)

    def _of_everyone(self) -> Totals:
        """What is added up of everyone's events: names, and what meters make of them."""
        epoch = projection.epochs(self.store, self.organization_id).current
        totals: Totals = {}
        added = [meter for meter in self._meters.values() if meter.aggregation.func != "unique"]
        for scope in projection.scopes():
            items: dict[Subject, Item] = {}
            self._read_scope(epoch, scope, added, items, set())
            _add_up(totals, items)
        return totals

    def _read_meters(self) -> None:
        meters = catalog.read_all(self.store, self.organization_id)
        self._meters = {meter.id: meter for meter in meters}


def _add_up(totals: Totals, items: Mapping[Subject, Item]) -> None:
    for subject, item in items.items():
        for name, value in item.items():
            figure = name.rstrip("0123456789")
            if figure in ("sum", "used", "count"):
                about = (*_whose(subject), figure)
                totals[about] = EXACT.add(totals.get(about, ZERO), value)


def _whose(subject: Subject) -> tuple[str, ...]:
    if isinstance(subject, NameOf):
        return ("events named", subject.name, f"({subject.source})")
    return ("quantities of meter", subject.meter_id)


def _about(subject: Subject) -> str:
    day = f" on {subject.day}" if isinstance(subject, CellOf) else ""
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
