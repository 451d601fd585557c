"""Spends, holds and captures: taken the short way, they are what the long way makes of them."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon.bodies import check
from aureon.bodies.credits import CaptureBody, HoldBody, SpendBody
from aureon.errors import Invalid
from aureon.plain_credits import PlainCapture, PlainHold, PlainSpend, plain
from tests.unit.test_plain_events import LLM, metadata, strange

USUAL: dict[str, Any] = {
    "name": "api_usage",
    "external_customer_id": "user_1",
    "external_id": "e1",
    "limit": Decimal("10.5"),
    "expires_in_seconds": 60,
    "metadata": {"units": 3, "model": "small", "_cost": {"amount": 2, "currency": "usd"}},
}


class Kind(NamedTuple):
    """A body, the short way and the long."""

    short: Any
    long: Any
    required: set[str]


KINDS = [
    Kind(PlainSpend, SpendBody, {"name", "external_customer_id"}),
    Kind(PlainHold, HoldBody, {"name", "external_customer_id", "external_id"}),
    Kind(PlainCapture, CaptureBody, set()),
]
kinds = st.sampled_from(KINDS)
names = [
    *USUAL,
    *("customer_id", "customerId", "externalId", "externalCustomerId", "expiresInSeconds", "more"),
]
bodies = st.fixed_dictionaries(
    {}, optional={name: strange(USUAL.get(name, "x")) for name in names} | {"metadata": metadata}
)


def fields(kind: Kind, body: Any) -> dict[str, Any]:
    return {
        name: (getattr(body, name), type(getattr(body, name))) for name in kind.long.model_fields
    }


def short_way(kind: Kind, sent: Any) -> dict[str, Any] | None:
    found = plain(kind.short, sent)
    return None if found is None else fields(kind, found)


def long_way(kind: Kind, sent: Any) -> dict[str, Any] | None:
    try:
        return fields(kind, check(kind.long, sent))
    except Invalid:
        return None


@settings(deadline=None)
@given(kinds, st.one_of(bodies, strange(USUAL)))
def test_the_short_way_takes_nothing_that_the_long_way_would_not(kind: Kind, sent: Any) -> None:
    found = short_way(kind, sent)

    assert found is None or found == long_way(kind, sent)


@settings(deadline=None)
@given(kinds, bodies)
def test_one_thing_that_is_strange_is_judged_as_the_long_way_does(
    kind: Kind, changed: dict[str, Any]
) -> None:
    (name, value), *_ = [*changed.items(), ("name", "other")]
    sent = {**USUAL, name: value}

    found = short_way(kind, sent)

    assert found is None or found == long_way(kind, sent)


@pytest.mark.parametrize("left_out", [*USUAL, None])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.long.__name__)
def test_what_is_usual_is_taken_the_short_way(kind: Kind, left_out: str | None) -> None:
    sent = {name: value for name, value in USUAL.items() if name != left_out}

    found = short_way(kind, sent)

    assert found == long_way(kind, sent)
    assert (found is None) == (left_out in kind.required)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.long.__name__)
def test_the_call_to_a_language_model_is_taken_the_short_way(kind: Kind) -> None:
    sent = {**USUAL, "metadata": {"_llm": LLM}}

    assert short_way(kind, sent) == long_way(kind, sent) != None  # noqa: E711


@pytest.mark.parametrize("external_id", ["", None])
def test_an_empty_id_is_none_for_a_spend(external_id: str | None) -> None:
    sent = {**USUAL, "external_id": external_id}

    assert short_way(KINDS[0], sent) == long_way(KINDS[0], sent) != None  # noqa: E711


@pytest.mark.parametrize(
    "changed",
    [
        {"limit": 10**15},
        {"limit": Decimal("1e-10")},
        {"limit": Decimal("nan")},
        {"limit": True},
        {"name": "n" * 129},
        {"external_id": "e" * 257},
        {"customer_id": "c"},
        {"metadata": {"_llm": {**LLM, "more": 1}}},
        {"metadata": {"_llm": {**LLM, "inputTokens": 1}}},
        {"metadata": {"_llm": {**LLM, "total_tokens": 10**15}}},
        {"metadata": {"_llm": {**LLM, "total_tokens": -1}}},
        {"metadata": {"_llm": {**LLM, "prompt": "p" * 10_001}}},
        {"metadata": {"_llm": {**LLM, "model": ""}}},
    ],
    ids=repr,
)
def test_what_is_odd_is_left_to_the_long_way(changed: dict[str, Any]) -> None:
    assert short_way(KINDS[0], {**USUAL, **changed}) is None


@pytest.mark.parametrize(
    "changed", [{"expires_in_seconds": 86_401}, {"expires_in_seconds": 0}, {"expiresInSeconds": 5}]
)
def test_an_expiry_that_is_odd_is_left_to_the_long_way(changed: dict[str, Any]) -> None:
    assert short_way(KINDS[1], {**USUAL, **changed}) is None


def test_credits_are_taken_without_an_import_of_pydantic() -> None:
    script = (
        "import sys, credits\n"
        "from aureon.plain_credits import *\n"
        "charge = {'name': 'n', 'customer_id': 'c', 'metadata': {'units': 1}}\n"
        "parse_spend(charge), parse_hold({**charge, 'external_id': 'h'}), parse_capture({})\n"
        "sys.exit('pydantic' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
