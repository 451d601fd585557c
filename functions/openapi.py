"""``/openapi.json`` and ``/docs``: the reference of the API, as ``make openapi`` has written it
beside this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aureon.api.envelope import finished
from aureon.api.static import ASK_AGAIN, Files

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

DOCUMENT: Final = "openapi.json"
PAGE: Final = "index.html"
# The page is text and its style: no script at all, nothing from elsewhere, no frame around it.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_FILES: Final = Files(Path(__file__).parent / "openapi_files", POLICY)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Without a token: there is nothing secret here."""
    return finished(event, _answer(event))


def _answer(event: Mapping[str, Any]) -> dict[str, Any]:
    path: str = event["rawPath"]
    name: str | None = (event.get("pathParameters") or {}).get("name")
    if name is None and path.endswith("/"):
        # The page's links are relative, so that it works below any stage.
        location = "../" + path.rstrip("/").rpartition("/")[2]
        return {"statusCode": 308, "headers": {"Location": location}, "body": ""}
    if name is None:
        name = DOCUMENT if path.endswith(DOCUMENT) else PAGE
    return _FILES.answer(event, name, ASK_AGAIN)
