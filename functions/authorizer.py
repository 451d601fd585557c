"""The gateway's question before ``POST /v1/events/queue``: may this request pass, and as whose?

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aureon.access import admission
from aureon.access.rates import RateLimiter
from aureon.access.tokens import TokenAuthenticator
from aureon.api import runtime
from aureon.api.runtime import logger
from aureon.core.errors import (
    InsufficientScope,
    Invalid,
    InvalidToken,
    TooManyRequests,
    Unauthorized,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

authenticator: Final = TokenAuthenticator()
limiter: Final = RateLimiter()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer in the simple form: payload version 2.0. What fails is a 500 to the caller."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    attributes: dict[str, str] = {}
    refused = None
    try:
        attributes = admission.authorize(authenticator, limiter, runtime.store(context), headers)
    except (Unauthorized, InvalidToken, TooManyRequests, InsufficientScope, Invalid) as error:
        refused = type(error).__name__
    logger.info(
        "authorization",
        request_id=event["requestContext"]["requestId"],
        organization_id=attributes.get(admission.ORGANIZATION_ID),
        refused=refused,
    )
    return {"isAuthorized": True, "context": attributes} if attributes else {"isAuthorized": False}
