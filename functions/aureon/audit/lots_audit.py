"""Lots, counted again from the log: each page of terms tells a step of a change, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from msgspec import Struct

from aureon.core import times
from aureon.core.exact import ZERO
from aureon.domain.lots import NEVER, Change, History, Lots, listing
from aureon.ledger.plan import BalanceId
from aureon.storage import keys
from aureon.storage.expressions import equals, present
from aureon.storage.keys import Keys
from aureon.storage.store import Item, Write, put_over, update

# By meter and generation.
Changes = dict[tuple[str, int], list[Change]]

OPEN: Final = "open grants"
REMAINING: Final = "left of grants"
RECKONED: Final = "used when grants changed"
CHANGES: Final = "changes of grants"
LAPSED: Final = "lapsed of grants"
NEXT: Final = "next expiry"


class Figure(NamedTuple):
    """A figure of lots that is not what the log makes of it."""

    figure: str
    stored: Decimal | None
    counted: Decimal | None


def collect(item: Item, changes: Changes) -> None:
    """Add the change of lots that a page tells of, if it is one of terms."""
    if "change" in item:
        meter_id, generation = item["lots_of"]
        found = changes.setdefault((meter_id, int(generation)), [])
        found.append(Change.from_item(item["change"]))


class LotsCompared(Struct, frozen=True):
    """A customer's lots of a meter as they are stored, and as the log makes them.

    `name` is what the customer's item calls them. `told` are the times of the next expiry that the
    items say: the lots' own, the customer's, and the pointer's of its external id.
    """

    name: str
    stored: Lots
    counted: Lots
    lapsed: tuple[Decimal, Decimal]
    told: tuple[str | None, ...]
    customer: Mapping[str, Any]
    external_id: str | None

    @classmethod
    def of(
        cls,
        name: str,
        changes: Iterable[Change],
        item: Item | None,
        customer: Item,
        pointer: Item | None,
    ) -> LotsCompared:
        history = History(changes)
        living = "created_at" in customer and customer["deleted_at"] is None
        told = [keys.expiry_of(item)]
        if living:
            told.append(customer.get("next", {}).get(name))
        if pointer is not None:
            told.append(pointer.get("next", {}).get(name))
        return cls(
            name,
            Lots.from_item(item),
            history.lots.trimmed(),
            (history.said_lapsed, history.lapsed),
            tuple(told),
            customer if living else {},
            customer["external_id"] if pointer is not None else None,
        )

    def differences(self) -> list[Figure]:
        return [figure for figure in self._figures() if figure.stored != figure.counted]

    def _figures(self) -> Iterator[Figure]:
        stored, counted = self.stored, self.counted
        yield Figure(OPEN, Decimal(len(stored.open)), Decimal(len(counted.open)))
        yield Figure(CHANGES, Decimal(stored.rev), Decimal(counted.rev))
        yield Figure(RECKONED, stored.reckoned_used, counted.reckoned_used)
        yield Figure(LAPSED, *self.lapsed)
        for lot in counted.open:
            same = stored.get(lot.id)
            yield Figure(REMAINING, None if same is None else same.remaining, lot.remaining)
            if same is not None and same != lot and same.remaining == lot.remaining:
                yield Figure(OPEN, ZERO, Decimal(1))
        if not self.customer:
            # One that was deleted has let go of them: they are not listed, and stay as they are.
            return
        listed, *copies = self.told
        due = counted.next if counted.next != NEVER else None
        yield Figure(NEXT, _seconds(listed), _seconds(due))
        for copy in copies:
            yield Figure(NEXT, _seconds(copy), _seconds(counted.next))

    def corrections(self, org_keys: Keys, balance: BalanceId) -> list[Write]:
        """Store the lots as the log makes them, and say in all items when they expire next."""
        customer_id, meter_id, generation = balance
        counted = self.counted
        writes = [
            put_over(
                org_keys.lots(customer_id, meter_id, generation),
                counted.to_item() | listing(customer_id, counted.next),
            )
        ]
        if not self.customer:
            return writes
        next_ = {
            name: at for name, at in self.customer.get("next", {}).items() if name != self.name
        }
        if counted.next is not None:
            next_[self.name] = counted.next
        writes.append(update(org_keys.customer(customer_id), {"next": next_}, condition=present()))
        if self.external_id is not None:
            key = org_keys.external(self.external_id)
            writes.append(
                update(key, {"next": next_}, condition=equals("customer_id", customer_id))
            )
        return writes


def _seconds(text: str | None) -> Decimal | None:
    """A time as seconds since 1970; for ever is 0, and never at all is None."""
    if text is None:
        return None
    if text == NEVER:
        return ZERO
    epoch = times.from_text("1970-01-01T00:00:00Z")
    since = times.from_text(text) - epoch
    return Decimal(since.days * 86_400 + since.seconds) + Decimal(since.microseconds) / 1_000_000
