"""Pages: what an event is in the log, and that every event fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aureon.core import times
from aureon.core.identifiers import MAX_ID_CHARACTERS
from aureon.core.metadata import (
    MAX_METADATA_KEY_CHARACTERS,
    MAX_METADATA_KEYS,
    MAX_METADATA_VALUE_CHARACTERS,
)
from aureon.domain import events as limits
from aureon.domain.events import MAX_LLM_TEXT_CHARACTERS, CustomerRef, Event
from aureon.domain.pages import (
    MAX_TEXT_BYTES,
    LoggedEvent,
    Page,
    decode_events,
    encode_event,
    encode_events,
    page_item,
)
from aureon.storage import keys
from aureon.storage.keys import PageKey

# An item of DynamoDB, with its keys and the names of its attributes.
MAX_ITEM_BYTES = 400 * 1024
KEYS_BYTES = 4 * 1024

texts = st.text(min_size=1, max_size=20)
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=9)
plain = texts | numbers | st.booleans()
events = st.builds(
    Event,
    position=st.integers(0, 999),
    customer=st.builds(CustomerRef, st.booleans(), texts),
    name=texts,
    timestamp=st.datetimes().map(lambda moment: moment.replace(tzinfo=UTC)),
    metadata=st.dictionaries(texts, plain | st.dictionaries(texts, plain, max_size=3)),
    external_id=st.none() | texts,
    sent_at=st.none(),
    parent_id=st.none() | texts,
)


@given(st.lists(events, max_size=5))
def test_events_are_read_back_from_a_page_as_they_were_sent(sent: list[Event]) -> None:
    body = encode_events(encode_event(offset, event) for offset, event in enumerate(sent))

    assert decode_events(body) == tuple(
        LoggedEvent(
            offset,
            times.to_text(event.timestamp),
            event.name,
            event.metadata,
            event.external_id,
            "user",
            event.parent_id,
        )
        for offset, event in enumerate(sent)
    )


def event(**metadata: Any) -> Event:
    return Event(
        0, CustomerRef(False, "c"), "api_usage", datetime(2026, 11, 24, tzinfo=UTC), metadata
    )


def test_numbers_in_a_page_keep_all_their_digits() -> None:
    units = Decimal("-123456789012345.123456789")

    (logged,) = decode_events(encode_events([encode_event(0, event(units=units))]))

    assert str(logged.metadata["units"]) == str(units)


def test_a_page_says_which_run_it_proves() -> None:
    place = PageKey("2026-11-24T00", "r-1", 2, 5)
    body = encode_events(encode_event(offset, event()) for offset in (5, 7))
    item = page_item(body, last=8, meter_version=3, customer=CustomerRef(True, "user_123"))

    page = Page.from_item({**item, keys.SORT: keys.page_sort(place)})

    assert page.place == place
    assert (page.last, page.meter_version, page.external_customer_id) == (8, 3, "user_123")
    assert [logged.offset for logged in page.events] == [5, 7]


def test_a_page_names_the_external_id_only_where_its_events_did() -> None:
    item = page_item(b"", last=0, meter_version=0, customer=CustomerRef(False, "customer"))

    assert "external_customer_id" not in item


def test_the_largest_event_fits_a_page_of_its_own() -> None:
    # Characters that JSON escapes take the most room: six bytes each.
    escaped = "\x01"
    metadata: dict[str, Any] = {
        f"{number:02}".ljust(MAX_METADATA_KEY_CHARACTERS, escaped): escaped
        * MAX_METADATA_VALUE_CHARACTERS
        for number in range(MAX_METADATA_KEYS)
    }
    metadata["_llm"] = {
        "vendor": escaped * MAX_METADATA_VALUE_CHARACTERS,
        "model": escaped * MAX_METADATA_VALUE_CHARACTERS,
        "prompt": escaped * MAX_LLM_TEXT_CHARACTERS,
        "response": escaped * MAX_LLM_TEXT_CHARACTERS,
    }
    largest = Event(
        999,
        CustomerRef(True, escaped * MAX_ID_CHARACTERS),
        escaped * limits.MAX_NAME_CHARACTERS,
        datetime(2026, 11, 24, tzinfo=UTC) + timedelta(microseconds=1),
        metadata,
        external_id=escaped * MAX_ID_CHARACTERS,
    )

    assert len(encode_event(999, largest)) < MAX_TEXT_BYTES


def test_a_full_page_fits_an_item_even_where_nothing_compresses() -> None:
    random = Random(1)
    share = MAX_TEXT_BYTES // limits.MAX_EVENTS_PER_REQUEST
    full = [random.randbytes(share) for _ in range(limits.MAX_EVENTS_PER_REQUEST)]

    assert len(encode_events(full)) < MAX_ITEM_BYTES - KEYS_BYTES


def test_a_page_of_newer_code_is_not_guessed_at() -> None:
    place = PageKey("2026-11-24T01", "r-1", 0, 0)
    body = encode_events([])
    item = page_item(body, last=0, meter_version=1, customer=CustomerRef(False, "c"))
    item[keys.SORT] = keys.page_sort(place)

    assert Page.from_item(item).place == place
    with pytest.raises(ValueError, match="schema 2"):
        Page.from_item({**item, "schema": 2})
