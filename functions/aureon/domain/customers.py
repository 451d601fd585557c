"""Customers, the ledgers that count for them, and the pointers that external ids are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, Self

from msgspec import Struct, field
from msgspec.structs import replace

from aureon.core import times
from aureon.core.exact import from_stored, to_stored
from aureon.core.texts import folded
from aureon.storage import keys

CustomerType = Literal["individual", "team"]
MAX_NAME_CHARACTERS: Final = 256
# Where a customer was made without an e-mail address: the clients can't read one without.
NO_EMAIL_DOMAIN: Final = "no-email.invalid"


class Customer(Struct, frozen=True):
    """Whom events are counted for.

    `ledger_ids` are the ledgers whose balances are the customer's: its own, which has its id,
    and those of ghosts that were linked to it later. `meter_version` is the version of the
    organization's meters when its own ledger began. `rev` rises with every change of the profile.
    """

    id: str
    email: str
    created_at: datetime
    meter_version: int
    ledger_ids: tuple[str, ...]
    name: str | None = None
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    type: CustomerType = "individual"
    billing_address: Mapping[str, Any] | None = None
    tax_id: str | None = None
    locale: str | None = None
    modified_at: datetime | None = None
    deleted_at: datetime | None = None
    rev: int = 1

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            id=item["id"],
            email=item["email"],
            created_at=times.from_text(item["created_at"]),
            meter_version=int(item["meter_version"]),
            ledger_ids=tuple(item["ledger_ids"]),
            name=item["name"],
            external_id=item["external_id"],
            metadata=from_stored(item["metadata"]),
            type=item["type"],
            billing_address=item["billing_address"],
            tax_id=item["tax_id"],
            locale=item["locale"],
            modified_at=times.from_optional_text(item["modified_at"]),
            deleted_at=times.from_optional_text(item["deleted_at"]),
            rev=int(item["rev"]),
        )

    def to_item(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "email": self.email,
            "created_at": times.to_text(self.created_at),
            "meter_version": self.meter_version,
            "ledger_ids": list(self.ledger_ids),
            "name": self.name,
            "external_id": self.external_id,
            "metadata": to_stored(self.metadata),
            "type": self.type,
            "billing_address": None if self.billing_address is None else dict(self.billing_address),
            "tax_id": self.tax_id,
            "locale": self.locale,
            "modified_at": times.to_optional_text(self.modified_at),
            "deleted_at": times.to_optional_text(self.deleted_at),
            "rev": self.rev,
        }

    def deleted(self, now: datetime, *, anonymize: bool) -> Customer:
        """The customer as deletion leaves it: the ledgers stay, and the profile unless hashed."""
        gone = replace(self, deleted_at=now, modified_at=now)
        if not anonymize:
            return gone
        return replace(
            gone,
            email=f"{_digest(self.email.casefold())}@anonymized.invalid",
            name=None if self.name is None else _digest(self.name),
            billing_address=None,
            tax_id=None,
            metadata={},
        )


def placeholder(customer_id: str) -> str:
    """What stands for the e-mail address of a customer who was made without one."""
    return f"{customer_id}@{NO_EMAIL_DOMAIN}"


def profile(item: Mapping[str, Any] | None) -> Customer | None:
    """The living customer of a customer's item, if it has one.

    The item may be absent, deleted, or only the mark that a ghost's ledger is spread.
    """
    if item is None or "created_at" not in item or item["deleted_at"] is not None:
        return None
    return Customer.from_item(item)


class CustomerSummary(Struct, frozen=True):
    """What the list of customers sorts and searches by: of a living customer, and kept in step."""

    id: str
    created_at: datetime
    email: str
    name: str | None
    external_id: str | None
    metadata: Mapping[str, Any]

    @classmethod
    def of(cls, customer: Customer) -> Self:
        return cls(
            id=customer.id,
            created_at=customer.created_at,
            email=customer.email,
            name=customer.name,
            external_id=customer.external_id,
            metadata=customer.metadata,
        )

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        created_at, customer_id = keys.parse_card(item[keys.SORT])
        return cls(
            id=customer_id,
            created_at=times.from_text(created_at),
            email=item["email"],
            name=item["name"],
            external_id=item["external_id"],
            metadata=from_stored(item["metadata"]),
        )

    def to_item(self) -> dict[str, Any]:
        """The item, but for its key, which has the id and the time."""
        return {
            "email": self.email,
            "name": self.name,
            "external_id": self.external_id,
            "metadata": to_stored(self.metadata),
        }

    def has_text(self, text: str) -> bool:
        """Whether a part of the address, the name or the external id is this folded text."""
        texts = (self.email, self.name, self.external_id)
        return any(text in folded(each) for each in texts if each is not None)


class Pointer(Struct, frozen=True):
    """What an external id leads to: a customer and the ledger that its events go to.

    A pointer without a customer's profile is a ghost: events came before the customer did. A
    released one leads nowhere: its customer was deleted. `earlier` are the ledgers that it led
    to before, each with the time when it ceased to, so that nobody inherits another's credits.
    `next` is a copy of the customer's: when lots expire next, by meter. `rev` rises with every
    change.
    """

    state: Literal["ghost", "customer", "released"]
    customer_id: str
    ledger_id: str
    meter_version: int
    earlier: tuple[tuple[str, datetime], ...] = ()
    spread: bool = False
    created_at: datetime | None = None
    next: Mapping[str, str] = field(default_factory=dict)
    rev: int = 0

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            state=item["state"],
            customer_id=item["customer_id"],
            ledger_id=item["ledger_id"],
            meter_version=int(item["meter_version"]),
            earlier=tuple((ledger, times.from_text(until)) for ledger, until in item["earlier"]),
            spread=item.get("spread", False),
            created_at=times.from_optional_text(item["created_at"]),
            next=item.get("next", {}),
            rev=int(item["rev"]),
        )

    def to_item(self, org_keys: keys.Keys) -> dict[str, Any]:
        """The item, listed in the directory of ghosts for as long as it is one."""
        item: dict[str, Any] = {
            "state": self.state,
            "customer_id": self.customer_id,
            "ledger_id": self.ledger_id,
            "meter_version": self.meter_version,
            "earlier": [[ledger, times.to_text(until)] for ledger, until in self.earlier],
            "spread": self.spread,
            "created_at": times.to_optional_text(self.created_at),
            "rev": self.rev,
        }
        if self.next:
            item["next"] = dict(self.next)
        if self.state == "ghost":
            item |= directory_entry(
                org_keys.ghost_directory(keys.directory_slice(self.ledger_id)),
                self.created_at,
                self.ledger_id,
            )
        return item

    def linked(self, customer_id: str, next_: Mapping[str, str]) -> Pointer:
        """The ghost's pointer once it has become, or was linked to, a customer."""
        return replace(
            self, state="customer", customer_id=customer_id, next=next_, rev=self.rev + 1
        )

    def released(self, now: datetime) -> Pointer:
        return replace(
            self,
            state="released",
            earlier=(*self.earlier, (self.ledger_id, now)),
            spread=False,
            next={},
            rev=self.rev + 1,
        )


def directory_entry(partition: str, created_at: datetime | None, id_: str) -> dict[str, str]:
    """The attributes that list an item in the directory, in the order of creation."""
    created = times.to_optional_text(created_at) or ""
    return {keys.DIRECTORY_PARTITION: partition, keys.DIRECTORY_SORT: f"{created}#{id_}"}


class Ledger(Struct, frozen=True):
    """Where the events of a customer go, as an event named it.

    `pointer` is set where the external id leads nowhere yet: the pointer to put with the first
    event, which makes the customer a ghost. `earlier` are the ledgers that the external id led
    to before, as the pointer has them. `next` says when lots of its customer expire next, by meter;
    None where nobody has looked.
    """

    id: str
    meter_version: int
    spread: bool = False
    pointer: Pointer | None = None
    earlier: tuple[tuple[str, datetime], ...] = ()
    next: Mapping[str, str] | None = None


def next_in(item: Mapping[str, Any] | None) -> Mapping[str, str]:
    """When lots of a customer's item expire next, by meter; those of a deleted one are frozen."""
    if item is None or "created_at" not in item or item["deleted_at"] is not None:
        return {}
    found: Mapping[str, str] = item.get("next", {})
    return found


def due(next_: Mapping[str, str], now: datetime) -> list[str]:
    """The meters of which lots have expired by now, as their customer's item calls them."""
    text = times.to_text(now)
    return [name for name, at in next_.items() if at <= text]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
