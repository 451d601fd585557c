"""Measure what projecting costs, and what it would cost to read the hour anew each time.

So many pages of one event each, of one customer and one hour, come so many in a delivery.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from aureon import keys, runtime, tokens
from aureon.store import Store
from tests import inline_engine
from tests.api import Api
from tests.costs import consumption
from tests.projection import deliver, records

PAGES_AN_HOUR: Final = (10, 100, 1_000)
PAGES_A_DELIVERY: Final = (1, 10, 100)
HOUR: Final = datetime(2025, 11, 3, 10, tzinfo=UTC)
PRICES: Final = json.loads((Path(__file__).parents[1] / "bench" / "prices.json").read_text())


class Units(NamedTuple):
    """Units of capacity for each page."""

    read: float
    write: float

    @property
    def dollars_a_million(self) -> float:
        read, write = (
            PRICES["prices"][f"dynamodb_{kind}_unit"]["usd"] for kind in ("read", "write")
        )
        return 1_000_000 * float(self.read * read + self.write * write)


def main() -> None:
    runtime.logger.setLevel("WARNING")
    print("| pages an hour | pages a delivery | by its mark | the hour anew |")
    print("|---|---|---|---|")
    for pages in PAGES_AN_HOUR:
        for together in PAGES_A_DELIVERY:
            if together <= pages:
                marked, anew = measure(pages, together)
                print(f"| {pages:,} | {together} | {shown(marked)} | {shown(anew)} |")


def shown(units: Units) -> str:
    dollars = f"${units.dollars_a_million:.2f} a million"
    return f"{units.write:.2f} written, {units.read:.2f} read: {dollars}"


def measure(pages: int, together: int) -> tuple[Units, Units]:
    """What a page costs as it is projected, and if its hour were read whole at each delivery.

    Then as much would have to be written; but a page's entry in the timeline, which is its mark,
    would not be in a transaction, where it takes two units instead of one.
    """
    with inline_engine.table() as store:
        api, _ = caller(store)
        for number in range(pages):
            api.ingest(event(number, pages))
        found = sorted(records(store), key=lambda record: str(record["dynamodb"]["Keys"]))
        marked = spent(
            store,
            pages,
            lambda: [deliver(found[first : first + together]) for first in starts(pages, together)],
        )
    with inline_engine.table() as store:
        api, customer_id = caller(store)
        read = 0.0
        for first in starts(pages, together):
            for number in range(first, min(pages, first + together)):
                api.ingest(event(number, pages))
            read += spent(store, pages, lambda: list(hour(api, customer_id))).read
    return marked, Units(read, marked.write - 1)


def starts(pages: int, together: int) -> range:
    return range(0, pages, together)


def spent(store: Store, pages: int, act: Callable[[], object]) -> Units:
    with consumption(store.client) as consumed:
        act()
    return Units(
        sum(one.read for one in consumed) / pages, sum(one.write for one in consumed) / pages
    )


def hour(api: Api, customer_id: str) -> Iterator[dict[str, Any]]:
    """All pages of the hour, as whoever recomputes it reads them."""
    return api.store.query(keys.log(api.organization_id, customer_id), before=keys.PAGES_END)


def caller(store: Store) -> tuple[Api, str]:
    """A caller with a meter, and the customer whose events there are."""
    runtime._store = lambda: store  # type: ignore[assignment]
    organization_id = tokens.create_organization(store, "Test")
    token, _ = tokens.create(store, organization_id)
    api = Api(store, organization_id, token)
    api.meter()
    return api, api.customer("user@example.com", external_id="user_1")


def event(number: int, pages: int) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "external_customer_id": "user_1",
        "timestamp": (HOUR + number * timedelta(hours=1) / pages).isoformat(),
        "metadata": {"units": number % 7, "model": "small"},
    }


if __name__ == "__main__":
    main()
