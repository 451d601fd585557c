"""Refunds: what the log has given back, and what the records of refunds say.

A refund is pages of one batch in the log of its customer, and an entry of the record of its event.
Records are found from the log, a part at a time, so that memory does not grow with refunds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import Struct, field

from aureon.core.exact import EXACT, ZERO
from aureon.domain import batches
from aureon.domain.events import EventLocation, event_id, parse_event_id
from aureon.domain.pages import Page
from aureon.domain.refunds import Refunds
from aureon.ledger.plan import BalanceId
from aureon.storage.keys import Key, Keys
from aureon.storage.store import Item

REFUNDED: Final = "refunded"
# How many refunds are looked up at once.
AT_ONCE: Final = 100

Read = Callable[[list[Key]], Mapping[Key, Item]]


class Wrong(NamedTuple):
    """Units of a meter that a record says were given back, and those of the log."""

    balance: BalanceId
    stored: Decimal
    counted: Decimal


class _Logged(Struct):
    """A refund as the log has it: its first event, which event it is of, and units by meter."""

    id: str
    of: str
    units: dict[tuple[str, int], Decimal] = field(default_factory=dict)


class RefundsCompared(Struct):
    """Compares the refunds of one ledger, as its pages come, in the order of the log."""

    org_keys: Keys
    read: Read
    ledger_id: str
    wrong: list[Wrong] = field(default_factory=list)
    _batch: str = ""
    _waiting: list[_Logged] = field(default_factory=list)

    def add(self, page: Page) -> None:
        """Take a page; one that is no refund's is passed over."""
        if not page.place.batch.startswith(batches.REFUND):
            return
        if page.place.batch != self._batch:
            if len(self._waiting) >= AT_ONCE:
                self.finish()
            self._batch = page.place.batch
            first = page.events[0]
            place = EventLocation(self.ledger_id, page.place, first.offset)
            self._waiting.append(_Logged(event_id(place), str(first.metadata.get("event_id"))))
        for logged in page.events:
            terms = logged.to_event().terms
            if terms is not None:
                units = self._waiting[-1].units
                about = (terms.meter_id, terms.generation)
                units[about] = EXACT.add(units.get(about, ZERO), terms.units)

    def finish(self) -> None:
        """Compare those that wait with their records."""
        waiting, self._waiting = self._waiting, []
        keys = {one.of: self.org_keys.refunds(one.of) for one in waiting}
        items = self.read([*keys.values()]) if keys else {}
        records = {of: Refunds.from_item(items.get(key)) for of, key in keys.items()}
        for one in waiting:
            self.wrong += self._compared(one, records[one.of])
        self.wrong += self._not_logged(records)

    def _compared(self, logged: _Logged, record: Refunds) -> Iterator[Wrong]:
        entry = next((made for made in record.made if made.id == logged.id), None)
        for (meter_id, generation), units in logged.units.items():
            stored = ZERO
            if entry is not None:
                taken, back = entry.taken.get(meter_id, ZERO), entry.back.get(meter_id, ZERO)
                stored = EXACT.subtract(taken, back)
            if stored != units:
                yield Wrong(BalanceId(self.ledger_id, meter_id, generation), stored, units)

    def _not_logged(self, records: Mapping[str, Refunds]) -> Iterator[Wrong]:
        """What a record says was given back in this ledger, and the log does not have."""
        places = [
            (made, place)
            for record in records.values()
            for made in record.made
            if made.id is not None
            for place in [parse_event_id(made.id)]
            if place.ledger_id == self.ledger_id
        ]
        pages = [self.org_keys.page(place.ledger_id, place.page) for _, place in places]
        found = self.read(pages) if pages else {}
        for (made, _), key in zip(places, pages, strict=True):
            if key not in found:
                for meter_id, units in {**made.taken, **made.back}.items():
                    yield Wrong(BalanceId(self.ledger_id, meter_id, 0), units, ZERO)
