"""Lambda, and the only module that calls functions of it.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config

from aureon.storage import clients

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

# The variable of the environment with the other functions' names, by their handlers, as JSON.
FUNCTIONS: Final = "AUREON_FUNCTIONS"
LONGEST_SECONDS: Final = 29


def answer_of(handler: str, event: dict[str, Any]) -> dict[str, Any]:
    """What another function answers to an event. Raises `RuntimeError` where it fails."""
    name = json.loads(os.environ[FUNCTIONS])[handler]
    called = connect().invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload = called["Payload"].read()
    if "FunctionError" in called:
        raise RuntimeError(f"{handler} failed.")
    result: dict[str, Any] = json.loads(payload)
    return result


@cache
def connect() -> LambdaClient:
    """A client that asks once: what was asked may have been done."""
    config = Config(read_timeout=LONGEST_SECONDS, retries={"total_max_attempts": 1})
    with clients.session() as session:
        return session.client("lambda", config=config)
