"""Who may send to the queue through the gateway, and what the gateway then writes on a message.

``POST /v1/events/queue`` has no function: the gateway asks whether a request may pass, and hands
its body to the queue, with the attributes that the answer names. They are plain words, never the
caller's own: the gateway puts them into JSON as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from aureon.access.rates import RateLimiter
from aureon.access.tokens import GRANT, TokenAuthenticator
from aureon.core.errors import Invalid
from aureon.storage.store import Store

SCOPE: Final = "events:write"

ORGANIZATION_ID: Final = "organization_id"
# The hash of the request's Idempotency-Key, or that it had none: the gateway leaves no attribute
# out, and sends no empty one.
REQUEST_KEY: Final = "request_key"
NO_KEY: Final = "none"
# Whether the sender's events may give credits.
MAY_GRANT: Final = "may_grant"
YES: Final = "yes"
NO: Final = "no"
ATTRIBUTES: Final = (ORGANIZATION_ID, REQUEST_KEY, MAY_GRANT)

MAX_KEY_CHARACTERS: Final = 255


def authorize(
    authenticator: TokenAuthenticator,
    limiter: RateLimiter,
    store: Store,
    headers: Mapping[str, str],
) -> dict[str, str]:
    """Let a request pass, by its headers in lower case. Returns its message's attributes.

    Raises `Unauthorized`, `InvalidToken`, `TooManyRequests`, `InsufficientScope`, and `Invalid`
    where its key is none: who sends again under such a key would count twice.
    """
    access = authenticator.authenticate(store, headers.get("authorization"))
    limiter.admit(store.of(access.organization_id), access)
    access.require(SCOPE)
    return {
        ORGANIZATION_ID: access.organization_id,
        REQUEST_KEY: _hashed(headers.get("idempotency-key")),
        MAY_GRANT: YES if GRANT in access.scopes else NO,
    }


def _hashed(key: str | None) -> str:
    if key is None:
        return NO_KEY
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        message = f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} characters."
        raise Invalid.at(("header", "idempotency-key"), message, kind="string_length")
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
