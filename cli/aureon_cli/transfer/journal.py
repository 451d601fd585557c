"""What is remembered of a file that is sent, in a file beside it.

A batch is written down before it is sent, and again once what became of it is known. So a run that
takes the work up sends the same batches again, as far as it is not known that they have arrived,
and goes on after them: their keys see to it that nothing counts twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from aureon.core.errors import AureonError
from aureon_cli.transfer.batches import Batch, Position

VERSION: Final = 1


class JournalError(AureonError):
    """What is remembered does not fit, and how to go on."""


@dataclass(frozen=True)
class Counts:
    """What became of events. Each was inserted, a duplicate, queued, or rejected.

    Conflicts are duplicates that differ from the event that counted.
    """

    inserted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    queued: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.inserted + other.inserted,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.queued + other.queued,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True)
class Begun:
    """A batch that may have arrived: where it is, and why lines of it are left out."""

    start: Position
    end: int
    left_out: dict[int, str]


@dataclass(frozen=True)
class State:
    """All that is remembered. Whatever comes before `position`, and was not only begun, is done."""

    source: str
    destination: str
    position: Position = field(default_factory=Position)
    begun: tuple[Begun, ...] = ()
    counts: Counts = field(default_factory=Counts)
    # How much of the file of rejected lines is known to be in order.
    rejected_bytes: int = 0
    version: int = VERSION


class Journal:
    """Keeps the state, in a file where there is one, for one thread at a time.

    A state replaces the one before as a whole: an interruption leaves this one or that.
    """

    def __init__(self, state: State, path: Path | None) -> None:
        self.state = state
        self._path = path

    @property
    def is_kept(self) -> bool:
        """Whether it outlives the work."""
        return self._path is not None

    @classmethod
    def open(cls, path: Path, source: str, destination: str) -> Journal:
        """Take up what is remembered of a source, or begin. Raises `JournalError`."""
        try:
            state = msgspec.json.decode(path.read_bytes(), type=State)
        except FileNotFoundError:
            return cls(State(source, destination), path)
        except msgspec.MsgspecError as error:
            raise JournalError(f"{path} was not written by aureon.") from error
        if state.version != VERSION:
            raise JournalError(f"{path} was written by another version of aureon.")
        if state.destination != destination:
            raise JournalError(
                f"{path} belongs to another destination, token or reading of the file. "
                "To send all of it here, move it away."
            )
        return cls(state, path)

    def begin(self, batch: Batch, left_out: Mapping[int, str]) -> None:
        """Note that a batch is about to be sent, without some of its lines."""
        begun = Begun(batch.start, batch.end.offset, dict(left_out))
        self._keep(
            replace(self.state, position=batch.end, begun=(*self.state.begun, begun)), safely=True
        )

    def leave_out(self, batch: Batch, left_out: Mapping[int, str]) -> None:
        """Note that a batch is about to be sent without more of its lines."""
        self._keep(
            replace(
                self.state,
                begun=tuple(
                    replace(begun, left_out=dict(left_out)) if begun.start == batch.start else begun
                    for begun in self.state.begun
                ),
            ),
            safely=True,
        )

    def finish(self, batch: Batch, counts: Counts, rejected_bytes: int) -> None:
        """Note what became of a batch."""
        self._keep(
            replace(
                self.state,
                begun=tuple(begun for begun in self.state.begun if begun.start != batch.start),
                counts=self.state.counts + counts,
                rejected_bytes=rejected_bytes,
            )
        )

    def _keep(self, state: State, *, safely: bool = False) -> None:
        self.state = state
        if self._path is None:
            return
        draft = self._path.with_name(f"{self._path.name}.new")
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(state))
            if safely:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(self._path)
        if safely:
            _sync(self._path.parent)


def _sync(folder: Path) -> None:
    """Put a folder's entries on the disk itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
