"""The backfill's queue: counts the past of meters that came later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon.api import jobs, runtime
from aureon.customers import rankings
from aureon.meters import backfills
from aureon.projection import backfill

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on each job for as long as there is time; what is left goes back to the queue."""
    store = runtime.store(context)

    def work(body: str) -> None:
        job = backfills.Job.from_body(body)
        if not backfill.work(store, job, rankings.follow):
            backfills.send(job)

    return jobs.process(event, context, work)
