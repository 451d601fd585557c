"""The simulation of hot customers: it keeps DynamoDB's limits, and shards do what they are for."""

from __future__ import annotations

import pytest

from scripts import hot_customers
from scripts.hot_customers import PARTITION_UNITS_PER_SECOND, UNITS, Customer, simulate


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_customers, "SECONDS", 5.0)


def counted_a_second(customer: Customer) -> float:
    return customer.outcomes["counted"] / max(customer.ended, 5.0)


def test_a_quiet_customer_is_never_refused() -> None:
    for spreads in (False, True):
        customer = simulate(10, spreads=spreads)
        assert not customer.outcomes["refused"]
        assert not customer.outcomes["throttled"]


def test_shards_let_more_through_than_one_item() -> None:
    one, shards = simulate(200, spreads=False), simulate(200, spreads=True)

    assert counted_a_second(shards) > 1.5 * counted_a_second(one)
    assert not shards.outcomes["refused"]
    assert shards.spread
    assert not one.spread


def test_no_rule_gets_more_out_of_a_partition_than_it_takes() -> None:
    customer = simulate(800, spreads=True)

    # A second's units are saved up at the start.
    most = PARTITION_UNITS_PER_SECOND / UNITS * (1 + 1 / 5)
    assert counted_a_second(customer) < most
    assert customer.outcomes["throttled"]


def test_the_same_seed_is_the_same_run() -> None:
    first, second = simulate(100, spreads=True, seed=7), simulate(100, spreads=True, seed=7)

    assert first.outcomes == second.outcomes
