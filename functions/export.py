"""``GET /v1/events/export``: events as JSON Lines or CSV, as many as one answer carries."""

from __future__ import annotations

import gzip
from urllib.parse import urlencode

from aureon import wanted
from aureon.errors import Invalid, Problem
from aureon.export import FORMATS, MAX_EVENTS, Export, Format
from aureon.http import Answer, Content, Request, Resolver

api = Resolver()
handler = api.handler

# Most of what can be saved, for little of the time.
COMPRESSION_LEVEL = 4


@api.route("GET", "/v1/events/export", scope="events:read")
def export(request: Request) -> Answer:
    """Answer a part; the link to the next one is in the headers, until there is none."""
    format_ = _format(request)
    work = Export(
        request.store,
        request.organization_id,
        wanted.selection(request),
        wanted.ledgers(request),
        format_,
        min(request.whole_number("limit", MAX_EVENTS), MAX_EVENTS),
    )
    part = work.part(request.text("after"))
    headers = {"X-Event-Count": str(part.events), "Vary": "Accept-Encoding"}
    if part.after is not None:
        following = {**request.query, "after": [part.after]}
        # Relative, so that it leads on below a stage too.
        headers["Link"] = f'<?{urlencode(following, doseq=True)}>; rel="next"'
        headers["X-Next-After"] = part.after
    content = part.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, COMPRESSION_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Answer(200, Content(format_.media_type, content), headers)


def _format(request: Request) -> Format:
    name = request.text("format") or "jsonl"
    format_ = FORMATS.get(name)
    if format_ is None:
        message = f"This is one of {', '.join(FORMATS)}."
        raise Invalid([Problem("enum", ("query", "format"), message, name)])
    return format_
