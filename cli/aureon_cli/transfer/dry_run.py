"""``--dry-run``: reads everything, looks everything up, and sends nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from aureon.core import exact, times
from aureon.core.errors import Invalid
from aureon.domain.events import CustomerRef, Event
from aureon_cli.transfer.destinations import (
    Api,
    CustomersApi,
    GrantsApi,
    Refused,
    Sent,
    body_of,
    checked,
    sentence,
)
from aureon_cli.transfer.journal import Counts

UNKNOWN: Final = "customer_id: Customer does not exist."


class DryRunApi(Api):
    """Says what events would count for which meter.

    Ids that events had in this file are known, those that counted before are not.
    """

    scopes = "customers:read"
    is_kept = False

    def __init__(self, url: str, token: str, *, text_is_text: bool = True) -> None:
        super().__init__(url, token, text_is_text=text_is_text)
        self._lock = threading.Lock()
        self._known: dict[CustomerRef, bool] = {}
        # What each external id of the file says.
        self._seen: dict[str, bytes] = {}
        self._without_meter = 0

    def send(self, key: str, events: Sequence[bytes]) -> Sent:
        found = checked(body_of(events), len(events))
        self._look_up({event.customer for event in found})
        unknown = [
            event.position
            for event in found
            if not event.customer.by_external_id and not self._known[event.customer]
        ]
        if unknown:
            raise Refused(dict.fromkeys(unknown, UNKNOWN))
        with self._lock:
            return self._count(found)

    def report(self) -> Sequence[str]:
        """What would count for which meter."""
        exist = sum(self._known.values())
        new = sum(not known for name, known in self._known.items() if name.by_external_id)
        return [
            *self.meters.report(),
            f"no meter: {self._without_meter:,} events",
            f"customers: {exist:,} exist, {new:,} are new external ids",
        ]

    def _count(self, events: Iterable[Event]) -> Sent:
        counts = Counts()
        conflicts = []
        for event in events:
            fingerprint = event.fingerprint()
            before = self._seen.get(event.external_id or "")
            if before is not None:
                differs = before != fingerprint
                conflicts += [event.position] if differs else []
                counts += Counts(duplicates=1, conflicts=int(differs))
                continue
            if event.external_id is not None:
                self._seen[event.external_id] = fingerprint
            counts += Counts(inserted=1)
            self._without_meter += not self.meters.count(event)
        return Sent(counts, conflicts)

    def _look_up(self, names: Iterable[CustomerRef]) -> None:
        for name in names:
            if name in self._known:
                continue
            path = "external/" if name.by_external_id else ""
            answer = self._call("GET", f"/v1/customers/{path}{quote(name.id, safe='')}")
            if answer.status_code not in (200, 404):
                raise self._unexpected(answer)
            self._known[name] = answer.status_code == 200


class DryRunCustomers(CustomersApi):
    """Says which customers would be made."""

    scopes = "customers:read"
    is_kept = False

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self._lock = threading.Lock()
        # Which customer of the file has an external id or an e-mail address.
        self._seen: dict[tuple[str, Any], bytes] = {}

    def _create(self, one: bytes) -> Counts:
        # It is much to load, for every command.
        from aureon.core.bodies import check
        from aureon.customers.bodies import CustomerBody

        wanted = exact.parse(one)
        try:
            check(CustomerBody, wanted)
        except Invalid as error:
            said = [sentence(problem.loc[1:], problem.msg) for problem in error.problems]
            raise Refused({0: " ".join(said)}) from error
        with self._sense():
            counts = self.compare(wanted)
        names = [("email", wanted["email"].casefold()), ("external_id", wanted.get("external_id"))]
        with self._lock:
            for name, value in names:
                before = self._seen.get((name, value)) if value else None
                if before == one:
                    return Counts(duplicates=1)
                if before is not None:
                    raise Refused({0: f"Another customer of the file has the same {name}."})
            self._seen |= dict.fromkeys(names, one)
        return counts or Counts(inserted=1)


class DryRunGrants(GrantsApi):
    """Says which grants would be made."""

    scopes = "customers:read and meters:read"
    is_kept = False

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self._seen: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def _create(self, one: bytes) -> Counts:
        # It is much to load, for every command.
        from aureon.core.bodies import check
        from aureon.credits.grant_bodies import GrantBody

        try:
            body = check(GrantBody, exact.parse(one))
        except Invalid as error:
            said = [sentence(problem.loc[1:], problem.msg) for problem in error.problems]
            raise Refused({0: " ".join(said)}) from error
        customer = body.customer
        path = "external/" if customer.by_external_id else ""
        answer = self._call("GET", f"/v1/customers/{path}{quote(customer.id, safe='')}")
        if answer.status_code != 200 and (body.has_terms or not customer.by_external_id):
            raise Refused({0: UNKNOWN})
        event = Event(0, customer, body.name, times.now(), body.metadata)
        with self._lock:
            before = self._seen.setdefault(body.external_id or "", one)
            if before != one:
                raise Refused({0: "Another grant of the file has the same external_id."})
            if not self.meters.count(event):
                raise Refused({0: "No meter counts this event."})
        return Counts(inserted=1)

    def report(self) -> Sequence[str]:
        return tuple(self.meters.report())
