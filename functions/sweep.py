"""The sweep: begun by a schedule, every few minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aureon.alerts import sweeping
from aureon.api import runtime, serializers
from aureon.api.runtime import logger
from aureon.ledger.sweep import sweep
from aureon.storage import queue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reckon credits that have expired, and find what else has come about while nobody wrote.

    What is left over, the next one finds.
    """
    store = runtime.store(context)
    swept = sweep(store)
    found = sweeping.sweep(store, queue.from_environment(queue.DEAD_LETTERS), serializers.hold)
    logger.info("sweep", reckoned=swept.reckoned, failed=swept.failed, **found._asdict())
    return {"reckoned": swept.reckoned, "failed": swept.failed}
