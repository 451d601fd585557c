"""Whether the service is ready: its database answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon.http import health

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``GET /health``: 200 without a token, or 503."""
    return health(event, context)
