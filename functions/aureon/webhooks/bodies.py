"""The bodies of webhooks' endpoints."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from aureon.core.bodies import Model
from aureon.webhooks import addresses, endpoints, event_types
from aureon.webhooks.addresses import Refused


def _url(value: str) -> str:
    try:
        addresses.check_url(value, local=endpoints.is_local())
    except Refused as refused:
        raise PydanticCustomError("url", "{reason}", {"reason": str(refused)}) from None
    return value


def _new_url(value: str) -> str:
    return value if value == endpoints.LISTENER else _url(value)


def _type(value: Any) -> str:
    if value not in event_types.ALL:
        raise PydanticCustomError(
            "enum", "Known types: {known}.", {"known": ", ".join(event_types.ALL)}
        )
    return value  # type: ignore[no-any-return]


def _format(value: Any) -> str:
    if value != "raw":
        raise PydanticCustomError("enum", "Webhooks are sent raw: there is no other format.")
    return "raw"


_TYPE_SCHEMA: Final = {"type": "string", "enum": list(event_types.ALL)}

_UrlText = Annotated[str, Field(min_length=1, max_length=endpoints.MAX_URL_CHARACTERS)]
Url = Annotated[_UrlText, AfterValidator(_url)]
NewUrl = Annotated[_UrlText, AfterValidator(_new_url)]
Name = Annotated[str, Field(max_length=endpoints.MAX_NAME_CHARACTERS)]
Types = Annotated[
    list[Annotated[str, BeforeValidator(_type), WithJsonSchema(_TYPE_SCHEMA)]],
    Field(min_length=1, max_length=len(event_types.ALL)),
]
Format = Annotated[
    str, BeforeValidator(_format), WithJsonSchema({"type": "string", "enum": ["raw"]})
]


class EndpointBody(Model):
    """Where webhooks of these types are to go.

    `aureon:listen` in place of a URL keeps them for a day, for who reads the deliveries.
    """

    url: NewUrl
    events: Types
    format: Format = "raw"
    name: Name | None = None


class EndpointUpdateBody(Model):
    """A change of an endpoint: what is absent stays as it is."""

    url: Url | None = None
    events: Types | None = None
    format: Format | None = None
    name: Name | None = None
    enabled: bool | None = None
