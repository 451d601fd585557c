"""``aureon ingest`` and ``aureon import``: send a file's lines, or standard input's, each once.

Batches go out in parallel. Where the destination is busy they wait, and go out again under the
same key. Lines that are refused are reported in a file of their own, and their neighbours are
sent without them, under the key of the whole all the same: so whatever is forgotten of what was
done, it cannot be done twice.
"""

from __future__ import annotations

import fcntl
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from os import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import typer
import uuid_utils
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from aureon.core import exact
from aureon.core.errors import AureonError, Unavailable
from aureon_cli.terminal import bar
from aureon_cli.transfer import http_api
from aureon_cli.transfer.batches import Batch, Cutter, Line
from aureon_cli.transfer.destinations import Destination, Refused, Sent
from aureon_cli.transfer.forms import Form, Reading
from aureon_cli.transfer.http_api import MAX_TRIES
from aureon_cli.transfer.journal import Begun, Counts, Journal, State

PROGRESS_SUFFIX: Final = ".aureon-progress"
REJECTED_SUFFIX: Final = ".aureon-rejected.jsonl"
DRY_RUN_SUFFIX: Final = ".aureon-dry-run.jsonl"
STANDARD_INPUT: Final = Path("-")

LONGEST_RETRY_AFTER_SECONDS: Final = 60

LINES: Final = Reading()
CONFLICT: Final = "An event with this external_id counted before, with other content."

T = TypeVar("T")

DONE: Final = 0
REJECTED: Final = 1
INTERRUPTED: Final = 130


class IngestError(AureonError):
    """The events cannot be sent, or not all of them, and how to go on."""


class Stopped(AureonError):
    """A batch is left as it is, since the work has stopped."""


def run(path: Path, destination: Destination, parallel: int, reading: Reading = LINES) -> int:
    """Send a file, or standard input for ``-``; return the exit code.

    How many lines were counted goes to standard output, everything else to standard error.
    Raises `IngestError`, `DestinationError`, `ApiError` and `SourceError`.
    """
    try:
        with ExitStack() as stack:
            stack.enter_context(closing(destination))
            work = _open(stack, path, destination, parallel, reading)
            interrupted = work.run()
            report = destination.report()
    except OSError as error:
        raise IngestError(f"{error.filename or path}: {error.strerror}.") from error
    if interrupted:
        typer.echo(f"aureon: Stopped. {work.how_to_go_on()}", err=True)
        return INTERRUPTED
    for said in report:
        typer.echo(said)
    if work.warnings:
        number, said = min(work.warnings.items())
        typer.echo(
            f"aureon: {len(work.warnings):,} events count as nothing somewhere, the first in "
            f"{work.form.counted} {number:,}: {said}",
            err=True,
        )
    counts = work.journal.state.counts
    is_rejected = bool(counts.rejected or counts.conflicts)
    if not destination.is_kept:
        where = f" What would be rejected is in {work.rejected.path}." if is_rejected else ""
        typer.echo(f"aureon: Nothing was sent.{where}", err=True)
    elif is_rejected:
        typer.echo(f"aureon: Lines were rejected; {work.rejected.path} says why.", err=True)
    return REJECTED if is_rejected else DONE


def _summarize(journal: Journal, destination: Destination) -> None:
    names = (*destination.outcomes, "rejected")
    typer.echo(", ".join(f"{name} {getattr(journal.state.counts, name)}" for name in names))


def _open(
    stack: ExitStack, path: Path, destination: Destination, parallel: int, reading: Reading
) -> _Work:
    """Open what is read and written. Raises `IngestError`, `SourceError` and `JournalError`."""
    file = sys.stdin.buffer if path == STANDARD_INPUT else stack.enter_context(path.open("rb"))
    is_file = path != STANDARD_INPUT and path.is_file()
    if is_file:
        _lock(file, path)
    lines, form = reading.open(stack, file)
    if is_file and destination.is_kept:
        source, name = (f"{form.prefix}{part}" for part in (path.resolve(), destination.name))
        journal = Journal.open(_beside(path, PROGRESS_SUFFIX), source, name)
    else:
        # Nobody can tell whether another stream is the same, so each is another.
        journal = Journal(State(f"stream {uuid_utils.uuid4()}", destination.name), None)
    rejected_path = _beside(
        path if is_file else Path("stdin"),
        REJECTED_SUFFIX if destination.is_kept else DRY_RUN_SUFFIX,
    )
    rejected = _RejectedLines(rejected_path, form, journal.state.rejected_bytes)
    stack.enter_context(closing(rejected))
    # In the end, when the bar is gone: as long as it is there, it takes standard output too.
    stack.callback(_summarize, journal, destination)
    progress = stack.enter_context(_progress())
    size_bytes = None
    if lines.seekable():
        size_bytes = lines.seek(0, SEEK_END)
        lines.seek(0)
    task = progress.add_task("", total=size_bytes, lines=0)
    return _Work(path, lines, form, destination, parallel, journal, rejected, progress, task)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise IngestError(f"Another aureon is at work on {path}.") from error


def _progress() -> Progress:
    return bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
    )


class _RejectedLines:
    """The file that names the lines that were rejected, and says why."""

    def __init__(self, path: Path, form: Form, size_bytes: int) -> None:
        """`size_bytes` is how much of the file is known to be in order."""
        self.path = path
        self._form = form
        self.size_bytes = size_bytes
        self._file: BinaryIO | None = None
        if not size_bytes:
            path.unlink(missing_ok=True)

    def add(self, lines: Iterable[Line], reasons: Mapping[int, str]) -> None:
        for line in lines:
            if self._file is None:
                self._file = self.path.open("ab")
                self.size_bytes = min(self.size_bytes, self._file.tell())
                self._file.truncate(self.size_bytes)
            report = {
                self._form.counted: line.number,
                "error": reasons[line.number],
                self._form.noun: _said(line),
            }
            self.size_bytes += self._file.write(exact.write(report) + b"\n")
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _said(line: Line) -> object:
    """What a line says, or the line itself where it says nothing."""
    try:
        said: object = exact.parse(line.text)
    except ValueError:
        return line.text.decode(errors="replace")
    return said


@dataclass
class _Work:
    """A source on its way to its destination, as many batches at once as go out in parallel."""

    path: Path
    file: BinaryIO
    form: Form
    destination: Destination
    parallel: int
    journal: Journal
    rejected: _RejectedLines
    progress: Progress
    task: TaskID
    # What was sent and is odd, by number.
    warnings: dict[int, str] = field(default_factory=dict)
    _failure: BaseException | None = None
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._slots = threading.Semaphore(self.parallel)

    def run(self) -> bool:
        """Send everything, and say whether that was interrupted.

        What is under way then is finished; interrupted once more, it is left as it is.
        """
        try:
            with suppress(Stopped):
                self._start_all()
            self._wait()
        except KeyboardInterrupt:
            self._stop.set()
            self._show("finishing what is under way")
            with suppress(KeyboardInterrupt):
                self._wait()
            return True
        except BaseException:
            self._stop.set()
            self._wait()
            raise
        if self._failure:
            raise self._failure
        return False

    def how_to_go_on(self) -> str:
        if self.journal.is_kept:
            return "The same command continues from here, and counts nothing twice."
        state = self.journal.state
        first = min([state.position.lines, *(begun.start.lines for begun in state.begun)]) + 1
        return (
            "Standard input cannot be continued. "
            f"Every line before line {first:,} was sent; of the others, some may have been."
        )

    def _start_all(self) -> None:
        batches = self._batches()
        while not self._stop.is_set():
            self._slots.acquire()
            batch = next(batches, None)
            if batch is None:
                return
            thread = threading.Thread(target=self._deliver, args=batch, daemon=True)
            self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
            thread.start()

    def _wait(self) -> None:
        for thread in self._threads:
            with suppress(RuntimeError):  # one that an interruption kept from being started
                thread.join()

    def _batches(self) -> Iterator[tuple[Batch, dict[int, str]]]:
        """What is left to send, with the reasons for lines that are left out.

        First the batches that may have arrived, as they were; then those that never were begun.
        """
        state = self.journal.state
        cutter = Cutter(self.file, self.form, self.destination.max_bytes)
        if not cutter.skip(state.position):
            raise IngestError(
                f"The first {state.position.lines:,} lines of {self.path} were sent, and have "
                "changed since. Send new ones in a file of their own."
            )
        self._show("", completed=state.position.offset, lines=state.position.lines)
        for begun in state.begun:
            self._show("", advance=begun.start.offset - begun.end)
            yield self._again(begun)
        if state.begun:
            self.file.seek(state.position.offset)
        while batch := cutter.next():
            left_out = {**batch.refused, **self._problems(batch)}
            with self._lock:
                self.journal.begin(batch, left_out)
            yield batch, left_out

    def _problems(self, batch: Batch) -> dict[int, str]:
        """What of a batch must not be sent, as far as that is seen before, and why."""
        kept = [line for line in batch.lines if line.number not in batch.refused]
        texts = [line.text for line in kept]
        found = self._patiently(partial(self.destination.problems, texts))
        return {kept[place].number: reason for place, reason in found.items()}

    def _again(self, begun: Begun) -> tuple[Batch, dict[int, str]]:
        self.file.seek(begun.start.offset)
        cutter = Cutter(self.file, self.form, self.destination.max_bytes, begun.start)
        batch = cutter.next(until=begun.end)
        if batch is None:
            raise IngestError(f"{self.path} has become shorter.")
        return batch, {**batch.refused, **begun.left_out}

    def _deliver(self, batch: Batch, left_out: Mapping[int, str]) -> None:
        """Send a batch, and take note of what became of it."""
        left_out = dict(left_out)
        try:
            kept, sent = self._count(batch, left_out)
            reasons = left_out | {kept[place].number: CONFLICT for place in sent.conflicts}
            warnings = {kept[place].number: said for place, said in sent.warnings.items()}
            with self._lock:
                self.warnings |= warnings
                reported = [line for line in batch.lines if line.number in reasons]
                self.rejected.add(reported, reasons)
                counts = sent.counts + Counts(rejected=len(left_out))
                self.journal.finish(batch, counts, self.rejected.size_bytes)
                self._show(
                    "",
                    advance=batch.end.offset - batch.start.offset,
                    lines=self.journal.state.position.lines,
                )
        except Stopped:
            pass
        except BaseException as failure:
            self._failure = self._failure or failure
            self._stop.set()
        finally:
            self._slots.release()

    def _count(self, batch: Batch, left_out: dict[int, str]) -> tuple[list[Line], Sent]:
        """Send a batch without what is left out, and leave out what is refused."""
        key = batch.key(self.journal.state.source)
        while kept := [line for line in batch.lines if line.number not in left_out]:
            texts = [line.text for line in kept]
            try:
                return kept, self._patiently(partial(self.destination.send, key, texts))
            except Refused as refused:
                for place, reason in refused.reasons.items():
                    left_out[kept[place].number] = reason
                with self._lock:
                    self.journal.leave_out(batch, left_out)
        return [], Sent(Counts())

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask again and again where no answer came."""
        tries = 0
        while not self._stop.is_set():
            try:
                return ask()
            except Unavailable as unavailable:
                tries += 1
                if tries == MAX_TRIES:
                    raise IngestError(
                        f"{unavailable.detail} Tried {MAX_TRIES} times. {self.how_to_go_on()}"
                    ) from unavailable
                asked = min(LONGEST_RETRY_AFTER_SECONDS, unavailable.retry_after_seconds)
                self._show(f"{unavailable.detail} Trying again.")
                self._stop.wait(max(asked, http_api.BACKOFF.seconds(tries)))
        raise Stopped

    def _show(self, description: str, **more: Any) -> None:
        self.progress.update(self.task, description=description, **more)
