"""What explains balances: ``GET /v1/events/export``, and the statement of a customer's meter."""

from __future__ import annotations

from urllib.parse import urlencode

from aureon.api import event_query, serializers, statements
from aureon.api.requests import Request
from aureon.api.resolver import Resolver
from aureon.api.responses import Answer, Content, file_answer
from aureon.core.errors import Invalid
from aureon.reads.export import FORMATS, MAX_EVENTS, Export, Format

api = Resolver("export")
handler = api.handler


@api.operation("export_events")
def export(request: Request) -> Answer:
    """Answer a part; the link to the next one is in the headers, until there is none."""
    format_ = _format(request)
    work = Export(
        request.store,
        event_query.selection(request),
        event_query.ledgers(request),
        format_,
        serializers.event,
        min(request.query_int("limit", MAX_EVENTS), MAX_EVENTS),
    )
    part = work.part(request.query_str("after"))
    headers = {"X-Event-Count": str(part.events)}
    if part.after is not None:
        following = {**request.query, "after": [part.after]}
        # Relative, so that it leads on below a stage too.
        headers["Link"] = f'<?{urlencode(following, doseq=True)}>; rel="next"'
        headers["X-Next-After"] = part.after
    content = Content(format_.media_type, part.content)
    return file_answer(content, request.headers.get("accept-encoding", ""), headers)


@api.operation("get_statement")
def get_statement(request: Request, customer_meter_id: str) -> Answer:
    """Answer a page of a statement, as JSON or CSV; the next one is behind its `next`."""
    return statements.serve(request, customer_meter_id)


def _format(request: Request) -> Format:
    name = request.query_str("format") or "jsonl"
    format_ = FORMATS.get(name)
    if format_ is None:
        message = f"Must be one of {', '.join(FORMATS)}."
        raise Invalid.at(("query", "format"), message, name, kind="enum")
    return format_
