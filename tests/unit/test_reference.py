"""The reference: it says what the code does, is what is served, and costs no cold start."""

from __future__ import annotations

import ast
import gzip
import json
import subprocess
import sys
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import aureon
import openapi
from aureon.api.routes import QUEUE_ROUTE, ROUTES
from aureon_cli.gateway import Context
from tools.reference import __main__ as made
from tools.reference import document

FUNCTIONS = Path(str(aureon.__file__)).parents[1]
WRITTEN = json.loads((made.FOLDER / "openapi.json").read_text())


def ask(path: str, name: str | None = None, **headers: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        "rawPath": path,
        "headers": {key.replace("_", "-"): value for key, value in headers.items()},
        "requestContext": {
            "requestId": "request-1",
            "stage": "$default",
            "http": {"method": "GET"},
        },
    }
    if name:
        event["pathParameters"] = {"name": name}
    context: Any = Context("openapi")
    return openapi.handler(event, context)


def test_the_committed_reference_is_what_the_code_makes() -> None:
    committed = {path.name: path.read_bytes() for path in made.FOLDER.iterdir()}

    assert made.made() == committed, "run make openapi"


def test_every_route_is_described_with_the_scope_that_its_handler_asks_for() -> None:
    served = {
        (route.path, route.method.lower())
        for route in (*ROUTES, QUEUE_ROUTE)
        if route.path not in document.PAGES
    }

    assert {(path, method) for path in WRITTEN["paths"] for method in WRITTEN["paths"][path]} == (
        served
    )
    operations = [each for methods in WRITTEN["paths"].values() for each in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    spend = WRITTEN["paths"]["/v1/credits/spend"]["post"]
    assert spend["security"] == [{"token": ["credits:write"]}]
    assert {"200", "401", "402", "403", "409", "413", "415", "422", "429", "503"} == spend[
        "responses"
    ].keys()
    assert WRITTEN["paths"]["/v1/tokens/current"]["get"]["security"] == [{"token": []}]
    assert WRITTEN["paths"]["/health"]["get"]["security"] == []


def test_a_route_that_is_not_described_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "ROUTES", ROUTES[:-1])

    with pytest.raises(LookupError, match="differ by"):
        document.build()


READING = ("query_str", "query_list", "query_bool", "query_time", "query_int", "query_zone")


def read_by(path: Path) -> set[str]:
    """The query's parameters that a module reads, by name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(value)), *_]):
                if name in READING:
                    found.add(value)
            case ast.Call(
                func=ast.Name(id="_time" | "_required" | "_one_of"),
                args=[_, ast.Constant(value=str(value)), *_],
            ):  # of quantities, and statements
                found.add(value)
            case ast.Call(func=ast.Name(id="find_external")):
                found.add("external_id")
            case ast.Call(func=ast.Attribute(attr="paging")):
                found |= {"page", "limit"}
            case ast.Call(func=ast.Attribute(attr="metadata")):
                found.add("metadata")
            case ast.Attribute(value=ast.Name(id="event_query"), attr="ledgers"):
                found |= {"customer_id", "external_customer_id"}
            case ast.Attribute(value=ast.Name(id="event_query"), attr="selection"):
                found |= read_by(FUNCTIONS / "aureon" / "api" / "event_query.py")
            case ast.Attribute(value=ast.Name(id="quantity_query"), attr="read"):
                found |= read_by(FUNCTIONS / "aureon" / "api" / "quantity_query.py")
            case ast.Attribute(value=ast.Name(id="statements"), attr="serve"):
                found |= read_by(FUNCTIONS / "aureon" / "api" / "statements.py")
    return found


@pytest.mark.parametrize("handler", sorted({route.handler for route in ROUTES}))
def test_the_parameters_that_a_handler_reads_are_described_and_no_others(handler: str) -> None:
    described = {
        parameter["name"]
        for route in ROUTES
        if route.handler == handler and route.path not in document.PAGES
        for parameter in WRITTEN["paths"][route.path][route.method.lower()]["parameters"]
        if parameter["in"] == "query"
    }

    assert described == read_by(FUNCTIONS / f"{handler}.py")


def test_no_function_imports_what_the_reference_is_made_of() -> None:
    handlers = sorted(path.stem for path in FUNCTIONS.glob("*.py"))
    program = f"import sys, {', '.join(handlers)}\nprint(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "openapi" in loaded
    assert not {"aureon.api.response_models", "jinja2", "tools.reference"} & set(loaded)


def test_what_serves_the_reference_imports_the_standard_library_alone() -> None:
    program = "import sys, openapi\nprint(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert {name.partition(".")[0] for name in loaded} & {"aureon", "pydantic", "botocore"} == {
        "aureon"
    }


def test_the_document_is_served_byte_for_byte_and_once() -> None:
    answer = ask("/openapi.json")

    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    assert b64decode(answer["body"]) == (made.FOLDER / "openapi.json").read_bytes()
    packed = ask("/openapi.json", accept_encoding="gzip")
    assert gzip.decompress(b64decode(packed["body"])) == b64decode(answer["body"])
    assert ask("/openapi.json", if_none_match=answer["headers"]["ETag"])["statusCode"] == 304


class Links(HTMLParser):
    """What a page loads and leads to, and what is inline in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inline += [tag] if tag in ("script", "style") else []
        for name, value in attributes:
            if name in ("href", "src"):
                self.links.append(value or "")
            elif name == "id":
                self.ids.add(value or "")
            elif name == "style" or name.startswith("on"):
                self.inline.append(name)


def test_the_page_loads_nothing_from_elsewhere_and_has_nothing_inline() -> None:
    answer = ask("/docs")
    page = Links(b64decode(answer["body"]).decode())

    assert "default-src 'none'" in answer["headers"]["Content-Security-Policy"]
    assert "unsafe" not in answer["headers"]["Content-Security-Policy"]
    assert page.inline == []
    outward = {link for link in page.links if not link.startswith("#")}
    assert outward == {"docs/style.css", "./", "openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
    assert ask("/docs/style.css", "style.css")["headers"]["Content-Type"].startswith("text/css")


def test_the_page_leads_on_below_a_stage() -> None:
    for path, location in (("/docs/", "../docs"), ("/prod/docs/", "../docs")):
        answer = ask(path)
        assert (answer["statusCode"], answer["headers"]["Location"]) == (308, location)


@pytest.mark.parametrize("name", ["..%2fopenapi.py", "../openapi.py", "openapi.py", "", "x"])
def test_what_is_no_file_of_the_reference_is_not_found(name: str) -> None:
    answer = ask(f"/docs/{name}", name or "%00")

    assert answer["statusCode"] == 404
