"""Plain events: taken the short way, they are what the long way makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aureon import ingestion
from aureon.domain.events import Event
from aureon.errors import Invalid
from aureon.plain_events import plain_events

NOW = datetime(2026, 11, 27, 5, 0, 0, tzinfo=UTC)
USUAL = {
    "name": "api_usage",
    "external_customer_id": "user_1",
    "external_id": "e1",
    "timestamp": "2026-11-27T04:00:00.5+01:00",
    "metadata": {"units": 3, "cost": Decimal("0.10"), "model": "small", "cached": True},
}


def long_way(sent: list[Any]) -> list[Event] | None:
    """What the long way makes of events, None where it refuses them."""
    with patch.object(ingestion, "plain_events", return_value=None):
        try:
            return ingestion.parse_events({"events": sent}, NOW)
        except Invalid:
            return None


def strange(usual: Any) -> st.SearchStrategy[Any]:
    """The usual value as often as something else."""
    return st.one_of(
        st.just(usual),
        st.none(),
        st.booleans(),
        st.integers(-(10**16), 10**16),
        st.decimals(allow_nan=True, allow_infinity=True),
        st.text(max_size=3),
        st.sampled_from([0, 1, 39, 40, 41, 63, 64, 65, 127, 128, 129, 255, 256, 257, 500, 501]).map(
            lambda length: "\U0001f600" * length
        ),
        st.sampled_from(["a/", "a/state", "2026-11-27", "2026-11-27T05:05:00Z"]),
        st.sampled_from(["2026-11-27T05:05:00.000001Z", "0001-01-01T00:00:00+01:00"]),
        st.sampled_from([[], {}, [1], {"a": 1}]),
    )


costs = st.fixed_dictionaries(
    {"amount": strange(1), "currency": st.one_of(st.just("usd"), strange("usd"))},
    optional={"more": st.just(1)},
)
LLM = {
    "vendor": "acme",
    "model": "small",
    "input_tokens": 3,
    "output_tokens": 4,
    "total_tokens": 7,
    "cached_input_tokens": None,
    "prompt": "Why?",
}
llms = st.builds(
    lambda changed, left_out: {
        name: value for name, value in (LLM | changed).items() if name != left_out
    },
    st.dictionaries(
        st.sampled_from([*LLM, "response", "inputTokens", "more"]), strange(1), max_size=2
    ),
    st.sampled_from([None, *LLM]),
)
metadata = st.one_of(
    st.fixed_dictionaries(
        {"_llm": st.one_of(llms, strange(1))},
        optional={"_cost": costs},
    ),
    st.fixed_dictionaries({"_cost": st.one_of(costs, strange(1))}),
    st.dictionaries(
        st.one_of(
            st.sampled_from(["_cost", "_llm", "units", "", "k" * 40, "k" * 41]), st.text(max_size=3)
        ),
        strange(1),
        max_size=4,
    ),
    st.integers(49, 52).map(lambda number: {f"k{one}": one for one in range(number)}),
)
names = [*USUAL, "customer_id", "customerId", "externalId", "externalCustomerId", "more"]
events = st.fixed_dictionaries(
    {}, optional={name: strange(USUAL.get(name, "x")) for name in names} | {"metadata": metadata}
)


@settings(deadline=None)
@given(st.lists(st.one_of(st.just(USUAL), events, strange(USUAL)), max_size=3))
def test_the_short_way_takes_nothing_that_the_long_way_would_not(sent: list[Any]) -> None:
    found = plain_events(sent, NOW)

    assert found is None or found == long_way(sent)


@settings(deadline=None)
@given(events)
def test_one_thing_that_is_strange_is_judged_as_the_long_way_does(changed: dict[str, Any]) -> None:
    (name, value), *_ = [*changed.items(), ("name", "other")]
    sent = [{**USUAL, name: value}]

    found = plain_events(sent, NOW)

    assert found is None or found == long_way(sent)


@pytest.mark.parametrize("amount", [1, -3, Decimal("0.02")])
def test_a_cost_is_taken_the_short_way_and_is_a_decimal(amount: Any) -> None:
    sent = [{**USUAL, "metadata": {"units": 1, "_cost": {"amount": amount, "currency": "usd"}}}]

    found = plain_events(sent, NOW)

    assert found is not None and found == long_way(sent)
    assert isinstance(found[0].metadata["_cost"]["amount"], Decimal)


@pytest.mark.parametrize("left_out", [None, "prompt", "cached_input_tokens"])
def test_a_call_to_a_language_model_is_taken_the_short_way(left_out: str | None) -> None:
    llm = {name: value for name, value in LLM.items() if name != left_out}
    sent = [{**USUAL, "metadata": {"units": 1, "_llm": llm}}]

    found = plain_events(sent, NOW)

    assert found is not None and found == long_way(sent)


@pytest.mark.parametrize("left_out", ["external_id", "timestamp", "metadata", None])
def test_what_is_usual_is_taken_the_short_way(left_out: str | None) -> None:
    sent = [{name: value for name, value in USUAL.items() if name != left_out}]

    assert plain_events(sent, NOW) == long_way(sent) != None  # noqa: E711
