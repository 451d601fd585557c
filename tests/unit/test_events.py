"""Events: their ids, and the fingerprints that tell a faithful repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from aureon.core import exact
from aureon.domain.events import CustomerRef, Event, EventLocation, event_id, parse_event_id
from aureon.storage.keys import PageKey

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVENT = Event(
    position=3,
    customer=CustomerRef(False, "customer"),
    name="api_usage",
    timestamp=NOON,
    metadata={
        "units": 1,
        "region": "eu",
        "cached": True,
        "_cost": {"amount": 2, "currency": "usd"},
    },
)

places = st.builds(
    EventLocation,
    ledger_id=st.uuids().map(str),
    page=st.builds(
        PageKey,
        hour=st.datetimes().map(lambda moment: moment.isoformat()[:13]),
        batch=st.text("#%/2350ab") | st.text(),
        group=st.integers(0, 999),
        first=st.integers(0, 999),
    ),
    offset=st.integers(0, 999),
)


@given(places)
def test_an_event_is_found_again_by_its_id(place: EventLocation) -> None:
    assert parse_event_id(event_id(place)) == place


@given(places)
def test_an_id_can_stand_in_a_path(place: EventLocation) -> None:
    assert set(event_id(place)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@example("")
@example("=")
@example("AAAA")
@example("\ud800")
@example("Y3VzdG9tZXIvMC8yMDI2")
def test_garbage_is_no_id(text: str) -> None:
    with pytest.raises(ValueError):
        parse_event_id(text)


@given(places, st.sampled_from(["=", "==", "\n", " ", "AA", "A"]))
def test_an_id_with_anything_added_is_no_id(place: EventLocation, added: str) -> None:
    with pytest.raises(ValueError):
        parse_event_id(event_id(place) + added)


def test_an_event_keeps_its_place_however_its_batch_is_cut_into_pages() -> None:
    place = EventLocation("ledger", PageKey("2026-11-24T12", "r-1", 2, 0), 7)

    assert place.same_event(place._replace(page=place.page._replace(first=5)))
    for other in (
        place._replace(offset=8),
        place._replace(ledger_id="other"),
        place._replace(page=place.page._replace(batch="r-2")),
        place._replace(page=place.page._replace(group=3)),
        place._replace(page=place.page._replace(hour="2026-11-24T13")),
    ):
        assert not place.same_event(other)


def test_the_hour_of_an_event_is_the_one_that_it_happened_in() -> None:
    assert EVENT.hour == "2026-11-24T12"
    assert replace(EVENT, timestamp=NOON - timedelta(microseconds=1)).hour == "2026-11-24T11"
    assert replace(EVENT, timestamp=datetime(1, 1, 1, tzinfo=UTC)).hour == "0001-01-01T00"


def fingerprint(value: Any) -> bytes:
    return replace(EVENT, metadata={"units": value, "_cost": {"amount": value}}).fingerprint()


@pytest.mark.parametrize("text", ["1.0", "1e0", "10e-1", "0.1e1", "1.000000000"])
def test_one_number_has_one_fingerprint_however_it_is_written(text: str) -> None:
    assert fingerprint(exact.parse(text)) == fingerprint(1)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9) | st.integers())
def test_a_number_that_went_through_a_page_keeps_its_fingerprint(value: Decimal | int) -> None:
    assert fingerprint(exact.parse(exact.write(value))) == fingerprint(value)


@pytest.mark.parametrize("value", [2, Decimal("1.000000001"), "1", True, -1, Decimal("0.1")])
def test_another_value_has_another_fingerprint(value: Any) -> None:
    assert fingerprint(value) != fingerprint(1)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"customer": CustomerRef(False, "other")},
        {"customer": CustomerRef(True, "customer")},
        {"sent_at": NOON},
        {"parent_id": "other"},
        {"metadata": {}},
        {"metadata": {**EVENT.metadata, "more": 1}},
        {"metadata": {**EVENT.metadata, "_cost": {"amount": 3, "currency": "usd"}}},
    ],
    ids=str,
)
def test_a_change_of_what_was_sent_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert replace(EVENT, **change).fingerprint() != EVENT.fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"position": 4},
        {"timestamp": NOON + timedelta(hours=1)},
        {"metadata": dict(reversed(list(EVENT.metadata.items())))},
    ],
    ids=["place in the request", "time of receipt", "order of the metadata"],
)
def test_what_was_not_sent_does_not_change_the_fingerprint(change: dict[str, Any]) -> None:
    assert replace(EVENT, **change).fingerprint() == EVENT.fingerprint()
