"""What callers do with credits, and a customer to do it with, in each shape of its ledgers."""

from __future__ import annotations

from typing import Any, Final, Literal

from aureon.audit.ledger_audit import Audit
from aureon.storage.store import update
from tests.support.handlers import Api, Reply
from tests.support.makers import EXTERNAL_ID, usage
from tests.support.recount import assert_conserved

Shape = Literal["own", "linked", "spread", "linked and spread"]
SHAPES: Final[tuple[Shape, ...]] = ("own", "linked", "spread", "linked and spread")


def shaped_customer(api: Api, shape: Shape) -> str:
    """Make a customer with 10 credits, and return its id."""
    if shape in ("own", "spread"):
        customer_id = ledger_id = api.customer("user@example.com", external_id=EXTERNAL_ID)
    else:
        grant(api, 0)
        customer_id = api.customer("user@example.com")
        pointer = api.store.get(api.store.keys.external(EXTERNAL_ID))
        assert pointer is not None
        ledger_id = pointer["ledger_id"]
        linked = api.patch(f"/v1/customers/{customer_id}", {"external_id": EXTERNAL_ID})
        assert linked.status == 200
    if shape in ("spread", "linked and spread"):
        spread(api, customer_id, ledger_id)
    grant(api, 6, external_customer_id=None, customer_id=customer_id)
    grant(api, 4)
    return customer_id


def spread(api: Api, *ledger_ids: str, external_id: str = EXTERNAL_ID) -> None:
    """Mark a customer's ledgers as spread, as plain ingestion does after two conflicts."""
    marks = [api.store.keys.customer(ledger_id) for ledger_id in ledger_ids]
    for mark in (*marks, api.store.keys.external(external_id)):
        api.store.write(update(mark, {"spread": True}))


def grant(api: Api, units: Any, **more: Any) -> None:
    reply = api.ingest(usage(-units, **more))
    assert reply.status == 200, reply


def spend(api: Api, units: Any, **more: Any) -> Reply:
    return api.post("/v1/credits/spend", usage(units, **more))


def hold(api: Api, units: Any, external_id: str = "hold-1", **more: Any) -> Reply:
    return api.post("/v1/credits/holds", usage(units, external_id=external_id, **more))


def capture(api: Api, hold_id: str, units: Any = None) -> Reply:
    metadata = {} if units is None else {"units": units}
    return api.post(f"/v1/credits/holds/{hold_id}/capture", {"metadata": metadata})


def extend(api: Api, hold_id: str, seconds: Any) -> Reply:
    return api.post(f"/v1/credits/holds/{hold_id}/extend", {"expires_in_seconds": seconds})


def release(api: Api, hold_id: str) -> Reply:
    return api.post(f"/v1/credits/holds/{hold_id}/release", {})


def state(api: Api, customer_id: str) -> tuple[Any, Any, Any]:
    """The customer's balance, and its held and available units."""
    (meter,) = api.get(f"/v1/customers/{customer_id}/state").body["active_meters"]
    return meter["balance"], meter["held_units"], meter["available_credits"]


def assert_sound(api: Api) -> None:
    """Every balance is what the log makes of it, as the audit sees it, and by other means."""
    assert_conserved(api.store)
    outcomes = Audit(api.store).of_organization()
    assert {outcome.status for outcome in outcomes} <= {"clean"}
