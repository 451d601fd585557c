"""Calls of the local service to its engine: each answered whole, or failed as botocore fails."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
from botocore.hooks import HierarchicalEmitter, first_non_none_response

from aureon.storage import store
from aureon_cli import loopback
from aureon_cli.engine import CREDENTIALS, HOST, Engine

BODY = b'{"Item": {}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Amzn-RequestId: 1\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
Talk = Sequence[Sequence[bytes]]


@contextmanager
def serving(*connections: Talk) -> Iterator[tuple[str, list[bytes]]]:
    """A server that sends these parts, for each request of each connection, and then closes it."""
    received: list[bytes] = []
    listener = socket.create_server((HOST, 0))

    def serve() -> None:
        for answers in connections:
            connection, _ = listener.accept()
            with connection:
                for parts in answers:
                    received.append(connection.recv(65_536))
                    for part in parts:
                        connection.sendall(part)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with listener:
        yield f"{loopback.HERE}{listener.getsockname()[1]}/", received
        server.join(5)
        assert not server.is_alive()


def sending() -> Any:
    """What sends a request as botocore does: by its events."""
    events = HierarchicalEmitter()
    loopback.install(events)

    def send(url: str) -> AWSResponse | None:
        headers: Any = {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Authorization": b"AWS4"}
        request = AWSPreparedRequest("POST", url, headers, b"{}", False)
        found: AWSResponse | None = first_non_none_response(
            events.emit("before-send.dynamodb.GetItem", request=request)
        )
        return found

    return send


def test_an_answer_is_read_whole_in_however_many_parts_it_comes() -> None:
    with serving([[bytes([byte]) for byte in ANSWER], [ANSWER]]) as (url, received):
        send = sending()
        for _ in range(2):
            answer = send(url)
            assert (answer.status_code, answer.content) == (200, BODY)
            assert answer.headers["x-amzn-requestid"] == "1"

    host = url.removeprefix("http://").rstrip("/").encode()
    assert received == 2 * [
        b"POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n"
        b"Authorization: AWS4\r\nContent-Length: 2\r\n\r\n{}" % host
    ]


def test_a_connection_that_the_engine_closed_is_opened_anew() -> None:
    closing = ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with serving([[ANSWER]], [[closing]], [[ANSWER]]) as (url, received):
        send = sending()
        for _ in range(3):
            assert send(url).content == BODY

    assert len(received) == 3


@pytest.mark.parametrize("parts", [[], [ANSWER[:-1]], [b"no HTTP at all\r\n\r\n"]])
def test_an_answer_that_breaks_off_fails_and_the_next_call_begins_anew(parts: list[bytes]) -> None:
    with serving([parts], [[ANSWER]]) as (url, _):
        send = sending()
        with pytest.raises(ConnectionClosedError) as raised:
            send(url)
        assert send(url).content == BODY

    # Of these, botocore's own rules say whether a call is sent again.
    assert isinstance(raised.value, HTTPClientError)


def test_an_answer_that_does_not_come_fails_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "READ_TIMEOUT_SECONDS", 0.01)
    with socket.create_server((HOST, 0)) as listener, pytest.raises(ReadTimeoutError):
        sending()(f"{loopback.HERE}{listener.getsockname()[1]}/")


def test_calls_to_other_machines_are_left_to_botocore() -> None:
    assert sending()("https://dynamodb.eu-central-1.amazonaws.com/") is None


def test_a_client_has_the_same_answers_and_errors(engine: Engine) -> None:
    plain, direct = (store.connect(engine.endpoint_url, **CREDENTIALS) for _ in range(2))
    loopback.install(direct.meta.events)

    for client in (plain, direct):
        with pytest.raises(client.exceptions.ResourceNotFoundException) as raised:
            client.get_item(TableName="nobody", Key={"pk": {"S": "1"}})
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    found = [
        client.list_tables(Limit=1)["ResponseMetadata"]["HTTPStatusCode"]
        for client in (plain, direct)
    ]
    assert found == [200, 200]
