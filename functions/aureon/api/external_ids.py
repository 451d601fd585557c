"""External ids of customers in requests: in the path, or as a query parameter.

A path can't carry every id: API Gateway hands paths over decoded, so an id with ``?`` or ``#``
may reach a function cut, and then it is another customer's. As a query parameter any id arrives
whole.
"""

from __future__ import annotations

from aureon.api.requests import Request
from aureon.core.errors import Invalid, Problem
from aureon.customers import profiles


def find_external(request: Request, in_path: str | None, *parameters: str) -> str:
    """The id of the customer whom a request names by an external id.

    `in_path` is None where the query has the id, as ``external_id``. A request that reads takes
    any other query parameter, one that writes only the `parameters` of its operation: one more
    may be what was cut off the path. Raises `NotFound` and `Invalid`.
    """
    if in_path is not None:
        if not request.reads:
            request.require_query_of(*parameters)
        return profiles.find_id(request.store, in_path)
    external_id = request.query_str("external_id")
    if external_id is None:
        raise Invalid([Problem("missing", ("query", "external_id"), "Field required")])
    return profiles.find_id(request.store, external_id)
