"""What webhooks carry, in the API's own words."""

from __future__ import annotations

from typing import Final

from aureon.alerts.telling import Rendering
from aureon.api import serializers

RENDERING: Final = Rendering(
    customer=serializers.customer,
    customer_state=serializers.customer_state,
    alert=serializers.alert,
)
