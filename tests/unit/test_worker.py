"""Workers: functions of the local service that run in processes of their own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aureon.core.errors import Unavailable
from aureon_cli.worker import Worker, WorkerFailed

FUNCTION = """
import os

def handler(event, context):
    print("not an answer")
    match event["do"]:
        case "raise":
            raise ValueError("it does not work")
        case "end":
            os._exit(1)
        case "stand still":
            open(event["pipe"], "w").close()
            open(event["pipe"]).read()
    return {"process": os.getpid(), "named": context.function_name}
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    (tmp_path / "a_function.py").write_text(FUNCTION)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = Worker("a_function")
    yield worker
    worker.stop()


def test_a_function_runs_in_a_process_that_stays(worker: Worker) -> None:
    first, second = worker({"do": "answer"}, None), worker({"do": "answer"}, None)

    assert first == second
    assert first["named"] == "a_function"
    assert first["process"] != os.getpid()


def test_what_a_function_raises_fails_the_call_alone(worker: Worker) -> None:
    process = worker({"do": "answer"}, None)["process"]

    with pytest.raises(WorkerFailed, match="it does not work"):
        worker({"do": "raise"}, None)

    assert worker({"do": "answer"}, None)["process"] == process


def test_a_process_that_ends_is_replaced(worker: Worker) -> None:
    process = worker({"do": "answer"}, None)["process"]

    with pytest.raises(WorkerFailed, match="ended"):
        worker({"do": "end"}, None)

    assert worker({"do": "answer"}, None)["process"] != process


def test_a_stopped_worker_waits_for_no_call(worker: Worker, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    raised: list[Exception] = []

    def call() -> None:
        try:
            worker({"do": "stand still", "pipe": str(pipe)}, None)
        except Unavailable as error:
            raised.append(error)

    calling = threading.Thread(target=call)
    calling.start()
    pipe.read_text()  # From here on the function is under way.
    worker.stop()
    calling.join()

    assert len(raised) == 1
    with pytest.raises(Unavailable):
        worker({"do": "answer"}, None)


def test_a_process_ends_with_the_parent_that_it_listens_to(worker: Worker) -> None:
    worker({"do": "answer"}, None)
    process = worker._process
    assert process is not None and process.stdin is not None

    process.stdin.close()  # As it is once the parent has died.

    assert process.wait() == 0
