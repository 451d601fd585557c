"""Jobs from a queue: those that failed are delivered again, and mistakes are not hidden."""

from __future__ import annotations

from typing import Any

import pytest

from aureon.api import jobs
from aureon.core.errors import Unavailable
from aureon_cli.gateway import Context

CONTEXT: Any = Context("backfill")


def delivery(*bodies: str) -> dict[str, Any]:
    records = [
        {"messageId": f"message-{body}", "body": body, "eventSource": "aws:sqs"} for body in bodies
    ]
    return {"Records": records}


def test_jobs_that_failed_are_delivered_again_alone() -> None:
    errors = {"busy": Unavailable("The database is busy."), "bad": ValueError("No job.")}
    done = []

    def work(body: str) -> None:
        if body in errors:
            raise errors[body]
        done.append(body)

    failed = jobs.process(delivery("busy", "first", "bad", "second"), CONTEXT, work)
    all_failed = jobs.process(delivery("busy"), CONTEXT, work)

    assert done == ["first", "second"]
    assert failed["batchItemFailures"] == [
        {"itemIdentifier": "message-busy"},
        {"itemIdentifier": "message-bad"},
    ]
    assert all_failed["batchItemFailures"] == [{"itemIdentifier": "message-busy"}]


def test_a_mistake_of_the_program_fails_the_delivery() -> None:
    def work(body: str) -> None:
        raise RuntimeError(body)

    with pytest.raises(RuntimeError, match="first"):
        jobs.process(delivery("first", "second"), CONTEXT, work)
