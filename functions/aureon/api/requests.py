"""Requests: an event of the gateway, read as the handlers want it."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qs, unquote
from zoneinfo import ZoneInfo

from aureon.access.tokens import NOBODY
from aureon.api.responses import JSON, MAX_BODY_BYTES
from aureon.core import exact, times
from aureon.core.errors import Invalid, TooLarge, UnsupportedMediaType
from aureon.storage.store import OrganizationStore, Store

if TYPE_CHECKING:
    from aureon.api.response_models import Page

MAX_KEY_CHARACTERS: Final = 255
DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 100
MAX_PAGE: Final = 10_000_000
DEFAULT_STAGE: Final = "$default"
GZIP: Final = "gzip"
IDENTITY: Final = "identity"
# An HTTP API decodes a path, and may take the rest of it for a query or a fragment.
UNSAFE_IN_PATHS: Final = frozenset("?#")

T = TypeVar("T")


class Request:
    """One request: whose access it came with, its store, bound to the deadline, and its parts."""

    def __init__(self, event: Mapping[str, Any], store: Store) -> None:
        self._event = event
        self._store = store
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in (event.get("headers") or {}).items()
        }
        self.access = NOBODY

    @property
    def organization_id(self) -> str:
        return self.access.organization_id

    @cached_property
    def store(self) -> OrganizationStore:
        """The store, bound to the organization whose access the request came with."""
        store = self._store.of(self.organization_id)
        return store.by(self.access.token_id, self.access.token_name)

    @property
    def base_url(self) -> str:
        """The address of the API as the caller has it, without a slash at its end."""
        context = self._event["requestContext"]
        scheme = self.headers.get("x-forwarded-proto", "http")
        stage = context.get("stage", DEFAULT_STAGE)
        path = "" if stage == DEFAULT_STAGE else f"/{stage}"
        return f"{'https' if scheme == 'https' else 'http'}://{context['domainName']}{path}"

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing."""
        return self._event["requestContext"]["http"]["method"] in ("GET", "HEAD")

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters, each with all its values in the order sent."""
        text = self._event.get("rawQueryString") or ""
        try:
            return parse_qs(text, keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise Invalid.at(
                ("query",), "The query is not UTF-8.", kind="string_unicode"
            ) from error

    @cached_property
    def raw_body(self) -> bytes:
        """The body, unpacked where it came as gzip. Raises `TooLarge`, and what `_gunzip` does."""
        body = self._event.get("body") or ""
        raw = b64decode(body) if self._event.get("isBase64Encoded") else body.encode()
        encoding = self.headers.get("content-encoding", IDENTITY).strip().lower()
        if encoding == GZIP:
            raw = _gunzip(raw)
        elif encoding != IDENTITY:
            raise UnsupportedMediaType("A body may be encoded as gzip, or not at all.")
        if len(raw) > MAX_BODY_BYTES:
            raise TooLarge(f"A body has at most {MAX_BODY_BYTES:,} bytes; this has {len(raw):,}.")
        return raw

    def require_whole_path(self, external_id: str) -> None:
        """Refuse an external id that the gateway may have cut, or that it would cut.

        The gateway hands paths over decoded, and may end one at a ``?`` that was escaped: then the
        id of another customer is left. Wherever it tells the path, it must tell the same one.
        """
        context = self._event["requestContext"]["http"]
        told = (self._event.get("pathParameters") or {}).get("external_id", external_id)
        path = unquote(self._event["rawPath"])
        whole = unquote(context.get("path", path)) == path and unquote(told) in path
        if not whole or set(external_id) & UNSAFE_IN_PATHS:
            message = (
                "A path can't carry an external id with ? or #: give it as a query parameter, "
                "as in /v1/customers/external?external_id=… and /v1/meters/?external_id=…"
            )
            raise Invalid.at(("path", "external_id"), message, external_id)

    def require_query_of(self, *names: str) -> None:
        """Refuse other query parameters than these: the rest of a cut path may be one."""
        for name in self.query.keys() - set(names):
            raise Invalid.at(
                ("query", name), "This parameter is unknown here.", kind="extra_forbidden"
            )

    def body(self) -> Any:
        """The decoded JSON body."""
        media_type = self.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if media_type != JSON and not re.fullmatch(r"application/[\w.-]+\+json", media_type):
            raise Invalid.at(
                ("header", "content-type"),
                "The body must be JSON, sent as application/json.",
                media_type,
                kind="content_type",
            )
        if not self.raw_body:
            raise Invalid.at(
                ("body",), "The body is empty; it must be a JSON object.", kind="missing"
            )
        try:
            return exact.parse(self.raw_body)
        except ValueError as error:
            raise Invalid.at(
                ("body",), f"The body is not JSON: {error}.", kind="json_invalid"
            ) from error

    def query_str(self, name: str) -> str | None:
        """A query parameter that may be given once."""
        values = self.query.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise Invalid.at(("query", name), "This may be given only once.")
        return values[0]

    def query_list(self, name: str) -> list[str]:
        """A query parameter that may be repeated."""
        return self.query.get(name, [])

    def query_bool(self, name: str) -> bool | None:
        """A query parameter that is true or false."""
        value = self.query_str(name)
        if value is None:
            return None
        if value.lower() in ("true", "1"):
            return True
        if value.lower() in ("false", "0"):
            return False
        raise Invalid.at(("query", name), "Must be true or false.", value, kind="bool_parsing")

    def query_time(self, name: str) -> datetime | None:
        """A query parameter that is a time with its offset."""
        text = self.query_str(name)
        if text is None:
            return None
        try:
            # A plus that was not escaped is a space by now.
            return times.from_caller(text.replace(" ", "+"))
        except ValueError as error:
            where = ("query", name)
            raise Invalid.at(where, str(error), text, kind="datetime_parsing") from error

    def query_zone(self, name: str) -> ZoneInfo:
        """A query parameter that is a time zone, by default UTC."""
        text = self.query_str(name) or "UTC"
        try:
            return ZoneInfo(text)
        except (KeyError, ValueError, OSError) as error:
            message = "Unknown time zone; use an IANA name such as Europe/Berlin."
            raise Invalid.at(("query", name), message, text) from error

    def idempotency_key(self) -> str | None:
        """The request's ``Idempotency-Key``, if it has one."""
        key = self.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
            message = f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} characters."
            raise Invalid.at(("header", "idempotency-key"), message, kind="string_length")
        return key

    def metadata(self) -> dict[str, list[str]]:
        """The query's filters by metadata, ``metadata[key]=value``."""
        return {
            name[len("metadata[") : -1]: values
            for name, values in self.query.items()
            if name.startswith("metadata[") and name.endswith("]")
        }

    def paging(self) -> Paging:
        page = self.query_int("page", 1)
        limit = self.query_int("limit", DEFAULT_LIMIT)
        return Paging(page, min(limit, MAX_LIMIT))

    def query_int(self, name: str, default: int) -> int:
        """A query parameter that is a whole number from 1 on."""
        text = self.query_str(name)
        if text is None:
            return default
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
        if not 1 <= number <= MAX_PAGE:
            message = f"Must be a whole number from 1 to {MAX_PAGE:,}."
            raise Invalid.at(("query", name), message, text, kind="int_parsing")
        return number


class Paging:
    """Which part of a list to answer: `page` counts from 1."""

    def __init__(self, page: int, limit: int) -> None:
        self.page = page
        self.limit = limit

    def slice(self) -> slice:
        return slice((self.page - 1) * self.limit, self.page * self.limit)

    def answer(self, items: list[T], total_count: int) -> Page[T]:
        return {
            "items": items,
            "pagination": {
                "total_count": total_count,
                "max_page": -(-total_count // self.limit),
            },
        }


def _gunzip(packed: bytes) -> bytes:
    """Unpack a body, and no more of it than a body may have. Raises `TooLarge` and `Invalid`."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacking.decompress(packed, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise Invalid.at(("body",), "The body is not gzip.", kind="gzip") from error
    if len(unpacked) > MAX_BODY_BYTES:
        raise TooLarge(f"A body has at most {MAX_BODY_BYTES:,} bytes once it is unpacked.")
    if not unpacking.eof:
        raise Invalid.at(
            ("body",), "The body is cut off: it is not a whole gzip file.", kind="gzip"
        )
    return unpacked


def path_of(event: Mapping[str, Any]) -> str:
    """The path without the stage that a stage's own URL starts with."""
    stage = event["requestContext"].get("stage", DEFAULT_STAGE)
    path: str = event["rawPath"]
    if stage != DEFAULT_STAGE and path.startswith(f"/{stage}/"):
        return path.removeprefix(f"/{stage}")
    return path
