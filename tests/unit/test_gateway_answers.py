"""What comes back over HTTP: the handlers' answers, and the gateway's own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import boto3
import httpx
import pytest
from botocore.stub import Stubber

import fallback
from aureon.api import routes
from aureon.api.routes import NO_TOKEN, Route
from aureon.storage import functions
from aureon_cli import engine
from aureon_cli.gateway import DRAIN_BYTES, MAX_BODY_BYTES, MAX_EVENT_BYTES, Context, Event, Gateway

JSON = {"content-type": "application/json"}
ROUTES = [
    Route("GET", "/things/", "things", "list_things", NO_TOKEN),
    Route("POST", "/things/", "things", "make_thing", NO_TOKEN),
    Route("GET", "/others/{id}", "others", "get_other", NO_TOKEN),
]
Handle = Callable[[Event, Context], Any]


def unused(event: Event, context: Context) -> Any:
    raise AssertionError("this handler was not asked for")


async def exchange(handle: Handle, requests: list[httpx.Request]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(requests)) as pool:
        gateway = Gateway(
            ROUTES, {"things": handle, "others": unused, "fallback": fallback.handler}, pool
        )
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            return await asyncio.gather(*map(client.send, requests))


def ask(handle: Handle, method: str = "GET", path: str = "/things/", **sent: Any) -> httpx.Response:
    request = httpx.Request(method, f"http://local{path}", **sent)
    return asyncio.run(exchange(handle, [request]))[0]


def answering(**answer: Any) -> Handle:
    return lambda event, context: answer


def test_the_handler_of_the_route_gets_the_event_and_its_answer_is_sent() -> None:
    def echo(event: Event, context: Context) -> Any:
        return {
            "statusCode": 201,
            "headers": {"Content-Type": "application/json", "X-Count": 3},
            "body": json.dumps({"body": event["body"], "function": context.function_name}),
        }

    response = ask(echo, "POST", content="é", headers={"content-type": "text/plain"})
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-count"] == "3"
    assert response.json() == {"body": "é", "function": "things"}


def test_every_answer_carries_the_id_of_its_request() -> None:
    seen = []

    def note(event: Event, context: Context) -> Any:
        seen.append(event["requestContext"]["requestId"])
        return {"statusCode": 200}

    assert ask(note).headers["apigw-requestid"] == seen[0]
    assert ask(unused, path="/nowhere").headers["apigw-requestid"]


def test_cookies_are_sent_one_header_each() -> None:
    response = ask(answering(statusCode=200, cookies=["a=1", "b=2"]))
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_a_body_in_base64_is_decoded() -> None:
    response = ask(answering(statusCode=200, body="/wA=", isBase64Encoded=True))
    assert response.content == b"\xff\x00"
    assert response.headers["content-length"] == "2"


def test_an_answer_of_204_has_neither_body_nor_length() -> None:
    response = ask(answering(statusCode=204, body=""))
    assert response.content == b""
    assert "content-length" not in response.headers


def test_the_length_is_counted_in_bytes_whatever_the_handler_says() -> None:
    response = ask(answering(statusCode=200, headers={"Content-Length": "1"}, body="éé"))
    assert response.headers.get_list("content-length") == ["4"]


def test_an_unknown_path_is_a_404_in_the_words_that_the_clients_match() -> None:
    response = ask(unused, path="/nowhere")
    assert response.status_code == 404
    assert response.json() == {"error": "ResourceNotFound", "detail": "Not found"}


def test_a_known_path_with_another_method_is_a_405_that_says_what_it_takes() -> None:
    response = ask(unused, "DELETE", "/v1/customers/")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"
    assert response.headers["x-request-id"] == response.headers["apigw-requestid"]
    assert response.json()["error"] == "MethodNotAllowed"


FORWARDED = [
    ("GET", "//v1/customers/", "customers", {}),
    ("HEAD", "/v1/meters//42/quantities", "quantities", {"id": "42"}),
    ("POST", "/v1/events/ingest/", "ingest", {}),
    ("GET", "//assets/x.js", "dashboard", {"name": "x.js"}),
]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Lambda, with an answer for each call that is expected of it."""
    options: Any = engine.CREDENTIALS
    client = boto3.client("lambda", **options)
    names = {route.handler: f"the-{route.handler}" for route in routes.ROUTES}
    monkeypatch.setenv(functions.FUNCTIONS, json.dumps(names))
    monkeypatch.setattr(functions, "connect", lambda: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


CONTEXT: Any = Context("fallback")


def to_fallback(method: str, path: str, stage: str = "$default") -> dict[str, Any]:
    below = "" if stage == "$default" else f"/{stage}"
    return {
        "rawPath": below + path,
        "rawQueryString": "x=1",
        "requestContext": {"requestId": "r", "stage": stage, "http": {"method": method}},
    }


@pytest.mark.parametrize("stage", ["$default", "prod"])
@pytest.mark.parametrize(("method", "path", "handler", "parameters"), FORWARDED)
def test_the_fallback_answers_as_the_function_that_is_meant(
    called: Stubber, method: str, path: str, handler: str, parameters: Any, stage: str
) -> None:
    event = to_fallback(method, path, stage)
    theirs = {"statusCode": 200, "headers": {"x-request-id": "r"}, "body": "theirs"}
    called.add_response(
        "invoke",
        {"Payload": BytesIO(json.dumps(theirs).encode()), "StatusCode": 200},
        {
            "FunctionName": f"the-{handler}",
            "Payload": json.dumps({**event, "pathParameters": parameters}).encode(),
        },
    )

    assert fallback.handler(event, Context("fallback")) == theirs  # type: ignore[arg-type]


def test_a_function_that_fails_behind_the_fallback_is_no_answer(called: Stubber) -> None:
    failure = {"Payload": BytesIO(b"{}"), "StatusCode": 200, "FunctionError": "Unhandled"}
    called.add_response("invoke", failure)
    with pytest.raises(RuntimeError, match="customers failed"):
        fallback.handler(to_fallback("GET", "//v1/customers"), CONTEXT)


def test_the_queue_is_never_sent_to_through_the_fallback(called: Stubber) -> None:
    answer = fallback.handler(to_fallback("POST", "//v1/events/queue"), CONTEXT)
    assert answer["statusCode"] == 404


def test_head_is_answered_as_get_is_without_the_body() -> None:
    assert ask(unused, "HEAD", "/nowhere").status_code == 404
    assert ask(answering(statusCode=200, body=""), "HEAD").status_code == 200


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"statusCode": "many"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "headers": {"x": "€"}},
        {"statusCode": 200, "body": "x" * (MAX_EVENT_BYTES + 1)},
    ],
    ids=["nothing", "no status", "no text", "a lone surrogate", "a bad header", "too large"],
)
def test_an_answer_that_makes_no_sense_is_a_500(answer: dict[str, Any]) -> None:
    response = ask(answering(**answer))
    assert response.status_code == 500
    assert response.json() == {"message": "Internal Server Error"}


def test_a_handler_that_raises_is_a_500_that_tells_the_caller_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(event: Event, context: Context) -> Any:
        raise RuntimeError("table aureon-secret")

    response = ask(broken)
    assert response.status_code == 500
    assert response.json() == {"message": "Internal Server Error"}
    assert "RuntimeError: table aureon-secret" in capsys.readouterr().err


def test_handlers_run_at_the_same_time() -> None:
    # Passed only when two of them wait in it together.
    meeting = threading.Barrier(2, timeout=10)

    def meet(event: Event, context: Context) -> Any:
        meeting.wait()
        return {"statusCode": 200}

    requests = [httpx.Request("GET", "http://local/things/") for _ in range(2)]
    responses = asyncio.run(exchange(meet, requests))
    assert [response.status_code for response in responses] == [200, 200]


def test_a_handler_is_told_its_invocation_and_how_long_it_may_take() -> None:
    contexts = []

    def note(event: Event, context: Context) -> Any:
        contexts.append((context, context.get_remaining_time_in_millis()))
        return {"statusCode": 200}

    ask(note)
    ask(note)
    (first, left), (second, _) = contexts
    assert 0 < left <= 29_000
    assert first.aws_request_id != second.aws_request_id
    assert first.function_name == "things"
    assert first.invoked_function_arn.endswith(":function:things")
    assert first.memory_limit_in_mb > 0


def test_the_time_left_ends_at_zero() -> None:
    assert Context("things", deadline=0.0).get_remaining_time_in_millis() == 0


def test_a_body_within_the_limits_is_passed_on_whole() -> None:
    def measure(event: Event, context: Context) -> Any:
        return {"statusCode": 200, "body": str(len(event["body"]))}

    size = MAX_EVENT_BYTES - 10_000
    assert ask(measure, "POST", content="x" * size, headers=JSON).text == str(size)


@pytest.mark.parametrize(
    "content",
    [b"x" * MAX_EVENT_BYTES, b'"' * (MAX_EVENT_BYTES // 2), b"\x00" * (MAX_EVENT_BYTES // 6)],
    ids=["plain", "quotes, doubled in JSON", "controls, six-fold in JSON"],
)
def test_an_event_larger_than_a_function_takes_is_a_413(content: bytes) -> None:
    response = ask(unused, "POST", content=content, headers=JSON)
    assert response.status_code == 413
    assert response.json()["error"] == "RequestTooLarge"
    assert "6 MB" in response.json()["detail"]


def test_a_body_larger_than_the_gateway_takes_is_a_413_and_is_not_read_for_ever() -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1024 * 1024
            yield b"x" * (1024 * 1024)

    response = ask(unused, "POST", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert "10 MB" in response.json()["detail"]
    assert read <= MAX_BODY_BYTES + DRAIN_BYTES + 1024 * 1024


def test_an_announced_length_is_enough_to_refuse_a_body() -> None:
    headers = {**JSON, "content-length": str(MAX_BODY_BYTES + 1)}
    response = ask(unused, "POST", content=b"x", headers=headers)
    assert response.status_code == 413
    assert response.headers["connection"] == "close"
