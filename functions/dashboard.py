"""``/``: the dashboard's files, as ``make dashboard`` has built them beside this module.

What can be served is a dictionary of the files that were there at the start, so no path that is
asked for ever reaches the file system. An asset's name holds a hash of its content, so whoever has
it may keep it; the page itself is asked for again each time, and answered with 304 where nothing
has changed. An HTTP API compresses nothing, so what gets smaller by it is compressed here, once.
"""

from __future__ import annotations

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FILES: Final = Path(__file__).parent / "dashboard_files"
PAGE: Final = "index.html"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# A font is compressed already.
COMPRESSED: Final = frozenset(TYPES) - {".woff2"}
FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
# Nothing from elsewhere, nothing inline, no frame around it, no text that becomes a script.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NOT_FOUND: Final = '{"error":"ResourceNotFound","detail":"Not found"}'


class File(NamedTuple):
    """A file as it is sent: its type, a tag of its content, and the content in base64."""

    type: str
    tag: str
    plain: str
    compressed: str | None

    @classmethod
    def read(cls, path: Path) -> File:
        content = path.read_bytes()
        # A fixed time, so that equal files are equal answers.
        smaller = gzip.compress(content, mtime=0) if path.suffix in COMPRESSED else None
        return cls(
            TYPES[path.suffix],
            f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            b64encode(content).decode(),
            None if smaller is None else b64encode(smaller).decode(),
        )


_FILES: Final[Mapping[str, File]] = {
    path.name: File.read(path) for path in sorted(FILES.iterdir()) if path.suffix in TYPES
}


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``GET /`` and ``GET /assets/{name}``: without a token, since there is nothing secret here."""
    answer = _answer(event)
    answer["headers"]["x-request-id"] = event["requestContext"]["requestId"]
    return answer


def _answer(event: Mapping[str, Any]) -> dict[str, Any]:
    request = event["requestContext"]
    if event["rawPath"] == f"/{request['stage']}":
        # The page's links are relative, so that it works below any stage: they need the slash.
        return {"statusCode": 308, "headers": {"Location": f"{request['stage']}/"}, "body": ""}
    name = (event.get("pathParameters") or {}).get("name", PAGE)
    file = _FILES.get(name)
    if file is None:
        headers = {"Content-Type": "application/json"}
        return {"statusCode": 404, "headers": headers, "body": NOT_FOUND}
    asked = {name.lower(): value for name, value in event["headers"].items()}
    headers = {
        **HEADERS,
        "Cache-Control": ASK_AGAIN if name == PAGE else FOR_A_YEAR,
        "ETag": file.tag,
        "Vary": "Accept-Encoding",
    }
    if file.tag in asked.get("if-none-match", ""):
        return {"statusCode": 304, "headers": headers, "body": ""}
    headers["Content-Type"] = file.type
    body = file.plain
    if file.compressed is not None and "gzip" in asked.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = file.compressed
    return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}
