"""Where lines are sent: events to the API or into the ingestion queue, customers to the API.

Each takes a batch under its key any number of times, and what it holds counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from aureon.access import admission
from aureon.core import exact, times
from aureon.core.errors import AureonError, Invalid
from aureon.domain.events import Event
from aureon.ledger import ingestion, messages
from aureon.storage.queue import Queue, Unsendable, text
from aureon_cli.transfer.http_api import HttpApi
from aureon_cli.transfer.journal import Counts
from aureon_cli.transfer.meters import Meters

PAGE_ITEMS: Final = 100
METERS_READ: Final = (
    "meters:read, by which strings are found that stand for numbers. "
    "Give --text-is-text to send all as it is"
)

# What SQS takes in JSON only as an escape.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
UNSENDABLE_CHARACTERS: Final = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}


class Refused(AureonError):
    """What cannot be taken; `reasons` says why, by the places in what was sent."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__(f"{len(reasons)} were refused.")
        self.reasons = reasons


class DestinationError(AureonError):
    """Nothing can be sent there, and why."""


@dataclass(frozen=True)
class Sent:
    """What became of what was sent.

    `conflicts` are the places of those that counted before with other content. `warnings` say what
    is odd about which of those that counted.
    """

    counts: Counts
    conflicts: Sequence[int] = ()
    warnings: Mapping[int, str] = field(default_factory=dict)


class Destination(Protocol):
    """Where lines go.

    `name` tells it from all others. `outcomes` are the counts that it gives. `max_bytes` is when a
    batch is full, and what a line may have. `is_kept` says whether what was sent there stays, so
    that how far it came is worth remembering.
    """

    name: str
    outcomes: Sequence[str]
    max_bytes: int
    is_kept: bool

    def problems(self, events: Sequence[bytes]) -> Mapping[int, str]:
        """What must not be sent, by its place, and why, as far as that is seen before."""

    def send(self, key: str, events: Sequence[bytes]) -> Sent:
        """Send a batch. Raises `Refused`, and `Unavailable` where it may be sent again.

        Where nothing can be sent at all it raises `DestinationError` or `ApiError`.
        """

    def report(self) -> Sequence[str]:
        """What to say at the end, beyond the counts."""

    def close(self) -> None:
        """Let go of all connections, those in use too."""


class KnowsMeters(HttpApi):
    """The HTTP API, and which meters count."""

    @cached_property
    def meters(self) -> Meters:
        """The organization's meters that count. Raises `ApiError` and `Unavailable`."""
        found: list[Mapping[str, Any]] = []
        while True:
            page = len(found) // PAGE_ITEMS + 1
            query = {"is_archived": "false", "limit": PAGE_ITEMS, "page": page}
            answer = self._call("GET", "/v1/meters/", scopes=METERS_READ, params=query)
            if answer.status_code != 200:
                raise self._unexpected(answer)
            with self._sense():
                listed = exact.parse(answer.content)
                found += listed["items"]
                if page >= listed["pagination"]["max_page"]:
                    return Meters(found)


class Api(KnowsMeters):
    """The HTTP API, for events.

    Unless `text_is_text`, a string is not sent where a meter counts numbers: it would count as
    nothing, and its event's id would be used up.
    """

    outcomes: Sequence[str] = ("inserted", "duplicates", "conflicts")
    scopes = "events:write"
    # Twice as much is a body, and as an event for a function, escaped, it may double again.
    max_bytes = 1024 * 1024
    is_kept = True

    def __init__(self, url: str, token: str, *, text_is_text: bool = True) -> None:
        super().__init__(url, token)
        self._text_is_text = text_is_text

    def problems(self, events: Sequence[bytes]) -> Mapping[int, str]:
        if self._text_is_text:
            return {}
        return self.meters.strings_for_numbers(map(exact.parse, events))

    def send(self, key: str, events: Sequence[bytes]) -> Sent:
        answer = self._call(
            "POST", "/v1/events/ingest", content=body_of(events), headers={"Idempotency-Key": key}
        )
        with self._sense():
            return self._read(answer, len(events))

    def report(self) -> Sequence[str]:
        return ()

    def _read(self, answer: httpx.Response, events: int) -> Sent:
        """What an answer says of so many events."""
        match answer.status_code:
            case 200:
                counted = answer.json()
                conflicts = [int(place) for place in counted.get("conflicts", ())]
                counts = Counts(
                    inserted=counted["inserted"],
                    duplicates=counted["duplicates"],
                    conflicts=len(conflicts),
                )
                warnings = [(one["loc"], one["msg"]) for one in counted.get("warnings", ())]
                return Sent(counts, conflicts, reasons(warnings, events) if warnings else {})
            case 422:
                raise Refused(reasons(_problems(answer), events))
            case 409:
                reason = "It may have counted before, in a request that left out other lines."
                raise Refused(dict.fromkeys(range(events), reason))
        raise self._unexpected(answer)


class OneByOne(KnowsMeters):
    """The HTTP API, for what has a request each.

    A batch's requests go out one by one. What became of them is kept until the batch is done, so
    that what was made is not found when the rest is sent again.
    """

    outcomes: Sequence[str] = ("inserted", "duplicates")
    max_bytes = Api.max_bytes
    is_kept = True

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self._done: dict[str, dict[bytes, Counts]] = {}

    def problems(self, events: Sequence[bytes]) -> Mapping[int, str]:
        return {}

    def send(self, key: str, events: Sequence[bytes]) -> Sent:
        done = self._done.setdefault(key, {})
        reasons: dict[int, str] = {}
        counts = Counts()
        seen: set[bytes] = set()
        for place, one in enumerate(events):
            if one in seen:
                counts += Counts(duplicates=1)
                continue
            if one not in done:
                with self._sense():
                    try:
                        done[one] = self._create(one)
                    except Refused as refused:
                        reasons[place] = refused.reasons[0]
                        continue
            seen.add(one)
            counts += done[one]
        if reasons:
            raise Refused(reasons)
        del self._done[key]
        return Sent(counts)

    def report(self) -> Sequence[str]:
        return ()

    def _create(self, one: bytes) -> Counts:
        """Make what a line says. Raises `Refused`."""
        raise NotImplementedError


class GrantsApi(OneByOne):
    """The HTTP API, for grants. One that is sent again under its id is counted in again here."""

    scopes = "credits:grant"

    def _create(self, one: bytes) -> Counts:
        answer = self._call("POST", "/v1/credits/grants", content=one)
        match answer.status_code:
            case 200:
                return Counts(inserted=1)
            case 409:
                raise Refused({0: str(answer.json()["detail"])})
            case 422:
                said = [sentence(loc[1:], message) for loc, message in _problems(answer)]
                raise Refused({0: " ".join(said)})
        raise self._unexpected(answer)


class CustomersApi(OneByOne):
    """The HTTP API, for customers: each is made once, and left as it is where it is there."""

    scopes = "customers:read and customers:write"

    def _create(self, one: bytes) -> Counts:
        answer = self._call("POST", "/v1/customers/", content=one)
        if answer.status_code == 201:
            return Counts(inserted=1)
        if answer.status_code != 422:
            raise self._unexpected(answer)
        counts = self.compare(exact.parse(one))
        if counts is None:
            said = [sentence(loc[1:], message) for loc, message in _problems(answer)]
            raise Refused({0: " ".join(said)})
        return counts

    def compare(self, wanted: Mapping[str, Any]) -> Counts | None:
        """A customer who exists as this one would be made is a duplicate; None for a new customer.

        Raises `Refused` where the customer exists with other content.
        """
        existing = self._find(wanted)
        if existing is None:
            return None
        other = [name for name in _COMPARED if name in wanted and not _same(name, wanted, existing)]
        if other:
            reason = f"Customer {existing['id']} exists, with another {' and '.join(other)}."
            raise Refused({0: reason})
        return Counts(duplicates=1)

    def _find(self, wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The customer with the same external id or e-mail address, if it exists."""
        external_id, email = wanted.get("external_id"), wanted.get("email")
        if isinstance(external_id, str) and external_id:
            path = f"/v1/customers/external/{quote(external_id, safe='')}"
            answer = self._call("GET", path)
            if answer.status_code == 200:
                return exact.parse(answer.content)  # type: ignore[no-any-return]
        answer = self._call("GET", "/v1/customers/", params={"email": str(email)})
        found = exact.parse(answer.content)["items"]
        return found[0] if found else None


_COMPARED: Final = (
    *("email", "name", "external_id", "metadata", "type", "locale"),
    *("tax_id", "billing_address"),
)


def _same(name: str, wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    given, found = wanted[name], there[name]
    match name:
        case "email":
            return str(given).casefold() == str(found).casefold()
        case "tax_id":
            found = found[0] if found else None
        case "billing_address" if isinstance(given, Mapping):
            return all((found or {}).get(part) == held for part, held in given.items())
    return bool(given == found) or (not given and not found)


def _problems(answer: httpx.Response) -> list[tuple[Sequence[Any], str]]:
    return [(problem["loc"], problem["msg"]) for problem in answer.json()["detail"]]


def sentence(place: Sequence[Any], message: str) -> str:
    """What is wrong, and where."""
    return ": ".join([".".join(map(str, place)), message]) if place else message


class IngestionQueue:
    """The ingestion queue, for one organization. What a consumer would refuse is refused here."""

    outcomes: Sequence[str] = ("queued",)
    # Twice as much fits into a message, with its attributes.
    max_bytes = 120 * 1024
    is_kept = True

    def __init__(self, queue: Queue, organization_id: str) -> None:
        self.name = f"{queue.url} {organization_id}"
        self._queue = queue
        self._organization_id = organization_id

    def problems(self, events: Sequence[bytes]) -> Mapping[int, str]:
        return {}

    def send(self, key: str, events: Sequence[bytes]) -> Sent:
        body = body_of(events)
        checked(body, len(events))
        attributes = {
            admission.ORGANIZATION_ID: text(self._organization_id),
            messages.BATCH_ID: text(key),
        }
        try:
            self._queue.send(body.decode().translate(UNSENDABLE_CHARACTERS), attributes)
        except Unsendable as error:
            raise DestinationError(f"The queue does not take the message: {error}") from error
        return Sent(Counts(queued=len(events)))

    def report(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        self._queue.client.close()


def checked(body: bytes, events: int) -> list[Event]:
    """The events of a body. Raises `Refused` where some are not as the API takes them."""
    try:
        return ingestion.parse_events(exact.parse(body), times.now(), may_grant=True)
    except Invalid as error:
        problems = [(problem.loc, problem.msg) for problem in error.problems]
        raise Refused(reasons(problems, events)) from error


def body_of(events: Iterable[bytes]) -> bytes:
    """The body of an ingestion, with the events as they were written."""
    return b'{"events":[' + b",".join(events) + b"]}"


def reasons(problems: Iterable[tuple[Sequence[Any], str]], events: int) -> dict[int, str]:
    """What is wrong with which event. What is said of none of them is said of all."""
    reasons: dict[int, str] = {}
    for (_, *place), message in problems:
        match place:
            case ["events", int(number), *inner]:
                reason = sentence(inner, message)
                reasons[number] = f"{reasons[number]} {reason}" if number in reasons else reason
            case _:
                return dict.fromkeys(range(events), f"Of the whole request: {message}")
    return reasons
