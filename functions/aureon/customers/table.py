"""The customers as a table: CSV, which spreadsheets and `aureon import customers` read."""

from __future__ import annotations

import csv
import io
from typing import Final

from aureon.core import exact, times
from aureon.core.errors import TooLarge
from aureon.customers import summaries
from aureon.storage.store import OrganizationStore

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
COLUMNS: Final = ("id", "external_id", "email", "name", "created_at", "metadata")
# What is kept in memory, and compressed in time.
MAX_CHARACTERS: Final = 30_000_000


def write(store: OrganizationStore) -> bytes:
    """All customers, the oldest first, as RFC 4180 has it, in UTF-8. Raises `TooLarge`.

    Metadata is JSON, and what a customer does not have is empty.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    oldest_first = sorted(summaries.read_all(store), key=lambda one: (one.created_at, one.id))
    for one in oldest_first:
        created_at = times.to_text(one.created_at)
        metadata = exact.write(one.metadata).decode()
        table.writerow((one.id, one.external_id, one.email, one.name, created_at, metadata))
        if text.tell() > MAX_CHARACTERS:
            raise TooLarge("There are too many customers for one answer: list them page by page.")
    return text.getvalue().encode()
