"""Batches of lines: what is sent at once, cut from a file or standard input.

A source is never held as a whole: a batch has as many lines, and bytes, as one request takes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from aureon.domain.events import MAX_EVENTS_PER_REQUEST
from aureon_cli.forms import Form

PIECE_BYTES: Final = 64 * 1024
SHOWN_BYTES: Final = 200
NOTHING_SHA256: Final = hashlib.sha256().hexdigest()


class Position(NamedTuple):
    """A place between two lines: how many bytes and lines come before it, and their SHA-256."""

    offset: int = 0
    lines: int = 0
    sha256: str = NOTHING_SHA256


class Line(NamedTuple):
    """What is sent for a line, or the line itself where it says nothing, and its number, from 1."""

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

    A line has at most `max_bytes`, and a batch is full when it has as many.
    """

    def __init__(
        self, file: BinaryIO, form: Form, max_bytes: int, start: Position | None = None
    ) -> None:
        self.position = start or Position()
        self._file = file
        self._form = form
        self._max_bytes = max_bytes
        self._content = hashlib.sha256()

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
        content = hashlib.sha256()
        lines: list[Line] = []
        refused: dict[int, str] = {}
        offset, number = start.offset, start.lines
        while not self._is_full(lines, offset - start.offset) if until is None else offset < until:
            raw, more_bytes = self._read_line(content)
            if not raw:
                break
            offset += len(raw) + more_bytes
            first = number + 1
            number += raw.count(b"\n") + (not raw.endswith(b"\n"))
            text = raw.strip()
            if more_bytes:
                text = text[:SHOWN_BYTES]
                refused[first] = f"A line has at most {self._max_bytes:,} bytes."
            elif text:
                try:
                    said = self._form.read(text)
                except ValueError as error:
                    refused[first] = str(error)
                else:
                    if said is None:
                        continue
                    text = said
            else:
                continue
            lines.append(Line(first, text))
        if offset == start.offset:
            return None
        self.position = Position(offset, number, self._content.hexdigest())
        return Batch(start, self.position, content.hexdigest(), tuple(lines), refused)

    def _is_full(self, lines: list[Line], size_bytes: int) -> bool:
        return len(lines) >= MAX_EVENTS_PER_REQUEST or size_bytes >= self._max_bytes

    def _read_line(self, content: hashlib._Hash) -> tuple[bytes, int]:
        """Read a line, and let pass what is too much of it: how many bytes that is."""
        raw = piece = self._read_piece(content, self._max_bytes)
        within_quotes = self._form.quoted and raw.count(b'"') % 2
        while within_quotes and piece and len(raw) < self._max_bytes:
            piece = self._read_piece(content, self._max_bytes - len(raw))
            within_quotes ^= piece.count(b'"') % 2
            raw += piece
        more_bytes = 0
        while piece and not piece.endswith(b"\n"):
            piece = self._read_piece(content, PIECE_BYTES)
            more_bytes += len(piece)
        return raw, more_bytes

    def _read_piece(self, content: hashlib._Hash, max_bytes: int) -> bytes:
        piece = self._file.readline(max_bytes)
        content.update(piece)
        self._content.update(piece)
        return piece
