"""The OpenAPI document: from the routes, the handlers' scopes, the bodies and the shapes."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import Any, Final, get_args

from pydantic import BaseModel, TypeAdapter

from aureon.api import response_models as models
from aureon.api.responses import JSON
from aureon.api.routes import CUSTOMER_SESSION, GREEDY, NO_TOKEN, QUEUE_ROUTE, ROUTES, Route
from tools.reference.operations import OPERATIONS, TAGS, Operation, OrText, Text
from tools.reference.parameters import PAGE

Schema = dict[str, Any]

OPENAPI: Final = "3.1.0"
# What a browser is shown, and no program asks for.
PAGES: Final = frozenset({"/", "/portal", "/assets/{name}", "/docs", "/docs/{name}"})
DESCRIPTION: Final = """\
Exact, serverless metering and prepaid credits. An event counts once, in the balance, before its
ingestion is answered. **A negative event grants credits, and a negative balance is what is left
of them.**

Every request but those of the service itself carries an access token, as
`Authorization: Bearer aureon_oat_…`. Numbers are decimals, exact as they were written: read and
write them with a decimal type. Times are ISO 8601, with their offset. Paths may end in a slash or
not. Request bodies are JSON; keys may be spelled `external_id` or `externalId`, and unknown ones
are passed over. The official Polar SDKs work against this API unmodified."""

SERVERS: Final = [
    {"url": "http://127.0.0.1:8000", "description": "`make dev`, on your machine."},
    {
        "url": "https://{host}",
        "description": "A stack on AWS.",
        "variables": {
            "host": {
                "default": "example.execute-api.us-east-1.amazonaws.com",
                "description": "Of the address that `make deploy` prints as `ApiUrl`.",
            }
        },
    },
]
REFUSALS: Final[dict[int, tuple[str, Any]]] = {
    400: ("The gateway can't pass the request on.", models.GatewayMessage),
    401: (
        "There is no token, or it is wrong, expired or revoked.",
        models.Unauthorized,
    ),
    402: (
        "There are too few credits left; nothing was stored.",
        models.InsufficientCredits,
    ),
    403: ("The token's scopes do not allow this.", models.TooLittleScope),
    404: ("There is no such thing in this organization.", models.NotFound),
    409: ("It was done before, and otherwise; nothing was stored.", models.Failed),
    413: (
        "The request or its answer is larger than it may be; take smaller parts.",
        models.Failed,
    ),
    415: ("The body is encoded otherwise than by gzip.", models.Failed),
    422: ("The request breaks rules; nothing of it was stored.", models.Invalid),
    429: ("Too much is open, or asked for, at once; try again.", models.Failed),
    503: (
        "The ledger cannot be sure now; the same request may be sent again.",
        models.Failed,
    ),
}
RETRIED: Final = (429, 503)
RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
}
EXPORTED: Final = {
    "X-Event-Count": {
        "description": "How many events this part has.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "X-Next-After": {
        "description": "What `after` has to be for the next part; absent from the last one.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": 'The next part, `rel="next"`; absent from the last one.',
        "schema": {"type": "string"},
    },
}


def build() -> Schema:
    """The document. Raises where a route is not described, or what is described is no route."""
    routes = {route.operation: route for route in (*ROUTES, QUEUE_ROUTE) if route.path not in PAGES}
    if undescribed := routes.keys() ^ OPERATIONS.keys():
        raise LookupError(f"described and served differ by {', '.join(sorted(undescribed))}")
    schemas = _Schemas()
    paths: dict[str, Schema] = {}
    for name, operation in OPERATIONS.items():
        route = routes[name]
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, operation, schemas
        )
    responses = {
        str(status): _response(description, schemas.of(shape), RETRY_AFTER, status in RETRIED)
        for status, (description, shape) in REFUSALS.items()
    }
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Aureon",
            "version": version("aureon"),
            "description": DESCRIPTION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": SERVERS,
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "responses": responses,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token of an organization, with the scopes that "
                    "each operation names.",
                },
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a customer's session.",
                },
            },
        },
    }


def write(document: Schema) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _operation(route: Route, operation: Operation, schemas: _Schemas) -> Schema:
    scope = route.scope
    refusals = set(operation.refusals)
    if scope is not NO_TOKEN:
        refusals |= {401, 503}
        if scope != CUSTOMER_SESSION:
            refusals |= {403, 429} if scope else {429}
    names = re.findall(r"{(\w+)}", route.path)
    if names:
        refusals.add(404)
    if operation.body or operation.parameters or GREEDY in names:
        refusals.add(422)
    if operation.body or PAGE in operation.parameters:
        refusals.add(413)
    if operation.body:
        refusals.add(415)
    if route == QUEUE_ROUTE:
        # The gateway answers by itself, with the token checked and nothing else.
        refusals = {400, 401, 403}
    described: Schema = {
        "operationId": route.operation,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "security": _security(scope),
        "parameters": [
            *(
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "minLength": 1},
                }
                for name in names
            ),
            *(parameter.to_openapi() for parameter in operation.parameters),
        ],
    }
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON: {"schema": schemas.taking(operation.body)}},
        }
    described["responses"] = {
        **{
            str(status): _answer(operation, shape, schemas)
            for status, shape in operation.answers.items()
        },
        **{
            str(status): _gateways(status, schemas)
            if route == QUEUE_ROUTE
            else {"$ref": f"#/components/responses/{status}"}
            for status in sorted(refusals)
        },
    }
    return described


def _security(scope: str | None) -> list[Schema]:
    if scope is NO_TOKEN:
        return []
    if scope == CUSTOMER_SESSION:
        return [{"session": []}]
    return [{"token": [scope] if scope else []}]


def _answer(operation: Operation, shape: Any, schemas: _Schemas) -> Schema:
    if shape is None:
        return {"description": "Done; there is no body."}
    if isinstance(shape, Text):
        kinds = [kind.partition(";")[0] for kind in shape.media_types]
        content = {kind: {"schema": {"type": "string"}} for kind in kinds}
        headers = {"headers": EXPORTED} if len(kinds) > 1 else {}
        return {"description": shape.description, **headers, "content": content}
    if isinstance(shape, OrText):
        answer = _answer(operation, shape.shape, schemas)
        for kind in shape.media_types:
            answer["content"][kind.partition(";")[0]] = {"schema": {"type": "string"}}
        return answer
    schema = schemas.of(shape)
    return _response(schemas.described(schema) or "The document.", schema, {}, False)


def _gateways(status: int, schemas: _Schemas) -> Schema:
    return _response(REFUSALS[status][0], schemas.of(models.GatewayMessage), {}, False)


def _response(description: str, schema: Schema, headers: Schema, has_headers: bool) -> Schema:
    response: Schema = {"description": description}
    if has_headers:
        response["headers"] = headers
    return {**response, "content": {JSON: {"schema": schema}}}


class _Schemas:
    """The schemas of all that is taken and answered, each once, by reference."""

    def __init__(self) -> None:
        self._found: dict[str, Schema] = {}

    def taking(self, body: type[BaseModel]) -> Schema:
        schema = body.model_json_schema(by_alias=True, ref_template=_REFERENCE)
        return self._keep(body.__name__, schema)

    def of(self, shape: Any) -> Schema:
        schema = TypeAdapter(shape).json_schema(mode="serialization", ref_template=_REFERENCE)
        self._found |= {name: _tidy(each) for name, each in schema.pop("$defs", {}).items()}
        if "title" in schema and schema.get("type") == "object":
            (item, *_) = (*get_args(shape), None)
            return self._keep(f"{item.__name__}Page" if item else schema["title"], schema)
        tidy: Schema = _tidy(schema)
        return tidy

    def described(self, schema: Schema) -> str:
        """What a schema is, in words."""
        named = self._found.get(schema.get("$ref", "").rpartition("/")[2], schema)
        return str(named.get("description", ""))

    def components(self) -> Schema:
        return dict(sorted(self._found.items()))

    def _keep(self, name: str, schema: Schema) -> Schema:
        for other, each in schema.pop("$defs", {}).items():
            self._found[other] = _tidy(each)
        tidy = _tidy(schema)
        if self._found.setdefault(name, tidy) != tidy:
            raise LookupError(f"there are two schemas {name}")
        return {"$ref": _REFERENCE.format(model=name)}


_REFERENCE: Final = "#/components/schemas/{model}"


def _tidy(schema: Any, name: str = "") -> Any:
    """A schema as generators of clients take it.

    Without the titles that only repeat what its keys say, and without defaults of null, which say
    no more than that the key is optional. A number's default is a number, and what is one of
    several named objects is exactly one of them.
    """
    match schema:
        case dict() if name in ("properties", "$defs"):
            return {key: _tidy(value) for key, value in schema.items()}
        case {"type": "number", "default": str(default), **rest}:
            return _tidy({**rest, "type": "number", "default": json.loads(default)})
        case {"anyOf": list(choices), **rest} if all("$ref" in choice for choice in choices):
            return _tidy({**rest, "oneOf": choices})
        case dict():
            return {
                key: _tidy(value, key)
                for key, value in schema.items()
                if key != "title" and (key, value) != ("default", None)
            }
        case list():
            return [_tidy(each) for each in schema]
        case _:
            return schema
