"""Measure what listing customers costs, in calls and read units, by how many there are."""

from __future__ import annotations

from typing import Any, Final

from aureon import runtime, tokens
from aureon.store import Store
from tests import inline_engine
from tests.api import Api
from tests.cards import fill
from tests.costs import cost

CUSTOMERS: Final = (10, 1_000, 10_000)
LISTS: Final[dict[str, dict[str, Any]]] = {
    "first page of 10": {},
    "first page of 100": {"limit": 100},
    "page 10 of 100": {"limit": 100, "page": 10},
    "`query=user_7@`": {"query": "user_7@"},
    "`sorting=email`": {"sorting": "email"},
    "`email=user_7@example.com`": {"email": "user_7@example.com"},
}


def main() -> None:
    runtime.logger.setLevel("WARNING")
    print("| list | " + " | ".join(f"{number:,} customers" for number in CUSTOMERS) + " |")
    print("|---|" + "---|" * len(CUSTOMERS))
    measured = [measure(number) for number in CUSTOMERS]
    for name in LISTS:
        print(f"| {name} | " + " | ".join(costs[name] for costs in measured) + " |")


def measure(customers: int) -> dict[str, str]:
    """What each list costs among so many customers."""
    with inline_engine.table() as store:
        runtime._store = lambda: store  # type: ignore[assignment]
        organization_id = tokens.create_organization(store, "Test")
        token, _ = tokens.create(store, organization_id)
        fill(store, organization_id, customers)
        api = Api(store, organization_id, token)
        # The token is known afterwards.
        api.get("/v1/customers/")
        return {name: shown(store, api, parameters) for name, parameters in LISTS.items()}


def shown(store: Store, api: Api, parameters: dict[str, Any]) -> str:
    taken, _ = cost(store, lambda: api.get("/v1/customers/", **parameters))
    return f"{len(taken.calls)} calls, {taken.units:g} units"


if __name__ == "__main__":
    main()
