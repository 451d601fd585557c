"""Blocks: which pages the projector marks together, named by who writes the pages.

A page says which block of the timeline it is in, so that it has its mark in one place however it is
delivered. The pages that one process writes one after the other are projected together, as a rule,
and share a block: then one write marks them all. A name that two processes happen to share makes a
larger block, and no other difference.
"""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Final

# So many entries of the timeline fit into an item of 1 KB, which a write unit pays for.
PAGES_OF_A_BLOCK: Final = 10


class Blocks:
    """The blocks of the pages that one process writes."""

    def __init__(self) -> None:
        self._process = ""
        self._pages: Counter[str] = Counter()

    def of_next_page(self, organization_id: str) -> str:
        """The block of the organization's next page."""
        # Named at its first use: copies of a process that was frozen before then differ.
        self._process = self._process or secrets.token_urlsafe(3)
        number = self._pages[organization_id]
        self._pages[organization_id] = number + 1
        return f"{self._process}{number // PAGES_OF_A_BLOCK:x}"


blocks: Final = Blocks()
