"""Statements in requests: which part of one is wanted, and how it is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aureon.api import serializers
from aureon.api.responses import Answer, Content
from aureon.core.errors import Invalid
from aureon.reads import statement
from aureon.reads.statement import BY, KINDS, MAX_LINES, By, Statement

if TYPE_CHECKING:
    from aureon.api import response_models as models
    from aureon.api.requests import Request

DEFAULT_LINES: Final = 100
FORMATS: Final = ("json", "csv")
CSV: Final = "text/csv; charset=utf-8"
PARAMETERS: Final = ("start", "end", "timezone", "by", "format", "after", "limit")


def serve(
    request: Request,
    customer_meter_id: str,
    serialize: Callable[[Statement], models.Statement] = serializers.statement,
) -> Answer:
    """Answer a page of a statement, as JSON or CSV; `next` leads to the one behind it."""
    format_ = _one_of(request, "format", FORMATS)
    by: By = "day" if _one_of(request, "by", BY) == "day" else "event"
    found = statement.read(
        request.store,
        customer_meter_id,
        start=request.query_time("start"),
        end=request.query_time("end"),
        zone=request.query_zone("timezone"),
        by=by,
        after=request.query_str("after"),
        limit=min(request.query_int("limit", DEFAULT_LINES), MAX_LINES),
    )
    if format_ == "json":
        return Answer(200, serialize(found))
    headers = {}
    if found.following is not None:
        after = found.following.to_text()
        following = {**request.query, "after": [after]}
        headers["Link"] = f'<?{urlencode(following, doseq=True)}>; rel="next"'
        headers["X-Next-After"] = after
    shown = serialize(found)
    rows = _of_days(shown) if by == "day" else _of_lines(shown)
    if found.whole.after is not None:
        next(rows)
    return Answer(200, Content(CSV, _written(rows)), headers)


def _one_of(request: Request, name: str, known: Sequence[str]) -> str:
    value = request.query_str(name) or known[0]
    if value not in known:
        message = f"Must be one of {', '.join(known)}."
        raise Invalid.at(("query", name), message, value, kind="enum")
    return value


def _of_lines(shown: models.Statement) -> Iterator[Sequence[Any]]:
    columns = ("timestamp", "kind", "units", "balance", "name", "event_id", "external_id")
    of_call = ("kind", "external_id", "hold_id", "event_id", "grant_id", "reason")
    yield [*columns, *(f"call_{name}" for name in of_call), "actor", "note"]
    for line in shown["lines"]:
        call = line["call"]
        actor = call["actor"]
        yield [
            *(line[name] for name in columns),  # type: ignore[literal-required]
            *(call[name] for name in of_call),  # type: ignore[literal-required]
            None if actor is None else actor["token_name"] or actor["token_id"],
            line["note"],
        ]


def _of_days(shown: models.Statement) -> Iterator[Sequence[Any]]:
    kinds = [f"{kind}_units" for kind in KINDS]
    columns = ("date", "opening_balance", *kinds, "closing_balance")
    yield columns
    for day in shown["days"]:
        yield [day[name] for name in columns]  # type: ignore[literal-required]


def _written(rows: Iterator[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return text.getvalue().encode()


def _safe(cell: Any) -> Any:
    """A cell that no spreadsheet calculates: what it could take for a formula is quoted."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{cell}"
    return cell
