"""``/v1/events/``: list events, read one, the names that there are; and try a meter on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aureon.api import event_query, serializers
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer
from aureon.core import listing
from aureon.core.errors import Invalid
from aureon.core.texts import folded
from aureon.reads import counts, events, preview

api = Resolver("events")
handler = api.handler


_SORT_NAMES_BY = {
    "name": lambda name: name.name.casefold(),
    "label": lambda name: name.name.casefold(),
    "occurrences": lambda name: name.occurrences,
    "first_seen": lambda name: name.first_seen,
    "last_seen": lambda name: name.last_seen,
}
_ORDERS = ("-timestamp", "timestamp")


@api.operation("list_events")
def list_(request: Request) -> Answer:
    paging = request.paging()
    found = events.find(
        request.store,
        event_query.selection(request),
        ledger_ids=event_query.ledgers(request),
        oldest_first=_oldest_first(request),
        part=paging.slice(),
    )
    shown = [serializers.event(request.organization_id, one) for one in found.items]
    return Answer(200, {**paging.answer(shown, found.total), "complete": found.counted})


@api.operation("get_overview")
def overview(request: Request) -> Answer:
    """Any good token may ask: what it may not read is null."""
    return Answer(200, serializers.overview(counts.read(request.store, request.access.allows)))


@api.operation("list_event_names")
def names(request: Request) -> Answer:
    return _names(request, serializers.event_name)


@api.operation("list_event_types")
def types(request: Request) -> Answer:
    """The names, as Polar's clients list them. What they count, they count whatever its parent."""
    for name in ("parent_id", "root_events"):
        asked = request.query_str(name)
        if asked not in (None, "false"):
            message = "Types are counted whatever their events are parts of: list events instead."
            raise Invalid.at(("query", name), message, asked, kind="unsupported")
    organization_id = request.organization_id
    return _names(request, lambda name: serializers.event_type(organization_id, name))


def _names(request: Request, serialize: Callable[[events.EventName], Mapping[str, Any]]) -> Answer:
    paging = request.paging()
    sources = request.query_list("source")
    query = folded(request.query_str("query") or "")
    ordered = listing.sort(
        (
            name
            for name in events.names(request.store, event_query.ledgers(request))
            if (not sources or name.source in sources) and query in folded(name.name)
        ),
        request.query_list("sorting"),
        _SORT_NAMES_BY,
        default="-last_seen",
        id_of=lambda name: name.name,
    )
    shown = [serialize(name) for name in ordered[paging.slice()]]
    return Answer(200, paging.answer(shown, len(ordered)))


@api.operation("get_event")
def get(request: Request, event_id: str) -> Answer:
    found, refunds = events.get(request.store, event_id)
    return Answer(200, serializers.event_with_refunds(request.organization_id, found, refunds))


@api.operation("preview_meter")
def preview_(request: Request) -> Answer:
    """What a meter would count: it shows events, whatever the filter, so it needs their scope."""
    from aureon.core.bodies import check
    from aureon.meters.bodies import PreviewBody

    body = check(PreviewBody, request.body())
    found = preview.read(
        request.store,
        body.filter.to_filter(),
        body.aggregation.to_aggregation(),
        limit=body.limit,
    )
    return Answer(200, serializers.preview(request.organization_id, found))


def _oldest_first(request: Request) -> bool:
    orders = request.query_list("sorting") or _ORDERS
    for order in orders:
        if order not in _ORDERS:
            message = f"Sort by one of {', '.join(_ORDERS)}."
            raise Invalid.at(("query", "sorting"), message, order, kind="enum")
    return orders[0] == "timestamp"
