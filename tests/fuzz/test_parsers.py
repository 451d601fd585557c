"""Fuzzing: whatever arrives, it is read, or refused in the words that are meant for it.

``make fuzz`` gives each of these some ten thousand inputs, ``make test`` a few dozen.
"""

from __future__ import annotations

import os
import zlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aureon.access import admission, organizations, tokens
from aureon.access.bodies import TokenBody
from aureon.access.rates import RateLimiter
from aureon.access.tokens import TokenAuthenticator
from aureon.api import runtime
from aureon.api.routes import ROUTES
from aureon.core import exact, times
from aureon.core.bodies import check
from aureon.core.errors import AureonError, Invalid, TooLarge
from aureon.credits.bodies import CaptureBody, HoldBody, SpendBody
from aureon.customers.bodies import CustomerBody, CustomerUpdateBody
from aureon.domain.events import CustomerRef, Event, EventLocation, event_id, parse_event_id
from aureon.domain.filters import Filter, compile_filter
from aureon.domain.pages import MAX_DECODED_BYTES, decode_events
from aureon.ledger import messages
from aureon.ledger.dead_letter_bodies import RedriveBody
from aureon.ledger.ingestion import parse_events
from aureon.ledger.messages import Message, Refused
from aureon.meters.backfills import Job
from aureon.meters.bodies import FilterBody, MeterBody, MeterUpdateBody, PreviewBody
from aureon.projection import stream
from aureon.storage import keys
from aureon.storage.store import Store
from aureon_cli.gateway import Context
from tests.fuzz.inputs import bodies, contents, filters, metadata, numbers, texts, values
from tests.support import inline_engine
from tests.support.clock import START
from tests.support.handlers import HANDLERS, TABLE, Api
from tests.support.seams import without_pauses

INPUTS: Final = int(os.environ.get("AUREON_FUZZ_INPUTS", "40"))
MODELS: Final = (
    *(SpendBody, HoldBody, CaptureBody, CustomerBody, CustomerUpdateBody, RedriveBody),
    *(FilterBody, MeterBody, MeterUpdateBody, PreviewBody),
)
fuzz: Final = settings(
    max_examples=INPUTS,
    deadline=None,
    database=None,
    derandomize=INPUTS < 1_000,
    suppress_health_check=list(HealthCheck),
)


@fuzz
@given(contents)
def test_a_body_is_json_or_none(content: bytes) -> None:
    with suppress(ValueError):
        value = exact.parse(content)
        assert exact.parse(exact.write(value)) == value


@fuzz
@given(bodies)
def test_every_body_is_checked(body: Any) -> None:
    for model in MODELS:
        with suppress(Invalid):
            check(model, body)
    with suppress(Invalid):
        check(TokenBody, body)


@fuzz
@given(bodies)
def test_events_are_taken_or_refused_by_their_places(body: Any) -> None:
    try:
        events = parse_events(body, START, may_grant=True)
    except Invalid as error:
        assert all(problem.loc[0] == "body" for problem in error.problems)
    except TooLarge:
        pass
    else:
        assert all(event.timestamp.tzinfo is not None for event in events)


@fuzz
@given(filters, metadata, texts)
def test_a_filter_that_is_taken_can_be_kept_and_asked(
    given_filter: Any, data: Any, name: str
) -> None:
    try:
        filter_ = check(FilterBody, given_filter).to_filter()
    except Invalid:
        return
    kept = Filter.from_dict(filter_.to_dict())
    event = Event(0, CustomerRef(True, "a"), name, START, data if isinstance(data, dict) else {})
    assert compile_filter(kept)(event) is compile_filter(filter_)(event)


@fuzz
@given(st.one_of(st.binary(max_size=80), contents.map(zlib.compress)))
def test_a_page_is_read_or_is_none(body: bytes) -> None:
    with suppress(ValueError, TypeError, zlib.error):
        decode_events(body)


@fuzz
@given(values, st.binary(max_size=40))
def test_a_record_of_the_stream_is_read_or_unreadable(value: Any, content: bytes) -> None:
    image = {
        "pk": {"S": f"organization#LOG#{str(value)[:50]}"},
        "sk": {"S": str(value)[:50]},
        "body": {"B": b64encode(content).decode()},
        "last": {"N": "0"},
        "meter_version": {"N": "0"},
    }
    with suppress(stream.Unreadable):
        stream._page(image)


@fuzz
@given(st.one_of(texts, st.binary(max_size=60).map(lambda raw: urlsafe_b64encode(raw).decode())))
def test_an_events_id_is_one_that_was_given_or_none(text: str) -> None:
    with suppress(ValueError):
        assert event_id(parse_event_id(text)) == text


@fuzz
@given(texts, texts, texts, st.integers(0, 10**6 - 1), st.integers(0, 10**6 - 1))
def test_no_part_of_a_key_becomes_another(
    organization_id: str, one: str, other: str, group: int, first: int
) -> None:
    own = keys.Keys("organization")
    builders: tuple[Callable[[str], keys.Key], ...] = (
        *(own.customer, own.email, own.external, own.meter, own.claim, own.hold),
        *(own.hold_outcome, own.batch, own.token_record),
    )
    for build in builders:
        assert (build(one) == build(other)) is (one == other)
        assert build(one).pk.startswith("organization#")
    assert len({build(one) for build in builders}) == len(builders)
    place = keys.PageKey("2026-11-24T01", one, group, first)
    assert keys.parse_page(keys.page_sort(place)) == place
    found = EventLocation("ledger", place, first)
    # No id of an event is that long, or of such characters.
    with suppress(ValueError):
        assert parse_event_id(event_id(found)) == found


@fuzz
@given(
    contents,
    st.dictionaries(
        st.sampled_from(
            [
                admission.ORGANIZATION_ID,
                messages.RECEIVED_AT,
                messages.BATCH_ID,
                admission.REQUEST_KEY,
            ]
        ),
        texts,
    ),
)
def test_a_message_is_read_or_refused(content: bytes, attributes: dict[str, str]) -> None:
    record = {
        "messageId": "message-1",
        "body": content.decode(errors="replace"),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1760000000000"},
        "messageAttributes": {
            name: {"dataType": "String", "stringValue": text} for name, text in attributes.items()
        },
    }
    with suppress(Refused):
        messages.parse(Message.from_record(record))


@fuzz
@given(contents)
def test_a_job_is_read_or_is_none(content: bytes) -> None:
    with suppress(ValueError, TypeError):
        Job.from_body(content.decode(errors="replace"))


@fuzz
@given(texts | st.datetimes().map(str))
def test_a_time_has_its_offset_and_its_place_in_the_calendar(text: str) -> None:
    with suppress(ValueError):
        moment = times.from_text(text)
        assert times.from_text(times.to_text(moment)) == moment


def test_a_page_that_would_fill_the_memory_is_not_unpacked() -> None:
    """A thousand times as long as what is sent."""
    bomb = zlib.compress(b"[" + b" " * (2 * MAX_DECODED_BYTES) + b"]")

    with pytest.raises(ValueError, match="too long"):
        decode_events(bomb)


# Whole requests, through the handlers, against a table.


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with inline_engine.table() as store, without_pauses():
        yield store


@pytest.fixture(scope="module")
def api(store: Store) -> Iterator[Api]:
    """A caller with a meter, and a customer that has a hold."""
    runtime.logger.setLevel("CRITICAL")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_store", lambda: store)
        organization_id = organizations.create(store, "Fuzzed")
        token, _ = tokens.create(store.of(organization_id))
        api = Api(store.of(organization_id), token)
        api.meter()
        api.customer("user@example.com", external_id="user_123")
        yield api
    runtime.logger.setLevel("WARNING")


QUERIES: Final = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("page", "limit", "sorting", "email", "query", "metadata[a]", "customer_id"),
                *("external_customer_id", "meter_id", "name", "source", "start_timestamp"),
                *("end_timestamp", "interval", "timezone", "is_archived", "anonymize", "format"),
            ]
        )
        | texts,
        st.one_of(
            texts,
            numbers.map(lambda number: str(number)[:50]),
            st.sampled_from(["hour", "day", "Europe/Berlin", "../../etc/passwd", "-created_at"]),
        ),
    ),
    max_size=4,
)
# The queue's own route has no function; the files' need none of these.
SERVED: Final = [route for route in ROUTES if route.handler != "export"]


@fuzz
@given(st.sampled_from(SERVED), texts, QUERIES, contents)
def test_every_request_has_an_answer(
    api: Api, route: Any, id_: str, query: list[tuple[str, str]], content: bytes
) -> None:
    """Never a 500; and no header of it is the caller's to write."""
    quoted = quote(id_, safe="")
    path = route.path
    for name in ("{id}", "{external_id}", "{name}"):
        path = path.replace(name, quoted)
    target = TABLE.find(unquote(path))
    if target is None or route.method not in target.routes:
        # The id has made it another path, or none.
        return
    encoded = urlencode(query, errors="surrogatepass")
    sent = b"" if route.method in ("GET", "DELETE") else content
    name, event = api.event(route.method, path, query=encoded)
    event |= {"body": b64encode(sent).decode(), "isBase64Encoded": True}
    event["headers"]["content-type"] = "application/json"

    answer = HANDLERS[name](event, Context(name))

    assert answer["statusCode"] < 500, answer
    assert not [line for line in answer["headers"].values() if "\n" in line or "\r" in line]


@fuzz
@given(texts, texts, texts)
def test_nothing_but_the_dashboards_own_files_is_served(
    api: Api, name: str, encoding: str, tag: str
) -> None:
    _, event = api.event("GET", "/assets/app.js")
    event["rawPath"] = f"/assets/{name}"
    event["pathParameters"] = {"name": name}
    event["headers"] = {"accept-encoding": encoding, "if-none-match": tag}

    answer = HANDLERS["dashboard"](event, Context("dashboard"))

    assert answer["statusCode"] == 404, answer


@fuzz
@given(texts, texts)
def test_a_token_is_known_or_refused(api: Api, header: str, key: str) -> None:
    """What the queue's gateway asks, before anything is accepted."""
    for authorization in (header, f"Bearer {header}", f"bearer  {api.token}{header}x"):
        headers = {"authorization": authorization, "idempotency-key": key}
        with suppress(AureonError):
            assert not admission.authorize(TokenAuthenticator(), RateLimiter(), api.store, headers)
