"""What the embedded engine keeps on disk: a snapshot, and a journal of the writes since.

A state is a folder, numbered from 1, and the highest number counts:

    state/3/dynamodb.json   all tables, as they were when the folder was begun
    state/3/sqs.json        all queues, as they were a moment ago
    state/3/journal         every write to the tables since, in the order in which it was applied
    state/4.new/            the next one, while it is written; leads nowhere until it is renamed

So no crash leaves a snapshot beside a journal that it contains already. An entry of the journal is
two lengths, a checksum, and its two parts: headers as JSON, and the request's body. One that is
torn or damaged ends the journal: nothing after it was told to be on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

JOURNAL: Final = "journal"
NEW: Final = ".new"
_HEAD: Final = struct.Struct(">III")


class Entry(NamedTuple):
    """A request that the engine has applied."""

    headers: Mapping[str, str]
    body: bytes


class Journal:
    """A file of entries, which is read once and then written to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def read(self) -> Iterator[Entry]:
        """The entries that are whole; what follows the last of them is cut off."""
        whole = 0
        with self._path.open("rb") as file:
            while head := file.read(_HEAD.size):
                if len(head) < _HEAD.size:
                    break
                headers_length, body_length, checksum = _HEAD.unpack(head)
                content = file.read(headers_length + body_length)
                if len(content) < headers_length + body_length or zlib.crc32(content) != checksum:
                    break
                whole = file.tell()
                yield Entry(json.loads(content[:headers_length]), content[headers_length:])
        os.ftruncate(self._file, whole)

    def append(self, entry: Entry) -> None:
        """Add an entry: a crash of the process does not lose it, a power cut before `sync` may."""
        headers = json.dumps(entry.headers).encode()
        content = headers + entry.body
        head = _HEAD.pack(len(headers), len(entry.body), zlib.crc32(content))
        left = memoryview(head + content)
        while left:
            left = left[os.write(self._file, left) :]

    def sync(self) -> None:
        """Put all entries on the disk itself."""
        os.fsync(self._file)


def current(folder: Path) -> Path:
    """The state in a folder that counts; a new one in an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"*{NEW}"):
        shutil.rmtree(left)
    numbers = sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
    for number in numbers[:-1]:
        shutil.rmtree(folder / str(number))
    state = folder / str(numbers[-1] if numbers else 1)
    if not numbers:
        state.mkdir()
        # Before there were numbers, the folder itself was the state.
        for path in folder.glob("*.json"):
            path.rename(state / path.name)
    return state


def draft(state: Path) -> Path:
    """A folder for the state that is to follow this one."""
    found = state.with_name(f"{int(state.name) + 1}{NEW}")
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir()
    return found


def replace(state: Path, drafted: Path) -> Path:
    """Let a draft that was written as a whole count from now on, in place of this state.

    Files that the draft does not have are taken over, but for the journal, which it contains.
    """
    for path in state.glob("*.json"):
        if not (drafted / path.name).exists():
            shutil.copy2(path, drafted)
    for path in drafted.iterdir():
        sync(path)
    following = drafted.rename(drafted.with_name(drafted.name.removesuffix(NEW)))
    sync(following.parent)
    shutil.rmtree(state)
    return following


def sync(path: Path) -> None:
    """Put a file, or a folder's entries, on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
