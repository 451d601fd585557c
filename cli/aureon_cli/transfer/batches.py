"""Batches of lines: what is sent at once, cut from a file or standard input.

A source is never held as a whole: a batch has as many lines, and bytes, as one request takes.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from aureon.domain.events import MAX_EVENTS_PER_REQUEST
from aureon_cli.transfer.forms import Form, Unreadable

PIECE_BYTES: Final = 64 * 1024
SHOWN_BYTES: Final = 200
NOTHING_SHA256: Final = hashlib.sha256().hexdigest()


class Position(NamedTuple):
    """A place between two lines: how many bytes and lines come before it, and their SHA-256."""

    offset: int = 0
    lines: int = 0
    sha256: str = NOTHING_SHA256


class Line(NamedTuple):
    """What is sent for a record, or the record itself where it says nothing.

    Its number, from 1, is that of the line that it begins on.
    """

    number: int
    text: bytes


@dataclass(frozen=True)
class Batch:
    """The lines between two positions, blank ones left out.

    `refused` says of some of them, by number, why they cannot be sent.
    """

    start: Position
    end: Position
    sha256: str
    lines: tuple[Line, ...]
    refused: dict[int, str]

    def key(self, source: str) -> str:
        """What makes the batch count once: which source it is from, its place, and its content."""
        place = f"{source}\0{self.start.offset}\0{self.end.offset}\0{self.sha256}"
        return f"aureon-ingest-{hashlib.sha256(place.encode()).hexdigest()}"


class Cutter:
    """Cuts a source into batches, from a position on; the same source always in the same places.

    A record has at most `max_bytes`, and a batch is full when it has as many.
    """

    def __init__(
        self, file: BinaryIO, form: Form, max_bytes: int, start: Position | None = None
    ) -> None:
        self.position = start or Position()
        self._file = file
        self._form = form
        self._max_bytes = max_bytes
        self._content = hashlib.sha256()
        self._batch = hashlib.sha256()
        # Lines that were looked at, and are no part of the record before them.
        self._ahead: deque[bytes] = deque()

    def skip(self, position: Position) -> bool:
        """Go on at a later position; say whether what comes before it is what it was."""
        remaining = position.offset - self.position.offset
        while remaining and (piece := self._file.read(min(PIECE_BYTES, remaining))):
            self._content.update(piece)
            remaining -= len(piece)
        self.position = position
        return self._content.hexdigest() == position.sha256

    def next(self, *, until: int | None = None) -> Batch | None:
        """The next batch, None at the end; `until` says where it ends, if that is known."""
        start = self.position
        self._batch = hashlib.sha256()
        lines: list[Line] = []
        refused: dict[int, str] = {}
        offset, number = start.offset, start.lines
        while not self._is_full(lines, offset - start.offset) if until is None else offset < until:
            record = self._read_record(None if until is None else until - offset)
            if record is None:
                break
            offset += len(record.raw) + record.more_bytes
            first = number + 1
            number += record.raw.count(b"\n") + (not record.raw.endswith(b"\n"))
            if record.refused is not None:
                refused[first] = record.refused
            if record.text is not None:
                lines.append(Line(first, record.text))
        if offset == start.offset:
            return None
        self.position = Position(offset, number, self._content.hexdigest())
        return Batch(start, self.position, self._batch.hexdigest(), tuple(lines), refused)

    def _is_full(self, lines: list[Line], size_bytes: int) -> bool:
        return len(lines) >= MAX_EVENTS_PER_REQUEST or size_bytes >= self._max_bytes

    def _read_record(self, room_bytes: int | None) -> _Record | None:
        """The next record, in no more than so many bytes where that is known; None at the end."""
        first = self._read_line()
        if not first:
            return None
        self._add(first)
        if more_bytes := self._skip_line(first):
            reason = f"A line has at most {self._max_bytes:,} bytes."
            return _Record(first, first[:SHOWN_BYTES], reason, more_bytes)
        taken = [first]

        def following() -> Iterator[bytes]:
            yield first
            size_bytes = len(first)
            room = self._max_bytes if room_bytes is None else min(self._max_bytes, room_bytes)
            while size_bytes < room and (line := self._read_line()):
                taken.append(line)
                size_bytes += len(line)
                yield line

        text = refused = None
        try:
            text = self._form.read(following())
        except Unreadable as error:
            # Where it ends is not known: what follows its first line is looked at again.
            self._ahead.extendleft(reversed(taken[1:]))
            return _Record(first, first.strip(), str(error))
        except ValueError as error:
            refused = str(error)
        self._add(*taken[1:])
        raw = b"".join(taken)
        if refused is not None:
            return _Record(raw, raw.strip(), refused)
        if len(raw) > self._max_bytes:
            reason = f"An entry has at most {self._max_bytes:,} bytes."
            return _Record(raw, raw[:SHOWN_BYTES], reason)
        return _Record(raw, text)

    def _read_line(self) -> bytes:
        return self._ahead.popleft() if self._ahead else self._file.readline(self._max_bytes)

    def _skip_line(self, line: bytes) -> int:
        """Pass over what is too much of a line, and say how many bytes that was."""
        more_bytes = 0
        if len(line) < self._max_bytes:
            return more_bytes
        while line and not line.endswith(b"\n"):
            line = self._file.readline(PIECE_BYTES)
            self._add(line)
            more_bytes += len(line)
        return more_bytes

    def _add(self, *lines: bytes) -> None:
        for line in lines:
            self._batch.update(line)
            self._content.update(line)


class _Record(NamedTuple):
    """What was read, what is sent for it, or itself, and why it cannot be sent."""

    raw: bytes
    text: bytes | None
    refused: str | None = None
    more_bytes: int = 0
