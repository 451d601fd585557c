"""Credits: what a customer has left for a meter, and whether a spend or a hold may take of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Self

from msgspec import Struct
from msgspec.structs import replace

from aureon.core import times
from aureon.core.exact import EXACT, ZERO, from_stored, to_stored
from aureon.domain.events import CustomerRef
from aureon.domain.meters import LimitsSpending
from aureon.storage import keys

MAX_OPEN_HOLDS: Final = 100
DEFAULT_EXPIRY: Final = timedelta(minutes=10)
MAX_EXPIRY: Final = timedelta(hours=24)

State = Literal["open", "captured", "released", "expired"]
Units = Mapping[str, Decimal]


class Holds(Struct, frozen=True):
    """The open holds of a customer and meter: units and expiry by the hold's id.

    An expired hold binds nobody, though it may still be listed here: a call that relies on that
    takes it out in the same transaction, so that a capture finds out, whatever its clock says.
    """

    entries: Mapping[str, tuple[Decimal, datetime]]

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> Self:
        listed = {} if item is None else item["entries"]
        return cls(
            {
                hold_id: (entry["units"], times.from_text(entry["expires_at"]))
                for hold_id, entry in listed.items()
            }
        )

    def to_item(self) -> dict[str, Any]:
        return {
            "entries": {
                hold_id: {"units": units, "expires_at": times.to_text(expires_at)}
                for hold_id, (units, expires_at) in self.entries.items()
            }
        }

    def open_at(self, now: datetime) -> Self:
        """The holds that bind now."""
        return type(self)({id_: entry for id_, entry in self.entries.items() if entry[1] > now})

    def with_hold(self, hold_id: str, units: Decimal, expires_at: datetime) -> Self:
        return type(self)({**self.entries, hold_id: (units, expires_at)})

    def without(self, hold_id: str) -> Self:
        return type(self)({id_: entry for id_, entry in self.entries.items() if id_ != hold_id})

    def units(self) -> Decimal:
        """The units that are held, all together."""
        total = ZERO
        for units, _ in self.entries.values():
            total = EXACT.add(total, units)
        return total

    def units_of(self, hold_id: str) -> Decimal:
        """The units that one hold has, 0 where it is not among them."""
        return self.entries[hold_id][0] if hold_id in self.entries else ZERO


class Candidate(NamedTuple):
    """A sum or count meter that counts an event, and what the customer has on it.

    `granted` says whether the customer was ever granted anything on it, as far as it has counted.
    """

    meter_id: str
    limits_spending: LimitsSpending
    granted: bool
    complete: bool


def deciding(candidates: Collection[Candidate]) -> set[str]:
    """The meters that decide on a spend: those on which credits were given, or that always do.

    Where there are none, all decide, so that nobody spends who was granted nothing. A meter that
    still counts the past may yet find a grant there: it decides where no other does.
    """
    automatic = [one for one in candidates if one.limits_spending == "auto"]
    limiting = {one.meter_id for one in candidates if one.limits_spending == "always"}
    limiting |= {one.meter_id for one in automatic if one.granted}
    return (
        limiting
        or {one.meter_id for one in automatic if one.complete}
        or {one.meter_id for one in automatic}
    )


class CreditPosition(Struct, frozen=True):
    """A customer's balance of a meter and the units held of it, at one instant.

    `decides` says whether the meter decided on what was just done.
    """

    meter_id: str
    balance: Decimal
    held: Decimal
    decides: bool = False

    def admits(self, units: Decimal, limit: Decimal) -> bool:
        """Whether the balance would stay at or below the limit with these units, and all held."""
        return EXACT.add(EXACT.add(self.balance, self.held), units) <= limit

    @property
    def available_credits(self) -> Decimal:
        """What is left to spend, in units, never below 0."""
        return max(ZERO, EXACT.minus(EXACT.add(self.balance, self.held)))


class Drawn(NamedTuple):
    """Units that were taken of a lot of credits, by the id that the API shows for it.

    `lot_id` and `granted_at` tell where the log has the lot.
    """

    meter_id: str
    grant_id: str
    units: Decimal
    lot_id: str
    granted_at: datetime


class Hold(Struct, frozen=True):
    """A hold: what it reserves of each meter, in units, until when, and what became of it.

    The events of its customer go to `ledger_id`. `customer_id` is whose open holds it is among,
    `of_ghost` where nobody had the external id yet. `meter_id` is the meter that was named to
    decide. `event_id` is the event that captured it; `standings` say where the customer stands
    after what was just done, and `drawn` what its capture just took of which lots.
    """

    id: str
    external_id: str
    customer: CustomerRef
    customer_id: str
    ledger_id: str
    name: str
    metadata: Mapping[str, Any]
    units: Units
    limit: Decimal
    placed_at: datetime
    expires_at: datetime
    fingerprint: bytes
    meter_id: str | None = None
    of_ghost: bool = False
    state: State = "open"
    event_id: str | None = None
    standings: Sequence[CreditPosition] = ()
    drawn: Sequence[Drawn] | None = None

    def to_item(self) -> dict[str, Any]:
        """What is stored when it is placed, and changes only where it is extended."""
        return {
            "id": self.id,
            "external_id": self.external_id,
            "customer": list(self.customer),
            "customer_id": self.customer_id,
            "ledger_id": self.ledger_id,
            "name": self.name,
            "metadata": to_stored(self.metadata),
            "units": dict(self.units),
            "limit": self.limit,
            "placed_at": times.to_text(self.placed_at),
            "expires_at": times.to_text(self.expires_at),
            "fingerprint": self.fingerprint,
            "meter_id": self.meter_id,
            "of_ghost": self.of_ghost,
        }

    def listing(self) -> dict[str, str]:
        """The attributes that list it by its expiry, for who is to be told of that."""
        slice_ = int(self.id[-4:], 16) % keys.DIRECTORY_SLICES
        return {
            keys.DIRECTORY_PARTITION: keys.hold_expiries(slice_),
            keys.DIRECTORY_SORT: f"{times.to_text(self.expires_at)}#{self.id}",
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Hold:
        expires_at = times.from_text(item["expires_at"])
        return cls(
            id=item["id"],
            external_id=item["external_id"],
            customer=CustomerRef(*item["customer"]),
            customer_id=item["customer_id"],
            ledger_id=item["ledger_id"],
            name=item["name"],
            metadata=from_stored(item["metadata"]),
            units=item["units"],
            limit=item["limit"],
            placed_at=times.from_text(item["placed_at"]),
            expires_at=expires_at,
            fingerprint=bytes(item["fingerprint"]),
            meter_id=item.get("meter_id"),
            of_ghost=item.get("of_ghost", False),
            state="open" if expires_at > times.now() else "expired",
        )

    def ended(self, outcome: Mapping[str, Any] | None) -> Hold:
        """The hold with what became of it, if anything has."""
        if outcome is None:
            return self
        return replace(self, state=outcome["state"], event_id=outcome.get("event_id"))
