"""Organizations: what each is called, and the settings of what it shows to its customers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import uuid_utils
from msgspec import Struct

from aureon.access import activity
from aureon.core import times
from aureon.core.errors import Invalid, NotFound, Problem
from aureon.core.metadata import MAX_METADATA_KEY_CHARACTERS, MAX_METADATA_KEYS
from aureon.storage import keys
from aureon.storage.expressions import present
from aureon.storage.keys import Keys
from aureon.storage.limits import MAX_BATCH_GET_KEYS
from aureon.storage.store import (
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    put_new,
    update,
)

MAX_NAME_CHARACTERS: Final = 256
MAX_ORIGINS: Final = 20
MAX_ORIGIN_CHARACTERS: Final = 255
COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
# https://datatracker.ietf.org/doc/html/rfc6454#section-6.2, without what a browser would not send.
ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[1-9]\d{0,4})?")
# A browser leaves out the port that goes with the scheme.
USUAL_PORTS: Final = {"https": ":443", "http": ":80"}


class Settings(Struct, frozen=True):
    """What an organization has chosen: a colour as ``#rrggbb``, an IANA time zone, the origins of
    pages that may show what it shows to its customers, and which keys of events' metadata it shows
    to them. None has not been chosen.
    """

    colour: str | None = None
    time_zone: str | None = None
    origins: tuple[str, ...] = ()
    portal_metadata_keys: tuple[str, ...] = ()


class Organization(Struct, frozen=True):
    """An organization as it stands."""

    id: str
    name: str
    created_at: datetime
    modified_at: datetime | None
    settings: Settings

    @classmethod
    def from_item(cls, item: Item) -> Self:
        settings = Settings(
            item.get("colour"),
            item.get("time_zone"),
            tuple(item.get("origins", ())),
            tuple(item.get("portal_metadata_keys", ())),
        )
        return cls(
            item["id"],
            item["name"],
            times.from_text(item["created_at"]),
            times.from_optional_text(item.get("modified_at")),
            settings,
        )


def create(store: Store, name: str, organization_id: str | None = None) -> str:
    """Create an organization and return its id. Creating one that exists changes nothing."""
    organization_id = organization_id or str(uuid_utils.uuid7())
    created_at = times.to_text(times.now())
    item = {
        "id": organization_id,
        "name": name,
        "created_at": created_at,
        keys.DIRECTORY_PARTITION: keys.organizations(),
        keys.DIRECTORY_SORT: f"{created_at}{keys.SEPARATOR}{organization_id}",
    }
    with suppress(TransactionCancelled):
        store.commit([put_new(Keys(organization_id).organization(), item)])
    return organization_id


def ids(store: Store) -> Iterator[str]:
    """The ids of all organizations, in the order of creation. Raises `Unavailable`."""
    for entry in store.query_index(keys.organizations()):
        yield keys.listed_id(entry[keys.DIRECTORY_SORT])


def name_of(store: OrganizationStore) -> str:
    """What an organization is called. Raises `NotFound`."""
    item = store.get(store.keys.organization())
    if item is None:
        raise NotFound(f"There is no organization {store.organization_id}.")
    name: str = item["name"]
    return name


def read(store: OrganizationStore) -> Organization:
    """An organization as it stands. Raises `NotFound`."""
    item = store.get(store.keys.organization())
    if item is None:
        raise NotFound(f"Organization {store.organization_id} does not exist.")
    return Organization.from_item(item)


def read_all(store: Store) -> Iterator[Organization]:
    """All organizations, in the order of creation. Raises `Unavailable`."""
    left = ids(store)
    while some := list(islice(left, MAX_BATCH_GET_KEYS)):
        wanted = [Keys(id_).organization() for id_ in some]
        found = store.batch_get(wanted)
        yield from (Organization.from_item(found[key]) for key in wanted if key in found)


def change(
    store: OrganizationStore,
    *,
    name: str | None = None,
    colour: str | None = None,
    time_zone: str | None = None,
    origins: Sequence[str] | None = None,
    portal_metadata_keys: Sequence[str] | None = None,
) -> Organization:
    """Change what is given; what is empty is taken away. Raises `Invalid` and `NotFound`.

    The audit trail tells what it was changed to.
    """
    given: dict[str, Any] = {
        "name": name,
        "colour": colour and colour.lower(),
        "time_zone": time_zone,
        "origins": None if origins is None else _distinct(map(_as_sent, origins)),
        "portal_metadata_keys": None
        if portal_metadata_keys is None
        else _distinct(portal_metadata_keys),
    }
    given = {key: value for key, value in given.items() if value is not None}
    if problems := list(_problems(given)):
        raise Invalid(problems)
    if given:
        kept = {key: value for key, value in given.items() if value}
        gone = [key for key in given if key not in kept]
        kept["modified_at"] = times.to_text(times.now())
        key = store.keys.organization()
        note = activity.noted(store, "organization.changed", store.organization_id, **given)
        try:
            store.commit([update(key, kept, removed=gone, condition=present()), note])
        except TransactionCancelled as error:
            raise NotFound(f"Organization {store.organization_id} does not exist.") from error
    return read(store)


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, values)))


def _as_sent(origin: str) -> str:
    """An origin as a browser writes it: in lower case, without a usual port or a path."""
    scheme, _, host = origin.strip().lower().removesuffix("/").partition("://")
    usual = USUAL_PORTS.get(scheme)
    return f"{scheme}://{host.removesuffix(usual)}" if usual else origin


def _problems(given: dict[str, Any]) -> Iterator[Problem]:
    def problem(field: str, message: str) -> Problem:
        return Problem("value_error", ("body", field), message, given[field])

    name, colour, zone = given.get("name"), given.get("colour"), given.get("time_zone")
    if name is not None and not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS:
        yield problem("name", f"A name has 1 to {MAX_NAME_CHARACTERS} characters.")
    if colour and not COLOUR.fullmatch(colour):
        yield problem("colour", "A colour is written as #rrggbb, as in #3366ff.")
    if zone and not _is_zone(zone):
        yield problem("time_zone", "Unknown time zone; use an IANA name such as Europe/Berlin.")
    origins, metadata_keys = given.get("origins", ()), given.get("portal_metadata_keys", ())
    if len(origins) > MAX_ORIGINS:
        yield problem("origins", f"At most {MAX_ORIGINS} origins are allowed.")
    for origin in origins:
        if len(origin) > MAX_ORIGIN_CHARACTERS or not ORIGIN.fullmatch(origin):
            yield problem("origins", f"{origin} is not an origin, such as https://app.example.com.")
    if len(metadata_keys) > MAX_METADATA_KEYS:
        yield problem("portal_metadata_keys", f"At most {MAX_METADATA_KEYS} keys are allowed.")
    if any(len(one) > MAX_METADATA_KEY_CHARACTERS for one in metadata_keys):
        message = f"A key has 1 to {MAX_METADATA_KEY_CHARACTERS} characters."
        yield problem("portal_metadata_keys", message)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
