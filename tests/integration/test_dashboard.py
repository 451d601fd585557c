"""The dashboard's files as they are served: by name, with a strict policy, kept and compressed."""

from __future__ import annotations

import gzip
from base64 import b64decode
from typing import Any, Final

import pytest

import dashboard
from aureon.api.routes import ROUTES, RouteTable
from aureon_cli.gateway import Context, to_event

TABLE: Final = RouteTable(ROUTES)
ASSETS: Final = sorted(path.name for path in dashboard.FILES.iterdir() if path.name != "index.html")


def get(path: str, *, stage: str = "$default", **headers: str) -> dict[str, Any]:
    target = TABLE.find(path)
    assert target is not None
    scope = {
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
        "http_version": "1.1",
        "client": ("127.0.0.1", 1),
    }
    event = to_event(scope, b"", target, "request-1")
    event["requestContext"]["stage"] = stage
    if stage != "$default":
        event["rawPath"] = f"/{stage}{path}".removesuffix("/" if path == "/" else "")
    context: Any = Context("dashboard")
    return dashboard.handler(event, context)


def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline() -> None:
    policy = get("/")["headers"]["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_is_kept_for_a_year_and_the_page_is_asked_for_again(name: str) -> None:
    asset = get(f"/assets/{name}")

    assert asset["statusCode"] == 200
    assert b64decode(asset["body"]) == (dashboard.FILES / name).read_bytes()
    assert "immutable" in asset["headers"]["Cache-Control"]
    assert asset["headers"]["X-Content-Type-Options"] == "nosniff"
    assert get("/")["headers"]["Cache-Control"] == "no-cache"


def test_what_is_known_is_not_sent_again() -> None:
    tag = get("/")["headers"]["ETag"]

    again = get("/", if_none_match=tag)

    assert (again["statusCode"], again["body"]) == (304, "")
    assert get("/", if_none_match='"another"')["statusCode"] == 200


def test_what_gets_smaller_is_compressed_for_who_takes_it() -> None:
    answer = get("/", accept_encoding="gzip, br")

    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert gzip.decompress(b64decode(answer["body"])) == b64decode(get("/")["body"])
    font = next(name for name in ASSETS if name.endswith(".woff2"))
    assert "Content-Encoding" not in get(f"/assets/{font}", accept_encoding="gzip")["headers"]


@pytest.mark.parametrize("name", ["index.htm", "..", "dashboard.py", "..%2Fdashboard.py"])
def test_nothing_else_is_served(name: str) -> None:
    assert get(f"/assets/{name}")["statusCode"] == 404


def test_below_a_stage_the_page_gets_the_slash_that_its_links_need() -> None:
    answer = get("/", stage="prod")

    assert (answer["statusCode"], answer["headers"]["Location"]) == (308, "prod/")
