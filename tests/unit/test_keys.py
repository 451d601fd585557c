"""Keys: no part of one can pass for another, and what was built can be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aureon.domain.customers import directory_entry
from aureon.storage import keys
from aureon.storage.keys import Key, PageKey

# Texts that look like parts of keys, escaped or not, and any others.
parts = (
    st.lists(st.sampled_from(["#", "%", "%23", "%25", "a"]), max_size=4).map("".join) | st.text()
)

BUILDERS: tuple[Callable[[str], Key], ...] = (
    lambda part: keys.Keys("org").customer(part),
    lambda part: keys.Keys("org").balance(part, "meter", 1, 0),
    lambda part: keys.Keys("org").external(part),
    lambda part: keys.Keys("org").claim(part),
    lambda part: keys.Keys("org").meter(part),
    lambda part: keys.Keys("org").refunds(part),
    lambda part: keys.Keys("org").ranked(part),
    lambda part: keys.Key(keys.Keys("org").ranking(part, 1, 0), ""),
    lambda part: keys.Keys("org").token_record(part),
    lambda part: keys.Keys("org").rate(part, 0),
    lambda part: keys.Keys("org").thresholds(part, "meter", 1),
    lambda part: keys.Keys("org").alert(part, "alert"),
    lambda part: keys.Keys("org").outbox(part),
    lambda part: keys.Keys("org").endpoint(part),
    lambda part: keys.Keys("org").endpoint_health(part),
    lambda part: keys.Keys("org").rollout(part),
    lambda part: keys.Keys("org").breakdown_past(1, "ledger", part, 1),
    lambda part: Key("org#GROUPS", keys.breakdown_day(0, "2026-11-24", f"s{part}")),
    lambda part: keys.Keys("org").page("ledger", PageKey("2026-11-24T01", part, 0, 0)),
)
builders = st.sampled_from(range(len(BUILDERS)))


@given(parts)
def test_an_escaped_part_holds_no_separator(part: str) -> None:
    assert keys.SEPARATOR not in keys.escape(part)


@given(parts)
def test_two_different_parts_are_never_escaped_to_the_same(part: str) -> None:
    assert unquote(keys.escape(part)) == part, "what can be read back is no other part's"


@pytest.mark.parametrize(
    ("one", "other"), [("#", "%23"), ("%", "%25"), ("%#", "%25#"), ("%23", "%2523"), ("", "#")]
)
def test_near_parts_are_not_escaped_to_the_same(one: str, other: str) -> None:
    assert keys.escape(one) != keys.escape(other)


@given(builders, parts, builders, parts)
def test_keys_of_different_things_differ_whatever_callers_choose(
    builder: int, part: str, other_builder: int, other_part: str
) -> None:
    same = (builder, part) == (other_builder, other_part)

    assert (BUILDERS[builder](part) == BUILDERS[other_builder](other_part)) == same


@given(builders, parts)
def test_every_key_of_an_organization_starts_with_it(builder: int, part: str) -> None:
    assert BUILDERS[builder](part).pk.startswith("org#")


@given(parts)
def test_addresses_that_differ_in_case_only_share_a_pointer(address: str) -> None:
    assert keys.Keys("org").email(address) == keys.Keys("org").email(address.casefold())


page_keys = st.builds(
    PageKey,
    hour=st.datetimes().map(lambda moment: moment.isoformat()[:13]),
    batch=parts,
    group=st.integers(0, 999),
    first=st.integers(0, 999),
)


@given(page_keys)
def test_a_page_is_read_back_from_its_key(place: PageKey) -> None:
    assert keys.parse_page(keys.page_sort(place)) == place


@given(page_keys, page_keys)
def test_pages_of_different_places_have_different_keys(one: PageKey, other: PageKey) -> None:
    assert (keys.page_sort(one) == keys.page_sort(other)) == (one == other)


@given(page_keys, page_keys)
def test_pages_of_a_batch_are_sorted_by_hour_group_and_first_event(
    one: PageKey, other: PageKey
) -> None:
    other = other._replace(batch=one.batch)

    assert (keys.page_sort(one) < keys.page_sort(other)) == (one < other)


@given(st.uuids(), st.integers(1, 99), st.integers(0, 16))
def test_a_balance_is_read_back_from_its_key(meter: object, generation: int, shard: int) -> None:
    key = keys.Keys("org").balance("ledger", str(meter), generation, shard)

    assert keys.parse_balance(key.sk) == (str(meter), generation, shard)
    assert key.pk == keys.Keys("org").customer("ledger").pk
    assert key.sk.startswith(keys.BALANCE_PREFIX)


@given(st.uuids())
def test_every_customer_has_a_slice_of_the_directory(customer_id: object) -> None:
    assert keys.directory_slice(str(customer_id)) in range(keys.DIRECTORY_SLICES)


@given(page_keys, st.datetimes(), st.uuids())
def test_repairs_sort_after_all_pages_of_their_ledgers_log(
    place: PageKey, repaired_at: datetime, repair_id: object
) -> None:
    repair = keys.Keys("org").repair("ledger", repaired_at.isoformat(), str(repair_id))

    assert repair.pk == keys.Keys("org").page("ledger", place).pk
    assert keys.page_sort(place) < keys.PAGES_END < repair.sk
    assert repair.sk.startswith(keys.REPAIR_PREFIX)


@given(st.datetimes(), st.uuids())
def test_a_directory_entry_says_whom_it_lists(created_at: datetime, listed: object) -> None:
    entry = directory_entry("org#CUSTOMERS#0", created_at.replace(tzinfo=UTC), str(listed))

    assert keys.listed_id(entry[keys.DIRECTORY_SORT]) == str(listed)
