"""Files that a function serves, read once: what a browser shows, and nothing secret.

What can be served is a dictionary of the files that were there at the start, so no path that is
asked for ever reaches the file system. An HTTP API compresses nothing, so what gets smaller by it
is compressed here, once.
"""

from __future__ import annotations

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# A font is compressed already.
COMPRESSED: Final = frozenset(TYPES) - {".woff2"}
FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
HEADERS: Final = {
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


class Files:
    """The files of a folder, each under its name, with a policy of what they may load."""

    def __init__(self, folder: Path, policy: str) -> None:
        self._headers = {"Content-Security-Policy": policy, **HEADERS}
        self._files: Mapping[str, File] = {
            path.name: File.read(path) for path in sorted(folder.iterdir()) if path.suffix in TYPES
        }

    def answer(
        self, event: Mapping[str, Any], name: str, caching: str, policy: str | None = None
    ) -> dict[str, Any]:
        """Answer an event of the gateway with a file; with 304 to who has it already.

        `policy` takes the place of the folder's, where one is given.
        """
        file = self._files.get(name)
        if file is None:
            headers = {"Content-Type": "application/json"}
            return {"statusCode": 404, "headers": headers, "body": NOT_FOUND}
        asked = {name.lower(): value for name, value in event["headers"].items()}
        headers = {
            **self._headers,
            **({} if policy is None else {"Content-Security-Policy": policy}),
            "Cache-Control": caching,
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
