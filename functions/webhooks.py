"""``/v1/webhooks/``: endpoints, what was delivered to them, and delivering it again."""

from __future__ import annotations

from aureon.api import serializers
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core.errors import Invalid
from aureon.webhooks import deliveries, dispatch, endpoints
from aureon.webhooks.deliveries import Query
from aureon.webhooks.endpoints import Endpoint

api = Resolver("webhooks")
handler = api.handler

_CODE_CLASSES = {"2xx": 2, "3xx": 3, "4xx": 4, "5xx": 5}


@api.operation("create_webhook_endpoint")
def create(request: Request) -> Answer:
    from aureon.core.bodies import check
    from aureon.webhooks.bodies import EndpointBody

    body = check(EndpointBody, request.body())
    return _answer(request, endpoints.create(request.store, body), 201)


@api.operation("list_webhook_endpoints")
def list_(request: Request) -> Answer:
    paging = request.paging()
    found = list(endpoints.read_all(request.store))
    shown = [_shown(request, endpoint) for endpoint in found[paging.slice()]]
    return Answer(200, paging.answer(shown, len(found)))


@api.operation("get_webhook_endpoint")
def get(request: Request, endpoint_id: str) -> Answer:
    return _answer(request, endpoints.get(request.store, endpoint_id))


@api.operation("update_webhook_endpoint")
def update(request: Request, endpoint_id: str) -> Answer:
    from aureon.core.bodies import check
    from aureon.webhooks.bodies import EndpointUpdateBody

    body = check(EndpointUpdateBody, request.body())
    return _answer(request, endpoints.change(request.store, endpoint_id, body))


@api.operation("delete_webhook_endpoint")
def delete(request: Request, endpoint_id: str) -> Answer:
    endpoints.remove(request.store, endpoint_id)
    return Answer(204, None)


@api.operation("reset_webhook_endpoint_secret")
def reset_secret(request: Request, endpoint_id: str) -> Answer:
    return _answer(request, endpoints.reset_secret(request.store, endpoint_id))


@api.operation("list_webhook_deliveries")
def list_deliveries(request: Request) -> Answer:
    paging = request.paging()
    code_class = request.query_str("http_code_class")
    if code_class is not None and code_class not in _CODE_CLASSES:
        message = f"Must be one of {', '.join(_CODE_CLASSES)}."
        raise Invalid.at(("query", "http_code_class"), message, code_class, kind="enum")
    query = Query(
        endpoint_ids=request.query_list("endpoint_id"),
        types=request.query_list("event_type"),
        succeeded=request.query_bool("succeeded"),
        code_class=None if code_class is None else _CODE_CLASSES[code_class],
        since=request.query_time("start_timestamp"),
        before=request.query_time("end_timestamp"),
        text=request.query_str("query"),
    )
    found, count = deliveries.find(request.store, query, paging.slice())
    shown = [serializers.webhook_delivery(one) for one in found]
    return Answer(200, paging.answer(shown, count))


@api.operation("redeliver_webhook_event")
def redeliver(request: Request, event_id: str) -> Answer:
    entry = dispatch.redeliver(request.store, event_id)
    return Answer(202, {"id": entry.id})


def _answer(request: Request, endpoint: Endpoint, status: int = 200) -> Answer:
    return Answer(status, _shown(request, endpoint))


def _shown(request: Request, endpoint: Endpoint) -> object:
    return serializers.webhook_endpoint(request.organization_id, endpoint)
