"""Who may send to the queue through the gateway, and what the gateway then writes on a message.

``POST /v1/events/queue`` has no function: the gateway asks whether a request may pass, and hands
its body to the queue, with the attributes that the answer names. They are plain words, never the
caller's own: the gateway puts them into JSON as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from aureon.errors import Invalid, Problem
from aureon.store import Store
from aureon.tokens import Guard

SCOPE: Final = "events:write"

ORGANIZATION_ID: Final = "organization_id"
# The hash of the request's Idempotency-Key, or that it had none: the gateway leaves no attribute
# out, and sends no empty one.
REQUEST_KEY: Final = "request_key"
NO_KEY: Final = "none"
ATTRIBUTES: Final = (ORGANIZATION_ID, REQUEST_KEY)

MAX_KEY_CHARACTERS: Final = 255


def admit(guard: Guard, store: Store, headers: Mapping[str, str]) -> dict[str, str]:
    """Let a request pass, by its headers in lower case. Returns its message's attributes.

    Raises `Unauthorized`, `InvalidToken`, `InsufficientScope`, and `Invalid` where its key is
    none: who sends again under such a key would count twice.
    """
    access = guard.check(store, headers.get("authorization"))
    access.require(SCOPE)
    return {
        ORGANIZATION_ID: access.organization_id,
        REQUEST_KEY: _hashed(headers.get("idempotency-key")),
    }


def _hashed(key: str | None) -> str:
    if key is None:
        return NO_KEY
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        message = f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} characters."
        raise Invalid([Problem("string_length", ("header", "idempotency-key"), message)])
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
