"""The types of webhooks: Polar's, which the published SDKs parse, and Aureon's own."""

from __future__ import annotations

from typing import Final

# The version of Polar's API that payloads are of.
API_VERSION: Final = "2026-10"

CUSTOMER_CREATED: Final = "customer.created"
CUSTOMER_UPDATED: Final = "customer.updated"
CUSTOMER_DELETED: Final = "customer.deleted"
# At a crossing, a recovery, a grant and a lapse; its data is the customer's state.
STATE_CHANGED: Final = "customer.state_changed"

CREDITS_LOW: Final = "credits.low"
CREDITS_DEPLETED: Final = "credits.depleted"
CREDITS_RECOVERED: Final = "credits.recovered"
CREDITS_GRANTED: Final = "credits.granted"
CREDITS_EXPIRED: Final = "credits.expired"
HOLD_EXPIRED: Final = "hold.expired"
AUDIT_DIFFERENCE: Final = "audit.difference"
DEAD_LETTER_CREATED: Final = "dead_letter.created"

POLARS: Final = (CUSTOMER_CREATED, CUSTOMER_UPDATED, CUSTOMER_DELETED, STATE_CHANGED)
# The published SDKs refuse to parse these: an endpoint gets those alone that it names.
OWN: Final = (
    CREDITS_LOW,
    CREDITS_DEPLETED,
    CREDITS_RECOVERED,
    CREDITS_GRANTED,
    CREDITS_EXPIRED,
    HOLD_EXPIRED,
    AUDIT_DIFFERENCE,
    DEAD_LETTER_CREATED,
)
ALL: Final = (*POLARS, *OWN)
