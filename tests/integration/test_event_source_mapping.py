"""The consumer as a function of the engine's own Lambda, fed by its event source mapping."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import aureon
import consumer
from aureon.storage import queue
from aureon.storage.store import Store
from aureon_cli import engine as embedded
from aureon_cli import event_source
from aureon_cli.engine import Engine
from tests.support.deliveries import Queues, Sent, message
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved, stored

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

FUNCTIONS = Path(str(aureon.__file__)).parents[1]
ENOUGH_SECONDS = 60.0
POLL_SECONDS = 0.05
VISIBILITY_SECONDS = 2
MAX_DELIVERIES = 3

# The consumer, whose answer to the first delivery of anything is lost on the way.
FORGETFUL = """
import consumer

def handler(event, context):
    answer = consumer.handler(event, context)
    if any(r["attributes"]["ApproximateReceiveCount"] == "1" for r in event["Records"]):
        raise RuntimeError("the answer is lost")
    return answer
"""

Deploy = Callable[[str], None]


def bundle() -> bytes:
    """What is deployed: ``functions/`` as it stands, and a function that forgets."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in FUNCTIONS.rglob("*.py"):
            archive.write(path, path.relative_to(FUNCTIONS))
        archive.writestr("forgetful.py", FORGETFUL)
    return buffer.getvalue()


@pytest.fixture
def store(served_store: Store) -> Store:
    return served_store


@pytest.fixture
def functions(engine: Engine) -> LambdaClient:
    options: Any = embedded.CREDENTIALS
    return boto3.client("lambda", endpoint_url=engine.endpoint_url, **options)


@pytest.fixture
def mapped(engine: Engine, queues: Queues) -> Iterator[Queues]:
    """Queues as a stack has them: messages are hidden while a function works on them."""
    made = Queues.create(queues.client, max_deliveries=MAX_DELIVERIES)
    made.client.set_queue_attributes(
        QueueUrl=made.ingestion.url, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    )
    yield made
    made.delete()


@pytest.fixture
def deploy(api: Api, engine: Engine, functions: LambdaClient, mapped: Queues) -> Iterator[Deploy]:
    """Deploy a module's handler, and map the ingestion queue to it: what is there comes at once."""
    api.meter()
    name = f"test-{uuid.uuid4()}"
    mappings: list[str] = []

    def deploy(module: str) -> None:
        functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/test",
            Handler=f"{module}.handler",
            Code={"ZipFile": bundle()},
            Timeout=30,
            Environment={"Variables": {"AUREON_TABLE": api.store.table}},
        )
        # One at a time, and started before the first message is hidden from the others.
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        answer = functions.invoke(FunctionName=name, Payload=json.dumps({"Records": []}))
        assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
        mappings.append(
            functions.create_event_source_mapping(
                FunctionName=name,
                EventSourceArn=mapped.client.get_queue_attributes(
                    QueueUrl=mapped.ingestion.url, AttributeNames=["QueueArn"]
                )["Attributes"]["QueueArn"],
                BatchSize=10,
                FunctionResponseTypes=["ReportBatchItemFailures"],
            )["UUID"]
        )

    yield deploy
    for mapping in mappings:
        functions.delete_event_source_mapping(UUID=mapping)
    functions.delete_function(FunctionName=name)
    scratch = engine.log.parent / "tmp"
    wait_for(lambda: not list(scratch.glob(f"*{name}*")), "what the function left is gone")
    assert_conserved(api.store)


def wait_for(reached: Callable[[], bool], what: str) -> None:
    """Wait, within bounds, until something is so."""
    deadline = time.monotonic() + ENOUGH_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(POLL_SECONDS)


def total(api: Api) -> Any:
    return sum(sums[0] for sums in stored(api.store).values())


def is_empty(queues: Queues) -> bool:
    """Whether nothing is left in the ingestion queue, hidden or not."""
    attributes = queues.client.get_queue_attributes(
        QueueUrl=queues.ingestion.url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ],
    )["Attributes"]
    return set(attributes.values()) == {"0"}


def test_a_poisoned_message_ends_in_the_dead_letter_queue_and_its_neighbours_count(
    api: Api, mapped: Queues, deploy: Deploy
) -> None:
    poison = Sent(api.organization_id, '{"events": [{"name": "x", "customer_id": "nobody"}]}')
    good = [message(api.organization_id, usage(1), usage(2)) for _ in range(12)]
    mapped.send(*good[:4], poison, *good[4:])

    deploy("consumer")
    wait_for(lambda: is_empty(mapped), "the queue is empty")

    assert total(api) == 36
    (dead,) = mapped.deaths()
    assert dead["body"] == poison.body
    assert int(dead["attributes"]["ApproximateReceiveCount"]) == MAX_DELIVERIES + 1


def test_messages_that_come_again_since_the_answer_was_lost_count_once(
    api: Api, mapped: Queues, deploy: Deploy
) -> None:
    for number in range(3):
        mapped.send(
            message(api.organization_id, usage(1), usage(1, external_id=f"e{number}")),
            message(api.organization_id, usage(1), batch_id=f"b{number}"),
        )

    deploy("forgetful")
    wait_for(lambda: is_empty(mapped), "the queue is empty")

    assert total(api) == 9
    assert mapped.deaths() == []


def test_a_dead_letter_that_is_sent_anew_counts_once(
    api: Api, mapped: Queues, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it had counted before it died, or not."""
    monkeypatch.setenv(queue.INGESTION, mapped.ingestion.url)
    monkeypatch.setenv(queue.DEAD_LETTERS, mapped.dead.url)
    mapped.send(message(api.organization_id, usage(1)), message(api.organization_id, usage(2)))
    for _ in range(MAX_DELIVERIES):
        first, _ = mapped.ingestion.receive(wait_seconds=0, hidden_seconds=0)
        event_source.deliver([first], "consumer", consumer.handler)
    assert mapped.ingestion.receive(wait_seconds=0) == []
    assert total(api) == 1

    assert api.post("/v1/dead-letters/redrive", {}).body["redriven"] == 2
    deploy("consumer")
    wait_for(lambda: is_empty(mapped), "the queue is empty")

    assert total(api) == 3
    assert mapped.deaths() == []
