"""Access tokens: opaque, random, kept as their SHA-256 only, scoped to one organization.

A token is two items: one found by its hash, read at each request, and a record of it in the
organization's list, which says nothing that would help to use it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import uuid_utils

from aureon import keys, times
from aureon.errors import InsufficientScope, Invalid, InvalidToken, NotFound, Problem, Unauthorized
from aureon.store import (
    CONDITION_FAILED,
    PRESENT,
    Item,
    Store,
    TransactionCancelled,
    assign,
    check,
    delete,
    put_new,
    update,
)
from aureon.table import DELETE_AFTER

PREFIX: Final = "aureon_oat_"
SECRET_BYTES: Final = 32
SCOPES: Final = (
    "customers:read",
    "customers:write",
    "events:read",
    "events:write",
    "meters:read",
    "meters:write",
    "customer_meters:read",
    "credits:read",
    "credits:write",
    "tokens:read",
    "tokens:write",
)
MAX_NAME_CHARACTERS: Final = 256
MAX_ID_CHARACTERS: Final = 64
# How long a container goes on trusting a token that it has seen; the promise is 60 s.
TRUST_SECONDS: Final = 30.0
KEPT_AFTER_EXPIRY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Access:
    """What a token allows: one organization's data, within scopes, until it expires."""

    organization_id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    token_id: str = ""

    def require(self, scope: str) -> None:
        """Raise `InsufficientScope` where the token does not have a scope."""
        if scope not in self.scopes:
            raise InsufficientScope(scope)


# Who has not shown a token yet: allowed nothing.
NOBODY: Final = Access("", frozenset(), None)


@dataclass(frozen=True)
class TokenRecord:
    """A token as it is listed: everything but the token."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def from_item(cls, item: Item) -> TokenRecord:
        return cls(
            id=item["id"],
            name=item["name"],
            scopes=tuple(item["scopes"]),
            created_at=times.from_text(item["created_at"]),
            expires_at=times.from_optional_text(item.get("expires_at")),
            revoked_at=times.from_optional_text(item.get("revoked_at")),
        )


def create_organization(store: Store, name: str, organization_id: str | None = None) -> str:
    """Create an organization and return its id. Creating one that exists changes nothing."""
    organization_id = organization_id or str(uuid_utils.uuid7())
    created_at = times.to_text(times.now())
    item = {
        "id": organization_id,
        "name": name,
        "created_at": created_at,
        keys.DIRECTORY_PARTITION: keys.organizations(),
        keys.DIRECTORY_SORT: f"{created_at}{keys.SEPARATOR}{organization_id}",
    }
    with suppress(TransactionCancelled):
        store.commit([put_new(keys.organization(organization_id), item)])
    return organization_id


def organizations(store: Store) -> Iterator[str]:
    """The ids of all organizations, in the order of creation. Raises `Unavailable`."""
    for entry in store.query_index(keys.organizations()):
        yield keys.listed_id(entry[keys.DIRECTORY_SORT])


def organization_name(store: Store, organization_id: str) -> str:
    """What an organization is called. Raises `NotFound`."""
    item = store.get(keys.organization(organization_id))
    if item is None:
        raise NotFound(f"There is no organization {organization_id}.")
    name: str = item["name"]
    return name


def create(
    store: Store,
    organization_id: str,
    *,
    name: str = "",
    scopes: Collection[str] = SCOPES,
    expires_at: datetime | None = None,
    token: str | None = None,
) -> tuple[str, TokenRecord]:
    """Create a token and return it with its record: the only time that it is shown.

    `token` fixes the token itself, for a local service; one that exists already is an `Invalid`.
    An organization that does not exist is a `NotFound`.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        wrong = f"Unknown: {', '.join(unknown)}." if unknown else "A token needs one at least."
        raise Invalid(
            [Problem("value_error", ("scopes",), f"{wrong} Known scopes: {', '.join(SCOPES)}.")]
        )
    token = token or PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    sha256 = _sha256(token)
    token_id = str(uuid_utils.uuid7())
    terms: dict[str, Any] = {
        "id": token_id,
        "name": name,
        "scopes": sorted(set(scopes)),
        "created_at": times.to_text(times.now()),
        "expires_at": times.to_text(expires_at) if expires_at else None,
        "sha256": sha256,
    }
    found = {**terms, "organization_id": organization_id}
    if expires_at is not None:
        # Its record stays. Clocks may differ; expired, it allows nothing.
        found[DELETE_AFTER] = int((expires_at + KEPT_AFTER_EXPIRY).timestamp())
    try:
        store.commit(
            [
                check(keys.organization(organization_id), PRESENT),
                put_new(keys.token_record(organization_id, token_id), terms),
                put_new(keys.token(sha256), found),
            ]
        )
    except TransactionCancelled as cancelled:
        if cancelled.reasons[0] == CONDITION_FAILED:
            raise NotFound(f"There is no organization {organization_id}.") from cancelled
        raise Invalid(
            [Problem("value_error", ("token",), "This token exists already.")]
        ) from cancelled
    return token, TokenRecord.from_item(terms)


def delegate(
    store: Store,
    access: Access,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None,
) -> tuple[str, TokenRecord]:
    """Create a token for whoever has `access`: one that allows no more, and for no longer.

    Raises `Invalid` where it would, or where it would have expired already.
    """
    problems = []
    lacking = sorted(set(scopes) & set(SCOPES) - access.scopes)
    if lacking:
        message = f"A token gives only scopes that it has itself, and not {', '.join(lacking)}."
        problems.append(Problem("value_error", ("body", "scopes"), message))
    if expires_at is not None and expires_at <= times.now():
        problems.append(Problem("value_error", ("body", "expires_at"), "This time has passed."))
    elif access.expires_at is not None and (expires_at is None or expires_at > access.expires_at):
        until = times.to_text(access.expires_at)
        message = f"A token does not outlive the one that makes it, which expires at {until}."
        problems.append(Problem("value_error", ("body", "expires_at"), message))
    if problems:
        raise Invalid(problems)
    return create(store, access.organization_id, name=name, scopes=scopes, expires_at=expires_at)


def widen(store: Store, token: str, *, name: str) -> None:
    """Give a token of this name all scopes that there are by now.

    For one that was made with all that there were then; any other is left as it is.
    """
    token_key = keys.token(_sha256(token))
    item = store.get(token_key)
    if item is None or item["name"] != name or set(item["scopes"]) >= set(SCOPES):
        return
    record_key = keys.token_record(item["organization_id"], item["id"])
    scopes = {"scopes": sorted(SCOPES)}
    store.commit([assign(key, scopes, condition=PRESENT) for key in (token_key, record_key)])


def find(
    store: Store, organization_id: str, part: slice, *, revoked: bool
) -> tuple[list[TokenRecord], int]:
    """A part of the tokens that are revoked or are not, newest first; and how many they are."""
    found = [
        record
        for record in list_records(store, organization_id)
        if (record.revoked_at is not None) == revoked
    ]
    return found[::-1][part], len(found)


def list_records(store: Store, organization_id: str) -> Iterator[TokenRecord]:
    """All tokens that the organization ever had, oldest first, the revoked ones too."""
    partition = keys.token_record(organization_id, "").pk
    for item in store.query(partition, prefix=keys.TOKEN_PREFIX):
        yield TokenRecord.from_item(item)


def revoke(store: Store, organization_id: str, token_id: str) -> None:
    """Revoke a token; it stops within a minute. Raises `NotFound`; twice is as good as once."""
    record_key = keys.token_record(organization_id, token_id)
    record = store.get(record_key) if 0 < len(token_id) <= MAX_ID_CHARACTERS else None
    if record is None:
        raise NotFound(f"There is no token {token_id}.")
    if record.get("revoked_at"):
        return
    store.commit(
        [
            delete(keys.token(record["sha256"])),
            update(
                record_key,
                "SET revoked_at = if_not_exists(revoked_at, :now)",
                values={":now": times.to_text(times.now())},
            ),
        ]
    )


class Guard:
    """Checks tokens, and trusts one it has seen for a short while, to save the read.

    Only tokens that were found are remembered, so guesses cost memory nothing.
    """

    def __init__(self) -> None:
        self._trusted: dict[str, tuple[float, Access]] = {}

    def check(self, store: Store, authorization: str | None) -> Access:
        """Read an ``Authorization`` header. Raises `Unauthorized` or `InvalidToken`."""
        if not authorization:
            raise Unauthorized("This needs an access token.")
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("This needs an access token, sent as a bearer token.")
        sha256 = _sha256(token)
        trusted_until, access = self._trusted.get(sha256, (0.0, None))
        if access is None or time.monotonic() >= trusted_until:
            self._trusted.pop(sha256, None)
            item = store.get(keys.token(sha256))
            if item is None:
                raise InvalidToken("No such token.")
            access = Access(
                organization_id=item["organization_id"],
                scopes=frozenset(item["scopes"]),
                expires_at=times.from_optional_text(item.get("expires_at")),
                token_id=item["id"],
            )
            self._trusted[sha256] = (time.monotonic() + TRUST_SECONDS, access)
        if access.expires_at is not None and times.now() >= access.expires_at:
            raise InvalidToken("The token has expired.")
        return access


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
