"""``POST /v1/events/queue`` on the developer's machine: what the gateway does there by itself.

It asks the authorizer, and sends the body to the queue with the attributes that it answered. The
answers are the gateway's own, and on AWS the body of a 202 is what SQS says.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services.html
"""

from __future__ import annotations

import base64
from typing import Any, Final

from aureon.access.admission import ATTRIBUTES
from aureon.storage.queue import Queue, Unsendable, text
from aureon_cli.gateway import Event, Handler

JSON: Final = {"content-type": "application/json"}


def sending_to(queue: Queue, authorizer: Handler) -> Handler:
    """What serves the route, over a queue and the function that says who may send to it."""

    def handle(event: Event, context: Any) -> dict[str, Any]:
        if "authorization" not in event["headers"]:
            return _answer(401, '{"message":"Unauthorized"}')
        verdict = authorizer(event | {"type": "REQUEST"}, context)
        if not verdict["isAuthorized"]:
            return _answer(403, '{"message":"Forbidden"}')
        attributes = {name: text(verdict["context"][name]) for name in ATTRIBUTES}
        try:
            queue.send(_body(event), attributes)
        except (Unsendable, UnicodeDecodeError):
            return _answer(400, '{"message":"Bad Request"}')
        return _answer(202, "{}")

    return handle


def _body(event: Event) -> str:
    body: str = event.get("body", "")
    return base64.b64decode(body).decode() if event["isBase64Encoded"] else body


def _answer(status: int, body: str) -> dict[str, Any]:
    return {"statusCode": status, "headers": JSON, "body": body}
