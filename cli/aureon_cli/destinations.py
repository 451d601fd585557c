"""Where ``aureon ingest`` sends events: to the API, or into the ingestion queue.

Either takes a batch under its key any number of times, and its events count once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import httpx

from aureon import admission, exact, ingestion, messages, times
from aureon.errors import AureonError, Invalid, Unavailable
from aureon.queue import Queue, Unsendable, text
from aureon_cli.journal import Counts

REQUEST_SECONDS: Final = 35.0
# Answers after which the same request may succeed.
PASSING: Final = (429, 500, 502, 503, 504)
# What SQS takes in JSON only as an escape.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
UNSENDABLE_CHARACTERS: Final = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}


class Refused(AureonError):
    """Events that cannot be counted; `reasons` says why, by their places in what was sent."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__(f"{len(reasons)} events were refused.")
        self.reasons = reasons


class DestinationError(AureonError):
    """Nothing can be sent there, and why."""


class Destination(Protocol):
    """Where events go.

    `name` tells it from all others. `outcomes` are the counts that it gives. `max_bytes` is when a
    batch is full, and what a line may have.
    """

    name: str
    outcomes: Sequence[str]
    max_bytes: int

    def send(self, key: str, events: Sequence[bytes]) -> Counts:
        """Send a batch. Raises `Refused`, and `Unavailable` where it may be sent again."""

    def close(self) -> None:
        """Let go of all connections, those in use too."""


class Api:
    """The HTTP API, with an access token."""

    outcomes: Sequence[str] = ("inserted", "duplicates", "conflicts")
    # Twice as much is a body, and as an event for a function, escaped, it may double again.
    max_bytes = 1024 * 1024

    def __init__(self, url: str, token: str) -> None:
        self.name = f"{url} {hashlib.sha256(token.encode()).hexdigest()[:16]}"
        self._url = url
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=REQUEST_SECONDS,
            limits=httpx.Limits(max_connections=None),
        )

    def send(self, key: str, events: Sequence[bytes]) -> Counts:
        try:
            answer = self._client.post(
                "/v1/events/ingest", content=_body(events), headers={"Idempotency-Key": key}
            )
        except httpx.TransportError as error:
            detail = f"{self._url} does not answer: {error}."
            raise Unavailable(detail, retry_after_seconds=0) from error
        try:
            return self._read(answer, len(events))
        except (ValueError, LookupError, TypeError) as error:
            raise DestinationError(f"{self._url} does not answer as Aureon does.") from error

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
                problems = [(problem["loc"], problem["msg"]) for problem in answer.json()["detail"]]
                raise Refused(_reasons(problems, events))
            case 409:
                reason = "It may have counted before, in a request that left out other lines."
                raise Refused(dict.fromkeys(range(events), reason))
            case status if status in PASSING:
                raise Unavailable(
                    f"{self._url} answers {status}.", retry_after_seconds=_retry_after(answer)
                )
            case 401 | 403:
                raise DestinationError(f"{self._url} does not take this token for events:write.")
        raise DestinationError(f"{self._url} answers {answer.status_code}: {answer.text[:200]}")

    def close(self) -> None:
        self._client.close()


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
                reason = ": ".join([".".join(map(str, inner)), message]) if inner else message
                reasons[number] = f"{reasons[number]} {reason}" if number in reasons else reason
            case _:
                return dict.fromkeys(range(events), f"Of the whole request: {message}")
    return reasons


def _retry_after(answer: httpx.Response) -> int:
    text = answer.headers.get("Retry-After", "")
    return int(text) if text.isdecimal() else 0
