"""HTTP requests as the events that API Gateway would send."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aureon.api.routes import NO_TOKEN, Route, Target
from aureon_cli.gateway import Event, to_event

TARGET = Target(
    "/v1/customers/{id}",
    {"id": "42"},
    {"POST": Route("POST", "/v1/customers/{id}", "customers", "x", NO_TOKEN)},
)


def event(
    *,
    path: str = "/v1/customers/42",
    query: bytes = b"",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"",
    target: Target = TARGET,
) -> Event:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query,
        "http_version": "1.1",
        "headers": headers or [],
        "client": ("127.0.0.1", 50000),
    }
    return to_event(scope, body, target, "request-1")


def test_an_event_says_what_was_asked_for_and_by_whom() -> None:
    sent = event(headers=[(b"host", b"localhost:8000"), (b"user-agent", b"curl/8")])
    assert sent["version"] == "2.0"
    assert sent["routeKey"] == "POST /v1/customers/{id}"
    assert sent["requestContext"]["routeKey"] == sent["routeKey"]
    assert sent["requestContext"]["requestId"] == "request-1"
    assert sent["requestContext"]["stage"] == "$default"
    assert sent["requestContext"]["domainName"] == "localhost:8000"
    assert sent["requestContext"]["http"] == {
        "method": "POST",
        "path": "/v1/customers/42",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "curl/8",
    }
    assert sent["pathParameters"] == {"id": "42"}


def test_the_path_is_passed_on_as_it_came_and_only_decoded() -> None:
    sent = event(path="//v1/customers/external/a/b/")
    assert sent["rawPath"] == "//v1/customers/external/a/b/"
    assert sent["requestContext"]["http"]["path"] == sent["rawPath"]


def test_header_names_are_lower_case_and_repeated_headers_are_joined() -> None:
    headers = [(b"X-One", b"1"), (b"accept", b"a"), (b"Accept", b"b, c")]
    assert event(headers=headers)["headers"] == {"x-one": "1", "accept": "a,b, c"}


def test_cookies_are_a_list_of_their_own() -> None:
    sent = event(headers=[(b"cookie", b"a=1; b=2"), (b"Cookie", b"c=3")])
    assert sent["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in sent["headers"]


def test_the_query_is_passed_on_untouched_and_also_decoded() -> None:
    sent = event(query=b"name=a%20b&name=c&empty=&metadata%5Bk%5D=v+w")
    assert sent["rawQueryString"] == "name=a%20b&name=c&empty=&metadata%5Bk%5D=v+w"
    assert sent["queryStringParameters"] == {"name": "a b,c", "empty": "", "metadata[k]": "v w"}


def test_what_a_request_has_none_of_is_left_out() -> None:
    sent = event(target=Target("/health", {}, {}))
    assert sent["rawQueryString"] == ""
    assert not {"queryStringParameters", "cookies", "pathParameters", "body"} & set(sent)
    assert sent["isBase64Encoded"] is False


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"Application/JSON; charset=utf-8",
        b"application/problem+json",
        b"text/plain",
        b"application/xml",
    ],
)
def test_a_body_of_text_is_passed_on_as_text(content_type: bytes) -> None:
    sent = event(headers=[(b"content-type", content_type)], body='{"a":"ü"}'.encode())
    assert (sent["body"], sent["isBase64Encoded"]) == ('{"a":"ü"}', False)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (b"application/octet-stream", b"{}"),
        (b"application/x-www-form-urlencoded", b"a=1"),
        (b"", b"{}"),
        (b"application/json", b"\xff\xfe"),
    ],
)
def test_any_other_body_is_passed_on_in_base64(content_type: bytes, body: bytes) -> None:
    sent = event(headers=[(b"content-type", content_type)], body=body)
    assert sent["isBase64Encoded"] is True
    assert base64.b64decode(sent["body"]) == body
