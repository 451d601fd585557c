"""The envelope of an answer: what each one has, whatever serves it. It imports next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def finished(event: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """An answer in the gateway's terms with its request's id, and without a body to a HEAD."""
    request = event["requestContext"]
    result["headers"]["x-request-id"] = request["requestId"]
    if request["http"]["method"] == "HEAD":
        result["body"] = ""
    return result
