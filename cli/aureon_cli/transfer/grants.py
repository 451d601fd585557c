"""``aureon export --grants``: the open grants with terms, as ``aureon import grants`` takes them.

What is left of each goes over, under its id as external id: it counts once where it arrives. A
recurrence brings as many units as it did, from its next occurrence on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

import typer

from aureon.api import serializers
from aureon.core import exact
from aureon.core.errors import NotFound, Unavailable
from aureon.credits import grants
from aureon.customers import profiles
from aureon.meters import catalog
from aureon.storage.store import OrganizationStore
from aureon_cli.transfer import http_api
from aureon_cli.transfer.exporting import PARTIAL_SUFFIX, STANDARD_OUTPUT, ExportError
from aureon_cli.transfer.http_api import MAX_TRIES, HttpApi
from aureon_cli.transfer.kinds import short_id

PAGE_ITEMS: Final = 100

Answer = Mapping[str, Any]
T = TypeVar("T")


class Source(Protocol):
    """Where grants come from."""

    def properties(self) -> Mapping[str, str]:
        """What each meter that counts adds up, by its id."""

    def customers(self) -> Iterator[Answer]:
        """Customers, as the API lists them."""

    def open_grants(self, customer_id: str) -> Sequence[Answer]:
        """The grants of a customer of which something is left, or will come, as the API shows."""


class Api(HttpApi):
    """The HTTP API."""

    scopes = "customers:read, meters:read and credits:read"

    def properties(self) -> Mapping[str, str]:
        meters = self._list("/v1/meters/", is_archived="false")
        return {meter["id"]: meter["aggregation"].get("property", "") for meter in meters}

    def customers(self) -> Iterator[Answer]:
        return self._list("/v1/customers/")

    def open_grants(self, customer_id: str) -> Sequence[Answer]:
        asked = {"customer_id": customer_id, "status": OPEN}
        return list(self._list("/v1/credits/grants", **asked))

    def _list(self, path: str, **query: Any) -> Iterator[Answer]:
        page = 0
        while True:
            page += 1
            asked = {**query, "limit": PAGE_ITEMS, "page": page}
            answer = _patiently(partial(self._call, "GET", path, params=asked))
            if answer.status_code != 200:
                raise self._unexpected(answer)
            with self._sense():
                found = exact.parse(answer.content)
                yield from found["items"]
                if page >= found["pagination"]["max_page"]:
                    return


@dataclass(frozen=True)
class Table:
    """The table itself, for one organization."""

    store: OrganizationStore

    def properties(self) -> Mapping[str, str]:
        return {
            meter.id: meter.aggregation.property or ""
            for meter in catalog.definitions(self.store).values()
            if meter.archived_at is None
        }

    def customers(self) -> Iterator[Answer]:
        for summary in profiles.read_all(self.store):
            for customer in profiles.read(self.store, [summary.id]):
                yield {"id": customer.id, "external_id": customer.external_id}

    def open_grants(self, customer_id: str) -> Sequence[Answer]:
        try:
            found = grants.find(self.store, customer_id, statuses=OPEN)
        except NotFound:
            return []
        return [_parsed(serializers.grant(grant)) for grant in found]


# One that is used up comes back, if it recurs.
OPEN: Final = ("active", "used_up")


def run(path: Path, source: Source, *, customer_ids: Sequence[str], names: Sequence[str]) -> None:
    """Export to a file, or to standard output for ``-``. Raises `ExportError` and `ApiError`."""
    lines = _lines(source, customer_ids, names)
    if path == STANDARD_OUTPUT:
        for line in lines:
            typer.echo(line)
        return
    if path.exists():
        raise ExportError(f"{path} exists already; choose another name, or remove it.")
    draft = path.with_name(path.name + PARTIAL_SUFFIX)
    count = 0
    with draft.open("w") as file:
        for line in lines:
            file.write(f"{line}\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    typer.echo(f"{count:,} grants are in {path}.", err=True)


def _lines(source: Source, customer_ids: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    properties = source.properties()
    for customer in source.customers():
        chosen = customer["id"] in customer_ids or customer["external_id"] in names
        if (customer_ids or names) and not chosen:
            continue
        found = source.open_grants(customer["id"])
        for grant in sorted(found, key=lambda grant: str(grant["created_at"])):
            property_ = properties.get(grant["meter_id"], "")
            if property_ and (grant["remaining_units"] or grant["recurrence"]):
                yield exact.write(_taken(grant, customer, property_)).decode()


def _taken(grant: Answer, customer: Answer, property_: str) -> dict[str, Any]:
    """A grant of what is left of one, as it is given."""
    found = {
        "name": grant["name"],
        "external_id": short_id(grant["id"]),
        "metadata": _with_units(grant["metadata"] or {}, property_, grant["remaining_units"]),
        "priority": grant["priority"],
    }
    if customer["external_id"] is None:
        found["customer_id"] = customer["id"]
    else:
        found["external_customer_id"] = customer["external_id"]
    if grant["recurrence"] is not None:
        found["recurrence"] = _recurrence(grant)
    elif grant["expires_at"] is not None:
        found["expires_at"] = grant["expires_at"]
    if grant["rollover"] is not None:
        found["rollover"] = _present(grant["rollover"])
    if grant["note"] is not None:
        found["note"] = grant["note"]
    return found


def _with_units(metadata: Answer, property_: str, units: Any) -> dict[str, Any]:
    name = property_.removeprefix("metadata.")
    outer, _, inner = name.partition(".")
    if name not in metadata and inner and isinstance(metadata.get(outer), Mapping):
        return {**metadata, outer: {**metadata[outer], inner: units}}
    return {**metadata, name: units}


def _recurrence(grant: Answer) -> dict[str, Any]:
    """The period that is under way, and those that come yet."""
    recurrence = grant["recurrence"]
    zone = ZoneInfo(recurrence["timezone"])
    left = recurrence["left"]
    return _present(
        {
            "every": recurrence["every"],
            "timezone": recurrence["timezone"],
            "anchor": datetime.fromisoformat(recurrence["anchor"]).replace(tzinfo=zone).isoformat(),
            "count": None if left is None else left + 1,
            "units": grant["units"] if recurrence["units"] is None else recurrence["units"],
        }
    )


def _present(terms: Answer) -> dict[str, Any]:
    return {name: held for name, held in terms.items() if held is not None}


def _parsed(answer: Any) -> Answer:
    """An answer as a caller reads it."""
    found: Answer = exact.parse(exact.write(answer))
    return found


def _patiently(ask: Callable[[], T]) -> T:
    for tried in range(1, MAX_TRIES + 1):
        try:
            return ask()
        except Unavailable as unavailable:
            if tried == MAX_TRIES:
                raise ExportError(f"{unavailable.detail} Tried {MAX_TRIES} times.") from unavailable
            http_api.BACKOFF.wait(tried)
    raise AssertionError
