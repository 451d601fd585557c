"""Metadata: what customers, events and meters may carry besides their own fields."""

from __future__ import annotations

from typing import Final

MAX_METADATA_KEYS: Final = 50
MAX_METADATA_KEY_CHARACTERS: Final = 40
MAX_METADATA_VALUE_CHARACTERS: Final = 500
