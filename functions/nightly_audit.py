"""The nightly audit: begun by a schedule, and done job by job from a queue of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aureon.alerts import telling
from aureon.api import jobs, runtime
from aureon.api.runtime import logger
from aureon.audit import nightly
from aureon.core import metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from aureon.audit.ledger_audit import Outcome
    from aureon.audit.projection_audit import ProjectedOutcome
    from aureon.storage.store import Store

# Of one ledger's projection, which has an item for each day and each name of events.
MAX_DIFFERENCES_LOGGED: Final = 100


def handler(
    event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse | dict[str, int]:
    """Begin the audit, or do some of it: what is not done goes back to the queue."""
    store = runtime.store(context, reserve_seconds=nightly.RESERVE_SECONDS)
    if "Records" not in event:
        organizations = nightly.start(store)
        if not organizations:
            # An alarm waits for a sign of life.
            metrics.emit(AuditedLedgers=0)
        logger.info("audit begun", organizations=organizations)
        return {"organizations": organizations}
    return jobs.process(event, context, lambda body: _work(store, nightly.Job.from_body(body)))


def _work(store: Store, job: nightly.Job) -> None:
    if job.owed is None:
        _audit(store, job)
    elif (left := nightly.add_up(store, job)) is not None:
        nightly.send(left)


def _audit(store: Store, job: nightly.Job) -> None:
    ledgers = skipped = differences = projected_differences = 0
    different: dict[str, int] = {}

    def note(outcome: Outcome) -> None:
        nonlocal ledgers, skipped, differences
        ledgers += 1
        skipped += outcome.status == "not compared"
        differences += len(outcome.differences)
        if outcome.status == "clean":
            return
        if outcome.differences:
            different[outcome.ledger_id] = len(outcome.differences)
        logger.error(
            f"ledger {outcome.status}",
            organization_id=job.organization_id,
            ledger_id=outcome.ledger_id,
            reason=outcome.reason,
            differences=[
                {
                    "meter_id": difference.balance.meter_id,
                    "generation": difference.balance.generation,
                    "figure": difference.figure,
                    "stored": difference.stored,
                    "counted": difference.counted,
                }
                for difference in outcome.differences
            ],
        )

    def note_projected(outcome: ProjectedOutcome) -> None:
        nonlocal projected_differences
        projected_differences += len(outcome.differences)
        # What is behind is looked at again, and what moves all the time can't be compared.
        if outcome.status != "different":
            return
        logger.error(
            "projection different",
            organization_id=job.organization_id,
            ledger_id=outcome.ledger_id,
            differences=[
                {
                    "about": difference.about,
                    "stored": difference.stored,
                    "counted": difference.counted,
                }
                for difference in outcome.differences[:MAX_DIFFERENCES_LOGGED]
            ],
        )

    left = nightly.work(store, job, note, note_projected)
    if different:
        telling.tell_differences(store.of(job.organization_id), different)
    metrics.emit(
        AuditedLedgers=ledgers,
        AuditSkippedLedgers=skipped,
        AuditDifferences=differences,
        AuditProjectionDifferences=projected_differences,
    )
    logger.info(
        "audit", organization_id=job.organization_id, ledgers=ledgers, complete=left is None
    )
    if left is not None:
        nightly.send(left)
