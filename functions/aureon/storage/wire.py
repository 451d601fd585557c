"""How calls reach DynamoDB: botocore's client, with a fast path for what every request needs.

For each call botocore works out the endpoint, walks through the service's model to write the body
and to read the answer, and describes itself twice. That takes more CPU than all else that counting
an event does. DynamoDB's protocol is one JSON document each way, so the calls in `DIRECT` are
written, signed and read here; credentials, connections, events, errors and whether to try again
stay botocore's own.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import HTTPClientError
from botocore.hooks import first_non_none_response

from aureon.storage import limits

DIRECT: Final = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
TARGET: Final = "DynamoDB_20120810."
CONTENT_TYPE: Final = "application/x-amz-json-1.0"
SERVICE: Final = "dynamodb"
# Bytes are base64 in JSON; an answer without this has none.
_BYTES: Final = b'"B":'

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode

Parsed = dict[str, Any]
Call = dict[str, Any]


def install_fast_path(*, base_classes: list[type], **_: Any) -> None:
    """Let a client that is being made take the fast path: for `creating-client-class.dynamodb`."""
    base_classes.insert(0, DirectCalls)


class DirectCalls:
    """What a client of botocore's becomes: the same methods, answers, errors and events."""

    direct: frozenset[str] = DIRECT
    target: str = TARGET

    # botocore's client has them.
    _client_config: Any
    _endpoint: Any
    _request_signer: Any
    _response_parser: Any
    _service_model: Any
    _user_agent_creator: Any
    exceptions: Any
    meta: Any

    def _make_api_call(self, operation_name: str, api_params: Mapping[str, Any]) -> Parsed:
        credentials = self._request_signer._credentials
        if operation_name not in self.direct or credentials is None:
            return super()._make_api_call(operation_name, api_params)  # type: ignore[misc,no-any-return]
        model = self._service_model.operation_model(operation_name)
        events = self.meta.events
        context: dict[str, Any] = {"client_config": self.meta.config}
        about = {"model": model, "context": context}
        provided = events.emit(
            f"provide-client-params.{self._service}.{operation_name}", params=api_params, **about
        )
        parameters = first_non_none_response(provided, default=api_params)
        if operation_name == "TransactWriteItems":
            # So that a second attempt at a call whose answer was lost does not count twice.
            parameters.setdefault("ClientRequestToken", str(uuid.uuid4()))
        call = self._call(operation_name, parameters, context)
        limits.check_sizes(operation_name, parameters, len(call["body"]))
        _, answer = events.emit_until_response(
            f"before-call.{self._service}.{operation_name}",
            params=call,
            request_signer=self._request_signer,
            **about,
        )
        if answer is None:
            try:
                answer = self._send(model, call, credentials)
            except Exception as error:
                events.emit(
                    f"after-call-error.{self._service}.{operation_name}",
                    exception=error,
                    context=context,
                )
                raise
        http, parsed = answer
        events.emit(
            f"after-call.{self._service}.{operation_name}",
            http_response=http,
            parsed=parsed,
            **about,
        )
        if http.status_code >= 300:
            raise self.exceptions.from_code(parsed["Error"]["Code"])(parsed, operation_name)
        return parsed  # type: ignore[no-any-return]

    def _call(self, operation_name: str, parameters: Any, context: dict[str, Any]) -> Call:
        return {
            "url_path": "/",
            "query_string": "",
            "method": "POST",
            "headers": {
                "Content-Type": CONTENT_TYPE,
                "User-Agent": self._user_agent,
                "X-Amz-Target": self.target + operation_name,
            },
            "body": _encode(parameters),
            "url": self.meta.endpoint_url,
            "context": context,
        }

    def _send(self, model: Any, call: Call, credentials: Any) -> tuple[Any, Parsed]:
        """Send a call until there is an answer, or botocore says that it is enough."""
        attempts = 0
        while True:
            attempts += 1
            answer: tuple[Any, Parsed] | None = None
            failure: HTTPClientError | None = None
            try:
                answer = self._attempt(model, call, credentials)
            except HTTPClientError as error:
                failure = error
            if answer is not None and answer[0].status_code < 300:
                return answer
            waits = self.meta.events.emit(
                f"needs-retry.{self._service}.{model.name}",
                response=answer,
                endpoint=self._endpoint,
                operation=model,
                attempts=attempts,
                caught_exception=failure,
                request_dict=call,
            )
            wait_seconds = first_non_none_response(waits)
            if wait_seconds is None or wait_seconds is False:
                if answer is None:
                    raise failure or HTTPClientError(error="no answer")
                return answer
            time.sleep(wait_seconds)

    def _attempt(self, model: Any, call: Call, credentials: Any) -> tuple[Any, Parsed]:
        frozen = credentials.get_frozen_credentials()
        headers = sign(
            call["headers"],
            call["body"],
            host=self._host,
            path=self._path,
            region=self.meta.region_name,
            access_key=frozen.access_key,
            secret_key=frozen.secret_key,
            token=frozen.token,
        )
        request = AWSPreparedRequest("POST", self._url, cast("Any", headers), call["body"], False)
        answers = self.meta.events.emit(
            f"before-send.{self._service}.{model.name}", request=request
        )
        http = first_non_none_response(answers)
        if http is None:
            http = self._endpoint.http_session.send(request)
        if http.status_code >= 300:
            return http, self._explain(model, http)
        try:
            return http, self._read(http.content)
        except msgspec.MsgspecError as error:
            raise HTTPClientError(error=error) from error

    def _explain(self, model: Any, http: Any) -> Parsed:
        """What an answer says that refuses, as botocore reads it."""
        answered = {"headers": http.headers, "status_code": http.status_code, "body": http.content}
        parsed: Parsed = self._response_parser.parse(answered, model.output_shape)
        shape = self._service_model.shape_for_error_code(parsed["Error"]["Code"])
        if shape is not None:
            parsed.update(self._response_parser.parse(answered, shape))
        return parsed

    def _read(self, body: bytes) -> Parsed:
        return read(body)

    @cached_property
    def _service(self) -> str:
        """What botocore calls it in the names of events."""
        name: str = self._service_model.service_id.hyphenize()
        return name

    @cached_property
    def _user_agent(self) -> str:
        text: str = self._user_agent_creator.to_string()
        return text

    @cached_property
    def _path(self) -> str:
        return urlsplit(self.meta.endpoint_url).path or "/"

    @cached_property
    def _url(self) -> str:
        parts = urlsplit(self.meta.endpoint_url)
        return f"{parts.scheme}://{parts.netloc}{self._path}"

    @cached_property
    def _host(self) -> str:
        """The host as HTTP has it, and so the signature: with a port that is not the usual one."""
        parts = urlsplit(self.meta.endpoint_url)
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        return parts.netloc if parts.port not in (None, usual) else parts.hostname or ""


def read(body: bytes) -> Parsed:
    """Read an answer. The bytes in its items are decoded."""
    parsed: Parsed = _decode(body)
    parsed.setdefault("ResponseMetadata", {"HTTPStatusCode": 200})
    if _BYTES in body:
        for name in ("Item", "Attributes"):
            if name in parsed:
                _decode_bytes(parsed[name])
        for item in parsed.get("Items", ()):
            _decode_bytes(item)
        responses = parsed.get("Responses", ())
        if isinstance(responses, dict):
            for items in responses.values():
                for item in items:
                    _decode_bytes(item)
        else:
            for response in responses:
                _decode_bytes(response.get("Item", {}))
    return parsed


def _decode_bytes(attributes: Parsed) -> None:
    for value in attributes.values():
        for kind, held in value.items():
            if kind == "B":
                value[kind] = b64decode(held)
            elif kind == "M":
                _decode_bytes(held)
            elif kind == "L":
                for element in held:
                    _decode_bytes({"": element})


def sign(
    headers: Mapping[str, str],
    body: bytes,
    *,
    host: str,
    path: str,
    region: str,
    access_key: str,
    secret_key: str,
    token: str | None,
    now: datetime | None = None,
) -> dict[str, str]:
    """These headers with AWS's signature, version 4, for a POST to a path of a host.

    What signs is the content's type, the host, the time, the session's token and the target.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/{SERVICE}/aws4_request"
    with_token = f"x-amz-security-token:{token}\n" if token else ""
    names = f"content-type;host;x-amz-date;{'x-amz-security-token;' if token else ''}x-amz-target"
    canonical = (
        f"POST\n{path}\n\n"
        f"content-type:{headers['Content-Type']}\nhost:{host}\nx-amz-date:{moment}\n{with_token}"
        f"x-amz-target:{headers['X-Amz-Target']}\n\n"
        f"{names}\n{hashlib.sha256(body).hexdigest()}"
    )
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = _hmac(_signing_key(secret_key, moment[:8], region), text).hex()
    signed = {
        **headers,
        "X-Amz-Date": moment,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}",
    }
    if token:
        signed["X-Amz-Security-Token"] = token
    return signed


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


@lru_cache(maxsize=8)
def _signing_key(secret_key: str, date: str, region: str) -> bytes:
    """The key of a day: the same for every call."""
    key = _hmac(f"AWS4{secret_key}".encode(), date)
    for part in (region, SERVICE, "aws4_request"):
        key = _hmac(key, part)
    return key
