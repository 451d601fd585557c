"""Customers' sessions: opaque tokens, kept as their SHA-256 only, that open one customer to read.

A session is one item, which DynamoDB deletes once it has expired. It says whose it is and no more:
that the customer is still there is looked up with each request.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final, Self

import uuid_utils
from msgspec import Struct

from aureon.access.tokens import KEPT_AFTER_EXPIRY, SECRET_BYTES, bearer, sha256_of
from aureon.core import times
from aureon.core.errors import InvalidToken
from aureon.storage import keys
from aureon.storage.store import Item, OrganizationStore, Store, put_new
from aureon.storage.table import DELETE_AFTER

PREFIX: Final = "aureon_cst_"
LASTING: Final = timedelta(hours=1)
SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=1)


class Session(Struct, frozen=True):
    """What a session's token opens: one customer, until it expires."""

    id: str
    organization_id: str
    customer_id: str
    created_at: datetime
    expires_at: datetime
    return_url: str | None = None

    @classmethod
    def from_item(cls, item: Item) -> Self:
        return cls(
            id=item["id"],
            organization_id=item["organization_id"],
            customer_id=item["customer_id"],
            created_at=times.from_text(item["created_at"]),
            expires_at=times.from_text(item["expires_at"]),
            return_url=item["return_url"],
        )

    def to_item(self) -> Item:
        return {
            "id": self.id,
            "organization_id": self.organization_id,
            "customer_id": self.customer_id,
            "created_at": times.to_text(self.created_at),
            "expires_at": times.to_text(self.expires_at),
            "return_url": self.return_url,
            DELETE_AFTER: int((self.expires_at + KEPT_AFTER_EXPIRY).timestamp()),
        }


def create(
    store: OrganizationStore,
    customer_id: str,
    *,
    lasting: timedelta = LASTING,
    return_url: str | None = None,
) -> tuple[str, Session]:
    """Create a session of a customer, who has to exist. Returns its token, and what it is."""
    token = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    now = times.now()
    session = Session(
        id=str(uuid_utils.uuid7()),
        organization_id=store.organization_id,
        customer_id=customer_id,
        created_at=now,
        expires_at=now + lasting,
        return_url=return_url,
    )
    store.write(put_new(keys.session(sha256_of(token)), session.to_item()))
    return token, session


def find(store: Store, authorization: str | None) -> Session:
    """The session of an ``Authorization`` header, expired or not.

    Raises `Unauthorized`, and `InvalidToken` where there is no such session.
    """
    token = bearer(authorization)
    item = store.get(keys.session(sha256_of(token)))
    if item is None:
        raise InvalidToken("No such session.")
    return Session.from_item(item)
