"""What a file holds, from any program: lines in UTF-8, as JSON or CSV.

A file in UTF-16, and a JSON document (an array, an object around a list, values that go over
several lines) is copied into a temporary file first: the document as a value in each line.
"""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from io import BytesIO
from typing import Any, BinaryIO, Final, NamedTuple, cast

import ijson

from aureon.core import exact
from aureon.core.errors import AureonError

BOM: Final = codecs.BOM_UTF8
PIECE_BYTES: Final = 64 * 1024
# As much of a file is looked at to see what it is.
HEAD_BYTES: Final = 1024 * 1024
# A copy of more is on the disk.
IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
# Files that are no text, by their first bytes.
# https://en.wikipedia.org/wiki/List_of_file_signatures
BINARY: Final = {
    b"\x1f\x8b": "compressed with gzip; decompress it first",
    b"PK\x03\x04": "a zip archive, as Excel's workbooks are; save it as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel; save it as CSV",
    b"PAR1": "Parquet; write it as CSV or JSON Lines",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; decompress it first",
}
ENCODINGS: Final = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}

Expand = Callable[[Any], Iterable[Any]]


class SourceError(AureonError):
    """A file that cannot be read as what it should be, and what to do."""


class Source(NamedTuple):
    """Lines in UTF-8, and the first two that are not blank, as far as they were looked at.

    `counted` says what its lines are counted as: a document's values are entries.
    """

    file: BinaryIO
    head: bytes
    counted: str = "line"


class _Peeked:
    """A stream whose beginning was looked at, and is read again."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = BytesIO(head)
        self._rest = rest

    def read(self, size: int) -> bytes:
        return self._head.read(size) or self._rest.read(size)

    def seekable(self) -> bool:
        return False

    def readline(self, size: int) -> bytes:
        return self._head.readline(size) or self._rest.readline(size)


def as_lines(stack: ExitStack, file: BinaryIO) -> Source:
    """A file's lines, in UTF-8. Raises `SourceError`."""
    head = _head(file)
    for beginning, what in BINARY.items():
        if head.startswith(beginning):
            raise SourceError(f"The file is {what}.")
    again = _from_the_beginning(file, head)
    for mark, encoding in ENCODINGS.items():
        if head.startswith(mark):
            copy = _copied(stack, _recoded(again, encoding))
            head = _head(copy)
            copy.seek(0)
            return Source(copy, head)
    if b"\0" in head[:4]:
        raise SourceError("The file seems to be UTF-16 without its mark; save it as UTF-8.")
    return Source(again, head)


def as_json_lines(
    stack: ExitStack, source: Source, wrappers: Collection[str], expand: Expand | None = None
) -> Source:
    """The same with a JSON value in each line. Raises `SourceError`.

    The list that is a member of `wrappers` of a document's object stands for the object. `expand`
    makes several values of one.
    """
    if expand is None and not _is_document(source, wrappers):
        return source
    copy = _copied(stack, _json_lines(source.file, wrappers, expand))
    head = _head(copy)
    copy.seek(0)
    return Source(copy, head, "entry")


def _head(file: BinaryIO) -> bytes:
    """The first lines, up to the second that is not blank."""
    head = b""
    found = 0
    while len(head) < HEAD_BYTES and found < 2 and (line := file.readline(HEAD_BYTES - len(head))):
        head += line
        found += bool(line.strip())
    return head


def _from_the_beginning(file: BinaryIO, head: bytes) -> BinaryIO:
    if file.seekable():
        file.seek(0)
        return file
    return cast("BinaryIO", _Peeked(head, file))


def _copied(stack: ExitStack, pieces: Iterable[bytes]) -> BinaryIO:
    """A temporary file of these pieces, to be read from its beginning."""
    spool = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115
    copy = cast("BinaryIO", stack.enter_context(spool))
    for piece in pieces:
        copy.write(piece)
    copy.seek(0)
    return copy


def _recoded(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while piece := file.read(PIECE_BYTES):
            yield decoder.decode(piece).encode()
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise SourceError(f"The file begins as {encoding}, and is not all of it.") from error


def _is_document(source: Source, wrappers: Collection[str]) -> bool:
    """Whether values begin or end elsewhere than lines do."""
    first, _, following = source.head.removeprefix(BOM).lstrip().partition(b"\n")
    if first.startswith(b"["):
        return True
    if not first.startswith(b"{"):
        return False
    # Nothing but a member, or the end of its object, follows the first line of one.
    goes_on = not first.rstrip().endswith(b"}") and following.lstrip().startswith((b'"', b"}"))
    return goes_on or _is_wrapper(first, wrappers)


def _is_wrapper(text: bytes, wrappers: Collection[str]) -> bool:
    """Whether an object, of which this is the beginning, holds the list that is meant."""
    try:
        for prefix, event, _ in ijson.parse(BytesIO(text)):
            if event == "start_array" and prefix in wrappers:
                return True
    except ijson.JSONError:
        pass
    return False


def _json_lines(
    file: BinaryIO, wrappers: Collection[str], expand: Expand | None
) -> Iterator[bytes]:
    number = 0
    try:
        for value in _values(_without_bom(file), wrappers):
            number += 1
            for one in [value] if expand is None else expand(value):
                yield exact.write(one) + b"\n"
    except (ijson.JSONError, UnicodeError, ArithmeticError) as error:
        raise SourceError(
            f"The file is no longer JSON after its first {number:,} values."
        ) from error


def _without_bom(file: BinaryIO) -> BinaryIO:
    mark = file.read(len(BOM))
    return cast("BinaryIO", _Peeked(b"" if mark == BOM else mark, file))


_Events = Iterator[tuple[str, str, Any]]


def _values(file: BinaryIO, wrappers: Collection[str]) -> Iterator[Any]:
    """The values of a document, one after the other, the elements of lists for the lists."""
    events: _Events = ijson.parse(file, multiple_values=True)
    for _, event, value in events:
        if event == "start_array":
            yield from _elements(events)
        elif event == "start_map":
            yield from _of_object(events, wrappers)
        else:
            yield value


def _of_object(events: _Events, wrappers: Collection[str]) -> Iterator[Any]:
    members: dict[str, Any] = {}
    wraps = False
    for _, event, key in events:
        if event == "end_map":
            break
        _, event, value = next(events)
        if event == "start_array" and key in wrappers:
            wraps = True
            yield from _elements(events)
        else:
            members[key] = _built(events, event, value)
    if not wraps:
        yield members


def _elements(events: _Events) -> Iterator[Any]:
    for _, event, value in events:
        if event == "end_array":
            return
        yield _built(events, event, value)


def _built(events: _Events, event: str, value: Any) -> Any:
    """The value that begins with an event."""
    builder = ijson.ObjectBuilder()
    depth = 0
    while True:
        builder.event(event, value)
        depth += event in ("start_map", "start_array")
        depth -= event in ("end_map", "end_array")
        if not depth:
            return builder.value
        _, event, value = next(events)
