"""What the API shows of customers, meters and balances: the shapes that the clients parse."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aureon import times
from aureon.domain.credits import Hold, Standing
from aureon.domain.customers import Customer
from aureon.domain.events import COST, LLM, event_id
from aureon.domain.meters import Meter
from aureon.exact import plain

if TYPE_CHECKING:
    from aureon.backfill import Progress
    from aureon.balances import CustomerMeter
    from aureon.credits import Spent
    from aureon.domain.quantities import Moved, Quantities
    from aureon.events import EventName, Shown
    from aureon.preview import Preview
    from aureon.tokens import Access, TokenRecord


def customer(organization_id: str, customer: Customer) -> dict[str, Any]:
    digest = hashlib.md5(customer.email.lower().encode(), usedforsecurity=False).hexdigest()
    return {
        "id": customer.id,
        "created_at": times.to_text(customer.created_at),
        "modified_at": times.to_optional_text(customer.modified_at),
        "metadata": customer.metadata,
        "external_id": customer.external_id,
        "email": customer.email,
        "email_verified": False,
        "type": customer.type,
        "name": customer.name,
        "billing_name": None,
        "billing_address": customer.billing_address,
        "tax_id": None if customer.tax_id is None else [customer.tax_id, None],
        "locale": customer.locale,
        "organization_id": organization_id,
        "default_payment_method_id": None,
        "deleted_at": times.to_optional_text(customer.deleted_at),
        "first_user_event_at": None,
        "avatar_url": f"https://www.gravatar.com/avatar/{digest}?d=404",
    }


def meter(organization_id: str, meter: Meter) -> dict[str, Any]:
    return {
        "metadata": meter.metadata,
        "created_at": times.to_text(meter.created_at),
        "modified_at": times.to_optional_text(meter.modified_at),
        "id": meter.id,
        "name": meter.name,
        "unit": meter.unit,
        "custom_label": meter.custom_label,
        "custom_multiplier": meter.custom_multiplier,
        "filter": meter.filter.to_dict(),
        "aggregation": meter.aggregation.to_dict(),
        "organization_id": organization_id,
        "archived_at": times.to_optional_text(meter.archived_at),
    }


def backfill(meter: Meter, progress: Progress | None) -> dict[str, Any]:
    """How far a meter has counted the past: so many ledgers, of customers and ghosts."""
    return {
        "complete": meter.backfilled,
        "ledgers": 0 if progress is None else progress.ledgers,
        "total_ledgers": None if progress is None else progress.total,
        "events": 0 if progress is None else progress.events,
    }


def customer_meter(organization_id: str, found: CustomerMeter) -> dict[str, Any]:
    return {
        **_balance(found),
        "customer_id": found.customer.id,
        "customer": customer(organization_id, found.customer),
        "meter": meter(organization_id, found.meter),
    }


def customer_state(
    organization_id: str, owner: Customer, meters: list[CustomerMeter]
) -> dict[str, Any]:
    return {
        **customer(organization_id, owner),
        "active_subscriptions": [],
        "granted_benefits": [],
        "active_meters": [_balance(found) for found in meters],
    }


def _balance(found: CustomerMeter) -> dict[str, Any]:
    balance = found.balance
    value = plain(balance.value(found.meter.aggregation.func))
    standing = Standing(found.meter.id, value, found.held)
    return {
        "id": found.id,
        "created_at": times.to_text(balance.created_at),
        "modified_at": times.to_text(balance.modified_at),
        "meter_id": found.meter.id,
        "consumed_units": value,
        "credited_units": 0,
        "balance": value,
        "available_credits": plain(standing.available_credits),
        "held_units": plain(found.held),
        "used_units": plain(balance.used),
        "granted_units": plain(balance.granted),
        "complete": balance.complete,
    }


def access(access: Access, organization_name: str) -> dict[str, Any]:
    """What a token allows, to whoever has it."""
    return {
        "organization_id": access.organization_id,
        "organization_name": organization_name,
        "scopes": sorted(access.scopes),
        "expires_at": times.to_optional_text(access.expires_at),
        "token_id": access.token_id,
    }


def token(record: TokenRecord) -> dict[str, Any]:
    """A token as it is listed: everything but the token."""
    return {
        "id": record.id,
        "name": record.name,
        "scopes": list(record.scopes),
        "created_at": times.to_text(record.created_at),
        "expires_at": times.to_optional_text(record.expires_at),
        "revoked_at": times.to_optional_text(record.revoked_at),
    }


def spent(spent: Spent) -> dict[str, Any]:
    return {"id": spent.event_id, "meters": [_standing(one) for one in spent.standings]}


def hold(hold: Hold) -> dict[str, Any]:
    """A hold. `meters` say where the customer stands, after something was done with it."""
    return {
        "id": hold.id,
        "status": hold.state,
        "external_id": hold.external_id,
        "customer_id": hold.customer_id,
        "name": hold.name,
        "metadata": hold.metadata,
        "units": [
            {"meter_id": meter_id, "units": plain(units)} for meter_id, units in hold.units.items()
        ],
        "limit": plain(hold.limit),
        "created_at": times.to_text(hold.placed_at),
        "expires_at": times.to_text(hold.expires_at),
        "event_id": hold.event_id,
        "meters": [_standing(one) for one in hold.standings],
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "meter_id": standing.meter_id,
        "balance": plain(standing.balance),
        "held_units": plain(standing.held),
        "available_credits": plain(standing.available_credits),
    }


def event(organization_id: str, shown: Shown) -> dict[str, Any]:
    """An event. A ghost's has no customer yet."""
    found, owner = shown
    logged = found.event
    return {
        "id": event_id(found.place),
        "timestamp": logged.timestamp,
        "organization_id": organization_id,
        "customer_id": None if owner is None else owner.id,
        "customer": None if owner is None else customer(organization_id, owner),
        "external_customer_id": found.external_customer_id,
        "external_id": logged.external_id,
        "member_id": None,
        "external_member_id": None,
        "child_count": 0,
        "parent_id": None,
        "label": logged.name,
        "name": logged.name,
        "source": logged.source,
        "metadata": _event_metadata(logged.metadata),
    }


def preview(organization_id: str, preview: Preview) -> dict[str, Any]:
    """What a meter would make of the latest events. A value that is not counted as a number, of
    a meter that counts different ones, is not shown: the event has it.
    """
    return {
        "items": [
            {
                "event": event(organization_id, one.shown),
                "matches": one.chosen,
                "counts": one.match is not None,
                "value": plain(one.match.value)
                if one.match and isinstance(one.match.value, Decimal)
                else None,
            }
            for one in preview.events
        ],
        "examined": len(preview.events),
        "counted": sum(one.match is not None for one in preview.events),
        "total": plain(preview.total),
    }


def event_name(name: EventName) -> dict[str, Any]:
    return {
        "name": name.name,
        "label": name.name,
        "source": name.source,
        "occurrences": name.occurrences,
        "first_seen": name.first_seen,
        "last_seen": name.last_seen,
    }


def quantities(meter: Meter, found: Quantities) -> dict[str, Any]:
    """What a meter makes of intervals; not `complete` while its past is still being counted."""
    return {
        "quantities": [
            {
                "timestamp": times.to_text(quantity.start),
                "quantity": plain(quantity.value),
                **_moved(quantity.moved),
            }
            for quantity in found.of_intervals()
        ],
        "total": plain(found.total()),
        **_moved(found.moved()),
        "complete": meter.backfilled,
    }


def _moved(moved: Moved | None) -> dict[str, Any]:
    return {
        "used_units": None if moved is None else plain(moved.used),
        "granted_units": None if moved is None else plain(moved.granted),
    }


def _event_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as it was sent; but a cost is a text, and all that a call may tell is there."""
    shown = dict(metadata)
    if COST in shown:
        shown[COST] = {**shown[COST], "amount": f"{shown[COST]['amount']:f}"}
    if LLM in shown:
        shown[LLM] = {"prompt": None, "response": None, **shown[LLM]}
        shown[LLM]["cached_input_tokens"] = shown[LLM].get("cached_input_tokens") or 0
    return shown
