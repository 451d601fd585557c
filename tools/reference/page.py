"""The page that shows the OpenAPI document: plain HTML and its style, nothing to run or to load."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

Schema = dict[str, Any]

HERE: Final = Path(__file__).parent
REFERENCE: Final = "#/components/schemas/"
MAX_CHOICES: Final = 12


def files(document: Schema) -> dict[str, bytes]:
    """The page's files, by name."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "kind": kind, "phrase": _phrase, "slug": slug}
    environment.globals |= {
        "fields": lambda schema: list(fields(document, schema)),
        "resolve": lambda schema: resolve(document, schema),
        "example": lambda path, method, operation: example(document, path, method, operation),
        "operations": list(_operations(document)),
    }
    text = environment.get_template("page.html.j2").render(document=document)
    return {"index.html": text.encode(), "style.css": (HERE / "style.css").read_bytes()}


def _operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """All operations, each with its path and method, by tag."""
    for tag in document["tags"]:
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield path, method.upper(), operation


def prose(text: str) -> Markup:
    """Text in paragraphs, with what is marked as code or as strong."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        safe = str(escape(paragraph))
        safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
        safe = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", safe)
        paragraphs.append(f"<p>{safe}</p>")
    return Markup("".join(paragraphs))  # noqa: S704 - escaped above


def slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _phrase(status: str) -> str:
    return HTTPStatus(int(status)).phrase


def resolve(document: Schema, schema: Schema) -> Schema:
    """A schema, or a response, itself where it is only referred to."""
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def fields(document: Schema, schema: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """The members of an object, each with its schema, and whether it has to be there."""
    schema = resolve(document, schema)
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        yield name, member, name in required


def kind(schema: Schema) -> str:
    """What a value is, in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REFERENCE)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return _either([json.dumps(value) for value in schema["enum"]][:MAX_CHOICES])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _either([kind(choice) for choice in choices])
    match schema.get("type"):
        case "array":
            return f"list of {kind(schema.get('items', {}))}"
        case "string" if schema.get("format") == "date-time":
            return "time"
        case "string":
            return "text" + _range(schema, "minLength", "maxLength", " characters")
        case "integer" | "number" as name:
            words = {"integer": "whole number", "number": "number"}[name]
            return words + _range(schema, "minimum", "maximum", "")
        case "boolean":
            return "true or false"
        case str() as name:
            return name
        case _:
            return "anything"


def _either(kinds: list[str]) -> str:
    return " or ".join(dict.fromkeys(kinds))


def _range(schema: Schema, least: str, most: str, unit: str) -> str:
    if most in schema:
        return f", {schema.get(least, 0):,} to {schema[most]:,}{unit}"
    return ""


def example(document: Schema, path: str, method: str, operation: Schema) -> str:
    """How it is called with curl, with all that it requires."""
    lines = ["curl" if method == "GET" else f"curl -X {method}"]
    query = "&".join(
        f"{parameter['name']}={_sample(document, parameter['schema'], parameter['name'])}"
        for parameter in operation["parameters"]
        if parameter["in"] == "query" and parameter["required"]
    )
    address = re.sub(r"{(\w+)}", lambda found: f"${found[1].upper()}", path)
    lines.append(f'"$AUREON_URL{address}{"?" if query else ""}{query}"')
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $AUREON_ACCESS_TOKEN"')
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        lines.append("-H 'Content-Type: application/json'")
        body = json.dumps(_sample(document, schema, ""), ensure_ascii=False)
        lines.append(f"-d '{body}'")
    return lines[0] + " " + " \\\n  ".join(lines[1:])


# What a text of this name may be.
SAMPLES: Final[dict[str, Any]] = {
    "email": "jane@example.com",
    "external_customer_id": "user_1",
    "external_id": "order_1",
    "name": "api_usage",
    "property": "units",
    "start_timestamp": "2026-11-01T00:00:00Z",
    "end_timestamp": "2026-11-02T00:00:00Z",
    "metadata": {"units": 3},
    "value": "api_usage",
}


def _sample(document: Schema, schema: Schema, name: str) -> Any:
    """A value as a schema wants it: of an object what it requires, and what tells most."""
    if name in SAMPLES:
        return SAMPLES[name]
    schema = resolve(document, schema)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            members = schema.get("properties", {})
            telling = {"external_customer_id", "metadata"} & members.keys()
            if "email" in members:
                telling = set()
            wanted = [each for each in members if each in schema.get("required", ())]
            wanted += sorted(telling - set(wanted))
            return {each: _sample(document, members[each], each) for each in wanted}
        case "array":
            items = schema["items"]
            return [_sample(document, (items.get("anyOf") or [items])[0], "")]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _:
            return name or "…"
