"""What no other function serves: paths that are not written as the gateway's routes are, and none.

API Gateway matches a path to the letter. One with doubled slashes, or with a slash at its end that
no route takes, goes to the function that is meant, and its answer comes back: clients do not follow
redirects. Any other gets the 404 or 405 of this API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aureon.api.envelope import finished
from aureon.api.requests import path_of
from aureon.api.responses import not_served, to_event
from aureon.api.routes import QUEUE_ROUTE, ROUTES, RouteTable
from aureon.storage import functions

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

TABLE: Final = RouteTable((*ROUTES, QUEUE_ROUTE))


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer as the function that is meant, or 405 with the methods that the path takes, or 404."""
    method = event["requestContext"]["http"]["method"]
    target = TABLE.find(path_of(event))
    route = target and target.route(method)
    if target is None or route is None:
        return finished(event, to_event(not_served(target)))
    if route == QUEUE_ROUTE:
        # The gateway itself serves it, and takes it in two forms only.
        return finished(event, to_event(not_served(None)))
    return functions.answer_of(route.handler, {**event, "pathParameters": target.parameters})
