"""The local event source does with a queue's messages what Lambda's does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from aureon.storage.queue import Queue, text
from aureon_cli import event_source
from aureon_cli.event_source import deliver, polling
from tests.support.deliveries import Queues

ENOUGH_SECONDS = 30.0
NOBODY = {"batchItemFailures": [{"itemIdentifier": "nobody"}]}


class Function:
    """A function that fails with what it is told to, and notes what it was called with."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.deliveries: list[list[str]] = []
        self.called = threading.Event()

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        records = event["Records"]
        self.deliveries.append([record["body"] for record in records])
        failing = self.answers.pop(0) if self.answers else ()
        if not self.answers:
            self.called.set()
        if isinstance(failing, Exception):
            raise failing
        return {
            "batchItemFailures": [
                {"itemIdentifier": record["messageId"]}
                for record in records
                if record["body"] in failing
            ]
        }


@pytest.fixture
def ingestion(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """A queue whose messages die at their third delivery, and come again at once until then."""
    monkeypatch.setattr(event_source, "PAUSE_SECONDS", 0.0)
    patient = Queues.create(queues.client, max_deliveries=3)
    yield patient.ingestion
    patient.delete()


def left(queue: Queue) -> list[str]:
    return [record["body"] for record in queue.receive(wait_seconds=0)]


def test_messages_come_in_one_event_with_their_attributes(ingestion: Queue) -> None:
    for body in "abc":
        ingestion.send(body, {"organization_id": text("o"), "batch_id": text(body)})
    records = ingestion.receive(wait_seconds=0)

    seen: list[Any] = []

    def function(event: Any, context: Any) -> Any:
        seen.append(event)
        assert context.get_remaining_time_in_millis() > 0
        return {"batchItemFailures": []}

    assert len(deliver(records, "consumer", function)) == 3
    ((first, *_),) = [event["Records"] for event in seen]
    assert first["body"] == "a"
    assert first["messageAttributes"] == {
        "organization_id": {"stringValue": "o", "dataType": "String"},
        "batch_id": {"stringValue": "a", "dataType": "String"},
    }
    assert first["attributes"]["ApproximateReceiveCount"] == "1"
    assert int(first["attributes"]["SentTimestamp"]) > 0


def test_what_succeeded_is_deleted_and_what_failed_comes_again(ingestion: Queue) -> None:
    for body in "abc":
        ingestion.send(body, {})
    function = Function("b", "")

    with polling(ingestion, "consumer", function):
        assert function.called.wait(ENOUGH_SECONDS)

    assert function.deliveries == [["a", "b", "c"], ["b"]]
    assert left(ingestion) == []


def test_a_function_that_raises_fails_the_whole_delivery(
    ingestion: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    for body in "ab":
        ingestion.send(body, {})
    function = Function(RuntimeError("the function is broken"), "")

    with polling(ingestion, "consumer", function):
        assert function.called.wait(ENOUGH_SECONDS)

    assert function.deliveries == [["a", "b"], ["a", "b"]]
    assert left(ingestion) == []
    assert "the function is broken" in capsys.readouterr().err


def test_an_answer_that_names_no_message_of_the_delivery_fails_it_whole(
    ingestion: Queue,
) -> None:
    ingestion.send("a", {})
    records = ingestion.receive(wait_seconds=0)

    with pytest.raises(ValueError, match="not delivered"):
        deliver(records, "consumer", lambda event, context: NOBODY)


def test_the_end_waits_for_the_delivery_that_is_under_way(ingestion: Queue) -> None:
    """So that its messages are not delivered again for nothing, and its database is still there."""
    ingestion.send("a", {})
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def function(event: Any, context: Any) -> Any:
        begun.set()
        assert go_on.wait(ENOUGH_SECONDS)
        return {"batchItemFailures": []}

    stack = ExitStack()
    stack.enter_context(polling(ingestion, "consumer", function))
    assert begun.wait(ENOUGH_SECONDS)

    def end() -> None:
        stack.close()
        ended.set()

    threading.Thread(target=end).start()
    assert not ended.wait(0.05)
    go_on.set()
    assert ended.wait(ENOUGH_SECONDS)

    assert left(ingestion) == []


def test_a_queue_that_does_not_answer_is_asked_again_until_the_end(queues: Queues) -> None:
    missing = Queue(queues.client, queues.ingestion.url + "-missing")
    function = Function()

    with polling(missing, "consumer", function):
        pass

    assert function.deliveries == []
