"""Answers, held against the OpenAPI document: what is answered is described, field by field.

The document lets answers have more fields, as the clients do. Of the service's own, none may be
there that it does not tell of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from jsonschema_rs import Draft202012Validator

from aureon.api.responses import JSON
from tools.reference import __main__ as reference

Schema = dict[str, Any]

DOCUMENT: Final[Schema] = json.loads((reference.FOLDER / "openapi.json").read_text())
OPERATIONS: Final[Mapping[str, Schema]] = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def assert_described(operation: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """Fail where the document does not have an operation, ``GET /health``, answer so."""
    responses = OPERATIONS[operation]["responses"]
    assert str(status) in responses, f"{operation} does not answer {status}: {text}"
    response = _resolved(responses[str(status)])
    sent = {name.lower() for name in headers}
    for name, header in response.get("headers", {}).items():
        assert name.lower() in sent or not header.get("required"), f"{operation} lacks {name}"
    content = response.get("content", {})
    media_type = headers.get("Content-Type", "").partition(";")[0]
    assert media_type in content or not (text or content), f"{operation} answers {media_type}"
    if media_type == JSON:
        wrong = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message}"
            for error in _validator(operation, status).iter_errors(json.loads(text))
        ]
        assert not wrong, f"{operation} answers {status} otherwise than described: {wrong}"


@cache
def _validator(operation: str, status: int) -> Draft202012Validator:
    response = _resolved(OPERATIONS[operation]["responses"][str(status)])
    schemas = {name: _closed(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}
    schema = _closed(response["content"][JSON]["schema"])
    return Draft202012Validator(
        {**schema, "components": {"schemas": schemas}}, validate_formats=True
    )


def _resolved(response: Schema) -> Schema:
    """A response, where it stands or where its reference leads."""
    name = response.get("$ref", "").rpartition("/")[2]
    found: Schema = DOCUMENT["components"]["responses"][name] if name else response
    return found


def _closed(schema: Schema) -> Schema:
    """A schema of an object that has no fields but those that are described."""
    return {"additionalProperties": False, **schema} if "properties" in schema else schema
