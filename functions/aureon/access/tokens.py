"""Access tokens: opaque, random, kept as their SHA-256 only, scoped to one organization.

A token is two items: one found by its hash, read at each request, and a record of it in the
organization's list, which says nothing that would help to use it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import uuid_utils
from msgspec import Struct

from aureon.access import activity
from aureon.core import times
from aureon.core.errors import (
    InsufficientScope,
    Invalid,
    InvalidToken,
    NotFound,
    Problem,
    Unauthorized,
)
from aureon.core.identifiers import is_id
from aureon.storage import keys
from aureon.storage.expressions import present
from aureon.storage.keys import Keys
from aureon.storage.store import (
    CONDITION_FAILED,
    Item,
    OrganizationStore,
    Store,
    TransactionCancelled,
    check,
    delete,
    put_new,
    update,
)
from aureon.storage.table import DELETE_AFTER

PREFIX: Final = "aureon_oat_"
SECRET_BYTES: Final = 32
# Giving credits, by events of negative units too.
GRANT: Final = "credits:grant"
SCOPES: Final = (
    "activity:read",
    "customers:read",
    "customers:write",
    "events:read",
    "events:write",
    "meters:read",
    "meters:write",
    "customer_meters:read",
    "customer_meters:write",
    "customer_sessions:write",
    "alerts:read",
    "credits:read",
    "credits:write",
    GRANT,
    "organizations:read",
    "organizations:write",
    "tokens:read",
    "tokens:write",
    "webhooks:read",
    "webhooks:write",
)
# The one scope that a restricted token has, and the operation that minds what it is restricted to.
RESTRICTABLE: Final = "events:write"
MAX_RESTRICTED: Final = 100
# Whose items say which scopes they have: all of them, since `GRANT` is one.
SCHEMA: Final = 2
GRANTED_BEFORE: Final = "events:write"
MAX_NAME_CHARACTERS: Final = 256
# How long a container goes on trusting a token that it has seen; the promise is 60 s.
TRUST_SECONDS: Final = 30.0
KEPT_AFTER_EXPIRY: Final = timedelta(days=1)


class Restriction(Struct, frozen=True):
    """Which events a token may send: those of these names, and those that these meters alone count.

    It may send no others, and do nothing else.
    """

    event_names: frozenset[str] = frozenset()
    meter_ids: frozenset[str] = frozenset()

    @classmethod
    def from_item(cls, item: Item) -> Restriction | None:
        found = item.get("restrict_to")
        if found is None:
            return None
        return cls(frozenset(found["event_names"]), frozenset(found["meter_ids"]))

    def to_item(self) -> dict[str, list[str]]:
        return {"event_names": sorted(self.event_names), "meter_ids": sorted(self.meter_ids)}

    def allows(self, event_name: str, meter_ids: Collection[str]) -> bool:
        """Whether an event of this name, which these meters count, may be sent."""
        if event_name in self.event_names:
            return True
        return bool(meter_ids) and self.meter_ids.issuperset(meter_ids)


class Access(Struct, frozen=True):
    """What a token allows: one organization's data, within scopes, until it expires.

    Where it is restricted to some events, it allows sending these and nothing else.
    """

    organization_id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    token_id: str = ""
    token_name: str = ""
    restrict_to: Restriction | None = None
    requests_per_second: int | None = None

    def require(self, scope: str, *, minds_restriction: bool = False) -> None:
        """Raise `InsufficientScope` where the token does not have a scope, or is restricted.

        Who minds what it is restricted to says so.
        """
        if scope not in self.scopes or (self.restrict_to is not None and not minds_restriction):
            raise InsufficientScope(scope)

    def allows(self, scope: str) -> bool:
        """Whether the token has a scope, and is not restricted."""
        return scope in self.scopes and self.restrict_to is None


# Who has not shown a token yet: allowed nothing.
NOBODY: Final = Access("", frozenset(), None)


class TokenRecord(Struct, frozen=True):
    """A token as it is listed: everything but the token."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    restrict_to: Restriction | None = None
    requests_per_second: int | None = None

    @classmethod
    def from_item(cls, item: Item) -> TokenRecord:
        return cls(
            id=item["id"],
            name=item["name"],
            scopes=tuple(sorted(_scopes(item))),
            created_at=times.from_text(item["created_at"]),
            expires_at=times.from_optional_text(item.get("expires_at")),
            revoked_at=times.from_optional_text(item.get("revoked_at")),
            restrict_to=Restriction.from_item(item),
            requests_per_second=_limit(item),
        )


def create(
    store: OrganizationStore,
    *,
    name: str = "",
    scopes: Collection[str] = SCOPES,
    expires_at: datetime | None = None,
    token: str | None = None,
    restrict_to: Restriction | None = None,
    requests_per_second: int | None = None,
) -> tuple[str, TokenRecord]:
    """Create a token and return it with its record: the only time that it is shown.

    `token` fixes the token itself, for a local service; one that exists already is an `Invalid`.
    An organization that does not exist is a `NotFound`.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        wrong = f"Unknown: {', '.join(unknown)}." if unknown else "A token needs at least one."
        raise Invalid(
            [Problem("value_error", ("scopes",), f"{wrong} Known scopes: {', '.join(SCOPES)}.")]
        )
    if restrict_to is not None and set(scopes) != {RESTRICTABLE}:
        message = f"A token that is restricted to events has the scope {RESTRICTABLE} alone."
        raise Invalid([Problem("value_error", ("restrict_to",), message)])
    token = token or PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    sha256 = sha256_of(token)
    token_id = str(uuid_utils.uuid7())
    terms: dict[str, Any] = {
        "id": token_id,
        "name": name,
        "scopes": sorted(set(scopes)),
        "schema": SCHEMA,
        "created_at": times.to_text(times.now()),
        "expires_at": times.to_text(expires_at) if expires_at else None,
        "sha256": sha256,
    }
    if restrict_to is not None:
        terms["restrict_to"] = restrict_to.to_item()
    if requests_per_second is not None:
        terms["requests_per_second"] = requests_per_second
    found = {**terms, "organization_id": store.organization_id}
    if expires_at is not None:
        # Its record stays. Clocks may differ; expired, it allows nothing.
        found[DELETE_AFTER] = int((expires_at + KEPT_AFTER_EXPIRY).timestamp())
    try:
        store.commit(
            [
                check(store.keys.organization(), present()),
                put_new(store.keys.token_record(token_id), terms),
                put_new(keys.token(sha256), found),
                activity.noted(store, "token.created", token_id, name=name, scopes=terms["scopes"]),
            ]
        )
    except TransactionCancelled as cancelled:
        if cancelled.reasons[0] == CONDITION_FAILED:
            raise NotFound(f"There is no organization {store.organization_id}.") from cancelled
        raise Invalid(
            [Problem("value_error", ("token",), "This token already exists.")]
        ) from cancelled
    return token, TokenRecord.from_item(terms)


def delegate(
    store: OrganizationStore,
    access: Access,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None,
    restrict_to: Restriction | None = None,
    requests_per_second: int | None = None,
) -> tuple[str, TokenRecord]:
    """Create a token for the holder of `access`: it allows no more, and for no longer.

    Raises `Invalid` where it would, or where it would have expired already.
    """
    problems = []
    lacking = sorted(set(scopes) & set(SCOPES) - access.scopes)
    if lacking:
        message = (
            f"A token gives only scopes that it has itself. This one lacks {', '.join(lacking)}."
        )
        problems.append(Problem("value_error", ("body", "scopes"), message))
    if expires_at is not None and expires_at <= times.now():
        problems.append(Problem("value_error", ("body", "expires_at"), "This time has passed."))
    elif access.expires_at is not None and (expires_at is None or expires_at > access.expires_at):
        until = times.to_text(access.expires_at)
        message = f"A token does not outlive the one that makes it, which expires at {until}."
        problems.append(Problem("value_error", ("body", "expires_at"), message))
    most = access.requests_per_second
    if most is not None and (requests_per_second is None or requests_per_second > most):
        message = f"A token may not make more requests than the one that makes it: {most} a second."
        problems.append(Problem("value_error", ("body", "requests_per_second"), message))
    if problems:
        raise Invalid(problems)
    return create(
        store,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        restrict_to=restrict_to,
        requests_per_second=requests_per_second,
    )


def widen(store: Store, token: str, *, name: str) -> None:
    """Give a token of this name all scopes that there are by now.

    For one that was made with all that there were then; any other is left as it is.
    """
    token_key = keys.token(sha256_of(token))
    item = store.get(token_key)
    if item is None or item["name"] != name or _scopes(item) >= set(SCOPES):
        return
    record_key = Keys(item["organization_id"]).token_record(item["id"])
    all_scopes = {"scopes": sorted(SCOPES), "schema": SCHEMA}
    store.commit([update(key, all_scopes, condition=present()) for key in (token_key, record_key)])


def find(store: OrganizationStore, part: slice, *, revoked: bool) -> tuple[list[TokenRecord], int]:
    """A part of the tokens that are revoked or are not, newest first; and how many they are."""
    found = [record for record in list_records(store) if (record.revoked_at is not None) == revoked]
    return found[::-1][part], len(found)


def list_records(store: OrganizationStore) -> Iterator[TokenRecord]:
    """All tokens that the organization ever had, oldest first, the revoked ones too."""
    partition = store.keys.token_record("").pk
    for item in store.query(partition, prefix=keys.TOKEN_PREFIX):
        yield TokenRecord.from_item(item)


def revoke(store: OrganizationStore, token_id: str) -> None:
    """Revoke a token; it stops within a minute. Raises `NotFound`; twice is as good as once."""
    record_key = store.keys.token_record(token_id)
    record = store.get(record_key) if is_id(token_id) else None
    if record is None:
        raise NotFound(f"There is no token {token_id}.")
    if record.get("revoked_at"):
        return
    store.commit(
        [
            delete(keys.token(record["sha256"])),
            update(record_key, initial={"revoked_at": times.to_text(times.now())}),
            activity.noted(store, "token.revoked", token_id, name=record["name"]),
        ]
    )


class TokenAuthenticator:
    """Checks tokens, and trusts one it has seen for a short while, to save the read.

    Only tokens that were found are remembered, so guesses cost memory nothing.
    """

    def __init__(self) -> None:
        self._trusted: dict[str, tuple[float, Access]] = {}

    def authenticate(self, store: Store, authorization: str | None) -> Access:
        """Read an ``Authorization`` header. Raises `Unauthorized` or `InvalidToken`."""
        sha256 = sha256_of(bearer(authorization))
        trusted_until, access = self._trusted.get(sha256, (0.0, None))
        if access is None or time.monotonic() >= trusted_until:
            self._trusted.pop(sha256, None)
            item = store.get(keys.token(sha256))
            if item is None:
                raise InvalidToken("No such token.")
            access = Access(
                organization_id=item["organization_id"],
                scopes=_scopes(item),
                expires_at=times.from_optional_text(item.get("expires_at")),
                token_id=item["id"],
                restrict_to=Restriction.from_item(item),
                token_name=item["name"],
                requests_per_second=_limit(item),
            )
            self._trusted[sha256] = (time.monotonic() + TRUST_SECONDS, access)
        if access.expires_at is not None and times.now() >= access.expires_at:
            raise InvalidToken("The token has expired.")
        return access


def _limit(item: Item) -> int | None:
    found = item.get("requests_per_second")
    return None if found is None else int(found)


def bearer(authorization: str | None) -> str:
    """The token of an ``Authorization`` header. Raises `Unauthorized`."""
    if not authorization:
        raise Unauthorized("This needs an access token.")
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("This needs an access token, sent as a bearer token.")
    return token


def _scopes(item: Item) -> frozenset[str]:
    """The scopes of a token's item. One from before `GRANT` was a scope could grant by events."""
    scopes = frozenset(item["scopes"])
    return scopes | {GRANT} if "schema" not in item and GRANTED_BEFORE in scopes else scopes


def sha256_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
