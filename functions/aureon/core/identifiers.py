"""Identifiers: how long they may be, and which a path can carry."""

from __future__ import annotations

from typing import Final

# Of an id that Aureon makes, and of one that a caller chooses.
MAX_OWN_ID_CHARACTERS: Final = 64
MAX_ID_CHARACTERS: Final = 256

# No external id of a customer ends so: a path could not tell it from another.
UNREACHABLE: Final = ("/", "/state")


def is_id(text: str) -> bool:
    """Whether Aureon may have made this id; no other is worth a look."""
    return 0 < len(text) <= MAX_OWN_ID_CHARACTERS


def is_external_id(text: str) -> bool:
    """Whether a caller may have chosen this id."""
    return 0 < len(text) <= MAX_ID_CHARACTERS
