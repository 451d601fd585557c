"""Limits: what DynamoDB would refuse is refused before it is sent, and all that it takes passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.core.errors import Unavailable
from aureon.domain.meters import Function
from aureon.projection import projector
from aureon.projection.contributions import FIGURES, Addition, figure
from aureon.storage import limits, store
from aureon.storage.expressions import above, all_of, equals, present
from aureon.storage.keys import Key
from aureon.storage.limits import LimitExceeded
from aureon.storage.store import Store, Write, check, put_over, to_attributes, update
from aureon_cli.engine import CREDENTIALS
from tests.support.faults import refusal

KEY = Key("pk", "sk")
TABLE = Store(store.connect("http://nowhere.invalid", **CREDENTIALS), "table")


def other(number: int) -> Key:
    return Key("pk", str(number))


def conditions(count: int) -> Write:
    return check(KEY, all_of(*(equals(f"name {number}", 1) for number in range(count))))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "an expression of more than 4 KB": (
        lambda: update(KEY, removed=[str(number) for number in range(900)]).request("t"),
        "An expression has",
    ),
    "more than 300 operators": (lambda: conditions(151).request("t"), "301 operators"),
    "an empty partition key": (lambda: TABLE.get(Key("", "sk")), "empty"),
    "an empty sort key": (lambda: TABLE.write(put_over(Key("pk", ""), {})), "empty"),
    "a long partition key": (lambda: TABLE.get(Key("x" * 2_049, "sk")), "partition key"),
    "a long sort key": (lambda: TABLE.get(Key("pk", "ä" * 513)), "sort key"),
    "an item of more than 400 KB": (
        lambda: TABLE.write(put_over(KEY, {"body": b"x" * 409_600})),
        "An item has 409,612 bytes",
    ),
    "such an item among others": (
        lambda: TABLE.put_all({KEY: {"body": "x" * 409_600}, other(1): {}}),
        "An item has",
    ),
    "values of more than 2 MB": (
        lambda: TABLE.write(check_of("x" * 2_100_000)),
        "placeholders",
    ),
    "a transaction of more than 4 MB": (
        lambda: TABLE.transact([put_over(other(n), {"b": b"x" * 390_000}) for n in range(11)]),
        "A transaction has",
    ),
    "no action": (lambda: TABLE.transact([]), "0 actions"),
    "more than 100 actions": (
        lambda: TABLE.transact([put_over(other(number), {}) for number in range(101)]),
        "101 actions",
    ),
    "more than 100 items of a snapshot": (
        lambda: TABLE.snapshot([other(number) for number in range(101)]),
        "101 actions",
    ),
    "two actions on one item": (
        lambda: TABLE.transact([put_over(KEY, {}), check(KEY, present())]),
        "two actions",
    ),
}


def check_of(value: Any) -> Write:
    return update(KEY, {"a": 1}, condition=equals("b", value))


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_never_taken_is_not_sent(what: str) -> None:
    act, reason = REFUSED[what]

    with pytest.raises(LimitExceeded, match=reason):
        act()


TAKEN: dict[str, Callable[[], Any]] = {
    "150 comparisons": lambda: TABLE.write(update(KEY, {"a": 1}, condition=many(150))),
    "an item of 400 KB": lambda: TABLE.write(put_over(KEY, {"body": b"x" * 409_588})),
    "100 actions": lambda: TABLE.transact([put_over(other(number), {}) for number in range(100)]),
    "long keys": lambda: TABLE.get(Key("x" * 2_048, "ä" * 512)),
}


def many(count: int) -> Any:
    return all_of(*(above(str(number), 1) for number in range(count)))


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_taken_is_sent(what: str) -> None:
    events = TABLE.client.meta.events
    sent = []

    def answer(**told: Any) -> Any:
        sent.append(told)
        return refusal("ThrottlingException")

    events.register("before-call.dynamodb", answer)
    try:
        with pytest.raises(Unavailable):
            TAKEN[what]()
    finally:
        events.unregister("before-call.dynamodb", answer)
    assert len(sent) == 1


plain = st.recursive(
    st.text() | st.binary() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), plain | st.booleans() | st.none(), max_size=5))
def test_an_item_is_never_larger_than_its_encoded_form(item: Mapping[str, Any]) -> None:
    attributes = to_attributes(item)

    assert limits.item_bytes(attributes) <= len(msgspec.json.encode(attributes))


@pytest.mark.parametrize("function", FIGURES)
@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_a_day_with_a_figure_in_every_quarter_is_one_write(function: Function, known: bool) -> None:
    """The most that is ever added to one item at once."""
    addition = Addition()
    for quarter in range(96):
        for name in FIGURES[function]:
            change = {"max": addition.raise_to, "min": addition.lower_to}.get(name, addition.add)
            change(figure(name, quarter), Decimal("9" * 19))
    extreme = Decimal(0) if function == "max" else Decimal("9" * 20)
    item = {figure(name, quarter): extreme for quarter in range(96) for name in ("max", "min")}

    write = projector._add(KEY, addition, item if known else {})

    assert (write is None) == (not FIGURES[function])
    if write is not None:
        request = write.request("table")
        assert len(request["ExpressionAttributeNames"]) == 96 * len(FIGURES[function])


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("ValidationError", ClientError),
        ("ItemCollectionSizeLimitExceeded", ClientError),
        ("ThrottlingError", Unavailable),
        ("ProvisionedThroughputExceeded", Unavailable),
        ("TransactionConflict", store.TransactionCancelled),
    ],
)
def test_a_mistake_of_ours_is_never_said_to_be_a_busy_database(
    code: str, raised: type[Exception]
) -> None:
    events = TABLE.client.meta.events
    reasons = [{"Code": "None"}, {"Code": code}]

    def answer(**_: Any) -> Any:
        return refusal("TransactionCanceledException", CancellationReasons=reasons)

    events.register("before-call.dynamodb", answer)
    try:
        with pytest.raises(raised):
            TABLE.transact([put_over(KEY, {}), put_over(other(1), {})])
    finally:
        events.unregister("before-call.dynamodb", answer)
