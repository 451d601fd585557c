"""``/v1/events/``: list events, read one, the names that there are; and try a meter on them."""

from __future__ import annotations

from aureon import answers, events, listing, preview, wanted
from aureon.errors import Invalid, Problem
from aureon.http import Answer, Request, Resolver

api = Resolver()
handler = api.handler

READ = "events:read"

_SORT_NAMES_BY = {
    "name": lambda name: name.name.casefold(),
    "occurrences": lambda name: name.occurrences,
    "first_seen": lambda name: name.first_seen,
    "last_seen": lambda name: name.last_seen,
}
_ORDERS = ("-timestamp", "timestamp")


@api.route("GET", "/v1/events/", scope=READ)
def list_(request: Request) -> Answer:
    paging = request.paging()
    found = events.find(
        request.store,
        request.organization_id,
        wanted.selection(request),
        ledger_ids=wanted.ledgers(request),
        oldest_first=_oldest_first(request),
        part=paging.slice(),
    )
    shown = [answers.event(request.organization_id, one) for one in found.items]
    return Answer(200, paging.answer(shown, found.total))


@api.route("GET", "/v1/events/names", scope=READ)
def names(request: Request) -> Answer:
    paging = request.paging()
    sources = request.texts("source")
    query = (request.text("query") or "").casefold()
    ordered = listing.sort(
        (
            name
            for name in events.names(
                request.store, request.organization_id, wanted.ledgers(request)
            )
            if (not sources or name.source in sources) and query in name.name.casefold()
        ),
        request.texts("sorting"),
        _SORT_NAMES_BY,
        default="-last_seen",
        id_of=lambda name: name.name,
    )
    shown = [answers.event_name(name) for name in ordered[paging.slice()]]
    return Answer(200, paging.answer(shown, len(ordered)))


@api.route("GET", "/v1/events/<event_id>", scope=READ)
def get(request: Request, event_id: str) -> Answer:
    found = events.get(request.store, request.organization_id, event_id)
    return Answer(200, answers.event(request.organization_id, found))


@api.route("POST", "/v1/meters/preview", scope=READ)
def preview_(request: Request) -> Answer:
    """What a meter would count: it shows events, whatever the filter, so it needs their scope."""
    from aureon.bodies import check
    from aureon.bodies.meters import PreviewBody

    body = check(PreviewBody, request.body())
    found = preview.read(
        request.store,
        request.organization_id,
        body.filter.to_filter(),
        body.aggregation.to_aggregation(),
        limit=body.limit,
    )
    return Answer(200, answers.preview(request.organization_id, found))


def _oldest_first(request: Request) -> bool:
    orders = request.texts("sorting") or _ORDERS
    for order in orders:
        if order not in _ORDERS:
            message = f"Sort by one of {', '.join(_ORDERS)}."
            raise Invalid([Problem("enum", ("query", "sorting"), message, order)])
    return orders[0] == "timestamp"
