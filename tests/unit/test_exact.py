"""Exact JSON: numbers keep their digits, and what is not JSON is refused."""

from __future__ import annotations

from decimal import Decimal, Inexact, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aureon.core import exact
from aureon.core.exact import canonical, counted, has_few_characters

numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.text() | numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text", ["123456789012345.123456789", "-1E-9", "0.1", "1E+3", "10.50", "7", "-12"]
)
def test_a_number_is_written_as_it_was_read(text: str) -> None:
    assert exact.write(exact.parse(text)) == text.encode()


@pytest.mark.parametrize("text", ["1.0", "1e0", "0.1", "-5E-7"])
def test_a_number_with_a_point_or_an_exponent_is_a_decimal(text: str) -> None:
    value = exact.parse(text)

    assert type(value) is Decimal
    assert value == Decimal(text)


@pytest.mark.parametrize("text", ["1", "-1", "0", "18446744073709551616", "9" * 40])
def test_a_whole_number_is_an_integer_however_large(text: str) -> None:
    value = exact.parse(text)

    assert type(value) is int
    assert value == int(text)


@given(values)
def test_what_was_written_is_read_back(value: Any) -> None:
    assert exact.parse(exact.write(value)) == value


@given(st.dictionaries(st.text(), numbers))
def test_the_canonical_form_does_not_depend_on_the_order_of_members(value: Any) -> None:
    reversed_value = dict(reversed(value.items()))

    assert exact.write_canonical(value) == exact.write_canonical(reversed_value)
    assert exact.parse(exact.write_canonical(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"01",
        b".5",
        b"1.",
        b"+1",
        b"0x10",
        b'"\x01"',
        b"\xff",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'{"\xed\xa0\x80": 1}',
        rb'"\ud800"',
        rb'"\ud800 and more"',
        rb'"\udc00\ud800"',
        rb'{"\udfff": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5_000,
        b"1e99999999999999999999",
        b"1e-99999999999999999999",
    ],
    ids=lambda text: repr(text[:30])[2:-1],
)
def test_what_is_not_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):
        exact.parse(text)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert exact.parse(rb'"\ud83d\ude00"') == "\N{GRINNING FACE}"


def test_a_sum_that_would_have_to_be_rounded_raises() -> None:
    assert exact.EXACT.add(Decimal(10) ** 18, Decimal("1e-9")) == Decimal("1e18") + Decimal("1e-9")
    with pytest.raises(Inexact):
        exact.EXACT.add(Decimal(10) ** 60, Decimal("0.1"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0", "0"),
        ("-0.0", "0"),
        ("0e40", "0"),
        ("1e-9999999", "0"),
        ("999999999999999", "999999999999999"),
        ("-999999999999999.999999999999", "-999999999999999.999999999999"),
        ("0.03862624999999999", "0.03862625"),
        ("0.30000000000000004", "0.3"),
        ("101.43153299999904", "101.431532999999"),
        ("1.0000000000000000000000", "1"),
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("0.00000000000050000000001", "0.000000000001"),
        ("-0.0000000000025", "-0.000000000002"),
        ("1e14", "100000000000000"),
    ],
)
def test_a_number_counts_rounded_half_even_to_twelve_decimals(text: str, kept: str) -> None:
    assert counted(exact.parse(text)) == Decimal(kept)


@pytest.mark.parametrize(
    "text",
    ["1000000000000000", "-1000000000000000", "1e15", "1e999999", "999999999999999.9999999999995"],
)
def test_a_number_with_more_than_fifteen_digits_before_the_point_does_not_count(text: str) -> None:
    assert counted(exact.parse(text)) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14))
def test_what_counts_is_the_nearest_of_the_twelfth_decimal(number: Decimal) -> None:
    found = counted(number)

    assert found is not None
    assert counted(found) == found
    with localcontext() as context:
        context.prec = 400
        assert abs(found - number) <= Decimal("5e-13")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("9" * 40, True),
        ("9" * 41, False),
        ("-" + "9" * 40, False),
        ("0." + "1" * 38, True),
        ("0." + "1" * 39, False),
        ("1" * 37 + "e99", True),
        ("1e999999", True),
        ("123456789012345678", True),
    ],
)
def test_a_number_is_kept_in_up_to_forty_characters(text: str, kept: bool) -> None:
    assert has_few_characters(exact.parse(text)) is kept


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9), st.integers(0, 9))
def test_equal_numbers_have_one_form(number: Decimal, zeros: int) -> None:
    other = Decimal(f"{number:f}{'0' * zeros}")

    assert str(canonical(other)) == str(canonical(number))
    assert canonical(number) == number


@pytest.mark.parametrize("text", ["1e999999999", "-1.5e-999999999", "0e999999999"])
def test_a_number_takes_no_more_room_for_being_large(text: str) -> None:
    assert len(str(canonical(exact.parse(text)))) < 20


def test_metadata_are_stored_as_they_are_written() -> None:
    written = b'{"a":1.50,"b":123456789012345678,"c":"x","d":true,"e":1E+400}'

    assert exact.write(exact.from_stored(exact.to_stored(exact.parse(written)))) == written
    assert exact.from_stored({"a": Decimal(1)}) == {"a": 1}
