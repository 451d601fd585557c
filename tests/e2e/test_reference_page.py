"""The reference's page in a real browser: below a stage, of itself alone, and for everybody."""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

import openapi
from aureon.api.routes import ROUTES, RouteTable
from aureon_cli.gateway import Context
from tests.e2e.test_dashboard_access import AXE, faults

HOST: Final = "https://aureon.test"
STAGES: Final = ("", "/prod")
WIDTHS: Final = (1280, 380)
THEMES: Final = ("light", "dark")
TABLE: Final = RouteTable(ROUTES)


def serve(route: Route) -> None:
    """Answer as the gateway would, below a stage or not."""
    path = urlsplit(route.request.url).path
    stage = next(stage for stage in reversed(STAGES) if path.startswith(stage))
    target = TABLE.find(path.removeprefix(stage))
    assert target is not None, path
    event: dict[str, Any] = {
        "rawPath": path,
        "headers": route.request.headers,
        "requestContext": {
            "requestId": "request-1",
            "stage": stage[1:] or "$default",
            "http": {"method": route.request.method},
        },
        "pathParameters": target.parameters,
    }
    context: Any = Context("openapi")
    answer = openapi.handler(event, context)
    content = answer["body"]
    body = b64decode(content) if answer.get("isBase64Encoded") else content
    route.fulfill(status=answer["statusCode"], headers=answer["headers"], body=body)


def opened(browser: Browser, stage: str, **options: Any) -> tuple[Page, list[str]]:
    """The page, and whatever the browser complains of."""
    page = browser.new_context(**options).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.route("**/*", serve)
    page.goto(f"{HOST}{stage}/docs")
    return page, complaints


@pytest.mark.parametrize("stage", STAGES, ids=("no stage", "stage"))
def test_the_page_has_its_style_and_leads_to_the_document(browser: Browser, stage: str) -> None:
    page, complaints = opened(browser, stage)

    assert page.url == f"{HOST}{stage}/docs"
    assert page.evaluate("getComputedStyle(document.body).display") == "grid"
    page.get_by_role("link", name="Spend credits").first.click()
    assert page.url.endswith("#spend")
    page.get_by_role("link", name="OpenAPI").click()
    assert page.url == f"{HOST}{stage}/openapi.json"
    assert complaints == []
    page.context.close()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious_and_the_page_fits(
    browser: Browser, theme: str, width: int
) -> None:
    if not AXE.exists():
        pytest.skip("needs the dashboard's packages: make test installs them")
    # What is injected for the test is no part of the page, so the page's policy does not bind it.
    page, complaints = opened(
        browser,
        "",
        bypass_csp=True,
        color_scheme=theme,
        viewport={"width": width, "height": 900},
    )
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    page.evaluate(AXE.read_text())

    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    page.context.close()
