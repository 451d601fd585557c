"""The short way of calls to DynamoDB: what it writes and reads is what botocore would."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, cast
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, NoCredentialsError, ReadTimeoutError
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aureon.core.errors import Unavailable
from aureon.storage import clients, store, wire
from aureon.storage.keys import Key
from aureon.storage.store import Store, put_new

MODEL = store.connect("http://nowhere.invalid", region_name="us-east-1").meta.service_model
NOW = datetime(2026, 11, 27, 5, 0, 0, tzinfo=UTC)
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
HOSTS = ("dynamodb.us-east-1.amazonaws.com", "127.0.0.1:4566", "localhost:80", "[::1]:8000")


@settings(deadline=None)
@given(
    body=st.binary(max_size=200),
    keys=st.tuples(printable, printable),
    token=st.none() | printable,
    region=st.sampled_from(["us-east-1", "eu-central-2"]),
    host=st.sampled_from(HOSTS),
    operation=st.sampled_from(sorted(wire.DIRECT)),
)
def test_a_call_is_signed_as_botocore_signs_it(
    body: bytes, keys: tuple[str, str], token: str | None, region: str, host: str, operation: str
) -> None:
    headers = {"Content-Type": wire.CONTENT_TYPE, "X-Amz-Target": wire.TARGET + operation}
    scheme = "https" if "amazonaws" in host else "http"
    request = AWSRequest("POST", f"{scheme}://{host}/", dict(headers), body)
    with patch("botocore.auth.get_current_datetime", return_value=NOW):
        SigV4Auth(Credentials(*keys, token), "dynamodb", region).add_auth(request)

    signed = wire.sign(
        headers,
        body,
        host=host.removesuffix(":80"),
        path="/",
        region=region,
        access_key=keys[0],
        secret_key=keys[1],
        token=token,
        now=NOW,
    )

    assert dict(request.headers.items()) == signed


values = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text(max_size=5)),
        st.builds(lambda number: {"N": str(number)}, st.integers()),
        st.builds(lambda raw: {"B": b64encode(raw).decode()}, st.binary(max_size=9)),
        st.just({"NULL": True}),
        st.builds(lambda truth: {"BOOL": truth}, st.booleans()),
    ),
    lambda inner: st.one_of(
        st.builds(lambda elements: {"L": elements}, st.lists(inner, max_size=3)),
        st.builds(
            lambda named: {"M": named},
            st.dictionaries(st.sampled_from(["B", "S", "a"]), inner, max_size=3),
        ),
    ),
    max_leaves=6,
)
items = st.dictionaries(st.sampled_from(["pk", "sk", "B", "body"]), values, max_size=4)


@settings(deadline=None)
@given(item=items, more=st.lists(items, max_size=3))
def test_an_answer_is_read_as_botocore_reads_it(
    item: dict[str, Any], more: list[dict[str, Any]]
) -> None:
    answers = {
        "GetItem": {"Item": item},
        "UpdateItem": {"Attributes": item},
        "Query": {"Items": more, "Count": len(more), "LastEvaluatedKey": {"pk": {"S": "x"}}},
        "BatchGetItem": {"Responses": {"table": more}, "UnprocessedKeys": {}},
        "TransactGetItems": {"Responses": [{"Item": item}, *({"Item": one} for one in more)]},
    }
    for operation, answer in answers.items():
        body = json.dumps(answer).encode()
        shape = cast("Any", MODEL.operation_model(operation).output_shape)
        response = {"status_code": 200, "headers": {}, "body": body}
        expected = create_parser("json").parse(response, shape)
        expected.pop("ResponseMetadata")

        found = wire.read(body)

        assert found.pop("ResponseMetadata") == {"HTTPStatusCode": 200}
        assert found == expected


class Network:
    """Takes the place of the network below a client: answers, or failures, one after the other."""

    def __init__(self, *outcomes: Exception | tuple[int, Any]) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Any] = []

    def send(self, request: Any) -> AWSResponse:
        self.sent.append(json.loads(request.body))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        status, body = outcome
        response = AWSResponse("", status, HTTPHeaders(), None)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        vars(response)["_content"] = content
        return response


def connected(network: Network) -> Store:
    client = store.connect(
        "http://nowhere.invalid",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="s",
    )
    client._endpoint.http_session = network  # type: ignore[attr-defined]
    return Store(client, "table")


WRITE = put_new(Key("p", "s"), {"body": b"\0\1"})
LOST = ReadTimeoutError(endpoint_url="nowhere")
CLOSED = ConnectionClosedError(endpoint_url="nowhere")
BUSY = (500, {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"})
FULL = (400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"})


@pytest.fixture(autouse=True)
def _no_pauses() -> Any:
    with patch("time.sleep"):
        yield


@pytest.mark.parametrize("outcome", [LOST, CLOSED, BUSY, FULL], ids=str)
def test_a_call_that_failed_is_sent_once_more_as_the_same_call(outcome: Any) -> None:
    network = Network(outcome, (200, {}))

    connected(network).transact([WRITE])

    first, second = network.sent
    assert first == second
    assert first["ClientRequestToken"]


@pytest.mark.parametrize("outcome", [LOST, CLOSED, BUSY, FULL], ids=str)
def test_a_call_that_failed_twice_has_failed(outcome: Any) -> None:
    network = Network(outcome, outcome, (200, {}))

    with pytest.raises(Unavailable):
        connected(network).transact([WRITE])

    assert len(network.sent) == clients.ATTEMPTS


def test_two_transactions_have_tokens_of_their_own() -> None:
    network = Network((200, {}), (200, {}))

    connected(network).transact([WRITE])
    connected(network).transact([WRITE])

    first, second = (sent["ClientRequestToken"] for sent in network.sent)
    assert first != second


def test_a_refusal_is_not_sent_again() -> None:
    refused = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}
    network = Network((400, refused))

    with pytest.raises(store.ConditionFailed):
        connected(network).write(WRITE)

    assert len(network.sent) == 1


def test_why_a_transaction_was_cancelled_is_told() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "no"}]
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
    }

    with pytest.raises(store.TransactionCancelled) as cancelled:
        connected(Network((400, body))).transact([WRITE, replace(WRITE, key=Key("pk", "other"))])

    assert cancelled.value.reasons == (None, "ConditionalCheckFailed")


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setattr(clients, "_session", clients._session.__wrapped__)
    client = store.connect("http://nowhere.invalid", region_name="us-east-1")

    with pytest.raises(NoCredentialsError):
        client.get_item(TableName="table", Key={"pk": {"S": "p"}})


@pytest.mark.parametrize("status", [200, 502])
def test_a_body_that_is_not_json_is_a_failure_of_the_database(status: int) -> None:
    response = (status, b"<html>bad gateway</html>")

    with pytest.raises(Unavailable):
        connected(Network(response, response)).get(Key("p", "s"))
