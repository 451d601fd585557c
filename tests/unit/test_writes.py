"""Writes: what goes over the wire says what was written, in few characters."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from aureon.keys import Key
from aureon.store import Write, check, from_attributes, update

KEY = Key("pk", "sk")


def spelled_out(write: Write) -> tuple[Any, Any]:
    """The expressions of a request, with names and values where placeholders stand."""
    request = write.request("table")
    held: dict[str, Any] = dict(request.get("ExpressionAttributeNames", {}))
    held |= from_attributes(request.get("ExpressionAttributeValues", {}))

    def spell(text: str | None) -> str | None:
        return text and re.sub(r"[#:]\w+", lambda found: str(held[found[0]]), text)

    return spell(request.get("UpdateExpression")), spell(request["ConditionExpression"])


def test_an_update_and_its_condition_share_their_placeholders() -> None:
    write = update(
        KEY,
        "SET #total = :total, #total_before = if_not_exists(#total, :zero) ADD #rev :rev",
        condition="#rev = :at_rev AND #total < :total",
        names={"#total": "sum", "#total_before": "before", "#rev": "rev"},
        values={":total": Decimal("1.5"), ":zero": 0, ":rev": 1, ":at_rev": 7},
    )

    assert spelled_out(write) == (
        "SET sum = 1.5, before = if_not_exists(sum, 0) ADD rev 1",
        "rev = 7 AND sum < 1.5",
    )
    request = write.request("table")
    texts = [*request["ExpressionAttributeNames"], *request["ExpressionAttributeValues"]]
    assert max(map(len, texts)) == 2


def test_many_placeholders_stay_apart() -> None:
    names = {f"#name{number}": f"name {number}" for number in range(300)}
    expression = "REMOVE " + ", ".join(names)

    spelled, condition = spelled_out(
        update(KEY, expression, condition="#name299 = :v", names=names, values={":v": "x"})
    )

    assert spelled == "REMOVE " + ", ".join(names.values())
    assert condition == "name 299 = x"


def test_a_condition_alone_needs_no_update() -> None:
    assert spelled_out(check(KEY, "rev = :rev", values={":rev": 3})) == (None, "rev = 3")
