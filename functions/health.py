"""Whether the service is ready: its database answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from aureon.api import runtime
from aureon.api.envelope import finished
from aureon.api.responses import Answer, explain, to_event
from aureon.storage.keys import Keys

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LOOK_AGAIN_SECONDS: Final = 5.0

# What was answered last, and when, by client and table.
_answers: Final[dict[tuple[Any, str], tuple[float, Answer]]] = {}


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``GET /health``: 200 without a token, or 503.

    It says whether the database answers, or did at most `LOOK_AGAIN_SECONDS` ago: anybody may ask,
    so asking must not cost a read each time.
    """
    store = runtime.store(context)
    table = (store.client, store.table)
    looked_at, answer = _answers.get(table, (0.0, None))
    if answer is None or time.monotonic() - looked_at > LOOK_AGAIN_SECONDS:
        try:
            store.get(Keys("").organization())
            answer = Answer(200, {"status": "ok"})
        except Exception as error:
            answer = explain(error)
        _answers[table] = time.monotonic(), answer
    return finished(event, to_event(answer))
