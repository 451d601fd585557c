"""Expressions: what goes over the wire says what was written, and names nothing besides."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.storage.expressions import (
    Condition,
    above,
    absent,
    all_of,
    any_of,
    below,
    equals,
    present,
)
from aureon.storage.keys import Key
from aureon.storage.store import Write, check, delete, from_attributes, put_new, update

KEY = Key("pk", "sk")
# Some are reserved words, some could not stand in an expression as they are.
names = st.sampled_from(["name", "sum", "Status", "a b", "pk", "0", "#x", "äöü"]) | st.text(
    min_size=1, max_size=5
)
values = st.integers() | st.text(max_size=3) | st.booleans()
leaves = st.one_of(
    st.builds(equals, names, values),
    st.builds(above, names, values),
    st.builds(below, names, values),
    st.builds(absent, names),
    st.builds(present, names),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.lists(inner, min_size=1, max_size=4).flatmap(
        lambda some: st.sampled_from([all_of(*some), any_of(*some)])
    ),
    max_leaves=8,
)
attributes = st.dictionaries(names, values, min_size=1, max_size=4)
WORDS = re.compile(
    r"SET|ADD|REMOVE|AND|OR|attribute_exists|attribute_not_exists|if_not_exists|[ (),=<>]|[#:]\w+"
)


def spelled_out(write: Write) -> tuple[Any, Any]:
    """The expressions of a request, with names and values where placeholders stand."""
    request = write.request("table")
    held: dict[str, Any] = dict(request.get("ExpressionAttributeNames", {}))
    held |= from_attributes(request.get("ExpressionAttributeValues", {}))

    def spell(text: str | None) -> str | None:
        return text and re.sub(r"[#:]\w+", lambda found: str(held[found[0]]), text)

    return spell(request.get("UpdateExpression")), spell(request.get("ConditionExpression"))


def test_an_update_and_its_condition_share_their_placeholders() -> None:
    total = Decimal("1.5")
    write = update(
        KEY,
        {"sum": total, "x": 0},
        initial={"before": total},
        added={"rev": 1},
        removed=["gone"],
        condition=all_of(equals("rev", 7), any_of(absent("sum"), below("sum", total))),
    )

    assert spelled_out(write) == (
        "SET sum = 1.5, x = 0, before = if_not_exists(before, 1.5) ADD rev 1 REMOVE gone",
        "rev = 7 AND (attribute_not_exists(sum) OR sum < 1.5)",
    )
    request = write.request("table")
    assert len(request["ExpressionAttributeNames"]) == 5
    assert len(request["ExpressionAttributeValues"]) == 4


def test_what_has_no_condition_or_update_has_no_expression() -> None:
    assert spelled_out(check(KEY, equals("rev", 3))) == (None, "rev = 3")
    assert spelled_out(put_new(KEY, {})) == (None, "attribute_not_exists(pk)")
    assert delete(KEY).request("t") == {
        "TableName": "t",
        "Key": {"pk": {"S": "pk"}, "sk": {"S": "sk"}},
    }


@settings(deadline=None)
@given(attributes, attributes, attributes, st.lists(names, max_size=3), st.none() | conditions)
def test_no_name_stands_bare_and_nothing_is_named_in_vain(
    assigned: dict[str, Any],
    initial: dict[str, Any],
    added: dict[str, Any],
    removed: list[str],
    condition: Condition | None,
) -> None:
    write = update(
        KEY, assigned, initial=initial, added=added, removed=removed, condition=condition
    )
    request = write.request("table")

    texts = [request["UpdateExpression"], request.get("ConditionExpression", "")]
    named = {*request["ExpressionAttributeNames"], *request["ExpressionAttributeValues"]}
    assert not [WORDS.sub("", text) for text in texts if WORDS.sub("", text)]
    assert set(re.findall(r"[#:]\w+", " ".join(texts))) == named
    assert len(set(request["ExpressionAttributeNames"].values())) == len(
        request["ExpressionAttributeNames"]
    )
