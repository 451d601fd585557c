"""The bodies of access tokens, of customers' sessions and of organizations."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from aureon.access import organizations, rates, sessions, tokens
from aureon.core import times
from aureon.core.bodies import Identifier, Model, OwnId
from aureon.domain import events

MAX_URL_CHARACTERS: Final = 2_000
RETURN_URL: Final = re.compile(r"https?://[^\s/?#\\<>\"]+(?:[/?#][^\s\\<>\"]*)?")


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


class RestrictionBody(Model):
    """The events that a token may send: of these names, or counted by these meters alone."""

    event_names: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=events.MAX_NAME_CHARACTERS)]],
        Field(max_length=tokens.MAX_RESTRICTED, default_factory=list),
    ]
    meter_ids: Annotated[list[OwnId], Field(max_length=tokens.MAX_RESTRICTED, default_factory=list)]

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.event_names and not self.meter_ids:
            raise PydanticCustomError("missing", "Name at least one event or meter.")
        return self

    def to_restriction(self) -> tokens.Restriction:
        return tokens.Restriction(frozenset(self.event_names), frozenset(self.meter_ids))


class TokenBody(Model):
    """A token to be made. It can't do more than the one that makes it, nor for longer."""

    name: Annotated[str, Field(max_length=tokens.MAX_NAME_CHARACTERS)] = ""
    scopes: Annotated[
        list[Annotated[str, BeforeValidator(_scope), WithJsonSchema(_SCOPE_SCHEMA)]],
        Field(min_length=1, max_length=len(tokens.SCOPES)),
    ]
    expires_at: Annotated[datetime | None, BeforeValidator(_expiry)] = None
    restrict_to: RestrictionBody | None = None
    requests_per_second: Annotated[
        int | None,
        Field(
            ge=1,
            le=rates.MAX_REQUESTS_PER_SECOND,
            description="How many requests it may make; null: as many as there is room for.",
        ),
    ] = None

    @model_validator(mode="after")
    def _restricted(self) -> Self:
        if self.restrict_to is not None and set(self.scopes) != {tokens.RESTRICTABLE}:
            raise PydanticCustomError(
                "value_error",
                "A token that is restricted to events has the scope {scope}, and no other.",
                {"scope": tokens.RESTRICTABLE},
            )
        return self


def _return_url(value: Any) -> Any:
    if isinstance(value, str) and not RETURN_URL.fullmatch(value):
        raise PydanticCustomError(
            "url_parsing", "A URL to return to is absolute, and begins with https:// or http://."
        )
    return value


class CustomerSessionBody(Model):
    """A session for a customer to see what is theirs: one of the two ids says whose."""

    customer_id: OwnId | None = None
    external_customer_id: Identifier | None = None
    return_url: Annotated[
        str | None,
        Field(max_length=MAX_URL_CHARACTERS, description="Where the page leads back to."),
        BeforeValidator(_return_url),
    ] = None
    expires_in_seconds: Annotated[
        int,
        Field(
            ge=int(sessions.SHORTEST.total_seconds()),
            le=int(sessions.LONGEST.total_seconds()),
            description="How long it is valid.",
        ),
    ] = int(sessions.LASTING.total_seconds())

    @model_validator(mode="after")
    def _one_customer(self) -> Self:
        if (self.customer_id is None) == (self.external_customer_id is None):
            raise PydanticCustomError(
                "value_error", "One of customer_id and external_customer_id names the customer."
            )
        return self


class OrganizationUpdateBody(Model):
    """Changes of an organization's settings: what is left out stays, null takes it away."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=organizations.MAX_NAME_CHARACTERS,
            # What stands for no name is no name that may be given.
            json_schema_extra=lambda schema: schema.pop("default", None),
        ),
    ] = ""
    colour: Annotated[
        str | None,
        Field(description="Such as #3366ff. It is adapted where it would be hard to read."),
    ] = None
    time_zone: Annotated[str | None, Field(description="An IANA name: Europe/Berlin.")] = None
    origins: Annotated[
        list[str] | None,
        Field(description="Origins whose pages may call the portal's API and embed its page."),
    ] = None
    portal_metadata_keys: Annotated[
        list[str] | None, Field(description="Keys of events' metadata that customers see.")
    ] = None

    def changes(self) -> dict[str, Any]:
        """What `organizations.change` takes: empty where something is taken away."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        empty: dict[str, Any] = {"colour": "", "time_zone": ""}
        return {
            name: empty.get(name, []) if value is None else value for name, value in given.items()
        }
