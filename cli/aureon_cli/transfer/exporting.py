"""``aureon export``: writes the selected events into a file, or to standard output.

They are read part by part, each behind the last event of the one before, from the API or straight
from the table. A file grows under a name of its own, and what it has is remembered beside it after
each part: so the next run goes on where this one stopped, with nothing twice and nothing
left out. It gets its name when it is whole.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from urllib.parse import urlencode

import httpx
import msgspec
import typer
from msgspec import structs
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from aureon.access.tokens import NOBODY
from aureon.api import event_query, serializers
from aureon.api.requests import Request
from aureon.core.errors import AureonError, Invalid, Unavailable
from aureon.reads import events
from aureon.reads.export import FORMATS, Export, Part
from aureon.storage.store import OrganizationStore
from aureon_cli.terminal import bar
from aureon_cli.transfer import http_api, parquet
from aureon_cli.transfer.forms import NUMBER
from aureon_cli.transfer.http_api import MAX_TRIES, HttpApi

STANDARD_OUTPUT: Final = Path("-")
PARTIAL_SUFFIX: Final = ".aureon-partial"
PROGRESS_SUFFIX: Final = ".aureon-progress"
PARQUET: Final = "parquet"
CSV: Final = "csv"
# What a spreadsheet takes for a formula, and what it drops before one.
CALCULATED: Final = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")

DONE: Final = 0
INTERRUPTED: Final = 130

# The parameters of an export's query, those that are repeated more than once.
Query = Sequence[tuple[str, str]]


class ExportError(AureonError):
    """Events cannot be exported, or not so, and why."""


class Source(Protocol):
    """Where events come from. `name` tells it from all others."""

    name: str

    def part(self, query: Query, format_: str, after: str | None) -> Part:
        """Read a part. Raises `Unavailable` where it may be asked for again."""

    def total(self, query: Query) -> int | None:
        """About how many events there are to come, where that is known at once."""


class Api(HttpApi):
    """The HTTP API."""

    scopes = "events:read"

    def part(self, query: Query, format_: str, after: str | None) -> Part:
        answer = self._get("/v1/events/export", [*query, ("format", format_), *_behind(after)])
        with self._sense():
            count = int(answer.headers["X-Event-Count"])
        return Part(answer.content, count, answer.headers.get("X-Next-After"))

    def total(self, query: Query) -> int | None:
        if not _counts_are_known(query):
            return None
        try:
            found = self._get("/v1/events/", [*query, ("limit", "1")]).json()
            return int(found["pagination"]["total_count"])
        except (AureonError, LookupError, TypeError, ValueError):
            return None

    def _get(self, path: str, query: Query) -> httpx.Response:
        answer = self._call("GET", path, params=httpx.QueryParams(list(query)))
        match answer.status_code:
            case 200:
                return answer
            case 422:
                raise ExportError(_problems(answer))
        raise self._unexpected(answer)


class Table:
    """The table itself, for one organization."""

    def __init__(self, store: OrganizationStore) -> None:
        self.name = f"{store.table} {store.organization_id}"
        self._store = store
        self._organization_id = store.organization_id

    def part(self, query: Query, format_: str, after: str | None) -> Part:
        request = self._request(query)
        try:
            work = Export(
                self._store,
                event_query.selection(request),
                event_query.ledgers(request),
                FORMATS[format_],
                serializers.event,
            )
            return work.part(after)
        except Invalid as error:
            raise ExportError(str(error)) from error

    def total(self, query: Query) -> int | None:
        if not _counts_are_known(query):
            return None
        request = self._request(query)
        try:
            selection = event_query.selection(request)
            names = events.names(self._store, event_query.ledgers(request))
        except AureonError:
            return None
        return sum(name.occurrences for name in names if selection.has_name(name.source, name.name))

    def _request(self, query: Query) -> Request:
        """The request that would ask the API for the same."""
        request = Request({"rawQueryString": urlencode(list(query))}, self._store)
        request.access = structs.replace(NOBODY, organization_id=self._organization_id)
        return request


def _counts_are_known(query: Query) -> bool:
    """Whether nothing but customers and names decides: their events are counted as they come."""
    return {name for name, _ in query} <= {
        "customer_id",
        "external_customer_id",
        "name",
        "source",
    }


def _behind(after: str | None) -> Query:
    return [] if after is None else [("after", after)]


def _problems(answer: httpx.Response) -> str:
    try:
        problems = answer.json()["detail"]
        return " ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in problems)
    except (ValueError, LookupError, TypeError):
        return f"The request is refused: {answer.text[:200]}"


@dataclass(frozen=True)
class State:
    """How far an export has come: so many events, in so many bytes, up to the one with this id."""

    source: str
    query: list[tuple[str, str]]
    format: str
    # Keys of metadata that are columns of their own, and whether cells are safe for spreadsheets.
    columns: tuple[str, ...] = ()
    is_safe: bool = False
    after: str | None = None
    size_bytes: int = 0
    events: int = 0
    complete: bool = False

    def begun(self) -> State:
        """The same before anything was written."""
        return State(self.source, self.query, self.format, self.columns, self.is_safe)


def run(
    path: Path,
    source: Source,
    query: Query,
    format_: str,
    *,
    columns: Sequence[str] = (),
    is_safe: bool = False,
) -> int:
    """Export to a file, or to standard output for ``-``; return the exit code.

    Raises `ExportError` and `ApiError`.
    """
    if columns and format_ != PARQUET:
        raise ExportError("Only Parquet has columns of metadata: CSV has all of it in one.")
    if is_safe and format_ != CSV:
        raise ExportError("Only CSV can be made safe for spreadsheets.")
    begun = State(source.name, list(query), format_, tuple(columns), is_safe)
    if path == STANDARD_OUTPUT:
        if format_ == PARQUET:
            raise ExportError("Parquet is written to a file.")
        return _to_standard_output(source, begun)
    if format_ == PARQUET:
        parquet.require()
    try:
        return _to_file(path, source, begun)
    except OSError as error:
        raise ExportError(f"{error.filename or path}: {error.strerror}.") from error


def _to_standard_output(source: Source, state: State) -> int:
    output = sys.stdout.buffer
    try:
        for part in _parts(source, state, None):
            output.write(part.content)
            output.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has enough; nothing is left to be flushed at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def _to_file(path: Path, source: Source, begun: State) -> int:
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    journal = path.with_name(path.name + PROGRESS_SUFFIX)
    with partial.open("ab") as file:
        _lock(file, path)
        state = _remembered(journal, begun, path)
        if file.tell() < state.size_bytes:
            if not (state.complete and path.exists()):
                raise ExportError(f"{partial} has become shorter; remove {journal} to begin again.")
            # It had its name already, and only the end was interrupted.
            partial.unlink()
            journal.unlink()
            return _finished(path, state)
        # What was written after the last part that is remembered is not known to be whole.
        file.truncate(state.size_bytes)
        try:
            with _bar(source, state) as bar:
                for part in [] if state.complete else _parts(source, state, bar):
                    file.write(part.content)
                    file.flush()
                    os.fsync(file.fileno())
                    state = replace(
                        state,
                        after=part.after or state.after,
                        size_bytes=file.tell(),
                        events=state.events + part.events,
                        complete=part.after is None,
                    )
                    _remember(journal, state)
                    bar.show(state.events)
        except KeyboardInterrupt:
            typer.echo("aureon: Stopped. The same command continues from here.", err=True)
            return INTERRUPTED
        if state.format == PARQUET:
            parquet.convert(partial, path, state.columns)
            partial.unlink()
        else:
            partial.replace(path)
        journal.unlink()
    return _finished(path, state)


def _finished(path: Path, state: State) -> int:
    typer.echo(f"{state.events:,} events are in {path}.", err=True)
    return DONE


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ExportError(f"Another aureon export is at work on {path}.") from error


def _remembered(journal: Path, begun: State, path: Path) -> State:
    """How far an export has come that was begun before, or that it begins now."""
    if not journal.exists():
        if path.exists():
            # Left by the lock, which is all that there is of it.
            path.with_name(path.name + PARTIAL_SUFFIX).unlink(missing_ok=True)
            raise ExportError(f"{path} exists already; choose another name, or remove it.")
        _remember(journal, begun)
        return begun
    try:
        state = msgspec.json.decode(journal.read_bytes(), type=State)
    except msgspec.MsgspecError as error:
        raise ExportError(f"{journal} can't be read; remove it to begin again.") from error
    if state == state.begun():
        # Nothing was written yet, as where the first part was refused.
        _remember(journal, begun)
        return begun
    if state.begun() != begun:
        raise ExportError(
            f"{path} was begun with other options: continue with the same command, "
            f"or remove {journal} to begin again."
        )
    return state


def _remember(journal: Path, state: State) -> None:
    draft = journal.with_name(journal.name + ".new")
    draft.write_bytes(msgspec.json.encode(state))
    draft.replace(journal)


def _parts(source: Source, state: State, bar: _Bar | None) -> Iterator[Part]:
    """The parts that are left, each asked for again and again where it does not come."""
    after = state.after
    format_ = "jsonl" if state.format == PARQUET else state.format
    while True:
        part = _patiently(source, state, format_, after, bar)
        yield part._replace(content=_safe(part.content)) if state.is_safe else part
        if part.after is None:
            return
        after = part.after


def _safe(content: bytes) -> bytes:
    """CSV in which a spreadsheet calculates nothing: a cell that it might begins with ``'``.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [
            f"'{cell}" if CALCULATED.match(cell) and not NUMBER.fullmatch(cell) else cell
            for cell in row
        ]
        for row in rows
    )
    return text.getvalue().encode()


def _patiently(
    source: Source, state: State, format_: str, after: str | None, bar: _Bar | None
) -> Part:
    for tried in range(1, MAX_TRIES + 1):
        try:
            return source.part(state.query, format_, after)
        except Unavailable as unavailable:
            if tried == MAX_TRIES:
                raise ExportError(
                    f"{unavailable.detail} Tried {MAX_TRIES} times. "
                    "The same command continues from here."
                ) from unavailable
            if bar is not None:
                bar.say(f"{unavailable.detail} Trying again.")
            http_api.BACKOFF.wait(tried)
    raise AssertionError


class _Bar:
    """The progress bar: of how many events, where that is known."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def show(self, events: int) -> None:
        task = self._progress.tasks[0]
        total = None if task.total is None else max(task.total, events)
        self._progress.update(
            self._task, description="", completed=events, total=total, events=events
        )

    def say(self, text: str) -> None:
        self._progress.update(self._task, description=text)


@contextmanager
def _bar(source: Source, state: State) -> Iterator[_Bar]:
    progress = bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    total = source.total(state.query) if progress.console.is_terminal else None
    with progress:
        task = progress.add_task("", total=total, completed=state.events, events=state.events)
        yield _Bar(progress, task)
