"""The table's stream: pages that were inserted, as Lambda delivers them."""

from __future__ import annotations

import time
import zlib
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from aureon.core.errors import AureonError, Unavailable
from aureon.domain.pages import Page
from aureon.projection import projector
from aureon.projection.projector import Logged
from aureon.storage import keys
from aureon.storage.store import Store, from_attributes
from aureon.storage.table import is_inserted_page


class Unreadable(AureonError):
    """A page that can't be read: only what wrote it may know why."""


def project(store: Store, records: Iterable[Mapping[str, Any]]) -> dict[str, AureonError]:
    """Project the pages of a delivery, organization by organization.

    Returns the sequence numbers of records that failed, and why. Lambda delivers anew from the
    first of them on; what was projected already does not count again.
    """
    failed: dict[str, AureonError] = {}
    found: defaultdict[str, list[tuple[str, Logged]]] = defaultdict(list)
    for record in records:
        if is_inserted_page(record):
            number = record["dynamodb"]["SequenceNumber"]
            try:
                organization_id, logged = _page(record["dynamodb"]["NewImage"])
            except Unreadable as error:
                failed[number] = error
            else:
                found[organization_id].append((number, logged))
    for organization_id, pages in found.items():
        try:
            projector.project(store.of(organization_id), [logged for _, logged in pages])
        except Unavailable as error:
            failed |= dict.fromkeys((number for number, _ in pages), error)
    return failed


def lag_seconds(records: Iterable[Mapping[str, Any]]) -> float:
    """How old the oldest record of a delivery is: to the second, as the stream tells it."""
    now = time.time()
    moments = (float(record["dynamodb"]["ApproximateCreationDateTime"]) for record in records)
    return max(0.0, now - min(moments, default=now))


def _page(image: Mapping[str, Any]) -> tuple[str, Logged]:
    """The page of a record, and its organization. Raises `Unreadable`.

    An event is JSON, so that a page's body is written in base64.
    """
    try:
        item = from_attributes(image)
        organization_id, ledger_id = keys.parse_log(item[keys.PARTITION])
        page = Page.from_item({**item, "body": b64decode(item["body"])})
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise Unreadable("A page can't be read.") from error
    return organization_id, Logged(ledger_id, page)
