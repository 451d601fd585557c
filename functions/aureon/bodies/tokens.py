"""The bodies of access tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from aureon import times, tokens
from aureon.bodies import Model


def _expiry(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return times.from_text(value)
    except (TypeError, ValueError):
        raise PydanticCustomError(
            "datetime_parsing",
            "A time is in ISO 8601 format, with its offset: 2027-01-31T00:00:00Z.",
        ) from None


def _scope(value: Any) -> str:
    if value not in tokens.SCOPES:
        raise PydanticCustomError(
            "enum", "Known scopes: {known}.", {"known": ", ".join(tokens.SCOPES)}
        )
    return value  # type: ignore[no-any-return]


_SCOPE_SCHEMA: Final = {"type": "string", "enum": list(tokens.SCOPES)}


class TokenBody(Model):
    """A token to be made. It can't do more than the one that makes it, nor for longer."""

    name: Annotated[str, Field(max_length=tokens.MAX_NAME_CHARACTERS)] = ""
    scopes: Annotated[
        list[Annotated[str, BeforeValidator(_scope), WithJsonSchema(_SCOPE_SCHEMA)]],
        Field(min_length=1, max_length=len(tokens.SCOPES)),
    ]
    expires_at: Annotated[datetime | None, BeforeValidator(_expiry)] = None
