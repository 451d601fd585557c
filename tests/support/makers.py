"""What most tests send."""

from __future__ import annotations

from typing import Any, Final

EXTERNAL_ID: Final = "user_123"


def usage(
    units: Any = 1, external_customer_id: str | None = EXTERNAL_ID, **more: Any
) -> dict[str, Any]:
    """An event that uses units, of a customer named by its id where that is given."""
    named = {} if "customer_id" in more else {"external_customer_id": external_customer_id}
    return {"name": "api_usage", **named, "metadata": {"units": units}, **more}
