"""``/``: the dashboard's files, as ``make dashboard`` has built them beside this module.

An asset's name holds a hash of its content, so whoever has it may keep it; the page itself is asked
for again each time, and answered with 304 where nothing has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aureon.static import ASK_AGAIN, FOR_A_YEAR, Files

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FILES: Final = Path(__file__).parent / "dashboard_files"
PAGE: Final = "index.html"
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

_FILES: Final = Files(FILES, POLICY)


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
    return _FILES.answer(event, name, ASK_AGAIN if name == PAGE else FOR_A_YEAR)
