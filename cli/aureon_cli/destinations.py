"""Where lines are sent: events to the API or into the ingestion queue, customers to the API.

Each takes a batch under its key any number of times, and what it holds counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from aureon import admission, exact, ingestion, messages, times
from aureon.errors import AureonError, Invalid
from aureon.queue import Queue, Unsendable, text
from aureon_cli.http_api import HttpApi
from aureon_cli.journal import Counts

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


class Destination(Protocol):
    """Where lines go.

    `name` tells it from all others. `outcomes` are the counts that it gives. `max_bytes` is when a
    batch is full, and what a line may have.
    """

    name: str
    outcomes: Sequence[str]
    max_bytes: int

    def send(self, key: str, events: Sequence[bytes]) -> Counts:
        """Send a batch. Raises `Refused`, and `Unavailable` where it may be sent again.

        Where nothing can be sent at all it raises `DestinationError` or `ApiError`.
        """

    def close(self) -> None:
        """Let go of all connections, those in use too."""


class Api(HttpApi):
    """The HTTP API, for events."""

    outcomes: Sequence[str] = ("inserted", "duplicates", "conflicts")
    scopes = "events:write"
    # Twice as much is a body, and as an event for a function, escaped, it may double again.
    max_bytes = 1024 * 1024

    def send(self, key: str, events: Sequence[bytes]) -> Counts:
        answer = self._call(
            "POST", "/v1/events/ingest", content=_body(events), headers={"Idempotency-Key": key}
        )
        with self._sense():
            return self._read(answer, len(events))

    def _read(self, answer: httpx.Response, events: int) -> Counts:
        """What an answer says of so many events."""
        match answer.status_code:
            case 200:
                counted = answer.json()
                return Counts(
                    inserted=counted["inserted"],
                    duplicates=counted["duplicates"],
                    conflicts=len(counted.get("conflicts", ())),
                )
            case 422:
                raise Refused(_reasons(_problems(answer), events))
            case 409:
                reason = "It may have counted before, in a request that left out other lines."
                raise Refused(dict.fromkeys(range(events), reason))
        raise self._unexpected(answer)


class CustomersApi(Api):
    """The HTTP API, for customers: each is made once, and left as it is where it is there.

    A batch's requests go out one by one. What became of them is kept until the batch is done, so
    that what was made is not found when the rest is sent again.
    """

    outcomes: Sequence[str] = ("inserted", "duplicates")
    scopes = "customers:read and customers:write"

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self._done: dict[str, dict[bytes, Counts]] = {}

    def send(self, key: str, customers: Sequence[bytes]) -> Counts:
        done = self._done.setdefault(key, {})
        reasons: dict[int, str] = {}
        counts = Counts()
        seen: set[bytes] = set()
        for place, customer in enumerate(customers):
            if customer in seen:
                counts += Counts(duplicates=1)
                continue
            if customer not in done:
                with self._sense():
                    try:
                        done[customer] = self._create(customer)
                    except Refused as refused:
                        reasons[place] = refused.reasons[0]
                        continue
            seen.add(customer)
            counts += done[customer]
        if reasons:
            raise Refused(reasons)
        del self._done[key]
        return counts

    def _create(self, customer: bytes) -> Counts:
        answer = self._call("POST", "/v1/customers/", content=customer)
        if answer.status_code == 201:
            return Counts(inserted=1)
        if answer.status_code != 422:
            raise self._unexpected(answer)
        wanted = exact.parse(customer)
        there = self._find(wanted)
        if there is None:
            said = [_sentence(loc[1:], message) for loc, message in _problems(answer)]
            raise Refused({0: " ".join(said)})
        other = [name for name in _COMPARED if name in wanted and not _same(name, wanted, there)]
        if other:
            reason = f"Customer {there['id']} is there, with another {' and '.join(other)}."
            raise Refused({0: reason})
        return Counts(duplicates=1)

    def _find(self, wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The customer that stands where one would be, if there is any."""
        external_id, email = wanted.get("external_id"), wanted.get("email")
        if isinstance(external_id, str) and external_id:
            path = f"/v1/customers/external/{quote(external_id, safe='')}"
            answer = self._call("GET", path)
            if answer.status_code == 200:
                return exact.parse(answer.content)  # type: ignore[no-any-return]
        answer = self._call("GET", "/v1/customers/", params={"email": str(email)})
        found = exact.parse(answer.content)["items"]
        return found[0] if found else None


_COMPARED: Final = ("email", "name", "external_id", "metadata", "type", "locale")


def _same(name: str, wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    given, found = wanted[name], there[name]
    if name == "email":
        return str(given).casefold() == str(found).casefold()
    return bool(given == found) or (not given and not found)


def _problems(answer: httpx.Response) -> list[tuple[Sequence[Any], str]]:
    return [(problem["loc"], problem["msg"]) for problem in answer.json()["detail"]]


def _sentence(place: Sequence[Any], message: str) -> str:
    """What is wrong, and where."""
    return ": ".join([".".join(map(str, place)), message]) if place else message


class IngestionQueue:
    """The ingestion queue, for one organization. What a consumer would refuse is refused here."""

    outcomes: Sequence[str] = ("queued",)
    # Twice as much fits into a message, with its attributes.
    max_bytes = 120 * 1024

    def __init__(self, queue: Queue, organization_id: str) -> None:
        self.name = f"{queue.url} {organization_id}"
        self._queue = queue
        self._organization_id = organization_id

    def send(self, key: str, events: Sequence[bytes]) -> Counts:
        body = _body(events)
        try:
            ingestion.parse_events(exact.parse(body), times.now())
        except Invalid as error:
            problems = [(problem.loc, problem.msg) for problem in error.problems]
            raise Refused(_reasons(problems, len(events))) from error
        attributes = {
            admission.ORGANIZATION_ID: text(self._organization_id),
            messages.BATCH_ID: text(key),
        }
        try:
            self._queue.send(body.decode().translate(UNSENDABLE_CHARACTERS), attributes)
        except Unsendable as error:
            raise DestinationError(f"The queue does not take the message: {error}") from error
        return Counts(queued=len(events))

    def close(self) -> None:
        self._queue.client.close()


def _body(events: Iterable[bytes]) -> bytes:
    """The body of an ingestion, with the events as they were written."""
    return b'{"events":[' + b",".join(events) + b"]}"


def _reasons(problems: Iterable[tuple[Sequence[Any], str]], events: int) -> dict[int, str]:
    """What is wrong with which event. What is said of none of them is said of all."""
    reasons: dict[int, str] = {}
    for (_, *place), message in problems:
        match place:
            case ["events", int(number), *inner]:
                reason = _sentence(inner, message)
                reasons[number] = f"{reasons[number]} {reason}" if number in reasons else reason
            case _:
                return dict.fromkeys(range(events), f"Of the whole request: {message}")
    return reasons
