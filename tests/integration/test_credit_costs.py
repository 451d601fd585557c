"""What spends and holds cost, in calls and units of capacity: the same the thousandth time."""

from __future__ import annotations

from typing import Any, Final

import pytest

from aureon.storage.store import Store
from tests.support.costs import Cost, cost
from tests.support.credit_makers import (
    Shape,
    assert_sound,
    capture,
    grant,
    hold,
    shaped_customer,
    spend,
)
from tests.support.handlers import Api

ROUNDS: Final = 300


def items_of(store: Store, api: Api, customer_id: str) -> list[Any]:
    return list(store.query(api.store.keys.customer(customer_id).pk))


def test_a_customer_who_ran_dry_hundreds_of_times_costs_what_a_new_one_does(
    api: Api, store: Store
) -> None:
    api.meter()
    customer_id = api.customer("user@example.com", external_id="user_123")
    state = f"/v1/customers/{customer_id}/state"

    def run_dry(number: int) -> list[Cost]:
        """Spend one credit, hold and capture another, and be refused a third."""
        grant(api, 2)
        spending, _ = cost(store, lambda: spend(api, 1, external_id=f"spend-{number}"))
        holding, held = cost(store, lambda: hold(api, 1, f"hold-{number}"))
        capturing, _ = cost(store, lambda: capture(api, held.body["id"]))
        refusing, _ = cost(store, lambda: spend(api, 1), 402)
        reading, shown = cost(store, lambda: api.get(state))
        assert shown.body["active_meters"][0]["balance"] == 0
        return [spending, holding, capturing, refusing, reading]

    run_dry(0)
    first, size = run_dry(1), len(str(items_of(store, api, customer_id)))
    for number in range(2, ROUNDS - 1):
        run_dry(number)

    assert run_dry(ROUNDS - 1) == first
    assert first[-1] == Cost(("Query",), 1)
    kinds = [item["sk"].partition("#")[0] for item in items_of(store, api, customer_id)]
    assert sorted(kinds) == ["CUSTOMER", "HOLDS", "METER"]
    assert len(str(items_of(store, api, customer_id))) - size < 20, "longer numbers"
    assert_sound(api)


@pytest.mark.parametrize(
    ("shape", "units"), [("own", 16), ("linked", 24), ("spread", 48), ("linked and spread", 88)]
)
def test_a_spend_is_a_look_at_the_customer_one_at_its_credits_and_a_commit(
    api: Api, store: Store, shape: Shape, units: float
) -> None:
    """Not counting what the container knows already: its token, and the meters."""
    api.meter()
    shaped_customer(api, shape)
    spend(api, 1)

    spending, _ = cost(store, lambda: spend(api, 1))
    refusing, _ = cost(store, lambda: spend(api, 100), 402)

    looks = ("BatchGetItem", "TransactGetItems")
    assert spending == Cost((*looks, "TransactWriteItems"), units)
    # Where usage may come in unnoticed, a refusal is made sure of.
    assert refusing.calls == (looks if shape == "own" else spending.calls)
